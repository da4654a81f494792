/* Ops on rows x [n][dim]: layer norm, sums of columns, GELU. Part of kern_vec.h. */
static void vec_norm(size_t n, size_t dim, const float *x, const float *gain, const float *bias, float *hat, float *y,
                     float *rstd) {
    for (size_t i = 0; i < n; i++, x += dim, hat += dim, y += dim) {
        vf s = {0};
        size_t c = 0;
        for (; c + VL <= dim; c += VL) s += load(x + c);
        float mean = V_SUM(s), variance;
        for (; c < dim; c++) mean += x[c];
        mean /= (float)dim;
        s = (vf){0};
        for (c = 0; c + VL <= dim; c += VL) {
            vf t = load(x + c) - all(mean);
            s = V_FMA(t, t, s);
        }
        variance = V_SUM(s);
        for (; c < dim; c++) variance += (x[c] - mean) * (x[c] - mean);
        float r = 1 / sqrtf(variance / (float)dim + SAGE_NORM_EPS);
        rstd[i] = r;
        for (c = 0; c + VL <= dim; c += VL) {
            vf h = (load(x + c) - all(mean)) * all(r);
            store(hat + c, h);
            store(y + c, V_FMA(load(gain + c), h, load(bias + c)));
        }
        for (; c < dim; c++) {
            float h = (x[c] - mean) * r;
            hat[c] = h;
            y[c] = gain[c] * h + bias[c];
        }
    }
}

static void vec_norm_back(size_t n, size_t dim, const float *dy, const float *hat, const float *rstd, const float *gain,
                          float *dx) {
    for (size_t i = 0; i < n; i++, dy += dim, hat += dim, dx += dim) {
        vf s = {0}, sh = {0};
        size_t c = 0;
        for (; c + VL <= dim; c += VL) {
            vf t = load(gain + c) * load(dy + c);
            s += t;
            sh = V_FMA(t, load(hat + c), sh);
        }
        float mean = V_SUM(s), mean_hat = V_SUM(sh);
        for (; c < dim; c++) {
            mean += gain[c] * dy[c];
            mean_hat += gain[c] * dy[c] * hat[c];
        }
        mean /= (float)dim;
        mean_hat /= (float)dim;
        for (c = 0; c + VL <= dim; c += VL) {
            vf t = V_FMA(load(gain + c), load(dy + c), all(-mean));
            store(dx + c, all(rstd[i]) * V_FMA(all(-mean_hat), load(hat + c), t));
        }
        for (; c < dim; c++) dx[c] = rstd[i] * (gain[c] * dy[c] - mean - hat[c] * mean_hat);
    }
}

static void vec_norm_grad(size_t n, size_t dim, size_t begin, size_t end, const float *dy, const float *hat,
                          float *gain_grad, float *bias_grad) {
    for (size_t i = 0; i < n; i++, dy += dim, hat += dim) {
        size_t c = begin;
        for (; c + VL <= end; c += VL) {
            vf d = load(dy + c);
            store(gain_grad + c, V_FMA(d, load(hat + c), load(gain_grad + c)));
            store(bias_grad + c, load(bias_grad + c) + d);
        }
        for (; c < end; c++) {
            gain_grad[c] += dy[c] * hat[c];
            bias_grad[c] += dy[c];
        }
    }
}

static void vec_col_sum(size_t n, size_t dim, size_t begin, size_t end, const float *x, float *sum) {
    for (size_t i = 0; i < n; i++, x += dim) {
        size_t c = begin;
        for (; c + VL <= end; c += VL) store(sum + c, load(sum + c) + load(x + c));
        for (; c < end; c++) sum[c] += x[c];
    }
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

static void vec_gelu_back(size_t n, const float *x, float *dy) {
    size_t i = 0;
    for (; i + VL <= n; i += VL) store(dy + i, load(dy + i) * vgelu_slope(load(x + i)));
    if (i < n) {
        float tail[VL] = {0};
        memcpy(tail, x + i, (n - i) * sizeof *tail);
        store(tail, vgelu_slope(load(tail)));
        for (size_t t = i; t < n; t++) dy[t] *= tail[t - i];
    }
}
