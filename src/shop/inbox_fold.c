/* What came in while serving becomes part of the catalogue, as rows of an event log that carry names of their own: what
 * was imported by a fold that was stopped before it could say so is known by them, and not stored again. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <itemsage/import.h>
#include <shop/inbox.h>
#include <shop/shop.h>
#include <string.h>

typedef struct fold {
    const char *path;
    int fd;
    sage_buf rows;
    uint64_t events;
} fold;

enum { ROWS_BYTES = 1 << 20 };

static sage_status write_rows(fold *f, sage_error *error) {
    sage_status st = sage_fs_write(f->fd, f->path, f->rows.data, f->rows.len, error);
    sage_buf_clear(&f->rows);
    return st;
}

static sage_status add_row(void *ctx, const sage_inbox_entry *entry, sage_error *error) {
    fold *f = ctx;
    sage_status st = SAGE_OK;
    if (entry->kind != SAGE_INBOX_EVENT) return SAGE_OK; /* of a newer program */
    SAGE_TRY(sage_buf_add(&f->rows, entry->text.data, entry->text.len, error));
    SAGE_TRY(sage_buf_byte(&f->rows, '\n', error));
    f->events++;
    if (f->rows.len >= ROWS_BYTES) st = write_rows(f, error);
out:
    return st;
}

/* The entries behind `after` as a file that imports read. */
static sage_status write_log(sage_shop *shop, const char *path, uint64_t after, fold *f, uint64_t *last,
                             const sage_monitor *monitor, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_inbox_gaps gaps;
    f->path = path;
    sage_buf_init(&f->rows, (size_t)ROWS_BYTES + SAGE_INBOX_ENTRY_MAX + 1);
    SAGE_TRY(sage_fs_create(path, false, &f->fd, error));
    SAGE_TRY(sage_inbox_read(sage_inbox_events(shop->dir), after, add_row, f, last, &gaps, error));
    if (f->rows.len > 0) SAGE_TRY(write_rows(f, error));
    sage_inbox_tell_gaps(sage_inbox_events(shop->dir), &gaps, monitor);
out:
    if (f->fd >= 0) sage_fs_close(f->fd, path, NULL);
    sage_buf_free(&f->rows);
    return st;
}

sage_status sage_import_inbox(sage_shop *shop, const sage_monitor *monitor, sage_import_report *report,
                              sage_error *error) {
    sage_status st = SAGE_OK;
    char folder[SAGE_PATH_MAX], path[SAGE_PATH_MAX] = "";
    const char *const files[] = {path};
    const sage_import_options options = {.format = SAGE_FEED_JSONL, .again = true};
    uint64_t folded, last;
    int lock = -1;
    fold f = {.fd = -1};
    memset(report, 0, sizeof *report);
    SAGE_TRY(sage_shop_path(shop, "inbox", folder, error));
    if (!sage_fs_exists(folder)) return SAGE_OK;
    SAGE_TRY(sage_shop_hold(shop, SAGE_LOCK_CATALOG, &lock, error));
    SAGE_TRY(sage_inbox_folded(sage_inbox_events(shop->dir), &folded, error));
    SAGE_TRY(sage_path_join(path, folder, ".tmp-fold.jsonl", error));
    SAGE_TRY(write_log(shop, path, folded, &f, &last, monitor, error));
    if (f.events > 0) SAGE_TRY(sage_import_events(shop, files, 1, &options, monitor, report, error));
    if (last > folded) SAGE_TRY(sage_inbox_set_folded(sage_inbox_events(shop->dir), last, error));
out:
    if (*path) sage_fs_unlink(path, NULL);
    sage_shop_let_go(shop, SAGE_LOCK_CATALOG, lock);
    return st;
}
