#include <io/packed.h>
#include <support/scratch.h>
#include <support/test.h>

static char dir[SAGE_PATH_MAX], path[SAGE_PATH_MAX];
static const char magic[8] = "SAGETEST";
static const uint32_t numbers[] = {1, 2, 3, 0xFFFFFFFF, 5};

static int setup(void **state) {
    (void)state;
    scratch_make(dir);
    scratch_must(sage_path_join(path, dir, "packed", NULL) == SAGE_OK, dir);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    scratch_remove(dir);
    return 0;
}

static sage_status write_small(const char *to) {
    sage_packed_writer *writer;
    sage_status st = sage_packed_create(to, magic, 3, 3, &writer, NULL);
    if (st != SAGE_OK) return st;
    st = sage_packed_section(writer, "numbers", 4, NULL);
    for (int i = 0; i < 5 && st == SAGE_OK; i++) st = sage_packed_add(writer, &numbers[i], 4, NULL);
    if (st == SAGE_OK) st = sage_packed_section(writer, "nothing", 8, NULL);
    if (st == SAGE_OK) st = sage_packed_section(writer, "a name of 23 characters", 1, NULL);
    if (st == SAGE_OK) st = sage_packed_add(writer, "some text", 9, NULL);
    if (st != SAGE_OK) {
        sage_packed_abandon(writer);
        return st;
    }
    return sage_packed_finish(writer, NULL);
}

static sage_status check_small(const char *from) {
    sage_packed *packed;
    const void *data;
    size_t count;
    sage_status st = sage_packed_open(from, magic, 3, true, &packed, NULL);
    if (st != SAGE_OK) return st;
    assert_int_equal(sage_packed_get(packed, "numbers", 4, &data, &count, NULL), SAGE_OK);
    assert_int_equal(count, 5);
    assert_int_equal((uintptr_t)data % 64, 0);
    assert_memory_equal(data, numbers, sizeof numbers);
    assert_int_equal(sage_packed_get(packed, "nothing", 8, &data, &count, NULL), SAGE_OK);
    assert_int_equal(count, 0);
    assert_int_equal(sage_packed_get(packed, "a name of 23 characters", 1, &data, &count, NULL), SAGE_OK);
    assert_int_equal(count, 9);
    assert_memory_equal(data, "some text", 9);
    sage_packed_close(packed);
    return SAGE_OK;
}

static void keeps_sections(void **state) {
    (void)state;
    sage_packed *packed;
    sage_error error;
    const void *data;
    size_t count;
    assert_int_equal(write_small(path), SAGE_OK);
    assert_int_equal(check_small(path), SAGE_OK);
    assert_int_equal(sage_packed_open(path, magic, 3, false, &packed, NULL), SAGE_OK);
    assert_int_equal(sage_packed_get(packed, "absent", 4, &data, &count, &error), SAGE_E_NOT_FOUND);
    assert_non_null(strstr(error.text, "has no section absent"));
    assert_int_equal(sage_packed_get(packed, "numbers", 8, &data, &count, &error), SAGE_E_FORMAT);
    assert_null(data);
    sage_packed_close(packed);
    sage_packed_close(NULL);
    assert_int_equal(sage_packed_open(path, "SAGEELSE", 3, false, &packed, &error), SAGE_E_FORMAT);
    assert_null(packed);
    assert_int_equal(sage_packed_open(path, magic, 4, false, &packed, &error), SAGE_E_FORMAT);
    assert_non_null(strstr(error.text, "has format version 3, this program reads version 4"));
    assert_int_equal(sage_packed_open(scratch_path(dir, "absent"), magic, 3, false, &packed, &error), SAGE_E_NOT_FOUND);
}

/* The layout as the header file tells it, read by hand. */
static void lies_as_documented(void **state) {
    (void)state;
    size_t n;
    assert_int_equal(write_small(path), SAGE_OK);
    unsigned char *bytes = (unsigned char *)scratch_read(path, &n);
    assert_memory_equal(bytes, "SAGETEST\3\0\0\0\3\0\0\0", 16);
    assert_int_equal(n, 320 + 9); /* header of 200, sections at 256, 320 (empty) and 320 */
    assert_memory_equal(bytes + 16, "\x49\x01\0\0\0\0\0\0", 8);
    assert_memory_equal(
        bytes + 24, "numbers\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\x14\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0", 48);
    assert_memory_equal(bytes + 256, numbers, sizeof numbers);
    assert_memory_equal(bytes + 320, "some text", 9);
    sage_free(bytes);
}

static void streams_large_sections(void **state) {
    (void)state;
    enum { N = 300000 };
    sage_packed_writer *writer;
    sage_packed *packed;
    const void *data;
    size_t count;
    uint64_t *wanted = malloc(N * sizeof *wanted);
    for (size_t i = 0; i < N; i++) wanted[i] = i * i;
    assert_int_equal(sage_packed_create(path, magic, 1, 2, &writer, NULL), SAGE_OK);
    assert_int_equal(sage_packed_section(writer, "pieces", 8, NULL), SAGE_OK);
    const unsigned char *bytes = (const unsigned char *)wanted;
    for (size_t at = 0, piece = 1; at < N * 8; at += piece, piece = piece * 3 % 400009) {
        if (piece > N * 8 - at) piece = N * 8 - at;
        assert_int_equal(sage_packed_add(writer, bytes + at, piece, NULL), SAGE_OK);
    }
    assert_int_equal(sage_packed_section(writer, "whole", 8, NULL), SAGE_OK);
    assert_int_equal(sage_packed_add(writer, wanted, N * 8, NULL), SAGE_OK);
    assert_int_equal(sage_packed_finish(writer, NULL), SAGE_OK);
    assert_int_equal(sage_packed_open(path, magic, 1, true, &packed, NULL), SAGE_OK);
    static const char *const names[] = {"pieces", "whole"};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sage_packed_get(packed, names[i], 8, &data, &count, NULL), SAGE_OK);
        assert_int_equal(count, N);
        assert_memory_equal(data, wanted, N * 8);
    }
    sage_packed_close(packed);
    free(wanted);
}

static void refuses_wrong_use(void **state) {
    (void)state;
    sage_packed_writer *writer;
    assert_int_equal(sage_packed_create(path, magic, 1, 33, &writer, NULL), SAGE_E_INTERNAL);
    assert_int_equal(sage_packed_create("/nowhere/x", magic, 1, 1, &writer, NULL), SAGE_E_NOT_FOUND);
    assert_null(writer);
    assert_int_equal(sage_packed_create(path, magic, 1, 2, &writer, NULL), SAGE_OK);
    assert_int_equal(sage_packed_add(writer, "x", 1, NULL), SAGE_E_INTERNAL);
    assert_int_equal(sage_packed_section(writer, "", 4, NULL), SAGE_E_INTERNAL);
    assert_int_equal(sage_packed_section(writer, "a name of 24 characters!", 4, NULL), SAGE_E_INTERNAL);
    assert_int_equal(sage_packed_section(writer, "a", 0, NULL), SAGE_E_INTERNAL);
    assert_int_equal(sage_packed_section(writer, "a", 4, NULL), SAGE_OK);
    assert_int_equal(sage_packed_section(writer, "a", 4, NULL), SAGE_E_INTERNAL);
    assert_int_equal(sage_packed_add(writer, "xyz", 3, NULL), SAGE_OK);
    assert_int_equal(sage_packed_section(writer, "b", 4, NULL), SAGE_E_INTERNAL);
    assert_int_equal(sage_packed_finish(writer, NULL), SAGE_E_INTERNAL);
    sage_packed *packed;
    assert_int_equal(sage_packed_open(path, magic, 1, false, &packed, NULL), SAGE_E_FORMAT);
    sage_packed_abandon(NULL);
    assert_int_equal(sage_packed_create(path, magic, 1, 0, &writer, NULL), SAGE_OK);
    assert_int_equal(sage_packed_finish(writer, NULL), SAGE_OK);
    assert_int_equal(sage_packed_open(path, magic, 1, true, &packed, NULL), SAGE_OK);
    sage_packed_close(packed);
}

/* Every cut and every changed byte is found. */
static void finds_all_damage(void **state) {
    (void)state;
    size_t n;
    sage_packed *packed;
    assert_int_equal(write_small(path), SAGE_OK);
    char *bytes = scratch_read(path, &n);
    const char *other = scratch_path(dir, "damaged");
    for (size_t cut = 0; cut < n; cut++) {
        scratch_write(other, bytes, cut);
        assert_int_equal(sage_packed_open(other, magic, 3, false, &packed, NULL), SAGE_E_FORMAT);
    }
    for (size_t at = 0; at < n; at++) {
        const int changes[] = {1 << at % 8, 0xFF};
        for (int i = 0; i < 2; i++) {
            bytes[at] = (char)(bytes[at] ^ changes[i]);
            scratch_write(other, bytes, n);
            assert_int_equal(check_small(other), SAGE_E_FORMAT);
            bytes[at] = (char)(bytes[at] ^ changes[i]);
        }
    }
    bytes[n] = 0;
    scratch_write(other, bytes, n + 1);
    assert_int_equal(check_small(other), SAGE_E_FORMAT);
    sage_free(bytes);
}

static void survives_short_memory(void **state) {
    (void)state;
    sage_status st = SAGE_E_MEMORY;
    unsigned long from;
    for (from = 1; st != SAGE_OK; from++) {
        sage_alloc_fail_from(from);
        st = write_small(path);
        if (st == SAGE_OK) st = check_small(path);
        sage_alloc_fail_from(0);
        assert_true(st == SAGE_OK || st == SAGE_E_MEMORY);
    }
    assert_true(from > 4);
}

static bool write_op(void *ctx) {
    return write_small(ctx) == SAGE_OK;
}

static void is_whole_or_refused(void **state) {
    (void)state;
    uint64_t calls;
    assert_int_equal(fault_child(write_op, path, SAGE_FAULT_NONE, 0, &calls), FAULT_DONE);
    for (int kind = SAGE_FAULT_ERROR; kind <= SAGE_FAULT_POWER_CUT; kind++) {
        for (uint64_t call = 1; call <= calls; call++) {
            int outcome = fault_child(write_op, path, (sage_fault_kind)kind, call, NULL);
            sage_status st = check_small(path);
            assert_true(st == SAGE_OK || st == SAGE_E_FORMAT);
            if (outcome == FAULT_DONE) assert_int_equal(st, SAGE_OK);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_sections),         cmocka_unit_test(lies_as_documented),
        cmocka_unit_test(streams_large_sections), cmocka_unit_test(refuses_wrong_use),
        cmocka_unit_test(finds_all_damage),       cmocka_unit_test(survives_short_memory),
        cmocka_unit_test(is_whole_or_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
