/* What embedding asks of an open encoder beyond embed.h. */
#ifndef SAGE_EMBED_ENCODER_H
#define SAGE_EMBED_ENCODER_H

#include <embed/embed.h>

const sage_vocab *sage_encoder_vocab(const sage_encoder *encoder);
size_t sage_encoder_image_dim(const sage_encoder *encoder); /* 0: it takes no images */
/* out [batch->n][dim], unit vectors; by all workers. */
sage_status sage_encoder_products(sage_encoder *encoder, const sage_product_batch *batch, float *out,
                                  sage_error *error);

#endif
