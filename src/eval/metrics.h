/* The figures of `itemsage eval`; docs/model.md defines them in words.
 *   pair recall@k   share of held-out pairs whose product is among the query's k first results
 *   query recall@k  mean over queries of |relevant in the first k| / min(|relevant|, k)
 *   MRR@k           mean over queries of 1 / rank of the first relevant result, 0 beyond k
 *   nDCG@k          binary gains, discount 1/log2(rank + 1), over the ideal order
 * Intervals: percentile bootstrap over queries (1,000 resamples, fixed seed). */
#ifndef SAGE_EVAL_METRICS_H
#define SAGE_EVAL_METRICS_H

#include <itemsage/eval.h>

/* One judged query: ranks (0-based) of its relevant products in the result list, ascending; SAGE_RANK_MISS for those not found. */
#define SAGE_RANK_MISS UINT32_MAX
typedef struct sage_judged {
    const uint32_t *ranks;
    size_t n_relevant;
} sage_judged;

sage_status sage_metrics(const sage_judged *queries, size_t n, const size_t *k, size_t n_k, uint64_t seed, sage_eval_row *row, sage_error *error);

#endif
