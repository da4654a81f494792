/* The trainer: it learns, and how often it was stopped does not show in a single bit. */
#include "support/training_ground.h"
#include <io/json.h>
#include <math.h>

typedef struct run {
    const char *name;
    const char *const *settings;
    sage_pool *pool;
    sage_validate_fn validate;
    void *ctx;
    size_t vectors;
    const sage_monitor *monitor;
    sage_train_result result;
    sage_error error;
} run;

static sage_status train(run *r) {
    sage_options *options = tiny_options(r->settings);
    const char *work = scratch_path(dir, r->name);
    r->error = (sage_error){0};
    sage_status st = sage_train_run(dataset, options, NULL, r->pool, work, r->validate ? r->validate : tiny_validate,
                                    r->validate ? r->ctx : dataset, r->vectors, r->monitor, &r->result, &r->error);
    sage_options_free(options);
    return st;
}

static const char *in_run(const char *name, const char *file) {
    return scratch_path(scratch_path(dir, name), file);
}

static void expect_same_run(const char *a, const char *b) {
    size_t n;
    char *best = scratch_read(in_run(a, "best.safetensors"), &n);
    assert_non_null(best);
    assert_true(scratch_holds(in_run(b, "best.safetensors"), best, n));
    sage_free(best);
    char *x = tiny_read_metrics(in_run(a, "metrics.jsonl")), *y = tiny_read_metrics(in_run(b, "metrics.jsonl"));
    assert_string_equal(x, y);
    sage_free(x);
    sage_free(y);
}

/* ---- stopping at a step ---- */

typedef struct stopper {
    uint64_t at;
    volatile sig_atomic_t stop;
    char notes[4096];
} stopper;

/* The run stops itself through its validation: progress is thinned out by the clock, validations are not. */
static stopper stopping;

static void keep_notes(void *ctx, sage_message_level level, const char *text) {
    stopper *s = ctx;
    (void)level;
    size_t used = strlen(s->notes);
    snprintf(s->notes + used, sizeof s->notes - used, "%s\n", text);
}

static sage_status validate_and_stop(void *ctx, const sage_model *model, sage_recalls *recalls, sage_error *error) {
    stopping.stop = 1;
    return tiny_validate(ctx, model, recalls, error);
}

static sage_status validate_cancelled(void *ctx, const sage_model *model, sage_recalls *recalls, sage_error *error) {
    (void)ctx;
    (void)model;
    (void)recalls;
    if (error) error->code = SAGE_E_CANCELLED;
    return SAGE_E_CANCELLED;
}

/* ---- tests ---- */

static double mean_loss(const char *name, size_t from, size_t to) {
    size_t n, line_number = 0;
    double sum = 0;
    char *data = scratch_read(in_run(name, "metrics.jsonl"), &n);
    assert_non_null(data);
    for (char *line = strtok(data, "\n"); line; line = strtok(NULL, "\n")) {
        json_t *root = NULL;
        assert_int_equal(sage_json_parse(line, strlen(line), "line", &root, NULL), SAGE_OK);
        if (json_object_get(root, "step") && line_number++ >= from && line_number <= to)
            sum += json_real_value(json_object_get(root, "loss"));
        json_decref(root);
    }
    assert_int_equal(line_number, 40);
    sage_free(data);
    return sum / (double)(to - from);
}

static void the_loss_falls_and_the_best_is_kept(void **state) {
    (void)state;
    run r = {.name = "learns"};
    assert_int_equal(train(&r), SAGE_OK);
    assert_int_equal(r.result.steps, 40);
    assert_true(r.result.best_step % 10 == 0 && r.result.best_step > 0);
    assert_false(r.result.cold_start);
    assert_true(mean_loss("learns", 30, 40) < 0.9 * mean_loss("learns", 0, 10));
    sage_model *best = NULL;
    sage_recalls recalls = {.recall10 = 0};
    assert_int_equal(sage_model_load(in_run("learns", "best.safetensors"), &best, NULL), SAGE_OK);
    assert_int_equal(tiny_validate(dataset, best, &recalls, NULL), SAGE_OK);
    assert_true(recalls.recall10 == r.result.best_recall10);
    sage_model_free(best);
    assert_false(sage_train_unfinished(scratch_path(dir, "learns")));
}

static void two_runs_give_the_same_bits(void **state) {
    (void)state;
    static const char *const often[] = {"checkpoint_every=0", NULL};
    run r = {.name = "twice-a"}, other = {.name = "twice-b", .settings = often};
    assert_int_equal(train(&r), SAGE_OK);
    assert_int_equal(train(&other), SAGE_OK);
    expect_same_run("twice-a", "twice-b");
    static const char *const another_seed[] = {"train_seed=5", NULL};
    run third = {.name = "twice-c", .settings = another_seed};
    assert_int_equal(train(&third), SAGE_OK);
    size_t n;
    char *best = scratch_read(in_run("twice-a", "best.safetensors"), &n);
    assert_false(scratch_holds(in_run("twice-c", "best.safetensors"), best, n));
    sage_free(best);
}

/* Whatever number of threads each part of it has. */
static void resumed_runs_give_the_same_bits(void **state) {
    (void)state;
    static const char *const plain[] = {NULL}, *const bf16[] = {"precision=bf16", "batch=100", NULL},
                             *const averaged[] = {"average=0.9", "clip=0.5", "weight_decay=0.1", NULL};
    const char *const *const kinds[] = {plain, averaged, bf16};
    sage_pool *pools[3];
    for (size_t i = 0; i < 3; i++) assert_int_equal(sage_pool_new(i + 1, &pools[i], NULL), SAGE_OK);
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
        const char *const *settings = kinds[kind];
        run whole = {.name = "whole", .settings = settings, .pool = pools[kind % 3]};
        assert_int_equal(train(&whole), SAGE_OK);
        sage_monitor monitor = {.ctx = &stopping, .message = keep_notes, .cancel = &stopping.stop};
        run parts = {.name = "parts", .settings = settings, .ctx = dataset, .monitor = &monitor};
        int stops = 0;
        for (sage_status st = SAGE_E_CANCELLED; st != SAGE_OK; stops++) {
            stopping.stop = 0;
            stopping.notes[0] = '\0';
            parts.pool = pools[stops % 3];
            /* after every validation, and within one (it is done again then) */
            parts.validate = stops % 2 ? validate_and_stop : validate_cancelled;
            st = train(&parts);
            assert_true(st == SAGE_OK || st == SAGE_E_CANCELLED);
            assert_true((st == SAGE_E_CANCELLED) == sage_train_unfinished(scratch_path(dir, "parts")));
            if (stops > 0) assert_non_null(strstr(stopping.notes, "going on"));
        }
        assert_true(stops > 6);
        expect_same_run("whole", "parts");
        assert_true(whole.result.best_step == parts.result.best_step);
        scratch_remove(scratch_path(dir, "whole"));
        scratch_remove(scratch_path(dir, "parts"));
    }
    for (size_t i = 0; i < 3; i++) sage_pool_free(pools[i]);
}

static void other_settings_start_afresh(void **state) {
    (void)state;
    static const char *const first[] = {"lr=0.002", NULL}, *const second[] = {"lr=0.003", NULL};
    sage_monitor monitor = {.ctx = &stopping, .message = keep_notes, .cancel = &stopping.stop};
    stopping = (stopper){0};
    run r = {.name = "afresh", .settings = first, .validate = validate_and_stop, .ctx = dataset, .monitor = &monitor};
    assert_int_equal(train(&r), SAGE_E_CANCELLED);
    stopping = (stopper){0};
    r.settings = second;
    r.validate = NULL;
    assert_int_equal(train(&r), SAGE_OK);
    assert_non_null(strstr(stopping.notes, "lr was \"0.002\" and is \"0.003\""));
    run direct = {.name = "direct", .settings = second};
    assert_int_equal(train(&direct), SAGE_OK);
    expect_same_run("afresh", "direct");
}

static void another_precision_starts_afresh(void **state) {
    (void)state;
    static const char *const bf16[] = {"precision=bf16", NULL};
    sage_monitor monitor = {.ctx = &stopping, .message = keep_notes, .cancel = &stopping.stop};
    stopping = (stopper){0};
    run r = {.name = "precise", .validate = validate_and_stop, .ctx = dataset, .monitor = &monitor};
    assert_int_equal(train(&r), SAGE_E_CANCELLED);
    stopping = (stopper){0};
    r.settings = bf16;
    r.validate = NULL;
    assert_int_equal(train(&r), SAGE_OK);
    assert_non_null(strstr(stopping.notes, "precision was \"f32\" and is \"bf16\""));
    run direct = {.name = "rounded", .settings = bf16}, plain = {.name = "unrounded"};
    assert_int_equal(train(&direct), SAGE_OK);
    expect_same_run("precise", "rounded");
    size_t n;
    assert_int_equal(train(&plain), SAGE_OK);
    char *best = scratch_read(in_run("unrounded", "best.safetensors"), &n);
    assert_false(scratch_holds(in_run("rounded", "best.safetensors"), best, n));
    sage_free(best);
}

static void a_finished_run_answers_at_once(void **state) {
    (void)state;
    run r = {.name = "finished"};
    assert_int_equal(train(&r), SAGE_OK);
    sage_train_result first = r.result;
    r.validate = validate_cancelled; /* is not asked again */
    assert_int_equal(train(&r), SAGE_OK);
    assert_true(r.result.best_step == first.best_step && r.result.steps == first.steps &&
                r.result.best_recall10 == first.best_recall10);
}

/* Files of a run that was published are removed in any order, and that may be stopped. */
static void a_finished_run_that_is_no_longer_whole_starts_afresh(void **state) {
    (void)state;
    static const char *const files[] = {"metrics.jsonl", "best.safetensors", "run.json"};
    run whole = {.name = "whole"};
    assert_int_equal(train(&whole), SAGE_OK);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        run r = {.name = "half-gone"};
        assert_int_equal(train(&r), SAGE_OK);
        assert_int_equal(sage_fs_unlink(in_run("half-gone", files[i]), NULL), SAGE_OK);
        assert_int_equal(train(&r), SAGE_OK);
        expect_same_run("whole", "half-gone");
    }
}

static sage_status falling(void *ctx, const sage_model *model, sage_recalls *recalls, sage_error *error) {
    (void)model;
    (void)error;
    int *calls = ctx;
    recalls->recall10 = 1.0 / ++*calls;
    return SAGE_OK;
}

static void patience_ends_a_run_that_no_longer_gains(void **state) {
    (void)state;
    static const char *const settings[] = {"patience=2", "eval_every=5", NULL};
    int calls = 0;
    run r = {.name = "patience", .settings = settings, .validate = falling, .ctx = &calls};
    assert_int_equal(train(&r), SAGE_OK);
    assert_int_equal(r.result.steps, 15);
    assert_int_equal(r.result.best_step, 5);
    assert_int_equal(calls, 3);
}

static void the_time_limit_ends_a_run_properly(void **state) {
    (void)state;
    static const char *const settings[] = {"minutes=1e-9", NULL};
    run r = {.name = "minutes", .settings = settings};
    assert_int_equal(train(&r), SAGE_OK);
    assert_int_equal(r.result.steps, 1);
    assert_int_equal(r.result.best_step, 1);
    assert_true(sage_fs_exists(in_run("minutes", "best.safetensors")));
}

static sage_status poison(void *ctx, const sage_model *model, sage_recalls *recalls, sage_error *error) {
    (void)ctx;
    (void)error;
    sage_model *writable;
    memcpy(&writable, &model, sizeof writable);
    sage_model_dense(writable)[0] = NAN;
    for (size_t i = 0; i < sage_model_dense_size(writable); i++) sage_model_dense(writable)[i] = NAN;
    recalls->recall10 = 0.5;
    return SAGE_OK;
}

static void a_loss_that_is_no_number_stops_the_run(void **state) {
    (void)state;
    static const char *const settings[] = {"checkpoint_every=0", NULL};
    run r = {.name = "nan", .settings = settings, .validate = poison};
    assert_int_equal(train(&r), SAGE_E_STATE);
    assert_non_null(strstr(r.error.text, "step 11"));
    assert_non_null(strstr(r.error.text, "lower lr"));
    assert_true(sage_train_unfinished(scratch_path(dir, "nan"))); /* the checkpoint of step 10 */
    r.validate = NULL;
    assert_int_equal(train(&r), SAGE_OK);
    run sound = {.name = "sound", .settings = settings};
    assert_int_equal(train(&sound), SAGE_OK);
    expect_same_run("nan", "sound");
}

static void a_damaged_checkpoint_is_refused(void **state) {
    (void)state;
    sage_monitor monitor = {.ctx = &stopping, .message = keep_notes, .cancel = &stopping.stop};
    stopping = (stopper){0};
    run r = {.name = "damaged", .validate = validate_and_stop, .ctx = dataset, .monitor = &monitor};
    assert_int_equal(train(&r), SAGE_E_CANCELLED);
    size_t n, json = 0;
    char path[SAGE_PATH_MAX];
    snprintf(path, sizeof path, "%s", in_run("damaged", "checkpoint.safetensors"));
    char *bytes = scratch_read(path, &n);
    assert_non_null(bytes);
    memcpy(&json, bytes, 4);
    r.monitor = NULL;
    for (size_t part = 0; part < 12; part++) { /* in the data: anywhere; a byte of the header: at its beginning */
        size_t at = part == 0 ? 3 : 8 + json + part * ((n - 8 - json) / 13);
        bytes[at] ^= 0x40;
        scratch_write(path, bytes, n);
        bytes[at] ^= 0x40;
        assert_int_equal(train(&r), SAGE_E_FORMAT);
        assert_non_null(strstr(r.error.text, "delete it"));
    }
    scratch_write(path, bytes, n / 2);
    assert_int_equal(train(&r), SAGE_E_FORMAT);
    scratch_write(path, bytes, n);
    sage_free(bytes);
    r.validate = NULL;
    assert_int_equal(train(&r), SAGE_OK);
}

static void a_damaged_run_file_costs_nothing(void **state) {
    (void)state;
    sage_monitor monitor = {.ctx = &stopping, .message = keep_notes, .cancel = &stopping.stop};
    stopping = (stopper){0};
    run r = {.name = "torn", .validate = validate_and_stop, .ctx = dataset, .monitor = &monitor};
    assert_int_equal(train(&r), SAGE_E_CANCELLED);
    scratch_write(in_run("torn", "run.json"), "{\"format\": 1, \"ident", 21);
    stopping = (stopper){0};
    r.validate = NULL;
    assert_int_equal(train(&r), SAGE_OK);
    assert_non_null(strstr(stopping.notes, "going on"));
}

static void without_events_it_is_a_cold_start(void **state) {
    (void)state;
    char other[SAGE_PATH_MAX];
    scratch_make(other);
    sage_dataset *cold = tiny_dataset(other, false);
    sage_options *options = tiny_options(NULL);
    sage_train_result result;
    stopping = (stopper){0};
    sage_monitor monitor = {.ctx = &stopping, .message = keep_notes};
    assert_int_equal(sage_train_run(cold, options, NULL, NULL, scratch_path(other, "work"), tiny_validate, cold, 0,
                                    &monitor, &result, NULL),
                     SAGE_OK);
    assert_true(result.cold_start);
    assert_non_null(strstr(stopping.notes, "cold start"));
    sage_options_free(options);
    sage_dataset_close(cold);
    scratch_remove(other);
}

static void a_failed_allocation_is_an_error(void **state) {
    (void)state;
    static const char *const settings[] = {"steps=2", "eval_every=1", "average=0.9", "checkpoint_every=0", NULL};
    sage_options *options = tiny_options(settings);
    char work[SAGE_PATH_MAX];
    snprintf(work, sizeof work, "%s", scratch_path(dir, "memory"));
    for (unsigned long n = 1;; n += 1 + n / 20) {
        sage_train_result result;
        sage_error error = {0};
        sage_alloc_fail_from(n);
        sage_status st =
            sage_train_run(dataset, options, NULL, NULL, work, tiny_validate, dataset, 0, NULL, &result, &error);
        unsigned long made = sage_alloc_fail_from(0);
        if (st == SAGE_OK && made < n) break;
        if (st != SAGE_E_MEMORY) fail_msg("allocation %lu: %s: %s", n, sage_status_name(st), error.text);
    }
    sage_options_free(options);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_loss_falls_and_the_best_is_kept),
        cmocka_unit_test(two_runs_give_the_same_bits),
        cmocka_unit_test(resumed_runs_give_the_same_bits),
        cmocka_unit_test(other_settings_start_afresh),
        cmocka_unit_test(another_precision_starts_afresh),
        cmocka_unit_test(a_finished_run_answers_at_once),
        cmocka_unit_test(a_finished_run_that_is_no_longer_whole_starts_afresh),
        cmocka_unit_test(patience_ends_a_run_that_no_longer_gains),
        cmocka_unit_test(the_time_limit_ends_a_run_properly),
        cmocka_unit_test(a_loss_that_is_no_number_stops_the_run),
        cmocka_unit_test(a_damaged_checkpoint_is_refused),
        cmocka_unit_test(a_damaged_run_file_costs_nothing),
        cmocka_unit_test(without_events_it_is_a_cold_start),
        cmocka_unit_test(a_failed_allocation_is_an_error),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
