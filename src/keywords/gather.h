/* Words of products, gathered in memory up to a limit, then as sorted runs on disk (runs.h). */
#ifndef SAGE_KEYWORDS_GATHER_H
#define SAGE_KEYWORDS_GATHER_H

#include <base/buf.h>
#include <io/spool.h>

/* What is held at most: so many occurrences of words (16 bytes each) and bytes of distinct words. With the tables
 * about them that is 200 MiB where every word is another, 60 MiB of ordinary texts. */
enum { SAGE_GATHER_OCCURRENCES = 2 << 20, SAGE_GATHER_TEXT_BYTES = 32 << 20 };

typedef struct sage_gathered {
    size_t text;
    uint32_t len, count;
} sage_gathered;

typedef struct sage_gather {
    sage_buf text; /* distinct words, one after another */
    sage_gathered *words;
    uint32_t *slots; /* open addressing: a word's number + 1; 0: free */
    size_t n_words, words_capacity, n_slots;
    uint32_t *word, *product, *place; /* of each occurrence, as it came */
    size_t n, word_capacity, product_capacity, place_capacity;
} sage_gather;

void sage_gather_init(sage_gather *gather);
void sage_gather_free(sage_gather *gather);
bool sage_gather_full(const sage_gather *gather);
/* Products come in ascending order, and so do the places in one. */
sage_status sage_gather_add(sage_gather *gather, const char *bytes, size_t len, uint32_t product, uint32_t place,
                            sage_error *error);
/* All of it to `run`, by word; then it is empty again. */
sage_status sage_gather_pour(sage_gather *gather, sage_spool *run, sage_error *error);

#endif
