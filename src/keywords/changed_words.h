/* The words of one product in memory: stems by their hashes (XXH3-64: of a billion words two are taken for one with a
 * probability of 1 in 40), with the places at which they stand. */
#ifndef SAGE_KEYWORDS_CHANGED_WORDS_H
#define SAGE_KEYWORDS_CHANGED_WORDS_H

#include <base/buf.h>
#include <itemsage/status.h>
#include <keywords/changes.h>
#include <keywords/cutter.h>

typedef struct sage_placed_word {
    uint64_t hash;
    uint32_t place;
} sage_placed_word;

struct sage_changed_words {
    uint32_t n;               /* words */
    sage_placed_word words[]; /* [n] ascending by hash and place */
};

uint64_t sage_word_hash(sage_str stem);
/* Free with sage_free. SAGE_E_LIMIT: texts as long as sage_keywords_add does not take. */
sage_status sage_changed_words_make(sage_cutter *cutter, const sage_str *texts, size_t n_texts,
                                    sage_changed_words **words, sage_error *error);
/* How often hashes [n] >= 1 stand there one after another. */
uint32_t sage_changed_words_times(const sage_changed_words *words, const uint64_t *hashes, size_t n);

#endif
