/* Judgements made ready: one entry a distinct (query, product, task), the queries they belong to, and where each
 * product stands in a result list. */
#ifndef SAGE_EVAL_JUDGE_H
#define SAGE_EVAL_JUDGE_H

#include <eval/eval.h>

typedef struct sage_judge_entry {
    int64_t pid;
    unsigned task;
    bool first;                  /* of its (query, product): counts in "all" */
    uint32_t rank[SAGE_METHODS]; /* 0-based; SAGE_RANK_MISS */
} sage_judge_entry;

/* Zero-initialise; free with sage_judge_free. */
typedef struct sage_judge {
    sage_judge_entry *entries; /* of query q: begin[q] .. begin[q + 1], ascending by pid, then task */
    size_t n_entries;
    sage_str *texts; /* [n_queries] */
    size_t *begin;   /* [n_queries + 1] */
    size_t n_queries;
} sage_judge;

sage_status sage_judge_read(sage_judge *judge, const sage_judgement *judgements, size_t n, sage_error *error);
void sage_judge_free(sage_judge *judge);
/* Notes for a query's entries where they stand in a list by one method; only the first `depth` count. */
void sage_judge_rank(sage_judge *judge, size_t query, sage_method method, const sage_scored *list, size_t n,
                     size_t depth);
/* The row of a method and a task; task < 0: all. *row has 0 queries where none has such a pair. */
sage_status sage_judge_row(const sage_judge *judge, sage_method method, int task, const size_t *k, size_t n_k,
                           sage_eval_row *row, sage_error *error);

#endif
