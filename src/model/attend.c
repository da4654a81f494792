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

/* out[j][h] = x_h . t_j */
static void all_scores(const sage_model *model, const fold *f, const product_tokens *t, head_rows x, real *out) {
    const sage_model_shape *s = &model->shape;
    const sage_ops *ops = sage_ops_best();
    ops->heads_scores(t->text, s->heads, s->dim_embed, x.of, x.apart, t->e, out);
    if (t->images > 0)
        ops->heads_scores(t->images, s->heads, s->dim_image, x.of + s->dim_embed, x.apart, t->image,
                          out + t->text * s->heads);
    memset(out + (t->n - 1) * s->heads, 0, s->heads * sizeof(real)); /* CLS has its kind alone */
    for (size_t j = 0; j < t->n; j++)
        for (size_t h = 0, kind = kind_of(f, t, j); h < s->heads; h++)
            out[j * s->heads + h] += x.of[h * x.apart + kind];
}

/* x_h += sum over j of a[j][h] t_j */
static void all_sums(const sage_model *model, const fold *f, const product_tokens *t, const real *a, head_rows x) {
    const sage_model_shape *s = &model->shape;
    const sage_ops *ops = sage_ops_best();
    ops->heads_sum(t->text, s->heads, s->dim_embed, a, t->e, x.of, x.apart);
    if (t->images > 0)
        ops->heads_sum(t->images, s->heads, s->dim_image, a + t->text * s->heads, t->image, x.of + s->dim_embed,
                       x.apart);
    for (size_t j = 0; j < t->n; j++)
        for (size_t h = 0, kind = kind_of(f, t, j); h < s->heads; h++) x.of[h * x.apart + kind] += a[j * s->heads + h];
}

void attend(const sage_model *model, const fold *f, const product_tokens *t, real *attention, head_rows mix) {
    size_t heads = model->shape.heads;
    all_scores(model, f, t, (head_rows){f->u, f->ld}, attention);
    sage_ops_best()->heads_softmax(t->n, heads, attention);
    for (size_t h = 0; h < heads; h++) memset(mix.of + h * mix.apart, 0, f->ld * sizeof(real));
    all_sums(model, f, t, attention, mix);
}

/* dscore needs sum_j a da first; it is dmix . mix. Scores' gradients are made in place of `scores`. */
static void score_grads(const sage_model *model, const fold *f, const product_tokens *t, const real *attention,
                        head_rows mix, head_rows d_mix, real *scores) {
    size_t heads = model->shape.heads;
    real mean[SAGE_MODEL_HEADS_MAX];
    for (size_t h = 0; h < heads; h++)
        mean[h] = sage_ops_best()->dot(f->ld, d_mix.of + h * d_mix.apart, mix.of + h * mix.apart);
    all_scores(model, f, t, d_mix, scores);
    for (size_t j = 0; j < t->n; j++)
        for (size_t h = 0; h < heads; h++)
            scores[j * heads + h] = attention[j * heads + h] * (scores[j * heads + h] - mean[h]);
}

void attend_back(const sage_model *model, const fold *f, const product_tokens *t, const real *attention, head_rows mix,
                 head_rows d_mix, real *scores, real *d_e, real *du) {
    size_t heads = model->shape.heads;
    score_grads(model, f, t, attention, mix, d_mix, scores);
    all_sums(model, f, t, scores, (head_rows){du, f->ld});
    sage_ops_best()->heads_blend(t->text, heads, model->shape.dim_embed, attention, d_mix.of, d_mix.apart, scores, f->u,
                                 f->ld, d_e);
}
