/* Where search texts have vectors of the shop's own, n-grams begin so that texts lie where those vectors do: products,
 * which are made of the same n-grams, are then near the searches for them before a single step. Of texts t with bags
 * a_t (importance weights, summed by table row, a_t of length 1) and vectors v_t:
 *
 *   minimise  sum over t |R' a_t - B' v_t|^2 + lambda |R - R_0|^2        R the rows of the table, R_0 as they are
 *
 * so that what no text says keeps its random direction. Solved by conjugate gradients, a slab of columns at a time. B:
 * where vectors are wider than what passes through the model, an orthonormal basis of their leading directions, which
 * the skips then begin with; else the identity. */
#ifndef SAGE_TRAIN_GIVEN_START_H
#define SAGE_TRAIN_GIVEN_START_H

#include <dataset/dataset.h>
#include <model/model.h>
#include <parallel/pool.h>

/* Options given_init and init want it. */
bool sage_given_start_meant(const sage_options *options);
/* Does nothing where the dataset has no vectors of search texts. Of more than 200,000 texts so many are taken. Memory,
 * until it returns: 12 bytes an n-gram of a text, and no more than Adam's moments of the rows that texts touch. The
 * same bits for any number of threads. */
sage_status sage_given_start(const sage_dataset *dataset, sage_model *model, sage_pool *pool,
                             const sage_monitor *monitor, sage_error *error);

#endif
