/* Matrix products, on the calling thread: a library's, on one thread; who cuts the work over the pool is the caller.
 * Any number of threads may call at once. Row-major; lda, ldb, ldc: row strides, in elements. Nothing has to be
 * aligned. What a call needs beside its arguments belongs to its thread, grows to the largest call seen and is reused,
 * so that nothing is allocated once sizes repeat.
 *
 * Precision says what the products are computed of; arguments and results are `real` in any case:
 *   f32   as they are (f64 in the oracle's build)
 *   bf16  both operands rounded to bf16 (8 bits of mantissa, nearest even), products and sums in f32
 *   int8  both operands as int8 with a scale a row (weights: a row of W, activations: a row of x), sums exact in int32
 * A processor or library without bf16 or int8 products computes the same numbers from rounded f32 values: right,
 * slower, and sage_gemm_name says so. */
#ifndef SAGE_KERNELS_GEMM_H
#define SAGE_KERNELS_GEMM_H

#include <base/error.h>
#include <kernels/kernels.h>

typedef enum sage_precision { SAGE_PRECISION_F32, SAGE_PRECISION_BF16, SAGE_PRECISION_INT8 } sage_precision;
const char *sage_precision_name(sage_precision precision); /* "f32", "bf16", "int8" */
size_t sage_precision_size(sage_precision precision);      /* bytes of a value; of a real where f32 */

/* C[m][n] = op(A) op(B), or C += op(A) op(B) where `add`; op transposes where ta / tb. F32 or BF16. Sizes may be 0. */
void sage_gemm(sage_precision precision, bool ta, bool tb, size_t m, size_t n, size_t k, const real *a, size_t lda,
               const real *b, size_t ldb, bool add, real *c, size_t ldc);

/* A weight matrix W [out][in], laid out once for many products. */
typedef struct sage_weights sage_weights;
/* backward: sage_weights_back will be asked for too (F32 and BF16 only). */
sage_status sage_weights_new(size_t out, size_t in, sage_precision precision, bool backward, sage_weights **weights,
                             sage_error *error);
void sage_weights_free(sage_weights *weights);
/* Takes values [out][ld]; they may change afterwards without effect. On the calling thread; not while others use it. */
void sage_weights_set(sage_weights *weights, const real *values, size_t ld);
/* y[n][out] = x[n][in] W^T, or += where `add`. */
void sage_weights_forward(const sage_weights *weights, size_t n, const real *x, size_t ldx, bool add, real *y,
                          size_t ldy);
/* dx[n][in] = dy[n][out] W, or += where `add`. */
void sage_weights_back(const sage_weights *weights, size_t n, const real *dy, size_t lddy, bool add, real *dx,
                       size_t lddx);
size_t sage_weights_bytes(const sage_weights *weights);

/* The sides of a gradient dW [out][in] = dy^T x, summed over n rows: dy [n][out] is the left one, x [n][in] the right
 * one. Each is laid out while its rows are in somebody's cache, a few at a time, and multiplied when all are there, a
 * piece of dW at a time: a library that is given the plain arrays lays both out again in every call. F32 or BF16. */
typedef struct sage_side sage_side;
sage_status sage_side_new(bool left, size_t rows, size_t width, sage_precision precision, sage_side **side,
                          sage_error *error);
void sage_side_free(sage_side *side);
/* Takes rows [begin, begin + n) from values [n][ld]; begin is even, and so is n but at the end. Several threads may
 * set different rows at once. */
void sage_side_set(sage_side *side, size_t begin, size_t n, const real *values, size_t ld);
/* c [m][in] = rows [begin, begin + m) of dW, of two sides with as many rows and the same precision. */
void sage_sides_product(const sage_side *left, size_t begin, size_t m, const sage_side *right, real *c);
size_t sage_side_bytes(const sage_side *side);

/* The library and the kernel it runs for this precision, e.g. "oneDNN 2.6.3 brg:avx512_core_bf16"; static storage. */
const char *sage_gemm_name(sage_precision precision);

#endif
