/* Judging a release on pairs, and choosing the fusion on the validation part. */
#ifndef SAGE_EVAL_EVAL_H
#define SAGE_EVAL_EVAL_H

#include <dataset/dataset.h>
#include <eval/metrics.h>
#include <search/search.h>

/* Judged pairs: (query text, task, pid), pairs of one query together. pid 0: a product that does not exist (a miss). */
typedef struct sage_judgement {
    sage_str query;
    unsigned task;
    int64_t pid;
} sage_judgement;

/* The held-out pairs of a part as judgements; texts are views into the dataset. Free with sage_free. */
sage_status sage_judgements_of(const sage_dataset *dataset, sage_part part, sage_judgement **judgements, size_t *n, sage_error *error);

/* Fills report->rows for all three methods, per task and over all ("all": distinct (query, product) pairs whatever their kind). */
sage_status sage_eval_run(sage_engine *engine, const sage_judgement *judgements, size_t n, const size_t *k, size_t n_k, const sage_monitor *monitor,
                          sage_eval_report *report, sage_error *error);

/* The weight that does best on `judgements` (validation; a grid, mean of pair recall@10 and @100); 0.5 where there are none. */
sage_status sage_eval_choose_fusion(sage_engine *engine, const sage_judgement *judgements, size_t n, const sage_monitor *monitor, sage_fusion *fusion,
                                    sage_error *error);

#endif
