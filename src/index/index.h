/* Nearest neighbours by inner product: exact (blocked matrix product, the k best of each query kept as scores come), or
 * by a graph over the vectors, where the index has one. index/<n>/ holds packed containers (docs/formats.md):
 *   vectors.bin  "SAGEIVEC"  shape: u64 {rows, dim}; vectors: f32 [rows][dim]
 *   rows.bin     "SAGEIROW"  rows: {i64 pid, u64 begin} ascending by pid; begin: of the row's record in text.bin
 *   text.bin     "SAGEITXT"  text: a record a row, u32 ends[SAGE_SHOWN] and then the terminated strings that they end
 *   ids.bin      "SAGEIIDS"  slots: u32 [power of two], open addressing by XXH3-64 of the product's id; SAGE_NO_ROW:
 *                            free
 *   columns.bin  "SAGEICOL"  what filters ask: columns.h; an older index has none
 *   graph.bin    "SAGEIGRA"  where there is a graph: graph_file.h */
#ifndef SAGE_INDEX_INDEX_H
#define SAGE_INDEX_INDEX_H

#include <base/buf.h>
#include <index/columns.h>
#include <index/filter.h>
#include <itemsage/monitor.h>
#include <kernels/kernels.h>
#include <parallel/pool.h>
#include <stdint.h>

typedef struct sage_neighbour {
    uint32_t row; /* row of the index */
    float score;  /* inner product */
} sage_neighbour;

/* The k best of rows [0, n) of base [n][dim] for each of queries [n_queries][dim]: out[q*k ..] holds found[q] = min(k,
 * n) of them by descending score, ties by ascending row; a score that is not a number counts as minus infinity. found
 * has room for n_queries. n < 2^32 - 1. Memory: for each worker a block of scores (256 KiB) and of candidates (128 *
 * 2 k * 8 bytes; less for fewer queries). The number of threads changes no bit; the number of queries in a call may
 * change the last bit of a score. The same call serves training's validation and the index. */
enum { SAGE_NO_ROW = 0xffffffffu };
sage_status sage_exact_search(sage_pool *pool, const float *base, size_t n, size_t dim, const float *queries,
                              size_t n_queries, size_t k, sage_neighbour *out, size_t *found, sage_error *error);

/* The same of the rows that a filter accepts; with bits found[q] = min(k, its matches). NULL: of all rows. Memory: 2 k
 * * 8 bytes for each query and worker; of many queries ask a block at a time. */
sage_status sage_exact_search_among(sage_pool *pool, const float *base, size_t n, size_t dim, const float *queries,
                                    size_t n_queries, size_t k, const sage_filter *filter, sage_neighbour *out,
                                    size_t *found, sage_error *error);

/* What a result shows; strings belong to the caller while adding, to the map while reading. */
enum {
    SAGE_SHOW_ID,
    SAGE_SHOW_TITLE,
    SAGE_SHOW_BRAND,
    SAGE_SHOW_CATEGORY,
    SAGE_SHOW_LINK,
    SAGE_SHOW_IMAGE,
    SAGE_SHOW_AVAILABILITY,
    SAGE_SHOW_PRICE,
    SAGE_SHOW_GROUP,
    SAGE_SHOWN
};

typedef struct sage_index_writer sage_index_writer;
/* Exactly n_rows rows are added, in ascending pid order; `dir` is a version directory under construction. Rows are
 * streamed to disk; memory: some 20 bytes a row, for the table of ids. */
sage_status sage_index_create(const char *dir, size_t n_rows, size_t dim, sage_index_writer **writer,
                              sage_error *error);
/* SAGE_E_ARGUMENT: pids do not ascend, more rows than announced, or a vector that is not finite. */
sage_status sage_index_add(sage_index_writer *writer, int64_t pid, const float *vector,
                           const sage_str shown[SAGE_SHOWN], sage_error *error);
sage_status sage_index_finish(sage_index_writer *writer, sage_error *error); /* frees the writer whatever it returns */
void sage_index_abandon(sage_index_writer *writer);                          /* NULL is fine */

typedef struct sage_index sage_index; /* read-only, any number of threads */
/* For the writer of another: as sage_index_add, of what a version that is open shows of its row, under that one's pid.
 */
sage_status sage_index_carry(sage_index_writer *writer, const sage_index *before, size_t row, const float *vector,
                             sage_error *error);
/* Maps and validates sizes; `verify`: every checksum and every reference too (reads all, as the first exact search
 * would). */
sage_status sage_index_open(const char *dir, bool verify, sage_index **index, sage_error *error);
/* SAGE_E_NOT_FOUND: the version should have a graph, or columns, and its file is not in `dir`. Without the graph every
 * search would be exact, and slow, without a word. */
sage_status sage_index_expect(const sage_index *index, const char *dir, bool graph, bool columns, sage_error *error);
/* What `verify` does, of an index that is open: for one that was to answer at once, beside its searches. monitor: may
 * ask to stop; may be NULL. */
sage_status sage_index_verify(const sage_index *index, const sage_monitor *monitor, sage_error *error);
void sage_index_close(sage_index *index);
size_t sage_index_count(const sage_index *index);
size_t sage_index_dim(const sage_index *index);
int64_t sage_index_pid(const sage_index *index, size_t row); /* row < count */
bool sage_index_find(const sage_index *index, int64_t pid, size_t *row);
bool sage_index_find_id(const sage_index *index, const char *id, size_t *row);
const sage_columns *sage_index_columns(const sage_index *index); /* by row, with the index's life; NULL: it has none */
const float *sage_index_vectors(const sage_index *index);        /* [count][dim] in the map */
const char *sage_index_shown(const sage_index *index, size_t row,
                             size_t what); /* terminated, in the map; "" where absent */
/* ---- an index that may be a view of a live one (live.h), whose rows change ---- */
/* Where the product is now that was in a row of the version; and the row in the version of the product that is now in a
 * row. False: it is not there any more, or was not there. Of a version itself the same row. */
bool sage_index_of_version(const sage_index *index, size_t of, size_t *row);
bool sage_index_in_version(const sage_index *index, size_t row, size_t *in);
/* Where it is even and what it was, filters accept what they did: of a version always 0. */
uint64_t sage_index_changes(const sage_index *index);
/* How often a product went from one row to another so far. A search beside which it did may have come to the new row
 * before the product and to the old one after it, and lack it. */
uint64_t sage_index_replaced(const sage_index *index);
/* As sage_where_bits, of the first rows: those that may be found at all. */
struct sage_where;
size_t sage_index_bits(const sage_index *index, const struct sage_where *where, uint64_t *bits, size_t rows);

/* From now on searches compare the first `dims` numbers alone, of vectors and of queries (which stay dim long), each
 * brought back to length 1; 0 or dim: all of them, as they are. Holds [count][dims] floats. The vectors themselves stay
 * whole. Not beside other calls. */
sage_status sage_index_cut(sage_index *index, size_t dims, sage_error *error);
/* What is compared: [count][*dims]. */
const float *sage_index_compared(const sage_index *index, size_t *dims);
/* The score that a search gives a row. */
float sage_index_score(const sage_index *index, const float *query, size_t row);
/* Exact. A query of which nothing is left after the cut finds nothing. */
sage_status sage_index_search(const sage_index *index, sage_pool *pool, const float *queries, size_t n_queries,
                              size_t k, sage_neighbour *out, size_t *found, sage_error *error);
/* The same of the rows that a filter (NULL: every row) accepts. */
sage_status sage_index_search_among(const sage_index *index, sage_pool *pool, const float *queries, size_t n_queries,
                                    size_t k, const sage_filter *filter, sage_neighbour *out, size_t *found,
                                    sage_error *error);

/* ---- by the graph ---- */

/* Links the rows of a version under construction whose files are finished: writes graph.bin beside them, which searches
 * go by from the next open on. The same bytes on any number of threads. SAGE_E_STATE: the vectors are not of one
 * length, and inner products would lead walks astray; then nothing is written. */
typedef struct sage_index_links {
    size_t m;     /* links of a row, twice as many on the ground: SAGE_GRAPH_M_MIN .. _MAX */
    size_t build; /* candidates that they are chosen from ("efConstruction"): m .. SAGE_GRAPH_BUILD_MAX */
    bool bytes;   /* walks compare bytes (last candidates are compared by their vectors in any case), or vectors */
} sage_index_links;
sage_status sage_index_link(const char *dir, sage_pool *pool, const sage_index_links *links,
                            const sage_monitor *monitor, sage_error *error);
/* The same from the graph of the version in `before`, in proportion to what changed since: rows whose product and
 * vector are there too keep their links, others are linked or taken out (changing.h). Not done, and nothing written,
 * where that graph is of another kind or there is none, and where building it afresh would take less time.
 * SAGE_E_FORMAT where the older version is damaged. */
typedef struct sage_index_change {
    bool done;
    size_t kept, added, changed, removed; /* products; changed: another vector */
} sage_index_change;
static inline bool sage_index_change_is_none(const sage_index_change *change) {
    return change->added + change->changed + change->removed == 0;
}
sage_status sage_index_link_on(const char *dir, const char *before, bool verify, sage_pool *pool,
                               const sage_index_links *links, const sage_monitor *monitor, sage_index_change *change,
                               sage_error *error);
/* Another graph for an index that is open, in memory alone: to see what it would be like. Not beside other calls;
 * its recall is watched no longer (recall_watch.h). */
sage_status sage_index_relink(sage_index *index, sage_pool *pool, const sage_index_links *links,
                              const sage_monitor *monitor, sage_error *error);
bool sage_index_linked(const sage_index *index);
size_t sage_index_graph_bytes(const sage_index *index); /* of graph.bin's arrays; 0: there is none */

enum { SAGE_INDEX_WIDTH = 64 };
typedef struct sage_way {
    bool exact;                /* every row is compared, graph or not */
    size_t width;              /* candidates that a walk keeps ("efSearch"), k at least; 0: SAGE_INDEX_WIDTH */
    const sage_filter *filter; /* which rows may be found; NULL: all */
    double until_s;            /* by sage_now_s: walks end then with k rows that they have; 0: in their own time */
    bool *complete;            /* becomes false where a walk ended so; may be NULL */
} sage_way;

/* As sage_index_search, but where there is a graph the rows that a walk through it finds, mostly the same (recall.h).
 * All rows are compared where that is asked, after a cut, where a walk would look at about as many, and where it found
 * fewer than k of them (that goes to its end, whatever the time): found[q] is min(k, rows that may be found) for any
 * query of finite numbers. Any number of threads. */
sage_status sage_index_near(const sage_index *index, sage_pool *pool, const float *queries, size_t n_queries, size_t k,
                            const sage_way *way, sage_neighbour *out, size_t *found, sage_error *error);

#endif
