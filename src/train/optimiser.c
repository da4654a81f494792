#include <base/alloc.h>
#include <base/error.h>
#include <math.h>
#include <string.h>
#include <train/optimiser.h>

enum { NORM_BLOCK = 4096 };

static size_t norm_blocks(size_t dense_size) {
    return (dense_size + NORM_BLOCK - 1) / NORM_BLOCK;
}

static size_t table_size(const sage_model *model) {
    const sage_model_shape *shape = sage_model_shape_of(model);
    return shape->rows * shape->dim_embed;
}

static size_t importance_size(const sage_model *model) {
    const sage_model_shape *shape = sage_model_shape_of(model);
    return shape->vocab * shape->hashes;
}

size_t sage_optimiser_bytes(const sage_model *model) {
    size_t n = sage_model_dense_size(model) + table_size(model) + importance_size(model);
    return 2 * n * sizeof(real) + norm_blocks(sage_model_dense_size(model)) * sizeof(double);
}

static sage_status moments_new(size_t n, sage_moments *moments, sage_error *error) {
    moments->n = n;
    moments->m = sage_alloc_aligned(n * sizeof(real));
    moments->v = sage_alloc_aligned(n * sizeof(real));
    if (moments->m == NULL || moments->v == NULL) return sage_fail_memory(error, 2 * n * sizeof(real));
    memset(moments->m, 0, n * sizeof(real));
    memset(moments->v, 0, n * sizeof(real));
    return SAGE_OK;
}

static void moments_free(sage_moments *moments) {
    sage_free(moments->m);
    sage_free(moments->v);
}

sage_status sage_optimiser_new(const sage_model *model, sage_optimiser **optimiser, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t blocks_bytes = norm_blocks(sage_model_dense_size(model)) * sizeof(double);
    sage_optimiser *made = sage_alloc_zero(1, sizeof *made);
    if (made == NULL) return sage_fail_memory(error, sizeof *made);
    SAGE_TRY(moments_new(sage_model_dense_size(model), &made->dense, error));
    SAGE_TRY(moments_new(table_size(model), &made->table, error));
    SAGE_TRY(moments_new(importance_size(model), &made->importance, error));
    made->block_squares = sage_alloc(blocks_bytes);
    if (made->block_squares == NULL) SAGE_TRY(sage_fail_memory(error, blocks_bytes));
    *optimiser = made;
    made = NULL;
out:
    sage_optimiser_free(made);
    return st;
}

void sage_optimiser_free(sage_optimiser *optimiser) {
    if (optimiser == NULL) return;
    moments_free(&optimiser->dense);
    moments_free(&optimiser->table);
    moments_free(&optimiser->importance);
    sage_free(optimiser->block_squares);
    sage_free(optimiser);
}

/* ---- the norm: sums of fixed blocks, added up in order ---- */

typedef struct norm_work {
    const real *grad;
    size_t n;
    double *squares;
} norm_work;

static void norm_piece(void *ctx, size_t begin, size_t end, size_t worker) {
    (void)worker;
    norm_work *work = ctx;
    for (size_t block = begin; block < end; block++) {
        size_t from = block * NORM_BLOCK, to = from + NORM_BLOCK < work->n ? from + NORM_BLOCK : work->n;
        double sum = 0;
        for (size_t i = from; i < to; i++) sum += (double)work->grad[i] * (double)work->grad[i];
        work->squares[block] = sum;
    }
}

double sage_optimiser_grad_norm(sage_optimiser *optimiser, const sage_grads *grads, sage_pool *pool) {
    norm_work work = {grads->dense, optimiser->dense.n, optimiser->block_squares};
    size_t blocks = norm_blocks(work.n);
    sage_pool_for(pool, blocks, 1, norm_piece, &work);
    double sum = 0;
    for (size_t block = 0; block < blocks; block++) sum += work.squares[block];
    return sqrt(sum);
}

/* ---- one step ---- */

typedef struct apply_work {
    sage_optimiser *optimiser;
    sage_model *model;
    sage_grads *grads;
    sage_average *average;
    const sage_param *params;
    size_t n_params;
    uint64_t step;
    real lr, lr_table, lr_importance, beta1, beta2, eps, decay, correct1, correct2, grad_scale;
} apply_work;

static void adam_span(const apply_work *work, real *p, const real *g, const sage_moments *moments, size_t at, size_t n,
                      real lr, real decay) {
    sage_adam(p, g, moments->m + at, moments->v + at, n, lr, work->beta1, work->beta2, work->eps, decay, work->correct1,
              work->correct2);
}

static void dense_span(const apply_work *work, size_t begin, size_t end, bool decay) {
    real *p = sage_model_dense(work->model) + begin, *g = work->grads->dense + begin;
    size_t n = end - begin;
    if (work->grad_scale != 1)
        for (size_t i = 0; i < n; i++) g[i] *= work->grad_scale;
    adam_span(work, p, g, &work->optimiser->dense, begin, n, work->lr, decay ? work->decay : 0);
    if (work->average) sage_average_move(work->average, work->average->dense + begin, p, n, work->step);
}

static void dense_piece(void *ctx, size_t begin, size_t end, size_t worker) {
    (void)worker;
    const apply_work *work = ctx;
    for (size_t k = 0; k < work->n_params; k++) {
        const sage_param *param = &work->params[k];
        size_t from = param->offset, to = param->offset + param->rows * param->cols;
        if (from < begin) from = begin;
        if (to > end) to = end;
        if (from < to) dense_span(work, from, to, param->decay);
    }
}

/* Row `row` of a sparse parameter of `width` columns. */
static void sparse_row(const apply_work *work, real *values, const sage_moments *moments, const real *g, size_t row,
                       size_t width, real lr, real *averages, uint32_t *step_of) {
    size_t at = row * width;
    real *p = values + at;
    if (averages) sage_average_catch_up(work->average, averages + at, p, width, step_of[row], work->step - 1);
    adam_span(work, p, g, moments, at, width, lr, 0);
    if (averages) {
        sage_average_move(work->average, averages + at, p, width, work->step);
        step_of[row] = (uint32_t)work->step;
    }
}

static void table_piece(void *ctx, size_t begin, size_t end, size_t worker) {
    (void)worker;
    const apply_work *work = ctx;
    size_t width = sage_model_shape_of(work->model)->dim_embed;
    sage_average *average = work->average;
    for (size_t i = begin; i < end; i++)
        sparse_row(work, sage_model_table(work->model), &work->optimiser->table, work->grads->row_grad + i * width,
                   work->grads->rows[i], width, work->lr_table, average ? average->table : NULL,
                   average ? average->row_step : NULL);
}

static void importance_piece(void *ctx, size_t begin, size_t end, size_t worker) {
    (void)worker;
    const apply_work *work = ctx;
    size_t width = sage_model_shape_of(work->model)->hashes;
    sage_average *average = work->average;
    for (size_t i = begin; i < end; i++)
        sparse_row(work, sage_model_importance(work->model), &work->optimiser->importance,
                   work->grads->id_grad + i * width, work->grads->ids[i], width, work->lr_importance,
                   average ? average->importance : NULL, average ? average->id_step : NULL);
}

void sage_optimiser_apply(sage_optimiser *optimiser, sage_model *model, sage_grads *grads, sage_average *average,
                          const sage_train_settings *settings, uint64_t step, double factor, double grad_scale,
                          sage_pool *pool) {
    apply_work work = {
        .optimiser = optimiser,
        .model = model,
        .grads = grads,
        .average = average,
        .step = step,
        .lr = (real)(settings->lr * factor),
        .lr_table = (real)(settings->lr_table * factor),
        .lr_importance = (real)(settings->lr_importance * factor),
        .beta1 = (real)settings->beta1,
        .beta2 = (real)settings->beta2,
        .eps = (real)settings->eps,
        .decay = (real)settings->weight_decay,
        .correct1 = (real)(1 - pow(settings->beta1, (double)step)),
        .correct2 = (real)(1 - pow(settings->beta2, (double)step)),
        .grad_scale = (real)grad_scale,
    };
    work.params = sage_model_params(model, &work.n_params);
    sage_pool_for(pool, optimiser->dense.n, 16, dense_piece, &work);
    sage_pool_for(pool, grads->n_rows, 16, table_piece, &work);
    sage_pool_for(pool, grads->n_ids, 64, importance_piece, &work);
}
