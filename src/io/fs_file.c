/* Whole files: replacing, reading, locking. */
#include <base/alloc.h>
#include <base/error.h>
#include <errno.h>
#include <fcntl.h>
#include <io/fs.h>
#include <io/map.h>
#include <io/undo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

sage_status sage_fs_check_plain(const char *path, sage_error *error) {
    struct stat info;
    if (lstat(path, &info) != 0 || S_ISREG(info.st_mode)) return SAGE_OK;
    return sage_fail(error, SAGE_E_ARGUMENT, "%s is no plain file, and would be replaced by one; name another", path);
}

sage_status sage_fs_check_place(const char *path, sage_error *error) {
    struct stat info;
    char parent[SAGE_PATH_MAX];
    sage_status st = sage_fs_check_plain(path, error);
    if (st != SAGE_OK) return st;
    sage_path_parent(parent, path);
    if (stat(parent, &info) == 0 && !S_ISDIR(info.st_mode))
        return sage_fail(error, SAGE_E_ARGUMENT, "cannot write %s: %s is no folder", path, parent);
    return access(parent, W_OK | X_OK) == 0 ? SAGE_OK : sage_fail_errno(error, "write in", parent);
}

sage_status sage_fs_temporary(char out[SAGE_PATH_MAX], const char *path, sage_error *error) {
    const char *slash = strrchr(path, '/');
    int dir_bytes = slash == NULL ? 0 : (int)(slash - path) + 1;
    int n = snprintf(out, SAGE_PATH_MAX, "%.*s.tmp-%s", dir_bytes, path, path + dir_bytes);
    if (n >= 0 && n < SAGE_PATH_MAX) return SAGE_OK;
    return sage_fail(error, SAGE_E_LIMIT, "the path %.64s... is longer than %d bytes", path, SAGE_PATH_MAX - 6);
}

sage_status sage_fs_commit(const char *tmp, const char *path, sage_error *error) {
    char parent[SAGE_PATH_MAX];
    sage_path_parent(parent, path);
    sage_status st = sage_fs_rename(tmp, path, error);
    return st == SAGE_OK ? sage_fs_sync_dir(parent, error) : st;
}

sage_status sage_fs_replace(const char *path, const void *bytes, size_t n, sage_error *error) {
    char tmp[SAGE_PATH_MAX];
    int fd = -1;
    bool made = false;
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_fs_check_plain(path, error));
    SAGE_TRY(sage_fs_temporary(tmp, path, error));
    SAGE_TRY(sage_fs_create(tmp, false, &fd, error));
    made = true;
    SAGE_TRY(sage_fs_write(fd, tmp, bytes, n, error));
    SAGE_TRY(sage_fs_sync(fd, tmp, error));
    st = sage_fs_close(fd, tmp, error);
    fd = -1;
    if (st == SAGE_OK) SAGE_TRY(sage_fs_commit(tmp, path, error));
out:
    sage_fs_close(fd, path, NULL);
    if (st != SAGE_OK && made) sage_fs_unlink(tmp, NULL);
    return st;
}

static sage_status read_all(int fd, const char *path, size_t max, char **data, size_t *n, sage_error *error) {
    struct stat stat;
    if (fstat(fd, &stat) != 0) return sage_fail_errno(error, "look at", path);
    if (S_ISDIR(stat.st_mode)) return sage_fail(error, SAGE_E_IO, "cannot read %s: it is a directory", path);
    /* The size is a hint only: pipes have none, and files may grow. */
    size_t cap = stat.st_size > 0 && (uint64_t)stat.st_size < max ? (size_t)stat.st_size
                 : stat.st_size > 0                               ? max
                                                                  : 4096;
    if (cap > max) cap = max;
    if (cap > SIZE_MAX - 2) cap = SIZE_MAX - 2;
    char *bytes = sage_alloc(cap + 2);
    size_t len = 0;
    if (bytes == NULL) return sage_fail_memory(error, cap + 2);
    for (;;) {
        ssize_t got = read(fd, bytes + len, cap + 1 - len); /* one byte more tells a file that is too long */
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            sage_fail_errno(error, "read", path);
            sage_free(bytes);
            return SAGE_E_IO;
        }
        if (got == 0) break;
        len += (size_t)got;
        if (len > max) {
            sage_free(bytes);
            return sage_fail(error, SAGE_E_LIMIT, "%s is larger than the allowed %zu bytes", path, max);
        }
        if (len <= cap) continue;
        size_t wanted = cap < max / 2 ? cap * 2 + 1 : max;
        char *grown = sage_realloc(bytes, wanted + 2);
        if (grown == NULL) {
            sage_free(bytes);
            return sage_fail_memory(error, wanted + 2);
        }
        bytes = grown;
        cap = wanted;
    }
    bytes[len] = '\0';
    *data = bytes;
    *n = len;
    return SAGE_OK;
}

sage_status sage_fs_read_all(const char *path, size_t max, char **data, size_t *n, sage_error *error) {
    int fd = -1;
    *data = NULL;
    *n = 0;
    sage_status st = sage_fs_open_read(path, &fd, error);
    if (st == SAGE_OK) st = read_all(fd, path, max < SIZE_MAX - 2 ? max : SIZE_MAX - 2, data, n, error);
    sage_fs_close(fd, path, NULL);
    return st;
}

static sage_status locked_by(int fd, const char *path, sage_error *error) {
    char dir[SAGE_PATH_MAX], text[32] = "";
    sage_path_parent(dir, path);
    /* Readers write no number: what stands there while they hold the lock is an earlier writer's. */
    bool readers = flock(fd, LOCK_SH | LOCK_NB) == 0;
    ssize_t got = readers ? 0 : pread(fd, text, sizeof text - 1, 0);
    long pid = got > 0 ? strtol(text, NULL, 10) : 0;
    if (pid > 0) {
        return sage_fail(error, SAGE_E_LOCKED, "%s is being written by process %ld; wait for it or stop it", dir, pid);
    }
    return sage_fail(error, SAGE_E_LOCKED, "%s is in use by another process; wait for it or stop it", dir);
}

sage_status sage_fs_lock(const char *path, bool exclusive, int *fd, sage_error *error) {
    sage_status st = SAGE_OK;
    char text[32];
    *fd = -1;
    int number = sage_fault_check(SAGE_FS_OPEN, path);
    if (number != 0) {
        errno = number;
        return sage_fail_errno(error, "open the lock", path);
    }
    int opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (opened < 0 && !exclusive && (errno == EACCES || errno == EROFS)) opened = open(path, O_RDONLY | O_CLOEXEC);
    if (opened < 0) return sage_fail_errno(error, "open the lock", path);
    int taken;
    do {
        taken = flock(opened, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB);
    } while (taken != 0 && errno == EINTR);
    if (taken != 0) {
        st = errno == EWOULDBLOCK ? locked_by(opened, path, error) : sage_fail_errno(error, "lock", path);
        goto out;
    }
    if (exclusive) {
        int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
        SAGE_TRY(sage_fs_truncate(opened, path, 0, error));
        SAGE_TRY(sage_fs_write(opened, path, text, (size_t)n, error));
    }
    *fd = opened;
    return SAGE_OK;
out:
    close(opened);
    return st;
}

void sage_fs_unlock(int fd) {
    if (fd >= 0) close(fd);
}

sage_status sage_fs_copy(const char *from, const char *to, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_map map = {0};
    int fd = -1;
    SAGE_TRY(sage_map_open(from, &map, error));
    SAGE_TRY(sage_fs_create(to, true, &fd, error));
    SAGE_TRY(sage_fs_write(fd, to, map.data, map.size, error));
    SAGE_TRY(sage_fs_sync(fd, to, error));
out:
    if (fd >= 0) {
        sage_status closed = sage_fs_close(fd, to, st == SAGE_OK ? error : NULL);
        if (st == SAGE_OK) st = closed;
    }
    sage_map_close(&map);
    return st;
}
