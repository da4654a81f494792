/* The byte scanners against the obvious loops, and the fast UTF-8 check against the text room's. */
#include <base/rng.h>
#include <catalog/feed_core.h>
#include <catalog/feed_scan.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <text/normalise.h>
/* cmocka wants the standard headers before it */
#include <cmocka.h>

enum { LONGEST = 200, ROUNDS = 40000 };

static const unsigned char telling[] = {0x00, 0x1F, 0x20, '"',  '\\', ',',  '\n', '\t', 'a',  0x7F, 0x80, 0x8F,
                                        0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED,
                                        0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF, 0x5C, 0x21, 0x23, 0xA2};

static void random_text(sage_rng *rng, char *text, size_t len) {
    uint64_t rare = sage_rng_below(rng, 20) + 1; /* from all telling bytes to long runs of plain ones */
    for (size_t i = 0; i < len; i++) {
        bool plain = sage_rng_below(rng, rare) != 0;
        text[i] = plain ? 'x' : (char)telling[sage_rng_below(rng, sizeof telling)];
    }
}

static void test_searches(void **state) {
    (void)state;
    sage_rng rng;
    char text[LONGEST + SAGE_SCAN_SLACK] = {0};
    sage_rng_seed(&rng, 1, 0);
    for (int round = 0; round < ROUNDS; round++) {
        size_t len = sage_rng_below(&rng, LONGEST + 1);
        random_text(&rng, text, LONGEST + SAGE_SCAN_SLACK); /* what stands behind the end must not matter */
        size_t either = 0, json = 0, lines = 0;
        while (either < len && text[either] != ',' && text[either] != '\n') either++;
        while (json < len && text[json] != '"' && text[json] != '\\' && (unsigned char)text[json] >= 0x20) json++;
        for (size_t i = 0; i < len; i++) lines += text[i] == '\n';
        assert_ptr_equal(sage_scan_either(text, text + len, ',', '\n'), text + either);
        assert_ptr_equal(sage_scan_json(text, text + len), text + json);
        assert_int_equal(sage_scan_lines(text, len), lines);
    }
}

static void test_utf8_agrees_with_the_text_room(void **state) {
    (void)state;
    sage_rng rng;
    char text[LONGEST];
    sage_rng_seed(&rng, 2, 0);
    for (int round = 0; round < ROUNDS; round++) {
        size_t len = sage_rng_below(&rng, LONGEST + 1), bad = 0;
        random_text(&rng, text, len);
        for (size_t i = 0; i + 4 < len && round % 2 == 0; i += 4 + sage_rng_below(&rng, 9)) {
            static const char *const good[] = {"\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xED\x9F\xBF",
                                               "\xEE\x80\x80"};
            const char *sequence = good[sage_rng_below(&rng, 5)];
            for (size_t j = 0; sequence[j] != '\0'; j++) text[i + j] = sequence[j];
        }
        int valid = sage_utf8_valid(text, len, &bad);
        assert_int_equal(sage_scan_utf8(text, len), valid ? len : bad);
    }
}

static void test_encodings(void **state) {
    (void)state;
    static const struct {
        const char *text, *encoding;
    } cases[] = {
        {"caf\xE9", "latin-1"},
        {"gr\xFC\xDF"
         "e",
         "latin-1"},
        {"\x93quoted\x94 \x80 5", "latin-1"},
        {"caf\xC3\xA9 caf\xE9", "invalid-utf8"},
        {"cut \xE2\x82", "invalid-utf8"},
        {"\xC0\x80", "invalid-utf8"},
        {"\xED\xA0\x80", "invalid-utf8"},
        {"\x81", "invalid-utf8"},
        {"\xF4\x90\x80\x80", "invalid-utf8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(sage_scan_encoding(cases[i].text, strlen(cases[i].text)), cases[i].encoding);
    }
}

static void test_names(void **state) {
    (void)state;
    static const struct {
        const char *text, *name;
    } cases[] = {
        {"id", "id"},
        {" Image Link ", "image_link"},
        {"G:Sale  -- Price", "sale_price"},
        {"g: id", "id"},
        {"g:", "g:"},
        {"", ""},
        {" \t", ""},
        {"a_b", "a_b"},
        {"-x-", "_x_"},
        {"\xC3\x89t\xC3\xA9", "\xC3\x89t\xC3\xA9"}, /* letters beyond ASCII stay */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char name[64];
        size_t n = sage_feed_name(cases[i].text, strlen(cases[i].text), name);
        assert_int_equal(n, strlen(cases[i].name));
        assert_memory_equal(name, cases[i].name, n);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_searches),
        cmocka_unit_test(test_utf8_agrees_with_the_text_room),
        cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
