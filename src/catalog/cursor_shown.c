/* Reading the events that say where their product was shown. */
#include <base/alloc.h>
#include <base/error.h>
#include <catalog/store.h>

static const char of_queries[] = "SELECT q.key, p.pid, e.kind, e.count, e.time, e.position, e.propensity FROM events e"
                                 " JOIN queries q ON q.query = e.query JOIN event_products ep ON ep.product = e.product"
                                 " JOIN products p ON p.id = ep.id"
                                 " WHERE (e.position IS NOT NULL OR e.propensity IS NOT NULL) AND q.surface = ?1";
static const char of_users[] =
    "SELECT u.user_id, p.pid, e.kind, e.count, e.time, e.position, e.propensity FROM events e"
    " JOIN users u ON u.user = e.user JOIN event_products ep ON ep.product = e.product"
    " JOIN products p ON p.id = ep.id"
    " WHERE e.position IS NOT NULL OR e.propensity IS NOT NULL";

struct sage_shown_cursor {
    sqlite3_stmt *stmt;
    bool ended;
    sage_shown_row row;
};

sage_status sage_shown_cursor_open(sage_catalog *catalog, sage_surface surface, sage_shown_cursor **cursor,
                                   sage_error *error) {
    sage_status st = SAGE_OK;
    sage_shown_cursor *made = sage_alloc_zero(1, sizeof *made);
    *cursor = NULL;
    if (made == NULL) return sage_fail_memory(error, sizeof *made);
    SAGE_TRY(sage_db_prepare(catalog->db, surface == SAGE_ON_USER ? of_users : of_queries, &made->stmt, error));
    if (surface != SAGE_ON_USER) sqlite3_bind_int(made->stmt, 1, (int)surface);
    *cursor = made;
    made = NULL;
out:
    sage_shown_cursor_close(made);
    return st;
}

sage_status sage_shown_cursor_next(sage_shown_cursor *cursor, const sage_shown_row **row, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *stmt = cursor->stmt;
    bool more = false;
    *row = NULL;
    if (cursor->ended) return SAGE_OK;
    SAGE_TRY(sage_db_step(stmt, &more, error));
    cursor->ended = !more;
    if (!more) goto out;
    cursor->row = (sage_shown_row){
        .query_key = sage_column_str(stmt, 0),
        .pid = sqlite3_column_int64(stmt, 1),
        .kind = (sage_event_kind)sqlite3_column_int(stmt, 2),
        .count = (uint64_t)sqlite3_column_int64(stmt, 3),
        .time_ms = sqlite3_column_type(stmt, 4) == SQLITE_NULL ? INT64_MIN : sqlite3_column_int64(stmt, 4),
        .position = (uint64_t)sqlite3_column_int64(stmt, 5),
        .propensity = sqlite3_column_double(stmt, 6),
    };
    *row = &cursor->row;
out:
    return st;
}

void sage_shown_cursor_close(sage_shown_cursor *cursor) {
    if (cursor == NULL) return;
    sqlite3_finalize(cursor->stmt);
    sage_free(cursor);
}
