/* The layers of which encoder, head and towers are made. Functions here work on n rows on the calling worker.
 * Weights are [out][in], so that y = x W^T + b. */
#ifndef SAGE_MODEL_LAYERS_H
#define SAGE_MODEL_LAYERS_H

#include "impl.h"
#include <kernels/gemm.h>

/* Which of them: a frozen model that has only queries to answer does without the others. */
typedef enum layer_set {
    LAYERS_OF_PRODUCTS = 1,
    LAYERS_OF_TEXTS = 2,
    LAYERS_OF_PICTURES = 4, /* as queries */
    LAYERS_OF_LOOKED = 8,   /* products that are looked at */
    LAYERS_OF_USERS = 16,
} layer_set;
static inline layer_set layers_of_tower(tower_id tower) {
    return (layer_set)(LAYERS_OF_TEXTS << tower);
}

/* The model's weights laid out for products: those of a pass (set anew each step) or of a frozen model (set once). */
typedef struct packed_mlp {
    sage_weights *w1, *w2, *skip; /* skip: NULL but where the layer's is a matrix */
} packed_mlp;
typedef struct packed_layer { /* of a transformer */
    sage_weights *qkv, *out;
    packed_mlp ff;
} packed_layer;
typedef struct packed_user { /* the users' tower */
    sage_weights *in, *skip;
    packed_mlp head;
    packed_layer layer[SAGE_USER_LAYERS_MAX];
} packed_user;
typedef struct packed_layers {
    layer_set set;
    size_t heads, ld;                          /* of vcat */
    sage_weights *value[SAGE_MODEL_HEADS_MAX]; /* rows h D/H .. of vcat */
    sage_weights *out;                         /* W_O */
    /* With layers below the last one: Pcat, they, W_Q and each head's W_K^T. */
    sage_weights *tokens, *query, *key[SAGE_MODEL_HEADS_MAX];
    packed_layer lower[SAGE_LOWER_MAX];
    packed_mlp ff, head, tower[TOWERS];
    packed_user user;
    sage_weights *map; /* of sentences that stand beside; NULL: none */
} packed_layers;

/* `ld` is the fold's. In INT8 only the large layers are int8: what a head sees, or a search tower with sentences, or
 * concat_mlp's, mixes texts and unit vectors of very different size in one row, and the heads' linear skip carries most
 * of a vector, so these are bf16. */
sage_status packed_layers_new(const sage_model_shape *shape, size_t ld, layer_set set, sage_precision precision,
                              bool backward, packed_layers **layers, sage_error *error);
void packed_layers_free(packed_layers *layers);
size_t packed_layers_bytes(const packed_layers *layers);
/* About what they will take, forward and backward. */
size_t packed_layers_need(const sage_model_shape *shape, size_t ld, layer_set set, sage_precision precision);
/* Takes the model's present weights, and those that are folded (NULL where only towers are kept), over the pool. */
struct fold;
void packed_layers_set(packed_layers *layers, const sage_model *model, const struct fold *fold, sage_pool *pool);

/* out = S x + W_2 gelu(W_1 x + b_1) + b_2; without hidden units S x + b_2. What S is: */
typedef enum mlp_skip {
    SKIP_NONE,     /* zero */
    SKIP_IDENTITY, /* in == out */
    SKIP_MATRIX    /* weights->skip */
} mlp_skip;
typedef struct mlp {
    size_t in, hidden, out;
    mlp_skip skip;
    const packed_mlp *weights;
    const real *b1, *b2;
} mlp;
mlp mlp_feed_forward(const sage_model *model, const packed_layers *layers);
mlp mlp_lower(const sage_model *model, const packed_layers *layers, size_t l);
mlp mlp_head(const sage_model *model, const packed_layers *layers);
mlp mlp_tower(const sage_model *model, const packed_layers *layers, tower_id tower);
/* Of users, without what stands beside: the head's S reads another input, a layer's x is added by the caller. */
mlp mlp_user_head(const sage_model *model, const packed_layers *layers);
mlp mlp_user_layer(const sage_model *model, const packed_layers *layers, size_t l);

/* pre [n][hidden] before GELU, which a training pass keeps, and its gradient after the backward pass; act [n][hidden]
 * after. */
typedef struct mlp_acts {
    real *pre, *act;
} mlp_acts;

void mlp_forward(const mlp *m, size_t n, const real *x, mlp_acts a, real *out);
/* dx [n][in] (NULL: not wanted) is overwritten, a.pre becomes its gradient; adds to the biases' gradients; scratch
 * [n][hidden]. */
void mlp_back(const mlp *m, size_t n, const real *d_out, mlp_acts a, real *scratch, real *dx, real *b1_grad,
              real *b2_grad);

/* x [n][dim] becomes unit vectors; inverse[i] = 1/|x_i|. A row that is zero (nothing is known) becomes the first axis,
 * inverse 0. */
void unit_rows(size_t n, size_t dim, real *x, real *inverse);
/* d becomes the gradient before: inverse (d - (d . unit) unit). */
void unit_back(size_t n, size_t dim, const real *unit, const real *inverse, real *d);

#endif
