/* Who did something with what in training: distinct (user, product) pairs, looked at from either side. What the
 * baselines count from, and nothing else: so no baseline has seen what is held out. */
#ifndef SAGE_EVAL_TOUCHED_H
#define SAGE_EVAL_TOUCHED_H

#include <itemsage/status.h>
#include <stddef.h>
#include <stdint.h>

/* Memory: 8 bytes a pair, 8 a user and 8 a product. */
typedef struct sage_touched {
    size_t n_products, n_users, n_pairs;
    size_t *user_begin;    /* [n_users + 1] */
    uint32_t *products;    /* [n_pairs] of user u: user_begin[u] .. user_begin[u + 1]), ascending */
    size_t *product_begin; /* [n_products + 1] */
    uint32_t *users;       /* [n_pairs] of product p, ascending */
    size_t users_capacity, pairs_capacity;
} sage_touched;

/* Products are numbers below n_products. Zero-initialise; free with sage_touched_free. */
sage_status sage_touched_begin(sage_touched *touched, size_t n_products, sage_error *error);
/* One more user's products, in any order and with repeats. */
sage_status sage_touched_add(sage_touched *touched, const uint32_t *products, size_t n, sage_error *error);
sage_status sage_touched_finish(sage_touched *touched, sage_error *error); /* the products' side */
void sage_touched_free(sage_touched *touched);

static inline size_t sage_touched_users_of(const sage_touched *touched, size_t product) {
    return touched->product_begin[product + 1] - touched->product_begin[product];
}

#endif
