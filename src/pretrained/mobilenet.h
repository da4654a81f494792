/* Inside the room: MobileNetV2 (Sandler et al. 2018). Pictures lie as [row][column][channel]. */
#ifndef SAGE_PRETRAINED_MOBILENET_H
#define SAGE_PRETRAINED_MOBILENET_H

#include "encoder_impl.h"

enum { MOBILENET_BLOCKS = 17, STEM_TAPS = 27, STEM_WIDTH = 32 };

/* Every convolution has its batch norm folded in. */
typedef struct mobilenet_block {
    size_t in, wide, out, stride;
    bool residual;
    sage_weights *expand; /* [wide][in]; of the first block: the 3 x 3 x 3 taps of pixels, [wide][STEM_WIDTH] */
    real *expand_bias;    /* [wide] */
    real *taps;           /* [9][wide] */
    real *taps_bias;      /* [wide] */
    sage_weights *reduce; /* [out][wide] */
    real *reduce_bias;    /* [out] */
} mobilenet_block;

typedef struct mobilenet {
    bool tf_padding; /* as TensorFlow's SAME: where a side is even, stride 2 pads at its end alone */
    mobilenet_block block[MOBILENET_BLOCKS]; /* the first is the stem */
    sage_weights *last;                      /* [info.dim][out of the last block] */
    real *last_bias;
} mobilenet;

size_t mobilenet_work(const sage_pretrained *encoder, size_t n, size_t longest);
void mobilenet_run(const sage_pretrained *encoder, size_t n, const float *pixels, float *out, real *work);

#endif
