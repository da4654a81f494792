/* The table of ops: rows. */
#include <ops/ops_table.h>
#include <string.h>

/* ---- rows ---- */

static void make_norm(op_args *a) {
    size_t n = a->n * a->dim;
    real *x = op_normal(a, "x", n);
    for (size_t c = 0; c < a->dim && n > 0; c++) x[c] = 0; /* the sum of an empty bag */
    op_normal(a, "gain", a->dim);
    op_normal(a, "bias", a->dim);
    op_result(a, "hat", n, 3e-5);
    op_result(a, "y", n, 3e-5);
    op_result(a, "rstd", a->n, 1e-5);
    op_work(a, 3 * OP_R * n, 9 * n);
}
static void call_norm(const sage_ops *ops, op_args *a) {
    size_t bytes = a->n * a->dim * OP_R;
    if (a->in_place) memcpy(op_r(a, 4), op_r(a, 0), bytes);
    ops->norm(a->n, a->dim, op_r(a, a->in_place ? 4 : 0), op_r(a, 1), op_r(a, 2), op_r(a, 3), op_r(a, 4), op_r(a, 5));
}
static void call_norm_into_hat(const sage_ops *ops, op_args *a) {
    size_t bytes = a->n * a->dim * OP_R;
    if (a->in_place) memcpy(op_r(a, 3), op_r(a, 0), bytes);
    ops->norm(a->n, a->dim, op_r(a, a->in_place ? 3 : 0), op_r(a, 1), op_r(a, 2), op_r(a, 3), op_r(a, 4), op_r(a, 5));
}

static void make_norm_back(op_args *a) {
    size_t n = a->n * a->dim;
    op_normal(a, "dy", n);
    op_normal(a, "hat", n);
    op_normal(a, "rstd", a->n);
    op_normal(a, "gain", a->dim);
    op_result(a, "dx", n, 1e-5);
    op_work(a, 3 * OP_R * n, 9 * n);
}
static void call_norm_back(const sage_ops *ops, op_args *a) {
    if (a->in_place) memcpy(op_r(a, 4), op_r(a, 0), a->n * a->dim * OP_R);
    ops->norm_back(a->n, a->dim, op_r(a, a->in_place ? 4 : 0), op_r(a, 1), op_r(a, 2), op_r(a, 3), op_r(a, 4));
}

static void make_norm_grad(op_args *a) {
    size_t n = a->n * a->dim;
    op_normal(a, "dy", n);
    op_normal(a, "hat", n);
    op_result(a, "gain_grad", a->dim, 3e-6);
    op_result(a, "bias_grad", a->dim, 3e-6);
    op_work(a, 2 * OP_R * n, 3 * n);
}
/* In two parts that meet at a third. */
static void call_norm_grad(const sage_ops *ops, op_args *a) {
    size_t part = a->dim / 3;
    ops->norm_grad(a->n, a->dim, 0, part, op_r(a, 0), op_r(a, 1), op_r(a, 2), op_r(a, 3));
    ops->norm_grad(a->n, a->dim, part, a->dim, op_r(a, 0), op_r(a, 1), op_r(a, 2), op_r(a, 3));
}

static void make_col_sum(op_args *a) {
    op_normal(a, "x", a->n * a->dim);
    op_result(a, "sum", a->dim, 3e-6);
    op_work(a, OP_R * a->n * a->dim, a->n * a->dim);
}
static void call_col_sum(const sage_ops *ops, op_args *a) {
    size_t part = a->dim / 3;
    ops->col_sum(a->n, a->dim, 0, part, op_r(a, 0), op_r(a, 1));
    ops->col_sum(a->n, a->dim, part, a->dim, op_r(a, 0), op_r(a, 1));
}

static void make_add_row(op_args *a) {
    op_normal(a, "row", a->dim);
    op_result(a, "x", a->n * a->dim, 0);
    op_work(a, 2 * OP_R * a->n * a->dim, a->n * a->dim);
}
static void call_add_row(const sage_ops *ops, op_args *a) {
    ops->add_row(a->n, a->dim, op_r(a, 0), op_r(a, 1));
}

static void make_gelu(op_args *a) {
    size_t n = a->n * a->dim;
    real *bias = op_normal(a, "bias, and its opposite", 2 * a->dim);
    for (size_t c = 0; c < a->dim; c++) bias[a->dim + c] = -bias[c];
    real *x = op_result(a, "x", n, 0);
    for (size_t i = 0; i < n; i++) x[i] *= i % 3 == 0 ? 8 : 1; /* far tails too */
    op_result(a, "y", n, 1e-6);
    op_work(a, 3 * OP_R * n, 30 * n);
}
/* To and fro, so that calls over and over stay in range. */
static void call_bias_gelu(const sage_ops *ops, op_args *a) {
    ops->bias_gelu(a->n, a->dim, op_r(a, 0) + a->turn * a->dim, op_r(a, 1), op_r(a, 2));
    a->turn ^= 1;
}

static void make_gelu_back(op_args *a) {
    size_t n = a->n * a->dim;
    op_normal(a, "dy", n);
    real *x = op_result(a, "x", n, 2e-6);
    for (size_t i = 0; i < n; i++) x[i] *= i % 3 == 0 ? 8 : 1;
    op_work(a, 3 * OP_R * n, 33 * n);
}
static void call_gelu_back(const sage_ops *ops, op_args *a) {
    ops->gelu_back(a->n * a->dim, op_r(a, 0), op_r(a, 1));
}

const op_row ops_rows[] = {
    {"norm", OP_ROWS, false, false, make_norm, call_norm, {{256, 64, 0, 0}}},
    {"norm into hat", OP_ROWS, false, false, make_norm, call_norm_into_hat, {{0}}},
    {"norm_back", OP_ROWS, false, false, make_norm_back, call_norm_back, {{256, 64, 0, 0}}},
    {"norm_grad", OP_ROWS, false, false, make_norm_grad, call_norm_grad, {{256, 64, 0, 0}}},
    {"col_sum", OP_ROWS, false, false, make_col_sum, call_col_sum, {{256, 64, 0, 0}}},
    {"add_row", OP_ROWS, false, false, make_add_row, call_add_row, {{256, 64, 0, 0}}},
    {"bias_gelu", OP_ROWS, false, false, make_gelu, call_bias_gelu, {{1024, 64, 0, 0}, {1024, 4, 0, 0}}},
    {"gelu_back", OP_ROWS, false, false, make_gelu_back, call_gelu_back, {{1024, 64, 0, 0}, {1024, 4, 0, 0}}},
    {NULL},
};
