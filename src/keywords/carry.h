/* The lists of an older index, for a writer that goes on from it. */
#ifndef SAGE_KEYWORDS_CARRY_H
#define SAGE_KEYWORDS_CARRY_H

#include <base/buf.h>
#include <stdint.h>

typedef struct sage_keywords sage_keywords;

enum { SAGE_NOT_CARRIED = UINT32_MAX };

/* Its words, ascending. */
typedef struct sage_carried {
    const sage_keywords *before; /* NULL: none, and then it has no words */
    const uint32_t *numbers;     /* [products of before], ascending: each one's in the index under construction;
                                    SAGE_NOT_CARRIED: it is not in there, or was read anew */
    size_t at;                   /* the word at hand */
} sage_carried;

/* *more: false behind the last word. */
sage_status sage_carried_word(const sage_carried *carried, bool *more, sage_str *word, sage_error *error);

/* A product in which the word at hand stands: `count` times, at numbers of place_bits each, from the first-th on. */
typedef struct sage_carried_one {
    uint32_t product, count;
    const unsigned char *places;
    uint64_t first;
    unsigned place_bits;
} sage_carried_one;
typedef sage_status (*sage_carried_fn)(void *ctx, const sage_carried_one *one, sage_error *error);
/* Those that are carried over, ascending; then the next word is at hand. */
sage_status sage_carried_each(sage_carried *carried, sage_carried_fn fn, void *ctx, sage_error *error);

#endif
