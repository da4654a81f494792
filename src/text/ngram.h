/* n-grams of a normalised text. A word is a maximal run of letters, marks and digits; bigrams are two neighbouring
 * words joined by one blank; trigrams are three neighbouring code points of #word#. */
#ifndef SAGE_TEXT_NGRAM_H
#define SAGE_TEXT_NGRAM_H

#include <base/buf.h>

typedef enum sage_ngram_kind { SAGE_WORD, SAGE_BIGRAM, SAGE_TRIGRAM, SAGE_NGRAM_KINDS } sage_ngram_kind;

/* Splits into words: views into `text`. Grows *words (sage_grow); appends from *n on. Words longer than 64 code points
 * are cut there. */
sage_status sage_words(const char *text, size_t len, sage_str **words, size_t *capacity, size_t *n, sage_error *error);

typedef sage_status (*sage_ngram_fn)(void *ctx, sage_ngram_kind kind, const char *bytes, size_t len, sage_error *error);

/* Calls fn for every n-gram (repeats included), words first, then bigrams, then trigrams. `bytes` live for the call of
 * fn. */
sage_status sage_ngrams_of_words(const sage_str *words, size_t n, sage_ngram_fn fn, void *ctx, sage_error *error);

#endif
