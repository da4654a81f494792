#include <io/version.h>
#include <support/scratch.h>
#include <support/test.h>
#include <sys/stat.h>

static char dir[SAGE_PATH_MAX], parent[SAGE_PATH_MAX];

static int setup(void **state) {
    (void)state;
    scratch_make(dir);
    scratch_must(sage_path_join(parent, dir, "models", NULL) == SAGE_OK, dir);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    scratch_remove(dir);
    return 0;
}

static int ground(void **state) {
    (void)state;
    scratch_remove(dir);
    scratch_must(mkdir(dir, 0777) == 0, dir);
    return 0;
}

/* Two files, one of them in a directory below. */
static bool build(void *ctx) {
    char tmp[SAGE_PATH_MAX];
    uint64_t *version = ctx;
    if (sage_version_begin(parent, "model", tmp, NULL) != SAGE_OK) return false;
    const char *names[] = {"a", "below/b"};
    if (sage_fs_mkdir(scratch_path(tmp, "below"), NULL) != SAGE_OK) return false;
    for (int i = 0; i < 2; i++) {
        const char *path = scratch_path(tmp, names[i]);
        int fd;
        if (sage_fs_create(path, true, &fd, NULL) != SAGE_OK) return false;
        bool good = sage_fs_write(fd, path, "content", 7, NULL) == SAGE_OK;
        if (sage_fs_close(fd, path, NULL) != SAGE_OK || !good) return false;
    }
    return sage_version_publish(parent, tmp, version, NULL) == SAGE_OK;
}

static bool whole(uint64_t version) {
    char path[SAGE_PATH_MAX];
    assert_int_equal(sage_version_path(path, parent, version, NULL), SAGE_OK);
    return scratch_holds(scratch_path(path, "a"), "content", 7) &&
           scratch_holds(scratch_path(path, "below/b"), "content", 7);
}

static uint64_t newest(void) {
    uint64_t version;
    assert_int_equal(sage_version_newest(parent, &version, NULL), SAGE_OK);
    return version;
}

static void counts_upwards(void **state) {
    (void)state;
    assert_int_equal(newest(), 0);
    for (uint64_t i = 1; i <= 12; i++) {
        uint64_t version = 0;
        assert_true(build(&version));
        assert_int_equal(version, i);
        assert_int_equal(newest(), i);
        assert_true(whole(i));
    }
    uint64_t *list;
    size_t n;
    assert_int_equal(sage_version_list(parent, &list, &n, NULL), SAGE_OK);
    assert_int_equal(n, 12);
    for (size_t i = 0; i < n; i++) assert_int_equal(list[i], i + 1);
    sage_free(list);
}

static void sees_only_plain_numbers(void **state) {
    (void)state;
    static const char *const others[] = {"007", "0", "1x", "x", "-3", "+4", " 5", ".tmp-9", "99999999999999999999",
                                         "1.5"};
    assert_int_equal(sage_fs_mkdir(parent, NULL), SAGE_OK);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(sage_fs_mkdir(scratch_path(parent, others[i]), NULL), SAGE_OK);
    }
    scratch_write(scratch_path(parent, "77"), "a file", 6);
    assert_int_equal(newest(), 0);
    assert_int_equal(sage_fs_mkdir(scratch_path(parent, "18446744073709551615"), NULL), SAGE_OK);
    assert_true(newest() == UINT64_MAX);
    uint64_t version;
    assert_false(build(&version));
}

static void prunes(void **state) {
    (void)state;
    uint64_t version, pinned[] = {2, 99};
    int held;
    sage_error error;
    for (int i = 0; i < 7; i++) assert_true(build(&version));
    assert_int_equal(sage_version_hold(parent, 3, &held, NULL), SAGE_OK);
    assert_int_equal(sage_version_prune(parent, 2, pinned, 2, NULL), SAGE_OK);
    static const uint64_t kept[] = {2, 3, 6, 7};
    for (uint64_t v = 1, k = 0; v <= 7; v++) {
        bool expected = k < 4 && kept[k] == v;
        k += expected;
        assert_int_equal(whole(v), expected);
    }
    sage_fs_unlock(held);
    assert_int_equal(sage_version_prune(parent, 0, NULL, 0, NULL), SAGE_OK);
    for (uint64_t v = 1; v <= 7; v++) assert_int_equal(whole(v), v == 7);
    assert_int_equal(sage_version_hold(parent, 3, &held, &error), SAGE_E_NOT_FOUND);
    assert_int_equal(held, -1);
    assert_true(build(&version));
    assert_int_equal(version, 8);
    assert_int_equal(sage_version_prune("/nowhere", 1, NULL, 0, NULL), SAGE_OK);
}

static void removes_what_a_stop_left(void **state) {
    (void)state;
    uint64_t version;
    assert_int_equal(sage_fs_mkdir(parent, NULL), SAGE_OK);
    assert_int_equal(sage_fs_mkdir(scratch_path(parent, ".tmp-model"), NULL), SAGE_OK);
    scratch_write(scratch_path(parent, ".tmp-model/stale"), "x", 1);
    assert_true(build(&version));
    assert_false(sage_fs_exists(scratch_path(parent, "1/stale")));
}

/* Every call of building and publishing, in every way: after it there is one more whole version, or none. */
static void publishing_is_all_or_nothing(void **state) {
    (void)state;
    uint64_t version, calls;
    assert_true(build(&version));
    assert_int_equal(fault_child(build, &version, SAGE_FAULT_NONE, 0, &calls), FAULT_DONE);
    for (int kind = SAGE_FAULT_ERROR; kind <= SAGE_FAULT_POWER_CUT; kind++) {
        for (uint64_t call = 1; call <= calls; call++) {
            uint64_t before = newest();
            int outcome = fault_child(build, &version, (sage_fault_kind)kind, call, NULL);
            uint64_t after = newest();
            if (kind != SAGE_FAULT_ERROR) assert_int_equal(outcome, FAULT_KILLED);
            assert_true(after == before || after == before + 1);
            assert_true(whole(after) && whole(before));
            if (call == calls || outcome == FAULT_DONE) assert_int_equal(after, before + 1);
            assert_true(build(&version));
            assert_int_equal(version, after + 1);
            assert_int_equal(sage_version_prune(parent, 2, NULL, 0, NULL), SAGE_OK);
        }
    }
}

static bool prune(void *ctx) {
    (void)ctx;
    return sage_version_prune(parent, 1, NULL, 0, NULL) == SAGE_OK;
}

/* Whatever happens, a version that is there is there whole. */
static void pruning_leaves_no_halves(void **state) {
    (void)state;
    uint64_t version, calls, *list;
    size_t n;
    for (int i = 0; i < 3; i++) assert_true(build(&version));
    assert_int_equal(fault_child(prune, NULL, SAGE_FAULT_NONE, 0, &calls), FAULT_DONE);
    for (int kind = SAGE_FAULT_ERROR; kind <= SAGE_FAULT_POWER_CUT; kind++) {
        for (uint64_t call = 1; call <= calls; call++) {
            for (int i = 0; i < 2; i++) assert_true(build(&version));
            fault_child(prune, NULL, (sage_fault_kind)kind, call, NULL);
            assert_int_equal(sage_version_list(parent, &list, &n, NULL), SAGE_OK);
            assert_true(n >= 1 && list[n - 1] == version);
            for (size_t i = 0; i < n; i++) assert_true(whole(list[i]));
            sage_free(list);
            assert_true(prune(NULL));
            assert_false(sage_fs_exists(scratch_path(parent, ".tmp-pruned")));
        }
    }
}

static void survives_short_memory(void **state) {
    (void)state;
    bool done = false;
    unsigned long from;
    for (from = 1; !done; from++) {
        uint64_t version = 0, before = newest();
        sage_alloc_fail_from(from);
        done = build(&version) && prune(NULL);
        sage_alloc_fail_from(0);
        assert_true(newest() == before || newest() == before + 1);
        assert_int_equal(version != 0, newest() == before + 1);
        if (newest() > 0) assert_true(whole(newest()));
    }
    assert_true(from > 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(counts_upwards, ground),
        cmocka_unit_test_setup(sees_only_plain_numbers, ground),
        cmocka_unit_test_setup(prunes, ground),
        cmocka_unit_test_setup(removes_what_a_stop_left, ground),
        cmocka_unit_test_setup(publishing_is_all_or_nothing, ground),
        cmocka_unit_test_setup(pruning_leaves_no_halves, ground),
        cmocka_unit_test_setup(survives_short_memory, ground),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
