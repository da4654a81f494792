#include <base/error.h>
#include <catalog/import_common.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

sage_status sage_import_begin(sage_import *import, sage_catalog *catalog, const char *stage,
                              const sage_monitor *monitor, sage_import_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    memset(report, 0, sizeof *report);
    *import = (sage_import){.catalog = catalog, .monitor = monitor, .report = report, .began_s = sage_now_s()};
    sage_ticker_begin(&import->ticker, monitor, stage, 0);
    if (catalog != NULL) {
        SAGE_TRY(sage_db_prepare(
            catalog->db,
            "INSERT INTO rejects(import, line, column, reason, detail, raw) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
            &import->add_reject, error));
    }
out:
    return st;
}

void sage_import_end(sage_import *import) {
    if (import->report == NULL) return;
    sqlite3_finalize(import->add_reject);
    import->add_reject = NULL;
    import->report->seconds = sage_now_s() - import->began_s;
    sage_ticker_end(&import->ticker, import->report->rows);
}

static sage_status drop_old_rejects(sage_import *import, const char *kind, const char *source, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *stmt = NULL;
    SAGE_TRY(sage_db_prepare(
        import->catalog->db,
        "DELETE FROM rejects WHERE import IN (SELECT import FROM imports WHERE kind = ?1 AND source = ?2)", &stmt,
        error));
    sqlite3_bind_text(stmt, 1, kind, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, source, -1, SQLITE_STATIC);
    SAGE_TRY(sage_db_run(stmt, error));
out:
    sqlite3_finalize(stmt);
    return st;
}

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

sage_status sage_import_begin_file(sage_import *import, const char *kind, const char *source, bool replaces,
                                   sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *stmt = NULL;
    import->source = source;
    import->before = *import->report;
    if (import->catalog == NULL) return SAGE_OK;
    if (replaces && strcmp(source, "-") != 0) SAGE_TRY(drop_old_rejects(import, kind, source, error));
    SAGE_TRY(sage_db_prepare(import->catalog->db, "INSERT INTO imports(kind, source, time) VALUES(?1, ?2, ?3)", &stmt,
                             error));
    sqlite3_bind_text(stmt, 1, kind, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, source, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 3, now_ms());
    SAGE_TRY(sage_db_run(stmt, error));
    import->file = sqlite3_last_insert_rowid(import->catalog->db);
out:
    sqlite3_finalize(stmt);
    return st;
}

sage_status sage_import_end_file(sage_import *import, const unsigned char hash[16], sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *stmt = NULL;
    const sage_import_report *now = import->report, *old = &import->before;
    if (import->catalog == NULL) return SAGE_OK;
    SAGE_TRY(sage_db_prepare(
        import->catalog->db,
        "UPDATE imports SET hash = coalesce(?2, hash), bytes = ?3, rows = ?4, added = ?5, changed = ?6, unchanged = ?7,"
        " deleted = ?8, unknown_products = ?9, rejected = ?10 WHERE import = ?1",
        &stmt, error));
    const uint64_t counts[] = {now->bytes - old->bytes,
                               now->rows - old->rows,
                               now->added - old->added,
                               now->changed - old->changed,
                               now->unchanged - old->unchanged,
                               now->deleted - old->deleted,
                               now->unknown_products - old->unknown_products,
                               now->rejected - old->rejected};
    sqlite3_bind_int64(stmt, 1, import->file);
    if (hash != NULL) sage_bind_blob16(stmt, 2, hash);
    for (int i = 0; i < 8; i++) sqlite3_bind_int64(stmt, 3 + i, (int64_t)counts[i]);
    SAGE_TRY(sage_db_run(stmt, error));
out:
    sqlite3_finalize(stmt);
    return st;
}

/* Reasons beyond the room for them are added up in the last place. */
static void count_reason(sage_import_report *report, const char *reason) {
    report->rejected++;
    for (uint64_t i = 0; i < report->reason_n; i++) {
        if (strcmp(report->reasons[i].reason, reason) == 0) {
            report->reasons[i].count++;
            return;
        }
    }
    bool room = report->reason_n < SAGE_REASONS_MAX;
    sage_reason_count *count = &report->reasons[room ? report->reason_n++ : SAGE_REASONS_MAX - 1];
    snprintf(count->reason, sizeof count->reason, "%s", room ? reason : "other");
    count->count++;
}

sage_status sage_import_reject(sage_import *import, size_t line, size_t column, const char *reason, const char *detail,
                               sage_str raw, sage_error *error) {
    count_reason(import->report, reason);
    if (import->add_reject == NULL) return SAGE_OK;
    sqlite3_bind_int64(import->add_reject, 1, import->file);
    sqlite3_bind_int64(import->add_reject, 2, (int64_t)line);
    sqlite3_bind_int64(import->add_reject, 3, (int64_t)column);
    sqlite3_bind_text(import->add_reject, 4, reason, -1, SQLITE_STATIC);
    sqlite3_bind_text(import->add_reject, 5, detail, -1, SQLITE_STATIC);
    sqlite3_bind_blob(import->add_reject, 6, raw.len > 0 ? raw.data : "", (int)raw.len, SQLITE_STATIC);
    return sage_db_run(import->add_reject, error);
}

sage_status sage_import_reject_row(sage_import *import, const sage_feed_row *row, const sage_flaw *flaw,
                                   sage_error *error) {
    return sage_import_reject(import, row->line, flaw->column, flaw->reason, flaw->detail, row->raw, error);
}

sage_status sage_import_reject_unread(sage_import *import, const sage_feed_row *row, sage_error *error) {
    size_t line = row->reject_line > 0 ? row->reject_line : row->line;
    return sage_import_reject(import, line, row->reject_column, row->reject, row->reject_detail, row->raw, error);
}

sage_status sage_import_tick(sage_import *import, sage_error *error) {
    enum { ROWS_BETWEEN = 256 };
    const sage_import_report *report = import->report;
    if (report->rows % ROWS_BETWEEN != 0) return SAGE_OK;
    if (import->monitor != NULL && import->monitor->progress != NULL) {
        char detail[96];
        double seconds = sage_now_s() - import->began_s;
        snprintf(detail, sizeof detail, "%.0f rows/s  %.1f MB", seconds > 0 ? (double)report->rows / seconds : 0,
                 (double)report->bytes / 1e6);
        sage_ticker_tick(&import->ticker, report->rows, detail);
    }
    return sage_check_cancel(import->monitor, import->ticker.stage, error);
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

sage_str sage_trim(sage_str text) {
    while (text.len > 0 && is_blank(text.data[0])) text = (sage_str){text.data + 1, text.len - 1};
    while (text.len > 0 && is_blank(text.data[text.len - 1])) text.len--;
    return text;
}
