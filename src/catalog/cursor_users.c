/* Reading what users did. */
#include <base/alloc.h>
#include <base/error.h>
#include <catalog/store.h>
#include <stdlib.h>

/* CROSS JOIN keeps the order of the tables: users by the index of their ids, of each the index of events by user, read
 * backwards. So nothing is sorted. */
#define EVENTS                                                                                                         \
    "SELECT u.user, u.user_id, e.time, e.product, e.kind, e.count, p.pid FROM users u"                                 \
    " CROSS JOIN events e ON e.user = u.user"                                                                          \
    " CROSS JOIN event_products ep ON ep.product = e.product CROSS JOIN products p ON p.id = ep.id"
#define ORDER " ORDER BY u.user_id, e.time DESC, e.product DESC, e.kind DESC"
static const char everybody[] = EVENTS ORDER, one[] = EVENTS " WHERE u.user_id = ?1" ORDER;

enum { USER, USER_ID, TIME, PRODUCT, KIND, COUNT, PID };

struct sage_user_cursor {
    sqlite3_stmt *stmt;
    bool ready;   /* the statement stands on a row that belongs to no event given yet */
    int64_t user; /* whose id is in `id`; 0: nobody's yet */
    sage_buf id;
    sage_user_row row;
};

static sage_status step(sage_user_cursor *cursor, sage_error *error) {
    return sage_db_step(cursor->stmt, &cursor->ready, error);
}

sage_status sage_user_cursor_open(sage_catalog *catalog, const char *user_id, sage_user_cursor **cursor,
                                  sage_error *error) {
    sage_status st = SAGE_OK;
    sage_user_cursor *made = sage_alloc_zero(1, sizeof *made);
    *cursor = NULL;
    if (made == NULL) return sage_fail_memory(error, sizeof *made);
    sage_buf_init(&made->id, 1 << 20);
    SAGE_TRY(sage_db_prepare(catalog->db, user_id == NULL ? everybody : one, &made->stmt, error));
    if (user_id != NULL) sqlite3_bind_text(made->stmt, 1, user_id, -1, SQLITE_TRANSIENT);
    SAGE_TRY(step(made, error));
    *cursor = made;
    made = NULL;
out:
    sage_user_cursor_close(made);
    return st;
}

static int64_t time_of(sqlite3_stmt *stmt) {
    return sqlite3_column_type(stmt, TIME) == SQLITE_NULL ? INT64_MIN : sqlite3_column_int64(stmt, TIME);
}

/* The id is copied, since the statement moves on to see whether the next row is of the same event. */
static sage_status take_user(sage_user_cursor *cursor, sage_error *error) {
    sage_status st = SAGE_OK;
    int64_t user = sqlite3_column_int64(cursor->stmt, USER);
    if (user == cursor->user) goto out;
    sage_buf_clear(&cursor->id);
    sage_str id = sage_column_str(cursor->stmt, USER_ID);
    SAGE_TRY(sage_buf_add(&cursor->id, id.data, id.len, error));
    cursor->user = user;
out:
    return st;
}

sage_status sage_user_cursor_next(sage_user_cursor *cursor, const sage_user_row **row, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *stmt = cursor->stmt;
    sage_user_row *r = &cursor->row;
    *row = NULL;
    if (!cursor->ready) return SAGE_OK;
    SAGE_TRY(take_user(cursor, error));
    *r = (sage_user_row){.user_id = {cursor->id.data, cursor->id.len},
                         .pid = sqlite3_column_int64(stmt, PID),
                         .kind = (sage_event_kind)sqlite3_column_int(stmt, KIND),
                         .time_ms = time_of(stmt)};
    do {
        r->count += (uint64_t)sqlite3_column_int64(stmt, COUNT);
        SAGE_TRY(step(cursor, error));
    } while (cursor->ready && sqlite3_column_int64(stmt, USER) == cursor->user && time_of(stmt) == r->time_ms &&
             sqlite3_column_int64(stmt, PID) == r->pid && sqlite3_column_int(stmt, KIND) == (int)r->kind);
    *row = r;
out:
    return st;
}

void sage_user_cursor_close(sage_user_cursor *cursor) {
    if (cursor == NULL) return;
    sqlite3_finalize(cursor->stmt);
    sage_buf_free(&cursor->id);
    sage_free(cursor);
}

sage_status sage_catalog_newest_event(sage_catalog *catalog, int64_t *time_ms, sage_error *error) {
    const char *text = "";
    sage_status st = sage_catalog_meta(catalog, SAGE_META_NEWEST_EVENT, &text, error);
    *time_ms = INT64_MIN;
    if (st == SAGE_OK && text[0] != '\0') *time_ms = strtoll(text, NULL, 10);
    return st;
}
