/* Taking the dead out of the graph. What a row chooses follows from its own links and those of the leaving rows alone,
 * which nobody changes meanwhile: the same on any number of threads. */
#include <base/alloc.h>
#include <base/error.h>
#include <index/beam.h>
#include <index/changing.h>
#include <index/reach.h>
#include <index/score.h>
#include <string.h>

enum { DUE_LEAST = 32, DUE_SHARE = 10, FEW = 256, GRAIN = 32, SHORT_LIST = 48, PIECE = 1 << 14 };

typedef struct edge {
    uint32_t from, to;
    unsigned level;
} edge;

struct sage_mender {
    sage_chooser chooser;
    uint64_t *keys;          /* [room] */
    uint32_t *rows, *scores; /* [room] */
    size_t n;
    edge *edges; /* new links of the rows of a piece, to be answered */
    size_t n_edges, edge_room;
};

/* ---- what has to be there before one begins ---- */

void sage_menders_free(sage_changing *c) {
    for (size_t i = 0; c->menders != NULL && i < sage_pool_threads(c->pool); i++) {
        sage_chooser_free(&c->menders[i].chooser);
        sage_free(c->menders[i].keys);
        sage_free(c->menders[i].rows);
        sage_free(c->menders[i].edges);
    }
    sage_free(c->menders);
    c->menders = NULL;
}

static sage_status make_menders(sage_changing *c, sage_error *error) {
    sage_status st = SAGE_OK;
    const size_t threads = sage_pool_threads(c->pool), links = 2 * c->hnsw.graph.m, room = 2 * links * (links + 1);
    if (c->menders != NULL) return SAGE_OK;
    c->menders = sage_alloc_zero(threads, sizeof *c->menders);
    if (c->menders == NULL) return sage_fail_memory(error, threads * sizeof *c->menders);
    for (size_t i = 0; i < threads && st == SAGE_OK; i++) {
        sage_mender *m = &c->menders[i];
        m->keys = sage_alloc(room * sizeof *m->keys);
        m->rows = sage_alloc(2 * room * sizeof *m->rows);
        st = sage_chooser_new(&m->chooser, c->hnsw.graph.m, error);
        if (m->keys == NULL || m->rows == NULL) st = sage_fail_memory(error, room * sizeof *m->keys);
        m->scores = m->rows != NULL ? m->rows + room : NULL;
    }
    if (st != SAGE_OK) sage_menders_free(c);
    return st;
}

/* ---- who leaves, and who comes in their place ---- */

/* A dead row's first living copy takes over its links, as far up as both stand; the levels that it has beyond are
 * linked when the sweep comes to it. */
static void take_over(sage_changing *c, uint32_t dead, uint32_t heir) {
    const sage_graph *graph = &c->hnsw.graph;
    for (unsigned level = 0; level <= graph->levels[dead] && level <= graph->levels[heir]; level++) {
        const uint32_t *from = sage_graph_links(graph, dead, level);
        uint32_t *to = sage_graph_links(graph, heir, level);
        for (size_t i = 0; i < sage_graph_width(graph, level); i++) sage_link_set(&to[i], from[i]);
    }
    if (graph->levels[heir] > graph->levels[dead]) sage_bit_set(c->poor, heir);
    sage_bit_set(c->stands, heir);
    c->n_stands++;
}

/* Copies that are dead leave the chain of a row that stands. */
static void clean_chain(sage_changing *c, uint32_t first) {
    uint32_t *copies = c->hnsw.graph.copies, before = first;
    for (uint32_t row = copies[first]; row != SAGE_NO_ROW; row = copies[row]) {
        if (sage_bit(c->hnsw.graph.dead, row))
            sage_link_set(&copies[before], copies[row]);
        else
            before = row;
    }
    if (copies[first] == SAGE_NO_ROW) sage_bit_clear(c->hnsw.graph.doubled, first);
}

static void choose_entry(sage_changing *c) {
    sage_graph *graph = &c->hnsw.graph;
    uint32_t best = SAGE_NO_ROW;
    if (graph->entry == SAGE_NO_ROW || sage_bit(c->stands, graph->entry)) return;
    for (uint32_t row = 0; row < graph->n; row++)
        if (sage_bit(c->stands, row) && (best == SAGE_NO_ROW || graph->levels[row] > graph->levels[best])) best = row;
    sage_link_set(&graph->entry, best);
}

static void leave(sage_changing *c, uint32_t row) {
    const uint32_t heir = c->hnsw.graph.copies[row];
    c->going.list[c->going.n++] = row;
    sage_bit_set(c->leaving, row);
    if (!sage_bit(c->stands, row)) return;
    sage_bit_clear(c->stands, row);
    c->n_stands--;
    if (heir != SAGE_NO_ROW) take_over(c, row, heir);
}

static sage_status begin_sweep(sage_changing *c, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_graph *graph = &c->hnsw.graph;
    SAGE_TRY(make_menders(c, error));
    SAGE_TRY(sage_slots_fit(&c->going, c->n_marked + c->resting.n, error));
    for (uint32_t row = 0; row < graph->n; row++)
        if (graph->copies[row] != SAGE_NO_ROW && sage_bit(c->stands, row)) clean_chain(c, row);
    for (uint32_t row = 0; row < graph->n; row++)
        if (sage_bit(graph->dead, row) && !sage_bit(c->leaving, row)) leave(c, row);
    choose_entry(c);
    c->n_marked = 0;
    c->sweeping = true;
    c->sweep_at = 0;
    c->sweep_end = graph->n;
out:
    return st;
}

/* ---- a row that links to leaving rows ---- */

static void add(const sage_changing *c, sage_mender *m, uint32_t row, uint32_t other) {
    if (other == row || sage_bit(c->leaving, other)) return;
    m->rows[m->n++] = other;
}

/* A leaving row's heir, where it stands on that level. */
static void add_heir(const sage_changing *c, sage_mender *m, uint32_t row, uint32_t gone, unsigned level) {
    const uint32_t heir = sage_link(&c->hnsw.graph.copies[gone]);
    if (heir != SAGE_NO_ROW && c->hnsw.graph.levels[heir] >= level) add(c, m, row, heir);
}

/* The row's links that stay, and for each that leaves its heir, its links, and their heirs. Gives how many leave. */
static size_t gather(const sage_changing *c, sage_mender *m, uint32_t row, unsigned level, size_t *n_links) {
    const sage_graph *graph = &c->hnsw.graph;
    const uint32_t *links = sage_graph_links(graph, row, level);
    const size_t width = sage_graph_width(graph, level);
    size_t gone = 0, n = 0;
    m->n = 0;
    for (; n < width && links[n] != SAGE_NO_ROW; n++) {
        add(c, m, row, links[n]);
        if (!sage_bit(c->leaving, links[n])) continue;
        const uint32_t *theirs = sage_graph_links(graph, links[n], level);
        gone++;
        add_heir(c, m, row, links[n], level);
        for (size_t i = 0; i < width && theirs[i] != SAGE_NO_ROW; i++) {
            add(c, m, row, theirs[i]);
            if (sage_bit(c->leaving, theirs[i])) add_heir(c, m, row, theirs[i], level);
        }
    }
    *n_links = n;
    return gone;
}

/* Candidates as keys, best first, each once. */
static size_t rank(const sage_changing *c, sage_mender *m, uint32_t row) {
    const sage_codes *codes = &c->hnsw.codes;
    size_t n = 0;
    for (size_t i = 0; i < m->n; i++) sage_codes_prefetch(codes, m->rows[i]);
    sage_codes_score(codes, sage_codes_row(codes, row), m->n, m->rows, m->scores);
    for (size_t i = 0; i < m->n; i++) m->keys[i] = sage_beam_key(m->scores[i], m->rows[i]);
    if (m->n <= SHORT_LIST)
        sage_score_sort(m->keys, m->n);
    else
        sage_score_sort_long(m->keys, m->n);
    for (size_t i = 0; i < m->n; i++)
        if (i == 0 || m->keys[i] != m->keys[i - 1]) m->keys[n++] = m->keys[i];
    return n;
}

/* What was chosen and is not among the links that the row had. Where there is no memory to note it, it goes unanswered.
 */
static void note_edges(sage_mender *m, uint32_t row, unsigned level, const uint32_t *links, size_t n_links,
                       size_t n_chosen) {
    if (sage_grow((void **)&m->edges, &m->edge_room, m->n_edges + n_chosen, sizeof *m->edges) != 0) return;
    for (size_t i = 0; i < n_chosen; i++) {
        const uint32_t to = m->chooser.chosen[i];
        bool old = false;
        for (size_t j = 0; j < n_links; j++) old |= links[j] == to;
        m->edges[m->n_edges] = (edge){row, to, level};
        m->n_edges += !old;
    }
}

static void mend_level(const sage_changing *c, sage_mender *m, uint32_t row, unsigned level) {
    const sage_graph *graph = &c->hnsw.graph;
    const size_t width = sage_graph_width(graph, level);
    size_t n_links;
    if (gather(c, m, row, level, &n_links) == 0) return;
    const size_t n = rank(c, m, row);
    size_t kept = sage_choose(&m->chooser, &c->hnsw.codes, m->keys, n, width);
    kept = sage_changing_keep(c, &m->chooser, row, level, kept);
    if (level > 0) kept = sage_choose_more(&m->chooser, m->keys, n, kept, width);
    uint32_t *links = sage_graph_links(graph, row, level);
    note_edges(m, row, level, links, n_links, kept);
    for (size_t i = 0; i < width; i++) sage_link_set(&links[i], i < kept ? m->chooser.chosen[i] : SAGE_NO_ROW);
    if (n < n_links) sage_bit_set(c->poor, row);
}

static void mend_rows(void *ctx, size_t begin, size_t end, size_t worker) {
    const sage_changing *c = ctx;
    for (size_t i = begin; i < end; i++) {
        const uint32_t row = (uint32_t)(c->sweep_at + i);
        if (!sage_bit(c->stands, row)) continue;
        for (unsigned level = 0; level <= c->hnsw.graph.levels[row]; level++)
            mend_level(c, &c->menders[worker], row, level);
    }
}

/* ---- the pieces ---- */

/* In the order of rows, however many workers there were. Without answers rows whose neighbours died would lose those
 * who link to them, and recall half a hundredth. */
static void answer_all(sage_changing *c) {
    for (size_t i = 0; i < sage_pool_threads(c->pool); i++) {
        sage_mender *m = &c->menders[i];
        for (size_t j = 0; j < m->n_edges; j++)
            sage_changing_answer(c, m->edges[j].from, m->edges[j].to, m->edges[j].level);
        m->n_edges = 0;
    }
}

/* Rows that were left with less to choose from than they had look for others, as if they came now. */
static sage_status relink_poor(sage_changing *c, size_t end, sage_error *error) {
    for (uint32_t row = (uint32_t)c->sweep_at; row < end; row++) {
        if (!sage_bit(c->poor, row)) continue;
        sage_status st = sage_bit(c->stands, row) ? sage_changing_link(c, row, error) : SAGE_OK;
        if (st != SAGE_OK) return st;
        sage_bit_clear(c->poor, row);
    }
    return SAGE_OK;
}

/* Swept slots are free when nobody can be looking at them any more. */
static sage_status free_rested(sage_changing *c, sage_error *error) {
    if (c->resting.n == 0 || !sage_epochs_passed(&c->epochs, c->swept)) return SAGE_OK;
    sage_status st = sage_slots_fit(&c->free, c->free.n + c->resting.n + 1, error);
    if (st != SAGE_OK) return st;
    memcpy(c->free.list + c->free.n, c->resting.list, c->resting.n * sizeof *c->resting.list);
    c->free.n += c->resting.n;
    c->resting.n = 0;
    return SAGE_OK;
}

static void end_sweep(sage_changing *c) {
    const sage_slots rested = c->resting;
    __atomic_fetch_add(&c->hnsw.graph.n_gone, c->going.n, __ATOMIC_RELEASE);
    c->n_moved += c->going.n;
    if (rested.n > 0) memcpy(c->going.list + c->going.n, rested.list, rested.n * sizeof *rested.list);
    c->going.n += rested.n;
    c->resting = c->going;
    c->going = rested;
    c->going.n = 0;
    c->swept = sage_epochs_turn(&c->epochs);
    c->sweeping = false;
}

static size_t many(const sage_changing *c) {
    const size_t alive = c->hnsw.graph.n - c->hnsw.graph.n_dead;
    return alive > 0 ? DUE_LEAST + alive / DUE_SHARE : 0;
}

static bool is_due(const sage_changing *c) {
    return c->resting.n == 0 && c->n_marked > many(c);
}

/* Between sweeps, when no row is on its way out. At once, since it takes some milliseconds for 20,000 rows, and for a
 * million some tenths of a second, while searches go on. */
static sage_status reach(sage_changing *c, sage_error *error) {
    sage_status st = sage_reach_all(&c->hnsw.graph, &c->hnsw.codes, c->stands, &c->walker, c->hnsw.build, error);
    if (st == SAGE_OK) c->n_moved = 0;
    return st;
}

static sage_status sweep_piece(sage_changing *c, size_t rows, sage_error *error) {
    sage_status st = SAGE_OK;
    const size_t left = c->sweep_end - c->sweep_at, n = rows < left ? rows : left;
    sage_pool_for(n < FEW ? NULL : c->pool, n, GRAIN, mend_rows, c);
    answer_all(c);
    SAGE_TRY(relink_poor(c, c->sweep_at + n, error));
    c->sweep_at += n;
    if (c->sweep_at == c->sweep_end) end_sweep(c);
out:
    return st;
}

sage_status sage_changing_tidy(sage_changing *c, size_t rows, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(free_rested(c, error));
    if (!c->sweeping && c->n_moved > many(c)) SAGE_TRY(reach(c, error));
    if (!c->sweeping && !is_due(c)) return SAGE_OK;
    if (!c->sweeping) SAGE_TRY(begin_sweep(c, error));
    SAGE_TRY(sweep_piece(c, rows, error));
out:
    return st;
}

sage_status sage_changing_settle(sage_changing *c, sage_error *error) {
    sage_status st = SAGE_OK;
    while (c->sweeping || c->n_marked > 0) {
        SAGE_TRY(free_rested(c, error));
        if (!c->sweeping) SAGE_TRY(begin_sweep(c, error));
        SAGE_TRY(sweep_piece(c, PIECE, error));
    }
    if (c->n_moved > 0) SAGE_TRY(reach(c, error));
out:
    return st;
}
