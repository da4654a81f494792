/* Building a dataset with a fault at every call that changes the file system, counting that spills to disk included.
 * Whatever happens: a version that can be seen is whole and says what an undisturbed build says, no temporary outlives
 * the next build. */
#include <dataset/sampler.h>
#include <io/version.h>
#include <support/scratch.h>
#include <support/test.h>
#include <support/tiny_shop.h>

enum { PRODUCTS = 40, FILES = 5, PACKED = 4 };
static const char *const names[FILES] = {"vocab.bin", "products.bin", "queries.bin", "users.bin", "meta.json"};
static char dir[SAGE_PATH_MAX];
static char *wanted[FILES];
static size_t wanted_n[FILES];

/* The dataset's table with a memory so small that every few products go to disk. */
static sage_options *options_of(void) {
    static sage_option table[32];
    size_t n = 0;
    sage_options *options = NULL;
    sage_error error = {0};
    for (const sage_option *o = sage_dataset_options; o->key != NULL; o++, n++) {
        table[n] = *o;
        if (strcmp(o->key, "memory") == 0) table[n].min = 1;
    }
    tiny_must(sage_options_over(table, n, &options, &error), &error, "options");
    tiny_must(sage_options_set(options, "memory=60000", &error), &error, "options");
    return options;
}

static bool build(void *ctx) {
    sage_catalog *catalog = NULL;
    sage_options *options = options_of();
    uint64_t id = 0;
    (void)ctx;
    bool good = sage_catalog_open(scratch_path(dir, "catalog.db"), false, &catalog, NULL) == SAGE_OK &&
                sage_dataset_build(catalog, dir, options, NULL, NULL, NULL, &id, NULL) == SAGE_OK;
    sage_catalog_close(catalog);
    sage_options_free(options);
    return good;
}

static void path_of(uint64_t version, size_t file, char path[SAGE_PATH_MAX]) {
    char name[64];
    snprintf(name, sizeof name, "dataset/%llu/%s", (unsigned long long)version, names[file]);
    scratch_must(sage_path_join(path, dir, name, NULL) == SAGE_OK, name);
}

static void remember(uint64_t version) {
    for (size_t i = 0; i < FILES; i++) {
        char path[SAGE_PATH_MAX];
        path_of(version, i, path);
        wanted[i] = scratch_read(path, &wanted_n[i]);
        assert_non_null(wanted[i]);
    }
}

static void check_version(uint64_t version) {
    sage_dataset *dataset;
    sage_error error = {0};
    if (sage_dataset_open(dir, version, true, &dataset, &error) != SAGE_OK) fail_msg("%s", error.text);
    assert_int_equal(sage_dataset_products(dataset), PRODUCTS);
    sage_dataset_close(dataset);
    for (size_t i = 0; i < FILES; i++) {
        char path[SAGE_PATH_MAX];
        path_of(version, i, path);
        assert_true(scratch_holds(path, wanted[i], wanted_n[i]));
    }
}

/* How many versions can be seen; each must be whole. */
static size_t check_all(void) {
    uint64_t *versions = NULL;
    size_t n = 0;
    assert_int_equal(sage_version_list(scratch_path(dir, "dataset"), &versions, &n, NULL), SAGE_OK);
    for (size_t i = 0; i < n; i++) check_version(versions[i]);
    sage_free(versions);
    return n;
}

static sage_status count_entry(void *ctx, const char *name, sage_error *error) {
    (void)error;
    (void)name;
    ++*(size_t *)ctx;
    return SAGE_OK;
}

static void expect_entries(const char *name, size_t n) {
    size_t found = 0;
    assert_int_equal(sage_fs_list(scratch_path(dir, name), count_entry, &found, NULL), SAGE_OK);
    assert_int_equal(found, n);
}

static void fresh(void) {
    scratch_must(sage_fs_remove_tree(scratch_path(dir, "dataset"), NULL) == SAGE_OK, "remove");
    assert_int_equal(sage_fs_mkdir(scratch_path(dir, "dataset"), NULL), SAGE_OK);
    assert_int_equal(sage_fs_sync_dir(dir, NULL), SAGE_OK);
}

/* Twenty users of three events each, and ten events that began at a product. */
static void import_people(sage_catalog *catalog) {
    char path[SAGE_PATH_MAX];
    sage_error error = {0};
    sage_import_report report;
    const sage_import_options options = {0};
    snprintf(path, sizeof path, "%s", scratch_path(dir, "people.tsv"));
    FILE *file = fopen(path, "wb");
    scratch_must(file != NULL, path);
    fprintf(file, "event\tproduct_id\tsurface\tquery\ttimestamp\n");
    for (int i = 0; i < 60; i++) fprintf(file, "save\tp%d\tuser\tu%d\t%d\n", i * 7 % PRODUCTS, i % 20, 1700000000 + i);
    for (int i = 0; i < 10; i++) fprintf(file, "click\tp%d\tproduct\tp%d\t\n", i, i + 10);
    scratch_must(fclose(file) == 0, path);
    const char *files[] = {path};
    tiny_must(sage_catalog_import_events(catalog, files, 1, &options, NULL, &report, &error), &error, "import events");
    scratch_must(report.rejected == 0 && report.unknown_products == 0, "an import of events without rejects");
}

static int ground(void **state) {
    (void)state;
    scratch_make(dir);
    sage_catalog *catalog = tiny_catalog(dir);
    tiny_import(catalog, dir, PRODUCTS, PRODUCTS, PRODUCTS, 0);
    tiny_import_events(catalog, dir, PRODUCTS);
    import_people(catalog);
    sage_catalog_close(catalog);
    return 0;
}

static int clear(void **state) {
    (void)state;
    scratch_remove(dir);
    for (size_t i = 0; i < FILES; i++) {
        sage_free(wanted[i]);
        wanted[i] = NULL;
    }
    return 0;
}

static void every_call_meets(sage_fault_kind kind) {
    uint64_t calls;
    fresh();
    assert_true(build(NULL)); /* the store's own first opening makes a call that later ones do not */
    fresh();
    assert_int_equal(fault_child(build, NULL, SAGE_FAULT_NONE, 0, &calls), FAULT_DONE);
    remember(1);
    assert_int_equal(check_all(), 1);
    assert_true(calls > 60);
    for (uint64_t at = 1; at <= calls; at++) {
        fresh();
        int end = fault_child(build, NULL, kind, at, NULL);
        if (kind == SAGE_FAULT_ERROR)
            assert_true(at == calls ? end == FAULT_DONE : end == FAULT_FAILED || end == FAULT_DONE);
        else
            assert_int_equal(end, FAULT_KILLED);
        size_t before = check_all();
        assert_true(before <= 1);
        if (end == FAULT_DONE || at == calls) assert_int_equal(before, 1);
        assert_true(build(NULL));
        assert_int_equal(check_all(), before + 1);
        expect_entries("dataset", before + 1);
        expect_entries(before == 0 ? "dataset/1" : "dataset/2", FILES);
    }
}

static void calls_that_fail(void **state) {
    (void)state;
    every_call_meets(SAGE_FAULT_ERROR);
}

static void stops(void **state) {
    (void)state;
    every_call_meets(SAGE_FAULT_STOP);
}

static void power_cuts(void **state) {
    (void)state;
    every_call_meets(SAGE_FAULT_POWER_CUT);
}

/* A byte flipped anywhere, or any file cut anywhere, is an error or harmless, never other content. */
static void damaged_files(void **state) {
    (void)state;
    fresh();
    assert_true(build(NULL));
    remember(1);
    size_t refused = 0, tried = 0;
    for (size_t f = 0; f < FILES; f++) {
        char path[SAGE_PATH_MAX];
        path_of(1, f, path);
        for (size_t at = 0; at < wanted_n[f]; at += 1 + wanted_n[f] / 150) {
            for (int cut = 0; cut < 2; cut++) {
                sage_dataset *dataset = NULL;
                wanted[f][at] ^= 0x41;
                scratch_write(path, wanted[f], cut ? at : wanted_n[f]);
                wanted[f][at] ^= 0x41;
                sage_status st = sage_dataset_open(dir, 1, true, &dataset, NULL);
                assert_true(st == SAGE_OK || st == SAGE_E_FORMAT || st == SAGE_E_NOT_FOUND);
                if (cut && f < PACKED) assert_true(st != SAGE_OK);
                refused += st != SAGE_OK;
                tried++;
                sage_dataset_close(dataset);
            }
        }
        scratch_write(path, wanted[f], wanted_n[f]);
    }
    assert_true(refused * 10 > tried * 8); /* padding, and numbers of meta.json that nothing depends on */
    check_version(1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(calls_that_fail, ground, clear),
        cmocka_unit_test_setup_teardown(stops, ground, clear),
        cmocka_unit_test_setup_teardown(power_cuts, ground, clear),
        cmocka_unit_test_setup_teardown(damaged_files, ground, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
