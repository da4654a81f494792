#include <base/alloc.h>
#include <base/error.h>
#include <index/hnsw.h>
#include <index/score.h>
#include <index/topk.h>
#include <index/walk.h>
#include <kernels/kernels.h>

struct sage_hnsw_searcher {
    const sage_hnsw *hnsw;
    sage_walker walker;
    size_t room; /* of `top`, in candidates */
    uint64_t *top;
};

sage_status sage_hnsw_searcher_new(const sage_hnsw *hnsw, sage_hnsw_searcher **searcher, sage_error *error) {
    *searcher = NULL;
    sage_hnsw_searcher *made = sage_alloc_zero(1, sizeof *made);
    if (made == NULL) return sage_fail_memory(error, sizeof *made);
    made->hnsw = hnsw;
    sage_status st = sage_walker_new(&made->walker, &hnsw->graph, &hnsw->codes, 256, error);
    if (st != SAGE_OK) {
        sage_free(made);
        return st;
    }
    *searcher = made;
    return SAGE_OK;
}

void sage_hnsw_searcher_free(sage_hnsw_searcher *searcher) {
    if (searcher == NULL) return;
    sage_walker_free(&searcher->walker);
    sage_free(searcher->top);
    sage_free(searcher);
}

/* The lists grow to what this search needs, and keep that size. */
static sage_status make_room(sage_hnsw_searcher *s, size_t k, size_t width, sage_error *error) {
    size_t top = sage_top_room(k);
    if (top > s->room) {
        uint64_t *list = sage_realloc(s->top, top * sizeof *list);
        if (list == NULL) return sage_fail_memory(error, top * sizeof *list);
        s->top = list;
        s->room = top;
    }
    return sage_walker_fit(&s->walker, width, error);
}

static inline void prefetch(const sage_hnsw *hnsw, uint32_t row) {
    const float *vector = hnsw->codes.vectors + (size_t)row * hnsw->codes.dim;
    __builtin_prefetch(hnsw->graph.copies + row);
    for (size_t c = 0; c < hnsw->codes.dim; c += 16) __builtin_prefetch(vector + c);
}

static void add_row(sage_hnsw_searcher *s, sage_top *top, const float *query, uint32_t row) {
    const sage_codes *codes = &s->hnsw->codes;
    if (!sage_graph_gives(&s->hnsw->graph, row)) return;
    sage_top_add(top, sage_ops_best()->dot(codes->dim, query, codes->vectors + (size_t)row * codes->dim), row);
}

/* Up to k copies of a row. One that the walk met itself, or that another row led to, is not given twice. */
static void add_copies(sage_hnsw_searcher *s, sage_top *top, const float *query, size_t k, uint32_t row) {
    sage_walker *w = &s->walker;
    for (size_t n = 1; n < k; n++) {
        row = sage_link(&s->hnsw->graph.copies[row]);
        if (row >= w->n) return;
        if (w->seen[row] == w->turn) continue;
        w->seen[row] = w->turn;
        add_row(s, top, query, row);
    }
}

/* The walk's candidates, and up to k copies of each, by their vectors. */
static size_t score_anew(sage_hnsw_searcher *s, const float *query, size_t k, sage_neighbour *out) {
    const sage_beam *beam = &s->walker.beam;
    sage_top top;
    sage_top_begin(&top, s->top, k);
    for (size_t i = 0; i < beam->n; i++) prefetch(s->hnsw, sage_beam_row(beam->list[i]));
    for (size_t i = 0; i < beam->n; i++) {
        uint32_t row = sage_beam_row(beam->list[i]);
        add_row(s, &top, query, row);
        add_copies(s, &top, query, k, row);
    }
    return sage_top_finish(&top, out);
}

/* All rows. */
static size_t score_all(sage_hnsw_searcher *s, const float *query, size_t k, sage_neighbour *out) {
    sage_top top;
    sage_top_begin(&top, s->top, k);
    uint32_t n = (uint32_t)sage_graph_rows(&s->hnsw->graph);
    for (uint32_t row = 0; row < n; row++) add_row(s, &top, query, row);
    return sage_top_finish(&top, out);
}

/* Dead rows are candidates of a walk and no results, so where they leave too few the walk becomes wider. */
sage_status sage_hnsw_search(sage_hnsw_searcher *searcher, const float *query, size_t k, size_t width,
                             sage_neighbour *out, size_t *found, sage_error *error) {
    const sage_graph *graph = &searcher->hnsw->graph;
    size_t n_dead = __atomic_load_n(&graph->n_dead, __ATOMIC_ACQUIRE);
    uint32_t entry = sage_link(&graph->entry);
    size_t n = sage_graph_rows(graph), alive = n > n_dead ? n - n_dead : 0;
    *found = 0;
    if (k > alive) k = alive;
    if (width < k) width = k;
    if (k == 0 || entry == SAGE_NO_ROW) return SAGE_OK;
    sage_probe probe = sage_codes_query(&searcher->hnsw->codes, query, searcher->walker.probe);
    for (;; width *= 2) {
        if (width > n) width = n;
        sage_status st = make_room(searcher, k, width, error);
        if (st != SAGE_OK) return st;
        uint32_t from = sage_walk_down(&searcher->walker, probe, entry, 0);
        sage_walk_level(&searcher->walker, probe, from, 0, width);
        *found = score_anew(searcher, query, k, out);
        if (*found == k || graph->dead == NULL) return SAGE_OK;
        if (width == n) break;
    }
    *found = score_all(searcher, query, k, out);
    return SAGE_OK;
}

uint64_t sage_hnsw_scored(const sage_hnsw_searcher *searcher) {
    return searcher->walker.scored;
}
