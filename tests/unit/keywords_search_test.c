/* Keyword search over small catalogues: who is found, in what order, and that no query is an error. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <base/alloc.h>
#include <io/fs.h>
#include <keywords/keywords.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char dir[] = "/tmp/keywords_test_XXXXXX";

static int make_dir(void **state) {
    (void)state;
    return mkdtemp(dir) != NULL ? 0 : -1;
}

static int remove_dir(void **state) {
    (void)state;
    return sage_fs_remove_tree(dir, NULL) == SAGE_OK ? 0 : -1;
}

static sage_status try_build(const char *const *titles, size_t n, sage_error *error) {
    sage_keywords_writer *writer = NULL;
    sage_status st = sage_keywords_create(dir, &writer, error);
    for (size_t i = 0; i < n && st == SAGE_OK; i++) {
        sage_str text = {titles[i], strlen(titles[i])};
        st = sage_keywords_add(writer, (int64_t)(10 * (i + 1)), &text, 1, error);
    }
    if (st == SAGE_OK) return sage_keywords_finish(writer, error);
    sage_keywords_abandon(writer);
    return st;
}

static sage_keywords *build(const char *const *titles, size_t n) {
    sage_error error = {0};
    sage_keywords *keywords = NULL;
    if (try_build(titles, n, &error) != SAGE_OK || sage_keywords_open(dir, true, &keywords, &error) != SAGE_OK)
        fail_msg("%s", error.text);
    return keywords;
}

static size_t search_bytes(sage_keywords *keywords, const char *query, size_t len, size_t k, sage_keyword_hit *hits) {
    sage_error error = {0};
    size_t n = 99;
    if (sage_keywords_search(keywords, &(sage_keywords_query){.text = query, .len = len, .k = k}, hits, &n, NULL,
                             &error) != SAGE_OK)
        fail_msg("%s: %s", query, error.text);
    assert_true(n <= k);
    for (size_t i = 0; i < n; i++) {
        assert_true(hits[i].score > 0);
        if (i == 0) continue;
        assert_true(hits[i - 1].score > hits[i].score ||
                    (hits[i - 1].score == hits[i].score && hits[i - 1].pid < hits[i].pid));
    }
    return n;
}

static size_t search(sage_keywords *keywords, const char *query, size_t k, sage_keyword_hit *hits) {
    return search_bytes(keywords, query, strlen(query), k, hits);
}

static void same_hits(const sage_keyword_hit *a, const sage_keyword_hit *b, size_t n) {
    for (size_t i = 0; i < n; i++) assert_true(a[i].pid == b[i].pid && a[i].score == b[i].score);
}

static const char *const shop[] = {
    "Red leather sofa",                     /* 10 */
    "Blue leather sofa with red legs",      /* 20 */
    "Wooden chair",                         /* 30 */
    "3/4 in. brass L-bracket",              /* 40 */
    "Angle bracket L shaped 3 in. 4 hole",  /* 50 */
    "Caf\xC3\xA9 table",                    /* 60 */
    "Running shoes OR boots \"NEAR\" sale", /* 70 */
    "",                                     /* 80 */
};
enum { SHOP = sizeof shop / sizeof *shop };

static void test_finds_any_word_best_first(void **state) {
    (void)state;
    sage_keyword_hit hits[10];
    sage_keywords *keywords = build(shop, SHOP);
    assert_int_equal(search(keywords, "red sofa", 10, hits), 2);
    assert_int_equal(hits[0].pid, 10); /* shorter, so its words weigh more */
    assert_int_equal(hits[1].pid, 20);
    assert_int_equal(search(keywords, "red sofa", 1, hits), 1);
    assert_int_equal(hits[0].pid, 10);
    assert_int_equal(search(keywords, "red sofa", 0, hits), 0);
    assert_int_equal(search(keywords, "chair sofa", 10, hits), 3);
    assert_int_equal(hits[0].pid, 30); /* the rarer word */
    sage_keywords_close(keywords);
}

static void test_stems_folds_and_drops_accents(void **state) {
    (void)state;
    sage_keyword_hit hits[10];
    sage_keywords *keywords = build(shop, SHOP);
    assert_int_equal(search(keywords, "CHAIRS", 10, hits), 1);
    assert_int_equal(hits[0].pid, 30);
    assert_int_equal(search(keywords, "run", 10, hits), 1);
    assert_int_equal(hits[0].pid, 70);
    assert_int_equal(search(keywords, "cafe", 10, hits), 1);
    assert_int_equal(search(keywords, "caf\xC3\xA9s", 10, hits), 1);
    assert_int_equal(hits[0].pid, 60);
    sage_keywords_close(keywords);
}

static void test_word_with_marks_is_its_parts_side_by_side(void **state) {
    (void)state;
    sage_keyword_hit hits[10];
    sage_keywords *keywords = build(shop, SHOP);
    assert_int_equal(search(keywords, "3/4", 10, hits), 1);
    assert_int_equal(hits[0].pid, 40);
    assert_int_equal(search(keywords, "3 4", 10, hits), 2);
    assert_int_equal(search(keywords,
                            "3\xC2\xA0"
                            "4",
                            10, hits),
                     2); /* a no-break space is a blank */
    assert_int_equal(search(keywords, "l-bracket", 10, hits), 1);
    assert_int_equal(search(keywords, "l\"bracket", 10, hits), 1); /* a quote inside is a mark like any other */
    sage_keywords_close(keywords);
}

static void test_repeated_words_count_once(void **state) {
    (void)state;
    sage_keyword_hit once[10], often[10];
    sage_keywords *keywords = build(shop, SHOP);
    size_t n = search(keywords, "red sofa", 10, once);
    assert_int_equal(search(keywords, "red RED sofa red, \"Sofa\"", 10, often), n);
    same_hits(once, often, n);
    sage_keywords_close(keywords);
}

/* BM25 as sqlite.org/fts5.html writes it: k1 1.2, b 0.75, idf floored at 1e-6. */
static double bm25(double tf, double doc_words, double mean_words, double n, double df) {
    double idf = log((n - df + 0.5) / (df + 0.5));
    if (idf <= 0) idf = 1e-6;
    return idf * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * doc_words / mean_words));
}

static void test_score_is_bm25(void **state) {
    (void)state;
    static const char *const docs[] = {"apple apple pear", "pear plum", "fig", "fig fig", "date", "kiwi kiwi lime"};
    sage_keyword_hit hits[10];
    sage_keywords *keywords = build(docs, 6);
    double mean = 12.0 / 6;
    assert_int_equal(search(keywords, "apple", 10, hits), 1);
    assert_float_equal(hits[0].score, bm25(2, 3, mean, 6, 1), 1e-5);
    assert_int_equal(search(keywords, "apple plum pear", 10, hits), 2);
    assert_int_equal(hits[0].pid, 10);
    assert_float_equal(hits[0].score, bm25(2, 3, mean, 6, 1) + bm25(1, 3, mean, 6, 2), 1e-5);
    assert_float_equal(hits[1].score, bm25(1, 2, mean, 6, 1) + bm25(1, 2, mean, 6, 2), 1e-5);
    sage_keywords_close(keywords);
}

static void test_ties_come_by_pid_and_k_keeps_the_first(void **state) {
    (void)state;
    enum { MANY = 500 };
    static const char *docs[MANY];
    sage_keyword_hit hits[MANY];
    for (size_t i = 0; i < MANY; i++) docs[i] = i % 7 == 3 ? "lamp lamp stand" : "lamp stand";
    sage_keywords *keywords = build(docs, MANY);
    assert_int_equal(search(keywords, "lamp", MANY, hits), MANY); /* a word of every product still finds them */
    static sage_keyword_hit few[MANY];
    for (size_t k = 1; k < MANY; k += 83) {
        assert_int_equal(search(keywords, "lamp", k, few), k);
        same_hits(hits, few, k);
    }
    sage_keywords_close(keywords);
}

static bool is_odd_ten(const void *ctx, int64_t pid) {
    int64_t *last = *(int64_t *const *)ctx;
    assert_true(pid > *last); /* they are asked in order, each once */
    *last = pid;
    return pid / 10 % 2 == 1;
}

static void test_a_filter_says_who_may_be_a_hit(void **state) {
    (void)state;
    sage_keyword_hit hits[10], all[10];
    const int64_t among[] = {-7, 20, 40, 41, 60, 900}, wanted[] = {10, 20, 40};
    int64_t last = -1, *ctx = &last;
    float scores[3];
    size_t n;
    sage_keywords *keywords = build(shop, SHOP);
    assert_int_equal(search(keywords, "red leather 3/4 chair", 10, all), 4);
    sage_keywords_query query = {"red leather 3/4 chair", 21, 10, wanted, 3, .accepts = is_odd_ten, .ctx = &ctx};
    assert_int_equal(sage_keywords_search(keywords, &query, hits, &n, scores, NULL), SAGE_OK);
    assert_int_equal(n, 2);
    assert_true(hits[0].pid == 10 || hits[1].pid == 10);
    assert_true(hits[0].pid == 30 || hits[1].pid == 30);
    assert_true(scores[1] > 0 && scores[2] > 0); /* of whom a score is wanted need not pass */
    query.among = among;
    query.n_among = 6;
    for (query.k = 0; query.k < 4; query.k++) {
        assert_int_equal(sage_keywords_search(keywords, &query, hits, &n, scores, NULL), SAGE_OK);
        assert_int_equal(n, query.k < 2 ? query.k : 2);
        if (n > 0) assert_int_equal(hits[0].pid, 20);
        if (n > 1) assert_int_equal(hits[1].pid, 40);
        assert_true(n < 1 || hits[0].score == scores[1]);
        assert_true(n < 2 || hits[1].score == scores[2]);
    }
    query.n_among = 0;
    assert_int_equal(sage_keywords_search(keywords, &query, hits, &n, scores, NULL), SAGE_OK);
    assert_int_equal(n, 0);
    sage_keywords_close(keywords);
}

static void test_wanted_products_get_their_score(void **state) {
    (void)state;
    sage_keyword_hit all[10], hits[10];
    const int64_t wanted[] = {-1, 10, 20, 25, 50, 80, 90};
    float scores[7];
    size_t n;
    sage_keywords *keywords = build(shop, SHOP);
    assert_int_equal(search(keywords, "red sofa", 10, all), 2);
    for (size_t k = 0; k < 3; k++) {
        const sage_keywords_query query = {"red sofa", 8, k, wanted, 7};
        assert_int_equal(sage_keywords_search(keywords, &query, hits, &n, scores, NULL), SAGE_OK);
        assert_int_equal(n, k);
        assert_float_equal(scores[1], all[0].score, 0);
        assert_float_equal(scores[2], all[1].score, 0);
        for (size_t i = 0; i < 7; i++)
            if (i != 1 && i != 2) assert_float_equal(scores[i], 0, 0);
    }
    const sage_keywords_query nothing = {"...", 3, 5, wanted, 7};
    assert_int_equal(sage_keywords_search(keywords, &nothing, hits, &n, scores, NULL), SAGE_OK);
    assert_float_equal(scores[1], 0, 0);
    sage_keywords_close(keywords);
}

static void test_no_text_is_an_error(void **state) {
    (void)state;
    static const char *const junk[] = {
        "",
        " ",
        "\t\n\r",
        "\"",
        "\"\"",
        "\"\"\"",
        "'",
        "*",
        "^",
        "AND",
        "OR",
        "NOT",
        "NEAR",
        "NEAR(",
        "a NEAR(b, 3) -c",
        "text : x",
        "{text} : x",
        "rowid:1",
        "red*",
        "^red",
        "-red",
        "+red",
        "(red",
        "red)",
        "red AND",
        "OR OR",
        "'; DROP TABLE words; --",
        "red\"); SELECT 1; --",
        "%s%n%d",
        "\xF0\x9F\x9B\x8B\xEF\xB8\x8F",
        "\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9 sofa",
        "\xFF\xFE\xC3",
        "\xC3(",
        "\xED\xA0\x80",
        "sofa\xC3",
        "...!?,;:",
        "\xE2\x80\x94 \xE2\x80\xA6",
        "\xE6\xA4\x85\xE5\xAD\x90",
        "\xCC\x81",
        "x\xCC\x81y",
        "_",
        "__x__",
        "\\",
        "/",
        "NULL",
        "0",
        "\x01\x02",
    };
    sage_keyword_hit hits[10];
    sage_keywords *keywords = build(shop, SHOP);
    for (size_t i = 0; i < sizeof junk / sizeof *junk; i++) search(keywords, junk[i], 10, hits);
    assert_int_equal(search(keywords, "", 10, hits), 0);
    assert_int_equal(search(keywords, " \t\"\" ...", 10, hits), 0);
    assert_int_equal(search_bytes(keywords, "red\0sofa", 8, 10, hits), 2);
    assert_int_equal(search(keywords, "OR", 10, hits), 1); /* a word like any other */
    assert_int_equal(hits[0].pid, 70);
    assert_int_equal(search(keywords, "'; DROP TABLE words; -- sofa", 10, hits), 3); /* a table is there too */
    assert_int_equal(search(keywords, "\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9 sofa", 10, hits), 2);
    sage_keywords_close(keywords);
}

static void test_very_long_queries(void **state) {
    (void)state;
    sage_keyword_hit hits[10];
    sage_keywords *keywords = build(shop, SHOP);
    size_t len = 300000;
    char *text = malloc(len);
    memset(text, 'x', len);
    assert_int_equal(search_bytes(keywords, text, len, 10, hits), 0); /* one word of 300 kB */
    for (size_t i = 0; i < len; i++) text[i] = i % 8 == 7 ? ' ' : (char)('a' + (i * i / 64 + i / 512) % 26);
    memcpy(text, "sofa ", 5);
    assert_int_equal(search_bytes(keywords, text, len, 10, hits), 2); /* tens of thousands of words */
    for (size_t i = 0; i < len; i++) text[i] = i % 2 ? '-' : 'q';
    assert_int_equal(search_bytes(keywords, text, len, 10, hits), 0); /* one word of tens of thousands of parts */
    free(text);
    sage_keywords_close(keywords);
}

static void test_texts_are_joined_and_may_hold_anything(void **state) {
    (void)state;
    sage_error error = {0};
    sage_keywords_writer *writer;
    sage_keywords *keywords;
    sage_keyword_hit hits[10];
    const sage_str texts[] = {
        SAGE_STR("oak\0desk"), SAGE_STR(""), SAGE_STR("\xFF\xC3 lamp\""), {NULL, 0}, SAGE_STR("end")};
    assert_int_equal(sage_keywords_create(dir, &writer, &error), SAGE_OK);
    assert_int_equal(sage_keywords_add(writer, -5, texts, 5, &error), SAGE_OK);
    assert_int_equal(sage_keywords_add(writer, 7, texts, 1, &error), SAGE_OK);
    assert_int_equal(sage_keywords_add(writer, 7, texts, 1, &error), SAGE_E_ARGUMENT);
    assert_int_equal(sage_keywords_add(writer, INT64_MAX, NULL, 0, &error), SAGE_OK);
    assert_int_equal(sage_keywords_finish(writer, &error), SAGE_OK);
    assert_int_equal(sage_keywords_open(dir, true, &keywords, &error), SAGE_OK);
    assert_int_equal(search(keywords, "desk", 10, hits), 2);
    assert_int_equal(search(keywords, "lamp", 10, hits), 1);
    assert_int_equal(hits[0].pid, -5);
    assert_int_equal(search(keywords, "end", 10, hits), 1);
    sage_keywords_close(keywords);
}

static void test_an_empty_catalogue_finds_nothing(void **state) {
    (void)state;
    sage_keyword_hit hits[1];
    sage_keywords *keywords = build(NULL, 0);
    assert_int_equal(search(keywords, "sofa", 1, hits), 0);
    sage_keywords_close(keywords);
}

static void flip_and_open(const char *name) {
    sage_error error = {0};
    sage_keywords *keywords = NULL;
    char path[SAGE_PATH_MAX];
    uint64_t size;
    sage_path_join(path, dir, name, NULL);
    assert_int_equal(sage_fs_size(path, &size, &error), SAGE_OK);
    for (uint64_t at = 0; at < size; at += 1 + size / 61) {
        FILE *file = fopen(path, "r+b");
        assert_non_null(file);
        fseek(file, (long)at, SEEK_SET);
        int byte = fgetc(file);
        fseek(file, (long)at, SEEK_SET);
        fputc(byte ^ 0x40, file);
        fclose(file);
        assert_int_equal(sage_keywords_open(dir, true, &keywords, &error), SAGE_E_FORMAT);
        assert_null(keywords);
        file = fopen(path, "r+b");
        fseek(file, (long)at, SEEK_SET);
        fputc(byte, file);
        fclose(file);
    }
    assert_int_equal(sage_keywords_open(dir, true, &keywords, &error), SAGE_OK);
    sage_keywords_close(keywords);
}

static void test_damage_is_an_error(void **state) {
    (void)state;
    sage_error error = {0};
    sage_keywords *keywords = NULL;
    char path[SAGE_PATH_MAX];
    sage_keywords_close(build(shop, SHOP));
    flip_and_open("words.bin");
    sage_path_join(path, dir, "words.bin", NULL);
    FILE *file = fopen(path, "ab");
    fputc(0, file);
    fclose(file);
    assert_int_equal(sage_keywords_open(dir, true, &keywords, &error), SAGE_E_FORMAT);
    assert_int_equal(sage_fs_unlink(path, &error), SAGE_OK);
    assert_int_equal(sage_keywords_open(dir, true, &keywords, &error), SAGE_E_NOT_FOUND);
}

static void test_every_allocation_may_fail(void **state) {
    (void)state;
    sage_error error;
    sage_keyword_hit hits[10];
    bool done = false;
    sage_keywords_close(build(shop, SHOP));
    for (unsigned long from = 1; !done; from++) {
        sage_keywords *keywords = NULL;
        const sage_keywords_query query = {.text = "red 3/4 sofa", .len = 12, .k = 10};
        size_t n = 0;
        assert_true(from < 1000);
        sage_alloc_fail_from(from);
        sage_status st = sage_keywords_open(dir, true, &keywords, &error);
        if (st == SAGE_OK) st = sage_keywords_search(keywords, &query, hits, &n, NULL, &error);
        done = sage_alloc_fail_from(0) < from;
        assert_int_equal(st, done ? SAGE_OK : SAGE_E_MEMORY);
        sage_keywords_close(keywords);
    }
    for (unsigned long from = 1, built = 0; !built; from++) {
        sage_alloc_fail_from(from);
        sage_status st = try_build(shop, SHOP, &error);
        built = sage_alloc_fail_from(0) < from;
        assert_int_equal(st, built ? SAGE_OK : SAGE_E_MEMORY);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_any_word_best_first),
        cmocka_unit_test(test_stems_folds_and_drops_accents),
        cmocka_unit_test(test_word_with_marks_is_its_parts_side_by_side),
        cmocka_unit_test(test_repeated_words_count_once),
        cmocka_unit_test(test_score_is_bm25),
        cmocka_unit_test(test_ties_come_by_pid_and_k_keeps_the_first),
        cmocka_unit_test(test_a_filter_says_who_may_be_a_hit),
        cmocka_unit_test(test_wanted_products_get_their_score),
        cmocka_unit_test(test_no_text_is_an_error),
        cmocka_unit_test(test_very_long_queries),
        cmocka_unit_test(test_texts_are_joined_and_may_hold_anything),
        cmocka_unit_test(test_an_empty_catalogue_finds_nothing),
        cmocka_unit_test(test_damage_is_an_error),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
