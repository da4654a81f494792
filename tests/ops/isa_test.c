/* Every op of every instruction set against the scalar truth, over sizes that meet each loop's body and each tail. */
#include <base/rng.h>
#include <kernels/kernels.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/test.h>

enum { ROOM = 40000 };

static const size_t dims[] = {1,  2,  3,  7,   8,   9,   15,  16,  17,  31,  32, 33,
                              48, 63, 64, 100, 127, 128, 129, 256, 257, 300, 512};
enum { N_DIMS = sizeof dims / sizeof dims[0] };

typedef struct pair {
    const sage_ops *truth, *ops;
    sage_rng rng;
    size_t dim;
} pair;

static real *fresh(pair *p, size_t n) {
    real *x = malloc((n + 1) * sizeof *x);
    assert_true(n <= ROOM);
    for (size_t i = 0; i < n; i++) x[i] = (real)sage_rng_normal(&p->rng);
    return x;
}

static real *copy(const real *x, size_t n) {
    real *y = malloc((n + 1) * sizeof *y);
    memcpy(y, x, n * sizeof *y);
    return y;
}

/* Within `tolerance` of the larger of 1 and the number; then both are let go. */
static void same(const pair *p, const char *what, real *a, real *b, size_t n, double tolerance) {
    for (size_t i = 0; i < n; i++) {
        double expected = (double)a[i], got = (double)b[i];
        if (!(fabs(got - expected) <= tolerance * (1 + fabs(expected))))
            fail_msg("%s of %s, width %zu: [%zu] is %.9g, the truth %.9g", what, p->ops->isa, p->dim, i, got, expected);
    }
    free(a);
    free(b);
}

static double sum_tolerance(size_t terms) {
    return 3e-7 * (2 + sqrt((double)terms));
}

static void vectors(pair *p) {
    size_t n = p->dim;
    real *x = fresh(p, n), *y = fresh(p, n), *y2 = copy(y, n), *e = fresh(p, n), *e2;
    real dots[2] = {p->truth->dot(n, x, y), p->ops->dot(n, x, y)};
    same(p, "dot", copy(dots, 1), copy(dots + 1, 1), 1, sum_tolerance(n));
    real most[2] = {p->truth->max(n, x), p->ops->max(n, x)};
    assert_true(most[0] == most[1]);
    p->truth->axpy(n, 0.7f, x, y);
    p->ops->axpy(n, 0.7f, x, y2);
    same(p, "axpy", y, y2, n, 1e-6);
    for (size_t i = 0; i < n; i++) e[i] *= 20;
    e[n / 2] = -1e30f; /* a masked logit */
    e2 = copy(e, n);
    real shift = p->truth->max(n, e), sums[2] = {p->truth->exp_sum(n, shift, e), p->ops->exp_sum(n, shift, e2)};
    assert_true(n == 1 || e2[n / 2] == 0);
    same(p, "exp", e, e2, n, 1e-6);
    same(p, "exp_sum", copy(sums, 1), copy(sums + 1, 1), 1, 1e-6);
    y2 = copy(x, n);
    p->truth->scale(n, -1.3f, x);
    p->ops->scale(n, -1.3f, y2);
    same(p, "scale", x, y2, n, 0);
}

static void bags(pair *p) {
    enum { ROWS = 20, USES = 37 };
    size_t dim = p->dim;
    real *table = fresh(p, ROWS * dim), *w = fresh(p, USES), *row = fresh(p, dim);
    uint32_t rows[USES + SAGE_PREFETCH];
    for (size_t i = 0; i < USES + SAGE_PREFETCH; i++) rows[i] = (uint32_t)sage_rng_below(&p->rng, ROWS);
    for (size_t n = 0; n <= USES; n += n < 3 ? 1 : 17) {
        real *a = fresh(p, dim), *b = fresh(p, dim), *dots = fresh(p, USES), *dots2 = copy(dots, USES);
        p->truth->bag_sum(dim, n, rows, w, table, a);
        p->ops->bag_sum(dim, n, rows, w, table, b);
        same(p, "bag_sum", a, b, dim, sum_tolerance(n));
        a = fresh(p, dim);
        b = copy(a, dim);
        p->truth->bag_back(dim, n, rows, w, table, row, a, dots, false);
        p->ops->bag_back(dim, n, rows, w, table, row, b, dots2, false);
        same(p, "bag_back", a, b, dim, sum_tolerance(n));
        same(p, "bag_back's dots", dots, dots2, USES, sum_tolerance(dim));
    }
    free(table);
    free(w);
    free(row);
}

static void norms(pair *p) {
    enum { N = 5 };
    size_t dim = p->dim, n = N * dim;
    real *x = fresh(p, n), *gain = fresh(p, dim), *bias = fresh(p, dim), *dy = fresh(p, n);
    real *hat = fresh(p, n), *hat2 = fresh(p, n), *y = fresh(p, n), *y2 = fresh(p, n), *r = fresh(p, N),
         *r2 = fresh(p, N);
    for (size_t c = 0; c < dim; c++) x[c] = 0; /* the sum of an empty bag */
    p->truth->norm(N, dim, x, gain, bias, hat, y, r);
    p->ops->norm(N, dim, x, gain, bias, hat2, y2, r2);
    same(p, "norm's y", y, y2, n, 3e-5);
    same(p, "norm's rstd", copy(r, N), copy(r2, N), N, 1e-5);
    real *dx = fresh(p, n), *dx2 = copy(dy, n);
    p->truth->norm_back(N, dim, dy, hat, r, gain, dx);
    p->ops->norm_back(N, dim, dx2, hat, r, gain, dx2); /* in place is allowed */
    for (size_t i = 0; i < n; i++) dx[i] /= r[i / dim], dx2[i] /= r[i / dim];
    same(p, "norm_back", dx, dx2, n, 1e-5);
    for (size_t begin = 0; begin < dim; begin += dim / 2 + 1) {
        size_t end = begin + dim / 2 + 1 < dim ? begin + dim / 2 + 1 : dim;
        real *g = fresh(p, dim), *g2 = copy(g, dim), *b = fresh(p, dim), *b2 = copy(b, dim), *s = fresh(p, dim),
             *s2 = copy(s, dim);
        p->truth->norm_grad(N, dim, begin, end, dy, hat, g, b);
        p->ops->norm_grad(N, dim, begin, end, dy, hat, g2, b2);
        same(p, "norm_grad's gain", g, g2, dim, 3e-6);
        same(p, "norm_grad's bias", b, b2, dim, 3e-6);
        p->truth->col_sum(N, dim, begin, end, dy, s);
        p->ops->col_sum(N, dim, begin, end, dy, s2);
        same(p, "col_sum", s, s2, dim, 3e-6);
    }
    real *moved = copy(x, n);
    p->truth->add_row(N, dim, bias, x);
    p->ops->add_row(N, dim, bias, moved);
    same(p, "add_row", x, moved, n, 0);
    free(hat);
    free(hat2);
    free(r);
    free(r2);
    free(gain);
    free(bias);
    free(dy);
}

static void gelu(pair *p) {
    enum { N = 3 };
    size_t dim = p->dim, n = N * dim;
    real *x = fresh(p, n), *bias = fresh(p, dim), *y = fresh(p, n), *y2 = fresh(p, n), *d = fresh(p, n),
         *d2 = copy(d, n);
    for (size_t i = 0; i < n; i++) x[i] *= i % 3 == 0 ? 8 : 1; /* far tails too */
    real *x2 = copy(x, n);
    p->truth->bias_gelu(N, dim, bias, x, y);
    p->ops->bias_gelu(N, dim, bias, x2, y2);
    same(p, "bias_gelu", y, y2, n, 1e-6);
    p->truth->gelu_back(n, x, d);
    p->ops->gelu_back(n, x2, d2);
    same(p, "gelu_back", d, d2, n, 2e-6);
    same(p, "bias_gelu's sum", x, x2, n, 0);
    free(bias);
}

static void heads(pair *p) {
    size_t dim = p->dim, ld = dim + 5;
    for (size_t h = 1; h <= 9; h += h < 4 ? 1 : 4) {
        real *u = fresh(p, h * ld), *v = fresh(p, h * ld), *x = fresh(p, dim), *a = fresh(p, h), *b = fresh(p, h);
        real *out = fresh(p, h), *out2 = copy(out, h), *sum = fresh(p, h * ld), *sum2 = copy(sum, h * ld),
             *mix = fresh(p, dim), *mix2 = copy(mix, dim);
        p->truth->heads_dot(h, dim, u, ld, x, out);
        p->ops->heads_dot(h, dim, u, ld, x, out2);
        same(p, "heads_dot", out, out2, h, sum_tolerance(dim));
        p->truth->heads_axpy(h, dim, a, x, sum, ld);
        p->ops->heads_axpy(h, dim, a, x, sum2, ld);
        same(p, "heads_axpy", sum, sum2, h * ld, 1e-6); /* what lies between rows stays */
        p->truth->heads_mix(h, dim, a, u, b, v, ld, mix);
        p->ops->heads_mix(h, dim, a, u, b, v, ld, mix2);
        same(p, "heads_mix", mix, mix2, dim, sum_tolerance(2 * h));
        free(u);
        free(v);
        free(x);
        free(a);
        free(b);
    }
}

static void adam(pair *p) {
    size_t n = p->dim;
    real *w = fresh(p, n), *w2 = copy(w, n), *m = fresh(p, n), *m2 = copy(m, n), *v = fresh(p, n), *g = fresh(p, n);
    for (size_t i = 0; i < n; i++) v[i] *= v[i];
    real *v2 = copy(v, n);
    p->truth->adam(w, g, m, v, n, 0.01f, 0.9f, 0.999f, 1e-8f, 0.1f, 0.19f, 0.002f);
    p->ops->adam(w2, g, m2, v2, n, 0.01f, 0.9f, 0.999f, 1e-8f, 0.1f, 0.19f, 0.002f);
    same(p, "adam's weight", w, w2, n, 2e-6);
    same(p, "adam's mean", m, m2, n, 1e-6);
    same(p, "adam's variance", v, v2, n, 1e-6);
    free(g);
}

static void agrees(void **state) {
    pair p = {.truth = sage_ops_of("scalar"), .ops = sage_ops_of(*state)};
    if (p.ops == NULL) {
        printf("skipped: this machine or build has no %s\n", (const char *)*state);
        skip();
    }
    sage_rng_seed(&p.rng, 11, 0);
    for (size_t i = 0; i < N_DIMS; i++) {
        p.dim = dims[i];
        vectors(&p);
        bags(&p);
        norms(&p);
        gelu(&p);
        heads(&p);
        adam(&p);
    }
}

static void the_best_is_one_of_them(void **state) {
    (void)state;
    assert_ptr_equal(sage_ops_best(), sage_ops_of(sage_isa()));
    assert_null(sage_ops_of("abacus"));
}

int main(void) {
    static char avx2[] = "avx2", avx512[] = "avx512";
    const struct CMUnitTest tests[] = {cmocka_unit_test_prestate(agrees, avx2),
                                       cmocka_unit_test_prestate(agrees, avx512),
                                       cmocka_unit_test(the_best_is_one_of_them)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
