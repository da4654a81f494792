#include "layers.h"
#include <math.h>
#include <string.h>

mlp mlp_feed_forward(const sage_model *model) {
    const sage_model_shape *s = &model->shape;
    return (mlp){s->dim_model,        s->dim_ff,           s->dim_model,        par(model, P_FF1_W),
                 par(model, P_FF1_B), par(model, P_FF2_W), par(model, P_FF2_B), NULL};
}

mlp mlp_head(const sage_model *model) {
    const sage_model_shape *s = &model->shape;
    return (mlp){s->dim_model,
                 s->dim_head,
                 s->dim_out,
                 par(model, P_HEAD1_W),
                 par(model, P_HEAD1_B),
                 par(model, P_HEAD2_W),
                 par(model, P_HEAD2_B),
                 par(model, P_HEAD_SKIP)};
}

mlp mlp_search(const sage_model *model) {
    const sage_model_shape *s = &model->shape;
    return (mlp){s->dim_embed,
                 s->dim_head,
                 s->dim_out,
                 par(model, P_SEARCH1_W),
                 par(model, P_SEARCH1_B),
                 par(model, P_SEARCH2_W),
                 par(model, P_SEARCH2_B),
                 par(model, P_SEARCH_SKIP)};
}

void mlp_forward_rows(const mlp *m, size_t begin, size_t end, const real *x, mlp_acts a, real *out) {
    size_t n = end - begin;
    const sage_ops *ops = sage_ops_best();
    x += begin * m->in;
    out += begin * m->out;
    real *pre = a.pre + begin * m->hidden, *act = a.act + begin * m->hidden;
    sage_gemm_old(NULL, false, true, n, m->hidden, m->in, 1, x, m->in, m->w1, m->in, 0, pre, m->hidden);
    ops->bias_gelu(n, m->hidden, m->b1, pre, act);
    if (m->skip != NULL)
        sage_gemm_old(NULL, false, true, n, m->out, m->in, 1, x, m->in, m->skip, m->in, 0, out, m->out);
    else
        memcpy(out, x, n * m->out * sizeof(real));
    sage_gemm_old(NULL, false, true, n, m->out, m->hidden, 1, act, m->hidden, m->w2, m->hidden, 1, out, m->out);
    ops->add_row(n, m->out, m->b2, out);
}

void mlp_backward_rows(const mlp *m, size_t begin, size_t end, const real *d_out, mlp_acts a, real *dx) {
    size_t n = end - begin;
    d_out += begin * m->out;
    dx += begin * m->in;
    real *pre = a.pre + begin * m->hidden, *d_act = a.d_act + begin * m->hidden;
    sage_gemm_old(NULL, false, false, n, m->hidden, m->out, 1, d_out, m->out, m->w2, m->hidden, 0, d_act, m->hidden);
    sage_ops_best()->gelu_back(n * m->hidden, pre, d_act);
    if (m->skip != NULL)
        sage_gemm_old(NULL, false, false, n, m->in, m->out, 1, d_out, m->out, m->skip, m->in, 0, dx, m->in);
    else
        memcpy(dx, d_out, n * m->in * sizeof(real));
    sage_gemm_old(NULL, false, false, n, m->in, m->hidden, 1, d_act, m->hidden, m->w1, m->in, 1, dx, m->in);
}

void mlp_weight_grads(sage_pool *pool, const mlp *m, size_t n, const real *x, const real *d_out, mlp_acts a,
                      mlp_grads g) {
    weight_grad(pool, n, m->hidden, m->in, a.d_act, x, g.w1);
    bias_grad(pool, n, m->hidden, a.d_act, g.b1);
    weight_grad(pool, n, m->out, m->hidden, d_out, a.act, g.w2);
    bias_grad(pool, n, m->out, d_out, g.b2);
    if (m->skip != NULL) weight_grad(pool, n, m->out, m->in, d_out, x, g.skip);
}

void weight_grad(sage_pool *pool, size_t n, size_t out, size_t in, const real *dy, const real *x, real *grad) {
    sage_gemm_old(pool, true, false, out, in, n, 1, dy, out, x, in, 0, grad, in);
}

typedef struct column_job {
    size_t n, dim;
    const real *dy, *hat;
    real *gain, *bias;
} column_job;

/* Cutting by columns keeps each sum in one order, whatever the number of workers. */
enum { COLUMN_GRAIN = 16 };

static void bias_grad_columns(void *ctx, size_t begin, size_t end, size_t worker) {
    const column_job *job = ctx;
    (void)worker;
    sage_ops_best()->col_sum(job->n, job->dim, begin, end, job->dy, job->bias);
}

void bias_grad(sage_pool *pool, size_t n, size_t dim, const real *dy, real *grad) {
    column_job job = {.n = n, .dim = dim, .dy = dy, .bias = grad};
    sage_pool_for(pool, dim, COLUMN_GRAIN, bias_grad_columns, &job);
}

static void norm_grad_columns(void *ctx, size_t begin, size_t end, size_t worker) {
    const column_job *job = ctx;
    (void)worker;
    sage_ops_best()->norm_grad(job->n, job->dim, begin, end, job->dy, job->hat, job->gain, job->bias);
}

void norm_grads(sage_pool *pool, size_t n, size_t dim, const real *dy, const real *hat, real *gain, real *bias) {
    column_job job = {n, dim, dy, hat, gain, bias};
    sage_pool_for(pool, dim, COLUMN_GRAIN, norm_grad_columns, &job);
}

void unit_rows(size_t begin, size_t end, size_t dim, real *x, real *inverse) {
    const sage_ops *ops = sage_ops_best();
    const real nothing = (real)1e-12;
    for (size_t i = begin; i < end; i++) {
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

void unit_back_rows(size_t begin, size_t end, size_t dim, const real *unit, const real *inverse, real *d) {
    const sage_ops *ops = sage_ops_best();
    for (size_t i = begin; i < end; i++) {
        const real *row = unit + i * dim;
        real *di = d + i * dim;
        ops->axpy(dim, -ops->dot(dim, di, row), row, di);
        ops->scale(dim, inverse[i], di);
    }
}
