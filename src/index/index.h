/* Nearest neighbours by inner product. Exact today (blocked matrix product, a heap of k per query); approximate search comes behind the same calls.
 * index/<n>/: vectors (packed container), pids, and the fields that results show. */
#ifndef SAGE_INDEX_INDEX_H
#define SAGE_INDEX_INDEX_H

#include <base/buf.h>
#include <kernels/kernels.h>
#include <stdint.h>

typedef struct sage_neighbour {
    uint32_t row; /* row of the index */
    float score;  /* inner product */
} sage_neighbour;

/* Top k of `n_queries` among rows [0, n) of `base`: out[q*k ..], descending score, ties by ascending row; fewer than k rows: *found of them.
 * skip (nullable): a row for each query that must not come back, or SAGE_NO_ROW. Memory: a block of scores per worker. The same calls serve
 * training's validation and the index. */
enum { SAGE_NO_ROW = 0xffffffffu };
sage_status sage_exact_search(sage_pool *pool, const float *base, size_t n, size_t dim, const float *queries, size_t n_queries, size_t k,
                              sage_neighbour *out, size_t *found, sage_error *error);

/* What a result shows; strings belong to the caller while adding, to the map while reading. */
enum { SAGE_SHOW_ID, SAGE_SHOW_TITLE, SAGE_SHOW_BRAND, SAGE_SHOW_CATEGORY, SAGE_SHOW_LINK, SAGE_SHOW_IMAGE, SAGE_SHOW_AVAILABILITY, SAGE_SHOW_PRICE, SAGE_SHOW_GROUP, SAGE_SHOWN };

typedef struct sage_index_writer sage_index_writer;
/* Rows are added in pid order; `dir` is a version directory under construction. Streams: memory is bounded. */
sage_status sage_index_create(const char *dir, size_t n_rows, size_t dim, sage_index_writer **writer, sage_error *error);
sage_status sage_index_add(sage_index_writer *writer, int64_t pid, const float *vector, const sage_str shown[SAGE_SHOWN], sage_error *error);
sage_status sage_index_finish(sage_index_writer *writer, sage_error *error); /* frees the writer whatever it returns */
void sage_index_abandon(sage_index_writer *writer);

typedef struct sage_index sage_index; /* read-only, any number of threads */
sage_status sage_index_open(const char *dir, bool verify, sage_index **index, sage_error *error);
void sage_index_close(sage_index *index);
size_t sage_index_count(const sage_index *index);
size_t sage_index_dim(const sage_index *index);
int64_t sage_index_pid(const sage_index *index, size_t row);
bool sage_index_find(const sage_index *index, int64_t pid, size_t *row);
bool sage_index_find_id(const sage_index *index, const char *id, size_t *row);
const float *sage_index_vectors(const sage_index *index); /* [count][dim] in the map */
const char *sage_index_shown(const sage_index *index, size_t row, size_t what); /* terminated, in the map */
sage_status sage_index_search(const sage_index *index, sage_pool *pool, const float *queries, size_t n_queries, size_t k, sage_neighbour *out,
                              size_t *found, sage_error *error);

#endif
