/* Adam (Kingma and Ba 2015) with decoupled weight decay, over a model's dense arena and lazily over the rows of the
 * table and of the importance weights that a batch touched.
 *
 * Lazily: a row without a gradient keeps its values and moments as they are, and its moments are corrected by the
 * number of the step, not by how often the row was met (as PyTorch's SparseAdam does). A row that is first met late
 * therefore moves by up to (1 - beta1)/sqrt(1 - beta2) learning rates, 3.2 of them by default: rare n-grams have few
 * chances to learn, and this is part of what the table's rate was tuned with. Every value is computed by one thread
 * from its own gradient alone: any number of threads gives the same bits. */
#ifndef SAGE_TRAIN_OPTIMISER_H
#define SAGE_TRAIN_OPTIMISER_H

#include <model/model.h>
#include <train/average.h>
#include <train/settings.h>

typedef struct sage_moments {
    real *m, *v;
    size_t n;
} sage_moments;

typedef struct sage_optimiser {
    sage_moments dense, table, importance; /* of the table as slabs, like itself */
    double *block_squares;                 /* scratch of the gradient's norm */
} sage_optimiser;

sage_status sage_optimiser_new(const sage_model *model, sage_optimiser **optimiser,
                               sage_error *error); /* moments zero */
void sage_optimiser_free(sage_optimiser *optimiser);
size_t sage_optimiser_bytes(const sage_model *model);

/* Euclidean norm of the dense gradient [dense_size]; the same bits for any number of threads. */
double sage_optimiser_grad_norm(sage_optimiser *optimiser, const real *dense, sage_pool *pool);

/* What one step does to a model: begun once, then applied to the dense arena and, through a sink, to what the batch
 * touched of the table and of the importance weights. */
typedef struct sage_update {
    sage_optimiser *optimiser;
    sage_model *model;
    sage_average *average;
    const sage_train_settings *settings;
    uint64_t step;
    real lr, lr_table, lr_token, lr_importance, beta1, beta2, eps, correct1, correct2;
    unsigned
        towers; /* sage_loss.towers, all where the caller says nothing: others stay as they are, their moments too */
} sage_update;

/* Step number `step` (1-based) at `factor` times the peak rates. `average` (nullable) moves along. The settings must
 * stay for as long as the update is used. */
sage_update sage_optimiser_begin(sage_optimiser *optimiser, sage_model *model, sage_average *average,
                                 const sage_train_settings *settings, uint64_t step, double factor);
/* The dense gradient is scaled by `grad_scale` first, in place. */
void sage_optimiser_apply(const sage_update *update, real *dense, double grad_scale, sage_pool *pool);
/* For sage_model_scatter; it points to the update. */
sage_row_sink sage_optimiser_sink(sage_update *update);

#endif
