/* Searching, by whole vectors or by their first numbers. */
#include <base/alloc.h>
#include <base/error.h>
#include <index/impl.h>
#include <index/live_view.h>
#include <math.h>

/* False where nothing is left; `out` is zero then. */
static bool cut_one(const float *vector, size_t dims, float *out) {
    double length = sqrt((double)sage_ops_best()->dot(dims, vector, vector));
    for (size_t i = 0; i < dims; i++) out[i] = length > 0 ? (float)(vector[i] / length) : 0;
    return length > 0;
}

sage_status sage_index_cut(sage_index *index, size_t dims, sage_error *error) {
    if (dims > index->dim)
        return sage_fail(error, SAGE_E_ARGUMENT, "the index has vectors of %zu numbers, which cannot be cut to %zu",
                         index->dim, dims);
    if (dims == index->dim) dims = 0;
    if (dims == index->cut_dim) return SAGE_OK;
    float *cut = dims > 0 ? sage_alloc_aligned((index->n * dims + 1) * sizeof *cut) : NULL;
    if (dims > 0 && cut == NULL) return sage_fail_memory(error, index->n * dims * sizeof *cut);
    for (size_t row = 0; dims > 0 && row < index->n; row++)
        cut_one(index->vectors + row * index->dim, dims, cut + row * dims);
    sage_free(index->cut);
    index->cut = cut;
    index->cut_dim = dims;
    return SAGE_OK;
}

const float *sage_index_compared(const sage_index *index, size_t *dims) {
    *dims = index->cut != NULL ? index->cut_dim : index->dim;
    return index->cut != NULL ? index->cut : index->vectors;
}

float sage_index_score(const sage_index *index, const float *query, size_t row) {
    const sage_ops *ops = sage_ops_best();
    size_t dims = index->cut_dim;
    if (index->cut == NULL) return ops->dot(index->dim, query, index->vectors + row * index->dim);
    double length = sqrt((double)ops->dot(dims, query, query));
    return length > 0 ? (float)(ops->dot(dims, query, index->cut + row * dims) / length) : 0;
}

static sage_status search_cut(const sage_index *index, sage_pool *pool, const float *queries, size_t n_queries,
                              size_t k, const sage_filter *filter, sage_neighbour *out, size_t *found,
                              sage_error *error) {
    sage_status st = SAGE_OK;
    size_t dims = index->cut_dim;
    float *cut = sage_alloc_aligned((n_queries * dims + 1) * sizeof *cut);
    if (cut == NULL) return sage_fail_memory(error, n_queries * dims * sizeof *cut);
    for (size_t q = 0; q < n_queries; q++) cut_one(queries + q * index->dim, dims, cut + q * dims);
    SAGE_TRY(sage_exact_search_among(pool, index->cut, index->n, dims, cut, n_queries, k, filter, out, found, error));
    for (size_t q = 0; q < n_queries; q++)
        if (sage_ops_best()->dot(dims, cut + q * dims, cut + q * dims) <= 0) found[q] = 0;
out:
    sage_free(cut);
    return st;
}

sage_status sage_index_search(const sage_index *index, sage_pool *pool, const float *queries, size_t n_queries,
                              size_t k, sage_neighbour *out, size_t *found, sage_error *error) {
    return sage_index_search_among(index, pool, queries, n_queries, k, NULL, out, found, error);
}

sage_status sage_index_search_among(const sage_index *index, sage_pool *pool, const float *queries, size_t n_queries,
                                    size_t k, const sage_filter *filter, sage_neighbour *out, size_t *found,
                                    sage_error *error) {
    const sage_way all = {.exact = true, .filter = filter};
    if (index->live != NULL) return sage_view_near(index, queries, n_queries, k, &all, out, found, error);
    if (index->cut != NULL) return search_cut(index, pool, queries, n_queries, k, filter, out, found, error);
    return sage_exact_search_among(pool, index->vectors, index->n, index->dim, queries, n_queries, k, filter, out,
                                   found, error);
}
