/* Sums of table rows, for training and for frozen models. */
#ifndef SAGE_MODEL_GATHER_H
#define SAGE_MODEL_GATHER_H

#include <model/model.h>

/* The table as slabs (model.h), of reals, bf16 or int8; or row after row, as it lies in a file. */
typedef struct gather_table {
    sage_precision precision;
    size_t rows, dim;
    const void *slabs; /* real, uint16_t or int8_t */
    bool by_rows;
} gather_table;

/* out [n][dim]: row b is the sum of weight[u] T[row[u]] over the uses u in [begin[b] hashes, begin[b + 1] hashes).
 * int8: weights hold the rows' scales. `row` is readable SAGE_PREFETCH past its end, and holds valid rows there. Slab
 * after slab, so that the workers read one slab at a time. */
void gather_sums(const gather_table *table, sage_pool *pool, size_t n, size_t hashes, const uint32_t *begin,
                 const uint32_t *row, const real *weight, real *out);

/* Of the ids [n]: table row and importance weight of every use, row and weight [n][K]; `row_scale` (nullable) [rows] is
 * multiplied into the weights. Returns n, or the first position whose id is past the vocabulary. */
size_t gather_look_up(const sage_model *model, const uint32_t *ids, size_t n, const real *row_scale, uint32_t *row,
                      real *weight);

#endif
