/* MobileNetV2 out of a checkpoint: widths are as the tensors have them, batch norms go into the convolutions. */
#include "mobilenet.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NAME = 64 };

/* What batch norm does to a channel: x factor + bias. */
typedef struct fold {
    size_t n;
    real *factor, *bias;
} fold;

static sage_status read_fold(checkpoint *ck, const char *conv, size_t n, real eps, fold *f, sage_error *error) {
    sage_status st = SAGE_OK;
    char name[NAME];
    const real *values;
    const checkpoint_shape shape = {1, {n}};
    f->n = n;
    snprintf(name, NAME, "%s.normalization.weight", conv);
    SAGE_TRY(checkpoint_keep(ck, name, shape, &f->factor, error));
    snprintf(name, NAME, "%s.normalization.running_var", conv);
    SAGE_TRY(checkpoint_values(ck, name, shape, &values, error));
    for (size_t i = 0; i < n; i++) {
        if (!(values[i] + eps > 0))
            return sage_fail(error, SAGE_E_FORMAT,
                             "%s: tensor \"%s\" holds a variance of 0 or less; get the file again", ck->weights_path,
                             name);
        f->factor[i] /= (real)sqrt((double)(values[i] + eps));
    }
    snprintf(name, NAME, "%s.normalization.bias", conv);
    SAGE_TRY(checkpoint_keep(ck, name, shape, &f->bias, error));
    snprintf(name, NAME, "%s.normalization.running_mean", conv);
    SAGE_TRY(checkpoint_values(ck, name, shape, &values, error));
    for (size_t i = 0; i < n; i++) f->bias[i] -= values[i] * f->factor[i];
out:
    return st;
}

/* A convolution [out][in][side][side] as a matrix [out][width], its taps first; *out as the file has it. */
static sage_status read_conv(checkpoint *ck, const char *conv, size_t in, size_t side, size_t width, real eps,
                             size_t *out, sage_weights **weights, real **bias, sage_error *error) {
    sage_status st = SAGE_OK;
    char name[NAME];
    const real *values;
    real *folded;
    fold f;
    size_t taps = in * side * side;
    snprintf(name, NAME, "%s.convolution.weight", conv);
    *out = checkpoint_dim(ck, name, 0);
    SAGE_TRY(read_fold(ck, conv, *out, eps, &f, error));
    SAGE_TRY(checkpoint_values(ck, name, (checkpoint_shape){4, {*out, in, side, side}}, &values, error));
    SAGE_TRY(checkpoint_stacked(ck, *out * width, &folded, error));
    memset(folded, 0, *out * width * sizeof *folded);
    for (size_t i = 0; i < *out; i++)
        for (size_t j = 0; j < taps; j++) folded[i * width + j] = values[i * taps + j] * f.factor[i];
    SAGE_TRY(checkpoint_matrix(ck, *out, width, folded, weights, error));
    *bias = f.bias;
out:
    return st;
}

static sage_status read_taps(checkpoint *ck, const char *conv, real eps, mobilenet_block *b, sage_error *error) {
    sage_status st = SAGE_OK;
    char name[NAME];
    const real *values;
    fold f;
    snprintf(name, NAME, "%s.convolution.weight", conv);
    SAGE_TRY(read_fold(ck, conv, b->wide, eps, &f, error));
    SAGE_TRY(checkpoint_values(ck, name, (checkpoint_shape){4, {b->wide, 1, 3, 3}}, &values, error));
    SAGE_TRY(checkpoint_reals(ck, 9 * b->wide, &b->taps, error));
    for (size_t tap = 0; tap < 9; tap++)
        for (size_t c = 0; c < b->wide; c++) b->taps[tap * b->wide + c] = values[c * 9 + tap] * f.factor[c];
    b->taps_bias = f.bias;
out:
    return st;
}

/* The first convolution, of pixels, stands where later blocks expand. */
static sage_status read_block(checkpoint *ck, size_t number, size_t in, real eps, mobilenet_block *b,
                              sage_error *error) {
    static const uint8_t strides[MOBILENET_BLOCKS] = {1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1};
    sage_status st = SAGE_OK;
    b->in = in;
    b->stride = strides[number];
    if (number == 0) {
        snprintf(ck->scope, sizeof ck->scope, "conv_stem.");
        SAGE_TRY(read_conv(ck, "first_conv", 3, 3, STEM_WIDTH, eps, &b->wide, &b->expand, &b->expand_bias, error));
    } else {
        snprintf(ck->scope, sizeof ck->scope, "layer.%zu.", number - 1);
        SAGE_TRY(read_conv(ck, "expand_1x1", in, 1, in, eps, &b->wide, &b->expand, &b->expand_bias, error));
    }
    SAGE_TRY(read_taps(ck, "conv_3x3", eps, b, error));
    SAGE_TRY(read_conv(ck, "reduce_1x1", b->wide, 1, b->wide, eps, &b->out, &b->reduce, &b->reduce_bias, error));
    b->residual = number > 0 && b->stride == 1 && b->in == b->out;
out:
    return st;
}

static sage_status check_config(const checkpoint *ck, mobilenet *model, real *eps, sage_error *error) {
    sage_status st = SAGE_OK;
    const char *act;
    size_t stride;
    bool plain_stem;
    SAGE_TRY(checkpoint_text(ck, ck->config, "hidden_act", "relu6", &act, error));
    SAGE_TRY(checkpoint_size(ck, ck->config, "output_stride", 32, 1024, &stride, error));
    SAGE_TRY(checkpoint_flag(ck, ck->config, "first_layer_is_expansion", true, &plain_stem, error));
    SAGE_TRY(checkpoint_flag(ck, ck->config, "tf_padding", true, &model->tf_padding, error));
    SAGE_TRY(checkpoint_share(ck, ck->config, "layer_norm_eps", 1e-3, eps, error));
    if (strcmp(act, "relu6") != 0 || stride != 32 || !plain_stem)
        st = checkpoint_refuse(
            ck, error, "\"hidden_act\" relu6, \"output_stride\" 32 and \"first_layer_is_expansion\" true are read");
out:
    return st;
}

static sage_status open_mobilenet(sage_pretrained *e, checkpoint *ck, sage_error *error) {
    static const sage_picture_rule rule = {.size = 224,
                                           .resize = 256,
                                           .resample = SAGE_RESAMPLE_BILINEAR,
                                           .mean = {0.5f, 0.5f, 0.5f},
                                           .std = {0.5f, 0.5f, 0.5f}};
    enum { LEAST = 32 };
    sage_status st = SAGE_OK;
    real eps;
    mobilenet *model = e->model = sage_arena_get(e->arena, sizeof *model);
    if (model == NULL) return sage_fail_memory(error, sizeof *model);
    memset(model, 0, sizeof *model);
    SAGE_TRY(check_config(ck, model, &eps, error));
    if (checkpoint_has(ck, "mobilenet_v2.conv_1x1.convolution.weight")) ck->base = "mobilenet_v2.";
    size_t in = 3;
    for (size_t i = 0; i < MOBILENET_BLOCKS; i++) {
        SAGE_TRY(read_block(ck, i, in, eps, &model->block[i], error));
        in = model->block[i].out;
    }
    ck->scope[0] = '\0';
    SAGE_TRY(read_conv(ck, "conv_1x1", in, 1, in, eps, &e->info.dim, &model->last, &model->last_bias, error));
    e->info.picture = rule;
    SAGE_TRY(sage_picture_rule_read(ck, &e->info.picture, error));
    if (e->info.picture.size < LEAST)
        st = checkpoint_refuse(ck, error, "pictures of %zu pixels are too small; 32 at least", e->info.picture.size);
    e->info.layers = MOBILENET_BLOCKS;
    e->info.pooling = SAGE_POOL_MEAN;
out:
    return st;
}

static size_t one(const sage_pretrained *e) {
    (void)e;
    return 1;
}

const family sage_family_mobilenet = {.model_types = {"mobilenet_v2"},
                                      .name = "mobilenet_v2",
                                      .open = open_mobilenet,
                                      .pictures_at_once = one,
                                      .work = mobilenet_work,
                                      .pictures_run = mobilenet_run};
