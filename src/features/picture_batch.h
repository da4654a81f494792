/* Contents that no pass has seen, on their way to vectors: decoded and shaped by all workers, then encoded, each
 * encoder for itself. Only the pass over pictures uses it. */
#ifndef SAGE_FEATURES_PICTURE_BATCH_H
#define SAGE_FEATURES_PICTURE_BATCH_H

#include <features/picture_segment.h>
#include <features/picture_vector.h>

/* One content. The caller fills in all but st and error. */
typedef struct sage_picture_new {
    const unsigned char *content;       /* [16] */
    const sage_picture_file *file;      /* not looked at where no part is lacking */
    const char *name;                   /* in error texts of damaged weights */
    bool lacks[SAGE_PICTURE_PARTS_MAX]; /* the parts that are to be computed */
    sage_status st;                     /* of decoding */
    sage_error error;
} sage_picture_new;

typedef struct sage_picture_batch {
    sage_picture_encoder *encoder;
    sage_pool *pool;
    size_t n;
    sage_picture_new at[SAGE_PICTURE_BATCH];
    float *vectors; /* [SAGE_PICTURE_BATCH][dim of the encoder] */
    /* scratch */
    float *pixels[SAGE_PICTURE_PARTS_MAX], *made;
    sage_picture_scratch *workers;
} sage_picture_batch;

/* The pool may be NULL. After an error the batch is to be freed too. */
sage_status sage_picture_batch_init(sage_picture_batch *batch, sage_picture_encoder *encoder, sage_pool *pool,
                                    sage_error *error);
void sage_picture_batch_free(sage_picture_batch *batch); /* zeros, too */
/* Fills in the lacking parts of all vectors whose content can be decoded; *computed grows by their number. */
sage_status sage_picture_batch_run(sage_picture_batch *batch, uint64_t *computed, sage_error *error);

#endif
