/* Vectors on a plane: the gradient against differences of what it is the gradient of, and groups that stay apart. */
#include <base/alloc.h>
#include <base/rng.h>
#include <eval/tsne.h>
#include <math.h>
#include <string.h>
#include <support/test.h>

enum { SMALL = 12, GROUPS = 3, EACH = 40, N = GROUPS * EACH, DIM = 8 };

/* KL(p || q) in double. */
static double divergence(const float *p, const double *y, size_t n) {
    double sum = 0, total = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            if (i != j) total += 1 / (1 + pow(y[2 * i] - y[2 * j], 2) + pow(y[2 * i + 1] - y[2 * j + 1], 2));
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            if (i == j || p[i * n + j] <= 0) continue;
            double q = 1 / (1 + pow(y[2 * i] - y[2 * j], 2) + pow(y[2 * i + 1] - y[2 * j + 1], 2)) / total;
            sum += (double)p[i * n + j] * log((double)p[i * n + j] / q);
        }
    return sum;
}

static void alike_of(size_t n, float *p) {
    sage_rng rng;
    sage_error error;
    sage_rng_seed(&rng, 7, 1);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) p[i * n + j] = p[j * n + i] = i == j ? 0 : (float)(0.5 + sage_rng_unit(&rng));
    assert_int_equal(sage_tsne_alike(p, n, 4, p, &error), SAGE_OK);
}

static void test_the_gradient_is_that_of_the_divergence(void **state) {
    (void)state;
    float p[SMALL * SMALL], y[2 * SMALL], gradient[4 * SMALL];
    double sums[SMALL], at[2 * SMALL], step = 1e-5;
    sage_rng rng;
    alike_of(SMALL, p);
    sage_rng_seed(&rng, 7, 2);
    for (size_t i = 0; i < 2 * SMALL; i++) at[i] = y[i] = (float)sage_rng_normal(&rng);
    sage_tsne_gradient(p, y, SMALL, 1, NULL, sums, gradient);
    for (size_t i = 0; i < 2 * SMALL; i++) {
        double here = at[i];
        at[i] = here + step;
        double above = divergence(p, at, SMALL);
        at[i] = here - step;
        double below = divergence(p, at, SMALL);
        at[i] = here;
        assert_true(fabs((above - below) / (2 * step) - (double)gradient[i]) < 1e-5);
    }
}

static void test_likeness_adds_up_to_1_and_has_its_perplexity(void **state) {
    (void)state;
    static float p[SMALL * SMALL];
    double sum = 0;
    alike_of(SMALL, p);
    for (size_t i = 0; i < SMALL * SMALL; i++) sum += (double)p[i];
    assert_true(fabs(sum - 1) < 1e-5);
    for (size_t i = 0; i < SMALL; i++) {
        assert_true(p[i * SMALL + i] == 0);
        for (size_t j = 0; j < SMALL; j++) assert_true(p[i * SMALL + j] == p[j * SMALL + i]);
    }
    /* On a ring all rows are the same, so that making it symmetric changes nothing: each has its perplexity. */
    sage_error error;
    for (size_t i = 0; i < SMALL; i++)
        for (size_t j = 0; j < SMALL; j++) {
            size_t apart = (i + SMALL - j) % SMALL, around = apart < SMALL - apart ? apart : SMALL - apart;
            p[i * SMALL + j] = (float)(around * around);
        }
    assert_int_equal(sage_tsne_alike(p, SMALL, 4, p, &error), SAGE_OK);
    double entropy = 0;
    for (size_t j = 1; j < SMALL; j++) {
        double share = (double)p[j] * SMALL;
        entropy -= share * log(share);
    }
    assert_true(fabs(exp(entropy) - 4) < 1e-3);
}

static void groups(float *vectors) {
    sage_rng rng;
    sage_rng_seed(&rng, 7, 3);
    for (size_t i = 0; i < N; i++)
        for (size_t d = 0; d < DIM; d++)
            vectors[i * DIM + d] = (float)(0.1 * sage_rng_normal(&rng) + (d == i % GROUPS ? 1 : 0));
}

static void test_three_groups_stay_three(void **state) {
    (void)state;
    static float vectors[N * DIM], y[2 * N], again[2 * N];
    double middle[GROUPS][2] = {{0}}, spread = 0, apart = INFINITY;
    sage_error error;
    sage_pool *pool;
    groups(vectors);
    assert_int_equal(sage_tsne(vectors, N, DIM, NULL, NULL, y, &error), SAGE_OK);
    for (size_t i = 0; i < N; i++)
        for (size_t d = 0; d < 2; d++) middle[i % GROUPS][d] += (double)y[2 * i + d] / EACH;
    for (size_t i = 0; i < N; i++) {
        const double *m = middle[i % GROUPS];
        spread = fmax(spread, hypot((double)y[2 * i] - m[0], (double)y[2 * i + 1] - m[1]));
    }
    for (size_t g = 0; g < GROUPS; g++) {
        const double *a = middle[g], *b = middle[(g + 1) % GROUPS];
        apart = fmin(apart, hypot(a[0] - b[0], a[1] - b[1]));
    }
    assert_true(spread > 0 && apart > 2 * spread);
    /* Threads change no bit. */
    assert_int_equal(sage_pool_new(3, &pool, &error), SAGE_OK);
    assert_int_equal(sage_tsne(vectors, N, DIM, pool, NULL, again, &error), SAGE_OK);
    assert_memory_equal(y, again, sizeof y);
    sage_pool_free(pool);
}

static void test_few_and_equal_vectors_have_places(void **state) {
    (void)state;
    float vectors[5 * DIM] = {0}, y[10];
    sage_error error;
    for (size_t n = 0; n <= 5; n++) {
        assert_int_equal(sage_tsne(vectors, n, DIM, NULL, NULL, y, &error), SAGE_OK);
        for (size_t i = 0; i < 2 * n; i++) assert_true(isfinite(y[i]));
    }
    assert_int_equal(sage_tsne(vectors, SAGE_TSNE_MAX + 1, DIM, NULL, NULL, y, &error), SAGE_E_LIMIT);
}

static void test_it_stops_on_request(void **state) {
    (void)state;
    static float vectors[N * DIM], y[2 * N];
    const volatile sig_atomic_t stop = 1;
    const sage_monitor monitor = {.cancel = &stop};
    sage_error error;
    groups(vectors);
    assert_int_equal(sage_tsne(vectors, N, DIM, NULL, &monitor, y, &error), SAGE_E_CANCELLED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_gradient_is_that_of_the_divergence),
        cmocka_unit_test(test_likeness_adds_up_to_1_and_has_its_perplexity),
        cmocka_unit_test(test_three_groups_stay_three),
        cmocka_unit_test(test_few_and_equal_vectors_have_places),
        cmocka_unit_test(test_it_stops_on_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
