/* Products of one item_group_id in an index: where one is looked at, none of them is a recommendation. */
#ifndef SAGE_EVAL_VARIANTS_H
#define SAGE_EVAL_VARIANTS_H

#include <index/index.h>

typedef struct sage_variant {
    const char *group; /* in the map of the index */
    uint32_t row;
} sage_variant;

/* Memory: 16 bytes a product that has a group. The index must stay open. */
typedef struct sage_variants {
    const sage_index *index;
    sage_variant *list; /* [n] by group, then row */
    size_t n;
} sage_variants;

sage_status sage_variants_init(sage_variants *variants, const sage_index *index, sage_error *error);
void sage_variants_free(sage_variants *variants);
/* All of a row's group, itself among them; NULL and *n = 0 where it has none. */
const sage_variant *sage_variants_of(const sage_variants *variants, size_t row, size_t *n);

#endif
