/* Searches by a graph that lies in a file: what it finds is what the graph in memory found, k rows where there are k.
 */
#include "index_graph_help.h"

#include <base/alloc.h>
#include <base/report.h>
#include <index/plan.h>
#include <index/recall.h>

enum { K = 10, QUERIES = 20, WIDTH = 40 };

static void same_as_in_memory(size_t n, size_t dim, bool bytes) {
    sage_error error = {0};
    const sage_index_links links = {16, 60, bytes};
    const sage_hnsw_options options = {.m = 16, .build = 60, .seed = 1, .bytes = bytes};
    float *vectors = made_vectors(n, dim, 1), *queries = made_vectors(QUERIES, dim, 2);
    sage_hnsw *hnsw;
    sage_hnsw_searcher *searcher;
    build(vectors, n, dim, &links);
    must(sage_hnsw_build(NULL, vectors, n, dim, &options, &hnsw, &error), &error);
    must(sage_hnsw_searcher_new(hnsw, &searcher, &error), &error);
    sage_index *index = open_index(true);
    assert_int_equal(sage_index_graph_bytes(index), sage_hnsw_bytes(hnsw));
    assert_true((hnsw->codes.heads.bytes != NULL) == (bytes && dim >= 128));
    for (size_t q = 0; q < QUERIES; q++) {
        const sage_way way = {.width = WIDTH};
        sage_neighbour wanted[K], out[K];
        size_t n_wanted, found;
        must(sage_hnsw_search(searcher, queries + q * dim, K, WIDTH, NULL, wanted, &n_wanted, &error), &error);
        must(sage_index_near(index, NULL, queries + q * dim, 1, K, &way, out, &found, &error), &error);
        assert_int_equal(n_wanted, K);
        assert_int_equal(found, K);
        assert_memory_equal(out, wanted, sizeof wanted);
    }
    sage_index_close(index);
    sage_hnsw_searcher_free(searcher);
    sage_hnsw_free(hnsw);
    free(vectors);
    free(queries);
}

static void test_the_file_is_the_graph(void **state) {
    (void)state;
    same_as_in_memory(1500, 40, true);
    same_as_in_memory(1500, 40, false);
    same_as_in_memory(1500, 130, true); /* with heads */
}

static void test_the_same_bytes_on_any_number_of_threads(void **state) {
    (void)state;
    enum { N = 1500, DIM = 130 };
    static const size_t threads[] = {1, 2, 4};
    float *vectors = made_vectors(N, DIM, 1);
    char *first = NULL;
    size_t n_first = 0;
    for (size_t t = 0; t < 3; t++) {
        sage_error error = {0};
        sage_pool *pool;
        must(sage_pool_new(threads[t], &pool, &error), &error);
        must(made_index(dir, vectors, N, DIM, &error), &error);
        must(sage_index_link(dir, pool, &usual, NULL, &error), &error);
        sage_pool_free(pool);
        if (t == 0)
            first = scratch_read(scratch_path(dir, SAGE_INDEX_GRAPH_FILE), &n_first);
        else
            assert_true(scratch_holds(scratch_path(dir, SAGE_INDEX_GRAPH_FILE), first, n_first));
    }
    sage_free(first);
    free(vectors);
}

/* One after another, all at once, on several threads: the same. */
static void test_batches_and_lists_of_any_length(void **state) {
    (void)state;
    enum { N = 3000, DIM = 24 };
    static const size_t lengths[] = {1, K, 60, 200, N, N + 7};
    sage_error error = {0};
    float *vectors = made_vectors(N, DIM, 1), *queries = made_vectors(QUERIES, DIM, 2);
    sage_neighbour *exact = malloc(QUERIES * (N + 7) * sizeof *exact), *out = malloc(QUERIES * (N + 7) * sizeof *out),
                   *one = malloc((N + 7) * sizeof *one);
    size_t n_exact[QUERIES], found[QUERIES], n_one;
    sage_pool *pool;
    must(sage_pool_new(3, &pool, &error), &error);
    build(vectors, N, DIM, &usual);
    sage_index *index = open_index(true);
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
        const size_t k = lengths[l], there = k < N ? k : N;
        size_t hits = 0;
        must(sage_index_search(index, pool, queries, QUERIES, k, exact, n_exact, &error), &error);
        must(sage_index_near(index, pool, queries, QUERIES, k, &(sage_way){.width = 0}, out, found, &error), &error);
        for (size_t q = 0; q < QUERIES; q++) {
            assert_int_equal(found[q], there);
            for (size_t i = 0; i < there; i++) {
                assert_true(i == 0 || out[q * k + i - 1].score >= out[q * k + i].score);
                hits += out[q * k + i].score >= exact[q * k + there - 1].score - 1e-5F;
            }
            if (k > N / 32) continue; /* all rows were compared, and scores of batches differ in their last bit */
            must(sage_index_near(index, NULL, queries + q * DIM, 1, k, &(sage_way){.width = 0}, one, &n_one, &error),
                 &error);
            assert_memory_equal(one, out + q * k, there * sizeof *one);
        }
        assert_true((double)hits >= 0.97 * (double)(QUERIES * there));
        must(sage_index_near(index, pool, queries, QUERIES, k, &(sage_way){.exact = true}, out, found, &error), &error);
        for (size_t q = 0; q < QUERIES; q++) assert_memory_equal(out + q * k, exact + q * k, there * sizeof *exact);
    }
    sage_index_close(index);
    sage_pool_free(pool);
    free(vectors);
    free(queries);
    free(exact);
    free(out);
    free(one);
}

/* After a cut the graph, which is over whole vectors, says nothing. */
static void test_a_cut_compares_all_rows(void **state) {
    (void)state;
    enum { N = 2000, DIM = 24, CUT = 5 };
    sage_error error = {0};
    float *vectors = made_vectors(N, DIM, 1);
    sage_neighbour exact[K], out[K];
    size_t found;
    build(vectors, N, DIM, &usual);
    sage_index *index = open_index(true);
    must(sage_index_cut(index, CUT, &error), &error);
    must(sage_index_search(index, NULL, vectors, 1, K, exact, &found, &error), &error);
    must(sage_index_near(index, NULL, vectors, 1, K, &(sage_way){.width = 16}, out, &found, &error), &error);
    assert_memory_equal(out, exact, sizeof exact);
    sage_index_close(index);
    free(vectors);
}

/* Time that is up before the walk begins leaves it the steps that k rows take; time enough changes nothing. */
static void test_a_walk_ends_when_its_time_is_up(void **state) {
    (void)state;
    enum { N = 6000, DIM = 24, WIDE = 150 };
    sage_error error = {0};
    float *vectors = made_vectors(N, DIM, 1), *queries = made_vectors(QUERIES, DIM, 2);
    sage_neighbour whole[QUERIES * K], out[QUERIES * K];
    size_t found[QUERIES], same = 0;
    bool complete = true;
    sage_way way = {.width = WIDE, .complete = &complete};
    sage_pool *pool;
    must(sage_pool_new(2, &pool, &error), &error);
    build(vectors, N, DIM, &usual);
    sage_index *index = open_index(true);
    must(sage_index_near(index, pool, queries, QUERIES, K, &way, whole, found, &error), &error);
    way.until_s = sage_now_s() + 1000;
    must(sage_index_near(index, pool, queries, QUERIES, K, &way, out, found, &error), &error);
    assert_true(complete);
    assert_memory_equal(out, whole, sizeof whole);
    way.until_s = 1e-9;
    must(sage_index_near(index, pool, queries, QUERIES, K, &way, out, found, &error), &error);
    assert_false(complete);
    for (size_t q = 0; q < QUERIES; q++) assert_int_equal(found[q], K);
    for (size_t i = 0; i < QUERIES * K; i++) same += out[i].row == whole[i].row;
    assert_true(same < QUERIES * K);
    complete = true; /* what it left behind does not last */
    way.until_s = 0;
    must(sage_index_near(index, pool, queries, QUERIES, K, &way, out, found, &error), &error);
    assert_true(complete);
    assert_memory_equal(out, whole, sizeof whole);
    sage_index_close(index);
    sage_pool_free(pool);
    free(vectors);
    free(queries);
}

static bool one_in_three(const void *ctx, uint32_t row) {
    (void)ctx;
    return row % 3 == 0;
}

static void test_so_does_a_walk_under_a_filter(void **state) {
    (void)state;
    enum { N = 6000, DIM = 24, WIDE = 100 };
    static const sage_plan plans[] = {{SAGE_PLAN_AMONG, WIDE}, {SAGE_PLAN_TEST, 3 * WIDE}};
    const sage_filter filter = {.accepts = one_in_three, .matches = N}; /* so many that no walk is given up */
    const sage_hnsw_options options = {.m = 16, .build = 60, .seed = 1, .bytes = true};
    sage_error error = {0};
    float *vectors = made_vectors(N, DIM, 1), *queries = made_vectors(QUERIES, DIM, 2);
    sage_hnsw *hnsw;
    sage_hnsw_searcher *searcher;
    must(sage_hnsw_build(NULL, vectors, N, DIM, &options, &hnsw, &error), &error);
    must(sage_hnsw_searcher_new(hnsw, &searcher, &error), &error);
    for (size_t p = 0; p < 2; p++) {
        uint64_t scored[2];
        for (size_t late = 0; late < 2; late++) {
            const uint64_t before = sage_hnsw_scored(searcher);
            sage_hnsw_end_by(searcher, late ? 1e-9 : 0);
            for (size_t q = 0; q < QUERIES; q++) {
                sage_neighbour out[K];
                size_t found;
                must(sage_hnsw_search_by(searcher, queries + q * DIM, K, WIDE, &filter, plans[p], out, &found, &error),
                     &error);
                assert_int_equal(found, K);
                for (size_t i = 0; i < K; i++) assert_true(out[i].row % 3 == 0);
                assert_int_equal(sage_hnsw_ended_early(searcher), late);
            }
            scored[late] = sage_hnsw_scored(searcher) - before;
        }
        assert_true(scored[1] < scored[0] / 2);
    }
    sage_hnsw_searcher_free(searcher);
    sage_hnsw_free(hnsw);
    free(vectors);
    free(queries);
}

/* A graph without links is sound, and leads nowhere: k rows are found all the same. */
static void test_rows_that_no_walk_reaches_are_found(void **state) {
    (void)state;
    enum { N = 2000, DIM = 24 };
    sage_error error = {0};
    const sage_hnsw_options options = {.m = 16, .build = 60, .seed = 1, .bytes = true};
    float *vectors = made_vectors(N, DIM, 1);
    sage_neighbour exact[2 * K], out[2 * K];
    size_t found[2];
    sage_hnsw *hnsw;
    must(made_index(dir, vectors, N, DIM, &error), &error);
    must(sage_hnsw_build(NULL, vectors, N, DIM, &options, &hnsw, &error), &error);
    memset(hnsw->graph.ground, 0xff, N * 32 * sizeof(uint32_t));
    must(sage_hnsw_write(hnsw, scratch_path(dir, SAGE_INDEX_GRAPH_FILE), vectors_sum(), &error), &error);
    sage_hnsw_free(hnsw);
    sage_index *index = open_index(true);
    must(sage_index_near(index, NULL, vectors, 2, K, &(sage_way){.width = 16}, out, found, &error), &error);
    for (size_t q = 0; q < 2; q++) {
        must(sage_index_search(index, NULL, vectors + q * DIM, 1, K, exact, &found[q], &error), &error);
        assert_int_equal(found[q], K);
        assert_memory_equal(out + q * K, exact, K * sizeof *exact);
    }
    sage_index_close(index);
    free(vectors);
}

static void test_vectors_of_several_lengths_are_refused(void **state) {
    (void)state;
    enum { N = 50, DIM = 24 };
    sage_error error = {0};
    float *vectors = made_vectors(N, DIM, 1);
    scratch_remove(dir);
    assert_int_equal(sage_fs_mkdir(dir, NULL), SAGE_OK);
    for (size_t c = 0; c < DIM; c++) vectors[7 * DIM + c] *= 1.01F;
    must(made_index(dir, vectors, N, DIM, &error), &error);
    assert_int_equal(sage_index_link(dir, NULL, &usual, NULL, &error), SAGE_E_STATE);
    assert_non_null(strstr(error.text, "1 to 1.01 long"));
    assert_false(sage_fs_exists(scratch_path(dir, SAGE_INDEX_GRAPH_FILE)));
    memset(vectors, 0, N * DIM * sizeof *vectors);
    must(made_index(dir, vectors, N, DIM, &error), &error);
    assert_int_equal(sage_index_link(dir, NULL, &usual, NULL, &error), SAGE_E_STATE);
    free(vectors);
}

static void test_stops_on_request(void **state) {
    (void)state;
    enum { N = 500, DIM = 24 };
    static volatile sig_atomic_t stop = 1;
    const sage_monitor monitor = {.cancel = &stop};
    sage_error error = {0};
    float *vectors = made_vectors(N, DIM, 1);
    must(made_index(dir, vectors, N, DIM, &error), &error);
    assert_int_equal(sage_index_link(dir, NULL, &usual, &monitor, &error), SAGE_E_CANCELLED);
    free(vectors);
}

static void test_every_allocation_may_fail(void **state) {
    (void)state;
    enum { N = 100, DIM = 24 };
    float *vectors = made_vectors(N, DIM, 1);
    bool done = false;
    must(made_index(dir, vectors, N, DIM, NULL), NULL);
    for (unsigned long from = 1; !done; from++) {
        assert_true(from < 1000);
        sage_alloc_fail_from(from);
        sage_status st = sage_index_link(dir, NULL, &usual, NULL, NULL);
        done = sage_alloc_fail_from(0) < from;
        assert_int_equal(st, done ? SAGE_OK : SAGE_E_MEMORY);
    }
    done = false;
    for (unsigned long from = 1; !done; from++) {
        sage_index *index = NULL;
        sage_recall_sample sample = {.index = NULL};
        sage_recall_figure recall;
        assert_true(from < 1000);
        sage_alloc_fail_from(from);
        sage_status st = sage_index_open(dir, true, &index, NULL);
        if (st == SAGE_OK) st = sage_recall_sample_made(index, NULL, 5, &sample, NULL);
        if (st == SAGE_OK) st = sage_recall_measure(&sample, 2, &recall, NULL);
        done = sage_alloc_fail_from(0) < from;
        if (done || st != SAGE_OK) assert_int_equal(st, done ? SAGE_OK : SAGE_E_MEMORY);
        sage_recall_sample_free(&sample);
        sage_index_close(index);
    }
    free(vectors);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_file_is_the_graph),
        cmocka_unit_test(test_the_same_bytes_on_any_number_of_threads),
        cmocka_unit_test(test_batches_and_lists_of_any_length),
        cmocka_unit_test(test_a_cut_compares_all_rows),
        cmocka_unit_test(test_a_walk_ends_when_its_time_is_up),
        cmocka_unit_test(test_so_does_a_walk_under_a_filter),
        cmocka_unit_test(test_rows_that_no_walk_reaches_are_found),
        cmocka_unit_test(test_vectors_of_several_lengths_are_refused),
        cmocka_unit_test(test_stops_on_request),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
