#include <base/alloc.h>
#include <base/error.h>
#include <base/profile.h>
#include <math.h>
#include <string.h>
#include <train/optimiser.h>

enum { BLOCK = 4096 };

static size_t blocks_of(size_t dense_size) {
    return (dense_size + BLOCK - 1) / BLOCK;
}

static size_t table_size(const sage_model *model) {
    const sage_model_shape *shape = sage_model_shape_of(model);
    return shape->rows * shape->dim_embed;
}

static size_t importance_size(const sage_model *model) {
    const sage_model_shape *shape = sage_model_shape_of(model);
    return sage_shape_ids(shape) * shape->hashes;
}

size_t sage_optimiser_bytes(const sage_model *model) {
    size_t n = sage_model_dense_size(model) + table_size(model) + importance_size(model);
    return 2 * n * sizeof(real) + blocks_of(sage_model_dense_size(model)) * sizeof(double);
}

static sage_status moments_new(size_t n, sage_moments *moments, sage_error *error) {
    moments->n = n;
    moments->m = sage_alloc_aligned(n * sizeof(real));
    moments->v = sage_alloc_aligned(n * sizeof(real));
    if (moments->m == NULL || moments->v == NULL) return sage_fail_memory(error, 2 * n * sizeof(real));
    sage_huge_pages(moments->m, n * sizeof(real));
    sage_huge_pages(moments->v, n * sizeof(real));
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
    size_t blocks_bytes = blocks_of(sage_model_dense_size(model)) * sizeof(double);
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
    const sage_ops *ops = sage_ops_best();
    const norm_work *work = ctx;
    (void)worker;
    for (size_t block = begin; block < end; block++) {
        size_t from = block * BLOCK, n = work->n - from < BLOCK ? work->n - from : BLOCK;
        work->squares[block] = (double)ops->dot(n, work->grad + from, work->grad + from);
    }
}

double sage_optimiser_grad_norm(sage_optimiser *optimiser, const real *dense, sage_pool *pool) {
    norm_work work = {dense, optimiser->dense.n, optimiser->block_squares};
    size_t blocks = blocks_of(work.n);
    sage_pool_for(pool, blocks, 1, norm_piece, &work);
    double sum = 0;
    for (size_t block = 0; block < blocks; block++) sum += work.squares[block];
    return sqrt(sum);
}

/* ---- one step ---- */

sage_update sage_optimiser_begin(sage_optimiser *optimiser, sage_model *model, sage_average *average,
                                 const sage_train_settings *settings, uint64_t step, double factor) {
    return (sage_update){
        .optimiser = optimiser,
        .model = model,
        .average = average,
        .settings = settings,
        .step = step,
        .lr = (real)(settings->lr * factor),
        .lr_table = (real)(settings->lr_table * factor),
        .lr_token = (real)(settings->lr_token * factor),
        .lr_importance = (real)(settings->lr_importance * factor),
        .beta1 = (real)settings->beta1,
        .beta2 = (real)settings->beta2,
        .eps = (real)settings->eps,
        .correct1 = (real)(1 - pow(settings->beta1, (double)step)),
        .correct2 = (real)(1 - pow(settings->beta2, (double)step)),
        .towers = (1U << SAGE_TOWERS) - 1,
    };
}

typedef struct dense_work {
    const sage_update *update;
    real *grad, grad_scale;
    const sage_param *params;
    size_t n_params;
} dense_work;

static void dense_span(const dense_work *work, size_t begin, size_t end, const sage_param *param) {
    const sage_update *u = work->update;
    const sage_ops *ops = sage_ops_best();
    real *p = sage_model_dense(u->model) + begin, *g = work->grad + begin;
    size_t n = end - begin;
    bool still = param->tower != SAGE_TOWER_NONE && (u->towers >> param->tower & 1) == 0;
    if (work->grad_scale != 1 && !still) ops->scale(n, work->grad_scale, g);
    if (!still)
        ops->adam(p, g, u->optimiser->dense.m + begin, u->optimiser->dense.v + begin, n, u->lr * (real)param->rate,
                  u->beta1, u->beta2, u->eps, param->decay ? (real)u->settings->weight_decay : 0, u->correct1,
                  u->correct2);
    if (u->average) sage_average_move(u->average, u->average->dense + begin, p, n, u->step);
}

/* Block by block, so that what is read is done with while it is in the cache. */
static void dense_piece(void *ctx, size_t begin, size_t end, size_t worker) {
    static sage_stage stage = SAGE_STAGE("update dense weights");
    uint64_t began = sage_stage_begin();
    const dense_work *work = ctx;
    size_t from = begin * BLOCK, to = end * BLOCK, values = 0;
    (void)worker;
    for (size_t k = 0; k < work->n_params; k++) {
        const sage_param *param = &work->params[k];
        size_t at = param->offset > from ? param->offset : from, last = param->offset + param->rows * param->cols;
        if (last > to) last = to;
        for (size_t n; at < last; at += n, values += n) {
            n = last - at < BLOCK ? last - at : BLOCK;
            dense_span(work, at, at + n, param);
        }
    }
    sage_stage_end(&stage, began, values * 7 * sizeof(real), values * 12);
}

void sage_optimiser_apply(const sage_update *update, real *dense, double grad_scale, sage_pool *pool) {
    const size_t grain = 8;
    dense_work work = {.update = update, .grad = dense, .grad_scale = (real)grad_scale};
    work.params = sage_model_params(update->model, &work.n_params);
    sage_pool_for_dynamic(pool, blocks_of(update->optimiser->dense.n), grain, dense_piece, &work);
}

/* ---- rows ---- */

/* Rows of n-grams come before those of products' tokens. */
static size_t first_token(const uint32_t *rows, size_t n, size_t vocab) {
    while (n > 0 && rows[n - 1] >= vocab) n--;
    return n;
}

/* The table's slabs come one after another; only with the last are a row's averages all of this step. */
static void table_rows(void *ctx, size_t slab, size_t width, size_t n, const uint32_t *rows, const real *grad) {
    const sage_update *u = ctx;
    const sage_model_shape *shape = sage_model_shape_of(u->model);
    size_t at = sage_slab_begin(shape->rows, slab);
    real *p = sage_model_table(u->model) + at, *a = u->average ? u->average->table + at : NULL;
    if (a) sage_average_rows(u->average, a, p, width, n, rows, u->average->row_step, u->step - 1);
    size_t grams = shape->hashes > 1 ? n : first_token(rows, n, shape->vocab);
    const size_t border[3] = {0, grams, n};
    for (size_t i = 0; i < 2; i++)
        sage_ops_best()->adam_rows(width, border[i + 1] - border[i], rows + border[i], grad + border[i] * width, p,
                                   u->optimiser->table.m + at, u->optimiser->table.v + at,
                                   i == 0 ? u->lr_table : u->lr_token, u->beta1, u->beta2, u->eps, u->correct1,
                                   u->correct2);
    if (a) sage_average_rows(u->average, a, p, width, n, rows, NULL, u->step);
    if (a && slab + 1 == sage_slabs(shape->dim_embed))
        for (size_t i = 0; i < n; i++) u->average->row_step[rows[i]] = (uint32_t)u->step;
}

enum { IDS = 256 };

/* Rows of one or two values: brought together, so that Adam runs over vectors of them. */
static void importance_block(const sage_update *u, size_t n, const uint32_t *ids, const real *grad) {
    size_t width = sage_model_shape_of(u->model)->hashes;
    real *p = sage_model_importance(u->model), *m = u->optimiser->importance.m, *v = u->optimiser->importance.v;
    real some_p[IDS * SAGE_MODEL_HASHES_MAX], some_m[IDS * SAGE_MODEL_HASHES_MAX], some_v[IDS * SAGE_MODEL_HASHES_MAX];
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0, at = ids[i] * width; k < width; k++, at++) {
            some_p[i * width + k] = p[at];
            some_m[i * width + k] = m[at];
            some_v[i * width + k] = v[at];
        }
    sage_ops_best()->adam(some_p, grad, some_m, some_v, n * width, u->lr_importance, u->beta1, u->beta2, u->eps, 0,
                          u->correct1, u->correct2);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0, at = ids[i] * width; k < width; k++, at++) {
            p[at] = some_p[i * width + k];
            m[at] = some_m[i * width + k];
            v[at] = some_v[i * width + k];
        }
}

static void importance_ids(void *ctx, size_t n, const uint32_t *ids, const real *grad) {
    const sage_update *u = ctx;
    size_t width = sage_model_shape_of(u->model)->hashes;
    real *p = sage_model_importance(u->model), *a = u->average ? u->average->importance : NULL;
    if (a) sage_average_rows(u->average, a, p, width, n, ids, u->average->id_step, u->step - 1);
    for (size_t at = 0; at < n; at += IDS)
        importance_block(u, n - at < IDS ? n - at : IDS, ids + at, grad + at * width);
    if (a) sage_average_rows(u->average, a, p, width, n, ids, NULL, u->step);
    for (size_t i = 0; a && i < n; i++) u->average->id_step[ids[i]] = (uint32_t)u->step;
}

sage_row_sink sage_optimiser_sink(sage_update *update) {
    return (sage_row_sink){update, table_rows, importance_ids};
}
