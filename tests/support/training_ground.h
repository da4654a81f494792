/* The ground of a test program about training: a folder, and in it the tiny shop's dataset with its events. */
#ifndef SUPPORT_TRAINING_GROUND_H
#define SUPPORT_TRAINING_GROUND_H

#include "test.h"
#include "tiny_training.h"

static char dir[SAGE_PATH_MAX];
static sage_dataset *dataset;

static int setup(void **state) {
    (void)state;
    scratch_make(dir);
    dataset = tiny_dataset(dir, true);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    sage_dataset_close(dataset);
    scratch_remove(dir);
    return 0;
}

#endif
