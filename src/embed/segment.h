/* Segments: <number>.npy (f32 [rows][dim]) and <number>.rows (packed: pids ascending, fingerprints, XXH3-64 of the
 * vectors). */
#ifndef SAGE_EMBED_SEGMENT_H
#define SAGE_EMBED_SEGMENT_H

#include "manifest.h"
#include <catalog/catalog.h>
#include <io/npy.h>
#include <io/packed.h>

/* Row i of what is to be written. */
typedef struct sage_vector_row {
    int64_t pid;
    sage_fingerprint fingerprint;
    const float *vector;
} sage_vector_row;
typedef void (*sage_vector_row_fn)(void *ctx, size_t index, sage_vector_row *row);

/* Writes and syncs both files; the caller names them in the manifest. Rows are asked for three times, in order. */
sage_status sage_segment_write(const char *dir, uint64_t number, size_t rows, size_t dim, sage_vector_row_fn row_at,
                               void *ctx, sage_error *error);

typedef struct sage_segment {
    uint64_t number;
    size_t rows, dim;
    sage_precision precision;
    const int64_t *pids;                  /* [rows] ascending, in the map */
    const sage_fingerprint *fingerprints; /* [rows] */
    const float *vectors;                 /* [rows][dim]; NULL where opened without */
    sage_packed *packed;
    sage_npy npy;
} sage_segment;

/* Checks everything, the vectors' checksum too where they are wanted. */
sage_status sage_segment_open(const char *dir, const sage_segment_name *name, size_t dim, bool with_vectors,
                              sage_segment *segment, sage_error *error);
void sage_segment_close(sage_segment *segment);

/* The list of dead products: pids ascending. */
sage_status sage_dead_write(const char *dir, uint64_t number, const int64_t *pids, size_t n, sage_error *error);
sage_status sage_dead_read(const char *dir, uint64_t number, int64_t **pids, size_t *n,
                           sage_error *error); /* sage_free */

#endif
