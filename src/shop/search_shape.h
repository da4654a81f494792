/* What a search found, shaped as its query asks: one variant of a group, limits by brand and the like, diversity
 * (search/shape.h). */
#ifndef SAGE_SHOP_SEARCH_SHAPE_H
#define SAGE_SHOP_SEARCH_SHAPE_H

#include <shop/shop.h>

/* Zero-initialise; reused from query to query. */
typedef struct sage_shaping {
    uint64_t *keys; /* [limits][n] */
    float *scores;
    uint32_t *rows, *chosen;
    sage_scored *scored;
    uint16_t *of;
    size_t keys_capacity, scores_capacity, rows_capacity, chosen_capacity, scored_capacity, of_capacity;
} sage_shaping;

bool sage_shaping_asked(const sage_query *query);
/* SAGE_E_ARGUMENT: a diversity out of its range, a limit that is none, or of what is no column of words. */
sage_status sage_shaping_check(const sage_query *query, const sage_index *index, sage_error *error);
/* How many candidates to ask for at first; where they do not fill the list, four times as many, until no more come. */
size_t sage_shaping_depth(const sage_query *query);
/* Of scored[n], best first, each a product of the index, the query->n that are shown move to the front, in their
 * order; n_shown: how many. `of` moves along; NULL: there is none, else scores do not fall from one to the next, and
 * places are what counts. */
sage_status sage_shaping_apply(sage_shaping *shaping, const sage_query *query, const sage_index *index,
                               sage_scored *scored, uint16_t *of, size_t n, size_t *n_shown, sage_error *error);
void sage_shaping_free(sage_shaping *shaping);

#endif
