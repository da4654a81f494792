/* What `itemsage status` shows of the catalogue: counts, and the newest rejects. */
#include <base/error.h>
#include <catalog/feed_scan.h>
#include <catalog/store.h>
#include <stdio.h>
#include <string.h>

static sage_status read_counts(sage_catalog *catalog, sage_shop_state *state, sage_error *error) {
    static const char sql[] =
        "SELECT (SELECT count(*) FROM products), (SELECT count(*) FROM images), (SELECT count(vector_file) FROM "
        "images),"
        " (SELECT count(*) FROM queries), (SELECT count(*) FROM events),"
        " (SELECT count(*) FROM events WHERE product IN"
        "  (SELECT product FROM event_products e WHERE NOT EXISTS (SELECT 1 FROM products p WHERE p.id = e.id))),"
        " (SELECT count(*) FROM rejects)";
    sage_status st = SAGE_OK;
    sqlite3_stmt *stmt = NULL;
    bool row = false;
    SAGE_TRY(sage_db_prepare(catalog->db, sql, &stmt, error));
    SAGE_TRY(sage_db_step(stmt, &row, error));
    state->products = (uint64_t)sqlite3_column_int64(stmt, 0);
    state->images = (uint64_t)sqlite3_column_int64(stmt, 1);
    state->image_vectors = (uint64_t)sqlite3_column_int64(stmt, 2);
    state->queries = (uint64_t)sqlite3_column_int64(stmt, 3);
    state->events = (uint64_t)sqlite3_column_int64(stmt, 4);
    state->unknown_product_events = (uint64_t)sqlite3_column_int64(stmt, 5);
    state->rejects = (uint64_t)sqlite3_column_int64(stmt, 6);
out:
    sqlite3_finalize(stmt);
    return st;
}

/* A shop's vectors are all of one encoder. */
static sage_status read_encoder(sage_catalog *catalog, sage_shop_state *state, sage_error *error) {
    static const char sql[] =
        "SELECT (SELECT coalesce(e.name, '') FROM images i CROSS JOIN vector_files f ON f.file = i.vector_file"
        " LEFT JOIN encoders e ON e.encoder = f.encoder LIMIT 1),"
        " (SELECT count(*) FROM rejects WHERE import IN (SELECT import FROM imports WHERE kind = 'pictures'))";
    sage_status st = SAGE_OK;
    sqlite3_stmt *stmt = NULL;
    bool row = false;
    SAGE_TRY(sage_db_prepare(catalog->db, sql, &stmt, error));
    SAGE_TRY(sage_db_step(stmt, &row, error));
    snprintf(state->picture_encoder, sizeof state->picture_encoder, "%s", sage_column_str(stmt, 0).data);
    state->picture_rejects = (uint64_t)sqlite3_column_int64(stmt, 1);
out:
    sqlite3_finalize(stmt);
    return st;
}

/* Reasons beyond the room for them are added up in the last place. */
static sage_status read_reasons(sage_catalog *catalog, sage_shop_state *state, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *stmt = NULL;
    bool row = false;
    state->reason_n = 0;
    SAGE_TRY(sage_db_prepare(catalog->db,
                             "SELECT reason, count(*) FROM rejects GROUP BY reason ORDER BY count(*) DESC, reason",
                             &stmt, error));
    for (;;) {
        SAGE_TRY(sage_db_step(stmt, &row, error));
        if (!row) break;
        bool room = state->reason_n < SAGE_REASONS_MAX;
        sage_reason_count *count = &state->reasons[room ? state->reason_n++ : SAGE_REASONS_MAX - 1];
        uint64_t n = (uint64_t)sqlite3_column_int64(stmt, 1);
        snprintf(count->reason, sizeof count->reason, "%s", room ? sage_column_str(stmt, 0).data : "other");
        count->count = room ? n : count->count + n;
    }
out:
    sqlite3_finalize(stmt);
    return st;
}

static sage_status read_tasks(sage_catalog *catalog, sage_shop_state *state, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *stmt = NULL;
    bool row = false;
    state->task_n = 0;
    SAGE_TRY(sage_db_prepare(catalog->db,
                             "SELECT q.surface, e.kind, count(*) FROM events e JOIN queries q ON q.query = e.query"
                             " GROUP BY 1, 2 ORDER BY 1, 2",
                             &stmt, error));
    for (;;) {
        SAGE_TRY(sage_db_step(stmt, &row, error));
        if (!row || state->task_n == SAGE_TASKS_MAX) break;
        sage_task_count *task = &state->tasks[state->task_n++];
        sage_task_name((unsigned)(sqlite3_column_int(stmt, 0) * SAGE_EVENT_KINDS + sqlite3_column_int(stmt, 1)),
                       task->task);
        task->events = (uint64_t)sqlite3_column_int64(stmt, 2);
    }
out:
    sqlite3_finalize(stmt);
    return st;
}

sage_status sage_catalog_count(sage_catalog *catalog, sage_shop_state *state, sage_error *error) {
    sage_status st = SAGE_OK;
    bool own = sqlite3_get_autocommit(catalog->db) != 0; /* one snapshot for all the counts */
    if (own) SAGE_TRY(sage_db_exec(catalog->db, "BEGIN", error));
    SAGE_TRY(read_counts(catalog, state, error));
    SAGE_TRY(read_encoder(catalog, state, error));
    SAGE_TRY(read_reasons(catalog, state, error));
    SAGE_TRY(read_tasks(catalog, state, error));
    state->catalogue_revision = sage_catalog_revision(catalog);
out:
    if (own && !sqlite3_get_autocommit(catalog->db)) (void)sage_db_exec(catalog->db, "COMMIT", NULL);
    return st;
}

/* Bytes for a terminal and for JSON: control characters and what is no UTF-8 become "\xNN". */
static void printable(const void *bytes, size_t n, char *out, size_t room) {
    const unsigned char *raw = bytes;
    size_t used = 0;
    for (size_t i = 0; i < n;) {
        size_t len = raw[i] < 0x80 ? 1 : raw[i] >= 0xF0 ? 4 : raw[i] >= 0xE0 ? 3 : 2;
        bool whole = len <= n - i && sage_scan_utf8((const char *)raw + i, len) == len;
        /* C1 controls (U+0080 to U+009F) steer terminals too. */
        bool control = raw[i] < 0x20 || raw[i] == 0x7F || (raw[i] == 0xC2 && whole && raw[i + 1] < 0xA0);
        bool good = whole && !control;
        if (used + (good ? len : 4) >= room) break;
        if (good) {
            memcpy(out + used, raw + i, len);
            used += len;
            i += len;
        } else {
            used += (size_t)snprintf(out + used, room - used,
                                     raw[i] == '\t'   ? "\\t"
                                     : raw[i] == '\n' ? "\\n"
                                                      : "\\x%02x",
                                     raw[i]);
            i++;
        }
    }
    out[used] = '\0';
}

static void print_column(sqlite3_stmt *stmt, int column, char *out, size_t room) {
    const void *bytes = sqlite3_column_blob(stmt, column);
    printable(bytes, bytes == NULL ? 0 : (size_t)sqlite3_column_bytes(stmt, column), out, room);
}

sage_status sage_catalog_rejects(sage_catalog *catalog, sage_reject *rejects, size_t limit, size_t *n,
                                 sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *stmt = NULL;
    bool row = false;
    *n = 0;
    SAGE_TRY(sage_db_prepare(catalog->db,
                             "SELECT i.source, r.line, r.column, r.reason, r.detail, substr(r.raw, 1, 512)"
                             " FROM rejects r JOIN imports i ON i.import = r.import ORDER BY r.reject DESC LIMIT ?1",
                             &stmt, error));
    sqlite3_bind_int64(stmt, 1, limit > INT64_MAX ? INT64_MAX : (int64_t)limit);
    while (*n < limit) {
        SAGE_TRY(sage_db_step(stmt, &row, error));
        if (!row) break;
        sage_reject *reject = &rejects[(*n)++];
        print_column(stmt, 0, reject->source, sizeof reject->source);
        reject->line = (uint64_t)sqlite3_column_int64(stmt, 1);
        reject->column = (uint64_t)sqlite3_column_int64(stmt, 2);
        snprintf(reject->reason, sizeof reject->reason, "%s", sage_column_str(stmt, 3).data);
        print_column(stmt, 4, reject->detail, sizeof reject->detail);
        print_column(stmt, 5, reject->raw, sizeof reject->raw);
    }
out:
    sqlite3_finalize(stmt);
    return st;
}
