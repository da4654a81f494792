/* Recall as it is measured, and the width that is chosen by it. */
#include "index_graph_help.h"

#include <index/recall.h>

enum { QUERIES = 20 };

static void test_measures_recall(void **state) {
    (void)state;
    enum { N = 4000, DIM = 24 };
    sage_error error = {0};
    float *vectors = made_vectors(N, DIM, 1), *queries = made_vectors(QUERIES, DIM, 2);
    sage_recall_sample samples[2] = {{.index = NULL}};
    sage_recall_figure narrow, wide, all, chosen, tried[SAGE_RECALL_TRIES];
    size_t n_tried;
    build(vectors, N, DIM, &(sage_index_links){4, 8, true});
    sage_index *index = open_index(true);
    must(sage_recall_sample_of(index, NULL, queries, QUERIES, &samples[0], &error), &error);
    must(sage_recall_sample_made(index, NULL, 100, &samples[1], &error), &error);
    assert_int_equal(samples[1].n, 100);
    for (size_t q = 0; q < 100; q++) { /* on the sphere, and none of the rows */
        const float *query = samples[1].queries + q * DIM;
        assert_float_equal(sage_ops_best()->dot(DIM, query, query), 1, 1e-4);
        assert_true(memcmp(query, vectors + q * N / 100 * DIM, DIM * sizeof *query) != 0);
    }
    must(sage_recall_measure(&samples[1], 10, &narrow, &error), &error);
    must(sage_recall_measure(&samples[1], 100, &wide, &error), &error);
    must(sage_recall_measure(&samples[1], N, &all, &error), &error);
    assert_true(narrow.recall < wide.recall && wide.recall < 1);
    assert_float_equal(all.recall, 1, 0); /* all rows were compared */
    assert_float_equal(all.margin, 0, 0);
    sage_recall_figure once;
    must(sage_recall_ask(&samples[1], 100, &once, &error), &error);
    assert_float_equal(once.recall, wide.recall, 0);
    sage_recall_sample near;
    must(sage_recall_sample_near(index, NULL, 100, N, &near, &error), &error); /* walks that wide find what is there */
    assert_memory_equal(near.queries, samples[1].queries, 100 * DIM * sizeof *near.queries);
    sage_recall_sample_free(&near);
    assert_true(narrow.margin > 0 && narrow.margin < 0.1 && narrow.per_second > 0);
    must(sage_recall_choose(samples, 2, 0.9, &chosen, tried, &n_tried, &error), &error);
    assert_true(n_tried >= 2 && tried[0].width == 12 && tried[n_tried - 1].width == chosen.width);
    for (size_t i = 0; i + 1 < n_tried; i++) assert_true(tried[i].recall < 0.9 && tried[i].width < tried[i + 1].width);
    assert_true(8 * (chosen.width - tried[n_tried - 2].width) <= chosen.width + 8); /* by not much the narrowest */
    for (size_t i = 0; i < 2; i++) {
        must(sage_recall_measure(&samples[i], chosen.width, &wide, &error), &error);
        assert_true(wide.recall >= 0.9 && wide.recall >= chosen.recall);
    }
    must(sage_recall_choose(samples, 2, 1.1, &all, NULL, NULL, &error), &error); /* none is so good */
    assert_int_equal(all.width, SAGE_RECALL_WIDTH_MAX);
    const double before = wide.recall; /* on samples[1], of a graph of few links */
    must(sage_index_relink(index, NULL, &usual, NULL, &error), &error);
    must(sage_recall_measure(&samples[1], chosen.width, &wide, &error), &error);
    assert_true(wide.recall > before);
    sage_recall_sample_free(&samples[0]);
    sage_recall_sample_free(&samples[1]);
    sage_index_close(index);
    free(vectors);
    free(queries);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_measures_recall),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
