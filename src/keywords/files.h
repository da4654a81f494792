/* What lies in keywords/<n>/words.bin: an inverted file, mapped. Products are numbered by their rank among the pids.
 *
 *   pids      i64 [n]      ascending
 *   lengths   u32 [n]      words of each product's texts
 *   sizes     [1]          sage_keywords_sizes
 *   words     [w + 1]      sage_keywords_word, ascending by bytes; the last says where the others end
 *   text      bytes        the words, one after another
 *   blocks    [b]          sage_keywords_block: a word's products in blocks of 128, its last one shorter
 *   postings  bytes        of each block, numbers of fixed width one after another (numbers.h), each array from a whole
 *                          byte on: n numbers of products (less the one before, less 1), n counts (less 1), and the
 *                          places at which the word stands in each, ascending; 8 zero bytes end the section
 *
 * The bytes of a block need no other header, so a word of one product takes few, and what is not asked for (places,
 * unless words stand side by side) is not read. */
#ifndef SAGE_KEYWORDS_FILES_H
#define SAGE_KEYWORDS_FILES_H

#include <stdint.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words.bin is written as it lies in memory");

#define SAGE_KEYWORDS_BIN   "words.bin"
#define SAGE_KEYWORDS_MAGIC "SAGEKEYS"
enum { SAGE_KEYWORDS_VERSION = 2, SAGE_KEYWORDS_SECTIONS = 7, SAGE_KEYWORDS_BLOCK = 128, SAGE_KEYWORDS_SLACK = 8 };

typedef struct sage_keywords_sizes {
    uint64_t total, longest; /* words of all products, and of the one with most */
} sage_keywords_sizes;

typedef struct sage_keywords_word {
    uint64_t text;         /* where its bytes begin */
    uint32_t block, count; /* its first block; products that hold it */
} sage_keywords_word;

typedef struct sage_keywords_block {
    uint64_t at;   /* a sage_keywords_place in one number */
    uint32_t last; /* the last product */
    float most;    /* no product of the block has a larger sage_bm25_share */
} sage_keywords_block;

/* Where a block's bytes begin below 2^40; then the widths in bits, 0 to 32, of numbers, counts and places. */
typedef struct sage_keywords_place {
    uint64_t at;
    unsigned number_bits, count_bits, place_bits;
} sage_keywords_place;

enum { SAGE_KEYWORDS_AT_BITS = 40 };

static inline uint64_t sage_keywords_pack_place(const sage_keywords_place *place) {
    return place->at | (uint64_t)place->number_bits << 40 | (uint64_t)place->count_bits << 48 |
           (uint64_t)place->place_bits << 56;
}

static inline sage_keywords_place sage_keywords_unpack_place(uint64_t packed) {
    return (sage_keywords_place){packed & ((1ULL << SAGE_KEYWORDS_AT_BITS) - 1), (unsigned)(packed >> 40) & 255,
                                 (unsigned)(packed >> 48) & 255, (unsigned)(packed >> 56)};
}

#endif
