/* The count-min sketch keeps its two promises, and is exact where it is wide. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <base/alloc.h>
#include <base/rng.h>
#include <cmocka.h>
#include <dataset/cms.h>
#include <math.h>

enum { KEYS = 5000 };

static uint32_t true_count(uint64_t key) {
    return key % 97 == 0 ? 400 : 1 + (uint32_t)(key % 5);
}

static sage_cms *filled(size_t depth, size_t width, uint64_t seed) {
    sage_cms *sketch;
    assert_int_equal(sage_cms_new(depth, width, seed, &sketch, NULL), SAGE_OK);
    for (uint64_t key = 0; key < KEYS; key++) sage_cms_add(sketch, key, true_count(key));
    return sketch;
}

static void never_below_and_rarely_far_above(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 5; seed++) {
        sage_cms *sketch = filled(4, 1024, seed);
        double bound = 2.718281828 / 1024 * (double)sage_cms_total(sketch);
        size_t above = 0;
        for (uint64_t key = 0; key < KEYS; key++) {
            assert_true(sage_cms_count(sketch, key) >= true_count(key));
            above += (double)(sage_cms_count(sketch, key) - true_count(key)) > bound;
        }
        assert_true((double)above <= exp(-4) * KEYS);
        sage_cms_free(sketch);
    }
}

static void a_wide_sketch_is_exact_and_totals_add_up(void **state) {
    (void)state;
    sage_cms *sketch = filled(3, 1 << 20, 1);
    uint64_t total = 0;
    for (uint64_t key = 0; key < KEYS; key++) {
        assert_int_equal(sage_cms_count(sketch, key), true_count(key));
        total += true_count(key);
    }
    assert_int_equal(sage_cms_total(sketch), total);
    assert_int_equal(sage_cms_count(sketch, KEYS + 1), 0);
    sage_cms_free(sketch);
}

static void full_cells_stay_full(void **state) {
    (void)state;
    sage_cms *sketch;
    assert_int_equal(sage_cms_new(1, 1, 0, &sketch, NULL), SAGE_OK);
    sage_cms_add(sketch, 1, UINT32_MAX - 1);
    sage_cms_add(sketch, 2, 5);
    assert_int_equal(sage_cms_count(sketch, 1), UINT32_MAX);
    assert_int_equal(sage_cms_total(sketch), (uint64_t)UINT32_MAX + 4);
    sage_cms_free(sketch);
}

static void bad_sizes_and_short_memory(void **state) {
    (void)state;
    static const size_t bad[][2] = {{0, 8}, {65, 8}, {2, 0}, {2, 12}};
    sage_cms *sketch;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(sage_cms_new(bad[i][0], bad[i][1], 0, &sketch, NULL), SAGE_E_ARGUMENT);
    for (unsigned long i = 1; i <= 3; i++) {
        sage_alloc_fail_from(i);
        sage_status st = sage_cms_new(2, 8, 0, &sketch, NULL);
        sage_alloc_fail_from(0);
        assert_int_equal(st, SAGE_E_MEMORY);
        assert_null(sketch);
    }
    sage_cms_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_below_and_rarely_far_above),
        cmocka_unit_test(a_wide_sketch_is_exact_and_totals_add_up),
        cmocka_unit_test(full_cells_stay_full),
        cmocka_unit_test(bad_sizes_and_short_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
