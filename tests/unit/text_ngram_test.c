/* Words, bigrams and trigrams against lists written by hand, and the limits of a word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <base/alloc.h>
#include <base/error.h>
#include <cmocka.h>
#include <text/fields.h>
#include <text/ngram.h>

static void expect_words(const char *text, const char *wanted) {
    sage_str *words = NULL;
    size_t capacity = 0, n = 0;
    char joined[1024] = "";
    assert_int_equal(sage_words(text, strlen(text), &words, &capacity, &n, NULL), SAGE_OK);
    for (size_t i = 0; i < n; i++) {
        strcat(joined, i > 0 ? "|" : "");
        strncat(joined, words[i].data, words[i].len);
    }
    assert_string_equal(joined, wanted);
    sage_free(words);
}

static void words_are_runs_of_letters_marks_and_digits(void **state) {
    (void)state;
    expect_words("", "");
    expect_words(" - !", "");
    expect_words("oak table", "oak|table");
    expect_words("1/2 in. x 4ft_long", "1|2|in|x|4ft|long");
    expect_words("caf\xC3\xA9\xE2\x80\x94"
                 "bar",
                 "caf\xC3\xA9|bar");
    expect_words("e\xCC\xA7\xCC\x81-x", "e\xCC\xA7\xCC\x81|x");
    expect_words("\xE6\x9C\xA8\xE3\x80\x82\xE6\x9C\xBA", "\xE6\x9C\xA8|\xE6\x9C\xBA");
}

static void long_words_are_cut_at_64_code_points(void **state) {
    (void)state;
    char text[2 * 130 + 1];
    for (size_t i = 0; i < 130; i++) memcpy(text + 2 * i, "\xC3\xA9", 2);
    sage_str *words = NULL;
    size_t capacity = 0, n = 0;
    assert_int_equal(sage_words(text, 260, &words, &capacity, &n, NULL), SAGE_OK);
    assert_int_equal(n, 3);
    assert_int_equal(words[0].len, 128);
    assert_int_equal(words[1].len, 128);
    assert_int_equal(words[2].len, 4);
    sage_free(words);
}

static void appends_to_what_is_there(void **state) {
    (void)state;
    sage_str *words = NULL;
    size_t capacity = 0, n = 0;
    assert_int_equal(sage_words("a b", 3, &words, &capacity, &n, NULL), SAGE_OK);
    assert_int_equal(sage_words("c", 1, &words, &capacity, &n, NULL), SAGE_OK);
    assert_int_equal(n, 3);
    assert_memory_equal(words[2].data, "c", 1);
    sage_free(words);
}

static sage_status note(void *ctx, sage_ngram_kind kind, const char *bytes, size_t len, sage_error *error) {
    (void)error;
    char *out = ctx, *end = out + strlen(out);
    sprintf(end, "%c:%.*s;", "wbt"[kind], (int)len, bytes);
    return SAGE_OK;
}

static void expect_ngrams(const char *text, const char *wanted) {
    sage_str *words = NULL;
    size_t capacity = 0, n = 0;
    char out[4096] = "";
    assert_int_equal(sage_words(text, strlen(text), &words, &capacity, &n, NULL), SAGE_OK);
    assert_int_equal(sage_ngrams_of_words(words, n, note, out, NULL), SAGE_OK);
    assert_string_equal(out, wanted);
    sage_free(words);
}

static void all_ngrams_in_order(void **state) {
    (void)state;
    expect_ngrams("", "");
    expect_ngrams("a", "w:a;t:#a#;");
    expect_ngrams("oak tab", "w:oak;w:tab;b:oak tab;t:#oa;t:oak;t:ak#;t:#ta;t:tab;t:ab#;");
    expect_ngrams("ab ab ab", "w:ab;w:ab;w:ab;b:ab ab;b:ab ab;t:#ab;t:ab#;t:#ab;t:ab#;t:#ab;t:ab#;");
    expect_ngrams("\xC3\xA9\xE6\x9C\xA8", "w:\xC3\xA9\xE6\x9C\xA8;t:#\xC3\xA9\xE6\x9C\xA8;t:\xC3\xA9\xE6\x9C\xA8#;");
}

static sage_status refuse(void *ctx, sage_ngram_kind kind, const char *bytes, size_t len, sage_error *error) {
    (void)bytes;
    (void)len;
    return kind == *(sage_ngram_kind *)ctx ? sage_fail(error, SAGE_E_LIMIT, "enough") : SAGE_OK;
}

static void a_callbacks_refusal_ends_the_walk(void **state) {
    (void)state;
    sage_str words[] = {SAGE_STR("oak"), SAGE_STR("table")};
    for (sage_ngram_kind kind = SAGE_WORD; kind < SAGE_NGRAM_KINDS; kind++) {
        assert_int_equal(sage_ngrams_of_words(words, 2, refuse, &kind, NULL), SAGE_E_LIMIT);
    }
    char out[16] = "", longest[300] = "x";
    sage_str empty[] = {{"", 0}}, too_long[] = {{longest, sizeof longest}};
    assert_int_equal(sage_ngrams_of_words(empty, 1, note, out, NULL), SAGE_E_ARGUMENT);
    assert_int_equal(sage_ngrams_of_words(too_long, 1, note, out, NULL), SAGE_E_ARGUMENT);
}

static void memory_failure_is_told(void **state) {
    (void)state;
    sage_str *words = NULL;
    size_t capacity = 0, n = 0;
    sage_alloc_fail_from(1);
    assert_int_equal(sage_words("a", 1, &words, &capacity, &n, NULL), SAGE_E_MEMORY);
    sage_alloc_fail_from(0);
    assert_null(words);
}

static void every_field_has_a_name(void **state) {
    (void)state;
    for (size_t f = 0; f < SAGE_FIELDS; f++) assert_non_null(sage_field_names[f]);
    assert_string_equal(sage_field_names[SAGE_CATEGORY], "google_product_category");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_runs_of_letters_marks_and_digits),
        cmocka_unit_test(long_words_are_cut_at_64_code_points),
        cmocka_unit_test(appends_to_what_is_there),
        cmocka_unit_test(all_ngrams_in_order),
        cmocka_unit_test(a_callbacks_refusal_ends_the_walk),
        cmocka_unit_test(memory_failure_is_told),
        cmocka_unit_test(every_field_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
