/* The numeric ops, shapes documented; scalar truth in plain C, faster kernels chosen once by CPUID
 * (ITEMSAGE_ISA=scalar|avx2|avx512 forces one; where that is not to be had, sage_isa_advice says so). Row-major. `real`
 * is float, or double in the oracle's build (-DSAGE_REAL_F64: scalar kernels only). Any size of any argument
 * is allowed, zero included; nothing has to be aligned. */
#ifndef SAGE_KERNELS_KERNELS_H
#define SAGE_KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef SAGE_REAL_F64
typedef double real;
#else
typedef float real;
#endif

/* How far ahead bag_sum and bag_back prefetch at most: their index arrays must be readable (and hold valid rows) this
 * far past n. */
enum { SAGE_PREFETCH = 32 };

enum { SAGE_ATTEND_ROWS = 16 }; /* queries that attend takes at once */

/* Every op works on the calling thread; who cuts the work over the pool is the caller. Sums run in a fixed order for a
 * given ISA. */
typedef struct sage_ops {
    const char *isa;

    /* ---- vectors ---- */
    real (*dot)(size_t n, const real *a, const real *b);
    void (*axpy)(size_t n, real alpha, const real *x, real *y); /* y += alpha x */
    void (*scale)(size_t n, real alpha, real *x);               /* x *= alpha */
    real (*max)(size_t n, const real *x);                       /* n > 0 */
    real (*exp_sum)(size_t n, real shift,
                    real *x); /* x = exp(x - shift), returns the sum; under about -104 exactly 0 in f32 */

    /* ---- bags: rows of a table [..][dim] ---- */
    /* out[dim] = sum over i < n of w[i] table[rows[i]] */
    void (*bag_sum)(size_t dim, size_t n, const uint32_t *rows, const real *w, const real *table, real *out);
    /* One table row used by n bags with gradients d[bag][dim]: grad += sum w[i] d[bag[i]];
     * dots[i] = (add ? dots[i] : 0) + d[bag[i]] . row */
    void (*bag_back)(size_t dim, size_t n, const uint32_t *bag, const real *w, const real *d, const real *row,
                     real *grad, real *dots, bool add);

    /* ---- rows x [n][dim] ---- */
    /* Layer norm (Ba et al. 2016), eps 1e-5: hat = (x - mean) rstd, y = gain hat + bias, rstd [n]. x may be hat or y.
     */
    void (*norm)(size_t n, size_t dim, const real *x, const real *gain, const real *bias, real *hat, real *y,
                 real *rstd);
    /* dx = rstd (t - mean(t) - hat mean(t hat)), t = gain dy; dx may be dy. */
    void (*norm_back)(size_t n, size_t dim, const real *dy, const real *hat, const real *rstd, const real *gain,
                      real *dx);
    /* Columns [begin, end) of: gain_grad += sum over rows of dy hat, bias_grad += sum over rows of dy. */
    void (*norm_grad)(size_t n, size_t dim, size_t begin, size_t end, const real *dy, const real *hat, real *gain_grad,
                      real *bias_grad);
    void (*col_sum)(size_t n, size_t dim, size_t begin, size_t end, const real *x,
                    real *sum);                                      /* sum += over rows, columns [begin, end) */
    void (*add_row)(size_t n, size_t dim, const real *row, real *x); /* every row of x += row */
    /* GELU with erf, as PyTorch's default: x += bias; y = x Phi(x). y may be x. In f32 off by less than 1e-6
     * (Abramowitz and Stegun 7.1.26). */
    void (*bias_gelu)(size_t n, size_t dim, const real *bias, real *x, real *y);
    void (*gelu_back)(size_t n, const real *dy, real *x); /* x becomes dy (Phi(x) + x phi(x)) */

    /* ---- forward only, for frozen encoders ---- */
    /* x += row (NULL: nothing), then y = gain (x - mean) / sqrt(variance + eps) + bias; y may be x. */
    void (*row_norm)(size_t n, size_t dim, real eps, const real *row, real *x, const real *gain, const real *bias,
                     real *y);
    /* t = x + bias; x = t sigmoid(a t + b t^3): "quick" GELU with a = 1.702, b = 0, and GELU by tanh. */
    void (*bias_swish)(size_t n, size_t dim, const real *bias, real a, real b, real *x);
    void (*bias_relu6)(size_t n, size_t dim, const real *bias, real *x); /* x = min(max(x + bias, 0), 6) */
    /* One row of a depthwise 3 x 3 convolution, ReLU6 behind: x[0..2]: rows of w_in places [w_in][dim]; place i of y
     * [w_out][dim] takes places i stride - pad .. + 2 of each (those outside count as zeros), weight [9][dim], bias
     * [dim]. */
    void (*depthwise_row)(size_t w_in, size_t w_out, size_t dim, size_t stride, size_t pad, const real *const x[3],
                          const real *weight, const real *bias, real *y);
    /* One head's attention of the first `queries` of n tokens to all of them: out = softmax(q k^T) v over q
     * [queries][ld], k, v [n][ld] and out [queries][ldo], the first dim columns of each. scratch:
     * sage_attend_scratch(n, dim) reals. out may be q. */
    void (*attend)(size_t queries, size_t n, size_t dim, const real *q, const real *k, const real *v, size_t ld,
                   real *scratch, real *out, size_t ldo);

    /* ---- the folded attention: H heads over n tokens x [n][dim] of one product; u, y, sum: [H][ld], of which the
     * first dim columns are used; a, b: [n][H] ---- */
    void (*heads_scores)(size_t n, size_t heads, size_t dim, const real *u, size_t ld, const real *x,
                         real *out);                                     /* out[n][H] = u_h . x_j */
    void (*heads_softmax)(size_t n, size_t heads, real *a);              /* over the n tokens, each head */
    void (*heads_sum)(size_t n, size_t heads, size_t dim, const real *a, /* sum_h += sum over j of a[j][h] x_j */
                      const real *x, real *sum, size_t ld);
    void (*heads_blend)(size_t n, size_t heads, size_t dim, const real *a, const real *u, size_t ldu, const real *b,
                        const real *y, size_t ldy,
                        real *out); /* out[n][dim] = sum over h of a[j][h] u_h + b[j][h] y_h */

    /* ---- rows in other precisions ---- */
    /* Both ways of rounding give the same bits on every ISA. */
    void (*to_bf16)(size_t n, const real *x, uint16_t *y);   /* nearest even; NaN stays NaN */
    void (*from_bf16)(size_t n, const uint16_t *x, real *y); /* exact */
    /* Rows x [n][ld], the first dim columns, to q [n][dim] in -127..127 and scale [n]: x ~ scale q, scale = max |x| /
     * 127 (a row of zeros: scale 0). Nearest even; x finite. */
    void (*to_int8)(size_t n, size_t dim, const real *x, size_t ld, int8_t *q, real *scale);
    /* y [n][ldy] = (add ? y : 0) + row_scale[i] column_scale[j] acc[i][j], acc [n][dim] */
    void (*from_int32)(size_t n, size_t dim, const int32_t *acc, const real *row_scale, const real *column_scale,
                       bool add, real *y, size_t ldy);
    /* As bag_sum, from rows in bf16, and in int8 (whose row scales the caller has multiplied into w). */
    void (*bag_sum_bf16)(size_t dim, size_t n, const uint32_t *rows, const real *w, const uint16_t *table, real *out);
    void (*bag_sum_int8)(size_t dim, size_t n, const uint32_t *rows, const real *w, const int8_t *table, real *out);

    /* x = factor softmax(x); returns log sum exp(x) of the x before. n > 0 */
    double (*softmax)(size_t n, real factor, real *x);

    /* Adam (Kingma and Ba 2015) with decoupled weight decay: m = b1 m + (1-b1) g, v = b2 v + (1-b2) g^2,
     * w -= lr ( (m/c1) / (sqrt(v/c2) + eps) + decay w ), c1 = 1 - b1^t, c2 = 1 - b2^t. */
    void (*adam)(real *w, const real *g, real *m, real *v, size_t n, real lr, real b1, real b2, real eps, real decay,
                 real c1, real c2);
    /* The same for rows[i], i < n, of w, m and v [..][dim], with gradients g [n][dim] and no weight decay. The rows are
     * distinct. */
    void (*adam_rows)(size_t dim, size_t n, const uint32_t *rows, const real *g, real *w, real *m, real *v, real lr,
                      real b1, real b2, real eps, real c1, real c2);
} sage_ops;

/* Reals of scratch for `attend`. */
static inline size_t sage_attend_scratch(size_t n, size_t dim) {
    return (dim + SAGE_ATTEND_ROWS) * n;
}

const sage_ops *sage_ops_best(void);          /* chosen at the first call, the same ever after; any thread */
const sage_ops *sage_ops_of(const char *isa); /* NULL where this machine or build lacks it; for tests and benchmarks */
const char *sage_isa(void);                   /* "scalar", "avx2", "avx512" */
/* NULL, or one line where ITEMSAGE_ISA names kernels that are unknown or not to be had here: what it says, and what
 * runs instead. Static storage. */
const char *sage_isa_advice(void);

/* Asks for large pages under big arrays that are read row by row at random (tables, their moments): without, the
 * address look-ups cost more than the rows. Call it before the memory is first written. */
void sage_huge_pages(void *memory, size_t bytes);

#endif
