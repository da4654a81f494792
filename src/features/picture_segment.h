/* The vectors and files that wait for the next commit. Only the pass over pictures uses it. */
#ifndef SAGE_FEATURES_PICTURE_SEGMENT_H
#define SAGE_FEATURES_PICTURE_SEGMENT_H

#include <catalog/picture_store.h>

typedef struct sage_picture_segment {
    sage_picture_store *store;
    size_t dim, rows, max_rows;
    float *vectors;                /* [max_rows][dim] */
    unsigned char (*contents)[16]; /* [max_rows] */
    uint32_t *slots;               /* open addressing over contents: row + 1; 0: free */
    size_t n_slots;                /* a power of two, at least twice max_rows */
    sage_picture_found *files;
    size_t n_files, files_capacity;
    double began_s; /* of the oldest that waits */
} sage_picture_segment;

/* `max_rows`: 0 for as many as are sensible; raised to one batch. */
sage_status sage_picture_segment_init(sage_picture_segment *segment, sage_picture_store *store, size_t dim,
                                      size_t max_rows, sage_error *error);
void sage_picture_segment_free(sage_picture_segment *segment);
bool sage_picture_segment_has(const sage_picture_segment *segment, const unsigned char content[16]);
/* Room is the caller's affair: see full. */
void sage_picture_segment_add(sage_picture_segment *segment, const unsigned char content[16], const float *vector);
/* What a file turned out to be; texts are copied. fault: NULL for a good one. */
sage_status sage_picture_segment_file(sage_picture_segment *segment, const sage_picture_task *task,
                                      const unsigned char content[16], const char *fault, const char *detail,
                                      sage_error *error);
/* Whether to commit before another batch. */
bool sage_picture_segment_full(const sage_picture_segment *segment);
sage_status sage_picture_segment_commit(sage_picture_segment *segment, sage_error *error);

enum { SAGE_PICTURE_BATCH = 32 };

#endif
