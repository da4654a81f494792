/* A pass over pictures with a fault at every call that changes the file system. Whatever happens: the catalogue is
 * whole, products have all of their vectors or those of before, every vector that the cache names is there, and the
 * pass, run again, ends where an undisturbed one does. */
#include <fcntl.h>
#include <features/pictures.h>
#include <io/npy.h>
#include <support/scratch.h>
#include <support/test.h>
#include <sys/stat.h>

enum { PICTURES = 40 }; /* two segments */

static char root[SAGE_PATH_MAX], dir[SAGE_PATH_MAX], files[SAGE_PATH_MAX];

/* Of the passes: 1, the built-in one; 2: a network beside it. */
static size_t encoders = 1;

static bool open_encoder(sage_picture_encoder *encoder, sage_error *error) {
    const char *tests = getenv("SAGE_TEST_DIR");
    char path[SAGE_PATH_MAX];
    snprintf(path, sizeof path, "%s/oracle/encoders/dinov2", tests != NULL ? tests : "tests");
    return sage_picture_encoder_open("builtin", NULL, NULL, encoder, error) == SAGE_OK &&
           (encoders == 1 || sage_picture_encoder_join(encoder, "look", path, error) == SAGE_OK);
}

static bool pass(sage_picture_report *report, sage_error *error) {
    sage_catalog *catalog = NULL;
    sage_picture_encoder encoder = {.dim = 0};
    const sage_pictures_spec spec = {.shop_dir = dir, .images_dir = files, .segment_rows = 32};
    bool good = open_encoder(&encoder, error) &&
                sage_catalog_open(scratch_path(dir, "catalog.db"), true, &catalog, error) == SAGE_OK &&
                sage_pictures_run(catalog, &spec, &encoder, NULL, NULL, report, error) == SAGE_OK;
    sage_catalog_close(catalog);
    sage_picture_encoder_close(&encoder);
    return good;
}

static bool run_pass(void *ctx) {
    sage_picture_report report;
    return pass(&report, ctx);
}

/* ---- the ground ---- */

static struct {
    char *db;
    size_t db_bytes;
} ground;

/* Bytes behind the end of a PNG make another content of the same picture. */
static void write_picture(int i) {
    const char *tests = getenv("SAGE_TEST_DIR");
    const struct timespec times[2] = {{.tv_sec = 1700000000}, {.tv_sec = 1700000000}};
    char from[SAGE_PATH_MAX], name[32];
    size_t n = 0;
    snprintf(from, sizeof from, "%s/pictures/%s", tests != NULL ? tests : "tests",
             i < 10       ? "gray4.png"
             : i % 2 != 0 ? "gray2.png"
                          : "gray1.png");
    char *bytes = scratch_read(from, &n);
    assert_non_null(bytes);
    char *all = malloc(n + sizeof i);
    assert_non_null(all);
    memcpy(all, bytes, n);
    memcpy(all + n, &i, sizeof i);
    snprintf(name, sizeof name, "%d.png", i);
    scratch_write(scratch_path(files, name), all, n + sizeof i);
    assert_int_equal(utimensat(AT_FDCWD, scratch_path(files, name), times, 0), 0);
    free(all);
    sage_free(bytes);
}

static int make_ground(void **state) {
    sage_catalog *catalog = NULL;
    sage_error error = {0};
    sage_import_report report;
    (void)state;
    scratch_make(root);
    assert_int_equal(sage_path_join(dir, root, "shop", NULL), SAGE_OK);
    assert_int_equal(sage_path_join(files, root, "files", NULL), SAGE_OK);
    assert_int_equal(sage_fs_mkdir(dir, NULL), SAGE_OK);
    assert_int_equal(sage_fs_mkdir(files, NULL), SAGE_OK);
    FILE *feed = fopen(scratch_path(root, "feed.csv"), "wb");
    assert_non_null(feed);
    fprintf(feed, "id,title,image_link\nlost,L,lost.png\n");
    for (int i = 0; i < PICTURES; i++) {
        write_picture(i);
        fprintf(feed, "%d,T,%d.png\n", i, i);
    }
    assert_int_equal(fclose(feed), 0);
    const char *feeds[] = {scratch_path(root, "feed.csv")};
    assert_int_equal(sage_catalog_create(scratch_path(dir, "catalog.db"), &error), SAGE_OK);
    assert_int_equal(sage_catalog_open(scratch_path(dir, "catalog.db"), true, &catalog, &error), SAGE_OK);
    assert_int_equal(sage_catalog_import_products(catalog, feeds, 1, NULL, NULL, &report, &error), SAGE_OK);
    sage_catalog_close(catalog);
    ground.db = scratch_read(scratch_path(dir, "catalog.db"), &ground.db_bytes);
    return ground.db != NULL ? 0 : -1;
}

static int clear_ground(void **state) {
    (void)state;
    sage_free(ground.db);
    scratch_remove(root);
    return 0;
}

static void lay_ground(void) {
    scratch_remove(dir);
    assert_int_equal(sage_fs_mkdir(dir, NULL), SAGE_OK);
    scratch_write(scratch_path(dir, "catalog.db"), ground.db, ground.db_bytes);
}

/* ---- what there is ---- */

typedef struct reading {
    int64_t cached, linked, revision, rejects;
} reading;

static int64_t ask(sqlite3 *db, const char *sql) {
    sqlite3_stmt *stmt = NULL;
    bool row = false;
    assert_int_equal(sage_db_prepare(db, sql, &stmt, NULL), SAGE_OK);
    assert_int_equal(sage_db_step(stmt, &row, NULL), SAGE_OK);
    int64_t value = row ? sqlite3_column_int64(stmt, 0) : 0;
    sqlite3_finalize(stmt);
    return value;
}

/* Every row that the cache names has a file with that row. */
static void check_files(sqlite3 *db) {
    sqlite3_stmt *stmt = NULL;
    char pictures[SAGE_PATH_MAX];
    bool row = false;
    assert_int_equal(sage_db_prepare(db,
                                     "SELECT f.name, max(v.vector_row) FROM picture_vectors v JOIN vector_files f"
                                     " ON f.file = v.vector_file GROUP BY 1",
                                     &stmt, NULL),
                     SAGE_OK);
    snprintf(pictures, sizeof pictures, "%s", scratch_path(dir, "pictures"));
    while (assert_int_equal(sage_db_step(stmt, &row, NULL), SAGE_OK), row) {
        sage_npy npy;
        sage_error error = {0};
        if (sage_npy_open(scratch_path(pictures, (const char *)sqlite3_column_text(stmt, 0)), &npy, &error) != SAGE_OK)
            fail_msg("%s", error.text);
        assert_true(npy.cols == (encoders == 1 ? 256 : 256 + 24) && (int64_t)npy.rows > sqlite3_column_int64(stmt, 1));
        sage_npy_close(&npy);
    }
    sqlite3_finalize(stmt);
}

static reading look(void) {
    sqlite3 *db = NULL;
    assert_int_equal(sage_db_open(scratch_path(dir, "catalog.db"), SAGE_DB_WRITE, &db, NULL), SAGE_OK);
    sqlite3_stmt *stmt = NULL;
    bool row = false;
    assert_int_equal(sage_db_prepare(db, "PRAGMA integrity_check", &stmt, NULL), SAGE_OK);
    assert_int_equal(sage_db_step(stmt, &row, NULL), SAGE_OK);
    assert_string_equal((const char *)sqlite3_column_text(stmt, 0), "ok");
    sqlite3_finalize(stmt);
    reading r = {ask(db, "SELECT count(*) FROM picture_vectors"), ask(db, "SELECT count(vector_file) FROM images"),
                 ask(db, "SELECT value FROM meta WHERE key = 'revision'"), ask(db, "SELECT count(*) FROM rejects")};
    check_files(db);
    sage_db_close(db);
    return r;
}

static bool is_old(const reading *r) {
    return r->linked == 0 && r->revision == 1 && r->rejects == 0 &&
           (r->cached == 0 || r->cached == 32 || r->cached == PICTURES);
}

static bool is_new(const reading *r) {
    return r->linked == PICTURES && r->revision == 2 && r->rejects == 1 && r->cached == PICTURES;
}

/* ---- every call ---- */

static void meet(sage_fault_kind kind, uint64_t call, uint64_t calls) {
    sage_error error = {0};
    sage_picture_report report;
    lay_ground();
    int end = fault_child(run_pass, NULL, kind, call, NULL);
    if (kind != SAGE_FAULT_ERROR)
        assert_int_equal(end, FAULT_KILLED);
    else
        assert_true(end == FAULT_DONE || (end == FAULT_FAILED && call < calls));
    reading meanwhile = look();
    if (!is_old(&meanwhile) && !is_new(&meanwhile))
        fail_msg("fault %d at call %llu: %lld cached, %lld linked, revision %lld, %lld rejects", (int)kind,
                 (unsigned long long)call, (long long)meanwhile.cached, (long long)meanwhile.linked,
                 (long long)meanwhile.revision, (long long)meanwhile.rejects);
    if (end == FAULT_DONE) assert_true(is_new(&meanwhile));
    if (!pass(&report, &error))
        fail_msg("after fault %d at call %llu: %s", (int)kind, (unsigned long long)call, error.text);
    assert_true((int64_t)report.encoded ==
                (int64_t)encoders * (PICTURES - meanwhile.cached)); /* no vector is computed twice */
    reading last = look();
    assert_true(is_new(&last));
}

static void enumerate(sage_fault_kind kind) {
    uint64_t calls = 0;
    lay_ground();
    assert_int_equal(fault_child(run_pass, NULL, SAGE_FAULT_NONE, 0, &calls), FAULT_DONE);
    reading last = look();
    assert_true(is_new(&last) && calls > 20);
    for (uint64_t call = 1; call <= calls; call++) meet(kind, call, calls);
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

static void power_cuts_of_several_encoders(void **state) {
    (void)state;
    encoders = 2;
    enumerate(SAGE_FAULT_POWER_CUT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_that_fail),
        cmocka_unit_test(stops),
        cmocka_unit_test(power_cuts),
        cmocka_unit_test(power_cuts_of_several_encoders),
    };
    return cmocka_run_group_tests(tests, make_ground, clear_ground);
}
