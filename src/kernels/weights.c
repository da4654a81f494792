/* Weight matrices: rounded and laid out. */
#include "weights.h"
#include <base/alloc.h>
#include <string.h>

static size_t stored_size(const sage_weights *w) {
    return w->native ? sage_precision_size(w->precision) : sizeof(real);
}

static size_t whole_units(size_t bytes) {
    return (bytes + sizeof(uint32_t) - 1) / sizeof(uint32_t) * sizeof(uint32_t);
}

static bool reserve(sage_weights *w, bool backward) {
    if (w->native) {
        w->forward = sage_packed_new(w->precision, w->in, w->out);
        if (backward) w->back = sage_packed_new(w->precision, w->out, w->in);
    }
    w->row_bytes = whole_units(w->in * sage_precision_size(w->precision));
    if (w->precision != SAGE_PRECISION_F32) w->rows = sage_alloc_zero(SAGE_WEIGHTS_ROWS, w->row_bytes);
    if (w->precision == SAGE_PRECISION_INT8) w->scale = sage_alloc_zero(w->out, sizeof(real));
    if (w->forward == NULL || (backward && w->back == NULL)) {
        w->plain = sage_alloc_aligned(w->out * w->in * stored_size(w));
        if (w->plain == NULL) return false;
    }
    return (w->precision == SAGE_PRECISION_F32 || w->rows != NULL) &&
           (w->precision != SAGE_PRECISION_INT8 || w->scale != NULL);
}

sage_status sage_weights_new(size_t out, size_t in, sage_precision precision, bool backward, sage_weights **weights,
                             sage_error *error) {
    *weights = NULL;
    sage_weights *w = sage_alloc_zero(1, sizeof *w);
    if (w == NULL) return sage_fail_memory(error, sizeof *w);
    w->out = out;
    w->in = in;
    w->precision = precision;
    w->native = precision == SAGE_PRECISION_F32 || sage_onednn_name(precision) != NULL;
    if (!reserve(w, backward)) {
        size_t bytes = out * in * stored_size(w);
        sage_weights_free(w);
        return sage_fail_memory(error, bytes);
    }
    *weights = w;
    return SAGE_OK;
}

void sage_weights_free(sage_weights *w) {
    if (w == NULL) return;
    sage_packed_free(w->forward);
    sage_packed_free(w->back);
    sage_free(w->plain);
    sage_free(w->rows);
    sage_free(w->scale);
    sage_free(w);
}

size_t sage_weights_bytes(const sage_weights *w) {
    size_t bytes = sizeof *w;
    if (w->forward != NULL) bytes += sage_packed_layout(w->forward)->bytes;
    if (w->back != NULL) bytes += sage_packed_layout(w->back)->bytes;
    if (w->plain != NULL) bytes += w->out * w->in * stored_size(w);
    if (w->rows != NULL) bytes += SAGE_WEIGHTS_ROWS * w->row_bytes;
    if (w->scale != NULL) bytes += w->out * sizeof(real);
    return bytes;
}

/* ---- setting ---- */

/* One row in the precision's type. */
static void round_row(sage_weights *w, const real *values, size_t row, char *to) {
    const sage_ops *ops = sage_ops_best();
    if (w->precision == SAGE_PRECISION_BF16)
        ops->to_bf16(w->in, values, (uint16_t *)(void *)to);
    else
        ops->to_int8(1, w->in, values, w->in, (int8_t *)to, w->scale + row);
}

static void keep_plain(sage_weights *w, const void *row, size_t number) {
    real *reals = (real *)w->plain + number * w->in;
    if (w->native)
        memcpy((char *)w->plain + number * w->in * stored_size(w), row, w->in * stored_size(w));
    else if (w->precision == SAGE_PRECISION_BF16)
        sage_ops_best()->from_bf16(w->in, row, reals);
    else
        for (size_t i = 0; i < w->in; i++) reals[i] = ((const int8_t *)row)[i];
}

void sage_weights_set(sage_weights *w, const real *values, size_t ld) {
    size_t size = sage_precision_size(w->precision);
    for (size_t begin = 0; begin < w->out; begin += SAGE_WEIGHTS_ROWS) {
        size_t n = w->out - begin < SAGE_WEIGHTS_ROWS ? w->out - begin : SAGE_WEIGHTS_ROWS;
        const char *rows = w->rows;
        size_t row_ld = w->row_bytes;
        if (rows == NULL) {
            rows = (const char *)(values + begin * ld);
            row_ld = ld * sizeof(real);
        }
        for (size_t i = 0; i < n; i++) {
            if (w->rows != NULL) round_row(w, values + (begin + i) * ld, begin + i, w->rows + i * row_ld);
            if (w->plain != NULL) keep_plain(w, rows + i * row_ld, begin + i);
            if (w->forward != NULL && w->precision == SAGE_PRECISION_INT8)
                sage_pack_sum(w->forward, (const int8_t *)(rows + i * row_ld), w->in, begin + i);
        }
        if (w->forward != NULL) sage_pack_columns(w->forward, rows, row_ld, begin, n, w->row_bytes);
        if (w->back != NULL) sage_pack_rows(w->back, rows, row_ld, begin, n, 0, w->in, size);
    }
}
