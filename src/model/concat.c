/* All kinds of a product's tokens side by side, in place of attention (encoder = concat_mlp): a row of head_width
 * numbers, where kind k of text begins at k E and group g at fold.group_at[g] with the mean of its vectors; what there
 * is none of is zeros. Then a column a kind, 1 where there is such a token; CLS is always there. */
#include "concat.h"
#include <math.h>
#include <string.h>

void concat_tokens(const sage_model *model, const fold *f, const product_tokens *t, real *row) {
    const sage_model_shape *s = &model->shape;
    const sage_ops *ops = sage_ops_best();
    real *kinds = row + f->kinds_at;
    memset(row, 0, f->ld * sizeof *row);
    for (size_t j = 0; j < t->text; j++) {
        ops->axpy(s->dim_embed, 1, t->e + j * s->dim_embed, row + t->field[j] * s->dim_embed);
        kinds[t->field[j]] = 1;
    }
    for (size_t g = 0; g < token_groups(s); g++) {
        size_t n = t->in_group[g], dim = s->groups[g].dim;
        for (size_t j = 0; j < n; j++) ops->axpy(dim, 1 / (real)n, t->vector[g] + j * dim, row + f->group_at[g]);
        kinds[kind_of_group(s, g)] = n > 0;
    }
    kinds[kind_of_cls(s)] = 1;
}

void concat_back(const sage_model *model, const product_tokens *t, const real *d_row, real *d_e) {
    size_t e = model->shape.dim_embed;
    for (size_t j = 0; j < t->text; j++) memcpy(d_e + j * e, d_row + t->field[j] * e, e * sizeof *d_e);
}

/* Hidden unit 2i of a head without skip is what row i of the skip would be, unit 2i + 1 takes the same away. */
start_rows start_of_group(const sage_model *model, size_t group) {
    const sage_model_shape *s = &model->shape;
    size_t at = text_kinds(s) * s->dim_embed, width = head_width(s);
    if (!is_concat(s)) return (start_rows){par(model, group_proj(group)), s->groups[group].dim, s->dim_model, 1};
    for (size_t g = 0; g < group; g++) at += s->groups[g].dim;
    real share = (real)(start_weight(s, kind_of_group(s, group)) / start_weight(s, SAGE_TITLE));
    if (has(model, P_HEAD_SKIP)) return (start_rows){par(model, P_HEAD_SKIP) + at, width, s->dim_out, share};
    size_t units = s->dim_head / 2;
    return (start_rows){par(model, P_HEAD1_W) + at, 2 * width, units < s->dim_out ? units : s->dim_out, share};
}

static void start_row(const sage_model_shape *s, size_t i, real *row, sage_rng *rng) {
    const double small = 0.02 / 4; /* CLS as it begins elsewhere, where a title counts 4 */
    memset(row, 0, head_width(s) * sizeof *row);
    for (size_t k = 0; k < text_kinds(s) && i < s->dim_embed; k++)
        row[k * s->dim_embed + i] = (real)(start_weight(s, k) / start_weight(s, SAGE_TITLE));
    row[concat_kinds_at(s) + kind_of_cls(s)] = (real)(small * sage_rng_normal(rng));
}

void concat_start(sage_model *model, sage_rng *rng) {
    const sage_model_shape *s = &model->shape;
    bool skip = has(model, P_HEAD_SKIP);
    size_t width = head_width(s), rows = skip ? s->dim_out : s->dim_head / 2;
    for (size_t i = 0; i < rows && i < s->dim_out; i++)
        start_row(s, i, skip ? par(model, P_HEAD_SKIP) + i * width : par(model, P_HEAD1_W) + 2 * i * width, rng);
}

void concat_start_units(sage_model *model) {
    const sage_model_shape *s = &model->shape;
    size_t width = head_width(s), m = s->dim_head;
    real *w1 = par(model, P_HEAD1_W), *w2 = par(model, P_HEAD2_W);
    for (size_t i = 0; i < s->dim_out && 2 * i + 1 < m; i++) {
        for (size_t c = 0; c < width; c++) w1[(2 * i + 1) * width + c] = -w1[2 * i * width + c];
        w2[i * m + 2 * i] = 1;
        w2[i * m + 2 * i + 1] = -1;
    }
}

void concat_turn(sage_model *model, size_t passed, const real *basis) {
    const sage_model_shape *s = &model->shape;
    size_t e = s->dim_embed, width = head_width(s);
    real *skip = par(model, P_HEAD_SKIP);
    for (size_t o = 0; o < s->dim_out; o++)
        for (size_t k = 0; k < text_kinds(s); k++)
            for (size_t c = 0; c < passed; c++)
                skip[o * width + k * e + c] =
                    (real)(start_weight(s, k) / start_weight(s, SAGE_TITLE)) * basis[o * passed + c];
}

/* ---- what kinds of token are worth at first ---- */

double start_weight(const sage_model_shape *s, size_t kind) {
    /* CLS says nothing about a product yet, and its own token little beside a title. */
    const double title = 4, strong = 2, cls = 0.02, own = 0.135;
    if (kind == kind_of_cls(s)) return cls;
    if (kind >= text_kinds(s)) {
        size_t group = kind - text_kinds(s);
        return group < token_groups(s) && s->groups[group].kind == SAGE_GROUP_SENTENCES ? title : 1;
    }
    if (kind == SAGE_TITLE) return title;
    if (kind == SAGE_FIELD_TOKEN) return own;
    return kind == SAGE_TYPE || kind == SAGE_CATEGORY || kind == SAGE_BRAND ? strong : 1;
}

static void weigh_units(sage_model *model, real ratio) {
    const sage_model_shape *s = &model->shape;
    bool skip = has(model, P_HEAD_SKIP);
    size_t width = head_width(s), rows = skip ? s->dim_out : 2 * (s->dim_head / 2),
           at = SAGE_FIELD_TOKEN * s->dim_embed;
    if (!skip && rows > 2 * s->dim_out) rows = 2 * s->dim_out;
    for (size_t i = 0; i < rows; i++)
        sage_ops_best()->scale(s->dim_embed, ratio, par(model, skip ? P_HEAD_SKIP : P_HEAD1_W) + i * width + at);
}

void sage_model_weigh_tokens(sage_model *model, double weight) {
    const sage_model_shape *s = &model->shape;
    if (s->tokens == 0) return;
    if (is_concat(s)) {
        weigh_units(model, (real)(weight / start_weight(s, SAGE_FIELD_TOKEN)));
        return;
    }
    for (size_t h = 0; h < s->heads; h++) {
        size_t at = h * kinds_of(s) + SAGE_FIELD_TOKEN;
        par(model, P_SCORE_BIAS)[at] = (real)log(weight);
        for (size_t l = 0; l < s->lower; l++) par(model, lower_score(l))[at] = (real)log(weight);
    }
}
