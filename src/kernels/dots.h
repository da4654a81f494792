/* Inner products of one vector of bytes with rows of a table that are taken at random: what a graph search does most.
 * Whole numbers: every instruction set gives the same, so these stand apart from the table of ops. */
#ifndef SAGE_KERNELS_DOTS_H
#define SAGE_KERNELS_DOTS_H

#include <stddef.h>
#include <stdint.h>

enum { SAGE_DOTS_DIM = 1 << 17 };

/* out[i] = sum over c < dim of vector[c] table[rows[i] * ld + c], i < n. dim < DOTS_DIM, so that no sum passes 31 bits.
 */
typedef void (*sage_dots_int8_fn)(size_t dim, size_t n, const uint32_t *rows, const int8_t *vector, const int8_t *table,
                                  size_t ld, int32_t *out);

sage_dots_int8_fn sage_dots_int8_best(void); /* by CPUID, within what ITEMSAGE_ISA allows; the same ever after */
/* "scalar", "avx2" or "vnni" (AVX-512 with its instructions for bytes); NULL where this machine or build lacks it. */
sage_dots_int8_fn sage_dots_int8_of(const char *isa);

#endif
