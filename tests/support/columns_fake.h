/* Filter columns of twelve products, for tests. */
#ifndef SAGE_TESTS_COLUMNS_FAKE_H
#define SAGE_TESTS_COLUMNS_FAKE_H

#include <index/columns.h>
#include <support/scratch.h>

enum { FAKE_ROWS = 70 }; /* the twelve over and over, so that there is a second block of 64 */

typedef struct fake_product {
    const char *availability, *currency, *brand, *type, *colors[3], *sale;
    double price, stars;
} fake_product;

static const fake_product fake_products[12] = {
    {"in_stock", "EUR", "ACME", "Home > Sofas", {"Red", "blue"}, "yes", 49.99, 4.5},
    {"in_stock", "EUR", "Acme", "Home > Sofas > Corner", {"red"}, "no", 50, 3},
    {"out_of_stock", "EUR", "Black & Decker", "Tools>Saws", {NULL}, "no", 12.5, -1},
    {"preorder", "USD", "Zed", "Home", {"Green", "RED", "white"}, NULL, 9, 5},
    {"in_stock", "USD", NULL, "Homeware > Sofas", {"black"}, "yes", 100, 0},
    {"in_stock", "EUR", "O'Neill", NULL, {"white"}, "no", 0, 1},
    {NULL, NULL, "acme", "Home > Tables", {"blue"}, "yes", -1, -1},
    {"in_stock",
     "USD",
     "Stra\xC3\x9F"
     "e",
     "Tools",
     {"blue", "red"},
     NULL,
     49.99,
     4.5},
    {"out_of_stock", "EUR", "zed", "Home > Sofas", {NULL}, NULL, 1000000, 2},
    {"in_stock", "EUR", "Two  Words", "A", {"green"}, "no", 7, 2.5},
    {"preorder", NULL, "and", "B > C > D", {"grey"}, "no", -1, 3.5},
    {"in_stock", "EUR", "zed", "b>c", {"RED"}, "yes", 49.99, 4},
};

enum {
    FAKE_AVAILABILITY,
    FAKE_PRICE,
    FAKE_CURRENCY,
    FAKE_BRAND,
    FAKE_TYPE,
    FAKE_COLOR,
    FAKE_SALE,
    FAKE_STARS,
    FAKE_COLUMNS
};
static const sage_column_spec fake_specs[FAKE_COLUMNS] = {
    {"availability", SAGE_COLUMN_WORDS}, {"price", SAGE_COLUMN_PRICE},        {"currency", SAGE_COLUMN_WORDS},
    {"brand", SAGE_COLUMN_WORDS},        {"product_type", SAGE_COLUMN_WORDS}, {"color", SAGE_COLUMN_WORDS},
    {"on sale", SAGE_COLUMN_BOOL},       {"stars", SAGE_COLUMN_NUMBER},
};

static inline sage_status fake_word(sage_columns_writer *writer, size_t column, const char *word, sage_error *error) {
    return word == NULL ? SAGE_OK : sage_columns_word(writer, column, (sage_str){word, strlen(word)}, error);
}

static inline sage_status fake_row(sage_columns_writer *writer, const fake_product *p, sage_error *error) {
    sage_status st;
    const char *sale = p->sale == NULL ? NULL : p->sale[0] == 'y' ? "true" : "false";
    if (p->price >= 0) sage_columns_number(writer, FAKE_PRICE, p->price);
    if (p->stars >= 0) sage_columns_number(writer, FAKE_STARS, p->stars);
    st = fake_word(writer, FAKE_AVAILABILITY, p->availability, error);
    if (st == SAGE_OK) st = fake_word(writer, FAKE_CURRENCY, p->currency, error);
    if (st == SAGE_OK) st = fake_word(writer, FAKE_BRAND, p->brand, error);
    if (st == SAGE_OK) st = fake_word(writer, FAKE_TYPE, p->type, error);
    for (size_t i = 0; i < 3 && st == SAGE_OK; i++) st = fake_word(writer, FAKE_COLOR, p->colors[i], error);
    if (st == SAGE_OK) st = fake_word(writer, FAKE_SALE, sale, error);
    return st == SAGE_OK ? sage_columns_row(writer, error) : st;
}

/* dir/columns.bin */
static inline sage_status fake_columns(const char *dir, size_t rows, sage_error *error) {
    sage_columns_writer *writer;
    sage_status st = sage_columns_create(dir, fake_specs, FAKE_COLUMNS, &writer, error);
    if (st != SAGE_OK) return st;
    for (size_t row = 0; row < rows && st == SAGE_OK; row++) st = fake_row(writer, &fake_products[row % 12], error);
    if (st == SAGE_OK) return sage_columns_finish(writer, error);
    sage_columns_abandon(writer);
    return st;
}

#endif
