/* How a search under a filter is answered. Three ways, each the cheapest somewhere:
 *   scan   all accepted rows are looked at: few are accepted
 *   test   a walk over all rows, wider, of whose candidates those that are not accepted are left out: many are accepted
 *   among  a walk led by accepted rows (among.h): long lists, and queries around which few are accepted */
#ifndef SAGE_INDEX_PLAN_H
#define SAGE_INDEX_PLAN_H

#include <stdbool.h>
#include <stddef.h>

typedef enum sage_plan_way { SAGE_PLAN_SCAN, SAGE_PLAN_AMONG, SAGE_PLAN_TEST } sage_plan_way;

typedef struct sage_plan {
    sage_plan_way way;
    size_t width; /* candidates that are kept */
} sage_plan;

/* n rows, of which about `matches` are accepted; a search for k by the `width` nearest, which may be fewer. */
sage_plan sage_plan_choose(size_t n, size_t matches, size_t k, size_t width);
/* After a walk over all rows of whose candidates too few were accepted: the query is far from what is. */
sage_plan sage_plan_again(size_t n, size_t matches, size_t width);

#endif
