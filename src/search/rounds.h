/* Several ranked lists made one, fairly: smooth weighted round robin. Whose turn it is: every list that has something
 * left gains its weight; the list that then has most (the first of equals) gives its next product and pays what all
 * gained together. So each prefix of the result holds products of a list in proportion to its weight, to within one or
 * two, and they are spread evenly. A product that another list gave before is passed over. */
#ifndef SAGE_SEARCH_ROUNDS_H
#define SAGE_SEARCH_ROUNDS_H

#include <index/index.h>
#include <search/without.h>

enum { SAGE_ROUNDS_MAX = 64 };

typedef struct sage_turn {
    sage_neighbour hit;
    uint16_t list;
} sage_turn;

/* lists [n_lists][stride], of which found[i] count; weights >= 0. Takes at most k into out, marks them in `without`,
 * and returns how many. *dry: a list ran out, so longer ones could have given another result. */
size_t sage_rounds(const sage_neighbour *lists, size_t stride, const size_t *found, const double *weights,
                   size_t n_lists, sage_without *without, size_t k, sage_turn *out, bool *dry);

#endif
