/* The release's own methods as listers. */
#ifndef SAGE_EVAL_SEARCHES_H
#define SAGE_EVAL_SEARCHES_H

#include <eval/lister.h>
#include <search/search.h>

/* Zero-initialise but for the first three; free with sage_searches_free. */
typedef struct sage_searches {
    sage_engine *engine;
    sage_pool *pool;
    sage_interest_rules rules;
    sage_known_event *events;
    sage_scored *found;
    float *queries;
    size_t events_capacity, found_capacity, queries_capacity;
} sage_searches;

/* They live as long as the searches do; one at a time. */
sage_lister sage_by_interests(sage_searches *searches);  /* "interests": of what somebody did */
sage_lister sage_by_own_vector(sage_searches *searches); /* "vectors": nearest to the product that is looked at */
void sage_searches_free(sage_searches *searches);

#endif
