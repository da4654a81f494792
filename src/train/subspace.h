/* The leading left singular vectors of a large sparse matrix A = D_r^-1/2 X D_c^-1/2, X of zeros and ones, D the sums
 * of its rows and columns, by subspace iteration (Halko, Martinsson and Tropp 2011). */
#ifndef SAGE_TRAIN_SUBSPACE_H
#define SAGE_TRAIN_SUBSPACE_H

#include <base/report.h>
#include <kernels/kernels.h>
#include <parallel/pool.h>

typedef struct sage_incidence { /* X, column by column */
    size_t rows, columns;
    size_t longest;      /* ones of the column that has most */
    uint32_t *begin;     /* [columns + 1] */
    uint32_t *row;       /* [begin[columns] + SAGE_PREFETCH] of the ones; each once a column; zeros behind them */
    uint32_t *row_count; /* [rows] ones */
} sage_incidence;

/* *vectors [rows][width], in slabs as a table has them, become U diag(s)^1/2 of the `width` largest singular values s,
 * in no order; columns are zero where A has fewer. Free with sage_free. Memory: two such arrays while it works. The
 * same bits for any number of threads. */
sage_status sage_subspace(const sage_incidence *matrix, size_t width, sage_pool *pool, const sage_monitor *monitor,
                          real **vectors, sage_error *error);

#endif
