/* Inside the room: vision transformers (Dosovitskiy et al. 2021). */
#ifndef SAGE_PRETRAINED_VIT_H
#define SAGE_PRETRAINED_VIT_H

#include "encoder_impl.h"
#include "stack.h"

/* The attention pooling of SigLIP: one learned query over all tokens, and a feed-forward part. */
typedef struct vit_pool {
    real *query; /* [dim], projected and scaled */
    linear keys, out, up, down;
    norm_part norm;
} vit_pool;

typedef struct vit {
    stack stack;
    size_t size, patch, side; /* pixels of a picture's side and of a patch's; patches of a picture's side */
    size_t tokens;            /* patches, and the class token */
    bool class_token, norm_before;
    sage_weights *patches;    /* [dim][3 patch patch] */
    real *places;             /* [tokens][dim]: positions, the class token and the patches' bias */
    norm_part before;         /* of the stack */
    sage_weights *projection; /* [info.dim][dim]; or NULL */
    vit_pool *pool;           /* or NULL: the class token */
} vit;

/* What config.json may leave out. */
typedef struct vit_defaults {
    size_t size, patch;
    const char *act;
    real eps;
    sage_picture_rule rule;
} vit_defaults;

size_t vit_at_once(const sage_pretrained *encoder);
size_t vit_work(const sage_pretrained *encoder, size_t n, size_t longest);
void vit_run(const sage_pretrained *encoder, size_t n, const float *pixels, float *out, real *work);

/* Positions [from][from][dim] to [to][to][dim], bicubic with a = -0.75 and corners not aligned, as PyTorch's
 * interpolate. */
void vit_resize_places(size_t from, size_t to, size_t dim, const real *places, real *resized);

#endif
