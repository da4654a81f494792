/* Numbers as answers have them: the same text that printf makes. */
#include <base/rng.h>
#include <math.h>
#include <serve/json_out.h>
#include <stdio.h>
#include <string.h>
#include <support/test.h>

static void same_as_printf(double value) {
    char expected[64];
    sage_buf text;
    sage_buf_init(&text, 64);
    sage_json_out out = {.buf = &text};
    sage_out_float(&out, value);
    assert_int_equal(out.st, SAGE_OK);
    snprintf(expected, sizeof expected, "%.7g", value);
    if (text.len != strlen(expected) || memcmp(text.data, expected, text.len) != 0)
        fail_msg("%a is written %.*s, not %s", value, (int)text.len, text.data, expected);
    sage_buf_free(&text);
}

static void floats_of_all_sizes(void **state) {
    (void)state;
    enum { EACH = 20000 };
    sage_rng rng;
    sage_rng_seed(&rng, 1, 1);
    for (double size = 1e-6; size < 1e9; size *= 10)
        for (size_t i = 0; i < EACH; i++) {
            const double value = (double)(float)(size * (sage_rng_unit(&rng) + 0.01));
            same_as_printf(value);
            same_as_printf(-value);
        }
}

/* Powers of ten and their neighbours, short decimals, and numbers in the middle of two that can be written. */
static void odd_floats(void **state) {
    (void)state;
    static const double odd[] = {0,   -0.0,       0.5,       0.25,       999.99995, 999.99994,
                                 0.1, 0.12345675, 1.2345675, 0.99999995, 1e-3,      9.9999995e-4};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        same_as_printf(odd[i]);
        same_as_printf(-odd[i]);
    }
    for (double power = 1e-9; power < 1e12; power *= 10) {
        same_as_printf(power);
        same_as_printf((double)nextafterf((float)power, 0));
        same_as_printf((double)nextafterf((float)power, INFINITY));
    }
    for (size_t i = 0; i < 2000; i++) same_as_printf((double)i / 1024);
}

static void what_is_no_number(void **state) {
    (void)state;
    sage_buf text;
    sage_buf_init(&text, 64);
    sage_json_out out = {.buf = &text};
    sage_out_open(&out, '[');
    sage_out_float(&out, NAN);
    sage_out_float(&out, -INFINITY);
    sage_out_float(&out, 0.75);
    sage_out_close(&out, ']');
    assert_int_equal(text.len, strlen("[null,null,0.75]"));
    assert_memory_equal(text.data, "[null,null,0.75]", text.len);
    sage_buf_free(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(floats_of_all_sizes), cmocka_unit_test(odd_floats),
                                       cmocka_unit_test(what_is_no_number)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
