/* Numbers by their keys, as a list of pairs has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <base/rng.h>
#include <index/live_map.h>

enum { KEYS = 60, EACH = 4, CHANGES = 20000 };

static size_t values_of(const sage_live_map *map, int64_t key, const bool has[EACH]) {
    size_t n = 0, at = 0;
    uint32_t value;
    while (sage_live_map_next(map, key, &at, &value)) {
        assert_true(value < EACH && has[value]);
        n++;
    }
    return n;
}

/* Keys that are near each other, so that runs of the table meet; of a key up to four values. */
static void test_several_values_of_a_key(void **state) {
    (void)state;
    static bool has[KEYS][EACH];
    sage_live_map map = {0};
    size_t n = 0;
    for (uint64_t change = 0; change < CHANGES; change++) {
        const uint64_t random = sage_mix64(change);
        const int64_t key = (int64_t)(random % KEYS);
        const uint32_t value = (uint32_t)(random >> 20) % EACH;
        assert_int_equal(sage_live_map_fit(&map, NULL), SAGE_OK);
        if (has[key][value] || random >> 50 & 1)
            sage_live_map_drop(&map, key, value);
        else
            sage_live_map_add(&map, key, value);
        const bool before = has[key][value];
        has[key][value] = !before && (random >> 50 & 1) == 0;
        n = n - before + has[key][value];
        assert_int_equal(map.n, n);
        const int64_t other = (int64_t)(change % KEYS);
        size_t expected = 0;
        for (size_t i = 0; i < EACH; i++) expected += has[other][i];
        assert_int_equal(values_of(&map, other, has[other]), expected);
    }
    assert_true(map.room <= 1024);
    sage_live_map_free(&map);
}

static void test_one_value_of_a_key(void **state) {
    (void)state;
    sage_live_map map = {0};
    uint32_t value;
    sage_live_map_remove(&map, 5);
    sage_live_map_drop(&map, 5, 1);
    assert_false(sage_live_map_find(&map, 5, &value));
    for (int64_t key = -500; key < 500; key++) {
        assert_int_equal(sage_live_map_fit(&map, NULL), SAGE_OK);
        sage_live_map_set(&map, key, 1);
        sage_live_map_set(&map, key, (uint32_t)(key + 500));
    }
    assert_int_equal(map.n, 1000);
    for (int64_t key = -500; key < 500; key += 2) sage_live_map_remove(&map, key);
    for (int64_t key = -500; key < 500; key++) {
        assert_int_equal(sage_live_map_find(&map, key, &value), key % 2 != 0);
        if (key % 2 != 0) assert_int_equal(value, key + 500);
    }
    sage_live_map_free(&map);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_several_values_of_a_key),
        cmocka_unit_test(test_one_value_of_a_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
