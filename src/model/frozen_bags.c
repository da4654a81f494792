/* The batch's bags from a frozen model's table. */
#include "frozen.h"
#include <base/alloc.h>
#include <base/profile.h>
#include <stdatomic.h>
#include <string.h>

enum { NORM_BAGS = 32 };

static sage_status grow(void **array, size_t *capacity, size_t need, size_t size, sage_error *error) {
    return sage_grow(array, capacity, need, size) != 0 ? sage_fail_memory(error, need * size) : SAGE_OK;
}
#define GROW(array, capacity, need) grow((void **)&(array), &(capacity), need, sizeof *(array), error)

typedef struct bags_job {
    sage_frozen *frozen;
    const sage_bags *bags;
    _Atomic uint32_t bad; /* an id past the vocabulary + 1; 0: none */
} bags_job;

static void weigh(real *weight, const uint32_t *times, size_t n, size_t hashes) {
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < hashes; k++) weight[i * hashes + k] *= (real)times[i];
}

static void look_up(void *ctx, size_t begin, size_t end, size_t worker) {
    static sage_stage stage = SAGE_STAGE("inference: look up");
    bags_job *job = ctx;
    sage_frozen *f = job->frozen;
    size_t first = job->bags->begin[0], at = job->bags->begin[begin], n = job->bags->begin[end] - at;
    size_t use = (at - first) * f->model->shape.hashes;
    uint64_t began = sage_stage_begin();
    (void)worker;
    if (n == 0) return; /* there may be no array to point into */
    size_t good =
        gather_look_up(f->model, job->bags->ids + at, n, f->row_scale, f->bags.row + use, f->bags.weight + use);
    if (good < n) atomic_store(&job->bad, job->bags->ids[at + good] + 1);
    if (job->bags->times != NULL) weigh(f->bags.weight + use, job->bags->times + at, n, f->model->shape.hashes);
    sage_stage_end(&stage, began, n * (4 + 16 * f->model->shape.hashes), 0);
}

static void norm_bags(void *ctx, size_t begin, size_t end, size_t worker) {
    const bags_job *job = ctx;
    sage_frozen *f = job->frozen;
    const sage_model *model = f->model;
    size_t e = model->shape.dim_embed;
    for (size_t at = begin; at < end; at += NORM_BAGS) {
        size_t n = end - at < NORM_BAGS ? end - at : NORM_BAGS;
        sage_ops_best()->norm(n, e, f->bags.e + at * e, par(model, P_TEXT_GAIN), par(model, P_TEXT_BIAS),
                              f->bags.hat + worker * NORM_BAGS * e, f->bags.e + at * e,
                              f->bags.rstd + worker * NORM_BAGS);
    }
}

/* Rows on cache lines: a row that begins within one would touch a line more with every vector. What it held is lost. */
static sage_status fit_rows(real **rows, size_t *capacity, size_t need, sage_error *error) {
    if (need <= *capacity) return SAGE_OK;
    size_t wanted = need + need / 4;
    sage_free(*rows);
    *capacity = 0;
    *rows = wanted > SIZE_MAX / sizeof **rows ? NULL : sage_alloc_aligned(wanted * sizeof **rows);
    if (*rows == NULL) return sage_fail_memory(error, need * sizeof **rows);
    *capacity = wanted;
    return SAGE_OK;
}

static sage_status reserve(sage_frozen *f, size_t bags, size_t uses, sage_error *error) {
    sage_status st = SAGE_OK;
    frozen_bag_acts *b = &f->bags;
    size_t e = f->model->shape.dim_embed;
    SAGE_TRY(GROW(b->begin, b->begin_capacity, bags + 1));
    SAGE_TRY(GROW(b->row, b->row_capacity, uses + SAGE_PREFETCH));
    SAGE_TRY(GROW(b->weight, b->weight_capacity, uses + 1));
    SAGE_TRY(fit_rows(&b->e, &b->e_capacity, bags * e, error));
    SAGE_TRY(fit_rows(&b->hat, &b->hat_capacity, f->threads * NORM_BAGS * e, error));
    if (b->rstd == NULL) b->rstd = sage_alloc_zero(f->threads * NORM_BAGS, sizeof *b->rstd);
    if (b->rstd == NULL) st = sage_fail_memory(error, f->threads * NORM_BAGS * sizeof *b->rstd);
out:
    return st;
}

static sage_status rebase(sage_frozen *f, const sage_bags *bags, sage_error *error) {
    f->bags.begin[0] = 0;
    for (size_t i = 0; i < bags->n; i++) {
        if (bags->begin[i + 1] < bags->begin[i])
            return sage_fail(error, SAGE_E_ARGUMENT, "model: bag %zu of the batch ends before it begins", i);
        f->bags.begin[i + 1] = bags->begin[i + 1] - bags->begin[0];
    }
    return SAGE_OK;
}

sage_status frozen_bags(sage_frozen *f, const sage_bags *bags, sage_error *error) {
    const size_t look_up_grain = 256;
    sage_status st = SAGE_OK;
    const sage_model_shape *s = &f->model->shape;
    bags_job job = {.frozen = f, .bags = bags};
    size_t ids = bags->n == 0 ? 0 : bags->begin[bags->n] - bags->begin[0];
    if (bags->n == 0) return SAGE_OK;
    if (ids > (UINT32_MAX - SAGE_PREFETCH) / s->hashes)
        return sage_fail(error, SAGE_E_LIMIT, "model: a batch of %zu n-grams is too large", ids);
    SAGE_TRY(reserve(f, bags->n, ids * s->hashes, error));
    SAGE_TRY(rebase(f, bags, error));
    memset(f->bags.row + ids * s->hashes, 0, SAGE_PREFETCH * sizeof *f->bags.row);
    sage_pool_for_dynamic(f->pool, bags->n, look_up_grain, look_up, &job);
    if (atomic_load(&job.bad) != 0)
        SAGE_TRY(sage_fail(error, SAGE_E_ARGUMENT, "model: n-gram id %u of the batch is not below the vocabulary's %zu",
                           job.bad - 1, sage_shape_ids(s)));
    gather_sums(&f->table, f->pool, bags->n, s->hashes, f->bags.begin, f->bags.row, f->bags.weight, f->bags.e);
    if (!s->plain_text) sage_pool_for_dynamic(f->pool, bags->n, 8 * NORM_BAGS, norm_bags, &job);
out:
    return st;
}

void frozen_bags_free(sage_frozen *f) {
    sage_free(f->bags.begin);
    sage_free(f->bags.row);
    sage_free(f->bags.weight);
    sage_free(f->bags.e);
    sage_free(f->bags.hat);
    sage_free(f->bags.rstd);
}

size_t frozen_bags_bytes(const sage_frozen *f) {
    const frozen_bag_acts *b = &f->bags;
    return b->begin_capacity * sizeof *b->begin + b->row_capacity * sizeof *b->row +
           b->weight_capacity * sizeof *b->weight + b->e_capacity * sizeof *b->e + b->hat_capacity * sizeof *b->hat;
}
