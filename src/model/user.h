/* The tower for users: a small transformer over what one did, event by event.
 *
 *   tokens    x_j = W v_j + b + K[kind] + A[age] + R[rank],  x_0 = c (CLS)                        [D], D = user_dim
 *   a layer   x += W_O heads(LN_1(x)) + b_O;  x += W_2 gelu(W_1 LN_2(x) + b_1) + b_2            before its norm each
 *             heads: softmax over all of the user's tokens of q.k / sqrt(D/H); q and v have biases (one of k would have
 *             no gradient)
 *   shares    beta = softmax over the events of LN(x_j) . w + k[kind] + a[age] + r[rank]
 *   query     q = unit( S sum_j beta_j v_j + N_2 gelu(N_1 LN(x_0) + n_1) + n_2 )                  [O]
 *
 * It starts with w and N_2 at zero and S as the identity: a mean of what was done, of which a falls with age. The v_j
 * are constants, so no gradient goes back to products here.
 *
 * Users are taken in chunks of whole users, from end to end on one worker. A chunk has always as many rows, filled up
 * with zeros: products' bits could depend on how many there are, and a library makes its kernels by the sizes. Users of
 * a chunk differ in length; attention is computed user by user. */
#ifndef SAGE_MODEL_USER_H
#define SAGE_MODEL_USER_H

#include "lay.h"

enum {
    USER_KINDS = 4, /* of events: sage_event_kind */
    USER_AGES = 48, /* and one bucket more where the age is not known */
    USER_ROWS = 16  /* users of a chunk at most */
};
/* floor(3 log2(1 + hours)): 1, 24, 168, 720 and 8,760 hours are 3, 13, 22, 28 and 39; the last one begins after seven
 * years. NAN: USER_AGES. */
size_t user_age_bucket(float days);
/* Of how many events came after this one: 0 .. 3 as they are, then floor(2 log2). */
size_t user_rank_bucket(size_t rank);
static inline size_t user_ranks(const sage_model_shape *shape) { /* and one more, where the age is not known */
    return shape->user_events > 0 ? user_rank_bucket(shape->user_events - 1) + 1 : 0;
}
static inline size_t user_ff(const sage_model_shape *shape) {
    return 2 * shape->user_dim;
}
/* Rows of a chunk: tokens of its users, CLS each, and padding. */
size_t user_chunk_rows(const sage_model_shape *shape);

/* user_params.c */
void user_params_add(sage_model *model);
void user_init(sage_model *model, uint64_t seed);

/* ---- memory ---- */
/* Of R rows a chunk and USER_ROWS users a chunk, all chunks one after another. */
typedef struct user_layer_acts {
    real *hat1, *rstd1, *hat2, *rstd2; /* [R][D], [R] */
    real *qkv;                         /* [R][3 D], q over sqrt(D/H); then its gradient, q's not so */
    real *heads;                       /* [R][D] */
    mlp_acts ff;                       /* [R][F]; pre, then its gradient */
    real *d_heads_out, *d_ff_out;      /* [R][D] gradients of what is added to x */
} user_layer_acts;
typedef struct user_acts {
    real *v;                    /* [R][O]; of CLS and padding: zeros */
    uint8_t *kind, *age, *rank; /* [R] */
    user_layer_acts layer[SAGE_USER_LAYERS_MAX];
    real *hat, *rstd;       /* [R][D], [R] of the last norm */
    real *share;            /* [R] beta */
    real *z, *mean;         /* [USER_ROWS][D], [O]: LN(x_0) and sum beta v */
    mlp_acts mlp;           /* [USER_ROWS][M] */
    real *inverse, *q, *dq; /* [USER_ROWS], [O] */
    real *d_x;              /* [R][D] of the tokens */
} user_acts;
/* Of a worker: it holds one chunk. */
typedef struct user_scratch {
    real *x, *y, *t; /* [R][D] */
    real *hidden;    /* [R][F], or [USER_ROWS][M] */
    real *attention; /* of one head of one user */
    real *d_z, *d_mean;
} user_scratch;
/* `backward`: layers keep what they have, else all share the memory of one. */
void lay_user(layer *l, const sage_model_shape *shape, size_t chunks, bool backward, user_acts *acts);
void lay_user_scratch(layer *l, const sage_model_shape *shape, bool backward, user_scratch *scratch);
user_acts user_acts_of(const sage_model_shape *shape, const user_acts *all, size_t chunk);

/* What a chunk sums over its rows: offsets in reals. */
typedef struct user_part {
    size_t kind, age, rank, cls, norm_gain, norm_bias, score, score_kind, score_age, score_rank, fc1, fc2, size;
    layer_part layer[SAGE_USER_LAYERS_MAX];
} user_part;
user_part user_part_of(const sage_model_shape *shape);

/* All that training has of users. */
struct user_work {
    size_t chunks;
    uint32_t *begin; /* [chunks + 1] the chunks' users */
    user_acts acts;
    user_scratch *scratch; /* [threads] */
    real *parts, *sum;     /* [chunks][part], [part] */
};

/* ---- the pass ---- */
/* SAGE_E_ARGUMENT where the model has no such tower, or an event is none. */
sage_status user_check(const sage_model_shape *shape, const sage_query_batch *queries, sage_error *error);
/* How many chunks users make; their beginnings go to begin [chunks + 1] where that is not NULL. */
size_t user_chunks(const sage_model_shape *shape, const sage_query_batch *queries, uint32_t *begin);
size_t user_chunks_most(const sage_model_shape *shape, size_t users, size_t events);

/* Users [first, end) of the batch, one chunk, into a.q. */
void user_dense(const sage_model *model, const packed_layers *layers, const sage_query_batch *queries, size_t first,
                size_t end, user_acts a, const user_scratch *scratch);
void user_forward(const sage_model *model, sage_work *work, const sage_query_batch *queries, size_t chunk,
                  size_t worker);
void user_back(const sage_model *model, sage_work *work, const sage_query_batch *queries, size_t chunk, size_t worker);
/* user_grads.c: what the chunks summed, and the weights' gradients. */
void user_gradients(const sage_model *model, sage_work *work, real *dense);

#endif
