/* From results to the report's figures. */
#ifndef SAGE_SHOP_ABLATE_TABLE_H
#define SAGE_SHOP_ABLATE_TABLE_H

#include <shop/ablate_result.h>

/* The results of one variant, seed 1 first, and the benches that they answer. */
typedef struct sage_ablate_variant {
    const sage_ablate_result *results; /* [n_seeds]; those that are not there are left out */
    sage_bench *benches;               /* [SAGE_ABLATE_PARTS] */
    const char *fault;                 /* why a run failed; NULL: none did */
} sage_ablate_variant;

/* Fills report->tables from the plan and its variants [plan's]; report has seeds, k and part. What stood in it before
 * is freed. */
sage_status sage_ablate_fill(const sage_plan *plan, const sage_ablate_variant *variants, sage_pool *pool,
                             sage_ablate_report *report, sage_error *error);

#endif
