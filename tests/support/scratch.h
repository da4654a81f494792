/* For tests of rooms that use io: a directory of their own, small files, and operations run in a child that meets a
 * fault. */
#ifndef SAGE_TESTS_SCRATCH_H
#define SAGE_TESTS_SCRATCH_H

#include <base/alloc.h>
#include <io/fs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Ends the test program where the test's own ground gives way. */
static inline void scratch_must(bool held, const char *what) {
    if (held) return;
    perror(what);
    abort();
}

/* A new empty directory below $TMPDIR, or in memory where the system has that (tests of faults sync thousands of times;
 * what a power cut takes is reckoned, not left to the disk), or below /tmp. */
static inline void scratch_make(char dir[SAGE_PATH_MAX]) {
    const char *base = getenv("TMPDIR");
    if (base == NULL || base[0] == '\0') base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(dir, SAGE_PATH_MAX, "%s/sage-test-XXXXXX", base);
    scratch_must(mkdtemp(dir) != NULL, dir);
}

static inline void scratch_remove(const char *dir) {
    scratch_must(sage_fs_remove_tree(dir, NULL) == SAGE_OK, dir);
}

/* "dir/name", in one of four buffers that take turns. */
static inline const char *scratch_path(const char *dir, const char *name) {
    static char paths[4][SAGE_PATH_MAX];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    scratch_must(sage_path_join(path, dir, name, NULL) == SAGE_OK, name);
    return path;
}

/* Written past the seam, so that faults do not see it. */
static inline void scratch_write(const char *path, const void *bytes, size_t n) {
    FILE *file = fopen(path, "wb");
    scratch_must(file != NULL, path);
    scratch_must(fwrite(bytes, 1, n, file) == n && fclose(file) == 0, path);
}

/* The whole file, terminated; free with sage_free. NULL where there is none. */
static inline char *scratch_read(const char *path, size_t *n) {
    char *data = NULL;
    return sage_fs_read_all(path, SIZE_MAX / 4, &data, n, NULL) == SAGE_OK ? data : NULL;
}

static inline bool scratch_holds(const char *path, const void *bytes, size_t n) {
    size_t found;
    char *data = scratch_read(path, &found);
    bool same = data != NULL && found == n && memcmp(data, bytes, n) == 0;
    sage_free(data);
    return same;
}

enum { FAULT_DONE = 0, FAULT_FAILED = 1, FAULT_KILLED = 137 };

/* Runs op in a child whose `at`-th seam call meets `kind`. Returns FAULT_DONE or FAULT_FAILED as op returned true or
 * false, FAULT_KILLED where the child was stopped. One call more is made after op, so that the last `at` is the moment
 * right after it. *calls (may be NULL): the calls made, that one included; only where the child lived. */
static inline int fault_child(bool (*op)(void *ctx), void *ctx, sage_fault_kind kind, uint64_t at, uint64_t *calls) {
    int ends[2], status;
    scratch_must(pipe(ends) == 0, "pipe");
    fflush(NULL);
    pid_t pid = fork();
    scratch_must(pid >= 0, "fork");
    if (pid == 0) {
        sage_fault_arm(kind, at);
        bool good = op(ctx);
        sage_fault_check(SAGE_FS_SYNC, "the end");
        uint64_t made = sage_fault_calls();
        _exit(write(ends[1], &made, sizeof made) == (ssize_t)sizeof made ? good ? FAULT_DONE : FAULT_FAILED : 2);
    }
    close(ends[1]);
    uint64_t made = 0;
    bool told = read(ends[0], &made, sizeof made) == (ssize_t)sizeof made;
    close(ends[0]);
    scratch_must(waitpid(pid, &status, 0) == pid && WIFEXITED(status), "a child that ended by itself");
    scratch_must(WEXITSTATUS(status) == FAULT_KILLED || told, "a child that told its calls");
    if (calls != NULL) *calls = made;
    return WEXITSTATUS(status);
}

#endif
