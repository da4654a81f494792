/* The imports: the catalogue's own calls, under the shop's lock. */
#include <base/error.h>
#include <features/given.h>
#include <io/npy.h>
#include <itemsage/import.h>
#include <shop/changes.h>
#include <string.h>

sage_status sage_feed_format_parse(const char *name, sage_feed_format *format, sage_error *error) {
    static const char *const names[] = {"auto", "csv", "tsv", "jsonl", "xml"}; /* in the order of the enumeration */
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i]) != 0) continue;
        *format = (sage_feed_format)i;
        return SAGE_OK;
    }
    return sage_fail(error, SAGE_E_ARGUMENT, "unknown format '%s'; use auto, csv, tsv, jsonl or xml", name);
}

typedef sage_status (*import_fn)(sage_catalog *, const char *const *, size_t, const sage_import_options *,
                                 const sage_monitor *, sage_import_report *, sage_error *);

/* Takes the lock and opens the catalogue for writing. */
static sage_status begin_write(sage_shop *shop, int *lock, sage_catalog **catalog, sage_error *error) {
    sage_status st = sage_shop_lock(shop, SAGE_LOCK_CATALOG, lock, error);
    return st == SAGE_OK ? sage_shop_catalog(shop, true, catalog, error) : st;
}

static void end_write(int lock, sage_catalog *catalog) {
    sage_catalog_close(catalog);
    sage_fs_unlock(lock);
}

static sage_status import(sage_shop *shop, import_fn fn, const char *const *files, size_t n_files,
                          const sage_import_options *options, const sage_monitor *monitor, sage_import_report *report,
                          sage_error *error) {
    static const sage_import_options defaults;
    sage_status st = SAGE_OK;
    sage_catalog *catalog = NULL;
    int lock = -1;
    memset(report, 0, sizeof *report);
    SAGE_TRY(begin_write(shop, &lock, &catalog, error));
    SAGE_TRY(fn(catalog, files, n_files, options ? options : &defaults, monitor, report, error));
out:
    end_write(lock, catalog);
    return st;
}

sage_status sage_import_products(sage_shop *shop, const char *const *files, size_t n_files,
                                 const sage_import_options *options, const sage_monitor *monitor,
                                 sage_import_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_import_report before, after;
    uint64_t older;
    int lock = -1;
    memset(report, 0, sizeof *report);
    SAGE_TRY(sage_shop_hold(shop, SAGE_LOCK_CATALOG, &lock, error));
    /* What a server took before the feed was written is older than it, the rest is newer. */
    SAGE_TRY(sage_changes_fold_before(shop, sage_feed_time_ms(files, n_files), monitor, &before, &older, error));
    SAGE_TRY(import(shop, sage_catalog_import_products, files, n_files, options, monitor, report, error));
    SAGE_TRY(sage_changes_fold(shop, monitor, &after, error));
    report->changes = before.rows + after.rows;
    if (options != NULL && options->full && older > 0) SAGE_TRY(sage_changes_settle(shop, older, error));
    SAGE_TRY(sage_changes_tidy(shop, error));
out:
    sage_shop_let_go(shop, SAGE_LOCK_CATALOG, lock);
    return st;
}

sage_status sage_import_events(sage_shop *shop, const char *const *files, size_t n_files,
                               const sage_import_options *options, const sage_monitor *monitor,
                               sage_import_report *report, sage_error *error) {
    return import(shop, sage_catalog_import_events, files, n_files, options, monitor, report, error);
}

sage_status sage_import_image_vectors(sage_shop *shop, const char *npy_file, const char *ids_file,
                                      const sage_monitor *monitor, sage_import_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_catalog *catalog = NULL;
    int lock = -1;
    memset(report, 0, sizeof *report);
    SAGE_TRY(begin_write(shop, &lock, &catalog, error));
    SAGE_TRY(sage_catalog_import_image_vectors(catalog, shop->dir, npy_file, ids_file, monitor, report, error));
out:
    end_write(lock, catalog);
    return st;
}

/* ---- query vectors ---- */

static bool surface_named(const char *name, sage_surface *surface) {
    for (int s = 0; s < SAGE_SURFACES; s++) {
        if (strcmp(name, sage_surface_names[s]) != 0) continue;
        *surface = (sage_surface)s;
        return true;
    }
    return false;
}

/* All surfaces' lie in one space. */
static sage_status check_width(const sage_shop *shop, sage_surface surface, const char *npy_file, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_given *other = NULL;
    sage_npy npy = {0};
    char path[SAGE_PATH_MAX];
    SAGE_TRY(sage_npy_open(npy_file, &npy, error));
    for (int s = 0; s < SAGE_SURFACES; s++) {
        if (s == (int)surface) continue;
        SAGE_TRY(sage_given_path(path, shop->dir, (sage_surface)s, error));
        SAGE_TRY(sage_given_open(path, false, &other, error));
        if (other != NULL && sage_given_dim(other) != npy.cols)
            SAGE_TRY(sage_fail_at(error, SAGE_E_STATE, npy_file, 0, 0,
                                  "its vectors have %zu numbers, those of the surface %s have %zu, and all lie in one "
                                  "space; give vectors of one width, or remove %s first",
                                  npy.cols, sage_surface_names[s], sage_given_dim(other), path));
        sage_given_close(other);
        other = NULL;
    }
out:
    sage_given_close(other);
    sage_npy_close(&npy);
    return st;
}

static sage_status count_unknown(sage_catalog *catalog, sage_surface surface, const sage_given *given, uint64_t *n,
                                 sage_error *error) {
    sage_status st = SAGE_OK;
    sage_query_finder *finder = NULL;
    bool known;
    SAGE_TRY(sage_query_finder_open(catalog, surface, &finder, error));
    for (size_t i = 0; i < sage_given_count(given); i++) {
        SAGE_TRY(sage_query_finder_knows(finder, sage_given_key(given, i), &known, error));
        *n += !known;
    }
out:
    sage_query_finder_close(finder);
    return st;
}

sage_status sage_import_query_vectors(sage_shop *shop, const char *surface_name, const char *npy_file,
                                      const char *ids_file, sage_query_vectors_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_catalog *catalog = NULL;
    sage_given *given = NULL;
    sage_surface surface;
    char path[SAGE_PATH_MAX], dir[SAGE_PATH_MAX];
    int lock = -1;
    memset(report, 0, sizeof *report);
    if (!surface_named(surface_name, &surface))
        return sage_fail(error, SAGE_E_ARGUMENT, "unknown surface '%s'; use search, image, product or user",
                         surface_name);
    SAGE_TRY(begin_write(shop, &lock, &catalog, error));
    SAGE_TRY(check_width(shop, surface, npy_file, error));
    SAGE_TRY(sage_shop_path(shop, "given", dir, error));
    SAGE_TRY(sage_given_path(path, shop->dir, surface, error));
    SAGE_TRY(sage_fs_mkdir(dir, error));
    SAGE_TRY(sage_fs_sync_dir(shop->dir, error));
    SAGE_TRY(sage_given_write(path, surface, npy_file, ids_file, error));
    SAGE_TRY(sage_given_open(path, true, &given, error));
    report->vectors = sage_given_count(given);
    report->dim = sage_given_dim(given);
    SAGE_TRY(count_unknown(catalog, surface, given, &report->unknown, error));
out:
    sage_given_close(given);
    end_write(lock, catalog);
    return st;
}

/* ---- forgetting ---- */

/* The vector first: where that fails, the user is still known, and forgetting can be asked for again. */
static sage_status forget_vector(const sage_shop *shop, const char *user_id, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX], dir[SAGE_PATH_MAX];
    bool found;
    SAGE_TRY(sage_given_path(path, shop->dir, SAGE_ON_USER, error));
    SAGE_TRY(sage_given_remove(path, (sage_str){user_id, strlen(user_id)}, &found, error));
    SAGE_TRY(sage_shop_path(shop, "given", dir, error));
    if (found) SAGE_TRY(sage_fs_sync_dir(dir, error));
out:
    return st;
}

sage_status sage_shop_forget_user(sage_shop *shop, const char *user_id, uint64_t *events, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_catalog *catalog = NULL;
    uint64_t removed = 0;
    int lock = -1;
    sage_import_report folded;
    SAGE_TRY(sage_import_inbox(shop, NULL, &folded, error)); /* it may hold events of theirs */
    SAGE_TRY(begin_write(shop, &lock, &catalog, error));
    SAGE_TRY(forget_vector(shop, user_id, error));
    SAGE_TRY(sage_catalog_forget_user(catalog, user_id, &removed, error));
    if (events) *events = removed;
out:
    end_write(lock, catalog);
    return st;
}
