/* The release's own methods as listers. */
#ifndef SAGE_EVAL_SEARCHES_H
#define SAGE_EVAL_SEARCHES_H

#include <eval/lister.h>
#include <search/rounds.h>
#include <search/search.h>

/* Zero-initialise but for the first three; free with sage_searches_free. */
typedef struct sage_searches {
    sage_engine *engine;
    sage_pool *pool;
    sage_interest_rules rules;
    sage_known_event *events;
    sage_history *histories;
    sage_scored *found;
    uint32_t *rows;
    float *queries;
    sage_neighbour *lists; /* of the interests of several users */
    sage_turn *turns;
    sage_without without;
    size_t events_capacity, histories_capacity, found_capacity, rows_capacity, queries_capacity, lists_capacity,
        turns_capacity;
} sage_searches;

/* They live as long as the searches do; one at a time. Those by a tower, or by what is given in its place: only where
 * there is such. */
sage_lister sage_by_user_tower(sage_searches *searches);    /* "vectors" */
sage_lister sage_by_interests(sage_searches *searches);     /* "interests": as sage_engine_interests gives them */
sage_lister sage_by_user_hybrid(sage_searches *searches);   /* "hybrid": as sage_engine_user_hybrid gives them */
sage_lister sage_by_product_tower(sage_searches *searches); /* "vectors" */
/* Those nearest to the own vector of the product that is looked at: "vectors" too where there is no such, else
 * "similar". */
sage_lister sage_by_own_vector(sage_searches *searches);
/* What the engine reads of n pasts, in searches->histories. */
sage_status sage_searches_histories(sage_searches *searches, const sage_past *pasts, size_t n, sage_error *error);
void sage_searches_free(sage_searches *searches);

#endif
