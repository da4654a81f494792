/* Which imports a catalogue has seen. */
#include <base/error.h>
#include <catalog/store.h>

static sage_status find(sage_catalog *catalog, const char *sql, int64_t import, sage_feed_mark *mark,
                        sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *stmt = NULL;
    bool row = false;
    *mark = (sage_feed_mark){0, 0};
    SAGE_TRY(sage_db_prepare(catalog->db, sql, &stmt, error));
    sqlite3_bind_int64(stmt, 1, import);
    SAGE_TRY(sage_db_step(stmt, &row, error));
    if (row) *mark = (sage_feed_mark){sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1)};
out:
    sqlite3_finalize(stmt);
    return st;
}

sage_status sage_catalog_last_feed(sage_catalog *catalog, sage_feed_mark *mark, sage_error *error) {
    return find(
        catalog,
        "SELECT import, time FROM imports WHERE kind = 'products' AND import > ?1 AND added + changed + deleted > 0"
        " ORDER BY import DESC LIMIT 1",
        0, mark, error);
}

sage_status sage_catalog_has_feed(sage_catalog *catalog, sage_feed_mark mark, bool *has, sage_error *error) {
    sage_feed_mark found;
    sage_status st = find(catalog, "SELECT import, time FROM imports WHERE kind = 'products' AND import = ?1",
                          mark.import, &found, error);
    *has = st == SAGE_OK && mark.import > 0 && found.import == mark.import && found.time_ms == mark.time_ms;
    return st;
}
