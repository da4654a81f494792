/* The encoder folded once a pass, for its CLS output alone (depth 1, post-norm, CLS input a learned constant c).
 *
 * A token is x_j = Pcat t_j, where t_j = (e_j or 0 | v_j or 0 | one-hot kind) and Pcat = [P | P_img | b_0 .. b_11,
 * b_img, c]. Then q_h  = W_Q,h c + b_Q,h                      g_h = W_K,h^T q_h / sqrt(D/H)          u_h = Pcat^T g_h
 * (+ s[h] on the kinds' columns) score_hj = u_h . t_j                        b_K adds the same to all scores of a head:
 * softmax does not see it head_h   = W_V,h sum_j a_hj x_j + b_V,h = (W_V,h Pcat) (sum_j a_hj t_j) + b_V,h    Vcat = W_V
 * Pcat so a token costs two passes over t_j a head, and no key, query or value of it is formed.
 *
 * Backward, from dVcat and du_h (summed over the batch):
 *   dW_V = dVcat Pcat^T      dPcat = W_V^T dVcat + sum_h g_h du_h^T      dg_h = Pcat du_h      ds[h] = du_h's kinds'
 * columns dq_h = W_K,h dg_h / sqrt(D/H)      dW_K,h = q_h dg_h^T / sqrt(D/H)      dW_Q,h = dq_h c^T      db_Q = dq dc
 * += W_Q^T dq */
#include "pass.h"
#include <math.h>
#include <string.h>

static bool has_images(const sage_model *model) {
    return model->shape.dim_image > 0;
}

static void assemble(const sage_model *model, fold *f) {
    const sage_model_shape *s = &model->shape;
    const real *field = par(model, P_FIELD_BIAS), *cls = par(model, P_CLS);
    for (size_t d = 0; d < s->dim_model; d++) {
        real *row = f->pcat + d * f->ld, *kinds = row + f->kinds_at;
        memset(row, 0, f->ld * sizeof(real));
        memcpy(row, par(model, P_TEXT_PROJ) + d * s->dim_embed, s->dim_embed * sizeof(real));
        if (has_images(model)) {
            memcpy(row + s->dim_embed, par(model, P_IMAGE_PROJ) + d * s->dim_image, s->dim_image * sizeof(real));
            kinds[KIND_IMAGE] = par(model, P_IMAGE_BIAS)[d];
        }
        for (size_t k = 0; k < SAGE_FIELDS; k++) kinds[k] = field[k * s->dim_model + d];
        kinds[KIND_CLS] = cls[d];
    }
}

void fold_forward(const sage_model *model, sage_work *work) {
    const sage_model_shape *s = &model->shape;
    fold *f = &work->fold;
    size_t d = s->dim_model, per_head = d / s->heads;
    real scale = (real)(1 / sqrt((double)per_head));
    assemble(model, f);
    memcpy(f->q, par(model, P_BQ), d * sizeof(real));
    sage_gemm_old(NULL, false, false, d, 1, d, 1, par(model, P_WQ), d, par(model, P_CLS), 1, 1, f->q, 1);
    for (size_t h = 0; h < s->heads; h++)
        sage_gemm_old(NULL, false, false, 1, d, per_head, scale, f->q + h * per_head, per_head,
                  par(model, P_WK) + h * per_head * d, d, 0, f->g + h * d, d);
    sage_gemm_old(NULL, false, false, s->heads, f->ld, d, 1, f->g, d, f->pcat, f->ld, 0, f->u, f->ld);
    for (size_t h = 0; h < s->heads; h++)
        for (size_t k = 0; k < KINDS; k++) f->u[h * f->ld + f->kinds_at + k] += par(model, P_SCORE_BIAS)[h * KINDS + k];
    sage_gemm_old(work->pool, false, false, d, f->ld, d, 1, par(model, P_WV), d, f->pcat, f->ld, 0, f->vcat, f->ld);
}

static void take_apart(const sage_model *model, const fold *f, real *dense) {
    const sage_model_shape *s = &model->shape;
    for (size_t d = 0; d < s->dim_model; d++) {
        const real *row = f->d_pcat + d * f->ld, *kinds = row + f->kinds_at;
        memcpy(par_in(model, dense, P_TEXT_PROJ) + d * s->dim_embed, row, s->dim_embed * sizeof(real));
        if (has_images(model)) {
            memcpy(par_in(model, dense, P_IMAGE_PROJ) + d * s->dim_image, row + s->dim_embed,
                   s->dim_image * sizeof(real));
            par_in(model, dense, P_IMAGE_BIAS)[d] = kinds[KIND_IMAGE];
        }
        for (size_t k = 0; k < SAGE_FIELDS; k++) par_in(model, dense, P_FIELD_BIAS)[k * s->dim_model + d] = kinds[k];
        par_in(model, dense, P_CLS)[d] += kinds[KIND_CLS];
    }
}

/* Workers' sums of du, in worker order, into the first. */
static void sum_workers(const sage_model *model, sage_work *work) {
    size_t n = model->shape.heads * work->fold.ld;
    for (size_t w = 1; w < work->threads; w++) sage_ops_best()->axpy(n, 1, work->fold.du + w * n, work->fold.du);
}

void fold_backward(const sage_model *model, sage_work *work, real *dense) {
    const sage_model_shape *s = &model->shape;
    fold *f = &work->fold;
    size_t d = s->dim_model, heads = s->heads, per_head = d / heads;
    real scale = (real)(1 / sqrt((double)per_head));
    sum_workers(model, work);
    for (size_t h = 0; h < heads; h++)
        memcpy(par_in(model, dense, P_SCORE_BIAS) + h * KINDS, f->du + h * f->ld + f->kinds_at, KINDS * sizeof(real));
    sage_gemm_old(work->pool, false, true, d, d, f->ld, 1, f->d_vcat, f->ld, f->pcat, f->ld, 0, par_in(model, dense, P_WV),
              d);
    sage_gemm_old(work->pool, true, false, d, f->ld, d, 1, par(model, P_WV), d, f->d_vcat, f->ld, 0, f->d_pcat, f->ld);
    sage_gemm_old(NULL, true, false, d, f->ld, heads, 1, f->g, d, f->du, f->ld, 1, f->d_pcat, f->ld);
    sage_gemm_old(NULL, false, true, heads, d, f->ld, 1, f->du, f->ld, f->pcat, f->ld, 0, f->dg, d);
    for (size_t h = 0; h < heads; h++) {
        const real *wk = par(model, P_WK) + h * per_head * d;
        real *wk_grad = par_in(model, dense, P_WK) + h * per_head * d;
        sage_gemm_old(NULL, false, false, per_head, 1, d, scale, wk, d, f->dg + h * d, 1, 0, f->dq + h * per_head, 1);
        sage_gemm_old(NULL, false, false, per_head, d, 1, scale, f->q + h * per_head, 1, f->dg + h * d, d, 0, wk_grad, d);
    }
    memcpy(par_in(model, dense, P_BQ), f->dq, d * sizeof(real));
    sage_gemm_old(NULL, false, false, d, d, 1, 1, f->dq, 1, par(model, P_CLS), d, 0, par_in(model, dense, P_WQ), d);
    sage_gemm_old(NULL, true, false, d, 1, d, 1, par(model, P_WQ), d, f->dq, 1, 1, par_in(model, dense, P_CLS), 1);
    take_apart(model, f, dense);
}
