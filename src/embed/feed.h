/* Products on their way to the model, block after block: while the caller computes one, the next is read and laid out
 * in the background. */
#ifndef SAGE_EMBED_FEED_H
#define SAGE_EMBED_FEED_H

#include "plan.h"
#include "product_block.h"

/* All of it must outlive the feed; the catalogue and the images are the feed's alone as long. */
typedef struct sage_feed_source {
    sage_catalog *catalog;
    sage_image_store *images;
    const sage_dataset *dataset; /* the plan's; NULL: none */
    const sage_vocab *vocab;
    const sage_model_shape *shape;
    const int64_t *token_pids; /* sage_frozen_tokens */
    sage_sentences *sentences; /* NULL: none; the feed's alone as long as it is open */
    sage_pool *pool;
    const sage_stale *stale; /* [n] what to read */
    size_t n;
} sage_feed_source;

/* A block lives until the next is asked for. Which products share a block depends on the list alone. */
typedef struct sage_feed_block {
    size_t end; /* of the source's list, up to here */
    size_t n;   /* products; fewer than listed where some have gone meanwhile */
    const int64_t *pids;
    const sage_fingerprint *fingerprints; /* of what was read */
    sage_product_batch batch;
} sage_feed_block;

typedef struct sage_block_feed sage_block_feed; /* one thread at a time */
sage_status sage_block_feed_open(const sage_feed_source *source, sage_block_feed **feed, sage_error *error);
void sage_block_feed_close(sage_block_feed *feed);
sage_status sage_block_feed_next(sage_block_feed *feed, const sage_feed_block **block,
                                 sage_error *error); /* *block = NULL: end */

#endif
