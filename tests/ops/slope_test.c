/* Ops that have a gradient against finite differences, in f64; and the scalar truth itself against what it stands for.
 */
#include <base/rng.h>
#include <kernels/kernels.h>
#include <math.h>
#include <string.h>
#include <support/test.h>

enum { N = 3, DIM = 7 };
static const double STEP = 1e-6;

static void fresh(sage_rng *rng, real *x, size_t n) {
    for (size_t i = 0; i < n; i++) x[i] = (real)sage_rng_normal(rng);
}

static void near(const char *what, double got, double expected) {
    if (!(fabs(got - expected) <= 1e-7 * (1 + fabs(expected)))) fail_msg("%s: %.12g, not %.12g", what, got, expected);
}

static double norm_value(const real *x, const real *gain, const real *bias, const real *dy) {
    real hat[N * DIM], y[N * DIM], rstd[N];
    double sum = 0;
    sage_ops_of("scalar")->norm(N, DIM, x, gain, bias, hat, y, rstd);
    for (size_t i = 0; i < N * DIM; i++) sum += (double)(dy[i] * y[i]);
    return sum;
}

static double norm_slope(real *at, const real *x, const real *gain, const real *bias, const real *dy) {
    real kept = *at;
    *at = kept + (real)STEP;
    double above = norm_value(x, gain, bias, dy);
    *at = kept - (real)STEP;
    double below = norm_value(x, gain, bias, dy);
    *at = kept;
    return (above - below) / (2 * STEP);
}

static void layer_norm(void **state) {
    const sage_ops *ops = sage_ops_of("scalar");
    real x[N * DIM], gain[DIM], bias[DIM], dy[N * DIM], hat[N * DIM], y[N * DIM], rstd[N], dx[N * DIM],
        dgain[DIM] = {0}, dbias[DIM] = {0};
    sage_rng rng;
    (void)state;
    sage_rng_seed(&rng, 2, 2);
    fresh(&rng, x, N * DIM);
    fresh(&rng, gain, DIM);
    fresh(&rng, bias, DIM);
    fresh(&rng, dy, N * DIM);
    ops->norm(N, DIM, x, gain, bias, hat, y, rstd);
    for (size_t i = 0; i < N; i++) {
        double mean = 0, square = 0;
        for (size_t c = 0; c < DIM; c++) {
            mean += (double)hat[i * DIM + c] / DIM;
            square += (double)(hat[i * DIM + c] * hat[i * DIM + c]) / DIM;
        }
        assert_true(fabs(mean) < 1e-12 && fabs(square - 1) < 1e-3);
    }
    ops->norm_back(N, DIM, dy, hat, rstd, gain, dx);
    ops->norm_grad(N, DIM, 0, DIM, dy, hat, dgain, dbias);
    for (size_t i = 0; i < N * DIM; i++) near("slope of x", (double)dx[i], norm_slope(&x[i], x, gain, bias, dy));
    for (size_t c = 0; c < DIM; c++)
        near("slope of the gain", (double)dgain[c], norm_slope(&gain[c], x, gain, bias, dy));
    for (size_t c = 0; c < DIM; c++)
        near("slope of the bias", (double)dbias[c], norm_slope(&bias[c], x, gain, bias, dy));
}

static double gelu_value(double x) {
    real at = (real)x, zero = 0, y;
    sage_ops_of("scalar")->bias_gelu(1, 1, &zero, &at, &y);
    return (double)y;
}

static void gelu(void **state) {
    (void)state;
    for (double x = -6; x <= 6; x += 0.37) {
        real at = (real)x, d = (real)1.5;
        near("gelu", gelu_value(x), x * 0.5 * (1 + erf(x / sqrt(2))));
        sage_ops_of("scalar")->gelu_back(1, &at, &d);
        near("slope of gelu", (double)d, 1.5 * (gelu_value(x + STEP) - gelu_value(x - STEP)) / (2 * STEP));
    }
}

/* Two steps worked by hand: after the first, m/c1 = g and v/c2 = g^2, so the weight moves by lr sign(g). */
static void adam(void **state) {
    real w[2] = {1, -2}, g[2] = {(real)0.3, -4}, m[2] = {0}, v[2] = {0};
    (void)state;
    sage_adam(w, g, m, v, 2, (real)0.1, (real)0.9, (real)0.99, (real)1e-12, 0, (real)(1 - 0.9), (real)(1 - 0.99));
    near("first step", (double)w[0], 0.9);
    near("first step", (double)w[1], -1.9);
    g[0] = 0;
    sage_adam(w, g, m, v, 1, (real)0.1, (real)0.9, (real)0.99, 0, (real)0.5, (real)(1 - 0.81), (real)(1 - 0.9801));
    double mean = 0.9 * 0.03 / 0.19, deviation = sqrt(0.99 * 0.0009 / 0.0199);
    near("second step", (double)w[0], 0.9 - 0.1 * (mean / deviation + 0.5 * 0.9));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(layer_norm), cmocka_unit_test(gelu), cmocka_unit_test(adam)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
