/* Publishing a release and publishing a model, through the public calls, with a fault at every call that changes the
 * file system. Whatever happens, what is in force is whole: the release before or the new one, never a mixture; and the
 * next call finishes. */
#include "support/published_answer.h"
#include "support/test.h"
#include <support/scratch_dir.h>

static char prepared[SAGE_PATH_MAX], shop_dir[SAGE_PATH_MAX];

static void fresh(void) {
    published_copy(prepared, shop_dir);
}

static bool index_once(void *ctx) {
    (void)ctx;
    sage_shop *shop = published_open(shop_dir);
    sage_index_report report;
    sage_status st = sage_index_build(shop, false, NULL, NULL, &report, NULL);
    sage_shop_close(shop);
    return st == SAGE_OK;
}

static bool train_once(void *ctx) {
    sage_shop *shop = published_open(shop_dir);
    sage_train_report report;
    sage_error error = {0};
    sage_status st = sage_train(shop, NULL, &report, &error);
    sage_shop_close(shop);
    if (st != SAGE_OK && ctx != NULL) fail_msg("train: %s", error.text);
    return st == SAGE_OK;
}

/* Release 1 stands; the catalogue has moved on, and its vectors with it. */
static void prepare_release(published_answer *before) {
    snprintf(shop_dir, sizeof shop_dir, "%s", scratch_path(dir, "prepared"));
    snprintf(prepared, sizeof prepared, "%s", shop_dir);
    sage_shop *shop = published_catalogue(dir, shop_dir);
    published_train(shop);
    published_embed(shop);
    published_index(shop);
    *before = published_ask(shop_dir);
    published_import(shop, dir, PUBLISHED_PRODUCTS + 5, 3);
    published_embed(shop);
    sage_shop_close(shop);
    snprintf(shop_dir, sizeof shop_dir, "%s", scratch_path(dir, "shop"));
}

static void releases_are_old_or_new(void **state) {
    (void)state;
    published_answer before, after;
    uint64_t calls;
    prepare_release(&before);
    fresh();
    assert_int_equal(fault_child(index_once, NULL, SAGE_FAULT_NONE, 0, &calls), FAULT_DONE);
    after = published_ask(shop_dir);
    assert_int_equal(before.vectors, PUBLISHED_PRODUCTS);
    assert_int_equal(after.vectors, PUBLISHED_PRODUCTS + 5);
    assert_true(before.changed == 0 && after.changed > 0 && calls > 30);
    for (sage_fault_kind kind = SAGE_FAULT_ERROR; kind <= SAGE_FAULT_POWER_CUT; kind++)
        for (uint64_t at = 1; at <= calls; at++) {
            fresh();
            int end = fault_child(index_once, NULL, kind, at, NULL);
            assert_int_equal(end == FAULT_KILLED, kind != SAGE_FAULT_ERROR);
            published_answer now = published_ask(shop_dir);
            if (!published_same(&now, &before) && !published_same(&now, &after))
                fail_msg("fault %d at call %llu: neither the old release nor the new", (int)kind,
                         (unsigned long long)at);
            if (end == FAULT_DONE || at == calls) assert_true(published_same(&now, &after));
            assert_true(index_once(NULL));
            published_answer then = published_ask(shop_dir);
            assert_true(published_same(&then, &after));
            assert_true(then.index > before.index && then.keywords > before.keywords);
        }
}

/* Every model that can be seen is whole: its files are there, and it embeds. */
static uint64_t check_models(sage_shop *shop) {
    static const char *const files[] = {"model.safetensors", "vocabulary", "config.json", "metrics.jsonl"};
    uint64_t *versions = NULL;
    size_t n = 0;
    sage_error error = {0};
    const char *models = scratch_path(shop_dir, "models");
    tiny_must(sage_version_list(models, &versions, &n, &error), &error, "list models");
    for (size_t i = 0; i < n; i++) {
        char path[SAGE_PATH_MAX];
        sage_encoder *encoder = NULL;
        sage_model_config config;
        tiny_must(sage_version_path(path, scratch_path(shop_dir, "models"), versions[i], &error), &error, "path");
        for (size_t f = 0; f < sizeof files / sizeof *files; f++)
            assert_true(sage_fs_exists(scratch_path(path, files[f])));
        tiny_must(sage_model_config_read(shop, versions[i], &config, &error), &error, "read config.json");
        tiny_must(sage_encoder_open(path, NULL, &encoder, &error), &error, "open the model");
        sage_encoder_close(encoder);
    }
    sage_free(versions);
    return n;
}

static void models_are_whole_or_absent(void **state) {
    (void)state;
    uint64_t calls;
    snprintf(shop_dir, sizeof shop_dir, "%s", scratch_path(dir, "untrained"));
    snprintf(prepared, sizeof prepared, "%s", shop_dir);
    sage_shop_close(published_catalogue(dir, shop_dir));
    snprintf(shop_dir, sizeof shop_dir, "%s", scratch_path(dir, "shop"));
    fresh();
    assert_int_equal(fault_child(train_once, NULL, SAGE_FAULT_NONE, 0, &calls), FAULT_DONE);
    size_t wanted_bytes, bytes;
    char *wanted = scratch_read(scratch_path(shop_dir, "models/1/model.safetensors"), &wanted_bytes);
    assert_non_null(wanted);
    assert_true(calls > 40);
    for (sage_fault_kind kind = SAGE_FAULT_ERROR; kind <= SAGE_FAULT_POWER_CUT; kind++)
        for (uint64_t at = 1; at <= calls; at++) {
            fresh();
            int end = fault_child(train_once, NULL, kind, at, NULL);
            assert_int_equal(end == FAULT_KILLED, kind != SAGE_FAULT_ERROR);
            sage_shop *shop = published_open(shop_dir);
            uint64_t models = check_models(shop);
            if (end == FAULT_DONE || at == calls) assert_int_equal(models, 1);
            assert_true(train_once(&calls)); /* tells why not */
            assert_true(check_models(shop) >= models);
            if (at % 10 == 0) { /* and what is made of it */
                published_embed(shop);
                published_index(shop);
                assert_int_equal(published_ask(shop_dir).vectors, PUBLISHED_PRODUCTS);
            }
            sage_shop_close(shop);
            /* Stopped and gone on with, or never disturbed: the same bits. */
            char *got = scratch_read(scratch_path(shop_dir, "models/1/model.safetensors"), &bytes);
            assert_non_null(got);
            assert_int_equal(bytes, wanted_bytes);
            assert_memory_equal(got, wanted, bytes);
            sage_free(got);
        }
    sage_free(wanted);
}

static int ground(void **state) {
    (void)state;
    scratch_make(dir);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(releases_are_old_or_new, ground, remove_dir),
        cmocka_unit_test_setup_teardown(models_are_whole_or_absent, ground, remove_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
