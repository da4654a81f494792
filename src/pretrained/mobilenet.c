/* MobileNetV2, forward. A block's wide middle is made and used up a few rows at a time, so that it stays in the cache.
 */
#include "mobilenet.h"
#include <string.h>

enum { BAND_REALS = 48 * 1024 }; /* of expanded rows at once, where three of them are no more */

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

static size_t halved(size_t side, size_t stride) {
    return (side - 1) / stride + 1;
}

static size_t padding(const mobilenet *model, size_t side, size_t stride) {
    return model->tf_padding && stride == 2 && side % 2 == 0 ? 0 : 1;
}

/* Expanded rows that are held at once by a block of sides `side`. */
static size_t band_rows(const mobilenet_block *b, size_t side) {
    return smaller(larger(BAND_REALS / (side * b->wide), 2 * b->stride + 1), side);
}

/* Output rows that those are enough for, whatever the padding. */
static size_t band_out(const mobilenet_block *b, size_t side) {
    size_t rows = band_rows(b, side);
    return rows == side ? halved(side, b->stride) : (rows - 3) / b->stride + 1;
}

/* ---- workspace ---- */

typedef struct space {
    real *in, *out, *expanded, *deep, *zeros, *taps;
} space;

typedef struct sizes {
    size_t between, expanded, deep, zeros, taps; /* between: [side][side][channels] of what blocks hand on */
} sizes;

static sizes sizes_of(const sage_pretrained *e) {
    const mobilenet *model = e->model;
    size_t side = halved(e->info.picture.size, 2);
    sizes s = {0};
    for (size_t i = 0; i < MOBILENET_BLOCKS; i++) {
        const mobilenet_block *b = &model->block[i];
        size_t out = halved(side, b->stride);
        s.between = larger(s.between, out * out * b->out);
        s.expanded = larger(s.expanded, band_rows(b, side) * side * b->wide);
        s.deep = larger(s.deep, band_out(b, side) * out * b->wide);
        s.zeros = larger(s.zeros, side * b->wide);
        if (i == 0) s.taps = band_rows(b, side) * side * STEM_WIDTH;
        side = out;
    }
    s.expanded = larger(s.expanded, side * side * e->info.dim);
    return s;
}

size_t mobilenet_work(const sage_pretrained *e, size_t n, size_t longest) {
    sizes s = sizes_of(e);
    (void)n;
    (void)longest;
    return 2 * s.between + s.expanded + s.deep + s.zeros + s.taps;
}

static space cut(const sage_pretrained *e, real *work) {
    sizes s = sizes_of(e);
    space at = {.in = work, .out = work + s.between};
    at.expanded = at.out + s.between;
    at.deep = at.expanded + s.expanded;
    at.zeros = at.deep + s.deep;
    at.taps = at.zeros + s.zeros;
    memset(at.zeros, 0, s.zeros * sizeof(real));
    return at;
}

/* ---- a block ---- */

typedef struct block_pass {
    const mobilenet *model;
    const mobilenet_block *b;
    const float *pixels; /* of the first block: [3][size][size] */
    size_t size, side, out_side, pad;
    size_t base, have; /* rows [base, have) are expanded, the first of them at the front */
    space *at;
} block_pass;

/* Three neighbours of each of the nine lines that a place sees, where they lie inside. */
static void stem_place(const block_pass *p, const float *const line[9], size_t place, real *to) {
    size_t pad = padding(p->model, p->size, 2);
    for (size_t tap = 0; tap < STEM_TAPS; tap++) {
        size_t column = 2 * place + tap % 3;
        bool inside = column >= pad && column - pad < p->size && line[tap / 3] != NULL;
        to[tap] = inside ? line[tap / 3][column - pad] : 0;
    }
}

static void stem_inside(const float *const line[9], size_t column, real *to) {
    for (size_t k = 0; k < 9; k++, to += 3) {
        const float *from = line[k] + column;
        to[0] = from[0];
        to[1] = from[1];
        to[2] = from[2];
    }
}

/* The taps of row `y` of the first convolution, [side][STEM_WIDTH]; those beyond STEM_TAPS meet zeros. */
static void stem_taps(const block_pass *p, size_t y, real *to) {
    const float *line[9];
    size_t size = p->size, pad = padding(p->model, size, 2);
    bool whole = true;
    for (size_t k = 0; k < 9; k++) {
        size_t row = 2 * y + k % 3;
        bool inside = row >= pad && row - pad < size;
        line[k] = inside ? p->pixels + (k / 3 * size + row - pad) * size : NULL;
        whole = whole && inside;
    }
    for (size_t x = 0; x < p->side; x++, to += STEM_WIDTH) {
        memset(to + STEM_TAPS, 0, (STEM_WIDTH - STEM_TAPS) * sizeof *to);
        if (whole && 2 * x >= pad && 2 * x - pad + 3 <= size)
            stem_inside(line, 2 * x - pad, to);
        else
            stem_place(p, line, x, to);
    }
}

static void expand(block_pass *p, size_t end) {
    const mobilenet_block *b = p->b;
    size_t row = p->side * b->wide, n = (end - p->have) * p->side, width = p->pixels != NULL ? STEM_WIDTH : b->in;
    const real *x = p->at->in + p->have * p->side * b->in;
    real *to = p->at->expanded + (p->have - p->base) * row;
    if (p->pixels != NULL) {
        for (size_t y = p->have; y < end; y++) stem_taps(p, y, p->at->taps + (y - p->have) * p->side * STEM_WIDTH);
        x = p->at->taps;
    }
    sage_weights_forward(b->expand, n, x, width, false, to, b->wide);
    sage_ops_best()->bias_relu6(n, b->wide, b->expand_bias, to);
    p->have = end;
}

/* Rows from `begin` on stay, at the front; rows up to `end` are added. */
static void hold(block_pass *p, size_t begin, size_t end) {
    size_t row = p->side * p->b->wide;
    if (begin > p->base) {
        size_t kept = p->have > begin ? p->have - begin : 0;
        memmove(p->at->expanded, p->at->expanded + (begin - p->base) * row, kept * row * sizeof(real));
        p->base = begin;
        if (p->have < begin) p->have = begin;
    }
    if (end > p->have) expand(p, end);
}

static const real *expanded_row(const block_pass *p, size_t padded) {
    if (padded < p->pad || padded - p->pad >= p->side) return p->at->zeros;
    return p->at->expanded + (padded - p->pad - p->base) * p->side * p->b->wide;
}

static void run_rows(block_pass *p, size_t begin, size_t end) {
    const sage_ops *ops = sage_ops_best();
    const mobilenet_block *b = p->b;
    size_t first = begin * b->stride, last = (end - 1) * b->stride + 3, places = (end - begin) * p->out_side;
    hold(p, first > p->pad ? first - p->pad : 0, smaller(last - p->pad, p->side));
    for (size_t y = begin; y < end; y++) {
        const real *const rows[3] = {expanded_row(p, y * b->stride), expanded_row(p, y * b->stride + 1),
                                     expanded_row(p, y * b->stride + 2)};
        ops->depthwise_row(p->side, p->out_side, b->wide, b->stride, p->pad, rows, b->taps, b->taps_bias,
                           p->at->deep + (y - begin) * p->out_side * b->wide);
    }
    /* A residual block adds to its input, whose rows so far have been expanded. */
    real *to = (b->residual ? p->at->in : p->at->out) + begin * p->out_side * b->out;
    sage_weights_forward(b->reduce, places, p->at->deep, b->wide, b->residual, to, b->out);
    ops->add_row(places, b->out, b->reduce_bias, to);
}

static void run_block(block_pass *p) {
    p->out_side = halved(p->side, p->b->stride);
    p->pad = padding(p->model, p->side, p->b->stride);
    p->base = p->have = 0;
    size_t step = band_out(p->b, p->side);
    for (size_t y = 0; y < p->out_side; y += step) run_rows(p, y, smaller(y + step, p->out_side));
    if (p->b->residual) return;
    real *in = p->at->in;
    p->at->in = p->at->out;
    p->at->out = in;
}

void mobilenet_run(const sage_pretrained *e, size_t n, const float *pixels, float *out, real *work) {
    const mobilenet *model = e->model;
    const sage_ops *ops = sage_ops_best();
    size_t size = e->info.picture.size, dim = e->info.dim;
    space at = cut(e, work);
    for (size_t i = 0; i < n; i++, out += dim) {
        block_pass p = {.model = model, .at = &at, .size = size, .side = halved(size, 2)};
        for (size_t k = 0; k < MOBILENET_BLOCKS; k++) {
            p.b = &model->block[k];
            p.pixels = k == 0 ? pixels + i * 3 * size * size : NULL;
            run_block(&p);
            p.side = p.out_side;
        }
        size_t places = p.side * p.side;
        sage_weights_forward(model->last, places, at.in, model->block[MOBILENET_BLOCKS - 1].out, false, at.expanded,
                             dim);
        ops->bias_relu6(places, dim, model->last_bias, at.expanded);
        memset(out, 0, dim * sizeof *out); /* of any length, so that the sum is as good as the mean */
        ops->col_sum(places, dim, 0, dim, at.expanded, out);
    }
}
