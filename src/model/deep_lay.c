/* Memory of the layers below the last one. */
#include "deep.h"
#include "self_attend.h"

static deep_layer_acts lay_one(layer *l, const sage_model_shape *s, size_t rows, bool backward) {
    size_t d = s->dim_model, f = s->dim_ff;
    return (deep_layer_acts){.x = lay_reals(l, rows, d),
                             .qkv = lay_reals(l, rows, 3 * d),
                             .heads = lay_reals(l, rows, d),
                             .hat1 = lay_reals(l, rows, d),
                             .rstd1 = lay_reals(l, rows, 1),
                             .y = lay_reals(l, rows, d),
                             .ff = {lay_reals(l, rows, f), lay_reals(l, rows, f)},
                             .hat2 = lay_reals(l, rows, d),
                             .rstd2 = lay_reals(l, rows, 1),
                             .d_sum1 = backward ? lay_reals(l, rows, d) : NULL,
                             .d_sum2 = backward ? lay_reals(l, rows, d) : NULL};
}

void lay_deep(layer *l, const sage_model_shape *s, size_t raw, size_t rows, size_t n, bool backward, deep_acts *a) {
    size_t d = s->dim_model;
    a->raw = lay_reals(l, rows, raw);
    a->kind = lay(l, rows, 1, 1);
    for (size_t k = 0; k < s->lower; k++)
        a->layer[k] = k == 0 || backward ? lay_one(l, s, rows, backward) : a->layer[0];
    a->top = backward ? lay_reals(l, rows, d) : a->layer[0].x;
    a->cls = lay_reals(l, n, d);
    a->q = lay_reals(l, n, d);
    a->g = lay_heads(l, s->heads, n, d);
    if (!backward) return;
    a->d_q = lay_reals(l, n, d);
    a->d_g = lay_heads(l, s->heads, n, d);
    a->d_x = lay_reals(l, rows, d);
}

void lay_deep_scratch(layer *l, const sage_model_shape *s, size_t raw, size_t rows, size_t most, bool backward,
                      deep_scratch *w) {
    size_t d = s->dim_model;
    *w = (deep_scratch){.raw = raw,
                        .bias = lay_reals(l, s->heads, most),
                        .attention = lay_reals(l, self_attention_reals(d, s->heads, most, backward), 1)};
    if (!backward) return;
    w->scores = lay_reals(l, most, s->heads);
    w->d_bias = lay_reals(l, s->heads, most);
    w->d_x = lay_reals(l, rows, d);
    w->d_heads = lay_reals(l, rows, d);
    w->d_raw = lay_reals(l, rows, raw);
    w->d_y = lay_reals(l, DEEP_BLOCK, d);
    w->hidden = lay_reals(l, DEEP_BLOCK, s->dim_ff);
    w->d_cls = lay_reals(l, ROWS, d);
}

static real *at(real *x, size_t n) {
    return x == NULL ? NULL : x + n;
}

deep_acts deep_acts_of(const sage_model_shape *s, size_t raw, const deep_acts *all, size_t row, size_t first) {
    size_t d = row * s->dim_model, f = row * s->dim_ff, n = first * s->dim_model;
    deep_acts a = {.raw = all->raw + row * raw,
                   .kind = all->kind + row,
                   .top = all->top + d,
                   .cls = all->cls + n,
                   .q = all->q + n,
                   .g = head_rows_from(all->g, first, s->dim_model),
                   .d_q = at(all->d_q, n),
                   .d_g = {at(all->d_g.of, n), all->d_g.apart},
                   .d_x = at(all->d_x, d)};
    for (size_t k = 0; k < s->lower; k++) {
        const deep_layer_acts *o = &all->layer[k];
        a.layer[k] = (deep_layer_acts){.x = o->x + d,
                                       .qkv = o->qkv + 3 * d,
                                       .heads = o->heads + d,
                                       .hat1 = o->hat1 + d,
                                       .rstd1 = o->rstd1 + row,
                                       .y = o->y + d,
                                       .ff = {o->ff.pre + f, o->ff.act + f},
                                       .hat2 = o->hat2 + d,
                                       .rstd2 = o->rstd2 + row,
                                       .d_sum1 = at(o->d_sum1, d),
                                       .d_sum2 = at(o->d_sum2, d)};
    }
    return a;
}
