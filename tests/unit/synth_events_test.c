/* Simulated shoppers: the same seed gives the same bytes, the report counts what the file holds, positions matter,
 * shoppers differ, and odd catalogues are no trouble. */
#include <support/test.h>
#include <support/tiny_shop.h>
#include <synth/synth.h>

static char dir[SAGE_PATH_MAX];

static int ground(void **state) {
    (void)state;
    scratch_make(dir);
    return 0;
}

static int clear(void **state) {
    (void)state;
    scratch_remove(dir);
    return 0;
}

static sage_catalog *catalog_of(const char *text) {
    sage_catalog *catalog = tiny_catalog(dir);
    const char *path = scratch_path(dir, "feed.tsv");
    const sage_import_options options = {0};
    sage_import_report report;
    sage_error error = {0};
    scratch_write(path, text, strlen(text));
    tiny_must(sage_catalog_import_products(catalog, &path, 1, &options, NULL, &report, &error), &error, "import");
    return catalog;
}

static sage_catalog *furniture(size_t n) {
    sage_catalog *catalog = tiny_catalog(dir);
    tiny_import(catalog, dir, n, 0, 0, 0);
    return catalog;
}

static char *events_of(sage_catalog *catalog, uint64_t seed, uint64_t sessions, sage_synth_report *report, size_t *n) {
    const sage_synth_options options = {.seed = seed, .sessions = sessions, .users = sessions / 5 + 1};
    const char *path = scratch_path(dir, "events.tsv");
    sage_error error = {0};
    tiny_must(sage_synth_write(catalog, &options, path, NULL, report, &error), &error, "simulate");
    char *text = scratch_read(path, n);
    assert_non_null(text);
    return text;
}

static void seeds_decide(void **state) {
    (void)state;
    sage_catalog *catalog = furniture(60);
    sage_synth_report a, b, c;
    size_t n_a, n_b, n_c;
    char *first = events_of(catalog, 7, 400, &a, &n_a), *again = events_of(catalog, 7, 400, &b, &n_b),
         *other = events_of(catalog, 8, 400, &c, &n_c);
    assert_int_equal(n_a, n_b);
    assert_memory_equal(first, again, n_a);
    assert_memory_equal(&a, &b, sizeof a);
    assert_true(n_c != n_a || memcmp(first, other, n_a) != 0);
    sage_free(first);
    sage_free(again);
    sage_free(other);
    sage_catalog_close(catalog);
}

/* Fields of a line, cut in place. */
static size_t cut(char *line, char *fields[8]) {
    size_t n = 0;
    for (char *at = line; n < 8; at++) {
        fields[n++] = at;
        if (!(at = strchr(at, '\t'))) break;
        *at = 0;
    }
    return n;
}

static void report_counts_the_file(void **state) {
    (void)state;
    sage_catalog *catalog = furniture(60);
    sage_synth_report report;
    size_t n, events = 0, clicks = 0, saves = 0, carts = 0, checkouts = 0;
    char *text = events_of(catalog, 3, 500, &report, &n), *rest = NULL, *fields[8] = {NULL};
    char *line = strtok_r(text, "\n", &rest);
    assert_string_equal(line, "event_id\ttimestamp\tuser_id\tsurface\tquery\tproduct_id\tevent\tposition");
    while ((line = strtok_r(NULL, "\n", &rest)) != NULL) {
        int64_t pid;
        events++;
        assert_int_equal(cut(line, fields), 8);
        assert_memory_equal(fields[0], "simulated-3-", 12);
        assert_memory_equal(fields[2], "simulated-", 10);
        assert_string_equal(fields[3], "search");
        assert_true(*fields[4] != 0);
        assert_int_equal(sage_catalog_find_product(catalog, fields[5], &pid, NULL), SAGE_OK);
        clicks += strcmp(fields[6], "click") == 0;
        saves += strcmp(fields[6], "save") == 0;
        carts += strcmp(fields[6], "add_to_cart") == 0;
        checkouts += strcmp(fields[6], "checkout") == 0;
        int position = atoi(fields[7]);
        assert_true(position >= 1 && position <= SAGE_SYNTH_LIST);
    }
    assert_int_equal(report.sessions, 500);
    assert_int_equal(report.events, events);
    assert_int_equal(report.clicks, clicks);
    assert_int_equal(report.saves, saves);
    assert_int_equal(report.carts, carts);
    assert_int_equal(report.checkouts, checkouts);
    assert_int_equal(clicks + saves + carts + checkouts, events);
    assert_true(clicks > 100 && saves > 0 && carts > checkouts);
    sage_free(text);
    sage_catalog_close(catalog);
}

static sage_synth_world *world_of(sage_catalog *catalog, uint64_t seed) {
    sage_synth_world *world = NULL;
    sage_error error = {0};
    tiny_must(sage_synth_world_new(catalog, seed, &world, &error), &error, "a world");
    return world;
}

/* Sessions are drawn from (seed, user, number) alone, whatever was drawn before. */
static void sessions_do_not_depend_on_order(void **state) {
    (void)state;
    sage_catalog *catalog = furniture(60);
    sage_synth_world *world = world_of(catalog, 5);
    static sage_synth_session forward[50], backward;
    for (uint64_t i = 0; i < 50; i++) sage_synth_search(world, i % 7, i, &forward[i]);
    for (uint64_t i = 50; i-- > 0;) {
        sage_synth_search(world, i % 7, i, &backward);
        assert_memory_equal(&backward, &forward[i], sizeof backward);
    }
    sage_synth_world_free(world);
    sage_catalog_close(catalog);
}

/* 60 products that are alike in everything but the word of their number: what is shown first is clicked more, because
 * it is looked at more. */
static void first_places_are_clicked_more(void **state) {
    (void)state;
    sage_catalog *catalog = furniture(200);
    sage_synth_world *world = world_of(catalog, 1);
    sage_synth_session session;
    size_t shown[2] = {0}, clicked[2] = {0};
    for (uint64_t number = 0; number < 4000; number++) {
        sage_synth_search(world, number % 50, number, &session);
        assert_true(session.n_shown <= SAGE_SYNTH_LIST);
        for (size_t i = 0; i < session.n_shown; i++) {
            bool late = i >= 10;
            shown[late]++;
            clicked[late] += session.clicked[i];
            assert_true(session.clicked[i] || (!session.saved[i] && !session.carted[i]));
            assert_true(session.carted[i] || !session.bought[i]);
            for (size_t j = 0; j < i; j++) assert_int_not_equal(session.shown[i], session.shown[j]);
        }
    }
    assert_true(shown[0] > 1000 && shown[1] > 1000);
    double early = (double)clicked[0] / (double)shown[0], late = (double)clicked[1] / (double)shown[1];
    assert_true(early > 1.5 * late);
    sage_synth_world_free(world);
    sage_catalog_close(catalog);
}

/* What one shopper clicks is clicked again by that shopper rather than by another. */
static double overlap(sage_synth_world *world, uint64_t user, uint64_t other, size_t n) {
    size_t *a = calloc(n, sizeof *a), *b = calloc(n, sizeof *b);
    double both = 0, norm_a = 0, norm_b = 0;
    sage_synth_session session;
    scratch_must(a && b, "memory");
    for (uint64_t number = 0; number < 600; number++) {
        sage_synth_search(world, user, number, &session);
        for (size_t i = 0; i < session.n_shown; i++) a[session.shown[i]] += session.clicked[i];
        sage_synth_search(world, other, 1000 + number, &session);
        for (size_t i = 0; i < session.n_shown; i++) b[session.shown[i]] += session.clicked[i];
    }
    for (size_t p = 0; p < n; p++) {
        both += (double)(a[p] * b[p]);
        norm_a += (double)(a[p] * a[p]);
        norm_b += (double)(b[p] * b[p]);
    }
    free(a);
    free(b);
    return both * both / (norm_a * norm_b);
}

static void shoppers_differ(void **state) {
    (void)state;
    sage_catalog *catalog = furniture(120);
    sage_synth_world *world = world_of(catalog, 2);
    double same = 0, different = 0;
    for (uint64_t user = 0; user < 6; user++) {
        same += overlap(world, user, user, 120);
        different += overlap(world, user, user + 6, 120);
    }
    assert_true(same > 1.1 * different);
    sage_synth_world_free(world);
    sage_catalog_close(catalog);
}

static void one_product(void **state) {
    (void)state;
    sage_catalog *catalog = catalog_of("id\ttitle\nonly\tOak chair\n");
    sage_synth_report report;
    size_t n;
    char *text = events_of(catalog, 1, 300, &report, &n);
    assert_true(report.clicks > 0);
    assert_non_null(strstr(text, "\tonly\tclick\t1\n"));
    sage_free(text);
    sage_catalog_close(catalog);
}

/* Without a word nothing can be typed: no event, and no trouble. */
static void no_words(void **state) {
    (void)state;
    sage_catalog *catalog = catalog_of("id\ttitle\tprice\n1\t\t2 EUR\n2\t!?\t3 EUR\n");
    sage_synth_report report;
    size_t n;
    char *text = events_of(catalog, 1, 100, &report, &n);
    assert_int_equal(report.sessions, 100);
    assert_int_equal(report.events, 0);
    assert_int_equal(n, strcspn(text, "\n") + 1);
    sage_free(text);
    sage_catalog_close(catalog);
}

static void some_without_words(void **state) {
    (void)state;
    sage_catalog *catalog = catalog_of("id\ttitle\nwordless\t\nfull\tOak chair\n");
    sage_synth_report report;
    size_t n;
    char *text = events_of(catalog, 1, 300, &report, &n);
    assert_true(report.events > 0);
    assert_null(strstr(text, "wordless"));
    sage_free(text);
    sage_catalog_close(catalog);
}

static void an_empty_catalogue_is_said(void **state) {
    (void)state;
    sage_catalog *catalog = tiny_catalog(dir);
    const sage_synth_options options = {.seed = 1};
    sage_synth_report report;
    sage_error error = {0};
    const char *path = scratch_path(dir, "events.tsv");
    assert_int_equal(sage_synth_write(catalog, &options, path, NULL, &report, &error), SAGE_E_STATE);
    assert_non_null(strstr(error.text, "itemsage import products"));
    assert_false(sage_fs_exists(path));
    assert_false(sage_fs_exists(scratch_path(dir, "events.tsv.tmp")));
    sage_catalog_close(catalog);
}

static void a_stop_leaves_nothing(void **state) {
    (void)state;
    static volatile sig_atomic_t stop = 1;
    sage_catalog *catalog = furniture(20);
    const sage_monitor monitor = {.cancel = &stop};
    const sage_synth_options options = {.seed = 1, .sessions = 100};
    sage_synth_report report;
    sage_error error = {0};
    const char *path = scratch_path(dir, "events.tsv");
    assert_int_equal(sage_synth_write(catalog, &options, path, &monitor, &report, &error), SAGE_E_CANCELLED);
    assert_false(sage_fs_exists(path));
    assert_false(sage_fs_exists(scratch_path(dir, "events.tsv.tmp")));
    sage_catalog_close(catalog);
}

static void short_memory(void **state) {
    (void)state;
    sage_catalog *catalog = furniture(20);
    const sage_synth_options options = {.seed = 1, .sessions = 30};
    char path[SAGE_PATH_MAX];
    snprintf(path, sizeof path, "%s", scratch_path(dir, "events.tsv"));
    sage_status st = SAGE_E_MEMORY;
    unsigned long at = 0;
    while (st != SAGE_OK) {
        sage_synth_report report;
        sage_error error = {0};
        sage_alloc_fail_from(++at);
        st = sage_synth_write(catalog, &options, path, NULL, &report, &error);
        sage_alloc_fail_from(0);
        assert_true(st == SAGE_OK || st == SAGE_E_MEMORY);
        assert_int_equal(sage_fs_exists(path), st == SAGE_OK);
        assert_true(at < 100000);
    }
    assert_true(at > 10);
    sage_catalog_close(catalog);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(seeds_decide, ground, clear),
        cmocka_unit_test_setup_teardown(report_counts_the_file, ground, clear),
        cmocka_unit_test_setup_teardown(sessions_do_not_depend_on_order, ground, clear),
        cmocka_unit_test_setup_teardown(first_places_are_clicked_more, ground, clear),
        cmocka_unit_test_setup_teardown(shoppers_differ, ground, clear),
        cmocka_unit_test_setup_teardown(one_product, ground, clear),
        cmocka_unit_test_setup_teardown(no_words, ground, clear),
        cmocka_unit_test_setup_teardown(some_without_words, ground, clear),
        cmocka_unit_test_setup_teardown(an_empty_catalogue_is_said, ground, clear),
        cmocka_unit_test_setup_teardown(a_stop_leaves_nothing, ground, clear),
        cmocka_unit_test_setup_teardown(short_memory, ground, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
