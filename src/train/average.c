#include <base/alloc.h>
#include <base/error.h>
#include <math.h>
#include <string.h>
#include <train/average.h>

size_t sage_average_bytes(const sage_model *model, uint64_t steps) {
    const sage_model_shape *shape = sage_model_shape_of(model);
    size_t reals =
        sage_model_dense_size(model) + shape->rows * shape->dim_embed + sage_shape_ids(shape) * shape->hashes;
    return reals * sizeof(real) + (shape->rows + sage_shape_ids(shape)) * sizeof(uint32_t) +
           (steps + 1) * sizeof(double);
}

void sage_average_free(sage_average *average) {
    if (average == NULL) return;
    sage_free(average->dense);
    sage_free(average->table);
    sage_free(average->importance);
    sage_free(average->row_step);
    sage_free(average->id_step);
    sage_free(average->log_decay);
    sage_free(average);
}

static sage_status copy_of(const real *from, size_t n, real **copy, sage_error *error) {
    *copy = sage_alloc_aligned(n * sizeof(real));
    if (*copy == NULL) return sage_fail_memory(error, n * sizeof(real));
    sage_huge_pages(*copy, n * sizeof(real));
    memcpy(*copy, from, n * sizeof(real));
    return SAGE_OK;
}

static sage_status zeros(size_t n, size_t size, void *out, sage_error *error) {
    void *made = sage_alloc_zero(n, size);
    if (made == NULL) return sage_fail_memory(error, n * size);
    memcpy(out, &made, sizeof made);
    return SAGE_OK;
}

static void fill_log_decay(double *log_decay, uint64_t steps, double decay) {
    log_decay[0] = 0;
    for (uint64_t t = 1; t <= steps; t++) {
        double early = (1.0 + (double)t) / (10.0 + (double)t);
        log_decay[t] = log_decay[t - 1] + log(early < decay ? early : decay);
    }
}

sage_status sage_average_new(sage_model *model, uint64_t steps, double decay, sage_average **average,
                             sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_model_shape *shape = sage_model_shape_of(model);
    sage_average *made = NULL;
    SAGE_TRY(zeros(1, sizeof *made, &made, error));
    made->shape = shape;
    made->dense_size = sage_model_dense_size(model);
    SAGE_TRY(copy_of(sage_model_dense(model), made->dense_size, &made->dense, error));
    SAGE_TRY(copy_of(sage_model_table(model), shape->rows * shape->dim_embed, &made->table, error));
    SAGE_TRY(copy_of(sage_model_importance(model), sage_shape_ids(shape) * shape->hashes, &made->importance, error));
    SAGE_TRY(zeros(shape->rows, sizeof *made->row_step, &made->row_step, error));
    SAGE_TRY(zeros(sage_shape_ids(shape), sizeof *made->id_step, &made->id_step, error));
    SAGE_TRY(zeros(steps + 1, sizeof *made->log_decay, &made->log_decay, error));
    fill_log_decay(made->log_decay, steps, decay);
    *average = made;
    made = NULL;
out:
    sage_average_free(made);
    return st;
}

/* How much of an average the steps from `from` to `to` leave. */
static real kept(const sage_average *average, uint64_t from, uint64_t to) {
    return (real)exp(average->log_decay[to] - average->log_decay[from]);
}

static inline void blend(real *a, const real *p, size_t n, real keep) {
    for (size_t i = 0; i < n; i++) a[i] = p[i] + keep * (a[i] - p[i]);
}

void sage_average_catch_up(const sage_average *average, real *a, const real *p, size_t n, uint64_t from, uint64_t to) {
    if (from < to) blend(a, p, n, kept(average, from, to));
}

void sage_average_move(const sage_average *average, real *a, const real *p, size_t n, uint64_t step) {
    sage_average_catch_up(average, a, p, n, step - 1, step);
}

/* Most rows stood still for as long as the one before. */
void sage_average_rows(const sage_average *average, real *a, const real *p, size_t width, size_t n,
                       const uint32_t *rows, const uint32_t *step_of, uint64_t to) {
    uint64_t last = to;
    real keep = 1;
    for (size_t i = 0; i < n; i++) {
        size_t at = rows[i] * width;
        uint64_t from = step_of == NULL ? to - 1 : step_of[rows[i]];
        if (from >= to) continue;
        if (from != last) keep = kept(average, from, to);
        last = from;
        blend(a + at, p + at, width, keep);
    }
}

static void swap(real *a, real *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        real held = p[i];
        p[i] = a[i];
        a[i] = held;
    }
}

typedef struct exchange {
    sage_average *average;
    sage_model *model;
    uint64_t step;
} exchange;

static void exchange_dense(void *ctx, size_t begin, size_t end, size_t worker) {
    (void)worker;
    exchange *x = ctx;
    swap(x->average->dense + begin, sage_model_dense(x->model) + begin, end - begin);
}

static void exchange_rows(void *ctx, size_t begin, size_t end, size_t worker) {
    (void)worker;
    exchange *x = ctx;
    sage_average *average = x->average;
    size_t rows = average->shape->rows, dim = average->shape->dim_embed;
    for (size_t slab = 0; slab < sage_slabs(dim); slab++) {
        size_t width = sage_slab_width(dim, slab), at = sage_slab_begin(rows, slab) + begin * width;
        real *a = average->table + at, *p = sage_model_table(x->model) + at;
        for (size_t row = begin; row < end; row++, a += width, p += width) {
            sage_average_catch_up(average, a, p, width, average->row_step[row], x->step);
            swap(a, p, width);
        }
    }
    for (size_t row = begin; row < end; row++) average->row_step[row] = (uint32_t)x->step;
}

static void exchange_ids(void *ctx, size_t begin, size_t end, size_t worker) {
    (void)worker;
    exchange *x = ctx;
    sage_average *average = x->average;
    size_t hashes = average->shape->hashes;
    for (size_t id = begin; id < end; id++) {
        real *a = average->importance + id * hashes, *p = sage_model_importance(x->model) + id * hashes;
        sage_average_catch_up(average, a, p, hashes, average->id_step[id], x->step);
        swap(a, p, hashes);
        average->id_step[id] = (uint32_t)x->step;
    }
}

void sage_average_exchange(sage_average *average, sage_model *model, sage_pool *pool, uint64_t step) {
    exchange x = {average, model, step};
    sage_pool_for(pool, average->dense_size, 1024, exchange_dense, &x);
    sage_pool_for(pool, average->shape->rows, 64, exchange_rows, &x);
    sage_pool_for(pool, sage_shape_ids(average->shape), 1024, exchange_ids, &x);
}
