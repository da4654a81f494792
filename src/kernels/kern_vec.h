/* The ops over vectors of VL floats, written once for every ISA. The including file sets the target and defines
 *   VB (bytes of a vector), V_PART (vectors that fit the registers beside a few others), V_FMA(a, b, c), V_SUM(a),
 * V_MAX(a, b), V_MIN(a, b), V_SQRT(a), V_OPS (name of the table), V_ISA (its text). Vectors are the compilers' own (gcc
 * and clang), so that only these few need intrinsics. No include guard: one file, one inclusion. */
#include "kern.h"
#include "kern_vec_math.h"
#include <string.h>

static float vec_dot(size_t n, const float *a, const float *b) {
    vf s0 = {0}, s1 = {0};
    size_t i = 0;
    for (; i + 2 * VL <= n; i += 2 * VL) {
        s0 = V_FMA(load(a + i), load(b + i), s0);
        s1 = V_FMA(load(a + i + VL), load(b + i + VL), s1);
    }
    for (; i + VL <= n; i += VL) s0 = V_FMA(load(a + i), load(b + i), s0);
    float sum = V_SUM(s0 + s1);
    for (; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static void vec_axpy(size_t n, float alpha, const float *x, float *y) {
    size_t i = 0;
    for (; i + VL <= n; i += VL) store(y + i, V_FMA(all(alpha), load(x + i), load(y + i)));
    for (; i < n; i++) y[i] += alpha * x[i];
}

static void vec_scale(size_t n, float alpha, float *x) {
    size_t i = 0;
    for (; i + VL <= n; i += VL) store(x + i, load(x + i) * all(alpha));
    for (; i < n; i++) x[i] *= alpha;
}

static float vec_max(size_t n, const float *x) {
    float max = x[0];
    size_t i = 0;
    if (n >= VL) {
        vf m = load(x);
        for (i = VL; i + VL <= n; i += VL) m = V_MAX(m, load(x + i));
        for (size_t lane = 0; lane < VL; lane++) max = m[lane] > max ? m[lane] : max;
    }
    for (; i < n; i++) max = x[i] > max ? x[i] : max;
    return max;
}

static float vec_exp_sum(size_t n, float shift, float *x) {
    vf sum = {0};
    size_t i = 0;
    for (; i + VL <= n; i += VL) {
        vf e = vexp(load(x + i) - all(shift));
        store(x + i, e);
        sum += e;
    }
    float total = V_SUM(sum);
    if (i < n) {
        float tail[VL] = {0};
        memcpy(tail, x + i, (n - i) * sizeof *tail);
        store(tail, vexp(load(tail) - all(shift)));
        memcpy(x + i, tail, (n - i) * sizeof *tail);
        for (; i < n; i++) total += x[i];
    }
    return total;
}

INLINE void prefetch_row(const float *row, size_t dim) {
    for (size_t c = 0; c < dim; c += 16) __builtin_prefetch(row + c);
}

/* STEPS vectors of columns of out stay in registers while all rows pass. */
INLINE void bag_sum_part(size_t steps, size_t dim, size_t n, const uint32_t *rows, const float *w, const float *table,
                         float *out, int prefetch) {
    vf sum[V_PART] = {{0}};
    for (size_t i = 0; i < n; i++) {
        const float *row = table + rows[i] * dim;
        if (prefetch) prefetch_row(table + rows[i + SAGE_PREFETCH] * dim, dim);
        vf weight = all(w[i]);
        for (size_t s = 0; s < steps; s++) sum[s] = V_FMA(weight, load(row + s * VL), sum[s]);
    }
    for (size_t s = 0; s < steps; s++) store(out + s * VL, sum[s]);
}

static void vec_bag_sum(size_t dim, size_t n, const uint32_t *rows, const float *w, const float *table, float *out) {
    size_t c = 0;
    for (; c + V_PART * VL <= dim; c += V_PART * VL) bag_sum_part(V_PART, dim, n, rows, w, table + c, out + c, c == 0);
    for (; c + VL <= dim; c += VL) bag_sum_part(1, dim, n, rows, w, table + c, out + c, c == 0);
    for (; c < dim; c++) {
        float sum = 0;
        for (size_t i = 0; i < n; i++) sum += w[i] * table[rows[i] * dim + c];
        out[c] = sum;
    }
}

static void vec_bag_back(size_t dim, size_t n, const uint32_t *bag, const float *w, const float *d, const float *row,
                         float *grad, float *dots) {
    for (size_t i = 0; i < n; i++) {
        const float *from = d + bag[i] * dim;
        prefetch_row(d + bag[i + SAGE_PREFETCH] * dim, dim);
        vf weight = all(w[i]), s0 = {0}, s1 = {0};
        size_t c = 0;
        for (; c + 2 * VL <= dim; c += 2 * VL) {
            vf x0 = load(from + c), x1 = load(from + c + VL);
            store(grad + c, V_FMA(weight, x0, load(grad + c)));
            store(grad + c + VL, V_FMA(weight, x1, load(grad + c + VL)));
            s0 = V_FMA(x0, load(row + c), s0);
            s1 = V_FMA(x1, load(row + c + VL), s1);
        }
        float dot = V_SUM(s0 + s1);
        for (; c < dim; c++) {
            grad[c] += w[i] * from[c];
            dot += from[c] * row[c];
        }
        dots[i] = dot;
    }
}

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

/* Four heads at a time share the loads of x. */
static void vec_heads_dot(size_t heads, size_t dim, const float *u, size_t ld, const float *x, float *out) {
    size_t h = 0;
    for (; h + 4 <= heads; h += 4) {
        const float *u0 = u + h * ld, *u1 = u0 + ld, *u2 = u1 + ld, *u3 = u2 + ld;
        vf s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
        size_t c = 0;
        for (; c + VL <= dim; c += VL) {
            vf v = load(x + c);
            s0 = V_FMA(v, load(u0 + c), s0);
            s1 = V_FMA(v, load(u1 + c), s1);
            s2 = V_FMA(v, load(u2 + c), s2);
            s3 = V_FMA(v, load(u3 + c), s3);
        }
        float t0 = V_SUM(s0), t1 = V_SUM(s1), t2 = V_SUM(s2), t3 = V_SUM(s3);
        for (; c < dim; c++) {
            t0 += x[c] * u0[c];
            t1 += x[c] * u1[c];
            t2 += x[c] * u2[c];
            t3 += x[c] * u3[c];
        }
        out[h] = t0;
        out[h + 1] = t1;
        out[h + 2] = t2;
        out[h + 3] = t3;
    }
    for (; h < heads; h++) out[h] = vec_dot(dim, u + h * ld, x);
}

static void vec_heads_axpy(size_t heads, size_t dim, const float *a, const float *x, float *sum, size_t ld) {
    for (size_t h = 0; h < heads; h++) vec_axpy(dim, a[h], x, sum + h * ld);
}

static void vec_heads_mix(size_t heads, size_t dim, const float *a, const float *x, const float *b, const float *y,
                          size_t ld, float *out) {
    size_t c = 0;
    for (; c + 2 * VL <= dim; c += 2 * VL) {
        vf s0 = {0}, s1 = {0};
        for (size_t h = 0; h < heads; h++) {
            const float *xh = x + h * ld + c, *yh = y + h * ld + c;
            s0 = V_FMA(all(a[h]), load(xh), s0);
            s1 = V_FMA(all(a[h]), load(xh + VL), s1);
            s0 = V_FMA(all(b[h]), load(yh), s0);
            s1 = V_FMA(all(b[h]), load(yh + VL), s1);
        }
        store(out + c, s0);
        store(out + c + VL, s1);
    }
    for (; c < dim; c++) {
        float sum = 0;
        for (size_t h = 0; h < heads; h++) sum += a[h] * x[h * ld + c] + b[h] * y[h * ld + c];
        out[c] = sum;
    }
}

static void vec_adam(float *w, const float *g, float *m, float *v, size_t n, float lr, float b1, float b2, float eps,
                     float decay, float c1, float c2) {
    size_t i = 0;
    for (; i + VL <= n; i += VL) {
        vf grad = load(g + i), weight = load(w + i);
        vf m1 = V_FMA(all(b1), load(m + i), all(1 - b1) * grad);
        vf v1 = V_FMA(all(b2), load(v + i), all(1 - b2) * (grad * grad));
        vf step = V_FMA(all(decay), weight, (m1 / all(c1)) / (V_SQRT(v1 / all(c2)) + all(eps)));
        store(m + i, m1);
        store(v + i, v1);
        store(w + i, V_FMA(all(-lr), step, weight));
    }
    for (; i < n; i++) {
        m[i] = b1 * m[i] + (1 - b1) * g[i];
        v[i] = b2 * v[i] + (1 - b2) * (g[i] * g[i]);
        w[i] -= lr * ((m[i] / c1) / (sqrtf(v[i] / c2) + eps) + decay * w[i]);
    }
}

const sage_ops V_OPS = {.isa = V_ISA,
                        .dot = vec_dot,
                        .axpy = vec_axpy,
                        .scale = vec_scale,
                        .max = vec_max,
                        .exp_sum = vec_exp_sum,
                        .bag_sum = vec_bag_sum,
                        .bag_back = vec_bag_back,
                        .norm = vec_norm,
                        .norm_back = vec_norm_back,
                        .norm_grad = vec_norm_grad,
                        .col_sum = vec_col_sum,
                        .add_row = vec_add_row,
                        .bias_gelu = vec_bias_gelu,
                        .gelu_back = vec_gelu_back,
                        .heads_dot = vec_heads_dot,
                        .heads_axpy = vec_heads_axpy,
                        .heads_mix = vec_heads_mix,
                        .adam = vec_adam};
