/* Every call that training makes to change the file system, failed, stopped at, and stopped at with everything lost
 * that was not synced: the next run goes on, and ends with the same bits as one that was never disturbed. */
#include "support/test.h"
#include "support/tiny_training.h"

static const char *const settings[] = {"steps=2", "eval_every=2", "checkpoint_every=0", "average=0.9", "dim_ff=8",
                                       "batch=8", "negatives=8",  "table_rows=60",      "dim_head=8",  NULL};
static char dir[SAGE_PATH_MAX], work[SAGE_PATH_MAX];
static sage_dataset *dataset;

static bool run_training(void *ctx) {
    (void)ctx;
    sage_options *options = tiny_options(settings);
    sage_train_result result;
    sage_status st = sage_train_run(dataset, options, NULL, NULL, work, tiny_validate, dataset, 0, NULL, &result, NULL);
    sage_options_free(options);
    return st == SAGE_OK;
}

typedef struct outcome {
    char *best, *metrics;
    size_t best_bytes;
} outcome;

static outcome read_outcome(void) {
    outcome o = {0};
    o.best = scratch_read(scratch_path(work, "best.safetensors"), &o.best_bytes);
    o.metrics = tiny_read_metrics(scratch_path(work, "metrics.jsonl"));
    assert_non_null(o.best);
    assert_non_null(o.metrics);
    return o;
}

static void free_outcome(outcome *o) {
    sage_free(o->best);
    sage_free(o->metrics);
}

/* What is published later is the best model, so it must be whole at every moment. */
static void expect_whole_best(void) {
    sage_model *model = NULL;
    sage_error error = {0};
    const char *path = scratch_path(work, "best.safetensors");
    if (!sage_fs_exists(path)) return;
    tiny_must(sage_model_load(path, &model, &error), &error, "load the best model");
    sage_model_free(model);
}

static void expect_same(const outcome *wanted) {
    outcome got = read_outcome();
    assert_int_equal(got.best_bytes, wanted->best_bytes);
    assert_memory_equal(got.best, wanted->best, got.best_bytes);
    assert_string_equal(got.metrics, wanted->metrics);
    assert_false(sage_train_unfinished(work));
    free_outcome(&got);
}

static void training_survives_every_fault(void **state) {
    (void)state;
    uint64_t calls;
    assert_int_equal(fault_child(run_training, NULL, SAGE_FAULT_NONE, 0, &calls), FAULT_DONE);
    assert_true(calls > 20);
    outcome wanted = read_outcome();
    for (sage_fault_kind kind = SAGE_FAULT_ERROR; kind <= SAGE_FAULT_POWER_CUT; kind++)
        for (uint64_t at = 1; at <= calls; at++) {
            scratch_remove(work);
            int how = fault_child(run_training, NULL, kind, at, NULL);
            assert_int_equal(how == FAULT_KILLED, kind != SAGE_FAULT_ERROR);
            if (kind == SAGE_FAULT_ERROR && at < calls) assert_int_equal(how, FAULT_FAILED);
            expect_whole_best();
            assert_true(run_training(NULL));
            expect_same(&wanted);
        }
    free_outcome(&wanted);
}

static int make_dataset(void **state) {
    (void)state;
    scratch_make(dir);
    snprintf(work, sizeof work, "%s", scratch_path(dir, "work"));
    dataset = tiny_dataset(dir, true);
    return 0;
}

static int remove_dataset(void **state) {
    (void)state;
    sage_dataset_close(dataset);
    scratch_remove(dir);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(training_survives_every_fault)};
    return cmocka_run_group_tests(tests, make_dataset, remove_dataset);
}
