/* Inside the room: what a product is made of, and the libraries that compute it. */
#ifndef SAGE_KERNELS_GEMM_IMPL_H
#define SAGE_KERNELS_GEMM_IMPL_H

#include <kernels/gemm.h>

/* Libgomp's waiting is not seen by the thread sanitizer, so its builds go without oneDNN; so does the oracle's. */
#if defined(__SANITIZE_THREAD__)
#define SAGE_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SAGE_TSAN 1
#endif
#endif
#if defined(SAGE_WITH_ONEDNN) && !defined(SAGE_REAL_F64) && !defined(SAGE_TSAN)
#define SAGE_ONEDNN 1
#else
#define SAGE_ONEDNN 0
#endif

/* A right operand [k][n] as the library wants it: in units of 4 bytes, each of 4 / size values that follow each other
 * along k; unit u of column n lies at (u / k_block) k_stride + (n / n_block) n_stride + (u % k_block) n_block + n %
 * n_block. Behind the values of an int8 operand: per column -128 times its sum, in int32. */
typedef struct sage_layout {
    size_t k_block, n_block, k_stride, n_stride; /* in units */
    size_t bytes, columns_at;                    /* columns_at: where those sums begin; 0: none */
} sage_layout;

/* C [m][n] (+)= op(A) op(B). A and B hold real, uint16_t (bf16) or int8_t, C real, or int32_t for int8. */
typedef struct sage_product {
    sage_precision precision;
    bool ta, tb, add;
    size_t m, n, k, lda, ldb, ldc;
    const void *a, *b;
    void *c;
    const struct sage_packed *packed; /* in place of b; A and C are then dense and op(A) = A; or NULL */
} sage_product;

/* ---- the calling thread's own ---- */
enum sage_scratch {
    SAGE_SCRATCH_A, /* operands as the library wants them */
    SAGE_SCRATCH_B,
    SAGE_SCRATCH_C,       /* results on their way */
    SAGE_SCRATCH_REALS,   /* rounded values as reals */
    SAGE_SCRATCH_PART,    /* products of a part of the terms */
    SAGE_SCRATCH_SCALES,  /* of rows */
    SAGE_SCRATCH_LIBRARY, /* what the library asks for */
    SAGE_SCRATCHES
};
struct sage_onednn_cache;
typedef struct sage_gemm_thread {
    void *scratch[SAGE_SCRATCHES];
    size_t bytes[SAGE_SCRATCHES];
    struct sage_onednn_cache *cache;
} sage_gemm_thread;
sage_gemm_thread *sage_gemm_thread_own(void);                   /* NULL where memory is short */
void *sage_gemm_scratch(enum sage_scratch which, size_t bytes); /* 64-byte aligned; NULL where memory is short */

/* ---- oneDNN ---- */
/* Whether it has a kernel of its own for products of this type, and its name and kernel; NULL where it has none. */
const char *sage_onednn_name(sage_precision precision);
bool sage_onednn_product(const sage_product *p); /* false: nothing was done */
void sage_onednn_cache_free(struct sage_onednn_cache *cache);

/* Memory for a right operand [k][n]; NULL where there is no layout better than rows, or memory is short. */
typedef struct sage_packed sage_packed;
sage_packed *sage_packed_new(sage_precision precision, size_t k, size_t n);
void sage_packed_free(sage_packed *packed);
const sage_layout *sage_packed_layout(const sage_packed *packed);
void *sage_packed_values(const sage_packed *packed);

/* ---- OpenBLAS, of reals ---- */
const char *sage_blas_name(void);
void sage_blas(bool ta, bool tb, size_t m, size_t n, size_t k, real alpha, const real *a, size_t lda, const real *b,
               size_t ldb, real beta, real *c, size_t ldc);

/* ---- of reals, by whichever is best; any size ---- */
void sage_gemm_reals(const sage_product *p);

#endif
