#include "segment.h"
#include <base/alloc.h>
#include <base/error.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

static const char ROWS_MAGIC[8] = "SAGEROWS", DEAD_MAGIC[8] = "SAGEDEAD";
enum { ROWS_VERSION = 1, DEAD_VERSION = 1, WRITE_BYTES = 1 << 20 };

/* ---- writing ---- */

static sage_status add_vectors(sage_npy_writer *writer, float *block, size_t block_rows, size_t rows, size_t dim,
                               sage_vector_row_fn row_at, void *ctx, XXH3_state_t *sum, sage_error *error) {
    sage_status st = SAGE_OK;
    for (size_t at = 0; at < rows; at += block_rows) {
        size_t n = at + block_rows < rows ? block_rows : rows - at;
        for (size_t i = 0; i < n; i++) {
            sage_vector_row row;
            row_at(ctx, at + i, &row);
            memcpy(block + i * dim, row.vector, dim * sizeof *block);
        }
        XXH3_64bits_update(sum, block, n * dim * sizeof *block);
        SAGE_TRY(sage_npy_add(writer, block, n, error));
    }
out:
    return st;
}

static sage_status write_vectors(const char *path, size_t rows, size_t dim, sage_vector_row_fn row_at, void *ctx,
                                 uint64_t *sum, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t block_rows = WRITE_BYTES / (dim * sizeof(float)) + 1;
    float *block = sage_alloc(block_rows * dim * sizeof *block);
    XXH3_state_t *state = XXH3_createState();
    sage_npy_writer writer = {.fd = -1};
    if (block == NULL || state == NULL) SAGE_TRY(sage_fail_memory(error, block_rows * dim * sizeof *block));
    XXH3_64bits_reset(state);
    SAGE_TRY(sage_npy_create(path, rows, dim, &writer, error));
    st = add_vectors(&writer, block, block_rows, rows, dim, row_at, ctx, state, error);
    sage_status finished = sage_npy_finish(&writer, st == SAGE_OK ? error : NULL);
    if (st == SAGE_OK) st = finished;
    *sum = XXH3_64bits_digest(state);
out:
    XXH3_freeState(state);
    sage_free(block);
    return st;
}

static sage_status add_rows(sage_packed_writer *writer, size_t rows, sage_vector_row_fn row_at, void *ctx, uint64_t sum,
                            sage_error *error) {
    sage_status st = SAGE_OK;
    sage_vector_row row;
    SAGE_TRY(sage_packed_section(writer, "pids", sizeof row.pid, error));
    for (size_t i = 0; i < rows; i++) {
        row_at(ctx, i, &row);
        SAGE_TRY(sage_packed_add(writer, &row.pid, sizeof row.pid, error));
    }
    SAGE_TRY(sage_packed_section(writer, "fingerprints", sizeof row.fingerprint, error));
    for (size_t i = 0; i < rows; i++) {
        row_at(ctx, i, &row);
        SAGE_TRY(sage_packed_add(writer, &row.fingerprint, sizeof row.fingerprint, error));
    }
    SAGE_TRY(sage_packed_section(writer, "vectors_xxh3", sizeof sum, error));
    SAGE_TRY(sage_packed_add(writer, &sum, sizeof sum, error));
out:
    return st;
}

sage_status sage_segment_write(const char *dir, uint64_t number, size_t rows, size_t dim, sage_vector_row_fn row_at,
                               void *ctx, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    uint64_t sum = 0;
    sage_packed_writer *writer = NULL;
    SAGE_TRY(sage_vectors_file(path, dir, SAGE_SEGMENT_NPY, number, error));
    SAGE_TRY(write_vectors(path, rows, dim, row_at, ctx, &sum, error));
    SAGE_TRY(sage_vectors_file(path, dir, SAGE_SEGMENT_ROWS, number, error));
    SAGE_TRY(sage_packed_create(path, ROWS_MAGIC, ROWS_VERSION, 3, &writer, error));
    SAGE_TRY(add_rows(writer, rows, row_at, ctx, sum, error));
    st = sage_packed_finish(writer, error);
    writer = NULL;
out:
    sage_packed_abandon(writer);
    return st;
}

/* ---- reading ---- */

/* Rewrites what a reader below said into our remedy. */
static sage_status remedy(sage_status st, const char *path, sage_error *error) {
    if (st == SAGE_E_NOT_FOUND) return sage_vectors_damaged(path, "the file is missing", error);
    if (st != SAGE_E_FORMAT) return st;
    char what[200];
    snprintf(what, sizeof what, "the file is damaged (%.150s)", error ? error->text : "not readable");
    return sage_vectors_damaged(path, what, error);
}

static sage_status open_rows(const char *path, sage_segment *segment, uint64_t *sum, sage_error *error) {
    sage_status st = SAGE_OK;
    const void *pids, *fingerprints, *stored;
    size_t n_pids, n_fingerprints, n_sums;
    SAGE_TRY(sage_packed_open(path, ROWS_MAGIC, ROWS_VERSION, true, &segment->packed, error));
    SAGE_TRY(sage_packed_get(segment->packed, "pids", sizeof(int64_t), &pids, &n_pids, error));
    SAGE_TRY(sage_packed_get(segment->packed, "fingerprints", sizeof(sage_fingerprint), &fingerprints, &n_fingerprints,
                             error));
    SAGE_TRY(sage_packed_get(segment->packed, "vectors_xxh3", sizeof *sum, &stored, &n_sums, error));
    if (n_pids != segment->rows || n_fingerprints != segment->rows || n_sums != 1)
        SAGE_TRY(sage_fail(error, SAGE_E_FORMAT, "another number of rows than the manifest says"));
    memcpy(sum, stored, sizeof *sum);
    segment->pids = pids;
    segment->fingerprints = fingerprints;
    for (size_t i = 1; i < n_pids; i++)
        if (segment->pids[i] <= segment->pids[i - 1])
            SAGE_TRY(sage_fail(error, SAGE_E_FORMAT, "product ids are not in order"));
out:
    return st;
}

static sage_status open_vectors(const char *path, sage_segment *segment, uint64_t sum, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_npy_open(path, &segment->npy, error));
    const sage_npy *npy = &segment->npy;
    if (npy->dtype != SAGE_F32 || npy->rows != segment->rows || npy->cols != segment->dim)
        SAGE_TRY(sage_fail(error, SAGE_E_FORMAT, "its shape is not the manifest's"));
    size_t bytes = npy->rows * npy->cols * sizeof(float);
    if (XXH3_64bits(npy->data, bytes) != sum) SAGE_TRY(sage_fail(error, SAGE_E_FORMAT, "wrong checksum"));
    segment->vectors = (const float *)(const void *)npy->data;
out:
    return st;
}

sage_status sage_segment_open(const char *dir, const sage_segment_name *name, size_t dim, bool with_vectors,
                              sage_segment *segment, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_error own;
    char path[SAGE_PATH_MAX];
    uint64_t sum = 0;
    if (error == NULL) error = &own; /* its text goes into ours */
    *segment = (sage_segment){.number = name->number, .rows = name->rows, .dim = dim, .precision = name->precision};
    SAGE_TRY(sage_vectors_file(path, dir, SAGE_SEGMENT_ROWS, name->number, error));
    SAGE_TRY(remedy(open_rows(path, segment, &sum, error), path, error));
    if (!with_vectors) goto out;
    SAGE_TRY(sage_vectors_file(path, dir, SAGE_SEGMENT_NPY, name->number, error));
    SAGE_TRY(remedy(open_vectors(path, segment, sum, error), path, error));
out:
    if (st != SAGE_OK) sage_segment_close(segment);
    return st;
}

void sage_segment_close(sage_segment *segment) {
    sage_packed_close(segment->packed);
    if (segment->npy.map.data != NULL) sage_npy_close(&segment->npy);
    *segment = (sage_segment){0};
}

/* ---- dead products ---- */

sage_status sage_dead_write(const char *dir, uint64_t number, const int64_t *pids, size_t n, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    sage_packed_writer *writer = NULL;
    SAGE_TRY(sage_vectors_file(path, dir, SAGE_DEAD_LIST, number, error));
    SAGE_TRY(sage_packed_create(path, DEAD_MAGIC, DEAD_VERSION, 1, &writer, error));
    SAGE_TRY(sage_packed_section(writer, "pids", sizeof *pids, error));
    SAGE_TRY(sage_packed_add(writer, pids, n * sizeof *pids, error));
    st = sage_packed_finish(writer, error);
    writer = NULL;
out:
    sage_packed_abandon(writer);
    return st;
}

static sage_status read_dead(const char *path, int64_t **pids, size_t *n, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_packed *packed = NULL;
    const void *stored;
    SAGE_TRY(sage_packed_open(path, DEAD_MAGIC, DEAD_VERSION, true, &packed, error));
    SAGE_TRY(sage_packed_get(packed, "pids", sizeof **pids, &stored, n, error));
    *pids = sage_alloc(*n * sizeof **pids);
    if (*pids == NULL) SAGE_TRY(sage_fail_memory(error, *n * sizeof **pids));
    memcpy(*pids, stored, *n * sizeof **pids);
out:
    sage_packed_close(packed);
    return st;
}

sage_status sage_dead_read(const char *dir, uint64_t number, int64_t **pids, size_t *n, sage_error *error) {
    sage_error own;
    char path[SAGE_PATH_MAX];
    if (error == NULL) error = &own;
    sage_status st = sage_vectors_file(path, dir, SAGE_DEAD_LIST, number, error);
    return st == SAGE_OK ? remedy(read_dead(path, pids, n, error), path, error) : st;
}
