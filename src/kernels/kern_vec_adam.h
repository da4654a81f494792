/* Adam: a division and a square root for each weight; all that the step has in common is worked out once. Part of
 * kern_vec.h. */
typedef struct adam_step {
    float b1, b2, lr_c1, c2_inverse, eps, lr_decay;
} adam_step;

/* w -= (lr/c1) m / (sqrt(v/c2) + eps) + lr decay w, which is the formula with lr multiplied into both terms. */
INLINE void adam_part(const adam_step *s, size_t part, float *w, const float *g, float *m, float *v) {
    vf grad = load_part(g, part), weight = load_part(w, part);
    vf m1 = V_FMA(all(s->b1), load_part(m, part), all(1 - s->b1) * grad);
    vf v1 = V_FMA(all(s->b2), load_part(v, part), all(1 - s->b2) * (grad * grad));
    vf step = all(s->lr_c1) * m1 / (V_SQRT(v1 * all(s->c2_inverse)) + all(s->eps));
    store_part(m, part, m1);
    store_part(v, part, v1);
    store_part(w, part, V_FMA(all(-s->lr_decay), weight, weight - step));
}

INLINE void adam_run(const adam_step *s, size_t n, float *w, const float *g, float *m, float *v) {
    size_t i = 0;
    for (; i + VL <= n; i += VL) adam_part(s, VL, w + i, g + i, m + i, v + i);
    if (i < n) adam_part(s, n - i, w + i, g + i, m + i, v + i);
}

static void vec_adam(float *w, const float *g, float *m, float *v, size_t n, float lr, float b1, float b2, float eps,
                     float decay, float c1, float c2) {
    adam_step s = {b1, b2, lr / c1, 1 / c2, eps, lr * decay};
    adam_run(&s, n, w, g, m, v);
}

/* One weight; for rows so short that a vector would be empty for the most part. */
INLINE void adam_one(const adam_step *s, float *w, float grad, float *m, float *v) {
    *m = s->b1 * *m + (1 - s->b1) * grad;
    *v = s->b2 * *v + (1 - s->b2) * (grad * grad);
    *w -= s->lr_c1 * *m / (sqrtf(*v * s->c2_inverse) + s->eps);
}

INLINE void prefetch_for_change(const float *row, size_t dim) {
    for (size_t c = 0; c < dim; c += 16) __builtin_prefetch(row + c, 1);
}

static void vec_adam_rows(size_t dim, size_t n, const uint32_t *rows, const float *g, float *w, float *m, float *v,
                          float lr, float b1, float b2, float eps, float c1, float c2) {
    adam_step s = {b1, b2, lr / c1, 1 / c2, eps, 0};
    size_t ahead = dim <= 64 ? 8 : 4;
    if (dim <= 2) {
        for (size_t i = 0; i < n; i++)
            for (size_t at = rows[i] * dim, c = 0; c < dim; c++, at++)
                adam_one(&s, w + at, g[i * dim + c], m + at, v + at);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        size_t at = rows[i] * dim;
        if (i + ahead < n) {
            size_t next = rows[i + ahead] * dim;
            prefetch_for_change(w + next, dim);
            prefetch_for_change(m + next, dim);
            prefetch_for_change(v + next, dim);
        }
        adam_run(&s, dim, w + at, g + i * dim, m + at, v + at);
    }
}
