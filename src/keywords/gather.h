/* Words of products, gathered in memory up to a limit, then as sorted runs on disk (runs.h). */
#ifndef SAGE_KEYWORDS_GATHER_H
#define SAGE_KEYWORDS_GATHER_H

#include <io/spool.h>
#include <text/lexicon.h>

/* What is held at most: so many occurrences of words (16 bytes each) and bytes of distinct words. With the tables
 * about them that is 200 MiB where every word is another, 60 MiB of ordinary texts. */
enum { SAGE_GATHER_OCCURRENCES = 2 << 20, SAGE_GATHER_TEXT_BYTES = 32 << 20 };

/* Zero-initialise. */
typedef struct sage_gather {
    sage_lexicon words;               /* with how often each stands */
    uint32_t *word, *product, *place; /* of each occurrence, as it came */
    size_t n, word_capacity, product_capacity, place_capacity;
} sage_gather;

void sage_gather_free(sage_gather *gather);
bool sage_gather_full(const sage_gather *gather);
/* Products come in ascending order, and so do the places in one. */
sage_status sage_gather_add(sage_gather *gather, const char *bytes, size_t len, uint32_t product, uint32_t place,
                            sage_error *error);
/* All of it to `run`, by word; then it is empty again. */
sage_status sage_gather_pour(sage_gather *gather, sage_spool *run, sage_error *error);

#endif
