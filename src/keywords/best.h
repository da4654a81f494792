/* The k best of a stream of hits: a heap whose root is the worst. */
#ifndef SAGE_KEYWORDS_BEST_H
#define SAGE_KEYWORDS_BEST_H

#include <keywords/keywords.h>

typedef struct sage_best {
    sage_keyword_hit *heap; /* [k], the caller's */
    size_t n, k;
} sage_best;

void sage_best_offer(sage_best *best, sage_keyword_hit hit);
/* From then on a hit comes in only where it beats heap[0], by score or, with the same, by a smaller pid. */
static inline bool sage_best_full(const sage_best *best) {
    return best->n == best->k;
}
void sage_best_sort(sage_best *best); /* heap[n]: descending score, ties by ascending pid */

#endif
