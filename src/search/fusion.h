/* One fusion of vectors and keywords: a weighted sum of the two scores, over everything that either side found. Its
 * weight is chosen on validation queries when a release is built, and kept with it.
 *
 *   fused = w v + (1 - w) b / b_max
 *   v: inner product of the query's and the product's vector, in [-1, 1]
 *   b: BM25; b_max: that of the best product for the query. 0 for a product that holds none of the words
 *
 * Both scores of every candidate are its true ones, whichever side found it: nothing is imputed, and the depth of the
 * lists hardly matters. Compared on homedepot's validation queries with scaling the vectors' list to [0, 1], z-scores,
 * raw BM25, powers of either and reciprocal ranks: equal or better at 10 and at 100, and the only one of them that does
 * not depend on where a list ends. */
#ifndef SAGE_SEARCH_FUSION_H
#define SAGE_SEARCH_FUSION_H

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
    float vector;  /* inner product; 0 for all where the model knows nothing of the query */
    float keyword; /* BM25 */
} sage_candidate;

/* Everything that either side found for one query, ascending by pid. */
typedef struct sage_candidates {
    const sage_candidate *list;
    size_t n;
    float keyword_high; /* the best BM25 of any product; 0 where none holds a word */
} sage_candidates;

/* What both sides give for one text. */
typedef struct sage_lists {
    const sage_scored *vectors, *keywords; /* each descending, at most as many as were asked for, the depth */
    size_t n_vectors, n_keywords;
    sage_candidates candidates; /* of both, with their true scores, ready for sage_fuse */
} sage_lists;

/* NULL: neither side found it. */
const sage_candidate *sage_candidates_find(const sage_candidates *candidates, int64_t pid);
/* What the vectors add to a fused score; the keywords add the rest. */
float sage_fused_vectors(double weight, const sage_candidate *candidate);
float sage_fused_score(double weight, const sage_candidates *candidates, const sage_candidate *candidate);
/* All n candidates into out[n], descending, ties by ascending pid. */
void sage_fuse(double weight, const sage_candidates *candidates, sage_scored *out);
/* Whether deeper lists would give the same k best as `fused`: the last of each list has as much as any product behind
 * them both can have, and the k-th has more (the threshold algorithm; Fagin, Lotem and Naor 2001). */
bool sage_fused_surely(double weight, const sage_lists *lists, size_t depth, const sage_scored *fused, size_t k);

#endif
