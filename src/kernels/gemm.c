/* Matrix products: the BLAS on one thread, called by each worker on its part of C.
 *
 * OpenBLAS built for threads takes calls from several threads at once, and is told to use none of its own. Built
 * without threads and without USE_LOCKING (Debian's libopenblas0-serial) it does not: two callers may be given one
 * packing buffer, and the products are wrong. Its calls then go one after another. */
#include <cblas.h>
#include <kernels/kernels.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static pthread_once_t prepared = PTHREAD_ONCE_INIT;
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static bool locked;
static char name[96];

static void prepare(void) {
    const char *config = openblas_get_config();
    locked = openblas_get_parallel() == OPENBLAS_SEQUENTIAL && strstr(config, "USE_LOCKING") == NULL;
    openblas_set_num_threads(1);
    /* The configuration begins with the library's name and version; the rest is of no use to people. */
    char library[16] = "", version[16] = "";
    if (sscanf(config, "%15s %15s", library, version) != 2) library[0] = version[0] = '\0';
    snprintf(name, sizeof name, "%s %s %s%s", library, version, openblas_get_corename(),
             locked ? ", one call at a time" : "");
}

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
    if (locked) pthread_mutex_lock(&one_at_a_time);
#ifdef SAGE_REAL_F64
    cblas_dgemm(
#else
    cblas_sgemm(
#endif
        CblasRowMajor, job->ta ? CblasTrans : CblasNoTrans, job->tb ? CblasTrans : CblasNoTrans, (blasint)m, (blasint)n,
        (blasint)job->k, job->alpha, a, (blasint)job->lda, b, (blasint)job->ldb, job->beta, c, (blasint)job->ldc);
    if (locked) pthread_mutex_unlock(&one_at_a_time);
}

void sage_gemm_old(sage_pool *pool, bool ta, bool tb, size_t m, size_t n, size_t k, real alpha, const real *a,
                   size_t lda, const real *b, size_t ldb, real beta, real *c, size_t ldc) {
    if (m == 0 || n == 0) return;
    pthread_once(&prepared, prepare);
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
    pthread_once(&prepared, prepare);
    return name;
}
