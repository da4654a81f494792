/* Everything a run holds; the inside of sage_train_run. */
#ifndef SAGE_TRAIN_TRAINER_H
#define SAGE_TRAIN_TRAINER_H

#include <dataset/tokens.h>
#include <io/fs.h>
#include <train/checkpoint.h>
#include <train/feeder.h>
#include <train/memory.h>
#include <train/metrics.h>
#include <train/progress.h>
#include <train/run_file.h>

typedef struct sage_trainer {
    /* the caller's */
    const sage_dataset *dataset;
    const sage_options *options;
    sage_train_start start;
    sage_pool *pool;
    sage_validate_fn validate;
    void *validate_ctx;
    size_t validate_vectors;
    const sage_monitor *monitor;

    sage_train_settings settings;
    sage_train_load load;
    sage_train_need need;
    char checkpoint_path[SAGE_PATH_MAX], run_path[SAGE_PATH_MAX], metrics_path[SAGE_PATH_MAX], best_path[SAGE_PATH_MAX];
    json_t *identity;
    char *identity_text;

    sage_tokens tokens;
    sage_sampler *sampler;
    sage_feeder *feeder;
    sage_model *model;
    sage_work *work;
    real *gradient; /* of the dense arena */
    real *weight;   /* [pairs of a batch] the batch's, 0 where the model reads nothing of the product */
    sage_optimiser *optimiser;
    sage_average *average; /* NULL: off */
    sage_bank *bank;       /* NULL: no batch asks for vectors of products */
    const real *log_temperature;

    sage_train_state state;
    sage_train_metrics metrics;
    sage_train_progress progress;
    double began_s, saved_s;           /* monotonic clock: this call's begin, its last checkpoint */
    bool time_is_up, gave_up, resumes; /* resumes: the work directory's checkpoint will be loaded */
} sage_trainer;

/* Paths, sampler, settings and identity: enough to know what a work directory holds. */
sage_status sage_trainer_identify(sage_trainer *trainer, const char *work_dir, sage_error *error);
/* Sampler, settings, and what they will need. Where the batch is the program's to choose, it is halved until all fits
 * into the memory allowed. */
sage_status sage_trainer_plan(sage_trainer *trainer, sage_error *error);
void sage_trainer_note_plan(const sage_trainer *trainer);
/* SAGE_E_LIMIT where the plan needs more memory than it may, saying what would fit. */
sage_status sage_trainer_check_memory(const sage_trainer *trainer, sage_error *error);
/* Model, optimiser, averages: the large part. Checks and states the memory first. */
sage_status sage_trainer_build(sage_trainer *trainer, sage_error *error);
void sage_trainer_release(sage_trainer *trainer);

/* Rows begin in the space of vectors that are given for search texts, where no other model says what the space is. */
bool sage_trainer_starts_given(const sage_trainer *trainer);
sage_checkpoint sage_trainer_checkpoint(sage_trainer *trainer); /* a view of what is saved and loaded */

/* One step: batch, forward and backward, Adam, metrics. SAGE_E_STATE, with nothing changed, where the loss is not a
 * number. */
sage_status sage_trainer_step(sage_trainer *trainer, sage_error *error);
/* Validates the model as it would be published, and keeps it where it is the best so far. */
sage_status sage_trainer_evaluate(sage_trainer *trainer, sage_error *error);

#endif
