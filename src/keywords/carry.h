/* The lists of an older index, for a writer that goes on from it. */
#ifndef SAGE_KEYWORDS_CARRY_H
#define SAGE_KEYWORDS_CARRY_H

#include <keywords/runs.h>

typedef struct sage_keywords sage_keywords;

enum { SAGE_NOT_CARRIED = UINT32_MAX };

/* As a run: of each word the occurrences in the products i with a numbers[i], which ascend, under that number. */
sage_status sage_keywords_pour_lists(const sage_keywords *before, const uint32_t *numbers, sage_spool *run,
                                     sage_error *error);

#endif
