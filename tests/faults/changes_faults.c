/* Products that come, change and go over HTTP, and their way into the catalogue and a release, with a fault at every
 * call that changes the file system: a server that starts afterwards has what was acknowledged, whether the release has
 * it or not, and the catalogue has it once. */
#include <catalog/import_changes.h>
#include <fcntl.h>
#include <serve/releases.h>
#include <support/published_answer.h>
#include <support/scratch_dir.h>
#include <support/test.h>
#include <sys/stat.h>

static char prepared[SAGE_PATH_MAX], shop_dir[SAGE_PATH_MAX], told[SAGE_PATH_MAX], feed[SAGE_PATH_MAX];

/* In their order: what comes, changes, goes and comes again. */
static const struct {
    sage_product_change change;
    const char *id, *text;
} wanted[] = {
    {SAGE_PRODUCT_PUT, "n1", "{\"id\": \"n1\", \"title\": \"Copper lantern made of glass\", \"price\": \"1.00 EUR\"}"},
    {SAGE_PRODUCT_UPDATE, "n1", "{\"id\": \"n1\", \"price\": \"2.00 EUR\"}"},
    {SAGE_PRODUCT_DELETE, "p5", "{\"id\": \"p5\"}"},
    {SAGE_PRODUCT_PUT, "n2", "{\"id\": \"n2\", \"title\": \"Another lantern made of tin\"}"},
    {SAGE_PRODUCT_UPDATE, "p6", "{\"id\": \"p6\", \"price\": \"3.00 EUR\"}"},
    {SAGE_PRODUCT_DELETE, "n2", "{\"id\": \"n2\"}"},
};
enum { WANTED = sizeof wanted / sizeof *wanted };

static sage_str str(const char *text) {
    return (sage_str){text, strlen(text)};
}

/* ---- a server of one worker ---- */

typedef struct served {
    sage_shop *shop;
    sage_changes *changes;
    sage_releases *releases;
} served;

static sage_status begin(served *s, sage_error *error) {
    sage_status st = SAGE_OK;
    *s = (served){.shop = published_open(shop_dir)};
    st = sage_changes_new(s->shop, NULL, &s->changes, error);
    if (st == SAGE_OK) st = sage_releases_open(s->shop, 1, s->changes, &s->releases, error);
    return st;
}

static void end(served *s) {
    sage_releases_close(s->releases);
    sage_changes_free(s->changes);
    sage_shop_close(s->shop);
}

static bool make(served *s, size_t i) {
    const sage_changed_product product = {str(wanted[i].id), str(wanted[i].text)};
    sage_changes_enter(s->changes);
    sage_serving *serving = sage_releases_take(s->releases);
    const sage_status st =
        sage_changes_make(s->changes, sage_serving_searcher(serving, 0), wanted[i].change, &product, 1, NULL);
    sage_releases_give(s->releases, serving);
    sage_changes_leave(s->changes);
    return st == SAGE_OK;
}

/* A byte in the file `told` (past the seam) for each that was acknowledged. */
static bool make_all(void *ctx) {
    served s;
    size_t made = 0;
    (void)ctx;
    bool good = begin(&s, NULL) == SAGE_OK;
    for (; good && made < WANTED; made++) {
        good = make(&s, made);
        if (!good) break;
        FILE *file = fopen(told, "ab");
        scratch_must(file != NULL && fputc('.', file) == '.' && fclose(file) == 0, told);
    }
    end(&s);
    return good;
}

/* ---- what there is ---- */

static const char *price_of(sage_searcher *searcher, const char *id, char out[32]) {
    const sage_hit *hit;
    if (sage_searcher_product(searcher, id, &hit, NULL) != SAGE_OK) return "none";
    snprintf(out, 32, "%s", hit->price);
    return out;
}

/* How many of the changes what is found is made of; WANTED + 1: of no such number. */
static size_t count_made(sage_searcher *searcher, const char *p6) {
    static const char *const n1[WANTED + 1] = {"none",     "1.00 EUR", "2.00 EUR", "2.00 EUR",
                                               "2.00 EUR", "2.00 EUR", "2.00 EUR"};
    char price[32];
    for (size_t made = WANTED + 1; made-- > 0;) {
        const bool n2 = made == 4 || made == 5;
        if (strcmp(price_of(searcher, "n1", price), n1[made]) == 0 &&
            (strcmp(price_of(searcher, "p5", price), "none") == 0) == (made > 2) &&
            (strcmp(price_of(searcher, "n2", price), "none") != 0) == n2 &&
            strcmp(price_of(searcher, "p6", price), made > 4 ? "3.00 EUR" : p6) == 0)
            return made;
    }
    return WANTED + 1;
}

static size_t served_now(void) {
    served s;
    sage_error error = {0};
    static char p6[32];
    tiny_must(begin(&s, &error), &error, "start");
    sage_serving *serving = sage_releases_take(s.releases);
    if (*p6 == '\0') price_of(sage_serving_searcher(serving, 0), "p6", p6);
    const size_t made = count_made(sage_serving_searcher(serving, 0), p6);
    sage_releases_give(s.releases, serving);
    end(&s);
    return made;
}

/* By the catalogue; pids tell whether a product was stored once. */
typedef struct stored {
    uint64_t products, folded;
    int64_t revision, n1;
} stored;

static stored look(void) {
    sage_shop *shop = published_open(shop_dir);
    sage_catalog *catalog;
    sage_shop_state *state = calloc(1, sizeof *state);
    sage_error error = {0};
    stored s = {0};
    assert_non_null(state);
    tiny_must(sage_shop_catalog(shop, false, &catalog, &error), &error, "open the catalogue");
    tiny_must(sage_catalog_count(catalog, state, &error), &error, "count");
    tiny_must(sage_catalog_changes_folded(catalog, &s.folded, &error), &error, "folded");
    s.products = state->products;
    s.revision = sage_catalog_revision(catalog);
    sage_catalog_find_product(catalog, "n1", &s.n1, NULL);
    sage_catalog_close(catalog);
    sage_shop_close(shop);
    free(state);
    return s;
}

/* ---- */

static bool fold(void *ctx) {
    sage_import_report report;
    (void)ctx;
    sage_shop *shop = published_open(shop_dir);
    const sage_status st = sage_import_changes(shop, NULL, &report, NULL);
    sage_shop_close(shop);
    return st == SAGE_OK;
}

static bool publish(void *ctx) {
    sage_sync_report report;
    const char *files[] = {feed};
    (void)ctx;
    sage_shop *shop = published_open(shop_dir);
    const sage_status st = sage_sync(shop, files, 1, NULL, NULL, &report, NULL);
    sage_shop_close(shop);
    return st == SAGE_OK;
}

static size_t acknowledged(void) {
    size_t n = 0;
    char *dots = scratch_read(told, &n);
    if (dots == NULL) n = 0;
    sage_free(dots);
    return n;
}

static void what_was_acknowledged_is_served(void **state) {
    (void)state;
    uint64_t calls;
    published_copy(prepared, shop_dir);
    assert_int_equal(served_now(), 0);
    assert_int_equal(fault_child(make_all, NULL, SAGE_FAULT_NONE, 0, &calls), FAULT_DONE);
    assert_int_equal(served_now(), WANTED);
    assert_true(calls >= 2 * WANTED);
    for (sage_fault_kind kind = SAGE_FAULT_ERROR; kind <= SAGE_FAULT_POWER_CUT; kind++)
        for (uint64_t at = 1; at <= calls; at++) {
            published_copy(prepared, shop_dir);
            unlink(told);
            fault_child(make_all, NULL, kind, at, NULL);
            const size_t sure = acknowledged(), made = served_now();
            /* The one that was under way may be there, too. */
            if (made > WANTED || made < sure || made > sure + 1)
                fail_msg("fault %d at call %llu: %zu are served, %zu were acknowledged", (int)kind,
                         (unsigned long long)at, made, sure);
            assert_true(fold(NULL)); /* and the catalogue takes as many */
            assert_int_equal(served_now(), made);
        }
}

static void folded_once(void **state) {
    (void)state;
    char filled[SAGE_PATH_MAX];
    uint64_t calls;
    snprintf(filled, sizeof filled, "%s", scratch_path(dir, "filled"));
    published_copy(prepared, shop_dir);
    const stored before = look();
    assert_true(make_all(NULL));
    published_copy(shop_dir, filled);
    assert_int_equal(fault_child(fold, NULL, SAGE_FAULT_NONE, 0, &calls), FAULT_DONE);
    const stored after = look();
    assert_true(after.products == before.products && after.folded == WANTED && after.n1 > 0);
    assert_int_equal(after.revision, before.revision + 1);
    for (sage_fault_kind kind = SAGE_FAULT_ERROR; kind <= SAGE_FAULT_POWER_CUT; kind++)
        for (uint64_t at = 1; at <= calls; at++) {
            published_copy(filled, shop_dir);
            fault_child(fold, NULL, kind, at, NULL);
            assert_true(fold(NULL));
            const stored now = look();
            if (memcmp(&now, &after, sizeof now) != 0)
                fail_msg("fault %d at call %llu: the catalogue is at revision %lld, not %lld", (int)kind,
                         (unsigned long long)at, (long long)now.revision, (long long)after.revision);
            assert_int_equal(served_now(), WANTED); /* the release has none of it */
        }
}

/* Whatever a sync comes to, what is served is what was acknowledged. The power cuts are the worst of what can happen;
 * sync_faults.c has the others. */
static void releases_lack_nothing(void **state) {
    (void)state;
    char filled[SAGE_PATH_MAX];
    uint64_t calls;
    snprintf(filled, sizeof filled, "%s", scratch_path(dir, "filled"));
    published_copy(prepared, shop_dir);
    assert_true(make_all(NULL));
    published_copy(shop_dir, filled);
    assert_int_equal(fault_child(publish, NULL, SAGE_FAULT_NONE, 0, &calls), FAULT_DONE);
    assert_int_equal(served_now(), WANTED);
    for (uint64_t at = 1; at <= calls; at++) {
        published_copy(filled, shop_dir);
        fault_child(publish, NULL, SAGE_FAULT_POWER_CUT, at, NULL);
        size_t made = served_now();
        if (made != WANTED) fail_msg("power cut at call %llu: %zu are served", (unsigned long long)at, made);
        assert_true(publish(NULL));
        made = served_now();
        if (made != WANTED)
            fail_msg("again after a power cut at call %llu: %zu are served", (unsigned long long)at, made);
    }
}

static int ground(void **state) {
    (void)state;
    const struct timespec old[2] = {{1000000000, 0}, {1000000000, 0}};
    scratch_make(dir);
    snprintf(prepared, sizeof prepared, "%s", scratch_path(dir, "prepared"));
    snprintf(shop_dir, sizeof shop_dir, "%s", scratch_path(dir, "shop"));
    snprintf(told, sizeof told, "%s", scratch_path(dir, "told"));
    snprintf(feed, sizeof feed, "%s", scratch_path(dir, "feed.tsv"));
    sage_shop *shop = published_catalogue(dir, prepared);
    published_train(shop);
    published_embed(shop);
    published_index(shop);
    sage_shop_close(shop);
    scratch_must(utimensat(AT_FDCWD, feed, old, 0) == 0, feed); /* what comes is newer than the feed */
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_was_acknowledged_is_served), cmocka_unit_test(folded_once),
                                       cmocka_unit_test(releases_lack_nothing)};
    return cmocka_run_group_tests(tests, ground, remove_dir);
}
