/* Products that a result leaves out: those that it has given already and, where asked for, what somebody knows, with
 * its variants. */
#ifndef SAGE_SEARCH_WITHOUT_H
#define SAGE_SEARCH_WITHOUT_H

#include <index/index.h>
#include <search/interests.h>

/* Zero-initialise; reused from query to query. */
typedef struct sage_without {
    const sage_index *index;
    uint64_t *rows; /* a bit each */
    size_t n_rows;  /* there were as it began: later ones are neither left out nor noted */
    size_t rows_capacity;
    const char **groups; /* item_group_ids, ascending */
    size_t n_groups, groups_capacity;
} sage_without;

/* Nothing is left out. */
sage_status sage_without_begin(sage_without *without, const sage_index *index, sage_error *error);
/* From now on these events' products and whatever shares an item_group_id with one of them. */
sage_status sage_without_known(sage_without *without, const sage_known_event *events, size_t n, sage_error *error);
bool sage_without_has(const sage_without *without, size_t row);
void sage_without_add(sage_without *without, size_t row); /* this row alone */
void sage_without_free(sage_without *without);

#endif
