/* The model: hash embedding, product encoder, towers for queries of all kinds. `real` is float; the oracle test builds
 * the same code in double.
 *
 * Notation: E = dim_embed, D = dim_model, H = heads, F = dim_ff, M = dim_head, O = dim_out. Row-major throughout.
 *
 *   bag      e = LN_t( sum over ids i of sum over k < K of W[i][k] T[h_k(i)] )          [E]   one table T for products
 * and queries token    x_j = P e_j + b_f   text of field f        x_j = P_g v_j + b_g   group g   x_0 = c (CLS) [D]
 *   scores   s_hj = q_h . (W_K,h x_j)/sqrt(D/H) + s[h][f],   q_h = W_Q,h c + b_Q,h      (no b_K: its gradient is zero)
 *   heads    W_V,h (sum_j softmax_j(s_h) x_j) + b_V,h
 *   y = LN_1(c + W_O heads + b_O)    z = LN_2(y + W_2 gelu(W_1 y + b_1) + b_2)          post-norm
 *   product  p = unit( S z + M_2 gelu(M_1 z + m_1) + m_2 )                               [O]   no S in a plain head
 *   query    q = unit( S_q u + N_2 gelu(N_1 u + n_1) + n_2 )                             [O]
 *            text: u = (bag of its ids | its sentence vectors)   picture: u = its vectors, and a tower of its own
 *            product that is looked at: u = its vector, likewise  user: user.h
 *
 * The encoder is computed the short way (docs/architecture.md): no key, query or value of a token other than CLS is
 * ever formed. */
#ifndef SAGE_MODEL_MODEL_H
#define SAGE_MODEL_MODEL_H

#include <base/option_table.h>
#include <io/safetensors.h>
#include <kernels/gemm.h>
#include <parallel/pool.h>
#include <text/fields.h>
#include <text/vocab.h>

/* Vectors that a frozen encoder made of a product's pictures or texts. A product has any number of each group. */
enum { SAGE_GROUPS_MAX = 4 };
typedef enum sage_group_kind { SAGE_GROUP_PICTURES, SAGE_GROUP_SENTENCES } sage_group_kind;
typedef struct sage_group {
    sage_group_kind kind;
    size_t dim;
} sage_group;

/* What makes one vector of a product's tokens; all but the first are there to be compared with it, as in the paper.
 * sum and sum_mlp: their mean, each kind of token with a learned weight, then S z + m_2, or the head with its MLP.
 * concat_mlp: every kind of token has a place of its own (zeros where there is none, the mean where a group has several
 * vectors), and the head reads all of them side by side. */
typedef enum sage_encoder_kind {
    SAGE_ENCODER_TRANSFORMER,
    SAGE_ENCODER_SUM,
    SAGE_ENCODER_SUM_MLP,
    SAGE_ENCODER_CONCAT_MLP
} sage_encoder_kind;

/* What of a product's content the encoder reads. Its own token is neither text nor picture, and always read; queries
 * are what they are. */
typedef enum sage_inputs { SAGE_INPUTS_ALL, SAGE_INPUTS_TEXT, SAGE_INPUTS_PICTURES } sage_inputs;

typedef struct sage_model_shape {
    size_t vocab;  /* V: n-gram ids */
    size_t tokens; /* products that have a token of their own; their ids are V .. V + tokens - 1 */
    size_t rows;   /* rows of the table T; as many as ids, or more: one row an id, no hashing */
    size_t hashes; /* K: 1 without hashing, else 2 */
    size_t dim_embed, dim_model, heads, dim_ff, dim_head, dim_out;
    size_t n_groups;
    sage_group groups[SAGE_GROUPS_MAX]; /* [n_groups] pictures first, then sentences */
    /* c > 0: sentences are no tokens and no tower reads them; mapped, they stand beside the vectors that come out,
     * which are then (own | sqrt(c) sentences) of length 1: a cosine is (own + c sentences) / (1 + c). 0: tokens. */
    double beside;
    bool product_tower;                       /* products that are looked at have a tower */
    size_t user_events;                       /* a user's history has so many events at most; 0: no tower for users */
    size_t user_dim, user_layers, user_heads; /* of that tower; heads divide the dim */
    bool plain_text;                          /* text tokens are the bags' sums, without their layer norm */
    bool plain_head;                          /* the product head is its MLP alone, without the linear skip S */
    sage_inputs inputs;                       /* texts are n-grams and sentences */
    size_t lower;                             /* layers of the transformer below the last one, over all tokens */
    sage_encoder_kind
        encoder; /* other than the transformer: lower = 0, heads = 1, dim_ff = 0; concat_mlp: dim_model = 0 too */
} sage_model_shape;

enum { SAGE_ENCODER_LAYERS_MAX = 4 };
enum { SAGE_MODEL_HASHES_MAX = 2, SAGE_MODEL_HEADS_MAX = 64, SAGE_MODEL_TASKS_MAX = 32 };
enum { SAGE_USER_LAYERS_MAX = 4, SAGE_MODEL_USER_EVENTS_MAX = 1024 };

extern const sage_option sage_model_options[];

/* Ids that there are: n-grams, then the products' tokens. */
static inline size_t sage_shape_ids(const sage_model_shape *shape) {
    return shape->vocab + shape->tokens;
}
/* How many numbers the groups of a kind have together; 0: there are none. */
size_t sage_shape_dim(const sage_model_shape *shape, sage_group_kind kind);
/* Of the vectors that come out of a frozen model: dim_out, and the sentences where they stand beside. */
size_t sage_shape_out(const sage_model_shape *shape);
/* Of n published vectors [n][sage_shape_out] the model's own part [n][dim_out], of length 1, or zeros where there is
 * none: what the towers of products and users take. Without sentences beside that is all of them. */
void sage_shape_own(const sage_model_shape *shape, size_t n, const real *published, real *own);

/* True where queries read vectors of products: there is a tower for users, or for products. */
static inline bool sage_shape_recalls(const sage_model_shape *shape) {
    return shape->product_tower || shape->user_events > 0;
}

/* The shape that options `preset`, `dim_*`, `heads`, `table_rows`, `text_norm`, `head_skip`, `inputs`, `encoder`,
 * `encoder_layers` give for a vocabulary and groups. No more rows than ids: a table that could hold the whole
 * vocabulary has one row an id and no hashing. SAGE_E_ARGUMENT where they make no sense together, as heads that do not
 * divide dim_model. */
sage_status sage_model_shape_from_options(const sage_options *options, size_t vocab_size, size_t n_groups,
                                          const sage_group *groups, sage_model_shape *shape, sage_error *error);
/* So many products have a token: each a row of its own, unless the n-grams are hashed; then so are the tokens. */
void sage_model_shape_tokens(sage_model_shape *shape, size_t tokens);

/* Adds towers for products that are looked at, and for users of whose history `user_events` are read at most (0: no
 * tower for users), with the sizes that options `preset` and `user_*` say. Neither: the shape stays as it is. */
sage_status sage_model_shape_towers(const sage_options *options, bool products, size_t user_events,
                                    sage_model_shape *shape, sage_error *error);

/* What makes a query's vector. A step moves no parameter of a tower that it has no rows of. */
typedef enum sage_tower {
    SAGE_TOWER_SEARCH, /* texts */
    SAGE_TOWER_PICTURE,
    SAGE_TOWER_PRODUCT, /* products that are looked at */
    SAGE_TOWER_USER,
    SAGE_TOWER_NONE
} sage_tower;
enum { SAGE_TOWERS = SAGE_TOWER_NONE };

/* A named parameter: its values live in one aligned arena; dense gradients and Adam moments have the same layout. */
typedef struct sage_param {
    const char *name;  /* as in model.safetensors: "table", "importance", "encoder.wk", ... */
    size_t offset;     /* in reals from the start of the dense arena; table and importance are apart (sparse) */
    size_t rows, cols; /* a vector has rows = 1 */
    double rate;       /* the dense learning rate times this */
    bool decay;        /* weight decay applies */
    sage_tower tower;  /* of which it is */
} sage_param;

typedef struct sage_model sage_model;

/* Parameters start as options `init` says: "tfidf" (idf from the vocabulary) or "paper". Without a vocabulary (options
 * may then be NULL) as the paper says. The vocabulary is not kept. */
sage_status sage_model_new(const sage_model_shape *shape, const sage_options *options, const sage_vocab *vocab,
                           uint64_t seed, sage_model **model, sage_error *error);
sage_status sage_model_load(const char *safetensors_path, sage_model **model,
                            sage_error *error); /* shape from its metadata */
void sage_model_free(sage_model *model);
/* Tensors for saving: pointers into the model; *n of them, owned by the model. Metadata carries the shape. */
const sage_tensor *sage_model_tensors(const sage_model *model, size_t *n);
const sage_tensor_meta *sage_model_meta(const sage_model *model, size_t *n);
/* Copies values from a file whose tensors, names after `prefix`, have the same shapes (resume); F32 or F64. The file's
 * metadata must hold the hash functions as sage_model_meta gives them. On an error nothing has changed. */
sage_status sage_model_restore(sage_model *model, const sage_safetensors *file, const char *prefix, sage_error *error);

/* Copies what the model of a file has learned, so that training goes on from there: both over the same vocabulary, with
 * the same hash functions then. What it lacks stays: towers, tokens of other products. SAGE_E_STATE, with nothing
 * changed, where a parameter has another shape there. */
sage_status sage_model_take(sage_model *model, const char *safetensors_path, sage_error *error);

const sage_model_shape *sage_model_shape_of(const sage_model *model);
const sage_param *sage_model_params(const sage_model *model, size_t *n); /* dense ones */
size_t sage_model_dense_size(const sage_model *model);                   /* reals in the dense arena */
real *sage_model_dense(sage_model *model);
real *sage_model_importance(sage_model *model); /* [ids][K] */
/* pids [shape's tokens] of the products that have a token, ascending: 0, 1, .. until they are set. Saved and loaded
 * with the model. */
void sage_model_set_tokens(sage_model *model, const int64_t *pids);
const int64_t *sage_model_tokens(const sage_model *model); /* NULL where there are none */
/* The id of a product's token among the pids that a model of this shape has (NULL: none), or SAGE_NO_ID. */
uint32_t sage_token_id(const sage_model_shape *shape, const int64_t *pids, int64_t pid);

/* The table T [rows][E] lies in memory as slabs of SAGE_SLAB columns, one after another, each [rows][width]: what a
 * pass reads at random is then a few MB at a time and stays in the cache, where whole rows come from memory
 * (docs/model.md). Moments and averages of it lie the same way. Files have it row by row. */
enum { SAGE_SLAB = 32 };
static inline size_t sage_slabs(size_t dim) {
    return (dim + SAGE_SLAB - 1) / SAGE_SLAB;
}
static inline size_t sage_slab_width(size_t dim, size_t slab) {
    size_t left = dim - slab * SAGE_SLAB;
    return left < SAGE_SLAB ? left : SAGE_SLAB;
}
static inline size_t sage_slab_begin(size_t rows, size_t slab) { /* in reals from the start */
    return rows * slab * SAGE_SLAB;
}
static inline size_t sage_slab_at(size_t rows, size_t dim, size_t row, size_t column) {
    size_t slab = column / SAGE_SLAB;
    return sage_slab_begin(rows, slab) + row * sage_slab_width(dim, slab) + column % SAGE_SLAB;
}
real *sage_model_table(sage_model *model);                               /* see sage_slab_at */
uint32_t sage_model_row(const sage_model *model, uint32_t id, size_t k); /* the table's, under hash k < hashes */
/* How many numbers of a bag come through projection, encoder and skips as they are, where those start as the identity;
 * no more than dim_out. */
size_t sage_model_passed(const sage_model_shape *shape);
/* Skips, or the head that stands for one, become: number c of the bag, c < `passed`, becomes column c of basis
 * [dim_out][passed] in products and in search texts. Of a model that started as tfidf. */
void sage_model_turn(sage_model *model, size_t passed, const real *basis);

/* What products' own tokens are worth against a token of weight 1 when attention is spread by kinds alone; of a model
 * that started as tfidf. */
void sage_model_weigh_tokens(sage_model *model, double weight);

/* ---- a batch ---- */
/* Bags of n-gram ids: bag b is ids[begin[b] .. begin[b+1]). An empty bag gives LN of zeros (its bias). */
typedef struct sage_bags {
    size_t n;
    const uint32_t *ids;
    const uint32_t *begin; /* [n + 1] */
    const uint32_t *times; /* how often each of the ids counts, for inference: an id that repeats is then summed once;
                              NULL: once */
} sage_bags;

/* A group's vectors of n products: product i's are rows begin[i] .. begin[i+1]) of `vectors` [..][the group's dim]. */
typedef struct sage_group_rows {
    const uint32_t *begin; /* [n + 1], or NULL: no product has any */
    const real *vectors;
} sage_group_rows;

/* Stands among a product's text tokens for the token that is its own: its bag is that id alone. */
enum { SAGE_FIELD_TOKEN = SAGE_FIELDS };

/* n products. Text tokens of product i are bags token_begin[i] .. token_begin[i+1]), token_field[t] their fields (each
 * field at most once a product; SAGE_FIELD_TOKEN where the shape has tokens). A product may have no token at all. */
typedef struct sage_product_batch {
    size_t n;
    const uint32_t *token_begin; /* [n + 1] */
    const uint8_t *token_field;  /* [tokens] */
    sage_bags text;
    const uint32_t *token_bag; /* [tokens] the bag of each token, for inference: equal texts are then summed once;
                                  NULL: bag t is token t's, and there are as many */
    sage_group_rows group[SAGE_GROUPS_MAX]; /* as the shape's groups */
} sage_product_batch;

/* Whether the model reads anything of product i: a text, a picture or a token of its own. A product of which it reads
 * nothing has the vector of CLS alone. */
bool sage_product_speaks(const sage_model_shape *shape, const sage_product_batch *batch, size_t i);

/* Texts first, then pictures, products that are looked at, users, and vectors that are given: row i < n_texts is bag i.
 * Vectors of products are constants here: the caller's, however old. */
typedef struct sage_query_batch {
    size_t n_texts, n_pictures, n_looked, n_users, n_given;
    sage_bags bags; /* [n_texts] */
    const real
        *sentences;       /* [n_texts][sum of the sentence groups' dims]; a row of zeros: it has none; NULL: none has */
    const real *pictures; /* [n_pictures][sum of the picture groups' dims]; each group's part a unit vector */
    const real *looked;   /* [n_looked][dim_out] unit vectors of the products: the own part of what is published */
    const real *looked_said; /* [n_looked][sage_shape_out - dim_out] inference only: what is published beside it, of any
                                length, which the query says too; NULL: nothing */
    /* What users did: user u's events are user_begin[u] .. user_begin[u + 1]), oldest first, user_events at most; there
     * may be none. */
    const uint32_t *user_begin; /* [n_users + 1] */
    const real *user_vectors;   /* [events][dim_out] unit vectors of the products */
    const uint8_t *user_kind;   /* [events] sage_event_kind */
    const float *user_age;      /* [events] days before the query, >= 0; NAN: not known */
    const real *given;          /* [n_given][dim_out] unit vectors, the queries' own: no tower is asked */
    const real *follow;         /* training only: [all but n_given][dim_out] unit vectors that towers are to say, or
                                   zeros; NULL: none */
} sage_query_batch;

/* ---- inference: out [n][sage_shape_out], unit vectors ---- */
/* A model made ready for inference in a precision: weights folded and packed once, the table as f32 (the model's own),
 * bf16 or int8. From a model: it must stay, and stay as it is, for as long as this is used. From a file: it owns all
 * that it needs, and a table of lower precision is made straight from the file, so that there is none in f32 beside it.
 */
typedef struct sage_frozen sage_frozen;
sage_status sage_frozen_new(const sage_model *model, sage_precision precision, sage_pool *pool, sage_frozen **frozen,
                            sage_error *error);
sage_status sage_frozen_load(const char *safetensors_path, sage_precision precision, sage_pool *pool,
                             sage_frozen **frozen, sage_error *error);
/* In f32, with the table left in the file, which is mapped: opened at once, and read only where a bag asks for it. For
 * few products, since many are summed faster from memory; the bits are the same. */
sage_status sage_frozen_map(const char *safetensors_path, sage_pool *pool, sage_frozen **frozen, sage_error *error);
/* Another of the same parameters and the same table, with scratch of its own: for one more thread. `frozen` must stay
 * as long. The pool is the other's, NULL: it works on the thread that calls. */
sage_status sage_frozen_share(const sage_frozen *frozen, sage_pool *pool, sage_frozen **another, sage_error *error);
void sage_frozen_free(sage_frozen *frozen);
const int64_t *sage_frozen_tokens(const sage_frozen *frozen); /* as sage_model_tokens */
const sage_model_shape *sage_frozen_shape(const sage_frozen *frozen);
size_t sage_frozen_bytes(const sage_frozen *frozen); /* all that it owns, scratch included; not what it shares */
/* Batches of any size; memory does not grow with them beyond some words a token. One call at a time. */
sage_status sage_frozen_products(sage_frozen *frozen, const sage_product_batch *batch, real *out, sage_error *error);
sage_status sage_frozen_queries(sage_frozen *frozen, const sage_query_batch *queries, real *out, sage_error *error);

/* ---- training: loss and all gradients of one batch ---- */
/* The memory of a pass, grown as needed and reused; one per caller thread. Precision F32 or BF16: of the dense
 * products, see kernels/gemm.h; parameters, gradients and sums stay f32. */
typedef struct sage_work sage_work;
sage_status sage_work_new(sage_pool *pool, sage_precision precision, sage_work **work, sage_error *error);
void sage_work_free(sage_work *work);
size_t sage_work_bytes(const sage_work *work); /* what it holds now */
/* [products of the last batch][dim_out] their vectors as the last backward pass had them; until the next pass. */
const real *sage_work_products(const sage_work *work);
enum { SAGE_PREFIXES_MAX = 8 };
typedef struct sage_work_sizes {
    size_t products, text_bags, vectors; /* vectors: of all groups together */
    size_t queries;                      /* of all kinds: those that are not of the following are texts */
    size_t pictures, looked, users, given;
    size_t events;                                  /* of all users together */
    size_t ids;                                     /* of texts and queries together */
    size_t columns;                                 /* B + R */
    size_t n_prefixes, prefixes[SAGE_PREFIXES_MAX]; /* as sage_loss_spec */
} sage_work_sizes;
/* What a step of these sizes will need, in bytes; before there is a model. SIZE_MAX: more than there is. */
size_t sage_work_need(const sage_model_shape *shape, size_t threads, sage_precision precision,
                      const sage_work_sizes *sizes);

/* Which negatives a softmax is over: two, whose cross-entropies are added, one of them alone, or one over the columns
 * of both. Without random negatives there is the in-batch one, whatever is said. */
typedef enum sage_softmaxes {
    SAGE_SOFTMAX_BOTH,
    SAGE_SOFTMAX_IN_BATCH,
    SAGE_SOFTMAX_RANDOM, /* also where the random columns are the whole catalogue */
    SAGE_SOFTMAX_CONCAT
} sage_softmaxes;

typedef struct sage_loss_spec {
    size_t n_pairs;       /* B: query i (row i of the query batch) goes with product i; products B .. B+R-1 are random
                             negatives */
    size_t n_random;      /* R; 0: in-batch only. */
    const real *queries;  /* [B][O] unit vectors given in place of the search tower's (there is then no query batch);
                             NULL: the tower */
    const real *products; /* [B + R][O] unit vectors given in place of the encoder's, which get no gradient (a product
                             batch is then not read, and the map of sentences not trained); NULL: the encoder */
    const real *log_q;    /* [B], with SAGE_SOFTMAX_CONCAT [B + R]: logQ of each of these columns, subtracted from every
                             logit of that column; NULL: none */
    const uint64_t
        *mask; /* [B][(B+R+63)/64] bit j of row i set: column j is no negative of query i (never set for j = i) */
    const real *weight;  /* [B] weight of each pair, mean of weights divides; NULL: all 1 */
    const uint8_t *task; /* [B] for the per-task losses; NULL */
    sage_softmaxes softmaxes;
    real smoothing; /* label smoothing, 0 = none */
    /* A teacher's scores, which a third term pulls the logits' softmax over all B+R columns towards: the listed columns
     * of row i are teacher_column[teacher_begin[i] .. teacher_begin[i+1]), each once; all others score 0. */
    real teacher_weight;           /* lambda of the term; 0: none, the arrays are then not read */
    const uint32_t *teacher_begin; /* [B + 1] */
    const uint32_t *teacher_column;
    const real *teacher_score; /* finite */
    /* So many prefixes of the vectors, each renormalised, are under the same two softmaxes: the first prefixes[i]
     * numbers, lengths ascending, below dim_out. */
    size_t n_prefixes;
    size_t prefixes[SAGE_PREFIXES_MAX];
    real prefix_weight; /* of each */
    real follow_weight; /* of the loss that draws towers' vectors to the query batch's `follow` */
} sage_loss_spec;

enum { SAGE_LOSS_TASKS = 32 }; /* task numbers are below it */
typedef struct sage_loss {
    double total, in_batch, random;   /* means over pairs (weighted); total = the sum of all, lambda teacher; in_batch:
                                         also the one softmax over the columns of both */
    double teacher;                   /* a row without a listed column that counts adds 0 */
    double prefixes;                  /* of all prefixes, weighted; in the total */
    double follow;                    /* mean of 1 - cosine over the rows that have something to follow */
    double sentences;                 /* of those that stand beside, mean over the pairs that have them */
    double task_sum[SAGE_LOSS_TASKS]; /* sum of weight * loss of each task */
    double task_weight[SAGE_LOSS_TASKS];
    unsigned towers; /* bit 1 << sage_tower: there were rows of it; else all its gradients are zero */
} sage_loss;

/* One forward and backward pass: the loss, and `dense` [dense_size] becomes the gradient of the dense arena. What the
 * gradients of the table and of the importance weights are made of stays in `work`, for sage_model_scatter.
 * The same bits for any number of threads. Temperature: logit = exp(t) * cosine, exp(t) <= 100; t is a dense
 * parameter "temperature" that starts at -log 0.07. `queries` is NULL where spec->queries is given. */
sage_status sage_model_backward(const sage_model *model, sage_work *work, const sage_product_batch *products,
                                const sage_query_batch *queries, const sage_loss_spec *spec, real *dense,
                                sage_loss *loss, sage_error *error);

/* Takes the gradients of what a batch touched. Each (slab, row) and each id comes once, from any worker, rows ascending
 * within a call; a row's slabs come in ascending order. What a call says of may be changed by it, since nothing reads
 * it afterwards. */
typedef struct sage_row_sink {
    void *ctx;
    /* rows[i], i < n, of slab `slab`, `width` columns wide, have gradients grad [n][width] */
    void (*rows)(void *ctx, size_t slab, size_t width, size_t n, const uint32_t *rows, const real *grad);
    /* ids[i], i < n, have gradients grad [n][K] of their importance weights */
    void (*ids)(void *ctx, size_t n, const uint32_t *ids, const real *grad);
} sage_row_sink;
/* After sage_model_backward, once, with the same batch still there. */
void sage_model_scatter(const sage_model *model, sage_work *work, const sage_row_sink *sink);

/* Both, with all gradients kept: for tests, and whoever wants to look at them. */
typedef struct sage_grads {
    real *dense;                  /* [dense_size] */
    size_t n_rows, rows_capacity; /* touched table rows, ascending */
    uint32_t *rows;
    real *row_grad;             /* [n_rows][E], row by row */
    size_t n_ids, ids_capacity; /* touched ids, ascending */
    uint32_t *ids;
    real *id_grad; /* [n_ids][K] */
} sage_grads;
sage_status sage_grads_new(const sage_model *model, sage_grads **grads, sage_error *error);
void sage_grads_free(sage_grads *grads);
sage_status sage_model_step(const sage_model *model, sage_work *work, const sage_product_batch *products,
                            const sage_query_batch *queries, const sage_loss_spec *spec, sage_grads *grads,
                            sage_loss *loss, sage_error *error);

#endif
