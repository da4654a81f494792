/* The encoder folded once a pass, for its CLS output alone (depth 1, post-norm, CLS input a learned constant c).
 *
 * A token is x_j = Pcat t_j, where t_j = (e_j or 0 | a group's v_j or 0, group by group | one-hot kind) and Pcat = [P |
 * P_0 | P_1 .. | b_0 .. b_11, the own token's bias, the groups', c]. Then q_h  = W_Q,h c + b_Q,h g_h = W_K,h^T q_h /
 * sqrt(D/H)          u_h = Pcat^T g_h
 * (+ s[h] on the kinds' columns) score_hj = u_h . t_j                        b_K adds the same to all scores of a head:
 * softmax does not see it head_h   = W_V,h sum_j a_hj x_j + b_V,h = (W_V,h Pcat) (sum_j a_hj t_j) + b_V,h    Vcat = W_V
 * Pcat so a token costs two passes over t_j a head, and no key, query or value of it is formed.
 *
 * Backward, from dVcat and du_h (summed over the batch):
 *   dW_V = dVcat Pcat^T      dPcat = W_V^T dVcat + sum_h g_h du_h^T      dg_h = Pcat du_h      ds[h] = du_h's kinds'
 * columns dq_h = W_K,h dg_h / sqrt(D/H)      dW_K,h = q_h dg_h^T / sqrt(D/H)      dW_Q,h = dq_h c^T      db_Q = dq dc
 * += W_Q^T dq
 *
 * A sum (encoder = sum, sum_mlp) has one head whose u is the score biases alone, and Pcat in place of Vcat. */
#include "pass.h"
#include <math.h>
#include <string.h>

static void assemble(const sage_model *model, fold *f) {
    const sage_model_shape *s = &model->shape;
    const real *field = par(model, P_FIELD_BIAS), *cls = par(model, P_CLS);
    for (size_t d = 0; d < s->dim_model; d++) {
        real *row = f->pcat + d * f->raw, *kinds = row + f->kinds_at;
        memset(row, 0, f->raw * sizeof(real));
        memcpy(row, par(model, P_TEXT_PROJ) + d * s->dim_embed, s->dim_embed * sizeof(real));
        for (size_t g = 0; g < token_groups(s); g++) {
            size_t dim = s->groups[g].dim;
            memcpy(row + f->group_at[g], par(model, group_proj(g)) + d * dim, dim * sizeof(real));
            kinds[kind_of_group(s, g)] = par(model, group_bias(g))[d];
        }
        for (size_t k = 0; k < SAGE_FIELDS; k++) kinds[k] = field[k * s->dim_model + d];
        if (s->tokens > 0) kinds[SAGE_FIELD_TOKEN] = par(model, P_TOKEN_BIAS)[d];
        kinds[kind_of_cls(s)] = cls[d];
    }
}

/* Rows of D that are computed at a time, whoever does it: a library's sums may depend on how many there are. */
enum { FOLD_ROWS = 128 };

typedef struct fold_job {
    const sage_model *model;
    fold *f;
    real *dense; /* of the backward pass */
} fold_job;

static size_t rows_end(size_t begin, size_t end) {
    return end - begin < FOLD_ROWS ? end : begin + FOLD_ROWS;
}

static void vcat_rows(void *ctx, size_t begin, size_t end, size_t worker) {
    const fold_job *job = ctx;
    size_t d = job->model->shape.dim_model, ld = job->f->ld;
    (void)worker;
    for (size_t at = begin; at < end; at = rows_end(at, end))
        sage_gemm(SAGE_PRECISION_F32, false, false, rows_end(at, end) - at, ld, d, par(job->model, P_WV) + at * d, d,
                  job->f->pcat, ld, false, job->f->vcat + at * ld, ld);
}

/* With layers below the last one g is each product's own. */
static void turn_keys(const sage_model *model, fold *f) {
    size_t d = model->shape.dim_model, per_head = d / model->shape.heads;
    for (size_t i = 0; i < d; i++) {
        const real *row = par(model, P_WK) + i * d;
        real *keys = f->keys + i / per_head * d * per_head + i % per_head;
        for (size_t c = 0; c < d; c++) keys[c * per_head] = row[c];
    }
}

void fold_forward(const sage_model *model, sage_pool *pool, fold *f) {
    const sage_model_shape *s = &model->shape;
    const sage_ops *ops = sage_ops_best();
    size_t d = s->dim_model, per_head = d / s->heads;
    real scale = (real)(1 / sqrt((double)per_head));
    fold_job job = {model, f, NULL};
    if (is_concat(s)) return;
    assemble(model, f);
    if (s->lower > 0) {
        f->vcat = par(model, P_WV);
        turn_keys(model, f);
        return;
    }
    if (is_pooled(s)) {
        memset(f->u, 0, f->ld * sizeof(real));
        memcpy(f->u + f->kinds_at, par(model, P_SCORE_BIAS), kinds_of(s) * sizeof(real));
        return;
    }
    for (size_t i = 0; i < d; i++)
        f->q[i] = par(model, P_BQ)[i] + ops->dot(d, par(model, P_WQ) + i * d, par(model, P_CLS));
    memset(f->g, 0, s->heads * d * sizeof(real));
    for (size_t i = 0; i < d; i++) ops->axpy(d, scale * f->q[i], par(model, P_WK) + i * d, f->g + i / per_head * d);
    sage_gemm(SAGE_PRECISION_F32, false, false, s->heads, f->ld, d, f->g, d, f->pcat, f->ld, false, f->u, f->ld);
    size_t kinds = kinds_of(s);
    for (size_t h = 0; h < s->heads; h++)
        for (size_t k = 0; k < kinds; k++) f->u[h * f->ld + f->kinds_at + k] += par(model, P_SCORE_BIAS)[h * kinds + k];
    sage_pool_for_dynamic(pool, d, FOLD_ROWS, vcat_rows, &job);
}

static void take_apart(const sage_model *model, const fold *f, real *dense) {
    const sage_model_shape *s = &model->shape;
    for (size_t d = 0; d < s->dim_model; d++) {
        const real *row = f->d_pcat + d * f->raw, *kinds = row + f->kinds_at;
        memcpy(par_in(model, dense, P_TEXT_PROJ) + d * s->dim_embed, row, s->dim_embed * sizeof(real));
        for (size_t g = 0; g < token_groups(s); g++) {
            size_t dim = s->groups[g].dim;
            memcpy(par_in(model, dense, group_proj(g)) + d * dim, row + f->group_at[g], dim * sizeof(real));
            par_in(model, dense, group_bias(g))[d] = kinds[kind_of_group(s, g)];
        }
        for (size_t k = 0; k < SAGE_FIELDS; k++) par_in(model, dense, P_FIELD_BIAS)[k * s->dim_model + d] = kinds[k];
        if (s->tokens > 0) par_in(model, dense, P_TOKEN_BIAS)[d] = kinds[SAGE_FIELD_TOKEN];
        par_in(model, dense, P_CLS)[d] += kinds[kind_of_cls(s)];
    }
}

/* Rows [begin, end) of dW_V and of dPcat, at most FOLD_ROWS. */
static void rows_back(const fold_job *job, size_t begin, size_t end) {
    const sage_model *model = job->model;
    fold *f = job->f;
    size_t d = model->shape.dim_model, ld = f->ld, n = end - begin;
    sage_gemm(SAGE_PRECISION_F32, false, true, n, d, ld, f->d_vcat + begin * ld, ld, f->pcat, ld, false,
              par_in(model, job->dense, P_WV) + begin * d, d);
    sage_gemm(SAGE_PRECISION_F32, true, false, n, ld, d, par(model, P_WV) + begin, d, f->d_vcat, ld, false,
              f->d_pcat + begin * ld, ld);
    sage_gemm(SAGE_PRECISION_F32, true, false, n, ld, model->shape.heads, f->g + begin, d, f->du, ld, true,
              f->d_pcat + begin * ld, ld);
}

static void back_rows(void *ctx, size_t begin, size_t end, size_t worker) {
    (void)worker;
    for (size_t at = begin; at < end; at = rows_end(at, end)) rows_back(ctx, at, rows_end(at, end));
}

/* dW = dy x^T for vectors dy [out], x [in]. */
static void outer(size_t out, size_t in, real scale, const real *dy, const real *x, real *dw) {
    for (size_t i = 0; i < out; i++)
        for (size_t j = 0; j < in; j++) dw[i * in + j] = scale * dy[i] * x[j];
}

void fold_backward(const sage_model *model, sage_work *work, real *dense) {
    const sage_model_shape *s = &model->shape;
    const sage_ops *ops = sage_ops_best();
    fold *f = &work->fold;
    size_t d = s->dim_model, heads = s->heads, per_head = d / heads, kinds = kinds_of(s);
    real scale = (real)(1 / sqrt((double)per_head));
    fold_job job = {model, f, dense};
    if (is_concat(s)) return;
    if (s->lower > 0) { /* the rest is the weights' gradients */
        take_apart(model, f, dense);
        return;
    }
    for (size_t h = 0; h < heads; h++)
        memcpy(par_in(model, dense, P_SCORE_BIAS) + h * kinds, f->du + h * f->ld + f->kinds_at, kinds * sizeof(real));
    if (is_pooled(s)) { /* d_pcat is there: it is the values' gradient */
        take_apart(model, f, dense);
        return;
    }
    sage_pool_for_dynamic(work->pool, d, FOLD_ROWS, back_rows, &job);
    sage_gemm(SAGE_PRECISION_F32, false, true, heads, d, f->ld, f->du, f->ld, f->pcat, f->ld, false, f->dg, d);
    for (size_t i = 0; i < d; i++) f->dq[i] = scale * ops->dot(d, par(model, P_WK) + i * d, f->dg + i / per_head * d);
    for (size_t h = 0; h < heads; h++)
        outer(per_head, d, scale, f->q + h * per_head, f->dg + h * d, par_in(model, dense, P_WK) + h * per_head * d);
    memcpy(par_in(model, dense, P_BQ), f->dq, d * sizeof(real));
    outer(d, d, 1, f->dq, par(model, P_CLS), par_in(model, dense, P_WQ));
    for (size_t i = 0; i < d; i++) ops->axpy(d, f->dq[i], par(model, P_WQ) + i * d, par_in(model, dense, P_CLS));
    take_apart(model, f, dense);
}
