#include <base/alloc.h>
#include <base/error.h>
#include <base/rng.h>
#include <index/graph.h>
#include <math.h>
#include <string.h>

/* One row in m stands on the next level, one in m of those on the one above it. */
uint8_t sage_graph_level(uint64_t seed, size_t row, size_t m) {
    sage_rng rng;
    sage_rng_seed(&rng, seed, row);
    double level = -log(1 - sage_rng_unit(&rng)) / log((double)m);
    return (uint8_t)(level < SAGE_GRAPH_LEVELS ? level : SAGE_GRAPH_LEVELS);
}

sage_status sage_graph_new(sage_graph *graph, size_t n, size_t m, uint64_t seed, sage_error *error) {
    *graph = (sage_graph){.n = n, .m = m, .entry = SAGE_NO_ROW};
    if (n >= SAGE_NO_ROW / 2) return sage_fail(error, SAGE_E_LIMIT, "%zu products; one index holds up to 2 billion", n);
    size_t ground = n * 2 * m * sizeof *graph->ground;
    graph->levels = sage_alloc(n);
    graph->above = sage_alloc(n * sizeof *graph->above);
    graph->copies = sage_alloc(n * sizeof *graph->copies);
    graph->ground = sage_alloc_aligned(ground + 1);
    if (graph->levels == NULL || graph->above == NULL || graph->copies == NULL || graph->ground == NULL) goto no_memory;
    for (size_t i = 0; i < n; i++) {
        graph->levels[i] = sage_graph_level(seed, i, m);
        graph->above[i] = (uint32_t)graph->n_upper;
        graph->n_upper += graph->levels[i];
    }
    graph->upper = sage_alloc_aligned(graph->n_upper * m * sizeof *graph->upper + 1);
    if (graph->upper == NULL) goto no_memory;
    sage_huge_pages(graph->ground, ground);
    memset(graph->ground, 0xff, ground);
    memset(graph->upper, 0xff, graph->n_upper * m * sizeof *graph->upper);
    return SAGE_OK;
no_memory:
    sage_graph_free(graph);
    return sage_fail_memory(error, ground);
}

sage_status sage_graph_note_copies(sage_graph *graph, sage_error *error) {
    sage_free(graph->doubled);
    graph->doubled = sage_alloc_zero(sage_bits_bytes(graph->n) + 1, 1);
    if (graph->doubled == NULL) return sage_fail_memory(error, sage_bits_bytes(graph->n));
    for (size_t row = 0; row < graph->n; row++)
        if (graph->copies[row] != SAGE_NO_ROW) graph->doubled[row / 64] |= (uint64_t)1 << row % 64;
    return SAGE_OK;
}

size_t sage_graph_standing(const sage_graph *graph, uint64_t *stands) {
    size_t n = graph->n;
    for (size_t row = 0; row < graph->n; row++) sage_bit_set(stands, (uint32_t)row);
    for (size_t row = 0; row < graph->n; row++) {
        if (graph->copies[row] >= graph->n) continue;
        sage_bit_clear(stands, graph->copies[row]);
        n--;
    }
    return n;
}

void sage_graph_free(sage_graph *graph) {
    sage_free(graph->levels);
    sage_free(graph->above);
    sage_free(graph->copies);
    sage_free(graph->ground);
    sage_free(graph->upper);
    sage_free(graph->doubled);
    *graph = (sage_graph){.entry = SAGE_NO_ROW};
}

/* Filled from the front, and with rows that stand on that level and are not the row itself. */
static bool links_are_sound(const sage_graph *graph, uint32_t row, unsigned level) {
    const uint32_t *links = sage_graph_links(graph, row, level);
    const size_t width = sage_graph_width(graph, level);
    size_t n = 0;
    while (n < width && links[n] < graph->n && links[n] != row && graph->levels[links[n]] >= level) n++;
    while (n < width && links[n] == SAGE_NO_ROW) n++;
    return n == width;
}

sage_status sage_graph_verify(const sage_graph *graph, sage_error *error) {
    for (uint32_t row = 0; row < graph->n; row++) {
        const uint32_t next = graph->copies[row];
        bool sound = next == SAGE_NO_ROW || (next > row && next < graph->n);
        for (unsigned level = 0; sound && level <= graph->levels[row]; level++)
            sound = links_are_sound(graph, row, level);
        if (!sound) return sage_fail(error, SAGE_E_FORMAT, "row %u has a link or a copy that is none", (unsigned)row);
    }
    return SAGE_OK;
}

size_t sage_graph_bytes(const sage_graph *graph) {
    return (graph->n * 2 + graph->n_upper) * graph->m * sizeof *graph->ground +
           graph->n * (sizeof *graph->above + sizeof *graph->copies + sizeof *graph->levels) +
           sage_bits_bytes(graph->n);
}
