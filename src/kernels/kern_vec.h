/* The ops over vectors of VL floats, written once for every ISA. The including file sets the target and defines
 *   VB                          bytes of a vector
 *   V_PART                      vectors that fit the registers beside a few others
 *   V_TOKENS, V_TILE            V_TOKENS x 4 and 4 x V_TILE vectors fit beside V_TOKENS or V_TILE and one more
 *   V_ALL(x), V_FMA(a, b, c), V_SUM(a), V_MAX(a, b), V_MIN(a, b), V_SQRT(a)
 *   V_SUM4(a, b, c, d)          the sums of four vectors, as a v4
 *   V_SCALE(x, n)               x 2^n; where the ISA has it
 *   V_PERMUTE(x, at)            lane at[i] % VL of x in lane i
 *   V_LOAD_PART(p, n, rest)     the first n floats of p, 0 < n <= VL, and the other lanes of `rest`
 *   V_STORE_PART(p, n, x)       the first n lanes
 *   V_LOAD_BF16(p), V_STORE_U16(p, x), V_LOAD_INT8(p), V_STORE_INT8(p, x)   VL short numbers from and to a vf or vi
 *   V_OPS, V_ISA                name of the table, and its text
 * Vectors are the compilers' own (gcc and clang), so that only these few need intrinsics. No include guard: one file,
 * one inclusion. */
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

static double vec_softmax(size_t n, float factor, float *x) {
    float max = vec_max(n, x);
    double sum = (double)vec_exp_sum(n, max, x);
    vec_scale(n, (float)((double)factor / sum), x);
    return (double)max + log(sum);
}

#include "kern_vec_adam.h"
#include "kern_vec_bags.h"
#include "kern_vec_heads.h"
#include "kern_vec_round.h"
#include "kern_vec_rows.h"
/* made of the above */
#include "kern_vec_attend.h"
#include "kern_vec_frozen.h"

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
                        .row_norm = vec_row_norm,
                        .bias_swish = vec_bias_swish,
                        .bias_relu6 = vec_bias_relu6,
                        .depthwise_row = vec_depthwise_row,
                        .attend = vec_attend,
                        .heads_scores = vec_heads_scores,
                        .heads_softmax = vec_heads_softmax,
                        .heads_sum = vec_heads_sum,
                        .heads_blend = vec_heads_blend,
                        .to_bf16 = vec_to_bf16,
                        .from_bf16 = vec_from_bf16,
                        .to_int8 = vec_to_int8,
                        .from_int32 = vec_from_int32,
                        .bag_sum_bf16 = vec_bag_sum_bf16,
                        .bag_sum_int8 = vec_bag_sum_int8,
                        .softmax = vec_softmax,
                        .adam = vec_adam,
                        .adam_rows = vec_adam_rows};
