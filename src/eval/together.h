/* What the same users dealt with, for an index that is being built (search/together.h). */
#ifndef SAGE_EVAL_TOGETHER_H
#define SAGE_EVAL_TOGETHER_H

#include <base/option_table.h>
#include <base/report.h>
#include <dataset/dataset.h>
#include <parallel/pool.h>

/* Into `dir`, the folder of a finished index, counted from the part of the dataset that is trained on; nothing where
 * nobody did anything there. Memory: 8 bytes a (user, product) pair, and 100 MiB. */
sage_status sage_together_build(const char *dir, const sage_dataset *dataset, sage_pool *pool,
                                const sage_monitor *monitor, sage_error *error);

#endif
