/* A run's state in one safetensors file, replaced atomically: parameters ("param." + name), Adam's moments, averages,
 * and in the metadata the counters, what is being trained, and an XXH3-64 over all values. Nothing in it depends on the
 * clock, so two runs of the same settings that stop at the same step write the same bytes. The sampler needs no state:
 * a batch is a function of its step. */
#ifndef SAGE_TRAIN_CHECKPOINT_H
#define SAGE_TRAIN_CHECKPOINT_H

#include <stdbool.h>
#include <train/average.h>
#include <train/bank.h>
#include <train/optimiser.h>

typedef struct sage_train_state {
    uint64_t step;      /* finished steps */
    uint64_t evaluated; /* step of the last validation that was finished */
    uint64_t evaluations_without_gain;
    uint64_t best_step; /* 0: none yet */
    double best_recall10;
} sage_train_state;

/* What a checkpoint holds; `average` and `bank` may be NULL. */
typedef struct sage_checkpoint {
    sage_model *model;
    sage_optimiser *optimiser;
    sage_average *average;
    sage_bank *bank;
    sage_train_state *state;
    const char *identity; /* compared byte for byte */
} sage_checkpoint;

sage_status sage_checkpoint_save(const char *path, const sage_checkpoint *checkpoint, sage_error *error);
/* *loaded = false and nothing changed where there is none or it is of another identity. SAGE_E_FORMAT, saying that it
 * may be deleted, where it is damaged. */
sage_status sage_checkpoint_load(const char *path, const sage_checkpoint *checkpoint, bool *loaded, sage_error *error);

/* The parameters as they are published: as sage_model_load reads them, with step and recall in the metadata. */
sage_status sage_best_save(const char *path, const sage_model *model, uint64_t step, double recall10,
                           sage_error *error);

#endif
