/* Words of changed products beside a file: the same hits and scores as those of a file of the same products, where its
 * statistics are the same, and nothing of what went. */
#include <base/alloc.h>
#include <base/rng.h>
#include <keywords/keywords.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <support/scratch_dir.h>
#include <support/test.h>

enum { PRODUCTS = 300, WORDS = 40, TEXT = 200, K = PRODUCTS + 50 };

static sage_error error;

static void must(sage_status st) {
    if (st != SAGE_OK) fail_msg("%s", error.text);
}

/* Words of the pid and the edition: "w3 3/4 w7s ..." of which some have marks inside. */
static void text_of(int64_t pid, uint32_t edition, char text[TEXT]) {
    size_t at = 0, n = 3 + sage_mix64((uint64_t)pid * 77 + edition) % 12;
    text[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        const uint64_t random = sage_mix64(((uint64_t)pid << 20 | edition << 8) + i);
        at += (size_t)snprintf(text + at, TEXT - at, random % 9 == 0 ? "%d/%d " : "word%dx%d ",
                               (int)(random >> 8) % WORDS % 7, (int)(random >> 16) % WORDS);
    }
}

static const char *const queries[] = {"word1x3 word2x5", "3/4",
                                      "word0x1",         "5/11 word3x3 word6x20",
                                      "nowhere",         "word1x1 word2x2 word3x3 word4x4 word5x5 word6x6 1/2 2/3 0/0"};

static sage_keywords *file_of(const char *name, int64_t step, uint32_t edition) {
    sage_keywords_writer *writer;
    sage_keywords *keywords;
    char path[SAGE_PATH_MAX], text[TEXT];
    snprintf(path, sizeof path, "%s", scratch_path(dir, name));
    must(sage_fs_mkdir(path, &error));
    must(sage_keywords_create(path, &writer, &error));
    for (int64_t pid = 0; pid < PRODUCTS; pid += step) {
        text_of(pid, edition, text);
        const sage_str texts[] = {{text, strlen(text) / 2}, {text + strlen(text) / 2, strlen(text) - strlen(text) / 2}};
        must(sage_keywords_add(writer, pid, texts, 2, &error));
    }
    must(sage_keywords_finish(writer, &error));
    must(sage_keywords_open(path, true, &keywords, &error));
    return keywords;
}

static void put(sage_words_changes *changes, int64_t pid, uint32_t edition) {
    char text[TEXT];
    text_of(pid, edition, text);
    const sage_str texts[] = {{text, strlen(text) / 2}, {text + strlen(text) / 2, strlen(text) - strlen(text) / 2}};
    must(sage_words_changes_put(changes, pid, texts, 2, &error));
}

static size_t ask(sage_keywords *keywords, sage_keywords_query query, const sage_words_changed *changed,
                  sage_keyword_hit hits[K], float *scores) {
    size_t n;
    query.changed = changed;
    must(sage_keywords_search(keywords, &query, hits, &n, scores, &error));
    return n;
}

static bool is_odd(const void *ctx, int64_t pid) {
    (void)ctx;
    return pid % 2 == 1;
}

/* What one file finds another finds with changes that come to the same. */
static void expect_same(sage_keywords *a, const sage_words_changed *changed_a, sage_keywords *b,
                        const sage_words_changed *changed_b) {
    static const int64_t some[] = {2, 3, 5, 8, 13, 144, 233, PRODUCTS + 7};
    enum { SOME = sizeof some / sizeof *some };
    for (size_t q = 0; q < sizeof queries / sizeof *queries; q++) {
        const sage_keywords_query plain = {.text = queries[q], .len = strlen(queries[q]), .k = K};
        for (int way = 0; way < 4; way++) {
            sage_keyword_hit x[K], y[K];
            float scores_x[SOME] = {0}, scores_y[SOME] = {0};
            sage_keywords_query query = plain;
            if (way == 1) query.k = 5;
            if (way == 2) query.accepts = is_odd;
            if (way == 3) query.among = some, query.n_among = SOME;
            query.wanted = some;
            query.n_wanted = SOME;
            const size_t n = ask(a, query, changed_a, x, scores_x), m = ask(b, query, changed_b, y, scores_y);
            assert_int_equal(n, m);
            for (size_t i = 0; i < n; i++) assert_true(x[i].pid == y[i].pid && x[i].score == y[i].score);
            assert_memory_equal(scores_x, scores_y, sizeof scores_x);
        }
    }
}

/* A product that is put there as it was has the score that it had, to the bit; one that is put there anew is scored
 * as a product of the file. */
static void put_as_they_were(void **state) {
    (void)state;
    sage_keywords *keywords = file_of("all", 1, 1);
    sage_words_changes *changes;
    must(sage_words_changes_new(&changes, &error));
    assert_null(sage_words_changes_hold(changes));
    for (int64_t pid = 0; pid < PRODUCTS; pid += 3) put(changes, pid, 2);
    for (int64_t pid = 0; pid < PRODUCTS; pid += 3) put(changes, pid, 1);
    assert_int_equal(sage_words_changes_count(changes), (PRODUCTS + 2) / 3);
    const sage_words_changed *changed = sage_words_changes_hold(changes);
    expect_same(keywords, NULL, keywords, changed);
    sage_words_changes_release(changes, changed);
    sage_words_changes_free(changes);
    sage_keywords_close(keywords);
}

/* Two files of the same words, of which the second has them in the products' place of the first: changes of the one
 * lead to the other. */
static void changed_and_back(void **state) {
    (void)state;
    sage_keywords *keywords = file_of("all", 1, 1);
    sage_words_changes *changes, *others;
    must(sage_words_changes_new(&changes, &error));
    must(sage_words_changes_new(&others, &error));
    for (int64_t pid = 0; pid < PRODUCTS + 40; pid += 2) put(changes, pid, 5);
    for (int64_t pid = 1; pid < PRODUCTS; pid += 4) must(sage_words_changes_drop(changes, pid, true, &error));
    const sage_words_changed *held = sage_words_changes_hold(changes);
    /* The same by other ways. */
    for (uint32_t edition = 2; edition < 5; edition++)
        for (int64_t pid = 0; pid < PRODUCTS + 40; pid++) put(others, pid, edition);
    for (int64_t pid = 0; pid < PRODUCTS + 40; pid++) {
        if (pid % 2 == 0)
            put(others, pid, 5);
        else if (pid % 4 == 1 || pid >= PRODUCTS)
            must(sage_words_changes_drop(others, pid, pid < PRODUCTS, &error));
        else
            put(others, pid, 1);
    }
    const sage_words_changed *changed = sage_words_changes_hold(others);
    expect_same(keywords, held, keywords, changed);
    sage_keyword_hit hits[K];
    float scores[1];
    const sage_keywords_query all = {.text = queries[5], .len = strlen(queries[5]), .k = K};
    const size_t n = ask(keywords, all, changed, hits, scores);
    assert_true(n > 10);
    for (size_t i = 0; i < n; i++) assert_true(hits[i].pid % 4 != 1);
    /* What is held stays, whatever comes. */
    for (int64_t pid = 0; pid < PRODUCTS; pid++) must(sage_words_changes_drop(others, pid, pid < PRODUCTS, &error));
    expect_same(keywords, held, keywords, changed);
    sage_words_changes_release(changes, held);
    sage_words_changes_release(others, changed);
    sage_words_changes_free(changes);
    sage_words_changes_free(others);
    sage_keywords_close(keywords);
}

/* ---- many at once ---- */

typedef struct crowd {
    const sage_keywords *keywords;
    sage_words_changes *changes;
    atomic_bool over;
    atomic_ulong searches, wrong;
} crowd;

/* Products of an edition that is not theirs alone hold "always", once each. */
static void *search_on(void *ctx) {
    crowd *c = ctx;
    sage_keywords *mine;
    if (sage_keywords_share(c->keywords, &mine, NULL) != SAGE_OK) abort();
    while (!atomic_load(&c->over)) {
        sage_keyword_hit hits[K];
        size_t n;
        const sage_words_changed *changed = sage_words_changes_hold(c->changes);
        const sage_keywords_query query = {.text = "always", .len = 6, .k = K, .changed = changed};
        if (sage_keywords_search(mine, &query, hits, &n, NULL, NULL) != SAGE_OK) abort();
        size_t there = 0, listed;
        const sage_words_change *list = sage_words_changed_list(changed, &listed);
        for (size_t i = 0; i < listed; i++) there += list[i].words != NULL;
        atomic_fetch_add(&c->wrong, n != there);
        sage_words_changes_release(c->changes, changed);
        atomic_fetch_add(&c->searches, 1);
    }
    sage_keywords_close(mine);
    return NULL;
}

static void many_at_once(void **state) {
    (void)state;
    enum { READERS = 3 };
    pthread_t threads[READERS];
    sage_keywords *keywords = file_of("all", 1, 1);
    crowd c = {.keywords = keywords};
    must(sage_words_changes_new(&c.changes, &error));
    for (size_t i = 0; i < READERS; i++) assert_int_equal(pthread_create(&threads[i], NULL, search_on, &c), 0);
    for (uint32_t change = 0; change < 2000 || atomic_load(&c.searches) < 50; change++) {
        const sage_str text = SAGE_STR("always here");
        const int64_t pid = (int64_t)(sage_mix64(change) % PRODUCTS);
        must(change % 3 == 0 ? sage_words_changes_drop(c.changes, pid, true, &error)
                             : sage_words_changes_put(c.changes, pid, &text, 1, &error));
    }
    atomic_store(&c.over, true);
    for (size_t i = 0; i < READERS; i++) pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&c.wrong), 0);
    sage_words_changes_free(c.changes);
    sage_keywords_close(keywords);
}

static void short_memory(void **state) {
    (void)state;
    sage_keywords *keywords = file_of("all", 1, 1);
    sage_words_changes *changes;
    sage_status st = SAGE_E_MEMORY;
    must(sage_words_changes_new(&changes, &error));
    put(changes, 5, 1);
    for (unsigned long at = 1; st != SAGE_OK; at++) {
        const sage_str text = SAGE_STR("some words of a product");
        sage_alloc_fail_from(at);
        st = sage_words_changes_put(changes, 5, &text, 1, &error);
        sage_alloc_fail_from(0);
        if (st != SAGE_OK) assert_int_equal(st, SAGE_E_MEMORY);
        assert_true(at < 1000);
    }
    const sage_words_changed *changed = sage_words_changes_hold(changes);
    st = SAGE_E_MEMORY;
    for (unsigned long at = 1; st != SAGE_OK; at++) {
        sage_keyword_hit hits[K];
        size_t n;
        const sage_keywords_query query = {.text = "words 3/4", .len = 9, .k = K, .changed = changed};
        sage_alloc_fail_from(at);
        st = sage_keywords_search(keywords, &query, hits, &n, NULL, &error);
        sage_alloc_fail_from(0);
        if (st == SAGE_OK) assert_true(n >= 1);
        assert_true(at < 1000);
    }
    sage_words_changes_release(changes, changed);
    sage_words_changes_free(changes);
    sage_keywords_close(keywords);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(put_as_they_were, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(changed_and_back, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(many_at_once, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(short_memory, make_dir, remove_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
