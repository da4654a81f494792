/* The imports: the catalogue's own calls, under the shop's lock. */
#include <base/error.h>
#include <features/given.h>
#include <shop/shop.h>
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
    return import(shop, sage_catalog_import_products, files, n_files, options, monitor, report, error);
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

sage_status sage_import_query_vectors(sage_shop *shop, const char *npy_file, const char *ids_file,
                                      sage_query_vectors_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_given *given = NULL;
    char path[SAGE_PATH_MAX], dir[SAGE_PATH_MAX];
    int lock = -1;
    memset(report, 0, sizeof *report);
    SAGE_TRY(sage_shop_lock(shop, SAGE_LOCK_CATALOG, &lock, error));
    SAGE_TRY(sage_shop_path(shop, "given", dir, error));
    SAGE_TRY(sage_given_path(path, shop->dir, error));
    SAGE_TRY(sage_fs_mkdir(dir, error));
    SAGE_TRY(sage_fs_sync_dir(shop->dir, error));
    SAGE_TRY(sage_given_write(path, npy_file, ids_file, error));
    SAGE_TRY(sage_given_open(path, true, &given, error));
    *report = (sage_query_vectors_report){sage_given_count(given), sage_given_dim(given)};
out:
    sage_given_close(given);
    sage_fs_unlock(lock);
    return st;
}

sage_status sage_shop_forget_user(sage_shop *shop, const char *user_id, uint64_t *events, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_catalog *catalog = NULL;
    uint64_t removed = 0;
    int lock = -1;
    SAGE_TRY(begin_write(shop, &lock, &catalog, error));
    SAGE_TRY(sage_catalog_forget_user(catalog, user_id, &removed, error));
    if (events) *events = removed;
out:
    end_write(lock, catalog);
    return st;
}
