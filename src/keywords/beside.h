/* Products in which words stand side by side: those that hold them all, with the places in each compared. */
#ifndef SAGE_KEYWORDS_BESIDE_H
#define SAGE_KEYWORDS_BESIDE_H

#include <keywords/list.h>

/* One of the words, and how far its list was gone along. */
typedef struct sage_beside {
    sage_list list;  /* of the file; its `look` is the block that is gone along */
    uint32_t at;     /* in the block */
    uint64_t before; /* places of the products before */
    /* where it stands in the product: ascending, packed */
    const unsigned char *places;
    uint32_t place, n_places;
    unsigned width;
} sage_beside;

/* `words` have their lists, none of them empty. */
void sage_beside_begin(sage_beside *words, size_t n);
/* The next product, ascending, and how often the words stand there one after another; false: there is no more. */
bool sage_beside_next(sage_keywords *keywords, sage_beside *words, size_t n, uint32_t *product, uint32_t *times);

#endif
