/* Normalisation: known forms, idempotence over every code point and over random text, linear time on runs of marks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <base/alloc.h>
#include <base/rng.h>
#include <cmocka.h>
#include <stdbool.h>
#include <text/normalise.h>
#include <utf8proc.h>

static void expect(const char *text, const char *wanted) {
    sage_buf out;
    sage_buf_init(&out, 1 << 20);
    assert_int_equal(sage_normalise(text, strlen(text), &out, NULL), SAGE_OK);
    assert_string_equal(out.data == NULL ? "" : out.data, wanted);
    sage_buf_free(&out);
}

static void known_forms(void **state) {
    (void)state;
    expect("", "");
    expect("  \t\n ", "");
    expect("  Oak\tTable \r\n 4 ", "oak table 4");
    expect("Stra\xC3\x9F"
           "e",
           "strasse");
    expect("CAFE\xCC\x81", "caf\xC3\xA9");                                              /* combining acute composes */
    expect("e\xCC\xA7\xCC\x81 e\xCC\x81\xCC\xA7", "\xC8\xA9\xCC\x81 \xC8\xA9\xCC\x81"); /* marks come into one order */
    expect("\xEF\xBC\xA1\xEF\xBC\x91", "a1");                                           /* full width */
    expect("a\xC2\xA0\xE3\x80\x80"
           "b",
           "a b"); /* no-break and ideographic space */
    expect("soft\xC2\xADhyphen zero\xE2\x80\x8Bwidth", "softhyphen zerowidth");
    expect("10\xC2\xB2 \xE2\x84\xA2", "102 tm");
    expect("\xC4\xB0", "i\xCC\x87"); /* dotted capital I folds to two code points */
    expect("\xED\x95\x9C \xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB", "\xED\x95\x9C \xED\x95\x9C"); /* Hangul */
    expect("x\x01y\x7Fz", "x y z");
}

static void bad_utf8_is_told_with_its_place(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t len, bad;
    } cases[] = {
        {"abc\xE9 d", 6, 3},        {"\xC0\xAF", 2, 0},         {"a\xED\xA0\x80", 4, 1},
        {"\xF4\x90\x80\x80", 4, 0}, {"\xE2\x82", 2, 0},         {"12345678\xFF", 9, 8},
        {"\xE0\x80\xAF", 3, 0},     {"\xF0\x82\x82\xAC", 4, 0}, {"ok\x80", 3, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t bad = 99;
        assert_false(sage_utf8_valid(cases[i].text, cases[i].len, &bad));
        assert_int_equal(bad, cases[i].bad);
        sage_buf out;
        sage_buf_init(&out, 100);
        sage_error error;
        assert_int_equal(sage_normalise(cases[i].text, cases[i].len, &out, &error), SAGE_E_FORMAT);
        assert_int_equal(error.column, cases[i].bad + 1);
        sage_buf_free(&out);
    }
    assert_true(sage_utf8_valid("\xF4\x8F\xBF\xBF\xED\x9F\xBF\xEF\xBF\xBF", 10, NULL));
}

static void normalise_twice(const char *text, size_t len) {
    sage_buf once, twice;
    sage_buf_init(&once, 1 << 24);
    sage_buf_init(&twice, 1 << 24);
    assert_int_equal(sage_normalise(text, len, &once, NULL), SAGE_OK);
    assert_true(sage_utf8_valid(once.data, once.len, NULL));
    assert_int_equal(sage_normalise(once.data, once.len, &twice, NULL), SAGE_OK);
    assert_int_equal(once.len, twice.len);
    if (once.len > 0) assert_memory_equal(once.data, twice.data, once.len);
    sage_buf_free(&once);
    sage_buf_free(&twice);
}

static size_t put(char *out, uint32_t point) {
    return (size_t)utf8proc_encode_char((utf8proc_int32_t)point, (utf8proc_uint8_t *)out);
}

static void idempotent_over_every_code_point(void **state) {
    (void)state;
    for (uint32_t point = 0; point < 0x110000; point++) {
        if (point >= 0xD800 && point < 0xE000) continue;
        if (point >= 0x20000 && point % 97 != 0) continue; /* ideographs and planes without names */
        char text[16];
        size_t len = put(text, point);
        normalise_twice(text, len);
        len += put(text + len, 0x301);
        normalise_twice(text, len);
    }
}

/* Code points from where compositions, foldings and orderings happen. */
static uint32_t random_point(sage_rng *rng) {
    static const uint32_t ranges[][2] = {{0x20, 0x7F},     {0x300, 0x370},   {0xA0, 0x250},    {0x370, 0x400},
                                         {0x5B0, 0x5C8},   {0x1100, 0x1200}, {0xAC00, 0xAE00}, {0x1E00, 0x2070},
                                         {0xFB00, 0xFB50}, {0x0, 0x20},      {0xFF00, 0xFFF0}, {0x1D160, 0x1D170},
                                         {0x9C0, 0x9E0},   {0x2100, 0x2190}, {0x0, 0xD800}};
    const uint32_t *range = ranges[sage_rng_below(rng, sizeof ranges / sizeof *ranges)];
    return range[0] + (uint32_t)sage_rng_below(rng, range[1] - range[0]);
}

static void idempotent_over_random_text(void **state) {
    (void)state;
    sage_rng rng;
    sage_rng_seed(&rng, 7, 0);
    for (int round = 0; round < 20000; round++) {
        char text[4 * 40];
        size_t len = 0, points = sage_rng_below(&rng, 40);
        for (size_t i = 0; i < points; i++) len += put(text + len, random_point(&rng));
        normalise_twice(text, len);
    }
}

/* Cutting at ASCII must not change the result: the library's own one-call form over the whole is the outside truth. */
static void equals_the_whole_text_form(void **state) {
    (void)state;
    sage_rng rng;
    sage_rng_seed(&rng, 8, 0);
    for (int round = 0; round < 5000; round++) {
        char text[4 * 40];
        size_t len = 0, points = 1 + sage_rng_below(&rng, 39);
        for (size_t i = 0; i < points; i++) {
            uint32_t point = random_point(&rng);
            utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)point);
            bool space = category >= UTF8PROC_CATEGORY_ZS && category <= UTF8PROC_CATEGORY_CC;
            len += put(text + len, space || point == 0x7F ? 'x' : point); /* blanks are not the library's affair */
        }
        utf8proc_uint8_t *whole = NULL;
        utf8proc_ssize_t n =
            utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)len, &whole,
                         UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE);
        assert_true(n >= 0);
        if (memchr(whole, ' ', (size_t)n) == NULL) { /* U+00A8 and its like decompose to a blank and a mark */
            sage_buf out;
            sage_buf_init(&out, 1 << 16);
            assert_int_equal(sage_normalise(text, len, &out, NULL), SAGE_OK);
            assert_int_equal(out.len, n);
            if (n > 0) assert_memory_equal(out.data, whole, (size_t)n);
            sage_buf_free(&out);
        }
        free(whole);
    }
}

/* Half a million marks in falling order: a quadratic sort would run for minutes. */
static void long_runs_of_marks(void **state) {
    (void)state;
    enum { MARKS = 500000 };
    char *text = malloc(2 * MARKS + 1);
    assert_non_null(text);
    size_t len = 0;
    text[len++] = 'a';
    for (size_t i = 0; i < MARKS; i++) len += put(text + len, i < MARKS / 2 ? 0x301 : 0x323);
    normalise_twice(text, len);
    free(text);
}

static void limits_and_memory(void **state) {
    (void)state;
    sage_buf out;
    sage_buf_init(&out, 3);
    assert_int_equal(sage_normalise("abcd", 4, &out, NULL), SAGE_E_LIMIT);
    sage_buf_free(&out);
    char text[6000];
    for (size_t i = 0; i < sizeof text; i += 2) put(text + i, 0x301);
    unsigned long n = 1;
    for (sage_status st = SAGE_E_MEMORY; st != SAGE_OK; n++) {
        sage_buf_init(&out, 1 << 20);
        sage_alloc_fail_from(n);
        st = sage_normalise(text, sizeof text, &out, NULL);
        sage_alloc_fail_from(0);
        sage_buf_free(&out);
        assert_true(st == SAGE_OK || st == SAGE_E_MEMORY);
        assert_true(n < 100);
    }
    assert_true(n > 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_forms),
        cmocka_unit_test(bad_utf8_is_told_with_its_place),
        cmocka_unit_test(idempotent_over_every_code_point),
        cmocka_unit_test(idempotent_over_random_text),
        cmocka_unit_test(equals_the_whole_text_form),
        cmocka_unit_test(long_runs_of_marks),
        cmocka_unit_test(limits_and_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
