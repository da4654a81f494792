/* Gradients of table rows and importance weights. All uses of a row are brought together by sorting and summed once, in
 * the batch's order: no locks, no atomics, the same bits for any number of threads.
 *
 * With s = the sum of a bag, ds its gradient: dT[r] = sum over uses of r of W ds, dW of a use = ds . T[r]. */
#include "pass.h"
#include <base/alloc.h>
#include <string.h>

typedef struct scatter_job {
    const sage_model *model;
    sage_work *work;
    sage_grads *grads;
} scatter_job;

static void norm_rows(void *ctx, size_t begin, size_t end, size_t worker) {
    const scatter_job *job = ctx;
    bag_acts *b = &job->work->bags;
    size_t dim = job->model->shape.dim_embed;
    (void)worker;
    sage_ops_best()->norm_back(end - begin, dim, b->d + begin * dim, b->hat + begin * dim, b->rstd + begin,
                               par(job->model, P_TEXT_GAIN), b->d + begin * dim);
}

/* Sorted keys to groups: group g is [start[g], start[g + 1]), its key unique[g]. */
static size_t group(size_t n, const uint32_t *key, uint32_t *unique, uint32_t *start) {
    size_t groups = 0;
    for (size_t i = 0; i < n; i++)
        if (i == 0 || key[i] != key[i - 1]) {
            unique[groups] = key[i];
            start[groups++] = (uint32_t)i;
        }
    start[groups] = (uint32_t)n;
    return groups;
}

static size_t count_groups(size_t n, const uint32_t *key) {
    size_t groups = n > 0;
    for (size_t i = 1; i < n; i++) groups += key[i] != key[i - 1];
    return groups;
}

enum { CHUNK = 256 };

static void reduce_row(const scatter_job *job, size_t g) {
    const sage_ops *ops = sage_ops_best();
    bag_acts *b = &job->work->bags;
    size_t dim = job->model->shape.dim_embed, hashes = job->model->shape.hashes;
    uint32_t bag[CHUNK + SAGE_PREFETCH];
    real weight[CHUNK], dots[CHUNK], *grad = job->grads->row_grad + g * dim, id_grad = 0;
    memset(grad, 0, dim * sizeof(real));
    for (size_t at = b->start[g], end = b->start[g + 1]; at < end;) {
        size_t n = end - at < CHUNK ? end - at : CHUNK;
        const uint32_t *use = b->value[0] + at;
        for (size_t i = 0; i < n; i++) {
            bag[i] = b->bag[hashes == 1 ? use[i] : use[i] / 2];
            weight[i] = b->weight[use[i]];
        }
        ops->bag_back(dim, n, bag, weight, b->d, job->model->table + job->grads->rows[g] * dim, grad, dots, false);
        for (size_t i = 0; i < n; i++) {
            if (hashes == 1)
                id_grad += dots[i];
            else
                b->dots[use[i]] = dots[i];
        }
        at += n;
    }
    if (hashes == 1) job->grads->id_grad[g] = id_grad;
}

/* Inlined by force: gcc takes a function that only prefetches for one without effect and drops its calls. */
static inline __attribute__((always_inline)) void prefetch(const real *x, size_t n) {
    for (size_t c = 0; c < n; c += 64 / sizeof(real)) __builtin_prefetch(x + c);
}

/* Most rows have one or two uses, so the op's own prefetch comes too late for them. */
static inline __attribute__((always_inline)) void prefetch_row(const scatter_job *job, size_t g) {
    const bag_acts *b = &job->work->bags;
    size_t dim = job->model->shape.dim_embed, hashes = job->model->shape.hashes;
    uint32_t use = b->value[0][b->start[g]];
    prefetch(job->model->table + job->grads->rows[g] * dim, dim);
    prefetch(b->d + b->bag[hashes == 1 ? use : use / 2] * dim, dim);
}

static void reduce_rows(void *ctx, size_t begin, size_t end, size_t worker) {
    const scatter_job *job = ctx;
    const size_t ahead = 3;
    (void)worker;
    for (size_t g = begin; g < end; g++) {
        if (g + ahead < end) prefetch_row(job, g + ahead);
        reduce_row(job, g);
    }
}

static sage_status grow_u32(uint32_t **array, size_t *capacity, size_t need) {
    void *memory = *array;
    int failed = sage_grow(&memory, capacity, need, sizeof(uint32_t));
    *array = memory;
    return failed ? SAGE_E_MEMORY : SAGE_OK;
}

/* Grows index list and gradients of one kind together. */
static sage_status grow(uint32_t **index, real **grad, size_t *capacity, size_t need, size_t width, sage_error *error) {
    if (need <= *capacity) return SAGE_OK;
    size_t wanted = *capacity;
    if (grow_u32(index, &wanted, need) != SAGE_OK) return sage_fail_memory(error, need * sizeof(uint32_t));
    real *wider = wanted > SIZE_MAX / sizeof(real) / width ? NULL : sage_alloc_aligned(wanted * width * sizeof(real));
    if (wider == NULL) return sage_fail_memory(error, wanted * width * sizeof(real));
    sage_huge_pages(wider, wanted * width * sizeof(real));
    sage_free(*grad);
    *grad = wider;
    *capacity = wanted;
    return SAGE_OK;
}

static uint32_t id_at(const sage_work *work, const sage_bags *text, const sage_bags *queries, size_t position) {
    size_t in_text = text == NULL ? 0 : text->begin[text->n] - text->begin[0];
    (void)work;
    return position < in_text ? text->ids[text->begin[0] + position]
                              : queries->ids[queries->begin[0] + position - in_text];
}

/* Two hashes: the uses of an id lie in several rows; their dots are summed by id. */
static sage_status sum_by_id(const sage_model *model, sage_work *work, const sage_bags *text, const sage_bags *queries,
                             sage_grads *grads, sage_error *error) {
    bag_acts *b = &work->bags;
    size_t n = work->sizes.ids, hashes = model->shape.hashes;
    sage_status st = SAGE_OK;
    for (size_t p = 0; p < n; p++) {
        b->key[0][p] = id_at(work, text, queries, p);
        b->value[0][p] = (uint32_t)p;
    }
    sort_pairs(n, b->key, b->value, (uint32_t)(model->shape.vocab - 1));
    grads->n_ids = count_groups(n, b->key[0]);
    SAGE_TRY(grow(&grads->ids, &grads->id_grad, &grads->ids_capacity, grads->n_ids, hashes, error));
    group(n, b->key[0], grads->ids, b->start);
    for (size_t g = 0; g < grads->n_ids; g++)
        for (size_t k = 0; k < hashes; k++) {
            real sum = 0;
            for (size_t i = b->start[g]; i < b->start[g + 1]; i++) sum += b->dots[b->value[0][i] * hashes + k];
            grads->id_grad[g * hashes + k] = sum;
        }
out:
    return st;
}

sage_status bags_backward(const sage_model *model, sage_work *work, const sage_bags *text, const sage_bags *queries,
                          sage_grads *grads, sage_error *error) {
    const size_t norm_grain = 16, row_grain = 128;
    bag_acts *b = &work->bags;
    size_t bags = work->sizes.text_bags + work->sizes.queries, dim = model->shape.dim_embed;
    size_t uses = work->sizes.ids * model->shape.hashes;
    scatter_job job = {model, work, grads};
    sage_status st = SAGE_OK;
    norm_grads(work->pool, bags, dim, b->d, b->hat, par_in(model, grads->dense, P_TEXT_GAIN),
               par_in(model, grads->dense, P_TEXT_BIAS));
    sage_pool_for(work->pool, bags, norm_grain, norm_rows, &job);
    for (size_t i = 0; i < uses; i++) {
        b->key[0][i] = b->rows[i];
        b->value[0][i] = (uint32_t)i;
    }
    sort_pairs(uses, b->key, b->value, (uint32_t)(model->shape.rows - 1));
    grads->n_rows = count_groups(uses, b->key[0]);
    SAGE_TRY(grow(&grads->rows, &grads->row_grad, &grads->rows_capacity, grads->n_rows, dim, error));
    group(uses, b->key[0], grads->rows, b->start);
    if (model->shape.hashes == 1) {
        grads->n_ids = grads->n_rows;
        SAGE_TRY(grow(&grads->ids, &grads->id_grad, &grads->ids_capacity, grads->n_ids, 1, error));
        if (grads->n_ids > 0) memcpy(grads->ids, grads->rows, grads->n_ids * sizeof(uint32_t));
    }
    sage_pool_for_dynamic(work->pool, grads->n_rows, row_grain, reduce_rows, &job);
    if (model->shape.hashes > 1) SAGE_TRY(sum_by_id(model, work, text, queries, grads, error));
out:
    return st;
}

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
