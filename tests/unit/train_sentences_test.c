/* Training on a dataset with sentences: what reads them stays as it began, or learns, or nothing does, as the option
 * says. */
#include "support/test.h"
#include "support/tiny_training.h"
#include "support/weights.h"

static char dir[SAGE_PATH_MAX];
static sage_dataset *dataset;

static int setup(void **state) {
    (void)state;
    char weights[SAGE_PATH_MAX];
    sage_error error = {0};
    sage_sentences *sentences;
    uint64_t id;
    scratch_make(dir);
    snprintf(weights, sizeof weights, "%s", scratch_path(dir, "weights"));
    weights_of_texts(weights, 30);
    const sage_sentence_source source = {
        .shop_dir = dir, .encoder_dir = weights, .name = "tiny", .identity = "tiny", .dim = 24, .hold = -1};
    sage_catalog *catalog = tiny_catalog(dir);
    sage_options *options = tiny_options(NULL);
    tiny_import(catalog, dir, TINY_PRODUCTS, 0, 0, 0);
    tiny_import_events(catalog, dir, TINY_PRODUCTS);
    tiny_must(sage_sentences_open(&source, NULL, &sentences, &error), &error, "open the encoder of texts");
    tiny_must(sage_dataset_build(catalog, dir, options, sentences, NULL, NULL, &id, &error), &error, "the dataset");
    tiny_must(sage_dataset_open(dir, id, true, &dataset, &error), &error, "open the dataset");
    sage_sentences_close(sentences);
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

static sage_status as_it_is(void *ctx, const sage_model *model, sage_recalls *recalls, sage_error *error) {
    (void)model;
    (void)error;
    recalls->recall10 = ++*(double *)ctx; /* ever better, so that the last step is kept */
    return SAGE_OK;
}

static const real *param(sage_model *model, const char *name, sage_param *out) {
    size_t n;
    const sage_param *params = sage_model_params(model, &n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(params[i].name, name) == 0) {
            *out = params[i];
            return sage_model_dense(model) + params[i].offset;
        }
    fail_msg("no parameter %s", name);
    return NULL;
}

/* Whether both projections are one still, and the hidden layer hears nothing of sentences. */
static bool is_as_begun(const char *path) {
    const char *const settings[] = {path, "steps=12", "eval_every=6", NULL};
    sage_options *options = tiny_options(settings);
    sage_train_result result;
    sage_error error = {0};
    sage_model *model = NULL;
    sage_param proj, skip, hidden;
    double recall = 0;
    char work[SAGE_PATH_MAX];
    snprintf(work, sizeof work, "%s", scratch_path(dir, path));
    tiny_must(sage_train_run(dataset, options, NULL, NULL, work, as_it_is, &recall, 0, NULL, &result, &error), &error,
              "train");
    tiny_must(sage_model_load(scratch_path(work, "best.safetensors"), &model, &error), &error, "load");
    const sage_model_shape *shape = sage_model_shape_of(model);
    assert_int_equal(shape->n_groups, 1);
    assert_int_equal(sage_shape_dim(shape, SAGE_GROUP_SENTENCES), 24);
    const real *from = param(model, "sentence.proj", &proj), *tower = param(model, "search.skip", &skip),
               *first = param(model, "search.fc1.weight", &hidden);
    bool same = true, silent = true;
    for (size_t i = 0; i < proj.rows; i++)
        for (size_t k = 0; k < 24; k++) {
            same = same && from[i * 24 + k] == tower[i * skip.cols + shape->dim_embed + k];
            assert_true(from[i * 24 + k] != 0);
        }
    for (size_t i = 0; i < hidden.rows; i++)
        for (size_t k = shape->dim_embed; k < hidden.cols; k++) silent = silent && first[i * hidden.cols + k] == 0;
    assert_int_equal(same, silent);
    sage_model_free(model);
    sage_options_free(options);
    return same;
}

static sage_model *trained(const char *weight) {
    const char *const settings[] = {weight, "steps=12", "eval_every=6", NULL};
    sage_options *options = tiny_options(settings);
    sage_train_result result;
    sage_error error = {0};
    sage_model *model = NULL;
    double recall = 0;
    char work[SAGE_PATH_MAX];
    snprintf(work, sizeof work, "%s", scratch_path(dir, weight));
    tiny_must(sage_train_run(dataset, options, NULL, NULL, work, as_it_is, &recall, 0, NULL, &result, &error), &error,
              "train");
    tiny_must(sage_model_load(scratch_path(work, "best.safetensors"), &model, &error), &error, "load");
    sage_options_free(options);
    return model;
}

/* Beside the model their weight changes what is published, and nothing of what is learned; the map learns. */
static void sentences_beside_do_not_change_the_model(void **state) {
    (void)state;
    sage_model *light = trained("sentence_weight=0.5"), *heavy = trained("sentence_weight=2");
    const sage_model_shape *shape = sage_model_shape_of(light);
    assert_true(shape->beside == 0.25 && sage_model_shape_of(heavy)->beside == 4);
    assert_int_equal(sage_shape_out(shape), shape->dim_out + 24);
    assert_int_equal(sage_model_dense_size(light), sage_model_dense_size(heavy));
    assert_memory_equal(sage_model_dense(light), sage_model_dense(heavy), sage_model_dense_size(light) * sizeof(real));
    sage_param its;
    const real *map = param(light, "sentence.map", &its);
    size_t moved = 0;
    for (size_t k = 0; k < 24 * 24; k++) moved += map[k] != (real)(k % 25 == 0);
    assert_true(moved > 24 * 24 / 2);
    sage_model_free(light);
    sage_model_free(heavy);
}

static void what_reads_sentences_stays_or_learns(void **state) {
    (void)state;
    assert_true(is_as_begun("sentence_path=fixed"));
    assert_false(is_as_begun("sentence_path=learned"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_reads_sentences_stays_or_learns),
                                       cmocka_unit_test(sentences_beside_do_not_change_the_model)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
