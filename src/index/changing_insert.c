/* One row more, as the build links a batch of one; and one less, which is a bit. */
#include <base/error.h>
#include <index/beam.h>
#include <index/changing.h>
#include <index/copies.h>
#include <index/score.h>
#include <string.h>

/* ---- a row finds its links ---- */

/* Of the walker's candidates, those that the row may be linked to, in their order. */
static void keep_usable(sage_changing *c, uint32_t row) {
    sage_beam *beam = &c->walker.beam;
    size_t n = 0;
    for (size_t i = 0; i < beam->n; i++) {
        uint32_t other = sage_beam_row(beam->list[i]);
        if (other != row && !sage_bit(c->leaving, other)) beam->list[n++] = beam->list[i];
    }
    beam->n = n;
}

/* All rows of the graph as candidates; the list has room for them. */
static void look_at_all(sage_changing *c, sage_probe probe, uint32_t row) {
    sage_beam *beam = &c->walker.beam;
    const uint32_t n = (uint32_t)c->hnsw.graph.n;
    beam->n = 0;
    for (uint32_t other = 0; other < n; other++) {
        uint32_t score;
        if (other == row || !sage_bit(c->stands, other)) continue;
        sage_codes_score(&c->hnsw.codes, probe, 1, &other, &score);
        beam->list[beam->n++] = sage_beam_key(score, other);
    }
    sage_score_sort_long(beam->list, beam->n);
    if (beam->n > c->hnsw.build) beam->n = c->hnsw.build;
}

/* The nearest rows on a level into the walker's list, and the nearest of all, leaving or not, into *from. Where most of
 * a neighbourhood is leaving the walk widens on the ground until it has met enough that stays; where it leads to no
 * more, all rows are looked at. */
static sage_status find_near(sage_changing *c, sage_probe probe, uint32_t row, unsigned level, size_t width,
                             uint32_t *from, sage_error *error) {
    const sage_graph *graph = &c->hnsw.graph;
    const size_t others = c->n_stands - sage_bit(c->stands, row), wanted = others < graph->m ? others : graph->m;
    uint32_t begin = *from;
    for (;; width *= 2) {
        if (width > graph->n) width = graph->n;
        sage_status st = sage_walker_fit(&c->walker, width + c->n_far, error);
        if (st != SAGE_OK) return st;
        sage_walk_level(&c->walker, probe, begin, level, width);
        *from = sage_beam_row(c->walker.beam.list[0]);
        keep_usable(c, row);
        if (level > 0 || c->walker.beam.n >= wanted) return SAGE_OK;
        if (width == graph->n) break;
    }
    look_at_all(c, probe, row);
    return SAGE_OK;
}

/* The nearest candidates of this level are candidates of those below. */
static void note_far(sage_changing *c) {
    const sage_beam *beam = &c->walker.beam;
    for (size_t i = 0; i < beam->n && i < SAGE_FAR; i++) c->far[c->n_far++] = beam->list[i] | 1;
}

/* The walker's list has room for them; each row is in it once. */
static void add_far(sage_changing *c) {
    sage_beam *beam = &c->walker.beam;
    size_t n = 0;
    for (size_t i = 0; i < beam->n; i++) beam->list[i] |= 1;
    memcpy(beam->list + beam->n, c->far, c->n_far * sizeof *c->far);
    sage_score_sort_long(beam->list, beam->n + c->n_far);
    for (size_t i = 0; i < beam->n + c->n_far; i++)
        if (n == 0 || beam->list[i] != beam->list[n - 1]) beam->list[n++] = beam->list[i];
    beam->n = n;
}

size_t sage_changing_keep(const sage_changing *c, sage_chooser *chooser, uint32_t row, unsigned level, size_t taken) {
    const uint32_t *links = sage_graph_links(&c->hnsw.graph, row, level);
    const size_t width = sage_graph_width(&c->hnsw.graph, level);
    for (size_t i = 0; i < width && taken < width && links[i] != SAGE_NO_ROW; i++)
        if (!sage_bit(c->leaving, links[i])) taken = sage_choose_once(chooser, links[i], taken);
    return taken;
}

static void set_links(sage_changing *c, uint32_t row, unsigned level, size_t n) {
    uint32_t *links = sage_graph_links(&c->hnsw.graph, row, level);
    for (size_t i = 0; i < sage_graph_width(&c->hnsw.graph, level); i++)
        sage_link_set(&links[i], i < n ? c->chooser.chosen[i] : SAGE_NO_ROW);
}

/* The row with the same code among the candidates; SAGE_NO_ROW: none. */
static uint32_t find_twin(sage_changing *c, sage_probe probe, uint32_t row) {
    const sage_beam *beam = &c->walker.beam;
    uint32_t own;
    sage_codes_score(&c->hnsw.codes, probe, 1, &row, &own);
    for (size_t i = 0; i < beam->n; i++) {
        uint32_t other = sage_beam_row(beam->list[i]);
        if (sage_beam_score(beam->list[i]) == own && sage_same_code(&c->hnsw.codes, row, other)) return other;
    }
    return SAGE_NO_ROW;
}

static void become_copy(sage_changing *c, uint32_t row, uint32_t twin) {
    uint32_t *copies = c->hnsw.graph.copies;
    for (unsigned level = 0; level <= c->hnsw.graph.levels[row]; level++) set_links(c, row, level, 0);
    const uint32_t next = sage_link(&copies[twin]);
    if (next != SAGE_NO_ROW) sage_bit_set(c->hnsw.graph.doubled, row);
    sage_link_set(&copies[row], next);
    sage_bit_set(c->hnsw.graph.doubled, twin);
    sage_link_set(&copies[twin], row);
}

void sage_changing_answer(sage_changing *c, uint32_t from, uint32_t to, unsigned level) {
    const sage_graph *graph = &c->hnsw.graph;
    const uint32_t *links = sage_graph_links(graph, to, level);
    for (size_t i = 0; i < sage_graph_width(graph, level); i++)
        if (links[i] == from) return;
    sage_link_to(&c->chooser, graph, &c->hnsw.codes, to, from, level);
}

static void answer_links(sage_changing *c, uint32_t row, unsigned level) {
    const uint32_t *links = sage_graph_links(&c->hnsw.graph, row, level);
    for (size_t i = 0; i < sage_graph_width(&c->hnsw.graph, level) && links[i] != SAGE_NO_ROW; i++)
        sage_changing_answer(c, row, links[i], level);
}

static void stand(sage_changing *c, uint32_t row) {
    c->n_stands += !sage_bit(c->stands, row);
    sage_bit_set(c->stands, row);
}

/* From the walker's candidates and the far ones. */
static void choose_links(sage_changing *c, uint32_t row, unsigned level) {
    const sage_beam *near = &c->walker.beam;
    const size_t m = c->hnsw.graph.m;
    add_far(c);
    size_t n = sage_choose(&c->chooser, &c->hnsw.codes, near->list, near->n, m);
    if (level > 0) n = sage_choose_more(&c->chooser, near->list, near->n, n, m);
    set_links(c, row, level, sage_changing_keep(c, &c->chooser, row, level, n));
}

sage_status sage_changing_link(sage_changing *c, uint32_t row, sage_error *error) {
    sage_graph *graph = &c->hnsw.graph;
    const bool fresh = !sage_bit(c->stands, row);
    if (graph->entry == SAGE_NO_ROW) {
        stand(c, row);
        sage_link_set(&graph->entry, row);
        return SAGE_OK;
    }
    const unsigned top = graph->levels[graph->entry], own = graph->levels[row], highest = own < top ? own : top;
    const sage_probe probe = sage_codes_row(&c->hnsw.codes, row);
    uint32_t from = graph->entry, twin = SAGE_NO_ROW;
    c->n_far = 0;
    for (unsigned level = top + 1; level-- > 0;) {
        sage_status st = find_near(c, probe, row, level, level > highest ? SAGE_FAR : c->hnsw.build, &from, error);
        if (st != SAGE_OK) return st;
        if (fresh && level == 0) twin = find_twin(c, probe, row);
        if (level <= highest) choose_links(c, row, level);
        note_far(c);
    }
    if (twin != SAGE_NO_ROW) {
        become_copy(c, row, twin);
        return SAGE_OK;
    }
    stand(c, row);
    c->n_moved++;
    for (unsigned level = 0; level <= highest; level++) answer_links(c, row, level);
    if (own > top) sage_link_set(&graph->entry, row);
    return SAGE_OK;
}

/* ---- slots ---- */

static sage_status new_slot(sage_changing *c, uint32_t *row, sage_error *error) {
    sage_graph *graph = &c->hnsw.graph;
    const size_t n = graph->n;
    if (n + 1 >= SAGE_NO_ROW / 2)
        return sage_fail(error, SAGE_E_LIMIT, "%zu products; one index holds up to 2 billion", n + 1);
    const uint8_t level = sage_graph_level(c->hnsw.seed, n, graph->m);
    sage_status st = sage_changing_fit(c, n + 1, graph->n_upper + level, error);
    if (st != SAGE_OK) return st;
    graph->levels[n] = level;
    graph->above[n] = (uint32_t)graph->n_upper;
    graph->n_upper += level;
    sage_bit_set(graph->dead, (uint32_t)n);
    __atomic_fetch_add(&graph->n_dead, 1, __ATOMIC_RELEASE);
    c->hnsw.codes.n = n + 1;
    *row = (uint32_t)n;
    return SAGE_OK;
}

/* A slot that nobody can see: dead, without links. */
static sage_status take_slot(sage_changing *c, uint32_t *row, sage_error *error) {
    sage_graph *graph = &c->hnsw.graph;
    if (c->free.n == 0) {
        sage_status st = new_slot(c, row, error);
        if (st != SAGE_OK) return st;
    } else {
        *row = c->free.list[--c->free.n];
        __atomic_fetch_sub(&graph->n_gone, 1, __ATOMIC_RELEASE);
    }
    sage_link_set(&graph->copies[*row], SAGE_NO_ROW);
    sage_bit_clear(graph->doubled, *row);
    for (unsigned level = 0; level <= graph->levels[*row]; level++) set_links(c, *row, level, 0);
    sage_bit_clear(c->leaving, *row);
    if (*row == graph->n) __atomic_store_n(&graph->n, graph->n + 1, __ATOMIC_RELEASE);
    return SAGE_OK;
}

sage_status sage_changing_place(sage_changing *c, const float *vector, uint32_t *row, sage_error *error) {
    const size_t dim = c->hnsw.codes.dim;
    uint32_t slot = SAGE_NO_ROW;
    *row = SAGE_NO_ROW;
    sage_status st = sage_slots_fit(&c->free, c->free.n + 1, error); /* so that it can be given back */
    if (st == SAGE_OK) st = take_slot(c, &slot, error);
    if (st != SAGE_OK) return st;
    memcpy((float *)(void *)c->rooms[SAGE_ROOM_VECTORS].data + slot * dim, vector, dim * sizeof *vector);
    sage_codes_put(&c->hnsw.codes, slot);
    *row = slot;
    return SAGE_OK;
}

sage_status sage_changing_show(sage_changing *c, uint32_t row, sage_error *error) {
    sage_status st = sage_changing_link(c, row, error);
    if (st != SAGE_OK) {
        sage_bit_set(c->leaving, row);
        c->free.list[c->free.n++] = row;
        __atomic_fetch_add(&c->hnsw.graph.n_gone, 1, __ATOMIC_RELEASE);
        return st;
    }
    sage_bit_clear(c->hnsw.graph.dead, row);
    __atomic_fetch_sub(&c->hnsw.graph.n_dead, 1, __ATOMIC_RELEASE);
    return SAGE_OK;
}

sage_status sage_changing_insert(sage_changing *c, const float *vector, uint32_t *row, sage_error *error) {
    sage_status st = sage_changing_place(c, vector, row, error);
    if (st == SAGE_OK) st = sage_changing_show(c, *row, error);
    if (st != SAGE_OK) *row = SAGE_NO_ROW;
    return st;
}

void sage_changing_delete(sage_changing *c, uint32_t row) {
    sage_graph *graph = &c->hnsw.graph;
    __atomic_fetch_add(&graph->n_dead, 1, __ATOMIC_RELEASE);
    sage_bit_set(graph->dead, row);
    c->n_marked++;
}
