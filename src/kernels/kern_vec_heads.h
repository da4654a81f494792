/* The folded attention: small matrix products of the tokens of one product, tiled in registers, and the softmax between
 * them. Part of kern_vec.h. */

/* V_TOKENS tokens by four heads: each vector of columns is loaded once for all of them. */
INLINE void scores_part(size_t tokens, size_t heads, size_t dim, const float *u, size_t ld, const float *x,
                        float *out) {
    vf sum[V_TOKENS][4] = {{{0}}};
    for (size_t c = 0; c < dim; c += VL) {
        size_t part = dim - c < VL ? dim - c : VL;
        vf head[4];
        for (size_t h = 0; h < 4; h++) head[h] = load_part(u + h * ld + c, part);
        for (size_t t = 0; t < tokens; t++) {
            vf token = load_part(x + t * dim + c, part);
            for (size_t h = 0; h < 4; h++) sum[t][h] = V_FMA(token, head[h], sum[t][h]);
        }
    }
    for (size_t t = 0; t < tokens; t++) store4(out + t * heads, V_SUM4(sum[t][0], sum[t][1], sum[t][2], sum[t][3]));
}

static void vec_heads_scores(size_t n, size_t heads, size_t dim, const float *u, size_t ld, const float *x,
                             float *out) {
    size_t h = 0;
    for (; h + 4 <= heads; h += 4) {
        size_t j = 0;
        for (; j + V_TOKENS <= n; j += V_TOKENS)
            scores_part(V_TOKENS, heads, dim, u + h * ld, ld, x + j * dim, out + j * heads + h);
        for (; j < n; j++) scores_part(1, heads, dim, u + h * ld, ld, x + j * dim, out + j * heads + h);
    }
    for (; h < heads; h++)
        for (size_t j = 0; j < n; j++) out[j * heads + h] = vec_dot(dim, u + h * ld, x + j * dim);
}

/* All lanes that lie a multiple of `apart` (a power of 2) from one another get the largest of them, or their sum. */
INLINE vf over_lanes(vf x, size_t apart, bool max) {
    static const int32_t lane[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    vi at;
    memcpy(&at, lane, sizeof at);
    for (; apart < VL; apart *= 2) {
        vf other = V_PERMUTE(x, at + (int32_t)apart);
        x = max ? V_MAX(x, other) : x + other;
    }
    return x;
}

/* Softmax down the columns of a [rows][ld]: `part` of them, and of the last row only `last` (where rows follow one
 * another without a gap). Lanes a multiple of `apart` from one another are one column. */
INLINE void softmax_columns(size_t rows, size_t ld, size_t part, size_t last, size_t apart, float *a) {
    float *end = a + (rows - 1) * ld;
    vf lowest = all(-INFINITY), max = V_LOAD_PART(end, last, lowest);
    for (float *x = a; x < end; x += ld) max = V_MAX(max, load_part(x, part));
    max = over_lanes(max, apart, true);
    vf sum = vexp(V_LOAD_PART(end, last, lowest) - max);
    store_part(end, last, sum);
    for (float *x = a; x < end; x += ld) {
        vf e = vexp(load_part(x, part) - max);
        store_part(x, part, e);
        sum += e;
    }
    vf inverse = all(1.0f) / over_lanes(sum, apart, false);
    for (float *x = a; x < end; x += ld) store_part(x, part, load_part(x, part) * inverse);
    store_part(end, last, load_part(end, last) * inverse);
}

/* Where the heads divide a vector, it takes several tokens at once. */
static void vec_heads_softmax(size_t n, size_t heads, float *a) {
    if (n == 0 || heads == 0) return;
    if (heads < VL && VL % heads == 0) {
        size_t rows = (n * heads + VL - 1) / VL;
        softmax_columns(rows, VL, VL, n * heads - (rows - 1) * VL, heads, a);
        return;
    }
    size_t h = 0;
    for (; h + VL <= heads; h += VL) softmax_columns(n, heads, VL, VL, VL, a + h);
    if (h < heads) softmax_columns(n, heads, heads - h, heads - h, VL, a + h);
}

/* Factors of a tile: row r of the result takes a[r * row + k * step] of line k of b. */
typedef struct tile_source {
    size_t n, row, step, ld;
    const float *a, *b;
} tile_source;

/* rows x steps vectors of out (+)= the sources' products; the last vector has `part` floats. */
INLINE void tile(size_t rows, size_t steps, size_t part, const tile_source *source, size_t sources, bool add,
                 float *out, size_t ld) {
    vf sum[4][V_TILE] = {{{0}}};
    if (add)
        for (size_t r = 0; r < rows; r++)
            for (size_t s = 0; s < steps; s++) sum[r][s] = load_part(out + r * ld + s * VL, part);
    for (size_t q = 0; q < sources; q++)
        for (size_t k = 0; k < source[q].n; k++) {
            const float *a = source[q].a + k * source[q].step, *b = source[q].b + k * source[q].ld;
            vf line[V_TILE];
            for (size_t s = 0; s < steps; s++) line[s] = load_part(b + s * VL, part);
            for (size_t r = 0; r < rows; r++)
                for (size_t s = 0; s < steps; s++) sum[r][s] = V_FMA(all(a[r * source[q].row]), line[s], sum[r][s]);
        }
    for (size_t r = 0; r < rows; r++)
        for (size_t s = 0; s < steps; s++) store_part(out + r * ld + s * VL, part, sum[r][s]);
}

INLINE void tile_columns(size_t steps, size_t part, const tile_source *source, size_t sources, bool add, size_t rows,
                         float *out, size_t ld) {
    tile_source at[2];
    for (size_t q = 0; q < sources; q++) at[q] = source[q];
    for (size_t r = 0; r < rows;) {
        size_t taken = rows - r >= 4 ? 4 : 1;
        if (taken == 4)
            tile(4, steps, part, at, sources, add, out + r * ld, ld);
        else
            tile(1, steps, part, at, sources, add, out + r * ld, ld);
        for (size_t q = 0; q < sources; q++) at[q].a += taken * at[q].row;
        r += taken;
    }
}

INLINE void tiles(const tile_source *source, size_t sources, bool add, size_t rows, size_t dim, float *out, size_t ld) {
    tile_source at[2];
    for (size_t q = 0; q < sources; q++) at[q] = source[q];
    for (size_t c = 0; c < dim;) {
        size_t left = dim - c, taken = left >= V_TILE * VL ? V_TILE * VL : left >= VL ? VL : left;
        if (taken == V_TILE * VL)
            tile_columns(V_TILE, VL, at, sources, add, rows, out + c, ld);
        else if (taken == VL)
            tile_columns(1, VL, at, sources, add, rows, out + c, ld);
        else
            tile_columns(1, left, at, sources, add, rows, out + c, ld);
        for (size_t q = 0; q < sources; q++) at[q].b += taken;
        c += taken;
    }
}

static void vec_heads_sum(size_t n, size_t heads, size_t dim, const float *a, const float *x, float *sum, size_t ld) {
    tile_source source = {.n = n, .row = 1, .step = heads, .ld = dim, .a = a, .b = x};
    tiles(&source, 1, true, heads, dim, sum, ld);
}

static void vec_heads_blend(size_t n, size_t heads, size_t dim, const float *a, const float *u, size_t ldu,
                            const float *b, const float *y, size_t ldy, float *out) {
    tile_source source[2] = {{.n = heads, .row = heads, .step = 1, .ld = ldu, .a = a, .b = u},
                             {.n = heads, .row = heads, .step = 1, .ld = ldy, .a = b, .b = y}};
    tiles(source, 2, false, n, dim, out, dim);
}
