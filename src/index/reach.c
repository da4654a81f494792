/* Ways are found breadth first; who was met by whose link is a tree, whose links stay, so that mending one row's way
 * takes no other's. */
#include <base/alloc.h>
#include <base/error.h>
#include <index/reach.h>

typedef struct reach {
    sage_graph *graph;
    const sage_codes *codes;
    sage_walker *walker;
    size_t width;
    uint32_t *way;   /* [graph->n]: the row whose link led to it first; SAGE_NO_ROW: none did */
    uint32_t *queue; /* [graph->n]: the rows that were met */
    size_t n, at;
} reach;

static void meet(reach *r, uint32_t row, uint32_t from) {
    r->way[row] = from;
    r->queue[r->n++] = row;
}

/* Goes on from all that have been met. */
static void follow(reach *r) {
    const size_t width = sage_graph_width(r->graph, 0);
    while (r->at < r->n) {
        const uint32_t from = r->queue[r->at++];
        const uint32_t *links = sage_graph_links(r->graph, from, 0);
        for (size_t i = 0; i < width && links[i] != SAGE_NO_ROW; i++)
            if (r->way[links[i]] == SAGE_NO_ROW) meet(r, links[i], from);
    }
}

/* Links `from`, which has been met, to `to`; false where all its links are ways. */
static bool lead(const reach *r, uint32_t from, uint32_t to) {
    const size_t width = sage_graph_width(r->graph, 0);
    uint32_t *links = sage_graph_links(r->graph, from, 0), scores[2 * SAGE_GRAPH_M_MAX], least = UINT32_MAX;
    size_t n = 0, place = width;
    while (n < width && links[n] != SAGE_NO_ROW) n++;
    if (n < width) {
        place = n;
    } else {
        sage_codes_score(r->codes, sage_codes_row(r->codes, from), n, links, scores);
        for (size_t i = 0; i < n; i++)
            if (r->way[links[i]] != from && scores[i] <= least) {
                least = scores[i];
                place = i;
            }
    }
    if (place == width) return false;
    sage_link_set(&links[place], to);
    return true;
}

/* From the nearest row that can, else from any: of all links fewer are ways than there are rows. */
static void mend(reach *r, uint32_t row) {
    const sage_beam *near = &r->walker->beam;
    const sage_probe probe = sage_codes_row(r->codes, row);
    const uint32_t below = sage_walk_down(r->walker, probe, r->graph->entry, 0);
    sage_walk_level(r->walker, probe, below, 0, r->width);
    for (size_t i = 0; i < near->n; i++) {
        const uint32_t from = sage_beam_row(near->list[i]);
        if (r->way[from] == SAGE_NO_ROW || !lead(r, from, row)) continue;
        meet(r, row, from);
        return;
    }
    for (size_t i = 0; i < r->n; i++) {
        const uint32_t from = r->queue[i];
        if (!lead(r, from, row)) continue;
        meet(r, row, from);
        return;
    }
}

sage_status sage_reach_all(sage_graph *graph, const sage_codes *codes, const uint64_t *stands, sage_walker *walker,
                           size_t width, sage_error *error) {
    sage_status st = SAGE_OK;
    reach r = {.graph = graph, .codes = codes, .walker = walker, .width = width};
    if (graph->entry == SAGE_NO_ROW) return SAGE_OK;
    r.way = sage_alloc(graph->n * sizeof *r.way);
    r.queue = sage_alloc(graph->n * sizeof *r.queue);
    if (r.way == NULL || r.queue == NULL) {
        st = sage_fail_memory(error, 2 * graph->n * sizeof *r.way);
        goto out;
    }
    SAGE_TRY(sage_walker_fit(walker, width, error));
    for (size_t row = 0; row < graph->n; row++) r.way[row] = SAGE_NO_ROW;
    meet(&r, graph->entry, graph->entry);
    follow(&r);
    for (uint32_t row = 0; row < graph->n; row++) {
        if (r.way[row] != SAGE_NO_ROW || !sage_bit(stands, row)) continue;
        mend(&r, row);
        follow(&r);
    }
out:
    sage_free(r.way);
    sage_free(r.queue);
    return st;
}
