/* Attention of CLS over one product's tokens t_j, in the raw token space (see fold.c):
 *   a_h = softmax_j(u_h . t_j),   mix_h = sum_j a_hj t_j
 * Backward, from dmix_h:  da_hj = dmix_h . t_j,  dscore = a (da - sum_j a da),  du_h += dscore_j t_j,  dt_j = sum_h
 * a_hj dmix_h + dscore_hj u_h. A product's tokens are its text bags, its vectors group by group, then CLS. A token's
 * kind is one more column that is 1 at it alone. */
#include "concat.h"
#include <string.h>

/* The kinds' columns of n tokens of one kind: out[j][h] += x_h's of that kind; and the way back, x_h's += out[j][h]. */
static void add_kind(size_t n, size_t heads, const real *x, size_t ld, real *out) {
    for (size_t j = 0; j < n; j++)
        for (size_t h = 0; h < heads; h++) out[j * heads + h] += x[h * ld];
}

static void sum_kind(size_t n, size_t heads, const real *a, real *x, size_t ld) {
    for (size_t j = 0; j < n; j++)
        for (size_t h = 0; h < heads; h++) x[h * ld] += a[j * heads + h];
}

/* out[j][h] = x_h . t_j */
static void all_scores(const sage_model *model, const fold *f, const product_tokens *t, head_rows x, real *out) {
    const sage_model_shape *s = &model->shape;
    const sage_ops *ops = sage_ops_best();
    const real *kinds = x.of + f->kinds_at;
    size_t heads = s->heads;
    ops->heads_scores(t->text, heads, s->dim_embed, x.of, x.apart, t->e, out);
    for (size_t j = 0; j < t->text; j++, out += heads) add_kind(1, heads, kinds + t->field[j], x.apart, out);
    for (size_t g = 0; g < token_groups(s); g++) {
        size_t n = t->in_group[g];
        if (n == 0) continue;
        ops->heads_scores(n, heads, s->groups[g].dim, x.of + f->group_at[g], x.apart, t->vector[g], out);
        add_kind(n, heads, kinds + kind_of_group(s, g), x.apart, out);
        out += n * heads;
    }
    memset(out, 0, heads * sizeof(real)); /* CLS has its kind alone */
    add_kind(1, heads, kinds + kind_of_cls(s), x.apart, out);
}

/* x_h += sum over j of a[j][h] t_j */
static void all_sums(const sage_model *model, const fold *f, const product_tokens *t, const real *a, head_rows x) {
    const sage_model_shape *s = &model->shape;
    const sage_ops *ops = sage_ops_best();
    real *kinds = x.of + f->kinds_at;
    size_t heads = s->heads;
    ops->heads_sum(t->text, heads, s->dim_embed, a, t->e, x.of, x.apart);
    for (size_t j = 0; j < t->text; j++, a += heads) sum_kind(1, heads, a, kinds + t->field[j], x.apart);
    for (size_t g = 0; g < token_groups(s); g++) {
        size_t n = t->in_group[g];
        if (n == 0) continue;
        ops->heads_sum(n, heads, s->groups[g].dim, a, t->vector[g], x.of + f->group_at[g], x.apart);
        sum_kind(n, heads, a, kinds + kind_of_group(s, g), x.apart);
        a += n * heads;
    }
    sum_kind(1, heads, a, kinds + kind_of_cls(s), x.apart);
}

void attend(const sage_model *model, const fold *f, const product_tokens *t, real *attention, head_rows mix) {
    size_t heads = model->shape.heads;
    if (is_concat(&model->shape)) {
        concat_tokens(model, f, t, mix.of);
        return;
    }
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
    if (is_concat(&model->shape)) {
        concat_back(model, t, d_mix.of, d_e);
        return;
    }
    score_grads(model, f, t, attention, mix, d_mix, scores);
    all_sums(model, f, t, scores, (head_rows){du, f->ld});
    sage_ops_best()->heads_blend(t->text, heads, model->shape.dim_embed, attention, d_mix.of, d_mix.apart, scores, f->u,
                                 f->ld, d_e);
}
