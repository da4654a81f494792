/* Gradients of table rows and importance weights, handed on as soon as they are known. All uses of a row lie together
 * (sort.c) and are summed once, in the batch's order: no locks, no atomics, the same bits for any number of threads.
 *
 * With s = the sum of a bag, ds its gradient: dT[r] = sum over uses of r of W ds, dW of a use = ds . T[r]. Slab by
 * slab, so that the gradients read at random stay in the cache; a use's dot product is added up over the slabs. */
#include "pass.h"
#include <base/profile.h>
#include <string.h>

typedef struct scatter_job {
    const sage_model *model;
    bag_acts *bags;
    const sage_row_sink *sink;
    size_t slab;
} scatter_job;

/* Rows, or ids, of one call of the sink: their gradients stay in the first cache. */
enum { ROWS_MAX = 64, IDS_MAX = 256 };

static inline __attribute__((always_inline)) void prefetch(const real *x, size_t n) {
    for (size_t c = 0; c < n; c += 64 / sizeof(real)) __builtin_prefetch(x + c);
}

/* Rows of the slab [begin, end): their gradients to grad [..][width], their uses' dot products added. */
static void reduce(const scatter_job *job, size_t begin, size_t end, real *grad) {
    const size_t ahead = 6;
    const sage_ops *ops = sage_ops_best();
    const bag_acts *b = job->bags;
    const sage_model_shape *s = &job->model->shape;
    size_t width = sage_slab_width(s->dim_embed, job->slab);
    const real *table = job->model->table + sage_slab_begin(s->rows, job->slab);
    const real *d = b->d + sage_slab_begin(b->n, job->slab);
    memset(grad, 0, (end - begin) * width * sizeof(real));
    for (size_t g = begin; g < end; g++, grad += width) {
        size_t at = b->by_row.start[g], n = b->by_row.start[g + 1] - at;
        if (g + ahead < b->by_row.n) prefetch(table + b->by_row.unique[g + ahead] * width, width);
        ops->bag_back(width, n, b->by_row.bag + at, b->by_row.weight + at, d, table + b->by_row.unique[g] * width, grad,
                      b->dots + at, job->slab > 0);
    }
}

/* One hash: a row's uses are those of its id. */
static void give_ids_of_rows(const scatter_job *job, size_t begin, size_t end) {
    const bag_acts *b = job->bags;
    real grad[ROWS_MAX];
    for (size_t g = begin; g < end; g++) {
        real sum = 0;
        for (size_t i = b->by_row.start[g]; i < b->by_row.start[g + 1]; i++) sum += b->dots[i];
        grad[g - begin] = sum;
    }
    job->sink->ids(job->sink->ctx, end - begin, b->by_row.unique + begin, grad);
}

/* Two hashes: the uses of an id lie in several rows; their dot products go back to the batch's order. */
static void keep_dots(const scatter_job *job, size_t begin, size_t end) {
    bag_acts *b = job->bags;
    for (size_t i = b->by_row.start[begin]; i < b->by_row.start[end]; i++) b->weight[b->by_row.use[i]] = b->dots[i];
}

static void scatter_rows(void *ctx, size_t begin, size_t end, size_t worker) {
    static sage_stage stage = SAGE_STAGE("scatter gradients, update rows");
    const scatter_job *job = ctx;
    const bag_acts *b = job->bags;
    const sage_model_shape *s = &job->model->shape;
    size_t width = sage_slab_width(s->dim_embed, job->slab);
    real grad[ROWS_MAX * SAGE_SLAB];
    (void)worker;
    for (size_t at = begin; at < end; at += ROWS_MAX) {
        uint64_t began = sage_stage_begin();
        size_t to = end - at < ROWS_MAX ? end : at + ROWS_MAX, uses = b->by_row.start[to] - b->by_row.start[at];
        reduce(job, at, to, grad);
        if (job->slab + 1 == sage_slabs(s->dim_embed)) {
            if (s->hashes == 1)
                give_ids_of_rows(job, at, to);
            else
                keep_dots(job, at, to);
        }
        job->sink->rows(job->sink->ctx, job->slab, width, to - at, b->by_row.unique + at, grad);
        sage_stage_end(&stage, began, (uses * (width + 4) + 6 * (to - at) * width) * sizeof(real), 4 * uses * width);
    }
}

/* Two hashes: sums by id. An id is the task of the piece in which it begins. Few ids come twice in a batch, but which
 * ones nobody can foresee, so that there is no branch on it. */
static void scatter_ids(void *ctx, size_t begin, size_t end, size_t worker) {
    static sage_stage stage = SAGE_STAGE("update importance weights");
    const size_t ahead = 16;
    uint64_t began = sage_stage_begin();
    const scatter_job *job = ctx;
    const bag_acts *b = job->bags;
    size_t hashes = job->model->shape.hashes, n = b->begin[b->n], held = 0, i = begin;
    uint32_t ids[IDS_MAX];
    real grad[IDS_MAX * SAGE_MODEL_HASHES_MAX];
    (void)worker;
    while (i < end && !(b->by_id[i] & ID_BEGINS)) i++;
    for (; i < n && (i < end || !(b->by_id[i] & ID_BEGINS)); i++) {
        size_t position = b->by_id[i] & ~ID_BEGINS, begins = b->by_id[i] != position;
        if (i + ahead < n) {
            size_t next = b->by_id[i + ahead] & ~ID_BEGINS;
            __builtin_prefetch(b->weight + next * hashes);
            __builtin_prefetch(id_place(b, next));
        }
        if (begins && held == IDS_MAX) {
            job->sink->ids(job->sink->ctx, held, ids, grad);
            held = 0;
        }
        held += begins;
        ids[held - 1] = id_at(b, position);
        for (size_t k = 0; k < hashes; k++) {
            real *sum = grad + (held - 1) * hashes + k;
            *sum = (begins ? 0 : *sum) + b->weight[position * hashes + k];
        }
    }
    if (held > 0) job->sink->ids(job->sink->ctx, held, ids, grad);
    sage_stage_end(&stage, began, (end - begin) * (2 + 7 * hashes) * sizeof(real), 0);
}

/* Rows that a worker takes at a time: side by side in memory, where the caches fetch ahead what then is another
 * worker's, so many at a time; but enough pieces for all. */
static size_t grain_of(size_t rows, size_t threads) {
    const size_t calls_max = 8, pieces = 16;
    size_t calls = rows / (threads * pieces * ROWS_MAX);
    return ROWS_MAX * (calls < 1 ? 1 : calls < calls_max ? calls : calls_max);
}

void sage_model_scatter(const sage_model *model, sage_work *work, const sage_row_sink *sink) {
    const size_t ids_grain = 4096;
    scatter_job job = {model, &work->bags, sink, 0};
    size_t grain = grain_of(job.bags->by_row.n, work->threads);
    for (; job.slab < sage_slabs(model->shape.dim_embed); job.slab++)
        sage_pool_for_dynamic(work->pool, job.bags->by_row.n, grain, scatter_rows, &job);
    if (model->shape.hashes > 1)
        sage_pool_for_dynamic(work->pool, job.bags->begin[job.bags->n], ids_grain, scatter_ids, &job);
}
