/* What is found out about methods beside the rows of a report: plain structs, which src/report shows. */
#ifndef SAGE_EVAL_FINDINGS_H
#define SAGE_EVAL_FINDINGS_H

#include <itemsage/eval.h>

enum {
    SAGE_COMPARISONS_MAX = 120,
    SAGE_CURVE_POINTS = 100,
    SAGE_CURVES_MAX = 48,
    SAGE_SLICES_MAX = 12,
    SAGE_SLICED_MAX = 8,
    SAGE_REACH_K = 10,
    SAGE_LORENZ_POINTS = 51,
    SAGE_REACHES_MAX = 48,
    SAGE_CALIBRATION_BINS = 10
};

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

/* The pairs of a task in parts, by what is known of their products. */
typedef struct sage_slice {
    char label[40];
    uint64_t products, pairs, queries; /* products: different ones that are wanted */
    sage_interval recall[16];          /* of each method at the first k */
} sage_slice;
typedef struct sage_sliced {
    char by[32], task[32]; /* "popularity", "newness" */
    size_t n_methods;
    char methods[16][16];
    size_t n;
    sage_slice slices[SAGE_SLICES_MAX];
} sage_sliced;

/* Which products a method shows among the first SAGE_REACH_K of all queries, and how unevenly. */
typedef struct sage_reach {
    char method[16], task[32];
    uint64_t products, reached;        /* of the index; those of them that are shown at least once */
    double gini;                       /* of how often each product is shown: 0 equally often, towards 1: one has all */
    double top_share;                  /* of what is shown, by the 1 % of products, one at least, that are shown most */
    double lorenz[SAGE_LORENZ_POINTS]; /* share of what is shown, by the i / 50 of products that are shown least */
} sage_reach;

/* Scores of listed products against how many of them were chosen. Bins are finer towards high scores. */
typedef struct sage_calibration_bin {
    uint64_t n, hits;
    double low, high, mean; /* scores */
} sage_calibration_bin;
typedef struct sage_calibration {
    char method[16];
    size_t n;
    sage_calibration_bin bins[SAGE_CALIBRATION_BINS];
} sage_calibration;

#endif
