/* The table of ops: what frozen encoders run forward only. */
#include <ops/ops_table.h>
#include <string.h>

static void make_row_norm(op_args *a) {
    size_t n = a->n * a->dim;
    real *row = op_normal(a, "row", a->dim);
    op_normal(a, "gain", a->dim);
    op_normal(a, "bias", a->dim);
    real *x = op_result(a, "x", n, 3e-5);
    for (size_t c = 0; c < a->dim && n > 0; c++) x[c] = -row[c]; /* no spread at all */
    op_result(a, "y", n, 3e-5);
    op_work(a, 3 * OP_R * n, 9 * n);
}
static void call_row_norm(const sage_ops *ops, op_args *a) {
    ops->row_norm(a->n, a->dim, (real)1e-6, op_r(a, 0), op_r(a, 3), op_r(a, 1), op_r(a, 2), op_r(a, 4));
}
/* Without a row; the result over x, which both then hold. */
static void call_row_norm_bare(const sage_ops *ops, op_args *a) {
    real *y = op_r(a, a->in_place ? 3 : 4);
    ops->row_norm(a->n, a->dim, (real)1e-6, NULL, op_r(a, 3), op_r(a, 1), op_r(a, 2), y);
    memcpy(op_r(a, a->in_place ? 4 : 3), y, a->n * a->dim * OP_R);
}

static void make_activation(op_args *a, double tolerance) {
    op_normal(a, "bias", a->dim);
    real *x = op_result(a, "x", a->n * a->dim, tolerance);
    for (size_t i = 0; i < a->n * a->dim; i++) x[i] *= i % 5 == 0 ? 40 : i % 3 == 0 ? 8 : 1; /* far tails too */
    op_work(a, 2 * OP_R * a->n * a->dim, 24 * a->n * a->dim);
}
static void make_swish(op_args *a) {
    make_activation(a, 1e-6);
}
static void call_quick_gelu(const sage_ops *ops, op_args *a) {
    ops->bias_swish(a->n, a->dim, op_r(a, 0), (real)1.702, 0, op_r(a, 1));
}
static void call_tanh_gelu(const sage_ops *ops, op_args *a) {
    const real first = (real)1.5957691216057308, third = (real)0.07135481627159896;
    ops->bias_swish(a->n, a->dim, op_r(a, 0), first, third, op_r(a, 1));
}
static void make_relu6(op_args *a) {
    make_activation(a, 0);
}
static void call_relu6(const sage_ops *ops, op_args *a) {
    ops->bias_relu6(a->n, a->dim, op_r(a, 0), op_r(a, 1));
}

/* n places wide; both strides, and with and without a place beyond the left border. */
static size_t stride_of(const op_args *a) {
    return 1 + a->dim / 2 % 2;
}
static size_t pad_of(const op_args *a) {
    return a->measured ? 1 : a->dim % 2;
}
static void make_depthwise(op_args *a) {
    size_t w_out = (a->n + stride_of(a) - 1) / stride_of(a);
    op_normal(a, "above", a->n * a->dim);
    op_normal(a, "row", a->n * a->dim);
    op_normal(a, "below", a->n * a->dim);
    op_normal(a, "weight", 9 * a->dim);
    op_normal(a, "bias", a->dim);
    op_result(a, "y", w_out * a->dim, op_sum_tolerance(9));
    op_work(a, OP_R * (3 * a->n + w_out) * a->dim, 18 * w_out * a->dim);
}
static void call_depthwise(const sage_ops *ops, op_args *a) {
    const real *const rows[3] = {op_r(a, 0), op_r(a, 1), op_r(a, 2)};
    ops->depthwise_row(a->n, (a->n + stride_of(a) - 1) / stride_of(a), a->dim, stride_of(a), pad_of(a), rows,
                       op_r(a, 3), op_r(a, 4), op_r(a, 5));
}

/* q, k and v of a token lie side by side. */
static void make_attend(op_args *a) {
    size_t ld = 3 * a->dim + OP_APART;
    real *q = op_normal(a, "q, k, v", a->n * ld);
    for (size_t i = 0; i < a->n * ld; i++) q[i] *= (real)0.5;
    op_result(a, "scratch", sage_attend_scratch(a->n, a->dim), 1e30);
    op_result(a, "out", a->n * (a->dim + OP_APART), 2e-6 * (1 + (double)a->dim / 16));
    op_work(a, OP_R * 4 * a->n * a->dim, 4 * a->n * a->n * a->dim + 22 * a->n * a->n);
}
static void call_attend(const sage_ops *ops, op_args *a) {
    const real *q = op_r(a, 0);
    ops->attend(a->measured ? a->n : a->n - a->n / 4, a->n, a->dim, q, q + a->dim, q + 2 * a->dim,
                3 * a->dim + OP_APART, op_r(a, 1), op_r(a, 2), a->dim + OP_APART);
}

const op_row ops_frozen[] = {
    {"row_norm", OP_ROWS, false, false, make_row_norm, call_row_norm, {{384, 64, 0, 0}}},
    {"row_norm without a row", OP_ROWS, false, false, make_row_norm, call_row_norm_bare, {{384, 64, 0, 0}}},
    {"bias_swish quick", OP_ROWS, false, false, make_swish, call_quick_gelu, {{1536, 64, 0, 0}}},
    {"bias_swish tanh", OP_ROWS, false, false, make_swish, call_tanh_gelu, {{0}}},
    {"bias_relu6", OP_ROWS, false, false, make_relu6, call_relu6, {{192, 64, 0, 0}}},
    {"depthwise_row", OP_BAG, false, false, make_depthwise, call_depthwise, {{96, 112, 0, 0}, {576, 14, 0, 0}}},
    {"attend", OP_BAG, false, false, make_attend, call_attend, {{32, 24, 0, 0}, {32, 128, 0, 0}, {64, 50, 0, 0}}},
    {NULL},
};
