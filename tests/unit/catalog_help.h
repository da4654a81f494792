/* What the tests of the catalogue share: a folder of their own, files in it, and short ways to import. */
#ifndef CATALOG_HELP_H
#define CATALOG_HELP_H

#include <catalog/catalog.h>
#include <support/scratch.h>
#include <support/test.h>

typedef struct place {
    char dir[SAGE_PATH_MAX], db[SAGE_PATH_MAX];
    sage_catalog *catalog; /* open for writing */
    sage_import_report report;
    sage_error error;
} place;

static inline const char *place_path(const place *p, const char *name, char out[SAGE_PATH_MAX]) {
    assert_int_equal(sage_path_join(out, p->dir, name, NULL), SAGE_OK);
    return out;
}

static inline void place_open(place *p) {
    memset(p, 0, sizeof *p);
    scratch_make(p->dir);
    place_path(p, "catalog.db", p->db);
    assert_int_equal(sage_catalog_create(p->db, &p->error), SAGE_OK);
    assert_int_equal(sage_catalog_open(p->db, true, &p->catalog, &p->error), SAGE_OK);
}

static inline void place_close(place *p) {
    sage_catalog_close(p->catalog);
    scratch_remove(p->dir);
}

static inline void place_write(const place *p, const char *name, const char *text) {
    char path[SAGE_PATH_MAX];
    scratch_write(place_path(p, name, path), text, strlen(text));
}

static inline sage_status place_import(place *p, const char *name, const char *text,
                                       const sage_import_options *options) {
    char path[SAGE_PATH_MAX];
    place_write(p, name, text);
    const char *files[] = {place_path(p, name, path)};
    return sage_catalog_import_products(p->catalog, files, 1, options, NULL, &p->report, &p->error);
}

static inline sage_status place_events(place *p, const char *name, const char *text,
                                       const sage_import_options *options) {
    char path[SAGE_PATH_MAX];
    place_write(p, name, text);
    const char *files[] = {place_path(p, name, path)};
    return sage_catalog_import_events(p->catalog, files, 1, options, NULL, &p->report, &p->error);
}

static inline void need_ok(place *p, sage_status st) {
    char line[1024];
    if (st != SAGE_OK) print_error("%s\n", sage_error_line(&p->error, line, sizeof line));
    assert_int_equal(st, SAGE_OK);
}

static inline void need_text(sage_str text, const char *expected) {
    if (text.len != strlen(expected) || memcmp(text.data, expected, text.len) != 0) {
        print_error("\"%.*s\" is not \"%s\"\n", (int)text.len, text.data, expected);
    }
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.data, expected, text.len);
}

static inline uint64_t reason_count(const sage_import_report *report, const char *reason) {
    for (uint64_t i = 0; i < report->reason_n; i++) {
        if (strcmp(report->reasons[i].reason, reason) == 0) return report->reasons[i].count;
    }
    return 0;
}

/* What a test wants to know of one product; texts are copies. */
typedef struct product_seen {
    bool found;
    int64_t pid, revision, price, sale_price;
    sage_fingerprint fingerprint;
    char currency[4], title[256], description[256], domain[128], path[128], link[256], image_link[256], group[64],
        type[256];
    size_t n_images;
    char images[SAGE_IMAGES_MAX][128], vectors[SAGE_IMAGES_MAX][64];
    uint64_t rows[SAGE_IMAGES_MAX];
} product_seen;

static inline void copy_str(char *out, size_t room, sage_str text) {
    snprintf(out, room, "%.*s", (int)text.len, text.data);
}

static inline product_seen see(place *p, const char *id) {
    product_seen seen = {0};
    sage_product_cursor *cursor = NULL;
    const sage_product_row *row = NULL;
    need_ok(p, sage_product_cursor_open(p->catalog, 0, 0, &cursor, &p->error));
    for (;;) {
        need_ok(p, sage_product_cursor_next(cursor, &row, &p->error));
        if (row == NULL) break;
        if (row->id.len != strlen(id) || memcmp(row->id.data, id, row->id.len) != 0) continue;
        seen.found = true;
        seen.pid = row->pid;
        seen.revision = row->revision;
        seen.fingerprint = row->fingerprint;
        seen.price = row->price_minor;
        seen.sale_price = row->sale_price_minor;
        memcpy(seen.currency, row->currency, 4);
        copy_str(seen.title, sizeof seen.title, row->fields[SAGE_TITLE]);
        copy_str(seen.description, sizeof seen.description, row->fields[SAGE_DESCRIPTION]);
        copy_str(seen.domain, sizeof seen.domain, row->fields[SAGE_DOMAIN]);
        copy_str(seen.path, sizeof seen.path, row->fields[SAGE_LINK]);
        copy_str(seen.type, sizeof seen.type, row->fields[SAGE_TYPE]);
        copy_str(seen.link, sizeof seen.link, row->link);
        copy_str(seen.image_link, sizeof seen.image_link, row->image_link);
        copy_str(seen.group, sizeof seen.group, row->item_group_id);
        seen.n_images = row->n_images;
        for (size_t i = 0; i < row->n_images; i++) {
            snprintf(seen.images[i], sizeof seen.images[i], "%s", row->images[i].link);
            snprintf(seen.vectors[i], sizeof seen.vectors[i], "%s", row->images[i].vector_file);
            seen.rows[i] = row->images[i].vector_row;
        }
    }
    sage_product_cursor_close(cursor);
    return seen;
}

static inline size_t count_products(place *p) {
    sage_shop_state state = {0};
    need_ok(p, sage_catalog_count(p->catalog, &state, &p->error));
    return (size_t)state.products;
}

/* One value by SQL, past the catalogue's own calls. */
static inline int64_t ask(place *p, const char *sql) {
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_open_v2(p->db, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return value;
}

#endif
