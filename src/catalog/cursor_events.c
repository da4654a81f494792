/* Reading events, added up by surface, query, product and kind. */
#include <base/alloc.h>
#include <base/error.h>
#include <catalog/store.h>

/* First added up as integers, which is where the numbers are; only the sums are joined with their texts and sorted.
 * Both sorts spill to temporary files beyond the cache. Products that are unknown have pid 0 and are told apart by
 * their id. */
static const char sql[] =
    "SELECT q.surface, e.kind, coalesce(q.text, q.key), q.key, coalesce(p.pid, 0) AS pid, ep.id, e.n, e.latest"
    " FROM (SELECT query, product, kind, sum(count) AS n, max(time) AS latest FROM events GROUP BY query, product, "
    "kind) e"
    " JOIN queries q ON q.query = e.query JOIN event_products ep ON ep.product = e.product"
    " LEFT JOIN products p ON p.id = ep.id"
    " ORDER BY q.surface, q.key, 5, ep.id, e.kind";

struct sage_event_cursor {
    sqlite3_stmt *stmt;
    bool ended; /* another step would begin again */
    sage_event_row row;
};

sage_status sage_event_cursor_open(sage_catalog *catalog, sage_event_cursor **cursor, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_event_cursor *made = sage_alloc_zero(1, sizeof *made);
    *cursor = NULL;
    if (made == NULL) return sage_fail_memory(error, sizeof *made);
    SAGE_TRY(sage_db_prepare(catalog->db, sql, &made->stmt, error));
    *cursor = made;
    made = NULL;
out:
    sage_event_cursor_close(made);
    return st;
}

sage_status sage_event_cursor_next(sage_event_cursor *cursor, const sage_event_row **row, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *stmt = cursor->stmt;
    bool more = false;
    *row = NULL;
    if (cursor->ended) return SAGE_OK;
    SAGE_TRY(sage_db_step(stmt, &more, error));
    cursor->ended = !more;
    if (!more) goto out;
    cursor->row = (sage_event_row){
        .surface = (sage_surface)sqlite3_column_int(stmt, 0),
        .kind = (sage_event_kind)sqlite3_column_int(stmt, 1),
        .query = sage_column_str(stmt, 2),
        .query_key = sage_column_str(stmt, 3),
        .pid = sqlite3_column_int64(stmt, 4),
        .product_id = sage_column_str(stmt, 5),
        .count = (uint64_t)sqlite3_column_int64(stmt, 6),
        .time_ms = sqlite3_column_type(stmt, 7) == SQLITE_NULL ? INT64_MIN : sqlite3_column_int64(stmt, 7),
    };
    *row = &cursor->row;
out:
    return st;
}

void sage_event_cursor_close(sage_event_cursor *cursor) {
    if (cursor == NULL) return;
    sqlite3_finalize(cursor->stmt);
    sage_free(cursor);
}
