/* Other encoders, inputs and softmaxes than the defaults: each learns, goes on after a stop as if there had been none,
 * and gives the same vectors from its file as it did in training. */
#include "support/test.h"
#include "support/tiny_training.h"
#include <io/json.h>
#include <math.h>

static char dir[SAGE_PATH_MAX];
static sage_dataset *dataset;

static int setup(void **state) {
    (void)state;
    uint64_t id;
    sage_error error = {0};
    scratch_make(dir);
    sage_catalog *catalog = tiny_catalog(dir);
    sage_options *options = tiny_options(NULL);
    tiny_import(catalog, dir, TINY_PRODUCTS, 0, 0, 0);
    tiny_import_events(catalog, dir, TINY_PRODUCTS);
    tiny_import_images(catalog, dir, 100, 8);
    tiny_must(sage_dataset_build(catalog, dir, options, NULL, NULL, NULL, &id, &error), &error, "build the dataset");
    tiny_must(sage_dataset_open(dir, id, true, &dataset, &error), &error, "open the dataset");
    sage_options_free(options);
    sage_catalog_close(catalog);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    sage_dataset_close(dataset);
    scratch_remove(dir);
    return 0;
}

/* ---- runs ---- */

static volatile sig_atomic_t stop;

static sage_status validate_and_stop(void *ctx, const sage_model *model, sage_recalls *recalls, sage_error *error) {
    stop = 1;
    return tiny_validate(ctx, model, recalls, error);
}

static sage_status train(const char *const *settings, const char *name, size_t threads, bool stopped,
                         sage_train_result *result, sage_error *error) {
    sage_options *options = tiny_options(settings);
    sage_pool *pool;
    const sage_monitor monitor = {.cancel = &stop};
    assert_int_equal(sage_pool_new(threads, &pool, NULL), SAGE_OK);
    stop = 0;
    sage_status st =
        sage_train_run(dataset, options, NULL, pool, scratch_path(dir, name),
                       stopped ? validate_and_stop : tiny_validate, dataset, TINY_PRODUCTS, &monitor, result, error);
    sage_pool_free(pool);
    sage_options_free(options);
    return st;
}

static const char *in_run(const char *name, const char *file) {
    return scratch_path(scratch_path(dir, name), file);
}

static double mean_loss(const char *name, size_t from, size_t to) {
    size_t n, number = 0;
    double sum = 0;
    char *data = scratch_read(in_run(name, "metrics.jsonl"), &n);
    assert_non_null(data);
    for (char *line = strtok(data, "\n"); line; line = strtok(NULL, "\n")) {
        json_t *root = NULL;
        assert_int_equal(sage_json_parse(line, strlen(line), "line", &root, NULL), SAGE_OK);
        if (json_object_get(root, "step") && number++ >= from && number <= to)
            sum += json_real_value(json_object_get(root, "loss"));
        json_decref(root);
    }
    sage_free(data);
    return sum / (double)(to - from);
}

static void expect_same_best(const char *a, const char *b) {
    size_t n;
    char *best = scratch_read(in_run(a, "best.safetensors"), &n);
    assert_non_null(best);
    assert_true(scratch_holds(in_run(b, "best.safetensors"), best, n));
    sage_free(best);
}

/* The file says all that there is to know. */
static void expect_served(const char *name, double recall10) {
    sage_model *model = NULL;
    sage_recalls recalls = {.recall10 = 0};
    sage_error error = {0};
    tiny_must(sage_model_load(in_run(name, "best.safetensors"), &model, &error), &error, "load");
    assert_int_equal(tiny_validate(dataset, model, &recalls, NULL), SAGE_OK);
    assert_true(recalls.recall10 == recall10);
    sage_model_free(model);
}

static void learns(const char *one, const char *other, double recall_at_least) {
    const char *settings[] = {one, other, "negatives=20", "steps=60", NULL};
    sage_train_result whole, parts;
    sage_error error = {0};
    tiny_must(train(settings, "whole", 2, false, &whole, &error), &error, one);
    double before = mean_loss("whole", 0, 10), after = mean_loss("whole", 50, 60);
    if (!(after < 0.9 * before)) fail_msg("%s: the loss was %g and is %g", one, before, after);
    if (!(whole.best_recall10 >= recall_at_least)) fail_msg("%s: recall@10 is %g", one, whole.best_recall10);
    expect_served("whole", whole.best_recall10);
    for (sage_status st = SAGE_E_CANCELLED; st != SAGE_OK;) {
        st = train(settings, "parts", 1, true, &parts, &error);
        assert_true(st == SAGE_OK || st == SAGE_E_CANCELLED);
    }
    expect_same_best("whole", "parts");
    scratch_remove(scratch_path(dir, "whole"));
    scratch_remove(scratch_path(dir, "parts"));
}

static void any_softmaxes(void **state) {
    (void)state;
    learns("softmaxes=both", "log_q=off", 0.5);
    learns("softmaxes=in_batch", "log_q=exact", 0.5);
    learns("softmaxes=random", "log_q=exact", 0.5);
    learns("softmaxes=concat", "log_q=exact", 0.5);
    learns("softmaxes=concat", "log_q=sketch", 0.5);
}

static void any_inputs(void **state) {
    (void)state;
    learns("inputs=text", "picture_share=0.3", 0.5);
    learns("inputs=pictures", "picture_share=0.3", 0.1);
    learns("inputs=pictures", "product_token=on", 0.1);
}

static void any_encoder(void **state) {
    (void)state;
    learns("encoder=sum", "product_token=on", 0.5);
    learns("encoder=sum_mlp", "head_skip=off", 0.5);
    learns("encoder=concat_mlp", "product_token=on", 0.5);
    learns("encoder=concat_mlp", "head_skip=off", 0.5);
    learns("encoder_layers=2", "product_token=on", 0.5);
    learns("encoder_layers=3", "precision=bf16", 0.5);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(any_softmaxes), cmocka_unit_test(any_inputs),
                                       cmocka_unit_test(any_encoder)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
