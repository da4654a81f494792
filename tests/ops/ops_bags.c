/* The table of ops: bags, and heads over the tokens of a product. */
#include <ops/ops_table.h>
#include <string.h>

/* ---- bags ---- */

static void make_bag(op_args *a, double tolerance) {
    op_indices(a, "rows", a->n * a->turns, a->rows);
    op_normal(a, "w", a->n * a->turns);
    op_result(a, "out", a->dim, tolerance);
    op_work(a, 0, 2 * a->n * a->dim);
}
static void make_bag_sum(op_args *a) {
    make_bag(a, op_sum_tolerance(a->n));
    op_normal(a, "table", a->rows * a->dim);
    a->bytes = (double)(OP_R * a->n * a->dim);
}
static void call_bag_sum(const sage_ops *ops, op_args *a) {
    size_t at = op_next_turn(a);
    ops->bag_sum(a->dim, a->n, a->array[0].u32 + at, op_r(a, 1) + at, op_r(a, 3), op_r(a, 2));
}

static void make_bag_sum_bf16(op_args *a) {
    make_bag(a, op_sum_tolerance(a->n));
    op_array *table = op_new(a, "table", OP_U16, a->rows * a->dim);
    for (size_t i = 0; i < table->n; i++) /* exponents of about 1 */
        table->u16[i] = (uint16_t)(0x3f00 + (sage_rng_u64(&a->rng) & 0x80ff));
    a->bytes = (double)(2 * a->n * a->dim);
}
static void call_bag_sum_bf16(const sage_ops *ops, op_args *a) {
    size_t at = op_next_turn(a);
    ops->bag_sum_bf16(a->dim, a->n, a->array[0].u32 + at, op_r(a, 1) + at, a->array[3].u16, op_r(a, 2));
}

static void make_bag_sum_int8(op_args *a) {
    make_bag(a, 127 * op_sum_tolerance(a->n));
    op_array *table = op_new(a, "table", OP_I8, a->rows * a->dim);
    for (size_t i = 0; i < table->n; i++) table->i8[i] = (int8_t)((int)sage_rng_below(&a->rng, 255) - 127);
    a->bytes = (double)(a->n * a->dim);
}
static void call_bag_sum_int8(const sage_ops *ops, op_args *a) {
    size_t at = op_next_turn(a);
    ops->bag_sum_int8(a->dim, a->n, a->array[0].u32 + at, op_r(a, 1) + at, a->array[3].i8, op_r(a, 2));
}

static void make_bag_back(op_args *a) {
    op_indices(a, "bag", a->n * a->turns, a->rows);
    op_normal(a, "w", a->n * a->turns);
    op_normal(a, "d", a->rows * a->dim);
    op_normal(a, "row", a->dim);
    op_result(a, "grad", a->dim, op_sum_tolerance(a->n));
    op_result(a, "dots", a->n, op_sum_tolerance(a->dim));
    op_work(a, OP_R * a->dim * (a->n + 3), 4 * a->n * a->dim);
}
static void call_bag_back(const sage_ops *ops, op_args *a) {
    size_t at = op_next_turn(a);
    ops->bag_back(a->dim, a->n, a->array[0].u32 + at, op_r(a, 1) + at, op_r(a, 2), op_r(a, 3), op_r(a, 4), op_r(a, 5),
                  a->add);
}

/* ---- heads ---- */

static void make_scores(op_args *a) {
    op_normal(a, "u", a->heads * (a->dim + OP_APART));
    op_normal(a, "x", a->n * a->dim);
    op_result(a, "out", a->n * a->heads, op_sum_tolerance(a->dim));
    op_work(a, OP_R * (a->n + a->heads) * a->dim, 2 * a->n * a->heads * a->dim);
}
static void call_scores(const sage_ops *ops, op_args *a) {
    ops->heads_scores(a->n, a->heads, a->dim, op_r(a, 0), a->dim + OP_APART, op_r(a, 1), op_r(a, 2));
}

static void make_heads_softmax(op_args *a) {
    op_result(a, "a", a->n * a->heads, 1e-6);
    for (size_t i = 0; i < a->n * a->heads; i++) op_r(a, 0)[i] *= 10;
    op_work(a, 2 * OP_R * a->n * a->heads, 22 * a->n * a->heads);
}
static void call_heads_softmax(const sage_ops *ops, op_args *a) {
    ops->heads_softmax(a->n, a->heads, op_r(a, 0));
}

static void make_heads_sum(op_args *a) {
    op_normal(a, "a", a->n * a->heads);
    op_normal(a, "x", a->n * a->dim);
    op_result(a, "sum", a->heads * (a->dim + OP_APART), op_sum_tolerance(a->n));
    op_work(a, OP_R * (a->n + 2 * a->heads) * a->dim, 2 * a->n * a->heads * a->dim);
}
static void call_heads_sum(const sage_ops *ops, op_args *a) {
    ops->heads_sum(a->n, a->heads, a->dim, op_r(a, 0), op_r(a, 1), op_r(a, 2), a->dim + OP_APART);
}

static void make_blend(op_args *a) {
    op_normal(a, "a", a->n * a->heads);
    op_normal(a, "u", a->heads * (a->dim + OP_APART));
    op_normal(a, "b", a->n * a->heads);
    op_normal(a, "y", a->heads * (a->dim + OP_FURTHER));
    op_result(a, "out", a->n * a->dim, op_sum_tolerance(2 * a->heads));
    op_work(a, OP_R * (a->n + 2 * a->heads) * a->dim, 4 * a->n * a->heads * a->dim);
}
static void call_blend(const sage_ops *ops, op_args *a) {
    ops->heads_blend(a->n, a->heads, a->dim, op_r(a, 0), op_r(a, 1), a->dim + OP_APART, op_r(a, 2), op_r(a, 3),
                     a->dim + OP_FURTHER, op_r(a, 4));
}

const op_row ops_bags[] = {
    {"bag_sum", OP_BAG, false, false, make_bag_sum, call_bag_sum, {{32, 40, 0, 100000}, {256, 40, 0, 100000}}},
    {"bag_sum_bf16",
     OP_BAG,
     false,
     false,
     make_bag_sum_bf16,
     call_bag_sum_bf16,
     {{32, 40, 0, 100000}, {256, 40, 0, 100000}}},
    {"bag_sum_int8",
     OP_BAG,
     false,
     false,
     make_bag_sum_int8,
     call_bag_sum_int8,
     {{32, 40, 0, 100000}, {256, 40, 0, 100000}}},
    {"bag_back",
     OP_BAG,
     true,
     false,
     make_bag_back,
     call_bag_back,
     {{32, 3, 0, 20000}, {32, 12, 0, 20000}, {256, 12, 0, 20000}}},
    {"heads_scores", OP_HEADS, false, false, make_scores, call_scores, {{256, 12, 8, 0}, {256, 32, 8, 0}}},
    {"heads_softmax",
     OP_HEADS,
     false,
     false,
     make_heads_softmax,
     call_heads_softmax,
     {{256, 12, 8, 0}, {256, 32, 8, 0}}},
    {"heads_sum", OP_HEADS, false, false, make_heads_sum, call_heads_sum, {{256, 12, 8, 0}, {256, 32, 8, 0}}},
    {"heads_blend", OP_HEADS, false, false, make_blend, call_blend, {{256, 12, 8, 0}, {256, 32, 8, 0}}},
    {NULL},
};
