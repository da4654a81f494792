/* metrics.jsonl: one line a step, one a validation. */
#ifndef SAGE_TRAIN_METRICS_H
#define SAGE_TRAIN_METRICS_H

#include <dataset/sampler.h>
#include <model/model.h>
#include <train/train.h>

typedef struct sage_train_metrics {
    int fd; /* -1: closed */
    const char *path;
    sage_buf line;
} sage_train_metrics;

typedef struct sage_step_metrics {
    uint64_t step; /* finished steps, this one included */
    const sage_loss *loss;
    double lr, temperature, grad_norm;
    double examples_per_s; /* of this step; the only value that differs between two runs */
} sage_step_metrics;

/* Opens for appending, after cutting off whatever lies beyond finished step `step` and the validation of step
 * `evaluated`, so that a resumed run writes every line once. `path` must outlive it. */
sage_status sage_train_metrics_open(sage_train_metrics *metrics, const char *path, uint64_t step, uint64_t evaluated,
                                    sage_error *error);
sage_status sage_train_metrics_step(sage_train_metrics *metrics, const sage_step_metrics *step, sage_error *error);
sage_status sage_train_metrics_validation(sage_train_metrics *metrics, uint64_t step, const sage_recalls *recalls,
                                          bool best, sage_error *error);
sage_status sage_train_metrics_sync(sage_train_metrics *metrics,
                                    sage_error *error); /* before a checkpoint that counts on the lines */
void sage_train_metrics_close(sage_train_metrics *metrics);

/* "search/click", ..., "catalogue". */
void sage_train_task_name(unsigned task, char out[32]);

#endif
