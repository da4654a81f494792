/* The figures of `itemsage eval`; docs/model.md defines them in words.
 *   pair recall@k   share of held-out pairs whose product is among the query's k first results
 *   query recall@k  mean over queries of |relevant in the first k| / min(|relevant|, k)
 *   MRR@k           mean over queries of 1 / rank of the first relevant result, 0 beyond k
 *   nDCG@k          binary gains, discount 1/log2(rank + 1), over the ideal order (min(|relevant|, k) hits at the top)
 * Intervals: expanded percentile bootstrap over queries (Efron 1979; Hesterberg 2015): 1,000 resamples of n queries
 * with replacement, the figure of each, its quantiles at a and 1 - a (linear between order statistics), where a is
 * not 2.5 % but Phi(-sqrt(n / (n - 1)) t(0.975, n - 1)), since resamples of few queries are too much alike: 2.45 % of
 * 1,000, 1.6 % of 20. Pairs of one query stand or fall together, so the query is the unit that is drawn. */
#ifndef SAGE_EVAL_METRICS_H
#define SAGE_EVAL_METRICS_H

#include <itemsage/eval.h>

enum { SAGE_BOOTSTRAP_RESAMPLES = 1000 };

/* One judged query: ranks (0-based) of its relevant products in the result list, ascending; SAGE_RANK_MISS for those
 * not found. */
#define SAGE_RANK_MISS UINT32_MAX
typedef struct sage_judged {
    const uint32_t *ranks; /* [n_relevant] */
    size_t n_relevant;     /* queries with none are not counted */
} sage_judged;

/* Fills pairs, queries and the intervals of the first n_k members (1 .. SAGE_EVAL_K_MAX; each k >= 1); `method` and
 * `task` are the caller's. The same seed gives the same bits. All figures are 0 where no query is judged. */
sage_status sage_eval_metrics(const sage_judged *queries, size_t n, const size_t *k, size_t n_k, uint64_t seed,
                              sage_eval_row *row, sage_error *error);

/* Pair recall of a minus that of b at each k, with its interval: the same queries (query i has as many relevant
 * products in both) and, for the same seed, the resamples that sage_eval_metrics draws, so what both have in common
 * falls out. All 0 where no query is judged. */
sage_status sage_eval_metrics_difference(const sage_judged *a, const sage_judged *b, size_t n, const size_t *k,
                                         size_t n_k, uint64_t seed, sage_interval *difference, sage_error *error);

/* The same, and the bootstrap p-value of each: twice the share of resamples that are on the other side of 0, from 0.001
 * to 1. */
sage_status sage_eval_metrics_compare(const sage_judged *a, const sage_judged *b, size_t n, const size_t *k, size_t n_k,
                                      uint64_t seed, sage_interval *difference, double *p, sage_error *error);

/* The sum of each of n_k columns over that of the first, with intervals over the rows, which are queries and drawn as
 * above. rows [n][1 + n_k], the first > 0. All 0 where n is 0. */
sage_status sage_eval_metrics_ratios(const double *rows, size_t n, size_t n_k, uint64_t seed, sage_interval *out,
                                     sage_error *error);

/* Standard deviations over runs; 0 of one. */
typedef struct sage_eval_spread {
    double pair_recall[SAGE_EVAL_K_MAX], query_recall[SAGE_EVAL_K_MAX], mrr[SAGE_EVAL_K_MAX], ndcg[SAGE_EVAL_K_MAX];
} sage_eval_spread;
/* Several runs (one setting, other seeds), judged on the same queries: runs[r][n], with as many relevant products a
 * query in each. Figures are means over the runs, intervals over queries alone, of each query's mean; seeds.h adds the
 * seeds. `spread` may be NULL. */
sage_status sage_eval_metrics_runs(const sage_judged *const *runs, size_t n_runs, size_t n, const size_t *k, size_t n_k,
                                   uint64_t seed, sage_eval_row *row, sage_eval_spread *spread, sage_error *error);
/* The same of differences: run r of a minus run r of b. */
sage_status sage_eval_metrics_runs_difference(const sage_judged *const *a, const sage_judged *const *b, size_t n_runs,
                                              size_t n, const size_t *k, size_t n_k, uint64_t seed,
                                              sage_interval *difference, sage_error *error);

#endif
