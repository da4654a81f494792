#include "parts.h"

static size_t place(size_t *at, size_t n) {
    size_t here = *at;
    *at += (n + 15) / 16 * 16;
    return here;
}

layer_part layer_part_at(size_t *at, size_t d, size_t f) {
    layer_part p;
    p.norm1_gain = place(at, d);
    p.norm1_bias = place(at, d);
    p.qkv = place(at, 3 * d);
    p.out = place(at, d);
    p.norm2_gain = place(at, d);
    p.norm2_bias = place(at, d);
    p.ff1 = place(at, f);
    p.ff2 = place(at, d);
    return p;
}

product_part product_part_of(const sage_model_shape *s, size_t ld) {
    product_part p;
    size_t at = 0;
    p.norm1_gain = place(&at, s->dim_model);
    p.norm1_bias = place(&at, s->dim_model);
    p.norm2_gain = place(&at, s->dim_model);
    p.norm2_bias = place(&at, s->dim_model);
    p.bv = place(&at, s->dim_model);
    p.bo = place(&at, s->dim_model);
    p.ff1 = place(&at, s->dim_ff);
    p.ff2 = place(&at, s->dim_model);
    p.head1 = place(&at, head_hidden(s));
    p.head2 = place(&at, s->dim_out);
    p.du = place(&at, s->lower > 0 ? 0 : s->heads * ld);
    p.score = place(&at, s->lower > 0 ? s->heads * kinds_of(s) : 0);
    p.bq = place(&at, s->lower > 0 ? s->dim_model : 0);
    for (size_t l = 0; l < s->lower; l++) {
        p.lower[l] = layer_part_at(&at, s->dim_model, s->dim_ff);
        p.lower_score[l] = place(&at, s->heads * kinds_of(s));
    }
    p.size = at;
    return p;
}

query_part query_part_of(const sage_model_shape *s) {
    query_part p;
    size_t at = 0;
    p.fc1 = place(&at, s->dim_head);
    p.fc2 = place(&at, s->dim_out);
    p.size = at;
    return p;
}
