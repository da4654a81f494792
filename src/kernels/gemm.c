/* Which way a product goes: plain loops where it is small or a vector, oneDNN, or OpenBLAS. */
#include "gemm_impl.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum {
    SMALL = 1024, /* multiply-adds that cost less than a library's call */
    WIDE = 128    /* rows or columns from which an operand is worth being copied dense */
};

const char *sage_precision_name(sage_precision precision) {
    static const char *const names[] = {"f32", "bf16", "int8"};
    return names[precision];
}

size_t sage_precision_size(sage_precision precision) {
    static const size_t sizes[] = {sizeof(real), sizeof(uint16_t), sizeof(int8_t)};
    return sizes[precision];
}

/* ---- plain loops ---- */

static void clear(const sage_product *p) {
    for (size_t i = 0; i < p->m; i++) memset((real *)p->c + i * p->ldc, 0, p->n * sizeof(real));
}

/* Rows of C as sums of rows of B, or as dots where B is transposed. */
static void by_rows(const sage_product *p) {
    const sage_ops *ops = sage_ops_best();
    const real *a = p->a, *b = p->b;
    real *c = p->c;
    if (!p->add) clear(p);
    for (size_t i = 0; i < p->m; i++, c += p->ldc)
        if (p->tb && !p->ta)
            for (size_t j = 0; j < p->n; j++) c[j] += ops->dot(p->k, a + i * p->lda, b + j * p->ldb);
        else if (!p->tb)
            for (size_t l = 0; l < p->k; l++)
                ops->axpy(p->n, p->ta ? a[l * p->lda + i] : a[i * p->lda + l], b + l * p->ldb, c);
        else
            for (size_t j = 0; j < p->n; j++)
                for (size_t l = 0; l < p->k; l++) c[j] += a[l * p->lda + i] * b[j * p->ldb + l];
}

/* One column: c_i += (row i of A) . b, the numbers of b following each other. */
static void column(const sage_product *p) {
    const sage_ops *ops = sage_ops_best();
    const real *a = p->a, *b = p->b;
    real *c = p->c;
    if (!p->add) clear(p);
    for (size_t i = 0; i < p->m; i++) c[i * p->ldc] += ops->dot(p->k, a + i * p->lda, b);
}

static bool by_loops(const sage_product *p) {
    if (p->m * p->n * p->k <= SMALL || (p->m == 1 && (!p->ta || !p->tb)))
        by_rows(p);
    else if (p->n == 1 && !p->ta && (p->tb || p->ldb == 1))
        column(p);
    else
        return false;
    return true;
}

/* ---- the libraries ---- */

static const void *dense(enum sage_scratch which, const void *from, size_t rows, size_t columns, size_t ld) {
    real *to = sage_gemm_scratch(which, rows * columns * sizeof(real));
    for (size_t i = 0; to != NULL && i < rows; i++)
        memcpy(to + i * columns, (const real *)from + i * ld, columns * sizeof(real));
    return to;
}

/* OneDNN's better kernel takes operands without gaps between rows only. The other one suffers from gaps in A, and in a
 * transposed B; there a copy pays. */
static bool by_onednn(const sage_product *p) {
    sage_product q = *p;
    if (!q.ta && q.lda != q.k && q.n >= WIDE && q.m > 1) {
        q.a = dense(SAGE_SCRATCH_A, p->a, q.m, q.k, q.lda);
        q.lda = q.k;
    }
    if (q.tb && q.ldb != q.k && q.m >= WIDE && q.n > 1) {
        q.b = dense(SAGE_SCRATCH_B, p->b, q.n, q.k, q.ldb);
        q.ldb = q.k;
    }
    return q.a != NULL && q.b != NULL && sage_onednn_product(&q);
}

void sage_gemm_reals(const sage_product *p) {
    if (p->m == 0 || p->n == 0) return;
    if (p->k == 0) {
        if (!p->add) clear(p);
    } else if (!by_loops(p) && !by_onednn(p)) {
        sage_blas(p->ta, p->tb, p->m, p->n, p->k, 1, p->a, p->lda, p->b, p->ldb, p->add ? 1 : 0, p->c, p->ldc);
    }
}

/* ---- bf16: both operands rounded into scratch ---- */

/* Rounded to bf16; where the products are then computed of reals, as reals again. */
static const void *rounded(enum sage_scratch which, const real *from, size_t rows, size_t columns, size_t ld,
                           bool narrow) {
    const sage_ops *ops = sage_ops_best();
    size_t cells = rows * columns;
    char *memory = sage_gemm_scratch(which, cells * (narrow ? sizeof(uint16_t) : sizeof(uint16_t) + sizeof(real)));
    if (memory == NULL) return NULL;
    uint16_t *bits = (uint16_t *)(void *)(narrow ? memory : memory + cells * sizeof(real));
    if (ld == columns)
        ops->to_bf16(cells, from, bits);
    else
        for (size_t i = 0; i < rows; i++) ops->to_bf16(columns, from + i * ld, bits + i * columns);
    if (!narrow) ops->from_bf16(cells, bits, (real *)(void *)memory);
    return memory;
}

/* Without memory: every value rounded where it is used. */
static void rounded_loops(const sage_product *p) {
    const sage_ops *ops = sage_ops_best();
    if (!p->add) clear(p);
    for (size_t i = 0; i < p->m; i++)
        for (size_t l = 0; l < p->k; l++)
            for (size_t j = 0; j < p->n; j++) {
                real pair[2] = {((const real *)p->a)[p->ta ? l * p->lda + i : i * p->lda + l],
                                ((const real *)p->b)[p->tb ? j * p->ldb + l : l * p->ldb + j]};
                uint16_t bits[2];
                ops->to_bf16(2, pair, bits);
                ops->from_bf16(2, bits, pair);
                ((real *)p->c)[i * p->ldc + j] += pair[0] * pair[1];
            }
}

static void gemm_bf16(const sage_product *p) {
    bool narrow = sage_onednn_name(SAGE_PRECISION_BF16) != NULL;
    sage_product q = *p;
    q.lda = p->ta ? p->m : p->k;
    q.ldb = p->tb ? p->k : p->n;
    for (int attempt = 0; attempt < 2; attempt++, narrow = false) {
        q.precision = narrow ? SAGE_PRECISION_BF16 : SAGE_PRECISION_F32;
        q.a = rounded(SAGE_SCRATCH_A, p->a, p->ta ? p->k : p->m, q.lda, p->lda, narrow);
        q.b = rounded(SAGE_SCRATCH_B, p->b, p->tb ? p->n : p->k, q.ldb, p->ldb, narrow);
        if (q.a == NULL || q.b == NULL) break;
        if (narrow && sage_onednn_product(&q)) return;
        if (!narrow) {
            sage_gemm_reals(&q);
            return;
        }
    }
    rounded_loops(p);
}

void sage_gemm(sage_precision precision, bool ta, bool tb, size_t m, size_t n, size_t k, const real *a, size_t lda,
               const real *b, size_t ldb, bool add, real *c, size_t ldc) {
    const sage_product p = {.ta = ta,
                            .tb = tb,
                            .add = add,
                            .m = m,
                            .n = n,
                            .k = k,
                            .lda = lda,
                            .ldb = ldb,
                            .ldc = ldc,
                            .a = a,
                            .b = b,
                            .c = c};
    if (precision == SAGE_PRECISION_BF16 && m != 0 && n != 0 && k != 0)
        gemm_bf16(&p);
    else
        sage_gemm_reals(&p);
}

/* ---- names ---- */

static char names[3][128];

static void name_all(void) {
    const char *reals = sage_onednn_name(SAGE_PRECISION_F32);
    if (reals == NULL) reals = sage_blas_name();
    for (int i = 0; i < 3; i++) {
        const char *own = sage_onednn_name((sage_precision)i);
        snprintf(names[i], sizeof names[i], "%s%s", own != NULL ? own : reals,
                 own == NULL && i != SAGE_PRECISION_F32 ? ", values rounded" : "");
    }
}

const char *sage_gemm_name(sage_precision precision) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, name_all);
    return names[precision];
}
