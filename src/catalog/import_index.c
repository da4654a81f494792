#include <base/error.h>
#include <catalog/import_index.h>
#include <catalog/store.h>

enum { FEW = 20000 }; /* so many are always added one by one */

sage_status sage_import_index_begin(sage_import_index *index, sqlite3 *db, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *stmt = NULL;
    bool row = false;
    *index = (sage_import_index){.db = db};
    sage_buf_init(&index->sql, 1 << 16);
    SAGE_TRY(sage_db_prepare(db, "SELECT max(event) FROM events", &stmt, error));
    SAGE_TRY(sage_db_step(stmt, &row, error));
    if (row) index->before = (uint64_t)sqlite3_column_int64(stmt, 0); /* nearly: few are ever forgotten */
out:
    sqlite3_finalize(stmt);
    return st;
}

static sage_status drop(sage_import_index *index, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *stmt = NULL;
    bool row = false;
    SAGE_TRY(sage_db_prepare(index->db, "SELECT sql FROM sqlite_schema WHERE name = 'events_user'", &stmt, error));
    SAGE_TRY(sage_db_step(stmt, &row, error));
    sage_str sql = row ? sage_column_str(stmt, 0) : SAGE_STR("");
    SAGE_TRY(sage_buf_add(&index->sql, sql.data, sql.len, error));
    sqlite3_reset(stmt);
    if (index->sql.len > 0) SAGE_TRY(sage_db_exec(index->db, "DROP INDEX events_user", error));
out:
    sqlite3_finalize(stmt);
    return st;
}

sage_status sage_import_index_added(sage_import_index *index, sage_error *error) {
    uint64_t many = index->before / 2 > FEW ? index->before / 2 : FEW;
    return ++index->added == many ? drop(index, error) : SAGE_OK;
}

sage_status sage_import_index_end(sage_import_index *index, sage_error *error) {
    return index->sql.len > 0 ? sage_db_exec(index->db, index->sql.data, error) : SAGE_OK;
}

void sage_import_index_free(sage_import_index *index) {
    sage_buf_free(&index->sql);
}
