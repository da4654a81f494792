/* The nearest of the rows that a filter accepts: every one of them looked at, or a walk that is led by them. */
#ifndef SAGE_INDEX_AMONG_H
#define SAGE_INDEX_AMONG_H

#include <index/filter.h>
#include <index/walk.h>

/* Whether a row may be a result. */
static inline bool sage_admits(const sage_graph *graph, const sage_filter *filter, uint32_t row) {
    return (filter == NULL || sage_filter_accepts(filter, row)) && sage_graph_gives(graph, row);
}

/* Below, `filter` NULL accepts every row, and what is dead is not accepted. sage_walker_fit comes first.
 *
 * The `width` nearest by their codes of all rows that the filter accepts, into walker->beam; copies
 * stand there themselves. Nothing that exists is missed but by what codes, and heads in one case of a hundred, lose. */
void sage_scan_among(sage_walker *walker, sage_probe probe, const sage_filter *filter, size_t width);

/* Up to `width` accepted rows, or rows a copy of which is accepted, that a walk from `from` on the ground meets, into
 * walker->beam. Rows that are not accepted are never compared: the walk goes through them, to what their links lead to.
 * False where it has cost more than twice the scan of `scan_rows` rows: what it found is not to be relied on. */
bool sage_walk_among(sage_walker *walker, sage_probe probe, const sage_filter *filter, uint32_t from, size_t width,
                     size_t scan_rows);

#endif
