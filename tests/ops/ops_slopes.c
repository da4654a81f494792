/* Pairs of a value and its gradient: what each backward op is the backward of. */
#include <ops/ops_table.h>
#include <string.h>

static double dot_of(size_t n, const real *a, const real *b) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

/* ---- layer norm: value = dy . y, of x, gain and bias ---- */
enum { NORM_X, NORM_GAIN, NORM_BIAS, NORM_DX, NORM_DGAIN, NORM_DBIAS, NORM_DY, NORM_HAT, NORM_Y, NORM_RSTD };

static void make_norm(op_args *a) {
    size_t n = a->n * a->dim;
    op_normal(a, "x", n);
    op_normal(a, "gain", a->dim);
    op_normal(a, "bias", a->dim);
    op_new(a, "dx", OP_REAL, n);
    op_new(a, "dgain", OP_REAL, a->dim);
    op_new(a, "dbias", OP_REAL, a->dim);
    op_normal(a, "dy", n);
    op_new(a, "hat", OP_REAL, n);
    op_new(a, "y", OP_REAL, n);
    op_new(a, "rstd", OP_REAL, a->n);
}
static double norm_value(const sage_ops *ops, op_args *a) {
    ops->norm(a->n, a->dim, op_r(a, NORM_X), op_r(a, NORM_GAIN), op_r(a, NORM_BIAS), op_r(a, NORM_HAT), op_r(a, NORM_Y),
              op_r(a, NORM_RSTD));
    return dot_of(a->n * a->dim, op_r(a, NORM_DY), op_r(a, NORM_Y));
}
static void norm_back(const sage_ops *ops, op_args *a) {
    norm_value(ops, a);
    ops->norm_back(a->n, a->dim, op_r(a, NORM_DY), op_r(a, NORM_HAT), op_r(a, NORM_RSTD), op_r(a, NORM_GAIN),
                   op_r(a, NORM_DX));
    ops->norm_grad(a->n, a->dim, 0, a->dim, op_r(a, NORM_DY), op_r(a, NORM_HAT), op_r(a, NORM_DGAIN),
                   op_r(a, NORM_DBIAS));
}

/* ---- GELU: value = dy . y, of x and bias ---- */
enum { GELU_X, GELU_BIAS, GELU_DX, GELU_DBIAS, GELU_DY, GELU_SUM, GELU_Y };

static void make_gelu(op_args *a) {
    size_t n = a->n * a->dim;
    real *x = op_normal(a, "x", n);
    for (size_t i = 0; i < n; i++) x[i] *= 2;
    op_normal(a, "bias", a->dim);
    op_new(a, "dx", OP_REAL, n);
    op_new(a, "dbias", OP_REAL, a->dim);
    op_normal(a, "dy", n);
    op_new(a, "x + bias", OP_REAL, n);
    op_new(a, "y", OP_REAL, n);
}
static double gelu_value(const sage_ops *ops, op_args *a) {
    size_t n = a->n * a->dim;
    memcpy(op_r(a, GELU_SUM), op_r(a, GELU_X), n * OP_R);
    ops->bias_gelu(a->n, a->dim, op_r(a, GELU_BIAS), op_r(a, GELU_SUM), op_r(a, GELU_Y));
    return dot_of(n, op_r(a, GELU_DY), op_r(a, GELU_Y));
}
static void gelu_back(const sage_ops *ops, op_args *a) {
    gelu_value(ops, a);
    memcpy(op_r(a, GELU_DX), op_r(a, GELU_SUM), a->n * a->dim * OP_R);
    ops->gelu_back(a->n * a->dim, op_r(a, GELU_DY), op_r(a, GELU_DX));
    ops->col_sum(a->n, a->dim, 0, a->dim, op_r(a, GELU_DX), op_r(a, GELU_DBIAS));
}

/* ---- bags: a row used with weight w[i] by bag i, each the row alone; value = sum over i of d[i] . bag i ---- */
enum { BAG_ROW, BAG_W, BAG_DROW, BAG_DW, BAG_D, BAG_SUM, BAG_ZERO, BAG_LIST };

static void make_bag(op_args *a) {
    op_normal(a, "row", a->dim);
    op_normal(a, "w", a->n);
    op_new(a, "drow", OP_REAL, a->dim);
    op_new(a, "dw", OP_REAL, a->n);
    op_normal(a, "d", a->n * a->dim);
    op_new(a, "sum", OP_REAL, a->dim);
    op_new(a, "row 0", OP_U32, 1 + SAGE_PREFETCH);
    uint32_t *list = op_new(a, "bags", OP_U32, a->n + SAGE_PREFETCH)->u32;
    for (size_t i = 0; i < a->n; i++) list[i] = (uint32_t)i;
}
static double bag_value(const sage_ops *ops, op_args *a) {
    double value = 0;
    for (size_t i = 0; i < a->n; i++) {
        ops->bag_sum(a->dim, 1, a->array[BAG_ZERO].u32, op_r(a, BAG_W) + i, op_r(a, BAG_ROW), op_r(a, BAG_SUM));
        value += dot_of(a->dim, op_r(a, BAG_D) + i * a->dim, op_r(a, BAG_SUM));
    }
    return value;
}
/* The second call adds to the dots what it finds there and is taken away again. */
static void bag_back(const sage_ops *ops, op_args *a) {
    ops->bag_back(a->dim, a->n, a->array[BAG_LIST].u32, op_r(a, BAG_W), op_r(a, BAG_D), op_r(a, BAG_ROW),
                  op_r(a, BAG_DROW), op_r(a, BAG_DW), false);
    ops->bag_back(a->dim, a->n, a->array[BAG_LIST].u32, op_r(a, BAG_W), op_r(a, BAG_D), op_r(a, BAG_ROW),
                  op_r(a, BAG_DROW), op_r(a, BAG_DW), true);
    ops->scale(a->n, (real)0.5, op_r(a, BAG_DW));
    ops->scale(a->dim, (real)0.5, op_r(a, BAG_DROW));
}

/* ---- softmax: log sum exp, whose gradient it is; and the sum of exp(x - 1), whose gradient is each of them ---- */
enum { SOFT_X, SOFT_DX, SOFT_Y };

static void make_softmax(op_args *a) {
    op_normal(a, "x", a->dim);
    op_new(a, "dx", OP_REAL, a->dim);
    op_new(a, "y", OP_REAL, a->dim);
}
static double softmax_into(const sage_ops *ops, op_args *a, size_t into) {
    memcpy(op_r(a, into), op_r(a, SOFT_X), a->dim * OP_R);
    return ops->softmax(a->dim, 1, op_r(a, into));
}
static double softmax_value(const sage_ops *ops, op_args *a) {
    return softmax_into(ops, a, SOFT_Y);
}
static void softmax_back(const sage_ops *ops, op_args *a) {
    softmax_into(ops, a, SOFT_DX);
}
static double exp_into(const sage_ops *ops, op_args *a, size_t into) {
    memcpy(op_r(a, into), op_r(a, SOFT_X), a->dim * OP_R);
    return (double)ops->exp_sum(a->dim, 1, op_r(a, into));
}
static double exp_value(const sage_ops *ops, op_args *a) {
    return exp_into(ops, a, SOFT_Y);
}
static void exp_back(const sage_ops *ops, op_args *a) {
    exp_into(ops, a, SOFT_DX);
}

/* ---- the folded attention: mix_h = sum_j a_jh x_j, a = softmax over j of u_h . x_j; value = dmix . mix ---- */
enum { ATT_U, ATT_X, ATT_DU, ATT_DX, ATT_DMIX, ATT_MIX, ATT_A, ATT_DA };

static void make_attention(op_args *a) {
    op_normal(a, "u", a->heads * a->dim);
    op_normal(a, "x", a->n * a->dim);
    op_new(a, "du", OP_REAL, a->heads * a->dim);
    op_new(a, "dx", OP_REAL, a->n * a->dim);
    op_normal(a, "dmix", a->heads * a->dim);
    op_new(a, "mix", OP_REAL, a->heads * a->dim);
    op_new(a, "a", OP_REAL, a->n * a->heads);
    op_new(a, "da", OP_REAL, a->n * a->heads);
}
static double attention_value(const sage_ops *ops, op_args *a) {
    size_t n = a->heads * a->dim;
    ops->heads_scores(a->n, a->heads, a->dim, op_r(a, ATT_U), a->dim, op_r(a, ATT_X), op_r(a, ATT_A));
    ops->heads_softmax(a->n, a->heads, op_r(a, ATT_A));
    memset(op_r(a, ATT_MIX), 0, n * OP_R);
    ops->heads_sum(a->n, a->heads, a->dim, op_r(a, ATT_A), op_r(a, ATT_X), op_r(a, ATT_MIX), a->dim);
    return dot_of(n, op_r(a, ATT_DMIX), op_r(a, ATT_MIX));
}
static void attention_back(const sage_ops *ops, op_args *a) {
    const real *weight = op_r(a, ATT_A);
    real *da = op_r(a, ATT_DA);
    attention_value(ops, a);
    ops->heads_scores(a->n, a->heads, a->dim, op_r(a, ATT_DMIX), a->dim, op_r(a, ATT_X), da);
    for (size_t h = 0; h < a->heads; h++) {
        const size_t at = h * a->dim;
        real mean = ops->dot(a->dim, op_r(a, ATT_DMIX) + at, op_r(a, ATT_MIX) + at);
        for (size_t j = 0; j < a->n; j++)
            da[j * a->heads + h] = weight[j * a->heads + h] * (da[j * a->heads + h] - mean);
    }
    ops->heads_sum(a->n, a->heads, a->dim, da, op_r(a, ATT_X), op_r(a, ATT_DU), a->dim);
    ops->heads_blend(a->n, a->heads, a->dim, weight, op_r(a, ATT_DMIX), a->dim, da, op_r(a, ATT_U), a->dim,
                     op_r(a, ATT_DX));
}

const op_slope ops_slopes[] = {
    {"norm", 3, make_norm, norm_value, norm_back},
    {"gelu", 2, make_gelu, gelu_value, gelu_back},
    {"bag", 2, make_bag, bag_value, bag_back},
    {"softmax", 1, make_softmax, softmax_value, softmax_back},
    {"exp_sum", 1, make_softmax, exp_value, exp_back},
    {"heads", 2, make_attention, attention_value, attention_back},
    {NULL},
};
