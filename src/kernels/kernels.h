/* The numeric ops, shapes documented; scalar truth in plain C, faster kernels chosen once by CPUID (ITEMSAGE_ISA=scalar|avx2|avx512 forces
 * one). Row-major. `real` is float, or double in the oracle's build (-DSAGE_F64: scalar kernels and dgemm only). */
#ifndef SAGE_KERNELS_KERNELS_H
#define SAGE_KERNELS_KERNELS_H

#include <parallel/pool.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef SAGE_F64
typedef double real;
#else
typedef float real;
#endif

const char *sage_isa(void);       /* "scalar", "avx2", "avx512" */
const char *sage_gemm_name(void); /* the BLAS and the kernel it runs, e.g. "OpenBLAS 0.3.21 SkylakeX" */

/* C[m][n] = alpha op(A) op(B) + beta C; op transposes where ta / tb. lda, ldb, ldc: row strides. Rows of C are cut over the pool; each worker
 * calls the serial BLAS. */
void sage_gemm(sage_pool *pool, bool ta, bool tb, size_t m, size_t n, size_t k, real alpha, const real *a, size_t lda, const real *b,
               size_t ldb, real beta, real *c, size_t ldc);

#endif
