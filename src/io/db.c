#include <base/error.h>
#include <errno.h>
#include <io/db.h>
#include <io/db_vfs.h>
#include <io/fs.h>

enum { BUSY_MS = 5000 };

static sage_status status_of(int code) {
    switch (code & 0xFF) {
    case SQLITE_NOMEM: return SAGE_E_MEMORY;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return SAGE_E_LOCKED;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return SAGE_E_FORMAT;
    case SQLITE_IOERR: return code == SQLITE_IOERR_NOMEM ? SAGE_E_MEMORY : SAGE_E_IO;
    case SQLITE_FULL:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY: return SAGE_E_IO;
    case SQLITE_TOOBIG: return SAGE_E_LIMIT;
    case SQLITE_INTERRUPT: return SAGE_E_CANCELLED;
    default: return SAGE_E_INTERNAL;
    }
}

sage_status sage_db_fail(sqlite3 *db, const char *what, sage_error *error) {
    const char *path = sqlite3_db_filename(db, "main"), *text = sqlite3_errmsg(db);
    int code = sqlite3_extended_errcode(db);
    sage_status status = status_of(code);
    const char *then = status == SAGE_E_FORMAT            ? "; restore it from a copy, or import again"
                       : status == SAGE_E_LOCKED          ? "; wait for the process that uses it"
                       : (code & 0xFF) == SQLITE_FULL     ? "; make room there and run it again"
                       : (code & 0xFF) == SQLITE_READONLY ? "; run it as a user who may write there"
                                                          : "";
    return sage_fail(error, status, "%s: %s: %s%s", path == NULL || path[0] == '\0' ? "database" : path, what, text,
                     then);
}

sage_status sage_db_exec(sqlite3 *db, const char *sql, sage_error *error) {
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? SAGE_OK
                                                                : sage_db_fail(db, "cannot run a statement", error);
}

/* SQLite knows neither the path of a file that it could not open nor, in its text, why. */
static sage_status open_failed(sqlite3 *db, const char *path, sage_error *error) {
    int code = sqlite3_extended_errcode(db), number = sqlite3_system_errno(db);
    if ((code & 0xFF) == SQLITE_CANTOPEN && number != 0) {
        errno = number;
        return sage_fail_errno(error, "open", path);
    }
    return sage_fail(error, status_of(code), "cannot open %s: %s", path, sqlite3_errmsg(db));
}

sage_status sage_db_open(const char *path, sage_db_mode mode, sqlite3 **db, sage_error *error) {
    static const int flags[] = {[SAGE_DB_READ] = SQLITE_OPEN_READONLY,
                                [SAGE_DB_WRITE] = SQLITE_OPEN_READWRITE,
                                [SAGE_DB_CREATE] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE};
    sage_status st = SAGE_OK;
    *db = NULL;
    if (mode != SAGE_DB_CREATE && !sage_fs_exists(path)) {
        return sage_fail(error, SAGE_E_NOT_FOUND, "there is no database %s", path);
    }
    int rc = sage_db_vfs_register();
    if (rc != SQLITE_OK) return sage_fail(error, status_of(rc), "SQLite cannot be set up: %s", sqlite3_errstr(rc));
    /* One thread at a time (db.h), so that no call need take a lock. */
    if (sqlite3_open_v2(path, db, flags[mode] | SQLITE_OPEN_NOMUTEX, SAGE_DB_VFS) != SQLITE_OK) {
        st = *db == NULL ? sage_fail_memory(error, sizeof(void *)) : open_failed(*db, path, error);
        goto out;
    }
    sqlite3_extended_result_codes(*db, 1);
    sqlite3_busy_timeout(*db, BUSY_MS);
    SAGE_TRY(sage_db_exec(*db, "PRAGMA foreign_keys = ON", error));
    /* Opening reads nothing; this tells a file that is no database now rather than in the middle of things. */
    SAGE_TRY(sage_db_exec(*db, "PRAGMA schema_version", error));
    return SAGE_OK;
out:
    sage_db_close(*db);
    *db = NULL;
    return st;
}

void sage_db_close(sqlite3 *db) {
    /* v2: statements that somebody still holds keep it alive until they are finalized. */
    sqlite3_close_v2(db);
}

sage_status sage_db_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **stmt, sage_error *error) {
    if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL) == SQLITE_OK) return SAGE_OK;
    *stmt = NULL;
    return sage_db_fail(db, "cannot prepare a statement", error);
}

sage_status sage_db_step(sqlite3_stmt *stmt, bool *row, sage_error *error) {
    int rc = sqlite3_step(stmt);
    *row = rc == SQLITE_ROW;
    return rc == SQLITE_ROW || rc == SQLITE_DONE
               ? SAGE_OK
               : sage_db_fail(sqlite3_db_handle(stmt), "cannot run a statement", error);
}

sage_status sage_db_run(sqlite3_stmt *stmt, sage_error *error) {
    bool row;
    sage_status st = sage_db_step(stmt, &row, error);
    if (st == SAGE_OK && row) {
        st = sage_fail(error, SAGE_E_INTERNAL, "a statement gave a row where none was expected: %.200s",
                       sqlite3_sql(stmt));
    }
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    return st;
}
