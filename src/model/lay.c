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

void lay_fold(layer *l, const sage_model_shape *shape, bool backward, fold *f) {
    size_t d = shape->dim_model;
    f->kinds_at = shape->dim_embed + shape->dim_image;
    f->ld = (f->kinds_at + KINDS + 15) / 16 * 16;
    f->pcat = lay_reals(l, d, f->ld);
    f->vcat = lay_reals(l, d, f->ld);
    f->q = lay_reals(l, d, 1);
    f->g = lay_reals(l, shape->heads, d);
    f->u = lay_reals(l, shape->heads, f->ld);
    if (!backward) return;
    f->dq = lay_reals(l, d, 1);
    f->dg = lay_reals(l, shape->heads, d);
    f->du = lay_reals(l, shape->heads, f->ld);
    f->d_pcat = lay_reals(l, d, f->ld);
    f->d_vcat = lay_reals(l, d, f->ld);
}

static void lay_mlp(layer *l, size_t n, size_t hidden, mlp_acts *a) {
    a->pre = lay_reals(l, n, hidden);
    a->act = lay_reals(l, n, hidden);
}

void lay_encoder(layer *l, const sage_model_shape *shape, size_t ld, size_t n, size_t tokens, bool backward,
                 encoder_acts *e) {
    size_t d = shape->dim_model;
    *e = (encoder_acts){.attention = lay_reals(l, tokens, shape->heads),
                        .mix = lay_reals(l, n * shape->heads, ld),
                        .heads = lay_reals(l, n, d),
                        .hat1 = lay_reals(l, n, d),
                        .rstd1 = lay_reals(l, n, 1),
                        .y = lay_reals(l, n, d)};
    lay_mlp(l, n, shape->dim_ff, &e->ff);
    e->hat2 = lay_reals(l, n, d);
    e->rstd2 = lay_reals(l, n, 1);
    e->z = lay_reals(l, n, d);
    lay_mlp(l, n, shape->dim_head, &e->head);
    e->inverse = lay_reals(l, n, 1);
    e->p = lay_reals(l, n, shape->dim_out);
    if (!backward) return;
    e->d_heads = lay_reals(l, n, d);
    e->d_sum1 = lay_reals(l, n, d);
    e->d_sum2 = lay_reals(l, n, d);
    e->dp = lay_reals(l, n, shape->dim_out);
}

void lay_tower(layer *l, const sage_model_shape *shape, size_t n, bool backward, tower_acts *t) {
    t->u = lay_reals(l, n, shape->dim_embed);
    lay_mlp(l, n, shape->dim_head, &t->mlp);
    t->inverse = lay_reals(l, n, 1);
    t->q = lay_reals(l, n, shape->dim_out);
    t->dq = backward ? lay_reals(l, n, shape->dim_out) : NULL;
}
