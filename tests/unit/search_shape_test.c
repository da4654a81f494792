/* Shaping on lists small enough to do by hand, and against the definition on random ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <base/rng.h>
#include <math.h>
#include <search/shape.h>
#include <stdbool.h>
#include <string.h>

static size_t choose(const sage_shape *shape, size_t k, uint32_t *chosen) {
    size_t n = 99;
    sage_error error;
    if (sage_shape_choose(shape, k, chosen, &n, &error) != SAGE_OK) fail_msg("%s", error.text);
    return n;
}

static void expect(const uint32_t *chosen, size_t n, const uint32_t *wanted, size_t n_wanted) {
    assert_int_equal(n, n_wanted);
    for (size_t i = 0; i < n; i++) assert_int_equal(chosen[i], wanted[i]);
}

static void nothing_asked_changes_nothing(void **state) {
    (void)state;
    uint32_t chosen[4];
    const sage_shape shape = {.n = 4};
    expect(chosen, choose(&shape, 3, chosen), (const uint32_t[]){0, 1, 2}, 3);
    expect(chosen, choose(&shape, 9, chosen), (const uint32_t[]){0, 1, 2, 3}, 4);
    expect(chosen, choose(&shape, 0, chosen), NULL, 0);
}

static void one_of_a_group_and_two_of_a_brand(void **state) {
    (void)state;
    uint32_t chosen[8];
    const uint64_t groups[] = {7, 7, 0, 0, 9, 9, 7, 5}, brands[] = {1, 1, 1, 1, 1, 2, 2, 1};
    const sage_shape_limit limits[] = {{groups, 1}, {brands, 2}};
    const sage_shape shape = {.n = 8, .limits = limits, .n_limits = 2};
    expect(chosen, choose(&shape, 8, chosen), (const uint32_t[]){0, 2, 5}, 3);
    const sage_shape groups_only = {.n = 8, .limits = limits, .n_limits = 1};
    expect(chosen, choose(&groups_only, 8, chosen), (const uint32_t[]){0, 2, 3, 4, 7}, 5);
}

/* 0 and 1 are the same thing, 2 is another that is worth less. */
static const float twins[] = {1, 0, 1, 0, 0, 1};
static const float scores[] = {0.9F, 0.8F, 0.5F};
static const uint32_t rows[] = {0, 1, 2};

static void diversity_puts_what_is_new_before_what_is_alike(void **state) {
    (void)state;
    uint32_t chosen[3];
    sage_shape shape = {.n = 3, .scores = scores, .diversity = 0.2, .vectors = twins, .dim = 2, .rows = rows};
    expect(chosen, choose(&shape, 3, chosen), (const uint32_t[]){0, 1, 2}, 3);
    shape.diversity = 0.5;
    expect(chosen, choose(&shape, 3, chosen), (const uint32_t[]){0, 2, 1}, 3);
    shape.scores = NULL; /* 1, 1/2, 0 by their places: (1-d)/2 - d against 0 */
    shape.diversity = 0.3;
    expect(chosen, choose(&shape, 3, chosen), (const uint32_t[]){0, 1, 2}, 3);
    shape.diversity = 0.4;
    expect(chosen, choose(&shape, 3, chosen), (const uint32_t[]){0, 2, 1}, 3);
}

static void equal_scores_are_told_apart_by_likeness_alone(void **state) {
    (void)state;
    uint32_t chosen[3];
    const float same[] = {0.5F, 0.5F, 0.5F};
    const sage_shape shape = {.n = 3, .scores = same, .diversity = 0.01, .vectors = twins, .dim = 2, .rows = rows};
    expect(chosen, choose(&shape, 3, chosen), (const uint32_t[]){0, 2, 1}, 3);
}

/* ---- the definition, the long way ---- */

enum { N = 60, DIM = 5, LIMITS = 2 };

typedef struct example {
    float vectors[N * DIM], scores[N];
    uint32_t rows[N];
    uint64_t keys[LIMITS][N];
    sage_shape_limit limits[LIMITS];
} example;

static void make(example *e, sage_rng *rng) {
    for (size_t i = 0; i < N; i++) {
        double length = 0;
        for (size_t c = 0; c < DIM; c++) {
            e->vectors[i * DIM + c] = (float)(sage_rng_unit(rng) - 0.5);
            length += (double)e->vectors[i * DIM + c] * (double)e->vectors[i * DIM + c];
        }
        for (size_t c = 0; c < DIM; c++) e->vectors[i * DIM + c] /= (float)sqrt(length);
        e->scores[i] = (float)(N - i) + (float)sage_rng_unit(rng);
        e->rows[i] = (uint32_t)(N - 1 - i);
        for (size_t l = 0; l < LIMITS; l++) e->keys[l][i] = sage_rng_below(rng, 8);
    }
    for (size_t l = 0; l < LIMITS; l++) e->limits[l] = (sage_shape_limit){e->keys[l], 1 + sage_rng_below(rng, 5)};
}

static bool fits(const example *e, const uint32_t *chosen, size_t n, size_t i) {
    for (size_t l = 0; l < LIMITS; l++) {
        size_t same = 0;
        for (size_t j = 0; j < n; j++) same += e->keys[l][chosen[j]] == e->keys[l][i];
        if (e->keys[l][i] != 0 && same >= e->limits[l].most) return false;
    }
    return true;
}

static double value_of(const example *e, const uint32_t *chosen, size_t n, size_t i, double diversity) {
    double like = n == 0 ? 0 : -1, high = (double)e->scores[0], low = high;
    for (size_t j = 0; j < N; j++) {
        low = fmin(low, (double)e->scores[j]);
        high = fmax(high, (double)e->scores[j]);
    }
    for (size_t j = 0; j < n; j++) {
        double dot = 0;
        for (size_t c = 0; c < DIM; c++)
            dot += (double)e->vectors[e->rows[i] * DIM + c] * (double)e->vectors[e->rows[chosen[j]] * DIM + c];
        like = fmax(like, dot);
    }
    return (1 - diversity) * ((double)e->scores[i] - low) / (high - low) - diversity * like;
}

/* Each choice is admissible and none is better by more than rounding; and it ends only where nothing is left. */
static void check(const example *e, double diversity, size_t k) {
    uint32_t chosen[N];
    const sage_shape shape = {N, e->scores, e->limits, LIMITS, diversity, e->vectors, DIM, e->rows};
    size_t n = choose(&shape, k, chosen);
    bool taken[N] = {false};
    for (size_t at = 0; at <= n; at++) {
        double best = -INFINITY;
        for (size_t i = 0; i < N; i++)
            if (!taken[i] && fits(e, chosen, at, i)) best = fmax(best, value_of(e, chosen, at, i, diversity));
        if (at == n) {
            assert_true(n == k || isinf(best));
            break;
        }
        assert_false(taken[chosen[at]]);
        assert_true(fits(e, chosen, at, chosen[at]));
        assert_true(value_of(e, chosen, at, chosen[at], diversity) >= best - 1e-5);
        taken[chosen[at]] = true;
    }
}

static void every_choice_is_the_best_that_fits(void **state) {
    (void)state;
    sage_rng rng;
    example e;
    sage_rng_seed(&rng, 3, 0);
    for (size_t round = 0; round < 40; round++) {
        make(&e, &rng);
        check(&e, 0, 20);
        check(&e, sage_rng_unit(&rng), 1 + sage_rng_below(&rng, N));
        check(&e, 1, N);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_asked_changes_nothing),
        cmocka_unit_test(one_of_a_group_and_two_of_a_brand),
        cmocka_unit_test(diversity_puts_what_is_new_before_what_is_alike),
        cmocka_unit_test(equal_scores_are_told_apart_by_likeness_alone),
        cmocka_unit_test(every_choice_is_the_best_that_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
