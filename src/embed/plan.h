/* What there is to do: the catalogue's products against the vectors that exist. */
#ifndef SAGE_EMBED_PLAN_H
#define SAGE_EMBED_PLAN_H

#include "vector_set.h"
#include <itemsage/monitor.h>

typedef struct sage_embed_plan {
    int64_t *products; /* [n_products] all pids of the catalogue, ascending */
    size_t n_products, products_capacity;
    int64_t *stale; /* [n_stale] those without a vector, or with one that is out of date; ascending */
    size_t n_stale, stale_capacity;
    size_t dropped; /* live vectors whose product is gone */
} sage_embed_plan;

/* `all_from`: 0, or the segment number before which every vector counts as out of date. */
sage_status sage_embed_plan_make(sage_catalog *catalog, const sage_vector_set *set, uint64_t all_from,
                                 const sage_monitor *monitor, sage_embed_plan *plan, sage_error *error);
void sage_embed_plan_free(sage_embed_plan *plan);
bool sage_embed_plan_has(const sage_embed_plan *plan, int64_t pid); /* the catalogue has the product */

#endif
