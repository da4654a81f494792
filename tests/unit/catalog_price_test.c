#include "catalog_help.h"
#include <catalog/price.h>

typedef struct good {
    const char *text;
    int64_t minor;
    const char *currency;
} good;
typedef struct bad {
    const char *text, *reason;
} bad;

static void reads_prices(void **state) {
    (void)state;
    static const good cases[] = {
        {"12.99 EUR", 1299, "EUR"},
        {"EUR 12.99", 1299, "EUR"},
        {"12,99 EUR", 1299, "EUR"},
        {"12.99EUR", 1299, "EUR"},
        {"eur12.5", 1250, "EUR"},
        {" 12 usd ", 1200, "USD"},
        {"1,299.00 USD", 129900, "USD"},
        {"1.299,00 EUR", 129900, "EUR"},
        {"1,299,000 USD", 129900000, "USD"},
        {"1 299,00 EUR", 129900, "EUR"},
        {"1\xC2\xA0"
         "299,00 EUR",
         129900, "EUR"},
        {"1\xE2\x80\xAF"
         "299\xC2\xA0"
         "EUR",
         129900, "EUR"},
        {"1'299.00 CHF", 129900, "CHF"},
        {"0 EUR", 0, "EUR"},
        {"0.0 GBP", 0, "GBP"},
        {"1500 JPY", 1500, "JPY"},
        {"1500.00 JPY", 1500, "JPY"},
        {"1.299 KWD", 1299, "KWD"},
        {"1.5 KWD", 1500, "KWD"},
        {"12.9900 EUR", 1299, "EUR"},
        {"007.50 EUR", 750, "EUR"},
        {"9999999999999.99 EUR", 999999999999999, "EUR"},
        {"1234567 EUR", 123456700, "EUR"},
        {"1.299.000 IDR", 129900000, "IDR"},
        {"0,500 EUR", 50, "EUR"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t minor = -7;
        char currency[4] = "";
        sage_flaw flaw = {0};
        bool read =
            sage_price_parse((sage_str){cases[i].text, strlen(cases[i].text)}, "price", &minor, currency, &flaw);
        if (!read || minor != cases[i].minor)
            print_error("%s: %lld %s\n", cases[i].text, (long long)minor, flaw.detail);
        assert_true(read);
        assert_int_equal(minor, cases[i].minor);
        assert_string_equal(currency, cases[i].currency);
    }
}

static void refuses_what_is_no_price(void **state) {
    (void)state;
    static const bad cases[] = {
        {"12.99", "price-without-currency"},
        {"$12.99", "price-without-currency"},
        {"12.99 \xE2\x82\xAC", "price-without-currency"},
        {"", "price-without-currency"},
        {"free", "bad-price"},
        {"12.99 ABC", "unknown-currency"},
        {"EUR", "bad-price"},
        {"12.99 EURO", "bad-price"},
        {"-1 EUR", "bad-price"},
        {"1.299 EUR", "ambiguous-price"},
        {"1,299 USD", "ambiguous-price"},
        {"1,299 KWD", "ambiguous-price"},
        {"12.50 JPY", "bad-price"},
        {"12.999 JPY", "ambiguous-price"},
        {"1234.567 EUR", "bad-price"},
        {"1,29,000 USD", "bad-price"},
        {"1.2.3 EUR", "bad-price"},
        {".99 EUR", "bad-price"},
        {"12. EUR", "bad-price"},
        {"1,299.00.00 EUR", "bad-price"},
        {"12.99 EUR / 100 g", "price-without-currency"},
        {"1,2345.00 USD", "bad-price"},
        {"99999999999999.99 EUR", "bad-price"},
        {"12 .99 EUR", "bad-price"},
        {"1e3 EUR", "bad-price"},
        {"0.999 EUR", "bad-price"},
        {"EUR 12.99 EUR", "bad-price"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t minor = -7;
        char currency[4] = "";
        sage_flaw flaw = {0};
        bool read =
            sage_price_parse((sage_str){cases[i].text, strlen(cases[i].text)}, "price", &minor, currency, &flaw);
        if (read || strcmp(flaw.reason, cases[i].reason) != 0)
            print_error("\"%s\" -> %s\n", cases[i].text, read ? "read" : flaw.reason);
        assert_false(read);
        assert_string_equal(flaw.reason, cases[i].reason);
        assert_true(flaw.detail[0] != '\0');
    }
}

static void writes_prices(void **state) {
    (void)state;
    char out[48];
    sage_price_text(1299, "EUR", out);
    assert_string_equal(out, "12.99 EUR");
    sage_price_text(5, "USD", out);
    assert_string_equal(out, "0.05 USD");
    sage_price_text(1500, "JPY", out);
    assert_string_equal(out, "1500 JPY");
    sage_price_text(1001, "KWD", out);
    assert_string_equal(out, "1.001 KWD");
    sage_price_text(-1, "EUR", out);
    assert_string_equal(out, "");
}

/* What is written is read back as the same amount. */
static void comes_round(void **state) {
    (void)state;
    static const char *const currencies[] = {"EUR", "JPY", "KWD"};
    for (size_t c = 0; c < 3; c++) {
        for (int64_t minor = 0; minor < 2000000; minor = minor * 3 + 1) {
            char out[48], currency[4];
            int64_t back = -1;
            sage_flaw flaw = {0};
            sage_price_text(minor, currencies[c], out);
            assert_true(sage_price_parse((sage_str){out, strlen(out)}, "price", &back, currency, &flaw));
            assert_int_equal(back, minor);
        }
    }
}

static void shows_values_in_whole_characters(void **state) {
    (void)state;
    char text[201];
    for (size_t i = 0; i < 200; i += 2) memcpy(text + i, "\xC3\xA4", 2);
    sage_shown shown = sage_show((sage_str){text + 1, 199});
    assert_true(strlen(shown.text) <= 63);
    assert_string_equal(shown.text + strlen(shown.text) - 3, "...");
    assert_string_equal(sage_show(SAGE_STR("a\tb\nc")).text, "a b c");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_prices),
        cmocka_unit_test(refuses_what_is_no_price),
        cmocka_unit_test(writes_prices),
        cmocka_unit_test(comes_round),
        cmocka_unit_test(shows_values_in_whole_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
