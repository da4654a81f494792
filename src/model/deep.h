/* Layers below the last one (encoder_layers > 1): a usual post-norm transformer over all tokens of a product, CLS too.
 *
 *   x^0_j = Pcat t_j (fold.c), CLS last
 *   a layer below   y = LN_1(x + W_O heads + b_O)   x' = LN_2(y + W_2 gelu(W_1 y + b_1) + b_2)
 *                   heads: softmax over all tokens j of q_i . k_j / sqrt(D/H) + s[h][kind of j]; no b_K, as ever
 *   the last one    for CLS alone, the short way: q_h = W_Q,h x_CLS + b_Q,h is each product's own now, and so is
 *                   g_h = W_K,h^T q_h / sqrt(D/H); scores g_h . x_j + s[h][kind of j], mix_h = sum_j a_hj x_j, and from
 *                   there as with one layer, with W_V in place of Vcat and x_CLS in place of c
 *
 * The rows of a chunk of products are filled up to whole blocks with zeros, and products of matrices take a block at a
 * time: a row's bits do not depend on how many there are. */
#ifndef SAGE_MODEL_DEEP_H
#define SAGE_MODEL_DEEP_H

#include "lay.h"
#include "pass.h"

enum { DEEP_BLOCK = ROWS };
static inline size_t deep_padded(size_t rows) {
    return (rows + DEEP_BLOCK - 1) / DEEP_BLOCK * DEEP_BLOCK;
}
/* Rows of all chunks of a batch; where each begins goes to begin [chunks + 1] if that is not NULL. *most: the largest
 * chunk's. */
size_t deep_rows(const sage_model_shape *shape, const sage_product_batch *batch, uint32_t *begin, size_t *most);

/* deep_params.c */
void deep_params_add(sage_model *model);
void deep_init_tfidf(sage_model *model, sage_rng *rng);
void deep_init_paper(sage_model *model, sage_rng *rng);

/* deep_lay.c: of `rows` rows and n products; not `backward`: all layers share the memory of one. */
void lay_deep(layer *l, const sage_model_shape *shape, size_t raw, size_t rows, size_t n, bool backward, deep_acts *a);
void lay_deep_scratch(layer *l, const sage_model_shape *shape, size_t raw, size_t rows, size_t most_tokens,
                      bool backward, deep_scratch *w);
/* The acts of a chunk whose rows begin at `row`, whose products at `first`. */
deep_acts deep_acts_of(const sage_model_shape *shape, size_t raw, const deep_acts *all, size_t row, size_t first);

/* Puts a product's tokens into rows from `row` on; returns the row after them. */
size_t deep_take(const sage_model *model, const fold *f, const product_tokens *t, size_t row, deep_acts a);
/* Products 0 .. n of the chunk, whose rows are first[i] .. first[i + 1]; `attention` [rows][H] may be overwritten from
 * product to product where `keep` is not set. To mix and a.cls [n][D], of `all` >= n products, zeros past n. */
typedef struct deep_chunk {
    size_t n, all;
    uint32_t first[ROWS + 1];
} deep_chunk;
void deep_forward(const sage_model *model, const packed_layers *layers, const deep_chunk *c, deep_acts a,
                  const deep_scratch *w, bool keep, real *attention, head_rows mix);
/* From d_mix and d_residual [n][D], the gradient of what stands beside the last layer's heads, to a.d_x and w->d_raw.
 */
void deep_back(const sage_model *model, const packed_layers *layers, const deep_chunk *c, deep_acts a,
               const deep_scratch *w, const real *attention, head_rows mix, head_rows d_mix, const real *d_residual,
               real *part, const product_part *at);

#endif
