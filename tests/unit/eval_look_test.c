/* What reports show beside rows, against numbers worked out by hand. */
#include <base/alloc.h>
#include <eval/look.h>
#include <math.h>
#include <support/test.h>

static void must(sage_status st, const sage_error *error) {
    if (st != SAGE_OK) fail_msg("%s", error->text);
}

/* Three queries, "a" with products 1 and 2, "b" with 3, "c" with 4; ranks of two methods as given, [2][4]; hybrid finds
 * nothing. */
static sage_text_trial trial_of(const uint32_t ranks[8]) {
    static const sage_judgement list[] = {{.query = {"a", 1}, .pid = 1},
                                          {.query = {"a", 1}, .pid = 2},
                                          {.query = {"b", 1}, .pid = 3},
                                          {.query = {"c", 1}, .pid = 4}};
    sage_text_trial trial = {.n_methods = 3, .depth = 100, .methods = {"vectors", "keywords", "hybrid"}};
    sage_error error = {0};
    must(sage_judge_read(&trial.judge, list, 4, &error), &error);
    must(sage_judge_lists(&trial.judge, 3, &error), &error);
    for (size_t i = 0; i < 8; i++) trial.judge.ranks[i] = ranks[i];
    return trial;
}

static const sage_judge_which all = {.name = "all", .task = -1};

static void test_a_curve_counts_what_is_found_so_far(void **state) {
    (void)state;
    sage_text_trial trial = trial_of((const uint32_t[]){0, 4, 49, SAGE_RANK_MISS, 0, 0, 0, 0});
    double recall[SAGE_CURVE_POINTS];
    sage_curve_of(&trial.judge, 0, &all, 60, recall);
    assert_true(recall[0] == 0.25 && recall[3] == 0.25 && recall[4] == 0.5);
    assert_true(recall[48] == 0.5 && recall[49] == 0.75 && recall[59] == 0.75);
    assert_true(isnan(recall[60]) && isnan(recall[99]));
    sage_text_trial_free(&trial);
}

static void test_a_slice_is_judged_alone(void **state) {
    (void)state;
    sage_text_trial trial = trial_of((const uint32_t[]){0, SAGE_RANK_MISS, 0, SAGE_RANK_MISS, 0, 0, 0, 0});
    uint8_t slices[] = {1, 2, 2, 2};
    const size_t k[] = {1};
    const sage_judge_which second = {.name = "all", .task = -1, .slice = 2},
                           third = {.name = "all", .task = -1, .slice = 3};
    sage_eval_row row;
    sage_error error;
    trial.judge.slices = slices;
    must(sage_judge_row(&trial.judge, 0, "vectors", &second, k, 1, &row, &error), &error);
    assert_int_equal(row.pairs, 3);
    assert_int_equal(row.queries, 3);
    assert_true(fabs(row.pair_recall[0].value - 1.0 / 3) < 1e-12);
    assert_false(sage_judge_occurs(&trial.judge, &third));
    sage_text_trial_free(&trial);
}

static void compare(const uint32_t ranks[8], sage_comparison *out) {
    const size_t k[] = {1, 10};
    size_t n;
    sage_error error;
    sage_text_trial trial = trial_of(ranks);
    static sage_comparison list[SAGE_COMPARISONS_MAX];
    must(sage_compare_methods(&trial, k, 2, list, &n, &error), &error);
    sage_text_trial_free(&trial);
    assert_int_equal(n, 3);
    *out = list[2];
    assert_string_equal(out->method, "vectors");
    assert_string_equal(out->against, "keywords");
}

static void test_methods_that_never_differ_have_p_1_and_always_the_least(void **state) {
    (void)state;
    sage_comparison c;
    compare((const uint32_t[]){0, 3, 9, 50, 0, 3, 9, 50}, &c);
    assert_true(c.p[0] == 1 && c.difference[0].value == 0 && c.difference[0].low == 0);
    compare((const uint32_t[]){0, 0, 0, 0, 20, 20, 20, 20}, &c);
    assert_true(c.difference[0].value == 1 && c.p[0] == 1.0 / SAGE_BOOTSTRAP_RESAMPLES);
    /* Only query b differs: 8 of 27 resamples are without it, and have no difference. */
    compare((const uint32_t[]){0, 0, 0, 0, 0, 0, 20, 0}, &c);
    assert_true(fabs(c.difference[1].value - 0.25) < 1e-12);
    assert_true(fabs(c.p[1] - 2 * 8.0 / 27) < 0.1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_curve_counts_what_is_found_so_far),
        cmocka_unit_test(test_a_slice_is_judged_alone),
        cmocka_unit_test(test_methods_that_never_differ_have_p_1_and_always_the_least),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
