/* The power cut itself: what was not synced is lost, what was synced is kept. */
#include <fcntl.h>
#include <support/scratch_dir.h>
#include <support/test.h>
#include <sys/stat.h>

static const char *at(const char *name) {
    return scratch_path(dir, name);
}

/* Runs op whole in a child and cuts the power right after. */
static void cut_after(bool (*op)(void *)) {
    uint64_t calls;
    assert_int_equal(fault_child(op, NULL, SAGE_FAULT_NONE, 0, &calls), FAULT_DONE);
    /* The dry run changed things: the ground is laid anew. */
    scratch_remove(dir);
    scratch_must(mkdir(dir, 0777) == 0, dir);
    scratch_write(at("old"), "old content", 11);
    scratch_write(at("other"), "other", 5);
    assert_int_equal(fault_child(op, NULL, SAGE_FAULT_POWER_CUT, calls, NULL), FAULT_KILLED);
}

static int ground(void **state) {
    (void)state;
    scratch_remove(dir);
    scratch_must(mkdir(dir, 0777) == 0, dir);
    scratch_write(at("old"), "old content", 11);
    scratch_write(at("other"), "other", 5);
    return 0;
}

static bool put(const char *path, int fd, const char *text) {
    return sage_fs_write(fd, path, text, strlen(text), NULL) == SAGE_OK;
}

static bool appends_half_synced(void *ctx) {
    (void)ctx;
    int fd;
    const char *path = at("old");
    return sage_fs_append(path, &fd, NULL) == SAGE_OK && put(path, fd, " kept") &&
           sage_fs_sync(fd, path, NULL) == SAGE_OK && put(path, fd, " lost") && put(path, fd, " too") &&
           sage_fs_close(fd, path, NULL) == SAGE_OK;
}

static void drops_unsynced_tails(void **state) {
    (void)state;
    cut_after(appends_half_synced);
    assert_true(scratch_holds(at("old"), "old content kept", 16));
}

static bool overwrites(void *ctx) {
    (void)ctx;
    int fd;
    const char *path = at("old");
    return sage_fs_create(path, false, &fd, NULL) == SAGE_OK && put(path, fd, "new") &&
           sage_fs_close(fd, path, NULL) == SAGE_OK;
}

static void restores_what_was_overwritten(void **state) {
    (void)state;
    cut_after(overwrites);
    assert_true(scratch_holds(at("old"), "old content", 11));
}

static bool makes_without_dir_sync(void *ctx) {
    (void)ctx;
    int fd;
    const char *path = at("new");
    return sage_fs_create(path, false, &fd, NULL) == SAGE_OK && put(path, fd, "new") &&
           sage_fs_sync(fd, path, NULL) == SAGE_OK && sage_fs_close(fd, path, NULL) == SAGE_OK;
}

static bool makes_with_dir_sync(void *ctx) {
    return makes_without_dir_sync(ctx) && sage_fs_sync_dir(dir, NULL) == SAGE_OK;
}

static bool makes_without_file_sync(void *ctx) {
    (void)ctx;
    int fd;
    const char *path = at("new");
    return sage_fs_create(path, false, &fd, NULL) == SAGE_OK && put(path, fd, "new") &&
           sage_fs_close(fd, path, NULL) == SAGE_OK && sage_fs_sync_dir(dir, NULL) == SAGE_OK;
}

static void forgets_names_without_dir_sync(void **state) {
    (void)state;
    cut_after(makes_without_dir_sync);
    assert_false(sage_fs_exists(at("new")));
    cut_after(makes_with_dir_sync);
    assert_true(scratch_holds(at("new"), "new", 3));
    cut_after(makes_without_file_sync);
    assert_true(scratch_holds(at("new"), "", 0));
}

static bool renames_over(void *ctx) {
    (void)ctx;
    return sage_fs_rename(at("other"), at("old"), NULL) == SAGE_OK;
}

static bool renames_over_for_good(void *ctx) {
    return renames_over(ctx) && sage_fs_sync_dir(dir, NULL) == SAGE_OK;
}

static void undoes_renames(void **state) {
    (void)state;
    cut_after(renames_over);
    assert_true(scratch_holds(at("old"), "old content", 11));
    assert_true(scratch_holds(at("other"), "other", 5));
    cut_after(renames_over_for_good);
    assert_true(scratch_holds(at("old"), "other", 5));
    assert_false(sage_fs_exists(at("other")));
}

static bool builds_and_moves(void *ctx) {
    (void)ctx;
    int fd;
    const char *path = at("d/inner");
    return sage_fs_mkdir(at("d"), NULL) == SAGE_OK && sage_fs_create(path, false, &fd, NULL) == SAGE_OK &&
           put(path, fd, "x") && sage_fs_sync(fd, path, NULL) == SAGE_OK && sage_fs_close(fd, path, NULL) == SAGE_OK &&
           sage_fs_rename(at("d"), at("e"), NULL) == SAGE_OK;
}

/* The directory's new name is durable, what lies in it is not: it was never synced itself. */
static bool moves_unsynced_dir(void *ctx) {
    return builds_and_moves(ctx) && sage_fs_sync_dir(dir, NULL) == SAGE_OK;
}

static void follows_moved_directories(void **state) {
    (void)state;
    cut_after(builds_and_moves);
    assert_false(sage_fs_exists(at("d")));
    assert_false(sage_fs_exists(at("e")));
    cut_after(moves_unsynced_dir);
    assert_true(sage_fs_exists(at("e")));
    assert_false(sage_fs_exists(at("e/inner")));
}

static bool removes_all(void *ctx) {
    (void)ctx;
    return sage_fs_remove_tree(dir, NULL) == SAGE_OK;
}

static void brings_back_what_was_removed(void **state) {
    (void)state;
    assert_int_equal(sage_fs_mkdir(at("sub"), NULL), SAGE_OK);
    scratch_write(at("sub/deep"), "deep", 4);
    assert_int_equal(symlink("old", at("link")), 0);
    uint64_t calls = 4 + 2 + 1; /* three files, a link, two directories, and the end */
    assert_int_equal(fault_child(removes_all, NULL, SAGE_FAULT_POWER_CUT, calls, NULL), FAULT_KILLED);
    assert_true(scratch_holds(at("old"), "old content", 11));
    assert_true(scratch_holds(at("other"), "other", 5));
    assert_true(scratch_holds(at("sub/deep"), "deep", 4));
    assert_true(scratch_holds(at("link"), "old content", 11));
}

static bool truncates_and_removes(void *ctx) {
    (void)ctx;
    int fd;
    const char *path = at("old");
    return sage_fs_append(path, &fd, NULL) == SAGE_OK && sage_fs_truncate(fd, path, 3, NULL) == SAGE_OK &&
           put(path, fd, "!") && sage_fs_close(fd, path, NULL) == SAGE_OK && sage_fs_unlink(path, NULL) == SAGE_OK;
}

static void undoes_in_reverse(void **state) {
    (void)state;
    cut_after(truncates_and_removes);
    assert_true(scratch_holds(at("old"), "old content", 11));
}

static bool replaces(void *ctx) {
    return sage_fs_replace(at("old"), ctx, strlen(ctx), NULL) == SAGE_OK;
}

static void fails_halfway_through_a_write(void **state) {
    (void)state;
    int fd;
    sage_error error;
    const char *path = at("old");
    sage_fault_arm(SAGE_FAULT_ERROR, 2);
    assert_int_equal(sage_fs_create(path, false, &fd, NULL), SAGE_OK);
    assert_int_equal(sage_fs_write(fd, path, "12345678", 8, &error), SAGE_E_IO);
    assert_non_null(strstr(error.text, "No space left on device"));
    sage_fault_arm(SAGE_FAULT_NONE, 0);
    sage_fs_close(fd, path, NULL);
    assert_true(scratch_holds(path, "1234", 4));
}

/* Every call of a replacement, in every way: the old content or the new one, whole. */
static void replace_is_all_or_nothing(void **state) {
    (void)state;
    char fresh[] = "fresh content, longer than before";
    uint64_t calls;
    assert_int_equal(fault_child(replaces, fresh, SAGE_FAULT_NONE, 0, &calls), FAULT_DONE);
    assert_true(calls >= 6); /* create, write, sync, rename, sync of the directory, the end */
    for (int kind = SAGE_FAULT_ERROR; kind <= SAGE_FAULT_POWER_CUT; kind++) {
        for (uint64_t call = 1; call <= calls; call++) {
            ground(NULL);
            int outcome = fault_child(replaces, fresh, (sage_fault_kind)kind, call, NULL);
            bool old = scratch_holds(at("old"), "old content", 11),
                 renewed = scratch_holds(at("old"), fresh, strlen(fresh));
            assert_true(old || renewed);
            if (kind == SAGE_FAULT_ERROR) {
                assert_int_equal(outcome, call < calls ? FAULT_FAILED : FAULT_DONE);
                assert_false(sage_fs_exists(at(".tmp-old")));
            } else {
                assert_int_equal(outcome, FAULT_KILLED);
            }
            if (call == calls) assert_true(renewed); /* done is done */
            if (call <= 3) assert_true(old);
            /* And the next try goes through. */
            assert_int_equal(sage_fs_replace(at("old"), "again", 5, NULL), SAGE_OK);
            assert_true(scratch_holds(at("old"), "again", 5));
            assert_false(sage_fs_exists(at(".tmp-old")));
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(drops_unsynced_tails, ground),
        cmocka_unit_test_setup(restores_what_was_overwritten, ground),
        cmocka_unit_test_setup(forgets_names_without_dir_sync, ground),
        cmocka_unit_test_setup(undoes_renames, ground),
        cmocka_unit_test_setup(follows_moved_directories, ground),
        cmocka_unit_test_setup(brings_back_what_was_removed, ground),
        cmocka_unit_test_setup(undoes_in_reverse, ground),
        cmocka_unit_test_setup(fails_halfway_through_a_write, ground),
        cmocka_unit_test_setup(replace_is_all_or_nothing, ground),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
