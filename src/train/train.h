/* The trainer: sampler + model + Adam, a schedule, checkpoints, metrics. Validation comes in as a callback. */
#ifndef SAGE_TRAIN_TRAIN_H
#define SAGE_TRAIN_TRAIN_H

#include <dataset/sampler.h>
#include <model/model.h>

extern const sage_option sage_train_options[]; /* steps, minutes, lr, lr_table, warmup, patience, average, ... */

/* Recall@10 of the model as it would be published, on the dataset's validation part (or made pairs). */
typedef sage_status (*sage_validate_fn)(void *ctx, const sage_model *model, double *recall10, sage_error *error);

typedef struct sage_train_result {
    uint64_t steps, best_step;
    double best_recall10, seconds, examples_per_s;
    bool cold_start;
} sage_train_result;

/* Trains in `work_dir` (made if absent): checkpoint.safetensors (parameters, moments, averages, step; replaced atomically), run.json (what is
 * being trained: a run with other settings or data starts afresh), metrics.jsonl (one line a step; cut back to the checkpoint on resume), best.safetensors.
 * At the end best.safetensors holds the best step's parameters. Cancelled: checkpoint saved, SAGE_E_CANCELLED. */
sage_status sage_train_run(const sage_dataset *dataset, const sage_options *options, sage_pool *pool, const char *work_dir, sage_validate_fn validate,
                           void *validate_ctx, const sage_monitor *monitor, sage_train_result *result, sage_error *error);

/* True where work_dir holds an unfinished run. */
bool sage_train_unfinished(const char *work_dir);

#endif
