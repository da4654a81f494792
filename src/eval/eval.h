/* Judging a release on pairs, and choosing the fusion on the validation part. */
#ifndef SAGE_EVAL_EVAL_H
#define SAGE_EVAL_EVAL_H

#include <dataset/dataset.h>
#include <eval/exposure.h>
#include <eval/metrics.h>
#include <search/search.h>

struct sage_judge; /* eval/judge.h */

/* Judged pairs: (query, task, pid), pairs of one query together: a text, or the link of a picture. A pid that the index
 * does not hold is a miss; every pid 0 is an unknown product of its own, negative ones may be given to tell unknown
 * products apart. */
typedef struct sage_judgement {
    sage_str query;
    unsigned task;
    int64_t pid;
    const float *picture; /* its vector, of a query of the surface image; NULL: not known */
    sage_exposure shown;  /* where its events say so */
    uint32_t number;      /* of the query, of judgements that are a dataset's */
} sage_judgement;

/* The held-out pairs of a part and surface as judgements; texts and vectors are views into the dataset. Free with
 * sage_free. */
sage_status sage_judgements_of(const sage_dataset *dataset, sage_part part, sage_surface surface,
                               sage_judgement **judgements, size_t *n, sage_error *error);

/* Adds to a report whose k are set: rows of method vectors, "image" over all of the pairs and one a task that
 * occurs. targets [queries][dim of the index]: the queries' own vectors, in the order of the judgements. *judge, which
 * the caller zero-initialises and frees, keeps them with their ranks down to `depth`, no less than the last k. */
sage_status sage_eval_pictures(sage_engine *engine, const sage_judgement *judgements, size_t n, const float *targets,
                               size_t depth, const sage_monitor *monitor, struct sage_judge *judge,
                               sage_eval_report *report, sage_error *error);

/* Sets fusion->weight to what does best on `judgements` (validation) at fusion->depth: the mean of pair recall@10 and
 * @100, over a grid of 0, 0.05 .. 1; of equals the one nearest to 0.5, which it is where there are no judgements. At
 * most 2,000 queries, evenly spread, are looked at. */
sage_status sage_eval_choose_fusion(sage_engine *engine, const sage_judgement *judgements, size_t n,
                                    const sage_monitor *monitor, sage_fusion *fusion, sage_error *error);

/* Sets *rule to what does best for the dataset's validation users: the mean of pair recall@10 and @100 over all that
 * they did then, known before or not. First weight and half-life of own products, over weights 0, 0.05, 0.1, 0.2 and
 * 0.4 and half-lives of 60 and 120 days, then, where the release knows it, the weight of what the same users dealt
 * with, over 0, 0.05, 0.1, 0.2 and 0.4; of equals the first of them in which the defaults come before all others. Where
 * users are split by hash, what they are to be asked for is never known: it is judged without what is known, and own
 * products weigh 0. At most 2,000 users, evenly spread, are looked at. *better: one of the weights is not 0, so that
 * the hybrid does no worse than the tower alone. Both stay as they are without a tower for users, without such users,
 * and where there is nothing to choose. */
sage_status sage_eval_choose_own(sage_engine *engine, const sage_dataset *dataset, const sage_monitor *monitor,
                                 sage_own_rule *rule, bool *better, sage_error *error);

#endif
