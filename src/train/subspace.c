/* Y = A A'Q and Q = an orthonormal basis of Y, in turns; at the end the eigenvectors of Q' A A' Q. Slabs of columns do
 * not see each other in the first, which is cut by them, and rows not in what else there is. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/rng.h>
#include <kernels/gemm.h>
#include <math.h>
#include <model/model.h>
#include <string.h>
#include <train/eigen.h>
#include <train/subspace.h>

enum { ROUNDS = 4, CHUNK_ROWS = 1024 };
static const double FLOOR = 1e-6; /* of the largest value: below it there is rounding alone */

typedef struct space {
    const sage_incidence *matrix;
    size_t width;
    sage_pool *pool;
    real *q, *y;    /* [rows][width] in slabs */
    real *weights;  /* [threads][longest] */
    double *small;  /* [width][width] */
    double *value;  /* [width] */
    real *turn;     /* [width][width] */
    const real *of; /* of a product with q */
} space;

static real *slab_of(const space *s, real *values, size_t slab) {
    return values + sage_slab_begin(s->matrix->rows, slab);
}

/* ---- random signs to begin with ---- */

static void sign_slab(void *ctx, size_t begin, size_t end, size_t worker) {
    const space *s = ctx;
    (void)worker;
    for (size_t slab = begin; slab < end; slab++) {
        size_t width = sage_slab_width(s->width, slab);
        real *y = slab_of(s, s->y, slab);
        for (size_t row = 0; row < s->matrix->rows; row++) {
            uint64_t bits = sage_mix64(row * sage_slabs(s->width) + slab + 1);
            for (size_t c = 0; c < width; c++) y[row * width + c] = bits >> c & 1 ? 1 : -1;
        }
    }
}

/* ---- Y = A A' Q ---- */

/* One column of X: what its rows have together goes back to each of them. */
static void through_column(const space *s, size_t column, size_t width, const real *q, real *weights, real *y) {
    const sage_ops *ops = sage_ops_best();
    const sage_incidence *m = s->matrix;
    const uint32_t *row = m->row + m->begin[column];
    size_t n = m->begin[column + 1] - m->begin[column];
    real sum[SAGE_SLAB];
    for (size_t i = 0; i < n; i++) weights[i] = (real)(1 / sqrt((double)m->row_count[row[i]]));
    ops->bag_sum(width, n, row, weights, q, sum);
    for (size_t i = 0; i < n; i++) ops->axpy(width, weights[i] / (real)n, sum, y + row[i] * width);
}

static void power_slab(void *ctx, size_t begin, size_t end, size_t worker) {
    const space *s = ctx;
    for (size_t slab = begin; slab < end; slab++) {
        size_t width = sage_slab_width(s->width, slab);
        real *y = slab_of(s, s->y, slab);
        memset(y, 0, s->matrix->rows * width * sizeof *y);
        for (size_t c = 0; c < s->matrix->columns; c++)
            through_column(s, c, width, slab_of(s, s->q, slab), s->weights + worker * s->matrix->longest, y);
    }
}

/* ---- small = L' Y ---- */

/* A block of it: sums of chunks in double, since there may be millions of rows. */
static void block(const space *s, size_t i, size_t j) {
    size_t rows = s->matrix->rows, m = sage_slab_width(s->width, i), n = sage_slab_width(s->width, j);
    const real *left = s->of + sage_slab_begin(rows, i), *right = s->y + sage_slab_begin(rows, j);
    double *to = s->small + i * SAGE_SLAB * s->width + j * SAGE_SLAB;
    real part[SAGE_SLAB * SAGE_SLAB];
    for (size_t a = 0; a < m; a++) memset(to + a * s->width, 0, n * sizeof *to);
    for (size_t row = 0; row < rows; row += CHUNK_ROWS) {
        size_t k = rows - row < CHUNK_ROWS ? rows - row : CHUNK_ROWS;
        sage_gemm(SAGE_PRECISION_F32, true, false, m, n, k, left + row * m, m, right + row * n, n, false, part, n);
        for (size_t a = 0; a < m; a++)
            for (size_t b = 0; b < n; b++) to[a * s->width + b] += part[a * n + b];
    }
}

static void inner_blocks(void *ctx, size_t begin, size_t end, size_t worker) {
    const space *s = ctx;
    size_t slabs = sage_slabs(s->width);
    (void)worker;
    for (size_t at = begin; at < end; at++)
        if (at / slabs <= at % slabs) block(s, at / slabs, at % slabs);
}

/* Symmetric but for rounding, so half of the blocks will do. */
static void inner(space *s, const real *left) {
    size_t slabs = sage_slabs(s->width);
    s->of = left;
    sage_pool_for_dynamic(s->pool, slabs * slabs, 1, inner_blocks, s);
    for (size_t a = 0; a < s->width; a++)
        for (size_t b = 0; b < a; b++) s->small[a * s->width + b] = s->small[b * s->width + a];
}

/* ---- q or y = the other one, turned: [rows][width] turn' ---- */

typedef struct turn_job {
    const space *space;
    const real *from;
    real *to;
} turn_job;

static void turn_rows(void *ctx, size_t begin, size_t end, size_t worker) {
    const turn_job *job = ctx;
    const space *s = job->space;
    size_t rows = s->matrix->rows, slabs = sage_slabs(s->width);
    (void)worker;
    for (size_t j = 0; j < slabs; j++) {
        size_t n = sage_slab_width(s->width, j);
        real *to = job->to + sage_slab_begin(rows, j) + begin * n;
        for (size_t i = 0; i < slabs; i++) {
            size_t k = sage_slab_width(s->width, i);
            const real *from = job->from + sage_slab_begin(rows, i) + begin * k;
            const real *turn = s->turn + j * SAGE_SLAB * s->width + i * SAGE_SLAB;
            sage_gemm(SAGE_PRECISION_F32, false, true, end - begin, n, k, from, k, turn, s->width, i > 0, to, n);
        }
    }
}

/* By the eigenvectors of `small`, each times its value to `power`. */
static void turn(space *s, double power, const real *from, real *to) {
    turn_job job = {s, from, to};
    sage_eigen(s->width, FLOOR, s->small, s->value);
    for (size_t i = 0; i < s->width; i++) {
        double factor = s->value[i] > 0 ? pow(s->value[i], power) : 0;
        for (size_t c = 0; c < s->width; c++) s->turn[i * s->width + c] = (real)(factor * s->small[i * s->width + c]);
    }
    sage_pool_for_dynamic(s->pool, s->matrix->rows, CHUNK_ROWS, turn_rows, &job);
}

static sage_status iterate(space *s, const sage_monitor *monitor, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t slabs = sage_slabs(s->width);
    sage_pool_for_dynamic(s->pool, slabs, 1, sign_slab, s);
    for (int round = 0; round <= ROUNDS; round++) {
        SAGE_TRY(sage_check_cancel(monitor, "train", error));
        inner(s, s->y);
        turn(s, -0.5, s->y, s->q);
        sage_pool_for_dynamic(s->pool, slabs, 1, power_slab, s);
    }
    inner(s, s->q);
    turn(s, 0.25, s->q, s->y); /* its values are squares of A's */
out:
    return st;
}

sage_status sage_subspace(const sage_incidence *matrix, size_t width, sage_pool *pool, const sage_monitor *monitor,
                          real **vectors, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t values = matrix->rows * width;
    space s = {.matrix = matrix, .width = width, .pool = pool};
    s.q = sage_alloc_aligned((values + 1) * sizeof *s.q);
    s.y = sage_alloc_aligned((values + 1) * sizeof *s.y);
    s.weights = sage_alloc((sage_pool_threads(pool) * matrix->longest + 1) * sizeof *s.weights);
    s.small = sage_alloc((width * width + 1) * sizeof *s.small);
    s.value = sage_alloc((width + 1) * sizeof *s.value);
    s.turn = sage_alloc((width * width + 1) * sizeof *s.turn);
    if (s.q == NULL || s.y == NULL || s.weights == NULL || s.small == NULL || s.value == NULL || s.turn == NULL) {
        st = sage_fail_memory(error, 2 * values * sizeof *s.q);
        goto out;
    }
    SAGE_TRY(iterate(&s, monitor, error));
    *vectors = s.y;
    s.y = NULL;
out:
    sage_free(s.q);
    sage_free(s.y);
    sage_free(s.weights);
    sage_free(s.small);
    sage_free(s.value);
    sage_free(s.turn);
    return st;
}
