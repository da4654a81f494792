/* A release that changes while it is searched finds what one that is built afresh of the same products finds. */
#include <errno.h>
#include <itemsage/live.h>
#include <math.h>
#include <pthread.h>
#include <shop/shop.h>
#include <stdatomic.h>
#include <support/published_ground.h>
#include <unistd.h>

enum { FIRST = 5, LAST = 42, MOST = 200, LINE = 512 }; /* products of the feed that comes later: FIRST .. LAST - 1 */

/* As products 0 .. PUBLISHED_PRODUCTS - 1 were first, but every third has another title, every fourth another price and
 * availability; every fifth has an attribute. */
static void line_of(size_t i, char line[LINE]) {
    static const char *const colours[] = {"red", "blue", "green", "white", "black", "grey", "yellow"};
    static const char *const stuffs[] = {"oak", "pine", "steel", "glass", "linen"};
    static const char *const things[] = {"table", "chair", "lamp",  "shelf",  "bench", "stool",
                                         "desk",  "bed",   "couch", "mirror", "rug"};
    static const char *const brands[] = {"Norden", "Alba", "Casa Viva", "Bo", "Linea", "Opus"};
    const char *colour = colours[i % 7], *stuff = stuffs[i / 2 % 5], *thing = things[i / 3 % 11];
    int n =
        snprintf(line, LINE,
                 "{\"id\": \"p%zu\", \"title\": \"%s %s %s %zu%s\", \"description\": \"A %s made of %s.\", \"link\": "
                 "\"https://shop.example/%s/%zu\", \"brand\": \"%s\", \"product_type\": \"Furniture > %s\", "
                 "\"color\": \"%s/silver\", \"material\": \"%s\", \"price\": \"%zu.50 EUR\"",
                 i, colour, stuff, thing, i % 13, i % 3 == 0 ? " 3/4 folding edition" : "", thing, stuff, thing, i,
                 brands[i % 6], thing, colour, stuff, i % 4 == 0 ? 100 + i : 10 + i);
    if (i % 4 == 0) n += snprintf(line + n, LINE - (size_t)n, ", \"availability\": \"in_stock\"");
    if (i % 5 == 0) n += snprintf(line + n, LINE - (size_t)n, ", \"item_group_id\": \"g%zu\"", i / 10);
    snprintf(line + n, LINE - (size_t)n, "}");
}

static int with_a_graph(void **state) {
    (void)state;
    return published_ground("index=hnsw");
}

static int without(void **state) {
    (void)state;
    return published_ground("index=exact");
}

static sage_searcher *open_live(void) {
    sage_searcher *searcher = NULL;
    tiny_must(sage_searcher_open_live(shop, &searcher, &error), &error, "open for changing");
    return searcher;
}

static void upsert(sage_searcher *searcher, size_t i) {
    char line[LINE];
    line_of(i, line);
    tiny_must(sage_searcher_upsert(searcher, line, strlen(line), &error), &error, line);
}

static void drop(sage_searcher *searcher, size_t i, bool expected) {
    char id[16];
    bool there;
    snprintf(id, sizeof id, "p%zu", i);
    tiny_must(sage_searcher_delete(searcher, id, &there, &error), &error, id);
    assert_int_equal(there, expected);
}

/* The release of the same products, built as any other. */
static void build_afresh(void) {
    char path[SAGE_PATH_MAX], line[LINE];
    const char *files[] = {path};
    const sage_import_options options = {.full = true};
    sage_import_report report;
    snprintf(path, sizeof path, "%s", scratch_path(dir, "later.jsonl"));
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    for (size_t i = FIRST; i < LAST; i++) {
        line_of(i, line);
        fprintf(file, "%s\n", line);
    }
    assert_int_equal(fclose(file), 0);
    tiny_must(sage_import_products(shop, files, 1, &options, NULL, &report, &error), &error, "import");
    assert_int_equal(report.rejected, 0);
    published_embed(shop);
    published_index(shop);
}

/* ---- comparing ---- */

typedef struct answer {
    size_t n;
    char id[MOST][16], title[MOST][64], price[MOST][24], availability[MOST][16];
    float score[MOST];
} answer;

static void ask(sage_searcher *searcher, const sage_query *query, answer *found) {
    const sage_hit *hits;
    sage_error failed = {0};
    tiny_must(sage_search(searcher, query, &hits, &found->n, &failed), &failed, "search");
    assert_true(found->n <= MOST);
    for (size_t i = 0; i < found->n; i++) {
        snprintf(found->id[i], sizeof found->id[i], "%s", hits[i].id);
        snprintf(found->title[i], sizeof found->title[i], "%s", hits[i].title);
        snprintf(found->price[i], sizeof found->price[i], "%s", hits[i].price);
        snprintf(found->availability[i], sizeof found->availability[i], "%s", hits[i].availability);
        found->score[i] = hits[i].score;
    }
}

static size_t place_of(const answer *a, const char *id) {
    size_t i = 0;
    while (i < a->n && strcmp(a->id[i], id) != 0) i++;
    return i;
}

/* All that one finds the other finds, shown alike; where scores compare they are the same, but for rounding. */
static void expect_same(const answer *a, const answer *b, bool scores, const char *what) {
    if (a->n != b->n) fail_msg("%s: %zu hits, afresh %zu", what, a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        const size_t at = place_of(b, a->id[i]);
        if (at == b->n) fail_msg("%s: %s is not found afresh", what, a->id[i]);
        assert_string_equal(a->title[i], b->title[at]);
        assert_string_equal(a->price[i], b->price[at]);
        assert_string_equal(a->availability[i], b->availability[at]);
        if (scores) assert_float_equal(a->score[i], b->score[at], 1e-4);
        if (scores) assert_float_equal(a->score[i], b->score[i], 1e-4);
    }
}

static const sage_session_event session[] = {{"p7", NULL, 2}, {"p31", "checkout", 0}};
static const sage_cap cap = {"brand", 2};
static const struct {
    const char *name;
    sage_query query;
    bool scores;
} kinds[] = {
    {"vectors", {.text = "oak table", .method = SAGE_VECTORS, .n = MOST, .exact = true}, true},
    {"vectors, 5", {.text = "red lamp", .method = SAGE_VECTORS, .n = 5}, true},
    {"keywords", {.text = "oak table", .method = SAGE_KEYWORDS, .n = MOST}, false},
    {"keywords, parts", {.text = "3/4", .method = SAGE_KEYWORDS, .n = MOST}, false},
    {"keywords, new", {.text = "folding silver", .method = SAGE_KEYWORDS, .n = MOST}, false},
    {"hybrid", {.text = "steel desk", .method = SAGE_HYBRID, .n = MOST}, false},
    {"price", {.text = "oak", .method = SAGE_VECTORS, .n = MOST, .where = "price > 100 EUR"}, true},
    {"price by words", {.text = "oak glass", .method = SAGE_KEYWORDS, .n = MOST, .where = "price < 30 EUR"}, false},
    {"hybrid in stock", {.text = "oak", .method = SAGE_HYBRID, .n = MOST, .where = "availability = in_stock"}, false},
    {"words", {.text = "lamp", .method = SAGE_VECTORS, .n = MOST, .where = "color = silver and brand = alba"}, true},
    {"group", {.text = "lamp", .method = SAGE_VECTORS, .n = MOST, .where = "has item_group_id"}, true},
    {"similar", {.product_id = "p9", .n = MOST}, true},
    {"similar of new", {.product_id = "p40", .n = MOST}, true},
    {"collapsed", {.text = "oak", .method = SAGE_VECTORS, .n = MOST, .collapse = true}, true},
    {"capped", {.text = "oak", .method = SAGE_VECTORS, .n = 6, .caps = &cap, .n_caps = 1}, true},
    {"session", {.session = session, .n_session = 2, .n = MOST, .fresh = true}, true},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static void expect_afresh(sage_searcher *changed, sage_searcher *afresh) {
    static answer a, b;
    for (size_t i = 0; i < KINDS; i++) {
        ask(changed, &kinds[i].query, &a);
        ask(afresh, &kinds[i].query, &b);
        if (a.n == 0) fail_msg("%s finds nothing", kinds[i].name);
        expect_same(&a, &b, kinds[i].scores, kinds[i].name);
    }
}

/* ---- */

static void as_if_built_afresh(void **state) {
    (void)state;
    sage_searcher *searcher = open_live(), *another = NULL, *afresh = NULL;
    sage_searcher_changes now;
    static answer found;
    tiny_must(sage_searcher_share(searcher, &another, &error), &error, "share");
    /* By several ways to the same. */
    for (size_t i = 0; i < FIRST; i++) drop(searcher, i, true);
    for (size_t i = FIRST; i < LAST; i += 2) upsert(searcher, i);
    for (size_t i = PUBLISHED_PRODUCTS; i < LAST + 20; i++) upsert(searcher, i);
    for (size_t i = LAST; i < LAST + 20; i++) drop(searcher, i, true);
    for (size_t i = LAST - 5; i < LAST; i++) drop(searcher, i, true);
    for (size_t i = FIRST; i < LAST; i++) upsert(searcher, i);
    drop(searcher, 1, false);
    sage_searcher_changed(searcher, &now);
    assert_int_equal(now.products, LAST - FIRST);
    assert_int_equal(now.deleted, FIRST + 20 + 5);
    assert_int_equal(now.beside, LAST); /* not those that came and went */
    assert_int_equal(now.inbox_position, 0);
    assert_true(now.upserted > 60 && now.updated == 0);
    build_afresh();
    tiny_must(sage_searcher_open(shop, &afresh, &error), &error, "open");
    expect_afresh(searcher, afresh);
    expect_afresh(another, afresh);
    const sage_query gone = {.product_id = "p1", .n = 3};
    const sage_hit *hits;
    size_t n;
    assert_int_equal(sage_search(searcher, &gone, &hits, &n, &error), SAGE_E_NOT_FOUND);
    /* What is shown of single ones, too. */
    const sage_hit *hit, *same;
    char id[16];
    assert_int_equal(sage_searcher_product(another, "p1", &hit, &error), SAGE_E_NOT_FOUND);
    for (size_t i = FIRST; i < LAST; i++) {
        snprintf(id, sizeof id, "p%zu", i);
        tiny_must(sage_searcher_product(another, id, &hit, &error), &error, id);
        tiny_must(sage_searcher_product(afresh, id, &same, &error), &error, id);
        assert_string_equal(hit->title, same->title);
        assert_string_equal(hit->price, same->price);
    }
    ask(another, &(sage_query){.text = "p", .method = SAGE_VECTORS, .n = MOST, .where = "price = 11.50 EUR"}, &found);
    assert_int_equal(found.n, 0);
    sage_searcher_close(searcher);
    expect_afresh(another, afresh);
    sage_searcher_close(another);
    sage_searcher_close(afresh);
}

/* What no vector depends on, by itself: shown and filtered by at once, and nothing else moves. */
static void prices_by_themselves(void **state) {
    (void)state;
    static const char change[] = "{\"id\": \"p7\",\n \"price\": \"7.77 EUR\",\r\n \"availability\": \"preorder\"}";
    static answer before, after;
    sage_searcher *searcher = open_live(), *another = NULL;
    const sage_query all = {.text = "oak", .method = SAGE_HYBRID, .n = MOST},
                     cheap = {.text = "oak", .method = SAGE_VECTORS, .n = MOST, .where = "price = 7.77 EUR"};
    bool there = false;
    tiny_must(sage_searcher_share(searcher, &another, &error), &error, "share");
    ask(another, &cheap, &after);
    assert_int_equal(after.n, 0);
    ask(another, &all, &before);
    tiny_must(sage_searcher_update(searcher, change, strlen(change), &there, &error), &error, "update");
    assert_true(there);
    ask(another, &cheap, &after);
    assert_int_equal(after.n, 1);
    assert_string_equal(after.id[0], "p7");
    assert_string_equal(after.price[0], "7.77 EUR");
    assert_string_equal(after.availability[0], "preorder");
    ask(another, &all, &after);
    assert_int_equal(after.n, before.n);
    for (size_t i = 0; i < after.n; i++) {
        assert_string_equal(after.id[i], before.id[i]);
        assert_string_equal(after.title[i], before.title[i]);
        assert_true(after.score[i] == before.score[i]);
        assert_int_equal(strcmp(after.price[i], before.price[i]) != 0, strcmp(after.id[i], "p7") == 0);
    }
    sage_searcher_close(another);
    sage_searcher_close(searcher);
}

static void what_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool update;
        const char *says;
    } cases[] = {
        {"", false, "JSON object"},
        {"\n \n", false, "JSON object"},
        {"[1]", false, "object"},
        {"{\"id\": \"p7\"", false, "closing bracket"},
        {"{\"title\": \"oak\"}", false, "id"},
        {"{\"id\": \"p7\", \"price\": \"12\"}", false, "price"},
        {"{\"id\": \"p7\"} {\"id\": \"p8\"}", false, ""},
        {"{\"id\": \"p7\", \"title\": \"oak\"}", true, "title"},
        {"{\"id\": \"p7\", \"link\": \"https://shop.example/x\"}", true, "link"},
        {"{\"id\": \"p7\", \"image_link\": \"https://shop.example/x.jpg\"}", true, "image_link"},
    };
    static answer before, after;
    sage_searcher *searcher = open_live(), *fixed = NULL;
    const sage_query all = {.text = "oak", .method = SAGE_HYBRID, .n = MOST};
    bool there;
    ask(searcher, &all, &before);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *text = cases[i].text;
        error = (sage_error){0};
        const sage_status st = cases[i].update ? sage_searcher_update(searcher, text, strlen(text), &there, &error)
                                               : sage_searcher_upsert(searcher, text, strlen(text), &error);
        if (st != SAGE_E_ARGUMENT || strstr(error.text, cases[i].says) == NULL)
            fail_msg("case %zu: status %d, %s", i, (int)st, error.text);
        assert_null(strchr(error.text, '\n'));
    }
    static const char nobody[] = "{\"id\": \"nobody\", \"price\": \"1.00 EUR\"}";
    tiny_must(sage_searcher_update(searcher, nobody, strlen(nobody), &there, &error), &error, "nobody");
    assert_false(there);
    ask(searcher, &all, &after);
    expect_same(&before, &after, true, "after what was refused");
    sage_searcher_close(searcher);
    tiny_must(sage_searcher_open(shop, &fixed, &error), &error, "open");
    assert_int_equal(sage_searcher_upsert(fixed, nobody, strlen(nobody), &error), SAGE_E_STATE);
    assert_int_equal(sage_searcher_update(fixed, nobody, strlen(nobody), &there, &error), SAGE_E_STATE);
    assert_int_equal(sage_searcher_delete(fixed, "p7", &there, &error), SAGE_E_STATE);
    sage_searcher_close(fixed);
}

/* ---- many at once ---- */

typedef struct crowd {
    sage_searcher *searcher;
    atomic_bool over;
    atomic_ulong searches, wrong;
} crowd;

/* Products from STAYS on are never touched; each of the others shows what one of its changes gave it. */
enum { STAYS = 32 };

static bool is_sound(const sage_hit *hit) {
    size_t number = 0;
    char line[LINE], title[80];
    if (sscanf(hit->id, "p%zu", &number) != 1) return false;
    line_of(number, line);
    snprintf(title, sizeof title, "\"title\": \"%.*s", (int)strcspn(hit->title, "0"), hit->title);
    return strncmp(hit->price, "77.77", 5) == 0 || strstr(line, title) != NULL;
}

static void *search_on(void *ctx) {
    crowd *c = ctx;
    sage_searcher *mine;
    if (sage_searcher_share(c->searcher, &mine, NULL) != SAGE_OK) abort();
    for (size_t i = 0; !atomic_load(&c->over); i++) {
        const sage_hit *hits;
        size_t n, stay = 0;
        const sage_status st = sage_search(mine, &kinds[i % KINDS].query, &hits, &n, NULL);
        if (st != SAGE_OK && st != SAGE_E_NOT_FOUND) atomic_fetch_add(&c->wrong, 1);
        for (size_t k = 0; k < n; k++) {
            size_t number = 0;
            sscanf(hits[k].id, "p%zu", &number);
            stay += number >= STAYS;
            if (!is_sound(&hits[k])) atomic_fetch_add(&c->wrong, 1);
            for (size_t other = 0; other < k; other++)
                if (hits[other].pid == hits[k].pid) atomic_fetch_add(&c->wrong, 1);
        }
        if (i % KINDS == 0 && stay != LAST - STAYS) atomic_fetch_add(&c->wrong, 1);
        atomic_fetch_add(&c->searches, 1);
    }
    sage_searcher_close(mine);
    return NULL;
}

static void many_at_once(void **state) {
    (void)state;
    enum { READERS = 3, ROUNDS = 12 };
    static const char format[] = "{\"id\": \"p%zu\", \"price\": \"77.77 EUR\", \"availability\": \"in_stock\"}";
    pthread_t threads[READERS];
    sage_searcher *afresh = NULL;
    crowd c = {.searcher = NULL};
    /* It begins to change while it is searched. */
    tiny_must(sage_searcher_open_at_once(shop, &c.searcher, &error), &error, "open");
    for (size_t i = 0; i < READERS; i++) assert_int_equal(pthread_create(&threads[i], NULL, search_on, &c), 0);
    while (atomic_load(&c.searches) < 3 * KINDS) usleep(100);
    for (int i = 0; i < 2; i++) tiny_must(sage_searcher_begin_changes(c.searcher, &error), &error, "begin to change");
    for (size_t round = 0; round < ROUNDS || atomic_load(&c.searches) < 20 * KINDS; round++) {
        for (size_t i = FIRST; i < STAYS; i++) {
            char text[LINE];
            bool there;
            snprintf(text, sizeof text, format, i);
            tiny_must(sage_searcher_update(c.searcher, text, strlen(text), &there, &error), &error, "update");
            if ((i + round) % 3 == 0) drop(c.searcher, i, true);
        }
        for (size_t i = FIRST; i < STAYS; i++) upsert(c.searcher, i);
    }
    atomic_store(&c.over, true);
    for (size_t i = 0; i < READERS; i++) pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&c.wrong), 0);
    tiny_must(sage_searcher_open(shop, &afresh, &error), &error, "open");
    expect_afresh(c.searcher, afresh);
    sage_searcher_close(afresh);
    sage_searcher_close(c.searcher);
}

/* Where there is no room a release stays what it was, and so does who searches it. */
static void short_memory_at_first(void **state) {
    (void)state;
    static answer before, after;
    static const sage_query all = {.text = "oak table", .method = SAGE_VECTORS, .n = MOST, .exact = true};
    sage_searcher *searcher = NULL;
    const sage_hit *hits;
    size_t n;
    sage_status st = SAGE_E_MEMORY;
    tiny_must(sage_searcher_open_at_once(shop, &searcher, &error), &error, "open");
    ask(searcher, &all, &before);
    for (unsigned long at = 1; st != SAGE_OK; at++) {
        sage_alloc_fail_from(at);
        st = sage_searcher_begin_changes(searcher, &error);
        sage_alloc_fail_from(0);
        if (st != SAGE_OK && st != SAGE_E_MEMORY) fail_msg("allocation %lu: %s", at, error.text);
        assert_true(at < 10000);
    }
    st = SAGE_E_MEMORY;
    for (unsigned long at = 1; st != SAGE_OK; at++) {
        sage_alloc_fail_from(at);
        st = sage_search(searcher, &all, &hits, &n, &error);
        sage_alloc_fail_from(0);
        if (st != SAGE_OK && st != SAGE_E_MEMORY) fail_msg("allocation %lu: %s", at, error.text);
        assert_true(at < 10000);
    }
    ask(searcher, &all, &after);
    expect_same(&after, &before, true, "what was not changed");
    sage_searcher_close(searcher);
}

/* An upsert that failed is given again, and then all is as if it had not. */
static void short_memory(void **state) {
    (void)state;
    sage_searcher *searcher = NULL, *afresh = NULL;
    char line[LINE];
    sage_status st = SAGE_E_MEMORY;
    unsigned long at = 0;
    while (st != SAGE_OK) {
        sage_alloc_fail_from(++at);
        st = sage_searcher_open_live(shop, &searcher, &error);
        sage_alloc_fail_from(0);
        if (st != SAGE_OK && st != SAGE_E_MEMORY) fail_msg("allocation %lu: %s", at, error.text);
        assert_true(at < 10000);
    }
    line_of(9, line);
    for (st = SAGE_E_MEMORY, at = 0; st != SAGE_OK;) {
        sage_alloc_fail_from(++at);
        st = sage_searcher_upsert(searcher, line, strlen(line), &error);
        sage_alloc_fail_from(0);
        if (st != SAGE_OK && st != SAGE_E_MEMORY) fail_msg("allocation %lu: %s", at, error.text);
        assert_true(at < 10000);
    }
    static const char change[] = "{\"id\": \"p9\", \"price\": \"19.50 EUR\", \"availability\": \"preorder\"}";
    for (st = SAGE_E_MEMORY, at = 0; st != SAGE_OK;) {
        bool there;
        sage_alloc_fail_from(++at);
        st = sage_searcher_update(searcher, change, strlen(change), &there, &error);
        sage_alloc_fail_from(0);
        if (st != SAGE_OK && st != SAGE_E_MEMORY) fail_msg("allocation %lu: %s", at, error.text);
        assert_true(at < 10000);
    }
    for (st = SAGE_E_MEMORY, at = 0; st != SAGE_OK;) {
        bool there;
        sage_alloc_fail_from(++at);
        st = sage_searcher_delete(searcher, "p9", &there, &error);
        sage_alloc_fail_from(0);
        if (st != SAGE_OK && st != SAGE_E_MEMORY) fail_msg("allocation %lu: %s", at, error.text);
        assert_true(at < 1000);
    }
    for (st = SAGE_E_MEMORY, at = 0; st != SAGE_OK;) {
        sage_searcher *another = NULL;
        sage_alloc_fail_from(++at);
        st = sage_searcher_share(searcher, &another, &error);
        sage_alloc_fail_from(0);
        if (st != SAGE_OK && st != SAGE_E_MEMORY) fail_msg("allocation %lu: %s", at, error.text);
        sage_searcher_close(another);
        assert_true(at < 1000);
    }
    upsert(searcher, 9);
    tiny_must(sage_searcher_open(shop, &afresh, &error), &error, "open");
    expect_afresh(searcher, afresh);
    sage_searcher_close(afresh);
    sage_searcher_close(searcher);
}

static void recall_is_watched_by_a_graph(void **state) {
    (void)state;
    sage_searcher_recall recall;
    sage_release release;
    for (int changes = 0; changes < 3; changes++) {
        sage_searcher *searcher = NULL;
        tiny_must(sage_release_read(shop, &release, &error), &error, "current");
        tiny_must(changes == 1 ? sage_searcher_open_live(shop, &searcher, &error)
                               : sage_searcher_open_at_once(shop, &searcher, &error),
                  &error, "open");
        assert_false(sage_searcher_watched(searcher, &recall));
        assert_int_equal(sage_searcher_watch(searcher, 2, 0, 10, &error), SAGE_E_ARGUMENT);
        const sage_status st = sage_searcher_watch(searcher, 0.5, 0, 10, &error);
        assert_int_equal(st, release.search_width > 0 ? SAGE_OK : SAGE_E_STATE);
        if (changes == 2) tiny_must(sage_searcher_begin_changes(searcher, &error), &error, "begin to change");
        assert_int_equal(sage_searcher_watched(searcher, &recall), st == SAGE_OK);
        assert_int_equal(recall.looked_at, 0);
        sage_searcher_close(searcher);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_if_built_afresh),    cmocka_unit_test(prices_by_themselves),
        cmocka_unit_test(what_is_refused),       cmocka_unit_test(many_at_once),
        cmocka_unit_test(short_memory),          cmocka_unit_test(recall_is_watched_by_a_graph),
        cmocka_unit_test(short_memory_at_first),
    };
    return cmocka_run_group_tests_name("with a graph", tests, with_a_graph, clear) +
           cmocka_run_group_tests_name("without", tests, without, clear);
}
