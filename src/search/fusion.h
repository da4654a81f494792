/* One fusion of vectors and keywords: a weighted sum of two scores brought to one scale, over everything that either
 * side found. Its weight is chosen on validation queries when a release is built, and kept with it.
 *
 *   fused = w V + (1 - w) K
 *   V = (v - low) / (high - low)   v: inner product with the query; high: the best product's, low: the last one's of
 * the vectors' list. A product that only keywords found has its true v, and V < 0. K = b / b_max                  b:
 * BM25; b_max: the best product's. 0 for a product that holds none of the words.
 *
 * So nothing is imputed: both scores of every candidate are what a full ranking by that side would have given it (BM25
 * of a product beyond the keywords' list being the one exception: it counts as 0). */
#ifndef SAGE_SEARCH_FUSION_H
#define SAGE_SEARCH_FUSION_H

#include <itemsage/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sage_scored {
    int64_t pid;
    float score;
} sage_scored;

typedef struct sage_fusion {
    double weight; /* of the vectors, in [0, 1]; 1 - weight is the keywords' */
    size_t depth;  /* candidates taken from each side, at least 100 */
} sage_fusion;

typedef struct sage_candidate {
    int64_t pid;
    float vector;  /* inner product; 0 for all where the vectors' list is empty */
    float keyword; /* BM25; 0: not in the keywords' list */
} sage_candidate;

/* Everything that either side found for one query, ascending by pid. Zero-initialise; reused from query to query. */
typedef struct sage_candidates {
    sage_candidate *list;
    size_t n, capacity;
    bool has_vectors;
    float vector_low, vector_high, keyword_high;
} sage_candidates;

/* Inner product of the query and a product; false where the index has no such product (it is then left out). */
typedef bool (*sage_vector_score_fn)(void *ctx, int64_t pid, float *score);

/* Joins two lists, each by descending score; score_of is asked for products that are in the second list only. */
sage_status sage_candidates_join(sage_candidates *candidates, const sage_scored *vectors, size_t n_vectors,
                                 const sage_scored *keywords, size_t n_keywords, sage_vector_score_fn score_of,
                                 void *ctx, sage_error *error);
void sage_candidates_free(sage_candidates *candidates);

float sage_fused_score(double weight, const sage_candidates *candidates, const sage_candidate *candidate);
/* All n candidates into out[n], descending, ties by ascending pid. */
void sage_fuse(double weight, const sage_candidates *candidates, sage_scored *out);

#endif
