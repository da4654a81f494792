/* Query vectors of the shop's own replaced, and one of them removed, with a fault at every call that changes the file
 * system. Whatever happens: the file is as it was or as it was to become, and done again it is the latter. */
#include <features/given.h>
#include <io/npy.h>
#include <support/scratch.h>
#include <support/test.h>

enum { DIM = 3, BEFORE = 4, AFTER = 6 };

static char dir[SAGE_PATH_MAX], path[SAGE_PATH_MAX], npy[SAGE_PATH_MAX], ids[SAGE_PATH_MAX];

static void input(size_t n) {
    static const char letters[] = "a\nb\nc\nd\ne\nf\n";
    static const float vectors[AFTER * DIM] = {1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1};
    sage_npy_writer writer;
    scratch_write(ids, letters, 2 * n);
    scratch_must(sage_npy_create(npy, n, DIM, &writer, NULL) == SAGE_OK, "create");
    scratch_must(sage_npy_add(&writer, vectors, n, NULL) == SAGE_OK, "add");
    scratch_must(sage_npy_finish(&writer, NULL) == SAGE_OK, "finish");
}

static bool write_all(void *ctx) {
    return sage_given_write(path, SAGE_ON_USER, npy, ids, ctx) == SAGE_OK;
}

static bool remove_one(void *ctx) {
    bool found;
    return sage_given_remove(path, SAGE_STR("b"), &found, ctx) == SAGE_OK;
}

/* A file of n keys, and an input of AFTER. */
static void fresh(size_t n) {
    input(n);
    scratch_must(write_all(NULL), "write");
    input(AFTER);
}

static size_t count(bool *has_b) {
    sage_given *given;
    assert_int_equal(sage_given_open(path, true, &given, NULL), SAGE_OK);
    size_t n = sage_given_count(given);
    *has_b = sage_given_find(given, SAGE_STR("b")) != NULL;
    sage_given_close(given);
    return n;
}

static int ground(void **state) {
    (void)state;
    scratch_make(dir);
    snprintf(path, sizeof path, "%s", scratch_path(dir, "user.bin"));
    snprintf(npy, sizeof npy, "%s", scratch_path(dir, "q.npy"));
    snprintf(ids, sizeof ids, "%s", scratch_path(dir, "q.txt"));
    return 0;
}

static int clear(void **state) {
    (void)state;
    scratch_remove(dir);
    return 0;
}

/* From `before` keys to `after`. */
static void old_or_new(bool (*operation)(void *ctx), size_t before, size_t after, bool b_after) {
    uint64_t calls;
    bool has_b;
    fresh(before);
    assert_int_equal(fault_child(operation, NULL, SAGE_FAULT_NONE, 0, &calls), FAULT_DONE);
    assert_int_equal(count(&has_b), after);
    assert_true(calls > 3 && has_b == b_after);
    for (sage_fault_kind kind = SAGE_FAULT_ERROR; kind <= SAGE_FAULT_POWER_CUT; kind++)
        for (uint64_t at = 1; at <= calls; at++) {
            fresh(before);
            int ended = fault_child(operation, NULL, kind, at, NULL);
            size_t n = count(&has_b);
            assert_true(n == after || (ended != FAULT_DONE && n == before));
            assert_true(operation(NULL));
            assert_int_equal(count(&has_b), after);
            assert_true(has_b == b_after);
        }
}

static void replacing_is_all_or_nothing(void **state) {
    (void)state;
    old_or_new(write_all, BEFORE, AFTER, true);
}

static void removing_is_all_or_nothing(void **state) {
    (void)state;
    old_or_new(remove_one, BEFORE, BEFORE - 1, false);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(replacing_is_all_or_nothing),
                                       cmocka_unit_test(removing_is_all_or_nothing)};
    return cmocka_run_group_tests(tests, ground, clear);
}
