/* Distinct words of any bytes, numbered as they come, each with a count that is the caller's. */
#ifndef SAGE_TEXT_LEXICON_H
#define SAGE_TEXT_LEXICON_H

#include <base/buf.h>
#include <stdint.h>

#define SAGE_LEXICON_NONE 0xffffffffU

typedef struct sage_lexeme {
    size_t begin; /* in texts */
    uint32_t len, count;
} sage_lexeme;

/* Zero-initialise. Some 30 bytes a word and those of its text. */
typedef struct sage_lexicon {
    sage_buf texts;    /* one after another */
    sage_lexeme *list; /* [n] */
    size_t n, capacity;
    uint32_t *slots; /* [n_slots]: open addressing by XXH3-64, half full at most; SAGE_LEXICON_NONE: free */
    size_t n_slots;
} sage_lexicon;

/* *number: the word's, which had one or has a new one now, with a count of 0. */
sage_status sage_lexicon_add(sage_lexicon *lexicon, sage_str word, uint32_t *number, sage_error *error);
sage_str sage_lexicon_at(const sage_lexicon *lexicon, size_t number); /* until the next is added */
/* All numbers, the words ascending by their bytes, into order[n]. */
void sage_lexicon_sort(const sage_lexicon *lexicon, uint32_t *order);
void sage_lexicon_clear(sage_lexicon *lexicon); /* the memory stays */
void sage_lexicon_free(sage_lexicon *lexicon);

#endif
