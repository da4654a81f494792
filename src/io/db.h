/* SQLite with the project's errors and fault seam. */
#ifndef SAGE_IO_DB_H
#define SAGE_IO_DB_H

#include <itemsage/status.h>
#include <sqlite3.h>
#include <stdbool.h>

typedef enum sage_db_mode { SAGE_DB_READ, SAGE_DB_WRITE, SAGE_DB_CREATE } sage_db_mode;

/* Opens through the VFS shim "sage" (every write, sync, truncate and delete passes sage_fault_check), busy timeout 5 s,
 * foreign keys on. READ never writes. One thread at a time. */
sage_status sage_db_open(const char *path, sage_db_mode mode, sqlite3 **db, sage_error *error);
void sage_db_close(sqlite3 *db);
sage_status sage_db_exec(sqlite3 *db, const char *sql, sage_error *error);
sage_status sage_db_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **stmt, sage_error *error);
/* One step: *row says whether a row stands ready. */
sage_status sage_db_step(sqlite3_stmt *stmt, bool *row, sage_error *error);
/* Runs a statement that gives no rows, then resets it and clears its bindings. */
sage_status sage_db_run(sqlite3_stmt *stmt, sage_error *error);
sage_status sage_db_fail(sqlite3 *db, const char *what, sage_error *error); /* from sqlite3_errmsg */

#endif
