/* Attention among the tokens of one user, or of one product. */
#include "self_attend.h"
#include <string.h>

/* Forward: what the kernel asks for, or k and v dense and the shares. Back: q, k, v and d_heads of a head, dense;
 * shares, their gradient, it turned. */
size_t self_attention_reals(size_t d, size_t heads, size_t n, bool backward) {
    size_t dim = d / heads, kernel = sage_attend_scratch(n, dim), plain = 2 * n * dim + n * n;
    size_t forward = kernel > plain ? kernel : plain, back = 4 * n * dim + 3 * n * n;
    return backward && back > forward ? back : forward;
}

static void take(size_t n, size_t dim, const real *from, size_t ld, real *to) {
    for (size_t i = 0; i < n; i++) memcpy(to + i * dim, from + i * ld, dim * sizeof(real));
}

static void clear(size_t n, size_t dim, real *x, size_t ld) {
    for (size_t i = 0; i < n; i++) memset(x + i * ld, 0, dim * sizeof(real));
}

/* Shares a[j][i] of key j for query i. */
static void head_forward(size_t n, size_t dim, size_t d, const real *qkv, const real *bias, real *scratch, real *out) {
    const sage_ops *ops = sage_ops_best();
    real *k = scratch, *v = k + n * dim, *a = v + n * dim;
    take(n, dim, qkv + d, 3 * d, k);
    take(n, dim, qkv + 2 * d, 3 * d, v);
    ops->heads_scores(n, n, dim, qkv, 3 * d, k, a);
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < n; i++) a[j * n + i] += bias[j];
    ops->heads_softmax(n, n, a);
    clear(n, dim, out, d);
    ops->heads_sum(n, n, dim, a, v, out, d);
}

void self_attend(size_t d, size_t heads, size_t n, const real *qkv, const real *bias, real *scratch, real *out) {
    size_t dim = d / heads;
    for (size_t h = 0; h < heads; h++) {
        const real *q = qkv + h * dim;
        if (bias != NULL)
            head_forward(n, dim, d, q, bias + h * n, scratch, out + h * dim);
        else
            sage_ops_best()->attend(n, n, dim, q, q + d, q + 2 * d, 3 * d, scratch, out + h * dim, d);
    }
}

/* p [n][n]: softmax of q k^T + bias; d: its gradient g v^T; ds = p (d - sum p d) into d and, turned, into t. */
static void scores_back(size_t n, size_t dim, const real *q, const real *k, const real *v, const real *g,
                        const real *bias, real *p, real *d, real *t) {
    const sage_ops *ops = sage_ops_best();
    ops->heads_scores(n, n, dim, k, dim, q, p);
    ops->heads_scores(n, n, dim, v, dim, g, d);
    for (size_t i = 0; i < n; i++) {
        real *pi = p + i * n, *di = d + i * n;
        if (bias != NULL) ops->axpy(n, 1, bias, pi);
        ops->softmax(n, 1, pi);
        real mean = ops->dot(n, pi, di);
        for (size_t j = 0; j < n; j++) t[j * n + i] = di[j] = pi[j] * (di[j] - mean);
    }
}

static void head_back(size_t n, size_t dim, size_t d, real *qkv, const real *d_heads, const real *bias, real *scratch,
                      real *d_bias) {
    const sage_ops *ops = sage_ops_best();
    real *q = scratch, *k = q + n * dim, *v = k + n * dim, *g = v + n * dim;
    real *p = g + n * dim, *ds = p + n * n, *turned = ds + n * n;
    take(n, dim, qkv, 3 * d, q);
    take(n, dim, qkv + d, 3 * d, k);
    take(n, dim, qkv + 2 * d, 3 * d, v);
    take(n, dim, d_heads, d, g);
    scores_back(n, dim, q, k, v, g, bias, p, ds, turned);
    for (size_t i = 0; i < n && d_bias != NULL; i++) ops->axpy(n, 1, ds + i * n, d_bias);
    for (size_t part = 0; part < 3; part++) clear(n, dim, qkv + part * d, 3 * d);
    ops->heads_sum(n, n, dim, turned, k, qkv, 3 * d); /* dq_i = sum over j of ds_ij k_j */
    ops->heads_sum(n, n, dim, ds, q, qkv + d, 3 * d); /* dk_j = sum over i of ds_ij q_i */
    ops->heads_sum(n, n, dim, p, g, qkv + 2 * d, 3 * d);
}

void self_attend_back(size_t d, size_t heads, size_t n, real *qkv, const real *d_heads, const real *bias, real *scratch,
                      real *d_bias) {
    size_t dim = d / heads;
    for (size_t h = 0; h < heads; h++)
        head_back(n, dim, d, qkv + h * dim, d_heads + h * dim, bias != NULL ? bias + h * n : NULL, scratch,
                  d_bias != NULL ? d_bias + h * n : NULL);
}
