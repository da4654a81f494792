/* The k best of a stream of scored rows: what passes the worst of the k best so far goes into a buffer of some more
 * than k, which is cut back to k (quickselect) whenever it is full. Cheaper than a heap: most rows cost a part of one
 * comparison.
 * Candidates are the numbers of score.h. */
#ifndef SAGE_INDEX_TOPK_H
#define SAGE_INDEX_TOPK_H

#include <index/index.h>

typedef struct sage_top {
    uint64_t *list; /* [sage_top_room(k)], the caller's */
    size_t n, k, room;
    bool full; /* has been cut: only what beats the bar is among the k best */
    float bar; /* the k-th best score at the last cut */
} sage_top;

size_t sage_top_room(size_t k);
void sage_top_begin(sage_top *top, uint64_t *list, size_t k); /* k >= 1 */
/* Scores of the rows first .. first + n; rows must come in ascending order. NaN counts as minus infinity. */
void sage_top_scan(sage_top *top, const float *scores, size_t n, uint32_t first);
/* One row, in any order. */
void sage_top_add(sage_top *top, float score, uint32_t row);
void sage_top_merge(sage_top *top, const sage_top *other); /* rows of `other` in any order */
/* Descending score, ties by ascending row, into out[k]; gives how many there are, at most k. */
size_t sage_top_finish(sage_top *top, sage_neighbour *out);

#endif
