/* Vectors for programs that measure an index: made ones, or those of a file. */
#ifndef BENCH_VECTORS_H
#define BENCH_VECTORS_H

#include "measure.h"

#include <base/rng.h>
#include <kernels/kernels.h>
#include <math.h>
#include <string.h>

static inline void bench_unit(float *x, size_t dim) {
    double sum = 0;
    for (size_t c = 0; c < dim; c++) sum += (double)x[c] * (double)x[c];
    for (size_t c = 0; c < dim; c++) x[c] = (float)((double)x[c] / sqrt(sum));
}

/* Learned vectors differ in few directions, with some noise in all others: a normal point of `rank` numbers, spread by
 * a fixed random map, and a tenth of its length of noise. */
static inline void bench_make_vectors(float *out, size_t n, size_t dim, size_t rank, uint64_t stream) {
    float *map = bench_room("vectors", rank * dim * sizeof *map);
    sage_rng rng;
    sage_rng_seed(&rng, 1, 0);
    for (size_t i = 0; i < rank * dim; i++) map[i] = (float)sage_rng_normal(&rng);
    sage_rng_seed(&rng, 1, stream);
    for (size_t i = 0; i < n; i++, out += dim) {
        for (size_t c = 0; c < dim; c++) out[c] = (float)(0.1 * sqrt((double)rank) * sage_rng_normal(&rng));
        for (size_t r = 0; r < rank; r++) sage_ops_best()->axpy(dim, (float)sage_rng_normal(&rng), map + r * dim, out);
        bench_unit(out, dim);
    }
    free(map);
}

/* [*n][dim] floats, the caller's to free. */
static inline float *bench_read_vectors(const char *program, const char *path, size_t dim, size_t *n) {
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        exit(1);
    }
    size_t bytes = (size_t)ftell(file);
    float *vectors = bench_room(program, bytes);
    rewind(file);
    *n = fread(vectors, dim * sizeof *vectors, bytes / (dim * sizeof *vectors), file);
    fclose(file);
    return vectors;
}

#endif
