/* What is named of a product over what the catalogue has of it, as a whole product again. */
#ifndef SAGE_CATALOG_PRODUCT_MERGE_H
#define SAGE_CATALOG_PRODUCT_MERGE_H

#include <catalog/import_images.h>
#include <catalog/import_product.h>

typedef struct sage_product_merge {
    sqlite3_stmt *find;
    sage_image_rows images;
} sage_product_merge;

sage_status sage_product_merge_init(sage_product_merge *merge, sage_catalog *catalog, sage_error *error);
void sage_product_merge_free(sage_product_merge *merge);
/* Appends a JSON object, as a line of a feed, to `out`. Of `update` count prices, availability, item_group_id and
 * attributes; a price of another currency than before stands alone. *there: whether the product is. */
sage_status sage_product_merge_write(sage_product_merge *merge, const sage_feed_product *update, sage_buf *out,
                                     bool *there, sage_error *error);

#endif
