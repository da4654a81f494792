/* A pass's memory: everything between the batch and its gradients, in one block that grows to the largest batch seen.
 * Sizes: T text bags, G = T + Q bags in all (the Q search texts' come last), L ids in all, K hashes, n products, X = T
 * + the groups' vectors + n tokens (CLS too), C chunks of ROWS products or queries. */
#ifndef SAGE_MODEL_WORK_H
#define SAGE_MODEL_WORK_H

#include "inputs.h"
#include "layers.h"
#include "parts.h"

/* Rows of a chunk: what a worker takes from tokens to vectors, and back, while they are in its cache. */
enum { ROWS = 64 };

typedef struct batch_sizes {
    size_t products, text_bags, vectors, queries, ids; /* vectors: of all groups */
    size_t query_bags, pictures,
        looked;                /* of the queries; 0 where their vectors are given. Bags are text_bags + query_bags */
    size_t users, user_chunks; /* user.h */
    size_t chunk_tokens;       /* text tokens of the chunk that has most */
    size_t product_tokens;     /* tokens of the product that has most */
    size_t token_rows, chunk_rows; /* deep.h: of all chunks, and of the largest */
    size_t columns;                /* of the loss: B + R */
    size_t n_prefixes, prefixes[SAGE_PREFIXES_MAX];
} batch_sizes;

/* bags.c, sort.c and scatter.c. A use is an id position under one hash: U = L K of them. R: rows of the table.
 *
 * Bytes a use in f32: 12 with one hash and 18 with two, and 8 for each of the min(U, R) rows at most. Bytes a bag: 8 E
 * + 8. What the sort and the scatter need beside lies in arrays that are idle meanwhile, which are as long as the
 * longer of the two asks: d (16 bytes a use with one hash, 20 with two; twice that where rows and ids have more than 22
 * bits) and hat (4). */
typedef struct bag_acts {
    sage_bags text, queries; /* the batch's; without bags where there are none */
    size_t n;                /* G, or T where the queries came as vectors */
    uint32_t *begin;         /* [G + 1] */
    uint32_t *rows;   /* [U + pad] table row of id position p under hash k at p K + k; by_row.bag after bags_sort */
    real *weight;     /* [U] its importance weight; after bags_sort nothing, at the scatter's end its gradient */
    real *hat, *rstd; /* [G][E], [G] */
    real *d;          /* gradient of the bags' sums, as slabs [G][width] */
    real *norm_parts; /* [chunks][2][E] gradients of the text norm's gain and bias */
    struct {
        size_t n;         /* table rows used */
        uint32_t *unique; /* [min(U, R)] they, ascending */
        uint32_t *start;  /* [min(U, R) + 1] row g's uses are [start[g], start[g + 1]) of the following */
        uint32_t *bag;    /* [U + pad] */
        real *weight;     /* [U] */
        uint32_t *use;    /* [U] p K + k, two hashes only */
    } by_row;
    uint32_t *by_id; /* [L] id positions in the order of their ids, two hashes only; ID_BEGINS: its id's first */
    real *dots;      /* [U] in the order of by_row: gradient of the use's weight; lies in hat */
    void *sorting;   /* scratch of the sort; lies in d */
} bag_acts;
#define ID_BEGINS UINT32_C(0x80000000)
static inline const uint32_t *id_place(const bag_acts *b, size_t position) {
    size_t in_text = b->begin[b->text.n];
    return position < in_text ? &b->text.ids[b->text.begin[0] + position]
                              : &b->queries.ids[b->queries.begin[0] + (position - in_text)];
}
static inline uint32_t id_at(const bag_acts *b, size_t position) {
    return *id_place(b, position);
}

/* The encoder's weights folded once a pass. W = E + the groups' dims + kinds columns, padded: what a head sees of a
 * product is one row of W numbers (weighted sum of text tokens | of each group's vectors | attention mass by kind), and
 * the columns of pcat say what they are worth in D. */
typedef struct fold {
    size_t ld, kinds_at;              /* padded W; where the kinds' columns begin */
    size_t raw;                       /* columns of pcat: ld, but with layers below the last one, where ld = D */
    size_t group_at[SAGE_GROUPS_MAX]; /* where each group's columns begin */
    real *keys;                       /* with such layers: of each head W_K,h^T [D][D/H] */
    real *pcat;                       /* [D][raw]: P | P_0 | P_1 .. | b_0 .. b_11, the groups' biases, c */
    real *vcat;                       /* [D][ld]: W_V pcat; head h has rows h D/H .. */
    real *q, *dq;                     /* [D] */
    real *g, *dg;                     /* [H][D]: W_K,h^T q_h / sqrt(D/H) */
    real *u;                          /* [H][ld]: pcat^T g_h, score biases added to the kinds' columns */
    real *du;                         /* [H][ld] */
    real *d_pcat, *d_vcat;            /* as pcat */
} fold;

/* Rows of ld reals, as many for every head: those of head h begin at of + h * apart. A head's rows lie together, so
 * that a product takes them as they are; from head to head the distance is such that the same row of all heads does not
 * fall on the same places of a cache. */
typedef struct head_rows {
    real *of;
    size_t apart;
} head_rows;
static inline head_rows head_rows_from(head_rows x, size_t row, size_t ld) {
    return (head_rows){x.of + row * ld, x.apart};
}
static inline size_t head_apart(size_t rows, size_t ld) {
    enum { PAGE = 1024, OFF = 144 }; /* in reals; 9 of 64 lines: eight heads spread evenly */
    return (rows * ld + PAGE - 1) / PAGE * PAGE + OFF;
}

/* A training pass keeps all but what is marked "chunk": that it has of the chunk at hand alone, and where it is a side
 * of a weight's gradient it is laid out as such (`sides`). */
typedef struct encoder_acts {
    real *attention;        /* [X][H] */
    head_rows mix;          /* [n] a head: what each head sees */
    real *heads;            /* [n][D], chunk */
    const real *residual;   /* [n][D] what stands beside the heads; NULL: CLS's input */
    real *hat1, *rstd1, *y; /* [n][D], [n], [n][D] chunk */
    mlp_acts ff;            /* [n][F], act: chunk */
    real *hat2, *rstd2, *z; /* [n][D], [n], [n][D] chunk */
    mlp_acts head;          /* [n][M], act: chunk */
    real *inverse;          /* [n] */
    real *p;                /* [n][O] */
    real *d_heads, *dp;     /* gradients of heads and p; NULL: no backward */
    real *d_sum1, *d_sum2;  /* [n][D], chunk: of what LN_1 and LN_2 take */
} encoder_acts;

/* Of R rows, deep.h. */
typedef struct deep_layer_acts {
    real *x;                /* [R][D] */
    real *qkv;              /* [R][3 D], q over sqrt(D/H); then its gradient, q's not so */
    real *heads;            /* [R][D] */
    real *hat1, *rstd1, *y; /* [R][D], [R], [R][D] */
    mlp_acts ff;            /* [R][F]; pre, then its gradient */
    real *hat2, *rstd2;     /* [R][D], [R] */
    real *d_sum1, *d_sum2;  /* [R][D] of what the norms take */
} deep_layer_acts;
typedef struct deep_acts {
    uint32_t *begin; /* [chunks + 1] rows before each chunk */
    real *raw;       /* [R][fold.raw] t_j */
    uint8_t *kind;   /* [R] */
    deep_layer_acts layer[SAGE_LOWER_MAX];
    real *top;           /* [R][D] what the last layer takes */
    real *cls, *q, *d_q; /* [n][D] x_CLS, q over sqrt(D/H), its gradient without */
    head_rows g, d_g;    /* [n] a head */
    real *d_x;           /* [R][D] of x^0 */
} deep_acts;
typedef struct deep_scratch {
    size_t raw;                 /* fold.raw */
    real *bias, *attention;     /* [H][tokens of a product]; self_attend.h's */
    real *scores, *d_bias;      /* [tokens of a product][H], [H][tokens] */
    real *d_x, *d_heads;        /* [rows of a chunk][D] */
    real *d_raw;                /* [rows of a chunk][fold.raw] */
    real *d_y, *hidden, *d_cls; /* of a block, and of a chunk's products */
} deep_scratch;

/* The towers', their rows as the queries'. */
typedef struct tower_acts {
    real *u;                /* [B][E + sentences], chunk, of texts alone: bags after their norm, sentence vectors */
    mlp_acts mlp;           /* act: chunk */
    real *inverse, *q, *dq; /* [B], [B][O] */
} tower_acts;

/* The sides of the weights' gradients dW = dy^T x, over all rows of the batch: x from the forward pass, dy from the
 * backward one. */
typedef enum side_id {
    SIDE_HEADS,
    SIDE_Y,
    SIDE_FF_ACT,
    SIDE_Z,
    SIDE_HEAD_ACT,
    SIDE_SEARCH_U,
    SIDE_SEARCH_ACT,
    SIDE_PICTURE_U,
    SIDE_PICTURE_ACT,
    SIDE_PRODUCT_U,
    SIDE_PRODUCT_ACT,
    SIDE_D_SUM1, /* from here on: dy */
    SIDE_D_FF_PRE,
    SIDE_D_SUM2,
    SIDE_D_HEAD_PRE,
    SIDE_D_P,
    SIDE_D_SEARCH_PRE,
    SIDE_D_SEARCH_Q,
    SIDE_D_PICTURE_PRE,
    SIDE_D_PICTURE_Q,
    SIDE_D_PRODUCT_PRE,
    SIDE_D_PRODUCT_Q,
    SIDES
} side_id;

/* Towers' sides. */
typedef struct tower_sides {
    side_id u, act, d_pre, d_q;
} tower_sides;
static inline tower_sides tower_sides_of(tower_id tower) {
    static const tower_sides of[TOWERS] = {
        [TOWER_SEARCH] = {SIDE_SEARCH_U, SIDE_SEARCH_ACT, SIDE_D_SEARCH_PRE, SIDE_D_SEARCH_Q},
        [TOWER_PICTURE] = {SIDE_PICTURE_U, SIDE_PICTURE_ACT, SIDE_D_PICTURE_PRE, SIDE_D_PICTURE_Q},
        [TOWER_PRODUCT] = {SIDE_PRODUCT_U, SIDE_PRODUCT_ACT, SIDE_D_PRODUCT_PRE, SIDE_D_PRODUCT_Q}};
    return of[tower];
}
/* A tower's rows of a batch. */
static inline size_t tower_rows(const batch_sizes *sizes, tower_id tower) {
    const size_t rows[TOWERS] = {sizes->query_bags, sizes->pictures, sizes->looked};
    return rows[tower];
}

/* Of each worker. */
typedef struct chunk_scratch {
    encoder_acts encoder; /* what is marked "chunk", [ROWS] */
    tower_acts tower;
    real *e, *d_e;   /* [text tokens of a chunk, or ROWS][E] */
    real *scores;    /* [tokens of a product][H] */
    head_rows d_mix; /* [ROWS] a head */
    real *d_row;     /* [ROWS][D] */
    real *d_u;       /* [ROWS][E + sentences] */
    real *hidden;    /* [ROWS][widest hidden layer] */
    deep_scratch deep;
} chunk_scratch;

/* Rows of logits that exist at a time. */
enum { LOSS_BLOCK = 1024 };
static inline size_t loss_rows_of(size_t queries) {
    return queries < LOSS_BLOCK ? queries : LOSS_BLOCK;
}
typedef struct loss_acts {
    sage_weights *products;    /* the product vectors [columns][O] laid out for the logits and for dq */
    size_t columns, dim;       /* its sizes */
    real *scaled;              /* [B][O] s q */
    real *logits;              /* [loss_rows_of(B)][columns], then their gradients */
    real *teacher_logits;      /* [threads][columns] */
    double *in_batch, *random; /* [B] loss of each pair */
    double *teacher;           /* [B] */
    double *dt;                /* [B] what each pair gives to the temperature's gradient */
} loss_acts;

/* Vectors cut to the longest of the prefixes, or to a shorter one. */
typedef struct prefix_acts {
    real *q, *dq, *q_inverse; /* [B][..], [B] */
    real *p, *dp, *p_inverse; /* [columns][..], [columns] */
} prefix_acts;

/* beside.h; S its width. */
typedef struct beside_acts {
    size_t n;                   /* texts whose pair has a sentence on both sides */
    uint32_t *row;              /* [n] their pairs */
    real *text_x, *product_x;   /* [n][S], [columns][S] */
    real *text_y, *product_y;   /* unit vectors */
    real *text_dy, *product_dy; /* their gradients, then those of M x */
    real *text_inverse, *product_inverse;
    double *loss; /* [n] */
} beside_acts;

struct sage_work {
    sage_pool *pool;
    size_t threads;
    sage_precision precision;
    unsigned char *block;
    size_t capacity;
    batch_sizes sizes;
    inputs_kept inputs;
    packed_layers *layers;      /* made at the first pass */
    sage_model_shape layers_of; /* its widths, and those of sides */
    bag_acts bags;
    fold fold;
    encoder_acts encoder;
    deep_acts deep; /* where the encoder has layers below the last one */
    tower_acts tower;
    chunk_scratch *scratch;  /* [threads] */
    sage_side *sides[SIDES]; /* of this batch's sizes; NULL where there are no rows */
    batch_sizes sides_of;    /* they: its products and towers' rows */
    loss_acts loss;
    sage_weights *prefix_products[SAGE_PREFIXES_MAX]; /* as loss.products, of these sizes */
    size_t prefix_dim[SAGE_PREFIXES_MAX], prefix_columns;
    prefix_acts prefixes;
    beside_acts beside;
    struct user_work *users;           /* user.h; NULL: the batch has none */
    real *product_parts, *query_parts; /* [chunks][part's size] */
    real *part_sum;                    /* [the larger part's size] */
};

/* sides.c */
sage_status sides_fit(sage_work *work, const sage_model_shape *shape, sage_error *error);
void sides_free(sage_work *work);
size_t sides_bytes(const sage_work *work);
size_t sides_need(const sage_model_shape *shape, const batch_sizes *sizes, sage_precision precision);

size_t sort_bytes(const sage_model_shape *shape, size_t ids); /* scratch that bags_sort asks of bag_acts.sorting */
sage_status work_fit(sage_work *work, const sage_model_shape *shape, const batch_sizes *sizes, sage_error *error);
static inline size_t chunks_of(size_t rows) {
    return (rows + ROWS - 1) / ROWS;
}
/* A chunk of queries is of one tower: the texts' come first. */
static inline size_t query_chunks_of(const batch_sizes *sizes) {
    size_t chunks = 0;
    for (tower_id t = 0; t < TOWERS; t++) chunks += chunks_of(tower_rows(sizes, t));
    return chunks;
}

#endif
