/* A shape of the transformer as one of another encoder: those that are pooled, then the transformer with more layers.
 */
#ifndef SAGE_TESTS_ENCODERS_H
#define SAGE_TESTS_ENCODERS_H

#include <model/model.h>

static inline sage_model_shape with_encoder(sage_model_shape shape, sage_encoder_kind encoder) {
    shape.encoder = encoder;
    if (encoder == SAGE_ENCODER_TRANSFORMER) return shape;
    shape.heads = 1;
    shape.dim_ff = 0;
    if (encoder == SAGE_ENCODER_CONCAT_MLP) shape.dim_model = 0;
    return shape;
}

/* The encoders one after another; the transformer of one layer is number 0. */
enum { ENCODERS = SAGE_ENCODER_CONCAT_MLP + 3 };
static inline sage_model_shape encoder_number(sage_model_shape shape, int number) {
    if (number <= SAGE_ENCODER_CONCAT_MLP) return with_encoder(shape, (sage_encoder_kind)number);
    shape.lower = (size_t)(number - SAGE_ENCODER_CONCAT_MLP);
    return shape;
}

#endif
