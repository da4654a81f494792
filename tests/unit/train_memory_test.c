/* What a run will need, and what is done where it may not have it. */
#include "support/training_ground.h"
#include <train/trainer.h>

/* A plan as sage_train_run makes it; free with drop. */
static sage_trainer plan_with(const char *const *settings) {
    sage_trainer trainer = {.dataset = dataset, .options = tiny_options(settings), .validate_vectors = 200};
    sage_error error = {0};
    trainer.metrics.fd = -1;
    tiny_must(sage_trainer_plan(&trainer, &error), &error, "plan");
    return trainer;
}

static void drop(sage_trainer *trainer) {
    sage_options *options;
    memcpy(&options, &trainer->options, sizeof options); /* ours, though the trainer may not write to it */
    sage_trainer_release(trainer);
    sage_options_free(options);
}

static void needs_add_up_and_grow_with_what_they_follow_from(void **state) {
    (void)state;
    static const char *const averaged[] = {"average=0.9", NULL}, *const wide[] = {"batch=32", "negatives=32", NULL};
    sage_trainer plain = plan_with(NULL), with_average = plan_with(averaged), larger = plan_with(wide);
    const sage_train_need *need = &plain.need;
    const sage_model_shape *shape = &plain.load.shape;
    size_t reals = plain.load.dense_size + shape->rows * shape->dim_embed + shape->vocab * shape->hashes;
    assert_int_equal(need->parameters, reals * sizeof(real));
    assert_int_equal(need->moments, 2 * need->parameters);
    assert_int_equal(need->averages, 0);
    assert_int_equal(need->total, need->parameters + need->moments + need->gradients + need->work + need->batches +
                                      need->validation + need->rest);
    assert_true(need->validation >= 200 * TINY_DIM * sizeof(float));
    assert_true(with_average.need.averages > need->parameters);
    assert_int_equal(with_average.need.total, need->total + with_average.need.averages);
    assert_true(larger.need.work > need->work && larger.need.batches > need->batches);
    assert_int_equal(larger.need.parameters, need->parameters);
    drop(&plain);
    drop(&with_average);
    drop(&larger);
}

/* The model that is made has the size that was said. */
static void the_plan_knows_the_model_before_it_is_made(void **state) {
    (void)state;
    sage_trainer trainer = plan_with(NULL);
    sage_model *model = NULL;
    assert_int_equal(sage_model_new(&trainer.load.shape, trainer.options, sage_dataset_vocab(dataset), 1, &model, NULL),
                     SAGE_OK);
    assert_int_equal(sage_model_dense_size(model), trainer.load.dense_size);
    sage_model_free(model);
    drop(&trainer);
}

static void later_batches_stay_within_the_bound(void **state) {
    (void)state;
    sage_trainer trainer = plan_with(NULL);
    for (uint64_t step = 1; step < 300; step++) {
        const sage_batch *batch;
        assert_int_equal(sage_sampler_batch(trainer.sampler, step, &batch, NULL), SAGE_OK);
        size_t tokens = batch->token_begin[batch->n_pairs + batch->n_random];
        assert_true(tokens <= trainer.load.text_bags);
        assert_true(batch->bag_begin[tokens] + batch->query_begin[batch->n_pairs] <= trainer.load.ids);
    }
    drop(&trainer);
}

static void the_largest_batch_that_fits(void **state) {
    (void)state;
    static const char *const large[] = {"batch=120", "negatives=60", NULL};
    sage_trainer trainer = plan_with(large);
    const sage_train_load *load = &trainer.load;
    assert_int_equal(sage_train_pairs_that_fit(load, SIZE_MAX), 120);
    assert_int_equal(sage_train_pairs_that_fit(load, trainer.need.total), 120);
    assert_int_equal(sage_train_pairs_that_fit(load, trainer.need.total - 1), 64); /* in steps of 64 from there on */
    assert_int_equal(sage_train_pairs_that_fit(load, trainer.need.parameters), 0);
    size_t fixed = trainer.need.total - trainer.need.work - trainer.need.batches, before = 0;
    for (size_t limit = fixed; limit < trainer.need.total; limit += (trainer.need.total - fixed) / 50) {
        size_t pairs = sage_train_pairs_that_fit(load, limit);
        assert_true(pairs >= before && pairs <= 64);
        before = pairs;
    }
    assert_int_equal(before, 64);
    drop(&trainer);
}

static void a_need_beyond_all_addresses_does_not_wrap(void **state) {
    (void)state;
    sage_trainer trainer = plan_with(NULL);
    sage_train_load load = trainer.load;
    sage_train_need need;
    load.shape.rows = SIZE_MAX / 8;
    sage_train_need_of(&load, &need);
    assert_true(need.total == SIZE_MAX);
    assert_int_equal(sage_train_pairs_that_fit(&load, SIZE_MAX - 1), 0);
    drop(&trainer);
}

static const char *memory_of(size_t bytes) {
    static char text[48];
    snprintf(text, sizeof text, "memory=%zu", bytes);
    return text;
}

static void an_automatic_batch_is_halved_until_it_fits(void **state) {
    (void)state;
    const char *settings[] = {"batch=auto", "negatives=auto", NULL, NULL};
    sage_trainer whole = plan_with(settings);
    assert_int_equal(whole.load.n_pairs, TINY_PRODUCTS);
    settings[2] = memory_of(whole.need.total - 1);
    sage_trainer half = plan_with(settings);
    assert_int_equal(half.load.n_pairs, TINY_PRODUCTS / 2);
    assert_int_equal(half.settings.batch, TINY_PRODUCTS / 2);
    assert_true(half.need.total < whole.need.total);
    assert_int_equal(sage_trainer_check_memory(&half, NULL), SAGE_OK);
    settings[2] = memory_of(1000000);
    sage_trainer none = plan_with(settings);
    assert_int_equal(sage_trainer_check_memory(&none, NULL), SAGE_E_LIMIT);
    drop(&whole);
    drop(&half);
    drop(&none);
}

static sage_status train_with(const char *const *settings, sage_error *error) {
    sage_options *options = tiny_options(settings);
    sage_train_result result;
    sage_status st = sage_train_run(dataset, options, NULL, NULL, scratch_path(dir, "work"), tiny_validate, dataset, 0,
                                    NULL, &result, error);
    sage_options_free(options);
    return st;
}

static void training_does_not_start_where_it_needs_too_much(void **state) {
    (void)state;
    const char *settings[] = {"batch=120", "negatives=60", NULL, NULL};
    sage_trainer trainer = plan_with(settings);
    sage_error error = {0};
    size_t limit = trainer.need.total - trainer.need.validation - 1; /* the run below holds no vectors to validate */
    drop(&trainer);
    settings[2] = memory_of(limit);
    assert_int_equal(train_with(settings, &error), SAGE_E_LIMIT);
    assert_non_null(strstr(error.text, "batches of 120 + 120"));
    assert_non_null(strstr(error.text, "set batch=64 and negatives=32"));
    assert_false(sage_fs_exists(scratch_path(scratch_path(dir, "work"), "metrics.jsonl")));
    settings[2] = memory_of(1000000);
    assert_int_equal(train_with(settings, &error), SAGE_E_LIMIT);
    assert_non_null(strstr(error.text, "no batch fits"));
    settings[2] = memory_of(limit + 1);
    assert_int_equal(train_with(settings, &error), SAGE_OK);
}

/* With a feeder, and two workers: buffers only grow, and after some hundred steps they have grown. */
static void steps_allocate_nothing_once_sizes_have_settled(void **state) {
    (void)state;
    static const char *const settings[] = {"steps=1000", "average=0.9", "clip=0.1", NULL};
    sage_pool *pool = NULL;
    sage_error error = {0};
    tiny_must(sage_pool_new(2, &pool, &error), &error, "pool");
    sage_trainer trainer = {.dataset = dataset, .options = tiny_options(settings), .pool = pool};
    trainer.metrics.fd = -1;
    tiny_must(sage_trainer_identify(&trainer, scratch_path(dir, "settled"), &error), &error, "identify");
    tiny_must(sage_trainer_build(&trainer, &error), &error, "build");
    tiny_must(sage_train_metrics_open(&trainer.metrics, trainer.metrics_path, 0, 0, &error), &error, "metrics");
    sage_train_progress_begin(&trainer.progress, NULL, trainer.settings.steps);
    for (int step = 0; step < 400; step++) tiny_must(sage_trainer_step(&trainer, &error), &error, "step");
    sage_alloc_fail_from(0);
    for (int step = 0; step < 200; step++) tiny_must(sage_trainer_step(&trainer, &error), &error, "step");
    assert_int_equal(sage_alloc_fail_from(0), 0);
    assert_true(sage_work_bytes(trainer.work) <= trainer.need.work);
    drop(&trainer);
    sage_pool_free(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(needs_add_up_and_grow_with_what_they_follow_from),
        cmocka_unit_test(the_plan_knows_the_model_before_it_is_made),
        cmocka_unit_test(later_batches_stay_within_the_bound),
        cmocka_unit_test(the_largest_batch_that_fits),
        cmocka_unit_test(a_need_beyond_all_addresses_does_not_wrap),
        cmocka_unit_test(an_automatic_batch_is_halved_until_it_fits),
        cmocka_unit_test(training_does_not_start_where_it_needs_too_much),
        cmocka_unit_test(steps_allocate_nothing_once_sizes_have_settled),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
