/* Names and records of the files below index/<n>/; the layout is told in index.h. */
#ifndef SAGE_INDEX_FILES_H
#define SAGE_INDEX_FILES_H

#include <index/index.h>
#include <xxhash.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "index files are written as they lie in memory");

#define SAGE_INDEX_VECTORS_FILE  "vectors.bin"
#define SAGE_INDEX_ROWS_FILE     "rows.bin"
#define SAGE_INDEX_TEXT_FILE     "text.bin"
#define SAGE_INDEX_IDS_FILE      "ids.bin"
#define SAGE_INDEX_VECTORS_MAGIC "SAGEIVEC"
#define SAGE_INDEX_ROWS_MAGIC    "SAGEIROW"
#define SAGE_INDEX_TEXT_MAGIC    "SAGEITXT"
#define SAGE_INDEX_IDS_MAGIC     "SAGEIIDS"
enum { SAGE_INDEX_VERSION = 1 };

typedef struct sage_index_shape {
    uint64_t rows, dim;
} sage_index_shape;

typedef struct sage_index_row {
    int64_t pid;
    uint64_t begin;
} sage_index_row;

/* At most half full, so that a search for an id that is not there ends soon. */
static inline size_t sage_index_slots(size_t n_rows) {
    size_t n = 2;
    while (n < 2 * n_rows) n *= 2;
    return n;
}

/* The slot at which the search for an id begins. */
static inline size_t sage_index_home(const char *id, size_t len, size_t n_slots) {
    return (size_t)(uint32_t)XXH3_64bits(id, len) & (n_slots - 1);
}

#endif
