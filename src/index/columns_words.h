/* The distinct words of one column while it is written. */
#ifndef SAGE_INDEX_COLUMNS_WORDS_H
#define SAGE_INDEX_COLUMNS_WORDS_H

#include <base/buf.h>
#include <stdint.h>

typedef struct sage_word {
    uint64_t begin, end; /* in texts */
    uint64_t rows;
} sage_word;

/* Zero-initialise. */
typedef struct sage_words {
    sage_buf texts;
    sage_word *list; /* [n] as they came */
    size_t n, capacity;
    uint32_t *slots; /* [n_slots]: open addressing by XXH3-64; SAGE_NO_WORD: free */
    size_t n_slots;
    uint32_t *order, *rank; /* [n] after the sort: words by their bytes, and each one's place there */
} sage_words;

/* The number of a word, in the order of arrival. */
sage_status sage_words_add(sage_words *words, sage_str word, uint32_t *number, sage_error *error);
sage_status sage_words_sort(sage_words *words, sage_error *error);
sage_str sage_words_at(const sage_words *words, size_t number);
void sage_words_free(sage_words *words);

#endif
