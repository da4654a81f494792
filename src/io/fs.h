/* The one seam for everything that changes the file system. Tests inject faults here; SQLite passes it through a VFS
 * shim. */
#ifndef SAGE_IO_FS_H
#define SAGE_IO_FS_H

#include <itemsage/status.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

sage_status sage_fs_create(const char *path, bool exclusive, int *fd,
                           sage_error *error);                            /* for writing, truncated, 0666 */
sage_status sage_fs_append(const char *path, int *fd, sage_error *error); /* for writing at the end, created */
sage_status sage_fs_open_read(const char *path, int *fd, sage_error *error);
sage_status sage_fs_write(int fd, const char *path, const void *bytes, size_t n, sage_error *error); /* all of it */
sage_status sage_fs_sync(int fd, const char *path, sage_error *error);
/* The file system may begin to write these bytes out, so that a sync that comes later has less to wait for. Promises
 * nothing. */
void sage_fs_write_out(int fd, uint64_t at, uint64_t n);
sage_status sage_fs_truncate(int fd, const char *path, uint64_t bytes, sage_error *error);
sage_status sage_fs_close(int fd, const char *path, sage_error *error);
sage_status sage_fs_rename(const char *from, const char *to, sage_error *error);
sage_status sage_fs_unlink(const char *path, sage_error *error); /* absent is fine */
sage_status sage_fs_mkdir(const char *path, sage_error *error);  /* present is fine */
sage_status sage_fs_sync_dir(const char *path, sage_error *error);
sage_status sage_fs_remove_tree(const char *path, sage_error *error); /* absent is fine; never follows links */
bool sage_fs_exists(const char *path);
sage_status sage_fs_size(const char *path, uint64_t *bytes, sage_error *error);

/* "a/b" into `out`; SAGE_E_LIMIT where it does not fit. */
enum { SAGE_PATH_MAX = 4096 };
sage_status sage_path_join(char out[SAGE_PATH_MAX], const char *dir, const char *name, sage_error *error);

/* Calls fn for each entry of a directory (no "." and ".."), in no order; fn's first non-OK status ends it. */
sage_status sage_fs_list(const char *dir, sage_status (*fn)(void *ctx, const char *name, sage_error *error), void *ctx,
                         sage_error *error);

/* SAGE_E_ARGUMENT where a rename to `path` would take the place of something else than a plain file: of a device such
 * as /dev/stdout, a pipe, a link or a directory. Absent is fine. */
sage_status sage_fs_check_plain(const char *path, sage_error *error);
/* The same, and that its folder is there and can be written in: before long work whose result goes to `path`. */
sage_status sage_fs_check_place(const char *path, sage_error *error);

/* ---- replacing a file at once: written to a temporary beside it, synced, renamed, parent synced ---- */
/* Of a plain file only (sage_fs_check_plain). */
sage_status sage_fs_replace(const char *path, const void *bytes, size_t n, sage_error *error);
/* The two halves, for files that are written in pieces: the temporary's name (".tmp-<name>" in the same directory,
 * always the same, so that what a crash leaves is overwritten by the next try; one writer at a time), and, once it is
 * written and synced, rename and sync of the parent. The caller unlinks it where it gives up. */
sage_status sage_fs_temporary(char out[SAGE_PATH_MAX], const char *path, sage_error *error);
sage_status sage_fs_commit(const char *tmp, const char *path, sage_error *error);
/* The bytes of `from` into a new file, synced; SAGE_E_IO where that is there already. */
sage_status sage_fs_copy(const char *from, const char *to, sage_error *error);
/* Reads a whole file of at most `max` bytes; *data is terminated by a zero byte, free with sage_free. */
sage_status sage_fs_read_all(const char *path, size_t max, char **data, size_t *n, sage_error *error);

/* ---- an advisory lock on a file, held as long as the descriptor is open ---- */
/* SAGE_E_LOCKED with the holder's pid (written into the file) where an exclusive lock is taken by another process. */
sage_status sage_fs_lock(const char *path, bool exclusive, int *fd, sage_error *error);
void sage_fs_unlock(int fd);

/* ---- faults, for tests ---- */
typedef enum sage_fs_op {
    SAGE_FS_OPEN,
    SAGE_FS_WRITE,
    SAGE_FS_SYNC,
    SAGE_FS_RENAME,
    SAGE_FS_UNLINK,
    SAGE_FS_MKDIR,
    SAGE_FS_TRUNCATE,
    SAGE_FS_SYNC_DIR
} sage_fs_op;
typedef enum sage_fault_kind {
    SAGE_FAULT_NONE,
    SAGE_FAULT_ERROR,    /* the call fails with EIO (a write with ENOSPC after half of its bytes) */
    SAGE_FAULT_STOP,     /* the process ends at once before the call, with status 137 as by kill -9 */
    SAGE_FAULT_POWER_CUT /* as STOP, and what was not synced is lost: unsynced bytes dropped, unsynced renames undone */
} sage_fault_kind;
/* Counts seam calls from 1; the `at`-th (0: none) meets `kind`. Set before the operation in a forked child. To cut the
 * power right after an operation, arm one call more than it makes and call sage_fault_check once yourself when it is
 * done. */
void sage_fault_arm(sage_fault_kind kind, uint64_t at);
uint64_t sage_fault_calls(void); /* calls counted since the last arm */
/* For the SQLite shim, and any other user of raw descriptors: asks the seam; returns 0 or an errno to fail with. */
int sage_fault_check(sage_fs_op op, const char *path);

#endif
