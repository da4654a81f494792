/* Keyword search over some ten thousand made texts against SQLite's FTS5, which scores every product that holds a word:
 * hits, order and scores are the same to the last bit, whatever is asked for. */

#include <base/rng.h>
#include <io/db.h>
#include <keywords/keywords.h>
#include <math.h>
#include <support/scratch.h>
#include <support/test.h>

enum { PRODUCTS = 12000, WORDS = 300, TEXT = 4096 };

static char dir[SAGE_PATH_MAX];
static sqlite3 *db;
static sqlite3_stmt *select_all;
static sage_keywords *keywords;

/* Small numbers are common: word 0 stands in most texts, the last ones in a few. */
static unsigned a_word(sage_rng *rng) {
    return (unsigned)(WORDS * pow(sage_rng_unit(rng), 3));
}

/* Most are short, some very long; words in two forms of one stem, some with a mark between; a few words are of one
 * product. */
static size_t make_text(sage_rng *rng, size_t product, char text[TEXT]) {
    static const char *const marks[] = {" ", " ", " ", "ing ", "ed ", "/", "-", ", "};
    size_t n = sage_rng_below(rng, 50) == 0 ? 300 : sage_rng_below(rng, 24), len = 0;
    for (size_t i = 0; i < n; i++)
        len += (size_t)snprintf(text + len, TEXT - len, "w%ux%s", a_word(rng), marks[sage_rng_below(rng, 8)]);
    if (product % 97 == 0) len += (size_t)snprintf(text + len, TEXT - len, " only%zu", product);
    return len;
}

/* Not every number is a product's, and the first is below 0. */
static int64_t pid_of(size_t product) {
    return (int64_t)product * 3 - 50;
}

static int build(void **state) {
    static char text[TEXT];
    sage_error error = {0};
    sage_keywords_writer *writer;
    sqlite3_stmt *insert;
    sage_rng rng;
    (void)state;
    sage_rng_seed(&rng, 11, 0);
    scratch_make(dir);
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(
        sage_db_exec(db, "CREATE VIRTUAL TABLE words USING fts5(text, content = '', tokenize = 'porter unicode61')",
                     &error),
        SAGE_OK);
    assert_int_equal(sage_db_prepare(db, "INSERT INTO words(rowid, text) VALUES (?1, ?2)", &insert, &error), SAGE_OK);
    assert_int_equal(sage_keywords_create(dir, &writer, &error), SAGE_OK);
    for (size_t i = 0; i < PRODUCTS; i++) {
        const sage_str whole = {text, make_text(&rng, i, text)};
        sqlite3_bind_int64(insert, 1, pid_of(i));
        sqlite3_bind_text(insert, 2, text, (int)whole.len, SQLITE_TRANSIENT);
        assert_int_equal(sage_db_run(insert, &error), SAGE_OK);
        assert_int_equal(sage_keywords_add(writer, pid_of(i), &whole, 1, &error), SAGE_OK);
    }
    sqlite3_finalize(insert);
    assert_int_equal(sage_keywords_finish(writer, &error), SAGE_OK);
    assert_int_equal(sage_keywords_open(dir, false, &keywords, &error), SAGE_OK);
    assert_int_equal(sage_db_prepare(db, "SELECT rowid, rank FROM words WHERE words MATCH ?1", &select_all, &error),
                     SAGE_OK);
    return 0;
}

static int drop(void **state) {
    (void)state;
    sqlite3_finalize(select_all);
    sqlite3_close(db);
    sage_keywords_close(keywords);
    scratch_remove(dir);
    return 0;
}

static int by_score(const void *a, const void *b) {
    const sage_keyword_hit *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    return (x->pid > y->pid) - (x->pid < y->pid);
}

/* A query in our form and in FTS5's. */
typedef struct asked {
    char ours[512], theirs[512];
} asked;

static void add_word(asked *q, sage_rng *rng) {
    unsigned a = a_word(rng), b = a_word(rng), c = a_word(rng);
    size_t at = strlen(q->ours), theirs = strlen(q->theirs);
    const char * or = theirs > 0 ? " OR " : "";
    char *mine = q->ours + at, *fts = q->theirs + theirs;
    size_t room = sizeof q->ours - at;
    switch (sage_rng_below(rng, 6)) {
    case 0:
        snprintf(mine, room, "w%ux/w%ux ", a, b);
        snprintf(fts, room, "%s\"w%ux w%ux\"", or, a, b);
        break;
    case 1:
        snprintf(mine, room, "w%ux-w%ux.w%ux ", a, b, c);
        snprintf(fts, room, "%s\"w%ux w%ux w%ux\"", or, a, b, c);
        break;
    case 2:
        snprintf(mine, room, "only%zu ", 97 * sage_rng_below(rng, PRODUCTS / 97));
        snprintf(fts, room, "%s\"%.*s\"", or, (int)strcspn(mine, " "), mine);
        break;
    default: snprintf(mine, room, "w%ux ", a); snprintf(fts, room, "%s\"w%ux\"", or, a);
    }
}

/* All that FTS5 finds, best first. Words must differ, since ours are taken once. */
static size_t truth(const asked *q, sage_keyword_hit *hits) {
    size_t n = 0;
    sqlite3_reset(select_all);
    sqlite3_bind_text(select_all, 1, q->theirs, -1, SQLITE_STATIC);
    while (sqlite3_step(select_all) == SQLITE_ROW)
        hits[n++] =
            (sage_keyword_hit){sqlite3_column_int64(select_all, 0), (float)-sqlite3_column_double(select_all, 1)};
    qsort(hits, n, sizeof *hits, by_score);
    return n;
}

static void ask_for(asked *q, sage_rng *rng) {
    *q = (asked){0};
    for (size_t words = 1 + sage_rng_below(rng, 6); words > 0; words--) {
        asked longer = *q;
        add_word(&longer, rng);
        char *word = longer.ours + strlen(q->ours);
        size_t len = strlen(word);
        bool there = false;
        for (char *at = q->ours; (at = strstr(at, word)) != NULL && !there; at += len)
            there = at == q->ours || at[-1] == ' ';
        if (!there) *q = longer;
    }
}

static bool passes(const void *ctx, int64_t pid) {
    return (uint64_t)(pid + 50) * 0x9E3779B97F4A7C15u >> 40 < (1u << 24) / *(const unsigned *)ctx;
}

/* The k best of those that pass a filter of one in `part`, as FTS5 has them. */
static size_t best_of(const sage_keyword_hit *all, size_t n_all, size_t k, const unsigned *part,
                      sage_keyword_hit *best) {
    size_t n = 0;
    for (size_t i = 0; i < n_all && n < k; i++)
        if (passes(part, all[i].pid)) best[n++] = all[i];
    return n;
}

static void same(const asked *q, const sage_keyword_hit *hits, size_t n, const sage_keyword_hit *wanted,
                 size_t n_wanted) {
    if (n != n_wanted) fail_msg("%s: %zu hits, not %zu", q->ours, n, n_wanted);
    for (size_t i = 0; i < n; i++)
        if (hits[i].pid != wanted[i].pid || hits[i].score != wanted[i].score)
            fail_msg("%s: hit %zu is %lld, %.9g, not %lld, %.9g", q->ours, i, (long long)hits[i].pid,
                     (double)hits[i].score, (long long)wanted[i].pid, (double)wanted[i].score);
}

static void check(const asked *q, size_t k, unsigned part) {
    static sage_keyword_hit all[PRODUCTS], best[PRODUCTS], hits[PRODUCTS];
    static int64_t among[PRODUCTS];
    sage_error error = {0};
    size_t n_all = truth(q, all), n_best = best_of(all, n_all, k, &part, best), n;
    sage_keywords_query query = {
        .text = q->ours, .len = strlen(q->ours), .k = k, .accepts = part > 1 ? passes : NULL, .ctx = &part};
    assert_int_equal(sage_keywords_search(keywords, &query, hits, &n, NULL, &error), SAGE_OK);
    same(q, hits, n, best, n_best);
    for (size_t i = 0; i < PRODUCTS; i++)
        if (passes(&part, pid_of(i))) among[query.n_among++] = pid_of(i);
    query.among = among;
    assert_int_equal(sage_keywords_search(keywords, &query, hits, &n, NULL, &error), SAGE_OK);
    same(q, hits, n, best, n_best);
}

static void test_hits_are_those_of_fts5(void **state) {
    static const unsigned parts[] = {1, 1, 7, 100, 3000};
    static const size_t ks[] = {1, 10, 100, 1000, PRODUCTS};
    sage_rng rng;
    asked q;
    (void)state;
    sage_rng_seed(&rng, 5, 0);
    for (size_t i = 0; i < 400; i++) {
        ask_for(&q, &rng);
        check(&q, ks[sage_rng_below(&rng, 5)], parts[sage_rng_below(&rng, 5)]);
    }
}

static void test_wanted_scores_are_those_of_fts5(void **state) {
    static sage_keyword_hit all[PRODUCTS], hits[10];
    static int64_t wanted[PRODUCTS];
    static float scores[PRODUCTS], expected[PRODUCTS];
    sage_error error = {0};
    sage_rng rng;
    asked q;
    (void)state;
    sage_rng_seed(&rng, 6, 0);
    for (size_t round = 0; round < 60; round++) {
        size_t n = 0, found, step = 1 + sage_rng_below(&rng, 300);
        ask_for(&q, &rng);
        for (size_t i = sage_rng_below(&rng, 50); i < PRODUCTS; i += step) wanted[n++] = pid_of(i);
        for (size_t i = 0; i < n; i++) expected[i] = 0;
        for (size_t left = truth(&q, all); left-- > 0;)
            for (size_t i = 0; i < n; i++)
                if (wanted[i] == all[left].pid) expected[i] = all[left].score;
        const sage_keywords_query query = {q.ours, strlen(q.ours), 10, wanted, n, NULL, NULL, NULL, 0};
        assert_int_equal(sage_keywords_search(keywords, &query, hits, &found, scores, &error), SAGE_OK);
        assert_memory_equal(scores, expected, n * sizeof *scores);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hits_are_those_of_fts5),
        cmocka_unit_test(test_wanted_scores_are_those_of_fts5),
    };
    return cmocka_run_group_tests(tests, build, drop);
}
