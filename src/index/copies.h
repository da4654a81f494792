/* Rows whose codes are the same byte for byte: variants of a product, or one that is offered twice. More copies than a
 * row has links would link to each other alone, and no walk would find in or out; so only the first of them stands in
 * the graph, and the others follow from it. */
#ifndef SAGE_INDEX_COPIES_H
#define SAGE_INDEX_COPIES_H

#include <index/codes.h>

/* next [codes->n]: the next higher row with the same code, SAGE_NO_ROW after the last; copy [codes->n]: not the first
 * of them. */
sage_status sage_copies_find(const sage_codes *codes, uint32_t *next, bool *copy, sage_error *error);
bool sage_same_code(const sage_codes *codes, size_t a, size_t b);

#endif
