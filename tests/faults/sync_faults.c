/* The daily job and the way back, through the public calls, with a fault at every call that changes the file system.
 * Whatever happens: the catalogue holds the old feed or the new one, the release in force is whole and one of the two;
 * and the job, run again, finishes, and then finds nothing to do. */
#include "support/published_answer.h"
#include "support/test.h"

enum { NEW_FROM = 4, NEW_TO = PUBLISHED_PRODUCTS + 3, NEW_PRODUCTS = NEW_TO - NEW_FROM };

static char dir[SAGE_PATH_MAX], prepared[SAGE_PATH_MAX], shop_dir[SAGE_PATH_MAX], feed[SAGE_PATH_MAX];

static void fresh(void) {
    published_copy(prepared, shop_dir);
}

static sage_shop *open_shop(void) {
    sage_shop *shop = published_open(shop_dir);
    sage_error error = {0};
    tiny_must(sage_options_set(sage_shop_options(shop), "index=hnsw", &error), &error, "index=hnsw");
    return shop;
}

/* NULL: in the child. */
static bool sync_once(sage_sync_report *told) {
    sage_shop *shop = open_shop();
    const char *files[] = {feed};
    sage_sync_report report;
    sage_error error = {0};
    sage_status st = sage_sync(shop, files, 1, NULL, NULL, told != NULL ? told : &report, &error);
    sage_shop_close(shop);
    if (st != SAGE_OK && told != NULL) fail_msg("sync: %s", error.text);
    return st == SAGE_OK;
}

static bool run_sync(void *ctx) {
    return sync_once(ctx);
}

static bool run_rollback(void *ctx) {
    (void)ctx;
    sage_shop *shop = open_shop();
    sage_status st = sage_rollback(shop, 1, NULL, NULL);
    sage_shop_close(shop);
    return st == SAGE_OK;
}

static uint64_t products(void) {
    sage_shop *shop = open_shop();
    sage_shop_state state;
    sage_error error = {0};
    tiny_must(sage_shop_read_state(shop, &state, &error), &error, "read the state");
    sage_shop_close(shop);
    return state.products;
}

/* Release 1 stands, and the day's feed has some products more, some less, and others changed. */
static int ground(void **state) {
    (void)state;
    scratch_make(dir);
    snprintf(shop_dir, sizeof shop_dir, "%s", scratch_path(dir, "prepared"));
    snprintf(prepared, sizeof prepared, "%s", shop_dir);
    snprintf(feed, sizeof feed, "%s", scratch_path(dir, "today.tsv"));
    sage_shop_close(published_catalogue(dir, shop_dir));
    sage_shop *shop = open_shop();
    published_train(shop);
    published_embed(shop);
    published_index(shop);
    sage_shop_close(shop);
    tiny_write_feed(feed, NEW_FROM, NEW_TO, 3);
    snprintf(shop_dir, sizeof shop_dir, "%s", scratch_path(dir, "shop"));
    return 0;
}

static int clear(void **state) {
    (void)state;
    scratch_remove(dir);
    return 0;
}

static void check_nothing_to_do(void) {
    sage_sync_report report;
    assert_true(sync_once(&report));
    assert_false(report.published);
    assert_int_equal(report.import.unchanged, NEW_PRODUCTS);
    assert_int_equal(report.embed.embedded, 0);
}

static void meet(sage_fault_kind kind, uint64_t at, uint64_t calls, const published_answer *before,
                 const published_answer *after) {
    sage_sync_report report;
    fresh();
    int end = fault_child(run_sync, NULL, kind, at, NULL);
    assert_int_equal(end == FAULT_KILLED, kind != SAGE_FAULT_ERROR);
    const uint64_t there = products();
    published_answer now = published_ask(shop_dir);
    if (!published_same(&now, before) && !published_same(&now, after))
        fail_msg("fault %d at call %llu: neither the old release nor the new", (int)kind, (unsigned long long)at);
    assert_true(there == PUBLISHED_PRODUCTS || there == NEW_PRODUCTS);
    if (published_same(&now, after)) assert_int_equal(there, NEW_PRODUCTS);
    if (end == FAULT_DONE || at == calls) assert_true(published_same(&now, after));
    assert_true(sync_once(&report));
    assert_int_equal(report.published, !published_same(&now, after));
    published_answer then = published_ask(shop_dir);
    assert_true(published_same(&then, after));
    check_nothing_to_do();
}

static void syncs_are_old_or_new(void **state) {
    (void)state;
    uint64_t calls;
    fresh();
    published_answer before = published_ask(shop_dir);
    assert_int_equal(fault_child(run_sync, NULL, SAGE_FAULT_NONE, 0, &calls), FAULT_DONE);
    published_answer after = published_ask(shop_dir);
    assert_int_equal(before.vectors, PUBLISHED_PRODUCTS);
    assert_int_equal(after.vectors, NEW_PRODUCTS);
    assert_true(before.changed == 0 && after.changed > 0 && calls > 60);
    for (sage_fault_kind kind = SAGE_FAULT_ERROR; kind <= SAGE_FAULT_POWER_CUT; kind++)
        for (uint64_t at = 1; at <= calls; at++) meet(kind, at, calls, &before, &after);
}

/* Back to release 1 from the release after it. */
static void rollbacks_are_done_or_not(void **state) {
    (void)state;
    uint64_t calls;
    char later[SAGE_PATH_MAX], first[SAGE_PATH_MAX];
    sage_sync_report report;
    fresh();
    assert_true(sync_once(&report));
    published_answer now = published_ask(shop_dir);
    snprintf(later, sizeof later, "%s", scratch_path(dir, "later"));
    snprintf(first, sizeof first, "%s", prepared);
    published_copy(shop_dir, later);
    snprintf(prepared, sizeof prepared, "%s", later);
    fresh();
    assert_int_equal(fault_child(run_rollback, NULL, SAGE_FAULT_NONE, 0, &calls), FAULT_DONE);
    published_answer back = published_ask(shop_dir);
    assert_int_equal(back.index, 1);
    assert_true(now.index == 2 && calls > 10);
    for (sage_fault_kind kind = SAGE_FAULT_ERROR; kind <= SAGE_FAULT_POWER_CUT; kind++)
        for (uint64_t at = 1; at <= calls; at++) {
            fresh();
            int end = fault_child(run_rollback, NULL, kind, at, NULL);
            assert_int_equal(end == FAULT_KILLED, kind != SAGE_FAULT_ERROR);
            published_answer found = published_ask(shop_dir);
            assert_true(published_same(&found, found.index == 1 ? &back : &now));
            if (end == FAULT_DONE || at == calls) assert_int_equal(found.index, 1);
            assert_int_equal(run_rollback(NULL), found.index != 1); /* in force already */
            assert_int_equal(published_ask(shop_dir).index, 1);
            assert_true(sync_once(&report)); /* and from there on */
            assert_true(report.published && report.release == 3);
        }
    snprintf(prepared, sizeof prepared, "%s", first);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(syncs_are_old_or_new),
        cmocka_unit_test(rollbacks_are_done_or_not),
    };
    return cmocka_run_group_tests(tests, ground, clear);
}
