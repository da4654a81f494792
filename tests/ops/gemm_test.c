/* Matrix products and weights against loops in double: all forms, precisions, gaps between rows; many callers at once;
 * without memory; without allocating anew. */
#include <base/alloc.h>
#include <base/rng.h>
#include <dlfcn.h>
#include <kernels/gemm.h>
#include <math.h>
#include <parallel/pool.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <support/test.h>

enum { GAP = 3 };

static const sage_precision precisions[] = {SAGE_PRECISION_F32, SAGE_PRECISION_BF16, SAGE_PRECISION_INT8};

/* ---- matrices with gaps between rows ---- */

typedef struct matrix {
    size_t rows, columns, ld;
    real *x;
} matrix;

static matrix random_matrix(size_t rows, size_t columns, size_t gap, sage_rng *rng) {
    matrix m = {rows, columns, columns + gap, NULL};
    m.x = malloc((rows * m.ld + 1) * sizeof *m.x);
    for (size_t i = 0; i < rows * m.ld; i++) m.x[i] = (real)sage_rng_normal(rng);
    return m;
}

static matrix copy_of(const matrix *m) {
    matrix copy = *m;
    copy.x = malloc((m->rows * m->ld + 1) * sizeof *copy.x);
    memcpy(copy.x, m->x, m->rows * m->ld * sizeof *copy.x);
    return copy;
}

/* As the precision sees it: every value rounded, int8 by rows. */
static matrix rounded(const matrix *m, sage_precision precision) {
    const sage_ops *ops = sage_ops_best();
    matrix r = copy_of(m);
    uint16_t *bits = malloc((m->columns + 1) * sizeof *bits);
    int8_t *whole = malloc(m->columns + 1);
    for (size_t i = 0; i < m->rows; i++) {
        real *row = r.x + i * r.ld, scale;
        if (precision == SAGE_PRECISION_BF16) {
            ops->to_bf16(m->columns, row, bits);
            ops->from_bf16(m->columns, bits, row);
        } else if (precision == SAGE_PRECISION_INT8) {
            ops->to_int8(1, m->columns, row, m->columns, whole, &scale);
            for (size_t j = 0; j < m->columns; j++) row[j] = scale * whole[j];
        }
    }
    free(bits);
    free(whole);
    return r;
}

static double at(const matrix *m, bool transposed, size_t row, size_t column) {
    return (double)(transposed ? m->x[column * m->ld + row] : m->x[row * m->ld + column]);
}

/* C must be op(A) op(B), on top of `before` where add, and the gaps as before. */
static void check(const char *what, bool ta, bool tb, size_t k, const matrix *a, const matrix *b, bool add,
                  const matrix *before, const matrix *c) {
    for (size_t i = 0; i < c->rows; i++)
        for (size_t j = 0; j < c->ld; j++) {
            double old = (double)before->x[i * c->ld + j], sum = 0, size = 0;
            for (size_t l = 0; l < k && j < c->columns; l++) {
                double product = at(a, ta, i, l) * at(b, tb, l, j);
                sum += product;
                size += fabs(product);
            }
            double expected = j >= c->columns ? old : sum + (add ? old : 0);
            if (!(fabs((double)c->x[i * c->ld + j] - expected) <= 2e-6 * (size + fabs(old)) + 1e-30))
                fail_msg("%s, %zu x %zu x %zu, transposed %d %d, gaps %zu, add %d: c[%zu][%zu] is %g, not %g", what,
                         c->rows, c->columns, k, ta, tb, c->ld - c->columns, add, i, j, (double)c->x[i * c->ld + j],
                         expected);
        }
}

/* ---- products ---- */

static void one_product(sage_precision precision, bool ta, bool tb, size_t m, size_t n, size_t k, size_t gap, bool add,
                        sage_rng *rng) {
    matrix a = ta ? random_matrix(k, m, gap, rng) : random_matrix(m, k, gap, rng);
    matrix b = tb ? random_matrix(n, k, gap, rng) : random_matrix(k, n, gap, rng);
    matrix c = random_matrix(m, n, gap, rng), before = copy_of(&c);
    matrix a_rounded = rounded(&a, precision), b_rounded = rounded(&b, precision);
    sage_gemm(precision, ta, tb, m, n, k, a.x, a.ld, b.x, b.ld, add, c.x, c.ld);
    check(sage_precision_name(precision), ta, tb, k, &a_rounded, &b_rounded, add, &before, &c);
    const matrix all[] = {a, b, c, before, a_rounded, b_rounded};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i].x);
}

/* m, n, k: nothing, one, vectors, odd, blocks and a rest, long sums. */
static const size_t sizes[][3] = {{0, 5, 5},     {5, 0, 5},       {5, 5, 0},     {1, 1, 1},     {1, 40, 7},
                                  {1, 300, 90},  {40, 1, 7},      {300, 1, 90},  {3, 200, 64},  {200, 3, 64},
                                  {16, 16, 16},  {17, 15, 33},    {65, 130, 70}, {257, 66, 33}, {8, 600, 96},
                                  {129, 150, 1}, {130, 129, 131}, {64, 64, 528}, {20, 30, 2100}};

static void products(void **state) {
    sage_rng rng;
    (void)state;
    sage_rng_seed(&rng, 4, 4);
    for (int p = 0; p < 2; p++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (int form = 0; form < 16; form++)
                one_product(precisions[p], form & 1, form & 2, sizes[s][0], sizes[s][1], sizes[s][2],
                            form & 4 ? GAP : 0, form & 8, &rng);
}

/* ---- weights ---- */

typedef struct weights_case {
    sage_weights *w;
    sage_precision precision;
    size_t out, in;
    bool backward;
} weights_case;

static void use(const weights_case *wc, const matrix *w_rounded, size_t n, size_t gap, bool add, sage_rng *rng) {
    for (int back = 0; back <= (int)wc->backward; back++) {
        size_t k = back ? wc->out : wc->in;
        matrix x = random_matrix(n, k, gap, rng), y = random_matrix(n, back ? wc->in : wc->out, gap, rng);
        matrix before = copy_of(&y), x_rounded = rounded(&x, wc->precision);
        if (back)
            sage_weights_back(wc->w, n, x.x, x.ld, add, y.x, y.ld);
        else
            sage_weights_forward(wc->w, n, x.x, x.ld, add, y.x, y.ld);
        check(back ? "back" : sage_precision_name(wc->precision), false, !back, k, &x_rounded, w_rounded, add, &before,
              &y);
        const matrix all[] = {x, y, before, x_rounded};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i].x);
    }
}

/* Sets the weights anew and uses them. */
static void set_and_use(const weights_case *wc, size_t n, sage_rng *rng) {
    for (int form = 0; form < 4; form++) {
        size_t gap = form & 1 ? GAP : 0;
        matrix w = random_matrix(wc->out, wc->in, gap, rng), w_rounded = rounded(&w, wc->precision);
        sage_weights_set(wc->w, w.x, w.ld);
        memset(w.x, 0xff, wc->out * w.ld * sizeof *w.x); /* it may change now */
        use(wc, &w_rounded, n, gap, form & 2, rng);
        free(w.x);
        free(w_rounded.x);
    }
}

static const size_t weight_sizes[][2] = {{1, 1}, {5, 0}, {3, 7}, {64, 64}, {65, 33}, {130, 129}, {70, 2100}, {200, 34}};
static const size_t counts[] = {0, 1, 2, 31, 64, 65, 130, 200};

static void weights(void **state) {
    sage_rng rng;
    (void)state;
    sage_rng_seed(&rng, 6, 6);
    for (int p = 0; p < 3; p++)
        for (size_t s = 0; s < sizeof weight_sizes / sizeof *weight_sizes; s++) {
            weights_case wc = {.precision = precisions[p],
                               .out = weight_sizes[s][0],
                               .in = weight_sizes[s][1],
                               .backward = precisions[p] != SAGE_PRECISION_INT8 && s % 4 != 3};
            assert_int_equal(sage_weights_new(wc.out, wc.in, wc.precision, wc.backward, &wc.w, NULL), SAGE_OK);
            assert_true(sage_weights_bytes(wc.w) >= wc.out * wc.in);
            for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) set_and_use(&wc, counts[c], &rng);
            sage_weights_free(wc.w);
        }
    sage_weights_free(NULL);
}

/* ---- the sides of a gradient ---- */

/* Rows come a few at a time, pieces of the result too. */
static void set_side(sage_side *side, const matrix *m) {
    static const size_t steps[] = {64, 2, 128, 64, 30};
    for (size_t begin = 0, i = 0, n; begin < m->rows; begin += n) {
        n = steps[i++ % (sizeof steps / sizeof *steps)];
        if (n > m->rows - begin) n = m->rows - begin;
        sage_side_set(side, begin, n, m->x + begin * m->ld, m->ld);
    }
}

static void product_of_sides(const sage_side *left, const sage_side *right, real *c, size_t out, size_t in) {
    for (size_t begin = 0, m; begin < out; begin += m) {
        m = out - begin < 48 ? out - begin : 48;
        sage_sides_product(left, begin, m, right, c + begin * in);
    }
}

static void two_sides(sage_precision precision, size_t out, size_t in, size_t n, bool starved, sage_rng *rng) {
    sage_side *left, *right;
    assert_int_equal(sage_side_new(true, n, out, precision, &left, NULL), SAGE_OK);
    assert_int_equal(sage_side_new(false, n, in, precision, &right, NULL), SAGE_OK);
    assert_true(sage_side_bytes(left) >= n * out * sage_precision_size(precision));
    assert_true(sage_side_bytes(right) >= n * in * sage_precision_size(precision));
    for (int round = 0; round < 2; round++) { /* the second time over the first one's values */
        matrix dy = random_matrix(n, out, GAP, rng), x = random_matrix(n, in, GAP, rng);
        matrix dy_rounded = rounded(&dy, precision), x_rounded = rounded(&x, precision);
        matrix c = random_matrix(out, in, 0, rng), before = copy_of(&c);
        if (starved) sage_alloc_fail_from(1);
        set_side(left, &dy);
        set_side(right, &x);
        product_of_sides(left, right, c.x, out, in);
        sage_alloc_fail_from(0);
        check("sides", true, false, n, &dy_rounded, &x_rounded, false, &before, &c);
        const matrix all[] = {dy, x, dy_rounded, x_rounded, c, before};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i].x);
    }
    sage_side_free(left);
    sage_side_free(right);
}

/* out, in, rows */
static const size_t side_sizes[][3] = {{1, 1, 1},      {3, 5, 2},     {64, 64, 64},  {65, 130, 63},
                                       {70, 100, 129}, {200, 528, 7}, {33, 16, 700}, {130, 64, 2048}};

static void sides(void **state) {
    sage_rng rng;
    (void)state;
    sage_rng_seed(&rng, 9, 9);
    for (int p = 0; p < 2; p++)
        for (size_t s = 0; s < sizeof side_sizes / sizeof *side_sizes; s++)
            two_sides(precisions[p], side_sizes[s][0], side_sizes[s][1], side_sizes[s][2], false, &rng);
    sage_side_free(NULL);
}

/* Rows of zeros have no scale; the largest values meet in one sum. */
static void int8_extremes(void **state) {
    enum { K = 3000 };
    real *x = calloc(2 * K, sizeof *x), y[2] = {7, 7};
    sage_weights *w;
    (void)state;
    for (size_t i = 0; i < K; i++) x[i] = 2;
    assert_int_equal(sage_weights_new(1, K, SAGE_PRECISION_INT8, false, &w, NULL), SAGE_OK);
    sage_weights_set(w, x, K);
    sage_weights_forward(w, 2, x, K, false, y, 1);
    assert_true(fabs((double)y[0] - 4.0 * K) < 0.01);
    assert_true(y[1] == 0);
    sage_weights_free(w);
    free(x);
}

/* ---- memory ---- */

/* Each allocation of new weights may fail; whatever then is missing, there is an error and no leak. */
static void new_without_memory(void **state) {
    (void)state;
    for (int p = 0; p < 3; p++) {
        sage_status st = SAGE_E_MEMORY;
        for (unsigned long n = 1; st != SAGE_OK; n++) {
            sage_weights *w = NULL;
            sage_error error;
            sage_alloc_fail_from(n);
            st = sage_weights_new(40, 30, precisions[p], p < 2, &w, &error);
            sage_alloc_fail_from(0);
            assert_true(st == SAGE_OK || (st == SAGE_E_MEMORY && w == NULL));
            sage_weights_free(w);
            assert_true(n < 20);
        }
    }
}

static void new_side_without_memory(void **state) {
    (void)state;
    for (int form = 0; form < 4; form++) {
        sage_status st = SAGE_E_MEMORY;
        for (unsigned long n = 1; st != SAGE_OK; n++) {
            sage_side *side = NULL;
            sage_error error;
            sage_alloc_fail_from(n);
            st = sage_side_new(form & 1, 40, 30, precisions[form / 2], &side, &error);
            sage_alloc_fail_from(0);
            assert_true(st == SAGE_OK || (st == SAGE_E_MEMORY && side == NULL));
            sage_side_free(side);
            assert_true(n < 20);
        }
    }
}

static void *starved(void *arg) {
    sage_rng rng;
    (void)arg;
    sage_rng_seed(&rng, 7, 7);
    for (int p = 0; p < 3; p++) {
        weights_case wc = {.precision = precisions[p], .out = 20, .in = 30, .backward = p < 2};
        assert_int_equal(sage_weights_new(wc.out, wc.in, wc.precision, wc.backward, &wc.w, NULL), SAGE_OK);
        matrix w = random_matrix(wc.out, wc.in, 0, &rng), w_rounded = rounded(&w, wc.precision);
        sage_weights_set(wc.w, w.x, w.ld);
        sage_alloc_fail_from(1);
        for (int add = 0; add < 2; add++) {
            use(&wc, &w_rounded, 10, GAP, add, &rng);
            if (p < 2) one_product(precisions[p], add, true, 20, 30, 25, GAP, add, &rng);
        }
        sage_alloc_fail_from(0);
        sage_weights_free(wc.w);
        free(w.x);
        free(w_rounded.x);
        if (p < 2) two_sides(precisions[p], 20, 30, 25, true, &rng);
    }
    return NULL;
}

/* A thread that gets no memory for its own computes the same, slowly. */
static void products_without_memory(void **state) {
    pthread_t thread;
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, starved, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void nothing_is_allocated_twice(void **state) {
    enum { OUT = 100, IN = 90, N = 70 };
    sage_rng rng;
    (void)state;
    sage_rng_seed(&rng, 8, 8);
    matrix w = random_matrix(OUT, IN, 1, &rng), x = random_matrix(N, IN, 1, &rng), y = random_matrix(N, OUT, 1, &rng);
    for (int p = 0; p < 3; p++) {
        sage_weights *weights_set;
        assert_int_equal(sage_weights_new(OUT, IN, precisions[p], p < 2, &weights_set, NULL), SAGE_OK);
        unsigned long allocated = 0;
        for (int round = 0; round < 3; round++) {
            sage_alloc_fail_from(0);
            sage_weights_set(weights_set, w.x, w.ld);
            sage_weights_forward(weights_set, N, x.x, x.ld, false, y.x, y.ld);
            if (p < 2) sage_weights_back(weights_set, N, y.x, y.ld, true, x.x, x.ld);
            if (p < 2) sage_gemm(precisions[p], true, false, OUT, IN, N, y.x, y.ld, x.x, x.ld, true, w.x, w.ld);
            allocated = sage_alloc_fail_from(0);
        }
        assert_int_equal(allocated, 0);
        sage_weights_free(weights_set);
    }
    free(w.x);
    free(x.x);
    free(y.x);
}

/* ---- many callers at once ---- */

/* A BLAS that hands one buffer to two callers shows where they start together, most of all at the first calls of a
 * process; so this test comes first, and what is right is asked afterwards. */
enum { CALLERS = 4, ROUNDS = 200, M = 20, N = 260, K = 256 }; /* past the sizes that need no buffer */

typedef struct caller {
    sage_precision precision;
    const sage_weights *w;
    matrix a, b, c, first, y, first_y;
    size_t rounds, wrong;
} caller;

static void multiply(const caller *self, real *c, real *y) {
    sage_gemm(self->precision, false, true, M, N, K, self->a.x, K, self->b.x, K, false, c, N);
    sage_weights_forward(self->w, M, self->a.x, K, false, y, N);
}

static void call_once(void *ctx, size_t begin, size_t end, size_t worker) {
    caller *self = (caller *)ctx + begin;
    (void)end;
    (void)worker;
    multiply(self, self->rounds == 0 ? self->first.x : self->c.x, self->rounds == 0 ? self->first_y.x : self->y.x);
    if (self->rounds++ == 0) return;
    self->wrong += memcmp(self->c.x, self->first.x, M * N * sizeof(real)) != 0 ||
                   memcmp(self->y.x, self->first_y.x, M * N * sizeof(real)) != 0;
}

static void callers_at_once(sage_precision precision, size_t rounds) {
    caller callers[CALLERS];
    sage_weights *w;
    sage_pool *pool;
    sage_rng rng;
    sage_rng_seed(&rng, 5, 5);
    assert_int_equal(sage_pool_new(CALLERS, &pool, NULL), SAGE_OK);
    assert_int_equal(sage_weights_new(N, K, precision, false, &w, NULL), SAGE_OK);
    matrix values = random_matrix(N, K, 0, &rng);
    sage_weights_set(w, values.x, K);
    for (size_t i = 0; i < CALLERS; i++) {
        callers[i] = (caller){.precision = precision == SAGE_PRECISION_INT8 ? SAGE_PRECISION_F32 : precision, .w = w};
        matrix *all[] = {&callers[i].a,     &callers[i].b, &callers[i].c,
                         &callers[i].first, &callers[i].y, &callers[i].first_y};
        for (size_t j = 0; j < 6; j++) *all[j] = random_matrix(j == 1 ? N : M, j < 2 ? K : N, 0, &rng);
    }
    for (size_t round = 0; round < rounds; round++) sage_pool_for(pool, CALLERS, 1, call_once, callers);
    sage_pool_free(pool);
    for (size_t i = 0; i < CALLERS; i++) {
        call_once(callers, i, i + 1, 0); /* alone */
        assert_int_equal(callers[i].wrong, 0);
        const matrix all[] = {callers[i].a,     callers[i].b, callers[i].c,
                              callers[i].first, callers[i].y, callers[i].first_y};
        for (size_t j = 0; j < 6; j++) free(all[j].x);
    }
    sage_weights_free(w);
    free(values.x);
}

static void many_callers_at_once(void **state) {
    (void)state;
    for (int p = 0; p < 3; p++) {
        callers_at_once(precisions[p], ROUNDS);
        assert_true(strlen(sage_gemm_name(precisions[p])) > 0);
    }
}

/* ---- the program around ---- */

/* Whoever uses OpenMP beside us keeps the number of threads it set. */
static void openmp_of_the_host_is_left_alone(void **state) {
    int (*get)(void);
    void (*set)(int);
    sage_rng rng;
    (void)state;
    *(void **)&get = dlsym(RTLD_DEFAULT, "omp_get_max_threads");
    *(void **)&set = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
    if (get == NULL || set == NULL) skip(); /* no OpenMP in this build */
    int before = get();
    set(3);
    sage_rng_seed(&rng, 9, 9);
    one_product(SAGE_PRECISION_F32, false, true, 30, 31, 32, 0, false, &rng);
    assert_int_equal(get(), 3);
    set(before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_callers_at_once),
        cmocka_unit_test(products),
        cmocka_unit_test(weights),
        cmocka_unit_test(sides),
        cmocka_unit_test(int8_extremes),
        cmocka_unit_test(new_without_memory),
        cmocka_unit_test(new_side_without_memory),
        cmocka_unit_test(products_without_memory),
        cmocka_unit_test(nothing_is_allocated_twice),
        cmocka_unit_test(openmp_of_the_host_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
