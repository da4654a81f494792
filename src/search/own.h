/* The hybrid of users' queries: what the tower says of a product, how often and how lately the user dealt with it, and
 * how much those deal with it who deal with the user's products. People buy again, and one vector of unit length cannot
 * stand near dozens of products at once.
 *
 *   score(p)    = q.p + weight log(1 + own(p) / 0.1) + together_weight log(1 + together(p) / 0.1)
 *   own(p)      = sum over the user's known events of p, each counting once, of 0.5^(age / half-life)
 *   together(p) = sum over the distinct products j of the user's newest events of item-kNN's score of p by j
 *
 * A product that nobody has dealt with yet has the mean together(p) of the others that the tower found.
 * An event of which no time is known has age 0. Candidates are the tower's nearest, all of the user's own products, and
 * what their users dealt with besides, with their true inner products. The weights and the half-life are chosen on
 * validation users when a release is built, and kept with it. */
#ifndef SAGE_SEARCH_OWN_H
#define SAGE_SEARCH_OWN_H

#include <index/index.h>
#include <itemsage/search.h>
#include <search/interests.h>
#include <search/together.h>

enum { SAGE_TOGETHER_EVENTS = 1000 };

typedef struct sage_own_rule {
    double weight;         /* >= 0; at 0 the order is the tower's */
    double half_life_days; /* > 0 */
    double together;       /* >= 0, the weight of together(p) */
} sage_own_rule;
extern const sage_own_rule sage_own_default; /* where nothing chose it: 0.2, 120 days, 0.1 */

/* Candidates of one query. Zero-initialise; reused from query to query. */
typedef struct sage_owned {
    sage_neighbour *candidates; /* [n] each product once, with its inner product; the first n_owned are the user's */
    sage_known_event *events;   /* [n_events] in the order of the owned candidates; row: number of the candidate */
    float *together;            /* [n] of the candidates, 0 where nothing is known */
    sage_neighbour *near;       /* scratch */
    double *sums;               /* [n_owned] scratch */
    sage_neighbour *ranked;     /* [n] what sage_owned_rank gave last */
    size_t n, n_owned, n_events;
    size_t candidates_capacity, events_capacity, sums_capacity, ranked_capacity, together_capacity, near_capacity;
} sage_owned;

/* list [n_list]: the tower's nearest, each once, with their scores; the index gives those of other own products. */
sage_status sage_owned_gather(sage_owned *own, const sage_index *index, const float *query,
                              const sage_known_event *events, size_t n_events, const sage_neighbour *list,
                              size_t n_list, sage_error *error);
/* After it, with the same query and events: what the same users dealt with. */
sage_status sage_owned_add_together(sage_owned *own, const sage_together *together, const sage_index *index,
                                    const float *query, const sage_known_event *events, size_t n_events,
                                    sage_error *error);
/* Inside of the two: room for so many candidates, and what there is stays; that of a list, ascending, with this row. */
sage_status sage_owned_room(sage_owned *own, size_t n_candidates, sage_error *error);
sage_neighbour *sage_owned_find(sage_neighbour *list, size_t n, uint32_t row);
/* What a candidate's score is made of, under the rule that the last rank had. */
void sage_owned_parts(const sage_owned *own, const sage_own_rule *rule, size_t candidate, sage_parts *parts);
/* All of the candidates [own->n] by descending score, ties by ascending row; lives until the next call. */
const sage_neighbour *sage_owned_rank(sage_owned *own, const sage_own_rule *rule);
void sage_owned_free(sage_owned *own);

#endif
