#include <base/alloc.h>
#include <base/error.h>
#include <dataset/dataset.h>
#include <inttypes.h>
#include <shop/export_split.h>
#include <stdio.h>
#include <time.h>

enum { FLUSH_BYTES = 1 << 20 };

/* The files: what people did, of a held-out part what is known, and what is to be predicted; and searches by part, in
 * the order of sage_part. */
enum { TRAIN, VALIDATION_KNOWN, VALIDATION_TARGETS, TEST_KNOWN, TEST_TARGETS, SEARCHES, FILES = SEARCHES + SAGE_PARTS };
static const char *const names[FILES] = {
    "train.tsv",        "validation-known.tsv", "validation-targets.tsv", "test-known.tsv",
    "test-targets.tsv", "search-train.tsv",     "search-validation.tsv",  "search-test.tsv"};

typedef struct split_file {
    char path[SAGE_PATH_MAX], tmp[SAGE_PATH_MAX]; /* tmp: empty before it is there, and once it took its place */
    int fd;                                       /* -1: closed */
    sage_buf rows;
} split_file;

typedef struct export_split {
    sage_dataset *dataset;
    sage_buf ids; /* product i's id ends before id_end[i]; empty where it left the catalogue since */
    size_t *id_end;
    split_file files[FILES];
} export_split;

static sage_status flush(split_file *file, sage_error *error) {
    sage_status st = sage_fs_write(file->fd, file->tmp, file->rows.data, file->rows.len, error);
    sage_buf_clear(&file->rows);
    return st;
}

static sage_status open_files(export_split *e, const sage_shop *shop, const char *out, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_fs_mkdir(out, error));
    for (size_t i = 0; i < FILES; i++) {
        split_file *file = &e->files[i];
        SAGE_TRY(sage_path_join(file->path, out, names[i], error));
        SAGE_TRY(sage_shop_check_output(shop, file->path, error));
        SAGE_TRY(sage_fs_temporary(file->tmp, file->path, error));
        SAGE_TRY(sage_fs_create(file->tmp, false, &file->fd, error));
        const char *header =
            i < SEARCHES ? "user_id\tproduct_id\tevent\tcount\ttimestamp\n" : "query\tproduct_id\tevent\tcount\n";
        SAGE_TRY(sage_buf_text(&file->rows, header, error));
    }
out:
    return st;
}

/* All are whole before the first takes its place: a full disk leaves the split that was there. */
static sage_status end_files(export_split *e, sage_error *error) {
    sage_status st = SAGE_OK;
    for (size_t i = 0; i < FILES; i++) {
        split_file *file = &e->files[i];
        int fd = file->fd;
        SAGE_TRY(flush(file, error));
        SAGE_TRY(sage_fs_sync(fd, file->tmp, error));
        file->fd = -1;
        SAGE_TRY(sage_fs_close(fd, file->tmp, error));
    }
    for (size_t i = 0; i < FILES; i++) {
        SAGE_TRY(sage_fs_commit(e->files[i].tmp, e->files[i].path, error));
        e->files[i].tmp[0] = '\0';
    }
out:
    return st;
}

static void free_files(export_split *e) {
    for (size_t i = 0; i < FILES; i++) {
        split_file *file = &e->files[i];
        if (file->fd >= 0) sage_fs_close(file->fd, file->tmp, NULL);
        if (file->tmp[0] != '\0') sage_fs_unlink(file->tmp, NULL);
        sage_buf_free(&file->rows);
    }
}

/* Both are in the order of their pids. */
static sage_status read_ids(export_split *e, sage_catalog *catalog, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t n = sage_dataset_products(e->dataset), i = 0;
    const int64_t *pids = sage_dataset_pids(e->dataset);
    sage_product_cursor *cursor = NULL;
    const sage_product_row *row;
    e->id_end = sage_alloc(n * sizeof *e->id_end);
    if (e->id_end == NULL) return sage_fail_memory(error, n * sizeof *e->id_end);
    SAGE_TRY(sage_product_cursor_open(catalog, 0, 0, &cursor, error));
    while (i < n) {
        SAGE_TRY(sage_product_cursor_next(cursor, &row, error));
        for (; i < n && (row == NULL || pids[i] < row->pid); i++) e->id_end[i] = e->ids.len;
        if (row == NULL || i == n || pids[i] != row->pid) continue;
        SAGE_TRY(sage_buf_add(&e->ids, row->id.data, row->id.len, error));
        e->id_end[i++] = e->ids.len;
    }
out:
    if (cursor != NULL) sage_product_cursor_close(cursor);
    return st;
}

/* A field of TSV: what would end it becomes a blank. */
static sage_status add_field(sage_buf *rows, const char *text, size_t len, sage_error *error) {
    sage_status st = SAGE_OK;
    for (size_t i = 0; i < len; i++) {
        bool ends = text[i] == '\t' || text[i] == '\n' || text[i] == '\r';
        SAGE_TRY(sage_buf_byte(rows, ends ? ' ' : text[i], error));
    }
    SAGE_TRY(sage_buf_byte(rows, '\t', error));
out:
    return st;
}

/* RFC 3339 in UTC, or nothing. */
static sage_status add_time(sage_buf *rows, int64_t time_ms, sage_error *error) {
    struct tm parts;
    char text[32];
    int64_t ms = (time_ms % 1000 + 1000) % 1000;
    time_t seconds = (time_t)(time_ms / 1000 - (time_ms % 1000 < 0)); /* rounded down */
    if (time_ms == INT64_MIN || gmtime_r(&seconds, &parts) == NULL) return sage_buf_byte(rows, '\n', error);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    if (ms == 0) return sage_buf_printf(rows, error, "%sZ\n", text);
    return sage_buf_printf(rows, error, "%s.%03dZ\n", text, (int)ms);
}

static sage_status add_row(export_split *e, unsigned to, sage_str user, const sage_user_event *event,
                           sage_error *error) {
    sage_status st = SAGE_OK;
    split_file *file = &e->files[to];
    size_t begin = event->product > 0 ? e->id_end[event->product - 1] : 0, end = e->id_end[event->product];
    if (begin == end) return SAGE_OK;
    SAGE_TRY(add_field(&file->rows, user.data, user.len, error));
    SAGE_TRY(add_field(&file->rows, e->ids.data + begin, end - begin, error));
    SAGE_TRY(sage_buf_printf(&file->rows, error, "%s\t%u\t", sage_event_names[event->kind], (unsigned)event->count));
    SAGE_TRY(add_time(&file->rows, event->time_ms, error));
    if (file->rows.len >= FLUSH_BYTES) SAGE_TRY(flush(file, error));
out:
    return st;
}

static bool has_targets(const sage_packed_user *user, sage_part part) {
    for (size_t i = 0; i < user->n; i++) {
        if (user->events[i].part == part) return true;
    }
    return false;
}

/* Whoever has nothing to predict in a part is no question of it. */
static sage_status add_user(export_split *e, const sage_packed_user *user, sage_error *error) {
    sage_status st = SAGE_OK;
    for (size_t i = 0; i < user->n && user->part == SAGE_TRAIN; i++) {
        if (user->events[i].part == SAGE_TRAIN) SAGE_TRY(add_row(e, TRAIN, user->id, &user->events[i], error));
    }
    for (unsigned part = SAGE_VALIDATION; part < SAGE_PARTS; part++) {
        unsigned known = part == SAGE_VALIDATION ? VALIDATION_KNOWN : TEST_KNOWN;
        if (!has_targets(user, (sage_part)part)) continue;
        for (size_t i = 0; i < user->n; i++) {
            const sage_user_event *event = &user->events[i];
            if (event->part > part) continue;
            SAGE_TRY(add_row(e, event->part < part ? known : known + 1, user->id, event, error));
        }
    }
out:
    return st;
}

static sage_status add_pair(export_split *e, sage_part part, unsigned kind, const sage_pair *pair, sage_error *error) {
    sage_status st = SAGE_OK;
    split_file *file = &e->files[SEARCHES + part];
    size_t begin = pair->product > 0 ? e->id_end[pair->product - 1] : 0, end = e->id_end[pair->product];
    sage_packed_query query;
    if (begin == end) return SAGE_OK;
    sage_dataset_query(e->dataset, pair->query, &query);
    SAGE_TRY(add_field(&file->rows, query.text.data, query.text.len, error));
    SAGE_TRY(add_field(&file->rows, e->ids.data + begin, end - begin, error));
    SAGE_TRY(sage_buf_printf(&file->rows, error, "%s\t%u\n", sage_event_names[kind], (unsigned)pair->count));
    if (file->rows.len >= FLUSH_BYTES) SAGE_TRY(flush(file, error));
out:
    return st;
}

static sage_status add_searches(export_split *e, sage_error *error) {
    sage_status st = SAGE_OK;
    for (unsigned part = SAGE_TRAIN; part < SAGE_PARTS; part++) {
        for (unsigned kind = 0; kind < SAGE_EVENT_KINDS; kind++) {
            size_t n;
            const sage_pair *pairs =
                sage_dataset_pairs(e->dataset, (sage_part)part, SAGE_ON_SEARCH * SAGE_EVENT_KINDS + kind, &n);
            for (size_t i = 0; i < n; i++) SAGE_TRY(add_pair(e, (sage_part)part, kind, &pairs[i], error));
        }
    }
out:
    return st;
}

static bool has_searches(const sage_dataset *dataset) {
    size_t all = 0, n;
    for (unsigned part = SAGE_TRAIN; part < SAGE_PARTS; part++)
        for (unsigned kind = 0; kind < SAGE_EVENT_KINDS; kind++, all += n)
            sage_dataset_pairs(dataset, (sage_part)part, SAGE_ON_SEARCH * SAGE_EVENT_KINDS + kind, &n);
    return all > 0;
}

static sage_status open_dataset(sage_shop *shop, sage_dataset **dataset, sage_error *error) {
    sage_status st = SAGE_OK;
    uint64_t id = 0;
    SAGE_TRY(sage_shop_newest(shop, "dataset", &id, error));
    if (id == 0) return sage_fail(error, SAGE_E_STATE, "the shop has no dataset yet; run 'itemsage train' first");
    SAGE_TRY(sage_dataset_open(shop->dir, id, true, dataset, error));
    if (sage_dataset_users(*dataset) == 0 && !has_searches(*dataset))
        st =
            sage_fail(error, SAGE_E_STATE,
                      "dataset %" PRIu64 " has neither searches nor users; import events and run 'itemsage train'", id);
out:
    return st;
}

sage_status sage_export_split(sage_shop *shop, const char *out, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_catalog *catalog = NULL;
    export_split *e = sage_alloc_zero(1, sizeof *e);
    if (e == NULL) return sage_fail_memory(error, sizeof *e);
    sage_buf_init(&e->ids, SIZE_MAX);
    for (size_t i = 0; i < FILES; i++) {
        e->files[i].fd = -1;
        sage_buf_init(&e->files[i].rows, SIZE_MAX);
    }
    SAGE_TRY(open_dataset(shop, &e->dataset, error));
    SAGE_TRY(sage_shop_catalog(shop, false, &catalog, error));
    SAGE_TRY(read_ids(e, catalog, error));
    SAGE_TRY(open_files(e, shop, out, error));
    for (size_t i = 0; i < sage_dataset_users(e->dataset); i++) {
        sage_packed_user user;
        sage_dataset_user(e->dataset, i, &user);
        SAGE_TRY(add_user(e, &user, error));
    }
    SAGE_TRY(add_searches(e, error));
    SAGE_TRY(end_files(e, error));
out:
    free_files(e);
    sage_catalog_close(catalog);
    sage_dataset_close(e->dataset);
    sage_buf_free(&e->ids);
    sage_free(e->id_end);
    sage_free(e);
    return st;
}
