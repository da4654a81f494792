/* Item-based nearest neighbours (Sarwar et al. 2001; Deshpande and Karypis 2004): products are alike that the same
 * users touched,
 *   cos(i, j) = |U_i and U_j| / (sqrt(|U_i| |U_j|) + shrink),   cos(i, i) = 1
 * and a candidate's score is the sum of its cos to the user's known products. Of each product the best `neighbours` are
 * kept. A user of more than `per_user` products counts towards what they have in common with so many of them only,
 * evenly spread: so a few users of thousands do not make it quadratic. */
#ifndef SAGE_EVAL_ITEM_KNN_H
#define SAGE_EVAL_ITEM_KNN_H

#include <eval/best.h>
#include <eval/touched.h>

/* The shrink of the baseline. Against none it finds at 10 results 1.05, 1.6 and 3 times as much on three shops, and as
 * much on a fourth. */
enum { SAGE_ITEM_KNN_SHRINK = 10 };

typedef struct sage_item_knn_options {
    size_t neighbours; /* 0: 200 */
    size_t per_user;   /* 0: 200 */
    double shrink;
} sage_item_knn_options;

typedef struct sage_item_knn sage_item_knn; /* read-only once made */
/* Neighbours of the products with asked[p], by all workers. Memory: 8 bytes a neighbour, and of each worker 8 bytes a
 * product. `touched` is not kept. */
sage_status sage_item_knn_new(const sage_touched *touched, const bool *asked, const sage_item_knn_options *options,
                              sage_pool *pool, sage_item_knn **knn, sage_error *error);
void sage_item_knn_free(sage_item_knn *knn);
/* Of a product that was asked; descending, ties by ascending product. */
const sage_neighbour *sage_item_knn_of(const sage_item_knn *knn, size_t product, size_t *n);
/* Adds what a known product says of others and of itself. */
void sage_item_knn_add(const sage_item_knn *knn, uint32_t known, sage_best *best);

#endif
