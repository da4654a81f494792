/* The baseline of searches: what most training pairs led to, and nothing that is held out or not in the index. */
#include <base/alloc.h>
#include <eval/judge.h>
#include <eval/popular.h>
#include <support/test.h>
#include <support/tiny_eval.h>

enum { PRODUCTS = 40, QUERIES = 200, FAVOURITE = 3, SECOND = 5, GONE = 7 };

static char dir[SAGE_PATH_MAX];
static sage_index *catalogue;
static sage_dataset *dataset;
static int64_t pids[PRODUCTS];

static void must(sage_status st, const sage_error *error) {
    if (st != SAGE_OK) fail_msg("%s", error->text);
}

/* Every search leads to a product that is not in the index, to the favourite, and every other one to the second. */
static void import_searches(sage_catalog *catalog) {
    char path[SAGE_PATH_MAX];
    sage_error error = {0};
    sage_import_report report;
    snprintf(path, sizeof path, "%s", scratch_path(dir, "events.tsv"));
    FILE *file = fopen(path, "wb");
    scratch_must(file != NULL, path);
    fprintf(file, "query\tproduct_id\tevent\n");
    for (size_t q = 0; q < QUERIES; q++) {
        fprintf(file, "query %zu\tp%d\tclick\nquery %zu\tp%d\tclick\n", q, GONE, q, FAVOURITE);
        if (q % 2) fprintf(file, "query %zu\tp%d\tclick\n", q, SECOND);
    }
    scratch_must(fclose(file) == 0, path);
    const char *files[] = {path};
    sage_import_options options = {0};
    must(sage_catalog_import_events(catalog, files, 1, &options, NULL, &report, &error), &error);
}

static int open_shop(void **state) {
    (void)state;
    static const char *const usual[] = {NULL};
    scratch_make(dir);
    sage_catalog *catalog = tiny_numbered(dir, PRODUCTS, pids);
    import_searches(catalog);
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

static sage_status judge_them(const sage_judgement *judgements, size_t n, sage_eval_report *report, sage_error *error) {
    sage_popular_products popular = {0};
    sage_judge judge = {0};
    const sage_scored *list;
    size_t listed, depth = report->k[report->n_k - 1];
    sage_status st = sage_popular_count(&popular, dataset, catalogue, depth, error);
    const sage_text_lister lister = sage_popular_lister(&popular);
    if (st == SAGE_OK) st = sage_judge_read(&judge, judgements, n, error);
    for (size_t q = 0; st == SAGE_OK && q < judge.n_queries; q++) {
        st = lister.list(lister.ctx, q, judge.texts[q], depth, &list, &listed, error);
        sage_judge_rank(&judge, q, 0, list, listed, depth);
    }
    if (st == SAGE_OK) st = sage_judge_rows(&judge, 0, lister.name, "all", report, error);
    sage_judge_free(&judge);
    sage_popular_free(&popular);
    return st;
}

static double recall(const sage_judgement *judgements, size_t n, size_t first, size_t second, size_t *pairs) {
    static sage_eval_report report;
    sage_error error = {0};
    report = (sage_eval_report){.n_k = 2, .k = {first, second}};
    must(judge_them(judgements, n, &report, &error), &error);
    assert_true(report.n_rows > 0);
    assert_string_equal(report.rows[0].method, "popular");
    assert_string_equal(report.rows[0].task, "all");
    *pairs = report.rows[0].pairs;
    return report.rows[0].pair_recall[0].value;
}

static sage_judgement wants(size_t product, unsigned kind) {
    return (sage_judgement){SAGE_STR("anything"), SAGE_ON_SEARCH * SAGE_EVENT_KINDS + kind, pids[product], NULL};
}

static void test_the_most_searched_for_comes_first(void **state) {
    (void)state;
    size_t pairs;
    const sage_judgement favourite = wants(FAVOURITE, 0), second = wants(SECOND, 0), gone = wants(GONE, 0),
                         other = wants(11, 0);
    assert_float_equal(recall(&favourite, 1, 1, 2, &pairs), 1, 0);
    assert_float_equal(recall(&second, 1, 1, 2, &pairs), 0, 0);
    assert_float_equal(recall(&second, 1, 2, 3, &pairs), 1, 0);
    assert_float_equal(recall(&gone, 1, 2, 3, &pairs), 0, 0);
    assert_float_equal(recall(&other, 1, 10, 30, &pairs), 0, 0); /* nobody was led to it: in no list of any length */
    const sage_judgement twice[] = {wants(FAVOURITE, 0), wants(FAVOURITE, 3), wants(SECOND, 1)};
    assert_float_equal(recall(twice, 3, 1, 2, &pairs), 0.5, 1e-9); /* a pair counts once, whatever its kinds */
    assert_int_equal(pairs, 2);
}

static void test_all_products_at_once(void **state) {
    (void)state;
    size_t pairs, n;
    sage_error error = {0};
    sage_judgement *held_out;
    must(sage_judgements_of(dataset, SAGE_TEST, SAGE_ON_SEARCH, &held_out, &n, &error), &error);
    assert_true(n > 0);
    double one = recall(held_out, n, 1, 1000, &pairs), two = recall(held_out, n, 2, 1000, &pairs);
    assert_true(one > 0.3 && one < 0.6 && two > one); /* of two or three products of each search */
    sage_free(held_out);
}

static void test_each_allocation_failed_in_turn(void **state) {
    (void)state;
    static sage_eval_report report;
    const sage_judgement favourite = wants(FAVOURITE, 0);
    sage_status st = SAGE_E_MEMORY;
    unsigned long failed = 0;
    for (; st != SAGE_OK; failed++) {
        report = (sage_eval_report){.n_k = 1, .k = {10}};
        sage_alloc_fail_from(failed + 1);
        st = judge_them(&favourite, 1, &report, NULL);
        sage_alloc_fail_from(0);
        if (st != SAGE_OK) assert_int_equal(st, SAGE_E_MEMORY);
    }
    assert_true(failed > 5);
    assert_int_equal(report.n_rows, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_most_searched_for_comes_first),
        cmocka_unit_test(test_all_products_at_once),
        cmocka_unit_test(test_each_allocation_failed_in_turn),
    };
    return cmocka_run_group_tests(tests, open_shop, close_shop);
}
