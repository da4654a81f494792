/* Products take the vectors of their pictures. Pictures of events need no row of their own: catalog/picture_find.h.
 *
 * First all pictures are read and what changes is gathered, then it is written: a table must not change under the
 * statement that reads it. */
#include <base/error.h>
#include <catalog/fingerprint.h>
#include <catalog/import_common.h>
#include <catalog/picture_impl.h>
#include <catalog/product_touch.h>
#include <catalog/vector_file.h>
#include <stdio.h>
#include <string.h>

typedef struct linking {
    sage_import import;
    sage_picture_store *store;
    sage_image_rows images;
    sage_product_touch touch;
    sqlite3_stmt *read, *aim, *aims;
} linking;

static const char aims_sql[] = "CREATE TEMP TABLE picture_aims(pid INTEGER NOT NULL, position INTEGER NOT NULL,"
                               " vector_file INTEGER, vector_row INTEGER, vector_hash BLOB,"
                               " PRIMARY KEY(pid, position)) WITHOUT ROWID";
static const char read_sql[] =
    "SELECT i.pid, i.position, i.link, p.id, i.vector_file, i.vector_row,"
    " v.vector_file, v.vector_row, v.vector_hash, coalesce(l.reason, f.fault), coalesce(l.detail, f.detail)"
    " FROM images i CROSS JOIN products p ON p.pid = i.pid"
    " LEFT JOIN temp.picture_links l ON l.link = i.link LEFT JOIN picture_files f ON f.path = l.path"
    " LEFT JOIN picture_vectors v ON v.encoder = ?1 AND v.content = f.content ORDER BY i.pid, i.position";

static const char queries_sql[] =
    "SELECT q.key, v.vector_hash FROM queries q JOIN temp.picture_links l ON l.link = q.key"
    " JOIN picture_files f ON f.path = l.path JOIN picture_vectors v ON v.encoder = ?1 AND v.content = f.content"
    " WHERE q.surface = 1 ORDER BY q.key";

static sage_status prepare(linking *k, int64_t revision, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_catalog *catalog = k->store->catalog;
    SAGE_TRY(sage_db_exec(catalog->db, aims_sql, error));
    SAGE_TRY(sage_db_prepare(catalog->db, read_sql, &k->read, error));
    SAGE_TRY(sage_db_prepare(catalog->db, "INSERT INTO temp.picture_aims VALUES(?1, ?2, ?3, ?4, ?5)", &k->aim, error));
    SAGE_TRY(sage_db_prepare(catalog->db,
                             "SELECT pid, position, vector_file, vector_row, vector_hash FROM temp.picture_aims"
                             " ORDER BY pid, position",
                             &k->aims, error));
    SAGE_TRY(sage_image_rows_init(&k->images, catalog, error));
    SAGE_TRY(sage_product_touch_init(&k->touch, catalog, revision, error));
out:
    return st;
}

static void release(linking *k) {
    sqlite3_finalize(k->read);
    sqlite3_finalize(k->aim);
    sqlite3_finalize(k->aims);
    sage_image_rows_free(&k->images);
    sage_product_touch_free(&k->touch);
    sage_import_end(&k->import);
}

/* ---- reading ---- */

enum { PID, POSITION, LINK, ID, FILE_NOW, ROW_NOW, FILE_AIM, ROW_AIM, HASH_AIM, REASON, DETAIL };

static bool same_column(sqlite3_stmt *stmt, int a, int b) {
    bool empty = sqlite3_column_type(stmt, a) == SQLITE_NULL;
    if (empty != (sqlite3_column_type(stmt, b) == SQLITE_NULL)) return false;
    return empty || sqlite3_column_int64(stmt, a) == sqlite3_column_int64(stmt, b);
}

static sage_status reject(linking *k, sage_error *error) {
    sage_flaw flaw = {0};
    sage_str link = sage_column_str(k->read, LINK);
    sage_flaw_set(&flaw, sage_column_str(k->read, REASON).data, "picture %d of \"%s\": %s",
                  sqlite3_column_int(k->read, POSITION) + 1, sage_show(sage_column_str(k->read, ID)).text,
                  sage_column_str(k->read, DETAIL).data);
    return sage_import_reject(&k->import, 0, 0, flaw.reason, flaw.detail, link, error);
}

static sage_status take_row(linking *k, sage_error *error) {
    bool vector = sqlite3_column_type(k->read, FILE_AIM) != SQLITE_NULL;
    k->import.report->unchanged += vector;
    if (!vector && sqlite3_column_type(k->read, REASON) != SQLITE_NULL) {
        sage_status st = reject(k, error);
        if (st != SAGE_OK) return st;
    }
    if (same_column(k->read, FILE_NOW, FILE_AIM) && same_column(k->read, ROW_NOW, ROW_AIM)) return SAGE_OK;
    for (int i = 0; i < 2; i++) sqlite3_bind_int64(k->aim, 1 + i, sqlite3_column_int64(k->read, PID + i));
    for (int i = 0; i < 3 && vector; i++)
        sqlite3_bind_value(k->aim, 3 + i, sqlite3_column_value(k->read, FILE_AIM + i));
    return sage_db_run(k->aim, error);
}

static sage_status read_all(linking *k, sage_error *error) {
    sage_status st = SAGE_OK;
    bool row = false;
    sqlite3_bind_int64(k->read, 1, k->store->encoder);
    for (;;) {
        SAGE_TRY(sage_db_step(k->read, &row, error));
        if (!row) break;
        k->import.report->rows++;
        SAGE_TRY(take_row(k, error));
        SAGE_TRY(sage_import_tick(&k->import, error));
    }
out:
    sqlite3_reset(k->read);
    return st;
}

/* ---- writing ---- */

typedef struct product {
    int64_t pid;
    sage_pictures old, now;
} product;

static sage_status write_product(linking *k, product *p, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_import_report *report = k->import.report;
    bool had = false, same = true;
    for (size_t i = 0; i < SAGE_IMAGES_MAX; i++) {
        const sage_picture *a = &p->old.at[i], *b = &p->now.at[i];
        had = had || a->has_vector;
        same = same && a->has_vector == b->has_vector &&
               (!a->has_vector || memcmp(a->vector_hash, b->vector_hash, 16) == 0);
    }
    SAGE_TRY(sage_image_rows_write(&k->images, p->pid, &p->old, &p->now, error));
    if (same) return SAGE_OK; /* another place of the same vector */
    SAGE_TRY(sage_product_touch_run(&k->touch, p->pid, &p->now, error));
    report->changed += had;
    report->added += !had;
out:
    return st;
}

static void take_aim(sqlite3_stmt *aims, sage_pictures *now) {
    int position = sqlite3_column_int(aims, 1);
    if (position < 0 || position >= SAGE_IMAGES_MAX) return;
    sage_picture *picture = &now->at[position];
    picture->has_vector = sqlite3_column_type(aims, 2) != SQLITE_NULL;
    picture->vector_file = sqlite3_column_int64(aims, 2);
    picture->vector_row = sqlite3_column_int64(aims, 3);
    sage_column_blob16(aims, 4, picture->vector_hash);
}

static sage_status write_all(linking *k, sage_error *error) {
    sage_status st = SAGE_OK;
    product p = {.pid = 0};
    bool row = true;
    while (row) {
        SAGE_TRY(sage_db_step(k->aims, &row, error));
        int64_t pid = row ? sqlite3_column_int64(k->aims, 0) : 0;
        if (pid != p.pid) {
            if (p.pid != 0) SAGE_TRY(write_product(k, &p, error));
            SAGE_TRY(sage_check_cancel(k->import.monitor, "pictures", error));
            p.pid = pid;
            if (row) SAGE_TRY(sage_image_rows_read(&k->images, pid, &p.old, error));
            p.now = p.old;
        }
        if (row) take_aim(k->aims, &p.now);
    }
out:
    sqlite3_reset(k->aims);
    return st;
}

/* ---- pictures of events ---- */

/* Chains the hashes of links and vectors; "" without any. */
static sage_status sum_queries(linking *k, sqlite3_stmt *read, char sum[33], sage_error *error) {
    sage_status st = SAGE_OK;
    unsigned char chain[48] = {0}; /* so far, of the link, of the vector */
    bool row = false;
    sum[0] = '\0';
    sqlite3_bind_int64(read, 1, k->store->encoder);
    for (;;) {
        SAGE_TRY(sage_check_cancel(k->import.monitor, "pictures", error));
        SAGE_TRY(sage_db_step(read, &row, error));
        if (!row) break;
        k->store->searched++;
        sage_str link = sage_column_str(read, 0);
        sage_hash_bytes(link.data, link.len, chain + 16);
        sage_column_blob16(read, 1, chain + 32);
        sage_hash_bytes(chain, sizeof chain, chain);
        for (size_t i = 0; i < 16; i++) snprintf(sum + 2 * i, 3, "%02x", chain[i]);
    }
out:
    return st;
}

/* A dataset has their vectors, so that it is out of date where they are others than at the last pass. */
static sage_status note_queries(linking *k, bool *changed, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *read = NULL;
    const char *before;
    char sum[33];
    SAGE_TRY(sage_db_prepare(k->store->catalog->db, queries_sql, &read, error));
    SAGE_TRY(sum_queries(k, read, sum, error));
    SAGE_TRY(sage_catalog_meta(k->store->catalog, "query_pictures", &before, error));
    *changed = strcmp(sum, before) != 0;
    if (*changed) SAGE_TRY(sage_store_set_meta(k->store->catalog, "query_pictures", sum, error));
out:
    sqlite3_finalize(read);
    return st;
}

/* ---- all of it ---- */

static sage_status link_all(linking *k, sage_error *error) {
    static const char forget_sql[] =
        "DELETE FROM rejects WHERE import IN (SELECT import FROM imports WHERE kind = 'pictures');"
        "DELETE FROM imports WHERE kind = 'pictures'"; /* one pass stands for all before */
    static const char unused_sql[] = "DELETE FROM vector_files WHERE encoder IS NULL AND file NOT IN"
                                     " (SELECT DISTINCT vector_file FROM images WHERE vector_file IS NOT NULL)";
    sage_status st = SAGE_OK;
    sage_catalog *catalog = k->store->catalog;
    const sage_picture_source *source = &k->store->source;
    const sage_import_report *report = k->import.report;
    bool queries = false;
    SAGE_TRY(sage_db_exec(catalog->db, forget_sql, error));
    SAGE_TRY(sage_import_begin_file(&k->import, "pictures", source->images_dir, false, error));
    SAGE_TRY(read_all(k, error));
    SAGE_TRY(write_all(k, error));
    SAGE_TRY(note_queries(k, &queries, error));
    SAGE_TRY(sage_import_end_file(&k->import, NULL, error));
    SAGE_TRY(sage_db_exec(catalog->db, unused_sql, error));
    SAGE_TRY(sage_store_set_meta(catalog, SAGE_META_PICTURE_ENCODER, source->name, error));
    if (source->images_dir[0] != '\0') SAGE_TRY(sage_store_set_meta(catalog, "images_dir", source->images_dir, error));
    if (report->added + report->changed > 0 || queries)
        SAGE_TRY(sage_store_set_revision(catalog, k->touch.revision, error));
out:
    return st;
}

sage_status sage_picture_store_link(sage_picture_store *store, const sage_monitor *monitor, sage_import_report *report,
                                    sage_error *error) {
    sage_status st = SAGE_OK;
    sage_catalog *catalog = store->catalog;
    linking k = {.store = store};
    int64_t revision = 0;
    bool begun = false;
    SAGE_TRY(sage_import_begin(&k.import, catalog, "pictures", monitor, report, error));
    SAGE_TRY(sage_store_begin(catalog, error));
    begun = true;
    SAGE_TRY(sage_store_next_revision(catalog, &revision, error));
    SAGE_TRY(prepare(&k, revision, error));
    SAGE_TRY(link_all(&k, error));
out:
    release(&k);
    if (begun && st == SAGE_OK) st = sage_db_exec(catalog->db, "DROP TABLE temp.picture_aims", error);
    if (begun) st = sage_store_end(catalog, st, error);
    if (begun && st == SAGE_OK) sage_vector_files_prune(catalog->db, store->source.shop_dir);
    return st;
}
