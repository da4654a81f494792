/* The graph index against exact search: recall on made vectors, the same graph on any number of threads, and the odd
 * catalogues (none, one, all the same). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <base/alloc.h>
#include <index/hnsw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/made_index.h>

enum { DIM = 40, QUERIES = 50, K = 10 };

static const sage_hnsw_options usual = {.m = 16, .build = 100, .seed = 1, .bytes = true};

static float *unit_vectors(size_t n, uint64_t stream) {
    return made_vectors(n, DIM, stream);
}

static sage_hnsw *built(size_t threads, const float *vectors, size_t n, const sage_hnsw_options *options) {
    sage_pool *pool = NULL;
    sage_hnsw *hnsw = NULL;
    if (threads > 1) assert_int_equal(sage_pool_new(threads, &pool, NULL), SAGE_OK);
    assert_int_equal(sage_hnsw_build(pool, vectors, n, DIM, options, &hnsw, NULL), SAGE_OK);
    sage_pool_free(pool);
    return hnsw;
}

/* The share of the exact k best that are found, a row with the score of one of them counting as it; and what has to
 * hold of any answer. */
static double recall(const sage_hnsw *hnsw, const float *vectors, size_t n, size_t width) {
    sage_hnsw_searcher *searcher;
    float *queries = unit_vectors(QUERIES, 99);
    sage_neighbour exact[K], out[K];
    size_t found, expected = n < K ? n : K, hits = 0;
    assert_int_equal(sage_hnsw_searcher_new(hnsw, &searcher, NULL), SAGE_OK);
    for (size_t q = 0; q < QUERIES; q++) {
        const float *query = queries + q * DIM;
        assert_int_equal(sage_exact_search(NULL, vectors, n, DIM, query, 1, K, exact, &found, NULL), SAGE_OK);
        assert_int_equal(sage_hnsw_search(searcher, query, K, width, NULL, out, &found, NULL), SAGE_OK);
        assert_int_equal(found, expected);
        for (size_t i = 0; i < found; i++) {
            assert_true(out[i].row < n);
            float score = sage_ops_best()->dot(DIM, query, vectors + (size_t)out[i].row * DIM);
            assert_true(score == out[i].score);
            if (i > 0)
                assert_true(out[i - 1].score > score || (out[i - 1].score == score && out[i - 1].row < out[i].row));
            hits += score >= exact[expected - 1].score - 1e-6F;
        }
    }
    sage_hnsw_searcher_free(searcher);
    free(queries);
    return n == 0 ? 1 : (double)hits / (double)(QUERIES * expected);
}

static void at_least(const char *what, double got, double expected) {
    if (!(got >= expected)) fail_msg("%s: recall %.4f, not %.4f", what, got, expected);
}

static void test_finds_what_exact_search_finds(void **state) {
    (void)state;
    enum { N = 5000 };
    float *vectors = unit_vectors(N, 1);
    sage_hnsw_options options = usual;
    for (int bytes = 0; bytes <= 1; bytes++) {
        options.bytes = bytes;
        sage_hnsw *hnsw = built(1, vectors, N, &options);
        at_least("width 20", recall(hnsw, vectors, N, 20), 0.93);
        at_least("width 100", recall(hnsw, vectors, N, 100), 0.995);
        assert_true(recall(hnsw, vectors, N, N) == 1);
        sage_hnsw_free(hnsw);
    }
    free(vectors);
}

/* Of a walk's candidates those far behind are not looked at by their vectors: none of them belongs among the best. A
 * list as long as the walk is wide has all of them looked at, so it begins with what a short one has. */
static void test_short_lists_begin_long_ones(void **state) {
    (void)state;
    enum { N = 5000, WIDTH = 150 };
    float *vectors = unit_vectors(N, 1), *queries = unit_vectors(QUERIES, 99);
    sage_neighbour few[K], all[WIDTH];
    size_t n_few, n_all;
    for (int longer = 0; longer <= 1; longer++) { /* vectors of any length */
        for (size_t i = 0; longer && i < (size_t)N * DIM; i++) vectors[i] *= 1 + (float)(i / DIM % 7);
        sage_hnsw *hnsw = built(2, vectors, N, &usual);
        sage_hnsw_searcher *searcher;
        assert_int_equal(sage_hnsw_searcher_new(hnsw, &searcher, NULL), SAGE_OK);
        for (size_t q = 0; q < QUERIES; q++) {
            const float *query = queries + q * DIM;
            assert_int_equal(sage_hnsw_search(searcher, query, K, WIDTH, NULL, few, &n_few, NULL), SAGE_OK);
            assert_int_equal(sage_hnsw_search(searcher, query, WIDTH, WIDTH, NULL, all, &n_all, NULL), SAGE_OK);
            assert_int_equal(n_few, K);
            assert_int_equal(n_all, WIDTH);
            assert_memory_equal(few, all, sizeof few);
        }
        sage_hnsw_searcher_free(searcher);
        sage_hnsw_free(hnsw);
    }
    free(vectors);
    free(queries);
}

static void test_rows_sorted_by_where_they_lie(void **state) {
    (void)state;
    enum { N = 4000, CLUSTERS = 20 };
    float *vectors = unit_vectors(N, 1), *centres = unit_vectors(CLUSTERS, 2);
    for (size_t i = 0; i < N; i++) {
        double square = 0;
        float *x = vectors + i * DIM, *centre = centres + i / (N / CLUSTERS) * DIM;
        for (size_t c = 0; c < DIM; c++) x[c] = 0.2F * x[c] + centre[c];
        for (size_t c = 0; c < DIM; c++) square += (double)(x[c] * x[c]);
        for (size_t c = 0; c < DIM; c++) x[c] /= (float)sqrt(square);
    }
    sage_hnsw *hnsw = built(2, vectors, N, &usual);
    at_least("clusters one after the other", recall(hnsw, vectors, N, 100), 0.95);
    sage_hnsw_free(hnsw);
    free(vectors);
    free(centres);
}

/* Variants of a product have one vector: more of them than a row has links must not close themselves off. */
static void test_many_the_same(void **state) {
    (void)state;
    enum { N = 6000 };
    static const size_t copies[] = {3, 150, N};
    for (size_t i = 0; i < 3; i++) {
        float *vectors = unit_vectors(N, 1);
        for (size_t row = 0; row < N; row++)
            memmove(vectors + row * DIM, vectors + row / copies[i] * copies[i] * DIM, DIM * sizeof *vectors);
        sage_hnsw *hnsw = built(1, vectors, N, &usual);
        char what[48];
        snprintf(what, sizeof what, "%zu copies each", copies[i]);
        at_least(what, recall(hnsw, vectors, N, 100), 0.98);
        sage_hnsw_free(hnsw);
        free(vectors);
    }
}

/* Dead rows are walked through and never given: of a tenth, of all but a corner, of the same ones many times, of all.
 */
static void test_dead_rows(void **state) {
    (void)state;
    enum { N = 4000, COPIES = 5 };
    static const size_t alive_of[] = {10, 9, 1, 0};
    float *vectors = unit_vectors(N, 1);
    for (size_t row = 0; row < N / 2; row++)
        memmove(vectors + row * DIM, vectors + row / COPIES * COPIES * DIM, DIM * sizeof *vectors);
    sage_hnsw *hnsw = built(1, vectors, N, &usual);
    uint64_t *dead = calloc(1, sage_bits_bytes(N));
    for (size_t i = 0; i < 4; i++) {
        float *living = malloc(N * DIM * sizeof *living);
        size_t n = 0;
        for (uint32_t row = 0; row < N; row++) {
            bool alive = alive_of[i] == 1 ? row > N - 20 : row % 10 < alive_of[i];
            if (!alive) sage_bit_set(dead, row);
            if (alive) memcpy(living + n++ * DIM, vectors + row * DIM, DIM * sizeof *living);
        }
        hnsw->graph.dead = dead;
        hnsw->graph.n_dead = N - n;
        sage_hnsw_searcher *searcher;
        float *queries = unit_vectors(QUERIES, 99);
        size_t hits = 0, found, expected = n < K ? n : K;
        sage_neighbour exact[K], out[K];
        assert_int_equal(sage_hnsw_searcher_new(hnsw, &searcher, NULL), SAGE_OK);
        for (size_t q = 0; q < QUERIES; q++) {
            const float *query = queries + q * DIM;
            assert_int_equal(sage_exact_search(NULL, living, n, DIM, query, 1, K, exact, &found, NULL), SAGE_OK);
            assert_int_equal(sage_hnsw_search(searcher, query, K, 50, NULL, out, &found, NULL), SAGE_OK);
            assert_int_equal(found, expected);
            for (size_t r = 0; r < found; r++) {
                assert_false(sage_bit(dead, out[r].row));
                for (size_t s = 0; s < r; s++) assert_true(out[s].row != out[r].row);
                hits += out[r].score >= exact[found - 1].score - 1e-6F;
            }
        }
        if (n > 0) at_least("among dead rows", (double)hits / (double)(QUERIES * expected), 0.97);
        sage_hnsw_searcher_free(searcher);
        free(queries);
        free(living);
        memset(dead, 0, sage_bits_bytes(N));
    }
    hnsw->graph.dead = NULL;
    free(dead);
    sage_hnsw_free(hnsw);
    free(vectors);
}

static void test_few_rows(void **state) {
    (void)state;
    for (size_t n = 0; n <= 70; n += n < 12 ? 1 : 29) {
        float *vectors = unit_vectors(n, 1);
        sage_hnsw *hnsw = built(1 + n % 3, vectors, n, &usual);
        assert_true(recall(hnsw, vectors, n, 10) >= (n <= K ? 1 : 0.95));
        sage_hnsw_free(hnsw);
        free(vectors);
    }
}

static void test_threads_change_no_link(void **state) {
    (void)state;
    enum { N = 3000 };
    float *vectors = unit_vectors(N, 1);
    sage_hnsw *one = built(1, vectors, N, &usual);
    for (size_t threads = 2; threads <= 5; threads += 3) {
        sage_hnsw *more = built(threads, vectors, N, &usual);
        assert_memory_equal(one->codes.bytes, more->codes.bytes, N * one->codes.ld);
        assert_memory_equal(one->graph.levels, more->graph.levels, N);
        assert_memory_equal(one->graph.ground, more->graph.ground, N * 2 * usual.m * sizeof(uint32_t));
        assert_memory_equal(one->graph.upper, more->graph.upper, one->graph.n_upper * usual.m * sizeof(uint32_t));
        assert_int_equal(one->graph.entry, more->graph.entry);
        sage_hnsw_free(more);
    }
    sage_hnsw_options other = usual;
    other.seed = 2;
    sage_hnsw *apart = built(1, vectors, N, &other);
    assert_memory_not_equal(one->graph.ground, apart->graph.ground, N * 2 * usual.m * sizeof(uint32_t));
    sage_hnsw_free(apart);
    sage_hnsw_free(one);
    free(vectors);
}

/* Every link leads to another row that stands on that level, none twice; the blocks are filled from the front. */
static void test_links_are_sound(void **state) {
    (void)state;
    enum { N = 2500 };
    float *vectors = unit_vectors(N, 1);
    sage_hnsw_options options = {.m = 5, .build = 30, .seed = 3, .bytes = true};
    sage_hnsw *hnsw = built(2, vectors, N, &options);
    const sage_graph *graph = &hnsw->graph;
    size_t higher = 0;
    for (uint32_t row = 0; row < N; row++)
        for (unsigned level = 0; level <= graph->levels[row]; level++) {
            const uint32_t *links = sage_graph_links(graph, row, level);
            size_t width = sage_graph_width(graph, level), n = 0;
            higher += level > 0;
            while (n < width && links[n] != SAGE_NO_ROW) n++;
            for (size_t i = 0; i < width; i++) {
                if (i >= n) assert_int_equal(links[i], SAGE_NO_ROW);
                if (i >= n) continue;
                assert_true(links[i] < N && links[i] != row && graph->levels[links[i]] >= level);
                for (size_t j = 0; j < i; j++) assert_true(links[j] != links[i]);
            }
            if (level == 0) assert_true(n > 0);
        }
    assert_int_equal(higher, graph->n_upper);
    assert_true(higher > N / 8 && higher < N / 2);
    sage_hnsw_free(hnsw);
    free(vectors);
}

static void test_zeros_and_what_is_refused(void **state) {
    (void)state;
    float vectors[20 * DIM] = {0};
    sage_hnsw *hnsw = built(1, vectors, 20, &usual);
    assert_true(recall(hnsw, vectors, 20, 20) == 1);
    sage_hnsw_free(hnsw);
    static const sage_hnsw_options wrong[] = {
        {.m = 3, .build = 10}, {.m = 65, .build = 100}, {.m = 16, .build = 15}, {.m = 16, .build = 4097}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(sage_hnsw_build(NULL, vectors, 20, DIM, &wrong[i], &hnsw, NULL), SAGE_E_ARGUMENT);
        assert_null(hnsw);
    }
    assert_int_equal(sage_hnsw_build(NULL, vectors, (size_t)1 << 31, DIM, &usual, &hnsw, NULL), SAGE_E_LIMIT);
}

static void test_allocations_may_fail(void **state) {
    (void)state;
    enum { N = 100 };
    float *vectors = unit_vectors(N, 1);
    sage_neighbour out[N];
    size_t found;
    bool done = false;
    for (unsigned long from = 1; !done; from++) {
        sage_hnsw *hnsw = NULL;
        sage_hnsw_searcher *searcher = NULL;
        sage_alloc_fail_from(from);
        sage_status st = sage_hnsw_build(NULL, vectors, N, DIM, &usual, &hnsw, NULL);
        if (st == SAGE_OK) st = sage_hnsw_searcher_new(hnsw, &searcher, NULL);
        if (st == SAGE_OK) st = sage_hnsw_search(searcher, vectors, 10, 300, NULL, out, &found, NULL);
        if (st == SAGE_OK) st = sage_hnsw_search(searcher, vectors, N, N, NULL, out, &found, NULL);
        done = sage_alloc_fail_from(0) < from;
        assert_int_equal(st, done ? SAGE_OK : SAGE_E_MEMORY);
        if (done) assert_int_equal(found, N);
        sage_hnsw_searcher_free(searcher);
        sage_hnsw_free(hnsw);
    }
    free(vectors);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_what_exact_search_finds),
        cmocka_unit_test(test_short_lists_begin_long_ones),
        cmocka_unit_test(test_rows_sorted_by_where_they_lie),
        cmocka_unit_test(test_many_the_same),
        cmocka_unit_test(test_dead_rows),
        cmocka_unit_test(test_few_rows),
        cmocka_unit_test(test_threads_change_no_link),
        cmocka_unit_test(test_links_are_sound),
        cmocka_unit_test(test_zeros_and_what_is_refused),
        cmocka_unit_test(test_allocations_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
