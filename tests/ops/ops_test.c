/* Every op of every instruction set: against the scalar truth over widths that meet each loop's body and each tail,
 * against finite differences where it has a gradient, and where a result is known, against that. Built for `real` as
 * double too, where differences are sharp and the scalar truth is all there is. */
#include <math.h>
#include <ops/ops_table.h>
#include <stdio.h>
#include <string.h>
#include <support/test.h>

#ifdef SAGE_REAL_F64
static const double STEP = 1e-6, SLOPE_TOLERANCE = 1e-7, KNOWN_TOLERANCE = 1e-12;
#else
static const double STEP = 1e-2, SLOPE_TOLERANCE = 3e-3, KNOWN_TOLERANCE = 1e-6;
#endif

static const sage_ops *ops_or_skip(void **state) {
    const sage_ops *ops = sage_ops_of(*state);
    if (ops == NULL) {
        printf("skipped: this machine or build has no %s\n", (const char *)*state);
        skip();
    }
    return ops;
}

/* ---- values ---- */

static double number(const op_array *x, size_t i) {
    switch (x->type) {
    case OP_REAL: return (double)x->r[i];
    case OP_U32: return x->u32[i];
    case OP_U16: return x->u16[i];
    case OP_I8: return x->i8[i];
    case OP_I32: return x->i32[i];
    case OP_DOUBLE: return x->d[i];
    }
    return NAN;
}

static void compare(const op_row *row, const char *isa, const op_args *truth, const op_args *got) {
    for (size_t k = 0; k < truth->arrays; k++)
        for (size_t i = 0; i < truth->array[k].n; i++) {
            double a = number(&truth->array[k], i), b = number(&got->array[k], i);
            bool same = a == b || (isnan(a) && isnan(b));
            if (!same && !(fabs(b - a) <= truth->array[k].tolerance * (1 + fabs(a))))
                fail_msg("%s of %s, width %zu, n %zu, heads %zu: %s[%zu] is %.9g, the truth %.9g", row->name, isa,
                         truth->dim, truth->n, truth->heads, truth->array[k].name, i, b, a);
        }
}

static void try_size(const op_row *row, const sage_ops *ops, op_size size, bool add) {
    op_args truth = {.dim = size.dim, .n = size.n, .heads = size.heads, .rows = 20, .turns = 1, .add = add}, got;
    sage_rng_seed(&truth.rng, 11, size.dim);
    row->make(&truth);
    op_copy(&truth, &got);
    got.in_place = true;
    row->call(sage_ops_of("scalar"), &truth);
    row->call(ops, &got);
    compare(row, ops->isa, &truth, &got);
    op_free(&truth);
    op_free(&got);
}

static void try_width(const op_row *row, const sage_ops *ops, size_t dim) {
    static const size_t bags[] = {0, 1, 2, 3, 4, 5, 18, 37}, rows[] = {0, 1, 5}, tokens[] = {0, 1, 4, 7, 13},
                        heads[] = {1, 2, 3, 4, 7, 8, 9, 16, 17, 33};
    for (int add = 0; add <= row->can_add; add++) switch (row->shape) {
        case OP_VECTOR: try_size(row, ops, (op_size){dim}, add); break;
        case OP_BAG:
            for (size_t i = 0; i < sizeof bags / sizeof *bags; i++) try_size(row, ops, (op_size){dim, bags[i]}, add);
            break;
        case OP_ROWS:
            for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) try_size(row, ops, (op_size){dim, rows[i]}, add);
            break;
        case OP_HEADS:
            for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++)
                for (size_t h = 0; h < sizeof heads / sizeof *heads; h++)
                    try_size(row, ops, (op_size){dim, tokens[i], heads[h]}, add);
            break;
        }
}

static void values(void **state) {
    static const size_t wide[] = {79, 96, 100, 127, 128, 129, 255, 256, 257, 300, 512};
    const sage_ops *ops = ops_or_skip(state);
    const op_row *row;
    for (size_t i = 0; (row = ops_row(i)) != NULL; i++) {
        for (size_t dim = row->not_empty; dim <= 70; dim++) try_width(row, ops, dim);
        for (size_t w = 0; w < sizeof wide / sizeof *wide; w++) try_width(row, ops, wide[w]);
    }
}

/* ---- gradients ---- */

static double difference(const op_slope *slope, const sage_ops *ops, op_args *a, real *at) {
    real kept = *at;
    *at = kept + (real)STEP;
    double above = slope->value(ops, a);
    *at = kept - (real)STEP;
    double below = slope->value(ops, a);
    *at = kept;
    return (above - below) / (2 * STEP);
}

static void try_slope(const op_slope *slope, const sage_ops *ops, size_t dim, size_t n, size_t heads) {
    op_args a = {.dim = dim, .n = n, .heads = heads};
    sage_rng_seed(&a.rng, 2, dim);
    slope->make(&a);
    slope->back(ops, &a);
    for (size_t k = 0; k < slope->inputs; k++)
        for (size_t i = 0; i < a.array[k].n; i++) {
            double got = (double)a.array[slope->inputs + k].r[i],
                   expected = difference(slope, ops, &a, &a.array[k].r[i]);
            if (!(fabs(got - expected) <= SLOPE_TOLERANCE * (1 + fabs(expected))))
                fail_msg("slope of %s by %s[%zu], width %zu, %s: %.12g, by differences %.12g", slope->name,
                         a.array[k].name, i, dim, ops->isa, got, expected);
        }
    op_free(&a);
}

static void gradients(void **state) {
    const sage_ops *ops = ops_or_skip(state);
    for (const op_slope *slope = ops_slopes; slope->name != NULL; slope++) {
        try_slope(slope, ops, 7, 3, 3);
        try_slope(slope, ops, 37, 6, 8);
    }
}

/* ---- known results ---- */

static void near(const char *what, double got, double expected) {
    if (!(fabs(got - expected) <= KNOWN_TOLERANCE * (1 + fabs(expected))))
        fail_msg("%s: %.12g, not %.12g", what, got, expected);
}

/* y = x Phi(x), to an error of 1e-6 whatever x is; far out exactly x or 0. */
static void gelu_is(void **state) {
    const sage_ops *ops = ops_or_skip(state);
    real x[16], y[16], bias[16] = {0};
    for (double from = -8; from < 8; from += 0.16) {
        for (size_t i = 0; i < 16; i++) x[i] = (real)(from + 0.01 * (double)i);
        ops->bias_gelu(1, 16, bias, x, y);
        for (size_t i = 0; i < 16; i++) {
            double at = (double)x[i], expected = at * 0.5 * erfc(-at / sqrt(2));
            if (!(fabs((double)y[i] - expected) <= KNOWN_TOLERANCE)) fail_msg("gelu(%.9g) is %.9g", at, (double)y[i]);
        }
    }
    for (size_t i = 0; i < 16; i++) x[i] = i % 2 == 0 ? (real)-1e4 : (real)1e4;
    ops->bias_gelu(1, 16, bias, x, y);
    for (size_t i = 0; i < 16; i++) near("gelu far out", (double)y[i], i % 2 == 0 ? 0 : 1e4);
}

static void norm_is(void **state) {
    enum { DIM = 37 };
    const sage_ops *ops = ops_or_skip(state);
    real x[DIM], ones[DIM], zeros[DIM] = {0}, hat[DIM], y[DIM], rstd;
    double mean = 0, square = 0;
    for (size_t i = 0; i < DIM; i++) x[i] = (real)(i * i % 11), ones[i] = 1;
    ops->norm(1, DIM, x, ones, zeros, hat, y, &rstd);
    for (size_t i = 0; i < DIM; i++) mean += (double)y[i] / DIM, square += (double)(y[i] * y[i]) / DIM;
    assert_true(fabs(mean) < KNOWN_TOLERANCE && fabs(square - 1) < 1e-5);
}

/* Two steps worked by hand: after the first, m/c1 = g and v/c2 = g^2, so the weight moves by lr sign(g). */
static void adam_is(void **state) {
    const sage_ops *ops = ops_or_skip(state);
    real w[2] = {1, -2}, g[2] = {(real)0.3, -4}, m[2] = {0}, v[2] = {0};
    ops->adam(w, g, m, v, 2, (real)0.1, (real)0.9, (real)0.99, (real)1e-12, 0, (real)(1 - 0.9), (real)(1 - 0.99));
    near("first step", (double)w[0], 0.9);
    near("first step", (double)w[1], -1.9);
    g[0] = 0;
    ops->adam(w, g, m, v, 1, (real)0.1, (real)0.9, (real)0.99, 0, (real)0.5, (real)(1 - 0.81), (real)(1 - 0.9801));
    double mean = 0.9 * 0.03 / 0.19, deviation = sqrt(0.99 * 0.0009 / 0.0199);
    near("second step", (double)w[0], 0.9 - 0.1 * (mean / deviation + 0.5 * 0.9));
}

static void masked_logits_are_exactly_zero(void **state) {
    const sage_ops *ops = ops_or_skip(state);
    real x[19] = {0};
    for (size_t i = 0; i < 19; i += 3) x[i] = (real)-1e30;
    near("sum of exp", (double)ops->exp_sum(19, 0, x), 12);
    for (size_t i = 0; i < 19; i++) assert_true(x[i] == (i % 3 == 0 ? 0 : 1));
    for (size_t i = 0; i < 19; i += 3) x[i] = (real)-1e30;
    near("log sum exp", ops->softmax(19, 3, x), 1 + log(12));
    for (size_t i = 0; i < 19; i += 3) assert_true(x[i] == 0);
    near("softmax", (double)x[1], 0.25);
}

/* Ties to even; the largest floats become infinity, a NaN of any bits stays one. */
static void rounding_is(void **state) {
    static const uint32_t from[] = {0x3f800000, 0x3f808000, 0x3f808001, 0x3f818000, 0xbf818000,
                                    0x7f7fffff, 0xff800000, 0x00018000, 0x80000001};
    static const uint16_t to[] = {0x3f80, 0x3f80, 0x3f81, 0x3f82, 0xbf82, 0x7f80, 0xff80, 0x0002, 0x8000};
    enum { N = sizeof from / sizeof *from };
    const sage_ops *ops = ops_or_skip(state);
    real x[N + 1], back[N + 1], scale[1];
    uint16_t y[N + 1];
    int8_t q[5];
    for (size_t i = 0; i < N; i++) {
        float value;
        memcpy(&value, &from[i], sizeof value);
        x[i] = (real)value;
    }
    uint32_t nan_bits = 0x7f800001; /* cut off, its top half would be infinity */
    float nan_value;
    memcpy(&nan_value, &nan_bits, sizeof nan_value);
    x[N] = (real)nan_value;
    ops->to_bf16(N + 1, x, y);
    for (size_t i = 0; i < N; i++) assert_int_equal(y[i], to[i]);
    ops->from_bf16(N + 1, y, back);
    assert_true(isnan((double)back[N]) && (double)back[3] == 1.015625);
    const real row[5] = {-254, 1, 3, -3, 0}; /* 127 stands for 254: 0.5, 1.5 and -1.5 are ties */
    ops->to_int8(1, 5, row, 5, q, scale);
    near("scale", (double)scale[0], 2);
    assert_true(q[0] == -127 && q[1] == 0 && q[2] == 2 && q[3] == -2 && q[4] == 0);
}

static void the_best_is_one_of_them(void **state) {
    (void)state;
    assert_ptr_equal(sage_ops_best(), sage_ops_of(sage_isa()));
    assert_null(sage_ops_of("abacus"));
}

#define FOR_ISA(test)                                                                                                  \
    cmocka_unit_test_prestate(test, scalar), cmocka_unit_test_prestate(test, avx2),                                    \
        cmocka_unit_test_prestate(test, avx512)

int main(void) {
    static char scalar[] = "scalar", avx2[] = "avx2", avx512[] = "avx512";
    const struct CMUnitTest tests[] = {FOR_ISA(values),      FOR_ISA(gradients),
                                       FOR_ISA(gelu_is),     FOR_ISA(norm_is),
                                       FOR_ISA(adam_is),     FOR_ISA(masked_logits_are_exactly_zero),
                                       FOR_ISA(rounding_is), cmocka_unit_test(the_best_is_one_of_them)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
