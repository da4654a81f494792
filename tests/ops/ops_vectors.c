/* The table of ops: vectors and rows in other precisions, and Adam. */
#include <ops/ops_table.h>
#include <string.h>

/* ---- vectors ---- */

static void make_dot(op_args *a) {
    op_normal(a, "a", a->dim);
    op_normal(a, "b", a->dim);
    op_result(a, "sum", 1, op_sum_tolerance(a->dim));
    op_work(a, 2 * OP_R * a->dim, 2 * a->dim);
}
static void call_dot(const sage_ops *ops, op_args *a) {
    op_r(a, 2)[0] = ops->dot(a->dim, op_r(a, 0), op_r(a, 1));
}

static void make_axpy(op_args *a) {
    op_normal(a, "x", a->dim);
    op_result(a, "y", a->dim, 1e-6);
    op_work(a, 3 * OP_R * a->dim, 2 * a->dim);
}
static void call_axpy(const sage_ops *ops, op_args *a) {
    ops->axpy(a->dim, (real)0.7, op_r(a, 0), op_r(a, 1));
}

static void make_scale(op_args *a) {
    op_result(a, "x", a->dim, 0);
    op_work(a, 2 * OP_R * a->dim, a->dim);
}
/* The factors' product is 1, so that calls over and over stay in range. */
static void call_scale(const sage_ops *ops, op_args *a) {
    ops->scale(a->dim, a->turn == 0 ? (real)-1.25 : (real)-0.8, op_r(a, 0));
    a->turn ^= 1;
}

static void make_max(op_args *a) {
    op_normal(a, "x", a->dim);
    op_result(a, "max", 1, 0);
    op_work(a, OP_R * a->dim, a->dim);
}
static void call_max(const sage_ops *ops, op_args *a) {
    op_r(a, 1)[0] = ops->max(a->dim, op_r(a, 0));
}

/* A shift of 1 and not the largest, so that calls over and over on the same array stay in range. */
static void make_exp(op_args *a) {
    real *x = op_result(a, "x", a->dim, 1e-6);
    for (size_t i = 0; i < a->dim; i++) x[i] = x[i] * 20 - 40;
    if (a->dim > 0) x[a->dim / 2] = (real)-1e30; /* a masked logit */
    op_result(a, "sum", 1, 1e-6);
    op_work(a, 2 * OP_R * a->dim, 20 * a->dim);
}
static void call_exp_sum(const sage_ops *ops, op_args *a) {
    op_r(a, 1)[0] = ops->exp_sum(a->dim, 1, op_r(a, 0));
}
static void call_softmax(const sage_ops *ops, op_args *a) {
    op_r(a, 1)[0] = (real)ops->softmax(a->dim, (real)0.3, op_r(a, 0));
}

/* ---- other precisions ---- */

static void make_to_bf16(op_args *a) {
    /* odd values: NaN, infinities, the largest (rounds to infinity), ties both ways, denormals, -0 */
    static const uint32_t odd[] = {0x7fc00001, 0xff812345, 0x7f800000, 0xff800000, 0x7f7fffff, 0x3f808000,
                                   0x3f818000, 0x00000001, 0x80018000, 0x80000000, 0x7f800001};
    real *x = op_normal(a, "x", a->dim);
    for (size_t i = 0; i < a->dim && i < sizeof odd / sizeof *odd; i++) {
        float value;
        memcpy(&value, &odd[i], sizeof value);
        x[a->dim - 1 - i] = (real)value;
    }
    op_new(a, "y", OP_U16, a->dim);
    op_work(a, (OP_R + 2) * a->dim, 0);
}
static void call_to_bf16(const sage_ops *ops, op_args *a) {
    ops->to_bf16(a->dim, op_r(a, 0), a->array[1].u16);
}

static void make_from_bf16(op_args *a) {
    uint16_t *x = op_new(a, "x", OP_U16, a->dim)->u16;
    for (size_t i = 0; i < a->dim; i++) x[i] = (uint16_t)(sage_rng_u64(&a->rng));
    op_result(a, "y", a->dim, 0);
    op_work(a, (OP_R + 2) * a->dim, 0);
}
static void call_from_bf16(const sage_ops *ops, op_args *a) {
    ops->from_bf16(a->dim, a->array[0].u16, op_r(a, 1));
}

static void make_to_int8(op_args *a) {
    size_t ld = a->dim + OP_APART;
    real *x = op_normal(a, "x", a->n * ld);
    for (size_t c = 0; c < ld && a->n > 1; c++) x[ld + c] = 0;
    if (a->n > 2) /* ties: 0.5 and 1.5 of the largest's 127 */
        for (size_t c = 0; c < ld; c++) x[2 * ld + c] = c % 2 == 0 ? (real)(254 * (c % 4 == 0 ? 1 : -1)) : (real)c;
    if (a->n > 3)
        for (size_t c = 0; c < ld; c++) x[3 * ld + c] *= (real)1e-38; /* no inverse of these */
    op_new(a, "q", OP_I8, a->n * a->dim);
    op_result(a, "scale", a->n, 0);
    op_work(a, (OP_R + 1) * a->n * a->dim, 3 * a->n * a->dim);
}
static void call_to_int8(const sage_ops *ops, op_args *a) {
    ops->to_int8(a->n, a->dim, op_r(a, 0), a->dim + OP_APART, a->array[1].i8, op_r(a, 2));
}

static void make_from_int32(op_args *a) {
    int32_t *acc = op_new(a, "acc", OP_I32, a->n * a->dim)->i32;
    for (size_t i = 0; i < a->n * a->dim; i++) acc[i] = (int32_t)sage_rng_below(&a->rng, 2000001) - 1000000;
    op_normal(a, "row_scale", a->n);
    op_normal(a, "column_scale", a->dim);
    op_result(a, "y", a->n * (a->dim + OP_APART), 1e-6);
    op_work(a, (OP_R + 4) * a->n * a->dim, 4 * a->n * a->dim);
}
static void call_from_int32(const sage_ops *ops, op_args *a) {
    ops->from_int32(a->n, a->dim, a->array[0].i32, op_r(a, 1), op_r(a, 2), a->add, op_r(a, 3), a->dim + OP_APART);
}

/* ---- Adam ---- */

static void make_moments(op_args *a, size_t n) {
    op_result(a, "w", n, 2e-6);
    op_result(a, "m", n, 1e-6);
    real *v = op_result(a, "v", n, 1e-6);
    for (size_t i = 0; i < n; i++) v[i] *= v[i];
}
static void make_adam(op_args *a) {
    make_moments(a, a->dim);
    op_normal(a, "g", a->dim);
    op_work(a, 7 * OP_R * a->dim, 14 * a->dim);
}
static void call_adam(const sage_ops *ops, op_args *a) {
    ops->adam(op_r(a, 0), op_r(a, 3), op_r(a, 1), op_r(a, 2), a->dim, (real)0.01, (real)0.9, (real)0.999, (real)1e-8,
              (real)0.1, (real)0.19, (real)0.002);
}

/* Each call takes the next n rows of every other one: ascending and apart, as a batch's are. */
static void make_adam_rows(op_args *a) {
    a->turns = a->n > 0 && a->rows > 2 * a->n ? a->rows / (2 * a->n) : 1;
    make_moments(a, 2 * a->n * a->turns * a->dim);
    op_normal(a, "g", a->n * a->dim);
    uint32_t *rows = op_new(a, "rows", OP_U32, a->n * a->turns)->u32;
    for (size_t i = 0; i < a->n * a->turns; i++) rows[i] = (uint32_t)(2 * i + sage_rng_below(&a->rng, 2));
    op_work(a, 7 * OP_R * a->n * a->dim, 12 * a->n * a->dim);
}
static void call_adam_rows(const sage_ops *ops, op_args *a) {
    size_t at = op_next_turn(a);
    ops->adam_rows(a->dim, a->n, a->array[4].u32 + at, op_r(a, 3), op_r(a, 0), op_r(a, 1), op_r(a, 2), (real)0.01,
                   (real)0.9, (real)0.999, (real)1e-8, (real)0.19, (real)0.002);
}

const op_row ops_vectors[] = {
    {"dot", OP_VECTOR, false, false, make_dot, call_dot, {{256, 0, 0, 0}, {4096, 0, 0, 0}}},
    {"axpy", OP_VECTOR, false, false, make_axpy, call_axpy, {{256, 0, 0, 0}, {4096, 0, 0, 0}}},
    {"scale", OP_VECTOR, false, false, make_scale, call_scale, {{256, 0, 0, 0}, {4096, 0, 0, 0}}},
    {"max", OP_VECTOR, false, true, make_max, call_max, {{2048, 0, 0, 0}, {16384, 0, 0, 0}}},
    {"exp_sum", OP_VECTOR, false, false, make_exp, call_exp_sum, {{2048, 0, 0, 0}, {16384, 0, 0, 0}}},
    {"softmax", OP_VECTOR, false, true, make_exp, call_softmax, {{2048, 0, 0, 0}, {16384, 0, 0, 0}}},
    {"to_bf16", OP_VECTOR, false, false, make_to_bf16, call_to_bf16, {{16384, 0, 0, 0}}},
    {"from_bf16", OP_VECTOR, false, false, make_from_bf16, call_from_bf16, {{16384, 0, 0, 0}}},
    {"to_int8", OP_ROWS, false, false, make_to_int8, call_to_int8, {{256, 64, 0, 0}}},
    {"from_int32", OP_ROWS, true, false, make_from_int32, call_from_int32, {{256, 64, 0, 0}}},
    {"adam", OP_VECTOR, false, false, make_adam, call_adam, {{16384, 0, 0, 0}}},
    {"adam_rows",
     OP_BAG,
     false,
     false,
     make_adam_rows,
     call_adam_rows,
     {{32, 64, 0, 400000}, {256, 64, 0, 50000}, {1, 64, 0, 400000}}},

    {NULL},
};
