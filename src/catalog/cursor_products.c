/* Reading products in pid order. */
#include <base/alloc.h>
#include <base/arena.h>
#include <base/error.h>
#include <catalog/fingerprint.h>
#include <catalog/import_links.h>
#include <catalog/store.h>
#include <string.h>

#define COLUMNS                                                                                                        \
    "SELECT pid, revision, fingerprint, id, item_group_id, title, description, link, google_product_category,"         \
    " product_type, brand, color, material, pattern, size, size_type, availability, price_minor, sale_price_minor,"    \
    " currency, attributes FROM products WHERE "

static const char all_sql[] = COLUMNS "pid > ?1 ORDER BY pid";
/* Only pids are sorted, not rows; the index on revision finds them. */
static const char changed_sql[] =
    COLUMNS "pid IN (SELECT pid FROM products WHERE revision > ?2 AND pid > ?1) ORDER BY pid";
static const char one_sql[] = COLUMNS "pid = ?1";
static const char prints_sql[] = "SELECT pid, revision, fingerprint FROM products WHERE pid > ?1 ORDER BY pid";

struct sage_product_cursor {
    sqlite3_stmt *products, *images; /* no images: a cursor over fingerprints */
    sage_arena *links;               /* of the current row */
    bool ended;                      /* another step would begin again */
    sage_product_row row;
};

static sage_status open_with(sage_catalog *catalog, const char *sql, int64_t first, int64_t second,
                             sage_product_cursor **cursor, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_product_cursor *made = sage_alloc_zero(1, sizeof *made);
    *cursor = NULL;
    if (made == NULL) return sage_fail_memory(error, sizeof *made);
    made->links = sage_arena_new(8 << 10);
    if (made->links == NULL) {
        st = sage_fail_memory(error, 8 << 10);
        goto out;
    }
    SAGE_TRY(sage_db_prepare(catalog->db, sql, &made->products, error));
    if (sql != prints_sql)
        SAGE_TRY(sage_db_prepare(catalog->db,
                                 "SELECT i.link, v.name, i.vector_row FROM images i LEFT JOIN vector_files v"
                                 " ON v.file = i.vector_file WHERE i.pid = ?1 ORDER BY i.position",
                                 &made->images, error));
    sqlite3_bind_int64(made->products, 1, first);
    if (sql == changed_sql) sqlite3_bind_int64(made->products, 2, second);
    *cursor = made;
    made = NULL;
out:
    sage_product_cursor_close(made);
    return st;
}

sage_status sage_product_cursor_open(sage_catalog *catalog, int64_t after_pid, int64_t after_revision,
                                     sage_product_cursor **cursor, sage_error *error) {
    const char *sql = after_revision > 0 ? changed_sql : all_sql;
    return open_with(catalog, sql, after_pid, after_revision, cursor, error);
}

sage_status sage_product_cursor_open_prints(sage_catalog *catalog, int64_t after_pid, sage_product_cursor **cursor,
                                            sage_error *error) {
    return open_with(catalog, prints_sql, after_pid, 0, cursor, error);
}

sage_status sage_product_cursor_open_one(sage_catalog *catalog, sage_product_cursor **cursor, sage_error *error) {
    return open_with(catalog, one_sql, 0, 0, cursor, error);
}

sage_status sage_product_cursor_seek(sage_product_cursor *cursor, int64_t pid, const sage_product_row **row,
                                     sage_error *error) {
    sqlite3_reset(cursor->products);
    cursor->ended = false;
    sqlite3_bind_int64(cursor->products, 1, pid);
    return sage_product_cursor_next(cursor, row, error);
}

static sage_status copy_text(sage_arena *arena, sage_str text, const char **copy, sage_error *error) {
    *copy = sage_arena_copy(arena, text.data, text.len);
    return *copy != NULL ? SAGE_OK : sage_fail_memory(error, text.len + 1);
}

static sage_status read_images(sage_product_cursor *cursor, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_product_row *row = &cursor->row;
    bool more = false;
    sage_arena_reset(cursor->links);
    row->n_images = 0;
    sqlite3_bind_int64(cursor->images, 1, row->pid);
    for (;;) {
        SAGE_TRY(sage_db_step(cursor->images, &more, error));
        if (!more || row->n_images == SAGE_IMAGES_MAX) break;
        sage_image_ref *image = &row->images[row->n_images];
        SAGE_TRY(copy_text(cursor->links, sage_column_str(cursor->images, 0), &image->link, error));
        SAGE_TRY(copy_text(cursor->links, sage_column_str(cursor->images, 1), &image->vector_file, error));
        image->vector_row = (uint64_t)sqlite3_column_int64(cursor->images, 2);
        row->n_images++;
    }
    row->image_link = row->n_images > 0 ? (sage_str){row->images[0].link, strlen(row->images[0].link)} : SAGE_STR("");
out:
    sqlite3_reset(cursor->images);
    return st;
}

static int64_t column_price(sqlite3_stmt *stmt, int column) {
    return sqlite3_column_type(stmt, column) == SQLITE_NULL ? -1 : sqlite3_column_int64(stmt, column);
}

static void read_keys(sqlite3_stmt *stmt, sage_product_row *row) {
    unsigned char fingerprint[16];
    row->pid = sqlite3_column_int64(stmt, 0);
    row->revision = sqlite3_column_int64(stmt, 1);
    sage_column_blob16(stmt, 2, fingerprint);
    row->fingerprint = sage_fingerprint_read(fingerprint);
}

static void read_columns(sqlite3_stmt *stmt, sage_product_row *row) {
    static const struct {
        sage_field field;
        int column;
    } texts[] = {
        {SAGE_TITLE, 5},  {SAGE_DESCRIPTION, 6}, {SAGE_CATEGORY, 8}, {SAGE_TYPE, 9},  {SAGE_BRAND, 10},
        {SAGE_COLOR, 11}, {SAGE_MATERIAL, 12},   {SAGE_PATTERN, 13}, {SAGE_SIZE, 14}, {SAGE_SIZE_TYPE, 15},
    };
    row->id = sage_column_str(stmt, 3);
    row->item_group_id = sage_column_str(stmt, 4);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        row->fields[texts[i].field] = sage_column_str(stmt, texts[i].column);
    row->link = sage_column_str(stmt, 7);
    sage_link_split(row->link, &row->fields[SAGE_DOMAIN], &row->fields[SAGE_LINK]);
    row->availability = sage_column_str(stmt, 16);
    row->price_minor = column_price(stmt, 17);
    row->sale_price_minor = column_price(stmt, 18);
    row->attributes = sage_column_str(stmt, 20);
    sage_str currency = sage_column_str(stmt, 19);
    memset(row->currency, 0, sizeof row->currency);
    memcpy(row->currency, currency.data, currency.len < 3 ? currency.len : 3);
}

sage_status sage_product_cursor_next(sage_product_cursor *cursor, const sage_product_row **row, sage_error *error) {
    sage_status st = SAGE_OK;
    bool more = false;
    *row = NULL;
    if (cursor->ended) return SAGE_OK;
    SAGE_TRY(sage_db_step(cursor->products, &more, error));
    cursor->ended = !more;
    if (!more) goto out;
    read_keys(cursor->products, &cursor->row);
    if (cursor->images != NULL) {
        read_columns(cursor->products, &cursor->row);
        SAGE_TRY(read_images(cursor, error));
    }
    *row = &cursor->row;
out:
    return st;
}

void sage_product_cursor_close(sage_product_cursor *cursor) {
    if (cursor == NULL) return;
    sqlite3_finalize(cursor->products);
    sqlite3_finalize(cursor->images);
    sage_arena_free(cursor->links);
    sage_free(cursor);
}
