/* Attention of CLS over one product's tokens t_j, in the raw token space (see fold.c):
 *   a_h = softmax_j(u_h . t_j),   mix_h = sum_j a_hj t_j
 * Backward, from dmix_h:  da_hj = dmix_h . t_j,  dscore = a (da - sum_j a da),  du_h += dscore_j t_j,  dt_j = sum_h
 * a_hj dmix_h + dscore_hj u_h. A product's tokens are its text bags, its images, then CLS. A token's kind is one more
 * column that is 1 at it alone. */
#include "pass.h"
#include <string.h>

static size_t kind_of(const fold *f, const product_tokens *t, size_t j) {
    return f->kinds_at + (j < t->text ? t->field[j] : j < t->text + t->images ? KIND_IMAGE : KIND_CLS);
}

/* out[j][h] = x_h . t_j for x laid out as u and mix are */
static void all_scores(const sage_model *model, const fold *f, const product_tokens *t, const real *x, real *out) {
    const sage_model_shape *s = &model->shape;
    const sage_ops *ops = sage_ops_best();
    ops->heads_scores(t->text, s->heads, s->dim_embed, x, f->ld, t->e, out);
    if (t->images > 0)
        ops->heads_scores(t->images, s->heads, s->dim_image, x + s->dim_embed, f->ld, t->image,
                          out + t->text * s->heads);
    memset(out + (t->n - 1) * s->heads, 0, s->heads * sizeof(real)); /* CLS has its kind alone */
    for (size_t j = 0; j < t->n; j++)
        for (size_t h = 0, kind = kind_of(f, t, j); h < s->heads; h++) out[j * s->heads + h] += x[h * f->ld + kind];
}

/* x_h += sum over j of a[j][h] t_j */
static void all_sums(const sage_model *model, const fold *f, const product_tokens *t, const real *a, real *x) {
    const sage_model_shape *s = &model->shape;
    const sage_ops *ops = sage_ops_best();
    ops->heads_sum(t->text, s->heads, s->dim_embed, a, t->e, x, f->ld);
    if (t->images > 0)
        ops->heads_sum(t->images, s->heads, s->dim_image, a + t->text * s->heads, t->image, x + s->dim_embed, f->ld);
    for (size_t j = 0; j < t->n; j++)
        for (size_t h = 0, kind = kind_of(f, t, j); h < s->heads; h++) x[h * f->ld + kind] += a[j * s->heads + h];
}

void attend(const sage_model *model, const fold *f, const product_tokens *t, real *attention, real *mix) {
    size_t heads = model->shape.heads;
    all_scores(model, f, t, f->u, attention);
    sage_ops_best()->heads_softmax(t->n, heads, attention);
    memset(mix, 0, heads * f->ld * sizeof(real));
    all_sums(model, f, t, attention, mix);
}

/* dscore needs sum_j a da first; it is dmix . mix. Scores' gradients are made in place of `scores`. */
static void score_grads(const sage_model *model, const fold *f, const product_tokens *t, const real *attention,
                        const real *mix, const real *d_mix, real *scores) {
    size_t heads = model->shape.heads;
    real mean[SAGE_MODEL_HEADS_MAX];
    for (size_t h = 0; h < heads; h++) mean[h] = sage_ops_best()->dot(f->ld, d_mix + h * f->ld, mix + h * f->ld);
    all_scores(model, f, t, d_mix, scores);
    for (size_t j = 0; j < t->n; j++)
        for (size_t h = 0; h < heads; h++)
            scores[j * heads + h] = attention[j * heads + h] * (scores[j * heads + h] - mean[h]);
}

void attend_back(const sage_model *model, const fold *f, const product_tokens *t, const real *attention,
                 const real *mix, const real *d_mix, real *scores, real *d_e, real *du) {
    size_t heads = model->shape.heads;
    score_grads(model, f, t, attention, mix, d_mix, scores);
    all_sums(model, f, t, scores, du);
    sage_ops_best()->heads_blend(t->text, heads, model->shape.dim_embed, attention, d_mix, scores, f->u, f->ld, d_e);
}
