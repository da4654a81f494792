/* Judgements made ready: one entry a distinct (query, product, task), the queries they belong to, and where each
 * product stands in any number of result lists. */
#ifndef SAGE_EVAL_JUDGE_H
#define SAGE_EVAL_JUDGE_H

#include <eval/eval.h>

typedef struct sage_judge_entry {
    int64_t pid;
    unsigned task;
    bool known; /* to the query's user, before */
    bool first; /* of its (query, product): counts over all tasks */
    sage_exposure shown;
} sage_judge_entry;

/* Zero-initialise; free with sage_judge_free. */
typedef struct sage_judge {
    sage_judge_entry *entries; /* of query q: begin[q] .. begin[q + 1], ascending by pid, then task */
    size_t n_entries, entries_capacity;
    size_t *begin; /* [n_queries + 1] */
    size_t n_queries, begin_capacity;
    sage_str *texts; /* [n_queries] of sage_judge_read; else NULL */
    uint32_t *ranks; /* [n_lists][n_entries] 0-based; SAGE_RANK_MISS */
    size_t n_lists;
    uint8_t *slices; /* [n_entries] what rows may be cut by, SAGE_SLICE_NONE or any number above it; or NULL. The
                        caller's */
} sage_judge;

enum { SAGE_SLICE_NONE = 0 };

/* Queries that are texts or pictures, with one list. SAGE_E_ARGUMENT where a task is none. */
sage_status sage_judge_read(sage_judge *judge, const sage_judgement *judgements, size_t n, sage_error *error);
/* Adds a query with n entries, in any order and with repeats, whose exposures add up; `first` need not be set. */
sage_status sage_judge_add(sage_judge *judge, const sage_judge_entry *entries, size_t n, sage_error *error);
/* After the last query: room for the ranks of n_lists lists, all of them misses. */
sage_status sage_judge_lists(sage_judge *judge, size_t n_lists, sage_error *error);
void sage_judge_free(sage_judge *judge);

/* Notes for a query's entries where they stand in a list; only the first `depth` count. */
void sage_judge_rank(sage_judge *judge, size_t query, size_t list, const sage_scored *scored, size_t n, size_t depth);

typedef enum sage_judge_of { SAGE_JUDGE_ANY, SAGE_JUDGE_KNOWN, SAGE_JUDGE_NEW } sage_judge_of;
/* What a row is of. */
typedef struct sage_judge_which {
    const char *name; /* of the row's task; NULL: as sage_task_name has it */
    int task;         /* -1: each (query, product) once, whatever the task */
    sage_judge_of of; /* products that were known before, or were not */
    uint8_t slice;    /* entries of this slice alone; SAGE_SLICE_NONE: of any */
} sage_judge_which;

bool sage_judge_counts(const sage_judge *judge, size_t entry, const sage_judge_which *which);
bool sage_judge_occurs(const sage_judge *judge, const sage_judge_which *which);
/* The queries that have such pairs, with their ranks, given one an entry [n_entries]. Free with sage_chosen_free,
 * whatever the call returns. */
typedef struct sage_chosen {
    uint32_t *ranks;
    sage_judged *queries;
    size_t n;
} sage_chosen;
sage_status sage_judge_choose(const sage_judge *judge, const uint32_t *ranks, const sage_judge_which *which,
                              sage_chosen *chosen, sage_error *error);
void sage_chosen_free(sage_chosen *chosen);
/* The row of a list, which the method's name goes with. *row has 0 queries where nothing is of it. */
sage_status sage_judge_row(const sage_judge *judge, size_t list, const char *method, const sage_judge_which *which,
                           const size_t *k, size_t n_k, sage_eval_row *row, sage_error *error);
/* A line for each query that has such pairs: "task method query pairs hits@k .." with tabs between, the query by its
 * number. Two releases that are judged on one dataset have the same queries in the same order. */
sage_status sage_judge_hits(const sage_judge *judge, size_t list, const char *method, const sage_judge_which *which,
                            const size_t *k, size_t n_k, sage_buf *out, sage_error *error);
/* Adds to a report whose k are set, for a list: the row `all`, of each (query, product) once, and one a task that
 * occurs; and the hits of both, where the report has them. SAGE_E_LIMIT where it is full. */
sage_status sage_judge_rows(const sage_judge *judge, size_t list, const char *method, const char *all,
                            sage_eval_report *report, sage_error *error);
/* How many (query, product) name a product that the index does not hold. */
uint64_t sage_judge_unknown(const sage_judge *judge, const sage_index *index);
/* Pair recall of list a minus that of list b, plain and weighted: sage_eval_metrics_difference, in the same resamples
 * that the rows are of. The names are the caller's. */
sage_status sage_judge_difference(const sage_judge *judge, size_t a, size_t b, const sage_judge_which *which,
                                  const size_t *k, size_t n_k, sage_eval_difference *out, sage_error *error);

/* ---- weighted (judge_weighted.c): parts of the two above ---- */
/* The self-normalised estimate (Swaminathan and Joachims, NeurIPS 2015): the sum over pairs of weight x hit, over the
 * sum of weights; a pair's weight is its exposure's, with which->task -1 that of all its tasks. Intervals over the
 * queries that have such pairs. */
sage_status sage_judge_weighted(const sage_judge *judge, size_t list, const sage_judge_which *which, const size_t *k,
                                size_t n_k, uint64_t seed, sage_eval_weighted *out, sage_error *error);
/* The recall of list a minus that of list b, out [n_k]; *pairs have a weight. */
sage_status sage_judge_weighted_difference(const sage_judge *judge, size_t a, size_t b, const sage_judge_which *which,
                                           const size_t *k, size_t n_k, uint64_t seed, uint64_t *pairs,
                                           sage_interval *out, sage_error *error);

#endif
