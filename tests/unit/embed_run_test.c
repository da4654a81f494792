/* Incremental embedding: what is computed, what is reused, what goes, and that it does not matter how one got there. */
#include "support/test.h"
#include "support/tiny_shop.h"
#include <embed/embed.h>
#include <jansson.h>
#include <math.h>
#include <xxhash.h>

enum { DIM = 16 };

typedef struct shop {
    char dir[SAGE_PATH_MAX];
    sage_catalog *catalog;
} shop;

static shop shop_make(size_t products) {
    shop made;
    scratch_make(made.dir);
    made.catalog = tiny_catalog(made.dir);
    tiny_import(made.catalog, made.dir, products, 0, 0, 0);
    tiny_publish_model(made.catalog, made.dir, 1);
    return made;
}

static void shop_remove(shop *s) {
    sage_catalog_close(s->catalog);
    scratch_remove(s->dir);
}

static sage_status run(shop *s, uint64_t model, bool all, const sage_monitor *monitor, sage_embed_report *report,
                       sage_error *error) {
    const sage_embed_spec spec = {.model = model, .all = all};
    return sage_embed_run(s->catalog, s->dir, &spec, NULL, monitor, report, error);
}

static sage_embed_report embed(shop *s, bool all) {
    sage_embed_report report;
    sage_error error = {0};
    tiny_must(run(s, 1, all, NULL, &report, &error), &error, "embed");
    uint64_t stale = 99;
    tiny_must(sage_embed_stale(s->catalog, s->dir, 1, SAGE_PRECISION_F32, &stale, &error), &error, "stale");
    assert_int_equal(stale, 0);
    return report;
}

static sage_vectors *open_vectors(const shop *s) {
    sage_vectors *vectors = NULL;
    sage_error error = {0};
    tiny_must(sage_vectors_open(s->dir, 1, &vectors, &error), &error, "open the vectors");
    return vectors;
}

static size_t count_files(const shop *s, const char *suffix) {
    char command[SAGE_PATH_MAX + 64], line[32] = "";
    snprintf(command, sizeof command, "ls %s/vectors/1 | grep -c '%s$'", s->dir, suffix);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_non_null(fgets(line, sizeof line, pipe));
    pclose(pipe);
    return (size_t)atoi(line);
}

/* The live vectors are those of the catalogue's products, each as the encoder gives it when asked for it alone. */
static void expect_right(const shop *s) {
    sage_vectors *vectors = open_vectors(s);
    sage_encoder *encoder = NULL;
    sage_product_cursor *cursor = NULL;
    const sage_product_row *row;
    sage_error error = {0};
    size_t n = 0, computed;
    tiny_must(sage_encoder_open(scratch_path(s->dir, "models/1"), NULL, &encoder, &error), &error, "open the model");
    assert_int_equal(sage_vectors_dim(vectors), DIM);
    tiny_must(sage_product_cursor_open(s->catalog, 0, 0, &cursor, &error), &error, "products");
    while (tiny_must(sage_product_cursor_next(cursor, &row, &error), &error, "product"), row != NULL) {
        float alone[DIM], norm = 0;
        size_t index;
        assert_true(n < sage_vectors_count(vectors) && sage_vectors_pid(vectors, n) == row->pid);
        assert_true(sage_vectors_find(vectors, row->pid, &index) && index == n);
        tiny_must(sage_encoder_add_product(encoder, row, NULL, &error), &error, "add");
        tiny_must(sage_encoder_flush(encoder, alone, &computed, &error), &error, "flush");
        assert_int_equal(computed, 1);
        const float *stored = sage_vectors_at(vectors, n++);
        assert_memory_equal(stored, alone, sizeof alone);
        for (size_t k = 0; k < DIM; k++) norm += stored[k] * stored[k];
        assert_true(fabsf(norm - 1) < 1e-5f);
    }
    assert_int_equal(n, sage_vectors_count(vectors));
    sage_product_cursor_close(cursor);
    sage_encoder_close(encoder);
    sage_vectors_close(vectors);
}

static void every_product_gets_its_vector_once(void **state) {
    (void)state;
    shop s = shop_make(60);
    uint64_t stale;
    assert_int_equal(sage_embed_stale(s.catalog, s.dir, 1, SAGE_PRECISION_F32, &stale, NULL), SAGE_OK);
    assert_int_equal(stale, 60);
    sage_embed_report report = embed(&s, false);
    assert_int_equal(report.embedded, 60);
    assert_int_equal(report.products, 60);
    expect_right(&s);
    size_t n, again_n;
    char *manifest = scratch_read(scratch_path(s.dir, "vectors/1/manifest.json"), &n);
    report = embed(&s, false);
    assert_int_equal(report.embedded, 0);
    assert_int_equal(report.reused, 60);
    char *again = scratch_read(scratch_path(s.dir, "vectors/1/manifest.json"), &again_n);
    assert_string_equal(manifest, again);
    sage_free(manifest);
    sage_free(again);
    shop_remove(&s);
}

static void only_what_changed_is_computed(void **state) {
    (void)state;
    shop s = shop_make(60);
    embed(&s, false);
    tiny_import(s.catalog, s.dir, 63, 20, 24, 20); /* 3 new, 4 gone (20 among them), 0, 40 and 60 have new titles */
    sage_embed_report report = embed(&s, false);
    assert_int_equal(report.embedded, 5);
    assert_int_equal(report.dropped, 4);
    assert_int_equal(report.products, 59);
    assert_int_equal(report.reused, 54);
    assert_false(report.compacted);
    assert_int_equal(count_files(&s, "npy"), 2);
    assert_int_equal(count_files(&s, "bin"), 1);
    expect_right(&s);
    report = embed(&s, false);
    assert_int_equal(report.embedded + report.dropped, 0);
    tiny_import(s.catalog, s.dir, 63, 30, 31, 20); /* the four come back, another goes */
    report = embed(&s, false);
    assert_int_equal(report.embedded, 4);
    assert_int_equal(report.dropped, 1);
    expect_right(&s);
    shop_remove(&s);
}

static void much_garbage_is_compacted(void **state) {
    (void)state;
    shop s = shop_make(40);
    embed(&s, false);
    tiny_import(s.catalog, s.dir, 40, 0, 0, 4); /* 10 of 40 change: 10 of 50 rows are garbage */
    assert_false(embed(&s, false).compacted);
    expect_right(&s);
    tiny_import(s.catalog, s.dir, 40, 0, 5, 4); /* 5 go: 15 of 50 */
    sage_embed_report report = embed(&s, false);
    assert_true(report.compacted);
    assert_int_equal(report.embedded, 0);
    assert_int_equal(count_files(&s, "npy"), 1);
    assert_int_equal(count_files(&s, "bin"), 0);
    expect_right(&s);
    assert_false(embed(&s, false).compacted);
    tiny_import(s.catalog, s.dir, 41, 0, 40, 0); /* another product alone: no old segment has a live row */
    report = embed(&s, false);
    assert_int_equal(report.dropped, 35);
    assert_false(report.compacted);
    assert_int_equal(count_files(&s, "npy"), 1);
    expect_right(&s);
    shop_remove(&s);
}

static void all_computes_everything_again(void **state) {
    (void)state;
    shop s = shop_make(30);
    embed(&s, false);
    sage_embed_report report = embed(&s, true);
    assert_int_equal(report.embedded, 30);
    assert_int_equal(count_files(&s, "npy"), 1);
    expect_right(&s);
    shop_remove(&s);
}

/* ---- stopping ---- */

static volatile sig_atomic_t stop_now;
static uint64_t stop_after;

static void stop_at(void *ctx, const sage_progress *progress) {
    (void)ctx;
    if (progress->done >= stop_after) stop_now = 1;
}

static void same_vectors(const shop *a, const shop *b) {
    sage_vectors *x = open_vectors(a), *y = open_vectors(b);
    assert_int_equal(sage_vectors_count(x), sage_vectors_count(y));
    for (size_t i = 0; i < sage_vectors_count(x); i++) {
        assert_true(sage_vectors_pid(x, i) == sage_vectors_pid(y, i));
        assert_memory_equal(sage_vectors_at(x, i), sage_vectors_at(y, i), DIM * sizeof(float));
    }
    sage_vectors_close(x);
    sage_vectors_close(y);
}

static void a_stopped_run_goes_on_with_the_same_bits(void **state) {
    (void)state;
    for (int all = 0; all < 2; all++) {
        shop whole = shop_make(2500), parts = shop_make(2500);
        if (all) embed(&parts, false);
        embed(&whole, all);
        sage_embed_report report;
        sage_error error = {0};
        sage_monitor monitor = {.progress = stop_at, .cancel = &stop_now};
        stop_now = 0;
        stop_after = 0; /* at the first tick: after one block of 1,024 */
        assert_int_equal(run(&parts, 1, all, &monitor, &report, &error), SAGE_E_CANCELLED);
        uint64_t done = report.embedded, stale;
        assert_true(done > 0 && done < 2500);
        assert_int_equal(sage_embed_stale(parts.catalog, parts.dir, 1, SAGE_PRECISION_F32, &stale, NULL), SAGE_OK);
        assert_int_equal(stale, 2500 - done);
        report = embed(&parts, all);
        assert_int_equal(report.embedded, 2500 - done);
        same_vectors(&whole, &parts);
        shop_remove(&whole);
        shop_remove(&parts);
    }
}

/* ---- precision ---- */

static sage_status run_in(shop *s, sage_precision precision, const sage_monitor *monitor, sage_embed_report *report,
                          sage_error *error) {
    const sage_embed_spec spec = {.model = 1, .precision = precision};
    return sage_embed_run(s->catalog, s->dir, &spec, NULL, monitor, report, error);
}

static uint64_t stale_in(const shop *s, sage_precision precision) {
    uint64_t stale = 99;
    sage_error error = {0};
    tiny_must(sage_embed_stale(s->catalog, s->dir, 1, precision, &stale, &error), &error, "stale");
    return stale;
}

static void another_precision_computes_all_again(void **state) {
    (void)state;
    shop s = shop_make(60), straight = shop_make(60);
    sage_embed_report report;
    embed(&s, false);
    assert_int_equal(stale_in(&s, SAGE_PRECISION_BF16), 60);
    assert_int_equal(run_in(&s, SAGE_PRECISION_BF16, NULL, &report, NULL), SAGE_OK);
    assert_int_equal(report.embedded, 60);
    assert_int_equal(count_files(&s, "npy"), 1);
    assert_int_equal(stale_in(&s, SAGE_PRECISION_BF16), 0);
    assert_int_equal(stale_in(&s, SAGE_PRECISION_F32), 60);
    assert_int_equal(run_in(&straight, SAGE_PRECISION_BF16, NULL, &report, NULL), SAGE_OK);
    same_vectors(&s, &straight);
    tiny_import(s.catalog, s.dir, 60, 0, 0, 20);
    assert_int_equal(run_in(&s, SAGE_PRECISION_BF16, NULL, &report, NULL), SAGE_OK);
    assert_int_equal(report.embedded, 3);
    assert_int_equal(run_in(&s, SAGE_PRECISION_INT8, NULL, &report, NULL), SAGE_OK);
    assert_int_equal(report.embedded, 60);
    embed(&s, false);
    expect_right(&s); /* f32 again */
    shop_remove(&s);
    shop_remove(&straight);
}

/* Half the vectors in one precision, half in the other: those of the wrong one are computed, no others. */
static void a_stopped_change_of_precision_goes_on(void **state) {
    (void)state;
    shop s = shop_make(2500);
    sage_embed_report report;
    sage_error error = {0};
    sage_monitor monitor = {.progress = stop_at, .cancel = &stop_now};
    embed(&s, false);
    stop_now = 0;
    stop_after = 0;
    assert_int_equal(run_in(&s, SAGE_PRECISION_BF16, &monitor, &report, &error), SAGE_E_CANCELLED);
    uint64_t done = report.embedded;
    assert_true(done > 0 && done < 2500);
    assert_int_equal(stale_in(&s, SAGE_PRECISION_BF16), 2500 - done);
    assert_int_equal(stale_in(&s, SAGE_PRECISION_F32), done);
    assert_int_equal(embed(&s, false).embedded, done); /* back: what had been replaced */
    assert_int_equal(run_in(&s, SAGE_PRECISION_BF16, NULL, &report, &error), SAGE_OK);
    assert_int_equal(report.embedded, 2500);
    shop_remove(&s);
}

/* Writes the manifest with every `from` replaced, and its checksum made right again. */
static void edit_manifest(const shop *s, const char *from, const char *to) {
    char path[SAGE_PATH_MAX], sum[17], command[3 * SAGE_PATH_MAX];
    snprintf(path, sizeof path, "%s", scratch_path(s->dir, "vectors/1/manifest.json"));
    snprintf(command, sizeof command, "sed -i 's/%s/%s/' '%s'", from, to, path);
    assert_int_equal(system(command), 0);
    json_t *root = json_load_file(path, 0, NULL);
    assert_non_null(root);
    json_object_del(root, "xxh3");
    char *dump = json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS);
    snprintf(sum, sizeof sum, "%016llx", (unsigned long long)XXH3_64bits(dump, strlen(dump)));
    json_object_set_new(root, "xxh3", json_string(sum));
    assert_int_equal(json_dump_file(root, path, 0), 0);
    free(dump);
    json_decref(root);
}

static void manifests_without_a_precision_are_f32_and_unknown_ones_are_refused(void **state) {
    (void)state;
    shop s = shop_make(20);
    sage_vectors *vectors = NULL;
    sage_error error = {0};
    embed(&s, false);
    edit_manifest(&s, "precision", "written_by");
    assert_int_equal(stale_in(&s, SAGE_PRECISION_F32), 0);
    assert_int_equal(stale_in(&s, SAGE_PRECISION_BF16), 20);
    expect_right(&s);
    embed(&s, true);
    edit_manifest(&s, "\"f32\"", "\"f99\"");
    assert_int_equal(sage_vectors_open(s.dir, 1, &vectors, &error), SAGE_E_FORMAT);
    assert_non_null(strstr(error.text, "embed --all"));
    embed(&s, true);
    expect_right(&s);
    shop_remove(&s);
}

/* ---- damage ---- */

/* Opens what a file with one byte changed, or cut short, gives: an error that names a remedy. */
static void expect_refused(const shop *s, const char *name, const char *bytes, size_t n) {
    char path[SAGE_PATH_MAX];
    snprintf(path, sizeof path, "%s", scratch_path(s->dir, name));
    char *damaged = sage_alloc(n);
    for (size_t at = 0; at < 2 * n; at += n / 40 + 1) {
        sage_vectors *vectors = NULL;
        sage_error error = {0};
        memcpy(damaged, bytes, n);
        if (at < n) {
            damaged[at] ^= 0x15;
            scratch_write(path, damaged, n);
        } else {
            scratch_write(path, damaged, 2 * n - at - 1);
        }
        sage_status st = sage_vectors_open(s->dir, 1, &vectors, &error);
        if (st == SAGE_OK) fail_msg("%s with byte %zu of %zu damaged was opened", name, at, n);
        assert_int_equal(st, SAGE_E_FORMAT);
        assert_non_null(strstr(error.text, "embed --all"));
        assert_true(error.source[0] != '\0' && vectors == NULL);
    }
    scratch_write(path, bytes, n);
    sage_free(damaged);
}

static void damaged_files_are_refused_and_all_repairs(void **state) {
    (void)state;
    static const char *const names[] = {"vectors/1/1.npy", "vectors/1/1.rows", "vectors/1/dead-2.bin",
                                        "vectors/1/manifest.json"};
    shop s = shop_make(40);
    embed(&s, false);
    tiny_import(s.catalog, s.dir, 40, 7, 9, 0);
    embed(&s, false);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t n;
        char *bytes = scratch_read(scratch_path(s.dir, names[i]), &n);
        assert_non_null(bytes);
        expect_refused(&s, names[i], bytes, n);
        sage_free(bytes);
    }
    expect_right(&s);
    sage_vectors *vectors = NULL;
    sage_error error = {0};
    scratch_write(scratch_path(s.dir, "vectors/1/manifest.json"), "{\"format\": 1", 12);
    assert_int_equal(sage_vectors_open(s.dir, 1, &vectors, &error), SAGE_E_FORMAT);
    assert_non_null(strstr(error.text, "embed --all"));
    sage_embed_report report;
    assert_int_equal(run(&s, 1, false, NULL, &report, &error), SAGE_E_FORMAT);
    assert_int_equal(embed(&s, true).embedded, 38);
    expect_right(&s);
    assert_int_equal(unlink(scratch_path(s.dir, "vectors/1/1.npy")), 0);
    assert_int_equal(sage_vectors_open(s.dir, 1, &vectors, &error), SAGE_E_FORMAT);
    embed(&s, true);
    expect_right(&s);
    shop_remove(&s);
}

static void images_take_part(void **state) {
    (void)state;
    float before[DIM], after[DIM], untouched[DIM];
    shop s;
    scratch_make(s.dir);
    s.catalog = tiny_catalog(s.dir);
    tiny_import(s.catalog, s.dir, 20, 0, 0, 0);
    tiny_publish_model_with(s.catalog, s.dir, 1, 8);
    embed(&s, false);
    sage_vectors *vectors = open_vectors(&s);
    memcpy(before, sage_vectors_at(vectors, 0), sizeof before);
    memcpy(untouched, sage_vectors_at(vectors, 19), sizeof untouched);
    sage_vectors_close(vectors);
    tiny_import_images(s.catalog, s.dir, 6, 8);
    assert_int_equal(embed(&s, false).embedded, 6); /* a new image vector makes a product's vector stale */
    vectors = open_vectors(&s);
    memcpy(after, sage_vectors_at(vectors, 0), sizeof after);
    assert_memory_not_equal(before, after, sizeof before);
    assert_memory_equal(sage_vectors_at(vectors, 19), untouched, sizeof untouched);
    sage_vectors_close(vectors);
    tiny_publish_model_with(s.catalog, s.dir, 2, 5); /* a model of pictures of another width */
    sage_embed_report report;
    sage_error error = {0};
    assert_int_equal(run(&s, 2, false, NULL, &report, &error), SAGE_E_FORMAT);
    assert_non_null(strstr(error.text, "train a new model"));
    shop_remove(&s);
}

static void what_is_missing_is_said(void **state) {
    (void)state;
    shop s = shop_make(3);
    sage_vectors *vectors = NULL;
    sage_embed_report report;
    sage_error error = {0};
    assert_int_equal(sage_vectors_open(s.dir, 1, &vectors, &error), SAGE_E_STATE);
    assert_non_null(strstr(error.text, "itemsage embed"));
    assert_int_equal(run(&s, 9, false, NULL, &report, &error), SAGE_E_NOT_FOUND);
    shop_remove(&s);
}

static void a_failed_allocation_loses_nothing(void **state) {
    (void)state;
    shop s = shop_make(12);
    sage_embed_report report;
    for (unsigned long n = 1;; n++) {
        if (n % 3 == 0) { /* some of them from scratch */
            char path[SAGE_PATH_MAX];
            snprintf(path, sizeof path, "%s", scratch_path(s.dir, "vectors"));
            assert_int_equal(sage_fs_remove_tree(path, NULL), SAGE_OK);
        }
        sage_error error = {0};
        sage_alloc_fail_from(n);
        sage_status st = run(&s, 1, n % 2 == 0, NULL, &report, &error);
        unsigned long made = sage_alloc_fail_from(0);
        if (st == SAGE_OK && made < n) break;
        if (st != SAGE_E_MEMORY) fail_msg("allocation %lu: %s: %s", n, sage_status_name(st), error.text);
    }
    embed(&s, false);
    expect_right(&s);
    shop_remove(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_product_gets_its_vector_once),
        cmocka_unit_test(only_what_changed_is_computed),
        cmocka_unit_test(much_garbage_is_compacted),
        cmocka_unit_test(all_computes_everything_again),
        cmocka_unit_test(a_stopped_run_goes_on_with_the_same_bits),
        cmocka_unit_test(another_precision_computes_all_again),
        cmocka_unit_test(a_stopped_change_of_precision_goes_on),
        cmocka_unit_test(manifests_without_a_precision_are_f32_and_unknown_ones_are_refused),
        cmocka_unit_test(damaged_files_are_refused_and_all_repairs),
        cmocka_unit_test(images_take_part),
        cmocka_unit_test(what_is_missing_is_said),
        cmocka_unit_test(a_failed_allocation_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
