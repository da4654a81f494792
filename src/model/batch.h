/* Products laid out one after another as a batch for inference. Equal bags of a batch are stored once: the same brand,
 * type or colour recurs in most of a catalogue's products, and what a bag sums to depends on its ids alone. So are the
 * ids that repeat within a long bag, as descriptions have them, with how often they stand there. */
#ifndef SAGE_MODEL_BATCH_H
#define SAGE_MODEL_BATCH_H

#include <model/model.h>

typedef struct sage_batch_builder sage_batch_builder; /* one thread at a time; memory grows and is reused */

/* The shape's groups are read, and nothing else of it. */
sage_status sage_batch_builder_new(const sage_model_shape *shape, sage_batch_builder **builder, sage_error *error);
void sage_batch_builder_free(sage_batch_builder *builder);
void sage_batch_builder_clear(sage_batch_builder *builder);
/* A product's vectors of one group: [n][the group's dim], one every `stride` numbers (0: without gaps). */
typedef struct sage_group_vectors {
    size_t n;
    const float *vectors;
    size_t stride;
} sage_group_vectors;
/* The picture groups' shares of n vectors that hold all groups' side by side; returns how many groups that are. */
size_t sage_split_pictures(const sage_model_shape *shape, size_t n, const float *vectors, sage_group_vectors *groups);
/* Copies one product: field f has ids[begin[f] .. begin[f+1]); a field without ids becomes no token. groups [the
 * shape's n_groups]; NULL: it has no vectors. */
sage_status sage_batch_builder_add(sage_batch_builder *builder, const uint32_t *ids,
                                   const uint32_t begin[SAGE_FIELDS + 1], const sage_group_vectors *groups,
                                   sage_error *error);
/* Gives the product that was added last its own token. */
sage_status sage_batch_builder_add_token(sage_batch_builder *builder, uint32_t id, sage_error *error);
/* What has been added, in that order; lives until the next add or clear. Bags are numbered as they first occur. */
void sage_batch_builder_batch(const sage_batch_builder *builder, sage_product_batch *batch);

#endif
