/* The plain calls: each asks the seam, does one thing, and tells the power cut's memory. */
#include <base/error.h>
#include <errno.h>
#include <fcntl.h>
#include <io/fs.h>
#include <io/undo.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* True where the seam refuses the call; errno then says with what. */
static bool refused(sage_fs_op op, const char *path) {
    int number = sage_fault_check(op, path);
    if (number != 0) errno = number;
    return number != 0;
}

static sage_status open_to_write(const char *path, int flags, bool empty, int *fd, sage_error *error) {
    *fd = -1;
    if (refused(SAGE_FS_OPEN, path)) return sage_fail_errno(error, "create", path);
    bool absent = sage_undo_armed() && access(path, F_OK) != 0;
    int opened = open(path, flags | O_CREAT | O_CLOEXEC, 0666);
    if (opened < 0) return sage_fail_errno(error, "create", path);
    if (absent) sage_undo_made(path, false);
    if (empty) {
        sage_undo *undo = sage_undo_cut(opened, 0);
        int cut = ftruncate(opened, 0);
        sage_undo_settle(undo, true);
        if (cut != 0) {
            sage_fail_errno(error, "empty", path);
            close(opened);
            return SAGE_E_IO;
        }
    }
    *fd = opened;
    return SAGE_OK;
}

sage_status sage_fs_create(const char *path, bool exclusive, int *fd, sage_error *error) {
    return open_to_write(path, O_WRONLY | (exclusive ? O_EXCL : 0), !exclusive, fd, error);
}

sage_status sage_fs_append(const char *path, int *fd, sage_error *error) {
    return open_to_write(path, O_WRONLY | O_APPEND, false, fd, error);
}

sage_status sage_fs_open_read(const char *path, int *fd, sage_error *error) {
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    return *fd >= 0 ? SAGE_OK : sage_fail_errno(error, "open", path);
}

static int write_all(int fd, const char *bytes, size_t n) {
    while (n > 0) {
        ssize_t put = write(fd, bytes, n);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return -1;
        bytes += put;
        n -= (size_t)put;
    }
    return 0;
}

static uint64_t position(int fd) {
    struct stat stat;
    if ((fcntl(fd, F_GETFL) & O_APPEND) != 0 && fstat(fd, &stat) == 0) return (uint64_t)stat.st_size;
    off_t at = lseek(fd, 0, SEEK_CUR);
    return at > 0 ? (uint64_t)at : 0;
}

sage_status sage_fs_write(int fd, const char *path, const void *bytes, size_t n, sage_error *error) {
    int number = sage_fault_check(SAGE_FS_WRITE, path);
    sage_undo *undo = sage_undo_armed() ? sage_undo_bytes(fd, position(fd), n) : NULL;
    int put = write_all(fd, bytes, number != 0 ? n / 2 : n);
    sage_undo_settle(undo, true); /* a write that failed may have changed some bytes too */
    if (number != 0) errno = number;
    return number == 0 && put == 0 ? SAGE_OK : sage_fail_errno(error, "write", path);
}

sage_status sage_fs_sync(int fd, const char *path, sage_error *error) {
    if (refused(SAGE_FS_SYNC, path)) return sage_fail_errno(error, "sync", path);
    if (fsync(fd) != 0) return sage_fail_errno(error, "sync", path);
    sage_undo_synced(fd);
    return SAGE_OK;
}

void sage_fs_write_out(int fd, uint64_t at, uint64_t n) {
    (void)sync_file_range(fd, (off_t)at, (off_t)n, SYNC_FILE_RANGE_WRITE);
}

sage_status sage_fs_truncate(int fd, const char *path, uint64_t bytes, sage_error *error) {
    if (refused(SAGE_FS_TRUNCATE, path)) return sage_fail_errno(error, "truncate", path);
    sage_undo *undo = sage_undo_cut(fd, bytes);
    int cut = ftruncate(fd, (off_t)bytes);
    sage_undo_settle(undo, cut == 0);
    return cut == 0 ? SAGE_OK : sage_fail_errno(error, "truncate", path);
}

sage_status sage_fs_close(int fd, const char *path, sage_error *error) {
    /* After EINTR the descriptor is gone on Linux: closing again could hit another file. */
    if (fd < 0 || close(fd) == 0 || errno == EINTR) return SAGE_OK;
    return sage_fail_errno(error, "close", path);
}

sage_status sage_fs_rename(const char *from, const char *to, sage_error *error) {
    if (refused(SAGE_FS_RENAME, to)) return sage_fail_errno(error, "rename to", to);
    sage_undo *replaced = sage_undo_gone(to);
    int renamed = rename(from, to);
    sage_undo_settle(replaced, renamed == 0);
    if (renamed != 0) return sage_fail_errno(error, "rename to", to);
    sage_undo_moved(from, to);
    return SAGE_OK;
}

sage_status sage_fs_unlink(const char *path, sage_error *error) {
    if (refused(SAGE_FS_UNLINK, path)) return sage_fail_errno(error, "remove", path);
    sage_undo *undo = sage_undo_gone(path);
    int gone = unlink(path);
    sage_undo_settle(undo, gone == 0);
    return gone == 0 || errno == ENOENT ? SAGE_OK : sage_fail_errno(error, "remove", path);
}

sage_status sage_fs_mkdir(const char *path, sage_error *error) {
    if (refused(SAGE_FS_MKDIR, path)) return sage_fail_errno(error, "make directory", path);
    if (mkdir(path, 0777) == 0) {
        sage_undo_made(path, true);
        return SAGE_OK;
    }
    int number = errno;
    struct stat info;
    if (number == EEXIST && stat(path, &info) == 0 && S_ISDIR(info.st_mode)) return SAGE_OK;
    errno = number;
    return sage_fail_errno(error, "make directory", path);
}

sage_status sage_fs_sync_dir(const char *path, sage_error *error) {
    if (refused(SAGE_FS_SYNC_DIR, path)) return sage_fail_errno(error, "sync directory", path);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return sage_fail_errno(error, "open directory", path);
    /* Some file systems cannot sync a directory and say so with EINVAL. */
    int synced = fsync(fd) == 0 || errno == EINVAL ? 0 : -1;
    sage_status st = synced == 0 ? SAGE_OK : sage_fail_errno(error, "sync directory", path);
    close(fd);
    if (st == SAGE_OK) sage_undo_synced_dir(path);
    return st;
}

bool sage_fs_exists(const char *path) {
    struct stat info;
    return stat(path, &info) == 0;
}

sage_status sage_fs_size(const char *path, uint64_t *bytes, sage_error *error) {
    struct stat info;
    *bytes = 0;
    if (stat(path, &info) != 0) return sage_fail_errno(error, "look at", path);
    *bytes = (uint64_t)info.st_size;
    return SAGE_OK;
}

sage_status sage_path_join(char out[SAGE_PATH_MAX], const char *dir, const char *name, sage_error *error) {
    size_t len = strlen(dir);
    const char *between = len > 0 && dir[len - 1] == '/' ? "" : "/";
    int n = snprintf(out, SAGE_PATH_MAX, "%s%s%s", dir, between, name);
    if (n < 0 || n >= SAGE_PATH_MAX) {
        out[0] = '\0';
        return sage_fail(error, SAGE_E_LIMIT, "the path of %s below %.64s... is longer than %d bytes", name, dir,
                         SAGE_PATH_MAX - 1);
    }
    return SAGE_OK;
}
