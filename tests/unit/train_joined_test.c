/* Training where pictures have the vectors of two encoders side by side: a group of the model for each. */
#include "support/test.h"
#include "support/tiny_training.h"
#include <catalog/store.h>
#include <math.h>
#include <model/batch.h>
#include <train/trainer.h>

enum { FIRST = 3, SECOND = 5, WIDTH = FIRST + SECOND, SEEN = 100 };

static char dir[SAGE_PATH_MAX], work[SAGE_PATH_MAX];
static sage_dataset *dataset;
static sage_error error;

static int setup(void **state) {
    (void)state;
    uint64_t id;
    scratch_make(dir);
    snprintf(work, sizeof work, "%s", scratch_path(dir, "work"));
    sage_catalog *catalog = tiny_catalog(dir);
    sage_options *options = tiny_options(NULL);
    tiny_import(catalog, dir, TINY_PRODUCTS, 0, 0, 0);
    tiny_import_events(catalog, dir, TINY_PRODUCTS);
    tiny_import_images(catalog, dir, SEEN, WIDTH);
    tiny_must(sage_db_exec(catalog->db,
                           "INSERT INTO encoders(encoder, identity, name, dim) VALUES(1, 'a', 'a', 3), (2, 'b', 'b', "
                           "5), (3, 'a,b', 'a,b', 8); UPDATE vector_files SET encoder = 3",
                           &error),
              &error, "encoders");
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

static const char *const settings[] = {"picture_share=0.5", "clip=0", "seed=3", NULL};

static void expect_groups(const sage_model_shape *shape) {
    assert_int_equal(shape->n_groups, 2);
    assert_int_equal(shape->groups[0].kind, SAGE_GROUP_PICTURES);
    assert_int_equal(shape->groups[0].dim, FIRST);
    assert_int_equal(shape->groups[1].kind, SAGE_GROUP_PICTURES);
    assert_int_equal(shape->groups[1].dim, SECOND);
}

/* Of a parameter in the dense arena. */
static double size_of(const sage_model *model, const char *name, const real *values) {
    size_t n;
    double sum = 0;
    const sage_param *params = sage_model_params(model, &n);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; strcmp(params[i].name, name) == 0 && k < params[i].rows * params[i].cols; k++)
            sum += (double)values[params[i].offset + k] * values[params[i].offset + k];
    return sqrt(sum);
}

/* Every parameter; what lies between them is nobody's. */
static void expect_same(const sage_model *model, const real *a, const real *b) {
    size_t n;
    const sage_param *params = sage_model_params(model, &n);
    for (size_t i = 0; i < n; i++)
        assert_memory_equal(a + params[i].offset, b + params[i].offset, params[i].rows * params[i].cols * sizeof *a);
}

/* The gradient of a batch whose groups a caller laid out. */
static real *gradient_of(const sage_trainer *trainer, const sage_batch *b) {
    size_t columns = b->n_pairs + b->n_random, n = b->image_begin[columns];
    const sage_product_batch products = {
        .n = columns,
        .token_begin = b->token_begin,
        .token_field = b->token_field,
        .text = {b->token_begin[columns], b->token_ids, b->bag_begin},
        .group = {{b->image_begin, b->images}, {b->image_begin, b->images + n * FIRST}}};
    const sage_query_batch queries = {.n_texts = b->n_texts,
                                      .n_pictures = b->n_pictures,
                                      .bags = {b->n_texts, b->query_ids, b->query_begin},
                                      .pictures = b->query_pictures};
    const sage_loss_spec spec = {.n_pairs = b->n_pairs,
                                 .n_random = b->n_random,
                                 .log_q = b->log_q,
                                 .mask = b->mask,
                                 .weight = b->weight,
                                 .task = b->task,
                                 .smoothing = (real)trainer->settings.smoothing,
                                 .teacher_weight = b->teacher_weight,
                                 .teacher_begin = b->teacher_begin,
                                 .teacher_column = b->teacher_column,
                                 .teacher_score = b->teacher_score};
    sage_work *scratch = NULL;
    sage_loss loss;
    real *gradient = malloc(sage_model_dense_size(trainer->model) * sizeof *gradient);
    assert_true(gradient != NULL && !b->full_catalogue);
    tiny_must(sage_work_new(NULL, SAGE_PRECISION_F32, &scratch, &error), &error, "work");
    tiny_must(sage_model_backward(trainer->model, scratch, &products, &queries, &spec, gradient, &loss, &error), &error,
              "backward");
    sage_work_free(scratch);
    return gradient;
}

static void each_part_is_planned_for_and_learns(void **state) {
    (void)state;
    sage_options *options = tiny_options(settings);
    sage_trainer trainer = {.dataset = dataset, .options = options};
    const sage_batch *batch;
    trainer.metrics.fd = -1;
    tiny_must(sage_trainer_identify(&trainer, work, &error), &error, "plan");
    expect_groups(&trainer.load.shape);
    tiny_must(sage_trainer_build(&trainer, &error), &error, "build");
    tiny_must(sage_sampler_batch(trainer.sampler, 0, &batch, &error), &error, "a batch");
    size_t columns = batch->n_pairs + batch->n_random, vectors = 2 * (size_t)batch->image_begin[columns];
    assert_true(vectors > 20 && trainer.load.vectors >= vectors);
    real *wanted = gradient_of(&trainer, batch);
    tiny_must(sage_train_metrics_open(&trainer.metrics, trainer.metrics_path, 0, 0, &error), &error, "metrics");
    tiny_must(sage_trainer_step(&trainer, &error), &error, "a step");
    expect_same(trainer.model, trainer.gradient, wanted);
    free(wanted);
    assert_true(size_of(trainer.model, "image.proj", trainer.gradient) > 1e-6);
    assert_true(size_of(trainer.model, "image2.proj", trainer.gradient) > 1e-6);
    sage_trainer_release(&trainer);
    sage_options_free(options);
}

/* As if a caller had split the vectors himself. */
static void validation_embeds_each_part_by_its_group(void **state) {
    (void)state;
    static float wanted[TINY_PRODUCTS * TINY_DIM], got[TINY_PRODUCTS * TINY_DIM], first[20 * FIRST],
        second[20 * SECOND];
    sage_options *options = tiny_options(settings);
    sage_model_shape shape;
    sage_model *model = NULL;
    sage_frozen *frozen = NULL;
    sage_batch_builder *builder = NULL;
    sage_product_batch batch;
    const sage_group groups[] = {{SAGE_GROUP_PICTURES, FIRST}, {SAGE_GROUP_PICTURES, SECOND}};
    const sage_vocab *vocab = sage_dataset_vocab(dataset);
    tiny_must(sage_model_shape_from_options(options, sage_vocab_size(vocab), 2, groups, &shape, &error), &error,
              "shape");
    tiny_must(sage_model_new(&shape, options, vocab, 1, &model, &error), &error, "model");
    tiny_must(sage_frozen_new(model, SAGE_PRECISION_F32, NULL, &frozen, &error), &error, "frozen");
    tiny_must(sage_batch_builder_new(&shape, &builder, &error), &error, "builder");
    for (size_t i = 0; i < TINY_PRODUCTS; i++) {
        sage_packed_product p;
        sage_dataset_product(dataset, i, &p);
        for (size_t k = 0; k < p.n_images; k++) {
            memcpy(first + k * FIRST, p.images + k * WIDTH, FIRST * sizeof *first);
            memcpy(second + k * SECOND, p.images + k * WIDTH + FIRST, SECOND * sizeof *second);
        }
        const sage_group_vectors split[] = {{.n = p.n_images, .vectors = first}, {.n = p.n_images, .vectors = second}};
        tiny_must(sage_batch_builder_add(builder, p.ids, p.begin, split, &error), &error, "add");
    }
    sage_batch_builder_batch(builder, &batch);
    assert_int_equal(batch.group[0].begin[TINY_PRODUCTS], SEEN);
    tiny_must(sage_frozen_products(frozen, &batch, wanted, &error), &error, "products");
    tiny_must(sage_train_embed_products(dataset, model, NULL, NULL, TINY_PRODUCTS, got, &error), &error, "embed");
    assert_memory_equal(got, wanted, sizeof got);
    sage_batch_builder_free(builder);
    sage_frozen_free(frozen);
    sage_model_free(model);
    sage_options_free(options);
}

static void a_trained_model_has_both_groups(void **state) {
    (void)state;
    sage_options *options = tiny_options(settings);
    sage_train_result result;
    sage_model *model = NULL;
    tiny_must(sage_train_run(dataset, options, NULL, NULL, work, tiny_validate, dataset, 0, NULL, &result, &error),
              &error, "train");
    tiny_must(sage_model_load(scratch_path(work, "best.safetensors"), &model, &error), &error, "load");
    expect_groups(sage_model_shape_of(model));
    sage_model_free(model);
    sage_options_free(options);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_part_is_planned_for_and_learns),
        cmocka_unit_test(validation_embeds_each_part_by_its_group),
        cmocka_unit_test(a_trained_model_has_both_groups),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
