#include <base/error.h>
#include <catalog/schema.h>
#include <io/fs.h>
#include <stdio.h>

static const char *const steps[SAGE_CATALOG_VERSION] = {sage_schema_v1, sage_schema_v2, sage_schema_v3, sage_schema_v4};

const sage_migrations sage_catalog_migrations = {steps, SAGE_CATALOG_VERSION};

static sage_status read_number(sqlite3 *db, const char *sql, int64_t *number, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *stmt = NULL;
    bool row = false;
    SAGE_TRY(sage_db_prepare(db, sql, &stmt, error));
    SAGE_TRY(sage_db_step(stmt, &row, error));
    *number = row ? sqlite3_column_int64(stmt, 0) : 0;
out:
    sqlite3_finalize(stmt);
    return st;
}

sage_status sage_schema_version(sqlite3 *db, const char *path, int *version, sage_error *error) {
    sage_status st = SAGE_OK;
    int64_t application = 0, number = 0;
    SAGE_TRY(read_number(db, "PRAGMA application_id", &application, error));
    if (application != SAGE_CATALOG_APPLICATION_ID) {
        return sage_fail(error, SAGE_E_FORMAT,
                         "%s is not an itemsage catalogue (its application_id is %lld); name a shop that `itemsage "
                         "init` made",
                         path, (long long)application);
    }
    SAGE_TRY(read_number(db, "PRAGMA user_version", &number, error));
    *version = (int)number;
out:
    return st;
}

sage_status sage_schema_empty(sqlite3 *db, bool *empty, sage_error *error) {
    sage_status st = SAGE_OK;
    int64_t application = 0, tables = 0;
    SAGE_TRY(read_number(db, "PRAGMA application_id", &application, error));
    SAGE_TRY(read_number(db, "SELECT count(*) FROM sqlite_schema", &tables, error));
    *empty = application == 0 && tables == 0;
out:
    return st;
}

sage_status sage_schema_check(const sage_migrations *migrations, int version, bool write, const char *path,
                              sage_error *error) {
    if (version > migrations->n) {
        return sage_fail(error, SAGE_E_STATE,
                         "%s was made by a newer itemsage (format %d, this one knows up to %d); use that one", path,
                         version, migrations->n);
    }
    if (version < migrations->n && !write) {
        return sage_fail(error, SAGE_E_STATE,
                         "%s has the older format %d; run `itemsage import` (or any command that writes) once to bring "
                         "it to format %d",
                         path, version, migrations->n);
    }
    return SAGE_OK;
}

/* The copy appears under its name only when it is whole and synced. */
static sage_status back_up(sqlite3 *db, int version, const char *path, sage_error *error) {
    sage_status st = SAGE_OK;
    char name[SAGE_PATH_MAX], part[SAGE_PATH_MAX];
    sqlite3_stmt *stmt = NULL;
    int fd = -1;
    if (snprintf(name, sizeof name, "%s.v%d.bak", path, version) >= (int)sizeof name ||
        snprintf(part, sizeof part, "%s.v%d.bak.part", path, version) >= (int)sizeof part) {
        return sage_fail(error, SAGE_E_LIMIT, "the path %s is too long", path);
    }
    SAGE_TRY(sage_fs_unlink(part, error));
    SAGE_TRY(sage_db_prepare(db, "VACUUM INTO ?1", &stmt, error));
    sqlite3_bind_text(stmt, 1, part, -1, SQLITE_STATIC);
    SAGE_TRY(sage_db_run(stmt, error));
    SAGE_TRY(sage_fs_append(part, &fd, error));
    SAGE_TRY(sage_fs_sync(fd, part, error));
    SAGE_TRY(sage_fs_rename(part, name, error));
out:
    if (fd >= 0) {
        sage_status closed = sage_fs_close(fd, part, st == SAGE_OK ? error : NULL);
        if (st == SAGE_OK) st = closed;
    }
    sqlite3_finalize(stmt);
    return st;
}

static sage_status apply(sqlite3 *db, const sage_migrations *migrations, int version, sage_error *error) {
    sage_status st = SAGE_OK;
    char pragma[128];
    SAGE_TRY(sage_db_exec(db, "BEGIN IMMEDIATE", error));
    for (int v = version; v < migrations->n; v++) SAGE_TRY(sage_db_exec(db, migrations->steps[v], error));
    snprintf(pragma, sizeof pragma, "PRAGMA application_id = %d; PRAGMA user_version = %d", SAGE_CATALOG_APPLICATION_ID,
             migrations->n);
    SAGE_TRY(sage_db_exec(db, pragma, error));
    SAGE_TRY(sage_db_exec(db, "COMMIT", error));
out:
    if (st != SAGE_OK && !sqlite3_get_autocommit(db)) (void)sage_db_exec(db, "ROLLBACK", NULL);
    return st;
}

sage_status sage_schema_migrate(sqlite3 *db, const sage_migrations *migrations, int version, const char *path,
                                sage_error *error) {
    sage_status st = SAGE_OK;
    if (version >= migrations->n) return SAGE_OK;
    if (version > 0) SAGE_TRY(back_up(db, version, path, error));
    SAGE_TRY(apply(db, migrations, version, error));
out:
    return st;
}
