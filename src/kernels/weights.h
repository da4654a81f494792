/* Inside the room: a weight matrix as its products want it. */
#ifndef SAGE_KERNELS_WEIGHTS_H
#define SAGE_KERNELS_WEIGHTS_H

#include "gemm_impl.h"

enum { SAGE_WEIGHTS_ROWS = 64 }; /* rows of W that are rounded and laid out at a time */

/* A direction has a packed operand of its own, or reads `plain`. */
struct sage_weights {
    size_t out, in;
    sage_precision precision;
    bool native;                 /* values are stored in the precision's type; else as rounded reals */
    sage_packed *forward, *back; /* of W^T [in][out] and of W [out][in], or NULL */
    void *plain;                 /* [out][in], or NULL where every direction asked for is packed */
    char *rows;                  /* [SAGE_WEIGHTS_ROWS][row_bytes] rounded values on their way; NULL for f32 */
    size_t row_bytes;            /* a row of these, with zeros up to whole units */
    real *scale;                 /* [out], int8 */
};

/* Rows [begin, begin + n) of W, each `ld` bytes after the last, into the layout of W^T. The bytes of a row up to a
 * whole unit must be there and be zero past its values. */
void sage_pack_columns(sage_packed *packed, const void *rows, size_t ld, size_t begin, size_t n, size_t row_bytes);
/* The same rows, or their columns [first, first + columns) alone, into the layout of W itself; of values of less than 4
 * bytes, `begin` is the first of a unit. */
void sage_pack_rows(sage_packed *packed, const void *rows, size_t ld, size_t begin, size_t n, size_t first,
                    size_t columns, size_t size);
/* Column c of these rows, of 4-byte values, becomes to[c * stride ..][n]. */
void sage_turn(const void *rows, size_t ld, size_t n, size_t columns, uint32_t *to, size_t stride);
/* For int8: what stands behind the values. */
void sage_pack_sum(sage_packed *packed, const int8_t *row, size_t n, size_t column);

real sage_stored_value(sage_precision precision, const void *at);
real sage_packed_at(const sage_packed *packed, sage_precision precision, size_t k, size_t n);
/* W[out][in], rounded, wherever it is stored; without its scale. */
real sage_weights_at(const sage_weights *w, size_t out, size_t in);

#endif
