#include <base/rng.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <support/test.h>

/* The generator's own definition, from the state {1, 2, 3, 4}: first values of the authors' reference program. */
static void is_xoshiro256starstar(void **state) {
    (void)state;
    static const uint64_t wanted[] = {11520, 0, 1509978240, 1215971899390074240};
    sage_rng rng = {{1, 2, 3, 4}};
    for (int i = 0; i < 4; i++) assert_int_equal(sage_rng_u64(&rng), wanted[i]);
}

static void depends_on_seed_and_stream_alone(void **state) {
    (void)state;
    sage_rng a, b;
    sage_rng_seed(&a, 1, 2);
    sage_rng_seed(&b, 1, 2);
    uint64_t first = sage_rng_u64(&a);
    assert_int_equal(first, sage_rng_u64(&b));
    static const uint64_t others[][2] = {{2, 1}, {1, 3}, {0, 2}, {0, 0}, {1, 0}};
    for (int i = 0; i < 5; i++) {
        sage_rng_seed(&b, others[i][0], others[i][1]);
        assert_int_not_equal(first, sage_rng_u64(&b));
    }
}

static void is_even(void **state) {
    (void)state;
    enum { DRAWS = 60000 };
    sage_rng rng;
    sage_rng_seed(&rng, 7, 0);
    size_t counts[6] = {0};
    double sum = 0, mean = 0, square = 0;
    for (int i = 0; i < DRAWS; i++) {
        counts[sage_rng_below(&rng, 6)]++;
        double unit = sage_rng_unit(&rng), normal = sage_rng_normal(&rng);
        assert_true(unit >= 0 && unit < 1);
        sum += unit;
        mean += normal;
        square += normal * normal;
    }
    /* Five standard deviations of each. */
    for (int i = 0; i < 6; i++) assert_true(fabs((double)counts[i] - DRAWS / 6.0) < 5 * sqrt(DRAWS * 5 / 36.0));
    assert_true(fabs(sum / DRAWS - 0.5) < 5 * sqrt(1 / 12.0 / DRAWS));
    assert_true(fabs(mean / DRAWS) < 5 / sqrt(DRAWS));
    assert_true(fabs(square / DRAWS - 1) < 5 * sqrt(2.0 / DRAWS));
    for (int i = 0; i < 100; i++) {
        assert_int_equal(sage_rng_below(&rng, 1), 0);
        assert_true(sage_rng_below(&rng, UINT64_MAX) < UINT64_MAX);
    }
}

static void permutes(void **state) {
    (void)state;
    enum { MOST = 300 };
    for (uint64_t n = 1; n <= MOST; n++) {
        for (uint64_t key = 0; key < 4; key++) {
            bool seen[MOST] = {false};
            for (uint64_t i = 0; i < n; i++) {
                uint64_t to = sage_permute(i, n, key);
                assert_true(to < n && !seen[to]);
                seen[to] = true;
            }
        }
    }
}

static void permutes_large_ranges(void **state) {
    (void)state;
    static unsigned char seen[100003];
    memset(seen, 0, sizeof seen);
    for (uint64_t i = 0; i < sizeof seen; i++) {
        uint64_t to = sage_permute(i, sizeof seen, 42);
        assert_true(to < sizeof seen && seen[to] == 0);
        seen[to] = 1;
    }
    static const uint64_t sizes[] = {UINT64_C(1) << 32, (UINT64_C(1) << 32) + 1, UINT64_C(1) << 63, UINT64_MAX};
    for (int s = 0; s < 4; s++) {
        for (uint64_t i = 0; i < 100; i++) assert_true(sage_permute(sizes[s] - 1 - i, sizes[s], 1) < sizes[s]);
    }
}

/* First places of many keys: each of the n values comes about equally often. */
static void permutes_evenly(void **state) {
    (void)state;
    enum { N = 10, KEYS = 20000 };
    size_t counts[N][N] = {{0}};
    for (uint64_t key = 0; key < KEYS; key++) {
        for (uint64_t i = 0; i < N; i++) counts[i][sage_permute(i, N, key)]++;
    }
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) assert_true(fabs((double)counts[i][j] - KEYS / (double)N) < 6 * sqrt(KEYS * 0.09));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_xoshiro256starstar),
        cmocka_unit_test(depends_on_seed_and_stream_alone),
        cmocka_unit_test(is_even),
        cmocka_unit_test(permutes),
        cmocka_unit_test(permutes_large_ranges),
        cmocka_unit_test(permutes_evenly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
