/* Trials over a small index: which products count as known, ranks with and without them, rows, differences; and that
 * baselines count what is trained on alone. */
#include <base/alloc.h>
#include <base/rng.h>
#include <eval/baselines.h>
#include <eval/trial_run.h>
#include <io/fs.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/scratch.h>
#include <support/test.h>

enum { ROWS = 40, DIM = 4, FIRST_PID = 100 };

static char dir[SAGE_PATH_MAX];
static sage_index *catalogue;

static void must(sage_status st, const sage_error *error) {
    if (st != SAGE_OK) fail_msg("%s", error->text);
}

/* Row r has pid 100 + r; rows 10, 11 and 12 are variants of each other. */
static int make_index(void **state) {
    (void)state;
    sage_index_writer *writer;
    sage_error error;
    scratch_make(dir);
    must(sage_index_create(dir, ROWS, DIM, &writer, &error), &error);
    for (size_t r = 0; r < ROWS; r++) {
        char id[8];
        float vector[DIM] = {1, (float)r, 0, 0};
        snprintf(id, sizeof id, "p%zu", r);
        sage_str shown[SAGE_SHOWN] = {[SAGE_SHOW_ID] = {id, strlen(id)}};
        if (r >= 10 && r <= 12) shown[SAGE_SHOW_GROUP] = SAGE_STR("g");
        must(sage_index_add(writer, FIRST_PID + (int64_t)r, vector, shown, &error), &error);
    }
    must(sage_index_finish(writer, &error), &error);
    must(sage_index_open(dir, true, &catalogue, &error), &error);
    return 0;
}

static int drop_index(void **state) {
    (void)state;
    sage_index_close(catalogue);
    scratch_remove(dir);
    return 0;
}

static sage_user_event did(uint32_t row, unsigned kind, int64_t time_ms) {
    return (sage_user_event){.time_ms = time_ms, .product = row, .count = 1, .kind = (uint8_t)kind};
}

static sage_judge_entry want(sage_surface surface, int64_t row, unsigned kind) {
    return (sage_judge_entry){.pid = FIRST_PID + row, .task = (unsigned)surface * SAGE_EVENT_KINDS + kind};
}

/* Everybody gets the rows in descending order, but `from` the first is left out. */
static sage_status falling(void *ctx, const sage_past *pasts, size_t n, size_t depth, sage_neighbour *out,
                           size_t *found, sage_error *error) {
    const size_t *from = ctx;
    (void)pasts;
    (void)error;
    for (size_t q = 0; q < n; q++) {
        found[q] = 0;
        for (size_t r = ROWS - *from; r-- > 0 && found[q] < depth;)
            out[q * depth + found[q]++] = (sage_neighbour){(uint32_t)r, (float)r};
    }
    return SAGE_OK;
}

static const sage_eval_row *row_of(const sage_eval_report *report, const char *method, const char *task) {
    for (size_t i = 0; i < report->n_rows; i++)
        if (strcmp(report->rows[i].method, method) == 0 && strcmp(report->rows[i].task, task) == 0)
            return &report->rows[i];
    fail_msg("no row of %s, %s", method, task);
    return NULL;
}

static bool has_row(const sage_eval_report *report, const char *task) {
    for (size_t i = 0; i < report->n_rows; i++)
        if (strcmp(report->rows[i].task, task) == 0) return true;
    return false;
}

static const sage_eval_difference *difference_of(const sage_eval_report *report, const char *against,
                                                 const char *task) {
    for (size_t i = 0; i < report->n_differences; i++)
        if (strcmp(report->differences[i].against, against) == 0 && strcmp(report->differences[i].task, task) == 0)
            return &report->differences[i];
    fail_msg("no difference from %s, %s", against, task);
    return NULL;
}

static sage_eval_report *new_report(size_t k0, size_t k1) {
    static sage_eval_report report;
    memset(&report, 0, sizeof report);
    report.n_k = 2;
    report.k[0] = k0;
    report.k[1] = k1;
    return &report;
}

static void judge(sage_trial *trial, const sage_lister *listers, size_t n, sage_eval_report *report) {
    sage_error error;
    must(sage_eval_trial(trial, listers, n, 1, NULL, NULL, report, &error), &error);
}

/* Two users. The first knows 39, 38 and 30 and wants 38 again and 37 anew; the second knows 39, wants 36 twice over. */
static void two_users(sage_trial *trial) {
    sage_error error;
    const sage_user_event first[] = {did(30, 0, 10), did(38, 0, 20), did(39, 3, 30)}, second[] = {did(39, 0, 5)};
    sage_judge_entry of_first[] = {want(SAGE_ON_USER, 37, 0), want(SAGE_ON_USER, 38, 3)},
                     of_second[] = {want(SAGE_ON_USER, 36, 0), want(SAGE_ON_USER, 36, 3), want(SAGE_ON_USER, 36, 0)};
    must(sage_trial_begin(trial, catalogue, SAGE_ON_USER, &error), &error);
    must(sage_trial_add(trial, SAGE_STR(""), first, 3, 40, of_first, 2, &error), &error);
    must(sage_trial_add(trial, SAGE_STR(""), second, 1, 40, of_second, 3, &error), &error);
}

static void test_repeats_stand_apart_from_what_is_new(void **state) {
    (void)state;
    size_t from = 0;
    const sage_lister lister = {"falling", &from, falling};
    sage_trial trial;
    two_users(&trial);
    assert_int_equal(trial.n_known, 1);
    sage_eval_report *report = new_report(2, 3);
    judge(&trial, &lister, 1, report);
    /* 39 38 | 37 | 36: as they are, 38 is second, 37 third, 36 fourth */
    const sage_eval_row *all = row_of(report, "falling", "user");
    assert_int_equal(all->pairs, 3);
    assert_int_equal(all->queries, 2);
    assert_float_equal(all->pair_recall[0].value, 1.0 / 3, 1e-6);
    assert_float_equal(all->pair_recall[1].value, 2.0 / 3, 1e-6);
    assert_int_equal(row_of(report, "falling", "user/click")->pairs, 2);
    assert_int_equal(row_of(report, "falling", "user/checkout")->pairs, 2);
    const sage_eval_row *repeats = row_of(report, "falling", "user repeats");
    assert_int_equal(repeats->pairs, 1);
    assert_true(repeats->pair_recall[0].value == 1);
    assert_float_equal(repeats->mrr[0].value, 0.5, 1e-6);
    /* without 39, 38 and 30 the first's 37 leads; without 39 the second's 36 is third behind 38 and 37 */
    const sage_eval_row *fresh = row_of(report, "falling", "user new");
    assert_int_equal(fresh->pairs, 2);
    assert_true(fresh->pair_recall[0].value == 0.5 && fresh->pair_recall[1].value == 1);
    assert_float_equal(fresh->mrr[1].value, (1 + 1.0 / 3) / 2, 1e-6);
    assert_int_equal(report->n_differences, 0);
    sage_trial_free(&trial);
}

/* Where nobody does anything again, what is known is in the way of every row. */
static void test_without_repeats_known_products_are_taken_out(void **state) {
    (void)state;
    size_t from = 0;
    sage_error error;
    const sage_lister lister = {"falling", &from, falling};
    const sage_user_event known[] = {did(39, 0, INT64_MIN), did(38, 0, INT64_MIN)};
    sage_judge_entry wanted[] = {want(SAGE_ON_USER, 37, 1), want(SAGE_ON_USER, 500, 1)};
    sage_trial trial;
    must(sage_trial_begin(&trial, catalogue, SAGE_ON_USER, &error), &error);
    must(sage_trial_add(&trial, SAGE_STR(""), known, 2, INT64_MIN, wanted, 2, &error), &error);
    must(sage_trial_add(&trial, SAGE_STR(""), NULL, 0, INT64_MIN, wanted, 2, &error),
         &error); /* of whom nothing is known */
    assert_int_equal(trial.judge.n_queries, 1);
    assert_int_equal(trial.n_unasked, 1);
    sage_eval_report *report = new_report(1, 5);
    judge(&trial, &lister, 1, report);
    assert_true(row_of(report, "falling", "user")->pair_recall[0].value == 0.5); /* 37 is first, 500 unknown */
    assert_int_equal(report->unknown_pairs, 1);
    assert_false(has_row(report, "user repeats"));
    assert_false(has_row(report, "user new"));
    sage_trial_free(&trial);
}

/* Neither a product that is looked at nor its variants are recommended, nor wanted. */
static void test_products_without_themselves_and_their_variants(void **state) {
    (void)state;
    size_t from = 27;
    sage_error error;
    const sage_lister lister = {"falling", &from, falling}; /* 12 11 10 9 8 ... */
    const sage_user_event looked = did(11, 0, INT64_MIN);
    sage_judge_entry wanted[] = {want(SAGE_ON_PRODUCT, 11, 0), want(SAGE_ON_PRODUCT, 12, 0),
                                 want(SAGE_ON_PRODUCT, 9, 0)},
                     variants[] = {want(SAGE_ON_PRODUCT, 10, 0)};
    sage_trial trial;
    must(sage_trial_begin(&trial, catalogue, SAGE_ON_PRODUCT, &error), &error);
    must(sage_trial_add(&trial, SAGE_STR(""), &looked, 1, INT64_MIN, wanted, 3, &error), &error);
    must(sage_trial_add(&trial, SAGE_STR(""), &looked, 1, INT64_MIN, variants, 1, &error), &error);
    assert_int_equal(trial.judge.n_queries, 1);
    assert_int_equal(sage_trial_mark(&trial, 0, 1), 3);
    assert_int_equal(sage_trial_mark(&trial, 0, 0), 3);
    sage_eval_report *report = new_report(1, 2);
    judge(&trial, &lister, 1, report);
    const sage_eval_row *row = row_of(report, "falling", "product");
    assert_int_equal(row->pairs, 1);
    assert_true(row->pair_recall[0].value == 1);
    assert_true(row_of(report, "falling", "product/click")->pair_recall[0].value == 1);
    sage_trial_free(&trial);
}

/* Many users, so that blocks end within: against ranking by hand. */
enum { MANY = 300 };

static void test_many_users_and_differences(void **state) {
    (void)state;
    static const char *const names[] = {"a", "b", "c"};
    size_t from[] = {0, 5, 0}, hits[2] = {0}, pairs = 0;
    sage_lister listers[3];
    sage_trial trial;
    sage_rng rng;
    sage_error error;
    sage_pool *pool;
    must(sage_pool_new(3, &pool, &error), &error);
    for (size_t i = 0; i < 3; i++) listers[i] = (sage_lister){names[i], &from[i], falling};
    sage_rng_seed(&rng, 3, 3);
    must(sage_trial_begin(&trial, catalogue, SAGE_ON_USER, &error), &error);
    for (size_t u = 0; u < MANY; u++) {
        sage_user_event known[3];
        sage_judge_entry wanted[2];
        size_t n_known = 1 + sage_rng_below(&rng, 3), n_wanted = 1 + u % 2;
        for (size_t i = 0; i < n_known; i++) known[i] = did((uint32_t)(20 + sage_rng_below(&rng, 20)), 0, (int64_t)i);
        for (size_t i = 0; i < n_wanted; i++) {
            uint32_t row = (uint32_t)(10 * i + sage_rng_below(&rng, 10));
            wanted[i] = want(SAGE_ON_USER, row, 0);
            pairs++;
            for (size_t m = 0; m < 2; m++) { /* above it: rows from+..39 that are not known */
                size_t rank = 0;
                for (size_t above = row + 1; above < ROWS - from[m]; above++) {
                    bool knows = false;
                    for (size_t j = 0; j < n_known; j++) knows |= known[j].product == above;
                    rank += !knows;
                }
                hits[m] += rank < 25;
            }
        }
        must(sage_trial_add(&trial, SAGE_STR(""), known, n_known, 9, wanted, n_wanted, &error), &error);
    }
    sage_eval_report *report = new_report(25, 40);
    must(sage_eval_trial(&trial, listers, 3, 1, pool, NULL, report, &error), &error);
    double a = (double)hits[0] / (double)pairs, b = (double)hits[1] / (double)pairs;
    assert_true(a > 0.05 && b > a);
    assert_float_equal(row_of(report, "a", "user")->pair_recall[0].value, a, 1e-6);
    assert_float_equal(row_of(report, "b", "user")->pair_recall[0].value, b, 1e-6);
    assert_int_equal(row_of(report, "a", "user")->queries, MANY);
    assert_int_equal(report->n_rows, 3 * 2);
    assert_int_equal(report->n_differences, 2 * 2);
    const sage_eval_difference *differs = difference_of(report, "b", "user"),
                               *same = difference_of(report, "c", "user");
    assert_float_equal(differs->pair_recall[0].value, a - b, 1e-6);
    assert_true(differs->pair_recall[0].high < 0 && differs->pair_recall[0].low < differs->pair_recall[0].high);
    for (size_t i = 0; i < 2; i++) { /* c is a under another name */
        assert_true(same->pair_recall[i].value == 0 && same->pair_recall[i].low == 0);
        assert_true(same->pair_recall[i].high == 0);
    }
    assert_string_equal(differs->method, "a");
    /* Two that lead: a against b and c, and b against c. */
    report = new_report(25, 40);
    must(sage_eval_trial(&trial, listers, 3, 2, pool, NULL, report, &error), &error);
    assert_int_equal(report->n_differences, 3 * 2);
    static const char *const pairs_of[3][2] = {{"a", "b"}, {"a", "c"}, {"b", "c"}};
    const double gains[] = {a - b, 0, b - a};
    for (size_t i = 0; i < 3; i++) {
        const sage_eval_difference *of = &report->differences[2 * i];
        assert_string_equal(of->method, pairs_of[i][0]);
        assert_string_equal(of->against, pairs_of[i][1]);
        assert_string_equal(of->task, "user");
        assert_float_equal(of->pair_recall[0].value, gains[i], 1e-6);
    }
    sage_trial_free(&trial);
    sage_pool_free(pool);
}

static void test_every_allocation_may_fail(void **state) {
    (void)state;
    size_t from = 0;
    const sage_lister listers[] = {{"a", &from, falling}, {"b", &from, falling}};
    sage_error error;
    bool done = false;
    for (unsigned long at = 1; !done; at++) {
        sage_trial trial = {0};
        const sage_user_event known = did(11, 0, 1);
        sage_judge_entry wanted = want(SAGE_ON_PRODUCT, 9, 0);
        sage_eval_report *report = new_report(1, 5);
        sage_alloc_fail_from(at);
        sage_status st = sage_trial_begin(&trial, catalogue, SAGE_ON_PRODUCT, &error);
        if (st == SAGE_OK) st = sage_trial_add(&trial, SAGE_STR(""), &known, 1, 2, &wanted, 1, &error);
        if (st == SAGE_OK) st = sage_eval_trial(&trial, listers, 2, 1, NULL, NULL, report, &error);
        done = sage_alloc_fail_from(0) < at;
        assert_int_equal(st, done ? SAGE_OK : SAGE_E_MEMORY);
        sage_trial_free(&trial);
    }
}

static void test_stops_on_request(void **state) {
    (void)state;
    static volatile sig_atomic_t stop = 1;
    const sage_monitor monitor = {.cancel = &stop};
    size_t from = 0;
    const sage_lister lister = {"falling", &from, falling};
    sage_trial trial;
    two_users(&trial);
    assert_int_equal(sage_eval_trial(&trial, &lister, 1, 1, NULL, &monitor, new_report(1, 2), NULL), SAGE_E_CANCELLED);
    sage_trial_free(&trial);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_repeats_stand_apart_from_what_is_new),
        cmocka_unit_test(test_without_repeats_known_products_are_taken_out),
        cmocka_unit_test(test_products_without_themselves_and_their_variants),
        cmocka_unit_test(test_many_users_and_differences),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_stops_on_request),
    };
    return cmocka_run_group_tests(tests, make_index, drop_index);
}
