/* Filter expressions: what they accept, by bits and row by row, and what is said of wrong ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <base/error.h>
#include <index/bits.h>
#include <index/where.h>
#include <support/columns_fake.h>

static char dir[SAGE_PATH_MAX];
static sage_columns *columns;

/* `accepted`: of the twelve, as hexadecimal digits in order. */
static void accepts(const char *text, const char *accepted) {
    sage_error error = {0};
    sage_where *where;
    uint64_t bits[2];
    size_t n = 0, passing = 0;
    if (sage_where_parse(columns, text, strlen(text), &where, &error) != SAGE_OK)
        fail_msg("%s: byte %zu: %s", text, error.column, error.text);
    size_t matches = sage_where_bits(where, bits);
    for (uint32_t row = 0; row < FAKE_ROWS; row++) {
        const char digit = "0123456789ab"[row % 12];
        const bool expected = strchr(accepted, digit) != NULL;
        if (sage_where_accepts(where, row) != expected) fail_msg("%s: row %u", text, (unsigned)row);
        if (sage_bit(bits, row) != expected) fail_msg("%s: bit %u", text, (unsigned)row);
        n += expected;
    }
    for (uint32_t row = 0; row < 128; row++) passing += sage_bit(bits, row);
    assert_int_equal(matches, n);
    assert_int_equal(passing, n);
    sage_where_free(where);
}

static void test_comparisons(void **state) {
    (void)state;
    accepts("availability = in_stock", "014579b");
    accepts("Availability = 'IN_STOCK'", "014579b");
    accepts("availability != in_stock", "2368a"); /* a product without one too */
    accepts("brand = acme", "016");
    accepts("brand = \"black & decker\"", "2");
    accepts("brand = 'o''neill'", "5");
    accepts("brand = \"O'Neill\"", "5");
    accepts("brand = strasse", "7");
    accepts("brand = 'two words'", "9");
    accepts("brand = 'and'", "a");
    accepts("brand = nobody", "");
    accepts("brand != nobody", "0123456789ab");
    accepts("color = red", "0137b"); /* one of several */
    accepts("color != red", "245689a");
    accepts("stars >= 4.5", "037");
    accepts("stars > 4.5", "3");
    accepts("stars < 2", "45");
    accepts("stars <= 2", "458");
    accepts("stars = 45e-1", "07");
    accepts("stars != 4.5", "12345689ab");
    accepts("stars=0", "4");
    accepts("stars < -1", "");
}

static void test_lists_and_paths(void **state) {
    (void)state;
    accepts("brand in (zed, ACME)", "01368b");
    accepts("brand in (zed)", "38b");
    accepts("brand in (nobody, nothing)", "");
    accepts("brand not in (zed, acme)", "24579a");
    accepts("color in (white, black, blue)", "034567");
    accepts("stars in (5, 3, 2)", "138");
    accepts("stars not in (5, 3, 2)", "0245679ab");
    accepts("product_type under 'Home'", "01368");
    accepts("product_type under 'home>sofas'", "018");
    accepts("product_type under 'Home  >  Sofas > Corner'", "1");
    accepts("product_type under 'b > c'", "ab");
    accepts("product_type under hom", "");
    accepts("not product_type under home", "24579ab");
}

static void test_missing_and_bools(void **state) {
    (void)state;
    accepts("has brand", "012356789ab");
    accepts("not has brand", "4");
    accepts("brand is missing", "4");
    accepts("brand is not missing", "012356789ab");
    accepts("price is missing", "6a");
    accepts("has price", "012345789b");
    accepts("'on sale'", "046b");
    accepts("not \"on sale\"", "1235789a");
    accepts("'on sale' = no", "1259a");
    accepts("'on sale' = TRUE", "046b");
    accepts("'on sale' != 1", "1235789a");
    accepts("'on sale' is missing", "378");
    accepts("On_Sale = no and on-sale = no", "1259a"); /* named as in the feed, or as in the catalogue */
    accepts("'on sale' in (true, false)", "0124569ab");
}

static void test_prices(void **state) {
    (void)state;
    accepts("price < 50 EUR", "0259b");
    accepts("price < 50 usd", "37");
    accepts("price = 49.99 EUR", "0b");
    accepts("price != 49.99 EUR", "123456789a");
    accepts("price in (9 USD, 50 EUR)", "13");
    accepts("price >= 50 EUR or price >= 50 USD", "148");
    accepts("price>=0 EUR and price<=10 EUR", "59");
}

static void test_joined(void **state) {
    (void)state;
    accepts("availability = in_stock and price < 50 EUR and brand in (acme, zed)", "0b");
    accepts("brand = acme or brand = zed and stars > 3", "0136b"); /* "and" binds closer */
    accepts("(brand = acme or brand = zed) and stars > 3", "03b");
    accepts("not brand = acme and not brand = zed", "24579a");
    accepts("not (brand = acme or brand = zed)", "24579a");
    accepts("NOT NOT 'on sale' AND has price", "04b");
    accepts("((((stars=5))))", "3");
    accepts(" \t\nstars\n=\t5 ", "3");
}

/* Right-hand sides of all kinds nested as deep as is allowed. */
static void test_depth(void **state) {
    (void)state;
    char text[4096] = "";
    for (size_t i = 0; i < SAGE_WHERE_DEPTH; i++) strcat(text, "stars = 5 or stars = 3 and (");
    strcat(text, "price in (1 EUR, 2 EUR, 9 USD) or 'on sale'");
    for (size_t i = 0; i < SAGE_WHERE_DEPTH; i++) strcat(text, ")");
    accepts(text, "3");
}

static void refuses(const char *text, size_t column, const char *message) {
    sage_error error = {0};
    sage_where *where;
    assert_int_equal(sage_where_parse(columns, text, strlen(text), &where, &error), SAGE_E_ARGUMENT);
    assert_null(where);
    if (error.column != column || strstr(error.text, message) == NULL)
        fail_msg("%s: byte %zu: %s", text, error.column, error.text);
}

static void test_what_is_refused(void **state) {
    (void)state;
    refuses("", 1, "it ends where a column's name should stand");
    refuses("brand", 6, "brand is not true or false: compare it, or say 'has brand'");
    refuses("brand =", 8, "it ends where a value should stand");
    refuses("brnad = acme", 1, "there is no column \"brnad\"; did you mean brand?");
    refuses("xyzzyx = 1", 1, "'itemsage status --columns' lists them");
    refuses("brand = acme and", 17, "it ends where a column's name should stand");
    refuses("brand = black decker", 15, "values of several words are quoted");
    refuses("brand < acme", 7, "brand has words");
    refuses("stars = many", 9, "stars is a column of numbers, and \"many\" is none");
    refuses("stars = nan", 9, "is none");
    refuses("stars = 0x10", 9, "is none");
    refuses("stars under 5", 7, "a comparison of numbers");
    refuses("stars ! 5", 7, "a comparison");
    refuses("brand in acme", 10, "a list of values");
    refuses("brand in (acme", 15, "\",\" or \")\"");
    refuses("brand in ()", 11, "a value");
    refuses("brand not acme", 11, "\"in\"");
    refuses("(brand = acme", 14, "\")\"");
    refuses("brand = acme)", 13, "the end");
    refuses("brand = 'acme", 9, "is not closed");
    refuses("brand = 'ac''me", 9, "is not closed");
    refuses("price < 50", 11, "prices are in 2 currencies");
    refuses("price < 50 or on_sale", 12, "prices are in 2 currencies");
    refuses("price < 50 EURO", 12, "\"EURO\" is no currency");
    refuses("price < 1,000 EUR", 10, "a number has no comma");
    refuses("stars in (1, 2) and stars < 1.000,50", 34, "a number has no comma");
    refuses("price < 50 GBP", 12, "no price is in \"GBP\"");
    refuses("'on sale' = maybe", 13, "on sale is true or false");
    refuses("brand = '\xFF'", 0, "not UTF-8");
    char deep[200] = "", *many = calloc(1, SAGE_WHERE_BYTES + 20);
    for (size_t i = 0; i <= SAGE_WHERE_DEPTH; i++) strcat(deep, "(");
    refuses(deep, SAGE_WHERE_DEPTH + 1, "32 deep");
    memset(many, ' ', SAGE_WHERE_BYTES + 1);
    refuses(many, 0, "16384 are allowed");
    strcpy(many, "stars=1");
    for (size_t i = 1; i < SAGE_WHERE_TESTS; i++) strcat(many, " or stars=1");
    accepts(many, "5");
    strcat(many, " or stars=1");
    refuses(many, strlen(many), "more than 1000 tests");
    strcpy(many, "brand in (zed"); /* words of a list are one test */
    while (strlen(many) + 6 < SAGE_WHERE_BYTES) strcat(many, ",acme");
    strcat(many, ")");
    accepts(many, "01368b");
    free(many);
}

static void test_one_currency_needs_no_name(void **state) {
    (void)state;
    sage_error error = {0};
    sage_columns *only;
    sage_where *where;
    char one[SAGE_PATH_MAX];
    scratch_make(one);
    assert_int_equal(fake_columns(one, 3, &error), SAGE_OK); /* all in EUR */
    assert_int_equal(sage_columns_open(scratch_path(one, SAGE_COLUMNS_FILE), 3, true, &only, &error), SAGE_OK);
    assert_int_equal(sage_where_parse(only, "price < 50", 10, &where, &error), SAGE_OK);
    assert_true(sage_where_accepts(where, 0) && !sage_where_accepts(where, 1) && sage_where_accepts(where, 2));
    sage_where_free(where);
    sage_columns_close(only);
    scratch_remove(one);
}

static void test_allocations_may_fail(void **state) {
    (void)state;
    static const char text[] = "brand in (acme, zed) and (product_type under home or not price < 5 EUR)";
    bool done = false;
    for (unsigned long from = 1; !done; from++) {
        sage_where *where = NULL;
        sage_alloc_fail_from(from);
        sage_status st = sage_where_parse(columns, text, strlen(text), &where, NULL);
        done = sage_alloc_fail_from(0) < from;
        assert_int_equal(st, done ? SAGE_OK : SAGE_E_MEMORY);
        sage_where_free(where);
    }
}

int main(void) {
    sage_error error = {0};
    scratch_make(dir);
    scratch_must(fake_columns(dir, FAKE_ROWS, &error) == SAGE_OK, "columns");
    scratch_must(sage_columns_open(scratch_path(dir, SAGE_COLUMNS_FILE), FAKE_ROWS, true, &columns, &error) == SAGE_OK,
                 "columns");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comparisons),
        cmocka_unit_test(test_lists_and_paths),
        cmocka_unit_test(test_missing_and_bools),
        cmocka_unit_test(test_prices),
        cmocka_unit_test(test_joined),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_one_currency_needs_no_name),
        cmocka_unit_test(test_allocations_may_fail),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sage_columns_close(columns);
    scratch_remove(dir);
    return failed;
}
