/* Parts of the page that come from elsewhere than the rows: judgements, weights, a training's course, an ablation. */
#include <report/report.h>
#include <support/page.h>
#include <support/test.h>

static sage_eval_report eval;
static sage_report_data data;

static int begin(void **state) {
    (void)state;
    eval = (sage_eval_report){.n_k = 1, .k = {10}, .source = "events.tsv", .position_power = 1, .weight_clip = 100};
    data = (sage_report_data){.head = {.shop = "shop", .newest_event_ms = INT64_MIN}, .eval = &eval};
    return 0;
}

static bool says(const char *text) {
    return report_says(&data, text);
}

static void test_judgements(void **state) {
    (void)state;
    sage_graded_report *g = &eval.graded;
    assert_false(says("id=\"graded\""));
    *g = (sage_graded_report){.source = "<judged>.tsv", .queries = 947, .judgements = 5341, .seen = 6888, .n_rows = 2};
    for (size_t i = 0; i < 2; i++) {
        snprintf(g->row[i].method, sizeof g->row[i].method, "hybrid");
        g->row[i].judged_only = i == 1;
        g->row[i].ndcg[0] = (sage_interval){i == 1 ? 0.875 : 0.391, 0.3, 0.9};
        g->row[i].judged[0] = (sage_interval){0.23, 0.2, 0.25};
    }
    assert_true(says("&lt;judged&gt;.tsv: 5,341 graded judgements of 947 searches; 6,888 others are left out"));
    assert_true(says("<td>39.1 [30.0, 90.0]</td>"));
    assert_true(says("<td>87.5 [30.0, 90.0]</td>"));
    assert_true(says("<td>77.0</td>")); /* unjudged, of whole lists */
}

static void test_weights_by_position(void **state) {
    (void)state;
    sage_eval_row *row = &eval.rows[eval.n_rows++];
    snprintf(row->method, sizeof row->method, "vectors");
    snprintf(row->task, sizeof row->task, "all");
    assert_false(says("id=\"weighted\""));
    row->weighted = (sage_eval_weighted){.pairs = 300, .queries = 100, .events = 400, .clipped = 4, .effective = 123.4};
    row->weighted.unweighted[0].value = 0.5;
    row->weighted.recall[0] = (sage_interval){0.25, 0.2, 0.3};
    assert_true(says("<td>300</td><td>123</td><td>1.0</td><td>50.0</td><td>25.0 [20.0, 30.0]</td>"));
}

static void test_the_course_of_a_training(void **state) {
    (void)state;
    static sage_training training = {.n_losses = 2,
                                     .n_validations = 4,
                                     .losses = {{"loss", 3, {1, 2, 3}, {9, 5, 4}}, {"random", 3, {1, 2, 3}, {3, 2, 1}}},
                                     .validations = {{"all", 2, {2, 3}, {0.1, 0.2}},
                                                     {"search/click", 2, {2, 3}, {0.1, 0.3}},
                                                     {"user/click", 2, {2, 3}, {0.1, 0.1}},
                                                     {"search/save", 1, {2}, {0.1}}}};
    assert_false(says("id=\"training\""));
    data.training = &training;
    assert_true(says("id=\"training\""));
    assert_true(says("id=\"losses-t\""));
    /* A chart of all, and one a surface, both kinds of searches in theirs. */
    assert_true(says("id=\"validation-0-t\""));
    assert_true(says("id=\"validation-1-t\"") && says("id=\"validation-2-t\""));
    assert_false(says("id=\"validation-3-t\""));
}

static void test_an_ablation(void **state) {
    (void)state;
    data.ablation =
        "{\"k\":[10],\"tables\":[{\"title\":\"Encoders\",\"rows\":["
        "{\"name\":\"one layer\",\"base\":true,\"seconds\":12,\"tasks\":[{\"task\":\"all\",\"pair_recall\":"
        "{\"10\":{\"value\":0.4,\"low\":0.3,\"high\":0.5}}}]},"
        "{\"name\":\"<sum>\",\"seconds\":7,\"tasks\":[{\"task\":\"all\",\"pair_recall\":{\"10\":{\"value\":0.35}},"
        "\"difference\":{\"10\":{\"value\":-0.05,\"low\":-0.07,\"high\":-0.03}}}]},"
        "{\"name\":\"broken\",\"fault\":\"no\"}]}]}";
    assert_true(says("<td>40.0 [30.0, 50.0]</td><td>setting in force</td><td>12</td>"));
    assert_true(says("&lt;sum&gt;"));
    assert_true(says("<td class=\"down\">\xe2\x88\x92"
                     "5.0 [\xe2\x88\x92"
                     "7.0, \xe2\x88\x92"
                     "3.0]</td><td>7</td>"));
    static const char *const torn[] = {"", "{", "[]", "{\"tables\":3}", "{\"k\":[],\"tables\":[1,{\"rows\":{}}]}"};
    for (size_t i = 0; i < sizeof torn / sizeof *torn; i++) {
        data.ablation = torn[i];
        assert_false(says("setting in force</td>"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_judgements, begin),
        cmocka_unit_test_setup(test_weights_by_position, begin),
        cmocka_unit_test_setup(test_the_course_of_a_training, begin),
        cmocka_unit_test_setup(test_an_ablation, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
