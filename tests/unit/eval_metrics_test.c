/* The figures against values worked out by hand, against another way of computing them, and the intervals against what
 * they promise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <base/alloc.h>
#include <base/rng.h>
#include <eval/metrics.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MISS SAGE_RANK_MISS
static const size_t ten_hundred[] = {10, 100};

static sage_eval_row metrics(const sage_judged *queries, size_t n, const size_t *k, size_t n_k) {
    sage_eval_row row = {0};
    sage_error error = {0};
    if (sage_eval_metrics(queries, n, k, n_k, 1, &row, &error) != SAGE_OK) fail_msg("%s", error.text);
    return row;
}

static void test_one_query_by_hand(void **state) {
    (void)state;
    /* Relevant at places 1, 3 and 40 of the list; a fourth was not found. */
    const uint32_t ranks[] = {0, 2, 39, MISS};
    const sage_judged query = {ranks, 4};
    sage_eval_row row = metrics(&query, 1, ten_hundred, 2);
    assert_int_equal(row.pairs, 4);
    assert_int_equal(row.queries, 1);
    assert_float_equal(row.pair_recall[0].value, 0.5, 1e-12);
    assert_float_equal(row.pair_recall[1].value, 0.75, 1e-12);
    assert_float_equal(row.query_recall[0].value, 0.5, 1e-12);
    assert_float_equal(row.mrr[0].value, 1.0, 1e-12);
    double ideal = 1 + 1 / log2(3) + 0.5 + 1 / log2(5);
    assert_float_equal(row.ndcg[0].value, (1 + 0.5) / ideal, 1e-12);
    assert_float_equal(row.ndcg[1].value, (1 + 0.5 + 1 / log2(41)) / ideal, 1e-12);
    /* One query: every resample is the same. */
    assert_float_equal(row.pair_recall[0].low, 0.5, 1e-12);
    assert_float_equal(row.pair_recall[0].high, 0.5, 1e-12);
}

static void test_k_smaller_than_what_is_relevant(void **state) {
    (void)state;
    const uint32_t ranks[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    const sage_judged query = {ranks, 12};
    static const size_t k[] = {1, 10};
    sage_eval_row row = metrics(&query, 1, k, 2);
    assert_float_equal(row.pair_recall[0].value, 1.0 / 12, 1e-12); /* of the pairs: one of twelve */
    assert_float_equal(row.query_recall[0].value, 1, 1e-12);       /* of what one place can hold: all */
    assert_float_equal(row.pair_recall[1].value, 10.0 / 12, 1e-12);
    assert_float_equal(row.query_recall[1].value, 1, 1e-12);
    assert_float_equal(row.ndcg[0].value, 1, 1e-12);
    assert_float_equal(row.ndcg[1].value, 1, 1e-12);
}

static void test_borders_of_k(void **state) {
    (void)state;
    const uint32_t ninth[] = {9}, tenth[] = {10}, missed[] = {MISS};
    const sage_judged queries[] = {{ninth, 1}, {tenth, 1}, {missed, 1}, {NULL, 0}};
    sage_eval_row row = metrics(queries, 4, ten_hundred, 1);
    assert_int_equal(row.queries, 3); /* a query without a relevant product says nothing */
    assert_int_equal(row.pairs, 3);
    assert_float_equal(row.pair_recall[0].value, 1.0 / 3, 1e-12);
    assert_float_equal(row.mrr[0].value, 0.1 / 3, 1e-12);
    assert_float_equal(row.ndcg[0].value, 1 / log2(11) / 3, 1e-12);
}

/* Pairs weigh alike in pair recall, queries in the rest. */
static void test_means_over_pairs_and_over_queries(void **state) {
    (void)state;
    const uint32_t many[] = {0, 1, 2, 3}, one[] = {MISS};
    const sage_judged queries[] = {{many, 4}, {one, 1}};
    sage_eval_row row = metrics(queries, 2, ten_hundred, 1);
    assert_float_equal(row.pair_recall[0].value, 0.8, 1e-12);
    assert_float_equal(row.query_recall[0].value, 0.5, 1e-12);
}

static void test_nothing_judged(void **state) {
    (void)state;
    sage_eval_row row = metrics(NULL, 0, ten_hundred, 2);
    assert_int_equal(row.pairs, 0);
    assert_int_equal(row.queries, 0);
    assert_float_equal(row.pair_recall[1].value, 0, 0);
    assert_float_equal(row.ndcg[1].high, 0, 0);
}

static void test_wrong_cut_offs(void **state) {
    (void)state;
    sage_eval_row row;
    sage_error error;
    const size_t zero[] = {0}, many[SAGE_EVAL_K_MAX + 1] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    assert_int_equal(sage_eval_metrics(NULL, 0, zero, 1, 1, &row, &error), SAGE_E_ARGUMENT);
    assert_int_equal(sage_eval_metrics(NULL, 0, many, SAGE_EVAL_K_MAX + 1, 1, &row, &error), SAGE_E_ARGUMENT);
    assert_int_equal(sage_eval_metrics(NULL, 0, many, 0, 1, &row, &error), SAGE_E_ARGUMENT);
    assert_int_equal(sage_eval_metrics(NULL, 0, many, SAGE_EVAL_K_MAX, 1, &row, &error), SAGE_OK);
}

/* ---- by brute force: relevance as a list of yes and no, one place after another ---- */

enum { QUERIES = 60, PLACES = 50, RELEVANT = 12 };
static uint32_t ranks[QUERIES][RELEVANT];
static sage_judged judged[QUERIES];

static int ascending(const void *a, const void *b) {
    const uint32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void make_queries(uint64_t stream) {
    sage_rng rng;
    sage_rng_seed(&rng, 11, stream);
    for (size_t q = 0; q < QUERIES; q++) {
        size_t n = 1 + sage_rng_below(&rng, RELEVANT - 1), placed = 0;
        bool taken[PLACES] = {false};
        while (placed < n) {
            uint32_t place = (uint32_t)sage_rng_below(&rng, 2 * PLACES);
            if (place >= PLACES)
                ranks[q][placed++] = MISS;
            else if (!taken[place])
                taken[ranks[q][placed++] = place] = true;
        }
        qsort(ranks[q], n, sizeof ranks[q][0], ascending);
        judged[q] = (sage_judged){ranks[q], n};
    }
}

static void brute(size_t k, double out[4]) {
    double hits_all = 0, pairs = 0, recall = 0, mrr = 0, ndcg = 0;
    for (size_t q = 0; q < QUERIES; q++) {
        bool yes[PLACES] = {false};
        for (size_t i = 0; i < judged[q].n_relevant; i++)
            if (ranks[q][i] != MISS) yes[ranks[q][i]] = true;
        double hits = 0, gain = 0, ideal = 0, first = 0;
        for (size_t place = 0; place < k && place < PLACES; place++) {
            hits += yes[place];
            gain += yes[place] ? log(2) / log((double)place + 2) : 0;
            if (yes[place] && first == 0) first = 1.0 / (double)(place + 1);
        }
        size_t best = judged[q].n_relevant < k ? judged[q].n_relevant : k;
        for (size_t place = 0; place < best; place++) ideal += log(2) / log((double)place + 2);
        hits_all += hits;
        pairs += (double)judged[q].n_relevant;
        recall += hits / (double)best;
        mrr += first;
        ndcg += gain / ideal;
    }
    out[0] = hits_all / pairs;
    out[1] = recall / QUERIES;
    out[2] = mrr / QUERIES;
    out[3] = ndcg / QUERIES;
}

static void test_equals_brute_force(void **state) {
    (void)state;
    static const size_t k[] = {1, 2, 3, 7, 10, 20, 50, 1000};
    for (uint64_t stream = 0; stream < 5; stream++) {
        make_queries(stream);
        sage_eval_row row = metrics(judged, QUERIES, k, 8);
        for (size_t i = 0; i < 8; i++) {
            double expected[4];
            brute(k[i], expected);
            assert_float_equal(row.pair_recall[i].value, expected[0], 1e-12);
            assert_float_equal(row.query_recall[i].value, expected[1], 1e-12);
            assert_float_equal(row.mrr[i].value, expected[2], 1e-12);
            assert_float_equal(row.ndcg[i].value, expected[3], 1e-12);
            assert_true(row.ndcg[i].low <= row.ndcg[i].value && row.ndcg[i].value <= row.ndcg[i].high);
        }
    }
}

static void test_same_seed_same_bits(void **state) {
    (void)state;
    sage_eval_row a = {0}, b = {0}, c = {0};
    make_queries(1);
    assert_int_equal(sage_eval_metrics(judged, QUERIES, ten_hundred, 2, 5, &a, NULL), SAGE_OK);
    assert_int_equal(sage_eval_metrics(judged, QUERIES, ten_hundred, 2, 5, &b, NULL), SAGE_OK);
    assert_int_equal(sage_eval_metrics(judged, QUERIES, ten_hundred, 2, 6, &c, NULL), SAGE_OK);
    assert_memory_equal(&a, &b, sizeof a);
    assert_true(a.ndcg[0].low != c.ndcg[0].low);
    assert_float_equal(a.ndcg[0].value, c.ndcg[0].value, 0);
}

/* ---- the promise of 95 %: queries of a population whose true figure is known ---- */

/* A query has 1 to 6 relevant products, each found at place 0.. with a probability that is the query's own, drawn
 * uniformly: the share of pairs found is one half in the population, and pairs of one query go together. */
static double draw_population(sage_rng *rng, size_t n) {
    double covered = 0;
    for (size_t q = 0; q < n; q++) {
        size_t relevant = 1 + sage_rng_below(rng, 6), found = 0;
        double luck = sage_rng_unit(rng);
        for (size_t i = 0; i < relevant; i++) found += sage_rng_unit(rng) < luck;
        for (size_t i = 0; i < relevant; i++) ranks[q][i] = i < found ? (uint32_t)i : MISS;
        judged[q] = (sage_judged){ranks[q], relevant};
    }
    sage_eval_row row = metrics(judged, n, ten_hundred, 1);
    covered = row.pair_recall[0].low <= 0.5 && 0.5 <= row.pair_recall[0].high;
    return covered;
}

static void test_intervals_cover_the_truth(void **state) {
    (void)state;
    enum { TRIALS = 400 };
    double covered = 0;
    sage_rng rng;
    sage_rng_seed(&rng, 2024, 0);
    for (size_t t = 0; t < TRIALS; t++) covered += draw_population(&rng, QUERIES);
    /* The percentile bootstrap falls a little short of 95 % for 60 queries; 400 trials spread by about 1.2 %. */
    assert_true(covered / TRIALS > 0.91);
    assert_true(covered / TRIALS < 0.98);
}

/* ---- differences ---- */

static void test_nothing_differs_from_itself(void **state) {
    (void)state;
    sage_interval difference[2];
    make_queries(3);
    assert_int_equal(sage_eval_metrics_difference(judged, judged, QUERIES, ten_hundred, 2, 1, difference, NULL),
                     SAGE_OK);
    for (size_t i = 0; i < 2; i++)
        assert_true(difference[i].value == 0 && difference[i].low == 0 && difference[i].high == 0);
    assert_int_equal(sage_eval_metrics_difference(NULL, NULL, 0, ten_hundred, 1, 1, difference, NULL), SAGE_OK);
    assert_true(difference[0].value == 0 && difference[0].low == 0 && difference[0].high == 0);
}

/* Where b finds one pair less of every query, the difference has no spread, however much both do. */
static void test_differences_are_paired(void **state) {
    (void)state;
    static uint32_t fewer[QUERIES][RELEVANT];
    static sage_judged b[QUERIES];
    const size_t far[] = {PLACES};
    sage_interval difference[1];
    make_queries(4);
    for (size_t q = 0; q < QUERIES; q++) { /* of each four pairs: one more is found by a */
        for (size_t i = 0; i < 4; i++) ranks[q][i] = i < 1 + q % 4 ? (uint32_t)i : MISS;
        memcpy(fewer[q], ranks[q], sizeof fewer[q]);
        fewer[q][q % 4] = MISS;
        judged[q] = (sage_judged){ranks[q], 4};
        b[q] = (sage_judged){fewer[q], 4};
    }
    assert_int_equal(sage_eval_metrics_difference(judged, b, QUERIES, far, 1, 1, difference, NULL), SAGE_OK);
    assert_float_equal(difference[0].value, 0.25, 1e-12);
    assert_float_equal(difference[0].low, 0.25, 1e-12);
    assert_float_equal(difference[0].high, 0.25, 1e-12);
    assert_int_equal(sage_eval_metrics_difference(b, judged, QUERIES, far, 1, 1, difference, NULL), SAGE_OK);
    assert_float_equal(difference[0].high, -0.25, 1e-12);
}

/* It is the difference of the figures; and against a method that finds nothing, the figure with its interval. */
static void test_a_difference_is_one_of_figures(void **state) {
    (void)state;
    static uint32_t nothing[QUERIES][RELEVANT], shifted[QUERIES][RELEVANT];
    static sage_judged none[QUERIES], other[QUERIES];
    static const size_t k[] = {5, 20};
    sage_interval difference[2];
    make_queries(5);
    memset(nothing, 0xff, sizeof nothing);
    for (size_t q = 0; q < QUERIES; q++) {
        none[q] = (sage_judged){nothing[q], judged[q].n_relevant};
        for (size_t i = 0; i < judged[q].n_relevant; i++)
            shifted[q][i] = ranks[q][i] == MISS ? MISS : ranks[q][i] + (uint32_t)(q % 5);
        other[q] = (sage_judged){shifted[q], judged[q].n_relevant};
    }
    sage_eval_row a = metrics(judged, QUERIES, k, 2), b = metrics(other, QUERIES, k, 2);
    assert_int_equal(sage_eval_metrics_difference(judged, none, QUERIES, k, 2, 1, difference, NULL), SAGE_OK);
    for (size_t i = 0; i < 2; i++) {
        assert_float_equal(difference[i].value, a.pair_recall[i].value, 1e-12);
        assert_float_equal(difference[i].low, a.pair_recall[i].low, 1e-12); /* the same resamples */
        assert_float_equal(difference[i].high, a.pair_recall[i].high, 1e-12);
    }
    assert_int_equal(sage_eval_metrics_difference(judged, other, QUERIES, k, 2, 1, difference, NULL), SAGE_OK);
    for (size_t i = 0; i < 2; i++) {
        assert_float_equal(difference[i].value, a.pair_recall[i].value - b.pair_recall[i].value, 1e-6);
        assert_true(difference[i].low > 0 && difference[i].low < difference[i].high);
        /* narrower than intervals that know nothing of each other would allow */
        assert_true(difference[i].high - difference[i].low < a.pair_recall[i].high - a.pair_recall[i].low);
    }
}

static void test_allocations_may_fail(void **state) {
    (void)state;
    sage_eval_row row;
    sage_error error;
    bool done = false;
    make_queries(2);
    for (unsigned long from = 1; !done; from++) {
        sage_alloc_fail_from(from);
        sage_status st = sage_eval_metrics(judged, QUERIES, ten_hundred, 2, 1, &row, &error);
        if (st == SAGE_OK)
            st = sage_eval_metrics_difference(judged, judged, QUERIES, ten_hundred, 2, 1, row.pair_recall, &error);
        done = sage_alloc_fail_from(0) < from;
        assert_int_equal(st, done ? SAGE_OK : SAGE_E_MEMORY);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_query_by_hand),
        cmocka_unit_test(test_k_smaller_than_what_is_relevant),
        cmocka_unit_test(test_borders_of_k),
        cmocka_unit_test(test_means_over_pairs_and_over_queries),
        cmocka_unit_test(test_nothing_judged),
        cmocka_unit_test(test_wrong_cut_offs),
        cmocka_unit_test(test_equals_brute_force),
        cmocka_unit_test(test_same_seed_same_bits),
        cmocka_unit_test(test_intervals_cover_the_truth),
        cmocka_unit_test(test_nothing_differs_from_itself),
        cmocka_unit_test(test_differences_are_paired),
        cmocka_unit_test(test_a_difference_is_one_of_figures),
        cmocka_unit_test(test_allocations_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
