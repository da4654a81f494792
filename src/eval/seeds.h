/* Intervals over several runs of one setting, which differ in their seeds alone.
 *
 * A mean over R runs varies for two reasons that have nothing to do with each other: other queries would have been
 * asked, and other seeds would have been drawn. For the first there is the bootstrap over queries (metrics.h), of each
 * query's mean over the runs: [l, u]. For the second Student's t of the runs' figures, each over all queries: half a
 * width of h = t(0.975, R - 1) s / sqrt(R). Both are joined by the squares of how far they reach (MOVER: Zou & Donner,
 * Statistics in Medicine 27, 2008, 1693-1702):
 *
 *   low = v - sqrt((v - l)^2 + h^2)      high = v + sqrt((u - v)^2 + h^2)
 *
 * What one query gains by one seed alone is in both, so intervals are a little too wide, never too narrow. To resample
 * seeds as well as queries (Owen, Annals of Applied Statistics 1, 2007, 386-411, "The pigeonhole bootstrap") would be
 * simpler, but of 2 to 5 seeds it makes intervals that are much too narrow. One run says nothing about seeds: then the
 * interval is over queries alone. */
#ifndef SAGE_EVAL_SEEDS_H
#define SAGE_EVAL_SEEDS_H

#include <itemsage/eval.h>

/* The 97.5 % quantile of Student's t with so many degrees of freedom (1 or more); to three decimals. */
double sage_t975(size_t freedom);
/* With n - 1 in the denominator; 0 where n < 2. */
double sage_standard_deviation(const double *values, size_t n);
/* An interval over queries becomes one over queries and seeds. of_run [n]: the figure of each run over all queries. */
sage_interval sage_seeds_widen(sage_interval over_queries, const double *of_run, size_t n);

#endif
