#include <base/alloc.h>
#include <base/error.h>
#include <string.h>
#include <train/bank.h>
#include <train/train.h>

enum { FILL_BLOCK = 8192, GATHER_GRAIN = 256 };

/* ---- which products ---- */

static void mark_people(const sage_dataset *dataset, uint32_t *slot) {
    for (size_t u = 0; u < sage_dataset_users(dataset); u++) {
        sage_packed_user user;
        sage_dataset_user(dataset, u, &user);
        if (user.part != SAGE_TRAIN) continue;
        for (size_t e = 0; e < user.n; e++)
            if (user.events[e].part == SAGE_TRAIN) slot[user.events[e].product] = 0;
    }
}

static void mark_looked(const sage_dataset *dataset, uint32_t *slot) {
    sage_packed_query query;
    for (size_t q = 0; q < sage_dataset_queries(dataset); q++) {
        sage_dataset_query(dataset, q, &query);
        if (query.looked_at != UINT32_MAX) slot[query.looked_at] = 0;
    }
}

/* Into slot [N]: numbers of those that are asked for, in order; returns how many. */
static size_t number(const sage_dataset *dataset, bool every, uint32_t *slot) {
    size_t n = 0, all = sage_dataset_products(dataset);
    memset(slot, every ? 0 : 0xff, all * sizeof *slot);
    mark_people(dataset, slot);
    mark_looked(dataset, slot);
    for (size_t i = 0; i < all; i++)
        if (slot[i] != UINT32_MAX) slot[i] = (uint32_t)n++;
    return n;
}

static sage_status make(const sage_dataset *dataset, size_t dim, bool every, sage_bank **bank, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t all = sage_dataset_products(dataset);
    sage_bank *b = sage_alloc_zero(1, sizeof *b);
    *bank = NULL;
    if (b == NULL || (b->slot = sage_alloc(all * sizeof *b->slot)) == NULL) {
        st = sage_fail_memory(error, all * sizeof *b->slot);
        goto out;
    }
    b->dim = dim;
    b->n = number(dataset, every, b->slot);
    b->products = sage_alloc((b->n + 1) * sizeof *b->products);
    b->vectors = sage_alloc_zero(b->n * dim + 1, sizeof *b->vectors);
    if (b->products == NULL || b->vectors == NULL) {
        st = sage_fail_memory(error, b->n * dim * sizeof *b->vectors);
        goto out;
    }
    for (size_t i = 0; i < all; i++)
        if (b->slot[i] != UINT32_MAX) b->products[b->slot[i]] = (uint32_t)i;
    *bank = b;
    b = NULL;
out:
    sage_bank_free(b);
    return st;
}

sage_status sage_bank_new(const sage_dataset *dataset, size_t dim, sage_bank **bank, sage_error *error) {
    return make(dataset, dim, false, bank, error);
}

sage_status sage_bank_new_kept(const sage_dataset *dataset, const sage_model_shape *shape, const float *vectors,
                               sage_bank **bank, sage_error *error) {
    sage_status st = make(dataset, shape->dim_out, true, bank, error);
    if (st != SAGE_OK) return st;
    (*bank)->kept = true;
    sage_shape_own(shape, (*bank)->n, vectors, (*bank)->vectors);
    return SAGE_OK;
}

void sage_bank_free(sage_bank *bank) {
    if (bank == NULL) return;
    sage_free(bank->products);
    sage_free(bank->slot);
    sage_free(bank->vectors);
    sage_free(bank->gathered);
    sage_free(bank->columns);
    sage_free(bank);
}

/* As if of every product: nobody walks the events for an estimate. */
size_t sage_bank_bytes(const sage_dataset *dataset, size_t dim) {
    return sage_dataset_products(dataset) * (dim * sizeof(real) + 2 * sizeof(uint32_t));
}

/* ---- their vectors ---- */

sage_status sage_bank_fill(sage_bank *bank, const sage_dataset *dataset, const sage_model *model, sage_pool *pool,
                           sage_error *error) {
    sage_status st = SAGE_OK;
    size_t width = sage_shape_out(sage_model_shape_of(model));
    float *block = sage_alloc(FILL_BLOCK * width * sizeof *block);
    if (block == NULL) return sage_fail_memory(error, FILL_BLOCK * width * sizeof *block);
    for (size_t at = 0; at < bank->n; at += FILL_BLOCK) {
        size_t n = bank->n - at < FILL_BLOCK ? bank->n - at : FILL_BLOCK;
        SAGE_TRY(sage_train_embed_products(dataset, model, pool, bank->products + at, n, block, error));
        sage_shape_own(sage_model_shape_of(model), n, block, bank->vectors + at * bank->dim);
    }
out:
    sage_free(block);
    return st;
}

void sage_bank_take(sage_bank *bank, size_t n, const uint32_t *products, const real *vectors) {
    for (size_t i = 0; i < n; i++) {
        uint32_t slot = bank->slot[products[i]];
        if (slot != UINT32_MAX)
            memcpy(bank->vectors + (size_t)slot * bank->dim, vectors + i * bank->dim, bank->dim * sizeof *vectors);
    }
}

typedef struct gather_job {
    const sage_bank *bank;
    const uint32_t *products;
    real *out;
} gather_job;

static void gather(void *ctx, size_t begin, size_t end, size_t worker) {
    const gather_job *job = ctx;
    size_t dim = job->bank->dim;
    (void)worker;
    for (size_t i = begin; i < end; i++)
        memcpy(job->out + i * dim, job->bank->vectors + (size_t)job->bank->slot[job->products[i]] * dim,
               dim * sizeof *job->out);
}

sage_status sage_bank_gather(sage_bank *bank, sage_pool *pool, const sage_batch *batch, const real **looked,
                             const real **users, sage_error *error) {
    size_t events = batch->n_users > 0 ? batch->user_begin[batch->n_users] : 0, n = batch->n_looked + events;
    if (sage_grow((void **)&bank->gathered, &bank->gathered_capacity, (n + 1) * bank->dim, sizeof *bank->gathered))
        return sage_fail_memory(error, (n + 1) * bank->dim * sizeof *bank->gathered);
    gather_job job = {bank, batch->looked_at, bank->gathered};
    sage_pool_for(pool, batch->n_looked, GATHER_GRAIN, gather, &job);
    *looked = bank->gathered;
    job = (gather_job){bank, batch->user_product, bank->gathered + batch->n_looked * bank->dim};
    sage_pool_for(pool, events, GATHER_GRAIN, gather, &job);
    *users = job.out;
    return SAGE_OK;
}

sage_status sage_bank_columns(sage_bank *bank, sage_pool *pool, size_t n, const uint32_t *products,
                              const real **columns, sage_error *error) {
    if (sage_grow((void **)&bank->columns, &bank->columns_capacity, n * bank->dim, sizeof *bank->columns))
        return sage_fail_memory(error, n * bank->dim * sizeof *bank->columns);
    gather_job job = {bank, products, bank->columns};
    sage_pool_for(pool, n, GATHER_GRAIN, gather, &job);
    *columns = bank->columns;
    return SAGE_OK;
}
