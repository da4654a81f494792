/* Batches grow with the graph, up to BATCH: what a row cannot see is at most a SHARE of the rows. Rows of the highest
 * level come first, in random order otherwise, so that a catalogue sorted by category fills the graph evenly and the
 * upper levels are whole before most rows come. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <base/rng.h>
#include <index/copies.h>
#include <index/hnsw.h>
#include <index/links.h>
#include <index/reach.h>
#include <stdlib.h>

enum { BATCH = 1024, SHARE = 64 };

/* A link that is to be answered by one in the other direction. */
typedef struct edge {
    uint32_t from, to;
} edge;

typedef struct build {
    sage_graph *graph;
    const sage_codes *codes;
    size_t width;    /* of walks */
    uint32_t *order; /* [n_order]: rows as they come, without copies */
    size_t n_order;
    bool *copy;           /* [n] */
    sage_walker *walkers; /* [threads] */
    sage_chooser *choosers;
    size_t threads;
    edge *edges;     /* [BATCH][LEVELS + 1][m]: of each row of the batch, ended by SAGE_NO_ROW in `to` */
    size_t first, n; /* the batch */
} build;

static edge *edges_of(const build *b, size_t i, unsigned level) {
    return b->edges + (i * (SAGE_GRAPH_LEVELS + 1) + level) * b->graph->m;
}

/* ---- each row of the batch finds its links ---- */

static void link_level(build *b, size_t worker, uint32_t row, unsigned level, edge *edges) {
    const sage_walker *walker = &b->walkers[worker];
    sage_chooser *chooser = &b->choosers[worker];
    uint32_t *links = sage_graph_links(b->graph, row, level);
    size_t n = sage_choose(chooser, b->codes, walker->beam.list, walker->beam.n, b->graph->m);
    for (size_t i = 0; i < b->graph->m; i++) {
        edges[i] = (edge){row, i < n ? chooser->chosen[i] : SAGE_NO_ROW};
        if (i < n) sage_link_set(&links[i], chooser->chosen[i]);
    }
}

static void find_links(void *ctx, size_t begin, size_t end, size_t worker) {
    build *b = ctx;
    sage_walker *walker = &b->walkers[worker];
    for (size_t i = begin; i < end; i++) {
        uint32_t row = b->order[b->first + i];
        unsigned top = b->graph->levels[b->graph->entry];
        sage_probe probe = sage_codes_row(b->codes, row);
        for (unsigned level = 0; level <= SAGE_GRAPH_LEVELS; level++) edges_of(b, i, level)->to = SAGE_NO_ROW;
        unsigned level = b->graph->levels[row] < top ? b->graph->levels[row] : top;
        uint32_t from = sage_walk_down(walker, probe, b->graph->entry, level);
        for (;; level--) {
            sage_walk_level(walker, probe, from, level, b->width);
            link_level(b, worker, row, level, edges_of(b, i, level));
            from = sage_beam_row(walker->beam.list[0]);
            if (level == 0) break;
        }
    }
}

/* ---- each row that was linked to answers: a worker looks at all edges and takes those of its own rows ---- */

static void answer_edges(build *b, size_t piece, const edge *edges, unsigned level) {
    for (size_t i = 0; i < b->graph->m && edges[i].to != SAGE_NO_ROW; i++) {
        if (sage_mix64(edges[i].to) % b->threads != piece) continue;
        sage_link_to(&b->choosers[piece], b->graph, b->codes, edges[i].to, edges[i].from, level);
    }
}

static void answer_links(void *ctx, size_t begin, size_t end, size_t worker) {
    build *b = ctx;
    (void)worker;
    for (size_t piece = begin; piece < end; piece++)
        for (size_t i = 0; i < b->n; i++)
            for (unsigned level = 0; level <= b->graph->levels[b->order[b->first + i]]; level++)
                answer_edges(b, piece, edges_of(b, i, level), level);
}

/* ---- the order, and all together ---- */

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

static void order_rows(build *b, uint64_t seed) {
    size_t n = b->graph->n, at = 0;
    uint64_t key = sage_mix64(seed);
    for (unsigned level = SAGE_GRAPH_LEVELS + 1; level-- > 0;) {
        size_t begin = at;
        for (size_t row = 0; row < n; row++)
            if (b->graph->levels[row] == level && !b->copy[row]) b->order[at++] = (uint32_t)row;
        for (size_t i = at - begin; i > 1; i--) { /* Fisher and Yates, from a hash of the place */
            size_t other = begin + (size_t)(sage_mix64(key + begin + i) % i);
            uint32_t kept = b->order[begin + i - 1];
            b->order[begin + i - 1] = b->order[other];
            b->order[other] = kept;
        }
    }
    b->n_order = at;
}

static sage_status new_scratch(build *b, sage_pool *pool, sage_error *error) {
    sage_status st = SAGE_OK;
    b->threads = sage_pool_threads(pool);
    size_t edges = BATCH * (SAGE_GRAPH_LEVELS + 1) * b->graph->m;
    b->order = sage_alloc(b->graph->n * sizeof *b->order);
    b->copy = sage_alloc(b->graph->n * sizeof *b->copy);
    b->edges = sage_alloc(edges * sizeof *b->edges);
    b->walkers = sage_alloc_zero(b->threads, sizeof *b->walkers);
    b->choosers = sage_alloc_zero(b->threads, sizeof *b->choosers);
    if (b->order == NULL || b->copy == NULL || b->edges == NULL || b->walkers == NULL || b->choosers == NULL)
        return sage_fail_memory(error, b->graph->n * sizeof *b->order + edges * sizeof *b->edges);
    for (size_t i = 0; i < b->threads; i++) {
        SAGE_TRY(sage_walker_new(&b->walkers[i], b->graph, b->codes, b->width, error));
        SAGE_TRY(sage_chooser_new(&b->choosers[i], b->graph->m, error));
    }
out:
    return st;
}

static void free_scratch(build *b) {
    for (size_t i = 0; b->walkers != NULL && b->choosers != NULL && i < b->threads; i++) {
        sage_walker_free(&b->walkers[i]);
        sage_chooser_free(&b->choosers[i]);
    }
    sage_free(b->walkers);
    sage_free(b->choosers);
    sage_free(b->edges);
    sage_free(b->order);
    sage_free(b->copy);
}

static sage_status reach_all(build *b, sage_error *error) {
    uint64_t *stands = sage_alloc_zero(sage_bits_bytes(b->graph->n), 1);
    if (stands == NULL) return sage_fail_memory(error, sage_bits_bytes(b->graph->n));
    sage_graph_standing(b->graph, stands);
    sage_status st = sage_reach_all(b->graph, b->codes, stands, &b->walkers[0], b->width, error);
    sage_free(stands);
    return st;
}

static sage_status link_all(sage_hnsw *hnsw, sage_pool *pool, const sage_hnsw_options *options, sage_error *error) {
    build b = {.graph = &hnsw->graph, .codes = &hnsw->codes, .width = options->build};
    sage_ticker ticker;
    sage_status st = new_scratch(&b, pool, error);
    if (st != SAGE_OK || hnsw->graph.n == 0) goto out;
    SAGE_TRY(sage_copies_find(&hnsw->codes, hnsw->graph.copies, b.copy, error));
    SAGE_TRY(sage_graph_note_copies(&hnsw->graph, error));
    order_rows(&b, options->seed);
    hnsw->graph.entry = b.order[0];
    sage_ticker_begin(&ticker, options->monitor, "graph", b.n_order);
    for (b.first = 1; b.first < b.n_order; b.first += b.n) {
        b.n = smaller(smaller(b.first / SHARE + 1, BATCH), b.n_order - b.first);
        sage_pool_for_dynamic(pool, b.n, 1, find_links, &b);
        sage_pool_for(pool, b.threads, 1, answer_links, &b);
        sage_ticker_tick(&ticker, b.first + b.n, NULL);
        SAGE_TRY(sage_check_cancel(options->monitor, "graph", error));
    }
    SAGE_TRY(reach_all(&b, error));
    sage_ticker_end(&ticker, b.n_order);
out:
    free_scratch(&b);
    return st;
}

sage_status sage_hnsw_build(sage_pool *pool, const float *vectors, size_t n, size_t dim,
                            const sage_hnsw_options *options, sage_hnsw **hnsw, sage_error *error) {
    sage_status st = SAGE_OK;
    *hnsw = NULL;
    if (options->m < SAGE_GRAPH_M_MIN || options->m > SAGE_GRAPH_M_MAX || options->build < options->m ||
        options->build > SAGE_GRAPH_BUILD_MAX)
        return sage_fail(error, SAGE_E_ARGUMENT,
                         "a graph takes %d to %d links a row, of as many candidates or more, up to %d",
                         SAGE_GRAPH_M_MIN, SAGE_GRAPH_M_MAX, SAGE_GRAPH_BUILD_MAX);
    if (dim >= SAGE_DOTS_DIM)
        return sage_fail(error, SAGE_E_LIMIT, "vectors of %zu numbers; a graph takes up to %d", dim, SAGE_DOTS_DIM - 1);
    sage_hnsw *made = sage_alloc_zero(1, sizeof *made);
    if (made == NULL) return sage_fail_memory(error, sizeof *made);
    made->build = options->build;
    made->seed = options->seed;
    SAGE_TRY(sage_graph_new(&made->graph, n, options->m, options->seed, error));
    SAGE_TRY(sage_codes_make(&made->codes, pool, vectors, n, dim, options->bytes, error));
    SAGE_TRY(link_all(made, pool, options, error));
    *hnsw = made;
    made = NULL;
out:
    sage_hnsw_free(made);
    return st;
}

void sage_hnsw_free(sage_hnsw *hnsw) {
    if (hnsw == NULL) return;
    if (hnsw->file != NULL) {
        sage_free(hnsw->graph.doubled); /* the only array that no file has */
    } else {
        sage_graph_free(&hnsw->graph);
        sage_codes_free(&hnsw->codes);
    }
    sage_packed_close(hnsw->file);
    sage_free(hnsw);
}

size_t sage_hnsw_bytes(const sage_hnsw *hnsw) {
    return sage_graph_bytes(&hnsw->graph) + sage_codes_bytes(&hnsw->codes);
}
