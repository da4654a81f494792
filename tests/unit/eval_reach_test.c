/* What is shown and what scores are worth, against numbers worked out by hand. */
#include <eval/calibration.h>
#include <eval/reach.h>
#include <math.h>
#include <string.h>
#include <support/test.h>

static bool near(double a, double b) {
    return fabs(a - b) < 1e-12;
}

static void test_all_shown_as_often_is_a_gini_of_0(void **state) {
    (void)state;
    uint32_t shown[] = {3, 3, 3, 3};
    sage_reach reach;
    sage_reach_of(shown, 4, &reach);
    assert_true(near(reach.gini, 0) && reach.reached == 4 && reach.products == 4);
    assert_true(near(reach.top_share, 0.25));
    for (size_t i = 0; i < SAGE_LORENZ_POINTS; i++)
        assert_true(near(reach.lorenz[i], (double)i / (SAGE_LORENZ_POINTS - 1)));
}

/* Of n products one has all: (n - 1) / n. */
static void test_one_shown_alone(void **state) {
    (void)state;
    uint32_t shown[] = {0, 0, 8, 0};
    sage_reach reach;
    sage_reach_of(shown, 4, &reach);
    assert_true(near(reach.gini, 0.75) && reach.reached == 1 && near(reach.top_share, 1));
    assert_true(near(reach.lorenz[25], 0) && near(reach.lorenz[50], 1));
}

/* 1, 2, 3, 4: twice (1 + 4 + 9 + 16) / (4 * 10) less 5 / 4. */
static void test_a_gini_by_hand(void **state) {
    (void)state;
    uint32_t shown[] = {4, 1, 3, 2};
    sage_reach reach;
    sage_reach_of(shown, 4, &reach);
    assert_true(near(reach.gini, 0.25));
    assert_true(near(reach.lorenz[25], 0.3) && near(reach.lorenz[50], 1));
    assert_true(near(reach.lorenz[10], 0.2 * 4 * 1 / 10));
}

static void test_the_top_hundredth_of_many(void **state) {
    (void)state;
    uint32_t shown[300];
    sage_reach reach;
    for (size_t i = 0; i < 300; i++) shown[i] = i % 100 == 7 ? 101 : 1; /* three of 300 */
    sage_reach_of(shown, 300, &reach);
    assert_true(near(reach.top_share, 303.0 / 600));
}

static void test_nothing_shown(void **state) {
    (void)state;
    uint32_t shown[] = {0, 0};
    sage_reach reach;
    sage_reach_of(shown, 2, &reach);
    assert_true(reach.gini == 0 && reach.top_share == 0 && reach.reached == 0 && reach.lorenz[50] == 0);
}

static void test_bins_hold_all_and_rise(void **state) {
    (void)state;
    static sage_score_counts counts;
    sage_calibration c;
    uint64_t n = 0, hits = 0;
    memset(&counts, 0, sizeof counts);
    /* 1,000 scores from 0 to 0.999; the last tenth was chosen. */
    for (size_t i = 0; i < 1000; i++) sage_score_count(&counts, (float)i / 1000, i >= 900);
    sage_calibrate(&counts, &c);
    assert_int_equal(c.n, SAGE_CALIBRATION_BINS);
    for (size_t b = 0; b < c.n; b++) {
        n += c.bins[b].n;
        hits += c.bins[b].hits;
        assert_true(c.bins[b].low <= c.bins[b].mean && c.bins[b].mean <= c.bins[b].high);
        assert_true(b == 0 || c.bins[b].low >= c.bins[b - 1].high);
    }
    assert_int_equal(n, 1000);
    assert_int_equal(hits, 100);
    assert_in_range(c.bins[0].n, 400, 402);
    assert_true(fabs(c.bins[0].mean - 0.2) < 0.002 && c.bins[0].hits == 0);
    assert_true(c.bins[9].hits == c.bins[9].n && c.bins[9].n <= 5);
}

static void test_scores_out_of_range_and_few_of_them(void **state) {
    (void)state;
    static sage_score_counts counts;
    sage_calibration c;
    memset(&counts, 0, sizeof counts);
    sage_calibrate(&counts, &c);
    assert_int_equal(c.n, 0);
    sage_score_count(&counts, 7, true);
    sage_score_count(&counts, -7, false);
    sage_score_count(&counts, NAN, false);
    sage_calibrate(&counts, &c);
    assert_int_equal(c.n, 2);
    assert_true(c.bins[0].n == 2 && c.bins[0].hits == 0 && c.bins[1].n == 1 && c.bins[1].hits == 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_shown_as_often_is_a_gini_of_0),
        cmocka_unit_test(test_one_shown_alone),
        cmocka_unit_test(test_a_gini_by_hand),
        cmocka_unit_test(test_the_top_hundredth_of_many),
        cmocka_unit_test(test_nothing_shown),
        cmocka_unit_test(test_bins_hold_all_and_rise),
        cmocka_unit_test(test_scores_out_of_range_and_few_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
