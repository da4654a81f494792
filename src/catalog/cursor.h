/* One product after another by pid, for the imports. */
#ifndef SAGE_CATALOG_CURSOR_H
#define SAGE_CATALOG_CURSOR_H

#include <catalog/store.h>

/* A cursor that stands nowhere; seek moves it to one product (*row = NULL: there is none). Close it with
 * sage_product_cursor_close. */
sage_status sage_product_cursor_open_one(sage_catalog *catalog, sage_product_cursor **cursor, sage_error *error);
sage_status sage_product_cursor_seek(sage_product_cursor *cursor, int64_t pid, const sage_product_row **row,
                                     sage_error *error);

#endif
