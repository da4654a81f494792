/* Rows of a matrix into the layouts of its transpose and of itself; see sage_layout. Values move in units of 4 bytes.
 */
#include "weights.h"
#include <string.h>

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

static uint32_t *place(const sage_layout *l, void *values, size_t unit, size_t column) {
    return (uint32_t *)values + unit / l->k_block * l->k_stride + column / l->n_block * l->n_stride +
           unit % l->k_block * l->n_block + column % l->n_block;
}

/* Four units of four rows become four columns of four. */
typedef uint32_t quad __attribute__((vector_size(16)));
enum { QUAD = 4 };

static inline quad load_quad(const char *from) {
    quad q;
    memcpy(&q, from, sizeof q);
    return q;
}

static inline void store_quad(uint32_t *to, quad q) {
    memcpy(to, &q, sizeof q);
}

static inline void turn_quad(const char *from, size_t ld, uint32_t *to, size_t stride) {
    quad a = load_quad(from), b = load_quad(from + ld), c = load_quad(from + 2 * ld), d = load_quad(from + 3 * ld);
    quad ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    store_quad(to, __builtin_shufflevector(ab, cd, 0, 1, 4, 5));
    store_quad(to + stride, __builtin_shufflevector(ab, cd, 2, 3, 6, 7));
    ab = __builtin_shufflevector(a, b, 2, 6, 3, 7), cd = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    store_quad(to + 2 * stride, __builtin_shufflevector(ab, cd, 0, 1, 4, 5));
    store_quad(to + 3 * stride, __builtin_shufflevector(ab, cd, 2, 3, 6, 7));
}

/* `units` of a row. */
static void turn_row(const char *from, uint32_t *to, size_t stride, size_t units) {
    for (size_t u = 0; u < units; u++) memcpy(to + u * stride, from + u * sizeof *to, sizeof *to);
}

/* Block by block of units, so that what is written stays in the cache until its lines are full. */
void sage_pack_columns(sage_packed *packed, const void *rows, size_t ld, size_t begin, size_t n, size_t row_bytes) {
    const sage_layout *l = sage_packed_layout(packed);
    size_t units = row_bytes / sizeof(uint32_t);
    bool by_quads = l->n_block % QUAD == 0 && begin % QUAD == 0;
    for (size_t u = 0; u < units; u += l->k_block) {
        size_t block = smaller(l->k_block, units - u), whole = by_quads ? block / QUAD * QUAD : 0;
        const char *from = (const char *)rows + u * sizeof(uint32_t);
        for (size_t i = 0, step; i < n; i += step) {
            uint32_t *to = place(l, sage_packed_values(packed), u, begin + i);
            step = whole > 0 && n - i >= QUAD ? QUAD : 1;
            size_t turned = step == QUAD ? whole : 0;
            for (size_t j = 0; j < turned; j += QUAD)
                turn_quad(from + i * ld + j * sizeof *to, ld, to + j * l->n_block, l->n_block);
            for (size_t r = 0; r < step; r++)
                turn_row(from + (i + r) * ld + turned * sizeof *to, to + r + turned * l->n_block, l->n_block,
                         block - turned);
        }
    }
}

/* A unit of two bf16 holds two rows of a column. */
static void pack_pair(uint32_t *to, const uint16_t *row, const uint16_t *next, size_t n) {
    for (size_t j = 0; j < n; j++) to[j] = row[j] | (next == NULL ? 0 : (uint32_t)next[j] << 16);
}

void sage_pack_rows(sage_packed *packed, const void *rows, size_t ld, size_t begin, size_t n, size_t first,
                    size_t columns, size_t size) {
    const sage_layout *l = sage_packed_layout(packed);
    size_t together = sizeof(uint32_t) / size;
    for (size_t i = 0; i < n; i += together)
        for (size_t c = 0, block; c < columns; c += block) {
            uint32_t *to = place(l, sage_packed_values(packed), (begin + i) / together, first + c);
            const char *row = (const char *)rows + i * ld + c * size, *next = i + 1 < n ? row + ld : NULL;
            block = smaller(l->n_block - (first + c) % l->n_block, columns - c);
            if (together == 2)
                pack_pair(to, (const void *)row, (const void *)next, block);
            else
                memcpy(to, row, block * size);
        }
}

void sage_turn(const void *rows, size_t ld, size_t n, size_t columns, uint32_t *to, size_t stride) {
    const char *from = rows;
    size_t whole = columns / QUAD * QUAD;
    for (size_t i = 0, step; i < n; i += step) {
        step = n - i >= QUAD ? QUAD : 1;
        size_t turned = step == QUAD ? whole : 0;
        for (size_t c = 0; c < turned; c += QUAD)
            turn_quad(from + i * ld + c * sizeof *to, ld, to + c * stride + i, stride);
        for (size_t r = 0; r < step; r++)
            turn_row(from + (i + r) * ld + turned * sizeof *to, to + turned * stride + i + r, stride, columns - turned);
    }
}

void sage_pack_sum(sage_packed *packed, const int8_t *row, size_t n, size_t column) {
    const sage_layout *l = sage_packed_layout(packed);
    int32_t sum = 0;
    if (l->columns_at == 0) return;
    for (size_t i = 0; i < n; i++) sum += row[i];
    sum *= -128;
    memcpy((char *)sage_packed_values(packed) + l->columns_at + column * sizeof sum, &sum, sizeof sum);
}

/* ---- reading one value back ---- */

real sage_stored_value(sage_precision precision, const void *at) {
    uint16_t bits;
    real value;
    if (precision == SAGE_PRECISION_INT8) return *(const int8_t *)at;
    if (precision == SAGE_PRECISION_F32) {
        memcpy(&value, at, sizeof value);
    } else {
        memcpy(&bits, at, sizeof bits);
        sage_ops_best()->from_bf16(1, &bits, &value);
    }
    return value;
}

real sage_packed_at(const sage_packed *packed, sage_precision precision, size_t k, size_t n) {
    size_t size = sage_precision_size(precision), together = sizeof(uint32_t) / size;
    const char *unit = (const char *)place(sage_packed_layout(packed), sage_packed_values(packed), k / together, n);
    return sage_stored_value(precision, unit + k % together * size);
}

real sage_weights_at(const sage_weights *w, size_t out, size_t in) {
    size_t size = sage_precision_size(w->precision);
    if (w->plain != NULL && !w->native) return ((const real *)w->plain)[out * w->in + in];
    if (w->plain != NULL) return sage_stored_value(w->precision, (const char *)w->plain + (out * w->in + in) * size);
    return sage_packed_at(w->forward, w->precision, in, out);
}
