/* The trainer: sampler + model + Adam, a schedule, checkpoints, metrics. Validation comes in as a callback. */
#ifndef SAGE_TRAIN_TRAIN_H
#define SAGE_TRAIN_TRAIN_H

#include <dataset/sampler.h>
#include <model/model.h>

extern const sage_option sage_train_options[]; /* steps, minutes, lr, lr_table, warmup, patience, average, ... */

typedef struct sage_recall {
    size_t pairs; /* 0: none are judged */
    double recall10;
} sage_recall;
typedef struct sage_recalls {
    double recall10; /* what the steps of a run are compared by */
    sage_recall task[SAGE_SAMPLER_TASKS];
} sage_recalls;
/* Recall@10 of the model as it would be published, on the dataset's validation part (or made pairs); recalls are zero
 * when it is called. SAGE_E_CANCELLED is taken as a wish to stop: the validation is done again when training goes on.
 */
typedef sage_status (*sage_validate_fn)(void *ctx, const sage_model *model, sage_recalls *recalls, sage_error *error);

typedef struct sage_train_result {
    uint64_t steps, best_step;
    double best_recall10, seconds, examples_per_s; /* the last two: of the call that finished */
    bool cold_start;
} sage_train_result;

/* What a run begins with that is not made from its options; zeros: nothing. */
typedef struct sage_train_start {
    const char *model;     /* file of a model over the dataset's vocabulary whose parameters are taken, those that it
                              lacks made as always */
    const float *products; /* [products of the dataset][products_dim]: their vectors, which stay as they are; the
                              caller's, for as long as the run takes */
    size_t products_dim;   /* SAGE_E_STATE where it is not sage_shape_out of the model */
} sage_train_start;

/* Trains in `work_dir` (made if absent; its parent must exist): checkpoint.safetensors (parameters, moments, averages,
 * counters; replaced atomically), run.json (what is being trained: a run with other settings or data starts afresh),
 * metrics.jsonl (one line a step; cut back to the checkpoint on resume), best.safetensors (as sage_model_load reads
 * it). At the end best.safetensors holds the best step's parameters, run.json the result, and the checkpoint is gone; a
 * further call with the same settings returns that result at once, so that publishing can be tried again. The caller
 * removes work_dir once it has published. Cancelled: checkpoint saved, SAGE_E_CANCELLED. A run that was stopped and
 * resumed, however often, gives the same bits as one that was not (same instruction set, any number of threads). The
 * option `minutes` counts the time of one call. validate_vectors: how many vectors validation holds at once, for the
 * statement of memory; SAGE_E_LIMIT, before anything is trained, where that is more than the option `memory`. */
sage_status sage_train_run(const sage_dataset *dataset, const sage_options *options, const sage_train_start *start,
                           sage_pool *pool, const char *work_dir, sage_validate_fn validate, void *validate_ctx,
                           size_t validate_vectors, const sage_monitor *monitor, sage_train_result *result,
                           sage_error *error);

/* True where work_dir holds an unfinished run. */
bool sage_train_unfinished(const char *work_dir);

/* ---- for validation callbacks: vectors without dropout; O = sage_shape_out of the model's shape ---- */
/* Products of the dataset by their indices, NULL: 0 .. n-1. out [n][O]. */
sage_status sage_train_embed_products(const sage_dataset *dataset, const sage_model *model, sage_pool *pool,
                                      const uint32_t *products, size_t n, float *out, sage_error *error);
/* Queries in the batch's order: out [all of them][O]. */
sage_status sage_train_embed_queries(const sage_model *model, sage_pool *pool, const sage_query_batch *queries,
                                     float *out, sage_error *error);

#endif
