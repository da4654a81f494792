/* The sides of weight gradients, as the library's fast kernel wants them: the left one transposed, so that a row of the
 * product has its terms side by side, the right one in the layout of weights. Without the library both stay rows. */
#include "weights.h"
#include <base/alloc.h>
#include <string.h>

enum { TILE = 64 }; /* rows and columns that are turned at a time */

struct sage_side {
    size_t rows, width;
    sage_precision precision;
    bool turned;         /* values are [width][rows] */
    bool native;         /* of the precision's type; else reals */
    void *values;        /* or NULL where packed */
    sage_packed *packed; /* [rows][width] laid out; right sides only, where the library has such a layout */
};

static size_t value_bytes(const sage_side *s) {
    return s->native ? sage_precision_size(s->precision) : sizeof(real);
}

sage_status sage_side_new(bool left, size_t rows, size_t width, sage_precision precision, sage_side **side,
                          sage_error *error) {
    *side = NULL;
    sage_side *s = sage_alloc_zero(1, sizeof *s);
    if (s == NULL) return sage_fail_memory(error, sizeof *s);
    *s = (sage_side){.rows = rows, .width = width, .precision = precision};
    s->native = sage_onednn_name(precision) != NULL;
    s->turned = left && s->native;
    if (!left && s->native) s->packed = sage_packed_new(precision, rows, width);
    if (s->packed == NULL) {
        size_t bytes = rows * width * value_bytes(s);
        s->values = sage_alloc_aligned(bytes);
        if (s->values == NULL) {
            sage_free(s);
            return sage_fail_memory(error, bytes);
        }
        sage_huge_pages(s->values, bytes);
    }
    *side = s;
    return SAGE_OK;
}

void sage_side_free(sage_side *side) {
    if (side == NULL) return;
    sage_packed_free(side->packed);
    sage_free(side->values);
    sage_free(side);
}

size_t sage_side_bytes(const sage_side *s) {
    return sizeof *s + (s->packed != NULL ? sage_packed_layout(s->packed)->bytes : s->rows * s->width * value_bytes(s));
}

/* ---- setting ---- */

static void round_or_copy(const sage_side *s, size_t n, const real *from, void *to) {
    if (s->native && s->precision == SAGE_PRECISION_BF16)
        sage_ops_best()->to_bf16(n, from, to);
    else
        memcpy(to, from, n * sizeof *from);
}

/* A tile is turned in the first cache, and what is written are whole lines. */
static void set_turned(const sage_side *s, size_t begin, size_t n, size_t column, size_t columns, const real *values,
                       size_t ld) {
    real tile[TILE * TILE];
    size_t size = value_bytes(s);
    sage_turn(values, ld * sizeof *values, n, columns, (uint32_t *)(void *)tile, TILE);
    for (size_t c = 0; c < columns; c++)
        round_or_copy(s, n, tile + c * TILE, (char *)s->values + ((column + c) * s->rows + begin) * size);
}

static void set_packed(const sage_side *s, size_t begin, size_t n, size_t column, size_t columns, const real *values,
                       size_t ld) {
    uint16_t tile[TILE * TILE];
    if (s->precision == SAGE_PRECISION_F32) {
        sage_pack_rows(s->packed, values, ld * sizeof *values, begin, n, column, columns, sizeof *values);
        return;
    }
    for (size_t i = 0; i < n; i++) sage_ops_best()->to_bf16(columns, values + i * ld, tile + i * TILE);
    sage_pack_rows(s->packed, tile, TILE * sizeof *tile, begin, n, column, columns, sizeof *tile);
}

void sage_side_set(sage_side *s, size_t begin, size_t n, const real *values, size_t ld) {
    for (size_t row = 0; row < n; row += TILE)
        for (size_t column = 0; column < s->width; column += TILE) {
            size_t rows = n - row < TILE ? n - row : TILE, columns = s->width - column;
            const real *from = values + row * ld + column;
            if (columns > TILE) columns = TILE;
            if (s->turned)
                set_turned(s, begin + row, rows, column, columns, from, ld);
            else if (s->packed != NULL)
                set_packed(s, begin + row, rows, column, columns, from, ld);
            else
                for (size_t i = 0; i < rows; i++)
                    round_or_copy(s, columns, from + i * ld,
                                  (char *)s->values + ((begin + row + i) * s->width + column) * value_bytes(s));
        }
}

/* ---- multiplying ---- */

static real value_at(const sage_side *s, size_t row, size_t column) {
    if (s->packed != NULL) return sage_packed_at(s->packed, s->precision, row, column);
    size_t at = s->turned ? column * s->rows + row : row * s->width + column;
    return sage_stored_value(s->precision, (const char *)s->values + at * value_bytes(s));
}

/* Where the library is out of memory. */
static void by_value(const sage_side *left, size_t begin, size_t m, const sage_side *right, real *c) {
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < right->width; j++) {
            double sum = 0;
            for (size_t row = 0; row < left->rows; row++)
                sum += (double)value_at(left, row, begin + i) * (double)value_at(right, row, j);
            c[i * right->width + j] = (real)sum;
        }
}

void sage_sides_product(const sage_side *left, size_t begin, size_t m, const sage_side *right, real *c) {
    if (!left->native) {
        sage_gemm(left->precision, true, false, m, right->width, left->rows, (const real *)left->values + begin,
                  left->width, right->values, right->width, false, c, right->width);
        return;
    }
    const sage_product p = {.precision = left->precision,
                            .m = m,
                            .n = right->width,
                            .k = left->rows,
                            .lda = left->rows,
                            .ldb = right->width,
                            .ldc = right->width,
                            .a = (const char *)left->values + begin * left->rows * value_bytes(left),
                            .b = right->values,
                            .c = c,
                            .packed = right->packed};
    if (right->packed == NULL && left->precision == SAGE_PRECISION_F32)
        sage_gemm_reals(&p);
    else if (m == 0 || right->width == 0 || !sage_onednn_product(&p))
        by_value(left, begin, m, right, c);
}
