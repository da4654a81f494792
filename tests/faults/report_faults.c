/* The page of `eval --report`, and the hits beside it, written over older ones, with a fault at every call that changes
 * the file system. Whatever happens: each file is the old one or the new one, whole, what the shop itself holds answers
 * as before, and done again both are after. */
#include <support/published_shop.h>
#include <support/scratch_dir.h>
#include <support/test.h>

static char shop_dir[SAGE_PATH_MAX], page[SAGE_PATH_MAX], hits[SAGE_PATH_MAX];
static const char *const old_page = "<!DOCTYPE html>\n<p>the page of yesterday</p>\n", *const old_hits = "yesterday\n";

static bool judge(void *ctx) {
    static sage_eval_report report;
    const sage_eval_options options = {.report_file = page, .hits_file = hits};
    (void)ctx;
    sage_shop *shop = published_open(shop_dir);
    sage_status st = sage_eval(shop, &options, NULL, &report, NULL);
    sage_shop_close(shop);
    return st == SAGE_OK;
}

/* As if they had been there for long: past the seam, so that a power cut takes back nothing of them. */
static void fresh(void) {
    scratch_write(page, old_page, strlen(old_page));
    scratch_write(hits, old_hits, strlen(old_hits));
}

typedef struct wanted {
    char *page, *hits;
    size_t page_bytes, hits_bytes;
} wanted;

static void check(const wanted *after, sage_fault_kind kind, uint64_t at, bool done) {
    bool page_old = scratch_holds(page, old_page, strlen(old_page)),
         page_new = scratch_holds(page, after->page, after->page_bytes),
         hits_old = scratch_holds(hits, old_hits, strlen(old_hits)),
         hits_new = scratch_holds(hits, after->hits, after->hits_bytes);
    if ((!page_old && !page_new) || (!hits_old && !hits_new))
        fail_msg("fault %d at call %llu: a file that is neither the old one nor the new one", (int)kind,
                 (unsigned long long)at);
    if (done) assert_true(page_new && hits_new);
}

static bool has_left_over(void) {
    return sage_fs_exists(scratch_path(dir, ".tmp-page.html")) || sage_fs_exists(scratch_path(dir, ".tmp-hits.tsv"));
}

static void pages_are_old_or_new(void **state) {
    (void)state;
    uint64_t calls;
    wanted after;
    assert_true(judge(NULL));
    after.page = scratch_read(page, &after.page_bytes);
    after.hits = scratch_read(hits, &after.hits_bytes);
    assert_true(after.page != NULL && after.hits != NULL && after.page_bytes > 10000);
    fresh();
    assert_int_equal(fault_child(judge, NULL, SAGE_FAULT_NONE, 0, &calls), FAULT_DONE);
    check(&after, SAGE_FAULT_NONE, 0, true);
    assert_true(calls >= 11); /* create, write, sync, rename and the folder's sync, twice, and the end */
    for (sage_fault_kind kind = SAGE_FAULT_ERROR; kind <= SAGE_FAULT_POWER_CUT; kind++)
        for (uint64_t at = 1; at <= calls; at++) {
            fresh();
            int end = fault_child(judge, NULL, kind, at, NULL);
            assert_int_equal(end == FAULT_KILLED, kind != SAGE_FAULT_ERROR);
            check(&after, kind, at, end == FAULT_DONE || at == calls);
            if (kind == SAGE_FAULT_ERROR) assert_false(has_left_over());
            assert_true(judge(NULL)); /* over whatever is left */
            check(&after, kind, at, true);
            assert_false(has_left_over());
        }
    sage_free(after.page);
    sage_free(after.hits);
}

static int ground(void **state) {
    (void)state;
    scratch_make(dir);
    snprintf(shop_dir, sizeof shop_dir, "%s", scratch_path(dir, "shop"));
    snprintf(page, sizeof page, "%s", scratch_path(dir, "page.html"));
    snprintf(hits, sizeof hits, "%s", scratch_path(dir, "hits.tsv"));
    sage_shop *shop = published_catalogue(dir, shop_dir);
    published_train(shop);
    published_embed(shop);
    published_index(shop);
    published_index(shop); /* with a release before */
    sage_shop_close(shop);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(pages_are_old_or_new)};
    return cmocka_run_group_tests(tests, ground, remove_dir);
}
