/* The union of what vectors and keywords found for one query, with both true scores of each product. In two steps,
 * since the keywords are asked for the scores of the vectors' products while they search. */
#ifndef SAGE_SEARCH_JOIN_H
#define SAGE_SEARCH_JOIN_H

#include <index/index.h>
#include <keywords/keywords.h>
#include <search/fusion.h>

/* Zero-initialise; reused from query to query. */
typedef struct sage_join {
    sage_candidate *list;
    int64_t *wanted; /* the vectors' products, ascending */
    float *scores;   /* [n_vectors]: their BM25, for the keywords to fill */
    size_t n_vectors;
    size_t list_capacity, wanted_capacity, scores_capacity;
} sage_join;

sage_status sage_join_begin(sage_join *join, const sage_scored *vectors, size_t n_vectors, sage_error *error);
/* `query`: its vector, or NULL where the model knows nothing of it. Hits of products that the index lacks are left out.
 * *candidates points into the join. */
sage_status sage_join_end(sage_join *join, const sage_keyword_hit *hits, size_t n_hits, const sage_index *index,
                          const float *query, sage_candidates *candidates, sage_error *error);
void sage_join_free(sage_join *join);

#endif
