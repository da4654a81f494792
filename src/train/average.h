/* A moving average of all parameters (Polyak and Juditsky 1992, exponentially weighted):
 *
 *   a_t = d_t a_(t-1) + (1 - d_t) p_t,   d_t = min(decay, (1 + t)/(10 + t))
 *
 * A table row that no batch touches does not move, so its average is brought up to date only when the row is touched or
 * read: after k still steps a = p + (d_(t-k+1) ... d_t)(a - p), which is what the k single steps give. */
#ifndef SAGE_TRAIN_AVERAGE_H
#define SAGE_TRAIN_AVERAGE_H

#include <model/model.h>

typedef struct sage_average {
    const sage_model_shape *shape;
    real *dense;        /* [dense_size] */
    real *table;        /* [rows][E] as of row_step; as slabs, like the model's */
    real *importance;   /* [V][K] as of id_step */
    uint32_t *row_step; /* [rows] step up to which the row's average is up to date */
    uint32_t *id_step;  /* [V] */
    double *log_decay;  /* [steps + 1] log of d_1 ... d_t; [0] = 0 */
    size_t dense_size;
} sage_average;

sage_status sage_average_new(sage_model *model, uint64_t steps, double decay, sage_average **average,
                             sage_error *error); /* starts as the parameters */
void sage_average_free(sage_average *average);
size_t sage_average_bytes(const sage_model *model, uint64_t steps);

/* Brings an average of n values, up to date as of `from`, to `to`, during which the parameters `p` stood still. */
void sage_average_catch_up(const sage_average *average, real *a, const real *p, size_t n, uint64_t from, uint64_t to);
/* One step's move towards the new parameters. */
void sage_average_move(const sage_average *average, real *a, const real *p, size_t n, uint64_t step);
/* Both for rows[i], i < n, of a and p [..][width]: up to date as of step_of[rows[i]], or, without step_of, moved by the
 * one step `to`. */
void sage_average_rows(const sage_average *average, real *a, const real *p, size_t width, size_t n,
                       const uint32_t *rows, const uint32_t *step_of, uint64_t to);

/* Exchanges averages and parameters, so that the model is the averaged one; the second call exchanges them back, bit
 * for bit. The first brings every row up to date as of `step`. */
void sage_average_exchange(sage_average *average, sage_model *model, sage_pool *pool, uint64_t step);

#endif
