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

/* Grows the lists to what this search needs; they keep that size. */
static sage_status make_room(sage_hnsw_searcher *s, size_t k, size_t width, sage_error *error) {
    size_t top = sage_top_room(k);
    if (width > s->walker.room) {
        uint64_t *list = sage_realloc(s->walker.beam.list, (width + 1) * sizeof *list);
        if (list == NULL) return sage_fail_memory(error, width * sizeof *list);
        s->walker.beam.list = list;
        s->walker.room = width;
    }
    if (top > s->room) {
        uint64_t *list = sage_realloc(s->top, top * sizeof *list);
        if (list == NULL) return sage_fail_memory(error, top * sizeof *list);
        s->top = list;
        s->room = top;
    }
    return SAGE_OK;
}

static inline void prefetch(const sage_hnsw *hnsw, uint32_t row) {
    const float *vector = hnsw->codes.vectors + (size_t)row * hnsw->codes.dim;
    __builtin_prefetch(hnsw->graph.copies + row);
    for (size_t c = 0; c < hnsw->codes.dim; c += 16) __builtin_prefetch(vector + c);
}

/* The walk's candidates, and up to k copies of each, by their vectors. */
static size_t score_anew(sage_hnsw_searcher *s, const float *query, size_t k, sage_neighbour *out) {
    const sage_codes *codes = &s->hnsw->codes;
    const sage_beam *beam = &s->walker.beam;
    const uint32_t *copies = s->hnsw->graph.copies;
    const sage_ops *ops = sage_ops_best();
    sage_top top;
    sage_top_begin(&top, s->top, k);
    for (size_t i = 0; i < beam->n; i++) prefetch(s->hnsw, sage_beam_row(beam->list[i]));
    for (size_t i = 0; i < beam->n; i++) {
        uint32_t row = sage_beam_row(beam->list[i]);
        for (size_t n = 0; n < k && row < codes->n; n++, row = copies[row]) {
            float score = ops->dot(codes->dim, query, codes->vectors + (size_t)row * codes->dim);
            sage_top_add(&top, score, row);
        }
    }
    return sage_top_finish(&top, out);
}

sage_status sage_hnsw_search(sage_hnsw_searcher *searcher, const float *query, size_t k, size_t width,
                             sage_neighbour *out, size_t *found, sage_error *error) {
    const sage_hnsw *hnsw = searcher->hnsw;
    *found = 0;
    if (k > hnsw->graph.n) k = hnsw->graph.n;
    if (width < k) width = k;
    if (width > hnsw->graph.n) width = hnsw->graph.n;
    if (k == 0) return SAGE_OK;
    sage_status st = make_room(searcher, k, width, error);
    if (st != SAGE_OK) return st;
    sage_probe probe = sage_codes_query(&hnsw->codes, query, searcher->walker.probe);
    uint32_t from = sage_walk_down(&searcher->walker, probe, 0);
    sage_walk_level(&searcher->walker, probe, from, 0, width);
    *found = score_anew(searcher, query, k, out);
    return SAGE_OK;
}

uint64_t sage_hnsw_scored(const sage_hnsw_searcher *searcher) {
    return searcher->walker.scored;
}
