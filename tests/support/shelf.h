/* A changing graph beside what is known of it by other means: which slots are alive, and with which vectors. */
#ifndef SAGE_TESTS_SHELF_H
#define SAGE_TESTS_SHELF_H

#include <base/rng.h>
#include <index/changing.h>
#include <kernels/kernels.h>
#include <stdlib.h>
#include <string.h>
#include <support/made_index.h>
#include <support/test.h>

enum { SHELF_K = 10, SHELF_QUERIES = 40, SHELF_WIDTH = 80 };

typedef struct shelf {
    size_t dim;
    sage_changing *changing;
    sage_changing_reader reader;
    const float **of; /* [room]: each slot's vector; NULL: nothing alive is there */
    size_t room, alive;
    uint32_t *list;  /* [alive]: in no order */
    uint32_t *place; /* [room]: of each slot in the list */
    sage_rng rng;
} shelf;

static const sage_hnsw_options shelf_usual = {.m = 16, .build = 100, .seed = 1, .bytes = true};

static inline void shelf_note(shelf *s, uint32_t row, const float *vector) {
    assert_true(row < s->room);
    assert_null(s->of[row]);
    s->of[row] = vector;
    s->place[row] = (uint32_t)s->alive;
    s->list[s->alive++] = row;
}

/* Rows that walks may give, or whose copies they may, and to which no way leads from the entry. */
static inline size_t shelf_out_of_reach(const shelf *s) {
    const sage_changing *c = s->changing;
    const sage_graph *graph = &c->hnsw.graph;
    if (graph->entry == SAGE_NO_ROW) return c->n_stands;
    size_t lost = 0;
    uint32_t *queue = malloc(graph->n * sizeof *queue);
    bool *met = calloc(graph->n, sizeof *met);
    size_t n = 0;
    queue[n++] = graph->entry;
    met[graph->entry] = true;
    for (size_t i = 0; i < n; i++) {
        for (unsigned level = 0; level <= graph->levels[queue[i]]; level++) {
            const uint32_t *links = sage_graph_links(graph, queue[i], level);
            for (size_t j = 0; j < sage_graph_width(graph, level) && links[j] != SAGE_NO_ROW; j++) {
                if (met[links[j]]) continue;
                met[links[j]] = true;
                queue[n++] = links[j];
            }
        }
    }
    for (uint32_t row = 0; row < graph->n; row++)
        lost += sage_bit(c->stands, row) && !met[row] &&
                (sage_graph_gives(graph, row) || sage_graph_has_copies(graph, row));
    free(queue);
    free(met);
    return lost;
}

/* Of n rows at first, linked by the usual build; at most `room` slots will be used. */
static inline shelf shelf_of(const sage_hnsw_options *options, const float *vectors, size_t n, size_t dim, size_t room,
                             sage_pool *pool) {
    shelf s = {.dim = dim, .room = room};
    sage_hnsw *hnsw;
    s.of = calloc(room, sizeof *s.of);
    s.list = calloc(room, sizeof *s.list);
    s.place = calloc(room, sizeof *s.place);
    sage_rng_seed(&s.rng, 7, n);
    assert_int_equal(sage_hnsw_build(NULL, vectors, n, dim, options, &hnsw, NULL), SAGE_OK);
    assert_int_equal(sage_changing_new(hnsw, NULL, pool, &s.changing, NULL), SAGE_OK);
    sage_hnsw_free(hnsw);
    assert_int_equal(sage_changing_reader_new(s.changing, &s.reader, NULL), SAGE_OK);
    for (uint32_t row = 0; row < n; row++) shelf_note(&s, row, vectors + row * dim);
    assert_int_equal(shelf_out_of_reach(&s), 0);
    return s;
}

static inline shelf shelf_new(const float *vectors, size_t n, size_t dim, size_t room, sage_pool *pool) {
    return shelf_of(&shelf_usual, vectors, n, dim, room, pool);
}

static inline void shelf_free(shelf *s) {
    sage_changing_reader_free(&s->reader);
    sage_changing_free(s->changing);
    free(s->of);
    free(s->list);
    free(s->place);
}

static inline void shelf_tidy(shelf *s, size_t rows) {
    assert_int_equal(sage_changing_tidy(s->changing, rows, NULL), SAGE_OK);
}

static inline void shelf_settle(shelf *s) {
    assert_int_equal(sage_changing_settle(s->changing, NULL), SAGE_OK);
}

static inline uint32_t shelf_insert(shelf *s, const float *vector) {
    uint32_t row;
    assert_int_equal(sage_changing_insert(s->changing, vector, &row, NULL), SAGE_OK);
    shelf_note(s, row, vector);
    return row;
}

static inline void shelf_delete(shelf *s, uint32_t row) {
    assert_non_null(s->of[row]);
    sage_changing_delete(s->changing, row);
    s->of[row] = NULL;
    s->list[s->place[row]] = s->list[--s->alive];
    s->place[s->list[s->place[row]]] = s->place[row];
}

static inline uint32_t shelf_any(shelf *s) {
    return s->list[sage_rng_below(&s->rng, s->alive)];
}

/* The vectors of what is alive, and which slots they are of. */
static inline float *shelf_living(const shelf *s) {
    float *living = malloc((s->alive * s->dim + 1) * sizeof *living);
    for (size_t i = 0; i < s->alive; i++) memcpy(living + i * s->dim, s->of[s->list[i]], s->dim * sizeof *living);
    return living;
}

/* Links lead to other rows that stand there, each once; none to one that has been swept. */
static inline void shelf_check_links(const shelf *s) {
    const sage_changing *c = s->changing;
    const sage_graph *graph = &c->hnsw.graph;
    size_t n_stands = 0;
    for (uint32_t row = 0; row < graph->n; row++) {
        n_stands += sage_bit(c->stands, row);
        for (unsigned level = 0; sage_bit(c->stands, row) && level <= graph->levels[row]; level++) {
            const uint32_t *links = sage_graph_links(graph, row, level);
            const size_t width = sage_graph_width(graph, level);
            size_t n = 0;
            for (; n < width && links[n] != SAGE_NO_ROW; n++) {
                assert_true(links[n] < graph->n && links[n] != row && graph->levels[links[n]] >= level);
                if (!c->sweeping) assert_true(sage_bit(c->stands, links[n]));
                for (size_t j = 0; j < n; j++) assert_true(links[j] != links[n]);
            }
            for (; n < width; n++) assert_int_equal(links[n], SAGE_NO_ROW);
        }
    }
    assert_int_equal(n_stands, c->n_stands);
    assert_int_equal(graph->n - graph->n_dead, s->alive);
    assert_int_equal(graph->n_gone, c->free.n + c->resting.n);
    if (graph->entry != SAGE_NO_ROW) assert_true(sage_bit(c->stands, graph->entry));
}

/* What holds of every answer, however good. */
static inline void shelf_check_answer(const shelf *s, const float *query, const sage_neighbour *out, size_t found) {
    for (size_t i = 0; i < found; i++) {
        assert_true(out[i].row < s->room);
        assert_non_null(s->of[out[i].row]);
        assert_true(out[i].score == sage_ops_best()->dot(s->dim, query, s->of[out[i].row]));
        if (i == 0) continue;
        assert_true(out[i - 1].score > out[i].score ||
                    (out[i - 1].score == out[i].score && out[i - 1].row < out[i].row));
    }
}

/* The mean share of the k nearest that are found; no ghost, none twice, and as many as there are. */
static inline double shelf_recall(const shelf *s, size_t k, size_t width) {
    sage_neighbour *exact = malloc(k * sizeof *exact), *out = malloc(k * sizeof *out);
    float *living = shelf_living(s), *queries = made_vectors(SHELF_QUERIES, s->dim, 99);
    const size_t expected = s->alive < k ? s->alive : k;
    size_t found, hits = 0;
    for (size_t q = 0; q < SHELF_QUERIES; q++) {
        const float *query = queries + q * s->dim;
        assert_int_equal(sage_exact_search(NULL, living, s->alive, s->dim, query, 1, k, exact, &found, NULL), SAGE_OK);
        sage_changing_enter(&s->reader);
        assert_int_equal(sage_changing_search(&s->reader, query, k, width, NULL, out, &found, NULL), SAGE_OK);
        assert_int_equal(found, expected);
        shelf_check_answer(s, query, out, found);
        sage_changing_leave(&s->reader);
        for (size_t i = 0; i < found; i++) hits += out[i].score >= exact[expected - 1].score - 1e-6F;
    }
    free(exact);
    free(out);
    free(living);
    free(queries);
    return expected == 0 ? 1 : (double)hits / (double)(SHELF_QUERIES * expected);
}

/* The same of a graph that is built afresh over what is alive. */
static inline double shelf_fresh(const shelf *s, size_t k, size_t width, size_t *bytes) {
    float *living = shelf_living(s);
    shelf fresh = shelf_new(living, s->alive, s->dim, s->alive + 1, NULL);
    const double recall = shelf_recall(&fresh, k, width);
    if (bytes != NULL) *bytes = sage_changing_bytes(fresh.changing);
    shelf_free(&fresh);
    free(living);
    return recall;
}

static inline void shelf_check(const shelf *s, const char *what) {
    shelf_check_links(s);
    /* Ways are looked for after each sweep, and after many rows came. While one is under way, what searches find has to
     * do: where most is dead they compare what is left. */
    const size_t lost = shelf_out_of_reach(s), few = s->changing->n_moved > 0 ? s->changing->n_stands / 500 + 2 : 0;
    if (!s->changing->sweeping && lost > few) fail_msg("%s: %zu rows are out of reach", what, lost);
    const double recall = shelf_recall(s, SHELF_K, SHELF_WIDTH), fresh = shelf_fresh(s, SHELF_K, SHELF_WIDTH, NULL);
    if (recall < fresh - 0.01) fail_msg("%s: recall %.4f, a fresh build %.4f", what, recall, fresh);
}

/* Products that are not found by their own vectors. Copies of one are as good. */
static inline size_t shelf_lost(const shelf *s) {
    sage_neighbour out[SHELF_K];
    size_t found, lost = 0;
    for (size_t i = 0; i < s->alive; i++) {
        const float *query = s->of[s->list[i]];
        sage_changing_enter(&s->reader);
        assert_int_equal(sage_changing_search(&s->reader, query, 1, SHELF_WIDTH, NULL, out, &found, NULL), SAGE_OK);
        sage_changing_leave(&s->reader);
        assert_int_equal(found, 1);
        lost += out[0].score < sage_ops_best()->dot(s->dim, query, query) - 1e-6F;
    }
    return lost;
}

static inline void shelf_check_none_lost(const shelf *s, const char *what) {
    const size_t lost = shelf_lost(s);
    if (lost * 1000 > s->alive) fail_msg("%s: %zu of %zu are not found by their own vectors", what, lost, s->alive);
}

#endif
