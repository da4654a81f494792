/* What counts how often: repeats, several kinds of event for one pair, products that do not exist; and the report as
 * JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <base/alloc.h>
#include <eval/judge.h>
#include <io/fs.h>
#include <io/json.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CLICK = 0, SAVE = 1, CART = 2 };
static const size_t k[] = {1, 2};

static sage_judge judge_of(const sage_judgement *judgements, size_t n) {
    sage_judge judge = {0};
    sage_error error = {0};
    if (sage_judge_read(&judge, judgements, n, &error) != SAGE_OK) fail_msg("%s", error.text);
    if (sage_judge_lists(&judge, SAGE_METHODS, &error) != SAGE_OK) fail_msg("%s", error.text);
    return judge;
}

static sage_eval_row row_of(const sage_judge *judge, sage_method method, int task) {
    sage_eval_row row = {0};
    sage_error error = {0};
    const sage_judge_which which = {.name = task < 0 ? "all" : NULL, .task = task};
    if (sage_judge_row(judge, method, sage_method_name(method), &which, k, 2, &row, &error) != SAGE_OK)
        fail_msg("%s", error.text);
    return row;
}

static void test_a_pair_counts_once_in_all_and_once_in_each_task(void **state) {
    (void)state;
    const sage_judgement list[] = {
        {SAGE_STR("sofa"), CLICK, 7}, {SAGE_STR("sofa"), CART, 7}, {SAGE_STR("sofa"), CLICK, 7},
        {SAGE_STR("sofa"), CLICK, 3}, {SAGE_STR("lamp"), SAVE, 7}, {SAGE_STR("lamp"), CLICK, 9},
    };
    const sage_scored sofa[] = {{7, 3}, {5, 2}, {3, 1}}, lamp[] = {{1, 1}};
    sage_judge judge = judge_of(list, 6);
    assert_int_equal(judge.n_queries, 2);
    sage_judge_rank(&judge, 0, SAGE_VECTORS, sofa, 3, 3);
    sage_judge_rank(&judge, 1, SAGE_VECTORS, lamp, 1, 3);
    sage_eval_row all = row_of(&judge, SAGE_VECTORS, -1), click = row_of(&judge, SAGE_VECTORS, CLICK);
    sage_eval_row cart = row_of(&judge, SAGE_VECTORS, CART), keywords = row_of(&judge, SAGE_KEYWORDS, -1);
    assert_string_equal(all.task, "all");
    assert_string_equal(all.method, "vectors");
    assert_string_equal(cart.task, "search/add_to_cart");
    assert_int_equal(all.pairs, 4);
    assert_int_equal(all.queries, 2);
    assert_float_equal(all.pair_recall[0].value, 1.0 / 4, 1e-12);
    assert_float_equal(all.mrr[0].value, 0.5, 1e-12);
    assert_int_equal(click.pairs, 3);
    assert_int_equal(click.queries, 2);
    assert_int_equal(cart.pairs, 1);
    assert_float_equal(cart.pair_recall[0].value, 1, 1e-12);
    assert_int_equal(keywords.pairs, 4);
    assert_float_equal(keywords.pair_recall[1].value, 0, 0); /* never ranked: all missed */
    sage_judge_free(&judge);
}

static void test_hits_of_each_query(void **state) {
    (void)state;
    const sage_judgement list[] = {{SAGE_STR("a lamp"), SAVE, 4},
                                   {SAGE_STR("lamp"), CLICK, 9},
                                   {SAGE_STR("sofa"), CLICK, 7},
                                   {SAGE_STR("sofa"), CLICK, 3},
                                   {SAGE_STR("sofa"), SAVE, 3}};
    const sage_scored sofa[] = {{7, 3}, {3, 2}}, lamp[] = {{1, 2}, {9, 1}};
    sage_judge judge = judge_of(list, 5);
    sage_buf out;
    sage_buf_init(&out, 1000);
    sage_judge_rank(&judge, 1, SAGE_VECTORS, lamp, 2, 2);
    sage_judge_rank(&judge, 2, SAGE_VECTORS, sofa, 2, 2);
    const sage_judge_which all = {.name = "all", .task = -1}, click = {.task = CLICK};
    assert_int_equal(sage_judge_hits(&judge, SAGE_VECTORS, "vectors", &all, k, 2, &out, NULL), SAGE_OK);
    assert_string_equal(out.data, "all\tvectors\t0\t1\t0\t0\nall\tvectors\t1\t1\t0\t1\nall\tvectors\t2\t2\t1\t2\n");
    sage_buf_clear(&out);
    assert_int_equal(sage_judge_hits(&judge, SAGE_VECTORS, "vectors", &click, k, 2, &out, NULL), SAGE_OK);
    assert_string_equal(out.data, "search/click\tvectors\t1\t1\t0\t1\nsearch/click\tvectors\t2\t2\t1\t2\n");
    sage_buf_free(&out);
    sage_judge_free(&judge);
}

static void test_only_the_first_depth_places_count(void **state) {
    (void)state;
    const sage_judgement list[] = {{SAGE_STR("sofa"), CLICK, 3}};
    const sage_scored found[] = {{7, 3}, {5, 2}, {3, 1}};
    sage_judge judge = judge_of(list, 1);
    sage_judge_rank(&judge, 0, SAGE_HYBRID, found, 3, 2);
    assert_int_equal(judge.ranks[SAGE_HYBRID], SAGE_RANK_MISS);
    sage_judge_rank(&judge, 0, SAGE_HYBRID, found, 3, 3);
    assert_int_equal(judge.ranks[SAGE_HYBRID], 2);
    sage_judge_free(&judge);
}

static void test_unknown_products_are_misses_each(void **state) {
    (void)state;
    const sage_judgement list[] = {
        {SAGE_STR("sofa"), CLICK, 0},  {SAGE_STR("sofa"), CLICK, 0}, {SAGE_STR("sofa"), CLICK, 4},
        {SAGE_STR("sofa"), CLICK, -2}, {SAGE_STR("sofa"), SAVE, -2},
    };
    const sage_scored found[] = {{4, 1}};
    sage_judge judge = judge_of(list, 5);
    sage_judge_rank(&judge, 0, SAGE_VECTORS, found, 1, 2);
    sage_eval_row all = row_of(&judge, SAGE_VECTORS, -1), click = row_of(&judge, SAGE_VECTORS, CLICK);
    assert_int_equal(all.pairs, 4);
    assert_int_equal(click.pairs, 4);
    assert_float_equal(all.pair_recall[1].value, 0.25, 1e-12);
    sage_judge_free(&judge);
}

static void test_no_judgements(void **state) {
    (void)state;
    sage_judge judge = judge_of(NULL, 0);
    assert_int_equal(judge.n_queries, 0);
    assert_int_equal(row_of(&judge, SAGE_HYBRID, -1).queries, 0);
    sage_judge_free(&judge);
}

static void test_json_has_the_promised_shape(void **state) {
    (void)state;
    char dir[] = "/tmp/eval_test_XXXXXX", path[SAGE_PATH_MAX];
    sage_error error = {0};
    json_t *root;
    const char *method, *task;
    json_int_t pairs, queries;
    double recall10, recall100, mrr, ndcg, query_recall, low, high;
    static sage_eval_report report = {
        .n_k = 2, .k = {10, 100}, .n_rows = 2, .simulated = true, .unknown_pairs = 3, .source = "caf\xE9.csv"};
    for (size_t i = 0; i < 2; i++) {
        report.rows[i] = (sage_eval_row){.method = "hybrid", .task = "search/click", .pairs = 12, .queries = 5};
        report.rows[i].pair_recall[0] = (sage_interval){0.25, 0.125, 0.5};
        report.rows[i].pair_recall[1] = (sage_interval){0.75, 0.5, 1};
        report.rows[i].ndcg[1].value = 0.375;
        report.rows[i].mrr[0].value = 0.0625;
        report.rows[i].query_recall[1].value = 0.875;
    }
    assert_non_null(mkdtemp(dir));
    sage_path_join(path, dir, "eval.json", NULL);
    assert_int_equal(sage_eval_write_json(&report, path, &error), SAGE_OK);
    assert_int_equal(sage_json_read(path, 1 << 20, &root, &error), SAGE_OK);
    assert_int_equal(json_array_size(json_object_get(root, "k")), 2);
    assert_int_equal(json_integer_value(json_array_get(json_object_get(root, "k"), 1)), 100);
    assert_true(json_is_true(json_object_get(root, "simulated")));
    assert_int_equal(json_integer_value(json_object_get(root, "unknown_pairs")), 3);
    assert_string_equal(json_string_value(json_object_get(root, "source")), "caf?.csv");
    json_t *rows = json_object_get(root, "rows");
    assert_int_equal(json_array_size(rows), 2);
    int unpacked = json_unpack(json_array_get(rows, 1),
                               "{s:s, s:s, s:I, s:I, s:{s:f, s:f}, s:{s:f}, s:{s:f}, s:{s:f}, s:{s:{s:[f, f]}}}",
                               "method", &method, "task", &task, "pairs", &pairs, "queries", &queries, "pair_recall",
                               "10", &recall10, "100", &recall100, "query_recall", "100", &query_recall, "mrr", "10",
                               &mrr, "ndcg", "100", &ndcg, "intervals", "pair_recall", "10", &low, &high);
    assert_int_equal(unpacked, 0);
    assert_string_equal(method, "hybrid");
    assert_string_equal(task, "search/click");
    assert_int_equal(pairs, 12);
    assert_int_equal(queries, 5);
    assert_float_equal(recall10, 0.25, 0);
    assert_float_equal(recall100, 0.75, 0);
    assert_float_equal(query_recall, 0.875, 0);
    assert_float_equal(mrr, 0.0625, 0);
    assert_float_equal(ndcg, 0.375, 0);
    assert_float_equal(low, 0.125, 0);
    assert_float_equal(high, 0.5, 0);
    json_decref(root);
    sage_path_join(path, dir, "no/such/eval.json", NULL);
    assert_int_equal(sage_eval_write_json(&report, path, &error), SAGE_E_NOT_FOUND);
    assert_int_equal(sage_fs_remove_tree(dir, &error), SAGE_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_pair_counts_once_in_all_and_once_in_each_task),
        cmocka_unit_test(test_hits_of_each_query),
        cmocka_unit_test(test_only_the_first_depth_places_count),
        cmocka_unit_test(test_unknown_products_are_misses_each),
        cmocka_unit_test(test_no_judgements),
        cmocka_unit_test(test_json_has_the_promised_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
