/* Going on from another model: parameters by name, n-grams by their ids, products' tokens by pid. */
#include "impl.h"
#include <string.h>

static const sage_param *find_param(const sage_model *model, const char *name) {
    for (size_t i = 0; i < model->n_params; i++)
        if (strcmp(model->params[i].name, name) == 0) return &model->params[i];
    return NULL;
}

static sage_status other_shape(const char *path, const char *what, sage_error *error) {
    return sage_fail_at(error, SAGE_E_STATE, path, 0, 0,
                        "its %s is of another shape than the model to be trained; train with the options that it was "
                        "trained with (config.json beside it)",
                        what);
}

static sage_status check(const sage_model *model, const sage_model *from, const char *path, sage_error *error) {
    const sage_model_shape *a = &model->shape, *b = &from->shape;
    bool same_table = a->dim_embed == b->dim_embed && a->hashes == b->hashes && (a->hashes == 1 || a->rows == b->rows);
    if (a->vocab != b->vocab)
        return sage_fail_at(error, SAGE_E_STATE, path, 0, 0, "it knows %zu n-grams, the dataset %zu", b->vocab,
                            a->vocab);
    if (!same_table) return other_shape(path, "table", error);
    if (a->encoder != b->encoder || a->lower != b->lower) return other_shape(path, "encoder", error);
    for (size_t i = 0; i < model->n_params; i++) {
        const sage_param *to = &model->params[i], *its = find_param(from, to->name);
        if (its != NULL && (its->rows != to->rows || its->cols != to->cols)) return other_shape(path, to->name, error);
    }
    return SAGE_OK;
}

/* A row of the table and of the importance weights, by ids. */
static void take_id(sage_model *model, size_t to, const sage_model *from, size_t id) {
    const sage_model_shape *s = &model->shape;
    memcpy(model->importance + to * s->hashes, from->importance + id * s->hashes, s->hashes * sizeof(real));
    for (size_t column = 0; s->hashes == 1 && column < s->dim_embed; column += SAGE_SLAB)
        memcpy(model->table + sage_slab_at(s->rows, s->dim_embed, to, column),
               from->table + sage_slab_at(from->shape.rows, s->dim_embed, id, column),
               sage_slab_width(s->dim_embed, column / SAGE_SLAB) * sizeof(real));
}

/* Both lists of pids ascend. Of hashed tokens the rows are others' too: those learn again. */
static void take_tokens(sage_model *model, const sage_model *from) {
    size_t theirs = 0;
    for (size_t mine = 0; mine < model->shape.tokens; mine++) {
        while (theirs < from->shape.tokens && from->token_pids[theirs] < model->token_pids[mine]) theirs++;
        if (theirs < from->shape.tokens && from->token_pids[theirs] == model->token_pids[mine])
            take_id(model, model->shape.vocab + mine, from, from->shape.vocab + theirs);
    }
}

sage_status sage_model_take(sage_model *model, const char *path, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_model *from = NULL;
    const sage_model_shape *s = &model->shape;
    SAGE_TRY(sage_model_load(path, &from, error));
    SAGE_TRY(check(model, from, path, error));
    memcpy(model->hash, from->hash, sizeof model->hash);
    model_describe(model);
    for (size_t i = 0; i < model->n_params; i++) {
        const sage_param *to = &model->params[i], *its = find_param(from, to->name);
        if (its != NULL)
            memcpy(model->dense + to->offset, from->dense + its->offset, to->rows * to->cols * sizeof(real));
    }
    for (size_t id = 0; id < s->vocab; id++) take_id(model, id, from, id);
    if (s->hashes > 1) memcpy(model->table, from->table, s->rows * s->dim_embed * sizeof(real));
    take_tokens(model, from);
out:
    sage_model_free(from);
    return st;
}
