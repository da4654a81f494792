/* What there is to do: the catalogue's products against the vectors that exist. */
#ifndef SAGE_EMBED_PLAN_H
#define SAGE_EMBED_PLAN_H

#include "vector_set.h"
#include <dataset/dataset.h>
#include <itemsage/monitor.h>

/* A product to embed. */
typedef struct sage_stale {
    int64_t pid;
    uint64_t packed; /* its index in the dataset + 1; 0: it is not there, or has changed since */
} sage_stale;

typedef struct sage_embed_plan {
    sage_precision precision; /* of all vectors, when it has been carried out */
    int64_t *products;        /* [n_products] all pids of the catalogue, ascending */
    size_t n_products, products_capacity;
    sage_stale *stale; /* [n_stale] those without a vector, or with one that is out of date; pids ascending */
    size_t n_stale, stale_capacity;
    size_t dropped; /* live vectors whose product is gone */
} sage_embed_plan;

/* What makes a vector count. */
typedef struct sage_embed_wish {
    sage_precision precision;
    uint64_t all_from;           /* 0, or the segment number before which every vector counts as out of date */
    const sage_dataset *dataset; /* where packed products are looked for; NULL: nowhere */
} sage_embed_wish;

sage_status sage_embed_plan_make(sage_catalog *catalog, const sage_vector_set *set, const sage_embed_wish *wish,
                                 const sage_monitor *monitor, sage_embed_plan *plan, sage_error *error);
void sage_embed_plan_free(sage_embed_plan *plan);
bool sage_embed_plan_has(const sage_embed_plan *plan, int64_t pid); /* the catalogue has the product */

#endif
