/* Gradients of the users' tower from what its chunks kept and summed. A weight's, dW = dy^T x, is cut into pieces of
 * some of its rows, taken by whoever is free; the sum over rows of the batch goes a block of chunks after the other, so
 * that a library sees the same few sizes however many there are. */
#include "pass.h"
#include "user.h"
#include <base/profile.h>
#include <string.h>

enum { PIECE_ROWS = 64, BLOCK = 4 /* chunks */, WEIGHTS_MAX = 4 * SAGE_USER_LAYERS_MAX + 4 };

/* The inputs of a layer's first products are norms, of which hat is kept: dW = dy^T (gain hat + bias) = (dy^T hat) gain
 * + (sum of dy) bias, by columns. */
typedef struct weight {
    size_t out, in, rows; /* rows: of a chunk */
    const real *dy, *x;
    real *grad;
    const real *gain, *bias, *sum_dy; /* NULL: x is what the product took */
} weight;

typedef struct gradient_job {
    const sage_work *work;
    size_t n;
    weight weights[WEIGHTS_MAX];
} gradient_job;

static void run_piece(const gradient_job *job, const weight *w, size_t begin) {
    static sage_stage stage = SAGE_STAGE("users' weight gradients");
    size_t chunks = job->work->users->chunks, m = w->out - begin < PIECE_ROWS ? w->out - begin : PIECE_ROWS;
    real *grad = w->grad + begin * w->in;
    uint64_t began = sage_stage_begin();
    for (size_t c = 0, n; c < chunks; c += n) {
        n = chunks - c < BLOCK ? 1 : BLOCK;
        sage_gemm(job->work->precision, true, false, m, w->in, n * w->rows, w->dy + c * w->rows * w->out + begin,
                  w->out, w->x + c * w->rows * w->in, w->in, c > 0, grad, w->in);
    }
    for (size_t i = 0; i < m && w->gain != NULL; i++)
        for (size_t k = 0; k < w->in; k++)
            grad[i * w->in + k] = w->gain[k] * grad[i * w->in + k] + w->sum_dy[begin + i] * w->bias[k];
    sage_stage_end(&stage, began, 0, 2 * (uint64_t)m * w->in * chunks * w->rows);
}

static size_t pieces_of(const weight *w) {
    return (w->out + PIECE_ROWS - 1) / PIECE_ROWS;
}

static void run_pieces(void *ctx, size_t begin, size_t end, size_t worker) {
    const gradient_job *job = ctx;
    (void)worker;
    for (size_t task = begin; task < end; task++) {
        size_t piece = task;
        const weight *w = job->weights;
        for (; piece >= pieces_of(w); w++) piece -= pieces_of(w);
        run_piece(job, w, piece * PIECE_ROWS);
    }
}

static void list_layer(gradient_job *job, const sage_model *model, real *dense, size_t l) {
    const sage_model_shape *s = &model->shape;
    const struct user_work *users = job->work->users;
    const user_layer_acts *a = &users->acts.layer[l];
    const layer_part at = user_part_of(s).layer[l];
    size_t rows = user_chunk_rows(s), d = s->user_dim, f = user_ff(s);
#define GRAD(p) par_in(model, dense, user_param(l, p))
#define NORM(p) par(model, user_param(l, p))
    const weight of[4] = {
        {3 * d, d, rows, a->qkv, a->hat1, GRAD(U_QKV), NORM(U_NORM1_GAIN), NORM(U_NORM1_BIAS), users->sum + at.qkv},
        {d, d, rows, a->d_heads_out, a->heads, GRAD(U_OUT), NULL, NULL, NULL},
        {f, d, rows, a->ff.pre, a->hat2, GRAD(U_FF1_W), NORM(U_NORM2_GAIN), NORM(U_NORM2_BIAS), users->sum + at.ff1},
        {d, f, rows, a->d_ff_out, a->ff.act, GRAD(U_FF2_W), NULL, NULL, NULL}};
#undef GRAD
#undef NORM
    memcpy(job->weights + job->n, of, sizeof of);
    job->n += 4;
}

static void list_ends(gradient_job *job, const sage_model *model, real *dense) {
    const sage_model_shape *s = &model->shape;
    const user_acts *a = &job->work->users->acts;
    size_t d = s->user_dim, o = s->dim_out, m = s->dim_head, rows = user_chunk_rows(s);
    const weight of[4] = {{d, o, rows, a->d_x, a->v, par_in(model, dense, P_USER_IN_W), NULL, NULL, NULL},
                          {o, o, USER_ROWS, a->dq, a->mean, par_in(model, dense, P_USER_SKIP), NULL, NULL, NULL},
                          {m, d, USER_ROWS, a->mlp.pre, a->z, par_in(model, dense, P_USER1_W), NULL, NULL, NULL},
                          {o, m, USER_ROWS, a->dq, a->mlp.act, par_in(model, dense, P_USER2_W), NULL, NULL, NULL}};
    memcpy(job->weights + job->n, of, sizeof of);
    job->n += 4;
}

/* ---- what the chunks summed ---- */

static void take(const sage_model *model, real *dense, param_id param, const real *from, size_t n) {
    memcpy(par_in(model, dense, param), from, n * sizeof(real));
}

static void take_parts(const sage_model *model, const struct user_work *users, real *dense) {
    const sage_model_shape *s = &model->shape;
    const user_part at = user_part_of(s);
    const real *sum = users->sum, *gain = par(model, P_USER_NORM_GAIN);
    real *score = par_in(model, dense, P_USER_SCORE);
    size_t d = s->user_dim, ranks = user_ranks(s) + 1;
    memset(users->sum, 0, at.size * sizeof(real));
    sage_ops_best()->col_sum(users->chunks, at.size, 0, at.size, users->parts, users->sum);
    take(model, dense, P_USER_KIND, sum + at.kind, USER_KINDS * d);
    take(model, dense, P_USER_AGE, sum + at.age, (USER_AGES + 1) * d);
    take(model, dense, P_USER_RANK, sum + at.rank, ranks * d);
    take(model, dense, P_USER_CLS, sum + at.cls, d);
    /* Every event has a kind: its bias gets what all kinds together do. */
    sage_ops_best()->col_sum(USER_KINDS, d, 0, d, sum + at.kind, par_in(model, dense, P_USER_IN_B));
    take(model, dense, P_USER_NORM_GAIN, sum + at.norm_gain, d);
    take(model, dense, P_USER_NORM_BIAS, sum + at.norm_bias, d);
    /* Of LN(x) = gain hat + bias; a user's gradients of scores add up to zero, so the bias gets nothing. */
    for (size_t i = 0; i < d; i++) score[i] = gain[i] * sum[at.score + i];
    take(model, dense, P_USER_SCORE_KIND, sum + at.score_kind, USER_KINDS);
    take(model, dense, P_USER_SCORE_AGE, sum + at.score_age, USER_AGES + 1);
    take(model, dense, P_USER_SCORE_RANK, sum + at.score_rank, ranks);
    take(model, dense, P_USER1_B, sum + at.fc1, s->dim_head);
    take(model, dense, P_USER2_B, sum + at.fc2, s->dim_out);
    for (size_t l = 0; l < s->user_layers; l++)
        take_layer_part(model, dense, user_param(l, (user_layer_param)0), &at.layer[l], sum, d, user_ff(s));
}

void user_gradients(const sage_model *model, sage_work *work, real *dense) {
    gradient_job job = {.work = work};
    size_t pieces = 0;
    if (work->users == NULL) return;
    take_parts(model, work->users, dense);
    for (size_t l = 0; l < model->shape.user_layers; l++) list_layer(&job, model, dense, l);
    list_ends(&job, model, dense);
    for (size_t i = 0; i < job.n; i++) pieces += pieces_of(&job.weights[i]);
    sage_pool_for_dynamic(work->pool, pieces, 1, run_pieces, &job);
}
