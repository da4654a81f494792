/* One release, many threads: searchers that share it give what one alone gives, and it is verified beside them. */
#include <itemsage/live.h>
#include <pthread.h>
#include <shop/shop.h>
#include <support/published_ground.h>
#include <unistd.h>

enum { THREADS = 4, ROUNDS = 12, MOST = PUBLISHED_PRODUCTS };

static int with_two_threads(void **state) {
    (void)state;
    return published_ground("threads=2");
}

static sage_searcher *open_at_once(void) {
    sage_searcher *searcher = NULL;
    tiny_must(sage_searcher_open_at_once(shop, &searcher, &error), &error, "open at once");
    return searcher;
}

static sage_searcher *share(sage_searcher *searcher) {
    sage_searcher *another = NULL;
    sage_error failed = {0};
    tiny_must(sage_searcher_share(searcher, &another, &failed), &failed, "share");
    return another;
}

static sage_verified wait_for_verified(const sage_searcher *searcher) {
    sage_verified verified = SAGE_VERIFYING;
    for (int i = 0; i < 20000 && verified == SAGE_VERIFYING; i++) {
        verified = sage_searcher_verified(searcher, &error);
        if (verified == SAGE_VERIFYING) usleep(1000);
    }
    return verified;
}

/* ---- all kinds of queries ---- */

static const sage_session_event session[] = {{"p3", NULL, 2}, {"p8", "checkout", 0}};
static const sage_cap cap = {"brand", 2};
static const sage_query kinds[] = {
    {.text = "oak table", .method = SAGE_VECTORS, .n = MOST},
    {.text = "oak table", .method = SAGE_KEYWORDS, .n = MOST},
    {.text = "oak table", .method = SAGE_HYBRID, .n = MOST},
    {.text = "oak", .method = SAGE_HYBRID, .n = 5, .where = "price < 20"},
    {.text = "lamp", .method = SAGE_VECTORS, .n = 5, .exact = true, .collapse = true},
    {.text = "lamp", .method = SAGE_HYBRID, .n = 5, .diversity = 0.5, .caps = &cap, .n_caps = 1},
    {.product_id = "p3", .n = MOST},
    {.user_id = "simulated-1", .n = MOST},
    {.user_id = "simulated-2", .n = 7, .interests = true, .fresh = true},
    {.session = session, .n_session = 2, .n = MOST, .fresh = true},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

typedef struct answer {
    size_t n;
    int64_t pid[MOST];
    float score[MOST];
} answer;
static answer expected[KINDS];

static void ask(sage_searcher *searcher, size_t kind, answer *found) {
    const sage_hit *hits;
    sage_error failed = {0};
    tiny_must(sage_search(searcher, &kinds[kind], &hits, &found->n, &failed), &failed, "search");
    assert_in_range(found->n, 1, MOST);
    for (size_t i = 0; i < found->n; i++) {
        found->pid[i] = hits[i].pid;
        found->score[i] = hits[i].score;
    }
}

static bool same(const answer *a, const answer *b) {
    return a->n == b->n && memcmp(a->pid, b->pid, a->n * sizeof *a->pid) == 0 &&
           memcmp(a->score, b->score, a->n * sizeof *a->score) == 0;
}

typedef struct worker {
    pthread_t thread;
    sage_searcher *searcher; /* the thread's, which closes it */
    size_t wrong;
} worker;

static void *search_all(void *ctx) {
    worker *w = ctx;
    for (size_t i = 0; i < ROUNDS * KINDS; i++) {
        answer found;
        ask(w->searcher, i % KINDS, &found);
        w->wrong += !same(&found, &expected[i % KINDS]);
    }
    sage_searcher_close(w->searcher);
    return NULL;
}

static void threads_find_what_one_finds(void **state) {
    (void)state;
    sage_searcher *first = open_at_once();
    worker workers[THREADS] = {{0}};
    for (size_t i = 0; i < KINDS; i++) ask(first, i, &expected[i]);
    for (size_t i = 0; i < THREADS; i++) {
        workers[i].searcher = share(i == 0 ? first : workers[i - 1].searcher);
        assert_int_equal(pthread_create(&workers[i].thread, NULL, search_all, &workers[i]), 0);
        if (i + 1 < THREADS) continue;
        for (size_t round = 0; round < KINDS; round++) { /* others come and go beside them */
            answer found;
            sage_searcher *guest = share(first);
            ask(guest, round, &found);
            assert_true(same(&found, &expected[round]));
            sage_searcher_close(guest);
        }
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        assert_int_equal(workers[i].wrong, 0);
    }
    assert_int_equal(wait_for_verified(first), SAGE_VERIFIED);
    sage_searcher_close(first);
}

static void closed_in_any_order(void **state) {
    (void)state;
    sage_searcher *first = open_at_once(), *second = share(first), *third = share(second);
    answer found;
    sage_searcher_close(first);
    ask(third, 0, &found);
    sage_searcher_close(third);
    ask(second, 0, &found);
    assert_int_equal(wait_for_verified(second), SAGE_VERIFIED);
    sage_searcher_close(second);
}

/* Vectors that one searcher cut are whole for who comes, and are cut no more. */
static void only_one_alone_cuts(void **state) {
    (void)state;
    sage_searcher *first = open_at_once();
    const sage_query query = {.text = "oak table", .n = 5, .dims = 4};
    const sage_hit *hits;
    answer whole, found;
    size_t n;
    ask(first, 0, &whole);
    tiny_must(sage_search(first, &query, &hits, &n, &error), &error, "cut");
    sage_searcher *second = share(first);
    ask(second, 0, &found);
    assert_true(same(&found, &whole));
    assert_int_equal(sage_search(first, &query, &hits, &n, &error), SAGE_E_ARGUMENT);
    assert_int_equal(sage_search(second, &query, &hits, &n, &error), SAGE_E_ARGUMENT);
    sage_searcher_close(first);
    tiny_must(sage_search(second, &query, &hits, &n, &error), &error, "alone again");
    sage_searcher_close(second);
}

/* ---- what is damaged ---- */

static void flip(const char *path, size_t at_from_end) {
    size_t n;
    char *bytes = scratch_read(path, &n);
    assert_true(n > at_from_end);
    bytes[n - at_from_end] ^= 4;
    scratch_write(path, bytes, n);
    sage_free(bytes);
}

/* The last bytes of each file are of its last section: opened at once all the same, and told soon. */
static void damage_is_told(void **state) {
    (void)state;
    sage_release release;
    tiny_must(sage_release_read(shop, &release, &error), &error, "current");
    const struct {
        const char *room;
        uint64_t version;
        const char *name;
    } files[] = {{"index", release.index, "vectors.bin"},
                 {"index", release.index, "rows.bin"},
                 {"index", release.index, "text.bin"},
                 {"index", release.index, "columns.bin"},
                 {"index", release.index, "together.bin"},
                 {"keywords", release.keywords, "words.bin"},
                 {"models", release.query_model, "model.safetensors"}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[SAGE_PATH_MAX + 96], line[1200];
        snprintf(path, sizeof path, "%s/%s/%llu/%s", shop_dir, files[i].room, (unsigned long long)files[i].version,
                 files[i].name);
        flip(path, 1);
        sage_searcher *searcher = open_at_once();
        if (wait_for_verified(searcher) != SAGE_DAMAGED) fail_msg("%s: not told", path);
        sage_error_line(&error, line, sizeof line);
        if (strstr(line, "run 'itemsage ") == NULL || strstr(line, "damaged") == NULL) fail_msg("%s: %s", path, line);
        sage_searcher_close(searcher);
        flip(path, 1);
    }
    sage_searcher *searcher = open_at_once();
    assert_int_equal(wait_for_verified(searcher), SAGE_VERIFIED);
    sage_searcher_close(searcher);
}

static void closed_while_it_is_verified(void **state) {
    (void)state;
    for (int i = 0; i < 20; i++) sage_searcher_close(open_at_once());
}

static void short_memory(void **state) {
    (void)state;
    sage_searcher *first = open_at_once();
    assert_int_equal(wait_for_verified(first), SAGE_VERIFIED); /* its thread has what it needs */
    sage_status st = SAGE_E_MEMORY;
    unsigned long at = 0;
    while (st != SAGE_OK) {
        sage_searcher *another = NULL;
        sage_alloc_fail_from(++at);
        st = sage_searcher_share(first, &another, &error);
        sage_alloc_fail_from(0);
        if (st != SAGE_OK && st != SAGE_E_MEMORY) fail_msg("allocation %lu: %s", at, error.text);
        assert_int_equal(another != NULL, st == SAGE_OK);
        sage_searcher_close(another);
        assert_true(at < 1000);
    }
    assert_true(at > 5);
    sage_searcher_close(first);
    for (st = SAGE_E_MEMORY, at = 0; st != SAGE_OK;) {
        sage_searcher *searcher = NULL;
        sage_alloc_fail_from(++at);
        st = sage_searcher_open_at_once(shop, &searcher, &error);
        sage_alloc_fail_from(0);
        if (st != SAGE_OK && st != SAGE_E_MEMORY) fail_msg("allocation %lu: %s", at, error.text);
        sage_searcher_close(searcher);
        assert_true(at < 10000);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_find_what_one_finds), cmocka_unit_test(closed_in_any_order),
        cmocka_unit_test(only_one_alone_cuts),         cmocka_unit_test(damage_is_told),
        cmocka_unit_test(closed_while_it_is_verified), cmocka_unit_test(short_memory),
    };
    return cmocka_run_group_tests(tests, with_two_threads, clear);
}
