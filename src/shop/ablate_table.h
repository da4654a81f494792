/* The report's tables. */
#ifndef SAGE_SHOP_ABLATE_TABLE_H
#define SAGE_SHOP_ABLATE_TABLE_H

#include <shop/ablate_figures.h>

/* Fills report->tables from the plan and its variants [plan's]; report has seeds, k and part. What stood in it before
 * is freed. */
sage_status sage_ablate_fill(const sage_plan *plan, const sage_ablate_variant *variants, sage_pool *pool,
                             sage_ablate_report *report, sage_error *error);

#endif
