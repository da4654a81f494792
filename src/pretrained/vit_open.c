/* The layouts of CLIP and SigLIP. */
#include "vit.h"
#include <math.h>
#include <string.h>

enum { DIM_MAX = 1 << 14, WIDE_MAX = 1 << 18 };

static sage_status check_size(const sage_pretrained *e, const checkpoint *ck, size_t trained, sage_error *error) {
    if (e->info.picture.size == trained) return SAGE_OK;
    return checkpoint_refuse(
        ck, error,
        "the model takes pictures of %zu pixels, preprocessor_config.json makes %zu; take both files "
        "from one model",
        trained, e->info.picture.size);
}

/* ---- CLIP ---- */

/* Older files say whose side a tensor is of. */
static const char *vision_base(const checkpoint *ck) {
    return checkpoint_has(ck, "vision_model.post_layernorm.weight") ? "vision_model." : "";
}

static const stack_names clip_names = {.layer = "encoder.layers.",
                                       .q = "self_attn.q_proj",
                                       .k = "self_attn.k_proj",
                                       .v = "self_attn.v_proj",
                                       .out = "self_attn.out_proj",
                                       .norm1 = "layer_norm1",
                                       .up = "mlp.fc1",
                                       .down = "mlp.fc2",
                                       .norm2 = "layer_norm2"};

/* The picture side's part of a config of both sides. */
static sage_status vision_part(const checkpoint *ck, const json_t **part, sage_error *error) {
    const json_t *type = json_object_get(ck->config, "model_type");
    *part = ck->config;
    if (strstr(json_string_value(type), "vision") != NULL) return SAGE_OK;
    *part = json_object_get(ck->config, "vision_config");
    return json_is_object(*part) ? SAGE_OK : checkpoint_refuse(ck, error, "\"vision_config\" is missing");
}

static sage_status read_projection(sage_pretrained *e, checkpoint *ck, const json_t *part, sage_error *error) {
    sage_status st = SAGE_OK;
    vit *model = e->model;
    const real *values;
    const json_t *whole = json_object_get(ck->config, "projection_dim") != NULL ? ck->config : part;
    ck->base = "";
    if (!checkpoint_has(ck, "visual_projection.weight")) return SAGE_OK;
    SAGE_TRY(checkpoint_size(ck, whole, "projection_dim", 512, DIM_MAX, &e->info.dim, error));
    SAGE_TRY(checkpoint_values(ck, "visual_projection.weight", (checkpoint_shape){2, {e->info.dim, model->stack.dim}},
                               &values, error));
    SAGE_TRY(checkpoint_matrix(ck, e->info.dim, model->stack.dim, values, &model->projection, error));
out:
    return st;
}

static sage_status open_clip(sage_pretrained *e, checkpoint *ck, sage_error *error) {
    static const vit_defaults defaults = {.size = 224,
                                          .patch = 32,
                                          .act = "quick_gelu",
                                          .eps = (real)1e-5,
                                          .rule = {.resize = 1,
                                                   .resample = SAGE_RESAMPLE_BICUBIC,
                                                   .mean = {0.48145466f, 0.4578275f, 0.40821073f},
                                                   .std = {0.26862954f, 0.26130258f, 0.27577711f}}};
    sage_status st = SAGE_OK;
    vit *model;
    const json_t *part;
    size_t trained;
    SAGE_TRY(vit_new(e, &model, error));
    SAGE_TRY(vision_part(ck, &part, error));
    SAGE_TRY(vit_read_sizes(e, ck, part, &defaults, &trained, error));
    SAGE_TRY(checkpoint_size(ck, part, "intermediate_size", 3072, WIDE_MAX, &model->stack.wide, error));
    SAGE_TRY(check_size(e, ck, trained, error));
    model->class_token = model->norm_before = true;
    model->tokens = model->side * model->side + 1;
    size_t dim = model->stack.dim;
    ck->base = vision_base(ck);
    SAGE_TRY(vit_read_patches(e, ck, "embeddings.patch_embedding.weight", NULL, "embeddings.position_embedding.weight",
                              (checkpoint_shape){2, {model->tokens, dim}}, error));
    SAGE_TRY(vit_add_class(e, ck, "embeddings.class_embedding", (checkpoint_shape){1, {dim}}, error));
    SAGE_TRY(norm_read(ck, "pre_layrnorm", dim, &model->before, error));
    SAGE_TRY(stack_read(ck, &model->stack, &clip_names, error));
    SAGE_TRY(norm_read(ck, "post_layernorm", dim, &model->stack.final, error));
    SAGE_TRY(read_projection(e, ck, part, error));
    e->info.pooling = SAGE_POOL_CLASS;
out:
    return st;
}

/* ---- SigLIP ---- */

/* The query is projected once and for all; of the layer's joint matrix keys and values remain. */
static sage_status read_pool(const sage_pretrained *e, checkpoint *ck, sage_error *error) {
    sage_status st = SAGE_OK;
    vit *model = e->model;
    size_t dim = model->stack.dim, wide = model->stack.wide;
    real *probe, *matrix, *bias;
    vit_pool *p = sage_arena_get(e->arena, sizeof *p);
    if (p == NULL) return sage_fail_memory(error, sizeof *p);
    SAGE_TRY(checkpoint_keep(ck, "head.probe", (checkpoint_shape){3, {1, 1, dim}}, &probe, error));
    SAGE_TRY(checkpoint_keep(ck, "head.attention.in_proj_bias", (checkpoint_shape){1, {3 * dim}}, &bias, error));
    const real *values;
    SAGE_TRY(
        checkpoint_values(ck, "head.attention.in_proj_weight", (checkpoint_shape){2, {3 * dim, dim}}, &values, error));
    SAGE_TRY(checkpoint_reals(ck, dim, &matrix, error));
    p->query = matrix;
    for (size_t i = 0; i < dim; i++) {
        real projected = sage_ops_best()->dot(dim, values + i * dim, probe) + bias[i];
        p->query[i] = projected / (real)sqrt((double)(dim / model->stack.heads));
    }
    p->keys = (linear){.bias = bias + dim, .out = 2 * dim, .in = dim};
    SAGE_TRY(checkpoint_matrix(ck, 2 * dim, dim, values + dim * dim, &p->keys.weights, error));
    SAGE_TRY(linear_read(ck, "head.attention.out_proj", dim, dim, &p->out, error));
    SAGE_TRY(norm_read(ck, "head.layernorm", dim, &p->norm, error));
    SAGE_TRY(linear_read(ck, "head.mlp.fc1", wide, dim, &p->up, error));
    SAGE_TRY(linear_read(ck, "head.mlp.fc2", dim, wide, &p->down, error));
    model->pool = p;
out:
    return st;
}

static sage_status open_siglip(sage_pretrained *e, checkpoint *ck, sage_error *error) {
    static const vit_defaults defaults = {
        .size = 224,
        .patch = 16,
        .act = "gelu_pytorch_tanh",
        .eps = (real)1e-6,
        .rule = {.resample = SAGE_RESAMPLE_BICUBIC, .mean = {0.5f, 0.5f, 0.5f}, .std = {0.5f, 0.5f, 0.5f}}};
    sage_status st = SAGE_OK;
    vit *model;
    const json_t *part;
    size_t trained;
    bool head;
    SAGE_TRY(vit_new(e, &model, error));
    SAGE_TRY(vision_part(ck, &part, error));
    SAGE_TRY(vit_read_sizes(e, ck, part, &defaults, &trained, error));
    SAGE_TRY(checkpoint_size(ck, part, "intermediate_size", 3072, WIDE_MAX, &model->stack.wide, error));
    SAGE_TRY(checkpoint_flag(ck, part, "vision_use_head", true, &head, error));
    SAGE_TRY(check_size(e, ck, trained, error));
    if (!head) {
        st = checkpoint_refuse(ck, error, "\"vision_use_head\" is false; the attention pooling is needed");
        goto out;
    }
    model->tokens = model->side * model->side;
    ck->base = vision_base(ck);
    SAGE_TRY(vit_read_patches(e, ck, "embeddings.patch_embedding.weight", "embeddings.patch_embedding.bias",
                              "embeddings.position_embedding.weight",
                              (checkpoint_shape){2, {model->tokens, model->stack.dim}}, error));
    SAGE_TRY(stack_read(ck, &model->stack, &clip_names, error));
    SAGE_TRY(norm_read(ck, "post_layernorm", model->stack.dim, &model->stack.final, error));
    SAGE_TRY(read_pool(e, ck, error));
    e->info.pooling = SAGE_POOL_ATTENTION;
out:
    return st;
}

const family sage_family_clip = {.model_types = {"clip", "clip_vision_model"},
                                 .name = "clip-vision",
                                 .open = open_clip,
                                 .pictures_at_once = vit_at_once,
                                 .work = vit_work,
                                 .pictures_run = vit_run};
const family sage_family_siglip = {.model_types = {"siglip", "siglip_vision_model"},
                                   .name = "siglip-vision",
                                   .open = open_siglip,
                                   .pictures_at_once = vit_at_once,
                                   .work = vit_work,
                                   .pictures_run = vit_run};
