/* One fusion of vectors and keywords. Its form and weight are chosen on validation queries when a release is built, and kept with it. */
#ifndef SAGE_SEARCH_FUSION_H
#define SAGE_SEARCH_FUSION_H

#include <itemsage/status.h>
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

/* Fuses two lists (each descending); out has room for a_n + b_n; gives the descending union, ties by pid. The formula stands in fusion.c. */
sage_status sage_fuse(const sage_fusion *fusion, const sage_scored *vectors, size_t a_n, const sage_scored *keywords, size_t b_n, sage_scored *out,
                      size_t *n, sage_error *error);

#endif
