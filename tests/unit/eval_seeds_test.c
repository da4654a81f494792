/* Intervals over several runs: by hand, and whether they hold the truth as often as they say. */
#include "support/test.h"
#include <base/rng.h>
#include <eval/metrics.h>
#include <eval/seeds.h>
#include <math.h>
#include <string.h>

static const size_t k[] = {1, 10};

static void quantiles_of_student_are_those_of_the_tables(void **state) {
    (void)state;
    static const struct {
        size_t freedom;
        double t;
    } known[] = {{1, 12.706}, {2, 4.303}, {4, 2.776}, {20, 2.086}, {21, 2.080}, {30, 2.042}, {60, 2.000}, {120, 1.980}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        assert_float_equal(sage_t975(known[i].freedom), known[i].t, 1e-3);
}

static void a_standard_deviation_divides_by_one_less(void **state) {
    (void)state;
    static const double values[] = {1, 2, 3, 4};
    assert_float_equal(sage_standard_deviation(values, 4), sqrt(5.0 / 3), 1e-12);
    assert_true(sage_standard_deviation(values, 1) == 0);
}

static void an_interval_reaches_as_far_as_both_its_causes(void **state) {
    (void)state;
    static const double runs[] = {0.49, 0.51}, same[] = {0.5, 0.5};
    const sage_interval queries = {0.5, 0.45, 0.53};
    double half = 12.706 * sqrt(0.0002) / sqrt(2);
    sage_interval both = sage_seeds_widen(queries, runs, 2);
    assert_float_equal(both.low, 0.5 - sqrt(0.05 * 0.05 + half * half), 1e-12);
    assert_float_equal(both.high, 0.5 + sqrt(0.03 * 0.03 + half * half), 1e-12);
    both = sage_seeds_widen(queries, same, 2);
    assert_float_equal(both.low, 0.45, 1e-12);
    both = sage_seeds_widen(queries, runs, 1); /* one run says nothing about seeds */
    assert_true(both.low == 0.45 && both.high == 0.53);
}

static void one_run_is_as_it_was(void **state) {
    (void)state;
    static const uint32_t ranks[] = {0, 5, SAGE_RANK_MISS, 2};
    const sage_judged queries[] = {{ranks, 2}, {ranks + 2, 1}, {ranks + 3, 1}}, *runs[] = {queries};
    sage_eval_row alone = {0}, one = {0};
    double sd[2] = {7, 7};
    sage_error error;
    assert_int_equal(sage_metrics(queries, 3, k, 2, 1, &alone, &error), SAGE_OK);
    assert_int_equal(sage_metrics_runs(runs, 1, 3, k, 2, 1, &one, sd, &error), SAGE_OK);
    assert_memory_equal(&alone, &one, sizeof one);
    assert_true(sd[0] == 0 && sd[1] == 0);
}

static void figures_are_means_over_runs(void **state) {
    (void)state;
    static const uint32_t first[] = {0, 0}, second[] = {0, 4};
    const sage_judged a[] = {{first, 1}, {first + 1, 1}}, b[] = {{second, 1}, {second + 1, 1}}, *runs[] = {a, b};
    sage_eval_row row = {0};
    sage_interval difference[2];
    double sd[2];
    sage_error error;
    assert_int_equal(sage_metrics_runs(runs, 2, 2, k, 2, 1, &row, sd, &error), SAGE_OK);
    assert_int_equal(row.pairs, 2);
    assert_int_equal(row.queries, 2);
    assert_float_equal(row.pair_recall[0].value, 0.75, 1e-12);
    assert_float_equal(row.mrr[1].value, (1 + 1 + 1 + 0.2) / 4, 1e-12);
    assert_float_equal(sd[0], 0.5 / sqrt(2), 1e-12);
    assert_float_equal(sd[1], 0, 1e-12);
    assert_true(row.pair_recall[0].low >= 0 && row.pair_recall[0].high <= 1);
    /* The same runs in other order: pairs by seed differ, their mean does not. */
    const sage_judged *turned[] = {b, a};
    assert_int_equal(sage_metrics_runs_difference(runs, turned, 2, 2, k, 2, 1, difference, &error), SAGE_OK);
    assert_float_equal(difference[0].value, 0, 1e-12);
    assert_true(difference[0].low < -1 && difference[0].high > 1); /* seeds say +0.5 and -0.5 */
    assert_int_equal(sage_metrics_runs_difference(runs, runs, 2, 2, k, 2, 1, difference, &error), SAGE_OK);
    assert_true(difference[0].low == 0 && difference[0].high == 0);
}

enum { QUERIES = 60, RUNS = 3, WORLDS = 300 };

static double normal(sage_rng *rng) {
    double sum = 0;
    for (int i = 0; i < 12; i++) sum += (double)sage_rng_below(rng, 1 << 20) / (1 << 20);
    return sum - 6;
}

/* Each world has other queries and other seeds; the mean over all worlds is known. */
static void intervals_hold_the_truth_as_often_as_they_say(void **state) {
    (void)state;
    static uint32_t ranks[RUNS][QUERIES];
    static sage_judged judged[RUNS][QUERIES];
    size_t held = 0;
    for (uint64_t world = 0; world < WORLDS; world++) {
        sage_rng rng;
        double hard[QUERIES];
        const sage_judged *runs[RUNS];
        sage_eval_row row = {0};
        sage_error error;
        sage_rng_seed(&rng, 5, world);
        for (size_t q = 0; q < QUERIES; q++) hard[q] = normal(&rng);
        for (size_t r = 0; r < RUNS; r++) {
            double luck = 0.3 * normal(&rng);
            for (size_t q = 0; q < QUERIES; q++) {
                ranks[r][q] = hard[q] + luck + 0.5 * normal(&rng) > 0 ? 0 : SAGE_RANK_MISS; /* a half, by symmetry */
                judged[r][q] = (sage_judged){&ranks[r][q], 1};
            }
            runs[r] = judged[r];
        }
        assert_int_equal(sage_metrics_runs(runs, RUNS, QUERIES, k, 1, 1, &row, NULL, &error), SAGE_OK);
        held += row.pair_recall[0].low <= 0.5 && row.pair_recall[0].high >= 0.5;
    }
    assert_true(held >= WORLDS * 93 / 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_of_student_are_those_of_the_tables),
        cmocka_unit_test(a_standard_deviation_divides_by_one_less),
        cmocka_unit_test(an_interval_reaches_as_far_as_both_its_causes),
        cmocka_unit_test(one_run_is_as_it_was),
        cmocka_unit_test(figures_are_means_over_runs),
        cmocka_unit_test(intervals_hold_the_truth_as_often_as_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
