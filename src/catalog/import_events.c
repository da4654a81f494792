/* Event logs into the catalogue, and reading one without storing it. */
#include <base/error.h>
#include <catalog/fingerprint.h>
#include <catalog/import_common.h>
#include <catalog/import_event.h>
#include <catalog/import_index.h>
#include <catalog/import_links.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const sage_import_options no_options;

/* ---- a small number for a text: find it, else add it ---- */

typedef struct numbering {
    sqlite3 *db;
    sqlite3_stmt *find, *add;
} numbering;

static sage_status numbering_init(numbering *n, sqlite3 *db, const char *find, const char *add, sage_error *error) {
    sage_status st = SAGE_OK;
    n->db = db;
    SAGE_TRY(sage_db_prepare(db, find, &n->find, error));
    SAGE_TRY(sage_db_prepare(db, add, &n->add, error));
out:
    return st;
}

static void numbering_free(numbering *n) {
    sqlite3_finalize(n->find);
    sqlite3_finalize(n->add);
}

/* The parameters are bound in both statements by the caller, from 1 on. */
static sage_status number_of(numbering *n, int64_t *number, sage_error *error) {
    sage_status st = SAGE_OK;
    bool row = false;
    SAGE_TRY(sage_db_step(n->find, &row, error));
    if (row) {
        *number = sqlite3_column_int64(n->find, 0);
    } else {
        SAGE_TRY(sage_db_run(n->add, error));
        *number = sqlite3_last_insert_rowid(n->db);
    }
out:
    sqlite3_reset(n->find);
    return st;
}

typedef struct event_store {
    sage_import *import;
    numbering queries, products, users;
    sqlite3_stmt *known, *add;
    sage_import_index index;
    int64_t newest_ms; /* of the events that were added; INT64_MIN: none has a time */
    bool simulated;
} event_store;

static sage_status event_store_init(event_store *store, sage_import *import, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3 *db = import->catalog->db;
    *store = (event_store){.import = import, .newest_ms = INT64_MIN};
    SAGE_TRY(numbering_init(&store->queries, db, "SELECT query FROM queries WHERE surface = ?1 AND key = ?2",
                            "INSERT INTO queries(surface, key, text) VALUES(?1, ?2, nullif(?3, ?2))", error));
    SAGE_TRY(numbering_init(&store->products, db, "SELECT product FROM event_products WHERE id = ?1",
                            "INSERT INTO event_products(id) VALUES(?1)", error));
    SAGE_TRY(numbering_init(&store->users, db, "SELECT user FROM users WHERE user_id = ?1",
                            "INSERT INTO users(user_id) VALUES(?1)", error));
    SAGE_TRY(
        sage_db_prepare(db,
                        "INSERT INTO events(query, product, kind, count, time, user, event_id, position, propensity)"
                        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                        &store->add, error));
    SAGE_TRY(sage_db_prepare(db, "SELECT 1 FROM events WHERE event_id = ?1", &store->known, error));
    SAGE_TRY(sage_import_index_begin(&store->index, db, error));
out:
    return st;
}

static void event_store_free(event_store *store) {
    numbering_free(&store->queries);
    numbering_free(&store->products);
    numbering_free(&store->users);
    sqlite3_finalize(store->known);
    sqlite3_finalize(store->add);
    sage_import_index_free(&store->index);
}

static sage_status number_query(event_store *store, const sage_feed_event *event, int64_t *query, sage_error *error) {
    sqlite3_bind_int(store->queries.find, 1, (int)event->surface);
    sage_bind_str(store->queries.find, 2, event->query_key);
    sqlite3_bind_int(store->queries.add, 1, (int)event->surface);
    sage_bind_str(store->queries.add, 2, event->query_key);
    sage_bind_str(store->queries.add, 3, event->query);
    return number_of(&store->queries, query, error);
}

static sage_status number_text(numbering *n, sage_str text, int64_t *number, sage_error *error) {
    sage_bind_str(n->find, 1, text);
    sage_bind_str(n->add, 1, text);
    return number_of(n, number, error);
}

static bool is_simulated(sage_str event_id) {
    static const char prefix[] = "simulated-";
    return event_id.len >= sizeof prefix - 1 && memcmp(event_id.data, prefix, sizeof prefix - 1) == 0;
}

/* Whether an event with this id is stored; `hash` stands for the id. */
static sage_status is_known(event_store *store, sage_str event_id, unsigned char hash[16], bool *known,
                            sage_error *error) {
    *known = false;
    if (event_id.len == 0) return SAGE_OK;
    sage_hash_bytes(event_id.data, event_id.len, hash);
    sage_bind_blob16(store->known, 1, hash);
    sage_status st = sage_db_step(store->known, known, error);
    sqlite3_reset(store->known);
    return st;
}

static sage_status write_event(event_store *store, const sage_feed_event *event, const unsigned char *event_id,
                               sage_error *error) {
    sage_status st = SAGE_OK;
    int64_t query = 0, product = 0, user = 0;
    SAGE_TRY(number_query(store, event, &query, error));
    SAGE_TRY(number_text(&store->products, event->product_id, &product, error));
    if (event->user_id.len > 0) SAGE_TRY(number_text(&store->users, event->user_id, &user, error));
    sqlite3_bind_int64(store->add, 1, query);
    sqlite3_bind_int64(store->add, 2, product);
    sqlite3_bind_int(store->add, 3, (int)event->kind);
    sqlite3_bind_int64(store->add, 4, event->count);
    if (event->time_ms != INT64_MIN) sqlite3_bind_int64(store->add, 5, event->time_ms);
    if (user != 0) sqlite3_bind_int64(store->add, 6, user);
    if (event_id != NULL) sage_bind_blob16(store->add, 7, event_id);
    if (event->position > 0) sqlite3_bind_int64(store->add, 8, event->position);
    if (event->propensity > 0) sqlite3_bind_double(store->add, 9, event->propensity);
    SAGE_TRY(sage_db_run(store->add, error));
out:
    return st;
}

static sage_status add_event(event_store *store, const sage_feed_event *event, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_import_report *report = store->import->report;
    unsigned char hash[16];
    bool known = false;
    int64_t pid = 0;
    SAGE_TRY(is_known(store, event->event_id, hash, &known, error));
    if (known) {
        report->unchanged++;
        goto out;
    }
    SAGE_TRY(write_event(store, event, event->event_id.len > 0 ? hash : NULL, error));
    report->added++;
    SAGE_TRY(sage_import_index_added(&store->index, error));
    if (event->time_ms > store->newest_ms) store->newest_ms = event->time_ms;
    SAGE_TRY(sage_store_find(store->import->catalog, event->product_id, &pid, error));
    if (pid == 0) report->unknown_products++;
    store->simulated = store->simulated || is_simulated(event->event_id);
out:
    return st;
}

/* ---- a file ---- */

typedef sage_status (*event_row_fn)(void *ctx, const sage_feed_event *event, sage_error *error);

typedef struct event_file {
    sage_event_reader reader;
    sage_feed *feed;
    unsigned char hash[16];
    uint64_t rows;
    char images_dir[SAGE_PATH_MAX];
} event_file;

static void event_file_close(event_file *file) {
    sage_feed_close(file->feed);
    sage_event_reader_free(&file->reader);
}

static sage_status event_file_open(event_file *file, const char *name, const sage_import_options *options,
                                   sage_error *error) {
    sage_status st = SAGE_OK;
    *file = (event_file){0};
    SAGE_TRY(sage_images_dir(options->images_dir, file->images_dir, error));
    SAGE_TRY(sage_event_reader_init(&file->reader, options->map, file->images_dir, error));
    SAGE_TRY(sage_feed_open(name, options->format, &file->feed, error));
    SAGE_TRY(sage_map_check_header(&file->reader.map, file->feed, name, error));
    SAGE_TRY(sage_map_require(&file->reader.map, file->feed, name, "product_id", error));
    SAGE_TRY(sage_map_require(&file->reader.map, file->feed, name, "event", error));
out:
    return st;
}

static sage_status read_events(event_file *file, sage_import *import, event_row_fn fn, void *ctx, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_feed_row *row = NULL;
    sage_flaw flaw;
    uint64_t low = 0, high = 0;
    for (;;) {
        SAGE_TRY(sage_feed_next(file->feed, &row, error));
        import->report->bytes = import->before.bytes + sage_feed_bytes(file->feed);
        if (row == NULL) break;
        import->report->rows++;
        file->rows++;
        if (row->reject != NULL) {
            SAGE_TRY(sage_import_reject_unread(import, row, error));
        } else {
            SAGE_TRY(sage_event_take(&file->reader, row, &flaw, error));
            if (flaw.reason != NULL)
                SAGE_TRY(sage_import_reject_row(import, row, &flaw, error));
            else
                SAGE_TRY(fn(ctx, &file->reader.event, error));
        }
        SAGE_TRY(sage_import_tick(import, error));
    }
    const char *unseen = sage_map_unseen(&file->reader.map);
    if (unseen != NULL) sage_warn(import->monitor, "%s: no row has \"%s\", which --map names", import->source, unseen);
    sage_feed_hash(file->feed, &low, &high);
    sage_hash_halves(low, high, file->hash);
out:
    return st;
}

/* The same content twice would count every event twice. */
static sage_status refuse_known(sage_import *import, const event_file *file, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *stmt = NULL;
    bool row = false;
    char day[16] = "";
    SAGE_TRY(sage_db_prepare(import->catalog->db,
                             "SELECT source, time FROM imports WHERE kind = 'events' AND hash = ?1 AND rows > 0", &stmt,
                             error));
    sage_bind_blob16(stmt, 1, file->hash);
    SAGE_TRY(sage_db_step(stmt, &row, error));
    if (row && file->rows > 0) {
        struct tm parts;
        time_t seconds = (time_t)(sqlite3_column_int64(stmt, 1) / 1000);
        if (gmtime_r(&seconds, &parts) != NULL) strftime(day, sizeof day, "%Y-%m-%d", &parts);
        st = sage_fail_at(
            error, SAGE_E_STATE, import->source, 0, 0,
            "these events were imported already, on %s from %s; nothing was changed: to count them again, use --again",
            day, sage_column_str(stmt, 0).data);
    }
out:
    sqlite3_finalize(stmt);
    return st;
}

static sage_status store_event(void *ctx, const sage_feed_event *event, sage_error *error) {
    return add_event(ctx, event, error);
}

static sage_status import_file(event_store *store, const char *name, const sage_import_options *options,
                               sage_error *error) {
    sage_status st = SAGE_OK;
    event_file file;
    SAGE_TRY(event_file_open(&file, name, options, error));
    SAGE_TRY(sage_import_begin_file(store->import, "events", name, options->again, error));
    SAGE_TRY(read_events(&file, store->import, store_event, store, error));
    if (!options->again) SAGE_TRY(refuse_known(store->import, &file, error));
    SAGE_TRY(sage_import_end_file(store->import, file.hash, error));
out:
    event_file_close(&file);
    return st;
}

static sage_status keep_newest(const event_store *store, sage_error *error) {
    sage_status st = SAGE_OK;
    int64_t newest = INT64_MIN;
    char text[32];
    SAGE_TRY(sage_catalog_newest_event(store->import->catalog, &newest, error));
    if (store->newest_ms <= newest) goto out;
    snprintf(text, sizeof text, "%" PRId64, store->newest_ms);
    SAGE_TRY(sage_store_set_meta(store->import->catalog, SAGE_META_NEWEST_EVENT, text, error));
out:
    return st;
}

static sage_status import_all(event_store *store, const char *const *files, size_t n_files,
                              const sage_import_options *options, sage_error *error) {
    sage_status st = SAGE_OK;
    int64_t revision = 0;
    sage_catalog *catalog = store->import->catalog;
    SAGE_TRY(sage_store_next_revision(catalog, &revision, error));
    for (size_t i = 0; i < n_files; i++) SAGE_TRY(import_file(store, files[i], options, error));
    SAGE_TRY(sage_import_index_end(&store->index, error));
    SAGE_TRY(keep_newest(store, error));
    if (store->simulated) SAGE_TRY(sage_store_set_meta(catalog, "simulated", "1", error));
    if (store->import->report->added > 0) SAGE_TRY(sage_store_set_revision(catalog, revision, error));
out:
    return st;
}

sage_status sage_catalog_import_events(sage_catalog *catalog, const char *const *files, size_t n_files,
                                       const sage_import_options *options, const sage_monitor *monitor,
                                       sage_import_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_import import = {0};
    event_store store = {0};
    bool begun = false;
    if (n_files == 0) return sage_fail(error, SAGE_E_ARGUMENT, "no file to import; name one, or - for standard input");
    SAGE_TRY(sage_import_begin(&import, catalog, "import", monitor, report, error));
    SAGE_TRY(sage_store_begin(catalog, error));
    begun = true;
    SAGE_TRY(event_store_init(&store, &import, error));
    SAGE_TRY(import_all(&store, files, n_files, options != NULL ? options : &no_options, error));
out:
    event_store_free(&store);
    sage_import_end(&import);
    if (begun) st = sage_store_end(catalog, st, error);
    return st;
}

/* ---- reading without storing ---- */

typedef struct scan {
    sage_catalog *catalog;
    sage_import *import;
    sage_event_fn fn;
    void *ctx;
} scan;

static sage_status scan_event(void *ctx, const sage_feed_event *event, sage_error *error) {
    const scan *s = ctx;
    sage_event_row row = {.surface = event->surface,
                          .kind = event->kind,
                          .query = event->query,
                          .query_key = event->query_key,
                          .product_id = event->product_id,
                          .count = (uint64_t)event->count,
                          .time_ms = event->time_ms,
                          .position = (uint64_t)event->position,
                          .propensity = event->propensity,
                          .simulated = is_simulated(event->event_id)};
    sage_status st = sage_store_find(s->catalog, event->product_id, &row.pid, error);
    if (st != SAGE_OK) return st;
    s->import->report->added++;
    if (row.pid == 0) s->import->report->unknown_products++;
    return s->fn(s->ctx, &row, error);
}

sage_status sage_catalog_scan_events(sage_catalog *catalog, const char *file, const sage_import_options *options,
                                     sage_event_fn fn, void *ctx, sage_import_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_import import = {0};
    event_file opened = {0};
    scan s = {catalog, &import, fn, ctx};
    SAGE_TRY(sage_import_begin(&import, NULL, "import", NULL, report, error));
    SAGE_TRY(event_file_open(&opened, file, options != NULL ? options : &no_options, error));
    SAGE_TRY(sage_import_begin_file(&import, "events", file, false, error));
    SAGE_TRY(read_events(&opened, &import, scan_event, &s, error));
out:
    event_file_close(&opened);
    sage_import_end(&import);
    return st;
}
