/* The graph that approximate search walks (Malkov and Yashunin 2018, "HNSW"): every row stands on the ground, with up
 * to 2 m links; one in m of them one level higher too, with up to m links there, and so on. A row of the graph is a row
 * of the vectors. Links of a row on one level are a block of fixed width, filled from the front, the rest SAGE_NO_ROW:
 * whole cache lines where m is a multiple of 8, and a row's links can be changed where they stand.
 *
 * Links are read and written atomically: a reader beside a writer (changing.h) sees an older or a newer link, each of
 * them a row that is there, though perhaps one that came after it began. */
#ifndef SAGE_INDEX_GRAPH_H
#define SAGE_INDEX_GRAPH_H

#include <index/bits.h>
#include <index/index.h>

enum { SAGE_GRAPH_LEVELS = 16, SAGE_GRAPH_M_MIN = 4, SAGE_GRAPH_M_MAX = 64, SAGE_GRAPH_BUILD_MAX = 4096 };

typedef struct sage_graph {
    size_t n, m;
    uint32_t *ground;  /* [n][2 m] */
    uint32_t *upper;   /* [n_upper][m] */
    uint32_t *above;   /* [n]: the row's block of level 1 in `upper`; those of its higher levels follow */
    uint8_t *levels;   /* [n]: the highest on which the row stands */
    uint32_t *copies;  /* [n]: the next row with the same code (copies.h); only the first has links */
    uint64_t *doubled; /* rows that a copy follows: `copies` as bits, which stay in the cache; set before the copy is */
    size_t n_upper;
    uint32_t entry; /* a row on the highest level; SAGE_NO_ROW where there are none */
    uint64_t *dead; /* rows that are walked through and never given (bits.h); NULL: none */
    size_t n_dead;
    size_t n_gone; /* of the dead, those to which nothing leads any more */
} sage_graph;

/* Rows without links, and without copies noted; levels follow from (seed, row) alone. */
sage_status sage_graph_new(sage_graph *graph, size_t n, size_t m, uint64_t seed, sage_error *error);
uint8_t sage_graph_level(uint64_t seed, size_t row, size_t m);
sage_status sage_graph_note_copies(sage_graph *graph, sage_error *error); /* makes `doubled` from `copies` */
/* Rows that are no other's copy into `stands`, n bits of zeros; gives how many. */
size_t sage_graph_standing(const sage_graph *graph, uint64_t *stands);
void sage_graph_free(sage_graph *graph); /* of one whose arrays are its own memory */
size_t sage_graph_bytes(const sage_graph *graph);

/* Every link and every copy, of a graph that came from a file. SAGE_E_FORMAT says of which row one is wrong. */
sage_status sage_graph_verify(const sage_graph *graph, sage_error *error);

static inline size_t sage_graph_width(const sage_graph *graph, unsigned level) {
    return level == 0 ? 2 * graph->m : graph->m;
}

static inline uint32_t *sage_graph_links(const sage_graph *graph, uint32_t row, unsigned level) {
    if (level == 0) return graph->ground + (size_t)row * 2 * graph->m;
    return graph->upper + ((size_t)graph->above[row] + level - 1) * graph->m;
}

static inline void sage_graph_prefetch(const sage_graph *graph, uint32_t row, unsigned level) {
    const char *links = (const char *)sage_graph_links(graph, row, level);
    const size_t bytes = sage_graph_width(graph, level) * sizeof(uint32_t);
    for (size_t i = 0; i < bytes; i += 64) __builtin_prefetch(links + i);
}

/* Rows that are there now; more may come, none goes. */
static inline size_t sage_graph_rows(const sage_graph *graph) {
    return __atomic_load_n(&graph->n, __ATOMIC_ACQUIRE);
}

static inline bool sage_graph_gives(const sage_graph *graph, uint32_t row) {
    return graph->dead == NULL || !sage_bit(graph->dead, row);
}

static inline bool sage_graph_has_copies(const sage_graph *graph, uint32_t row) {
    return sage_bit(graph->doubled, row);
}

static inline uint32_t sage_link(const uint32_t *link) {
    return __atomic_load_n(link, __ATOMIC_ACQUIRE);
}

static inline void sage_link_set(uint32_t *link, uint32_t row) {
    __atomic_store_n(link, row, __ATOMIC_RELEASE);
}

#endif
