#include <fcntl.h>
#include <io/map.h>
#include <support/scratch_dir.h>
#include <support/test.h>
#include <sys/stat.h>

static void writes_and_reads(void **state) {
    (void)state;
    const char *path = scratch_path(dir, "plain");
    int fd;
    assert_int_equal(sage_fs_create(path, true, &fd, NULL), SAGE_OK);
    assert_int_equal(sage_fs_write(fd, path, "hello", 5, NULL), SAGE_OK);
    assert_int_equal(sage_fs_sync(fd, path, NULL), SAGE_OK);
    assert_int_equal(sage_fs_close(fd, path, NULL), SAGE_OK);
    assert_true(scratch_holds(path, "hello", 5));
    sage_error error;
    assert_int_equal(sage_fs_create(path, true, &fd, &error), SAGE_E_IO);
    assert_int_equal(fd, -1);
    assert_int_equal(sage_fs_append(path, &fd, NULL), SAGE_OK);
    assert_int_equal(sage_fs_write(fd, path, " you", 4, NULL), SAGE_OK);
    assert_int_equal(sage_fs_truncate(fd, path, 7, NULL), SAGE_OK);
    assert_int_equal(sage_fs_close(fd, path, NULL), SAGE_OK);
    assert_true(scratch_holds(path, "hello y", 7));
    uint64_t bytes;
    assert_int_equal(sage_fs_size(path, &bytes, NULL), SAGE_OK);
    assert_int_equal(bytes, 7);
    assert_int_equal(sage_fs_create(path, false, &fd, NULL), SAGE_OK);
    assert_int_equal(sage_fs_close(fd, path, NULL), SAGE_OK);
    assert_true(scratch_holds(path, "", 0));
    assert_int_equal(sage_fs_size("/nowhere/at/all", &bytes, &error), SAGE_E_NOT_FOUND);
    assert_int_equal(sage_fs_open_read("/nowhere/at/all", &fd, &error), SAGE_E_NOT_FOUND);
    assert_int_equal(sage_fs_close(-1, path, NULL), SAGE_OK);
}

static void reads_at_most_so_much(void **state) {
    (void)state;
    const char *path = scratch_path(dir, "large");
    char *text = malloc(100000), *data;
    size_t n;
    memset(text, 'x', 100000);
    scratch_write(path, text, 100000);
    sage_error error;
    assert_int_equal(sage_fs_read_all(path, 99999, &data, &n, &error), SAGE_E_LIMIT);
    assert_null(data);
    assert_int_equal(sage_fs_read_all(path, 100000, &data, &n, NULL), SAGE_OK);
    assert_int_equal(n, 100000);
    assert_int_equal(data[n], '\0');
    sage_free(data);
    free(text);
    assert_int_equal(sage_fs_read_all(dir, 10, &data, &n, &error), SAGE_E_IO);
    assert_non_null(strstr(error.text, "is a directory"));
    /* No size is known beforehand. */
    assert_int_equal(sage_fs_read_all("/proc/self/stat", 1 << 20, &data, &n, NULL), SAGE_OK);
    assert_true(n > 0);
    sage_free(data);
    assert_int_equal(sage_fs_read_all("/dev/zero", 20000, &data, &n, NULL), SAGE_E_LIMIT);
}

static void joins_paths(void **state) {
    (void)state;
    char out[SAGE_PATH_MAX], longest[SAGE_PATH_MAX];
    sage_error error;
    assert_int_equal(sage_path_join(out, "a", "b", NULL), SAGE_OK);
    assert_string_equal(out, "a/b");
    assert_int_equal(sage_path_join(out, "/", "b", NULL), SAGE_OK);
    assert_string_equal(out, "/b");
    memset(longest, 'x', sizeof longest);
    longest[SAGE_PATH_MAX - 3] = '\0';
    assert_int_equal(sage_path_join(out, longest, "b", NULL), SAGE_OK);
    assert_int_equal(sage_path_join(out, longest, "bc", &error), SAGE_E_LIMIT);
    assert_string_equal(out, "");
}

static sage_status count(void *ctx, const char *name, sage_error *error) {
    (void)error;
    ++*(int *)ctx;
    return strcmp(name, "stop") == 0 ? SAGE_E_STATE : SAGE_OK;
}

static void lists_and_removes_trees(void **state) {
    (void)state;
    char tree[SAGE_PATH_MAX], path[SAGE_PATH_MAX];
    int n = 0;
    sage_path_join(tree, dir, "tree", NULL);
    strcpy(path, tree);
    for (int depth = 0; depth < 5; depth++) {
        assert_int_equal(sage_fs_mkdir(path, NULL), SAGE_OK);
        assert_int_equal(sage_fs_mkdir(path, NULL), SAGE_OK);
        scratch_write(scratch_path(path, "file"), "x", 1);
        scratch_write(scratch_path(path, ".hidden"), "x", 1);
        strcat(path, "/d");
    }
    char kept[SAGE_PATH_MAX];
    sage_path_join(kept, dir, "kept", NULL);
    assert_int_equal(sage_fs_mkdir(kept, NULL), SAGE_OK);
    scratch_write(scratch_path(kept, "file"), "x", 1);
    assert_int_equal(symlink(kept, scratch_path(tree, "link")), 0);
    assert_int_equal(sage_fs_list(tree, count, &n, NULL), SAGE_OK);
    assert_int_equal(n, 4);
    assert_int_equal(sage_fs_remove_tree(tree, NULL), SAGE_OK);
    assert_false(sage_fs_exists(tree));
    assert_true(sage_fs_exists(scratch_path(kept, "file")));
    assert_int_equal(sage_fs_remove_tree(tree, NULL), SAGE_OK);
    assert_int_equal(sage_fs_unlink(tree, NULL), SAGE_OK);
    scratch_write(scratch_path(kept, "stop"), "x", 1);
    assert_int_equal(sage_fs_list(kept, count, &n, NULL), SAGE_E_STATE);
    assert_int_equal(sage_fs_list(tree, count, &n, NULL), SAGE_E_NOT_FOUND);
    sage_error error;
    assert_int_equal(sage_fs_mkdir(scratch_path(kept, "file"), &error), SAGE_E_IO);
}

static void replaces_at_once(void **state) {
    (void)state;
    const char *path = scratch_path(dir, "current");
    for (int i = 0; i < 3; i++) {
        char text[16];
        int n = snprintf(text, sizeof text, "version %d", i);
        assert_int_equal(sage_fs_replace(path, text, (size_t)n, NULL), SAGE_OK);
        assert_true(scratch_holds(path, text, (size_t)n));
    }
    int entries = 0;
    assert_int_equal(sage_fs_list(dir, count, &entries, NULL), SAGE_OK);
    /* What a crash left is overwritten. */
    scratch_write(scratch_path(dir, ".tmp-current"), "a longer text that was left", 27);
    assert_int_equal(sage_fs_replace(path, "new", 3, NULL), SAGE_OK);
    assert_true(scratch_holds(path, "new", 3));
    int now = 0;
    assert_int_equal(sage_fs_list(dir, count, &now, NULL), SAGE_OK);
    assert_int_equal(now, entries);
    assert_int_equal(sage_fs_replace("/nowhere/file", "", 0, NULL), SAGE_E_NOT_FOUND);
}

/* As /dev/stdout is: a link to a pipe. */
static void replaces_plain_files_only(void **state) {
    (void)state;
    const char *pipe_path = scratch_path(dir, "pipe"), *link_path = scratch_path(dir, "link");
    struct stat info;
    sage_error error;
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    assert_int_equal(symlink("pipe", link_path), 0);
    const char *const paths[] = {pipe_path, link_path, dir};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        assert_int_equal(sage_fs_replace(paths[i], "x", 1, &error), SAGE_E_ARGUMENT);
        assert_non_null(strstr(error.text, "no plain file"));
        assert_true(lstat(paths[i], &info) == 0 && !S_ISREG(info.st_mode));
    }
    assert_int_equal(sage_fs_check_plain(scratch_path(dir, "absent"), NULL), SAGE_OK);
    assert_int_equal(unlink(pipe_path), 0);
    assert_int_equal(unlink(link_path), 0);
}

static void locks(void **state) {
    (void)state;
    const char *path = scratch_path(dir, "lock");
    char wanted[SAGE_PATH_MAX + 100];
    sage_error error;
    int first, second, third;
    assert_int_equal(sage_fs_lock(path, true, &first, NULL), SAGE_OK);
    assert_int_equal(sage_fs_lock(path, true, &second, &error), SAGE_E_LOCKED);
    assert_int_equal(second, -1);
    snprintf(wanted, sizeof wanted, "%s is being written by process %ld; wait for it or stop it", dir, (long)getpid());
    assert_string_equal(error.text, wanted);
    assert_int_equal(sage_fs_lock(path, false, &second, &error), SAGE_E_LOCKED);
    sage_fs_unlock(first);
    assert_int_equal(sage_fs_lock(path, false, &first, NULL), SAGE_OK);
    assert_int_equal(sage_fs_lock(path, false, &second, NULL), SAGE_OK);
    assert_int_equal(sage_fs_lock(path, true, &third, &error), SAGE_E_LOCKED);
    snprintf(wanted, sizeof wanted, "%s is in use by another process; wait for it or stop it", dir);
    assert_string_equal(error.text, wanted); /* not the number that the first one left */
    sage_fs_unlock(first);
    sage_fs_unlock(second);
    assert_int_equal(sage_fs_lock(path, true, &third, NULL), SAGE_OK);
    sage_fs_unlock(third);
    sage_fs_unlock(-1);
    assert_int_equal(sage_fs_lock("/nowhere/lock", true, &third, &error), SAGE_E_NOT_FOUND);
}

static void maps(void **state) {
    (void)state;
    const char *path = scratch_path(dir, "mapped");
    sage_map map;
    sage_error error;
    scratch_write(path, "content", 7);
    assert_int_equal(sage_map_open(path, &map, NULL), SAGE_OK);
    assert_int_equal(map.size, 7);
    assert_memory_equal(map.data, "content", 7);
    sage_map_close(&map);
    sage_map_close(&map);
    scratch_write(path, "", 0);
    assert_int_equal(sage_map_open(path, &map, NULL), SAGE_OK);
    assert_null(map.data);
    sage_map_close(&map);
    assert_int_equal(sage_map_open(dir, &map, &error), SAGE_E_FORMAT);
    assert_int_equal(sage_map_open("/nowhere", &map, &error), SAGE_E_NOT_FOUND);
}

static void copies_into_a_new_file(void **state) {
    (void)state;
    char from[SAGE_PATH_MAX], to[SAGE_PATH_MAX];
    snprintf(from, sizeof from, "%s", scratch_path(dir, "original"));
    snprintf(to, sizeof to, "%s", scratch_path(dir, "copy"));
    scratch_write(from, "con\0tent", 8);
    assert_int_equal(sage_fs_copy(from, to, NULL), SAGE_OK);
    assert_true(scratch_holds(to, "con\0tent", 8));
    scratch_write(from, "", 0);
    assert_int_equal(sage_fs_copy(from, to, NULL), SAGE_E_IO); /* what is there stays */
    assert_true(scratch_holds(to, "con\0tent", 8));
    assert_int_equal(sage_fs_unlink(to, NULL), SAGE_OK);
    assert_int_equal(sage_fs_copy(from, to, NULL), SAGE_OK);
    assert_true(scratch_holds(to, "", 0));
    assert_int_equal(sage_fs_unlink(to, NULL), SAGE_OK);
    assert_int_equal(sage_fs_copy("/nowhere", to, NULL), SAGE_E_NOT_FOUND);
    assert_false(sage_fs_exists(to));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_and_reads),
        cmocka_unit_test(reads_at_most_so_much),
        cmocka_unit_test(joins_paths),
        cmocka_unit_test(locks),
        cmocka_unit_test(lists_and_removes_trees),
        cmocka_unit_test(replaces_at_once),
        cmocka_unit_test(replaces_plain_files_only),
        cmocka_unit_test(maps),
        cmocka_unit_test(copies_into_a_new_file),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
