/* Attention among the tokens of one user. */
#include "user.h"
#include <string.h>

/* Forward: what the kernel asks for. Back: q, k, v and d_heads of a head, dense; shares, their gradient, it turned. */
size_t user_attention_reals(const sage_model_shape *s, bool backward) {
    size_t n = s->user_events + 1, dim = s->user_dim / s->user_heads;
    size_t forward = sage_attend_scratch(n, dim), back = 4 * n * dim + 3 * n * n;
    return backward && back > forward ? back : forward;
}

void user_attend(const sage_model_shape *s, size_t n, const real *qkv, real *scratch, real *heads) {
    size_t d = s->user_dim, dim = d / s->user_heads;
    for (size_t h = 0; h < s->user_heads; h++) {
        const real *q = qkv + h * dim;
        sage_ops_best()->attend(n, n, dim, q, q + d, q + 2 * d, 3 * d, scratch, heads + h * dim, d);
    }
}

static void take(size_t n, size_t dim, const real *from, size_t ld, real *to) {
    for (size_t i = 0; i < n; i++) memcpy(to + i * dim, from + i * ld, dim * sizeof(real));
}

static void clear(size_t n, size_t dim, real *x, size_t ld) {
    for (size_t i = 0; i < n; i++) memset(x + i * ld, 0, dim * sizeof(real));
}

/* p [n][n]: softmax of q k^T; d: its gradient g v^T; ds = p (d - sum p d) into d and, turned, into t. */
static void scores_back(size_t n, size_t dim, const real *q, const real *k, const real *v, const real *g, real *p,
                        real *d, real *t) {
    const sage_ops *ops = sage_ops_best();
    ops->heads_scores(n, n, dim, k, dim, q, p);
    ops->heads_scores(n, n, dim, v, dim, g, d);
    for (size_t i = 0; i < n; i++) {
        real *pi = p + i * n, *di = d + i * n;
        ops->softmax(n, 1, pi);
        real mean = ops->dot(n, pi, di);
        for (size_t j = 0; j < n; j++) t[j * n + i] = di[j] = pi[j] * (di[j] - mean);
    }
}

static void head_back(size_t n, size_t dim, size_t d, real *qkv, const real *d_heads, real *scratch) {
    const sage_ops *ops = sage_ops_best();
    real *q = scratch, *k = q + n * dim, *v = k + n * dim, *g = v + n * dim;
    real *p = g + n * dim, *ds = p + n * n, *turned = ds + n * n;
    take(n, dim, qkv, 3 * d, q);
    take(n, dim, qkv + d, 3 * d, k);
    take(n, dim, qkv + 2 * d, 3 * d, v);
    take(n, dim, d_heads, d, g);
    scores_back(n, dim, q, k, v, g, p, ds, turned);
    for (size_t part = 0; part < 3; part++) clear(n, dim, qkv + part * d, 3 * d);
    ops->heads_sum(n, n, dim, turned, k, qkv, 3 * d); /* dq_i = sum over j of ds_ij k_j */
    ops->heads_sum(n, n, dim, ds, q, qkv + d, 3 * d); /* dk_j = sum over i of ds_ij q_i */
    ops->heads_sum(n, n, dim, p, g, qkv + 2 * d, 3 * d);
}

void user_attend_back(const sage_model_shape *s, size_t n, real *qkv, const real *d_heads, real *scratch) {
    size_t d = s->user_dim, dim = d / s->user_heads;
    for (size_t h = 0; h < s->user_heads; h++) head_back(n, dim, d, qkv + h * dim, d_heads + h * dim, scratch);
}
