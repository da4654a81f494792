/* What the layouts of vision transformers share. */
#include "vit.h"
#include <string.h>

enum { DIM_MAX = 1 << 14, LAYERS_MAX = 1 << 10, SIDE_MAX = 1 << 12 };

sage_status vit_new(sage_pretrained *e, vit **model, sage_error *error) {
    e->model = *model = sage_arena_get(e->arena, sizeof **model);
    if (*model == NULL) return sage_fail_memory(error, sizeof **model);
    memset(*model, 0, sizeof **model);
    return SAGE_OK;
}

sage_status vit_read_sizes(sage_pretrained *e, const checkpoint *ck, const json_t *part, const vit_defaults *d,
                           size_t *trained, sage_error *error) {
    sage_status st = SAGE_OK;
    vit *model = e->model;
    stack *s = &model->stack;
    const char *act;
    size_t channels;
    SAGE_TRY(checkpoint_size(ck, part, "hidden_size", 768, DIM_MAX, &s->dim, error));
    SAGE_TRY(checkpoint_size(ck, part, "num_hidden_layers", 12, LAYERS_MAX, &s->layers, error));
    SAGE_TRY(checkpoint_size(ck, part, "num_attention_heads", 12, DIM_MAX, &s->heads, error));
    SAGE_TRY(checkpoint_size(ck, part, "image_size", d->size, SIDE_MAX, trained, error));
    SAGE_TRY(checkpoint_size(ck, part, "patch_size", d->patch, *trained, &model->patch, error));
    SAGE_TRY(checkpoint_size(ck, part, "num_channels", 3, SIDE_MAX, &channels, error));
    SAGE_TRY(checkpoint_text(ck, part, "hidden_act", d->act, &act, error));
    SAGE_TRY(activation_named(ck, act, &s->act, error));
    SAGE_TRY(checkpoint_share(ck, part, "layer_norm_eps", (double)d->eps, &s->eps, error));
    if (channels != 3) {
        st = checkpoint_refuse(ck, error, "\"num_channels\" is %zu; pictures have 3", channels);
        goto out;
    }
    s->norm_first = true;
    e->info.picture = d->rule;
    if (d->rule.size == 0) e->info.picture.size = *trained;
    if (d->rule.resize == 0 || d->rule.size == 0) e->info.picture.resize = d->rule.resize > 0 ? *trained : 0;
    SAGE_TRY(sage_picture_rule_read(ck, &e->info.picture, error));
    e->info.layers = s->layers;
    e->info.dim = s->dim;
    model->size = e->info.picture.size;
    model->side = model->size / model->patch;
    if (model->side == 0)
        st = checkpoint_refuse(ck, error, "patches of %zu pixels do not fit a picture of %zu", model->patch,
                               model->size);
out:
    return st;
}

sage_status vit_read_patches(const sage_pretrained *e, checkpoint *ck, const char *patches, const char *bias,
                             const char *positions, checkpoint_shape shape, sage_error *error) {
    sage_status st = SAGE_OK;
    vit *model = e->model;
    size_t dim = model->stack.dim, patch = model->patch;
    const real *values;
    SAGE_TRY(checkpoint_values(ck, patches, (checkpoint_shape){4, {dim, 3, patch, patch}}, &values, error));
    SAGE_TRY(checkpoint_matrix(ck, dim, 3 * patch * patch, values, &model->patches, error));
    SAGE_TRY(checkpoint_keep(ck, positions, shape, &model->places, error));
    if (bias != NULL) {
        size_t first = model->class_token ? 1 : 0;
        SAGE_TRY(checkpoint_values(ck, bias, (checkpoint_shape){1, {dim}}, &values, error));
        size_t tokens = shape.dim[shape.n_dims - 2];
        sage_ops_best()->add_row(tokens - first, dim, values, model->places + first * dim);
    }
out:
    return st;
}

sage_status vit_add_class(const sage_pretrained *e, checkpoint *ck, const char *name, checkpoint_shape shape,
                          sage_error *error) {
    vit *model = e->model;
    const real *values;
    sage_status st = checkpoint_values(ck, name, shape, &values, error);
    if (st == SAGE_OK) sage_ops_best()->add_row(1, model->stack.dim, values, model->places);
    return st;
}
