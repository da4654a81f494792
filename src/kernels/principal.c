#include <base/alloc.h>
#include <kernels/gemm.h>
#include <kernels/principal.h>
#include <math.h>
#include <string.h>

enum { ROUNDS = 8, VECTORS_MAX = 20000, BLOCK = 256 };

/* sum v v', a block of vectors at a time; `rows` [BLOCK][dim] scratch. */
static void moments(size_t n, const float *const *vectors, size_t dim, real *rows, real *sum) {
    size_t taken = n < VECTORS_MAX ? n : VECTORS_MAX;
    for (size_t begin = 0; begin < taken; begin += BLOCK) {
        size_t m = taken - begin < BLOCK ? taken - begin : BLOCK;
        for (size_t i = 0; i < m; i++) {
            const float *v = vectors[(size_t)((double)(begin + i) / (double)taken * (double)n)];
            for (size_t c = 0; c < dim; c++) rows[i * dim + c] = v[c];
        }
        sage_gemm(SAGE_PRECISION_F32, true, false, dim, dim, m, rows, dim, rows, dim, begin > 0, sum, dim);
    }
}

/* Gram and Schmidt, twice over, of rows [n][dim]; one that depends on those before it becomes the first axis that does
 * not. */
static void orthonormal(size_t n, size_t dim, real *rows) {
    const sage_ops *ops = sage_ops_best();
    for (size_t i = 0, axis = 0; i < n; i++) {
        real *row = rows + i * dim;
        double before = sqrt((double)ops->dot(dim, row, row)), length = 0;
        for (;;) {
            for (size_t j = 0; j < 2 * i; j++)
                ops->axpy(dim, -ops->dot(dim, rows + j % i * dim, row), rows + j % i * dim, row);
            length = sqrt((double)ops->dot(dim, row, row));
            if (length > 1e-4 * before) break;
            memset(row, 0, dim * sizeof *row);
            row[axis++ % dim] = 1;
            before = 1;
        }
        ops->scale(dim, (real)(1 / length), row);
    }
}

sage_status sage_principal(size_t n, const float *const *vectors, size_t dim, size_t width, real **basis,
                           sage_error *error) {
    sage_status st = SAGE_OK;
    real *sum = sage_alloc_zero(dim * dim, sizeof *sum), *rows = sage_alloc_zero(BLOCK * dim, sizeof *rows);
    real *x = sage_alloc_zero(width * dim + 1, sizeof *x), *y = sage_alloc_zero(width * dim + 1, sizeof *y);
    *basis = NULL;
    if (sum == NULL || rows == NULL || x == NULL || y == NULL) {
        st = sage_fail_memory(error, (dim + 2 * width + BLOCK) * dim * sizeof *sum);
        goto out;
    }
    moments(n, vectors, dim, rows, sum);
    for (size_t i = 0; i < width; i++) x[i * dim + i] = 1;
    for (int round = 0; round < ROUNDS; round++) {
        sage_gemm(SAGE_PRECISION_F32, false, false, width, dim, dim, x, dim, sum, dim, false, y, dim);
        orthonormal(width, dim, y);
        memcpy(x, y, width * dim * sizeof *x);
    }
    for (size_t i = 0; i < width; i++)
        for (size_t c = 0; c < dim; c++) y[c * width + i] = x[i * dim + c];
    *basis = y;
    y = NULL;
out:
    sage_free(sum);
    sage_free(rows);
    sage_free(x);
    sage_free(y);
    return st;
}
