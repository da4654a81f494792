/* Writing products: compare first, then write what changed. */
#ifndef SAGE_CATALOG_IMPORT_PRODUCTS_H
#define SAGE_CATALOG_IMPORT_PRODUCTS_H

#include <catalog/fingerprint.h>
#include <catalog/import_attributes.h>
#include <catalog/import_common.h>
#include <catalog/import_images.h>
#include <catalog/product_ahead.h>

typedef struct sage_product_store {
    sage_import *import;
    int64_t revision; /* that changes of this import carry */
    sqlite3_stmt *find, *insert, *update;
    sage_product_ahead ahead;
    sage_image_rows images;
    sage_attributes *attributes;
    unsigned char *seen; /* a bit a pid: met in this import */
    size_t seen_bytes;
    bool one_by_one;          /* a product that comes again is another change, and no fault of a feed */
    uint64_t good;            /* rows that were stored or unchanged */
    uint64_t replaced;        /* rows stored in place of an earlier one of this import */
    uint64_t vectors_dropped; /* picture vectors whose picture changed */
    sage_buf scratch;
} sage_product_store;

sage_status sage_product_store_init(sage_product_store *store, sage_import *import, int64_t revision,
                                    sage_error *error);
void sage_product_store_free(sage_product_store *store);
/* Counts the row as added, changed or unchanged, or rejects it. */
sage_status sage_product_store_put(sage_product_store *store, const sage_feed_product *product,
                                   const sage_feed_row *row, sage_error *error);
/* A refused row whose id is readable: the product is in the feed, so --full keeps it as it was. */
sage_status sage_product_store_keep(sage_product_store *store, sage_str id, sage_error *error);
/* Products of the catalogue, and those of them that this import has not met. */
sage_status sage_product_store_count_rest(sage_product_store *store, uint64_t *products, uint64_t *unmet,
                                          sage_error *error);
/* *there: whether it was. */
sage_status sage_product_store_delete(sage_product_store *store, sage_str id, bool *there, sage_error *error);
/* Deletes every product that this import has not met. */
sage_status sage_product_store_delete_rest(sage_product_store *store, sage_error *error);
/* Writes what waits for the end. */
sage_status sage_product_store_finish(sage_product_store *store, sage_error *error);

#endif
