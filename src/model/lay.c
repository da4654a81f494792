#include "lay.h"

void *lay(layer *l, size_t a, size_t b, size_t element_bytes) {
    size_t n, bytes;
    if (__builtin_mul_overflow(a, b, &n) || __builtin_mul_overflow(n, element_bytes, &bytes) || bytes > SIZE_MAX / 4 ||
        l->at > SIZE_MAX / 4) {
        l->overflow = true;
        return NULL;
    }
    void *start = l->base == NULL ? NULL : l->base + l->at;
    l->at += (bytes + 63) / 64 * 64;
    return start;
}

head_rows lay_heads(layer *l, size_t heads, size_t rows, size_t ld) {
    size_t reals;
    if (__builtin_mul_overflow(rows, ld, &reals) || reals > SIZE_MAX / 2) {
        l->overflow = true;
        return (head_rows){NULL, 0};
    }
    return (head_rows){lay_reals(l, heads, head_apart(rows, ld)), head_apart(rows, ld)};
}

void lay_fold(layer *l, const sage_model_shape *shape, bool backward, fold *f) {
    size_t d = shape->dim_model;
    f->kinds_at = is_concat(shape) ? text_kinds(shape) * shape->dim_embed : shape->dim_embed;
    for (size_t g = 0; g < token_groups(shape); g++) {
        f->group_at[g] = f->kinds_at;
        f->kinds_at += shape->groups[g].dim;
    }
    f->ld = f->raw = is_concat(shape) ? head_width(shape) : fold_raw(shape); /* concat's is read as it is */
    if (shape->lower > 0) f->ld = d;
    f->keys = shape->lower > 0 ? lay_reals(l, d, d) : NULL;
    f->pcat = lay_reals(l, d, f->raw);
    f->vcat = is_pooled(shape) ? f->pcat : lay_reals(l, shape->lower > 0 ? 0 : d, f->ld); /* or W_V itself */
    f->q = lay_reals(l, d, 1);
    f->g = lay_reals(l, shape->heads, d);
    f->u = lay_reals(l, shape->heads, f->ld);
    if (!backward) return;
    f->dq = lay_reals(l, d, 1);
    f->dg = lay_reals(l, shape->heads, d);
    f->du = lay_reals(l, shape->heads, f->ld);
    f->d_pcat = lay_reals(l, d, f->raw);
    f->d_vcat = is_pooled(shape) ? f->d_pcat : lay_reals(l, shape->lower > 0 ? 0 : d, f->ld);
}

void lay_encoder(layer *l, const sage_model_shape *shape, size_t ld, size_t n, size_t tokens, bool backward,
                 encoder_acts *e) {
    size_t d = is_pooled(shape) ? 0 : shape->dim_model;
    *e = (encoder_acts){.attention = lay_reals(l, tokens, shape->heads),
                        .mix = lay_heads(l, shape->heads, n, ld),
                        .hat1 = lay_reals(l, n, d),
                        .rstd1 = lay_reals(l, n, 1),
                        .ff.pre = lay_reals(l, n, shape->dim_ff),
                        .hat2 = lay_reals(l, n, d),
                        .rstd2 = lay_reals(l, n, 1),
                        .head.pre = lay_reals(l, n, head_hidden(shape)),
                        .inverse = lay_reals(l, n, 1),
                        .p = lay_reals(l, n, shape->dim_out)};
    if (!backward) return;
    e->d_heads = lay_reals(l, n, shape->dim_model);
    e->dp = lay_reals(l, n, shape->dim_out);
}

void lay_encoder_chunk(layer *l, const sage_model_shape *shape, size_t n, bool backward, encoder_acts *e) {
    size_t d = is_pooled(shape) ? 0 : shape->dim_model;
    e->heads = lay_reals(l, n, d);
    e->y = lay_reals(l, n, d);
    e->ff.act = lay_reals(l, n, shape->dim_ff);
    e->z = lay_reals(l, n, shape->dim_model);
    e->head.act = lay_reals(l, n, head_hidden(shape));
    e->d_sum1 = backward ? lay_reals(l, n, d) : NULL;
    e->d_sum2 = backward ? lay_reals(l, n, d) : NULL;
}

void lay_tower(layer *l, const sage_model_shape *shape, size_t n, bool backward, tower_acts *t) {
    *t = (tower_acts){.mlp.pre = lay_reals(l, n, shape->dim_head),
                      .inverse = lay_reals(l, n, 1),
                      .q = lay_reals(l, n, shape->dim_out),
                      .dq = backward ? lay_reals(l, n, shape->dim_out) : NULL};
}

void lay_tower_chunk(layer *l, const sage_model_shape *shape, size_t n, size_t width, tower_acts *t) {
    t->u = lay_reals(l, n, width);
    t->mlp.act = lay_reals(l, n, shape->dim_head);
}
