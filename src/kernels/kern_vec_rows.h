/* Ops on rows x [n][dim]: layer norm, sums of columns, GELU. Part of kern_vec.h. */

/* Sums over a row run in four lines, so that one addition need not wait for the one before. */
enum { LINES = 4 };

INLINE float row_mean(size_t dim, const float *x) {
    vf s[LINES] = {{0}};
    size_t c = 0;
    for (; c + LINES * VL <= dim; c += LINES * VL)
        for (size_t k = 0; k < LINES; k++) s[k] += load(x + c + k * VL);
    for (; c + VL <= dim; c += VL) s[0] += load(x + c);
    if (c < dim) s[1] += load_part(x + c, dim - c);
    return V_SUM((s[0] + s[1]) + (s[2] + s[3])) / (float)dim;
}

INLINE vf square(vf x, vf mean, vf sum) {
    x -= mean;
    return V_FMA(x, x, sum);
}

INLINE float row_variance(size_t dim, const float *x, float mean) {
    vf s[LINES] = {{0}}, m = all(mean);
    size_t c = 0;
    for (; c + LINES * VL <= dim; c += LINES * VL)
        for (size_t k = 0; k < LINES; k++) s[k] = square(load(x + c + k * VL), m, s[k]);
    for (; c + VL <= dim; c += VL) s[0] = square(load(x + c), m, s[0]);
    if (c < dim) s[1] = square(V_LOAD_PART(x + c, dim - c, m), m, s[1]);
    return V_SUM((s[0] + s[1]) + (s[2] + s[3])) / (float)dim;
}

INLINE void norm_part(size_t part, vf mean, vf r, const float *x, const float *gain, const float *bias, float *hat,
                      float *y) {
    vf h = (load_part(x, part) - mean) * r;
    store_part(hat, part, h);
    store_part(y, part, V_FMA(load_part(gain, part), h, load_part(bias, part)));
}

static void vec_norm(size_t n, size_t dim, const float *x, const float *gain, const float *bias, float *hat, float *y,
                     float *rstd) {
    for (size_t i = 0; i < n; i++, x += dim, hat += dim, y += dim) {
        float mean = row_mean(dim, x);
        rstd[i] = 1 / sqrtf(row_variance(dim, x, mean) + SAGE_NORM_EPS);
        vf m = all(mean), r = all(rstd[i]);
        size_t c = 0;
        for (; c + VL <= dim; c += VL) norm_part(VL, m, r, x + c, gain + c, bias + c, hat + c, y + c);
        if (c < dim) norm_part(dim - c, m, r, x + c, gain + c, bias + c, hat + c, y + c);
    }
}

/* Adds to the sums of t = gain dy and of t hat. */
INLINE void norm_back_sums(size_t part, const float *dy, const float *hat, const float *gain, vf *sum, vf *sum_hat) {
    vf t = load_part(gain, part) * load_part(dy, part);
    *sum += t;
    *sum_hat = V_FMA(t, load_part(hat, part), *sum_hat);
}

INLINE void norm_back_part(size_t part, vf mean, vf mean_hat, vf r, const float *dy, const float *hat,
                           const float *gain, float *dx) {
    vf t = V_FMA(load_part(gain, part), load_part(dy, part), -mean);
    store_part(dx, part, r * V_FMA(-mean_hat, load_part(hat, part), t));
}

static void vec_norm_back(size_t n, size_t dim, const float *dy, const float *hat, const float *rstd, const float *gain,
                          float *dx) {
    for (size_t i = 0; i < n; i++, dy += dim, hat += dim, dx += dim) {
        vf s[2] = {{0}}, sh[2] = {{0}};
        size_t c = 0;
        for (; c + 2 * VL <= dim; c += 2 * VL)
            for (size_t k = 0; k < 2; k++)
                norm_back_sums(VL, dy + c + k * VL, hat + c + k * VL, gain + c + k * VL, &s[k], &sh[k]);
        for (; c + VL <= dim; c += VL) norm_back_sums(VL, dy + c, hat + c, gain + c, &s[0], &sh[0]);
        if (c < dim) norm_back_sums(dim - c, dy + c, hat + c, gain + c, &s[0], &sh[0]);
        vf mean = all(V_SUM(s[0] + s[1]) / (float)dim), mean_hat = all(V_SUM(sh[0] + sh[1]) / (float)dim);
        vf r = all(rstd[i]);
        for (c = 0; c + VL <= dim; c += VL) norm_back_part(VL, mean, mean_hat, r, dy + c, hat + c, gain + c, dx + c);
        if (c < dim) norm_back_part(dim - c, mean, mean_hat, r, dy + c, hat + c, gain + c, dx + c);
    }
}

/* Sums over rows: a few vectors of columns stay in registers while all rows pass. */
INLINE void norm_grad_columns(size_t steps, size_t part, size_t n, size_t dim, const float *dy, const float *hat,
                              float *gain_grad, float *bias_grad) {
    vf gain[LINES], bias[LINES];
    for (size_t s = 0; s < steps; s++) {
        gain[s] = load_part(gain_grad + s * VL, part);
        bias[s] = load_part(bias_grad + s * VL, part);
    }
    for (size_t i = 0; i < n; i++, dy += dim, hat += dim)
        for (size_t s = 0; s < steps; s++) {
            vf d = load_part(dy + s * VL, part);
            gain[s] = V_FMA(d, load_part(hat + s * VL, part), gain[s]);
            bias[s] += d;
        }
    for (size_t s = 0; s < steps; s++) {
        store_part(gain_grad + s * VL, part, gain[s]);
        store_part(bias_grad + s * VL, part, bias[s]);
    }
}

static void vec_norm_grad(size_t n, size_t dim, size_t begin, size_t end, const float *dy, const float *hat,
                          float *gain_grad, float *bias_grad) {
    size_t c = begin;
    for (; c + LINES * VL <= end; c += LINES * VL)
        norm_grad_columns(LINES, VL, n, dim, dy + c, hat + c, gain_grad + c, bias_grad + c);
    for (; c + VL <= end; c += VL) norm_grad_columns(1, VL, n, dim, dy + c, hat + c, gain_grad + c, bias_grad + c);
    if (c < end) norm_grad_columns(1, end - c, n, dim, dy + c, hat + c, gain_grad + c, bias_grad + c);
}

INLINE void sum_columns(size_t steps, size_t part, size_t n, size_t dim, const float *x, float *sum) {
    vf s[LINES];
    for (size_t k = 0; k < steps; k++) s[k] = load_part(sum + k * VL, part);
    for (size_t i = 0; i < n; i++, x += dim)
        for (size_t k = 0; k < steps; k++) s[k] += load_part(x + k * VL, part);
    for (size_t k = 0; k < steps; k++) store_part(sum + k * VL, part, s[k]);
}

static void vec_col_sum(size_t n, size_t dim, size_t begin, size_t end, const float *x, float *sum) {
    size_t c = begin;
    for (; c + LINES * VL <= end; c += LINES * VL) sum_columns(LINES, VL, n, dim, x + c, sum + c);
    for (; c + VL <= end; c += VL) sum_columns(1, VL, n, dim, x + c, sum + c);
    if (c < end) sum_columns(1, end - c, n, dim, x + c, sum + c);
}

static void vec_add_row(size_t n, size_t dim, const float *row, float *x) {
    for (size_t i = 0; i < n; i++, x += dim) {
        size_t c = 0;
        for (; c + VL <= dim; c += VL) store(x + c, load(x + c) + load(row + c));
        for (; c < dim; c++) x[c] += row[c];
    }
}

static void vec_bias_gelu(size_t n, size_t dim, const float *bias, float *x, float *y) {
    vf e;
    for (size_t i = 0; i < n; i++, x += dim, y += dim) {
        size_t c = 0;
        for (; c + VL <= dim; c += VL) {
            vf v = load(x + c) + load(bias + c);
            store(x + c, v);
            store(y + c, v * vphi(v, &e));
        }
        if (c < dim) {
            float tail[VL] = {0};
            for (size_t t = c; t < dim; t++) tail[t - c] = x[t] += bias[t];
            vf v = load(tail);
            store(tail, v * vphi(v, &e));
            memcpy(y + c, tail, (dim - c) * sizeof *tail);
        }
    }
}

INLINE vf vgelu_slope(vf x) {
    vf e, p = vphi(x, &e);
    return V_FMA(x * all(0.39894228040143267794f), e, p);
}

static void vec_gelu_back(size_t n, const float *dy, float *x) {
    size_t i = 0;
    for (; i + VL <= n; i += VL) store(x + i, load(dy + i) * vgelu_slope(load(x + i)));
    if (i < n) {
        float tail[VL] = {0};
        memcpy(tail, x + i, (n - i) * sizeof *tail);
        store(tail, vgelu_slope(load(tail)));
        for (size_t t = i; t < n; t++) x[t] = dy[t] * tail[t - i];
    }
}
