/* Matrix products against three loops; all transpositions, strides and cuts, and many callers at once. */
#include <base/rng.h>
#include <kernels/kernels.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <support/test.h>

static float *random_matrix(size_t n, sage_rng *rng) {
    float *x = malloc((n + 1) * sizeof *x);
    for (size_t i = 0; i < n; i++) x[i] = (float)sage_rng_normal(rng);
    return x;
}

static double element(const float *x, bool transposed, size_t row, size_t column, size_t ld) {
    return (double)(transposed ? x[column * ld + row] : x[row * ld + column]);
}

static void one(sage_pool *pool, bool ta, bool tb, size_t m, size_t n, size_t k, float alpha, float beta,
                sage_rng *rng) {
    size_t pad = 3, lda = (ta ? m : k) + pad, ldb = (tb ? k : n) + pad, ldc = n + pad;
    float *a = random_matrix((ta ? k : m) * lda, rng), *b = random_matrix((tb ? n : k) * ldb, rng),
          *c = random_matrix(m * ldc, rng);
    float *before = malloc((m * ldc + 1) * sizeof *before);
    memcpy(before, c, m * ldc * sizeof *c);
    sage_gemm_old(pool, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < ldc; j++) {
            double sum = 0, size = 0, old = (double)before[i * ldc + j];
            for (size_t l = 0; l < k && j < n; l++) {
                double product = element(a, ta, i, l, lda) * element(b, tb, l, j, ldb);
                sum += product;
                size += fabs(product);
            }
            double expected = j < n ? (double)alpha * sum + (double)beta * old : old; /* what lies between rows stays */
            if (fabs((double)c[i * ldc + j] - expected) > 1e-6 * (size + fabs(old)) + 1e-30)
                fail_msg("%zu x %zu x %zu, transposed %d %d: c[%zu][%zu] is %g, not %g", m, n, k, ta, tb, i, j,
                         (double)c[i * ldc + j], expected);
        }
    free(a);
    free(b);
    free(c);
    free(before);
}

static void every_form(sage_pool *pool) {
    static const size_t sizes[][3] = {{1, 1, 1},    {1, 40, 7},    {40, 1, 7},    {3, 200, 64},
                                      {200, 3, 64}, {65, 130, 70}, {257, 66, 33}, {8, 1000, 96}};
    sage_rng rng;
    sage_rng_seed(&rng, 4, 4);
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
        for (int t = 0; t < 4; t++) {
            one(pool, t & 1, t & 2, sizes[s][0], sizes[s][1], sizes[s][2], 1, 0, &rng);
            one(pool, t & 1, t & 2, sizes[s][0], sizes[s][1], sizes[s][2], 0.5f, 1.5f, &rng);
        }
    one(pool, false, false, 0, 5, 5, 1, 0, &rng);
    one(pool, false, false, 5, 0, 5, 1, 0, &rng);
}

static void on_the_caller(void **state) {
    (void)state;
    every_form(NULL);
}

static void over_a_pool(void **state) {
    sage_pool *pool;
    (void)state;
    assert_int_equal(sage_pool_new(3, &pool, NULL), SAGE_OK);
    every_form(pool);
    sage_pool_free(pool);
}

/* A BLAS that hands one buffer to two callers shows where they start together, most of all at the first calls of a
 * process; so this test comes first, and what is right is asked afterwards. */
enum { CALLERS = 4, ROUNDS = 500, M = 20, N = 260, K = 256 }; /* past the sizes that need no buffer */

typedef struct caller {
    float *a, *b, *c, *first;
    size_t rounds, wrong;
} caller;

static void call_once(void *ctx, size_t begin, size_t end, size_t worker) {
    caller *self = (caller *)ctx + begin;
    (void)end;
    (void)worker;
    sage_gemm_old(NULL, false, true, M, N, K, 1, self->a, K, self->b, K, 0, self->rounds == 0 ? self->first : self->c, N);
    if (self->rounds++ > 0 && memcmp(self->c, self->first, M * N * sizeof *self->c) != 0) self->wrong++;
}

static void many_callers_at_once(void **state) {
    caller callers[CALLERS];
    sage_pool *pool;
    sage_rng rng;
    (void)state;
    sage_rng_seed(&rng, 5, 5);
    assert_int_equal(sage_pool_new(CALLERS, &pool, NULL), SAGE_OK);
    for (size_t i = 0; i < CALLERS; i++)
        callers[i] = (caller){.a = random_matrix(M * K, &rng),
                              .b = random_matrix(K * N, &rng),
                              .c = random_matrix(M * N, &rng),
                              .first = random_matrix(M * N, &rng)};
    for (size_t round = 0; round < ROUNDS; round++) sage_pool_for(pool, CALLERS, 1, call_once, callers);
    sage_pool_free(pool);
    for (size_t i = 0; i < CALLERS; i++) {
        sage_gemm_old(NULL, false, true, M, N, K, 1, callers[i].a, K, callers[i].b, K, 0, callers[i].c, N);
        if (memcmp(callers[i].c, callers[i].first, M * N * sizeof(float)) != 0) callers[i].wrong++;
        free(callers[i].a);
        free(callers[i].b);
        free(callers[i].c);
        free(callers[i].first);
        assert_int_equal(callers[i].wrong, 0);
    }
    assert_true(strlen(sage_gemm_old_name()) > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(many_callers_at_once), cmocka_unit_test(on_the_caller),
                                       cmocka_unit_test(over_a_pool)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
