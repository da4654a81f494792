/* What of a product an index shows, and what of it people search in. */
#ifndef SAGE_SHOP_PRODUCT_SHOWN_H
#define SAGE_SHOP_PRODUCT_SHOWN_H

#include <catalog/catalog.h>
#include <index/index.h>

enum { SAGE_PRICE_TEXT = 48 };

/* Views into the row and `price`, which has room for the price's text. */
void sage_product_shown(const sage_product_row *row, char price[SAGE_PRICE_TEXT], sage_str shown[SAGE_SHOWN]);
/* Texts for keywords: everything but the link and its host. Gives how many. */
size_t sage_product_words(const sage_product_row *row, sage_str texts[SAGE_FIELDS]);

#endif
