/* The links of all pictures, each once; and those that wait for a download. */
#include <base/error.h>
#include <base/report.h>
#include <catalog/import_links.h>
#include <catalog/picture_find.h>
#include <catalog/picture_impl.h>
#include <string.h>

static const char table_sql[] = "CREATE TEMP TABLE picture_links(n INTEGER PRIMARY KEY, link TEXT NOT NULL UNIQUE,"
                                " path TEXT, reason TEXT, detail TEXT)";

void sage_picture_links_drop(sage_catalog *catalog) {
    (void)sage_db_exec(catalog->db, "DROP TABLE IF EXISTS temp.picture_links", NULL);
}

static sage_status copy_links(sqlite3_stmt *read, sqlite3_stmt *add, sqlite3 *db, const sage_monitor *monitor,
                              uint64_t *n, sage_error *error) {
    sage_status st = SAGE_OK;
    bool row = false;
    for (uint64_t i = 0;; i++) {
        if (i % 4096 == 0) SAGE_TRY(sage_check_cancel(monitor, "pictures", error));
        SAGE_TRY(sage_db_step(read, &row, error));
        if (!row) break;
        sage_bind_str(add, 1, sage_column_str(read, 0));
        SAGE_TRY(sage_db_run(add, error));
        *n += (uint64_t)sqlite3_changes(db);
    }
out:
    return st;
}

sage_status sage_picture_links_gather(sage_catalog *catalog, const char *sql, const sage_monitor *monitor, uint64_t *n,
                                      sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *read = NULL, *add = NULL;
    bool begun = false;
    *n = 0;
    sage_picture_links_drop(catalog);
    SAGE_TRY(sage_db_exec(catalog->db, table_sql, error));
    SAGE_TRY(sage_db_prepare(catalog->db, sql, &read, error));
    SAGE_TRY(sage_db_prepare(catalog->db, "INSERT OR IGNORE INTO temp.picture_links(link) VALUES(?1)", &add, error));
    SAGE_TRY(sage_db_exec(catalog->db, "BEGIN", error)); /* one for all rows of the temporary table */
    begun = true;
    SAGE_TRY(copy_links(read, add, catalog->db, monitor, n, error));
out:
    sqlite3_finalize(read);
    sqlite3_finalize(add);
    if (begun) st = sage_store_end(catalog, st, error);
    return st;
}

/* ---- what waits for a download ---- */

/* A downloader reads one link a line. */
static bool is_plain(sage_str link) {
    for (size_t i = 0; i < link.len; i++) {
        if ((unsigned char)link.data[i] <= ' ' || link.data[i] == 0x7F) return false;
    }
    return true;
}

static bool is_there(const char *images_dir, const char *place) {
    char path[SAGE_PATH_MAX];
    return images_dir[0] != '\0' && sage_path_join(path, images_dir, place, NULL) == SAGE_OK && sage_fs_exists(path);
}

sage_status sage_catalog_absent_pictures(sage_catalog *catalog, const char *images_dir, sage_picture_fn fn, void *ctx,
                                         const sage_monitor *monitor, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *links = NULL;
    sage_picture_finder *finder = NULL;
    sage_image_ref image;
    char place[SAGE_PATH_MAX];
    bool row = false;
    SAGE_TRY(sage_db_prepare(catalog->db,
                             "SELECT link FROM images WHERE link <> '' AND vector_file IS NULL"
                             " UNION SELECT key FROM queries WHERE surface = 1",
                             &links, error));
    SAGE_TRY(sage_picture_finder_open(catalog, &finder, error));
    for (;;) {
        SAGE_TRY(sage_check_cancel(monitor, "pictures", error));
        SAGE_TRY(sage_db_step(links, &row, error));
        if (!row) break;
        sage_str link = sage_column_str(links, 0);
        SAGE_TRY(sage_picture_finder_find(finder, link, &image, error));
        if (image.vector_file[0] != '\0') continue; /* the file of an event's picture is gone, its vector is not */
        if (sage_link_place(link, images_dir, place) == SAGE_LINK_REMOTE && is_plain(link) &&
            !is_there(images_dir, place))
            SAGE_TRY(fn(ctx, link.data, place, error));
    }
out:
    sage_picture_finder_close(finder);
    sqlite3_finalize(links);
    return st;
}

sage_status sage_catalog_picture_encoder(sage_catalog *catalog, const char **name, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *stmt = NULL;
    bool row = false;
    SAGE_TRY(sage_catalog_meta(catalog, SAGE_META_PICTURE_ENCODER, name, error));
    if ((*name)[0] != '\0') return SAGE_OK;
    /* From before encoders were noted. */
    SAGE_TRY(sage_db_prepare(catalog->db, "SELECT 1 FROM vector_files WHERE encoder IS NULL LIMIT 1", &stmt, error));
    SAGE_TRY(sage_db_step(stmt, &row, error));
    if (row) *name = "none";
out:
    sqlite3_finalize(stmt);
    return st;
}
