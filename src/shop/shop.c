/* Opening a shop, its paths, locks and options. */
#include <base/alloc.h>
#include <base/error.h>
#include <errno.h>
#include <io/version.h>
#include <shop/shop.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char config_text[] =
    "# Options of this shop, one `key = value` a line; `itemsage help options` lists them all.\n";

sage_status sage_shop_advise(sage_status st, const char *advice, sage_error *error) {
    if ((st != SAGE_E_FORMAT && st != SAGE_E_NOT_FOUND) || !error || strstr(error->text, "run 'itemsage")) return st;
    /* The file's reader could only say "build it again"; here it is known how. */
    char *general = NULL;
    for (char *at = error->text; (at = strstr(at, "; ")); at++) general = at;
    if (general) *general = 0;
    return sage_fail_at(error, st, error->source, error->line, error->column, "%s; %s", error->text, advice);
}

/* The error is the caller's, and says nothing, not even "", before a call has failed. */
bool sage_shop_blames(sage_status st, const sage_error *error, const char *part) {
    return st != SAGE_OK && error && (strstr(error->text, part) || strstr(error->source, part));
}

sage_status sage_shop_path(const sage_shop *shop, const char *name, char out[SAGE_PATH_MAX], sage_error *error) {
    return sage_path_join(out, shop->dir, name, error);
}

/* A catalogue numbers its products anew: beside vectors of one that was lost they would be taken for each other's. */
static sage_status check_no_remains(const char *dir, sage_error *error) {
    static const char *const folders[] = {"models", "vectors", "index"};
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        uint64_t version = 0;
        SAGE_TRY(sage_path_join(path, dir, folders[i], error));
        SAGE_TRY(sage_version_newest(path, &version, error));
        if (!version) continue;
        st = sage_fail(error, SAGE_E_STATE,
                       "%s is a shop that has lost its catalog.db; restore that from a copy, or init another directory",
                       dir);
        goto out;
    }
out:
    return st;
}

static sage_status check_directory(const char *dir, sage_error *error) {
    struct stat there;
    if (!*dir) return sage_fail(error, SAGE_E_ARGUMENT, "the shop's name is empty; name a directory");
    if (stat(dir, &there) == 0 && !S_ISDIR(there.st_mode))
        return sage_fail(error, SAGE_E_ARGUMENT, "%s is a file; name a directory", dir);
    return SAGE_OK;
}

/* Made under another name first: SQLite takes several steps, and a shop is what has a whole catalogue. */
static sage_status make_catalog(const char *path, sage_error *error) {
    static const char *const parts[] = {"", "-journal", "-wal", "-shm"};
    sage_status st = SAGE_OK;
    char tmp[SAGE_PATH_MAX], part[SAGE_PATH_MAX + 16];
    SAGE_TRY(sage_fs_temporary(tmp, path, error));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        snprintf(part, sizeof part, "%s%s", tmp, parts[i]);
        SAGE_TRY(sage_fs_unlink(part, error));
    }
    SAGE_TRY(sage_catalog_create(tmp, error));
    /* Closing folds the log into the file, and has no way to say that it failed. */
    snprintf(part, sizeof part, "%s-wal", tmp);
    if (sage_fs_exists(part)) {
        st = sage_fail(error, SAGE_E_IO, "cannot finish %s; look at the disk and run it again", tmp);
        goto out;
    }
    SAGE_TRY(sage_fs_commit(tmp, path, error));
out:
    return st;
}

static sage_status lock_in(const char *dir, sage_shop_lock_kind kind, int *fd, sage_error *error) {
    static const char *const names[] = {".lock-catalog", ".lock-train", ".lock-release", ".lock-encoders",
                                        ".lock-ablation"};
    char path[SAGE_PATH_MAX];
    *fd = -1;
    sage_status st = sage_path_join(path, dir, names[kind], error);
    return st == SAGE_OK ? sage_fs_lock(path, true, fd, error) : st;
}

static sage_status check_no_shop(const char *dir, sage_error *error) {
    char path[SAGE_PATH_MAX];
    sage_status st = sage_path_join(path, dir, "catalog.db", error);
    if (st == SAGE_OK && sage_fs_exists(path))
        st = sage_fail(error, SAGE_E_STATE, "%s is a shop already; it is left as it is", dir);
    return st == SAGE_OK ? check_no_remains(dir, error) : st;
}

sage_status sage_shop_init(const char *dir, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    int lock = -1;
    SAGE_TRY(check_directory(dir, error));
    SAGE_TRY(check_no_shop(dir, error));
    if ((st = sage_fs_mkdir(dir, error)) == SAGE_E_NOT_FOUND)
        st = sage_fail(error, st, "cannot make %s: its parent directory does not exist; make that first", dir);
    SAGE_TRY(st);
    /* Looked at once more under the lock: another init may have made the catalogue, and somebody filled it, since. */
    SAGE_TRY(lock_in(dir, SAGE_LOCK_CATALOG, &lock, error));
    SAGE_TRY(check_no_shop(dir, error));
    static const char *const folders[] = {"dataset", "models", "vectors", "index", "keywords", "pictures"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        SAGE_TRY(sage_path_join(path, dir, folders[i], error));
        SAGE_TRY(sage_fs_mkdir(path, error));
    }
    SAGE_TRY(sage_path_join(path, dir, "itemsage.conf", error));
    if (!sage_fs_exists(path)) SAGE_TRY(sage_fs_replace(path, config_text, sizeof config_text - 1, error));
    SAGE_TRY(sage_fs_sync_dir(dir, error));
    /* Last, because a shop is what has a catalogue: an init that was stopped can be run again. */
    SAGE_TRY(sage_path_join(path, dir, "catalog.db", error));
    SAGE_TRY(make_catalog(path, error));
out:
    sage_fs_unlock(lock);
    return st;
}

/* Says why a catalogue cannot be seen: no shop, a shop that lost it, or one that this user may not enter. */
static sage_status check_shop(const char *dir, const char *catalog, sage_error *error) {
    struct stat there;
    if (stat(catalog, &there) == 0)
        return S_ISREG(there.st_mode)
                   ? SAGE_OK
                   : sage_fail(error, SAGE_E_FORMAT, "%s is no file; restore it from a copy", catalog);
    if (errno != ENOENT && errno != ENOTDIR) return sage_fail_errno(error, "open", catalog);
    if (check_no_remains(dir, error) == SAGE_E_STATE) return SAGE_E_STATE;
    return sage_fail(error, SAGE_E_NOT_FOUND,
                     "%s is no shop (it has no catalog.db); run 'itemsage init %s' first, or name a shop with -C", dir,
                     dir);
}

sage_status sage_shop_open(const char *dir, sage_shop **shop, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    *shop = NULL;
    sage_shop *s = sage_alloc_zero(1, sizeof *s);
    if (!s) return sage_fail_memory(error, sizeof *s);
    if (strlen(dir) >= sizeof s->dir) {
        st = sage_fail(error, SAGE_E_LIMIT, "the shop's path is longer than %d bytes", SAGE_PATH_MAX - 1);
        goto out;
    }
    snprintf(s->dir, sizeof s->dir, "%s", dir);
    SAGE_TRY(sage_shop_path(s, "catalog.db", path, error));
    SAGE_TRY(check_shop(dir, path, error));
    SAGE_TRY(sage_options_new(&s->options, error));
    SAGE_TRY(sage_shop_path(s, "itemsage.conf", path, error));
    if (sage_fs_exists(path)) SAGE_TRY(sage_options_read(s->options, path, error));
    *shop = s;
    s = NULL;
out:
    sage_shop_close(s);
    return st;
}

void sage_shop_close(sage_shop *shop) {
    if (!shop) return;
    sage_pool_free(shop->pool);
    sage_options_free(shop->options);
    sage_free(shop);
}

sage_options *sage_shop_options(sage_shop *shop) {
    return shop->options;
}
const char *sage_shop_directory(const sage_shop *shop) {
    return shop->dir;
}

sage_status sage_shop_pool(sage_shop *shop, sage_pool **pool, sage_error *error) {
    sage_status st = SAGE_OK;
    if (!shop->pool)
        SAGE_TRY(sage_pool_new((size_t)sage_options_int_or(shop->options, "threads", 0), &shop->pool, error));
    *pool = shop->pool;
out:
    return st;
}

sage_status sage_shop_lock(const sage_shop *shop, sage_shop_lock_kind kind, int *fd, sage_error *error) {
    *fd = -1;
    if ((shop->held & 1U << kind) != 0) return SAGE_OK;
    return lock_in(shop->dir, kind, fd, error);
}

sage_status sage_shop_hold(sage_shop *shop, sage_shop_lock_kind kind, int *fd, sage_error *error) {
    sage_status st = sage_shop_lock(shop, kind, fd, error);
    if (*fd >= 0) shop->held |= 1U << kind;
    return st;
}

void sage_shop_let_go(sage_shop *shop, sage_shop_lock_kind kind, int fd) {
    if (fd < 0) return;
    shop->held &= ~(1U << kind);
    sage_fs_unlock(fd);
}

sage_status sage_shop_catalog(const sage_shop *shop, bool write, sage_catalog **catalog, sage_error *error) {
    char path[SAGE_PATH_MAX];
    sage_status st = sage_shop_path(shop, "catalog.db", path, error);
    return st == SAGE_OK ? sage_catalog_open(path, write, catalog, error) : st;
}

sage_status sage_shop_newest(const sage_shop *shop, const char *name, uint64_t *version, sage_error *error) {
    char path[SAGE_PATH_MAX];
    sage_status st = sage_shop_path(shop, name, path, error);
    return st == SAGE_OK ? sage_version_newest(path, version, error) : st;
}
