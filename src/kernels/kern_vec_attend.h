/* One head's attention: keys are turned once, so that both products are tiles over lines that follow each other. Part
 * of kern_vec.h, after kern_vec_heads.h. */

/* to [dim][n] = from [n][ld], transposed. */
static void turn(size_t n, size_t dim, const float *from, size_t ld, float *to) {
    for (size_t c = 0; c < dim; c++)
        for (size_t j = 0; j < n; j++) to[c * n + j] = from[j * ld + c];
}

static void vec_attend(size_t queries, size_t n, size_t dim, const float *q, const float *k, const float *v, size_t ld,
                       float *scratch, float *out, size_t ldo) {
    float *turned = scratch, *scores = scratch + dim * n;
    turn(n, dim, k, ld, turned);
    for (size_t i = 0; i < queries; i += SAGE_ATTEND_ROWS) {
        size_t rows = queries - i < SAGE_ATTEND_ROWS ? queries - i : SAGE_ATTEND_ROWS;
        tile_source source = {.n = dim, .row = ld, .step = 1, .ld = n, .a = q + i * ld, .b = turned};
        tiles(&source, 1, false, rows, n, scores, n);
        for (size_t r = 0; r < rows; r++) vec_softmax(n, 1, scores + r * n);
        source = (tile_source){.n = n, .row = n, .step = 1, .ld = ld, .a = scores, .b = v};
        tiles(&source, 1, false, rows, dim, out + i * ldo, ldo);
    }
}
