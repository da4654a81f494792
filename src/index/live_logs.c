/* Logs of live indexes whose version was pruned: nothing can go on from them. */
#include <base/error.h>
#include <errno.h>
#include <fcntl.h>
#include <index/live.h>
#include <inttypes.h>
#include <io/version.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* 0: the name is not that of a log. */
static uint64_t version_of(const char *name) {
    char again[48];
    uint64_t version = 0;
    if (sscanf(name, "live-%" SCNu64, &version) != 1) return 0;
    snprintf(again, sizeof again, "live-%" PRIu64 ".log", version);
    return strcmp(again, name) == 0 ? version : 0;
}

/* Whoever has it open holds it (log.c). */
static sage_status remove_unless_held(const char *path, sage_error *error) {
    const int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return errno == ENOENT ? SAGE_OK : sage_fail_errno(error, "open", path);
    const bool held = flock(fd, LOCK_EX | LOCK_NB) != 0;
    sage_status st = held ? SAGE_OK : sage_fs_unlink(path, error);
    close(fd);
    return st;
}

static sage_status look_at(void *ctx, const char *name, sage_error *error) {
    const char *parent = ctx;
    char path[SAGE_PATH_MAX];
    const uint64_t version = version_of(name);
    sage_status st = SAGE_OK;
    if (version == 0) return SAGE_OK;
    SAGE_TRY(sage_version_path(path, parent, version, error));
    if (sage_fs_exists(path)) return SAGE_OK;
    SAGE_TRY(sage_path_join(path, parent, name, error));
    st = remove_unless_held(path, error);
out:
    return st;
}

sage_status sage_live_prune_logs(const char *parent, sage_error *error) {
    if (!sage_fs_exists(parent)) return SAGE_OK;
    return sage_fs_list(parent, look_at, (void *)(uintptr_t)parent, error);
}
