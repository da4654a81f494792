/* A graph numbered anew: without gaps, in the order that a version of the index wants. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/order.h>
#include <index/changing.h>
#include <stdlib.h>
#include <string.h>

/* Rows with one code are one in the graph, and of them the lowest has to stand there (copies.h). Which of them stood
 * before makes no difference to anybody's links, so the lowest takes its place. */
typedef struct renumbering {
    const sage_changing *changing;
    const uint32_t *slots; /* [n]: whose vector and code a row has */
    uint32_t *places;      /* [n]: whose links and level */
    uint32_t *rows;        /* [slots]: the row that takes a slot's place; SAGE_NO_ROW: none */
    size_t n;
} renumbering;

static const sage_graph *graph_of(const renumbering *r) {
    return &r->changing->hnsw.graph;
}

/* Rows of a standing slot and of its copies, ascending, into `chain`. */
static size_t rows_of_chain(const renumbering *r, uint32_t first, uint32_t *chain) {
    size_t n = 0;
    for (uint32_t slot = first; slot != SAGE_NO_ROW; slot = graph_of(r)->copies[slot])
        if (r->rows[slot] != SAGE_NO_ROW) chain[n++] = r->rows[slot];
    if (n > 1) qsort(chain, n, sizeof *chain, sage_order_u32);
    return n;
}

/* chain: room of [n]. */
static void place_chain(renumbering *r, uint32_t first, uint32_t *chain, sage_graph *out) {
    size_t n = rows_of_chain(r, first, chain);
    uint32_t slot = first;
    for (size_t i = 0; i < n; slot = graph_of(r)->copies[slot], i++) {
        r->places[chain[i]] = slot;
        r->rows[slot] = chain[i];
        out->copies[chain[i]] = i + 1 < n ? chain[i + 1] : SAGE_NO_ROW;
    }
}

/* rows [graph->n] and places [n] are room. */
static sage_status number(renumbering *r, sage_graph *out, sage_error *error) {
    const sage_graph *graph = graph_of(r);
    uint32_t *chain = sage_alloc((r->n + 1) * sizeof *chain);
    if (chain == NULL) return sage_fail_memory(error, r->n * sizeof *chain);
    memset(r->rows, 0xff, graph->n * sizeof *r->rows);
    for (size_t row = 0; row < r->n; row++) r->rows[r->slots[row]] = (uint32_t)row;
    for (uint32_t slot = 0; slot < graph->n; slot++)
        if (sage_bit(r->changing->stands, slot)) place_chain(r, slot, chain, out);
    sage_free(chain);
    return SAGE_OK;
}

static sage_status make_graph(sage_graph *out, const renumbering *r, sage_error *error) {
    const sage_graph *graph = graph_of(r);
    *out = (sage_graph){.n = r->n, .m = graph->m, .entry = SAGE_NO_ROW};
    out->levels = sage_alloc(r->n);
    out->above = sage_alloc(r->n * sizeof *out->above);
    out->copies = sage_alloc(r->n * sizeof *out->copies);
    out->ground = sage_alloc_aligned(r->n * 2 * graph->m * sizeof *out->ground + 1);
    out->upper = sage_alloc_aligned(graph->n_upper * graph->m * sizeof *out->upper + 1);
    if (out->levels == NULL || out->above == NULL || out->copies == NULL || out->ground == NULL || out->upper == NULL)
        return sage_fail_memory(error, r->n * 2 * graph->m * sizeof *out->ground);
    return SAGE_OK;
}

static void copy_links(const renumbering *r, sage_graph *out, uint32_t row, unsigned level) {
    const uint32_t *from = sage_graph_links(graph_of(r), r->places[row], level);
    uint32_t *to = sage_graph_links(out, row, level);
    for (size_t i = 0; i < sage_graph_width(out, level); i++)
        to[i] = from[i] != SAGE_NO_ROW ? r->rows[from[i]] : SAGE_NO_ROW;
}

static void copy_graph(const renumbering *r, sage_graph *out) {
    const sage_graph *graph = graph_of(r);
    for (uint32_t row = 0; row < r->n; row++) {
        out->levels[row] = graph->levels[r->places[row]];
        out->above[row] = (uint32_t)out->n_upper;
        out->n_upper += out->levels[row];
        for (unsigned level = 0; level <= out->levels[row]; level++) copy_links(r, out, row, level);
    }
    if (graph->entry != SAGE_NO_ROW) out->entry = r->rows[graph->entry];
}

static sage_status copy_codes(const renumbering *r, const float *vectors, sage_codes *out, sage_error *error) {
    const sage_codes *codes = &r->changing->hnsw.codes;
    const size_t dim = codes->dim;
    sage_codes_begin(out, vectors, r->n, dim);
    out->scale = codes->scale;
    if (codes->bytes == NULL) return SAGE_OK;
    out->bytes = sage_alloc_aligned(r->n * codes->ld + 1);
    if (out->bytes == NULL) return sage_fail_memory(error, r->n * codes->ld);
    for (size_t row = 0; row < r->n; row++)
        memcpy(out->bytes + row * codes->ld, codes->bytes + r->slots[row] * codes->ld, codes->ld);
    if (codes->heads.bytes == NULL) return SAGE_OK;
    out->heads = codes->heads;
    out->heads.basis = sage_alloc_aligned(SAGE_HEAD * dim * sizeof(float));
    out->heads.bytes = sage_alloc_aligned(r->n * SAGE_HEAD);
    if (out->heads.basis == NULL || out->heads.bytes == NULL) return sage_fail_memory(error, r->n * SAGE_HEAD);
    memcpy(out->heads.basis, codes->heads.basis, SAGE_HEAD * dim * sizeof(float));
    for (size_t row = 0; row < r->n; row++)
        memcpy(out->heads.bytes + row * SAGE_HEAD, codes->heads.bytes + (size_t)r->slots[row] * SAGE_HEAD, SAGE_HEAD);
    return SAGE_OK;
}

sage_status sage_changing_compact(const sage_changing *c, const uint32_t *slots, size_t n, const float *vectors,
                                  sage_hnsw **hnsw, sage_error *error) {
    sage_status st = SAGE_OK;
    renumbering r = {.changing = c, .slots = slots, .n = n};
    *hnsw = NULL;
    sage_hnsw *made = sage_alloc_zero(1, sizeof *made);
    r.places = sage_alloc(n * sizeof *r.places);
    r.rows = sage_alloc(c->hnsw.graph.n * sizeof *r.rows);
    if (made == NULL || r.places == NULL || r.rows == NULL) {
        st = sage_fail_memory(error, (n + c->hnsw.graph.n) * sizeof *r.rows);
        goto out;
    }
    made->build = c->hnsw.build;
    made->seed = c->hnsw.seed;
    SAGE_TRY(make_graph(&made->graph, &r, error));
    SAGE_TRY(copy_codes(&r, vectors, &made->codes, error));
    SAGE_TRY(number(&r, &made->graph, error));
    copy_graph(&r, &made->graph);
    SAGE_TRY(sage_graph_note_copies(&made->graph, error));
    *hnsw = made;
    made = NULL;
out:
    sage_hnsw_free(made);
    sage_free(r.places);
    sage_free(r.rows);
    return st;
}
