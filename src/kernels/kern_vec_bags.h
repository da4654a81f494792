/* Bags: sums over rows of a table taken at random. What they cost is the wait for memory, so rows to come are asked for
 * early. Part of kern_vec.h. */

/* The time of one row is that of its bytes: short rows are asked for more rows ahead. */
INLINE size_t rows_ahead(size_t row_bytes) {
    return row_bytes <= 128 ? SAGE_PREFETCH : SAGE_PREFETCH / 2;
}

INLINE void prefetch_row(const void *row, size_t bytes) {
    for (size_t at = 0; at < bytes; at += 64) __builtin_prefetch((const char *)row + at);
}

/* Rows of the tables' slabs, whose width the compiler may know. */
enum { SLAB = 32, SLAB_STEPS = SLAB / VL };

/* `steps` vectors of columns of out stay in registers while all rows pass; the last of them has `part` floats. `first`:
 * these are the row's first columns, which ask for the whole of the rows to come. */
INLINE void bag_sum_part(size_t steps, size_t part, size_t dim, size_t n, const uint32_t *rows, const float *w,
                         const float *table, float *out, bool first) {
    size_t ahead = rows_ahead(dim * sizeof *table);
    vf sum[V_PART] = {{0}};
    for (size_t i = 0; i < n; i++) {
        const float *row = table + rows[i] * dim;
        if (first) prefetch_row(table + rows[i + ahead] * dim, dim * sizeof *table);
        for (size_t s = 0; s < steps; s++) sum[s] = V_FMA(all(w[i]), load_part(row + s * VL, part), sum[s]);
    }
    for (size_t s = 0; s < steps; s++) store_part(out + s * VL, part, sum[s]);
}

static void vec_bag_sum(size_t dim, size_t n, const uint32_t *rows, const float *w, const float *table, float *out) {
    size_t c = 0;
    if (dim == SLAB) {
        bag_sum_part(SLAB_STEPS, VL, SLAB, n, rows, w, table, out, true);
        return;
    }
    for (; c + V_PART * VL <= dim; c += V_PART * VL)
        bag_sum_part(V_PART, VL, dim, n, rows, w, table + c, out + c, c == 0);
    for (; c + 4 * VL <= dim; c += 4 * VL) bag_sum_part(4, VL, dim, n, rows, w, table + c, out + c, c == 0);
    for (; c + 2 * VL <= dim; c += 2 * VL) bag_sum_part(2, VL, dim, n, rows, w, table + c, out + c, c == 0);
    for (; c + VL <= dim; c += VL) bag_sum_part(1, VL, dim, n, rows, w, table + c, out + c, c == 0);
    if (c < dim) bag_sum_part(1, dim - c, dim, n, rows, w, table + c, out + c, c == 0);
}

/* One use of the row: its gradient into `sum`; returns what has to be summed for its dot. */
INLINE vf bag_back_use(size_t steps, size_t part, float weight, const float *d, const float *row, vf *sum) {
    vf dot = {0};
    for (size_t s = 0; s < steps; s++) {
        vf x = load_part(d + s * VL, part);
        sum[s] = V_FMA(all(weight), x, sum[s]);
        dot = V_FMA(x, load_part(row + s * VL, part), dot);
    }
    return dot;
}

/* As bag_sum_part; four uses at a time share the summing of their dots. */
INLINE void bag_back_part(size_t steps, size_t part, size_t dim, size_t n, const uint32_t *bag, const float *w,
                          const float *d, const float *row, float *grad, float *dots, bool add, bool first) {
    size_t ahead = rows_ahead(dim * sizeof *d), i = 0;
    vf sum[V_PART];
    for (size_t s = 0; s < steps; s++) sum[s] = load_part(grad + s * VL, part);
    for (; i + 4 <= n; i += 4) {
        vf dot[4];
        for (size_t k = 0; k < 4; k++) {
            if (first) prefetch_row(d + bag[i + k + ahead] * dim, dim * sizeof *d);
            dot[k] = bag_back_use(steps, part, w[i + k], d + bag[i + k] * dim, row, sum);
        }
        v4 four = V_SUM4(dot[0], dot[1], dot[2], dot[3]);
        store4(dots + i, add ? load4(dots + i) + four : four);
    }
    for (; i < n; i++) {
        if (first) prefetch_row(d + bag[i + ahead] * dim, dim * sizeof *d);
        float dot = V_SUM(bag_back_use(steps, part, w[i], d + bag[i] * dim, row, sum));
        dots[i] = add ? dots[i] + dot : dot;
    }
    for (size_t s = 0; s < steps; s++) store_part(grad + s * VL, part, sum[s]);
}

static void vec_bag_back(size_t dim, size_t n, const uint32_t *bag, const float *w, const float *d, const float *row,
                         float *grad, float *dots, bool add) {
    size_t c = 0;
    if (dim == 0 && !add) memset(dots, 0, n * sizeof *dots);
    if (dim == SLAB) {
        bag_back_part(SLAB_STEPS, VL, SLAB, n, bag, w, d, row, grad, dots, add, true);
        return;
    }
    for (; c + V_PART * VL <= dim; c += V_PART * VL)
        bag_back_part(V_PART, VL, dim, n, bag, w, d + c, row + c, grad + c, dots, add || c > 0, c == 0);
    for (; c + 4 * VL <= dim; c += 4 * VL)
        bag_back_part(4, VL, dim, n, bag, w, d + c, row + c, grad + c, dots, add || c > 0, c == 0);
    for (; c + 2 * VL <= dim; c += 2 * VL)
        bag_back_part(2, VL, dim, n, bag, w, d + c, row + c, grad + c, dots, add || c > 0, c == 0);
    for (; c + VL <= dim; c += VL)
        bag_back_part(1, VL, dim, n, bag, w, d + c, row + c, grad + c, dots, add || c > 0, c == 0);
    if (c < dim) bag_back_part(1, dim - c, dim, n, bag, w, d + c, row + c, grad + c, dots, add || c > 0, c == 0);
}

/* Rows of bytes become floats by LOAD(pointer); the rest is as above. */
#define BAG_SUM_OF(NAME, TYPE, LOAD)                                                                                   \
    INLINE void NAME##_part(size_t steps, size_t part, size_t dim, size_t n, const uint32_t *rows, const float *w,     \
                            const TYPE *table, float *out, bool first) {                                               \
        size_t ahead = rows_ahead(dim * sizeof *table);                                                                \
        vf sum[V_PART] = {{0}};                                                                                        \
        TYPE tail[VL] = {0};                                                                                           \
        for (size_t i = 0; i < n; i++) {                                                                               \
            const TYPE *row = table + rows[i] * dim;                                                                   \
            if (first) prefetch_row(table + rows[i + ahead] * dim, dim * sizeof *table);                               \
            if (part < VL) row = memcpy(tail, row, part * sizeof *tail);                                               \
            for (size_t s = 0; s < steps; s++) sum[s] = V_FMA(all(w[i]), LOAD(row + s * VL), sum[s]);                  \
        }                                                                                                              \
        for (size_t s = 0; s < steps; s++) store_part(out + s * VL, part, sum[s]);                                     \
    }                                                                                                                  \
    static void NAME(size_t dim, size_t n, const uint32_t *rows, const float *w, const TYPE *table, float *out) {      \
        size_t c = 0;                                                                                                  \
        if (dim == SLAB) {                                                                                             \
            NAME##_part(SLAB_STEPS, VL, SLAB, n, rows, w, table, out, true);                                           \
            return;                                                                                                    \
        }                                                                                                              \
        for (; c + V_PART * VL <= dim; c += V_PART * VL)                                                               \
            NAME##_part(V_PART, VL, dim, n, rows, w, table + c, out + c, c == 0);                                      \
        for (; c + 4 * VL <= dim; c += 4 * VL) NAME##_part(4, VL, dim, n, rows, w, table + c, out + c, c == 0);        \
        for (; c + 2 * VL <= dim; c += 2 * VL) NAME##_part(2, VL, dim, n, rows, w, table + c, out + c, c == 0);        \
        for (; c + VL <= dim; c += VL) NAME##_part(1, VL, dim, n, rows, w, table + c, out + c, c == 0);                \
        if (c < dim) NAME##_part(1, dim - c, dim, n, rows, w, table + c, out + c, c == 0);                             \
    }

BAG_SUM_OF(vec_bag_sum_bf16, uint16_t, V_LOAD_BF16)
BAG_SUM_OF(vec_bag_sum_int8, int8_t, V_LOAD_INT8)
