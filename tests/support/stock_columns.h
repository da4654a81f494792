/* What products of a stock (stock.h) have in filter columns, which follows from the pid and the change that put it
 * there; and filters, beside what they mean. */
#ifndef SAGE_TESTS_STOCK_COLUMNS_H
#define SAGE_TESTS_STOCK_COLUMNS_H

#include <base/rng.h>
#include <index/live.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { STOCK_PRICE, STOCK_BRAND, STOCK_TAGS, STOCK_COLUMNS };
enum { STOCK_BRANDS = 12, STOCK_TAG_KINDS = 6 };

static const sage_column_spec stock_specs[STOCK_COLUMNS] = {
    {"price", SAGE_COLUMN_NUMBER}, {"brand", SAGE_COLUMN_WORDS}, {"tags", SAGE_COLUMN_WORDS}};

static inline uint64_t stock_random(int64_t pid, uint32_t change, uint64_t column) {
    return sage_mix64(sage_mix64((uint64_t)pid << 32 | change) + column);
}

static inline double stock_price(int64_t pid, uint32_t change) {
    const uint64_t random = stock_random(pid, change, STOCK_PRICE);
    return random % 8 == 0 ? (double)NAN : (double)(random >> 8 & 127);
}

/* From 1; 0: none. From STOCK_BRANDS on they are new: "new > N", of which more and more come. */
static inline uint32_t stock_brand(int64_t pid, uint32_t change) {
    const uint64_t random = stock_random(pid, change, STOCK_BRAND);
    return random % 4 == 0 && change > 1 ? STOCK_BRANDS + change / 16 : (uint32_t)(random >> 8) % STOCK_BRANDS;
}

/* Bit t: whether it has tag t. */
static inline uint32_t stock_tags(int64_t pid, uint32_t change) {
    const uint64_t random = stock_random(pid, change, STOCK_TAGS);
    return (uint32_t)(random & random >> 8) % (1 << STOCK_TAG_KINDS);
}

/* As words, written differently from time to time. */
typedef struct stock_words {
    char text[STOCK_TAG_KINDS][24];
    sage_str words[STOCK_TAG_KINDS];
    size_t n;
} stock_words;

static inline void stock_add_word(stock_words *w, const char *format, unsigned number) {
    snprintf(w->text[w->n], sizeof w->text[w->n], format, number);
    w->words[w->n] = (sage_str){w->text[w->n], strlen(w->text[w->n])};
    w->n++;
}

static inline void stock_brand_words(int64_t pid, uint32_t change, stock_words *w) {
    const uint32_t brand = stock_brand(pid, change);
    w->n = 0;
    if (brand >= STOCK_BRANDS)
        stock_add_word(w, "New>%u", brand);
    else if (brand > 0)
        stock_add_word(w, change % 3 == 0 ? "BRAND_%u" : "brand %u", brand);
}

static inline void stock_tag_words(int64_t pid, uint32_t change, stock_words *w) {
    const uint32_t tags = stock_tags(pid, change);
    w->n = 0;
    for (unsigned tag = 0; tag < STOCK_TAG_KINDS; tag++)
        if (tags >> tag & 1) stock_add_word(w, "tag %u", tag);
}

/* All that a change gives a product. */
typedef struct stock_values {
    stock_words brand, tags;
    sage_live_value values[STOCK_COLUMNS];
} stock_values;

static inline void stock_values_of(int64_t pid, uint32_t change, stock_values *v) {
    stock_brand_words(pid, change, &v->brand);
    stock_tag_words(pid, change, &v->tags);
    v->values[STOCK_PRICE] = (sage_live_value){.column = STOCK_PRICE, .number = stock_price(pid, change)};
    v->values[STOCK_BRAND] = (sage_live_value){.column = STOCK_BRAND, .words = v->brand.words, .n_words = v->brand.n};
    v->values[STOCK_TAGS] = (sage_live_value){.column = STOCK_TAGS, .words = v->tags.words, .n_words = v->tags.n};
}

static inline bool stock_add_row(sage_columns_writer *writer, int64_t pid, uint32_t change) {
    stock_values v;
    stock_values_of(pid, change, &v);
    sage_columns_number(writer, STOCK_PRICE, v.values[STOCK_PRICE].number);
    for (size_t column = STOCK_BRAND; column <= STOCK_TAGS; column++)
        for (size_t i = 0; i < v.values[column].n_words; i++)
            if (sage_columns_word(writer, column, v.values[column].words[i], NULL) != SAGE_OK) return false;
    return sage_columns_row(writer, NULL) == SAGE_OK;
}

/* ---- filters ---- */

enum { STOCK_FILTERS = 8 };
static const char *const stock_filters[STOCK_FILTERS] = {
    "price < 50",   "brand = 'brand 3' or brand = 'Brand_5'", "brand under new",  "tags in ('tag 1', 'tag 4')",
    "not has tags", "price >= 20 and not tags = 'tag 2'",     "price is missing", "brand in ('new > 15', nobody)",
};

/* Whether filter number `filter` accepts a product whose columns were put there by the changes `by`. */
static inline bool stock_accepts(size_t filter, int64_t pid, const uint32_t by[STOCK_COLUMNS]) {
    const double price = stock_price(pid, by[STOCK_PRICE]);
    const uint32_t brand = stock_brand(pid, by[STOCK_BRAND]), tags = stock_tags(pid, by[STOCK_TAGS]);
    switch (filter) {
    case 0: return price < 50;
    case 1: return brand == 3 || brand == 5;
    case 2: return brand >= STOCK_BRANDS;
    case 3: return (tags & (1 << 1 | 1 << 4)) != 0;
    case 4: return tags == 0;
    case 5: return price >= 20 && (tags & 1 << 2) == 0;
    case 6: return isnan(price);
    default: return brand == 15;
    }
}

#endif
