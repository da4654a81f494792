/* Imports with a fault at every call that changes the file system. Whatever happens: the catalogue opens, is whole, and
 * holds what it held before or what the import brings; and the import, run again, brings it. */
#include <catalog/catalog.h>
#include <io/npy.h>
#include <support/scratch.h>
#include <support/test.h>

typedef struct work {
    const char *name;
    bool (*run)(void *ctx); /* in the child, and again in the parent: opens, imports, closes */
    bool once;              /* running it again after it was done is refused */
} work;

static char root[SAGE_PATH_MAX], dir[SAGE_PATH_MAX]; /* dir is below root, laid anew for each fault */

static const char *at(const char *name) {
    return scratch_path(dir, name);
}

static const char *given(const char *name) {
    return scratch_path(root, name);
}

/* ---- the operations ---- */

static sage_status with_catalog(sage_status (*fn)(sage_catalog *catalog, sage_error *error), sage_error *error) {
    sage_catalog *catalog = NULL;
    sage_status st = sage_catalog_open(at("catalog.db"), true, &catalog, error);
    if (st == SAGE_OK) st = fn(catalog, error);
    sage_catalog_close(catalog);
    return st;
}

static sage_status products(sage_catalog *catalog, sage_error *error) {
    const sage_import_options options = {.full = true};
    const char *files[] = {given("new.csv")};
    sage_import_report report;
    return sage_catalog_import_products(catalog, files, 1, &options, NULL, &report, error);
}

static sage_status events(sage_catalog *catalog, sage_error *error) {
    const char *files[] = {given("events.csv")};
    sage_import_report report;
    return sage_catalog_import_events(catalog, files, 1, NULL, NULL, &report, error);
}

static sage_status vectors(sage_catalog *catalog, sage_error *error) {
    sage_import_report report;
    return sage_catalog_import_image_vectors(catalog, dir, given("new.npy"), given("ids.txt"), NULL, &report, error);
}

static sage_status forget(sage_catalog *catalog, sage_error *error) {
    return sage_catalog_forget_user(catalog, "ann", NULL, error);
}

static bool run_products(void *ctx) {
    return with_catalog(products, ctx) == SAGE_OK;
}

static bool run_events(void *ctx) {
    return with_catalog(events, ctx) == SAGE_OK;
}

static bool run_vectors(void *ctx) {
    return with_catalog(vectors, ctx) == SAGE_OK;
}

static bool run_forget(void *ctx) {
    return with_catalog(forget, ctx) == SAGE_OK;
}

/* ---- the ground ---- */

static void write_given(void) {
    static const char new_feed[] =
        "id,title,image_link,price,weight\na,Red shirt,a.png,2 EUR,1\nc,Green sock,c.png,3 EUR,x\n,no id,,,\n";
    static const char log[] =
        "user_id,query,product_id,event,event_id\nann,red,a,click,1\nbob,sock,c,save,2\nbob,red,a,like,3\n";
    static const float values[2][2] = {{5, 6}, {7, 8}};
    sage_npy_writer writer;
    sage_error error;
    scratch_write(given("new.csv"), new_feed, sizeof new_feed - 1);
    scratch_write(given("events.csv"), log, sizeof log - 1);
    scratch_write(given("ids.txt"), "a\nb\n", 4);
    assert_int_equal(sage_npy_create(given("new.npy"), 2, 2, &writer, &error), SAGE_OK);
    assert_int_equal(sage_npy_add(&writer, values[0], 2, &error), SAGE_OK);
    assert_int_equal(sage_npy_finish(&writer, &error), SAGE_OK);
}

static void old_content(sage_catalog *catalog) {
    static const char feed[] = "id,title,image_link,price\na,Red shirt,a.png,1 EUR\nb,Blue hat,b.png,1 EUR\n";
    static const char log[] = "user_id,query,product_id,event,event_id\nann,hat,b,click,0\nbob,hat,b,save,00\n";
    static const float values[2][2] = {{1, 2}, {3, 4}};
    sage_import_report report;
    sage_error error = {0};
    sage_npy_writer writer;
    scratch_write(at("old.csv"), feed, sizeof feed - 1);
    scratch_write(at("old-events.csv"), log, sizeof log - 1);
    assert_int_equal(sage_npy_create(at("old.npy"), 2, 2, &writer, &error), SAGE_OK);
    assert_int_equal(sage_npy_add(&writer, values[0], 2, &error), SAGE_OK);
    assert_int_equal(sage_npy_finish(&writer, &error), SAGE_OK);
    const char *files[] = {at("old.csv")};
    assert_int_equal(sage_catalog_import_products(catalog, files, 1, NULL, NULL, &report, &error), SAGE_OK);
    files[0] = at("old-events.csv");
    assert_int_equal(sage_catalog_import_events(catalog, files, 1, NULL, NULL, &report, &error), SAGE_OK);
    assert_int_equal(
        sage_catalog_import_image_vectors(catalog, dir, at("old.npy"), given("ids.txt"), NULL, &report, &error),
        SAGE_OK);
}

/* Kept as bytes, so that each fault finds the same ground at little cost. */
static struct {
    char *db, *vectors, name[64];
    size_t db_bytes, vectors_bytes;
} ground;

static sage_status note_name(void *ctx, const char *name, sage_error *error) {
    (void)ctx;
    (void)error;
    snprintf(ground.name, sizeof ground.name, "%s", name);
    return SAGE_OK;
}

static void lay_ground(void) {
    char pictures[SAGE_PATH_MAX];
    scratch_remove(dir);
    assert_int_equal(sage_fs_mkdir(dir, NULL), SAGE_OK);
    snprintf(pictures, sizeof pictures, "%s", at("pictures"));
    assert_int_equal(sage_fs_mkdir(pictures, NULL), SAGE_OK);
    scratch_write(at("catalog.db"), ground.db, ground.db_bytes);
    scratch_write(scratch_path(pictures, ground.name), ground.vectors, ground.vectors_bytes);
}

static int make_ground(void **state) {
    sage_catalog *catalog = NULL;
    sage_error error = {0};
    char pictures[SAGE_PATH_MAX];
    (void)state;
    scratch_make(root);
    assert_int_equal(sage_path_join(dir, root, "shop", NULL), SAGE_OK);
    assert_int_equal(sage_fs_mkdir(dir, NULL), SAGE_OK);
    write_given();
    assert_int_equal(sage_catalog_create(at("catalog.db"), &error), SAGE_OK);
    assert_int_equal(sage_catalog_open(at("catalog.db"), true, &catalog, &error), SAGE_OK);
    old_content(catalog);
    sage_catalog_close(catalog);
    snprintf(pictures, sizeof pictures, "%s", at("pictures"));
    assert_int_equal(sage_fs_list(pictures, note_name, NULL, &error), SAGE_OK);
    ground.db = scratch_read(at("catalog.db"), &ground.db_bytes);
    ground.vectors = scratch_read(scratch_path(pictures, ground.name), &ground.vectors_bytes);
    assert_true(ground.db != NULL && ground.vectors != NULL);
    return 0;
}

static int clear_ground(void **state) {
    (void)state;
    sage_free(ground.db);
    sage_free(ground.vectors);
    scratch_remove(root);
    return 0;
}

/* ---- what a catalogue holds, as text ---- */

static void add_vector(sage_buf *out, const sage_image_ref *image) {
    char pictures[SAGE_PATH_MAX];
    sage_npy npy;
    float row[2];
    sage_error error = {0};
    if (image->vector_file[0] == '\0') return;
    snprintf(pictures, sizeof pictures, "%s", at("pictures"));
    if (sage_npy_open(scratch_path(pictures, image->vector_file), &npy, &error) != SAGE_OK) fail_msg("%s", error.text);
    assert_true(npy.cols == 2 && image->vector_row < npy.rows);
    sage_npy_row(&npy, image->vector_row, row);
    sage_npy_close(&npy);
    assert_int_equal(sage_buf_printf(out, NULL, " vector %g %g", (double)row[0], (double)row[1]), SAGE_OK);
}

static void add_products(sage_catalog *catalog, sage_buf *out) {
    sage_product_cursor *cursor = NULL;
    const sage_product_row *row = NULL;
    assert_int_equal(sage_product_cursor_open(catalog, 0, 0, &cursor, NULL), SAGE_OK);
    for (;;) {
        assert_int_equal(sage_product_cursor_next(cursor, &row, NULL), SAGE_OK);
        if (row == NULL) break;
        assert_int_equal(sage_buf_printf(out, NULL, "%lld rev %lld %016llx %.*s %.*s %lld", (long long)row->pid,
                                         (long long)row->revision, (unsigned long long)row->fingerprint.low,
                                         (int)row->id.len, row->id.data, (int)row->fields[SAGE_TITLE].len,
                                         row->fields[SAGE_TITLE].data, (long long)row->price_minor),
                         SAGE_OK);
        for (size_t i = 0; i < row->n_images; i++) {
            assert_int_equal(sage_buf_printf(out, NULL, " %s", row->images[i].link), SAGE_OK);
            add_vector(out, &row->images[i]);
        }
        assert_int_equal(sage_buf_byte(out, '\n', NULL), SAGE_OK);
    }
    sage_product_cursor_close(cursor);
}

static void add_events(sage_catalog *catalog, sage_buf *out) {
    sage_event_cursor *cursor = NULL;
    const sage_event_row *row = NULL;
    assert_int_equal(sage_event_cursor_open(catalog, &cursor, NULL), SAGE_OK);
    for (;;) {
        assert_int_equal(sage_event_cursor_next(cursor, &row, NULL), SAGE_OK);
        if (row == NULL) break;
        assert_int_equal(sage_buf_printf(out, NULL, "%.*s -> %.*s %s %llu\n", (int)row->query_key.len,
                                         row->query_key.data, (int)row->product_id.len, row->product_id.data,
                                         sage_event_names[row->kind], (unsigned long long)row->count),
                         SAGE_OK);
    }
    sage_event_cursor_close(cursor);
}

static void check_integrity(void) {
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    bool row = false;
    assert_int_equal(sage_db_open(at("catalog.db"), SAGE_DB_WRITE, &db, NULL), SAGE_OK);
    assert_int_equal(sage_db_prepare(db, "PRAGMA integrity_check", &stmt, NULL), SAGE_OK);
    assert_int_equal(sage_db_step(stmt, &row, NULL), SAGE_OK);
    assert_string_equal((const char *)sqlite3_column_text(stmt, 0), "ok");
    sqlite3_finalize(stmt);
    assert_int_equal(sage_db_prepare(db, "PRAGMA foreign_key_check", &stmt, NULL), SAGE_OK);
    assert_int_equal(sage_db_step(stmt, &row, NULL), SAGE_OK);
    assert_false(row);
    sqlite3_finalize(stmt);
    sage_db_close(db);
}

/* Free with free(). */
static char *holds(void) {
    sage_catalog *catalog = NULL;
    sage_error error = {0};
    sage_shop_state counted = {0};
    sage_buf out;
    sage_buf_init(&out, 1 << 20);
    check_integrity();
    if (sage_catalog_open(at("catalog.db"), true, &catalog, &error) != SAGE_OK) fail_msg("%s", error.text);
    add_products(catalog, &out);
    add_events(catalog, &out);
    assert_int_equal(sage_catalog_count(catalog, &counted, &error), SAGE_OK);
    assert_int_equal(sage_buf_printf(&out, NULL, "revision %lld, %llu rejects, %llu events\n",
                                     (long long)counted.catalogue_revision, (unsigned long long)counted.rejects,
                                     (unsigned long long)counted.events),
                     SAGE_OK);
    sage_catalog_close(catalog);
    char *text = strdup(out.data);
    sage_buf_free(&out);
    return text;
}

/* ---- every call of every operation ---- */

static void meet(const work *w, sage_fault_kind kind, uint64_t call, uint64_t calls, const char *old, const char *new) {
    sage_error error = {0};
    lay_ground();
    int end = fault_child(w->run, NULL, kind, call, NULL);
    if (kind != SAGE_FAULT_ERROR)
        assert_int_equal(end, FAULT_KILLED);
    else
        assert_true(end == FAULT_DONE || (end == FAULT_FAILED && call < calls));
    char *found = holds();
    bool is_old = strcmp(found, old) == 0, is_new = strcmp(found, new) == 0;
    if (!is_old && !is_new)
        fail_msg("%s, fault %d at call %llu:\n%s\nis neither\n%s\nnor\n%s", w->name, (int)kind,
                 (unsigned long long)call, found, old, new);
    if (end == FAULT_DONE || call == calls) assert_true(is_new);
    free(found);
    if (!(is_new && w->once) && !w->run(&error))
        fail_msg("%s, after fault %d at call %llu: %s", w->name, (int)kind, (unsigned long long)call, error.text);
    found = holds();
    assert_string_equal(found, new);
    free(found);
}

static void enumerate(sage_fault_kind kind) {
    static const work all[] = {{"products", run_products, false},
                               {"events", run_events, true},
                               {"vectors", run_vectors, false},
                               {"forget", run_forget, false}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        uint64_t calls = 0;
        sage_error error = {0};
        lay_ground();
        char *old = holds();
        lay_ground();
        if (!all[i].run(&error)) fail_msg("%s: %s", all[i].name, error.text);
        char *new = holds();
        assert_string_not_equal(old, new);
        lay_ground();
        assert_int_equal(fault_child(all[i].run, NULL, SAGE_FAULT_NONE, 0, &calls), FAULT_DONE);
        assert_true(calls > 10);
        for (uint64_t call = 1; call <= calls; call++) meet(&all[i], kind, call, calls, old, new);
        free(old);
        free(new);
    }
}

static void calls_that_fail(void **state) {
    (void)state;
    enumerate(SAGE_FAULT_ERROR);
}

static void stops(void **state) {
    (void)state;
    enumerate(SAGE_FAULT_STOP);
}

static void power_cuts(void **state) {
    (void)state;
    enumerate(SAGE_FAULT_POWER_CUT);
}

/* Making the file: afterwards it is there and good, or can be made. */
static bool run_create(void *ctx) {
    return sage_catalog_create(at("fresh.db"), ctx) == SAGE_OK;
}

static void creation(void **state) {
    static const sage_fault_kind kinds[] = {SAGE_FAULT_ERROR, SAGE_FAULT_STOP, SAGE_FAULT_POWER_CUT};
    (void)state;
    for (size_t k = 0; k < 3; k++) {
        uint64_t calls = 1;
        for (uint64_t call = 0; call <= calls; call++) {
            sage_catalog *catalog = NULL;
            sage_error error = {0};
            lay_ground();
            int end = fault_child(run_create, NULL, kinds[k], call, call == 0 ? &calls : NULL);
            if (call == 0) assert_int_equal(end, FAULT_DONE);
            sage_status st = sage_catalog_create(at("fresh.db"), &error);
            if (st != SAGE_OK && st != SAGE_E_STATE)
                fail_msg("fault %d at call %llu: %s", (int)kinds[k], (unsigned long long)call, error.text);
            if (end == FAULT_DONE) assert_int_equal(st, SAGE_E_STATE);
            assert_int_equal(sage_catalog_open(at("fresh.db"), true, &catalog, &error), SAGE_OK);
            assert_int_equal(sage_catalog_revision(catalog), 0);
            sage_catalog_close(catalog);
        }
        assert_true(calls > 5);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_that_fail),
        cmocka_unit_test(stops),
        cmocka_unit_test(power_cuts),
        cmocka_unit_test(creation),
    };
    return cmocka_run_group_tests(tests, make_ground, clear_ground);
}
