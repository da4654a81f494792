/* Feeds of products into the catalogue: all files in one transaction. */
#include <base/error.h>
#include <catalog/import_links.h>
#include <catalog/import_products.h>
#include <catalog/picture_store.h>
#include <inttypes.h>
#include <string.h>

static const sage_import_options no_options;

static sage_status import_row(sage_product_store *store, sage_product_reader *reader, const sage_feed_row *row,
                              sage_error *error) {
    sage_status st = SAGE_OK;
    sage_flaw flaw;
    if (row->reject != NULL) return sage_import_reject_unread(store->import, row, error);
    SAGE_TRY(sage_product_take(reader, row, &flaw, error));
    if (flaw.reason == NULL) return sage_product_store_put(store, &reader->product, row, error);
    SAGE_TRY(sage_import_reject_row(store->import, row, &flaw, error));
    if (reader->product.text[SAGE_P_ID].len > 0) {
        SAGE_TRY(sage_product_store_keep(store, reader->product.text[SAGE_P_ID], error));
    }
out:
    return st;
}

static sage_status import_file(sage_product_store *store, const char *file, const sage_import_options *options,
                               const char *images_dir, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_feed *feed = NULL;
    sage_product_reader reader = {0};
    const sage_feed_row *row = NULL;
    sage_import *import = store->import;
    uint64_t low = 0, high = 0;
    unsigned char hash[16];
    SAGE_TRY(sage_product_reader_init(&reader, options->map, images_dir, error));
    SAGE_TRY(sage_feed_open(file, options->format, &feed, error));
    SAGE_TRY(sage_map_check_header(&reader.map, feed, file, error));
    SAGE_TRY(sage_map_require(&reader.map, feed, file, "id", error));
    SAGE_TRY(sage_import_begin_file(import, "products", file, true, error));
    for (;;) {
        SAGE_TRY(sage_feed_next(feed, &row, error));
        import->report->bytes = import->before.bytes + sage_feed_bytes(feed);
        if (row == NULL) break;
        import->report->rows++;
        SAGE_TRY(import_row(store, &reader, row, error));
        SAGE_TRY(sage_import_tick(import, error));
    }
    const char *unseen = sage_map_unseen(&reader.map);
    if (unseen != NULL) sage_warn(import->monitor, "%s: no row has \"%s\", which --map names", file, unseen);
    sage_feed_hash(feed, &low, &high);
    sage_hash_halves(low, high, hash);
    SAGE_TRY(sage_import_end_file(import, hash, error));
out:
    sage_feed_close(feed);
    sage_product_reader_free(&reader);
    return st;
}

/* A feed that lacks much of the shop, or of which much cannot be read, is more often an export gone wrong than a
 * change of the stock. Said in the transaction, which the error takes back. */
static sage_status check_limits(sage_product_store *store, const sage_import_limits *limits, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_import *import = store->import;
    const sage_import_report *report = import->report;
    uint64_t products, unmet;
    if ((double)report->rejected > limits->rejects * (double)report->rows)
        return sage_fail_at(error, SAGE_E_STATE, import->source, 0, 0,
                            "%" PRIu64 " of %" PRIu64 " rows are bad (%s %" PRIu64 " times), more than sync_rejects = "
                            "%g; nothing was changed: check the feed, or allow it with --set sync_rejects=1",
                            report->rejected, report->rows, report->reasons[0].reason, report->reasons[0].count,
                            limits->rejects);
    SAGE_TRY(sage_product_store_count_rest(store, &products, &unmet, error));
    products -= report->added; /* those of before */
    if ((double)unmet > limits->vanish * (double)products)
        st =
            sage_fail_at(error, SAGE_E_STATE, import->source, 0, 0,
                         "%" PRIu64 " of %" PRIu64 " products are not in the feed, more than sync_vanish = %g; nothing "
                         "was changed: check the feed, or let them go with --allow-vanish",
                         unmet, products, limits->vanish);
out:
    return st;
}

/* A feed without a good row is an export gone wrong, and --full would then empty the shop. */
static sage_status delete_absent(sage_product_store *store, const sage_import_limits *limits, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_import *import = store->import;
    sqlite3_stmt *any = NULL;
    bool row = false;
    SAGE_TRY(sage_db_prepare(import->catalog->db, "SELECT 1 FROM products LIMIT 1", &any, error));
    SAGE_TRY(sage_db_step(any, &row, error));
    sqlite3_reset(any);
    if (row && store->good == 0) {
        st = sage_fail_at(
            error, SAGE_E_STATE, import->source, 0, 0,
            "no good product in what is to be the whole catalogue; nothing was changed, since all products would be "
            "deleted: check the feed");
        goto out;
    }
    if (limits != NULL) SAGE_TRY(check_limits(store, limits, error));
    SAGE_TRY(sage_product_store_delete_rest(store, error));
out:
    sqlite3_finalize(any);
    return st;
}

/* Of --images, else the one of an import before, where that is still there. */
static sage_status find_images_dir(sage_import *import, const char *given, char dir[SAGE_PATH_MAX], sage_error *error) {
    sage_status st = SAGE_OK;
    const char *before = "";
    SAGE_TRY(sage_images_dir(given, dir, error));
    if (dir[0] != '\0') return sage_store_set_meta(import->catalog, "images_dir", dir, error);
    SAGE_TRY(sage_catalog_meta(import->catalog, "images_dir", &before, error));
    if (before[0] != '\0' && sage_images_dir(before, dir, NULL) != SAGE_OK) dir[0] = '\0';
out:
    return st;
}

static sage_status import_all(sage_product_store *store, const char *const *files, size_t n_files,
                              const sage_import_options *options, sage_error *error) {
    sage_status st = SAGE_OK;
    char images_dir[SAGE_PATH_MAX];
    sage_import *import = store->import;
    const sage_import_report *report = import->report;
    SAGE_TRY(find_images_dir(import, options->images_dir, images_dir, error));
    for (size_t i = 0; i < n_files; i++) {
        SAGE_TRY(import_file(store, files[i], options, images_dir, error));
    }
    if (options->full) {
        SAGE_TRY(delete_absent(store, options->limits, error));
        SAGE_TRY(sage_import_end_file(import, NULL, error));
    }
    SAGE_TRY(sage_product_store_finish(store, error));
    if (report->added + report->changed + report->deleted + store->replaced > 0) {
        SAGE_TRY(sage_store_set_revision(import->catalog, store->revision, error));
    }
out:
    return st;
}

sage_status sage_catalog_import_products(sage_catalog *catalog, const char *const *files, size_t n_files,
                                         const sage_import_options *options, const sage_monitor *monitor,
                                         sage_import_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_import import = {0};
    sage_product_store store = {0};
    int64_t revision = 0;
    bool begun = false;
    const char *encoder = "";
    if (n_files == 0) return sage_fail(error, SAGE_E_ARGUMENT, "no file to import; name one, or - for standard input");
    SAGE_TRY(sage_import_begin(&import, catalog, "import", monitor, report, error));
    SAGE_TRY(sage_store_begin(catalog, error));
    begun = true;
    SAGE_TRY(sage_store_next_revision(catalog, &revision, error));
    SAGE_TRY(sage_product_store_init(&store, &import, revision, error));
    SAGE_TRY(import_all(&store, files, n_files, options != NULL ? options : &no_options, error));
out:
    if (st == SAGE_OK && store.vectors_dropped > 0) st = sage_catalog_picture_encoder(catalog, &encoder, error);
    if (st == SAGE_OK && strcmp(encoder, "none") == 0) { /* others are computed anew */
        sage_warn(monitor, "%" PRIu64 " picture vectors were dropped since their picture changed; give them again",
                  store.vectors_dropped);
    }
    sage_product_store_free(&store);
    sage_import_end(&import);
    if (begun) st = sage_store_end(catalog, st, error);
    return st;
}
