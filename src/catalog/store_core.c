/* Transactions, the meta table, the revision, and binding helpers. */
#include <base/error.h>
#include <catalog/store.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

sage_status sage_store_begin(sage_catalog *catalog, sage_error *error) {
    if (!catalog->write) return sage_fail(error, SAGE_E_STATE, "the catalogue was opened for reading only");
    return sage_db_exec(catalog->db, "BEGIN IMMEDIATE", error);
}

sage_status sage_store_end(sage_catalog *catalog, sage_status status, sage_error *error) {
    if (status == SAGE_OK) status = sage_db_exec(catalog->db, "COMMIT", error);
    /* SQLite has rolled back by itself after some faults (a full disk); a second ROLLBACK would only be an error. */
    if (status != SAGE_OK && !sqlite3_get_autocommit(catalog->db)) (void)sage_db_exec(catalog->db, "ROLLBACK", NULL);
    return status;
}

void sage_bind_str(sqlite3_stmt *stmt, int index, sage_str text) {
    if (text.len == 0)
        sqlite3_bind_null(stmt, index);
    else
        sqlite3_bind_text(stmt, index, text.data, (int)text.len, SQLITE_STATIC);
}

void sage_bind_blob16(sqlite3_stmt *stmt, int index, const unsigned char blob[16]) {
    sqlite3_bind_blob(stmt, index, blob, 16, SQLITE_STATIC);
}

sage_str sage_column_str(sqlite3_stmt *stmt, int column) {
    const char *text = (const char *)sqlite3_column_text(stmt, column);
    if (text == NULL) return (sage_str){"", 0};
    return (sage_str){text, (size_t)sqlite3_column_bytes(stmt, column)};
}

void sage_column_blob16(sqlite3_stmt *stmt, int column, unsigned char blob[16]) {
    const void *bytes = sqlite3_column_blob(stmt, column);
    if (bytes != NULL && sqlite3_column_bytes(stmt, column) == 16)
        memcpy(blob, bytes, 16);
    else
        memset(blob, 0, 16);
}

sage_status sage_catalog_meta(sage_catalog *catalog, const char *key, const char **value, sage_error *error) {
    sage_status st = SAGE_OK;
    bool row = false;
    sage_buf_clear(&catalog->meta_value);
    if (catalog->get_meta == NULL) {
        SAGE_TRY(sage_db_prepare(catalog->db, "SELECT value FROM meta WHERE key = ?1", &catalog->get_meta, error));
    }
    sqlite3_bind_text(catalog->get_meta, 1, key, -1, SQLITE_STATIC);
    SAGE_TRY(sage_db_step(catalog->get_meta, &row, error));
    sage_str text = row ? sage_column_str(catalog->get_meta, 0) : SAGE_STR("");
    SAGE_TRY(sage_buf_add(&catalog->meta_value, text.data, text.len, error));
    *value = catalog->meta_value.data;
out:
    if (catalog->get_meta != NULL) sqlite3_reset(catalog->get_meta);
    return st;
}

sage_status sage_store_set_meta(sage_catalog *catalog, const char *key, const char *value, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *stmt = NULL;
    SAGE_TRY(sage_db_prepare(catalog->db,
                             "INSERT INTO meta VALUES(?1, ?2) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
                             &stmt, error));
    sqlite3_bind_text(stmt, 1, key, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, value, -1, SQLITE_STATIC);
    SAGE_TRY(sage_db_run(stmt, error));
out:
    sqlite3_finalize(stmt);
    return st;
}

int64_t sage_catalog_revision(const sage_catalog *catalog) {
    sqlite3_stmt *stmt = NULL;
    bool row = false;
    int64_t revision = 0;
    if (sage_db_prepare(catalog->db, "SELECT value FROM meta WHERE key = 'revision'", &stmt, NULL) == SAGE_OK &&
        sage_db_step(stmt, &row, NULL) == SAGE_OK && row) {
        revision = sqlite3_column_int64(stmt, 0);
    }
    sqlite3_finalize(stmt);
    return revision;
}

sage_status sage_store_next_revision(sage_catalog *catalog, int64_t *revision, sage_error *error) {
    const char *text = NULL;
    sage_status st = sage_catalog_meta(catalog, "revision", &text, error);
    if (st == SAGE_OK) *revision = strtoll(text, NULL, 10) + 1;
    return st;
}

sage_status sage_store_set_revision(sage_catalog *catalog, int64_t revision, sage_error *error) {
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, revision);
    return sage_store_set_meta(catalog, "revision", text, error);
}

bool sage_catalog_simulated(sage_catalog *catalog) {
    const char *value = "";
    return sage_catalog_meta(catalog, "simulated", &value, NULL) == SAGE_OK && strcmp(value, "1") == 0;
}

sage_status sage_store_find(sage_catalog *catalog, sage_str id, int64_t *pid, sage_error *error) {
    sage_status st = SAGE_OK;
    bool row = false;
    *pid = 0;
    if (catalog->find_product == NULL) {
        SAGE_TRY(sage_db_prepare(catalog->db, "SELECT pid FROM products WHERE id = ?1", &catalog->find_product, error));
    }
    sage_bind_str(catalog->find_product, 1, id);
    SAGE_TRY(sage_db_step(catalog->find_product, &row, error));
    if (row) *pid = sqlite3_column_int64(catalog->find_product, 0);
out:
    if (catalog->find_product != NULL) sqlite3_reset(catalog->find_product);
    return st;
}

sage_status sage_catalog_find_product(sage_catalog *catalog, const char *id, int64_t *pid, sage_error *error) {
    sage_status st = sage_store_find(catalog, (sage_str){id, strlen(id)}, pid, error);
    if (st == SAGE_OK && *pid == 0) st = sage_fail(error, SAGE_E_NOT_FOUND, "no product has the id \"%s\"", id);
    return st;
}
