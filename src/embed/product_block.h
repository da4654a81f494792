/* Products on their way to the model: catalogue rows, copied as they come and cut into n-grams by all workers, and
 * packed products, whose n-grams are known; laid out as one batch. */
#ifndef SAGE_EMBED_PRODUCT_BLOCK_H
#define SAGE_EMBED_PRODUCT_BLOCK_H

#include <dataset/dataset.h>
#include <features/features.h>
#include <model/batch.h>

typedef struct sage_product_block sage_product_block;

/* Whether the model's picture groups are of these widths, in this order. */
bool sage_takes_pictures(const sage_model_shape *shape, const sage_picture_parts *parts);

/* `vocab`, `shape` and `token_pids` (sage_frozen_tokens), the model's, must outlive it, and so must `sentences`, which
 * makes the vectors of rows' titles; SAGE_E_STATE where the model takes such and it is NULL or of another width. */
sage_status sage_product_block_new(const sage_vocab *vocab, const sage_model_shape *shape, sage_sentences *sentences,
                                   const int64_t *token_pids, sage_pool *pool, sage_product_block **block,
                                   sage_error *error);
void sage_product_block_free(sage_product_block *block);
void sage_product_block_clear(sage_product_block *block);
/* Copies what the model needs of a row. SAGE_E_FORMAT where the row's image vectors have other widths than the
 * model's picture groups. */
sage_status sage_product_block_add(sage_product_block *block, const sage_product_row *row, sage_image_store *images,
                                   sage_error *error);
/* The product `pid` of a dataset of the same vocabulary, image parts and encoder of texts, which must stay open until
 * the block is cleared. */
sage_status sage_product_block_add_packed(sage_product_block *block, int64_t pid, const sage_packed_product *product,
                                          sage_error *error);
/* True once it holds 1,024 products, or so long texts or so many images that memory asks for an end. */
bool sage_product_block_full(const sage_product_block *block);
/* All of them as a batch, in the order in which they were added; it lives until the next add or clear. */
sage_status sage_product_block_read(sage_product_block *block, sage_product_batch *batch, sage_error *error);

#endif
