#include <base/alloc.h>
#include <base/arena.h>
#include <string.h>
#include <support/test.h>

static void gives_memory(void **state) {
    (void)state;
    void *nothing = sage_alloc(0);
    assert_non_null(nothing);
    unsigned char *zeros = sage_alloc_zero(3, 5);
    for (int i = 0; i < 15; i++) assert_int_equal(zeros[i], 0);
    for (size_t bytes = 0; bytes < 200; bytes += 13) {
        void *aligned = sage_alloc_aligned(bytes);
        assert_int_equal((uintptr_t)aligned % 64, 0);
        memset(aligned, 1, bytes);
        sage_free(aligned);
    }
    char *copy = sage_strndup("abcdef", 3);
    assert_string_equal(copy, "abc");
    sage_free(copy);
    sage_free(zeros);
    sage_free(nothing);
    sage_free(NULL);
}

static void refuses_what_cannot_be(void **state) {
    (void)state;
    assert_null(sage_alloc_zero(SIZE_MAX / 2, 3));
    assert_null(sage_alloc_aligned(SIZE_MAX - 3));
    assert_null(sage_strndup("", SIZE_MAX));
    void *array = NULL;
    size_t capacity = 0;
    assert_int_equal(sage_grow(&array, &capacity, SIZE_MAX / 4, 8), -1);
    assert_null(array);
    assert_int_equal(capacity, 0);
}

static void grows_by_half(void **state) {
    (void)state;
    uint32_t *array = NULL;
    size_t capacity = 0, moves = 0;
    for (size_t n = 0; n < 10000; n++) {
        size_t before = capacity;
        assert_int_equal(sage_grow((void **)&array, &capacity, n + 1, sizeof *array), 0);
        if (capacity != before) {
            moves++;
            assert_true(capacity >= before + before / 2);
        }
        array[n] = (uint32_t)n;
    }
    assert_true(moves < 25);
    for (size_t n = 0; n < 10000; n++) assert_int_equal(array[n], n);
    sage_free(array);
}

static void fails_on_demand(void **state) {
    (void)state;
    sage_alloc_fail_from(3);
    void *first = sage_alloc(1), *second = sage_alloc_aligned(1);
    assert_non_null(first);
    assert_non_null(second);
    assert_null(sage_alloc(1));
    assert_null(sage_alloc_zero(1, 1));
    assert_null(sage_realloc(NULL, 1));
    assert_null(sage_strdup("x"));
    assert_int_equal(sage_alloc_fail_from(0), 6);
    void *again = sage_alloc(1);
    assert_non_null(again);
    sage_free(again);
    sage_free(second);
    sage_free(first);
}

static void arena_keeps_and_resets(void **state) {
    (void)state;
    sage_arena *arena = sage_arena_new(256);
    assert_non_null(arena);
    for (int round = 0; round < 3; round++) {
        char *kept[100];
        for (int i = 0; i < 100; i++) {
            char text[8] = {(char)('a' + i % 26), (char)('0' + i % 10), 0};
            kept[i] = sage_arena_copy(arena, text, 2);
            assert_int_equal((uintptr_t)kept[i] % 16, 0);
        }
        char *large = sage_arena_get(arena, 5000);
        memset(large, 'x', 5000);
        for (int i = 0; i < 100; i++) {
            assert_int_equal(kept[i][0], 'a' + i % 26);
            assert_int_equal(strlen(kept[i]), 2);
        }
        assert_true(sage_arena_bytes(arena) >= 100 * 3 + 5000);
        sage_arena_reset(arena);
        assert_int_equal(sage_arena_bytes(arena), 0);
    }
    assert_null(sage_arena_get(arena, SIZE_MAX - 2));
    assert_null(sage_arena_copy(arena, "", SIZE_MAX));
    sage_arena_free(arena);
    sage_arena_free(NULL);
}

static void arena_survives_short_memory(void **state) {
    (void)state;
    for (unsigned long from = 1; from <= 3; from++) {
        sage_alloc_fail_from(from);
        sage_arena *arena = sage_arena_new(64);
        if (from <= 2) {
            assert_null(arena);
        } else {
            assert_non_null(sage_arena_get(arena, 64));
            assert_null(sage_arena_get(arena, 64));
        }
        sage_alloc_fail_from(0);
        if (arena != NULL) assert_non_null(sage_arena_get(arena, 64));
        sage_arena_free(arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_memory),           cmocka_unit_test(refuses_what_cannot_be),
        cmocka_unit_test(grows_by_half),          cmocka_unit_test(fails_on_demand),
        cmocka_unit_test(arena_keeps_and_resets), cmocka_unit_test(arena_survives_short_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
