/* The train options as numbers, "auto" resolved. */
#ifndef SAGE_TRAIN_SETTINGS_H
#define SAGE_TRAIN_SETTINGS_H

#include <itemsage/options.h>
#include <kernels/gemm.h>
#include <model/model.h>
#include <stddef.h>

typedef struct sage_train_settings {
    uint64_t steps, warmup, eval_every, patience, seed;
    double lr, lr_table, lr_token, lr_importance, lr_floor;
    double beta1, beta2, eps, weight_decay, clip, average, smoothing;
    double minutes, checkpoint_every_s; /* the only two that depend on the clock */
    sage_softmaxes softmaxes;
    size_t batch;                                   /* pairs */
    sage_precision precision;                       /* of the dense products */
    size_t n_prefixes, prefixes[SAGE_PREFIXES_MAX]; /* as sage_loss_spec */
    double prefix_weight, follow_weight;
} sage_train_settings;

/* What "auto" follows. */
typedef struct sage_train_size {
    size_t products, pairs, batch; /* pairs of the training part; pairs of one batch */
    uint64_t seed;                 /* the dataset's */
    bool given;                    /* the table's rows start in a space that is given */
    bool settled;                  /* products' own tokens start where they belong, near enough */
} sage_train_size;

void sage_train_settings_read(const sage_options *options, const sage_train_size *size, sage_train_settings *settings);

/* Option matryoshka into n_prefixes and prefixes; SAGE_E_ARGUMENT where they do not ascend below the vectors' own
 * width. */
sage_status sage_train_prefixes(const sage_options *options, size_t dim_out, sage_train_settings *settings,
                                sage_error *error);

/* Fraction of the peak learning rate for the step that follows `done` finished ones: linear warm-up, then half a cosine
 * down to lr_floor at the last step. Depends on done and steps alone, so a resumed run goes on with the same rate. */
double sage_train_lr_factor(const sage_train_settings *settings, uint64_t done);

#endif
