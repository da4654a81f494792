/* Removing a person. */
#include <base/error.h>
#include <catalog/store.h>
#include <string.h>

/* ?1 is the user's id. A user may stand in events' user, as the query of the user surface, and in rows that were
 * rejected. Search queries that nobody else typed go too: a person's own name may be one. */
static const char *const steps[] = {
    "DELETE FROM events WHERE user = (SELECT user FROM users WHERE user_id = ?1)"
    " OR query = (SELECT query FROM queries WHERE surface = 3 AND key = ?1)",
    "DELETE FROM users WHERE user_id = ?1",
    "DELETE FROM rejects WHERE import IN (SELECT import FROM imports WHERE kind = 'events')"
    " AND instr(raw, CAST(?1 AS BLOB)) > 0",
};
static const char orphans[] = "DELETE FROM queries WHERE query NOT IN (SELECT query FROM events);"
                              "DELETE FROM event_products WHERE product NOT IN (SELECT product FROM events);"
                              "DELETE FROM meta WHERE key = '" SAGE_META_NEWEST_EVENT "';"
                              "INSERT INTO meta SELECT '" SAGE_META_NEWEST_EVENT "', CAST(newest AS TEXT)"
                              " FROM (SELECT max(time) AS newest FROM events) WHERE newest IS NOT NULL";

sage_status sage_catalog_forget_user(sage_catalog *catalog, const char *user_id, uint64_t *events, sage_error *error) {
    sage_status st = SAGE_OK;
    int64_t revision = 0, gone = 0;
    if (events != NULL) *events = 0;
    if (user_id[0] == '\0') return sage_fail(error, SAGE_E_ARGUMENT, "the user's id is empty; say whom to forget");
    /* Freed bytes are overwritten, so that nothing of the person stays in the file. */
    SAGE_TRY(sage_db_exec(catalog->db, "PRAGMA secure_delete = ON", error));
    SAGE_TRY(sage_store_begin(catalog, error));
    SAGE_TRY(sage_store_next_revision(catalog, &revision, error));
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        sqlite3_stmt *stmt = NULL;
        SAGE_TRY(sage_db_prepare(catalog->db, steps[i], &stmt, error));
        sqlite3_bind_text(stmt, 1, user_id, -1, SQLITE_STATIC);
        st = sage_db_run(stmt, error);
        sqlite3_finalize(stmt);
        if (st != SAGE_OK) goto out;
        if (i == 0) gone = sqlite3_changes64(catalog->db);
    }
    if (gone > 0) {
        SAGE_TRY(sage_db_exec(catalog->db, orphans, error));
        SAGE_TRY(sage_store_set_revision(catalog, revision, error));
    }
out:
    st = sage_store_end(catalog, st, error);
    /* The log still holds the old pages until it is emptied into the file; where a reader holds it, its closing does.
     */
    if (st == SAGE_OK) (void)sage_db_exec(catalog->db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL);
    (void)sage_db_exec(catalog->db, "PRAGMA secure_delete = OFF", NULL);
    if (st == SAGE_OK && events != NULL) *events = (uint64_t)gone;
    return st;
}
