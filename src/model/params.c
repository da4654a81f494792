/* Where each parameter lies and what it is called. */
#include "deep.h"
#include "user.h"
#include <base/alloc.h>
#include <base/rng.h>
#include <stdio.h>
#include <string.h>

/* Parameters begin on cache lines; the reals between them stay zero, gradients too. */
enum { ALIGN = 16 };

void param_add(sage_model *model, param_id id, const char *name, size_t rows, size_t cols, bool decay) {
    model->at[id] = SIZE_MAX;
    if (rows == 0 || cols == 0) return;
    model->at[id] = model->dense_size;
    model->params[model->n_params++] = (sage_param){.name = name,
                                                    .offset = model->dense_size,
                                                    .rows = rows,
                                                    .cols = cols,
                                                    .rate = 1,
                                                    .decay = decay,
                                                    .tower = SAGE_TOWER_NONE};
    model->dense_size += (rows * cols + ALIGN - 1) / ALIGN * ALIGN;
}

/* The first group of a kind has the kind's name, those after it are numbered. */
static void add_groups(sage_model *model) {
    static const char *const names[2][SAGE_GROUPS_MAX][2] = {{{"image.proj", "image.bias"},
                                                              {"image2.proj", "image2.bias"},
                                                              {"image3.proj", "image3.bias"},
                                                              {"image4.proj", "image4.bias"}},
                                                             {{"sentence.proj", "sentence.bias"},
                                                              {"sentence2.proj", "sentence2.bias"},
                                                              {"sentence3.proj", "sentence3.bias"},
                                                              {"sentence4.proj", "sentence4.bias"}}};
    const sage_model_shape *s = &model->shape;
    size_t of_kind[2] = {0, 0};
    for (size_t g = 0; g < SAGE_GROUPS_MAX; g++) {
        const sage_group *group = &s->groups[g];
        bool there = g < token_groups(s);
        const char *const *name = names[there ? group->kind : 0][there ? of_kind[group->kind]++ : g];
        param_add(model, group_proj(g), name[0], there ? s->dim_model : 0, there ? group->dim : 0, true);
        param_add(model, group_bias(g), name[1], there, s->dim_model, false);
    }
}

/* Those that were added since `first`. */
static void belong(sage_model *model, size_t first, sage_tower tower) {
    for (size_t i = first; i < model->n_params; i++) model->params[i].tower = tower;
}

static void add_tower(sage_model *model, tower_id tower) {
    static const char *const names[TOWERS][5] = {
        {"search.skip", "search.fc1.weight", "search.fc1.bias", "search.fc2.weight", "search.fc2.bias"},
        {"picture.skip", "picture.fc1.weight", "picture.fc1.bias", "picture.fc2.weight", "picture.fc2.bias"},
        {"product.skip", "product.fc1.weight", "product.fc1.bias", "product.fc2.weight", "product.fc2.bias"}};
    const sage_model_shape *s = &model->shape;
    const tower_params its = tower_params_of(tower);
    size_t width = tower_width(s, tower), first = model->n_params;
    size_t m = width > 0 ? s->dim_head : 0, o = width > 0 ? s->dim_out : 0;
    param_add(model, its.skip, names[tower][0], o, width, true);
    param_add(model, its.w1, names[tower][1], m, width, true);
    param_add(model, its.b1, names[tower][2], 1, m, false);
    param_add(model, its.w2, names[tower][3], o, m, true);
    param_add(model, its.b2, names[tower][4], 1, o, false);
    belong(model, first, (sage_tower)tower);
}

/* What is nearly right from the start learns slower, or it learns the training queries by heart. */
static void add_map(sage_model *model) {
    const double slower = 0.3;
    size_t width = beside_width(&model->shape), first = model->n_params;
    param_add(model, P_SENTENCE_MAP, "sentence.map", width, width, false);
    for (size_t i = first; i < model->n_params; i++) model->params[i].rate = slower;
}

static void add_transformer(sage_model *model) {
    const sage_model_shape *s = &model->shape;
    size_t d = is_pooled(s) ? 0 : s->dim_model, f = s->dim_ff;
    param_add(model, P_WQ, "encoder.wq", d, d, true);
    param_add(model, P_BQ, "encoder.bq", 1, d, false);
    param_add(model, P_WK, "encoder.wk", d, d, true);
    param_add(model, P_WV, "encoder.wv", d, d, true);
    param_add(model, P_BV, "encoder.bv", 1, d, false);
    param_add(model, P_WO, "encoder.wo", d, d, true);
    param_add(model, P_BO, "encoder.bo", 1, d, false);
    param_add(model, P_NORM1_GAIN, "encoder.norm1.gain", 1, d, false);
    param_add(model, P_NORM1_BIAS, "encoder.norm1.bias", 1, d, false);
    param_add(model, P_FF1_W, "encoder.ff1.weight", f, d, true);
    param_add(model, P_FF1_B, "encoder.ff1.bias", 1, f, false);
    param_add(model, P_FF2_W, "encoder.ff2.weight", d, f, true);
    param_add(model, P_FF2_B, "encoder.ff2.bias", 1, d, false);
    param_add(model, P_NORM2_GAIN, "encoder.norm2.gain", 1, d, false);
    param_add(model, P_NORM2_BIAS, "encoder.norm2.bias", 1, d, false);
}

static void lay_out(sage_model *model) {
    const sage_model_shape *s = &model->shape;
    size_t e = s->dim_embed, d = s->dim_model, o = s->dim_out, m = head_hidden(s);
    param_add(model, P_TEXT_GAIN, "text.norm.gain", 1, e, false);
    param_add(model, P_TEXT_BIAS, "text.norm.bias", 1, e, false);
    param_add(model, P_TEXT_PROJ, "text.proj", d, e, true);
    param_add(model, P_FIELD_BIAS, "field.bias", SAGE_FIELDS, d, false);
    param_add(model, P_TOKEN_BIAS, "token.bias", s->tokens > 0, d, false);
    param_add(model, P_CLS, "cls", 1, d, false);
    add_groups(model);
    param_add(model, P_SCORE_BIAS, "encoder.score_bias", is_concat(s) ? 0 : s->heads, kinds_of(s), false);
    add_transformer(model);
    deep_params_add(model);
    param_add(model, P_HEAD_SKIP, "head.skip", s->plain_head ? 0 : o, head_width(s), true);
    param_add(model, P_HEAD1_W, "head.fc1.weight", m, head_width(s), true);
    param_add(model, P_HEAD1_B, "head.fc1.bias", 1, m, false);
    param_add(model, P_HEAD2_W, "head.fc2.weight", o, m, true);
    param_add(model, P_HEAD2_B, "head.fc2.bias", 1, o, false);
    for (tower_id t = 0; t < TOWERS; t++) add_tower(model, t);
    user_params_add(model);
    add_map(model);
    param_add(model, P_TEMPERATURE, "temperature", 1, 1, false);
}

static void name_tensor(sage_model *model, size_t i, const char *name, size_t rows, size_t cols, const real *data) {
    sage_tensor *t = &model->tensors[i];
    snprintf(t->name, sizeof t->name, "%s", name);
    t->dtype = sizeof(real) == sizeof(double) ? SAGE_F64 : SAGE_F32;
    t->n_dims = rows == 1 ? 1 : 2;
    t->dim[0] = rows == 1 ? cols : rows;
    t->dim[1] = rows == 1 ? 0 : cols;
    t->data = data;
    t->bytes = rows * cols * sizeof(real);
}

static void name_tensors(sage_model *model) {
    const sage_model_shape *s = &model->shape;
    for (size_t i = 0; i < model->n_params; i++) {
        const sage_param *p = &model->params[i];
        name_tensor(model, i, p->name, p->rows, p->cols, model->dense + p->offset);
    }
    name_tensor(model, model->n_params, "table", s->rows, s->dim_embed, model->table);
    name_tensor(model, model->n_params + 1, "importance", sage_shape_ids(s), s->hashes, model->importance);
    model->tensors[model->n_params].n_dims = model->tensors[model->n_params + 1].n_dims = 2;
    model->tensors[model->n_params].dim[0] = s->rows;
    model->tensors[model->n_params].dim[1] = s->dim_embed;
    model->tensors[model->n_params].slab = SAGE_SLAB;
    model->tensors[model->n_params + 1].dim[0] = sage_shape_ids(s);
    model->tensors[model->n_params + 1].dim[1] = s->hashes;
    if (s->tokens == 0) return;
    model->tensors[model->n_params + 2] = (sage_tensor){.name = "token.pids",
                                                        .dtype = SAGE_I64,
                                                        .n_dims = 1,
                                                        .dim = {s->tokens},
                                                        .data = model->token_pids,
                                                        .bytes = s->tokens * sizeof *model->token_pids};
}

static sage_status zeroed(real **array, size_t n, sage_error *error) {
    if (n > SIZE_MAX / sizeof(real)) return sage_fail_memory(error, SIZE_MAX);
    *array = sage_alloc_aligned(n * sizeof(real));
    if (*array == NULL) return sage_fail_memory(error, n * sizeof(real));
    sage_huge_pages(*array, n * sizeof(real));
    memset(*array, 0, n * sizeof(real));
    return SAGE_OK;
}

static sage_status number_tokens(sage_model *model, sage_error *error) {
    size_t n = model->shape.tokens;
    if (n == 0) return SAGE_OK;
    model->token_pids = sage_alloc(n * sizeof *model->token_pids);
    if (model->token_pids == NULL) return sage_fail_memory(error, n * sizeof *model->token_pids);
    for (size_t i = 0; i < n; i++) model->token_pids[i] = (int64_t)i;
    return SAGE_OK;
}

sage_status model_alloc(const sage_model_shape *shape, uint64_t seed, bool table, sage_model **out, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_model *model = NULL;
    SAGE_TRY(model_shape_check(shape, error));
    model = sage_alloc_zero(1, sizeof *model);
    if (model == NULL) {
        st = sage_fail_memory(error, sizeof *model);
        goto out;
    }
    model->shape = *shape;
    model->rows_inverse = UINT64_MAX / shape->rows + 1;
    sage_rng rng;
    sage_rng_seed(&rng, seed, 0);
    for (size_t k = 0; k < SAGE_MODEL_HASHES_MAX; k++)
        model->hash[k] = (hash_fn){1 + sage_rng_below(&rng, HASH_PRIME - 1), sage_rng_below(&rng, HASH_PRIME)};
    lay_out(model);
    SAGE_TRY(zeroed(&model->dense, model->dense_size, error));
    if (table) SAGE_TRY(zeroed(&model->table, shape->rows * shape->dim_embed, error));
    SAGE_TRY(zeroed(&model->importance, sage_shape_ids(shape) * shape->hashes, error));
    SAGE_TRY(number_tokens(model, error));
    name_tensors(model);
    model_describe(model);
    *out = model;
    model = NULL;
out:
    sage_model_free(model);
    return st;
}

size_t model_bytes(const sage_model *model) {
    const sage_model_shape *s = &model->shape;
    size_t table = model->table != NULL ? s->rows * s->dim_embed : 0;
    return (model->dense_size + table + sage_shape_ids(s) * s->hashes) * sizeof(real) +
           s->tokens * sizeof *model->token_pids;
}

void sage_model_free(sage_model *model) {
    if (model == NULL) return;
    sage_free(model->dense);
    sage_free(model->table);
    sage_free(model->importance);
    sage_free(model->token_pids);
    sage_free(model);
}

const sage_tensor *sage_model_tensors(const sage_model *model, size_t *n) {
    *n = model->n_params + 2 + (model->shape.tokens > 0);
    return model->tensors;
}

const sage_tensor_meta *sage_model_meta(const sage_model *model, size_t *n) {
    *n = model->n_meta;
    return model->meta;
}

const sage_model_shape *sage_model_shape_of(const sage_model *model) {
    return &model->shape;
}

const sage_param *sage_model_params(const sage_model *model, size_t *n) {
    *n = model->n_params;
    return model->params;
}

size_t sage_model_dense_size(const sage_model *model) {
    return model->dense_size;
}
real *sage_model_dense(sage_model *model) {
    return model->dense;
}
real *sage_model_table(sage_model *model) {
    return model->table;
}
real *sage_model_importance(sage_model *model) {
    return model->importance;
}

void sage_model_set_tokens(sage_model *model, const int64_t *pids) {
    if (model->token_pids != NULL) memcpy(model->token_pids, pids, model->shape.tokens * sizeof *pids);
}

const int64_t *sage_model_tokens(const sage_model *model) {
    return model->token_pids;
}

uint32_t sage_token_id(const sage_model_shape *shape, const int64_t *pids, int64_t pid) {
    size_t low = 0, n = pids != NULL ? shape->tokens : 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (pids[middle] < pid)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && pids[low] == pid ? (uint32_t)(shape->vocab + low) : SAGE_NO_ID;
}
