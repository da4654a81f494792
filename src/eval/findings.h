/* What is found out about methods beside the rows of a report: plain structs, which src/report shows. */
#ifndef SAGE_EVAL_FINDINGS_H
#define SAGE_EVAL_FINDINGS_H

#include <itemsage/eval.h>

enum { SAGE_COMPARISONS_MAX = 120, SAGE_CURVE_POINTS = 100, SAGE_CURVES_MAX = 48 };

/* Pair recall of one method minus that of another on the same queries, as sage_eval_difference, with the share of
 * resamples on the other side of 0, doubled: a two-sided bootstrap p-value, 1 / resamples at the least. */
typedef struct sage_comparison {
    char method[16], against[16], task[32];
    sage_interval difference[SAGE_EVAL_K_MAX];
    double p[SAGE_EVAL_K_MAX];
} sage_comparison;

/* Pair recall over k = 1 .. SAGE_CURVE_POINTS. */
typedef struct sage_recall_curve {
    char method[16], task[32];
    double recall[SAGE_CURVE_POINTS];
} sage_recall_curve;

#endif
