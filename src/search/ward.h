/* Ward's clustering of a few hundred vectors (Ward 1963), by the nearest-neighbour chain (Murtagh 1983) with the
 * Lance-Williams update
 *
 *   d(k, ij)^2 = ((n_i + n_k) d(i, k)^2 + (n_j + n_k) d(j, k)^2 - n_k d(i, j)^2) / (n_i + n_j + n_k)
 *
 * where d of two vectors is their Euclidean distance: the heights of SciPy's linkage(method="ward"). n^2 time and
 * memory. The same vectors give the same tree; where distances are equal, lower numbers merge first. */
#ifndef SAGE_SEARCH_WARD_H
#define SAGE_SEARCH_WARD_H

#include <itemsage/status.h>
#include <stddef.h>
#include <stdint.h>

enum { SAGE_WARD_MAX = 512 };

/* Numbers below n are vectors, n + i is the cluster of merge i. */
typedef struct sage_merge {
    uint32_t a, b; /* a < b */
    double height; /* never below that of an earlier merge */
} sage_merge;

/* vectors [n][dim], 1 <= n <= SAGE_WARD_MAX; merges [n - 1], by ascending height. */
sage_status sage_ward_tree(const float *vectors, size_t n, size_t dim, sage_merge *merges, sage_error *error);
/* Merges that are no higher than `distance`, and others until there are no more than `most` clusters (>= 1). cluster
 * [n]: each vector's, numbered in the order of their first vectors. Returns how many there are. */
size_t sage_ward_cut(const sage_merge *merges, size_t n, double distance, size_t most, uint16_t cluster[SAGE_WARD_MAX]);

#endif
