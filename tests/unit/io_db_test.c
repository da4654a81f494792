#include <io/db.h>
#include <support/scratch.h>
#include <support/test.h>
#include <sys/stat.h>

static char dir[SAGE_PATH_MAX], path[SAGE_PATH_MAX];
static const char *journal = "WAL";

static int setup(void **state) {
    (void)state;
    scratch_make(dir);
    scratch_must(sage_path_join(path, dir, "x.db", NULL) == SAGE_OK, dir);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    scratch_remove(dir);
    return 0;
}

static int ground(void **state) {
    (void)state;
    scratch_remove(dir);
    return mkdir(dir, 0777);
}

static void says_which_file_cannot_be_opened_and_why(void **state) {
    (void)state;
    sqlite3 *db;
    sage_error error;
    assert_int_equal(mkdir(path, 0777), 0);
    assert_int_equal(sage_db_open(path, SAGE_DB_WRITE, &db, &error), SAGE_E_IO);
    assert_null(db);
    assert_non_null(strstr(error.text, path));
    assert_non_null(strstr(error.text, "Is a directory"));
}

static void reports_errors(void **state) {
    (void)state;
    sqlite3 *db;
    sqlite3_stmt *stmt;
    sage_error error;
    bool row;
    assert_int_equal(sage_db_open(path, SAGE_DB_WRITE, &db, &error), SAGE_E_NOT_FOUND);
    assert_null(db);
    sage_db_close(NULL);
    assert_int_equal(sage_db_open(path, SAGE_DB_CREATE, &db, NULL), SAGE_OK);
    assert_int_equal(sage_db_exec(db, "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT NOT NULL)", NULL), SAGE_OK);
    assert_int_equal(sage_db_exec(db, "CREATE TABLE t (a)", &error), SAGE_E_INTERNAL);
    assert_non_null(strstr(error.text, "table t already exists"));
    assert_int_equal(sage_db_prepare(db, "SELECT nothing", &stmt, &error), SAGE_E_INTERNAL);
    assert_null(stmt);
    assert_int_equal(sage_db_prepare(db, "INSERT INTO t VALUES (?, ?)", &stmt, NULL), SAGE_OK);
    for (int i = 1; i <= 3; i++) {
        sqlite3_bind_int(stmt, 1, i);
        sqlite3_bind_text(stmt, 2, "text", -1, SQLITE_STATIC);
        assert_int_equal(sage_db_run(stmt, NULL), SAGE_OK);
    }
    assert_int_equal(sage_db_run(stmt, &error), SAGE_E_INTERNAL); /* bindings were cleared: NOT NULL */
    sqlite3_finalize(stmt);
    assert_int_equal(sage_db_prepare(db, "SELECT a FROM t ORDER BY a", &stmt, NULL), SAGE_OK);
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(sage_db_step(stmt, &row, NULL), SAGE_OK);
        assert_true(row);
        assert_int_equal(sqlite3_column_int(stmt, 0), i);
    }
    assert_int_equal(sage_db_step(stmt, &row, NULL), SAGE_OK);
    assert_false(row);
    sqlite3_reset(stmt);
    assert_int_equal(sage_db_run(stmt, &error), SAGE_E_INTERNAL);
    sqlite3_finalize(stmt);
    sage_db_close(db);
    assert_int_equal(sage_db_open(path, SAGE_DB_READ, &db, NULL), SAGE_OK);
    assert_int_equal(sage_db_exec(db, "DELETE FROM t", &error), SAGE_E_IO);
    sage_db_close(db);
    scratch_write(
        path,
        "this is not a database, it is a text, and long enough to be looked at as a whole page header would be....",
        100);
    assert_int_equal(sage_db_open(path, SAGE_DB_WRITE, &db, &error), SAGE_E_FORMAT);
    assert_int_equal(sage_db_open(dir, SAGE_DB_READ, &db, &error), SAGE_E_IO);
}

/* ---- faults: whole transactions, whatever happens ---- */

enum { ROWS = 200 };

/* One transaction more: ROWS rows that bear its number, large enough to spill. */
static bool add_batch(void *ctx) {
    sqlite3 *db;
    sqlite3_stmt *stmt = NULL;
    char sql[64];
    (void)ctx;
    if (sage_db_open(path, SAGE_DB_CREATE, &db, NULL) != SAGE_OK) return false;
    snprintf(sql, sizeof sql, "PRAGMA journal_mode = %s", journal);
    bool good =
        sage_db_exec(db, sql, NULL) == SAGE_OK && sage_db_exec(db, "PRAGMA cache_size = 10", NULL) == SAGE_OK &&
        sage_db_exec(db, "BEGIN IMMEDIATE", NULL) == SAGE_OK &&
        sage_db_exec(db, "CREATE TABLE IF NOT EXISTS t (batch, data)", NULL) == SAGE_OK &&
        sage_db_prepare(db, "INSERT INTO t SELECT count(*) / 200, zeroblob(300) FROM t", &stmt, NULL) == SAGE_OK;
    for (int i = 0; i < ROWS && good; i++) good = sage_db_run(stmt, NULL) == SAGE_OK;
    good = good && sage_db_exec(db, "COMMIT", NULL) == SAGE_OK;
    sqlite3_finalize(stmt);
    sage_db_close(db);
    return good;
}

/* Whole batches in the file, after whatever recovery SQLite makes; -1 where it is broken. */
static long batches(void) {
    sqlite3 *db;
    sqlite3_stmt *stmt;
    bool row;
    if (!sage_fs_exists(path)) return 0;
    assert_int_equal(sage_db_open(path, SAGE_DB_WRITE, &db, NULL), SAGE_OK);
    assert_int_equal(sage_db_prepare(db, "PRAGMA integrity_check", &stmt, NULL), SAGE_OK);
    assert_int_equal(sage_db_step(stmt, &row, NULL), SAGE_OK);
    assert_string_equal((const char *)sqlite3_column_text(stmt, 0), "ok");
    sqlite3_finalize(stmt);
    long n = 0;
    if (sage_db_prepare(db, "SELECT count(*) FROM t", &stmt, NULL) == SAGE_OK) {
        assert_int_equal(sage_db_step(stmt, &row, NULL), SAGE_OK);
        n = sqlite3_column_int(stmt, 0);
        sqlite3_finalize(stmt);
    }
    sage_db_close(db);
    return n % ROWS == 0 ? n / ROWS : -1;
}

static void commits_whole_batches(const char *mode) {
    uint64_t calls, least = UINT64_MAX;
    journal = mode;
    assert_true(add_batch(NULL));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(fault_child(add_batch, NULL, SAGE_FAULT_NONE, 0, &calls), FAULT_DONE);
        if (calls < least) least = calls;
    }
    assert_true(least > 10);
    uint64_t step = least / 4 + 1;
    for (int kind = SAGE_FAULT_ERROR; kind <= SAGE_FAULT_POWER_CUT; kind++) {
        /* The first and last calls one by one, those between (all page writes) in steps. */
        for (uint64_t call = 1; call <= least; call += call < 4 || call + 7 > least ? 1 : step) {
            ground(NULL);
            assert_true(add_batch(NULL));
            int outcome = fault_child(add_batch, NULL, (sage_fault_kind)kind, call, NULL);
            long after = batches();
            assert_true(after == 1 || after == 2);
            if (outcome == FAULT_DONE) assert_int_equal(after, 2);
        }
    }
}

static void keeps_transactions_whole_with_wal(void **state) {
    (void)state;
    commits_whole_batches("WAL");
}

static void keeps_transactions_whole_with_a_journal(void **state) {
    (void)state;
    commits_whole_batches("DELETE");
}

static bool adds_and_stays_open(void *ctx) {
    (void)ctx;
    sqlite3 *db;
    return sage_db_open(path, SAGE_DB_WRITE, &db, NULL) == SAGE_OK &&
           sage_db_exec(db, "INSERT INTO t SELECT batch + 1, data FROM t", NULL) == SAGE_OK;
}

/* The simulation itself bites: with syncs off a commit is lost by the cut, and kept with them on. */
static bool adds_without_sync(void *ctx) {
    (void)ctx;
    sqlite3 *db;
    return sage_db_open(path, SAGE_DB_WRITE, &db, NULL) == SAGE_OK &&
           sage_db_exec(db, "PRAGMA synchronous = OFF", NULL) == SAGE_OK &&
           sage_db_exec(db, "INSERT INTO t SELECT batch + 1, data FROM t", NULL) == SAGE_OK;
}

static void cut_takes_what_was_not_synced(void **state) {
    (void)state;
    bool (*const ops[])(void *) = {adds_and_stays_open, adds_without_sync};
    journal = "WAL";
    for (int i = 0; i < 2; i++) {
        uint64_t calls;
        ground(NULL);
        assert_true(add_batch(NULL));
        assert_int_equal(fault_child(ops[i], NULL, SAGE_FAULT_NONE, 0, &calls), FAULT_DONE);
        ground(NULL);
        assert_true(add_batch(NULL));
        assert_int_equal(fault_child(ops[i], NULL, SAGE_FAULT_POWER_CUT, calls, NULL), FAULT_KILLED);
        assert_int_equal(batches(), i == 0 ? 2 : 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(reports_errors, ground),
        cmocka_unit_test_setup(says_which_file_cannot_be_opened_and_why, ground),
        cmocka_unit_test_setup(keeps_transactions_whole_with_wal, ground),
        cmocka_unit_test_setup(keeps_transactions_whole_with_a_journal, ground),
        cmocka_unit_test_setup(cut_takes_what_was_not_synced, ground),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
