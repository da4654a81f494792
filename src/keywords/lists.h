/* Writing the lists of words.bin: of each word the products that hold it, in blocks. */
#ifndef SAGE_KEYWORDS_LISTS_H
#define SAGE_KEYWORDS_LISTS_H

#include <io/packed.h>
#include <keywords/carry.h>
#include <keywords/files.h>
#include <keywords/runs.h>

typedef struct sage_lists_writer {
    sage_packed_writer *packed;        /* `postings` is its open section */
    sage_spool *words, *text, *blocks; /* sections to come */
    const uint32_t *lengths;           /* [products] */
    double mean_length;
    uint64_t at;     /* bytes of postings so far */
    uint64_t n_text; /* bytes of text so far */
    uint64_t n_blocks;
    /* the block that is being filled */
    uint32_t n, last; /* products in it; the last product of the block before + 1 */
    uint32_t products[SAGE_KEYWORDS_BLOCK], counts[SAGE_KEYWORDS_BLOCK];
    uint32_t *places;
    size_t n_places, places_capacity;
    unsigned char *bytes; /* it, packed */
    size_t bytes_capacity;
} sage_lists_writer;

/* The lists of all words of `runs` and of `carried`, which have no product in common, and the last entry of the words.
 * The writer's first part is set by the caller. */
sage_status sage_lists_write(sage_lists_writer *writer, sage_runs *runs, sage_carried *carried, sage_error *error);
void sage_lists_writer_free(sage_lists_writer *writer);

#endif
