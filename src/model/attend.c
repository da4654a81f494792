/* Attention of CLS over one product's tokens t_j, in the raw token space (see fold.c):
 *   a_h = softmax_j(u_h . t_j),   mix_h = sum_j a_hj t_j
 * Backward, from dmix_h:  da_hj = dmix_h . t_j,  dscore = a (da - sum_j a da),  du_h += dscore_j t_j,  dt_j = sum_h
 * a_hj dmix_h + dscore_hj u_h. A product's tokens are its text bags, its images, then CLS. */
#include "pass.h"
#include <math.h>
#include <string.h>

typedef struct tokens {
    size_t text, text_at, images, images_at, n; /* n: with CLS */
    real *attention;                            /* [n][H] */
} tokens;

static tokens tokens_of(const sage_model *model, const sage_work *work, const sage_product_batch *batch, size_t i) {
    tokens t = {.text_at = batch->token_begin[i], .text = batch->token_begin[i + 1] - batch->token_begin[i]};
    size_t texts_before = t.text_at - batch->token_begin[0], images_before = 0;
    if (batch->image_begin != NULL) {
        t.images_at = batch->image_begin[i];
        t.images = batch->image_begin[i + 1] - t.images_at;
        images_before = t.images_at - batch->image_begin[0];
    }
    t.text_at = texts_before;
    t.n = t.text + t.images + 1;
    t.attention = work->encoder.attention + (texts_before + images_before + i) * model->shape.heads;
    return t;
}

/* Where a token's numbers lie: `values` of width `width` at column `at` of mix, and its kind's column. CLS has no
 * values. */
typedef struct token_view {
    const real *values;
    size_t at, width, kind;
} token_view;

static token_view view(const sage_model *model, const sage_work *work, const sage_product_batch *batch, const tokens *t,
                       size_t j) {
    const sage_model_shape *s = &model->shape;
    size_t kinds = work->fold.kinds_at;
    if (j < t->text) {
        size_t bag = t->text_at + j;
        uint8_t field = batch->token_field[batch->token_begin[0] + bag];
        return (token_view){work->bags.e + bag * s->dim_embed, 0, s->dim_embed, kinds + field};
    }
    if (j < t->text + t->images)
        return (token_view){batch->images + (t->images_at + j - t->text) * s->dim_image, s->dim_embed, s->dim_image,
                            kinds + KIND_IMAGE};
    return (token_view){NULL, 0, 0, kinds + KIND_CLS};
}

/* out[h] = x_h . t_j for x laid out as u and mix are */
static void all_heads_dot(const sage_model *model, const sage_work *work, token_view v, const real *x, real *out) {
    size_t ld = work->fold.ld, heads = model->shape.heads;
    if (v.width > 0)
        sage_ops_best()->heads_dot(heads, v.width, x + v.at, ld, v.values, out);
    else
        memset(out, 0, heads * sizeof(real));
    for (size_t h = 0; h < heads; h++) out[h] += x[h * ld + v.kind];
}

/* x_h += a[h] t_j */
static void all_heads_add(const sage_model *model, const sage_work *work, token_view v, const real *a, real *x) {
    size_t ld = work->fold.ld, heads = model->shape.heads;
    if (v.width > 0) sage_ops_best()->heads_axpy(heads, v.width, a, v.values, x + v.at, ld);
    for (size_t h = 0; h < heads; h++) x[h * ld + v.kind] += a[h];
}

static void softmax_tokens(size_t n, size_t heads, real *scores) {
    for (size_t h = 0; h < heads; h++) {
        real max = scores[h], sum = 0;
        for (size_t j = 1; j < n; j++) max = scores[j * heads + h] > max ? scores[j * heads + h] : max;
        for (size_t j = 0; j < n; j++) sum += scores[j * heads + h] = (real)exp((double)(scores[j * heads + h] - max));
        for (size_t j = 0; j < n; j++) scores[j * heads + h] /= sum;
    }
}

void attend_rows(const sage_model *model, sage_work *work, const sage_product_batch *batch, size_t begin, size_t end) {
    size_t heads = model->shape.heads, ld = work->fold.ld;
    for (size_t i = begin; i < end; i++) {
        tokens t = tokens_of(model, work, batch, i);
        real *mix = work->encoder.mix + i * heads * ld;
        for (size_t j = 0; j < t.n; j++)
            all_heads_dot(model, work, view(model, work, batch, &t, j), work->fold.u, t.attention + j * heads);
        softmax_tokens(t.n, heads, t.attention);
        memset(mix, 0, heads * ld * sizeof(real));
        for (size_t j = 0; j < t.n; j++)
            all_heads_add(model, work, view(model, work, batch, &t, j), t.attention + j * heads, mix);
    }
}

/* dscore needs sum_j a da first; it is dmix . mix, so one pass over the tokens is enough. */
static void attend_back_one(const sage_model *model, sage_work *work, const sage_product_batch *batch, size_t i,
                            real *du) {
    size_t heads = model->shape.heads, ld = work->fold.ld;
    real da[SAGE_MODEL_HEADS_MAX], mean[SAGE_MODEL_HEADS_MAX];
    tokens t = tokens_of(model, work, batch, i);
    const real *d_mix = work->encoder.d_mix + i * heads * ld, *mix = work->encoder.mix + i * heads * ld;
    for (size_t h = 0; h < heads; h++) mean[h] = sage_ops_best()->dot(ld, d_mix + h * ld, mix + h * ld);
    for (size_t j = 0; j < t.n; j++) {
        token_view v = view(model, work, batch, &t, j);
        const real *a = t.attention + j * heads;
        all_heads_dot(model, work, v, d_mix, da);
        for (size_t h = 0; h < heads; h++) da[h] = a[h] * (da[h] - mean[h]); /* gradient of the score */
        all_heads_add(model, work, v, da, du);
        if (j < t.text)
            sage_ops_best()->heads_mix(heads, v.width, a, d_mix, da, work->fold.u, ld,
                                       work->bags.d + (t.text_at + j) * model->shape.dim_embed);
    }
}

void attend_back_rows(const sage_model *model, sage_work *work, const sage_product_batch *batch, size_t begin,
                      size_t end, size_t worker) {
    size_t per_worker = model->shape.heads * work->fold.ld;
    for (size_t i = begin; i < end; i++) attend_back_one(model, work, batch, i, work->fold.du + worker * per_worker);
}
