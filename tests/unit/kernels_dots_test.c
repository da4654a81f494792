/* Inner products of bytes: each instruction set against the sum as it reads, at every width and count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <base/rng.h>
#include <kernels/dots.h>
#include <stdlib.h>
#include <string.h>

enum { DIM_MAX = 300, TABLE = 23, N_MAX = 11 };

static sage_dots_int8_fn fn_or_skip(void **state) {
    sage_dots_int8_fn fn = sage_dots_int8_of(*state);
    if (fn == NULL) skip();
    return fn;
}

static void check(sage_dots_int8_fn fn, size_t dim, size_t n, size_t ld, const int8_t *vector, const int8_t *table,
                  const uint32_t *rows) {
    int32_t out[N_MAX + 1];
    memset(out, 0x5a, sizeof out);
    fn(dim, n, rows, vector, table, ld, out);
    for (size_t i = 0; i < n; i++) {
        int32_t sum = 0;
        for (size_t c = 0; c < dim; c++) sum += vector[c] * table[rows[i] * ld + c];
        assert_int_equal(out[i], sum);
    }
    assert_int_equal(out[n], 0x5a5a5a5a);
}

/* The arrays end where the last row does, so that a read beyond is a fault under the address sanitizer. */
static void test_equals_the_sum(void **state) {
    sage_dots_int8_fn fn = fn_or_skip(state);
    sage_rng rng;
    sage_rng_seed(&rng, 5, 0);
    for (size_t dim = 0; dim <= DIM_MAX; dim += dim < 140 ? 1 : 29) {
        size_t ld = dim + dim % 3;
        uint32_t rows[N_MAX];
        size_t size = (TABLE - 1) * ld + dim;
        int8_t *table = malloc(size > 0 ? size : 1), *vector = malloc(dim > 0 ? dim : 1);
        assert_true(table != NULL && vector != NULL);
        for (size_t i = 0; i < size; i++) table[i] = (int8_t)((int)sage_rng_below(&rng, 256) - 128);
        for (size_t c = 0; c < dim; c++) vector[c] = (int8_t)((int)sage_rng_below(&rng, 256) - 128);
        for (size_t n = 0; n <= N_MAX; n++) {
            for (size_t i = 0; i < n; i++) rows[i] = (uint32_t)sage_rng_below(&rng, TABLE);
            if (n > 0) rows[n - 1] = TABLE - 1;
            check(fn, dim, n, ld, vector, table, rows);
        }
        free(table);
        free(vector);
    }
}

static void test_the_largest_numbers(void **state) {
    sage_dots_int8_fn fn = fn_or_skip(state);
    enum { DIM = 5000 };
    static int8_t table[2 * DIM], vector[DIM];
    static const uint32_t rows[] = {0, 1, 0, 1, 1};
    for (int turn = 0; turn < 2; turn++) {
        memset(table, -128, DIM);
        memset(table + DIM, 127, DIM);
        memset(vector, turn == 0 ? -128 : 127, DIM);
        check(fn, DIM, 5, DIM, vector, table, rows);
    }
}

static void test_the_best_is_one_of_them(void **state) {
    (void)state;
    sage_dots_int8_fn best = sage_dots_int8_best();
    assert_true(best == sage_dots_int8_of("scalar") || best == sage_dots_int8_of("avx2") ||
                best == sage_dots_int8_of("vnni"));
    assert_null(sage_dots_int8_of("abacus"));
}

#define FOR_ISA(test)                                                                                                  \
    cmocka_unit_test_prestate(test, scalar), cmocka_unit_test_prestate(test, avx2),                                    \
        cmocka_unit_test_prestate(test, vnni)

int main(void) {
    static char scalar[] = "scalar", avx2[] = "avx2", vnni[] = "vnni";
    const struct CMUnitTest tests[] = {FOR_ISA(test_equals_the_sum), FOR_ISA(test_the_largest_numbers),
                                       cmocka_unit_test(test_the_best_is_one_of_them)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
