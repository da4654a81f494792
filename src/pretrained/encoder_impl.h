/* Inside the room: an opened encoder, and what a family is made of. */
#ifndef SAGE_PRETRAINED_ENCODER_IMPL_H
#define SAGE_PRETRAINED_ENCODER_IMPL_H

#include "checkpoint.h"
#include <pretrained/encoder.h>
#include <pthread.h>

/* Texts that a worker takes at once. */
typedef struct text_chunk {
    size_t n;            /* none without ids */
    const uint32_t *ids; /* of all texts of the call */
    const size_t *begin; /* [n + 1], into ids */
} text_chunk;

typedef struct family {
    const char *model_types[3]; /* of config.json */
    const char *name;
    bool texts;
    sage_status (*open)(sage_pretrained *encoder, checkpoint *ck, sage_error *error); /* fills model and info */
    size_t (*pictures_at_once)(const sage_pretrained *encoder);
    /* Reals of workspace for so many ids of texts of at most `longest`, or so many pictures. */
    size_t (*work)(const sage_pretrained *encoder, size_t n, size_t longest);
    /* Vectors out [n][dim], of any length. */
    void (*texts_run)(const sage_pretrained *encoder, const text_chunk *chunk, float *out, real *work);
    void (*pictures_run)(const sage_pretrained *encoder, size_t n, const float *pixels, float *out, real *work);
} family;
extern const family sage_family_bert, sage_family_distilbert, sage_family_clip, sage_family_siglip, sage_family_dinov2,
    sage_family_mobilenet;

struct sage_pretrained {
    sage_pretrained_info info;
    const family *family;
    void *model;       /* the family's, in the arena */
    sage_arena *arena; /* vectors and small tables */
    sage_weights **matrices;
    size_t n_matrices, matrices_capacity;
    sage_safetensors *file; /* open where a table is read from it */
    sage_pool *pool;
    pthread_mutex_t turn;
    real **work; /* [threads] of work_reals */
    size_t threads, work_reals;
    /* Of the texts that have ids: where each begins, whose it is, and the first of each chunk. */
    size_t *begin, *text, *cut;
    size_t begin_capacity, text_capacity, cut_capacity;
};

/* What pictures go through, by preprocessor_config.json where it is there; the rule holds the family's defaults. */
sage_status sage_picture_rule_read(const checkpoint *ck, sage_picture_rule *rule, sage_error *error);
/* Pooling and the number of tokens, as sentence-transformers' files say. */
sage_status sage_sentence_rule_read(const checkpoint *ck, sage_pretrained_info *info, sage_error *error);

#endif
