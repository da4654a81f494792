/* Embedding from the dataset that the model was trained on: the vectors are those that the catalogue's texts give,
 * whatever the dataset holds, lacks or has become. */
#include "support/test.h"
#include "support/tiny_shop.h"
#include <base/profile.h>
#include <dataset/dataset.h>
#include <embed/embed.h>

enum { DIM = 16, PRODUCTS = 1500 };

static char dir[SAGE_PATH_MAX];
static sage_catalog *catalog;
static uint64_t dataset;

/* ---- a shop with pictures, its dataset, and a model of the dataset's vocabulary ---- */

static uint64_t build_dataset(void) {
    size_t n = 0;
    while (sage_dataset_options[n].key) n++;
    sage_options *options = NULL;
    sage_error error = {0};
    uint64_t id;
    tiny_must(sage_options_over(sage_dataset_options, n, &options, &error), &error, "options");
    tiny_must(sage_dataset_build(catalog, dir, options, NULL, NULL, NULL, &id, &error), &error, "build the dataset");
    sage_options_free(options);
    return id;
}

static void publish_model(uint64_t number, size_t image_dim) {
    char path[SAGE_PATH_MAX], from[SAGE_PATH_MAX], name[64];
    size_t n;
    tiny_model_dir(dir, number, path);
    snprintf(name, sizeof name, "dataset/%llu/vocab.bin", (unsigned long long)dataset);
    snprintf(from, sizeof from, "%s", scratch_path(dir, name));
    char *bytes = scratch_read(from, &n);
    assert_non_null(bytes);
    scratch_write(scratch_path(path, "vocabulary"), bytes, n);
    sage_free(bytes);
    tiny_write_model(path, number, image_dim);
}

static int setup(void **state) {
    (void)state;
    scratch_make(dir);
    catalog = tiny_catalog(dir);
    tiny_import(catalog, dir, PRODUCTS, 0, 0, 0);
    tiny_import_images(catalog, dir, 40, 8);
    dataset = build_dataset();
    publish_model(1, 8);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    sage_catalog_close(catalog);
    scratch_remove(dir);
    return 0;
}

/* ---- running, with the vectors and the warnings ---- */

typedef struct vectors {
    size_t n;
    int64_t pids[PRODUCTS + 10];
    float values[PRODUCTS + 10][DIM];
} vectors;

static unsigned warnings;
static void count_warnings(void *ctx, sage_message_level level, const char *text) {
    (void)ctx;
    assert_non_null(strstr(text, "dataset/"));
    warnings += level == SAGE_WARNING;
}

static sage_embed_report embed(uint64_t from, bool all, sage_pool *pool, vectors *out) {
    const sage_embed_spec spec = {.model = 1, .dataset = from, .all = all};
    const sage_monitor monitor = {.message = count_warnings};
    sage_embed_report report;
    sage_error error = {0};
    sage_vectors *opened = NULL;
    warnings = 0;
    tiny_must(sage_embed_run(catalog, dir, &spec, pool, &monitor, &report, &error), &error, "embed");
    tiny_must(sage_vectors_open(dir, 1, &opened, &error), &error, "open the vectors");
    out->n = sage_vectors_count(opened);
    assert_true(out->n <= PRODUCTS + 10);
    for (size_t i = 0; i < out->n; i++) {
        out->pids[i] = sage_vectors_pid(opened, i);
        memcpy(out->values[i], sage_vectors_at(opened, i), sizeof out->values[i]);
    }
    sage_vectors_close(opened);
    return report;
}

static void expect_same(const vectors *a, const vectors *b) {
    assert_int_equal(a->n, b->n);
    assert_memory_equal(a->pids, b->pids, a->n * sizeof *a->pids);
    assert_memory_equal(a->values, b->values, a->n * sizeof *a->values);
}

static vectors plain, packed;

static void the_dataset_gives_the_same_bits(void **state) {
    (void)state;
    embed(0, true, NULL, &plain);
    assert_int_equal(plain.n, PRODUCTS);
    for (size_t threads = 1; threads <= 3; threads++) {
        sage_pool *pool = NULL;
        assert_int_equal(sage_pool_new(threads, &pool, NULL), SAGE_OK);
        assert_int_equal(embed(dataset, true, pool, &packed).embedded, PRODUCTS);
        assert_int_equal(warnings, 0);
        expect_same(&plain, &packed);
        sage_pool_free(pool);
    }
}

static uint64_t bytes_cut(uint64_t from) {
    sage_stage_sum sums[64];
    uint64_t bytes = 0;
    sage_profile_enable(true);
    embed(from, true, NULL, &packed);
    size_t n = sage_profile_read(sums, 64);
    sage_profile_enable(false);
    assert_true(n <= 64);
    for (size_t i = 0; i < n; i++)
        if (strcmp(sums[i].name, "cut n-grams") == 0) bytes += sums[i].bytes;
    return bytes;
}

static void products_that_are_as_packed_are_not_cut_again(void **state) {
    (void)state;
    assert_true(bytes_cut(0) > PRODUCTS * 20);
    assert_int_equal(bytes_cut(dataset), 0);
}

static void what_changed_since_is_read_from_the_catalogue(void **state) {
    (void)state;
    tiny_import(catalog, dir, PRODUCTS + 5, 100, 110, 7); /* new, gone and changed ones */
    tiny_import_images(catalog, dir, 60, 8);              /* and others have pictures now */
    embed(0, true, NULL, &plain);
    assert_int_equal(plain.n, PRODUCTS - 5);
    embed(dataset, true, NULL, &packed);
    expect_same(&plain, &packed);
    uint64_t some = bytes_cut(dataset);
    assert_true(some > 0 && some < bytes_cut(0) / 2);
}

static void a_dataset_that_is_gone_or_damaged_is_done_without(void **state) {
    (void)state;
    char path[SAGE_PATH_MAX], name[64];
    size_t n;
    embed(0, true, NULL, &plain);
    embed(77, true, NULL, &packed); /* pruned */
    expect_same(&plain, &packed);
    assert_int_equal(warnings, 0);
    snprintf(name, sizeof name, "dataset/%llu/products.bin", (unsigned long long)dataset);
    snprintf(path, sizeof path, "%s", scratch_path(dir, name));
    char *bytes = scratch_read(path, &n);
    for (size_t at = n / 17; at < n; at += n / 7) {
        bytes[at] ^= 1;
        scratch_write(path, bytes, n);
        embed(dataset, true, NULL, &packed);
        assert_int_equal(warnings, 1);
        expect_same(&plain, &packed);
        bytes[at] ^= 1;
    }
    scratch_write(path, bytes, n);
    sage_free(bytes);
    embed(dataset, true, NULL, &packed);
    assert_int_equal(warnings, 0);
}

static void a_dataset_of_another_vocabulary_is_not_used(void **state) {
    (void)state;
    uint64_t before = dataset;
    tiny_import(catalog, dir, PRODUCTS + 5, 0, 0, 3);
    uint64_t other = build_dataset(); /* its ids mean other n-grams */
    assert_true(other != before);
    embed(0, true, NULL, &plain);
    embed(other, true, NULL, &packed);
    expect_same(&plain, &packed);
}

static void a_failed_allocation_loses_nothing(void **state) {
    (void)state;
    const sage_embed_spec spec = {.model = 1, .dataset = dataset, .all = true};
    sage_embed_report report;
    unsigned long n = 1, step = 1;
    embed(0, true, NULL, &plain);
    for (;; n += step, step += n > 40) {
        sage_error error = {0};
        sage_alloc_fail_from(n);
        sage_status st = sage_embed_run(catalog, dir, &spec, NULL, NULL, &report, &error);
        unsigned long made = sage_alloc_fail_from(0);
        if (st == SAGE_OK && made < n) break;
        if (st != SAGE_E_MEMORY) fail_msg("allocation %lu: %s: %s", n, sage_status_name(st), error.text);
    }
    embed(dataset, false, NULL, &packed);
    expect_same(&plain, &packed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_dataset_gives_the_same_bits),
        cmocka_unit_test(products_that_are_as_packed_are_not_cut_again),
        cmocka_unit_test(what_changed_since_is_read_from_the_catalogue),
        cmocka_unit_test(a_dataset_that_is_gone_or_damaged_is_done_without),
        cmocka_unit_test(a_dataset_of_another_vocabulary_is_not_used),
        cmocka_unit_test(a_failed_allocation_loses_nothing),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
