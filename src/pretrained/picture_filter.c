/* The filters of Pillow's Image.resize (Resample.c): the filter is stretched by the reduction, so that it averages over
 * all that falls into a pixel. */
#include <base/alloc.h>
#include <math.h>
#include <pretrained/picture_filter.h>
#include <stdint.h>

static double triangle(double x) {
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

static double cubic(double x) {
    const double a = -0.5;
    x = fabs(x);
    if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

static double sinc(double x) {
    return x == 0 ? 1 : sin(M_PI * x) / (M_PI * x);
}

static double lanczos(double x) {
    return fabs(x) < 3 ? sinc(x) * sinc(x / 3) : 0;
}

typedef struct filter {
    double (*at)(double x);
    double support;
} filter;

static filter filter_of(sage_resample resample) {
    switch (resample) {
    case SAGE_RESAMPLE_BICUBIC: return (filter){cubic, 2};
    case SAGE_RESAMPLE_LANCZOS: return (filter){lanczos, 3};
    default: return (filter){triangle, 1};
    }
}

void sage_taps_free(sage_taps *taps) {
    sage_free(taps->first);
    sage_free(taps->count);
    sage_free(taps->weights);
    *taps = (sage_taps){0};
}

static sage_status make_room(sage_taps *taps, size_t n, size_t max, sage_error *error) {
    *taps = (sage_taps){.n = n, .max = max};
    if (n != 0 && max > SIZE_MAX / sizeof *taps->weights / n) return sage_fail_memory(error, SIZE_MAX);
    taps->first = sage_alloc(n * sizeof *taps->first);
    taps->count = sage_alloc(n * sizeof *taps->count);
    taps->weights = sage_alloc(n * max * sizeof *taps->weights);
    if (taps->first == NULL || taps->count == NULL || taps->weights == NULL)
        return sage_fail_memory(error, n * max * sizeof *taps->weights);
    return SAGE_OK;
}

sage_status sage_taps_make(sage_taps *taps, size_t from, size_t whole, size_t begin, size_t n, sage_resample resample,
                           sage_error *error) {
    filter f = filter_of(resample);
    double scale = (double)from / (double)whole, stretch = scale > 1 ? scale : 1, support = f.support * stretch;
    size_t max = (size_t)ceil(support) * 2 + 1;
    sage_status st = make_room(taps, n, max < from ? max : from, error);
    if (st != SAGE_OK) return st;
    for (size_t i = 0; i < n; i++) {
        double centre = ((double)(begin + i) + 0.5) * scale, sum = 0;
        double low = centre - support + 0.5, high = centre + support + 0.5;
        size_t first = low > 0 ? (size_t)low : 0, end = high < (double)from ? (size_t)high : from;
        float *weights = taps->weights + i * taps->max;
        for (size_t k = first; k < end; k++) sum += f.at(((double)k - centre + 0.5) / stretch);
        /* In steps of 2^-22, as Pillow keeps them, so that halves round as they do there. */
        for (size_t k = first; k < end; k++)
            weights[k - first] = (float)(round(f.at(((double)k - centre + 0.5) / stretch) / sum * 0x1p22) * 0x1p-22);
        taps->first[i] = first;
        taps->count[i] = end - first;
    }
    return st;
}
