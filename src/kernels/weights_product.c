/* Products with weight matrices: rows of the other operand are rounded, or copied without gaps, into scratch that stays
 * in the cache, block by block. */
#include "weights.h"
#include <string.h>

enum {
    STEP = 32,               /* packed products have a multiple of this many rows, and one more of the rest, so that few
                                primitives do for all sizes */
    EXACT = 64,              /* up to here each number of rows has its own */
    BLOCK_BYTES = 256 * 1024 /* of scratch a block of rows */
};

typedef struct weights_call {
    const sage_weights *w;
    sage_packed *packed; /* or NULL */
    bool back, add;
    size_t k, n, ldx, ldy; /* y [..][n], x [..][k] */
    const real *x;
    real *y;
} weights_call;

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

/* ---- reals: f32, and the other precisions where the library has no products of them ---- */

/* Y [m][n] (+)= A times the plain weights, columns [begin, begin + k) of A and of what they meet. */
static void plain_product(const weights_call *call, size_t m, const real *a, size_t lda, size_t begin, size_t k,
                          bool add, real *c, size_t ldc) {
    const sage_weights *w = call->w;
    const real *b = (const real *)w->plain + (call->back ? begin * w->in : begin);
    const sage_product p = {.tb = !call->back,
                            .add = add,
                            .m = m,
                            .n = call->n,
                            .k = k,
                            .lda = lda,
                            .ldb = w->in,
                            .ldc = ldc,
                            .a = a + begin,
                            .b = b,
                            .c = c};
    sage_gemm_reals(&p);
}

/* A packed product of m rows, all dense; false: nothing was done, or only the first rows, which then are done. */
static size_t packed_product(const weights_call *call, size_t m, const void *a, bool add, void *c) {
    size_t a_row = call->k * sage_precision_size(call->w->precision), c_row = call->n * sizeof(uint32_t), done = 0;
    while (done < m) {
        size_t rows = m - done;
        if (rows > EXACT) rows -= rows % STEP;
        const sage_product p = {.precision = call->w->precision,
                                .add = add,
                                .m = rows,
                                .n = call->n,
                                .k = call->k,
                                .lda = call->k,
                                .ldb = call->n,
                                .ldc = call->n,
                                .a = (const char *)a + done * a_row,
                                .c = (char *)c + done * c_row,
                                .packed = call->packed};
        if (!sage_onednn_product(&p)) break;
        done += rows;
    }
    return done;
}

/* The same with the weights as they are stored: all m rows, or nothing. */
static bool unpacked_product(const weights_call *call, size_t m, const void *a, bool add, void *c, size_t ldc) {
    const sage_weights *w = call->w;
    const sage_product p = {.precision = w->precision,
                            .tb = !call->back,
                            .add = add,
                            .m = m,
                            .n = call->n,
                            .k = call->k,
                            .lda = call->k,
                            .ldb = w->in,
                            .ldc = ldc,
                            .a = a,
                            .b = w->plain,
                            .c = c};
    return sage_onednn_product(&p);
}

/* ---- scratch ---- */

/* Rows of x as the product wants them: dense, and in its type. NULL where memory is short. */
static const void *operand(const weights_call *call, size_t row, size_t m, real *scale) {
    const sage_ops *ops = sage_ops_best();
    const sage_weights *w = call->w;
    const real *x = call->x + row * call->ldx;
    size_t size = sage_precision_size(w->precision);
    if (w->precision == SAGE_PRECISION_F32 && call->ldx == call->k) return x;
    char *to = sage_gemm_scratch(SAGE_SCRATCH_A, m * call->k * size);
    if (to == NULL) return NULL;
    if (w->precision == SAGE_PRECISION_INT8) {
        ops->to_int8(m, call->k, x, call->ldx, (int8_t *)to, scale);
        return to;
    }
    for (size_t i = 0; i < m; i++)
        if (w->precision == SAGE_PRECISION_BF16)
            ops->to_bf16(call->k, x + i * call->ldx, (uint16_t *)(void *)(to + i * call->k * size));
        else
            memcpy(to + i * call->k * size, x + i * call->ldx, call->k * size);
    return to;
}

/* The same values as reals. */
static const real *as_reals(const weights_call *call, const void *values, size_t m) {
    size_t cells = m * call->k;
    if (call->w->precision == SAGE_PRECISION_F32) return values;
    real *to = sage_gemm_scratch(SAGE_SCRATCH_REALS, cells * sizeof *to);
    if (to == NULL) return NULL;
    if (call->w->precision == SAGE_PRECISION_BF16)
        sage_ops_best()->from_bf16(cells, values, to);
    else
        for (size_t i = 0; i < cells; i++) to[i] = ((const int8_t *)values)[i];
    return to;
}

static void put(const weights_call *call, size_t row, size_t m, const real *c) {
    for (size_t i = 0; i < m; i++) {
        real *y = call->y + (row + i) * call->ldy;
        if (call->add)
            sage_ops_best()->axpy(call->n, 1, c + i * call->n, y);
        else
            memcpy(y, c + i * call->n, call->n * sizeof *y);
    }
}

/* ---- a block of rows; each returns how many of them are done ---- */

static size_t native_reals(const weights_call *call, size_t row, size_t m) {
    const void *a = operand(call, row, m, NULL);
    real *y = call->y + row * call->ldy;
    if (a == NULL) return 0;
    if (call->packed == NULL) return unpacked_product(call, m, a, call->add, y, call->ldy) ? m : 0;
    if (call->ldy == call->n) return packed_product(call, m, a, call->add, y);
    real *c = sage_gemm_scratch(SAGE_SCRATCH_C, m * call->n * sizeof *c);
    size_t done = c != NULL ? packed_product(call, m, a, false, c) : 0;
    put(call, row, done, c);
    return done;
}

/* Sums of this many products of two int8 are whole numbers that a real holds exactly. */
static size_t exact_terms(void) {
    return (sizeof(real) == sizeof(float) ? (size_t)1 << 24 : (size_t)1 << 31) / (127 * 127);
}

static bool int8_by_reals(const weights_call *call, const void *a, size_t m, int32_t *sums) {
    const real *reals = as_reals(call, a, m);
    real *part = sage_gemm_scratch(SAGE_SCRATCH_PART, m * call->n * sizeof *part);
    if (reals == NULL || part == NULL) return false;
    memset(sums, 0, m * call->n * sizeof *sums);
    for (size_t begin = 0; begin < call->k; begin += exact_terms()) {
        plain_product(call, m, reals, call->k, begin, smaller(exact_terms(), call->k - begin), false, part, call->n);
        for (size_t i = 0; i < m * call->n; i++) sums[i] += (int32_t)part[i];
    }
    return true;
}

static bool int8_native(const weights_call *call, const void *a, size_t m, int32_t *sums) {
    if (call->packed != NULL) return packed_product(call, m, a, false, sums) == m;
    return unpacked_product(call, m, a, false, sums, call->n);
}

static size_t int8_block(const weights_call *call, size_t row, size_t m) {
    real *scale = sage_gemm_scratch(SAGE_SCRATCH_SCALES, m * sizeof *scale);
    int32_t *sums = sage_gemm_scratch(SAGE_SCRATCH_C, m * call->n * sizeof *sums);
    const void *a = scale != NULL ? operand(call, row, m, scale) : NULL;
    if (sums == NULL || a == NULL) return 0;
    if (!(call->w->native ? int8_native(call, a, m, sums) : int8_by_reals(call, a, m, sums))) return 0;
    sage_ops_best()->from_int32(m, call->n, sums, scale, call->w->scale, call->add, call->y + row * call->ldy,
                                call->ldy);
    return m;
}

static size_t block(const weights_call *call, size_t row, size_t m) {
    if (call->w->precision == SAGE_PRECISION_INT8) return int8_block(call, row, m);
    if (call->w->native) return native_reals(call, row, m);
    const void *rounded = operand(call, row, m, NULL);
    const real *a = rounded != NULL ? as_reals(call, rounded, m) : NULL;
    if (a == NULL) return 0;
    plain_product(call, m, a, call->k, 0, call->k, call->add, call->y + row * call->ldy, call->ldy);
    return m;
}

/* ---- without memory, or where the library refuses: value by value ---- */

static real int8_scale(const real *x, size_t n) {
    real most = 0;
    for (size_t i = 0; i < n; i++) {
        real size = x[i] < 0 ? -x[i] : x[i];
        if (size > most) most = size;
    }
    return most / 127;
}

static real rounded_value(sage_precision precision, real x) {
    uint16_t bits;
    int8_t both[2];
    real scale;
    if (precision == SAGE_PRECISION_F32) return x;
    if (precision == SAGE_PRECISION_BF16) {
        sage_ops_best()->to_bf16(1, &x, &bits);
        sage_ops_best()->from_bf16(1, &bits, &x);
        return x;
    }
    /* x is in -127..127 here: beside a 127 its scale is 1 */
    const real pair[2] = {127, x};
    sage_ops_best()->to_int8(1, 2, pair, 2, both, &scale);
    return both[1];
}

static void row_by_value(const weights_call *call, size_t row) {
    const sage_weights *w = call->w;
    const real *x = call->x + row * call->ldx;
    real *y = call->y + row * call->ldy;
    bool int8 = w->precision == SAGE_PRECISION_INT8;
    real scale = int8 ? int8_scale(x, call->k) : 1;
    for (size_t j = 0; j < call->n; j++) {
        double sum = 0;
        for (size_t l = 0; l < call->k; l++)
            sum += (double)rounded_value(w->precision, scale > 0 ? x[l] / scale : 0) *
                   (double)(call->back ? sage_weights_at(w, l, j) : sage_weights_at(w, j, l));
        y[j] = (call->add ? y[j] : 0) + (real)sum * (int8 ? scale * w->scale[j] : 1);
    }
}

/* ---- all rows ---- */

static size_t rows_a_block(const weights_call *call, size_t rows) {
    const sage_weights *w = call->w;
    bool dense = call->ldx == call->k && (call->packed == NULL || call->ldy == call->n);
    if (w->precision == SAGE_PRECISION_F32 && (call->packed == NULL || dense)) return rows;
    size_t m = BLOCK_BYTES / ((call->k > call->n ? call->k : call->n) * sizeof(real)) / STEP * STEP;
    return m > EXACT ? m : EXACT;
}

static void run(const weights_call *call, size_t rows) {
    if (rows == 0 || call->n == 0) return;
    if (call->w->precision == SAGE_PRECISION_F32 && call->packed == NULL) {
        plain_product(call, rows, call->x, call->ldx, 0, call->k, call->add, call->y, call->ldy);
        return;
    }
    size_t step = rows_a_block(call, rows);
    for (size_t row = 0; row < rows; row += step) {
        size_t m = smaller(step, rows - row), done = call->k > 0 ? block(call, row, m) : 0;
        for (; done < m; done++) row_by_value(call, row + done);
    }
}

void sage_weights_forward(const sage_weights *w, size_t n, const real *x, size_t ldx, bool add, real *y, size_t ldy) {
    const weights_call call = {
        .w = w, .packed = w->forward, .add = add, .k = w->in, .n = w->out, .ldx = ldx, .ldy = ldy, .x = x, .y = y};
    run(&call, n);
}

void sage_weights_back(const sage_weights *w, size_t n, const real *dy, size_t lddy, bool add, real *dx, size_t lddx) {
    const weights_call call = {.w = w,
                               .packed = w->back,
                               .back = true,
                               .add = add,
                               .k = w->out,
                               .n = w->in,
                               .ldx = lddy,
                               .ldy = lddx,
                               .x = dy,
                               .y = dx};
    run(&call, n);
}
