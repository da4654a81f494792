/* Trials and what baselines count from, out of a dataset of either split: what is asked, what is known, and that
 * nothing that is held out has been counted. */
#include <eval/baselines.h>
#include <eval/trial.h>
#include <support/test.h>
#include <support/tiny_eval.h>

enum { PRODUCTS = 60, USERS = 40, EVENTS = 12, LATE = 55, UNINDEXED = 7 };

static char dir[SAGE_PATH_MAX];
static sage_index *catalogue;
static int64_t pids[PRODUCTS];

static void must(sage_status st, const sage_error *error) {
    if (st != SAGE_OK) fail_msg("%s", error->text);
}

static size_t product_of(size_t user, size_t event) {
    return (7 * user + 3 * event * (1 + user % 3)) % 50;
}

/* User u's event i is on day 2 i + 1; on the last day everybody buys product LATE, which nobody had touched, and every
 * other user the product of its first event again. */
static void write_events(sage_catalog *catalog) {
    char path[SAGE_PATH_MAX];
    sage_error error = {0};
    sage_import_report report;
    snprintf(path, sizeof path, "%s", scratch_path(dir, "events.tsv"));
    FILE *file = fopen(path, "wb");
    scratch_must(file != NULL, path);
    fprintf(file, "timestamp\tuser_id\tsurface\tproduct_id\tevent\n");
    for (size_t u = 0; u < USERS; u++) {
        for (size_t i = 0; i < EVENTS; i++)
            fprintf(file, "2026-03-%02zuT08:00:00Z\tu%zu\tuser\tp%zu\t%s\n", 2 * i + 1, u, product_of(u, i),
                    i % 3 ? "click" : "save");
        fprintf(file, "2026-03-31T08:00:00Z\tu%zu\tuser\tp%d\tcheckout\n", u, LATE);
        if (u % 2) fprintf(file, "2026-03-31T09:00:00Z\tu%zu\tuser\tp%zu\tcheckout\n", u, product_of(u, 0));
    }
    scratch_must(fclose(file) == 0, path);
    const char *files[] = {path};
    sage_import_options options = {0};
    must(sage_catalog_import_events(catalog, files, 1, &options, NULL, &report, &error), &error);
}

static int open_shop(void **state) {
    (void)state;
    scratch_make(dir);
    sage_catalog *catalog = tiny_numbered(dir, PRODUCTS, pids);
    write_events(catalog);
    sage_catalog_close(catalog);
    catalogue = tiny_index_without(dir, pids, PRODUCTS, UNINDEXED);
    return 0;
}

static int close_shop(void **state) {
    (void)state;
    sage_index_close(catalogue);
    scratch_remove(dir);
    return 0;
}

static sage_dataset *dataset_split(const char *split, const char *holdout) {
    const char *const settings[] = {split, holdout, NULL};
    sage_catalog *catalog = tiny_catalog(dir);
    sage_dataset *dataset = tiny_packed(dir, catalog, settings);
    sage_catalog_close(catalog);
    return dataset;
}

static uint32_t row_of(size_t product) {
    size_t row = SAGE_NO_ROW;
    return sage_index_find(catalogue, pids[product], &row) ? (uint32_t)row : SAGE_NO_ROW;
}

static void trial_of(const sage_dataset *dataset, sage_surface surface, sage_trial *trial) {
    sage_error error = {0};
    must(sage_trial_begin(trial, catalogue, surface, &error), &error);
    must(sage_trial_of_dataset(trial, dataset, SAGE_TEST, &error), &error);
}

static void test_by_time_what_came_last_is_wanted(void **state) {
    (void)state;
    sage_trial trial;
    sage_dataset *dataset = dataset_split("split=time", "holdout=0.24");
    size_t wanted_again = 0, late = row_of(LATE);
    trial_of(dataset, SAGE_ON_USER, &trial);
    assert_int_equal(trial.judge.n_queries, USERS);
    for (size_t q = 0; q < USERS; q++) {
        sage_past past = sage_trial_past_of(&trial, q);
        bool wants_late = false;
        for (size_t i = 0; i < past.n; i++) {
            assert_true(past.events[i].time_ms <= past.moment_ms);
            assert_true(past.events[i].part != SAGE_TEST && past.events[i].product != late);
        }
        assert_true(past.n >= EVENTS - 1); /* one product is not in the index */
        for (size_t e = trial.judge.begin[q]; e < trial.judge.begin[q + 1]; e++) {
            wants_late |= trial.judge.entries[e].pid == pids[LATE] && !trial.judge.entries[e].known;
            wanted_again += trial.judge.entries[e].known;
        }
        assert_true(wants_late);
    }
    assert_true(wanted_again > USERS / 4);
    assert_int_equal(trial.n_known, wanted_again);
    sage_trial_free(&trial);
    /* Looked at: each user's newest. */
    trial_of(dataset, SAGE_ON_PRODUCT, &trial);
    for (size_t q = 0; q < trial.judge.n_queries; q++) {
        sage_past past = sage_trial_past_of(&trial, q);
        assert_int_equal(past.n, 1);
        assert_true(past.events[0].time_ms != INT64_MIN);
        bool is_last = false;
        for (size_t u = 0; u < USERS; u++)
            for (size_t i = EVENTS - 3; i < EVENTS; i++) is_last |= past.events[0].product == row_of(product_of(u, i));
        assert_true(is_last);
    }
    sage_trial_free(&trial);
    sage_dataset_close(dataset);
}

/* The product that everybody bought on the last day is no popular one, nor anybody's neighbour. */
static void test_baselines_have_not_seen_what_is_held_out(void **state) {
    (void)state;
    sage_touched touched = {0};
    sage_baselines *baselines;
    sage_error error = {0};
    sage_neighbour found[PRODUCTS];
    size_t n;
    bool asked[PRODUCTS];
    sage_user_event everything[PRODUCTS];
    sage_dataset *dataset = dataset_split("split=time", "holdout=0.24");
    must(sage_touched_in(&touched, dataset, catalogue, &error), &error);
    assert_int_equal(touched.n_users, USERS);
    assert_int_equal(sage_touched_users_of(&touched, row_of(LATE)), 0);
    memset(asked, 1, sizeof asked);
    must(sage_baselines_new(&touched, asked, &(sage_item_knn_options){0}, NULL, &baselines, &error), &error);
    size_t rows = 0;
    for (size_t p = 0; p < PRODUCTS; p++)
        if (p != LATE && p != UNINDEXED)
            everything[rows++] = (sage_user_event){.time_ms = 1, .product = row_of(p), .count = 1};
    const sage_past past = {everything, rows, 2};
    const sage_lister listers[] = {sage_popular(baselines), sage_item_knn_lister(baselines)};
    for (size_t m = 0; m < 2; m++) {
        must(listers[m].list(listers[m].ctx, &past, 1, PRODUCTS, found, &n, &error), &error);
        assert_true(n > 40);
        for (size_t i = 0; i < n; i++) assert_int_not_equal(found[i].row, row_of(LATE));
    }
    sage_baselines_free(baselines);
    sage_touched_free(&touched);
    sage_dataset_close(dataset);
}

static bool touches(size_t user, size_t product) {
    for (size_t i = 0; i < EVENTS; i++)
        if (product_of(user, i) == product) return true;
    return product == LATE;
}

/* By hash: a user who is asked counts for nothing, and wants nothing that is known of it. */
static void test_by_hash_users_are_held_out_whole(void **state) {
    (void)state;
    sage_trial trial;
    sage_touched touched = {0};
    sage_error error = {0};
    bool trained[USERS] = {false};
    size_t held = 0;
    sage_dataset *dataset = dataset_split("split=hash", "holdout=0.5");
    assert_int_equal(sage_dataset_users(dataset), USERS);
    for (size_t u = 0; u < USERS; u++) {
        sage_packed_user user;
        sage_dataset_user(dataset, u, &user);
        trained[strtoul(user.id.data + 1, NULL, 10)] = user.part == SAGE_TRAIN;
        held += user.part == SAGE_TEST;
    }
    must(sage_touched_in(&touched, dataset, catalogue, &error), &error);
    for (size_t p = 0; p < PRODUCTS; p++) {
        size_t users = 0;
        for (size_t u = 0; u < USERS; u++) users += trained[u] && touches(u, p);
        if (p != UNINDEXED) assert_int_equal(sage_touched_users_of(&touched, row_of(p)), users);
    }
    trial_of(dataset, SAGE_ON_USER, &trial);
    assert_true(held > 0);
    assert_int_equal(trial.judge.n_queries, held);
    assert_int_equal(trial.n_known, 0);
    sage_trial_free(&trial);
    sage_touched_free(&touched);
    sage_dataset_close(dataset);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_time_what_came_last_is_wanted),
        cmocka_unit_test(test_baselines_have_not_seen_what_is_held_out),
        cmocka_unit_test(test_by_hash_users_are_held_out_whole),
    };
    return cmocka_run_group_tests(tests, open_shop, close_shop);
}
