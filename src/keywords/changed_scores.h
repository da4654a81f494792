/* The scores of changed products for the query that runs (changes.h). */
#ifndef SAGE_KEYWORDS_CHANGED_SCORES_H
#define SAGE_KEYWORDS_CHANGED_SCORES_H

#include <keywords/changed_words.h>

typedef struct sage_keywords sage_keywords;

typedef struct sage_changed_scores { /* zero-initialise */
    uint64_t *hashes;                /* [parts] of the query's stems */
    double *idf;                     /* [words] */
    size_t hashes_capacity, idf_capacity;
} sage_changed_scores;

/* After sage_lists_ask. */
sage_status sage_changed_scores_begin(sage_keywords *keywords, sage_error *error);
/* The product's BM25 for the query, 0 where it holds none of the words, or is gone. */
double sage_changed_score(const sage_keywords *keywords, const sage_words_change *change);
void sage_changed_scores_free(sage_changed_scores *scores);

#endif
