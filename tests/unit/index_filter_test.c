/* Searches under a filter against brute force: by every way of answering, with filters at random, all in one corner, on
 * islands and of copies alone, from nearly all rows down to one and none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <base/alloc.h>
#include <base/rng.h>
#include <index/bits.h>
#include <index/hnsw.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DIM = 40, RANK = 12, N = 6000, QUERIES = 40, K = 10, WORDS = (N + 63) / 64 };

static float *unit_vectors(size_t n, uint64_t stream) {
    float map[RANK][DIM], *vectors = malloc((n + 1) * DIM * sizeof *vectors);
    sage_rng rng;
    sage_rng_seed(&rng, 1, 0);
    for (size_t i = 0; i < RANK * DIM; i++) map[i / DIM][i % DIM] = (float)sage_rng_normal(&rng);
    sage_rng_seed(&rng, 1, stream);
    for (size_t i = 0; i < n; i++) {
        float *x = vectors + i * DIM, square = 0;
        for (size_t c = 0; c < DIM; c++) x[c] = (float)(0.3 * sage_rng_normal(&rng));
        for (size_t r = 0; r < RANK; r++) sage_ops_best()->axpy(DIM, (float)sage_rng_normal(&rng), map[r], x);
        for (size_t c = 0; c < DIM; c++) square += x[c] * x[c];
        for (size_t c = 0; c < DIM; c++) x[c] /= sqrtf(square);
    }
    return vectors;
}

/* ---- an index and a filter ---- */

typedef struct fixture {
    float *vectors, *queries;
    sage_hnsw *hnsw;
    sage_hnsw_searcher *searcher;
    uint64_t bits[WORDS];
    sage_filter filter;
} fixture;

static void build(fixture *f) {
    const sage_hnsw_options options = {.m = 16, .build = 100, .seed = 1, .bytes = true};
    assert_int_equal(sage_hnsw_build(NULL, f->vectors, N, DIM, &options, &f->hnsw, NULL), SAGE_OK);
    assert_int_equal(sage_hnsw_searcher_new(f->hnsw, &f->searcher, NULL), SAGE_OK);
}

static void begin(fixture *f) {
    f->vectors = unit_vectors(N, 1);
    f->queries = unit_vectors(QUERIES, 2);
}

static void end(fixture *f) {
    sage_hnsw_searcher_free(f->searcher);
    sage_hnsw_free(f->hnsw);
    free(f->vectors);
    free(f->queries);
}

static void clear(fixture *f) {
    memset(f->bits, 0, sizeof f->bits);
    f->filter = (sage_filter){.bits = f->bits, .n = N};
}

static void accept(fixture *f, size_t row) {
    uint64_t bit = (uint64_t)1 << row % 64;
    f->filter.matches += (f->bits[row / 64] & bit) == 0;
    f->bits[row / 64] |= bit;
}

static bool accepts_by_bits(const void *ctx, uint32_t row) {
    const uint64_t *bits = ctx;
    return (bits[row / 64] >> row % 64 & 1) != 0;
}

static void accept_at_random(fixture *f, double share) {
    clear(f);
    accept(f, 17);
    for (size_t row = 0; row < N; row++)
        if ((double)(sage_mix64(row) >> 11) * 0x1p-53 < share) accept(f, row);
}

/* Those that lie most in the direction of some few rows. */
static void accept_islands(fixture *f, double share, size_t islands) {
    clear(f);
    for (size_t i = 0; i < islands; i++) {
        const float *centre = f->vectors + i * 97 * DIM;
        for (float least = 1; (double)f->filter.matches < share * N * (double)(i + 1) / (double)islands; least -= 0.01F)
            for (size_t row = 0; row < N; row++)
                if (sage_ops_best()->dot(DIM, centre, f->vectors + row * DIM) >= least) accept(f, row);
    }
}

/* ---- what has to hold of any answer, and recall ---- */

static int descending(const void *a, const void *b) {
    const float *x = a, *y = b;
    return (*x < *y) - (*x > *y);
}

static float score(const fixture *f, const float *query, size_t row) {
    return sage_ops_best()->dot(DIM, query, f->vectors + row * DIM);
}

/* The least score of the k best. */
static float least_of_best(const fixture *f, const float *query, size_t k) {
    static float scores[N];
    size_t n = 0;
    for (size_t row = 0; row < N; row++)
        if (accepts_by_bits(f->bits, (uint32_t)row)) scores[n++] = score(f, query, row);
    qsort(scores, n, sizeof *scores, descending);
    return scores[k - 1];
}

static size_t check(const fixture *f, const float *query, const sage_neighbour *out, size_t found) {
    size_t hits = 0;
    float least = found > 0 ? least_of_best(f, query, found) : 0;
    for (size_t i = 0; i < found; i++) {
        assert_true(out[i].row < N && accepts_by_bits(f->bits, out[i].row));
        assert_true(out[i].score == score(f, query, out[i].row));
        if (i > 0)
            assert_true(out[i - 1].score > out[i].score ||
                        (out[i - 1].score == out[i].score && out[i - 1].row < out[i].row));
        hits += out[i].score >= least - 1e-6F;
    }
    return hits;
}

/* way < 0: the planner's. */
static double recall(const fixture *f, int way, size_t width) {
    size_t hits = 0, all = 0, exist = 0, found;
    sage_neighbour out[K];
    for (size_t row = 0; row < N; row++) exist += accepts_by_bits(f->bits, (uint32_t)row);
    for (size_t q = 0; q < QUERIES; q++) {
        const float *query = f->queries + q * DIM;
        sage_plan plan = {(sage_plan_way)way, width};
        if (way < 0)
            assert_int_equal(sage_hnsw_search(f->searcher, query, K, width, &f->filter, out, &found, NULL), SAGE_OK);
        else
            assert_int_equal(sage_hnsw_search_by(f->searcher, query, K, width, &f->filter, plan, out, &found, NULL),
                             SAGE_OK);
        assert_int_equal(found, exist < K ? exist : K);
        hits += check(f, query, out, found);
        all += found;
    }
    return all == 0 ? 1 : (double)hits / (double)all;
}

static void at_least(const char *what, const fixture *f, double got, double expected) {
    if (!(got >= expected)) fail_msg("%s, %zu accepted: recall %.4f, not %.4f", what, f->filter.matches, got, expected);
}

static void check_ways(fixture *f) {
    size_t matches = f->filter.matches;
    at_least("planner", f, recall(f, -1, 64), 0.97);
    at_least("scan", f, recall(f, SAGE_PLAN_SCAN, 64), 0.999);
    at_least("among", f, recall(f, SAGE_PLAN_AMONG, 64), 0.95);
    if (matches > N / 20) at_least("test", f, recall(f, SAGE_PLAN_TEST, 64 * N / matches), 0.97);
    f->filter = (sage_filter){.accepts = accepts_by_bits, .ctx = f->bits, .matches = matches};
    at_least("planner, no bits", f, recall(f, -1, 64), 0.95);
    f->filter.matches = N / 2;
    at_least("planner, no bits and a wrong estimate", f, recall(f, -1, 64), 0.9);
    f->filter.matches = 1;
    at_least("planner, no bits and too low an estimate", f, recall(f, -1, 64), 0.999);
}

static const double shares[] = {1, 0.9, 0.5, 0.25, 0.1, 0.03, 0.01, 0.002, 0};

static void test_any_rows(void **state) {
    (void)state;
    fixture f = {0};
    begin(&f);
    build(&f);
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        accept_at_random(&f, shares[i]);
        check_ways(&f);
    }
    end(&f);
}

/* All in one place, or in some few: where most queries are not. */
static void test_islands(void **state) {
    (void)state;
    fixture f = {0};
    begin(&f);
    build(&f);
    for (size_t islands = 1; islands <= 9; islands += 4)
        for (size_t i = 2; i + 1 < sizeof shares / sizeof *shares; i++) {
            accept_islands(&f, shares[i], islands);
            check_ways(&f);
        }
    end(&f);
}

/* Thirty of each vector, of which one is accepted, not the first: the graph does not hold it. */
static void test_copies_alone(void **state) {
    (void)state;
    fixture f = {0};
    begin(&f);
    for (size_t row = 0; row < N; row++)
        memmove(f.vectors + row * DIM, f.vectors + row % (N / 30) * DIM, DIM * sizeof *f.vectors);
    build(&f);
    clear(&f);
    for (size_t row = 0; row < N / 30; row += 2) accept(&f, row + N / 30 * (row % 29 + 1));
    at_least("scan", &f, recall(&f, SAGE_PLAN_SCAN, 64), 0.999);
    at_least("among", &f, recall(&f, SAGE_PLAN_AMONG, 64), 0.95);
    at_least("test", &f, recall(&f, SAGE_PLAN_TEST, 150), 0.95);
    end(&f);
}

static void test_nothing_is_accepted(void **state) {
    (void)state;
    fixture f = {0};
    begin(&f);
    build(&f);
    clear(&f);
    for (int way = -1; way <= SAGE_PLAN_TEST; way++) assert_true(recall(&f, way, 64) == 1);
    end(&f);
}

/* What is dead is not found, though the filter accepts it, and is missed by nobody. */
static void test_dead_rows(void **state) {
    (void)state;
    static fixture f;
    uint64_t dead[WORDS] = {0};
    memset(&f, 0, sizeof f);
    begin(&f);
    build(&f);
    for (uint32_t row = 0; row < N; row += row % 3 + 1) {
        sage_bit_set(dead, row);
        f.hnsw->graph.n_dead++;
    }
    f.hnsw->graph.dead = dead;
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
        for (int way = -1; way <= SAGE_PLAN_TEST; way++) {
            accept_at_random(&f, shares[i]);
            uint64_t accepted[WORDS];
            memcpy(accepted, f.bits, sizeof accepted);
            for (size_t w = 0; w < WORDS; w++) f.bits[w] &= ~dead[w]; /* for brute force */
            f.filter.bits = accepted;
            at_least("dead rows", &f, recall(&f, way, 64), 0.95);
        }
    end(&f);
}

/* ---- exact search ---- */

static void test_exact_search(void **state) {
    (void)state;
    fixture f = {0};
    sage_pool *pool;
    sage_neighbour out[2 * K * QUERIES], one[K];
    size_t found[QUERIES], n;
    begin(&f);
    assert_int_equal(sage_pool_new(3, &pool, NULL), SAGE_OK);
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        accept_at_random(&f, shares[i]);
        assert_int_equal(
            sage_exact_search_among(pool, f.vectors, N, DIM, f.queries, QUERIES, 2 * K, &f.filter, out, found, NULL),
            SAGE_OK);
        for (size_t q = 0; q < QUERIES; q++) {
            const float *query = f.queries + q * DIM;
            assert_int_equal(found[q], f.filter.matches < 2 * K ? f.filter.matches : 2 * K);
            assert_int_equal(check(&f, query, out + 2 * K * q, found[q]), found[q]);
            assert_int_equal(sage_exact_search_among(NULL, f.vectors, N, DIM, query, 1, K, &f.filter, one, &n, NULL),
                             SAGE_OK);
            assert_memory_equal(one, out + 2 * K * q, n * sizeof *one);
        }
    }
    clear(&f);
    assert_int_equal(sage_exact_search_among(pool, f.vectors, N, DIM, f.queries, 1, K, &f.filter, out, found, NULL),
                     SAGE_OK);
    assert_int_equal(found[0], 0);
    assert_int_equal(sage_exact_search_among(pool, f.vectors, N, DIM, f.queries, 1, K, NULL, out, found, NULL),
                     SAGE_OK);
    assert_int_equal(found[0], K);
    sage_pool_free(pool);
    end(&f);
}

/* ---- rows of a filter ---- */

static void test_rows_one_after_another(void **state) {
    (void)state;
    fixture f = {0};
    clear(&f);
    static const size_t rows[] = {0, 1, 63, 64, 127, 128, 1000, N - 1};
    for (size_t i = 0; i < 8; i++) accept(&f, rows[i]);
    for (size_t room = 1; room <= 9; room += 2) {
        uint32_t got[9];
        size_t at = 0, i = 0, n;
        while ((n = sage_filter_next(&f.filter, N, &at, got, room)) > 0)
            for (size_t j = 0; j < n; j++) assert_int_equal(got[j], rows[i++]);
        assert_int_equal(i, 8);
    }
    uint32_t all[N];
    size_t at = 5;
    assert_int_equal(sage_filter_next(NULL, N, &at, all, N), N - 5);
    assert_int_equal(all[0], 5);
}

static void test_ways_by_cost(void **state) {
    (void)state;
    assert_int_equal(sage_plan_choose(1000000, 1, 10, 64).way, SAGE_PLAN_SCAN);
    assert_int_equal(sage_plan_choose(1000000, 1000, 10, 64).way, SAGE_PLAN_SCAN);
    assert_int_equal(sage_plan_choose(10000000, 500000, 500, 500).way, SAGE_PLAN_AMONG);
    sage_plan most = sage_plan_choose(1000000, 900000, 10, 64);
    assert_int_equal(most.way, SAGE_PLAN_TEST);
    assert_true(most.width > 64 && most.width < 80);
    assert_true(sage_plan_choose(1000000, 900000, 500, 500).width > 550); /* k of them pass */
    assert_int_equal(sage_plan_again(1000000, 500000, 64).way, SAGE_PLAN_AMONG);
    assert_true(sage_plan_again(100000000, 2000000, 64).width > 128); /* links between accepted rows are few */
    assert_int_equal(sage_plan_again(1000000000, 5000000, 64).way, SAGE_PLAN_SCAN);
    assert_int_equal(sage_plan_choose(10000000, 200000, 10, 64).way, SAGE_PLAN_TEST);
    assert_int_equal(sage_plan_again(1000000, 10000, 64).way, SAGE_PLAN_SCAN);
    assert_int_equal(sage_plan_choose(1000, 900, 10, 64).way, SAGE_PLAN_SCAN); /* few rows are looked at all */
    assert_int_equal(sage_plan_choose(1000000, 0, 10, 64).way, SAGE_PLAN_SCAN);
}

static void test_allocations_may_fail(void **state) {
    (void)state;
    fixture f = {0};
    sage_neighbour out[K];
    size_t found;
    bool done = false;
    begin(&f);
    accept_at_random(&f, 0.5);
    for (unsigned long from = 1; !done; from++) {
        sage_alloc_fail_from(from);
        sage_status st =
            sage_exact_search_among(NULL, f.vectors, N, DIM, f.queries, 1, K, &f.filter, out, &found, NULL);
        done = sage_alloc_fail_from(0) < from;
        assert_int_equal(st, done ? SAGE_OK : SAGE_E_MEMORY);
    }
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_rows),
        cmocka_unit_test(test_islands),
        cmocka_unit_test(test_copies_alone),
        cmocka_unit_test(test_nothing_is_accepted),
        cmocka_unit_test(test_dead_rows),
        cmocka_unit_test(test_exact_search),
        cmocka_unit_test(test_rows_one_after_another),
        cmocka_unit_test(test_ways_by_cost),
        cmocka_unit_test(test_allocations_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
