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

enum { LANES = 4 };

typedef struct resizer {
    sage_taps across, down;
    size_t row;    /* numbers of a row of the result: pixels x 3 */
    size_t stride; /* the same, with room behind for whole vectors */
    float *source; /* one row of the source */
    float *ring;   /* [down.max][stride]: row y of the source lies at y % down.max */
    float *sum;    /* one row of the result */
} resizer;

static four load(const float *from) {
    four x;
    memcpy(&x, from, sizeof x);
    return x;
}

static void store(float *to, four x) {
    memcpy(to, &x, sizeof x);
}

/* Rounded and held within 0 .. 255, but kept as float. */
static void round_row(float *x, size_t n) {
    for (size_t i = 0; i < n; i++) {
        float v = x[i] + 0.5f;
        v = v > 0 ? v : 0;
        v = v < 255.5f ? v : 255.5f;
        x[i] = (float)(int)v;
    }
}

/* A pixel's three colours go through together; the fourth lane holds the next pixel's red, and what it makes is written
 * over by the next pixel. */
static void pass_across(const resizer *r, float *to) {
    for (size_t i = 0; i < r->across.n; i++) {
        const float *from = r->source + 3 * r->across.first[i], *weights = r->across.weights + i * r->across.max;
        size_t count = r->across.count[i];
        four even = {0}, odd = {0};
        size_t k = 0;
        for (; k + 1 < count; k += 2) {
            even += load(from + 3 * k) * weights[k];
            odd += load(from + 3 * k + 3) * weights[k + 1];
        }
        if (k < count) even += load(from + 3 * k) * weights[k];
        store(to + 3 * i, even + odd);
    }
    round_row(to, r->row);
}

static void pass_down(const resizer *r, size_t y, unsigned char *to) {
    const float *weights = r->down.weights + y * r->down.max;
    size_t first = r->down.first[y], count = r->down.count[y], ring = r->down.max;
    memset(r->sum, 0, r->row * sizeof *r->sum);
    for (size_t k = 0; k < count; k++) {
        const float *row = r->ring + (first + k) % ring * r->stride;
        float weight = weights[k], *restrict sum = r->sum;
        for (size_t i = 0; i < r->row; i++) sum[i] += weight * row[i];
    }
    round_row(r->sum, r->row);
    for (size_t i = 0; i < r->row; i++) to[i] = (unsigned char)(int)r->sum[i];
}

static sage_status make_room(resizer *r, size_t width, sage_error *error) {
    r->row = r->across.n * 3;
    r->stride = r->row + LANES;
    size_t bytes = r->down.max * r->stride * sizeof *r->ring;
    r->source = sage_alloc_zero(width * 3 + LANES, sizeof *r->source);
    r->ring = sage_alloc_zero(r->down.max * r->stride, sizeof *r->ring);
    r->sum = sage_alloc(r->row * sizeof *r->sum);
    return r->source != NULL && r->ring != NULL && r->sum != NULL ? SAGE_OK : sage_fail_memory(error, bytes);
}

static void run(const resizer *r, const sage_pixels *from, sage_pixels *to) {
    size_t done = r->down.n > 0 ? r->down.first[0]
                                : 0; /* rows of the source before this one have been through, or are not needed */
    for (size_t y = 0; y < r->down.n; y++) {
        for (size_t end = r->down.first[y] + r->down.count[y]; done < end; done++) {
            const unsigned char *rgb = from->rgb + done * from->width * 3;
            for (size_t i = 0; i < from->width * 3; i++) r->source[i] = rgb[i];
            pass_across(r, r->ring + done % r->down.max * r->stride);
        }
        pass_down(r, y, to->rgb + y * r->row);
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
    sage_free(r.sum);
    return st;
}

sage_status sage_picture_resize(const sage_pixels *from, size_t width, size_t height, sage_resample resample,
                                sage_pixels *to, sage_error *error) {
    return sage_picture_resize_part(from, (sage_span){width, 0, width}, (sage_span){height, 0, height}, resample, to,
                                    error);
}
