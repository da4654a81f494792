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

/* ---- opening ---- */
sage_status vit_new(sage_pretrained *encoder, vit **model, sage_error *error); /* all zeros; encoder->model too */
/* Sizes, and the picture's rule: `trained` is the side in pixels that the positions are for. */
sage_status vit_read_sizes(sage_pretrained *encoder, const checkpoint *ck, const json_t *part, const vit_defaults *d,
                           size_t *trained, sage_error *error);
/* Of the tensors named; `bias` may be NULL. Sets places to positions and the patches' bias; class_token is set. */
sage_status vit_read_patches(const sage_pretrained *encoder, checkpoint *ck, const char *patches, const char *bias,
                             const char *positions, checkpoint_shape shape, sage_error *error);
/* The class token's values into the first place. */
sage_status vit_add_class(const sage_pretrained *encoder, checkpoint *ck, const char *name, checkpoint_shape shape,
                          sage_error *error);

/* ---- encoding ---- */
size_t vit_at_once(const sage_pretrained *encoder);
size_t vit_work(const sage_pretrained *encoder, size_t n, size_t longest);
void vit_run(const sage_pretrained *encoder, size_t n, const float *pixels, float *out, real *work);

/* Positions [from][from][dim] to [to][to][dim], bicubic with a = -0.75 and corners not aligned, as PyTorch's
 * interpolate. */
void vit_resize_places(size_t from, size_t to, size_t dim, const real *places, real *resized);

#endif
