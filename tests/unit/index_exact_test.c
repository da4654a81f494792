/* Exact search against sorting everything, for shapes around every border of the blocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <base/alloc.h>
#include <base/rng.h>
#include <index/topk.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int worse_first(const void *a, const void *b) {
    const sage_neighbour *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

/* Small whole numbers: every order of adding gives the same score, so results must be equal to the last bit. */
static float *whole_numbers(size_t n, uint64_t stream) {
    float *values = malloc((n + 1) * sizeof *values);
    sage_rng rng;
    sage_rng_seed(&rng, 7, stream);
    for (size_t i = 0; i < n; i++) values[i] = (float)((int)sage_rng_below(&rng, 9) - 4);
    return values;
}

static void brute(const float *base, size_t n, size_t dim, const float *query, sage_neighbour *all) {
    for (size_t row = 0; row < n; row++) {
        float score = 0;
        for (size_t i = 0; i < dim; i++) score += base[row * dim + i] * query[i];
        all[row] = (sage_neighbour){(uint32_t)row, score};
    }
    qsort(all, n, sizeof *all, worse_first);
}

static void check(size_t threads, size_t n, size_t dim, size_t n_queries, size_t k) {
    sage_pool *pool = NULL;
    sage_error error = {0};
    float *base = whole_numbers(n * dim, 1), *queries = whole_numbers(n_queries * dim, 2);
    sage_neighbour *out = malloc(n_queries * k * sizeof *out + 1), *all = malloc((n + 1) * sizeof *all);
    size_t *found = malloc((n_queries + 1) * sizeof *found), expected = k < n ? k : n;
    memset(out, 0xAB, n_queries * k * sizeof *out);
    if (threads > 1) assert_int_equal(sage_pool_new(threads, &pool, &error), SAGE_OK);
    assert_int_equal(sage_exact_search(pool, base, n, dim, queries, n_queries, k, out, found, &error), SAGE_OK);
    for (size_t q = 0; q < n_queries; q++) {
        assert_int_equal(found[q], expected);
        brute(base, n, dim, queries + q * dim, all);
        assert_memory_equal(out + q * k, all, expected * sizeof *all);
    }
    sage_pool_free(pool);
    free(found);
    free(all);
    free(out);
    free(queries);
    free(base);
}

static void test_equals_sorting_everything(void **state) {
    (void)state;
    static const size_t rows[] = {0, 1, 3, 511, 512, 513, 3000}, queries[] = {1, 2, 11, 12, 127, 128, 129, 260},
                        ks[] = {1, 10, 256, 1500};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t j = 0; j < sizeof queries / sizeof *queries; j++)
            check(1 + (i + j) % 3, rows[i], 5, queries[j], ks[(i + j) % 4]);
    for (size_t threads = 1; threads <= 4; threads++) {
        check(threads, 2500, 32, 70, 100);
        check(threads, 2500, 1, 3, 5000); /* almost all scores are equal: ties by row */
        check(threads, 700, 33, 300, 10);
    }
    check(1, 3000, 4, 7, 3000);
    check(2, 12000, 3, 2, 10000);
}

static void test_nothing_asked(void **state) {
    (void)state;
    float base[4] = {1, 2, 3, 4};
    size_t found[2] = {9, 9};
    sage_neighbour out[2];
    assert_int_equal(sage_exact_search(NULL, base, 2, 2, base, 0, 1, out, found, NULL), SAGE_OK);
    assert_int_equal(sage_exact_search(NULL, base, 2, 2, base, 2, 0, out, found, NULL), SAGE_OK);
    assert_int_equal(found[0], 0);
    assert_int_equal(found[1], 0);
    assert_int_equal(sage_exact_search(NULL, base, UINT32_MAX, 2, base, 1, 1, out, found, NULL), SAGE_E_LIMIT);
}

/* Real-valued vectors: the threads cut the rows elsewhere, and no bit changes. */
static void test_threads_change_no_bit(void **state) {
    (void)state;
    enum { N = 5000, DIM = 48, K = 50 };
    static float base[N * DIM], queries[130 * DIM];
    static sage_neighbour one[130 * K], more[130 * K];
    size_t found[130];
    sage_rng rng;
    sage_rng_seed(&rng, 3, 0);
    for (size_t i = 0; i < N * DIM; i++) base[i] = (float)sage_rng_normal(&rng);
    for (size_t i = 0; i < 130 * DIM; i++) queries[i] = (float)sage_rng_normal(&rng);
    static const size_t counts[] = {1, 4, 40, 130};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(sage_exact_search(NULL, base, N, DIM, queries, counts[i], K, one, found, NULL), SAGE_OK);
        for (size_t threads = 2; threads <= 5; threads++) {
            sage_pool *pool;
            assert_int_equal(sage_pool_new(threads, &pool, NULL), SAGE_OK);
            assert_int_equal(sage_exact_search(pool, base, N, DIM, queries, counts[i], K, more, found, NULL), SAGE_OK);
            assert_memory_equal(one, more, counts[i] * K * sizeof *one);
            sage_pool_free(pool);
        }
    }
}

static void test_top_of_hard_orders(void **state) {
    (void)state;
    enum { N = 4000 };
    static float scores[N];
    static sage_neighbour all[N], best[N];
    static uint64_t list[2 * N];
    for (int shape = 0; shape < 6; shape++) {
        for (size_t i = 0; i < N; i++) {
            const float shapes[] = {
                (float)i, -(float)i, 1, (float)(i % 3), (float)(i < N / 2 ? i : N - i), (float)((i * 7919) % N)};
            scores[i] = shapes[shape];
            all[i] = (sage_neighbour){(uint32_t)i, scores[i] + 0.0F}; /* of the two zeros one comes back */
        }
        qsort(all, N, sizeof *all, worse_first);
        static const size_t ks[] = {1, 2, 3, 17, 1000, N};
        for (size_t j = 0; j < 6; j++) {
            sage_top top;
            sage_top_begin(&top, list, ks[j]);
            for (size_t i = 0; i < N; i += 37) sage_top_scan(&top, scores + i, N - i < 37 ? N - i : 37, (uint32_t)i);
            assert_int_equal(sage_top_finish(&top, best), ks[j]);
            assert_memory_equal(best, all, ks[j] * sizeof *all);
        }
    }
}

static void test_what_is_no_number_comes_last(void **state) {
    (void)state;
    const float scores[] = {1, NAN, 3, -INFINITY, INFINITY, -5};
    uint64_t list[300];
    sage_neighbour best[6];
    sage_top top;
    assert_true(sage_top_room(6) <= 300);
    sage_top_begin(&top, list, 6);
    sage_top_scan(&top, scores, 6, 10);
    assert_int_equal(sage_top_finish(&top, best), 6);
    static const uint32_t order[] = {14, 12, 10, 15, 11, 13};
    for (size_t i = 0; i < 6; i++) assert_int_equal(best[i].row, order[i]);
}

/* Both zeros are one score; infinities and the smallest numbers keep their order and come back as they were. */
static void test_scores_come_back_as_they_were(void **state) {
    (void)state;
    const float scores[] = {-0.0F, 0.0F, 1e-45F, -1e-45F, INFINITY, -INFINITY, 3.5F, -3.5F, -0.0F};
    static const uint32_t order[] = {4, 6, 2, 0, 1, 8, 3, 7, 5};
    uint64_t list[600];
    sage_neighbour best[9];
    sage_top top;
    sage_top_begin(&top, list, 9);
    sage_top_scan(&top, scores, 9, 0);
    assert_int_equal(sage_top_finish(&top, best), 9);
    for (size_t i = 0; i < 9; i++) {
        assert_int_equal(best[i].row, order[i]);
        assert_true(best[i].score == scores[order[i]]);
    }
}

static void test_allocations_may_fail(void **state) {
    (void)state;
    float base[6] = {1, 2, 3, 4, 5, 6};
    sage_neighbour out[2];
    size_t found[1];
    sage_error error;
    bool done = false;
    for (unsigned long from = 1; !done; from++) {
        sage_alloc_fail_from(from);
        sage_status st = sage_exact_search(NULL, base, 3, 2, base, 1, 2, out, found, &error);
        done = sage_alloc_fail_from(0) < from;
        assert_int_equal(st, done ? SAGE_OK : SAGE_E_MEMORY);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_sorting_everything),    cmocka_unit_test(test_nothing_asked),
        cmocka_unit_test(test_threads_change_no_bit),        cmocka_unit_test(test_top_of_hard_orders),
        cmocka_unit_test(test_what_is_no_number_comes_last), cmocka_unit_test(test_scores_come_back_as_they_were),
        cmocka_unit_test(test_allocations_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
