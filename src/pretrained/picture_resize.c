/* Resampling, across and then down. Rows that have been through the first pass wait in a ring as long as the second
 * one's taps reach; so the memory is some rows of the result, whatever the source's size. */
#include <base/alloc.h>
#include <base/error.h>
#include <pretrained/picture_filter.h>
#include <pretrained/picture_resize.h>
#include <stdint.h>
#include <string.h>

/* Four numbers of which the vector units work on all at once; the compiler knows how on every processor. */
typedef float four __attribute__((vector_size(16)));
typedef int32_t four_ints __attribute__((vector_size(16)));

enum { LANES = 4, BLOCK = 4 * LANES, ROWS = 4 };

typedef struct resizer {
    sage_taps across, down;
    size_t stride; /* numbers of a row of the result, pixels x 3, and what makes them whole blocks */
    size_t source_stride;
    size_t length;      /* of the ring: what the second pass reaches, and what may come before it is needed */
    float *source;      /* [ROWS][source_stride] rows of the source */
    float *ring;        /* [length][stride]: row y of the source lies at y % length */
    float *spare;       /* [stride] for rows that do not count */
    const float **rows; /* [down.max] those that make a row of the result */
    unsigned char *out; /* [stride] a row of the result */
} resizer;

static four load(const float *from) {
    four x;
    memcpy(&x, from, sizeof x);
    return x;
}

static void store(float *to, four x) {
    memcpy(to, &x, sizeof x);
}

/* Rounded to the nearest whole number, halves up, and held within 0 .. 255. */
static four_ints rounded(four x) {
    const four high = {255, 255, 255, 255};
    x += 0.5f;
    four_ints positive = x > 0, over = x > high;
    x = (four)(((four_ints)x & positive & ~over) | ((four_ints)high & over));
    return __builtin_convertvector(x, four_ints);
}

/* ROWS rows of the source, so that each weight is fetched once for all. A pixel's three colours go through together;
 * the fourth lane holds the next pixel's red, and what it makes is written over by the next pixel. */
static void pass_across(const resizer *r, float *const to[ROWS]) {
    for (size_t i = 0; i < r->across.n; i++) {
        const float *from = r->source + 3 * r->across.first[i], *weights = r->across.weights + i * r->across.max;
        four sum[ROWS] = {{0}};
        for (size_t k = 0, count = r->across.count[i]; k < count; k++, from += 3) {
            for (size_t v = 0; v < ROWS; v++) sum[v] += load(from + v * r->source_stride) * weights[k];
        }
        for (size_t v = 0; v < ROWS; v++) store(to[v] + 3 * i, __builtin_convertvector(rounded(sum[v]), four));
    }
}

/* Rows [y, y + n) of the source through the first pass and into the ring; n is at most ROWS. */
static void take_rows(const resizer *r, const sage_pixels *from, size_t y, size_t n) {
    size_t row = from->width * 3;
    float *to[ROWS];
    for (size_t v = 0; v < ROWS; v++) {
        const unsigned char *rgb = from->rgb + (y + v) * row;
        float *source = r->source + v * r->source_stride;
        for (size_t i = 0; v < n && i < row; i++) source[i] = rgb[i];
        to[v] = v < n ? r->ring + (y + v) % r->length * r->stride : r->spare;
    }
    pass_across(r, to);
}

static void pass_down(const resizer *r, size_t y, unsigned char *to) {
    const float *weights = r->down.weights + y * r->down.max;
    size_t first = r->down.first[y], count = r->down.count[y];
    for (size_t k = 0; k < count; k++) r->rows[k] = r->ring + (first + k) % r->length * r->stride;
    for (size_t i = 0; i < r->stride; i += BLOCK) {
        four sum[BLOCK / LANES] = {{0}};
        for (size_t k = 0; k < count; k++) {
            const float *row = r->rows[k] + i;
            for (size_t v = 0; v < BLOCK / LANES; v++) sum[v] += load(row + v * LANES) * weights[k];
        }
        int32_t whole[BLOCK];
        for (size_t v = 0; v < BLOCK / LANES; v++) {
            four_ints x = rounded(sum[v]);
            memcpy(whole + v * LANES, &x, sizeof x);
        }
        for (size_t j = 0; j < BLOCK; j++) r->out[i + j] = (unsigned char)whole[j];
    }
    memcpy(to, r->out, r->across.n * 3);
}

static sage_status make_room(resizer *r, size_t width, sage_error *error) {
    r->stride = (r->across.n * 3 + BLOCK) / BLOCK * BLOCK; /* one lane more than the pixels, at least */
    r->source_stride = width * 3 + LANES;
    r->length = r->down.max + ROWS;
    r->source = sage_alloc_zero(ROWS * r->source_stride, sizeof *r->source);
    r->ring = sage_alloc_zero((r->length + 1) * r->stride, sizeof *r->ring);
    r->rows = sage_alloc(r->down.max * sizeof *r->rows);
    r->out = sage_alloc(r->stride);
    if (r->source == NULL || r->ring == NULL || r->rows == NULL || r->out == NULL)
        return sage_fail_memory(error, (r->length * r->stride + ROWS * r->source_stride) * sizeof *r->ring);
    r->spare = r->ring + r->length * r->stride;
    return SAGE_OK;
}

static void run(const resizer *r, const sage_pixels *from, sage_pixels *to) {
    size_t done = r->down.first[0]; /* rows of the source before this one have been through, or are not needed */
    for (size_t y = 0; y < r->down.n; y++) {
        for (size_t end = r->down.first[y] + r->down.count[y]; done < end;) {
            size_t n = from->height - done < ROWS ? from->height - done : ROWS;
            take_rows(r, from, done, n);
            done += n;
        }
        pass_down(r, y, to->rgb + y * to->width * 3);
    }
}

sage_status sage_picture_resize_part(const sage_pixels *from, sage_span across, sage_span down, sage_resample resample,
                                     sage_pixels *to, sage_error *error) {
    resizer r = {0};
    sage_status st = SAGE_OK;
    if (from->width == 0 || from->height == 0 || across.n == 0 || down.n == 0)
        return sage_fail(error, SAGE_E_ARGUMENT, "a picture of %zu x %zu pixels cannot be resized to %zu x %zu",
                         from->width, from->height, across.n, down.n);
    SAGE_TRY(sage_taps_make(&r.across, from->width, across.whole, across.begin, across.n, resample, error));
    SAGE_TRY(sage_taps_make(&r.down, from->height, down.whole, down.begin, down.n, resample, error));
    SAGE_TRY(make_room(&r, from->width, error));
    SAGE_TRY(sage_pixels_size(to, across.n, down.n, error));
    run(&r, from, to);
out:
    sage_taps_free(&r.across);
    sage_taps_free(&r.down);
    sage_free(r.source);
    sage_free(r.ring);
    sage_free(r.rows);
    sage_free(r.out);
    return st;
}

sage_status sage_picture_resize(const sage_pixels *from, size_t width, size_t height, sage_resample resample,
                                sage_pixels *to, sage_error *error) {
    return sage_picture_resize_part(from, (sage_span){width, 0, width}, (sage_span){height, 0, height}, resample, to,
                                    error);
}
