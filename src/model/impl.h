/* Inside the room: the model's memory. */
#ifndef SAGE_MODEL_IMPL_H
#define SAGE_MODEL_IMPL_H

#include <base/error.h>
#include <base/rng.h>
#include <model/model.h>

/* Numbers of the sentences that stand beside (beside.h); 0: they are tokens, or there are none. */
static inline size_t beside_width(const sage_model_shape *shape) {
    return shape->beside > 0 ? sage_shape_dim(shape, SAGE_GROUP_SENTENCES) : 0;
}
/* The first so many groups' vectors are tokens. */
static inline size_t token_groups(const sage_model_shape *shape) {
    size_t n = shape->n_groups;
    while (shape->beside > 0 && n > 0 && shape->groups[n - 1].kind == SAGE_GROUP_SENTENCES) n--;
    return n;
}

/* Kinds of token: the 12 text fields, the product's own where the shape has such, the groups, CLS. Each kind has a bias
 * (its own, the group's, or CLS itself) and score biases. A shape without groups keeps the place of one, so that its
 * files are as they always were. */
enum { KINDS_MAX = SAGE_FIELDS + 1 + SAGE_GROUPS_MAX + 1 };
static inline size_t text_kinds(const sage_model_shape *shape) { /* that bags of ids may be of */
    return SAGE_FIELDS + (shape->tokens > 0);
}
static inline size_t kinds_of(const sage_model_shape *shape) {
    return text_kinds(shape) + (token_groups(shape) > 0 ? token_groups(shape) : 1) + 1;
}
static inline size_t kind_of_group(const sage_model_shape *shape, size_t group) {
    return text_kinds(shape) + group;
}
static inline size_t kind_of_cls(const sage_model_shape *shape) {
    return kinds_of(shape) - 1;
}

/* Without attention; the head is told what there is by what it reads alone. */
static inline bool is_pooled(const sage_model_shape *shape) {
    return shape->encoder != SAGE_ENCODER_TRANSFORMER;
}
static inline bool is_concat(const sage_model_shape *shape) {
    return shape->encoder == SAGE_ENCODER_CONCAT_MLP;
}
/* Where all kinds' tokens lie side by side: the texts' first, then the groups', then a column a kind that is 1 where
 * there is such a token. */
static inline size_t concat_kinds_at(const sage_model_shape *shape) {
    size_t at = text_kinds(shape) * shape->dim_embed;
    for (size_t g = 0; g < token_groups(shape); g++) at += shape->groups[g].dim;
    return at;
}
/* A token as the fold has it: text, the groups' vectors, kinds; on cache lines. */
static inline size_t fold_raw(const sage_model_shape *shape) {
    size_t width = shape->dim_embed + kinds_of(shape);
    for (size_t g = 0; g < token_groups(shape); g++) width += shape->groups[g].dim;
    return (width + 15) / 16 * 16;
}
/* Of the product head: what it reads, and its hidden layer, 0 where it has none. */
static inline size_t head_width(const sage_model_shape *shape) {
    return is_concat(shape) ? concat_kinds_at(shape) + kinds_of(shape) : shape->dim_model;
}
static inline size_t head_hidden(const sage_model_shape *shape) {
    return shape->encoder == SAGE_ENCODER_SUM ? 0 : shape->dim_head;
}

/* Of each layer of the users' tower, in this order. */
typedef enum user_layer_param {
    U_NORM1_GAIN,
    U_NORM1_BIAS,
    U_QKV,
    U_BQ,
    U_BV,
    U_OUT,
    U_BO,
    U_NORM2_GAIN,
    U_NORM2_BIAS,
    U_FF1_W,
    U_FF1_B,
    U_FF2_W,
    U_FF2_B,
    USER_LAYER_PARAMS
} user_layer_param;

typedef enum param_id {
    P_TEXT_GAIN,
    P_TEXT_BIAS,
    P_TEXT_PROJ,
    P_FIELD_BIAS,
    P_TOKEN_BIAS,
    P_CLS,
    P_GROUPS, /* of each group its projection and its bias */
    P_GROUPS_LAST = P_GROUPS + 2 * SAGE_GROUPS_MAX - 1,
    P_SCORE_BIAS,
    P_WQ,
    P_BQ,
    P_WK,
    P_WV,
    P_BV,
    P_WO,
    P_BO,
    P_NORM1_GAIN,
    P_NORM1_BIAS,
    P_FF1_W,
    P_FF1_B,
    P_FF2_W,
    P_FF2_B,
    P_NORM2_GAIN,
    P_NORM2_BIAS,
    P_LOWER, /* of each layer below the last one its parameters, as a user layer's, and its score biases */
    P_LOWER_LAST = P_LOWER + (USER_LAYER_PARAMS + 1) * (SAGE_ENCODER_LAYERS_MAX - 1) - 1,
    P_HEAD_SKIP,
    P_HEAD1_W,
    P_HEAD1_B,
    P_HEAD2_W,
    P_HEAD2_B,
    P_SEARCH_SKIP,
    P_SEARCH1_W,
    P_SEARCH1_B,
    P_SEARCH2_W,
    P_SEARCH2_B,
    P_PICTURE_SKIP,
    P_PICTURE1_W,
    P_PICTURE1_B,
    P_PICTURE2_W,
    P_PICTURE2_B,
    P_PRODUCT_SKIP,
    P_PRODUCT1_W,
    P_PRODUCT1_B,
    P_PRODUCT2_W,
    P_PRODUCT2_B,
    P_USER_IN_W,
    P_USER_IN_B,
    P_USER_KIND,
    P_USER_AGE,
    P_USER_RANK,
    P_USER_CLS,
    P_USER_LAYERS,
    P_USER_LAYERS_LAST = P_USER_LAYERS + USER_LAYER_PARAMS * SAGE_USER_LAYERS_MAX - 1,
    P_USER_NORM_GAIN,
    P_USER_NORM_BIAS,
    P_USER_SCORE,
    P_USER_SCORE_KIND,
    P_USER_SCORE_AGE,
    P_USER_SCORE_RANK,
    P_USER_SKIP,
    P_USER1_W,
    P_USER1_B,
    P_USER2_W,
    P_USER2_B,
    P_SENTENCE_MAP,
    P_TEMPERATURE,
    P_COUNT
} param_id;

/* A multiply-add hash into the table (Carter and Wegman 1979): ((a id + b) mod p) mod rows, p = 2^31 - 1. */
typedef struct hash_fn {
    uint64_t a, b;
} hash_fn;
enum { HASH_PRIME = 0x7fffffff };

enum { META_MAX = 32, META_BYTES = 64 };

struct sage_model {
    sage_model_shape shape;
    hash_fn hash[SAGE_MODEL_HASHES_MAX];
    uint64_t rows_inverse;      /* see hash_row */
    size_t at[P_COUNT];         /* offsets in the dense arena; of a parameter that this shape lacks: SIZE_MAX */
    sage_param params[P_COUNT]; /* those that there are */
    size_t n_params, dense_size;
    real *dense, *table, *importance;
    int64_t *token_pids; /* [shape.tokens]; NULL where there are none */
    sage_tensor tensors[P_COUNT + 3];
    sage_tensor_meta meta[META_MAX];
    char meta_text[META_MAX][META_BYTES];
    size_t n_meta;
};

/* Search texts, pictures and products that are looked at have a tower each, of the same form; users have another
 * (user.h). */
typedef enum tower_id {
    TOWER_SEARCH = SAGE_TOWER_SEARCH,
    TOWER_PICTURE = SAGE_TOWER_PICTURE,
    TOWER_PRODUCT = SAGE_TOWER_PRODUCT,
    TOWERS
} tower_id;
static inline size_t tower_width(const sage_model_shape *shape, tower_id tower) { /* of u; 0: there is no such tower */
    size_t sentences = sage_shape_dim(shape, SAGE_GROUP_SENTENCES) - beside_width(shape);
    if (tower == TOWER_PRODUCT) return shape->product_tower ? shape->dim_out : 0;
    return tower == TOWER_SEARCH ? shape->dim_embed + sentences : sage_shape_dim(shape, SAGE_GROUP_PICTURES);
}

static inline param_id group_proj(size_t group) {
    return (param_id)(P_GROUPS + 2 * group);
}
static inline param_id group_bias(size_t group) {
    return (param_id)(P_GROUPS + 2 * group + 1);
}
static inline param_id user_param(size_t layer, user_layer_param which) {
    return (param_id)(P_USER_LAYERS + USER_LAYER_PARAMS * layer + which);
}
enum { SAGE_LOWER_MAX = SAGE_ENCODER_LAYERS_MAX - 1 };
static inline param_id lower_param(size_t layer, user_layer_param which) {
    return (param_id)(P_LOWER + (USER_LAYER_PARAMS + 1) * layer + which);
}
static inline param_id lower_score(size_t layer) { /* [H][kinds] */
    return (param_id)(P_LOWER + (USER_LAYER_PARAMS + 1) * layer + USER_LAYER_PARAMS);
}
/* Their parameters: q = unit(skip u + W_2 gelu(W_1 u + b_1) + b_2). */
typedef struct tower_params {
    param_id skip, w1, b1, w2, b2;
} tower_params;
static inline tower_params tower_params_of(tower_id tower) {
    static const tower_params of[TOWERS] = {
        [TOWER_SEARCH] = {P_SEARCH_SKIP, P_SEARCH1_W, P_SEARCH1_B, P_SEARCH2_W, P_SEARCH2_B},
        [TOWER_PICTURE] = {P_PICTURE_SKIP, P_PICTURE1_W, P_PICTURE1_B, P_PICTURE2_W, P_PICTURE2_B},
        [TOWER_PRODUCT] = {P_PRODUCT_SKIP, P_PRODUCT1_W, P_PRODUCT1_B, P_PRODUCT2_W, P_PRODUCT2_B}};
    return of[tower];
}
static inline bool has(const sage_model *model, param_id id) {
    return model->at[id] != SIZE_MAX;
}
static inline real *par(const sage_model *model, param_id id) {
    return model->dense + model->at[id];
}
static inline real *par_in(const sage_model *model, real *dense, param_id id) {
    return dense + model->at[id];
}

/* The remainder by the number of rows without a division (Lemire, Kaser and Kurz 2019): with inverse = ceil(2^64 /
 * rows), the low half of inverse x is the fraction of x / rows. Exact for all x and rows below 2^32. */
static inline uint32_t hash_row(const sage_model *model, uint32_t id, size_t k) {
    if (model->shape.hashes == 1) return id;
    uint64_t mixed = (model->hash[k].a * id + model->hash[k].b) % HASH_PRIME;
    return (uint32_t)((unsigned __int128)(model->rows_inverse * mixed) * model->shape.rows >> 64);
}

/* Memory for the shape, parameters all zero, names and metadata set; hash functions from the seed. Without its table,
 * which is NULL then, a model serves inside a frozen one, which has its own. */
sage_status model_alloc(const sage_model_shape *shape, uint64_t seed, bool table, sage_model **model,
                        sage_error *error);
/* While the model is laid out: the next parameter; of one without rows or columns only that there is none. */
void param_add(sage_model *model, param_id id, const char *name, size_t rows, size_t cols, bool decay);
/* A transformer layer's, from `first` on, of width d and f; d = 0: there is none. */
#define LAYER_NAMES(l)                                                                                                 \
    {                                                                                                                  \
        l ".norm1.gain", l ".norm1.bias", l ".qkv.weight", l ".q.bias", l ".v.bias", l ".out.weight", l ".out.bias",   \
            l ".norm2.gain", l ".norm2.bias", l ".ff1.weight", l ".ff1.bias", l ".ff2.weight", l ".ff2.bias",          \
            l ".score_bias"                                                                                            \
    }
void layer_params_add(sage_model *model, param_id first, const char *const *names, size_t d, size_t f);
sage_status model_shape_check(const sage_model_shape *shape, sage_error *error);
size_t model_bytes(const sage_model *model);
/* An open file and its model; without its table where the caller reads that from the file itself. */
sage_status model_open(const char *path, bool table, sage_safetensors **file, sage_model **model, sage_error *error);
/* n values of a tensor from value `at` on. */
void model_copy_values(const sage_tensor *from, size_t at, size_t n, real *to);
/* A row of the table [rows][E] in a file has been read; the last of every MODEL_TABLE_ROWS releases them. Workers that
 * read them side by side take that many, or multiples. */
enum { MODEL_TABLE_ROWS = 1024 };
void model_release_row(const sage_safetensors *file, const sage_tensor *table, size_t row);
extern const char *const model_group_names[2]; /* by kind, as the metadata has them */
extern const char *const model_inputs_names[]; /* NULL ends them */
extern const char *const model_encoder_names[];
void model_describe(sage_model *model); /* metadata from shape and hash functions */
/* From a file's metadata: the shape, checked; a whole number; a switch that is on where nothing is said. */
sage_status model_read_shape(const sage_safetensors *file, const char *path, sage_model_shape *shape,
                             sage_error *error);
sage_status model_read_number(const sage_safetensors *file, const char *path, const char *key, uint64_t *value,
                              sage_error *error);
sage_status model_read_off(const sage_safetensors *file, const char *path, const char *key, bool *off,
                           sage_error *error);
/* One of several names; the first where nothing is said. */
sage_status model_read_choice(const sage_safetensors *file, const char *path, const char *key, const char *const *names,
                              size_t *number, sage_error *error);
void model_init_tfidf(sage_model *model, const sage_options *options, const sage_vocab *vocab, uint64_t seed);
/* The picture tower as tfidf starts it: by the projections that the pictures' tokens have. */
void model_init_pictures(sage_model *model, sage_rng *rng);
void model_init_paper(sage_model *model, uint64_t seed);

#endif
