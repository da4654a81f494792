/* Intervals over several runs of each of several settings, which differ in their seeds alone.
 *
 * A mean over R runs varies for two reasons that have nothing to do with each other: other queries would have been
 * asked, and other seeds would have been drawn. For the first there is the bootstrap over queries (metrics.h), of each
 * query's mean over the runs: [l, u]. For the second, an analysis of variance: two or three runs of one setting say
 * next to nothing of how far its runs lie apart, so the variance s^2 of single runs is pooled over all settings (Fisher
 * 1925; it is taken to be the same in all), with f = sum of (R - 1) degrees of freedom, and a mean of R runs is off by
 * h = t(0.975, f) s sqrt(1 / R); a difference of two means, whose seeds have nothing in common but their numbers, by
 * h = t(0.975, f) s sqrt(1 / R + 1 / R'). Both reasons are joined by the squares of how far they reach (MOVER: Zou and
 * Donner, Statistics in Medicine 27, 2008, 1693-1702):
 *
 *   low = v - sqrt((v - l)^2 + h^2)      high = v + sqrt((u - v)^2 + h^2)
 *
 * What one query gains by one seed alone is in both, so intervals are a little too wide, never too narrow. To resample
 * seeds as well as queries (Owen, Annals of Applied Statistics 1, 2007, 386-411, "The pigeonhole bootstrap") would be
 * simpler, but of two seeds such an interval reaches from one to the other, which holds the truth half of the time. One
 * run a setting says nothing about seeds: then the interval is over queries alone. */
#ifndef SAGE_EVAL_SEEDS_H
#define SAGE_EVAL_SEEDS_H

#include <itemsage/eval.h>

/* The 97.5 % quantile of Student's t with so many degrees of freedom (1 or more); to three decimals. */
double sage_t975(size_t freedom);
/* With n - 1 in the denominator; 0 where n < 2. */
double sage_standard_deviation(const double *values, size_t n);

/* Zero-initialise. */
typedef struct sage_seed_pool {
    double squares; /* sum over settings of (R - 1) s^2 */
    size_t freedom;
} sage_seed_pool;
/* A setting's standard deviation over so many runs. */
void sage_seed_pool_add(sage_seed_pool *pool, double deviation, size_t runs);
/* An interval over queries becomes one over queries and seeds: of a mean over `runs`, or of the difference of two such,
 * the other over `others`; 0: there is no other. */
sage_interval sage_seed_pool_widen(const sage_seed_pool *pool, sage_interval over_queries, size_t runs, size_t others);

#endif
