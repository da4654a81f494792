#include <base/alloc.h>
#include <base/error.h>
#include <inttypes.h>
#include <io/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <train/checkpoint.h>

#define PARAM_PREFIX "param."
enum { OWN_TENSORS_MAX = 16 };
static const sage_dtype REAL = sizeof(real) == sizeof(float) ? SAGE_F32 : SAGE_F64;

/* ---- what is saved beside the parameters ---- */

static void describe(sage_tensor *tensor, const char *name, sage_dtype dtype, size_t rows, size_t cols,
                     const void *data) {
    *tensor = (sage_tensor){.dtype = dtype, .n_dims = 2, .dim = {rows, cols}, .data = data};
    tensor->bytes = rows * cols * sage_dtype_bytes(dtype);
    snprintf(tensor->name, sizeof tensor->name, "%s", name);
}

/* Laid out as the table is. */
static void describe_table(sage_tensor *tensor, const char *name, const sage_model_shape *shape, const real *values) {
    describe(tensor, name, REAL, shape->rows, shape->dim_embed, values);
    tensor->slab = SAGE_SLAB;
}

static size_t own_tensors(const sage_checkpoint *checkpoint, sage_tensor *out) {
    const sage_model_shape *shape = sage_model_shape_of(checkpoint->model);
    const sage_optimiser *adam = checkpoint->optimiser;
    const sage_average *average = checkpoint->average;
    size_t n = 0;
    describe(&out[n++], "adam.m.dense", REAL, 1, adam->dense.n, adam->dense.m);
    describe(&out[n++], "adam.v.dense", REAL, 1, adam->dense.n, adam->dense.v);
    describe_table(&out[n++], "adam.m.table", shape, adam->table.m);
    describe_table(&out[n++], "adam.v.table", shape, adam->table.v);
    describe(&out[n++], "adam.m.importance", REAL, sage_shape_ids(shape), shape->hashes, adam->importance.m);
    describe(&out[n++], "adam.v.importance", REAL, sage_shape_ids(shape), shape->hashes, adam->importance.v);
    if (checkpoint->bank != NULL)
        describe(&out[n++], "bank", REAL, checkpoint->bank->n, checkpoint->bank->dim, checkpoint->bank->vectors);
    if (average == NULL) return n;
    describe(&out[n++], "average.dense", REAL, 1, average->dense_size, average->dense);
    describe_table(&out[n++], "average.table", shape, average->table);
    describe(&out[n++], "average.importance", REAL, sage_shape_ids(shape), shape->hashes, average->importance);
    describe(&out[n++], "average.row_step", SAGE_U32, 1, shape->rows, average->row_step);
    describe(&out[n++], "average.id_step", SAGE_U32, 1, sage_shape_ids(shape), average->id_step);
    return n;
}

static sage_status all_tensors(const sage_checkpoint *checkpoint, sage_tensor **tensors, size_t *n, sage_error *error) {
    size_t n_params;
    const sage_tensor *params = sage_model_tensors(checkpoint->model, &n_params);
    sage_tensor *list = sage_alloc((n_params + OWN_TENSORS_MAX) * sizeof *list);
    if (list == NULL) return sage_fail_memory(error, (n_params + OWN_TENSORS_MAX) * sizeof *list);
    for (size_t i = 0; i < n_params; i++) {
        list[i] = params[i];
        snprintf(list[i].name, sizeof list[i].name, PARAM_PREFIX "%.100s", params[i].name);
    }
    *n = n_params + own_tensors(checkpoint, list + n_params);
    *tensors = list;
    return SAGE_OK;
}

/* ---- saving ---- */

/* The model's metadata (shape, hash functions) and some of our own; free with sage_free. */
static sage_status join_meta(const sage_model *model, const sage_tensor_meta *own, size_t n_own,
                             sage_tensor_meta **meta, size_t *n, sage_error *error) {
    size_t n_model;
    const sage_tensor_meta *of_model = sage_model_meta(model, &n_model);
    *n = n_model + n_own;
    *meta = sage_alloc(*n * sizeof **meta);
    if (*meta == NULL) return sage_fail_memory(error, *n * sizeof **meta);
    memcpy(*meta, of_model, n_model * sizeof **meta);
    memcpy(*meta + n_model, own, n_own * sizeof **meta);
    return SAGE_OK;
}

sage_status sage_checkpoint_save(const char *path, const sage_checkpoint *checkpoint, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_tensor *tensors = NULL;
    sage_tensor_meta *meta = NULL;
    size_t n, n_meta;
    char sum[SAGE_TENSORS_SUM_BYTES], counters[256];
    const sage_train_state *s = checkpoint->state;
    const sage_tensor_meta own[] = {
        {"checkpoint", "1"}, {"identity", checkpoint->identity}, {"state", counters}, {"xxh3", sum}};
    SAGE_TRY(all_tensors(checkpoint, &tensors, &n, error));
    sage_tensors_sum(tensors, n, sum);
    snprintf(counters, sizeof counters, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %a", s->step, s->evaluated,
             s->evaluations_without_gain, s->best_step, s->best_recall10);
    SAGE_TRY(join_meta(checkpoint->model, own, sizeof own / sizeof *own, &meta, &n_meta, error));
    SAGE_TRY(sage_safetensors_replace(path, tensors, n, meta, n_meta, error));
out:
    sage_free(meta);
    sage_free(tensors);
    return st;
}

sage_status sage_best_save(const char *path, const sage_model *model, uint64_t step, double recall10,
                           sage_error *error) {
    sage_status st = SAGE_OK;
    sage_tensor_meta *meta = NULL;
    size_t n, n_meta;
    const sage_tensor *tensors = sage_model_tensors(model, &n);
    char step_text[32], recall_text[32], sum[SAGE_TENSORS_SUM_BYTES];
    const sage_tensor_meta own[] = {{"step", step_text}, {"validation_recall10", recall_text}, {"xxh3", sum}};
    snprintf(step_text, sizeof step_text, "%" PRIu64, step);
    snprintf(recall_text, sizeof recall_text, "%.6f", recall10);
    sage_tensors_sum(tensors, n, sum);
    SAGE_TRY(join_meta(model, own, sizeof own / sizeof *own, &meta, &n_meta, error));
    SAGE_TRY(sage_safetensors_replace(path, tensors, n, meta, n_meta, error));
out:
    sage_free(meta);
    return st;
}

/* ---- loading ---- */

static sage_status damaged(const char *path, const char *what, sage_error *error) {
    return sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0,
                        "the checkpoint is damaged (%s); delete it to train from the beginning", what);
}

static sage_status read_counters(const char *path, const char *text, sage_train_state *state, sage_error *error) {
    sage_train_state s = {0};
    char recall[64];
    int fields = text == NULL ? 0
                              : sscanf(text, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %63s", &s.step,
                                       &s.evaluated, &s.evaluations_without_gain, &s.best_step, recall);
    if (fields != 5) return damaged(path, "its counters are missing", error);
    s.best_recall10 = strtod(recall, NULL);
    *state = s;
    return SAGE_OK;
}

/* Points `tensors`, as all_tensors made them, at the file's data. */
static sage_status match(const sage_safetensors *file, const char *path, sage_tensor *tensors, size_t n,
                         sage_error *error) {
    for (size_t i = 0; i < n; i++) {
        const sage_tensor *stored = sage_safetensors_find(file, tensors[i].name);
        if (stored == NULL || stored->dtype != tensors[i].dtype || stored->bytes != tensors[i].bytes)
            return damaged(path, "a tensor is missing or has another shape", error);
        tensors[i].data = stored->data;
        tensors[i].slab = 0;
    }
    return SAGE_OK;
}

static void take_table(const sage_model_shape *shape, const unsigned char *rows, real *table) {
    for (size_t row = 0; row < shape->rows; row++)
        for (size_t column = 0; column < shape->dim_embed; column += SAGE_SLAB)
            memcpy(table + sage_slab_at(shape->rows, shape->dim_embed, row, column),
                   rows + (row * shape->dim_embed + column) * sizeof(real),
                   sage_slab_width(shape->dim_embed, column / SAGE_SLAB) * sizeof(real));
}

static void take(const sage_checkpoint *checkpoint, const sage_tensor *stored) {
    sage_tensor own[OWN_TENSORS_MAX];
    size_t n = own_tensors(checkpoint, own);
    for (size_t i = 0; i < n; i++) {
        void *into; /* own tensors point into the optimiser and the averages, which are ours to write */
        memcpy(&into, &own[i].data, sizeof into);
        if (own[i].slab > 0)
            take_table(sage_model_shape_of(checkpoint->model), stored[i].data, into);
        else
            memcpy(into, stored[i].data, own[i].bytes);
    }
}

static sage_status read_all(const sage_safetensors *file, const char *path, const sage_checkpoint *checkpoint,
                            sage_error *error) {
    sage_status st = SAGE_OK;
    sage_tensor *tensors = NULL;
    size_t n, n_params;
    char sum[SAGE_TENSORS_SUM_BYTES];
    const char *stored_sum = sage_safetensors_meta(file, "xxh3");
    sage_model_tensors(checkpoint->model, &n_params);
    SAGE_TRY(all_tensors(checkpoint, &tensors, &n, error));
    SAGE_TRY(match(file, path, tensors, n, error));
    sage_tensors_sum(tensors, n, sum);
    if (stored_sum == NULL || strcmp(stored_sum, sum) != 0) SAGE_TRY(damaged(path, "wrong checksum", error));
    SAGE_TRY(read_counters(path, sage_safetensors_meta(file, "state"), checkpoint->state, error));
    SAGE_TRY(sage_model_restore(checkpoint->model, file, PARAM_PREFIX, error));
    take(checkpoint, tensors + n_params);
out:
    sage_free(tensors);
    return st;
}

sage_status sage_checkpoint_load(const char *path, const sage_checkpoint *checkpoint, bool *loaded, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_safetensors *file = NULL;
    *loaded = false;
    if (!sage_fs_exists(path)) return SAGE_OK;
    st = sage_safetensors_open(path, &file, error);
    if (st == SAGE_E_FORMAT) st = damaged(path, "its header cannot be read", error);
    if (st != SAGE_OK) goto out;
    const char *identity = sage_safetensors_meta(file, "identity");
    if (identity == NULL || strcmp(identity, checkpoint->identity) != 0) goto out;
    SAGE_TRY(read_all(file, path, checkpoint, error));
    *loaded = true;
out:
    sage_safetensors_close(file);
    return st;
}
