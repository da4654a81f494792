/* The filters of a searcher's queries: what --where accepts, kept by its text for the next query that says the same. */
#ifndef SAGE_SHOP_SEARCH_WHERE_H
#define SAGE_SHOP_SEARCH_WHERE_H

#include <index/index.h>

enum { SAGE_WHERE_KEPT = 8 };

/* Zero-initialise. A bit a product of each. */
typedef struct sage_where_cache {
    struct {
        char *text;
        uint64_t *bits;
        sage_filter filter;
        uint64_t used;    /* when last; 0: never */
        uint64_t changes; /* of the index, as it was made (sage_index_changes) */
    } kept[SAGE_WHERE_KEPT];
    uint64_t clock;
} sage_where_cache;

/* The index's columns. SAGE_E_STATE: it has none. */
sage_status sage_where_columns(const sage_index *index, const sage_columns **columns, sage_error *error);
/* Made anew where the index has changed since. *filter of the expression `text` over the index's columns
 * (index/where.h), NULL for NULL; it lives until the eighth other text. SAGE_E_ARGUMENT: what is wrong with it.
 * SAGE_E_STATE: the index has no columns. */
sage_status sage_where_cached(sage_where_cache *cache, const sage_index *index, const char *text,
                              const sage_filter **filter, sage_error *error);
void sage_where_cache_free(sage_where_cache *cache);

#endif
