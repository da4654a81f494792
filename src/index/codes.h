/* Vectors as a graph search compares them: as bytes, or as they are. Scores are whole numbers of 32 bits that order as
 * the inner products do, so that one number of 64 bits holds a candidate (hnsw.h).
 *
 * Bytes have one scale for all vectors: an inner product of bytes then orders rows by itself, a row of 256 numbers is
 * just four cache lines, and no row's scale has to be fetched from elsewhere. What is lost is made good by scoring the
 * last candidates anew with the vectors themselves. */
#ifndef SAGE_INDEX_CODES_H
#define SAGE_INDEX_CODES_H

#include <index/heads.h>
#include <itemsage/status.h>
#include <kernels/dots.h>
#include <parallel/pool.h>
#include <stdbool.h>
#include <string.h>

typedef struct sage_codes {
    size_t n, dim;
    size_t ld;            /* bytes of a row in `bytes`: dim, up to whole cache lines, the rest zeros */
    float scale;          /* byte ~ scale * number */
    int8_t *bytes;        /* [n][ld]; NULL: vectors are compared as they are */
    const float *vectors; /* [n][dim], the caller's */
    sage_dots_int8_fn dots;
    sage_heads heads; /* only beside bytes */
} sage_codes;

/* Whole cache lines. */
static inline size_t sage_codes_ld(size_t dim) {
    return (dim + 63) / 64 * 64;
}

/* Without bytes: vectors are compared as they are. */
static inline void sage_codes_begin(sage_codes *codes, const float *vectors, size_t n, size_t dim) {
    *codes =
        (sage_codes){.n = n, .dim = dim, .ld = sage_codes_ld(dim), .vectors = vectors, .dots = sage_dots_int8_best()};
}

/* vectors [n][dim], finite, outlive the codes. */
sage_status sage_codes_make(sage_codes *codes, sage_pool *pool, const float *vectors, size_t n, size_t dim, bool bytes,
                            sage_error *error);
/* The code of one more row, or of a row that is another now, from its vector. Larger numbers than those from which the
 * scale was taken are cut. */
void sage_codes_put(const sage_codes *codes, uint32_t row);
void sage_codes_free(sage_codes *codes);
size_t sage_codes_bytes(const sage_codes *codes); /* of memory */

/* A query as it is compared: a row of the codes, or one brought to their form. */
typedef struct sage_probe {
    const int8_t *bytes;
    const float *vector;
    const int8_t *head;      /* where there are heads */
    float scale, head_scale; /* byte ~ scale number */
} sage_probe;

static inline sage_probe sage_codes_row(const sage_codes *codes, uint32_t row) {
    sage_probe probe = {.vector = codes->vectors + row * codes->dim};
    if (codes->bytes == NULL) return probe;
    probe.bytes = codes->bytes + row * codes->ld;
    probe.scale = codes->scale;
    if (codes->heads.bytes == NULL) return probe;
    probe.head = codes->heads.bytes + (size_t)row * SAGE_HEAD;
    probe.head_scale = codes->heads.scale;
    return probe;
}

/* query [dim]; room [ld + SAGE_HEAD] bytes, 64-byte aligned, holds what the probe points to. */
sage_probe sage_codes_query(const sage_codes *codes, const float *query, int8_t *room);

/* Scores of rows[0..n), larger = nearer. */
void sage_codes_score(const sage_codes *codes, sage_probe probe, size_t n, const uint32_t *rows, uint32_t *scores);

/* Which of rows[0..n) may score more than `bar`, by their heads, which there are; into `kept`, whose number it
 * gives. bar 0: all. scores: room for n. */
size_t sage_codes_sieve(const sage_codes *codes, sage_probe probe, uint32_t bar, size_t n, const uint32_t *rows,
                        uint32_t *kept, uint32_t *scores);

static inline void sage_codes_prefetch(const sage_codes *codes, uint32_t row) {
    const char *at = codes->bytes != NULL ? (const char *)(codes->bytes + row * codes->ld)
                                          : (const char *)(codes->vectors + row * codes->dim);
    size_t bytes = codes->bytes != NULL ? codes->ld : codes->dim * sizeof *codes->vectors;
    for (size_t i = 0; i < bytes; i += 64) __builtin_prefetch(at + i);
}

#endif
