/* Sentences beside the model's own vectors. What a title or a search text says is y = unit(M x), x the sentences of its
 * groups side by side and M [S][S] one for both sides; what is published is (own | sqrt(c) y) of length 1. M begins as
 * the identity and learns from a loss of its own: it sees nothing of the n-grams, and these nothing of it, because
 * trained together they leave to sentences what they would have learned themselves. */
#ifndef SAGE_MODEL_BESIDE_H
#define SAGE_MODEL_BESIDE_H

#include "work.h"

/* x [n][S] of products, or of texts, [first, first + n); zeros where there is no sentence. Several of one group add
 * up. */
void beside_products(const sage_model_shape *shape, const sage_product_batch *batch, size_t first, size_t n, real *x);
void beside_texts(const sage_model_shape *shape, const sage_query_batch *queries, size_t first, size_t n, real *x);
/* own [O], of length 1, or NULL: zeros; mapped [S]: M x, zeros where nothing is said; out [O + S]. Without sentences
 * beside, out is own. */
void beside_publish(const sage_model_shape *shape, const real *own, const real *mapped, real *out);

/* beside_loss.c: the loss, and the gradient [S][S] of M. Uses the logits' memory, so after loss_and_gradient. */
double beside_loss(const sage_model *model, sage_work *work, const sage_product_batch *products,
                   const sage_query_batch *queries, const sage_loss_spec *spec, real *grad);

#endif
