/* Listing and removing directories. */
#include <base/alloc.h>
#include <base/buf.h>
#include <base/error.h>
#include <dirent.h>
#include <errno.h>
#include <io/fs.h>
#include <io/undo.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 64 };

sage_status sage_fs_list(const char *dir, sage_status (*fn)(void *ctx, const char *name, sage_error *error), void *ctx,
                         sage_error *error) {
    DIR *opened = opendir(dir);
    if (opened == NULL) return sage_fail_errno(error, "read directory", dir);
    sage_status st = SAGE_OK;
    while (st == SAGE_OK) {
        errno = 0;
        const struct dirent *entry = readdir(opened);
        if (entry == NULL) {
            if (errno != 0) st = sage_fail_errno(error, "read directory", dir);
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) st = fn(ctx, entry->d_name, error);
    }
    closedir(opened);
    return st;
}

static sage_status collect(void *ctx, const char *name, sage_error *error) {
    return sage_buf_add(ctx, name, strlen(name) + 1, error);
}

static sage_status remove_dir(const char *path, sage_error *error) {
    int number = sage_fault_check(SAGE_FS_UNLINK, path);
    if (number != 0) {
        errno = number;
        return sage_fail_errno(error, "remove directory", path);
    }
    sage_undo *undo = sage_undo_gone(path);
    int gone = rmdir(path);
    sage_undo_settle(undo, gone == 0);
    return gone == 0 || errno == ENOENT ? SAGE_OK : sage_fail_errno(error, "remove directory", path);
}

static sage_status remove_tree(const char *path, int depth, sage_error *error) {
    struct stat info;
    if (lstat(path, &info) != 0) return errno == ENOENT ? SAGE_OK : sage_fail_errno(error, "look at", path);
    if (!S_ISDIR(info.st_mode)) return sage_fs_unlink(path, error);
    if (depth == 0)
        return sage_fail(error, SAGE_E_LIMIT, "%s lies more than %d directories deep; remove it by hand", path,
                         DEPTH_MAX);
    sage_status st = SAGE_OK;
    sage_buf names;
    sage_buf_init(&names, SIZE_MAX);
    char *below = sage_alloc(SAGE_PATH_MAX); /* not on the stack, which is as deep as the tree */
    if (below == NULL) {
        st = sage_fail_memory(error, SAGE_PATH_MAX);
        goto out;
    }
    SAGE_TRY(sage_fs_list(path, collect, &names, error));
    for (size_t at = 0; at < names.len; at += strlen(names.data + at) + 1) {
        SAGE_TRY(sage_path_join(below, path, names.data + at, error));
        SAGE_TRY(remove_tree(below, depth - 1, error));
    }
    SAGE_TRY(remove_dir(path, error));
out:
    sage_free(below);
    sage_buf_free(&names);
    return st;
}

sage_status sage_fs_remove_tree(const char *path, sage_error *error) {
    return remove_tree(path, DEPTH_MAX, error);
}
