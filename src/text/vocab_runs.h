/* Sorted runs of counted n-grams on disk, and merging them. */
#ifndef SAGE_TEXT_VOCAB_RUNS_H
#define SAGE_TEXT_VOCAB_RUNS_H

#include <io/map.h>
#include <stdbool.h>
#include <text/ngram.h>

/* A counted n-gram; `bytes` belong to the table or to the mapped run it came from. */
typedef struct sage_counted {
    const char *bytes;
    uint16_t len;
    uint8_t kind;
    uint32_t df;
} sage_counted;

/* By kind, then by bytes (memcmp, shorter first). */
int sage_counted_compare(const sage_counted *a, const sage_counted *b);

/* Writes n-grams in the order given; they must ascend. */
typedef struct sage_run_writer {
    int fd;
    const char *path;
    sage_buf buf;
} sage_run_writer;
sage_status sage_run_create(const char *path, sage_run_writer *writer, sage_error *error);
sage_status sage_run_add(sage_run_writer *writer, const sage_counted *ngram, sage_error *error);
sage_status sage_run_finish(sage_run_writer *writer, sage_status st,
                            sage_error *error); /* closes whatever `st` is, and passes it on */

/* One source of a merge: a mapped run, or a sorted array. */
typedef struct sage_run_source {
    sage_map map;
    const sage_counted *array;
    size_t at, n; /* bytes of the map, or elements of the array */
    sage_counted head;
    bool ended;
} sage_run_source;

/* Gives the n-grams of all sources in order, equal ones as one with their df added up. The sources stay the caller's.
 */
typedef struct sage_run_merge {
    sage_run_source *sources;
    uint32_t *heap; /* [n_sources] indices of sources that have not ended, smallest head first */
    size_t n_heap;
} sage_run_merge;
sage_status sage_run_merge_begin(sage_run_merge *merge, sage_run_source *sources, size_t n_sources, sage_error *error);
bool sage_run_merge_next(sage_run_merge *merge, sage_counted *ngram);
void sage_run_merge_end(sage_run_merge *merge);

#endif
