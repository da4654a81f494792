/* A shape of the transformer as one of another encoder. */
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

#endif
