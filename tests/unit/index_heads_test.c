/* Heads keep out most rows and hardly any that counts; vectors that differ in all directions have none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <base/alloc.h>
#include <base/rng.h>
#include <index/hnsw.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DIM = 150, N = 3000, QUERIES = 40, K = 10 };

/* Unit vectors that differ in `rank` directions, and by a tenth of their length in all. */
static float *unit_vectors(size_t n, size_t rank, uint64_t stream) {
    float *map = malloc(rank * DIM * sizeof *map), *vectors = malloc(n * DIM * sizeof *vectors);
    const sage_ops *ops = sage_ops_best();
    sage_rng rng;
    sage_rng_seed(&rng, 1, 0);
    for (size_t i = 0; i < rank * DIM; i++) map[i] = (float)sage_rng_normal(&rng);
    sage_rng_seed(&rng, 1, stream);
    for (size_t i = 0; i < n; i++) {
        float *x = vectors + i * DIM;
        for (size_t c = 0; c < DIM; c++) x[c] = (float)(0.1 * sqrt((double)rank) * sage_rng_normal(&rng));
        for (size_t r = 0; r < rank; r++) ops->axpy(DIM, (float)sage_rng_normal(&rng), map + r * DIM, x);
        ops->scale(DIM, 1 / sqrtf(ops->dot(DIM, x, x)), x);
    }
    free(map);
    return vectors;
}

static void test_basis_and_products(void **state) {
    (void)state;
    float *vectors = unit_vectors(N, 16, 1), a[SAGE_HEAD], b[SAGE_HEAD];
    const sage_ops *ops = sage_ops_best();
    sage_heads heads;
    assert_int_equal(sage_heads_make(&heads, NULL, vectors, N, DIM, NULL), SAGE_OK);
    assert_non_null(heads.bytes);
    for (size_t i = 0; i < SAGE_HEAD; i++)
        for (size_t j = 0; j <= i; j++) {
            double dot = (double)ops->dot(DIM, heads.basis + i * DIM, heads.basis + j * DIM);
            assert_true(fabs(dot - (i == j)) < 1e-4);
        }
    assert_true(heads.slack > 0 && heads.slack < 0.02F);
    for (size_t i = 0; i < 200; i++) {
        const float *x = vectors + i * DIM, *y = vectors + (N - 1 - i) * DIM;
        sage_heads_of(&heads, x, a);
        sage_heads_of(&heads, y, b);
        assert_true(fabsf(ops->dot(DIM, x, y) - ops->dot(SAGE_HEAD, a, b)) < 0.02F);
        for (size_t c = 0; c < SAGE_HEAD; c++)
            assert_true(fabsf((float)heads.bytes[i * SAGE_HEAD + c] - a[c] * heads.scale) < 0.51F);
    }
    sage_heads_free(&heads);
    free(vectors);
}

static void test_only_where_they_help(void **state) {
    (void)state;
    sage_heads heads;
    float *low = unit_vectors(N, 16, 1), *high = unit_vectors(N, 2 * DIM, 1), *zeros = calloc(N * DIM, sizeof *zeros);
    assert_int_equal(sage_heads_make(&heads, NULL, high, N, DIM, NULL), SAGE_OK);
    assert_true(heads.bytes == NULL && heads.basis == NULL);
    assert_int_equal(sage_heads_make(&heads, NULL, zeros, N, DIM, NULL), SAGE_OK);
    assert_null(heads.bytes);
    assert_int_equal(sage_heads_make(&heads, NULL, low, 999, DIM, NULL), SAGE_OK);
    assert_null(heads.bytes);
    assert_int_equal(sage_heads_make(&heads, NULL, low, N, 127, NULL), SAGE_OK);
    assert_null(heads.bytes);
    free(low);
    free(high);
    free(zeros);
}

static double recall(const sage_hnsw *hnsw, const float *vectors, const float *queries, uint64_t *scored) {
    sage_hnsw_searcher *searcher;
    sage_neighbour exact[K], out[K];
    size_t found, hits = 0;
    assert_int_equal(sage_hnsw_searcher_new(hnsw, &searcher, NULL), SAGE_OK);
    for (size_t q = 0; q < QUERIES; q++) {
        assert_int_equal(sage_exact_search(NULL, vectors, N, DIM, queries + q * DIM, 1, K, exact, &found, NULL),
                         SAGE_OK);
        assert_int_equal(sage_hnsw_search(searcher, queries + q * DIM, K, 64, NULL, out, &found, NULL), SAGE_OK);
        assert_int_equal(found, K);
        for (size_t i = 0; i < K; i++)
            for (size_t j = 0; j < K; j++) hits += out[i].row == exact[j].row;
    }
    *scored = sage_hnsw_scored(searcher);
    sage_hnsw_searcher_free(searcher);
    return (double)hits / (QUERIES * K);
}

/* Beside a graph over the vectors themselves, which has no heads. */
static void test_recall_stays_and_work_falls(void **state) {
    (void)state;
    sage_hnsw_options options = {.m = 16, .build = 100, .seed = 1, .bytes = true};
    float *vectors = unit_vectors(N, 16, 1), *queries = unit_vectors(QUERIES, 16, 2);
    sage_hnsw *with, *without, *threads;
    sage_pool *pool;
    uint64_t whole, all;
    assert_int_equal(sage_pool_new(3, &pool, NULL), SAGE_OK);
    assert_int_equal(sage_hnsw_build(NULL, vectors, N, DIM, &options, &with, NULL), SAGE_OK);
    assert_int_equal(sage_hnsw_build(pool, vectors, N, DIM, &options, &threads, NULL), SAGE_OK);
    assert_memory_equal(with->codes.heads.bytes, threads->codes.heads.bytes, N * SAGE_HEAD);
    assert_memory_equal(with->graph.ground, threads->graph.ground, N * 2 * options.m * sizeof(uint32_t));
    options.bytes = false;
    assert_int_equal(sage_hnsw_build(pool, vectors, N, DIM, &options, &without, NULL), SAGE_OK);
    assert_true(with->codes.heads.bytes != NULL && without->codes.heads.bytes == NULL);
    double sieved = recall(with, vectors, queries, &whole), full = recall(without, vectors, queries, &all);
    if (!(sieved > 0.97 && sieved > full - 0.01)) fail_msg("recall %.4f with heads, %.4f without", sieved, full);
    assert_true(2 * whole < all);
    memset(queries, 0, DIM * sizeof *queries); /* no direction at all: any rows will do, as many as asked for */
    recall(with, vectors, queries, &whole);
    sage_hnsw_free(with);
    sage_hnsw_free(without);
    sage_hnsw_free(threads);
    sage_pool_free(pool);
    free(vectors);
    free(queries);
}

static void test_allocations_may_fail(void **state) {
    (void)state;
    float *vectors = unit_vectors(N, 16, 1);
    bool done = false;
    for (unsigned long from = 1; !done; from++) {
        sage_heads heads;
        sage_alloc_fail_from(from);
        sage_status st = sage_heads_make(&heads, NULL, vectors, 1000, DIM, NULL);
        done = sage_alloc_fail_from(0) < from;
        assert_int_equal(st, done ? SAGE_OK : SAGE_E_MEMORY);
        if (!done) assert_true(heads.bytes == NULL && heads.basis == NULL);
        sage_heads_free(&heads);
    }
    free(vectors);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_basis_and_products),
        cmocka_unit_test(test_only_where_they_help),
        cmocka_unit_test(test_recall_stays_and_work_falls),
        cmocka_unit_test(test_allocations_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
