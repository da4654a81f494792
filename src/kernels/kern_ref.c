/* The scalar truth: each op as its formula reads. Every other kernel is tested against it. */
#include "kern.h"
#include <string.h>

static real ref_dot(size_t n, const real *a, const real *b) {
    real sum = 0;
    for (size_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static void ref_axpy(size_t n, real alpha, const real *x, real *y) {
    for (size_t i = 0; i < n; i++) y[i] += alpha * x[i];
}

static void ref_scale(size_t n, real alpha, real *x) {
    for (size_t i = 0; i < n; i++) x[i] *= alpha;
}

static real ref_max(size_t n, const real *x) {
    real max = x[0];
    for (size_t i = 1; i < n; i++) max = x[i] > max ? x[i] : max;
    return max;
}

static real ref_exp_sum(size_t n, real shift, real *x) {
    real sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i] = real_exp(x[i] - shift);
    return sum;
}

static void ref_bag_sum(size_t dim, size_t n, const uint32_t *rows, const real *w, const real *table, real *out) {
    for (size_t c = 0; c < dim; c++) out[c] = 0;
    for (size_t i = 0; i < n; i++) ref_axpy(dim, w[i], table + rows[i] * dim, out);
}

static void ref_bag_back(size_t dim, size_t n, const uint32_t *bag, const real *w, const real *d, const real *row,
                         real *grad, real *dots, bool add) {
    for (size_t i = 0; i < n; i++) {
        ref_axpy(dim, w[i], d + bag[i] * dim, grad);
        dots[i] = (add ? dots[i] : 0) + ref_dot(dim, d + bag[i] * dim, row);
    }
}

static void ref_norm(size_t n, size_t dim, const real *x, const real *gain, const real *bias, real *hat, real *y,
                     real *rstd) {
    for (size_t i = 0; i < n; i++, x += dim, hat += dim, y += dim) {
        real mean = 0, variance = 0;
        for (size_t c = 0; c < dim; c++) mean += x[c];
        mean /= (real)dim;
        for (size_t c = 0; c < dim; c++) variance += (x[c] - mean) * (x[c] - mean);
        rstd[i] = 1 / real_sqrt(variance / (real)dim + SAGE_NORM_EPS);
        for (size_t c = 0; c < dim; c++) {
            real h = (x[c] - mean) * rstd[i];
            hat[c] = h;
            y[c] = gain[c] * h + bias[c];
        }
    }
}

static void ref_norm_back(size_t n, size_t dim, const real *dy, const real *hat, const real *rstd, const real *gain,
                          real *dx) {
    for (size_t i = 0; i < n; i++, dy += dim, hat += dim, dx += dim) {
        real mean = 0, mean_hat = 0;
        for (size_t c = 0; c < dim; c++) {
            mean += gain[c] * dy[c];
            mean_hat += gain[c] * dy[c] * hat[c];
        }
        mean /= (real)dim;
        mean_hat /= (real)dim;
        for (size_t c = 0; c < dim; c++) dx[c] = rstd[i] * (gain[c] * dy[c] - mean - hat[c] * mean_hat);
    }
}

static void ref_norm_grad(size_t n, size_t dim, size_t begin, size_t end, const real *dy, const real *hat,
                          real *gain_grad, real *bias_grad) {
    for (size_t i = 0; i < n; i++, dy += dim, hat += dim)
        for (size_t c = begin; c < end; c++) {
            gain_grad[c] += dy[c] * hat[c];
            bias_grad[c] += dy[c];
        }
}

static void ref_col_sum(size_t n, size_t dim, size_t begin, size_t end, const real *x, real *sum) {
    for (size_t i = 0; i < n; i++, x += dim)
        for (size_t c = begin; c < end; c++) sum[c] += x[c];
}

static void ref_add_row(size_t n, size_t dim, const real *row, real *x) {
    for (size_t i = 0; i < n; i++, x += dim)
        for (size_t c = 0; c < dim; c++) x[c] += row[c];
}

static const real SQRT_HALF = (real)0.70710678118654752440, SQRT_TAU_INVERSE = (real)0.39894228040143267794;

static real phi(real x) { /* the normal distribution function */
    return (real)0.5 * real_erfc(-x * SQRT_HALF);
}

static void ref_bias_gelu(size_t n, size_t dim, const real *bias, real *x, real *y) {
    for (size_t i = 0; i < n; i++, x += dim, y += dim)
        for (size_t c = 0; c < dim; c++) {
            x[c] += bias[c];
            y[c] = x[c] * phi(x[c]);
        }
}

static void ref_gelu_back(size_t n, const real *dy, real *x) {
    for (size_t i = 0; i < n; i++)
        x[i] = dy[i] * (phi(x[i]) + x[i] * SQRT_TAU_INVERSE * real_exp((real)-0.5 * x[i] * x[i]));
}

static void ref_row_norm(size_t n, size_t dim, real eps, const real *row, real *x, const real *gain, const real *bias,
                         real *y) {
    for (size_t i = 0; i < n; i++, x += dim, y += dim) {
        real mean = 0, variance = 0;
        for (size_t c = 0; c < dim; c++) mean += x[c] += row != NULL ? row[c] : 0;
        mean /= (real)dim;
        for (size_t c = 0; c < dim; c++) variance += (x[c] - mean) * (x[c] - mean);
        real rstd = 1 / real_sqrt(variance / (real)dim + eps);
        for (size_t c = 0; c < dim; c++) y[c] = gain[c] * ((x[c] - mean) * rstd) + bias[c];
    }
}

static void ref_bias_swish(size_t n, size_t dim, const real *bias, real a, real b, real *x) {
    for (size_t i = 0; i < n; i++, x += dim)
        for (size_t c = 0; c < dim; c++) {
            real t = x[c] + bias[c];
            x[c] = t / (1 + real_exp(-(a * t + b * t * t * t)));
        }
}

static real relu6(real x) {
    return x < 0 ? 0 : x > 6 ? 6 : x;
}

static void ref_bias_relu6(size_t n, size_t dim, const real *bias, real *x) {
    for (size_t i = 0; i < n; i++, x += dim)
        for (size_t c = 0; c < dim; c++) x[c] = relu6(x[c] + bias[c]);
}

static void ref_depthwise_row(size_t w_in, size_t w_out, size_t dim, size_t stride, size_t pad, const real *const x[3],
                              const real *weight, const real *bias, real *y) {
    for (size_t i = 0; i < w_out; i++, y += dim)
        for (size_t c = 0; c < dim; c++) {
            real sum = bias[c];
            for (size_t tap = 0; tap < 9; tap++) {
                size_t place = i * stride + tap % 3; /* pad further right than it is */
                if (place >= pad && place - pad < w_in)
                    sum += weight[tap * dim + c] * x[tap / 3][(place - pad) * dim + c];
            }
            y[c] = relu6(sum);
        }
}

static double ref_softmax(size_t n, real factor, real *x);

/* Keys are walked over for each query; its scores are kept in scratch. */
static void ref_attend(size_t queries, size_t n, size_t dim, const real *q, const real *k, const real *v, size_t ld,
                       real *scratch, real *out, size_t ldo) {
    for (size_t i = 0; i < queries; i++) {
        for (size_t j = 0; j < n; j++) scratch[j] = ref_dot(dim, q + i * ld, k + j * ld);
        ref_softmax(n, 1, scratch);
        for (size_t c = 0; c < dim; c++) {
            real sum = 0;
            for (size_t j = 0; j < n; j++) sum += scratch[j] * v[j * ld + c];
            out[i * ldo + c] = sum;
        }
    }
}

static void ref_heads_scores(size_t n, size_t heads, size_t dim, const real *u, size_t ld, const real *x, real *out) {
    for (size_t j = 0; j < n; j++)
        for (size_t h = 0; h < heads; h++) out[j * heads + h] = ref_dot(dim, u + h * ld, x + j * dim);
}

static void ref_heads_softmax(size_t n, size_t heads, real *a) {
    for (size_t h = 0; h < heads; h++) {
        real max = n > 0 ? a[h] : 0, sum = 0;
        for (size_t j = 1; j < n; j++) max = a[j * heads + h] > max ? a[j * heads + h] : max;
        for (size_t j = 0; j < n; j++) sum += a[j * heads + h] = real_exp(a[j * heads + h] - max);
        for (size_t j = 0; j < n; j++) a[j * heads + h] /= sum;
    }
}

static void ref_heads_sum(size_t n, size_t heads, size_t dim, const real *a, const real *x, real *sum, size_t ld) {
    for (size_t j = 0; j < n; j++)
        for (size_t h = 0; h < heads; h++) ref_axpy(dim, a[j * heads + h], x + j * dim, sum + h * ld);
}

static void ref_heads_blend(size_t n, size_t heads, size_t dim, const real *a, const real *u, size_t ldu, const real *b,
                            const real *y, size_t ldy, real *out) {
    for (size_t j = 0; j < n; j++, a += heads, b += heads, out += dim) {
        for (size_t c = 0; c < dim; c++) out[c] = 0;
        for (size_t h = 0; h < heads; h++) {
            ref_axpy(dim, a[h], u + h * ldu, out);
            ref_axpy(dim, b[h], y + h * ldy, out);
        }
    }
}

static void ref_to_bf16(size_t n, const real *x, uint16_t *y) {
    for (size_t i = 0; i < n; i++) {
        float value = (float)x[i];
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        bool nan = (bits & 0x7fffffffu) > 0x7f800000u;
        y[i] = (uint16_t)(nan ? bits >> 16 | 0x40u : (bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
    }
}

static real of_bf16(uint16_t x) {
    uint32_t bits = (uint32_t)x << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return (real)value;
}

static void ref_from_bf16(size_t n, const uint16_t *x, real *y) {
    for (size_t i = 0; i < n; i++) y[i] = of_bf16(x[i]);
}

static void ref_to_int8(size_t n, size_t dim, const real *x, size_t ld, int8_t *q, real *scale) {
    for (size_t i = 0; i < n; i++, x += ld, q += dim) {
        real max = 0;
        for (size_t c = 0; c < dim; c++) max = real_abs(x[c]) > max ? real_abs(x[c]) : max;
        real inverse = SAGE_INT8_INVERSE(max);
        scale[i] = max / 127;
        for (size_t c = 0; c < dim; c++) q[c] = (int8_t)real_nearest(x[c] * inverse);
    }
}

static void ref_from_int32(size_t n, size_t dim, const int32_t *acc, const real *row_scale, const real *column_scale,
                           bool add, real *y, size_t ldy) {
    for (size_t i = 0; i < n; i++, acc += dim, y += ldy)
        for (size_t c = 0; c < dim; c++) y[c] = (add ? y[c] : 0) + row_scale[i] * column_scale[c] * (real)acc[c];
}

static void ref_bag_sum_bf16(size_t dim, size_t n, const uint32_t *rows, const real *w, const uint16_t *table,
                             real *out) {
    for (size_t c = 0; c < dim; c++) {
        out[c] = 0;
        for (size_t i = 0; i < n; i++) out[c] += w[i] * of_bf16(table[rows[i] * dim + c]);
    }
}

static void ref_bag_sum_int8(size_t dim, size_t n, const uint32_t *rows, const real *w, const int8_t *table,
                             real *out) {
    for (size_t c = 0; c < dim; c++) {
        out[c] = 0;
        for (size_t i = 0; i < n; i++) out[c] += w[i] * (real)table[rows[i] * dim + c];
    }
}

static double ref_softmax(size_t n, real factor, real *x) {
    real max = ref_max(n, x);
    double sum = (double)ref_exp_sum(n, max, x);
    ref_scale(n, (real)((double)factor / sum), x);
    return (double)max + log(sum);
}

static void ref_adam(real *w, const real *g, real *m, real *v, size_t n, real lr, real b1, real b2, real eps,
                     real decay, real c1, real c2) {
    for (size_t i = 0; i < n; i++) {
        m[i] = b1 * m[i] + (1 - b1) * g[i];
        v[i] = b2 * v[i] + (1 - b2) * (g[i] * g[i]);
        w[i] -= lr * ((m[i] / c1) / (real_sqrt(v[i] / c2) + eps) + decay * w[i]);
    }
}

static void ref_adam_rows(size_t dim, size_t n, const uint32_t *rows, const real *g, real *w, real *m, real *v, real lr,
                          real b1, real b2, real eps, real c1, real c2) {
    for (size_t i = 0; i < n; i++) {
        size_t at = rows[i] * dim;
        ref_adam(w + at, g + i * dim, m + at, v + at, dim, lr, b1, b2, eps, 0, c1, c2);
    }
}

const sage_ops sage_ops_scalar = {.isa = "scalar",
                                  .dot = ref_dot,
                                  .axpy = ref_axpy,
                                  .scale = ref_scale,
                                  .max = ref_max,
                                  .exp_sum = ref_exp_sum,
                                  .bag_sum = ref_bag_sum,
                                  .bag_back = ref_bag_back,
                                  .norm = ref_norm,
                                  .norm_back = ref_norm_back,
                                  .norm_grad = ref_norm_grad,
                                  .col_sum = ref_col_sum,
                                  .add_row = ref_add_row,
                                  .bias_gelu = ref_bias_gelu,
                                  .gelu_back = ref_gelu_back,
                                  .row_norm = ref_row_norm,
                                  .bias_swish = ref_bias_swish,
                                  .bias_relu6 = ref_bias_relu6,
                                  .depthwise_row = ref_depthwise_row,
                                  .attend = ref_attend,
                                  .heads_scores = ref_heads_scores,
                                  .heads_softmax = ref_heads_softmax,
                                  .heads_sum = ref_heads_sum,
                                  .heads_blend = ref_heads_blend,
                                  .to_bf16 = ref_to_bf16,
                                  .from_bf16 = ref_from_bf16,
                                  .to_int8 = ref_to_int8,
                                  .from_int32 = ref_from_int32,
                                  .bag_sum_bf16 = ref_bag_sum_bf16,
                                  .bag_sum_int8 = ref_bag_sum_int8,
                                  .softmax = ref_softmax,
                                  .adam = ref_adam,
                                  .adam_rows = ref_adam_rows};
