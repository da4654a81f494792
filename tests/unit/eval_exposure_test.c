/* Pairs weighed by where they were shown: against numbers by hand, and in a SIMULATED world whose truth is known. */
#include <base/alloc.h>
#include <base/rng.h>
#include <eval/judge.h>
#include <math.h>
#include <support/test.h>

static const sage_judge_which all = {.name = "all", .task = -1};
enum { CLICK = SAGE_ON_SEARCH * SAGE_EVENT_KINDS, SAVE };

static void must(sage_status st, const sage_error *error) {
    if (st != SAGE_OK) fail_msg("%s", error->text);
}

static sage_exposure shown_at(uint64_t position, double power) {
    const sage_exposure_rule rule = {.power = power, .clip = 100};
    sage_exposure shown = {0};
    sage_exposure_add(&shown, &rule, position, 0, 1);
    return shown;
}

static void test_weights_of_events(void **state) {
    (void)state;
    const sage_exposure_rule rule = {.power = 0.5, .clip = 4};
    sage_exposure shown = {0}, other = {0};
    sage_exposure_add(&shown, &rule, 0, 0, 7); /* says nothing */
    assert_int_equal(shown.events, 0);
    sage_exposure_add(&shown, &rule, 9, 0, 2); /* 2 of 3 each */
    assert_float_equal(shown.weight, 6, 1e-12);
    sage_exposure_add(&shown, &rule, 9, 0.5, 1); /* its own propensity comes first: 2 */
    assert_float_equal(shown.weight, 8, 1e-12);
    assert_int_equal(shown.clipped, 0);
    sage_exposure_add(&other, &rule, 100, 0, 3); /* 10 each, cut to 4 */
    assert_float_equal(other.weight, 12, 1e-12);
    assert_int_equal(other.clipped, 3);
    sage_exposure_join(&shown, &other);
    assert_float_equal(shown.weight, 20, 1e-12);
    assert_int_equal(shown.events, 6);
    assert_int_equal(shown.clipped, 3);
}

/* Two queries: one with products 1 (position 1) and 2 (position 4), one with product 3 (position 2, clicked and saved)
 * and product 4 that says nothing. */
static void fill(sage_judge *judge) {
    sage_error error = {0};
    const sage_judge_entry first[] = {{.pid = 1, .task = CLICK, .shown = shown_at(1, 1)},
                                      {.pid = 2, .task = CLICK, .shown = shown_at(4, 1)}};
    const sage_judge_entry second[] = {{.pid = 3, .task = CLICK, .shown = shown_at(2, 1)},
                                       {.pid = 3, .task = SAVE, .shown = shown_at(2, 1)},
                                       {.pid = 4, .task = CLICK}};
    must(sage_judge_add(judge, first, 2, &error), &error);
    must(sage_judge_add(judge, second, 3, &error), &error);
    must(sage_judge_lists(judge, 2, &error), &error);
    const sage_scored a[] = {{1, 3}, {9, 2}, {2, 1}}, b[] = {{2, 3}, {9, 2}}, c[] = {{4, 2}, {3, 1}};
    sage_judge_rank(judge, 0, 0, a, 3, 3);
    sage_judge_rank(judge, 0, 1, b, 2, 2);
    sage_judge_rank(judge, 1, 0, c, 2, 2);
}

static void test_figures_by_hand(void **state) {
    (void)state;
    const size_t k[] = {1, 2, 3};
    sage_judge judge = {0};
    sage_error error = {0};
    sage_eval_weighted w;
    sage_eval_difference difference;
    fill(&judge);
    must(sage_judge_weighted(&judge, 0, &all, k, 3, 1, &w, &error), &error);
    assert_int_equal(w.pairs, 3);
    assert_int_equal(w.queries, 2);
    assert_int_equal(w.events, 4);
    /* weights 1, 4 and 2 + 2; list 0 has them at ranks 1, 3 and 2 */
    assert_float_equal(w.recall[0].value, 1.0 / 9, 1e-12);
    assert_float_equal(w.recall[1].value, 5.0 / 9, 1e-12);
    assert_float_equal(w.recall[2].value, 1, 1e-12);
    assert_float_equal(w.unweighted[0].value, 1.0 / 4, 1e-12);
    assert_float_equal(w.unweighted[1].value, 3.0 / 4, 1e-12);
    assert_float_equal(w.effective, 81.0 / (1 + 16 + 16), 1e-12);
    must(sage_judge_difference(&judge, 0, 1, &all, k, 3, &difference, &error), &error);
    assert_int_equal(difference.weighted_pairs, 3);
    assert_float_equal(difference.weighted_recall[0].value, (1.0 - 4) / 9, 1e-12);
    assert_float_equal(difference.weighted_recall[1].value, (5.0 - 4) / 9, 1e-12);
    const sage_judge_which saves = {.name = "search/save", .task = SAVE};
    must(sage_judge_weighted(&judge, 0, &saves, k, 3, 1, &w, &error), &error);
    assert_int_equal(w.pairs, 1);
    assert_float_equal(w.effective, 1, 1e-12);
    sage_judge_free(&judge);
}

static void test_nothing_where_nothing_is_said(void **state) {
    (void)state;
    const size_t k[] = {1};
    sage_judge judge = {0};
    sage_error error = {0};
    sage_eval_weighted w;
    const sage_judge_entry entry = {.pid = 1, .task = CLICK};
    must(sage_judge_add(&judge, &entry, 1, &error), &error);
    must(sage_judge_lists(&judge, 1, &error), &error);
    must(sage_judge_weighted(&judge, 0, &all, k, 1, 1, &w, &error), &error);
    assert_int_equal(w.pairs, 0);
    assert_float_equal(w.recall[0].value, 0, 0);
    sage_judge_free(&judge);
}

/* ---- a simulated world ---- */

enum { QUERIES = 1000, SHOWN = 20, DEEP = 5, WORLDS = 8 };

static void by_score(const double *score, size_t *order) {
    for (size_t i = 0; i < SHOWN; i++) {
        size_t at = i;
        for (; at > 0 && score[order[at - 1]] < score[i]; at--) order[at] = order[at - 1];
        order[at] = i;
    }
}

typedef struct world {
    sage_judge judge;
    double truth[2]; /* of what would be clicked if everything were looked at, the share among the DEEP first */
} world;

/* What would be clicked is noisily known to two rankings, equally well. Shoppers see the first: position r is looked at
 * with probability 1 / r, and what is looked at is clicked as it is liked. */
static void simulate(world *w, uint64_t seed) {
    sage_rng rng;
    sage_error error = {0};
    double found[2] = {0}, sum = 0;
    static size_t order[2][QUERIES][SHOWN];
    static bool asked[QUERIES];
    sage_rng_seed(&rng, seed, 1);
    for (size_t q = 0; q < QUERIES; q++) {
        double liked[SHOWN], score[2][SHOWN];
        sage_judge_entry clicks[SHOWN];
        size_t n = 0;
        for (size_t i = 0; i < SHOWN; i++) {
            liked[i] = sage_rng_unit(&rng) * sage_rng_unit(&rng);
            for (size_t m = 0; m < 2; m++) score[m][i] = liked[i] + 0.3 * sage_rng_normal(&rng);
            sum += liked[i];
        }
        for (size_t m = 0; m < 2; m++) {
            by_score(score[m], order[m][q]);
            for (size_t r = 0; r < DEEP; r++) found[m] += liked[order[m][q][r]];
        }
        for (size_t r = 0; r < SHOWN; r++) {
            size_t i = order[0][q][r];
            bool looked = sage_rng_unit(&rng) * (double)(r + 1) < 1, likes = sage_rng_unit(&rng) < liked[i];
            if (looked && likes)
                clicks[n++] = (sage_judge_entry){.pid = (int64_t)i + 1, .task = CLICK, .shown = shown_at(r + 1, 1)};
        }
        asked[q] = n > 0;
        if (n > 0) must(sage_judge_add(&w->judge, clicks, n, &error), &error);
    }
    must(sage_judge_lists(&w->judge, 2, &error), &error);
    for (size_t q = 0, number = 0; q < QUERIES; q++) {
        if (!asked[q]) continue;
        for (size_t m = 0; m < 2; m++) {
            sage_scored list[SHOWN];
            for (size_t r = 0; r < SHOWN; r++) list[r] = (sage_scored){(int64_t)order[m][q][r] + 1, (float)(SHOWN - r)};
            sage_judge_rank(&w->judge, number, m, list, SHOWN, SHOWN);
        }
        number++;
    }
    for (size_t m = 0; m < 2; m++) w->truth[m] = found[m] / sum;
}

/* Plain recall takes what was shown high for better than it is; weighted, both come near the truth. */
static void test_the_bias_of_positions_goes(void **state) {
    (void)state;
    const size_t k[] = {DEEP};
    double plain_off[2] = {0}, weighted_off[2] = {0};
    int within = 0;
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        world w = {.truth = {0}};
        sage_eval_weighted figures;
        sage_error error = {0};
        simulate(&w, seed);
        for (size_t m = 0; m < 2; m++) {
            must(sage_judge_weighted(&w.judge, m, &all, k, 1, 1, &figures, &error), &error);
            plain_off[m] += (figures.unweighted[0].value - w.truth[m]) / WORLDS;
            weighted_off[m] += (figures.recall[0].value - w.truth[m]) / WORLDS;
            within += figures.recall[0].low <= w.truth[m] && w.truth[m] <= figures.recall[0].high;
        }
        sage_judge_free(&w.judge);
    }
    assert_true(plain_off[0] > 0.2); /* what made the log, by far */
    assert_true(plain_off[0] - plain_off[1] > 0.1);
    for (size_t m = 0; m < 2; m++) assert_true(fabs(weighted_off[m]) < 0.015);
    assert_true(within >= 2 * WORLDS - 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weights_of_events),
        cmocka_unit_test(test_figures_by_hand),
        cmocka_unit_test(test_nothing_where_nothing_is_said),
        cmocka_unit_test(test_the_bias_of_positions_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
