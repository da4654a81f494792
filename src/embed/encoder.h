/* What embedding asks of an open encoder beyond embed.h. */
#ifndef SAGE_EMBED_ENCODER_H
#define SAGE_EMBED_ENCODER_H

#include <embed/embed.h>

const sage_vocab *sage_encoder_vocab(const sage_encoder *encoder);
const int64_t *sage_encoder_tokens(const sage_encoder *encoder); /* as sage_frozen_tokens */
/* out [batch->n][dim], unit vectors; by all workers. */
sage_status sage_encoder_products(sage_encoder *encoder, const sage_product_batch *batch, float *out,
                                  sage_error *error);

/* Queries of any kind, as the model takes them. */
sage_status sage_encoder_queries(sage_encoder *encoder, const sage_query_batch *queries, float *out, sage_error *error);

#endif
