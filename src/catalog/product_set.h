/* Which products there are, and which of them came or changed after a revision: known from an index of the catalogue
 * alone, without reading a row. */
#ifndef SAGE_CATALOG_PRODUCT_SET_H
#define SAGE_CATALOG_PRODUCT_SET_H

#include <catalog/catalog.h>
#include <stddef.h>

typedef struct sage_product_set {
    size_t n;                     /* products */
    unsigned char *there, *fresh; /* [bytes]: a bit a pid */
    size_t bytes, fresh_bytes;    /* of each; the same */
} sage_product_set;

sage_status sage_product_set_read(sage_catalog *catalog, int64_t after_revision, sage_product_set *set,
                                  sage_error *error);
void sage_product_set_free(sage_product_set *set); /* also after a failed read */

static inline bool sage_product_set_has(const sage_product_set *set, int64_t pid) {
    const size_t byte = (size_t)pid / 8;
    return byte < set->bytes && (set->there[byte] >> (pid % 8) & 1) != 0;
}

static inline bool sage_product_set_is_fresh(const sage_product_set *set, int64_t pid) {
    const size_t byte = (size_t)pid / 8;
    return byte < set->bytes && (set->fresh[byte] >> (pid % 8) & 1) != 0;
}

#endif
