/* The filter columns of an index (index/columns.h) from the catalogue's products:
 *   availability, brand, google_product_category, product_type, color, material, pattern, size, size_type,
 *   item_group_id, domain, currency     words; of color and material also the parts between "/" and ","
 *   price, sale_price                   in whole units of the currency: 12.99
 *   every attribute                     by the type that it has in the catalogue; one of these names, or the same name
 * in another case, is left out */
#ifndef SAGE_SHOP_INDEX_COLUMNS_H
#define SAGE_SHOP_INDEX_COLUMNS_H

#include <catalog/catalog.h>
#include <index/columns.h>

/* Takes what a product has, one value after another; blank words are none. */
typedef struct sage_column_sink {
    void (*number)(void *ctx, size_t column, double number);
    sage_status (*word)(void *ctx, size_t column, sage_str word, sage_error *error);
    void *ctx;
} sage_column_sink;

/* ---- of a version that is open (index/live.h): for products that come while it is searched ---- */
enum { SAGE_COLUMNS_BUILT_IN = 14 };
typedef struct sage_known_columns {
    const sage_columns *columns;
    size_t built_in[SAGE_COLUMNS_BUILT_IN]; /* SIZE_MAX: the version has none such */
} sage_known_columns;
void sage_known_columns_find(const sage_columns *columns, sage_known_columns *known);
/* Attributes that the version has no column for are left out; others are read by its kind. */
sage_status sage_known_columns_give(const sage_known_columns *known, const sage_product_row *row,
                                    const sage_column_sink *sink, sage_error *error);

/* ---- of a version under construction ---- */
typedef struct sage_product_columns sage_product_columns;
/* `dir`: of the index under construction. A shop with more attributes than columns may be is warned. */
sage_status sage_product_columns_new(sage_catalog *catalog, const char *dir, const sage_monitor *monitor,
                                     sage_product_columns **columns, sage_error *error);
/* The next row of the index. */
sage_status sage_product_columns_add(sage_product_columns *columns, const sage_product_row *row, sage_error *error);
/* Whether `before` has the same columns: then a row of it, verified, is added as it is, for a product that has not
 * changed since. */
bool sage_product_columns_fit(const sage_product_columns *columns, const sage_columns *before);
sage_status sage_product_columns_carry(sage_product_columns *columns, const sage_columns *before, size_t row,
                                       sage_error *error);
sage_status sage_product_columns_finish(sage_product_columns *columns, sage_error *error); /* frees it in any case */
void sage_product_columns_free(sage_product_columns *columns);                             /* NULL is fine */

#endif
