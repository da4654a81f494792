/* manifest.json of vectors/<model>/: the one file that says which others count. Replaced atomically; a file that it
 * does not name is the rest of a stopped run.
 *
 * A product's vector is the one in the newest segment that has it. Products that are gone are listed in
 * dead-<number>.bin, which concerns the segments of lower numbers; numbers are given out once, to segments and lists
 * alike. */
#ifndef SAGE_EMBED_MANIFEST_H
#define SAGE_EMBED_MANIFEST_H

#include <io/fs.h>
#include <kernels/gemm.h>
#include <stddef.h>

typedef struct sage_segment_name {
    uint64_t number;
    size_t rows;
    sage_precision precision; /* in which its vectors were computed */
} sage_segment_name;

typedef struct sage_manifest {
    size_t dim;
    uint64_t next;     /* next number to give out; 1 at first */
    uint64_t dead;     /* number of the list of dead products, 0: none */
    uint64_t all_from; /* a run of `all` is under way and has written the segments from this number on; 0: none is */
    size_t n, capacity;
    sage_segment_name *segments; /* ascending numbers */
} sage_manifest;

void sage_manifest_free(sage_manifest *manifest);
/* An empty manifest where there is none: n = 0, dim = 0, next = 1. */
sage_status sage_manifest_read(const char *dir, sage_manifest *manifest, sage_error *error);
sage_status sage_manifest_write(const char *dir, uint64_t model, const sage_manifest *manifest, sage_error *error);
sage_status sage_manifest_add(sage_manifest *manifest, const sage_segment_name *segment, sage_error *error);
/* Removes the segments, lists and temporaries that the manifest does not name. */
sage_status sage_manifest_sweep(const char *dir, const sage_manifest *manifest, sage_error *error);

/* dir/<number>.npy and the like. */
sage_status sage_vectors_file(char out[SAGE_PATH_MAX], const char *dir, const char *format, uint64_t number,
                              sage_error *error) __attribute__((format(printf, 3, 0)));
#define SAGE_SEGMENT_NPY  "%llu.npy"
#define SAGE_SEGMENT_ROWS "%llu.rows"
#define SAGE_DEAD_LIST    "dead-%llu.bin"

/* "<what>; run 'itemsage embed --all'": SAGE_E_FORMAT about a file of the vectors. */
sage_status sage_vectors_damaged(const char *path, const char *what, sage_error *error);

#endif
