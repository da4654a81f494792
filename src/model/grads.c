/* A step with all its gradients kept. */
#include "pass.h"
#include <base/alloc.h>
#include <string.h>

sage_status sage_grads_new(const sage_model *model, sage_grads **out, sage_error *error) {
    sage_grads *grads = sage_alloc_zero(1, sizeof *grads);
    if (grads == NULL) return sage_fail_memory(error, sizeof *grads);
    grads->dense = sage_alloc_aligned(model->dense_size * sizeof(real));
    if (grads->dense == NULL) {
        sage_free(grads);
        return sage_fail_memory(error, model->dense_size * sizeof(real));
    }
    memset(grads->dense, 0, model->dense_size * sizeof(real));
    *out = grads;
    return SAGE_OK;
}

void sage_grads_free(sage_grads *grads) {
    if (grads == NULL) return;
    sage_free(grads->dense);
    sage_free(grads->rows);
    sage_free(grads->row_grad);
    sage_free(grads->ids);
    sage_free(grads->id_grad);
    sage_free(grads);
}

/* Grows the index list and the gradients of one kind together; what they held is lost. */
static sage_status fit(uint32_t **index, real **grad, size_t *capacity, size_t need, size_t width, sage_error *error) {
    if (need <= *capacity) return SAGE_OK;
    size_t wanted = need + need / 2;
    sage_free(*index);
    sage_free(*grad);
    *capacity = 0;
    *index = wanted > SIZE_MAX / sizeof(real) / width ? NULL : sage_alloc_aligned(wanted * sizeof(uint32_t));
    *grad = *index == NULL ? NULL : sage_alloc_aligned(wanted * width * sizeof(real));
    if (*grad == NULL) return sage_fail_memory(error, wanted * width * sizeof(real));
    *capacity = wanted;
    return SAGE_OK;
}

/* The rows, or ids, that the scatter is going to give. */
static sage_status list_touched(const sage_model *model, const bag_acts *b, sage_grads *grads, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t hashes = model->shape.hashes, positions = b->begin[b->n], ids = b->by_row.n;
    if (hashes > 1) {
        ids = 0;
        for (size_t i = 0; i < positions; i++) ids += (b->by_id[i] & ID_BEGINS) != 0;
    }
    SAGE_TRY(fit(&grads->rows, &grads->row_grad, &grads->rows_capacity, b->by_row.n, model->shape.dim_embed, error));
    SAGE_TRY(fit(&grads->ids, &grads->id_grad, &grads->ids_capacity, ids, hashes, error));
    grads->n_rows = b->by_row.n;
    grads->n_ids = 0;
    if (b->by_row.n > 0) memcpy(grads->rows, b->by_row.unique, b->by_row.n * sizeof(uint32_t));
    if (hashes == 1 && ids > 0) memcpy(grads->ids, grads->rows, ids * sizeof(uint32_t));
    for (size_t i = 0; hashes > 1 && i < positions; i++)
        if (b->by_id[i] & ID_BEGINS) grads->ids[grads->n_ids++] = id_at(b, b->by_id[i] & ~ID_BEGINS);
    grads->n_ids = ids;
out:
    return st;
}

static size_t place_of(size_t n, const uint32_t *sorted, uint32_t value) {
    size_t low = 0;
    while (n > 0) {
        size_t half = n / 2;
        if (sorted[low + half] < value) {
            low += half + 1;
            n -= half + 1;
        } else
            n = half;
    }
    return low;
}

typedef struct keeper {
    sage_grads *grads;
    size_t dim, hashes;
} keeper;

/* What a call gives ascends without gaps. */
static void keep_rows(void *ctx, size_t slab, size_t width, size_t n, const uint32_t *rows, const real *grad) {
    const keeper *k = ctx;
    size_t at = place_of(k->grads->n_rows, k->grads->rows, rows[0]);
    for (size_t i = 0; i < n; i++)
        memcpy(k->grads->row_grad + (at + i) * k->dim + slab * SAGE_SLAB, grad + i * width, width * sizeof(real));
}

static void keep_ids(void *ctx, size_t n, const uint32_t *ids, const real *grad) {
    const keeper *k = ctx;
    size_t at = place_of(k->grads->n_ids, k->grads->ids, ids[0]);
    memcpy(k->grads->id_grad + at * k->hashes, grad, n * k->hashes * sizeof(real));
}

sage_status sage_model_step(const sage_model *model, sage_work *work, const sage_product_batch *products,
                            const sage_query_batch *queries, const sage_loss_spec *spec, sage_grads *grads,
                            sage_loss *loss, sage_error *error) {
    sage_status st = SAGE_OK;
    keeper k = {grads, model->shape.dim_embed, model->shape.hashes};
    const sage_row_sink sink = {&k, keep_rows, keep_ids};
    SAGE_TRY(sage_model_backward(model, work, products, queries, spec, grads->dense, loss, error));
    SAGE_TRY(list_touched(model, &work->bags, grads, error));
    sage_model_scatter(model, work, &sink);
out:
    return st;
}
