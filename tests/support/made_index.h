/* An index version of made vectors, for tests of what searches it. */
#ifndef SAGE_TESTS_MADE_INDEX_H
#define SAGE_TESTS_MADE_INDEX_H

#include <base/rng.h>
#include <index/index.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Unit vectors [n][dim] that differ in 12 directions, and a little in all; the caller's to free. */
static inline float *made_vectors(size_t n, size_t dim, uint64_t stream) {
    enum { RANK = 12 };
    float *map = malloc(RANK * dim * sizeof *map), *vectors = malloc((n * dim + 1) * sizeof *vectors);
    sage_rng rng;
    sage_rng_seed(&rng, 1, 0);
    for (size_t i = 0; i < RANK * dim; i++) map[i] = (float)sage_rng_normal(&rng);
    sage_rng_seed(&rng, 1, stream);
    for (size_t i = 0; i < n; i++) {
        float *x = vectors + i * dim;
        double square = 0;
        for (size_t c = 0; c < dim; c++) x[c] = (float)(0.3 * sage_rng_normal(&rng));
        for (size_t r = 0; r < RANK; r++) {
            float by = (float)sage_rng_normal(&rng);
            for (size_t c = 0; c < dim; c++) x[c] += by * map[r * dim + c];
        }
        for (size_t c = 0; c < dim; c++) square += (double)x[c] * (double)x[c];
        for (size_t c = 0; c < dim; c++) x[c] = (float)((double)x[c] / sqrt(square));
    }
    free(map);
    return vectors;
}

/* Product "p<row>" has pid row + 1. */
static inline sage_status made_index(const char *into, const float *vectors, size_t n, size_t dim, sage_error *error) {
    sage_index_writer *writer = NULL;
    sage_status st = sage_index_create(into, n, dim, &writer, error);
    for (size_t i = 0; i < n && st == SAGE_OK; i++) {
        char id[32];
        snprintf(id, sizeof id, "p%zu", i);
        const sage_str shown[SAGE_SHOWN] = {[SAGE_SHOW_ID] = {id, strlen(id)}};
        st = sage_index_add(writer, (int64_t)i + 1, vectors + i * dim, shown, error);
    }
    if (st == SAGE_OK) return sage_index_finish(writer, error);
    sage_index_abandon(writer);
    return st;
}

#endif
