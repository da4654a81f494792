#include "deep.h"
#include "self_attend.h"
#include <math.h>
#include <string.h>

static real score_scale(const sage_model_shape *s) {
    return (real)(1 / sqrt((double)s->dim_model / (double)s->heads));
}

size_t deep_rows(const sage_model_shape *s, const sage_product_batch *batch, uint32_t *begin, size_t *most) {
    size_t rows = 0;
    *most = 0;
    for (size_t first = 0, chunk = 0; first < batch->n; first += ROWS, chunk++) {
        size_t end = first + ROWS < batch->n ? first + ROWS : batch->n, own = end - first;
        own += batch->token_begin[end] - batch->token_begin[first];
        for (size_t g = 0; g < token_groups(s); g++)
            if (batch->group[g].begin != NULL) own += batch->group[g].begin[end] - batch->group[g].begin[first];
        own = deep_padded(own);
        if (begin != NULL) begin[chunk] = (uint32_t)rows;
        if (own > *most) *most = own;
        rows += own;
    }
    if (begin != NULL) begin[chunks_of(batch->n)] = (uint32_t)rows;
    return rows;
}

/* ---- forward ---- */

size_t deep_take(const sage_model *model, const fold *f, const product_tokens *t, size_t row, deep_acts a) {
    const sage_model_shape *s = &model->shape;
    real *raw = a.raw + row * f->raw;
    memset(raw, 0, t->n * f->raw * sizeof *raw);
    for (size_t j = 0; j < t->text; j++, raw += f->raw) {
        memcpy(raw, t->e + j * s->dim_embed, s->dim_embed * sizeof *raw);
        raw[f->kinds_at + t->field[j]] = 1;
        a.kind[row++] = t->field[j];
    }
    for (size_t g = 0; g < token_groups(s); g++)
        for (size_t j = 0; j < t->in_group[g]; j++, raw += f->raw) {
            memcpy(raw + f->group_at[g], t->vector[g] + j * s->groups[g].dim, s->groups[g].dim * sizeof *raw);
            raw[f->kinds_at + kind_of_group(s, g)] = 1;
            a.kind[row++] = (uint8_t)kind_of_group(s, g);
        }
    raw[f->kinds_at + kind_of_cls(s)] = 1;
    a.kind[row++] = (uint8_t)kind_of_cls(s);
    return row;
}

/* bias [H][n] of the keys of one product. */
static const real *biases_of(const sage_model *model, size_t l, size_t n, const uint8_t *kind, const deep_scratch *w) {
    size_t kinds = kinds_of(&model->shape);
    const real *of = par(model, lower_score(l));
    for (size_t h = 0; h < model->shape.heads; h++)
        for (size_t j = 0; j < n; j++) w->bias[h * n + j] = of[h * kinds + kind[j]];
    return w->bias;
}

static void project(const sage_model *model, const packed_layers *layers, size_t rows, size_t l, deep_layer_acts a) {
    const sage_ops *ops = sage_ops_best();
    size_t d = model->shape.dim_model;
    for (size_t at = 0; at < rows; at += DEEP_BLOCK)
        sage_weights_forward(layers->lower[l].qkv, DEEP_BLOCK, a.x + at * d, d, false, a.qkv + at * 3 * d, 3 * d);
    for (size_t i = 0; i < rows; i++) {
        real *qkv = a.qkv + i * 3 * d;
        ops->axpy(d, 1, par(model, lower_param(l, U_BQ)), qkv);
        ops->scale(d, score_scale(&model->shape), qkv);
        ops->axpy(d, 1, par(model, lower_param(l, U_BV)), qkv + 2 * d);
    }
}

/* Everything but the attention, of one block; out may be x. */
static void block_forward(const sage_model *model, const packed_layers *layers, size_t at, size_t l, deep_layer_acts a,
                          real *out) {
    const sage_ops *ops = sage_ops_best();
    size_t d = model->shape.dim_model, f = model->shape.dim_ff, n = DEEP_BLOCK;
    real *y = a.y + at * d;
    mlp ff = mlp_lower(model, layers, l);
    memcpy(y, a.x + at * d, n * d * sizeof *y);
    sage_weights_forward(layers->lower[l].out, n, a.heads + at * d, d, true, y, d);
    ops->add_row(n, d, par(model, lower_param(l, U_BO)), y);
    ops->norm(n, d, y, par(model, lower_param(l, U_NORM1_GAIN)), par(model, lower_param(l, U_NORM1_BIAS)),
              a.hat1 + at * d, y, a.rstd1 + at);
    mlp_forward(&ff, n, y, (mlp_acts){a.ff.pre + at * f, a.ff.act + at * f}, out + at * d);
    ops->norm(n, d, out + at * d, par(model, lower_param(l, U_NORM2_GAIN)), par(model, lower_param(l, U_NORM2_BIAS)),
              a.hat2 + at * d, out + at * d, a.rstd2 + at);
}

static void layer_forward(const sage_model *model, const packed_layers *layers, const deep_chunk *c, size_t l,
                          deep_acts a, const deep_scratch *w) {
    const sage_model_shape *s = &model->shape;
    size_t d = s->dim_model, used = c->first[c->n], rows = deep_padded(used);
    deep_layer_acts la = a.layer[l];
    project(model, layers, rows, l, la);
    for (size_t i = 0; i < c->n; i++) {
        size_t row = c->first[i], n = c->first[i + 1] - row;
        self_attend(d, s->heads, n, la.qkv + row * 3 * d, biases_of(model, l, n, a.kind + row, w), w->attention,
                    la.heads + row * d);
    }
    memset(la.heads + used * d, 0, (rows - used) * d * sizeof(real));
    for (size_t at = 0; at < rows; at += DEEP_BLOCK)
        block_forward(model, layers, at, l, la, l + 1 < s->lower ? a.layer[l + 1].x : a.top);
}

/* x_CLS, q and g of every product. */
static void ask(const sage_model *model, const packed_layers *layers, const deep_chunk *c, deep_acts a) {
    const sage_model_shape *s = &model->shape;
    const sage_ops *ops = sage_ops_best();
    size_t d = s->dim_model, per_head = d / s->heads;
    for (size_t i = 0; i < c->n; i++) memcpy(a.cls + i * d, a.top + (c->first[i + 1] - 1) * d, d * sizeof(real));
    memset(a.cls + c->n * d, 0, (c->all - c->n) * d * sizeof(real));
    sage_weights_forward(layers->query, c->all, a.cls, d, false, a.q, d);
    ops->add_row(c->all, d, par(model, P_BQ), a.q);
    ops->scale(c->all * d, score_scale(s), a.q);
    for (size_t h = 0; h < s->heads; h++)
        sage_weights_forward(layers->key[h], c->all, a.q + h * per_head, d, false, a.g.of + h * a.g.apart, d);
}

static void attend_last(const sage_model *model, size_t product, size_t n, size_t row, deep_acts a, real *attention,
                        head_rows mix) {
    const sage_model_shape *s = &model->shape;
    const sage_ops *ops = sage_ops_best();
    size_t d = s->dim_model, heads = s->heads, kinds = kinds_of(s);
    head_rows its = head_rows_from(mix, product, d);
    ops->heads_scores(n, heads, d, a.g.of + product * d, a.g.apart, a.top + row * d, attention);
    for (size_t j = 0; j < n; j++)
        for (size_t h = 0; h < heads; h++)
            attention[j * heads + h] += par(model, P_SCORE_BIAS)[h * kinds + a.kind[row + j]];
    ops->heads_softmax(n, heads, attention);
    for (size_t h = 0; h < heads; h++) memset(its.of + h * its.apart, 0, d * sizeof(real));
    ops->heads_sum(n, heads, d, attention, a.top + row * d, its.of, its.apart);
}

void deep_forward(const sage_model *model, const packed_layers *layers, const deep_chunk *c, deep_acts a,
                  const deep_scratch *w, bool keep, real *attention, head_rows mix) {
    const sage_model_shape *s = &model->shape;
    size_t d = s->dim_model, used = c->first[c->n], rows = deep_padded(used), raw = w->raw;
    memset(a.raw + used * raw, 0, (rows - used) * raw * sizeof(real));
    for (size_t at = 0; at < rows; at += DEEP_BLOCK)
        sage_weights_forward(layers->tokens, DEEP_BLOCK, a.raw + at * raw, raw, false, a.layer[0].x + at * d, d);
    for (size_t l = 0; l < s->lower; l++) layer_forward(model, layers, c, l, a, w);
    ask(model, layers, c, a);
    for (size_t i = 0; i < c->n; i++)
        attend_last(model, i, c->first[i + 1] - c->first[i], c->first[i], a,
                    attention + (keep ? c->first[i] * s->heads : 0), mix);
    for (size_t h = 0; h < s->heads; h++)
        memset(mix.of + h * mix.apart + c->n * d, 0, (c->all - c->n) * d * sizeof(real));
}

/* ---- back ---- */

/* Of one product's last attention: to the gradients of its tokens, of g and of the score biases. */
static void last_back(const sage_model *model, size_t i, size_t n, size_t row, deep_acts a, const deep_scratch *w,
                      const real *attention, head_rows mix, head_rows d_mix, real *d_score) {
    const sage_model_shape *s = &model->shape;
    const sage_ops *ops = sage_ops_best();
    size_t d = s->dim_model, heads = s->heads, kinds = kinds_of(s);
    head_rows m = head_rows_from(mix, i, d), dm = head_rows_from(d_mix, i, d);
    real mean[SAGE_MODEL_HEADS_MAX], *ds = w->scores;
    for (size_t h = 0; h < heads; h++) mean[h] = ops->dot(d, dm.of + h * dm.apart, m.of + h * m.apart);
    ops->heads_scores(n, heads, d, dm.of, dm.apart, a.top + row * d, ds);
    for (size_t j = 0; j < n; j++)
        for (size_t h = 0; h < heads; h++) {
            ds[j * heads + h] = attention[j * heads + h] * (ds[j * heads + h] - mean[h]);
            d_score[h * kinds + a.kind[row + j]] += ds[j * heads + h];
        }
    ops->heads_blend(n, heads, d, attention, dm.of, dm.apart, ds, a.g.of + i * d, a.g.apart, w->d_x + row * d);
    for (size_t h = 0; h < heads; h++) memset(a.d_g.of + h * a.d_g.apart + i * d, 0, d * sizeof(real));
    ops->heads_sum(n, heads, d, ds, a.top + row * d, a.d_g.of + i * d, a.d_g.apart);
}

/* From the gradient of g to those of q and of CLS's tokens. */
static void ask_back(const sage_model *model, const packed_layers *layers, const deep_chunk *c, deep_acts a,
                     const deep_scratch *w, const real *d_residual, real *d_bq) {
    const sage_model_shape *s = &model->shape;
    const sage_ops *ops = sage_ops_best();
    size_t d = s->dim_model, per_head = d / s->heads;
    for (size_t h = 0; h < s->heads; h++)
        sage_weights_back(layers->key[h], c->n, a.d_g.of + h * a.d_g.apart, d, false, a.d_q + h * per_head, d);
    ops->scale(c->n * d, score_scale(s), a.d_q);
    ops->col_sum(c->n, d, 0, d, a.d_q, d_bq);
    sage_weights_back(layers->query, c->n, a.d_q, d, false, w->d_cls, d);
    ops->axpy(c->n * d, 1, d_residual, w->d_cls);
    for (size_t i = 0; i < c->n; i++) ops->axpy(d, 1, w->d_cls + i * d, w->d_x + (c->first[i + 1] - 1) * d);
}

/* One block from the gradient of the layer's output, in d_x, to d_sum1 and that of the heads, in d_heads. */
static void block_back(const sage_model *model, const packed_layers *layers, size_t at, size_t l, deep_layer_acts a,
                       const deep_scratch *w, real *part, const layer_part *p) {
    const sage_ops *ops = sage_ops_best();
    size_t d = model->shape.dim_model, f = model->shape.dim_ff, n = DEEP_BLOCK;
    mlp ff = mlp_lower(model, layers, l);
    ops->norm_grad(n, d, 0, d, w->d_x + at * d, a.hat2 + at * d, part + p->norm2_gain, part + p->norm2_bias);
    ops->norm_back(n, d, w->d_x + at * d, a.hat2 + at * d, a.rstd2 + at, par(model, lower_param(l, U_NORM2_GAIN)),
                   a.d_sum2 + at * d);
    mlp_back(&ff, n, a.d_sum2 + at * d, (mlp_acts){a.ff.pre + at * f, a.ff.act + at * f}, w->hidden, w->d_y,
             part + p->ff1, part + p->ff2);
    ops->norm_grad(n, d, 0, d, w->d_y, a.hat1 + at * d, part + p->norm1_gain, part + p->norm1_bias);
    ops->norm_back(n, d, w->d_y, a.hat1 + at * d, a.rstd1 + at, par(model, lower_param(l, U_NORM1_GAIN)),
                   a.d_sum1 + at * d);
    ops->col_sum(n, d, 0, d, a.d_sum1 + at * d, part + p->out);
    sage_weights_back(layers->lower[l].out, n, a.d_sum1 + at * d, d, false, w->d_heads + at * d, d);
}

static void attention_back(const sage_model *model, const deep_chunk *c, size_t l, deep_acts a, const deep_scratch *w,
                           real *d_score) {
    const sage_model_shape *s = &model->shape;
    size_t d = s->dim_model, kinds = kinds_of(s);
    for (size_t i = 0; i < c->n; i++) {
        size_t row = c->first[i], n = c->first[i + 1] - row;
        memset(w->d_bias, 0, s->heads * n * sizeof(real));
        self_attend_back(d, s->heads, n, a.layer[l].qkv + row * 3 * d, w->d_heads + row * d,
                         biases_of(model, l, n, a.kind + row, w), w->attention, w->d_bias);
        for (size_t h = 0; h < s->heads; h++)
            for (size_t j = 0; j < n; j++) d_score[h * kinds + a.kind[row + j]] += w->d_bias[h * n + j];
    }
}

static void layer_back(const sage_model *model, const packed_layers *layers, const deep_chunk *c, size_t l, deep_acts a,
                       const deep_scratch *w, real *part, const product_part *parts) {
    const sage_ops *ops = sage_ops_best();
    size_t d = model->shape.dim_model, used = c->first[c->n], rows = deep_padded(used);
    deep_layer_acts la = a.layer[l];
    const layer_part *p = &parts->lower[l];
    for (size_t at = 0; at < rows; at += DEEP_BLOCK) block_back(model, layers, at, l, la, w, part, p);
    attention_back(model, c, l, a, w, part + parts->lower_score[l]);
    for (size_t i = 0; i < used; i++) ops->scale(d, score_scale(&model->shape), la.qkv + i * 3 * d);
    memset(la.qkv + used * 3 * d, 0, (rows - used) * 3 * d * sizeof(real));
    ops->col_sum(rows, 3 * d, 0, 3 * d, la.qkv, part + p->qkv);
    for (size_t at = 0; at < rows; at += DEEP_BLOCK)
        sage_weights_back(layers->lower[l].qkv, DEEP_BLOCK, la.qkv + at * 3 * d, 3 * d, false, w->d_x + at * d, d);
    ops->axpy(rows * d, 1, la.d_sum1, w->d_x);
}

void deep_back(const sage_model *model, const packed_layers *layers, const deep_chunk *c, deep_acts a,
               const deep_scratch *w, const real *attention, head_rows mix, head_rows d_mix, const real *d_residual,
               real *part, const product_part *at) {
    const sage_model_shape *s = &model->shape;
    size_t d = s->dim_model, used = c->first[c->n], rows = deep_padded(used);
    memset(w->d_x + used * d, 0, (rows - used) * d * sizeof(real));
    for (size_t i = 0; i < c->n; i++)
        last_back(model, i, c->first[i + 1] - c->first[i], c->first[i], a, w, attention + c->first[i] * s->heads, mix,
                  d_mix, part + at->score);
    ask_back(model, layers, c, a, w, d_residual, part + at->bq);
    for (size_t l = s->lower; l-- > 0;) layer_back(model, layers, c, l, a, w, part, at);
    memcpy(a.d_x, w->d_x, rows * d * sizeof(real));
    for (size_t r = 0; r < rows; r += DEEP_BLOCK)
        sage_weights_back(layers->tokens, DEEP_BLOCK, a.d_x + r * d, d, false, w->d_raw + r * w->raw, w->raw);
}
