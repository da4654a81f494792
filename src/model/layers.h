/* The layers of which encoder, head and search tower are made. "_rows" functions work on rows [begin, end) of a batch
 * on the calling worker and call the serial BLAS; the others cut their work over the pool. Weights are [out][in], so
 * that y = x W^T + b. */
#ifndef SAGE_MODEL_LAYERS_H
#define SAGE_MODEL_LAYERS_H

#include "impl.h"

/* out = S x + W_2 gelu(W_1 x + b_1) + b_2; S is the identity where skip_grad is absent (skip == NULL, in == out). */
typedef struct mlp {
    size_t in, hidden, out;
    const real *w1, *b1, *w2, *b2, *skip;
} mlp;

/* What a pass keeps: pre [n][hidden] before, act [n][hidden] after GELU; d_act takes the gradient of pre. */
typedef struct mlp_acts {
    real *pre, *act, *d_act;
} mlp_acts;
typedef struct mlp_grads {
    real *w1, *b1, *w2, *b2, *skip;
} mlp_grads;

mlp mlp_feed_forward(const sage_model *model);
mlp mlp_head(const sage_model *model);
mlp mlp_search(const sage_model *model);

void mlp_forward_rows(const mlp *m, size_t begin, size_t end, const real *x, mlp_acts a, real *out);
void mlp_backward_rows(const mlp *m, size_t begin, size_t end, const real *d_out, mlp_acts a,
                       real *dx); /* dx is overwritten */
void mlp_weight_grads(sage_pool *pool, const mlp *m, size_t n, const real *x, const real *d_out, mlp_acts a,
                      mlp_grads g);

/* grad [out][in] = dy^T x */
void weight_grad(sage_pool *pool, size_t n, size_t out, size_t in, const real *dy, const real *x, real *grad);
void bias_grad(sage_pool *pool, size_t n, size_t dim, const real *dy, real *grad); /* += */
void norm_grads(sage_pool *pool, size_t n, size_t dim, const real *dy, const real *hat, real *gain,
                real *bias); /* += */

/* x [n][dim] becomes unit vectors; inverse[i] = 1/|x_i|. A row that is zero (nothing is known) becomes the first axis,
 * inverse 0. */
void unit_rows(size_t begin, size_t end, size_t dim, real *x, real *inverse);
/* d becomes the gradient before: inverse (d - (d . unit) unit). */
void unit_back_rows(size_t begin, size_t end, size_t dim, const real *unit, const real *inverse, real *d);

#endif
