/* The weights' gradients, each a product over the whole batch: dW [out][in] = dy^T x. They are cut into pieces of some
 * rows of W and taken by whoever is free, the costliest first; so the bits do not depend on who that is. */
#include "pass.h"
#include <base/profile.h>
#include <string.h>

/* Rows [begin, begin + m) of a weight's gradient. Of the heads' values, whose x is large and read by the backward pass
 * too, both sides are plain arrays; they are thin, and the library takes them as they are. */
typedef struct piece {
    const sage_side *dy, *x;
    size_t n, begin, m, in; /* n: rows of the sum */
    real *grad;
    const real *plain_dy, *plain_x;
    size_t plain_ldy, plain_ldx, step; /* so many rows of the sum at a time */
} piece;

enum {
    PIECE_ROWS = 256,
    PIECES_OF_ONE = 32,
    PIECES_MAX = (18 + 4 * SAGE_LOWER_MAX) * PIECES_OF_ONE + 2 * SAGE_MODEL_HEADS_MAX
};

typedef struct gradient_list {
    const sage_model *model;
    const sage_work *work;
    size_t n;
    piece pieces[PIECES_MAX];
} gradient_list;

/* No more pieces than the list holds, however wide the layer. */
static void add(gradient_list *list, size_t n, side_id dy, size_t out, side_id x, size_t in, real *grad) {
    size_t rows = PIECE_ROWS;
    while (out / rows >= PIECES_OF_ONE) rows *= 2;
    for (size_t begin = 0; begin < out; begin += rows)
        list->pieces[list->n++] = (piece){.dy = list->work->sides[dy],
                                          .x = list->work->sides[x],
                                          .n = n,
                                          .begin = begin,
                                          .m = out - begin < rows ? out - begin : rows,
                                          .in = in,
                                          .grad = grad + begin * in};
}

static void run_piece(const gradient_list *list, const piece *p) {
    static sage_stage stage = SAGE_STAGE("weight gradients");
    const sage_work *work = list->work;
    uint64_t began = sage_stage_begin();
    if (p->dy != NULL) sage_sides_product(p->dy, p->begin, p->m, p->x, p->grad);
    for (size_t at = 0, n; p->dy == NULL && at < p->n; at += n) {
        n = p->n - at < p->step ? p->n - at : p->step;
        sage_gemm(work->precision, true, false, p->m, p->in, n, p->plain_dy + at * p->plain_ldy, p->plain_ldy,
                  p->plain_x + at * p->plain_ldx, p->plain_ldx, at > 0, p->grad, p->in);
    }
    sage_stage_end(&stage, began, 0, 2 * (uint64_t)p->m * p->in * p->n);
}

static void run_pieces(void *ctx, size_t begin, size_t end, size_t worker) {
    (void)worker;
    for (size_t i = begin; i < end; i++) run_piece(ctx, &((const gradient_list *)ctx)->pieces[i]);
}

static void add_heads(gradient_list *list, sage_work *work) {
    const sage_model_shape *s = &list->model->shape;
    size_t per_head = s->dim_model / s->heads, ld = work->fold.ld;
    for (size_t h = 0; h < s->heads; h++)
        list->pieces[list->n++] = (piece){.n = work->sizes.products,
                                          .m = per_head,
                                          .in = ld,
                                          .grad = work->fold.d_vcat + h * per_head * ld,
                                          .plain_dy = work->encoder.d_heads + h * per_head,
                                          .plain_ldy = s->dim_model,
                                          .plain_x = work->encoder.mix.of + h * work->encoder.mix.apart,
                                          .plain_ldx = ld,
                                          .step = work->sizes.products};
}

/* Of plain arrays dy [n][ldy], x [n][ldx]; the library then sees few sizes, however many rows there are. */
static void add_plain(gradient_list *list, size_t n, const real *dy, size_t ldy, size_t out, const real *x, size_t in,
                      real *grad) {
    enum { STEP = 1024 };
    size_t rows = PIECE_ROWS;
    while (out / rows >= PIECES_OF_ONE) rows *= 2;
    for (size_t begin = 0; begin < out; begin += rows)
        list->pieces[list->n++] = (piece){.n = n,
                                          .m = out - begin < rows ? out - begin : rows,
                                          .in = in,
                                          .grad = grad + begin * in,
                                          .plain_dy = dy + begin,
                                          .plain_ldy = ldy,
                                          .plain_x = x,
                                          .plain_ldx = in,
                                          .step = STEP};
}

static void add_layers_below(gradient_list *list, sage_work *work, real *dense) {
    const sage_model *model = list->model;
    const sage_model_shape *s = &model->shape;
    const deep_acts *a = &work->deep;
    size_t rows = work->sizes.token_rows, n = work->sizes.products, d = s->dim_model, f = s->dim_ff;
    size_t per_head = d / s->heads;
    for (size_t l = 0; l < s->lower; l++) {
        const deep_layer_acts *o = &a->layer[l];
        add_plain(list, rows, o->qkv, 3 * d, 3 * d, o->x, d, par_in(model, dense, lower_param(l, U_QKV)));
        add_plain(list, rows, o->d_sum1, d, d, o->heads, d, par_in(model, dense, lower_param(l, U_OUT)));
        add_plain(list, rows, o->ff.pre, f, f, o->y, d, par_in(model, dense, lower_param(l, U_FF1_W)));
        add_plain(list, rows, o->d_sum2, d, d, o->ff.act, f, par_in(model, dense, lower_param(l, U_FF2_W)));
    }
    add_plain(list, rows, a->d_x, d, d, a->raw, work->fold.raw, work->fold.d_pcat);
    add_plain(list, n, a->d_q, d, d, a->cls, d, par_in(model, dense, P_WQ));
    for (size_t h = 0; h < s->heads; h++)
        add_plain(list, n, a->q + h * per_head, d, per_head, a->d_g.of + h * a->d_g.apart, d,
                  par_in(model, dense, P_WK) + h * per_head * d);
    work->fold.d_vcat = par_in(model, dense, P_WV);
}

static void add_products(gradient_list *list, sage_work *work, real *dense) {
    const sage_model *model = list->model;
    const sage_model_shape *s = &model->shape;
    size_t n = work->sizes.products, d = s->dim_model, f = s->dim_ff, m = s->dim_head, o = s->dim_out;
    size_t z = head_width(s);
    if (!is_pooled(s)) {
        add(list, n, SIDE_D_FF_PRE, f, SIDE_Y, d, par_in(model, dense, P_FF1_W));
        add(list, n, SIDE_D_SUM2, d, SIDE_FF_ACT, f, par_in(model, dense, P_FF2_W));
    }
    if (head_hidden(s) > 0) {
        add(list, n, SIDE_D_HEAD_PRE, m, SIDE_Z, z, par_in(model, dense, P_HEAD1_W));
        add(list, n, SIDE_D_P, o, SIDE_HEAD_ACT, m, par_in(model, dense, P_HEAD2_W));
    }
    if (!is_pooled(s)) add(list, n, SIDE_D_SUM1, d, SIDE_HEADS, d, par_in(model, dense, P_WO));
    if (has(model, P_HEAD_SKIP)) add(list, n, SIDE_D_P, o, SIDE_Z, z, par_in(model, dense, P_HEAD_SKIP));
    if (s->lower > 0) add_layers_below(list, work, dense);
    if (!is_concat(s)) add_heads(list, work);
}

static void add_tower(gradient_list *list, tower_id tower, real *dense) {
    const sage_model *model = list->model;
    const sage_model_shape *s = &model->shape;
    const tower_params its = tower_params_of(tower);
    const tower_sides of = tower_sides_of(tower);
    size_t n = tower_rows(&list->work->sizes, tower), m = s->dim_head, o = s->dim_out, u = tower_width(s, tower);
    if (n == 0) return;
    add(list, n, of.d_pre, m, of.u, u, par_in(model, dense, its.w1));
    add(list, n, of.d_q, o, of.act, m, par_in(model, dense, its.w2));
    add(list, n, of.d_q, o, of.u, u, par_in(model, dense, its.skip));
}

/* ---- what the chunks summed ---- */

static void sum_parts(size_t chunks, size_t size, const real *parts, real *sum) {
    memset(sum, 0, size * sizeof(real));
    sage_ops_best()->col_sum(chunks, size, 0, size, parts, sum);
}

/* Of a parameter that this model has. */
static void take(const sage_model *model, real *dense, param_id param, const real *from, size_t n) {
    if (has(model, param)) memcpy(par_in(model, dense, param), from, n * sizeof(real));
}

void take_layer_part(const sage_model *model, real *dense, param_id first, const layer_part *at, const real *sum,
                     size_t d, size_t f) {
    take(model, dense, first + U_NORM1_GAIN, sum + at->norm1_gain, d);
    take(model, dense, first + U_NORM1_BIAS, sum + at->norm1_bias, d);
    take(model, dense, first + U_BQ, sum + at->qkv, d);
    take(model, dense, first + U_BV, sum + at->qkv + 2 * d, d);
    take(model, dense, first + U_BO, sum + at->out, d);
    take(model, dense, first + U_NORM2_GAIN, sum + at->norm2_gain, d);
    take(model, dense, first + U_NORM2_BIAS, sum + at->norm2_bias, d);
    take(model, dense, first + U_FF1_B, sum + at->ff1, f);
    take(model, dense, first + U_FF2_B, sum + at->ff2, d);
}

static void take_product_parts(const sage_model *model, sage_work *work, real *dense) {
    const sage_model_shape *s = &model->shape;
    product_part at = product_part_of(s, work->fold.ld);
    real *sum = work->part_sum;
    size_t d = s->dim_model;
    sum_parts(chunks_of(work->sizes.products), at.size, work->product_parts, sum);
    take(model, dense, P_NORM1_GAIN, sum + at.norm1_gain, d);
    take(model, dense, P_NORM1_BIAS, sum + at.norm1_bias, d);
    take(model, dense, P_NORM2_GAIN, sum + at.norm2_gain, d);
    take(model, dense, P_NORM2_BIAS, sum + at.norm2_bias, d);
    take(model, dense, P_BV, sum + at.bv, d);
    take(model, dense, P_BO, sum + at.bo, d);
    /* c stands beside b_O in the residual sum: it begins with the same gradient, and the fold adds what it gets as a
     * token and a query. */
    if (!is_pooled(s) && s->lower == 0) take(model, dense, P_CLS, sum + at.bo, d);
    take(model, dense, P_FF1_B, sum + at.ff1, s->dim_ff);
    take(model, dense, P_FF2_B, sum + at.ff2, d);
    take(model, dense, P_HEAD1_B, sum + at.head1, s->dim_head);
    take(model, dense, P_HEAD2_B, sum + at.head2, s->dim_out);
    if (s->lower == 0) memcpy(work->fold.du, sum + at.du, s->heads * work->fold.ld * sizeof(real));
    if (s->lower > 0) take(model, dense, P_SCORE_BIAS, sum + at.score, s->heads * kinds_of(s));
    if (s->lower > 0) take(model, dense, P_BQ, sum + at.bq, d);
    for (size_t l = 0; l < s->lower; l++) {
        take(model, dense, lower_score(l), sum + at.lower_score[l], s->heads * kinds_of(s));
        take_layer_part(model, dense, lower_param(l, (user_layer_param)0), &at.lower[l], sum, d, s->dim_ff);
    }
}

static void take_query_parts(const sage_model *model, sage_work *work, real *dense) {
    const query_part at = query_part_of(&model->shape);
    const real *parts = work->query_parts;
    for (tower_id t = 0; t < TOWERS; t++) {
        size_t chunks = chunks_of(tower_rows(&work->sizes, t));
        if (chunks == 0) continue;
        sum_parts(chunks, at.size, parts, work->part_sum);
        take(model, dense, tower_params_of(t).b1, work->part_sum + at.fc1, model->shape.dim_head);
        take(model, dense, tower_params_of(t).b2, work->part_sum + at.fc2, model->shape.dim_out);
        parts += chunks * at.size;
    }
}

void weight_gradients(const sage_model *model, sage_work *work, real *dense) {
    gradient_list list = {.model = model, .work = work};
    if (work->sizes.products > 0) add_products(&list, work, dense);
    for (tower_id t = 0; t < TOWERS; t++) add_tower(&list, t, dense);
    sage_pool_for_dynamic(work->pool, list.n, 1, run_pieces, &list);
    if (work->sizes.products > 0) take_product_parts(model, work, dense);
    take_query_parts(model, work, dense);
}
