/* How much own products weigh, chosen for shoppers who come back to what they had and for such who never do, over a
 * tiny shop with an untrained tower: a mean of what was done. */
#include <eval/eval.h>
#include <eval/together.h>
#include <math.h>
#include <search/together.h>
#include <support/test.h>
#include <support/tiny_release.h>

enum { USERS = 40, KNOWN = 12, READ = 16, DAY = 86400, NEAR = 10 };

static char dir[SAGE_PATH_MAX];
static sage_engine *bare, *towers;
static sage_catalog *catalog;
static sage_error error;

static void must(sage_status st) {
    if (st != SAGE_OK) fail_msg("%s", error.text);
}

static int open_shop(void **state) {
    (void)state;
    char path[SAGE_PATH_MAX], vocabulary[SAGE_PATH_MAX];
    sage_release release = tiny_release;
    size_t n;
    scratch_make(dir);
    bare = tiny_engine(dir);
    snprintf(path, sizeof path, "%s", scratch_path(dir, "models/2"));
    tiny_model_dir(dir, 2, path);
    char *words = scratch_read(scratch_path(dir, "models/1/vocabulary"), &n);
    snprintf(vocabulary, sizeof vocabulary, "%s", scratch_path(path, "vocabulary"));
    scratch_write(vocabulary, words, n);
    sage_free(words);
    tiny_write_model_with(path, 2, 0, NULL, READ);
    release.query_model = 2;
    must(sage_engine_open(dir, &release, true, NULL, &towers, &error));
    catalog = tiny_catalog(dir);
    return 0;
}

static int close_shop(void **state) {
    (void)state;
    sage_catalog_close(catalog);
    sage_engine_close(towers);
    sage_engine_close(bare);
    scratch_remove(dir);
    return 0;
}

static void known_of(size_t user, sage_known_event known[KNOWN]) {
    for (size_t i = 0; i < KNOWN; i++)
        known[i] = (sage_known_event){(uint32_t)((user * 37 + i * (2 * (user % 5) + 1) * 7) % TINY_INDEXED), 30, 0};
}

static bool knows(const sage_known_event known[KNOWN], size_t row) {
    for (size_t i = 0; i < KNOWN; i++)
        if (known[i].row == row) return true;
    return false;
}

/* Of the tower's list, the known products that come last; or the last of the first ten that are not known. */
static void wanted_of(const sage_known_event known[KNOWN], bool repeats, size_t wanted[2]) {
    const sage_history history = {known, KNOWN, false};
    sage_scored hits[TINY_INDEXED];
    size_t n, row;
    must(sage_engine_user(towers, &history, repeats ? TINY_INDEXED : NEAR, hits, &n, &error));
    for (size_t i = 0; i < n; i++) {
        assert_true(sage_index_find(sage_engine_index(towers), hits[i].pid, &row));
        if (knows(known, row) != repeats) continue;
        wanted[0] = wanted[1];
        wanted[1] = row;
    }
}

static void write_event(FILE *file, int day, size_t user, size_t row) {
    fprintf(file, "%d\tu%zu\t%s\tcheckout\n", 1700000000 + day * DAY, user,
            sage_index_shown(sage_engine_index(towers), row, SAGE_SHOW_ID));
}

/* What was known is of the first day; what is wanted came a month and two months later. */
static void import_events(bool repeats) {
    char path[SAGE_PATH_MAX];
    const char *files[] = {path};
    sage_import_report report;
    const sage_import_options options = {0};
    snprintf(path, sizeof path, "%s", scratch_path(dir, "events.tsv"));
    FILE *file = fopen(path, "wb");
    scratch_must(file != NULL, path);
    fprintf(file, "timestamp\tuser_id\tproduct_id\tevent\n");
    for (size_t u = 0; u < USERS; u++) {
        sage_known_event known[KNOWN];
        size_t wanted[2] = {0};
        known_of(u, known);
        wanted_of(known, repeats, wanted);
        for (size_t i = 0; i < KNOWN; i++) write_event(file, 0, u, known[i].row);
        for (int month = 1; month <= 2; month++) write_event(file, 30 * month, u, wanted[month - 1]);
    }
    scratch_must(fclose(file) == 0, path);
    must(sage_catalog_import_events(catalog, files, 1, &options, NULL, &report, &error));
}

static sage_dataset *dataset_split(const char *split) {
    static sage_option table[64];
    size_t n = 0;
    uint64_t id;
    sage_options *options;
    sage_dataset *dataset;
    for (; sage_dataset_options[n].key != NULL && n < 64; n++) table[n] = sage_dataset_options[n];
    must(sage_options_over(table, n, &options, &error));
    must(sage_options_set(options, split, &error));
    must(sage_options_set(options, "holdout=0.16", &error));
    must(sage_dataset_build(catalog, dir, options, NULL, NULL, NULL, &id, &error));
    must(sage_dataset_open(dir, id, true, &dataset, &error));
    sage_options_free(options);
    return dataset;
}

static bool better;

static sage_own_rule choose(sage_engine *engine, const char *split, sage_own_rule rule) {
    sage_dataset *dataset = dataset_split(split);
    better = false;
    must(sage_eval_choose_own(engine, dataset, NULL, &rule, &better, &error));
    sage_dataset_close(dataset);
    return rule;
}

static void test_it_is_what_users_do(void **state) {
    const sage_own_rule before = {7, 3};
    (void)state;
    import_events(true);
    sage_own_rule again = choose(towers, "split=time", before);
    assert_true(again.weight >= 0.05 && again.weight <= 0.4);
    assert_true(again.half_life_days == 60 || again.half_life_days == 120);
    assert_true(better && again.together == 0);
    /* Split by hash nothing that is wanted is known; without a tower there is no hybrid. */
    sage_own_rule kept = choose(towers, "split=hash", before);
    assert_true(kept.weight == before.weight && kept.half_life_days == before.half_life_days);
    assert_false(better);
    kept = choose(bare, "split=time", before);
    assert_true(kept.weight == before.weight && kept.half_life_days == before.half_life_days);
    assert_false(better);
}

/* What was new then: own products would only stand before it. */
static void test_and_what_they_never_do(void **state) {
    const sage_own_rule before = {7, 3};
    char user[16];
    uint64_t events;
    (void)state;
    for (size_t u = 0; u < USERS; u++) {
        snprintf(user, sizeof user, "u%zu", u);
        must(sage_catalog_forget_user(catalog, user, &events, &error));
    }
    import_events(false);
    assert_true(choose(towers, "split=time", before).weight == 0);
    assert_false(better);
}

static void test_every_allocation_may_fail(void **state) {
    (void)state;
    bool done = false;
    sage_dataset *dataset = dataset_split("split=time");
    for (unsigned long from = 1; !done; from++) {
        sage_own_rule rule = sage_own_default;
        sage_alloc_fail_from(from);
        sage_status st = sage_eval_choose_own(towers, dataset, NULL, &rule, &better, &error);
        done = sage_alloc_fail_from(0) < from;
        assert_int_equal(st, done ? SAGE_OK : SAGE_E_MEMORY);
        assert_true(from < 100000);
    }
    sage_dataset_close(dataset);
}

static void test_it_can_be_cancelled(void **state) {
    (void)state;
    sage_own_rule rule = {7, 3};
    static const volatile sig_atomic_t now = 1;
    const sage_monitor monitor = {.cancel = &now};
    sage_dataset *dataset = dataset_split("split=time");
    assert_int_equal(sage_eval_choose_own(towers, dataset, &monitor, &rule, &better, &error), SAGE_E_CANCELLED);
    assert_true(rule.weight == 7);
    sage_dataset_close(dataset);
}

/* Everybody's events name the same few products, so those who deal with one deal with the others: item-kNN knows, and a
 * tower that was never trained does not. */
static void test_what_the_same_users_dealt_with(void **state) {
    const sage_own_rule before = {7, 3, 5};
    char path[SAGE_PATH_MAX], user[16];
    const char *files[] = {path};
    sage_import_report report;
    const sage_import_options options = {0};
    uint64_t events;
    sage_engine *engine;
    sage_release release = tiny_release;
    (void)state;
    for (size_t u = 0; u < USERS; u++) {
        snprintf(user, sizeof user, "u%zu", u);
        must(sage_catalog_forget_user(catalog, user, &events, &error));
    }
    snprintf(path, sizeof path, "%s", scratch_path(dir, "circles.tsv"));
    FILE *file = fopen(path, "wb");
    scratch_must(file != NULL, path);
    fprintf(file, "user_id\tproduct_id\tevent\n");
    for (size_t u = 0; u < 4 * USERS; u++)
        for (size_t i = 0; i < KNOWN; i++) /* four circles of 12 products, which lie wide apart */
            fprintf(file, "v%zu\t%s\tclick\n", u,
                    sage_index_shown(sage_engine_index(towers), (u % 4 + 4 * i) * 5 % TINY_INDEXED, SAGE_SHOW_ID));
    scratch_must(fclose(file) == 0, path);
    must(sage_catalog_import_events(catalog, files, 1, &options, NULL, &report, &error));
    sage_dataset *dataset = dataset_split("split=hash");
    assert_false(sage_engine_has_together(towers));
    must(sage_together_build(scratch_path(dir, "index/1"), dataset, NULL, NULL, &error));
    release.query_model = 2;
    must(sage_engine_open(dir, &release, true, NULL, &engine, &error));
    assert_true(sage_engine_has_together(engine));
    sage_own_rule rule = choose(engine, "split=hash", before);
    assert_true(better && rule.weight == 0 && rule.together >= 0.05 && rule.together <= 0.4);
    sage_engine_close(engine);
    sage_dataset_close(dataset);
    must(sage_fs_unlink(scratch_path(dir, "index/1/" SAGE_TOGETHER_FILE), &error));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_what_users_do),
        cmocka_unit_test(test_and_what_they_never_do),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_it_can_be_cancelled),
        cmocka_unit_test(test_what_the_same_users_dealt_with), /* the last: its users are others */
    };
    return cmocka_run_group_tests(tests, open_shop, close_shop);
}
