/* The best of products that were given scores one by one: most of a catalogue has none. */
#ifndef SAGE_EVAL_BEST_H
#define SAGE_EVAL_BEST_H

#include <index/index.h>

/* One worker's. Zero-initialise; free with sage_best_free. */
typedef struct sage_best {
    float *scores; /* [n_products] > 0 of those that are touched, else 0 */
    size_t n_products;
    uint32_t *touched; /* [n_products] */
    size_t n_touched;
    uint64_t *list;
    size_t list_capacity;
} sage_best;

sage_status sage_best_init(sage_best *best, size_t n_products, sage_error *error);
void sage_best_free(sage_best *best);

/* amount > 0 */
static inline void sage_best_add(sage_best *best, uint32_t product, float amount) {
    if (best->scores[product] == 0) best->touched[best->n_touched++] = product;
    best->scores[product] += amount;
}

/* The k best that have a score into out [k], descending, ties by ascending product; gives how many. Then nothing has a
 * score. */
sage_status sage_best_take(sage_best *best, size_t k, sage_neighbour *out, size_t *n, sage_error *error);

#endif
