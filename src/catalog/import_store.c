#include <base/alloc.h>
#include <base/error.h>
#include <catalog/import_products.h>
#include <string.h>

static const char insert_sql[] =
    "INSERT INTO products(id, revision, fingerprint, row_hash, price_minor, sale_price_minor, currency, attributes,"
    " item_group_id, availability, link, title, description, google_product_category, product_type, brand, color, "
    "material,"
    " pattern, size, size_type)"
    " VALUES(?10, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23)";
static const char update_sql[] =
    "UPDATE products SET revision = ?1, fingerprint = ?2, row_hash = ?3, price_minor = ?4, sale_price_minor = ?5,"
    " currency = ?6, attributes = ?7, item_group_id = ?11, availability = ?12, link = ?13, title = ?14,"
    " description = ?15, google_product_category = ?16, product_type = ?17, brand = ?18, color = ?19, material = ?20,"
    " pattern = ?21, size = ?22, size_type = ?23 WHERE pid = ?8";
enum { FIRST_TEXT = 10 }; /* texts stand in the order of sage_product_text_column; an id never changes */

sage_status sage_product_store_init(sage_product_store *store, sage_import *import, int64_t revision,
                                    sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3 *db = import->catalog->db;
    *store = (sage_product_store){.import = import, .revision = revision};
    sage_buf_init(&store->scratch, 64 << 20);
    SAGE_TRY(sage_db_prepare(db, "SELECT pid, row_hash, fingerprint FROM products WHERE id = ?1", &store->find, error));
    SAGE_TRY(sage_product_ahead_init(&store->ahead, db, error));
    SAGE_TRY(sage_db_prepare(db, insert_sql, &store->insert, error));
    SAGE_TRY(sage_db_prepare(db, update_sql, &store->update, error));
    SAGE_TRY(sage_image_rows_init(&store->images, import->catalog, error));
    SAGE_TRY(sage_attributes_load(import->catalog, &store->attributes, error));
out:
    return st;
}

void sage_product_store_free(sage_product_store *store) {
    sqlite3_finalize(store->find);
    sage_product_ahead_free(&store->ahead);
    sqlite3_finalize(store->insert);
    sqlite3_finalize(store->update);
    sage_image_rows_free(&store->images);
    sage_attributes_free(store->attributes);
    sage_free(store->seen);
    sage_buf_free(&store->scratch);
    *store = (sage_product_store){0};
}

/* ---- which products were met ---- */

static bool was_seen(const sage_product_store *store, int64_t pid) {
    size_t byte = (size_t)pid / 8;
    return byte < store->seen_bytes && (store->seen[byte] >> (pid % 8) & 1) != 0;
}

static sage_status mark_seen(sage_product_store *store, int64_t pid, sage_error *error) {
    size_t byte = (size_t)pid / 8, old = store->seen_bytes;
    if (byte >= old) {
        if (sage_grow((void **)&store->seen, &store->seen_bytes, byte + 1, 1) != 0)
            return sage_fail_memory(error, byte + 1);
        memset(store->seen + old, 0, store->seen_bytes - old);
    }
    store->seen[byte] |= (unsigned char)(1u << (pid % 8));
    return SAGE_OK;
}

/* ---- one product ---- */

typedef struct known {
    int64_t pid; /* 0: not in the catalogue */
    unsigned char row_hash[16];
} known;

static sage_status find(sage_product_store *store, sage_str id, known *old, sage_error *error) {
    sage_status st = SAGE_OK;
    bool row = false;
    *old = (known){0};
    sage_bind_str(store->find, 1, id);
    SAGE_TRY(sage_db_step(store->find, &row, error));
    if (row) {
        old->pid = sqlite3_column_int64(store->find, 0);
        sage_column_blob16(store->find, 1, old->row_hash);
    }
out:
    sqlite3_reset(store->find);
    return st;
}

static sage_status look_up(sage_product_store *store, sage_str id, known *old, sage_error *error) {
    sage_product_ahead *ahead = &store->ahead;
    if (sage_product_ahead_is(ahead, id)) {
        old->pid = ahead->pid;
        memcpy(old->row_hash, ahead->row_hash, sizeof old->row_hash);
        return sage_product_ahead_take(ahead, error);
    }
    sage_status st = find(store, id, old, error);
    return st == SAGE_OK ? sage_product_ahead_miss(ahead, old->pid, error) : st;
}

static void bind_price(sqlite3_stmt *stmt, int index, int64_t minor) {
    if (minor < 0)
        sqlite3_bind_null(stmt, index);
    else
        sqlite3_bind_int64(stmt, index, minor);
}

static sage_status write_row(sage_product_store *store, const sage_feed_product *product, int64_t *pid,
                             const unsigned char fingerprint[16], const unsigned char row_hash[16], sage_error *error) {
    sqlite3_stmt *stmt = *pid == 0 ? store->insert : store->update;
    sqlite3_bind_int64(stmt, 1, store->revision);
    sage_bind_blob16(stmt, 2, fingerprint);
    sage_bind_blob16(stmt, 3, row_hash);
    bind_price(stmt, 4, product->price_minor);
    bind_price(stmt, 5, product->sale_price_minor);
    sage_bind_str(stmt, 6, (sage_str){product->currency, strlen(product->currency)});
    sage_bind_str(stmt, 7, product->attributes_json);
    if (*pid != 0) sqlite3_bind_int64(stmt, 8, *pid);
    for (int i = 0; i < SAGE_P_TEXTS; i++) sage_bind_str(stmt, FIRST_TEXT + i, product->text[i]);
    sage_status st = sage_db_run(stmt, error);
    if (st == SAGE_OK && *pid == 0) *pid = sqlite3_last_insert_rowid(store->import->catalog->db);
    return st;
}

static sage_status store_changed(sage_product_store *store, const sage_feed_product *product, known *old,
                                 const unsigned char row_hash[16], sage_flaw *flaw, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_pictures before = {0}, now;
    sage_picture list[SAGE_IMAGES_MAX];
    sage_str fields[SAGE_FIELDS];
    unsigned char fingerprint[16];
    bool fresh = old->pid == 0;
    if (!fresh) SAGE_TRY(sage_image_rows_read(&store->images, old->pid, &before, error));
    sage_pictures_relink(&before, product->images, product->n_images, &now, &store->vectors_dropped);
    if (!sage_attributes_note(store->attributes, product, flaw)) goto out;
    sage_product_fields(product->text, fields);
    SAGE_TRY(sage_fingerprint_make(fields, list, sage_pictures_list(&now, list), &store->scratch, fingerprint, error));
    SAGE_TRY(write_row(store, product, &old->pid, fingerprint, row_hash, error));
    SAGE_TRY(sage_image_rows_write(&store->images, old->pid, fresh ? NULL : &before, &now, error));
out:
    return st;
}

/* Latest arrival wins: the row was stored in place of the earlier one; the note keeps the feed's fault in sight. */
static sage_status note_duplicate(sage_product_store *store, sage_str id, const sage_feed_row *row, sage_error *error) {
    sage_flaw flaw = {0};
    sage_flaw_set(&flaw, "duplicate-id",
                  "id \"%s\" came earlier in this import with other content; this later row was stored in its place",
                  sage_show(id).text);
    return sage_import_reject_row(store->import, row, &flaw, error);
}

sage_status sage_product_store_put(sage_product_store *store, const sage_feed_product *product,
                                   const sage_feed_row *row, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_import_report *report = store->import->report;
    unsigned char row_hash[16];
    sage_str id = product->text[SAGE_P_ID];
    sage_flaw flaw = {0};
    known old;
    SAGE_TRY(sage_row_hash(product, &store->scratch, row_hash, error));
    SAGE_TRY(look_up(store, id, &old, error));
    bool fresh = old.pid == 0, again = !fresh && !store->one_by_one && was_seen(store, old.pid);
    if (!fresh && memcmp(old.row_hash, row_hash, 16) == 0) {
        report->unchanged++;
    } else {
        SAGE_TRY(store_changed(store, product, &old, row_hash, &flaw, error));
        if (flaw.reason != NULL) {
            if (!fresh) SAGE_TRY(mark_seen(store, old.pid, error));
            return sage_import_reject_row(store->import, row, &flaw, error);
        }
        store->replaced += again;
        if (again)
            SAGE_TRY(note_duplicate(store, id, row, error));
        else if (fresh)
            report->added++;
        else
            report->changed++;
    }
    store->good++;
    SAGE_TRY(mark_seen(store, old.pid, error));
out:
    return st;
}

sage_status sage_product_store_keep(sage_product_store *store, sage_str id, sage_error *error) {
    known old;
    sage_status st = look_up(store, id, &old, error);
    return st == SAGE_OK && old.pid != 0 ? mark_seen(store, old.pid, error) : st;
}

sage_status sage_product_store_finish(sage_product_store *store, sage_error *error) {
    return sage_attributes_save(store->attributes, store->import->catalog, error);
}

sage_status sage_product_store_delete(sage_product_store *store, sage_str id, bool *there, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *remove = NULL;
    known old;
    SAGE_TRY(look_up(store, id, &old, error));
    *there = old.pid != 0;
    if (!*there) goto out;
    SAGE_TRY(sage_db_prepare(store->import->catalog->db, "DELETE FROM products WHERE pid = ?1", &remove, error));
    sqlite3_bind_int64(remove, 1, old.pid);
    SAGE_TRY(sage_db_run(remove, error));
    store->import->report->deleted++;
out:
    sqlite3_finalize(remove);
    return st;
}

/* ---- --full ---- */

enum { BATCH = 1024 };

/* Up to BATCH pids above `after` that were not met; *last is where the scan ended, 0 at the end of the table. */
static sage_status next_unseen(sage_product_store *store, sqlite3_stmt *scan, int64_t *last, int64_t *pids, size_t *n,
                               sage_error *error) {
    sage_status st = SAGE_OK;
    bool row = false;
    *n = 0;
    sqlite3_bind_int64(scan, 1, *last);
    for (;;) {
        SAGE_TRY(sage_db_step(scan, &row, error));
        if (!row) {
            *last = 0;
            break;
        }
        *last = sqlite3_column_int64(scan, 0);
        if (!was_seen(store, *last)) pids[(*n)++] = *last;
        if (*n == BATCH) break;
    }
out:
    sqlite3_reset(scan);
    return st;
}

sage_status sage_product_store_count_rest(sage_product_store *store, uint64_t *products, uint64_t *unmet,
                                          sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *scan = NULL;
    bool row = false;
    *products = *unmet = 0;
    SAGE_TRY(sage_db_prepare(store->import->catalog->db, "SELECT pid FROM products", &scan, error));
    for (;;) {
        SAGE_TRY(sage_db_step(scan, &row, error));
        if (!row) break;
        ++*products;
        *unmet += !was_seen(store, sqlite3_column_int64(scan, 0));
    }
out:
    sqlite3_finalize(scan);
    return st;
}

sage_status sage_product_store_delete_rest(sage_product_store *store, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3 *db = store->import->catalog->db;
    sqlite3_stmt *scan = NULL, *remove = NULL;
    int64_t pids[BATCH], last = 0;
    size_t n = 0;
    SAGE_TRY(sage_db_prepare(db, "SELECT pid FROM products WHERE pid > ?1 ORDER BY pid", &scan, error));
    SAGE_TRY(sage_db_prepare(db, "DELETE FROM products WHERE pid = ?1", &remove, error));
    do {
        SAGE_TRY(next_unseen(store, scan, &last, pids, &n, error));
        for (size_t i = 0; i < n; i++) {
            sqlite3_bind_int64(remove, 1, pids[i]);
            SAGE_TRY(sage_db_run(remove, error));
        }
        store->import->report->deleted += n;
        SAGE_TRY(sage_check_cancel(store->import->monitor, "import", error));
    } while (last != 0);
out:
    sqlite3_finalize(scan);
    sqlite3_finalize(remove);
    return st;
}
