/* C = alpha op(A) op(B) + beta C, cut over the pool. */
#include "gemm_impl.h"

typedef struct gemm_job {
    bool ta, tb, by_columns;
    size_t m, n, k, lda, ldb, ldc;
    real alpha, beta;
    const real *a, *b;
    real *c;
} gemm_job;

/* Columns are cut where rows are too few to keep the BLAS's inner kernel (16 to 32 rows) busy on every worker. */
enum { GRAIN = 16 };

static void gemm_piece(void *ctx, size_t begin, size_t end, size_t worker) {
    const gemm_job *job = ctx;
    size_t m = job->m, n = job->n;
    const real *a = job->a, *b = job->b;
    real *c = job->c;
    (void)worker;
    if (job->by_columns) {
        n = end - begin;
        b += job->tb ? begin * job->ldb : begin;
        c += begin;
    } else {
        m = end - begin;
        a += job->ta ? begin : begin * job->lda;
        c += begin * job->ldc;
    }
    sage_blas(job->ta, job->tb, m, n, job->k, job->alpha, a, job->lda, b, job->ldb, job->beta, c, job->ldc);
}

void sage_gemm_old(sage_pool *pool, bool ta, bool tb, size_t m, size_t n, size_t k, real alpha, const real *a,
                   size_t lda, const real *b, size_t ldb, real beta, real *c, size_t ldc) {
    if (m == 0 || n == 0) return;
    gemm_job job = {.ta = ta,
                    .tb = tb,
                    .m = m,
                    .n = n,
                    .k = k,
                    .lda = lda,
                    .ldb = ldb,
                    .ldc = ldc,
                    .alpha = alpha,
                    .beta = beta,
                    .a = a,
                    .b = b,
                    .c = c};
    size_t threads = sage_pool_threads(pool);
    job.by_columns = m < GRAIN * threads && n > m;
    /* Small products cost less than waking the others. */
    bool alone = threads == 1 || (double)m * (double)n * (double)k < 262144.0;
    if (alone)
        gemm_piece(&job, 0, job.by_columns ? n : m, 0);
    else
        sage_pool_for(pool, job.by_columns ? n : m, GRAIN, gemm_piece, &job);
}

const char *sage_gemm_old_name(void) {
    return sage_blas_name();
}
