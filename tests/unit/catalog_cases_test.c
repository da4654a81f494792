/* tests/cases/import: feeds and logs, each beside what importing it says and stores.
 *
 *   NAME.products.EXT   imported into an empty catalogue; NAME.events.EXT: into one of the products p1 and p2
 *   NAME.expected       the summary, the rejects, what is stored; or the error that refuses the file
 *
 * SAGE_UPDATE_CASES=1 writes the expected files anew; read the difference before it is kept. */
#include "catalog_help.h"

typedef struct names {
    char name[64][128];
    size_t n;
} names;

static sage_status take_name(void *ctx, const char *name, sage_error *error) {
    names *all = ctx;
    (void)error;
    if (strstr(name, ".products.") == NULL && strstr(name, ".events.") == NULL) return SAGE_OK;
    assert_true(all->n < 64);
    snprintf(all->name[all->n++], sizeof all->name[0], "%s", name);
    return SAGE_OK;
}

static int by_name(const void *a, const void *b) {
    return strcmp(a, b);
}

#define SAY(...)  need_ok(p, sage_buf_printf(out, NULL, __VA_ARGS__))
#define SHOW(str) (int)(str).len, (str).data

static void say_report(place *p, sage_buf *out) {
    const sage_import_report *r = &p->report;
    SAY("rows %llu: added %llu, changed %llu, unchanged %llu, deleted %llu, unknown products %llu, rejected %llu\n",
        (unsigned long long)r->rows, (unsigned long long)r->added, (unsigned long long)r->changed,
        (unsigned long long)r->unchanged, (unsigned long long)r->deleted, (unsigned long long)r->unknown_products,
        (unsigned long long)r->rejected);
    for (uint64_t i = 0; i < r->reason_n; i++)
        SAY("  %s %llu\n", r->reasons[i].reason, (unsigned long long)r->reasons[i].count);
}

static void say_rejects(place *p, sage_buf *out) {
    sage_reject rejects[32];
    size_t n = 0;
    need_ok(p, sage_catalog_rejects(p->catalog, rejects, 32, &n, &p->error));
    for (size_t i = n; i-- > 0;) {
        SAY("line %llu, column %llu: %s: %s\n  | %s\n", (unsigned long long)rejects[i].line,
            (unsigned long long)rejects[i].column, rejects[i].reason, rejects[i].detail, rejects[i].raw);
    }
}

static void say_product(place *p, sage_buf *out, const sage_product_row *row) {
    char price[48], sale[48];
    sage_price_text(row->price_minor, row->currency, price);
    sage_price_text(row->sale_price_minor, row->currency, sale);
    SAY("product \"%.*s\"", SHOW(row->id));
    for (size_t f = 0; f < SAGE_FIELDS; f++) {
        if (row->fields[f].len > 0) SAY(" %s=\"%.*s\"", sage_field_names[f], SHOW(row->fields[f]));
    }
    if (price[0] != '\0') SAY(" price=%s", price);
    if (sale[0] != '\0') SAY(" sale_price=%s", sale);
    if (row->availability.len > 0) SAY(" availability=\"%.*s\"", SHOW(row->availability));
    for (size_t i = 0; i < row->n_images; i++) SAY(" picture=\"%s\"", row->images[i].link);
    SAY("\n");
}

static void say_products(place *p, sage_buf *out) {
    sage_product_cursor *cursor = NULL;
    const sage_product_row *row = NULL;
    need_ok(p, sage_product_cursor_open(p->catalog, 0, 0, &cursor, &p->error));
    for (;;) {
        need_ok(p, sage_product_cursor_next(cursor, &row, &p->error));
        if (row == NULL) break;
        say_product(p, out, row);
    }
    sage_product_cursor_close(cursor);
}

static void say_attributes(place *p, sage_buf *out) {
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_open(p->db, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT name, type FROM attributes ORDER BY name", -1, &stmt, NULL),
                     SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW)
        SAY("attribute %s: %s\n", sqlite3_column_text(stmt, 0), sqlite3_column_text(stmt, 1));
    sqlite3_finalize(stmt);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT id, attributes FROM products WHERE attributes <> '' ORDER BY pid",
                                        -1, &stmt, NULL),
                     SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW)
        SAY("attributes of %s: %s\n", sqlite3_column_text(stmt, 0), sqlite3_column_text(stmt, 1));
    sqlite3_finalize(stmt);
    sqlite3_close(db);
}

static void say_events(place *p, sage_buf *out) {
    sage_event_cursor *cursor = NULL;
    const sage_event_row *row = NULL;
    need_ok(p, sage_event_cursor_open(p->catalog, &cursor, &p->error));
    for (;;) {
        need_ok(p, sage_event_cursor_next(cursor, &row, &p->error));
        if (row == NULL) break;
        SAY("event %s \"%.*s\" (\"%.*s\") -> %s%.*s %s %llu", sage_surface_names[row->surface], SHOW(row->query_key),
            SHOW(row->query), row->pid > 0 ? "" : "unknown ", SHOW(row->product_id), sage_event_names[row->kind],
            (unsigned long long)row->count);
        if (row->time_ms != INT64_MIN) SAY(" at %lld", (long long)row->time_ms);
        SAY("\n");
    }
    sage_event_cursor_close(cursor);
}

static void run_case(const char *dir, const char *name, sage_buf *out) {
    char path[SAGE_PATH_MAX];
    place here, *p = &here;
    bool events = strstr(name, ".events.") != NULL;
    place_open(p);
    assert_int_equal(sage_path_join(path, dir, name, NULL), SAGE_OK);
    const char *files[] = {path};
    if (events) need_ok(p, place_import(p, "products.csv", "id,title\np1,Red shirt\np2,Blue hat\n", NULL));
    sage_status st = events ? sage_catalog_import_events(p->catalog, files, 1, NULL, NULL, &p->report, &p->error)
                            : sage_catalog_import_products(p->catalog, files, 1, NULL, NULL, &p->report, &p->error);
    if (st != SAGE_OK) {
        SAY("refused (%s): line %zu: %s\n", sage_status_name(st), p->error.line, p->error.text);
    } else {
        say_report(p, out);
        say_rejects(p, out);
        if (events)
            say_events(p, out);
        else
            say_products(p, out), say_attributes(p, out);
    }
    place_close(p);
}

static void check_case(const char *dir, const char *name) {
    char path[SAGE_PATH_MAX], expected_name[160];
    sage_buf out;
    size_t n = 0;
    sage_buf_init(&out, 1 << 20);
    run_case(dir, name, &out);
    snprintf(expected_name, sizeof expected_name, "%.*s.expected", (int)strcspn(name, "."), name);
    assert_int_equal(sage_path_join(path, dir, expected_name, NULL), SAGE_OK);
    if (getenv("SAGE_UPDATE_CASES") != NULL) scratch_write(path, out.data, out.len);
    char *expected = scratch_read(path, &n);
    if (expected == NULL || strcmp(expected, out.data) != 0) print_error("%s: got\n%s", name, out.data);
    assert_non_null(expected);
    assert_string_equal(out.data, expected);
    sage_free(expected);
    sage_buf_free(&out);
}

static void imports_as_expected(void **state) {
    const char *tests = getenv("SAGE_TEST_DIR");
    char dir[SAGE_PATH_MAX];
    names all = {.n = 0};
    (void)state;
    snprintf(dir, sizeof dir, "%s/cases/import", tests != NULL ? tests : "tests");
    assert_int_equal(sage_fs_list(dir, take_name, &all, NULL), SAGE_OK);
    assert_true(all.n >= 10);
    qsort(all.name, all.n, sizeof all.name[0], by_name);
    for (size_t i = 0; i < all.n; i++) check_case(dir, all.name[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(imports_as_expected)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
