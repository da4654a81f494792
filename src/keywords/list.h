/* The products that hold a word of the query, with how often, as a list in blocks: of the file, or made for parts that
 * stand side by side. */
#ifndef SAGE_KEYWORDS_LIST_H
#define SAGE_KEYWORDS_LIST_H

#include <base/buf.h>
#include <itemsage/status.h>
#include <keywords/files.h>
#include <stdbool.h>

typedef struct sage_keywords sage_keywords;

enum { SAGE_NO_BLOCK = UINT32_MAX };

/* A block, unpacked. */
typedef struct sage_list_block {
    uint32_t block, n; /* SAGE_NO_BLOCK: none yet */
    uint32_t products[SAGE_KEYWORDS_BLOCK], counts[SAGE_KEYWORDS_BLOCK];
} sage_list_block;

typedef struct sage_list {
    const sage_keywords_block *blocks;
    const uint32_t *products, *counts; /* of a made list; NULL: it is the file's */
    uint32_t n_blocks, n;              /* products */
    double idf;
    sage_list_block look; /* where sage_list_find looked last */
    /* of a walk (walk.c) */
    sage_list_block scan;
    uint32_t scanned, next; /* of `scan`; the first block that does not end before the window */
    float shares[SAGE_KEYWORDS_BLOCK];
} sage_list;

/* Of word number `word` of the file; false where the file is damaged there, and *list is then empty. */
bool sage_list_of(const sage_keywords *keywords, size_t word, sage_list *list);
/* A block of such a list; false where the file is damaged there. */
bool sage_list_unpack(const sage_keywords *keywords, const sage_list *list, uint32_t block, sage_list_block *out);
/* By its bytes; *list is empty where it is not there. */
void sage_list_of_word(sage_keywords *keywords, sage_str word, sage_list *list);
/* False where the file is damaged there: then the keywords are marked so, and *out is empty. */
bool sage_list_read(sage_keywords *keywords, const sage_list *list, uint32_t block, sage_list_block *out);
/* The first block from `from` on whose last product is not below `product`; n_blocks where there is none. */
uint32_t sage_list_seek(const sage_list *list, uint32_t from, uint32_t product);
/* Where `product` stands in list->look; false where the list does not hold it. Quick for ascending products. */
bool sage_list_find(sage_keywords *keywords, sage_list *list, uint32_t product, uint32_t *at);

/* A word of the query: its parts, and how many products of the file hold it. */
typedef struct sage_word_asked {
    size_t begin, end;
    uint32_t n;
} sage_word_asked;

/* All lists of a query, and the room of those that are made. */
typedef struct sage_word_lists {
    sage_word_asked *words; /* [n_words] in their order, those that no product holds too */
    size_t n_words, words_capacity;
    sage_list *lists;
    size_t n, capacity;
    struct sage_beside *parts; /* of the word that is being made */
    size_t parts_capacity;
    uint32_t *products, *counts; /* of what is made, one word after another */
    sage_keywords_block *blocks;
    size_t n_made, products_capacity, counts_capacity, n_blocks, blocks_capacity;
} sage_word_lists;

/* Of the words of keywords->asked, in their order, without those that no product holds. */
sage_status sage_lists_ask(sage_keywords *keywords, sage_error *error);
void sage_lists_free(sage_word_lists *lists);

#endif
