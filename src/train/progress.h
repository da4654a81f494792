/* The progress line of training: smoothed losses, speed, time left. */
#ifndef SAGE_TRAIN_PROGRESS_H
#define SAGE_TRAIN_PROGRESS_H

#include <base/report.h>
#include <dataset/sampler.h>
#include <model/model.h>

typedef struct sage_train_progress {
    sage_ticker ticker;
    uint64_t steps, steps_here;                 /* in all; done by this call */
    double loss, task_loss[SAGE_SAMPLER_TASKS]; /* exponentially smoothed; a task's is negative until it was met */
    double step_s;  /* time spent in steps by this call, without validations and checkpoints */
    double other_s; /* time spent in those */
    uint64_t pairs; /* pairs seen by this call */
} sage_train_progress;

void sage_train_progress_begin(sage_train_progress *progress, const sage_monitor *monitor, uint64_t steps);
void sage_train_progress_step(sage_train_progress *progress, uint64_t done, const sage_loss *loss, size_t pairs,
                              double seconds);
double sage_train_progress_speed(const sage_train_progress *progress); /* examples/s over this call */

#endif
