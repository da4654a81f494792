/* encoders/<name>/<n>/: the newest number is in force, and another comes beside it whole before the old one goes. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <io/version.h>
#include <shop/encoder_files.h>
#include <shop/encoders.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static sage_status check_name(const char *name, sage_error *error) {
    static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    static const char rest[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    static const char *const taken[] = {"builtin", "none", "auto"}; /* in options that name an encoder */
    size_t len = strlen(name);
    if (len == 0 || len > SAGE_ENCODER_NAME_MAX || strchr(first, name[0]) == NULL || strspn(name, rest) != len)
        return sage_fail(
            error, SAGE_E_ARGUMENT,
            "'%.64s' is no name for an encoder: 1 to %d letters, digits, '.', '_' or '-', beginning with a "
            "letter or digit",
            name, SAGE_ENCODER_NAME_MAX);
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (strcmp(name, taken[i]) == 0)
            return sage_fail(error, SAGE_E_ARGUMENT,
                             "'%s' means something else where an encoder is asked for; choose another name", name);
    return SAGE_OK;
}

/* encoders/ and encoders/<name> */
static sage_status paths(const sage_shop *shop, const char *name, char all[SAGE_PATH_MAX], char one[SAGE_PATH_MAX],
                         sage_error *error) {
    sage_status st = sage_shop_path(shop, "encoders", all, error);
    return st == SAGE_OK ? sage_path_join(one, all, name, error) : st;
}

static sage_status make_folder(const sage_shop *shop, const char *all, sage_error *error) {
    if (sage_fs_exists(all)) return SAGE_OK;
    sage_status st = sage_fs_mkdir(all, error);
    return st == SAGE_OK ? sage_fs_sync_dir(shop->dir, error) : st;
}

/* ---- adding ---- */

/* What was checked is the copy too: the folder may have changed meanwhile. */
static sage_status build(const char *path, const char *tmp, sage_encoder_manifest *manifest,
                         const sage_monitor *monitor, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_encoder_files(path, manifest, error));
    SAGE_TRY(sage_encoder_copy(path, tmp, manifest, monitor, error));
    SAGE_TRY(sage_encoder_check(tmp, &manifest->about, error));
    SAGE_TRY(sage_encoder_manifest_write(tmp, manifest, error));
out:
    return st;
}

static sage_status check_free(const char *one, const char *name, bool replace, sage_error *error) {
    uint64_t version = 0;
    sage_status st = sage_version_newest(one, &version, error);
    if (st != SAGE_OK || version == 0 || replace) return st;
    return sage_fail(error, SAGE_E_STATE,
                     "the shop has an encoder '%s' already; put the new one in its place with --replace, or choose "
                     "another name",
                     name);
}

sage_status sage_encoder_add(sage_shop *shop, const char *name, const char *path, bool replace,
                             const sage_monitor *monitor, sage_encoder_about *about, sage_error *error) {
    sage_status st = SAGE_OK;
    char all[SAGE_PATH_MAX], one[SAGE_PATH_MAX], tmp[SAGE_PATH_MAX] = "";
    uint64_t version;
    int lock = -1;
    sage_error pruning;
    sage_encoder_manifest *manifest = sage_alloc_zero(1, sizeof *manifest);
    if (manifest == NULL) return sage_fail_memory(error, sizeof *manifest);
    SAGE_TRY(check_name(name, error));
    SAGE_TRY(paths(shop, name, all, one, error));
    SAGE_TRY(sage_encoder_check(path, &manifest->about, error));
    SAGE_TRY(make_folder(shop, all, error));
    SAGE_TRY(sage_shop_lock(shop, SAGE_LOCK_ENCODERS, &lock, error));
    SAGE_TRY(check_free(one, name, replace, error));
    SAGE_TRY(sage_version_begin(one, "add", tmp, error));
    SAGE_TRY(build(path, tmp, manifest, monitor, error));
    SAGE_TRY(sage_version_publish(one, tmp, &version, error));
    tmp[0] = '\0';
    /* The new one is in force; what is left of the old one goes with the next. */
    if (sage_version_prune(one, 1, NULL, 0, &pruning) != SAGE_OK)
        sage_warn(monitor, "the encoder that was replaced is left where it was: %s", pruning.text);
    snprintf(manifest->about.name, sizeof manifest->about.name, "%s", name);
    *about = manifest->about;
out:
    if (st != SAGE_OK && tmp[0] != '\0') sage_fs_remove_tree(tmp, NULL);
    sage_fs_unlock(lock);
    sage_free(manifest);
    return st;
}

/* ---- finding ---- */

static sage_status no_such(const sage_shop *shop, const char *name, sage_error *error) {
    return sage_fail(error, SAGE_E_NOT_FOUND,
                     "%s has no encoder '%.64s'; 'itemsage encoders list' names those it has, 'itemsage encoders add' "
                     "takes one in",
                     shop->dir, name);
}

/* Looks again where the version went away between finding and holding it. */
static sage_status hold_newest(const sage_shop *shop, const char *name, sage_encoder_place *place, sage_error *error) {
    enum { TRIES = 3 };
    sage_status st = SAGE_OK;
    char all[SAGE_PATH_MAX], one[SAGE_PATH_MAX];
    SAGE_TRY(paths(shop, name, all, one, error));
    for (int i = 0; i < TRIES; i++) {
        uint64_t version = 0;
        SAGE_TRY(sage_version_newest(one, &version, error));
        if (version == 0) return no_such(shop, name, error);
        SAGE_TRY(sage_version_path(place->dir, one, version, error));
        st = sage_version_hold(one, version, &place->fd, error);
        if (st != SAGE_E_NOT_FOUND && st != SAGE_E_LOCKED) break;
    }
out:
    return st;
}

sage_status sage_encoder_find(const sage_shop *shop, const char *name, sage_encoder_place *place, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_encoder_manifest *manifest = sage_alloc(sizeof *manifest);
    place->fd = -1;
    if (manifest == NULL) return sage_fail_memory(error, sizeof *manifest);
    SAGE_TRY(check_name(name, error));
    SAGE_TRY(hold_newest(shop, name, place, error));
    st = sage_encoder_manifest_read(place->dir, manifest, error);
    SAGE_TRY(sage_shop_advise(st, "take it in again with 'itemsage encoders add --replace'", error));
    place->about = manifest->about;
    snprintf(place->about.name, sizeof place->about.name, "%s", name);
out:
    if (st != SAGE_OK) sage_encoder_let_go(place);
    sage_free(manifest);
    return st;
}

void sage_encoder_let_go(sage_encoder_place *place) {
    sage_fs_unlock(place->fd);
    place->fd = -1;
}

/* ---- listing ---- */

typedef struct listing {
    const sage_shop *shop;
    const char *all;
    sage_encoder_about *encoders;
    size_t n, capacity;
} listing;

static sage_status describe(const listing *list, const char *name, sage_encoder_about *about, sage_error *error) {
    sage_error fault = {0};
    sage_encoder_place place;
    sage_status st = sage_encoder_find(list->shop, name, &place, &fault);
    *about = st == SAGE_OK ? place.about : (sage_encoder_about){.dim = 0};
    snprintf(about->name, sizeof about->name, "%s", name);
    sage_encoder_let_go(&place);
    if (st == SAGE_OK) return SAGE_OK;
    if (st == SAGE_E_MEMORY) return sage_fail_memory(error, 0);
    char line[sizeof fault.source + sizeof fault.text + 64];
    snprintf(about->damage, sizeof about->damage, "%.*s", (int)sizeof about->damage - 1,
             sage_error_line(&fault, line, sizeof line));
    return SAGE_OK;
}

static sage_status list_entry(void *ctx, const char *name, sage_error *error) {
    listing *list = ctx;
    char path[SAGE_PATH_MAX];
    uint64_t version = 0;
    sage_status st = SAGE_OK;
    if (check_name(name, NULL) != SAGE_OK) return SAGE_OK; /* what a stop left, and strangers */
    SAGE_TRY(sage_path_join(path, list->all, name, error));
    struct stat info;
    if (lstat(path, &info) != 0 || !S_ISDIR(info.st_mode)) return SAGE_OK;
    SAGE_TRY(sage_version_newest(path, &version, error));
    if (version == 0) return SAGE_OK;
    if (sage_grow((void **)&list->encoders, &list->capacity, list->n + 1, sizeof *list->encoders) != 0)
        return sage_fail_memory(error, (list->n + 1) * sizeof *list->encoders);
    SAGE_TRY(describe(list, name, &list->encoders[list->n], error));
    list->n++;
out:
    return st;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const sage_encoder_about *)a)->name, ((const sage_encoder_about *)b)->name);
}

sage_status sage_encoders_list(sage_shop *shop, sage_encoder_about **encoders, size_t *n, sage_error *error) {
    char all[SAGE_PATH_MAX];
    listing list = {.shop = shop, .all = all};
    *encoders = NULL;
    *n = 0;
    sage_status st = sage_shop_path(shop, "encoders", all, error);
    if (st == SAGE_OK && sage_fs_exists(all)) st = sage_fs_list(all, list_entry, &list, error);
    if (st != SAGE_OK) {
        sage_free(list.encoders);
        return st;
    }
    if (list.n > 1) qsort(list.encoders, list.n, sizeof *list.encoders, by_name);
    *encoders = list.encoders;
    *n = list.n;
    return SAGE_OK;
}

void sage_encoders_free(sage_encoder_about *encoders) {
    sage_free(encoders);
}

/* ---- removing ---- */

/* Renamed first, and that made durable, so that a stop leaves a temporary, never half an encoder. */
sage_status sage_encoder_remove(sage_shop *shop, const char *name, sage_error *error) {
    sage_status st = SAGE_OK;
    char all[SAGE_PATH_MAX], one[SAGE_PATH_MAX], gone[SAGE_PATH_MAX];
    uint64_t version = 0;
    int lock = -1;
    SAGE_TRY(check_name(name, error));
    SAGE_TRY(paths(shop, name, all, one, error));
    SAGE_TRY(sage_shop_lock(shop, SAGE_LOCK_ENCODERS, &lock, error));
    SAGE_TRY(sage_version_newest(one, &version, error));
    if (version == 0) {
        st = no_such(shop, name, error);
        goto out;
    }
    SAGE_TRY(sage_path_join(gone, all, ".tmp-removed", error));
    SAGE_TRY(sage_fs_remove_tree(gone, error)); /* what an earlier, stopped removal left */
    SAGE_TRY(sage_fs_rename(one, gone, error));
    SAGE_TRY(sage_fs_sync_dir(all, error));
    SAGE_TRY(sage_fs_remove_tree(gone, error));
out:
    sage_fs_unlock(lock);
    return st;
}
