/* A model from options, and from safetensors. */
#include "impl.h"
#include <base/alloc.h>
#include <string.h>

sage_status sage_model_new(const sage_model_shape *shape, const sage_options *options, const sage_vocab *vocab,
                           uint64_t seed, sage_model **out, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_model *model = NULL;
    if (vocab != NULL && sage_vocab_size(vocab) != shape->vocab) {
        st = sage_fail(error, SAGE_E_ARGUMENT, "model: the vocabulary has %zu n-grams, the shape %zu",
                       sage_vocab_size(vocab), shape->vocab);
        goto out;
    }
    SAGE_TRY(model_alloc(shape, seed, true, &model, error));
    if (vocab == NULL || strcmp(sage_options_text(options, "init"), "paper") == 0)
        model_init_paper(model, seed);
    else
        model_init_tfidf(model, options, vocab, seed);
    *out = model;
out:
    return st;
}

static sage_status same_switch(const sage_safetensors *file, const char *key, bool off, sage_error *error) {
    bool off_there;
    sage_status st = model_read_off(file, "model", key, &off_there, error);
    if (st != SAGE_OK || off_there == off) return st;
    return sage_fail(error, SAGE_E_FORMAT, "model: the file's %s is %s, this model's is not", key,
                     off_there ? "off" : "on");
}

static sage_status same_choice(const sage_safetensors *file, const char *key, const char *const *names, size_t mine,
                               sage_error *error) {
    size_t there;
    sage_status st = model_read_choice(file, "model", key, names, &there, error);
    if (st != SAGE_OK || there == mine) return st;
    return sage_fail(error, SAGE_E_FORMAT, "model: the file's %s is %s, this model's is %s", key, names[there],
                     names[mine]);
}

static sage_status same_layers(const sage_safetensors *file, size_t mine, sage_error *error) {
    uint64_t there = 1;
    sage_status st = SAGE_OK;
    if (sage_safetensors_meta(file, "encoder_layers") != NULL)
        st = model_read_number(file, "model", "encoder_layers", &there, error);
    if (st != SAGE_OK || there == mine) return st;
    return sage_fail(error, SAGE_E_FORMAT, "model: the file's encoder has %llu layers, this model's %zu",
                     (unsigned long long)there, mine);
}

/* The file must hold what the shape promises before memory is taken for it. */
static sage_status check_size(const sage_safetensors *file, const char *path, const char *name, size_t rows,
                              size_t cols, sage_error *error) {
    const sage_tensor *t = sage_safetensors_find(file, name);
    if (t == NULL || t->n_dims != 2 || t->dim[0] != rows || t->dim[1] != cols)
        return sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0,
                            "tensor \"%s\" is absent or not %zu x %zu as the metadata says", name, rows, cols);
    return SAGE_OK;
}

static sage_status check_encoder(const sage_safetensors *file, const char *path, const sage_model_shape *s,
                                 sage_error *error) {
    sage_status st = SAGE_OK;
    if (!is_pooled(s)) {
        SAGE_TRY(check_size(file, path, "encoder.wk", s->dim_model, s->dim_model, error));
        SAGE_TRY(check_size(file, path, "encoder.ff1.weight", s->dim_ff, s->dim_model, error));
    } else if (!is_concat(s))
        SAGE_TRY(check_size(file, path, "text.proj", s->dim_model, s->dim_embed, error));
    if (head_hidden(s) > 0) SAGE_TRY(check_size(file, path, "head.fc2.weight", s->dim_out, s->dim_head, error));
    SAGE_TRY(check_size(file, path, "search.fc2.weight", s->dim_out, s->dim_head, error));
out:
    return st;
}

sage_status model_open(const char *path, bool table, sage_safetensors **out_file, sage_model **out, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_safetensors *file = NULL;
    sage_model *model = NULL;
    sage_model_shape shape = {0};
    SAGE_TRY(sage_safetensors_open(path, &file, error));
    SAGE_TRY(model_read_shape(file, path, &shape, error));
    SAGE_TRY(check_size(file, path, "table", shape.rows, shape.dim_embed, error));
    SAGE_TRY(check_size(file, path, "importance", sage_shape_ids(&shape), shape.hashes, error));
    SAGE_TRY(check_encoder(file, path, &shape, error));
    if (shape.user_events > 0) SAGE_TRY(check_size(file, path, "user.in.weight", shape.user_dim, shape.dim_out, error));
    if (sage_shape_dim(&shape, SAGE_GROUP_PICTURES) == 0 && sage_safetensors_find(file, "image.proj") != NULL) {
        st = sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0, "it has image weights, but its metadata has no pictures");
        goto out;
    }
    if (shape.plain_head && sage_safetensors_find(file, "head.skip") != NULL) {
        st = sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0, "it has head.skip, but its metadata says head_skip = off");
        goto out;
    }
    SAGE_TRY(model_alloc(&shape, 0, table, &model, error));
    SAGE_TRY(sage_model_restore(model, file, "", error));
    *out = model;
    *out_file = file;
    model = NULL;
    file = NULL;
out:
    sage_model_free(model);
    sage_safetensors_close(file);
    return st;
}

sage_status sage_model_load(const char *path, sage_model **model, sage_error *error) {
    sage_safetensors *file = NULL;
    sage_status st = model_open(path, true, &file, model, error);
    sage_safetensors_close(file);
    return st;
}

/* Of either width; files are little-endian as every machine that this runs on. */
void model_copy_values(const sage_tensor *from, size_t at, size_t n, real *to) {
    const unsigned char *bytes = (const unsigned char *)from->data + at * sage_dtype_bytes(from->dtype);
    if (sage_dtype_bytes(from->dtype) == sizeof(real)) {
        if (n > 0) memcpy(to, bytes, n * sizeof(real));
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (from->dtype == SAGE_F64) {
            double wide;
            memcpy(&wide, bytes + i * sizeof wide, sizeof wide);
            to[i] = (real)wide;
        } else {
            float narrow;
            memcpy(&narrow, bytes + i * sizeof narrow, sizeof narrow);
            to[i] = (real)narrow;
        }
    }
}

void model_release_row(const sage_safetensors *file, const sage_tensor *table, size_t row) {
    size_t row_bytes = table->dim[1] * sage_dtype_bytes(table->dtype),
           begin = row / MODEL_TABLE_ROWS * MODEL_TABLE_ROWS;
    if (row + 1 == begin + MODEL_TABLE_ROWS || row + 1 == table->dim[0])
        sage_safetensors_release(file, (const unsigned char *)table->data + begin * row_bytes,
                                 (row + 1 - begin) * row_bytes);
}

/* Into slabs. The file's pages are let go of on the way: all of them would be the table once more. */
static void copy_table(const sage_safetensors *file, const sage_tensor *from, size_t rows, size_t dim, real *table) {
    for (size_t row = 0; row < rows; row++) {
        for (size_t column = 0; column < dim; column += SAGE_SLAB)
            model_copy_values(from, row * dim + column, sage_slab_width(dim, column / SAGE_SLAB),
                              table + sage_slab_at(rows, dim, row, column));
        model_release_row(file, from, row);
    }
}

static bool same_shape(const sage_tensor *a, const sage_tensor *b) {
    if (a->n_dims != b->n_dims) return false;
    for (size_t i = 0; i < a->n_dims; i++)
        if (a->dim[i] != b->dim[i]) return false;
    return true;
}

static sage_status find_tensor(const sage_safetensors *file, const char *prefix, const sage_tensor *wanted,
                               const sage_tensor **found, sage_error *error) {
    char name[2 * SAGE_TENSOR_NAME_MAX + 2];
    size_t prefix_len = strlen(prefix), name_len = strlen(wanted->name);
    if (prefix_len > SAGE_TENSOR_NAME_MAX)
        return sage_fail(error, SAGE_E_ARGUMENT, "model: the prefix of tensor names is too long");
    memcpy(name, prefix, prefix_len);
    memcpy(name + prefix_len, wanted->name, name_len + 1);
    *found = sage_safetensors_find(file, name);
    if (*found == NULL) return sage_fail(error, SAGE_E_FORMAT, "model: tensor \"%s\" is absent from the file", name);
    if (!same_shape(*found, wanted))
        return sage_fail(error, SAGE_E_FORMAT, "model: tensor \"%s\" has another shape than this model", name);
    if (wanted->dtype == SAGE_I64 && (*found)->dtype != SAGE_I64)
        return sage_fail(error, SAGE_E_FORMAT, "model: tensor \"%s\" is not I64", name);
    if (wanted->dtype != SAGE_I64 && (*found)->dtype != SAGE_F32 && (*found)->dtype != SAGE_F64)
        return sage_fail(error, SAGE_E_FORMAT, "model: tensor \"%s\" is neither F32 nor F64", name);
    return SAGE_OK;
}

/* Of products that have a token: each once, ascending. */
static sage_status check_tokens(const sage_tensor *pids, sage_error *error) {
    const int64_t *pid = pids->data;
    for (size_t i = 1; i < pids->dim[0]; i++)
        if (pid[i] <= pid[i - 1])
            return sage_fail(error, SAGE_E_FORMAT,
                             "model: the products' numbers in \"%s\" do not ascend; the file is damaged", pids->name);
    return SAGE_OK;
}

static sage_status restore_hashes(sage_model *model, const sage_safetensors *file, sage_error *error) {
    static const char *const keys[SAGE_MODEL_HASHES_MAX][2] = {{"hash_a1", "hash_b1"}, {"hash_a2", "hash_b2"}};
    sage_status st = SAGE_OK;
    hash_fn read[SAGE_MODEL_HASHES_MAX];
    memcpy(read, model->hash, sizeof read);
    for (size_t k = 0; model->shape.hashes > 1 && k < model->shape.hashes; k++) {
        hash_fn hash;
        SAGE_TRY(model_read_number(file, "model", keys[k][0], &hash.a, error));
        SAGE_TRY(model_read_number(file, "model", keys[k][1], &hash.b, error));
        if (hash.a >= HASH_PRIME || hash.b >= HASH_PRIME) {
            st = sage_fail(error, SAGE_E_FORMAT,
                           "model: the hash functions in the metadata are out of range; the file is damaged");
            goto out;
        }
        read[k] = hash;
    }
    memcpy(model->hash, read, sizeof read);
    model_describe(model);
out:
    return st;
}

/* From the time before "groups": pictures had no tower. It then is as tfidf starts it. */
static bool is_old(const sage_safetensors *file) {
    return sage_safetensors_meta(file, "groups") == NULL;
}

static bool lacks(const sage_model *model, const sage_safetensors *file, size_t i) {
    return i < model->n_params && model->params[i].tower == SAGE_TOWER_PICTURE && is_old(file);
}

static void start_pictures(sage_model *model) {
    sage_rng rng;
    sage_rng_seed(&rng, 0, 3);
    for (size_t i = 0; i < model->n_params; i++)
        if (model->params[i].tower == SAGE_TOWER_PICTURE)
            memset(model->dense + model->params[i].offset, 0,
                   model->params[i].rows * model->params[i].cols * sizeof(real));
    model_init_pictures(model, &rng);
}

/* The model's i-th tensor from the file's of the same shape. */
static void take_tensor(sage_model *model, const sage_safetensors *file, size_t i, const sage_tensor *from) {
    size_t values = model->tensors[i].bytes / sizeof(real);
    if (i == model->n_params + 2)
        sage_model_set_tokens(model, from->data);
    else if (i != model->n_params)
        model_copy_values(from, 0, values,
                          i < model->n_params ? model->dense + model->params[i].offset : model->importance);
    else if (model->table != NULL)
        copy_table(file, from, model->shape.rows, model->shape.dim_embed, model->table);
    sage_safetensors_release(file, from->data, from->bytes);
}

sage_status sage_model_restore(sage_model *model, const sage_safetensors *file, const char *prefix, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_tensor *found = NULL;
    size_t n;
    sage_model_tensors(model, &n);
    SAGE_TRY(same_switch(file, "text_norm", model->shape.plain_text, error));
    SAGE_TRY(same_switch(file, "head_skip", model->shape.plain_head, error));
    SAGE_TRY(same_choice(file, "encoder", model_encoder_names, model->shape.encoder, error));
    SAGE_TRY(same_layers(file, model->shape.lower + 1, error));
    SAGE_TRY(same_choice(file, "inputs", model_inputs_names, model->shape.inputs, error));
    for (size_t i = 0; i < n; i++) /* all of it or nothing */
        if (!lacks(model, file, i)) SAGE_TRY(find_tensor(file, prefix, &model->tensors[i], &found, error));
    if (model->shape.tokens > 0) SAGE_TRY(check_tokens(found, error)); /* they come last */
    SAGE_TRY(restore_hashes(model, file, error));
    for (size_t i = 0; i < n; i++) {
        if (lacks(model, file, i)) continue;
        SAGE_TRY(find_tensor(file, prefix, &model->tensors[i], &found, error));
        take_tensor(model, file, i, found);
    }
    if (has(model, P_PICTURE_SKIP) && is_old(file)) start_pictures(model);
out:
    return st;
}
