/* What the training pass (encoder.c) and the frozen model share. */
#ifndef SAGE_MODEL_ENCODER_H
#define SAGE_MODEL_ENCODER_H

#include "pass.h"

/* Product i of the batch, its text tokens given as e [text][E]. */
product_tokens tokens_of(const sage_model_shape *shape, const sage_product_batch *batch, size_t i, const real *e);
/* Tokens, CLS too, of the product that has most; 1 without products. */
size_t tokens_most(const sage_product_batch *batch);
/* SAGE_E_ARGUMENT where the batch has vectors of a group that the shape lacks. */
sage_status groups_check(const sage_model_shape *shape, const sage_product_batch *batch, sage_error *error);
/* From a.mix to a.p, n rows on the calling worker. */
void encoder_dense(const sage_model *model, const packed_layers *layers, size_t n, encoder_acts a);

/* Multiply-adds x 2 of one product's dense layers forward; data gradients take as many, weights' gradients too. */
uint64_t encoder_flops(const sage_model_shape *shape, size_t ld);

#endif
