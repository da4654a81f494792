/* The layout of DINOv2 (Oquab et al. 2023). */
#include "vit.h"
#include <string.h>

static const stack_names dino_names = {.layer = "encoder.layer.",
                                       .q = "attention.attention.query",
                                       .k = "attention.attention.key",
                                       .v = "attention.attention.value",
                                       .out = "attention.output.dense",
                                       .norm1 = "norm1",
                                       .scale1 = "layer_scale1.lambda1",
                                       .up = "mlp.fc1",
                                       .down = "mlp.fc2",
                                       .norm2 = "norm2",
                                       .scale2 = "layer_scale2.lambda1"};

static sage_status check_dino(const checkpoint *ck, sage_error *error) {
    sage_status st = SAGE_OK;
    bool swiglu, bias;
    SAGE_TRY(checkpoint_flag(ck, ck->config, "use_swiglu_ffn", false, &swiglu, error));
    SAGE_TRY(checkpoint_flag(ck, ck->config, "qkv_bias", true, &bias, error));
    if (swiglu)
        st = checkpoint_refuse(ck, error, "\"use_swiglu_ffn\" is true, which is not read; take a smaller model");
    if (!bias) st = checkpoint_refuse(ck, error, "\"qkv_bias\" is false, which is not read");
out:
    return st;
}

/* Places of the trained number of patches become those of the picture's. */
static sage_status resize_places(const sage_pretrained *e, checkpoint *ck, size_t trained, sage_error *error) {
    vit *model = e->model;
    real *resized;
    if (trained == model->side) return SAGE_OK;
    sage_status st = checkpoint_reals(ck, model->tokens * model->stack.dim, &resized, error);
    if (st != SAGE_OK) return st;
    memcpy(resized, model->places, model->stack.dim * sizeof *resized);
    vit_resize_places(trained, model->side, model->stack.dim, model->places + model->stack.dim,
                      resized + model->stack.dim);
    model->places = resized;
    return SAGE_OK;
}

static sage_status open_dinov2(sage_pretrained *e, checkpoint *ck, sage_error *error) {
    static const vit_defaults defaults = {.size = 224,
                                          .patch = 14,
                                          .act = "gelu",
                                          .eps = (real)1e-6,
                                          .rule = {.size = 224,
                                                   .resize = 256,
                                                   .resample = SAGE_RESAMPLE_BICUBIC,
                                                   .mean = {0.485f, 0.456f, 0.406f},
                                                   .std = {0.229f, 0.224f, 0.225f}}};
    sage_status st = SAGE_OK;
    vit *model;
    size_t trained, ratio;
    SAGE_TRY(vit_new(e, &model, error));
    SAGE_TRY(check_dino(ck, error));
    SAGE_TRY(vit_read_sizes(e, ck, ck->config, &defaults, &trained, error));
    SAGE_TRY(checkpoint_size(ck, ck->config, "mlp_ratio", 4, 64, &ratio, error));
    model->class_token = true;
    model->stack.wide = ratio * model->stack.dim;
    model->tokens = model->side * model->side + 1;
    size_t dim = model->stack.dim, side = trained / model->patch;
    if (checkpoint_has(ck, "dinov2.embeddings.cls_token")) ck->base = "dinov2.";
    SAGE_TRY(vit_read_patches(e, ck, "embeddings.patch_embeddings.projection.weight",
                              "embeddings.patch_embeddings.projection.bias", "embeddings.position_embeddings",
                              (checkpoint_shape){3, {1, side * side + 1, dim}}, error));
    SAGE_TRY(vit_add_class(e, ck, "embeddings.cls_token", (checkpoint_shape){3, {1, 1, dim}}, error));
    SAGE_TRY(resize_places(e, ck, side, error));
    SAGE_TRY(stack_read(ck, &model->stack, &dino_names, error));
    SAGE_TRY(norm_read(ck, "layernorm", dim, &model->stack.final, error));
    e->info.pooling = SAGE_POOL_CLASS;
out:
    return st;
}

const family sage_family_dinov2 = {.model_types = {"dinov2"},
                                   .name = "dinov2",
                                   .open = open_dinov2,
                                   .pictures_at_once = vit_at_once,
                                   .work = vit_work,
                                   .pictures_run = vit_run};
