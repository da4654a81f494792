/* A way to every row. Whoever is linked to a row may give that link up for a nearer one, so after many rows have come,
 * or some have gone, to a few no link leads any more, or only from each other: no walk finds them. */
#ifndef SAGE_INDEX_REACH_H
#define SAGE_INDEX_REACH_H

#include <index/walk.h>

/* On the ground, from the entry, to all rows of `stands` (bits): to those without a way one of the nearest rows that
 * has one is linked, in a free place, or in that of its farthest link by which no way was found. Beside readers; rows
 * that the ways lead through may be dead. width: of walks towards such rows. Where there is not memory for 8 bytes a
 * row nothing is changed. */
sage_status sage_reach_all(sage_graph *graph, const sage_codes *codes, const uint64_t *stands, sage_walker *walker,
                           size_t width, sage_error *error);

#endif
