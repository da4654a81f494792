#include <base/alloc.h>
#include <base/error.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <io/undo.h>
#include <io/version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* 0 where the name is not a plain decimal number >= 1 without leading zeros. */
static uint64_t number_of(const char *name) {
    uint64_t number = 0;
    if (name[0] == '0') return 0;
    for (const char *c = name; *c != '\0'; c++) {
        uint64_t digit = (uint64_t)(*c - '0');
        if (*c < '0' || *c > '9' || number > (UINT64_MAX - digit) / 10) return 0;
        number = number * 10 + digit;
    }
    return number;
}

typedef struct numbers {
    const char *parent;
    uint64_t *list;
    size_t n, cap;
} numbers;

static sage_status collect(void *ctx, const char *name, sage_error *error) {
    numbers *found = ctx;
    char path[SAGE_PATH_MAX];
    struct stat info;
    uint64_t number = number_of(name);
    if (number == 0) return SAGE_OK;
    sage_status st = sage_path_join(path, found->parent, name, error);
    if (st != SAGE_OK) return st;
    if (lstat(path, &info) != 0 || !S_ISDIR(info.st_mode)) return SAGE_OK;
    if (sage_grow((void **)&found->list, &found->cap, found->n + 1, sizeof(uint64_t)) != 0) {
        return sage_fail_memory(error, (found->n + 1) * sizeof(uint64_t));
    }
    found->list[found->n++] = number;
    return SAGE_OK;
}

static int ascending(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

sage_status sage_version_list(const char *parent, uint64_t **versions, size_t *n, sage_error *error) {
    numbers found = {.parent = parent};
    *versions = NULL;
    *n = 0;
    if (!sage_fs_exists(parent)) return SAGE_OK;
    sage_status st = sage_fs_list(parent, collect, &found, error);
    if (st != SAGE_OK) {
        sage_free(found.list);
        return st;
    }
    if (found.n > 0) qsort(found.list, found.n, sizeof(uint64_t), ascending);
    *versions = found.list;
    *n = found.n;
    return SAGE_OK;
}

sage_status sage_version_newest(const char *parent, uint64_t *version, sage_error *error) {
    uint64_t *versions;
    size_t n;
    *version = 0;
    sage_status st = sage_version_list(parent, &versions, &n, error);
    if (st == SAGE_OK && n > 0) *version = versions[n - 1];
    sage_free(versions);
    return st;
}

sage_status sage_version_path(char out[SAGE_PATH_MAX], const char *parent, uint64_t version, sage_error *error) {
    char name[24];
    snprintf(name, sizeof name, "%" PRIu64, version);
    return sage_path_join(out, parent, name, error);
}

sage_status sage_version_begin(const char *parent, const char *name, char tmp[SAGE_PATH_MAX], sage_error *error) {
    char above[SAGE_PATH_MAX], prefixed[SAGE_PATH_MAX];
    sage_status st = SAGE_OK;
    if (!sage_fs_exists(parent)) {
        SAGE_TRY(sage_fs_mkdir(parent, error));
        sage_path_parent(above, parent);
        SAGE_TRY(sage_fs_sync_dir(above, error));
    }
    SAGE_TRY(sage_path_join(prefixed, parent, ".tmp-", error));
    if (snprintf(tmp, SAGE_PATH_MAX, "%s%s", prefixed, name) >= SAGE_PATH_MAX) {
        st = sage_fail(error, SAGE_E_LIMIT, "the path of %s below %.64s... is longer than %d bytes", name, parent,
                       SAGE_PATH_MAX - 1);
        goto out;
    }
    SAGE_TRY(sage_fs_remove_tree(tmp, error));
    SAGE_TRY(sage_fs_mkdir(tmp, error));
out:
    return st;
}

static sage_status sync_below(const char *dir, sage_error *error);

static sage_status sync_entry(void *ctx, const char *name, sage_error *error) {
    const char *dir = ctx;
    struct stat info;
    int fd = -1;
    sage_status st = SAGE_OK;
    char *path = sage_alloc(SAGE_PATH_MAX); /* not on the stack, which is as deep as the tree */
    if (path == NULL) return sage_fail_memory(error, SAGE_PATH_MAX);
    SAGE_TRY(sage_path_join(path, dir, name, error));
    if (lstat(path, &info) != 0) {
        st = sage_fail_errno(error, "look at", path);
    } else if (S_ISDIR(info.st_mode)) {
        st = sync_below(path, error);
    } else if (S_ISREG(info.st_mode)) {
        SAGE_TRY(sage_fs_open_read(path, &fd, error));
        st = sage_fs_sync(fd, path, error);
    }
out:
    sage_fs_close(fd, path, NULL);
    sage_free(path);
    return st;
}

static sage_status sync_below(const char *dir, sage_error *error) {
    sage_status st = sage_fs_list(dir, sync_entry, (void *)(uintptr_t)dir, error);
    return st == SAGE_OK ? sage_fs_sync_dir(dir, error) : st;
}

sage_status sage_version_publish(const char *parent, const char *tmp, uint64_t *version, sage_error *error) {
    char path[SAGE_PATH_MAX];
    uint64_t newest = 0;
    sage_status st = SAGE_OK;
    *version = 0;
    SAGE_TRY(sync_below(tmp, error));
    SAGE_TRY(sage_version_newest(parent, &newest, error));
    if (newest == UINT64_MAX) {
        st = sage_fail(error, SAGE_E_LIMIT, "the version numbers below %s are used up", parent);
        goto out;
    }
    SAGE_TRY(sage_version_path(path, parent, newest + 1, error));
    SAGE_TRY(sage_fs_rename(tmp, path, error));
    SAGE_TRY(sage_fs_sync_dir(parent, error));
    *version = newest + 1;
out:
    return st;
}

/* Locks the version's directory itself: readers need no right to write, and nothing immutable changes. */
static sage_status lock_dir(const char *path, int how, int *fd, sage_error *error) {
    struct stat held, there;
    *fd = -1;
    int opened = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (opened < 0) return sage_fail_errno(error, "open", path);
    int taken;
    do {
        taken = flock(opened, how | LOCK_NB);
    } while (taken != 0 && errno == EINTR);
    sage_status st = SAGE_OK;
    if (taken != 0) {
        st = errno == EWOULDBLOCK
                 ? sage_fail(error, SAGE_E_LOCKED, "%s is in use by another process; wait for it or stop it", path)
                 : sage_fail_errno(error, "lock", path);
    } else if (fstat(opened, &held) != 0 || lstat(path, &there) != 0 || held.st_ino != there.st_ino ||
               held.st_dev != there.st_dev) {
        /* It was pruned between the opening and the lock. */
        st = sage_fail(error, SAGE_E_NOT_FOUND, "%s has just been removed", path);
    }
    if (st == SAGE_OK) {
        *fd = opened;
    } else {
        close(opened);
    }
    return st;
}

sage_status sage_version_hold(const char *parent, uint64_t version, int *fd, sage_error *error) {
    char path[SAGE_PATH_MAX];
    *fd = -1;
    sage_status st = sage_version_path(path, parent, version, error);
    return st == SAGE_OK ? lock_dir(path, LOCK_SH, fd, error) : st;
}

/* Renamed first, and that made durable, so that a stop leaves a temporary, never half a version. */
static sage_status remove_version(const char *parent, uint64_t version, const char *tmp, sage_error *error) {
    char path[SAGE_PATH_MAX];
    int fd = -1;
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_version_path(path, parent, version, error));
    st = lock_dir(path, LOCK_EX, &fd, error);
    if (st == SAGE_E_LOCKED || st == SAGE_E_NOT_FOUND) {
        if (error != NULL) *error = (sage_error){0};
        return SAGE_OK;
    }
    if (st != SAGE_OK) goto out;
    SAGE_TRY(sage_fs_rename(path, tmp, error));
    SAGE_TRY(sage_fs_sync_dir(parent, error));
    SAGE_TRY(sage_fs_remove_tree(tmp, error));
out:
    sage_fs_unlock(fd);
    return st;
}

static bool is_pinned(uint64_t version, const uint64_t *pinned, size_t n_pinned) {
    for (size_t i = 0; i < n_pinned; i++) {
        if (pinned[i] == version) return true;
    }
    return false;
}

sage_status sage_version_prune(const char *parent, size_t keep, const uint64_t *pinned, size_t n_pinned,
                               sage_error *error) {
    char tmp[SAGE_PATH_MAX];
    uint64_t *versions = NULL;
    size_t n = 0;
    sage_status st = SAGE_OK;
    if (!sage_fs_exists(parent)) return SAGE_OK;
    SAGE_TRY(sage_path_join(tmp, parent, ".tmp-pruned", error));
    SAGE_TRY(sage_fs_remove_tree(tmp, error)); /* what an earlier, stopped pruning left */
    SAGE_TRY(sage_version_list(parent, &versions, &n, error));
    if (keep == 0) keep = 1; /* or the newest one's number would be given out again */
    for (size_t i = 0; i + keep < n; i++) {
        if (!is_pinned(versions[i], pinned, n_pinned)) SAGE_TRY(remove_version(parent, versions[i], tmp, error));
    }
out:
    sage_free(versions);
    return st;
}
