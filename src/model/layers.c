#include "user.h"
#include <math.h>
#include <string.h>

static mlp mlp_of(const sage_model *model, size_t in, size_t hidden, size_t out, mlp_skip skip,
                  const packed_mlp *weights, param_id b1, param_id b2) {
    return (mlp){in, hidden, out, skip, weights, par(model, b1), par(model, b2)};
}

mlp mlp_feed_forward(const sage_model *model, const packed_layers *layers) {
    const sage_model_shape *s = &model->shape;
    return mlp_of(model, s->dim_model, s->dim_ff, s->dim_model, SKIP_IDENTITY, &layers->ff, P_FF1_B, P_FF2_B);
}

mlp mlp_lower(const sage_model *model, const packed_layers *layers, size_t l) {
    const sage_model_shape *s = &model->shape;
    return mlp_of(model, s->dim_model, s->dim_ff, s->dim_model, SKIP_IDENTITY, &layers->lower[l].ff,
                  lower_param(l, U_FF1_B), lower_param(l, U_FF2_B));
}

mlp mlp_head(const sage_model *model, const packed_layers *layers) {
    const sage_model_shape *s = &model->shape;
    mlp_skip skip = s->plain_head ? SKIP_NONE : SKIP_MATRIX;
    size_t hidden = head_hidden(s);
    return mlp_of(model, head_width(s), hidden, s->dim_out, skip, &layers->head, hidden > 0 ? P_HEAD1_B : P_HEAD2_B,
                  P_HEAD2_B);
}

mlp mlp_tower(const sage_model *model, const packed_layers *layers, tower_id tower) {
    const sage_model_shape *s = &model->shape;
    const tower_params its = tower_params_of(tower);
    return mlp_of(model, tower_width(s, tower), s->dim_head, s->dim_out, SKIP_MATRIX, &layers->tower[tower], its.b1,
                  its.b2);
}

mlp mlp_user_head(const sage_model *model, const packed_layers *layers) {
    const sage_model_shape *s = &model->shape;
    return mlp_of(model, s->user_dim, s->dim_head, s->dim_out, SKIP_NONE, &layers->user.head, P_USER1_B, P_USER2_B);
}

mlp mlp_user_layer(const sage_model *model, const packed_layers *layers, size_t l) {
    const sage_model_shape *s = &model->shape;
    return mlp_of(model, s->user_dim, user_ff(s), s->user_dim, SKIP_NONE, &layers->user.layer[l].ff,
                  user_param(l, U_FF1_B), user_param(l, U_FF2_B));
}

void mlp_forward(const mlp *m, size_t n, const real *x, mlp_acts a, real *out) {
    const sage_ops *ops = sage_ops_best();
    if (m->hidden > 0) {
        sage_weights_forward(m->weights->w1, n, x, m->in, false, a.pre, m->hidden);
        ops->bias_gelu(n, m->hidden, m->b1, a.pre, a.act);
    }
    if (m->skip == SKIP_MATRIX) sage_weights_forward(m->weights->skip, n, x, m->in, false, out, m->out);
    if (m->skip == SKIP_IDENTITY) memcpy(out, x, n * m->out * sizeof(real));
    if (m->hidden > 0) sage_weights_forward(m->weights->w2, n, a.act, m->hidden, m->skip != SKIP_NONE, out, m->out);
    ops->add_row(n, m->out, m->b2, out);
}

void mlp_back(const mlp *m, size_t n, const real *d_out, mlp_acts a, real *scratch, real *dx, real *b1_grad,
              real *b2_grad) {
    const sage_ops *ops = sage_ops_best();
    ops->col_sum(n, m->out, 0, m->out, d_out, b2_grad);
    if (m->hidden > 0) {
        sage_weights_back(m->weights->w2, n, d_out, m->out, false, scratch, m->hidden);
        ops->gelu_back(n * m->hidden, scratch, a.pre);
        ops->col_sum(n, m->hidden, 0, m->hidden, a.pre, b1_grad);
    }
    if (dx == NULL) return;
    if (m->skip == SKIP_MATRIX) sage_weights_back(m->weights->skip, n, d_out, m->out, false, dx, m->in);
    if (m->skip == SKIP_IDENTITY) memcpy(dx, d_out, n * m->in * sizeof(real));
    if (m->hidden > 0) sage_weights_back(m->weights->w1, n, a.pre, m->hidden, m->skip != SKIP_NONE, dx, m->in);
}

void unit_rows(size_t n, size_t dim, real *x, real *inverse) {
    const sage_ops *ops = sage_ops_best();
    const real nothing = (real)1e-12;
    for (size_t i = 0; i < n; i++) {
        real *row = x + i * dim, length = (real)sqrt((double)ops->dot(dim, row, row));
        if (length > nothing) {
            inverse[i] = 1 / length;
            ops->scale(dim, inverse[i], row);
        } else {
            inverse[i] = 0;
            memset(row, 0, dim * sizeof(real));
            row[0] = 1;
        }
    }
}

void unit_back(size_t n, size_t dim, const real *unit, const real *inverse, real *d) {
    const sage_ops *ops = sage_ops_best();
    for (size_t i = 0; i < n; i++) {
        const real *row = unit + i * dim;
        real *di = d + i * dim;
        ops->axpy(dim, -ops->dot(dim, di, row), row, di);
        ops->scale(dim, inverse[i], di);
    }
}
