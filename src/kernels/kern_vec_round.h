/* Rows in other precisions; bit for bit as the scalar truth rounds. Part of kern_vec.h. */

/* The bits of the nearest bf16, ties to even, in the low half; a NaN keeps its top bits and is made quiet. */
INLINE vi bf16_bits(vf x) {
    vi bits = (vi)x, high = bits >> 16, nan = x != x;
    vi near = (bits + 0x7fff + (high & 1)) >> 16;
    return (near & ~nan) | ((high | 0x40) & nan);
}

static void vec_to_bf16(size_t n, const float *x, uint16_t *y) {
    size_t i = 0;
    for (; i + VL <= n; i += VL) V_STORE_U16(y + i, bf16_bits(load(x + i)));
    if (i < n) {
        uint16_t tail[VL];
        V_STORE_U16(tail, bf16_bits(load_part(x + i, n - i)));
        memcpy(y + i, tail, (n - i) * sizeof *tail);
    }
}

static void vec_from_bf16(size_t n, const uint16_t *x, float *y) {
    size_t i = 0;
    for (; i + VL <= n; i += VL) store(y + i, V_LOAD_BF16(x + i));
    if (i < n) {
        uint16_t tail[VL] = {0};
        memcpy(tail, x + i, (n - i) * sizeof *tail);
        store_part(y + i, n - i, V_LOAD_BF16(tail));
    }
}

INLINE vf vabs(vf x) {
    return (vf)((vi)x & INT32_MAX);
}

static float max_abs(size_t n, const float *x) {
    vf m = {0};
    size_t i = 0;
    for (; i + VL <= n; i += VL) m = V_MAX(m, vabs(load(x + i)));
    if (i < n) m = V_MAX(m, vabs(load_part(x + i, n - i)));
    float lane[VL];
    store(lane, m);
    return vec_max(VL, lane);
}

/* Nearest even, for |x| < 2^22: 1.5 * 2^23 leaves no bit after the point. */
INLINE vi nearest(vf x) {
    return (vi)(x + all(12582912.0f)) - (vi)all(12582912.0f);
}

static void vec_to_int8(size_t n, size_t dim, const float *x, size_t ld, int8_t *q, float *scale) {
    for (size_t i = 0; i < n; i++, x += ld, q += dim) {
        float max = max_abs(dim, x), inverse = SAGE_INT8_INVERSE(max);
        size_t c = 0;
        scale[i] = max / 127;
        for (; c + VL <= dim; c += VL) V_STORE_INT8(q + c, nearest(load(x + c) * all(inverse)));
        if (c < dim) {
            int8_t tail[VL];
            V_STORE_INT8(tail, nearest(load_part(x + c, dim - c) * all(inverse)));
            memcpy(q + c, tail, dim - c);
        }
    }
}

static void vec_from_int32(size_t n, size_t dim, const int32_t *acc, const float *row_scale, const float *column_scale,
                           bool add, float *y, size_t ldy) {
    for (size_t i = 0; i < n; i++, acc += dim, y += ldy) {
        size_t c = 0;
        vf scale = all(row_scale[i]);
        for (; c + VL <= dim; c += VL) {
            vi sums;
            memcpy(&sums, acc + c, sizeof sums);
            vf factor = scale * load(column_scale + c), from = add ? load(y + c) : (vf){0};
            store(y + c, V_FMA(factor, __builtin_convertvector(sums, vf), from));
        }
        for (; c < dim; c++) y[c] = (add ? y[c] : 0) + row_scale[i] * column_scale[c] * (float)acc[c];
    }
}
