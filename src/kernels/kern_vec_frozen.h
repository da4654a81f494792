/* Forward-only ops on rows, for frozen encoders. Part of kern_vec.h, after kern_vec_rows.h. */

INLINE void row_norm_part(size_t part, vf mean, vf r, const float *x, const float *gain, const float *bias, float *y) {
    vf h = (load_part(x, part) - mean) * r;
    store_part(y, part, V_FMA(load_part(gain, part), h, load_part(bias, part)));
}

static void vec_row_norm(size_t n, size_t dim, float eps, const float *row, float *x, const float *gain,
                         const float *bias, float *y) {
    for (size_t i = 0; i < n; i++, x += dim, y += dim) {
        if (row != NULL) vec_add_row(1, dim, row, x);
        float mean = row_mean(dim, x);
        vf m = all(mean), r = all(1 / sqrtf(row_variance(dim, x, mean) + eps));
        size_t c = 0;
        for (; c + VL <= dim; c += VL) row_norm_part(VL, m, r, x + c, gain + c, bias + c, y + c);
        if (c < dim) row_norm_part(dim - c, m, r, x + c, gain + c, bias + c, y + c);
    }
}

/* Where exp(-z) is cut off or infinite, the quotient is t or 0 all the same. */
INLINE void swish_part(size_t part, const float *bias, vf a, vf b, float *x) {
    vf t = load_part(x, part) + load_part(bias, part);
    vf z = t * V_FMA(b * t, t, a);
    store_part(x, part, t / (all(1.0f) + vexp(V_MIN(-z, all(88.0f)))));
}

static void vec_bias_swish(size_t n, size_t dim, const float *bias, float a, float b, float *x) {
    vf first = all(a), third = all(b);
    for (size_t i = 0; i < n; i++, x += dim) {
        size_t c = 0;
        for (; c + VL <= dim; c += VL) swish_part(VL, bias + c, first, third, x + c);
        if (c < dim) swish_part(dim - c, bias + c, first, third, x + c);
    }
}

INLINE vf vrelu6(vf x) {
    return V_MIN(V_MAX(x, (vf){0}), all(6.0f));
}

static void vec_bias_relu6(size_t n, size_t dim, const float *bias, float *x) {
    for (size_t i = 0; i < n; i++, x += dim) {
        size_t c = 0;
        for (; c + VL <= dim; c += VL) store(x + c, vrelu6(load(x + c) + load(bias + c)));
        if (c < dim) store_part(x + c, dim - c, vrelu6(load_part(x + c, dim - c) + load_part(bias + c, dim - c)));
    }
}

/* ---- depthwise convolution: the nine weights of a vector of channels stay in registers along the row ---- */

typedef struct taps {
    vf weight[9], bias;
} taps;

/* One place, of whose three columns those from `begin` to `end` lie inside; x at the first of the three. */
INLINE void depthwise_place(const taps *t, size_t begin, size_t end, size_t part, size_t dim, const float *const x[3],
                            ptrdiff_t at, float *y) {
    vf sum[3] = {t->bias};
    for (size_t row = 0; row < 3; row++)
        for (size_t column = begin; column < end; column++)
            sum[row] = V_FMA(t->weight[3 * row + column], load_part(x[row] + (at + (ptrdiff_t)(column * dim)), part),
                             sum[row]);
    store_part(y, part, vrelu6(sum[0] + (sum[1] + sum[2])));
}

INLINE void depthwise_channels(size_t part, size_t w_in, size_t w_out, size_t dim, size_t stride, size_t pad,
                               const float *const x[3], const float *weight, const float *bias, float *y) {
    taps t = {.bias = load_part(bias, part)};
    for (size_t tap = 0; tap < 9; tap++) t.weight[tap] = load_part(weight + tap * dim, part);
    for (size_t i = 0; i < w_out; i++) {
        size_t place = i * stride; /* pad further right than it is */
        ptrdiff_t at = ((ptrdiff_t)place - (ptrdiff_t)pad) * (ptrdiff_t)dim;
        if (place >= pad && place - pad + 3 <= w_in) {
            depthwise_place(&t, 0, 3, part, dim, x, at, y + i * dim);
        } else {
            size_t begin = place < pad ? pad - place : 0, end = w_in + pad > place ? w_in + pad - place : 0;
            depthwise_place(&t, begin, end < 3 ? end : 3, part, dim, x, at, y + i * dim);
        }
    }
}

static void vec_depthwise_row(size_t w_in, size_t w_out, size_t dim, size_t stride, size_t pad, const float *const x[3],
                              const float *weight, const float *bias, float *y) {
    for (size_t c = 0; c < dim; c += VL) {
        const float *at[3] = {x[0] + c, x[1] + c, x[2] + c};
        if (dim - c >= VL)
            depthwise_channels(VL, w_in, w_out, dim, stride, pad, at, weight + c, bias + c, y + c);
        else
            depthwise_channels(dim - c, w_in, w_out, dim, stride, pad, at, weight + c, bias + c, y + c);
    }
}
