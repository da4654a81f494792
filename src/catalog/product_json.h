/* One product as a JSON object, read as a row of a JSON Lines feed (feed.h, import_product.h): the same names, limits
 * and refusals as of an import, without a catalogue. */
#ifndef SAGE_CATALOG_PRODUCT_JSON_H
#define SAGE_CATALOG_PRODUCT_JSON_H

#include <catalog/import_product.h>

typedef struct sage_product_json sage_product_json; /* one thread at a time */
sage_status sage_product_json_new(sage_product_json **json, sage_error *error);
void sage_product_json_free(sage_product_json *json); /* NULL is fine */
/* *row as a cursor gives it, but for pid, revision and fingerprint, and pictures have no vector; lives until the next
 * call. SAGE_E_ARGUMENT: it is no product; the error says why, and from which byte on where it is known. */
sage_status sage_product_json_read(sage_product_json *json, const char *text, size_t len, const sage_product_row **row,
                                   sage_error *error);
/* The same as an import takes it; *product lives until the next call of either. */
sage_status sage_product_json_take(sage_product_json *json, const char *text, size_t len,
                                   const sage_feed_product **product, sage_error *error);

#endif
