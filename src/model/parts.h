/* Gradients that are sums over rows (biases, norms, the scores' direction u): every chunk sums its own rows while it
 * has them in cache, and the chunks' sums are added in order at the end, so the result does not depend on who did what.
 */
#ifndef SAGE_MODEL_PARTS_H
#define SAGE_MODEL_PARTS_H

#include "impl.h"

/* Of a transformer layer over all tokens; qkv: of all three. */
typedef struct layer_part {
    size_t norm1_gain, norm1_bias, qkv, out, norm2_gain, norm2_bias, ff1, ff2;
} layer_part;

/* Offsets within one chunk's part, in reals. */
typedef struct product_part {
    size_t norm1_gain, norm1_bias, norm2_gain, norm2_bias, bv, bo, ff1, ff2, head1, head2;
    size_t du;                        /* with one layer */
    size_t score, bq;                 /* with more: of the last one */
    layer_part lower[SAGE_LOWER_MAX]; /* and those below */
    size_t lower_score[SAGE_LOWER_MAX], size;
} product_part;
typedef struct query_part {
    size_t fc1, fc2, size; /* of any tower */
} query_part;

product_part product_part_of(const sage_model_shape *shape, size_t ld); /* ld: the fold's, for du [H][ld] */
layer_part layer_part_at(size_t *at, size_t d, size_t f);
query_part query_part_of(const sage_model_shape *shape);

#endif
