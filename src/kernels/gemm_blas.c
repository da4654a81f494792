/* OpenBLAS on one thread.
 *
 * Built for threads it takes calls from several threads at once, and is told to use none of its own. Built without
 * threads and without USE_LOCKING (Debian's libopenblas0-serial) it does not: two callers may be given one packing
 * buffer, and the products are wrong. Its calls then go one after another. */
#include "gemm_impl.h"
#include <cblas.h>
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

const char *sage_blas_name(void) {
    pthread_once(&prepared, prepare);
    return name;
}

void sage_blas(bool ta, bool tb, size_t m, size_t n, size_t k, real alpha, const real *a, size_t lda, const real *b,
               size_t ldb, real beta, real *c, size_t ldc) {
    pthread_once(&prepared, prepare);
    if (locked) pthread_mutex_lock(&one_at_a_time);
#ifdef SAGE_REAL_F64
    cblas_dgemm(
#else
    cblas_sgemm(
#endif
        CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, (blasint)m, (blasint)n,
        (blasint)k, alpha, a, (blasint)lda, b, (blasint)ldb, beta, c, (blasint)ldc);
    if (locked) pthread_mutex_unlock(&one_at_a_time);
}
