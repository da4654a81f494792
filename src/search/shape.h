/* Which of a ranked list's candidates are shown: one variant of a group, at most so many of a brand or a seller, and
 * not all much the same. They are chosen one after another; each time, of those whose limits leave room, the one with
 * the most
 *
 *   (1 - diversity) r(i) - diversity max over the chosen j of v(i).v(j)      (MMR, Carbonell and Goldstein 1998)
 *
 * r(i) is the candidate's score, or its place, brought to [0, 1] over all candidates, and v its vector of length 1; so
 * at diversity 0 the order stays. */
#ifndef SAGE_SEARCH_SHAPE_H
#define SAGE_SEARCH_SHAPE_H

#include <itemsage/status.h>
#include <stddef.h>
#include <stdint.h>

enum { SAGE_SHAPE_LIMITS = 8 };

/* At most so many of the chosen have the same key. */
typedef struct sage_shape_limit {
    const uint64_t *keys; /* [n]; 0: has none, and is not limited */
    size_t most;          /* >= 1 */
} sage_shape_limit;

typedef struct sage_shape {
    size_t n;
    const float *scores; /* [n]; NULL: the place says what a candidate is worth */
    const sage_shape_limit *limits;
    size_t n_limits;  /* <= SAGE_SHAPE_LIMITS */
    double diversity; /* [0, 1]; the numbers below are read where it is above 0 */
    const float *vectors;
    size_t dim;
    const uint32_t *rows; /* [n]: candidate i has the vector vectors[rows[i] * dim ..] */
} sage_shape;

/* Up to k of them into chosen[k], as numbers of candidates in the order of choice; gives how many in *n. The time is
 * that of n steps, with diversity of n k products of vectors. SAGE_E_MEMORY. */
sage_status sage_shape_choose(const sage_shape *shape, size_t k, uint32_t *chosen, size_t *n, sage_error *error);

#endif
