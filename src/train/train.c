/* The loop. A run is a sequence of steps with validations at fixed steps; everything that changes parameters depends on
 * the step's number alone. Checkpoints lie between steps and leave no trace in the numbers, so it does not matter how
 * often, or whether, a run was stopped. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/profile.h>
#include <kernels/peak.h>
#include <string.h>
#include <train/trainer.h>

static sage_status save(sage_trainer *trainer, sage_error *error) {
    static sage_stage stage = SAGE_STAGE("save a checkpoint");
    sage_status st = SAGE_OK;
    uint64_t began = sage_stage_begin();
    double began_s = sage_now_s();
    sage_checkpoint checkpoint = sage_trainer_checkpoint(trainer);
    SAGE_TRY(sage_train_metrics_sync(&trainer->metrics, error));
    SAGE_TRY(sage_checkpoint_save(trainer->checkpoint_path, &checkpoint, error));
    trainer->saved_s = sage_now_s();
    trainer->progress.other_s += trainer->saved_s - began_s;
    sage_stage_end(&stage, began, trainer->need.parameters + trainer->need.moments + trainer->need.averages, 0);
out:
    return st;
}

/* ---- beginning ---- */

static sage_status start_afresh(sage_trainer *trainer, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_fs_unlink(trainer->checkpoint_path, error));
    SAGE_TRY(sage_fs_unlink(trainer->best_path, error));
    SAGE_TRY(sage_fs_unlink(trainer->metrics_path, error));
    SAGE_TRY(sage_run_write(trainer->run_path, trainer->identity, sage_pool_threads(trainer->pool), NULL, error));
out:
    return st;
}

/* A checkpoint that counts on a best model which is gone cannot be finished. */
static bool best_is_there(const sage_trainer *trainer) {
    return trainer->state.best_step == 0 || sage_fs_exists(trainer->best_path);
}

static sage_status resume(sage_trainer *trainer, bool *resumed, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_checkpoint checkpoint = sage_trainer_checkpoint(trainer);
    SAGE_TRY(sage_checkpoint_load(trainer->checkpoint_path, &checkpoint, resumed, error));
    if (*resumed && !best_is_there(trainer))
        SAGE_TRY(sage_fail_at(error, SAGE_E_STATE, trainer->best_path, 0, 0,
                              "the best model of the unfinished training is missing; delete %s to train from the "
                              "beginning",
                              trainer->checkpoint_path));
    if (*resumed)
        sage_note(trainer->monitor, "going on with the unfinished training after step %llu",
                  (unsigned long long)trainer->state.step);
out:
    return st;
}

/* With all that is published of it: clearing up after publishing may have been stopped half-way. */
static bool is_finished(const sage_trainer *trainer, sage_run_found found) {
    return found == SAGE_RUN_FINISHED && sage_fs_exists(trainer->best_path) && sage_fs_exists(trainer->metrics_path);
}

static sage_status begin(sage_trainer *trainer, sage_run_found found, const char *difference, sage_error *error) {
    sage_status st = SAGE_OK;
    bool resumed = false;
    const char *advice = sage_gemm_advice();
    if (advice != NULL) sage_warn(trainer->monitor, "%s", advice);
    trainer->resumes = found == SAGE_RUN_SAME && sage_fs_exists(trainer->checkpoint_path);
    SAGE_TRY(sage_trainer_build(trainer, error));
    if (found == SAGE_RUN_SAME) SAGE_TRY(resume(trainer, &resumed, error));
    if (found == SAGE_RUN_OTHER)
        sage_note(trainer->monitor, "the unfinished training was of other settings or data (%s); starting afresh",
                  difference);
    if (!resumed && trainer->bank != NULL && !trainer->bank->kept)
        SAGE_TRY(sage_bank_fill(trainer->bank, trainer->dataset, trainer->model, trainer->pool, error));
    if (!resumed) SAGE_TRY(start_afresh(trainer, error));
    SAGE_TRY(sage_train_metrics_open(&trainer->metrics, trainer->metrics_path, trainer->state.step,
                                     trainer->state.evaluated, error));
    if (sage_sampler_cold_start(trainer->sampler))
        sage_note(trainer->monitor, "cold start: no usable event, so all pairs are made from the catalogue");
    trainer->began_s = trainer->saved_s = sage_now_s();
    sage_train_progress_begin(&trainer->progress, trainer->monitor, trainer->settings.steps);
out:
    return st;
}

/* ---- the loop ---- */

static bool evaluation_is_due(const sage_trainer *trainer) {
    uint64_t step = trainer->state.step;
    if (step == 0 || trainer->state.evaluated == step) return false;
    return step % trainer->settings.eval_every == 0 || step == trainer->settings.steps || trainer->time_is_up;
}

static bool finished(const sage_trainer *trainer) {
    const sage_train_settings *settings = &trainer->settings;
    if (trainer->state.step >= settings->steps || trainer->time_is_up) return true;
    return settings->patience > 0 && trainer->state.evaluations_without_gain >= settings->patience;
}

static void look_at_the_clock(sage_trainer *trainer) {
    double minutes = (sage_now_s() - trainer->began_s) / 60;
    trainer->time_is_up = trainer->settings.minutes > 0 && minutes >= trainer->settings.minutes;
}

static sage_status loop(sage_trainer *trainer, sage_error *error) {
    sage_status st = SAGE_OK;
    for (;;) {
        SAGE_TRY(sage_check_cancel(trainer->monitor, "train", error));
        if (evaluation_is_due(trainer)) SAGE_TRY(sage_trainer_evaluate(trainer, error));
        if (finished(trainer)) break;
        SAGE_TRY(sage_trainer_step(trainer, error));
        look_at_the_clock(trainer);
        if (sage_now_s() - trainer->saved_s >= trainer->settings.checkpoint_every_s) SAGE_TRY(save(trainer, error));
    }
out:
    return st;
}

/* ---- the end ---- */

static sage_status finish(sage_trainer *trainer, sage_train_result *result, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_train_state *state = &trainer->state;
    *result = (sage_train_result){.steps = state->step,
                                  .best_step = state->best_step,
                                  .best_recall10 = state->best_recall10,
                                  .seconds = sage_now_s() - trainer->began_s,
                                  .examples_per_s = sage_train_progress_speed(&trainer->progress),
                                  .cold_start = sage_sampler_cold_start(trainer->sampler)};
    if (state->step < trainer->settings.steps)
        sage_note(trainer->monitor, "stopped after step %llu of %llu: %s", (unsigned long long)state->step,
                  (unsigned long long)trainer->settings.steps,
                  trainer->time_is_up ? "the time given is over" : "validation recall no longer rises");
    SAGE_TRY(sage_train_metrics_sync(&trainer->metrics, error));
    SAGE_TRY(sage_run_write(trainer->run_path, trainer->identity, sage_pool_threads(trainer->pool), result, error));
    SAGE_TRY(sage_fs_unlink(trainer->checkpoint_path, error));
    sage_ticker_end(&trainer->progress.ticker, state->step);
out:
    return st;
}

/* Cancelled: saved, and it stays cancelled, unless saving itself fails. */
static sage_status save_and_stop(sage_trainer *trainer, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(save(trainer, error));
    st = sage_fail(error, SAGE_E_CANCELLED, "training stopped on request after step %llu; 'train' goes on from there",
                   (unsigned long long)trainer->state.step);
out:
    return st;
}

sage_status sage_train_run(const sage_dataset *dataset, const sage_options *options, const sage_train_start *start,
                           sage_pool *pool, const char *work_dir, sage_validate_fn validate, void *validate_ctx,
                           size_t validate_vectors, const sage_monitor *monitor, sage_train_result *result,
                           sage_error *error) {
    sage_status st = SAGE_OK;
    sage_run_found found;
    char difference[160] = "";
    sage_trainer *trainer = sage_alloc_zero(1, sizeof *trainer);
    if (trainer == NULL) return sage_fail_memory(error, sizeof *trainer);
    trainer->dataset = dataset;
    trainer->options = options;
    if (start != NULL) trainer->start = *start;
    trainer->pool = pool;
    trainer->validate = validate;
    trainer->validate_ctx = validate_ctx;
    trainer->validate_vectors = validate_vectors;
    trainer->monitor = monitor;
    trainer->metrics.fd = -1;
    SAGE_TRY(sage_trainer_identify(trainer, work_dir, error));
    SAGE_TRY(sage_run_read(trainer->run_path, trainer->identity, &found, difference, result, error));
    if (is_finished(trainer, found)) {
        sage_note(monitor, "this training had already finished after step %llu", (unsigned long long)result->steps);
        SAGE_TRY(sage_fs_unlink(trainer->checkpoint_path, error));
        goto out;
    }
    SAGE_TRY(begin(trainer, found, difference, error));
    st = loop(trainer, error);
    if (st == SAGE_E_CANCELLED) st = save_and_stop(trainer, error);
    if (st == SAGE_OK) st = finish(trainer, result, error);
out:
    sage_trainer_release(trainer);
    sage_free(trainer);
    return st;
}

bool sage_train_unfinished(const char *work_dir) {
    char path[SAGE_PATH_MAX];
    return sage_path_join(path, work_dir, "checkpoint.safetensors", NULL) == SAGE_OK && sage_fs_exists(path);
}
