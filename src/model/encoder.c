/* From tokens to product vectors, each worker with its share of the products from end to end:
 *   heads_h = Vcat_h mix_h + b_V,h     y = LN_1(c + W_O heads + b_O)     z = LN_2(y + FF(y))     p = unit(S z + MLP(z))
 * Data gradients run back the same way; then all weight gradients, each a product over the whole batch. */
#include "pass.h"
#include <string.h>

typedef struct encoder_job {
    const sage_model *model;
    sage_work *work;
    const sage_product_batch *batch;
} encoder_job;

static void heads_forward(const sage_model *model, sage_work *work, size_t begin, size_t end) {
    const sage_model_shape *s = &model->shape;
    size_t d = s->dim_model, per_head = d / s->heads, ld = work->fold.ld, row = s->heads * ld;
    real *heads = work->encoder.heads + begin * d;
    for (size_t h = 0; h < s->heads; h++)
        sage_gemm_old(NULL, false, true, end - begin, per_head, ld, 1, work->encoder.mix + begin * row + h * ld, row,
                  work->fold.vcat + h * per_head * ld, ld, 0, heads + h * per_head, d);
    sage_ops_best()->add_row(end - begin, d, par(model, P_BV), heads);
}

static void forward_rows(void *ctx, size_t begin, size_t end, size_t worker) {
    const encoder_job *job = ctx;
    const sage_model *model = job->model;
    const sage_ops *ops = sage_ops_best();
    encoder_acts *e = &job->work->encoder;
    size_t n = end - begin, d = model->shape.dim_model, at = begin * d;
    mlp ff = mlp_feed_forward(model), head = mlp_head(model);
    (void)worker;
    attend_rows(model, job->work, job->batch, begin, end);
    heads_forward(model, job->work, begin, end);
    sage_gemm_old(NULL, false, true, n, d, d, 1, e->heads + at, d, par(model, P_WO), d, 0, e->y + at, d);
    ops->add_row(n, d, par(model, P_BO), e->y + at);
    ops->add_row(n, d, par(model, P_CLS), e->y + at);
    ops->norm(n, d, e->y + at, par(model, P_NORM1_GAIN), par(model, P_NORM1_BIAS), e->hat1 + at, e->y + at,
              e->rstd1 + begin);
    mlp_forward_rows(&ff, begin, end, e->y, e->ff, e->z);
    ops->norm(n, d, e->z + at, par(model, P_NORM2_GAIN), par(model, P_NORM2_BIAS), e->hat2 + at, e->z + at,
              e->rstd2 + begin);
    mlp_forward_rows(&head, begin, end, e->z, e->head, e->p);
    unit_rows(begin, end, model->shape.dim_out, e->p, e->inverse);
}

void encoder_forward(const sage_model *model, sage_work *work, const sage_product_batch *batch) {
    const size_t grain = 8;
    encoder_job job = {model, work, batch};
    sage_pool_for(work->pool, work->sizes.products, grain, forward_rows, &job);
}

static void heads_backward(const sage_model *model, sage_work *work, size_t begin, size_t end) {
    const sage_model_shape *s = &model->shape;
    size_t d = s->dim_model, per_head = d / s->heads, ld = work->fold.ld, row = s->heads * ld;
    for (size_t h = 0; h < s->heads; h++)
        sage_gemm_old(NULL, false, false, end - begin, ld, per_head, 1, work->encoder.d_heads + begin * d + h * per_head, d,
                  work->fold.vcat + h * per_head * ld, ld, 0, work->encoder.d_mix + begin * row + h * ld, row);
}

static void backward_rows(void *ctx, size_t begin, size_t end, size_t worker) {
    const encoder_job *job = ctx;
    const sage_model *model = job->model;
    const sage_ops *ops = sage_ops_best();
    encoder_acts *e = &job->work->encoder;
    size_t n = end - begin, d = model->shape.dim_model, at = begin * d;
    mlp ff = mlp_feed_forward(model), head = mlp_head(model);
    unit_back_rows(begin, end, model->shape.dim_out, e->p, e->inverse, e->dp);
    mlp_backward_rows(&head, begin, end, e->dp, e->head, e->d_z);
    ops->norm_back(n, d, e->d_z + at, e->hat2 + at, e->rstd2 + begin, par(model, P_NORM2_GAIN), e->d_sum2 + at);
    mlp_backward_rows(&ff, begin, end, e->d_sum2, e->ff, e->d_y);
    ops->norm_back(n, d, e->d_y + at, e->hat1 + at, e->rstd1 + begin, par(model, P_NORM1_GAIN), e->d_sum1 + at);
    sage_gemm_old(NULL, false, false, n, d, d, 1, e->d_sum1 + at, d, par(model, P_WO), d, 0, e->d_heads + at, d);
    heads_backward(model, job->work, begin, end);
    attend_back_rows(model, job->work, job->batch, begin, end, worker);
}

/* Each head's product is narrow: whole heads go to the workers, since cut ones would starve the BLAS's inner kernel. */
static void vcat_grad_heads(void *ctx, size_t begin, size_t end, size_t worker) {
    const encoder_job *job = ctx;
    const sage_model_shape *s = &job->model->shape;
    const encoder_acts *e = &job->work->encoder;
    size_t d = s->dim_model, per_head = d / s->heads, ld = job->work->fold.ld, row = s->heads * ld;
    (void)worker;
    for (size_t h = begin; h < end; h++)
        sage_gemm_old(NULL, true, false, per_head, ld, job->work->sizes.products, 1, e->d_heads + h * per_head, d,
                  e->mix + h * ld, row, 0, job->work->fold.d_vcat + h * per_head * ld, ld);
}

static mlp_grads grads_at(const sage_model *model, real *dense, param_id w1, param_id b1, param_id w2, param_id b2,
                          real *skip) {
    return (mlp_grads){par_in(model, dense, w1), par_in(model, dense, b1), par_in(model, dense, w2),
                       par_in(model, dense, b2), skip};
}

void encoder_backward(const sage_model *model, sage_work *work, const sage_product_batch *batch, real *dense) {
    const size_t grain = 8;
    encoder_job job = {model, work, batch};
    encoder_acts *e = &work->encoder;
    sage_pool *pool = work->pool;
    size_t n = work->sizes.products, d = model->shape.dim_model;
    mlp ff = mlp_feed_forward(model), head = mlp_head(model);
    memset(work->fold.du, 0, work->threads * model->shape.heads * work->fold.ld * sizeof(real));
    sage_pool_for(pool, n, grain, backward_rows, &job);
    mlp_weight_grads(
        pool, &head, n, e->z, e->dp, e->head,
        grads_at(model, dense, P_HEAD1_W, P_HEAD1_B, P_HEAD2_W, P_HEAD2_B, par_in(model, dense, P_HEAD_SKIP)));
    norm_grads(pool, n, d, e->d_z, e->hat2, par_in(model, dense, P_NORM2_GAIN), par_in(model, dense, P_NORM2_BIAS));
    mlp_weight_grads(pool, &ff, n, e->y, e->d_sum2, e->ff,
                     grads_at(model, dense, P_FF1_W, P_FF1_B, P_FF2_W, P_FF2_B, NULL));
    norm_grads(pool, n, d, e->d_y, e->hat1, par_in(model, dense, P_NORM1_GAIN), par_in(model, dense, P_NORM1_BIAS));
    weight_grad(pool, n, d, d, e->d_sum1, e->heads, par_in(model, dense, P_WO));
    bias_grad(pool, n, d, e->d_sum1, par_in(model, dense, P_BO));
    /* c stands beside b_O in the residual sum: it begins with the same gradient, and the fold adds what it gets as a
     * token and a query. */
    memcpy(par_in(model, dense, P_CLS), par_in(model, dense, P_BO), d * sizeof(real));
    bias_grad(pool, n, d, e->d_heads, par_in(model, dense, P_BV));
    sage_pool_for(pool, model->shape.heads, 1, vcat_grad_heads, &job);
    fold_backward(model, work, dense);
}
