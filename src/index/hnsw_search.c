#include <base/alloc.h>
#include <base/error.h>
#include <index/among.h>
#include <index/hnsw.h>
#include <index/plan.h>
#include <index/score.h>
#include <index/topk.h>
#include <index/walk.h>
#include <kernels/kernels.h>
#include <math.h>

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

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

/* One search. */
typedef struct search {
    sage_hnsw_searcher *searcher;
    const float *query;
    sage_probe probe;
    const sage_filter *filter; /* NULL: every row */
    uint32_t entry;
    size_t k, width;
} search;

/* By its bytes, in units of the true score; only of an index that has bytes. */
static float said_of(const search *s, uint64_t candidate) {
    const float scale = s->searcher->hnsw->codes.scale * s->probe.scale;
    return (float)(int32_t)(sage_beam_score(candidate) ^ 0x80000000U) / scale;
}

static bool add_row(const search *s, sage_top *top, uint32_t row, float *score) {
    const sage_codes *codes = &s->searcher->hnsw->codes;
    if (!sage_admits(&s->searcher->hnsw->graph, s->filter, row)) return false;
    *score = sage_ops_best()->dot(codes->dim, s->query, codes->vectors + (size_t)row * codes->dim);
    sage_top_add(top, *score, row);
    return true;
}

/* Copies of a row, until with itself k of them are there. One that the walk met itself, or that another row led to, is
 * not given twice. */
static void add_copies(const search *s, sage_top *top, uint32_t row, size_t added) {
    sage_walker *w = &s->searcher->walker;
    float score;
    for (size_t i = 0; i < w->n && added < s->k; i++) { /* copies of a damaged file may go round */
        row = sage_link(&w->graph->copies[row]);
        if (row >= w->n) return;
        if (w->seen[row] == w->turn) continue;
        w->seen[row] = w->turn;
        added += add_row(s, top, row, &score);
    }
}

/* How far the scores by bytes are from the true ones, as seen so far. */
typedef struct doubt {
    size_t n;
    float squares; /* of the differences, their sum */
} doubt;

static void learn(doubt *d, float said, float score) {
    d->n++;
    d->squares += (score - said) * (score - said);
}

/* Whether nothing that is said to score so can be among the k best any more. Both scores would have to be wrong,
 * together by eight times what they usually are; of rows that are worth looking at so few are that far apart that
 * recall does not show it. */
static bool is_beyond(const doubt *d, float said_k, float said) {
    enum { ENOUGH = 16 };
    return d->n >= ENOUGH && said < said_k - 8 * sqrtf(d->squares / (float)d->n);
}

static void ask_for(const search *s, uint64_t candidate) {
    const uint32_t row = sage_beam_row(candidate);
    if (sage_admits(&s->searcher->hnsw->graph, s->filter, row)) prefetch(s->searcher->hnsw, row);
}

/* The candidates, by their vectors, as long as one of them may be among the k best; of those that a walk found their
 * copies too. Vectors are 16 cache lines anywhere in memory, and mostly the first few candidates are enough. */
static size_t score_anew(const search *s, bool walked, sage_neighbour *out) {
    enum { AHEAD = 8 };
    const sage_beam *beam = &s->searcher->walker.beam;
    const bool bytes = s->searcher->hnsw->codes.bytes != NULL && s->probe.scale > 0;
    doubt seen = {0};
    float said_k = -INFINITY, score;
    sage_top top;
    sage_top_begin(&top, s->searcher->top, s->k);
    for (size_t i = 0; i < beam->n && i < AHEAD; i++) ask_for(s, beam->list[i]);
    for (size_t i = 0; i < beam->n; i++) {
        const float said = bytes ? said_of(s, beam->list[i]) : 0;
        if (bytes && is_beyond(&seen, said_k, said)) break;
        if (i + AHEAD < beam->n) ask_for(s, beam->list[i + AHEAD]);
        const uint32_t row = sage_beam_row(beam->list[i]);
        const size_t added = add_row(s, &top, row, &score);
        if (added > 0) learn(&seen, said, score);
        if (seen.n == s->k && added > 0) said_k = said;
        if (walked) add_copies(s, &top, row, added);
    }
    return sage_top_finish(&top, out);
}

/* False: the walk was given up. */
static bool walk(const search *s, sage_plan plan) {
    sage_walker *walker = &s->searcher->walker;
    uint32_t from = sage_walk_down(walker, s->probe, s->entry, 0);
    if (plan.way == SAGE_PLAN_AMONG)
        return sage_walk_among(walker, s->probe, s->filter, from, plan.width,
                               s->filter != NULL ? s->filter->matches : walker->n);
    sage_walk_level(walker, s->probe, from, 0, plan.width);
    return true;
}

static size_t scan(const search *s, sage_neighbour *out) {
    sage_scan_among(&s->searcher->walker, s->probe, s->filter, s->width);
    return score_anew(s, false, out);
}

/* Where it cannot be known how many there are, k are looked for. */
static size_t wanted(const search *s) {
    const sage_graph *graph = &s->searcher->hnsw->graph;
    if (graph->dead != NULL) return s->k;
    if (s->filter == NULL) return 0;
    return s->filter->bits != NULL && s->filter->matches < s->k ? s->filter->matches : s->k;
}

static size_t less(size_t n, const size_t *gone) {
    const size_t gone_now = __atomic_load_n(gone, __ATOMIC_ACQUIRE);
    return n > gone_now ? n - gone_now : 0;
}

static size_t alive(const sage_graph *graph) {
    return less(sage_graph_rows(graph), &graph->n_dead);
}

/* Rows that a walk can meet, for the planner: at least those that are alive, whatever a writer does meanwhile. */
static size_t within_reach(const sage_graph *graph) {
    return larger(less(sage_graph_rows(graph), &graph->n_gone), alive(graph));
}

static size_t run(const search *s, sage_plan plan, sage_neighbour *out) {
    if (plan.way == SAGE_PLAN_SCAN || s->entry == SAGE_NO_ROW || !walk(s, plan)) return scan(s, out);
    size_t found = score_anew(s, true, out);
    if (found >= wanted(s)) return found;
    if (plan.way == SAGE_PLAN_TEST && s->filter != NULL) {
        plan = sage_plan_again(within_reach(&s->searcher->hnsw->graph), s->filter->matches, s->width);
        plan.width = smaller(plan.width, s->searcher->walker.room); /* of the wider walk before */
        if (plan.way == SAGE_PLAN_AMONG && walk(s, plan)) found = score_anew(s, true, out);
    }
    return found < wanted(s) ? scan(s, out) : found;
}

sage_status sage_hnsw_search_by(sage_hnsw_searcher *searcher, const float *query, size_t k, size_t width,
                                const sage_filter *filter, sage_plan plan, sage_neighbour *out, size_t *found,
                                sage_error *error) {
    const sage_graph *graph = &searcher->hnsw->graph;
    search s = {.searcher = searcher, .query = query, .filter = filter, .entry = sage_link(&graph->entry)};
    size_t n = sage_graph_rows(graph), living = alive(graph);
    *found = 0;
    s.k = smaller(k, living);
    s.width = smaller(larger(width, s.k), n);
    plan.width = smaller(larger(plan.width, s.width), n);
    if (s.k == 0) return SAGE_OK;
    sage_status st = make_room(searcher, s.k, plan.width, error);
    if (st != SAGE_OK) return st;
    searcher->walker.ended_early = false;
    /* Of candidates that are only tested at the end, so many that k of them pass, as good as always. */
    const bool tested = plan.way == SAGE_PLAN_TEST && filter != NULL && filter->matches > 0;
    searcher->walker.least = tested ? smaller(2 * s.k * (n / filter->matches + 1), plan.width) : s.k;
    s.probe = sage_codes_query(&searcher->hnsw->codes, query, searcher->walker.probe);
    *found = run(&s, plan, out);
    return SAGE_OK;
}

sage_status sage_hnsw_search(sage_hnsw_searcher *searcher, const float *query, size_t k, size_t width,
                             const sage_filter *filter, sage_neighbour *out, size_t *found, sage_error *error) {
    const sage_graph *graph = &searcher->hnsw->graph;
    size_t n = within_reach(graph), living = alive(graph), matches = filter != NULL ? filter->matches : living;
    sage_plan plan = {SAGE_PLAN_TEST, 0};
    if (filter != NULL || living < n) plan = sage_plan_choose(n, smaller(matches, living), k, larger(width, k));
    return sage_hnsw_search_by(searcher, query, k, width, filter, plan, out, found, error);
}

void sage_hnsw_end_by(sage_hnsw_searcher *searcher, double until_s) {
    searcher->walker.until_s = until_s;
}

bool sage_hnsw_ended_early(const sage_hnsw_searcher *searcher) {
    return searcher->walker.ended_early;
}

uint64_t sage_hnsw_scored(const sage_hnsw_searcher *searcher) {
    return searcher->walker.scored;
}
