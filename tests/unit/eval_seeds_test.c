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
    const sage_interval queries = {0.5, 0.45, 0.53};
    sage_seed_pool pool = {.freedom = 0};
    sage_seed_pool_add(&pool, 7, 1); /* one run says nothing about seeds */
    sage_interval both = sage_seed_pool_widen(&pool, queries, 1, 0);
    assert_true(both.low == 0.45 && both.high == 0.53);
    sage_seed_pool_add(&pool, 0.01, 2);
    sage_seed_pool_add(&pool, 0.03, 3);
    assert_int_equal(pool.freedom, 3);
    double s = sqrt((0.01 * 0.01 + 2 * 0.03 * 0.03) / 3), half = 3.182 * s / sqrt(2);
    both = sage_seed_pool_widen(&pool, queries, 2, 0);
    assert_float_equal(both.low, 0.5 - sqrt(0.05 * 0.05 + half * half), 1e-12);
    assert_float_equal(both.high, 0.5 + sqrt(0.03 * 0.03 + half * half), 1e-12);
    half = 3.182 * s * sqrt(1.0 / 2 + 1.0 / 3);
    both = sage_seed_pool_widen(&pool, queries, 2, 3);
    assert_float_equal(both.low, 0.5 - sqrt(0.05 * 0.05 + half * half), 1e-12);
}

static void one_run_is_as_it_was(void **state) {
    (void)state;
    static const uint32_t ranks[] = {0, 5, SAGE_RANK_MISS, 2};
    const sage_judged queries[] = {{ranks, 2}, {ranks + 2, 1}, {ranks + 3, 1}}, *runs[] = {queries};
    sage_eval_row alone = {0}, one = {0};
    sage_eval_spread spread = {{7, 7}, {7, 7}, {7, 7}, {7, 7}};
    sage_error error;
    assert_int_equal(sage_eval_metrics(queries, 3, k, 2, 1, &alone, &error), SAGE_OK);
    assert_int_equal(sage_eval_metrics_runs(runs, 1, 3, k, 2, 1, &one, &spread, &error), SAGE_OK);
    assert_memory_equal(&alone, &one, sizeof one);
    assert_true(spread.pair_recall[0] == 0 && spread.ndcg[1] == 0);
}

static void figures_are_means_over_runs(void **state) {
    (void)state;
    static const uint32_t first[] = {0, 0}, second[] = {0, 4};
    const sage_judged a[] = {{first, 1}, {first + 1, 1}}, b[] = {{second, 1}, {second + 1, 1}}, *runs[] = {a, b};
    sage_eval_row row = {0};
    sage_interval difference[2];
    sage_eval_spread spread;
    sage_error error;
    assert_int_equal(sage_eval_metrics_runs(runs, 2, 2, k, 2, 1, &row, &spread, &error), SAGE_OK);
    assert_int_equal(row.pairs, 2);
    assert_int_equal(row.queries, 2);
    assert_float_equal(row.pair_recall[0].value, 0.75, 1e-12);
    assert_float_equal(row.mrr[1].value, (1 + 1 + 1 + 0.2) / 4, 1e-12);
    assert_float_equal(spread.pair_recall[0], 0.5 / sqrt(2), 1e-12);
    assert_float_equal(spread.mrr[1], 0.4 / sqrt(2), 1e-12);
    assert_float_equal(spread.pair_recall[1], 0, 1e-12);
    assert_true(row.pair_recall[0].low >= 0 && row.pair_recall[0].high <= 1);
    /* The same runs in other order: pairs by seed differ, their mean does not. */
    const sage_judged *turned[] = {b, a};
    assert_int_equal(sage_eval_metrics_runs_difference(runs, turned, 2, 2, k, 2, 1, difference, &error), SAGE_OK);
    assert_float_equal(difference[0].value, 0, 1e-12);
    assert_true(difference[0].low == 0 && difference[0].high == 0); /* in the mean, query by query */
    assert_int_equal(sage_eval_metrics_runs_difference(runs, runs, 2, 2, k, 2, 1, difference, &error), SAGE_OK);
    assert_true(difference[0].low == 0 && difference[0].high == 0);
}

enum { QUERIES = 60, RUNS = 2, SETTINGS = 4, WORLDS = 200 };

static double normal(sage_rng *rng) {
    double sum = 0;
    for (int i = 0; i < 12; i++) sum += (double)sage_rng_below(rng, 1 << 20) / (1 << 20);
    return sum - 6;
}

/* Settings that are all alike: of each the recall is a half, by symmetry, and differences are 0. */
static void make_world(uint64_t number, uint32_t ranks[SETTINGS][RUNS][QUERIES]) {
    sage_rng rng;
    double hard[QUERIES];
    sage_rng_seed(&rng, 5, number);
    for (size_t q = 0; q < QUERIES; q++) hard[q] = normal(&rng);
    for (size_t s = 0; s < SETTINGS; s++)
        for (size_t r = 0; r < RUNS; r++) {
            double luck = 0.5 * normal(&rng);
            for (size_t q = 0; q < QUERIES; q++)
                ranks[s][r][q] = hard[q] + luck + 0.3 * normal(&rng) > 0 ? 0 : SAGE_RANK_MISS;
        }
}

static void intervals_hold_the_truth_as_often_as_they_say(void **state) {
    (void)state;
    static uint32_t ranks[SETTINGS][RUNS][QUERIES];
    static sage_judged judged[SETTINGS][RUNS][QUERIES];
    size_t held = 0, differences_held = 0, over_queries_alone = 0;
    for (uint64_t world = 0; world < WORLDS; world++) {
        const sage_judged *runs[SETTINGS][RUNS];
        sage_eval_row row[SETTINGS] = {{.pairs = 0}};
        sage_seed_pool pool = {.freedom = 0};
        sage_interval less;
        sage_error error;
        make_world(world, ranks);
        for (size_t s = 0; s < SETTINGS; s++) {
            sage_eval_spread spread;
            for (size_t r = 0; r < RUNS; r++) {
                runs[s][r] = judged[s][r];
                for (size_t q = 0; q < QUERIES; q++) judged[s][r][q] = (sage_judged){&ranks[s][r][q], 1};
            }
            assert_int_equal(sage_eval_metrics_runs(runs[s], RUNS, QUERIES, k, 1, 1, &row[s], &spread, &error),
                             SAGE_OK);
            sage_seed_pool_add(&pool, spread.pair_recall[0], RUNS);
        }
        assert_int_equal(sage_eval_metrics_runs_difference(runs[1], runs[0], RUNS, QUERIES, k, 1, 1, &less, &error),
                         SAGE_OK);
        over_queries_alone += less.low <= 0 && less.high >= 0;
        less = sage_seed_pool_widen(&pool, less, RUNS, RUNS);
        differences_held += less.low <= 0 && less.high >= 0;
        sage_interval own = sage_seed_pool_widen(&pool, row[0].pair_recall[0], RUNS, 0);
        held += own.low <= 0.5 && own.high >= 0.5;
    }
    assert_true(held >= WORLDS * 93 / 100);
    assert_true(differences_held >= WORLDS * 93 / 100);
    assert_true(over_queries_alone < WORLDS * 80 / 100); /* what seeds do is not to be left out */
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
