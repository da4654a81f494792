/* The walk among accepted rows. Where one row in twenty is accepted, a walk over all rows compares twenty to find one.
 * Telling whether a row is accepted costs a bit, though, and looking through its links two cache lines, so the walk
 * compares accepted rows alone, and sees those two links away as if they were neighbours (Patel et al. 2024, "ACORN").
 *
 * It starts around the query, with what a short walk over all rows finds there, and at rows spread over all that are
 * accepted: where these lie together far from the query, the first would find none. */
#include <index/among.h>

enum {
    BLOCK = 64,  /* rows of a scan that are waited for together */
    NEAR = 24,   /* rows around the query to start from */
    SPREAD = 32, /* accepted rows anywhere to start from */
    WIDEST = 2 * SAGE_GRAPH_M_MAX,
    MOST = SAGE_AT_ONCE * 2 * WIDEST + SPREAD /* rows that one step meets; of those not accepted there are fewer */
};

/* ---- all of them ---- */

typedef struct block {
    size_t n, n_kept;
    uint32_t rows[BLOCK], kept[BLOCK];
} block;

static void prefetch_heads(const sage_codes *codes, const uint32_t *rows, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (codes->heads.bytes != NULL)
            __builtin_prefetch(codes->heads.bytes + (size_t)rows[i] * SAGE_HEAD);
        else
            sage_codes_prefetch(codes, rows[i]);
}

/* All of them where there are no heads. */
static size_t sieve(sage_walker *w, sage_probe probe, const uint32_t *rows, size_t n, uint32_t *kept,
                    uint32_t *scores) {
    if (probe.head == NULL) {
        memcpy(kept, rows, n * sizeof *kept);
        return n;
    }
    return sage_walk_sieve(w, probe, rows, n, kept, scores);
}

/* The next rows that may be results. */
static size_t next_rows(const sage_walker *w, const sage_filter *filter, size_t *row, uint32_t *rows) {
    size_t n = 0, taken;
    while (n == 0 && (taken = sage_filter_next(filter, w->n, row, rows, BLOCK)) > 0)
        for (size_t i = 0; i < taken; i++) {
            rows[n] = rows[i];
            n += sage_graph_gives(w->graph, rows[i]);
        }
    return n;
}

/* Three blocks are under way: the heads of one have been asked for, of the second the few whole rows, the third's are
 * compared. */
void sage_scan_among(sage_walker *w, sage_probe probe, const sage_filter *filter, size_t width) {
    block blocks[3] = {{0}}, *next = &blocks[0], *here = &blocks[1], *last = &blocks[2];
    uint32_t scores[BLOCK];
    size_t row = 0;
    sage_beam_begin(&w->beam, width);
    do {
        next->n = next_rows(w, filter, &row, next->rows);
        prefetch_heads(w->codes, next->rows, next->n);
        here->n_kept = sieve(w, probe, here->rows, here->n, here->kept, scores);
        sage_walk_offer(w, probe, last->kept, last->n_kept, scores);
        block *done = last;
        last = here;
        here = next;
        next = done;
        next->n_kept = 0;
    } while (here->n > 0 || last->n_kept > 0);
}

/* ---- a walk ---- */

typedef struct among {
    sage_walker *w;
    const sage_filter *filter;
    size_t tests;                 /* of rows and of their copies */
    size_t n_through, n;          /* of one step: */
    uint32_t through[MOST];       /* rows that are not accepted, whose links are looked through */
    uint32_t rows[MOST + WIDEST]; /* accepted ones not met before */
    uint32_t kept[MOST + WIDEST], scores[MOST + WIDEST];
} among;

/* Accepted rows, and those of whose copies one may be, which are not in the graph: their first row stands for them. */
static inline bool may_pass(const among *a, uint32_t row) {
    return (int)sage_admits(a->w->graph, a->filter, row) | (int)sage_graph_has_copies(a->w->graph, row);
}

static bool passes(among *a, uint32_t row) {
    const sage_graph *graph = a->w->graph;
    if (sage_admits(graph, a->filter, row)) return true;
    if (!sage_graph_has_copies(graph, row)) return false;
    for (size_t i = 0; i < a->w->n; i++, a->tests++) { /* copies of a damaged file may go round */
        row = sage_link(&graph->copies[row]);
        if (row >= a->w->n) return false;
        if (sage_admits(graph, a->filter, row)) return true;
    }
    return false;
}

/* Of rows [from .. to) of the list, which may pass, those that are new and do stay. */
static void meet(among *a, size_t from, size_t to) {
    sage_walker *w = a->w;
    a->n = from;
    for (size_t i = from; i < to; i++) {
        uint32_t row = a->rows[i];
        if (w->seen[row] == w->turn || !passes(a, row)) continue;
        w->seen[row] = w->turn;
        a->rows[a->n++] = row;
    }
}

/* Of the rows added to `through`, those whose links have not been looked at and will not be. */
static void look_later(among *a, size_t to) {
    sage_walker *w = a->w;
    for (size_t i = a->n_through; i < to; i++) {
        uint32_t row = a->through[i];
        if (w->seen[row] == w->turn) continue;
        w->seen[row] = w->turn;
        a->through[a->n_through++] = row;
        sage_graph_prefetch(w->graph, row, 0);
    }
}

/* Rows that a row's links lead to; those that are not accepted are looked through later. Each is written and only
 * counted where it belongs: no branch that could be guessed wrong. */
static void look_at(among *a, uint32_t row) {
    sage_walker *w = a->w;
    const uint32_t *links = sage_graph_links(w->graph, row, 0);
    size_t width = sage_graph_width(w->graph, 0), n = a->n, n_through = a->n_through;
    for (size_t i = 0; i < width; i++) {
        uint32_t to = sage_link(&links[i]);
        if (to >= w->n) continue;
        a->rows[n] = to;
        n += may_pass(a, to);
        a->through[n_through] = to;
        n_through += !sage_admits(w->graph, a->filter, to);
    }
    meet(a, a->n, n);
    look_later(a, n_through);
    a->tests += width;
}

/* Rows that are not accepted stay unmarked here: from another row they may be one link away, and are looked through. */
static void look_through(among *a, uint32_t row, size_t most) {
    sage_walker *w = a->w;
    const uint32_t *links = sage_graph_links(w->graph, row, 0);
    size_t width = sage_graph_width(w->graph, 0), n = a->n;
    if (n >= most) return;
    for (size_t i = 0; i < width; i++) {
        uint32_t to = sage_link(&links[i]);
        if (to >= w->n) continue;
        a->rows[n] = to;
        n += may_pass(a, to);
    }
    meet(a, a->n, n);
    a->tests += width;
}

static void compare(among *a, sage_probe probe) {
    prefetch_heads(a->w->codes, a->rows, a->n);
    size_t n = sieve(a->w, probe, a->rows, a->n, a->kept, a->scores);
    sage_walk_offer(a->w, probe, a->kept, n, a->scores);
}

static void step(among *a, sage_probe probe) {
    sage_walker *w = a->w;
    uint32_t from[SAGE_AT_ONCE];
    size_t n = 0, width = sage_graph_width(w->graph, 0);
    while (n < SAGE_AT_ONCE && sage_beam_take(&w->beam, &from[n])) sage_graph_prefetch(w->graph, from[n++], 0);
    a->n = a->n_through = 0;
    for (size_t i = 0; i < n; i++) look_at(a, from[i]);
    for (size_t i = 0; i < a->n_through; i++) look_through(a, a->through[i], n * width * 3 / 2);
    compare(a, probe);
}

/* Accepted rows at equal distances in the order of rows. A dead one is left out though a copy of it may live: nobody
 * led here, so it may be out of the graph already, and be filled anew meanwhile (changing.h). */
static void meet_spread(among *a) {
    size_t rows = a->w->n, n = a->n;
    for (size_t i = 0; (a->filter == NULL || a->filter->bits != NULL) && i < SPREAD; i++) {
        size_t row = i * rows / SPREAD;
        if (sage_filter_next(a->filter, rows, &row, &a->rows[n], 1) > 0) n += sage_graph_gives(a->w->graph, a->rows[n]);
    }
    meet(a, a->n, n);
}

/* The rows around the query are in the beam. */
static void begin(among *a, sage_probe probe, size_t width) {
    sage_walker *w = a->w;
    size_t n = w->beam.n;
    for (size_t i = 0; i < n; i++) {
        a->rows[i] = a->through[i] = sage_beam_row(w->beam.list[i]);
        sage_graph_prefetch(w->graph, a->rows[i], 0);
    }
    sage_walk_begin(w);
    sage_beam_begin(&w->beam, width);
    a->n_through = 0;
    meet(a, 0, n);
    look_later(a, n);
    for (size_t i = 0; i < a->n_through; i++) look_through(a, a->through[i], MOST - SPREAD);
    meet_spread(a);
    compare(a, probe);
}

bool sage_walk_among(sage_walker *w, sage_probe probe, const sage_filter *filter, uint32_t from, size_t width,
                     size_t scan_rows) {
    enum { A_ROW = 8, TESTS = 2, PATIENCE = 2 }; /* a row costs as much as 8 of a scan; of the tests two as one */
    among a;
    a.w = w;
    a.filter = filter;
    a.tests = 0;
    uint64_t before = w->scored;
    sage_walk_level(w, probe, from, 0, width < NEAR ? width : NEAR);
    begin(&a, probe, width);
    while (sage_beam_open(&w->beam) && !sage_walk_is_late(w)) {
        if ((w->scored - before) * A_ROW + a.tests / TESTS > scan_rows * PATIENCE) return false;
        step(&a, probe);
    }
    return true;
}
