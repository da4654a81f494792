/* The weights' gradients, each a product over the whole batch: dW [out][in] = dy^T x. They are cut into pieces of some
 * rows of W and taken by whoever is free, the costliest first; so the bits do not depend on who that is. */
#include "pass.h"
#include <base/profile.h>
#include <string.h>

typedef struct piece {
    size_t out, in, n; /* rows of W in this piece */
    const real *dy, *x;
    size_t lddy, ldx;
    real *grad;
} piece;

/* In bf16 every piece rounds its x anew: fewer of them there. */
enum { PIECE_ROWS = 256, PIECE_ROWS_BF16 = 512, PIECES_OF_ONE = 32, PIECES_MAX = 16 * PIECES_OF_ONE };

typedef struct gradient_list {
    const sage_work *work;
    size_t n;
    piece pieces[PIECES_MAX];
} gradient_list;

static void add_piece(gradient_list *list, piece p, size_t rows) {
    for (size_t begin = 0; begin < p.out; begin += rows) {
        piece *next = &list->pieces[list->n++];
        *next = p;
        next->out = p.out - begin < rows ? p.out - begin : rows;
        next->dy += begin;
        next->grad += begin * p.in;
    }
}

/* No more pieces than the list holds, however wide the layer. */
static void add(gradient_list *list, size_t n, size_t out, size_t in, const real *dy, size_t lddy, const real *x,
                size_t ldx, real *grad) {
    size_t rows = list->work->precision == SAGE_PRECISION_BF16 ? PIECE_ROWS_BF16 : PIECE_ROWS;
    while (out / rows >= PIECES_OF_ONE) rows *= 2;
    add_piece(list, (piece){out, in, n, dy, x, lddy, ldx, grad}, rows);
}

static void run_pieces(void *ctx, size_t begin, size_t end, size_t worker) {
    static sage_stage stage = SAGE_STAGE("weight gradients");
    const gradient_list *list = ctx;
    (void)worker;
    for (size_t i = begin; i < end; i++) {
        const piece *p = &list->pieces[i];
        uint64_t began = sage_stage_begin();
        sage_gemm(list->work->precision, true, false, p->out, p->in, p->n, p->dy, p->lddy, p->x, p->ldx, false, p->grad,
                  p->in);
        sage_stage_end(&stage, began, 0, 2 * (uint64_t)p->out * p->in * p->n);
    }
}

static void add_products(gradient_list *list, const sage_model *model, sage_work *work, real *dense) {
    const sage_model_shape *s = &model->shape;
    const encoder_acts *e = &work->encoder;
    size_t n = work->sizes.products, d = s->dim_model, f = s->dim_ff, m = s->dim_head, o = s->dim_out;
    add(list, n, f, d, e->ff.pre, f, e->y, d, par_in(model, dense, P_FF1_W));
    add(list, n, d, f, e->d_sum2, d, e->ff.act, f, par_in(model, dense, P_FF2_W));
    add(list, n, m, d, e->head.pre, m, e->z, d, par_in(model, dense, P_HEAD1_W));
    add(list, n, o, m, e->dp, o, e->head.act, m, par_in(model, dense, P_HEAD2_W));
    add(list, n, d, d, e->d_sum1, d, e->heads, d, par_in(model, dense, P_WO));
    if (has(model, P_HEAD_SKIP)) add(list, n, o, d, e->dp, o, e->z, d, par_in(model, dense, P_HEAD_SKIP));
    size_t per_head = d / s->heads, ld = work->fold.ld;
    for (size_t h = 0; h < s->heads; h++)
        add(list, n, per_head, ld, e->d_heads + h * per_head, d, e->mix + h * ld, s->heads * ld,
            work->fold.d_vcat + h * per_head * ld);
}

static void add_queries(gradient_list *list, const sage_model *model, sage_work *work, real *dense) {
    const sage_model_shape *s = &model->shape;
    const tower_acts *t = &work->tower;
    size_t n = work->sizes.queries, m = s->dim_head, o = s->dim_out, e = s->dim_embed;
    add(list, n, m, e, t->mlp.pre, m, t->u, e, par_in(model, dense, P_SEARCH1_W));
    add(list, n, o, m, t->dq, o, t->mlp.act, m, par_in(model, dense, P_SEARCH2_W));
    add(list, n, o, e, t->dq, o, t->u, e, par_in(model, dense, P_SEARCH_SKIP));
}

/* ---- what the chunks summed ---- */

static void sum_parts(size_t chunks, size_t size, const real *parts, real *sum) {
    memset(sum, 0, size * sizeof(real));
    sage_ops_best()->col_sum(chunks, size, 0, size, parts, sum);
}

static void take(const sage_model *model, real *dense, param_id param, const real *from, size_t n) {
    memcpy(par_in(model, dense, param), from, n * sizeof(real));
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
    take(model, dense, P_CLS, sum + at.bo, d);
    take(model, dense, P_FF1_B, sum + at.ff1, s->dim_ff);
    take(model, dense, P_FF2_B, sum + at.ff2, d);
    take(model, dense, P_HEAD1_B, sum + at.head1, s->dim_head);
    take(model, dense, P_HEAD2_B, sum + at.head2, s->dim_out);
    memcpy(work->fold.du, sum + at.du, s->heads * work->fold.ld * sizeof(real));
}

static void take_query_parts(const sage_model *model, sage_work *work, real *dense) {
    query_part at = query_part_of(&model->shape);
    sum_parts(chunks_of(work->sizes.queries), at.size, work->query_parts, work->part_sum);
    take(model, dense, P_SEARCH1_B, work->part_sum + at.search1, model->shape.dim_head);
    take(model, dense, P_SEARCH2_B, work->part_sum + at.search2, model->shape.dim_out);
}

void weight_gradients(const sage_model *model, sage_work *work, bool has_tower, real *dense) {
    gradient_list list = {.work = work};
    add_products(&list, model, work, dense);
    if (has_tower) add_queries(&list, model, work, dense);
    sage_pool_for_dynamic(work->pool, list.n, 1, run_pieces, &list);
    take_product_parts(model, work, dense);
    if (has_tower) take_query_parts(model, work, dense);
}
