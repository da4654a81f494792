/* Vectors of a batch by a model frozen for this one call. */
#ifndef SUPPORT_VECTORS_H
#define SUPPORT_VECTORS_H

#include <model/model.h>

static inline sage_status vectors_of_products(const sage_model *model, sage_pool *pool, const sage_product_batch *batch,
                                              real *out, sage_error *error) {
    sage_frozen *frozen = NULL;
    sage_status st = sage_frozen_new(model, SAGE_PRECISION_F32, pool, &frozen, error);
    if (st == SAGE_OK) st = sage_frozen_products(frozen, batch, out, error);
    sage_frozen_free(frozen);
    return st;
}

static inline sage_status vectors_of_queries(const sage_model *model, sage_pool *pool, const sage_query_batch *queries,
                                             real *out, sage_error *error) {
    sage_frozen *frozen = NULL;
    sage_status st = sage_frozen_new(model, SAGE_PRECISION_F32, pool, &frozen, error);
    if (st == SAGE_OK) st = sage_frozen_queries(frozen, queries, out, error);
    sage_frozen_free(frozen);
    return st;
}

#endif
