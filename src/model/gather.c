#include "gather.h"
#include "impl.h"
#include <base/profile.h>

/* Bags of one slab that a worker takes at a time. */
enum { GATHER_BAGS = 64 };

typedef struct gather_job {
    const gather_table *table;
    size_t n, pieces, hashes;
    const uint32_t *begin, *row;
    const real *weight;
    real *out;
} gather_job;

static size_t slabs_of(const gather_table *table) {
    return table->by_rows ? 1 : sage_slabs(table->dim);
}

static size_t width_of(const gather_table *table, size_t slab) {
    return table->by_rows ? table->dim : sage_slab_width(table->dim, slab);
}

static void sum_bag(const gather_job *job, size_t slab, size_t bag) {
    const gather_table *t = job->table;
    const sage_ops *ops = sage_ops_best();
    size_t width = width_of(t, slab), at = sage_slab_begin(t->rows, slab);
    size_t first = job->begin[bag] * job->hashes, n = job->begin[bag + 1] * job->hashes - first;
    const uint32_t *row = job->row + first;
    const real *weight = job->weight + first;
    real *out = job->out + bag * t->dim + slab * SAGE_SLAB;
    switch (t->precision) {
    case SAGE_PRECISION_F32: ops->bag_sum(width, n, row, weight, (const real *)t->slabs + at, out); break;
    case SAGE_PRECISION_BF16: ops->bag_sum_bf16(width, n, row, weight, (const uint16_t *)t->slabs + at, out); break;
    case SAGE_PRECISION_INT8: ops->bag_sum_int8(width, n, row, weight, (const int8_t *)t->slabs + at, out); break;
    }
}

/* Piece p is bags [b, b + GATHER_BAGS) of slab p / pieces. */
static void sum_pieces(void *ctx, size_t begin, size_t end, size_t worker) {
    static sage_stage stage = SAGE_STAGE("gather rows");
    const gather_job *job = ctx;
    (void)worker;
    for (size_t piece = begin; piece < end; piece++) {
        size_t slab = piece / job->pieces, first = piece % job->pieces * GATHER_BAGS;
        size_t last = first + GATHER_BAGS < job->n ? first + GATHER_BAGS : job->n;
        uint64_t began = sage_stage_begin();
        for (size_t bag = first; bag < last; bag++) sum_bag(job, slab, bag);
        uint64_t uses = (uint64_t)(job->begin[last] - job->begin[first]) * job->hashes;
        uint64_t width = width_of(job->table, slab);
        sage_stage_end(&stage, began, uses * width * sage_precision_size(job->table->precision), 2 * uses * width);
    }
}

void gather_sums(const gather_table *table, sage_pool *pool, size_t n, size_t hashes, const uint32_t *begin,
                 const uint32_t *row, const real *weight, real *out) {
    gather_job job = {table, n, (n + GATHER_BAGS - 1) / GATHER_BAGS, hashes, begin, row, weight, out};
    sage_pool_for_dynamic(pool, job.pieces * slabs_of(table), 1, sum_pieces, &job);
}

/* Importance weights are read at random; far enough ahead they come from memory in time. */
enum { AHEAD = 16 };

size_t gather_look_up(const sage_model *model, const uint32_t *ids, size_t n, const real *row_scale, uint32_t *row,
                      real *weight) {
    size_t hashes = model->shape.hashes, n_ids = sage_shape_ids(&model->shape);
    for (size_t i = 0; i < n; i++) {
        if (i + AHEAD < n && ids[i + AHEAD] < n_ids) __builtin_prefetch(model->importance + ids[i + AHEAD] * hashes);
        if (ids[i] >= n_ids) return i;
        for (size_t k = 0; k < hashes; k++) {
            row[i * hashes + k] = hash_row(model, ids[i], k);
            weight[i * hashes + k] = model->importance[ids[i] * hashes + k];
        }
    }
    for (size_t u = 0; row_scale != NULL && u < n * hashes; u++) weight[u] *= row_scale[row[u]];
    return n;
}
