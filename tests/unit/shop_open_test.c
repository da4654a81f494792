/* The shop directory: made, opened, locked; its options; what an empty one says; short memory. */
#include <errno.h>
#include <io/version.h>
#include <itemsage/itemsage.h>
#include <shop/shop.h>
#include <support/scratch.h>
#include <support/test.h>
#include <sys/stat.h>

static char dir[SAGE_PATH_MAX], shop_dir[SAGE_PATH_MAX];
static sage_error error;

static int ground(void **state) {
    (void)state;
    scratch_make(dir);
    snprintf(shop_dir, sizeof shop_dir, "%s", scratch_path(dir, "shop"));
    error = (sage_error){0};
    return 0;
}

static int clear(void **state) {
    (void)state;
    scratch_remove(dir);
    return 0;
}

static void must(sage_status st) {
    if (st != SAGE_OK) fail_msg("%s", error.text);
}

static sage_shop *new_shop(void) {
    sage_shop *shop = NULL;
    must(sage_shop_init(shop_dir, &error));
    must(sage_shop_open(shop_dir, &shop, &error));
    return shop;
}

static void made_and_opened(void **state) {
    (void)state;
    sage_shop *shop = new_shop();
    assert_string_equal(sage_shop_directory(shop), shop_dir);
    assert_string_equal(sage_options_text(sage_shop_options(shop), "threads"), "auto");
    sage_shop_close(shop);
    sage_shop_close(NULL);
    assert_int_equal(sage_shop_init(shop_dir, &error), SAGE_E_STATE);
    assert_non_null(strstr(error.text, "already"));
}

static void init_can_be_run_again(void **state) {
    (void)state;
    static const char mine[] = "steps = 7\n";
    sage_shop_close(new_shop());
    must(sage_fs_unlink(scratch_path(shop_dir, "catalog.db"), &error));
    scratch_write(scratch_path(shop_dir, "itemsage.conf"), mine, sizeof mine - 1);
    sage_shop *shop = new_shop();
    assert_int_equal(sage_options_int(sage_shop_options(shop), "steps"), 7);
    sage_shop_close(shop);
}

/* Two at once: neither may put its empty catalogue in the place of one that the other has made. */
static void init_takes_the_lock(void **state) {
    (void)state;
    int fd;
    must(sage_fs_mkdir(shop_dir, &error));
    must(sage_fs_lock(scratch_path(shop_dir, ".lock-catalog"), true, &fd, &error));
    assert_int_equal(sage_shop_init(shop_dir, &error), SAGE_E_LOCKED);
    assert_false(sage_fs_exists(scratch_path(shop_dir, "catalog.db")));
    sage_fs_unlock(fd);
    sage_shop_close(new_shop());
}

static void bad_places(void **state) {
    (void)state;
    sage_shop *shop = (sage_shop *)1;
    char far_away[2 * SAGE_PATH_MAX];
    memset(far_away, 'x', sizeof far_away);
    far_away[sizeof far_away - 1] = 0;
    assert_int_equal(sage_shop_init("", &error), SAGE_E_ARGUMENT);
    scratch_write(scratch_path(dir, "file"), "x", 1);
    assert_int_equal(sage_shop_init(scratch_path(dir, "file"), &error), SAGE_E_ARGUMENT);
    assert_int_equal(sage_shop_init(scratch_path(dir, "no/shop"), &error), SAGE_E_NOT_FOUND);
    assert_int_equal(sage_shop_init(far_away, &error), SAGE_E_LIMIT);
    assert_int_equal(sage_shop_open(far_away, &shop, &error), SAGE_E_LIMIT);
    assert_null(shop);
    assert_int_equal(sage_shop_open(dir, &shop, &error), SAGE_E_NOT_FOUND);
    assert_non_null(strstr(error.text, "itemsage init"));
    assert_int_equal(sage_shop_open(scratch_path(dir, "file"), &shop, &error), SAGE_E_NOT_FOUND);
    assert_int_equal(sage_shop_open(dir, &shop, NULL), SAGE_E_NOT_FOUND);
}

/* Beside vectors of a lost catalogue a new one would number its products as theirs. */
static void a_lost_catalogue_is_not_begun_anew(void **state) {
    (void)state;
    sage_shop *shop = new_shop();
    sage_shop_close(shop);
    must(sage_fs_mkdir(scratch_path(shop_dir, "vectors/1"), &error));
    must(sage_fs_unlink(scratch_path(shop_dir, "catalog.db"), &error));
    assert_int_equal(sage_shop_open(shop_dir, &shop, &error), SAGE_E_STATE);
    assert_non_null(strstr(error.text, "lost"));
    assert_int_equal(sage_shop_init(shop_dir, &error), SAGE_E_STATE);
    assert_false(sage_fs_exists(scratch_path(shop_dir, "catalog.db")));
}

static void a_bad_config_says_where(void **state) {
    (void)state;
    static const char bad[] = "# fine\nsteps = 3\nstepz = 4\n";
    sage_shop *shop;
    sage_shop_close(new_shop());
    scratch_write(scratch_path(shop_dir, "itemsage.conf"), bad, sizeof bad - 1);
    assert_int_equal(sage_shop_open(shop_dir, &shop, &error), SAGE_E_ARGUMENT);
    assert_int_equal(error.line, 3);
    assert_non_null(strstr(error.source, "itemsage.conf"));
}

/* ---- locks ---- */

static bool take_lock(void *ctx) {
    sage_shop *shop = NULL;
    int fd = -1;
    bool taken = sage_shop_open(shop_dir, &shop, NULL) == SAGE_OK &&
                 sage_shop_lock(shop, *(sage_shop_lock_kind *)ctx, &fd, NULL) == SAGE_OK;
    sage_fs_unlock(fd);
    sage_shop_close(shop);
    return taken;
}

static void locks_are_three_and_exclusive(void **state) {
    (void)state;
    sage_shop *shop = new_shop(), *second = NULL;
    int fd, other;
    char pid[32];
    must(sage_shop_open(shop_dir, &second, &error));
    snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    for (sage_shop_lock_kind kind = SAGE_LOCK_CATALOG; kind <= SAGE_LOCK_RELEASE; kind++) {
        must(sage_shop_lock(shop, kind, &fd, &error));
        assert_int_equal(sage_shop_lock(second, kind, &other, &error), SAGE_E_LOCKED);
        assert_int_equal(other, -1);
        assert_non_null(strstr(error.text, pid));
        for (sage_shop_lock_kind free_kind = SAGE_LOCK_CATALOG; free_kind <= SAGE_LOCK_RELEASE; free_kind++)
            assert_int_equal(fault_child(take_lock, &free_kind, SAGE_FAULT_NONE, 0, NULL),
                             free_kind == kind ? FAULT_FAILED : FAULT_DONE);
        sage_fs_unlock(fd);
        must(sage_shop_lock(second, kind, &other, &error));
        sage_fs_unlock(other);
    }
    sage_shop_close(second);
    sage_shop_close(shop);
}

/* A failed call leaves no lock behind. */
static void a_failure_lets_go(void **state) {
    (void)state;
    sage_shop *shop = new_shop();
    const char *missing = "/nowhere/feed.tsv";
    sage_import_report report;
    sage_train_report trained;
    sage_embed_report embedded;
    sage_index_report built;
    assert_int_equal(sage_import_products(shop, &missing, 1, NULL, NULL, &report, &error), SAGE_E_NOT_FOUND);
    assert_int_equal(sage_train(shop, NULL, &trained, &error), SAGE_E_STATE);
    assert_int_equal(sage_embed(shop, false, NULL, &embedded, &error), SAGE_E_STATE);
    assert_int_equal(sage_index_build(shop, false, NULL, NULL, &built, &error), SAGE_E_STATE);
    for (sage_shop_lock_kind kind = SAGE_LOCK_CATALOG; kind <= SAGE_LOCK_RELEASE; kind++)
        assert_int_equal(fault_child(take_lock, &kind, SAGE_FAULT_NONE, 0, NULL), FAULT_DONE);
    sage_shop_close(shop);
}

/* ---- the empty shop ---- */

static void an_empty_shop_says_so(void **state) {
    (void)state;
    sage_shop *shop = new_shop();
    sage_shop_state s;
    sage_reject rejects[3];
    size_t n = 9;
    uint64_t events = 9;
    must(sage_shop_read_state(shop, &s, &error));
    assert_int_equal(s.products + s.images + s.image_vectors + s.queries + s.events + s.rejects, 0);
    assert_int_equal(s.dataset + s.model + s.vectors_model + s.index + s.keywords, 0);
    assert_int_equal(s.current_model + s.current_index + s.current_keywords, 0);
    assert_int_equal(s.reason_n + s.task_n, 0);
    assert_false(s.training_unfinished);
    must(sage_shop_rejects(shop, rejects, 3, &n, &error));
    assert_int_equal(n, 0);
    must(sage_shop_forget_user(shop, "nobody", &events, &error));
    assert_int_equal(events, 0);
    sage_shop_close(shop);
}

static void kernels_are_named_and_measured(void **state) {
    sage_kernels k;
    (void)state;
    sage_measure_kernels(&k);
    assert_true(*k.isa);
    for (int i = 0; i < SAGE_PRECISIONS; i++)
        assert_true(*k.products[i].name && k.products[i].gflops > 0 && k.products[i].peak_gflops > 0);
}

static void what_is_missing_is_named(void **state) {
    (void)state;
    sage_shop *shop = new_shop();
    sage_searcher *searcher = (sage_searcher *)1;
    sage_eval_report *report = calloc(1, sizeof *report);
    assert_int_equal(sage_searcher_open(shop, &searcher, &error), SAGE_E_STATE);
    assert_null(searcher);
    assert_non_null(strstr(error.text, "index"));
    assert_int_equal(sage_eval(shop, NULL, NULL, report, &error), SAGE_E_STATE);
    assert_int_equal(sage_export(shop, "npy", 0, scratch_path(dir, "out"), &error), SAGE_E_STATE);
    assert_int_equal(sage_export(shop, "csv", 0, scratch_path(dir, "out"), &error), SAGE_E_ARGUMENT);
    sage_searcher_close(NULL);
    free(report);
    sage_shop_close(shop);
}

/* ---- options ---- */

static void the_table_is_sound(void **state) {
    (void)state;
    size_t n;
    const sage_option *table = sage_option_table(&n);
    sage_options *options = NULL, *fresh = NULL;
    must(sage_options_new(&options, &error));
    must(sage_options_new(&fresh, &error));
    assert_true(n > 40);
    for (size_t i = 0; i < n; i++) {
        char assignment[512];
        assert_true(*table[i].room && *table[i].key && *table[i].help && table[i].default_text);
        assert_int_equal(table[i].help[strlen(table[i].help) - 1], '.');
        for (size_t j = 0; j < i; j++) assert_string_not_equal(table[i].key, table[j].key);
        snprintf(assignment, sizeof assignment, "%s=%s", table[i].key, table[i].default_text);
        must(sage_options_set(options, assignment, &error));
        assert_string_equal(sage_options_text(options, table[i].key), sage_options_text(fresh, table[i].key));
        if (table[i].type == SAGE_OPT_INT || table[i].type == SAGE_OPT_REAL) assert_true(table[i].min <= table[i].max);
        assert_int_equal(table[i].type == SAGE_OPT_CHOICE, table[i].choices != NULL);
    }
    sage_options_free(options);
    sage_options_free(fresh);
}

static void formats_by_name(void **state) {
    (void)state;
    static const char *const names[] = {"auto", "csv", "tsv", "jsonl", "xml"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        sage_feed_format format;
        must(sage_feed_format_parse(names[i], &format, &error));
        assert_int_equal(format, i);
        assert_int_equal(sage_feed_format_parse("CSV", &format, &error), SAGE_E_ARGUMENT);
    }
}

static void advice_takes_the_place_of_a_general_one(void **state) {
    (void)state;
    sage_error e = {.code = SAGE_E_FORMAT, .line = 3, .source = "f", .text = "damaged; it must be built again"};
    assert_int_equal(sage_shop_advise(SAGE_E_FORMAT, "run 'itemsage index'", &e), SAGE_E_FORMAT);
    assert_string_equal(e.text, "damaged; run 'itemsage index'");
    assert_string_equal(e.source, "f");
    assert_int_equal(e.line, 3);
    sage_shop_advise(SAGE_E_FORMAT, "do something else", &e);
    assert_string_equal(e.text, "damaged; run 'itemsage index'");
    e = (sage_error){.code = SAGE_E_IO, .text = "cannot"};
    assert_int_equal(sage_shop_advise(SAGE_E_IO, "x", &e), SAGE_E_IO);
    assert_string_equal(e.text, "cannot");
    assert_int_equal(sage_shop_advise(SAGE_E_FORMAT, "x", NULL), SAGE_E_FORMAT);
    assert_int_equal(sage_shop_advise(SAGE_OK, "x", &e), SAGE_OK);
}

static void short_memory_when_opening(void **state) {
    (void)state;
    sage_shop_close(new_shop());
    sage_status st = SAGE_E_MEMORY;
    unsigned long at = 0;
    while (st != SAGE_OK) {
        sage_shop *shop = NULL;
        sage_alloc_fail_from(++at);
        st = sage_shop_open(shop_dir, &shop, &error);
        sage_alloc_fail_from(0);
        assert_true(st == SAGE_OK ? shop != NULL : st == SAGE_E_MEMORY && shop == NULL);
        sage_shop_close(shop);
        assert_true(at < 10000);
    }
    assert_true(at > 3);
}

static bool init(void *ctx) {
    (void)ctx;
    return sage_shop_init(shop_dir, NULL) == SAGE_OK;
}

/* An init that failed or was stopped can be run again, or is done. */
static void every_fault_of_init(void **state) {
    (void)state;
    uint64_t calls;
    assert_int_equal(fault_child(init, NULL, SAGE_FAULT_NONE, 0, &calls), FAULT_DONE);
    for (sage_fault_kind kind = SAGE_FAULT_ERROR; kind <= SAGE_FAULT_POWER_CUT; kind++)
        for (uint64_t at = 1; at <= calls; at++) {
            sage_shop *shop = NULL;
            scratch_remove(shop_dir);
            fault_child(init, NULL, kind, at, NULL);
            sage_status st = sage_shop_init(shop_dir, &error);
            if (st != SAGE_E_STATE) must(st);
            must(sage_shop_open(shop_dir, &shop, &error));
            sage_shop_state s;
            must(sage_shop_read_state(shop, &s, &error));
            sage_shop_close(shop);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(made_and_opened, ground, clear),
        cmocka_unit_test_setup_teardown(init_can_be_run_again, ground, clear),
        cmocka_unit_test_setup_teardown(init_takes_the_lock, ground, clear),
        cmocka_unit_test_setup_teardown(bad_places, ground, clear),
        cmocka_unit_test_setup_teardown(a_lost_catalogue_is_not_begun_anew, ground, clear),
        cmocka_unit_test_setup_teardown(a_bad_config_says_where, ground, clear),
        cmocka_unit_test_setup_teardown(locks_are_three_and_exclusive, ground, clear),
        cmocka_unit_test_setup_teardown(a_failure_lets_go, ground, clear),
        cmocka_unit_test_setup_teardown(an_empty_shop_says_so, ground, clear),
        cmocka_unit_test(kernels_are_named_and_measured),
        cmocka_unit_test_setup_teardown(what_is_missing_is_named, ground, clear),
        cmocka_unit_test_setup_teardown(the_table_is_sound, ground, clear),
        cmocka_unit_test_setup_teardown(formats_by_name, ground, clear),
        cmocka_unit_test_setup_teardown(advice_takes_the_place_of_a_general_one, ground, clear),
        cmocka_unit_test_setup_teardown(short_memory_when_opening, ground, clear),
        cmocka_unit_test_setup_teardown(every_fault_of_init, ground, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
