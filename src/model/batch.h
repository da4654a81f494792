/* Products laid out one after another as a batch for inference. Equal bags of a batch are stored once: the same brand,
 * type or colour recurs in most of a catalogue's products, and what a bag sums to depends on its ids alone. So are the
 * ids that repeat within a long bag, as descriptions have them, with how often they stand there. */
#ifndef SAGE_MODEL_BATCH_H
#define SAGE_MODEL_BATCH_H

#include <model/model.h>

typedef struct sage_batch_builder sage_batch_builder; /* one thread at a time; memory grows and is reused */

/* image_dim: of the model, 0 where it takes no images. */
sage_status sage_batch_builder_new(size_t image_dim, sage_batch_builder **builder, sage_error *error);
void sage_batch_builder_free(sage_batch_builder *builder);
void sage_batch_builder_clear(sage_batch_builder *builder);
/* Copies one product: field f has ids[begin[f] .. begin[f+1]); a field without ids becomes no token. images
 * [n_images][image_dim]. */
sage_status sage_batch_builder_add(sage_batch_builder *builder, const uint32_t *ids,
                                   const uint32_t begin[SAGE_FIELDS + 1], const float *images, size_t n_images,
                                   sage_error *error);
/* What has been added, in that order; lives until the next add or clear. Bags are numbered as they first occur. */
void sage_batch_builder_batch(const sage_batch_builder *builder, sage_product_batch *batch);

#endif
