/* Exact search among accepted rows: these are gathered by blocks, which stay in the cache while all queries are
 * compared with them. Workers take pieces of the rows. */
#include <base/alloc.h>
#include <base/error.h>
#include <index/topk.h>
#include <string.h>

enum { BLOCK = 64, GRAIN = 4096, LINE = 16 /* floats */ };

typedef struct job {
    const float *base, *queries;
    size_t n, dim, n_queries, k;
    const sage_filter *filter;
    sage_top *tops; /* [threads][n_queries] */
} job;

static void ask_for(const job *j, const uint32_t *rows, size_t n) {
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < j->dim; c += LINE) __builtin_prefetch(j->base + rows[i] * j->dim + c);
}

static void compare(const job *j, sage_top *tops, const uint32_t *rows, size_t n) {
    const sage_ops *ops = sage_ops_best();
    for (size_t q = 0; q < j->n_queries; q++)
        for (size_t i = 0; i < n; i++)
            sage_top_add(&tops[q], ops->dot(j->dim, j->queries + q * j->dim, j->base + rows[i] * j->dim), rows[i]);
}

static void look_through(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *j = ctx;
    uint32_t blocks[2][BLOCK];
    size_t row = begin, n = sage_filter_next(j->filter, end, &row, blocks[0], BLOCK);
    ask_for(j, blocks[0], n);
    for (size_t here = 0; n > 0; here = !here) {
        size_t next = sage_filter_next(j->filter, end, &row, blocks[!here], BLOCK);
        ask_for(j, blocks[!here], next);
        compare(j, j->tops + worker * j->n_queries, blocks[here], n);
        n = next;
    }
}

static void finish(const job *j, size_t threads, size_t stride, sage_neighbour *out, size_t *found) {
    for (size_t q = 0; q < j->n_queries; q++) {
        for (size_t t = 1; t < threads; t++) sage_top_merge(&j->tops[q], &j->tops[t * j->n_queries + q]);
        found[q] = sage_top_finish(&j->tops[q], out + q * stride);
    }
}

sage_status sage_exact_search_among(sage_pool *pool, const float *base, size_t n, size_t dim, const float *queries,
                                    size_t n_queries, size_t k, const sage_filter *filter, sage_neighbour *out,
                                    size_t *found, sage_error *error) {
    if (filter == NULL) return sage_exact_search(pool, base, n, dim, queries, n_queries, k, out, found, error);
    sage_status st = SAGE_OK;
    size_t threads = sage_pool_threads(pool), stride = k;
    memset(found, 0, n_queries * sizeof *found);
    if (n >= UINT32_MAX) return sage_fail(error, SAGE_E_LIMIT, "%zu rows; exact search numbers them with 32 bits", n);
    if (k > n) k = n;
    if (filter->bits != NULL && k > filter->matches) k = filter->matches;
    if (n_queries == 0 || k == 0) return SAGE_OK;
    size_t n_tops = threads * n_queries, room = sage_top_room(k);
    job j = {base, queries, n, dim, n_queries, k, filter, sage_alloc(n_tops * sizeof *j.tops)};
    uint64_t *lists = sage_alloc(n_tops * room * sizeof *lists);
    if (j.tops == NULL || lists == NULL) {
        st = sage_fail_memory(error, n_tops * room * sizeof *lists);
        goto out;
    }
    for (size_t i = 0; i < n_tops; i++) sage_top_begin(&j.tops[i], lists + i * room, k);
    sage_pool_for(pool, n, GRAIN, look_through, &j);
    finish(&j, threads, stride, out, found);
out:
    sage_free(j.tops);
    sage_free(lists);
    return st;
}
