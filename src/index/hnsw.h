/* Approximate nearest neighbours of unit vectors by inner product: a graph (graph.h) over codes (codes.h), searched by
 * walks (walk.h) whose last candidates are scored anew with the vectors themselves.
 *
 * The build is the same on any number of threads: rows come in batches; each of a batch looks for its neighbours in the
 * graph as it was before the batch, and then every row that was linked to takes its new links, in the batch's order, in
 * one worker's hands. No locks, and nothing depends on who came first. */
#ifndef SAGE_INDEX_HNSW_H
#define SAGE_INDEX_HNSW_H

#include <index/codes.h>
#include <index/filter.h>
#include <index/graph.h>
#include <index/plan.h>
#include <io/packed.h>
#include <itemsage/monitor.h>

typedef struct sage_hnsw_options {
    size_t m;     /* links of a row; twice as many on the ground (SAGE_GRAPH_M_MIN .. _MAX) */
    size_t build; /* candidates that a row's links are chosen from ("efConstruction"): m .. SAGE_GRAPH_BUILD_MAX */
    uint64_t seed;
    bool bytes;                  /* compare vectors as bytes, or as they are */
    const sage_monitor *monitor; /* NULL is fine */
} sage_hnsw_options;

typedef struct sage_hnsw {
    sage_codes codes;
    sage_graph graph;
    size_t build; /* as it was built */
    uint64_t seed;
    sage_packed *file; /* the arrays of both lie in it (graph_file.h); NULL: they are memory of their own */
} sage_hnsw;

/* vectors [n][dim], finite and of one length, are the caller's and outlive the index. n < 2^31, dim < 2^17.
 * SAGE_E_CANCELLED: the monitor asked to stop. */
sage_status sage_hnsw_build(sage_pool *pool, const float *vectors, size_t n, size_t dim,
                            const sage_hnsw_options *options, sage_hnsw **hnsw, sage_error *error);
void sage_hnsw_free(sage_hnsw *hnsw);          /* NULL is fine */
size_t sage_hnsw_bytes(const sage_hnsw *hnsw); /* graph and codes, without the vectors */

/* Scratch of one thread, one search at a time. */
typedef struct sage_hnsw_searcher sage_hnsw_searcher;
sage_status sage_hnsw_searcher_new(const sage_hnsw *hnsw, sage_hnsw_searcher **searcher, sage_error *error);
void sage_hnsw_searcher_free(sage_hnsw_searcher *searcher);

/* k rows that the filter accepts, or as many as there are, into out[k], by descending exact score, ties by ascending
 * row: the best of max(k, width) candidates ("efSearch") and of their copies (copies.h). How they are found follows
 * from how many rows are accepted (plan.h). Dead rows are never given. Without a filter (NULL) and where no row is
 * dead: what a walk over all rows leads to, fewer than k where it leads to no more. */
sage_status sage_hnsw_search(sage_hnsw_searcher *searcher, const float *query, size_t k, size_t width,
                             const sage_filter *filter, sage_neighbour *out, size_t *found, sage_error *error);
/* The same in a given way, for tests and measurements. */
sage_status sage_hnsw_search_by(sage_hnsw_searcher *searcher, const float *query, size_t k, size_t width,
                                const sage_filter *filter, sage_plan plan, sage_neighbour *out, size_t *found,
                                sage_error *error);
/* Walks of the searches to come end at this time (sage_now_s) with what they have, once that can be k rows; 0: in their
 * own time. Where a search then scans, that goes to its end. */
void sage_hnsw_end_by(sage_hnsw_searcher *searcher, double until_s);
bool sage_hnsw_ended_early(const sage_hnsw_searcher *searcher); /* of the last search: it may lack nearer rows */
uint64_t sage_hnsw_scored(const sage_hnsw_searcher *searcher);  /* rows compared whole so far */

#endif
