/* The filter columns of a product as a live index takes them (index/live.h). */
#ifndef SAGE_SHOP_LIVE_VALUES_H
#define SAGE_SHOP_LIVE_VALUES_H

#include <index/live.h>
#include <shop/index_columns.h>

/* Reused from product to product. */
typedef struct sage_product_values {
    struct sage_product_value *given; /* as they came */
    size_t n_given, given_room;
    sage_buf text;
    sage_str *words;
    size_t words_room;
    sage_live_value *list; /* [n] */
    size_t n, list_room;
} sage_product_values;

void sage_product_values_init(sage_product_values *values);
void sage_product_values_free(sage_product_values *values);
/* Into values->list, which lives until the next call. */
sage_status sage_product_values_take(sage_product_values *values, const sage_known_columns *columns,
                                     const sage_product_row *row, sage_error *error);

#endif
