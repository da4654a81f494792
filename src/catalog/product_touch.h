/* Products whose pictures got other vectors: their revision and fingerprint follow. */
#ifndef SAGE_CATALOG_PRODUCT_TOUCH_H
#define SAGE_CATALOG_PRODUCT_TOUCH_H

#include <catalog/import_images.h>
#include <catalog/store.h>

typedef struct sage_product_touch {
    sqlite3_stmt *update;
    sage_product_cursor *products;
    sage_buf scratch;
    int64_t revision; /* that changes carry */
} sage_product_touch;

sage_status sage_product_touch_init(sage_product_touch *touch, sage_catalog *catalog, int64_t revision,
                                    sage_error *error);
void sage_product_touch_free(sage_product_touch *touch);
/* `now`: the pictures as they are from now on. */
sage_status sage_product_touch_run(sage_product_touch *touch, int64_t pid, const sage_pictures *now, sage_error *error);

#endif
