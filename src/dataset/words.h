/* The words of a product that queries made from the catalogue draw from, and their 32-bit keys. */
#ifndef SAGE_DATASET_WORDS_H
#define SAGE_DATASET_WORDS_H

#include <features/features.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

/* The title first; no description (it holds every word sooner or later), no domain or link. */
static const sage_field sage_made_fields[] = {SAGE_TITLE,    SAGE_CATEGORY, SAGE_TYPE, SAGE_BRAND,    SAGE_COLOR,
                                              SAGE_MATERIAL, SAGE_PATTERN,  SAGE_SIZE, SAGE_SIZE_TYPE};
enum { SAGE_MADE_FIELDS = sizeof sage_made_fields / sizeof *sage_made_fields };

/* Two words of one key are taken for one: at worst, a product is wrongly spared as a negative once in 4 billion. */
static inline uint32_t sage_word_key(sage_str word) {
    return (uint32_t)XXH3_64bits(word.data, word.len);
}

/* Sorts keys and removes repeats; returns how many remain. */
size_t sage_word_keys_unique(uint32_t *keys, size_t n);

#endif
