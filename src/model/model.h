/* The model: hash embedding, product encoder, search tower. `real` is float; the oracle test builds the same code in
 * double.
 *
 * Notation: E = dim_embed, D = dim_model, H = heads, F = dim_ff, M = dim_head, O = dim_out. Row-major throughout.
 *
 *   bag      e = LN_t( sum over ids i of sum over k < K of W[i][k] T[h_k(i)] )          [E]   one table T for products
 * and queries token    x_j = P e_j + b_f   text of field f        x_j = P_img v_j + b_img   image   x_0 = c (CLS) [D]
 *   scores   s_hj = q_h . (W_K,h x_j)/sqrt(D/H) + s[h][f],   q_h = W_Q,h c + b_Q,h      (no b_K: its gradient is zero)
 *   heads    W_V,h (sum_j softmax_j(s_h) x_j) + b_V,h
 *   y = LN_1(c + W_O heads + b_O)    z = LN_2(y + W_2 gelu(W_1 y + b_1) + b_2)          post-norm
 *   product  p = unit( S z + M_2 gelu(M_1 z + m_1) + m_2 )                               [O]
 *   query    q = unit( S_q u + N_2 gelu(N_1 u + n_1) + n_2 ),  u = bag of the query's ids   [O]
 *
 * The encoder is computed the short way (docs/architecture.md): no key, query or value of a token other than CLS is
 * ever formed. */
#ifndef SAGE_MODEL_MODEL_H
#define SAGE_MODEL_MODEL_H

#include <base/option_table.h>
#include <io/safetensors.h>
#include <kernels/kernels.h>
#include <text/fields.h>
#include <text/vocab.h>

typedef struct sage_model_shape {
    size_t vocab;  /* V: n-gram ids */
    size_t rows;   /* rows of the table T; rows >= V: one row an id, no hashing */
    size_t hashes; /* K: 1 where rows >= V, else 2 */
    size_t dim_embed, dim_model, heads, dim_ff, dim_head, dim_out;
    size_t dim_image; /* 0: no image group */
} sage_model_shape;

enum { SAGE_MODEL_HASHES_MAX = 2, SAGE_MODEL_HEADS_MAX = 64, SAGE_MODEL_TASKS_MAX = 32 };

extern const sage_option sage_model_options[];

/* The shape that options `preset`, `dim_*`, `heads`, `table_rows` give for a vocabulary. No more rows than ids: a table
 * that could hold the whole vocabulary has one row an id and no hashing. SAGE_E_ARGUMENT where the heads do not divide
 * dim_model. */
sage_status sage_model_shape_from_options(const sage_options *options, size_t vocab_size, size_t image_dim,
                                          sage_model_shape *shape, sage_error *error);

/* A named parameter: its values live in one aligned arena; dense gradients and Adam moments have the same layout. */
typedef struct sage_param {
    const char *name;  /* as in model.safetensors: "table", "importance", "encoder.wk", ... */
    size_t offset;     /* in reals from the start of the dense arena; table and importance are apart (sparse) */
    size_t rows, cols; /* a vector has rows = 1 */
    bool decay;        /* weight decay applies */
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

const sage_model_shape *sage_model_shape_of(const sage_model *model);
const sage_param *sage_model_params(const sage_model *model, size_t *n); /* dense ones */
size_t sage_model_dense_size(const sage_model *model);                   /* reals in the dense arena */
real *sage_model_dense(sage_model *model);
real *sage_model_table(sage_model *model);      /* [rows][E] */
real *sage_model_importance(sage_model *model); /* [V][K] */

/* ---- a batch ---- */
/* Bags of n-gram ids: bag b is ids[begin[b] .. begin[b+1]). An empty bag gives LN of zeros (its bias). */
typedef struct sage_bags {
    size_t n;
    const uint32_t *ids;
    const uint32_t *begin; /* [n + 1] */
} sage_bags;

/* n products. Text tokens of product i are bags token_begin[i] .. token_begin[i+1]), token_field[t] their fields (each
 * field at most once a product); its images are rows image_begin[i] .. image_begin[i+1]) of `images`. A product may
 * have no token at all. */
typedef struct sage_product_batch {
    size_t n;
    const uint32_t *token_begin; /* [n + 1] */
    const uint8_t *token_field;  /* [tokens] */
    const uint32_t *token_bag;   /* [tokens] the bag of each token, for inference: equal texts are then summed once;
                                    NULL: bag t is token t's, and there are as many */
    sage_bags text;
    const uint32_t *image_begin; /* [n + 1], or NULL: no images */
    const real *images;          /* [..][dim_image] */
} sage_product_batch;

/* ---- inference: out [n][O], unit vectors. `work` is grown as needed and reused; one per caller thread. ---- */
typedef struct sage_work sage_work;
sage_status sage_work_new(sage_pool *pool, sage_work **work, sage_error *error);
void sage_work_free(sage_work *work);
sage_status sage_model_products(const sage_model *model, sage_work *work, const sage_product_batch *batch, real *out,
                                sage_error *error);
sage_status sage_model_queries(const sage_model *model, sage_work *work, const sage_bags *bags, real *out,
                               sage_error *error);

/* ---- training: loss and all gradients of one batch ---- */
typedef struct sage_loss_spec {
    size_t n_pairs;    /* B: query i (row i of the query bags) goes with product i; products B .. B+R-1 are random
                          negatives */
    size_t n_random;   /* R; 0: in-batch only. */
    const real *log_q; /* [B] logQ of each in-batch column, subtracted from every logit of that column; NULL: none */
    const uint64_t
        *mask; /* [B][(B+R+63)/64] bit j of row i set: column j is no negative of query i (never set for j = i) */
    const real *weight;  /* [B] weight of each pair, mean of weights divides; NULL: all 1 */
    const uint8_t *task; /* [B] for the per-task losses; NULL */
    bool in_batch;       /* false: the random softmax alone (full catalogue as columns) */
    real smoothing;      /* label smoothing, 0 = none */
    /* A teacher's scores, which a third term pulls the logits' softmax over all B+R columns towards: the listed columns
     * of row i are teacher_column[teacher_begin[i] .. teacher_begin[i+1]), each once; all others score 0. */
    real teacher_weight;           /* lambda of the term; 0: none, the arrays are then not read */
    const uint32_t *teacher_begin; /* [B + 1] */
    const uint32_t *teacher_column;
    const real *teacher_score; /* finite */
} sage_loss_spec;

enum { SAGE_LOSS_TASKS = 32 }; /* task numbers are below it */
typedef struct sage_loss {
    double total, in_batch, random;   /* means over pairs (weighted); total = in_batch + random + lambda teacher */
    double teacher;                   /* a row without a listed column that counts adds 0 */
    double task_sum[SAGE_LOSS_TASKS]; /* sum of weight * loss of each task */
    double task_weight[SAGE_LOSS_TASKS];
} sage_loss;

/* Gradients: dense arena, and the touched rows of table and importance. Owned by the model's caller; reused from step
 * to step. */
typedef struct sage_grads {
    real *dense;                  /* [dense_size] */
    size_t n_rows, rows_capacity; /* touched table rows, ascending */
    uint32_t *rows;
    real *row_grad;             /* [n_rows][E] */
    size_t n_ids, ids_capacity; /* touched ids, ascending */
    uint32_t *ids;
    real *id_grad; /* [n_ids][K] */
} sage_grads;
sage_status sage_grads_new(const sage_model *model, sage_grads **grads, sage_error *error);
void sage_grads_free(sage_grads *grads);

/* One forward and backward pass. Deterministic for a given number of threads. Temperature: logit = exp(t) * cosine,
 * exp(t) <= 100; t is a dense parameter "temperature" that starts at -log 0.07. */
sage_status sage_model_step(const sage_model *model, sage_work *work, const sage_product_batch *products,
                            const sage_bags *queries, const sage_loss_spec *spec, sage_grads *grads, sage_loss *loss,
                            sage_error *error);

#endif
