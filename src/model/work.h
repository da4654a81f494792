/* A pass's memory: everything between the batch and its vectors, in one block that grows to the largest batch seen.
 * Sizes: T text bags, G = T + B bags in all (the queries' come last), L ids in all, K hashes, n products, X = T +
 * images + n tokens (CLS too). */
#ifndef SAGE_MODEL_WORK_H
#define SAGE_MODEL_WORK_H

#include "layers.h"

/* Batch sizes, as they follow from sage_product_batch and sage_bags (either may be absent). */
typedef struct batch_sizes {
    size_t products, text_bags, images, queries, ids;
    bool training;
    size_t columns; /* of the loss: B + R */
} batch_sizes;

typedef struct bag_acts {
    uint32_t *begin;             /* [G + 1] */
    uint32_t *rows;              /* [L K + pad] table row of id position p under hash k at p K + k */
    real *weight;                /* [L K] its importance weight */
    real *hat, *rstd;            /* [G][E], [G] */
    real *e;                     /* [G][E] after the layer norm */
    real *d;                     /* [G][E] gradient of e, then of the sum */
    uint32_t *bag;               /* [L + pad] bag of id position p */
    uint32_t *key[2], *value[2]; /* [L K] for sorting by row, and by id */
    uint32_t *start;             /* [L K + 1] */
    real *dots;                  /* [L K] gradient of each weight use */
} bag_acts;

/* The encoder's weights folded once a pass. W = E + I + KINDS columns, padded: what a head sees of a product is one row
 * of W numbers (weighted sum of text tokens | of image vectors | attention mass by kind), and the columns of pcat say
 * what they are worth in D. */
typedef struct fold {
    size_t ld, kinds_at;   /* padded W; where the KINDS columns begin */
    real *pcat;            /* [D][ld]: P | P_img | b_0 .. b_11, b_img, c */
    real *vcat;            /* [D][ld]: W_V pcat; head h has rows h D/H .. */
    real *q, *dq;          /* [D] */
    real *g, *dg;          /* [H][D]: W_K,h^T q_h / sqrt(D/H) */
    real *u;               /* [H][ld]: pcat^T g_h, score biases added to the kinds' columns */
    real *du;              /* [threads][H][ld] */
    real *d_pcat, *d_vcat; /* as pcat */
} fold;

typedef struct encoder_acts {
    real *attention;       /* [X][H] */
    real *mix, *d_mix;     /* [n][H][ld]: what each head sees */
    real *heads, *d_heads; /* [n][D] */
    real *hat1, *rstd1, *y, *d_y;
    mlp_acts ff;
    real *hat2, *rstd2, *z, *d_z, *d_sum2, *d_sum1;
    mlp_acts head;
    real *inverse; /* [n] */
    real *p, *dp;  /* [n][O] */
} encoder_acts;

typedef struct tower_acts {
    mlp_acts mlp;
    real *inverse, *q, *dq; /* [B], [B][O] */
} tower_acts;

enum { LOSS_ROWS = 64 };
typedef struct loss_acts {
    real *logits;              /* [threads][LOSS_ROWS][columns] */
    real *dp;                  /* [threads][columns][O] */
    real *teacher_logits;      /* [threads][columns] */
    double *in_batch, *random; /* [B] loss of each pair */
    double *teacher;           /* [B] */
} loss_acts;

struct sage_work {
    sage_pool *pool;
    size_t threads;
    unsigned char *block;
    size_t capacity;
    batch_sizes sizes;
    bag_acts bags;
    fold fold;
    encoder_acts encoder;
    tower_acts tower;
    loss_acts loss;
};

sage_status work_fit(sage_work *work, const sage_model_shape *shape, const batch_sizes *sizes, sage_error *error);

#endif
