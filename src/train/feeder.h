/* A thread that assembles the next step's batch while a step runs. Batches are functions of their step alone, so the
 * feeder changes when they are made, and nothing in them. */
#ifndef SAGE_TRAIN_FEEDER_H
#define SAGE_TRAIN_FEEDER_H

#include <dataset/sampler.h>

typedef struct sage_feeder sage_feeder;

/* Draws from `sampler`, which must outlive the feeder and be left alone as long, and from a twin of it. Both should
 * have no pool: the pool is the step's. No batch is made ahead for step `end` or later. */
sage_status sage_feeder_new(sage_sampler *sampler, uint64_t end, sage_feeder **feeder, sage_error *error);
void sage_feeder_free(sage_feeder *feeder); /* waits for the batch that is being made */

/* The batch of `step`, and begins the one of step + 1. Lives until the next call. Waits while the batch is being made;
 * a step that does not follow the last one, as after a resume, waits for all of it. An error of the thread's is
 * returned by the call that needs the batch; a further call tries again. One thread at a time. */
sage_status sage_feeder_batch(sage_feeder *feeder, uint64_t step, const sage_batch **batch, sage_error *error);

#endif
