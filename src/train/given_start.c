#include <base/alloc.h>
#include <base/error.h>
#include <base/profile.h>
#include <base/report.h>
#include <kernels/principal.h>
#include <math.h>
#include <string.h>
#include <train/given_start.h>
#include <train/given_texts.h>

enum { TEXTS_MAX = 200000, ROUNDS_MAX = 100 };
static const double LAMBDA = 0.03; /* measured: docs/results.md */
static const double EXACT = 1e-3;  /* of the residual, that ends the rounds */

typedef struct start_job {
    const sage_text_rows *texts;
    const float *const *vector; /* [texts] */
    const real *basis;          /* [dim][passed]; NULL: the identity */
    size_t dim, passed, rows, dim_embed;
    real *table;
    const sage_monitor *monitor;
    size_t lanes;  /* slabs that are solved side by side */
    real *scratch; /* [lanes][3][n_rows][SAGE_SLAB] */
} start_job;

/* B' v of a slab's columns, zero where nothing passes. */
static void target(const start_job *job, size_t text, size_t first, size_t width, real *out) {
    const float *v = job->vector[text];
    size_t n = first >= job->passed ? 0 : job->passed - first < width ? job->passed - first : width;
    memset(out, 0, width * sizeof *out);
    if (job->basis == NULL)
        for (size_t c = 0; c < n; c++) out[c] = v[first + c];
    else
        for (size_t o = 0; o < job->dim; o++)
            for (size_t c = 0; c < n; c++) out[c] += v[o] * job->basis[o * job->passed + first + c];
}

static void text_sum(const sage_text_rows *t, size_t text, size_t width, const real *x, real *out) {
    memset(out, 0, width * sizeof *out);
    for (size_t i = t->begin[text]; i < t->begin[text + 1]; i++)
        for (size_t c = 0; c < width; c++) out[c] += t->weight[i] * x[t->row[i] * width + c];
}

static void spread(const sage_text_rows *t, size_t text, size_t width, const real *from, real *y) {
    for (size_t i = t->begin[text]; i < t->begin[text + 1]; i++)
        for (size_t c = 0; c < width; c++) y[t->row[i] * width + c] += t->weight[i] * from[c];
}

/* y = A' A x + lambda x */
static void apply(const sage_text_rows *t, size_t width, const real *x, real *y) {
    real sum[SAGE_SLAB];
    for (size_t i = 0; i < t->n_rows * width; i++) y[i] = (real)LAMBDA * x[i];
    for (size_t text = 0; text < t->n; text++) {
        text_sum(t, text, width, x, sum);
        spread(t, text, width, sum, y);
    }
}

/* r = A' (V B - A R_0); R_0 in `start`. */
static void first_residual(const start_job *job, size_t first, size_t width, const real *start, real *r) {
    const sage_text_rows *t = job->texts;
    real sum[SAGE_SLAB], wanted[SAGE_SLAB];
    memset(r, 0, t->n_rows * width * sizeof *r);
    for (size_t text = 0; text < t->n; text++) {
        text_sum(t, text, width, start, sum);
        target(job, text, first, width, wanted);
        for (size_t c = 0; c < width; c++) wanted[c] -= sum[c];
        spread(t, text, width, wanted, r);
    }
}

/* Products of columns. */
static void dots(size_t n, size_t width, const real *a, const real *b, double *out) {
    memset(out, 0, width * sizeof *out);
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < width; c++) out[c] += (double)a[i * width + c] * (double)b[i * width + c];
}

/* Columns are independent of each other (Hestenes and Stiefel 1952): adds what solves it to the slab's rows; r, p, q
 * scratch. */
static void solve(const sage_text_rows *t, size_t width, real *slab, real *r, real *p, real *q) {
    double rho[SAGE_SLAB], before[SAGE_SLAB], begin[SAGE_SLAB], step[SAGE_SLAB];
    memcpy(p, r, t->n_rows * width * sizeof *p);
    dots(t->n_rows, width, r, r, rho);
    memcpy(begin, rho, sizeof begin);
    for (int round = 0; round < ROUNDS_MAX; round++) {
        double left = 0;
        for (size_t c = 0; c < width; c++)
            if (begin[c] > 0) left = fmax(left, rho[c] / begin[c]);
        if (left <= EXACT * EXACT) return;
        apply(t, width, p, q);
        dots(t->n_rows, width, p, q, step);
        for (size_t c = 0; c < width; c++) step[c] = step[c] > 0 ? rho[c] / step[c] : 0;
        for (size_t i = 0; i < t->n_rows; i++)
            for (size_t c = 0; c < width; c++) {
                slab[t->table_row[i] * width + c] += (real)step[c] * p[i * width + c];
                r[i * width + c] -= (real)step[c] * q[i * width + c];
            }
        memcpy(before, rho, sizeof before);
        dots(t->n_rows, width, r, r, rho);
        for (size_t c = 0; c < width; c++) before[c] = before[c] > 0 ? rho[c] / before[c] : 0;
        for (size_t i = 0; i < t->n_rows; i++)
            for (size_t c = 0; c < width; c++) p[i * width + c] = r[i * width + c] + (real)before[c] * p[i * width + c];
    }
}

static void solve_lanes(void *ctx, size_t begin, size_t end, size_t worker) {
    const start_job *job = ctx;
    const sage_text_rows *t = job->texts;
    size_t size = t->n_rows * SAGE_SLAB, slabs = sage_slabs(job->dim_embed);
    (void)worker;
    for (size_t lane = begin; lane < end; lane++) {
        real *r = job->scratch + lane * 3 * size, *p = r + size, *q = p + size;
        for (size_t s = lane; s < slabs && sage_check_cancel(job->monitor, "train", NULL) == SAGE_OK; s += job->lanes) {
            size_t width = sage_slab_width(job->dim_embed, s);
            real *slab = job->table + sage_slab_begin(job->rows, s);
            for (size_t i = 0; i < t->n_rows; i++) /* R_0, until the rounds begin */
                memcpy(p + i * width, slab + t->table_row[i] * width, width * sizeof *p);
            first_residual(job, s * SAGE_SLAB, width, p, r);
            solve(t, width, slab, r, p, q);
        }
    }
}

/* As many slabs at a time as keep below the memory of Adam's moments, which are not there yet. */
static size_t lanes_of(const start_job *job, const sage_pool *pool) {
    size_t most = 2 * job->dim_embed / (3 * SAGE_SLAB), threads = sage_pool_threads(pool);
    most = most < threads ? most : threads;
    return most > 0 ? most : 1;
}

static sage_status solve_all(start_job *job, sage_pool *pool, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t bytes = 3 * SAGE_SLAB * sizeof *job->scratch;
    job->lanes = lanes_of(job, pool);
    if (__builtin_mul_overflow(bytes, job->texts->n_rows * job->lanes, &bytes)) bytes = SIZE_MAX;
    job->scratch = sage_alloc(bytes);
    if (job->scratch == NULL) return sage_fail_memory(error, bytes);
    sage_pool_for_dynamic(pool, job->lanes, 1, solve_lanes, job);
    st = sage_check_cancel(job->monitor, "train", error);
    sage_free(job->scratch);
    return st;
}

bool sage_given_start_meant(const sage_options *options) {
    return strcmp(sage_options_text(options, "given_init"), "ridge") == 0 &&
           strcmp(sage_options_text(options, "init"), "paper") != 0;
}

sage_status sage_given_start(const sage_dataset *dataset, sage_model *model, sage_pool *pool,
                             const sage_monitor *monitor, sage_error *error) {
    static sage_stage stage = SAGE_STAGE("start in the given space");
    sage_status st = SAGE_OK;
    const sage_model_shape *s = sage_model_shape_of(model);
    sage_given_texts texts = {.n = 0};
    sage_text_rows rows = {.n = 0};
    real *basis = NULL;
    uint64_t began = sage_stage_begin();
    if (sage_dataset_given_count(dataset, SAGE_ON_SEARCH) == 0) return SAGE_OK;
    SAGE_TRY(sage_dataset_given_texts(dataset, TEXTS_MAX, &texts, error));
    SAGE_TRY(sage_text_rows_new(&texts, model, &rows, error));
    start_job job = {.texts = &rows,
                     .vector = texts.vector,
                     .dim = s->dim_out,
                     .passed = sage_model_passed(s),
                     .rows = s->rows,
                     .dim_embed = s->dim_embed,
                     .table = sage_model_table(model),
                     .monitor = monitor};
    if (job.passed < job.dim) {
        SAGE_TRY(sage_principal(texts.n, texts.vector, job.dim, job.passed, &basis, error));
        sage_model_turn(model, job.passed, basis);
        job.basis = basis;
    }
    SAGE_TRY(solve_all(&job, pool, error));
    sage_stage_end(&stage, began, 0, 0);
out:
    sage_text_rows_free(&rows);
    sage_given_texts_free(&texts);
    sage_free(basis);
    return st;
}
