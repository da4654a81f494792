/* Co-occurrence for searches, and what was seen in training: of the part that is trained on alone. */
#include <base/alloc.h>
#include <eval/co_click.h>
#include <eval/slices.h>
#include <support/test.h>
#include <support/tiny_eval.h>

enum { PRODUCTS = 40, QUERIES = 200, FIRST = 3, BESIDE = 5, GONE = 7, OTHER = 9, ELSEWHERE = 11 };

static char dir[SAGE_PATH_MAX];
static sage_index *catalogue;
static sage_dataset *dataset;
static int64_t pids[PRODUCTS];

static void must(sage_status st, const sage_error *error) {
    if (st != SAGE_OK) fail_msg("%s", error->text);
}

/* Even queries lead to FIRST, BESIDE and one that is not in the index; odd ones to OTHER and ELSEWHERE, each by a click
 * and by a save. */
static int open_shop(void **state) {
    (void)state;
    static const char *const usual[] = {NULL};
    char path[SAGE_PATH_MAX];
    sage_error error = {0};
    sage_import_report report;
    scratch_make(dir);
    sage_catalog *catalog = tiny_numbered(dir, PRODUCTS, pids);
    snprintf(path, sizeof path, "%s", scratch_path(dir, "events.tsv"));
    FILE *file = fopen(path, "wb");
    scratch_must(file != NULL, path);
    fprintf(file, "query\tproduct_id\tevent\n");
    for (size_t q = 0; q < QUERIES; q++) {
        const int even[] = {FIRST, BESIDE, GONE}, odd[] = {OTHER, ELSEWHERE, OTHER};
        for (size_t i = 0; i < 3; i++)
            fprintf(file, "query %zu\tp%d\tclick\nquery %zu\tp%d\tsave\n", q, q % 2 ? odd[i] : even[i], q,
                    q % 2 ? odd[i] : even[i]);
    }
    scratch_must(fclose(file) == 0, path);
    const char *files[] = {path};
    sage_import_options options = {0};
    must(sage_catalog_import_events(catalog, files, 1, &options, NULL, &report, &error), &error);
    dataset = tiny_packed(dir, catalog, usual);
    sage_catalog_close(catalog);
    catalogue = tiny_index_without(dir, pids, PRODUCTS, GONE);
    return 0;
}

static int close_shop(void **state) {
    (void)state;
    sage_index_close(catalogue);
    sage_dataset_close(dataset);
    scratch_remove(dir);
    return 0;
}

/* Some query of a part, even or odd. */
static sage_str query_of(sage_part part, size_t odd) {
    for (size_t q = 0; q < sage_dataset_queries(dataset); q++) {
        sage_packed_query query;
        sage_dataset_query(dataset, q, &query);
        if (query.part == part && (size_t)(query.text.data[query.text.len - 1] % 2) == odd) return query.text;
    }
    fail_msg("there is no such query");
    return (sage_str){NULL, 0};
}

static void lists(sage_co_click *co, sage_str text, const int *wanted, size_t n_wanted) {
    sage_text_lister lister = sage_co_click_lister(co);
    const sage_scored *list;
    size_t n;
    sage_error error;
    must(lister.list(lister.ctx, 0, text, 10, &list, &n, &error), &error);
    assert_int_equal(n, n_wanted);
    for (size_t i = 0; i < n; i++) {
        bool there = false;
        for (size_t j = 0; j < n_wanted; j++) there = there || list[i].pid == pids[wanted[j]];
        assert_true(there);
        assert_true(i == 0 || list[i - 1].score >= list[i].score);
    }
}

static void test_what_was_chosen_together_comes_together(void **state) {
    (void)state;
    sage_co_click *co;
    sage_error error;
    must(sage_co_click_new(dataset, catalogue, NULL, &co, &error), &error);
    assert_non_null(co);
    /* One that was trained on: what it led to, and nothing of the other kind. */
    lists(co, query_of(SAGE_TRAIN, 0), (const int[]){FIRST, BESIDE}, 2);
    lists(co, query_of(SAGE_TRAIN, 1), (const int[]){OTHER, ELSEWHERE}, 2);
    /* One that was not: from what keywords find. */
    const sage_scored keywords[] = {{pids[OTHER], 3}};
    sage_co_click_note(co, keywords, 1);
    lists(co, query_of(SAGE_TEST, 0), (const int[]){OTHER, ELSEWHERE}, 2);
    sage_co_click_note(co, keywords, 0);
    lists(co, query_of(SAGE_TEST, 0), NULL, 0);
    /* A product that nobody chose is alone. */
    const sage_scored cold[] = {{pids[20], 1}};
    sage_co_click_note(co, cold, 1);
    lists(co, query_of(SAGE_TEST, 1), (const int[]){20}, 1);
    sage_co_click_free(co);
}

static void test_seen_counts_each_training_query_once(void **state) {
    (void)state;
    sage_seen seen;
    sage_error error;
    size_t even = 0, odd = 0;
    for (size_t q = 0; q < sage_dataset_queries(dataset); q++) {
        sage_packed_query query;
        sage_dataset_query(dataset, q, &query);
        if (query.part != SAGE_TRAIN) continue;
        even += query.text.data[query.text.len - 1] % 2 == 0;
        odd += query.text.data[query.text.len - 1] % 2 == 1;
    }
    must(sage_seen_count(&seen, dataset, false, &error), &error);
    assert_true(even > 0 && odd > 0 && even + odd < QUERIES);
    for (size_t i = 0; i < seen.n; i++) {
        size_t wanted = seen.pids[i] == pids[FIRST] || seen.pids[i] == pids[BESIDE] || seen.pids[i] == pids[GONE] ? even
                        : seen.pids[i] == pids[OTHER] || seen.pids[i] == pids[ELSEWHERE]                          ? odd
                                                                                                                  : 0;
        assert_int_equal(seen.pairs[i], wanted);
    }
    assert_true(seen.newest_ms == INT64_MIN);
    sage_seen_free(&seen);
}

static void test_pairs_are_cut_by_popularity(void **state) {
    (void)state;
    sage_judge judge = {0};
    sage_error error;
    sage_seen seen;
    const size_t list = 0;
    const sage_judge_which all = {.name = "all", .task = -1};
    static sage_sliced sliced = {.n_methods = 1, .methods = {"vectors"}};
    const sage_judgement judgements[] = {{.query = {"a", 1}, .pid = pids[FIRST]},
                                         {.query = {"a", 1}, .pid = pids[20]},
                                         {.query = {"b", 1}, .pid = pids[21]},
                                         {.query = {"b", 1}, .pid = 1 << 30}};
    must(sage_seen_count(&seen, dataset, false, &error), &error);
    must(sage_judge_read(&judge, judgements, 4, &error), &error);
    for (size_t e = 0; e < judge.n_entries; e++)
        if (judge.entries[e].pid == pids[20] || judge.entries[e].pid == pids[FIRST]) judge.ranks[e] = 3;
    must(sage_slice_by(&judge, &list, &all, &seen, false, 10, &sliced, &error), &error);
    assert_int_equal(sliced.n, 3);
    assert_string_equal(sliced.slices[0].label, "never");
    assert_int_equal(sliced.slices[0].pairs, 2);
    assert_int_equal(sliced.slices[0].products, 2);
    assert_int_equal(sliced.slices[0].queries, 2);
    assert_true(sliced.slices[0].recall[0].value == 0.5);
    assert_string_equal(sliced.slices[1].label, "10 times and more");
    assert_true(sliced.slices[1].pairs == 1 && sliced.slices[1].recall[0].value == 1);
    assert_string_equal(sliced.slices[2].label, "not in the dataset");
    assert_true(sliced.slices[2].recall[0].value == 0);
    assert_null(judge.slices);
    must(sage_slice_by(&judge, &list, &all, &seen, true, 10, &sliced, &error), &error);
    assert_int_equal(sliced.n, 0); /* no event has a time */
    sage_judge_free(&judge);
    sage_seen_free(&seen);
}

static void test_every_lack_of_memory_is_told(void **state) {
    (void)state;
    sage_co_click *co = NULL;
    sage_error error;
    sage_status st = SAGE_E_MEMORY;
    for (unsigned long at = 1; st != SAGE_OK; at++) {
        assert_true(at < 10000);
        sage_alloc_fail_from(at);
        st = sage_co_click_new(dataset, catalogue, NULL, &co, &error);
        sage_alloc_fail_from(0);
        assert_true(st == SAGE_OK || (st == SAGE_E_MEMORY && co == NULL));
    }
    sage_co_click_free(co);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_chosen_together_comes_together),
        cmocka_unit_test(test_seen_counts_each_training_query_once),
        cmocka_unit_test(test_pairs_are_cut_by_popularity),
        cmocka_unit_test(test_every_lack_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, open_shop, close_shop);
}
