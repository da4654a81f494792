/* Judging a release on pairs, and choosing the fusion on the validation part. */
#ifndef SAGE_EVAL_EVAL_H
#define SAGE_EVAL_EVAL_H

#include <dataset/dataset.h>
#include <eval/metrics.h>
#include <search/search.h>

/* Judged pairs: (query text, task, pid), pairs of one query together. A pid that the index does not hold is a miss;
 * every pid 0 is an unknown product of its own, negative ones may be given to tell unknown products apart. */
typedef struct sage_judgement {
    sage_str query;
    unsigned task;
    int64_t pid;
} sage_judgement;

/* The held-out pairs of a part as judgements; texts are views into the dataset. Free with sage_free. */
sage_status sage_judgements_of(const sage_dataset *dataset, sage_part part, sage_judgement **judgements, size_t *n,
                               sage_error *error);

/* Fills k, rows and unknown_pairs of the report: all three methods, over all ("all": distinct (query, product) pairs
 * whatever their kind) and per task that occurs. The k ascend. */
sage_status sage_eval_run(sage_engine *engine, const sage_judgement *judgements, size_t n, const size_t *k, size_t n_k,
                          const sage_monitor *monitor, sage_eval_report *report, sage_error *error);

/* Sets fusion->weight to what does best on `judgements` (validation) at fusion->depth: the mean of pair recall@10 and
 * @100, over a grid of 0, 0.05 .. 1; of equals the one nearest to 0.5, which it is where there are no judgements. At
 * most 2,000 queries, evenly spread, are looked at. */
sage_status sage_eval_choose_fusion(sage_engine *engine, const sage_judgement *judgements, size_t n,
                                    const sage_monitor *monitor, sage_fusion *fusion, sage_error *error);

#endif
