/* One direction of a resampling: which pixels of the source make a pixel of the result, and by what weights. */
#ifndef SAGE_PRETRAINED_PICTURE_FILTER_H
#define SAGE_PRETRAINED_PICTURE_FILTER_H

#include <base/error.h>
#include <pretrained/picture_rule.h>

typedef struct sage_taps {
    size_t n;       /* pixels of the result */
    size_t max;     /* the most taps that one of them has */
    size_t *first;  /* [n] of the source */
    size_t *count;  /* [n] */
    float *weights; /* [n][max], each row adding to one */
} sage_taps;

/* The source's `from` pixels become `whole`; taps for [begin, begin + n) of these. Free with sage_taps_free, after an
 * error too. */
sage_status sage_taps_make(sage_taps *taps, size_t from, size_t whole, size_t begin, size_t n, sage_resample resample,
                           sage_error *error);
void sage_taps_free(sage_taps *taps);

#endif
