/* How good the recommendations are. docs/model.md defines every figure. */
#ifndef ITEMSAGE_EVAL_H
#define ITEMSAGE_EVAL_H

#include <itemsage/search.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { SAGE_EVAL_K_MAX = 8 };

typedef struct sage_interval {
    double value, low, high;
} sage_interval; /* with its 95 % bootstrap interval over queries */

typedef struct sage_eval_options {
    const char *events_file; /* judge on this event file in place of the held-out part, or NULL */
    size_t n_k;              /* 0 = 10, 100 */
    size_t k[SAGE_EVAL_K_MAX];
} sage_eval_options;

typedef struct sage_eval_row {
    char method[16]; /* vectors, keywords, hybrid */
    char task[32];   /* "all" (of searches by text), "image" (of those by picture), or surface/event */
    uint64_t pairs, queries;
    sage_interval pair_recall[SAGE_EVAL_K_MAX], query_recall[SAGE_EVAL_K_MAX], mrr[SAGE_EVAL_K_MAX],
        ndcg[SAGE_EVAL_K_MAX];
} sage_eval_row;

typedef struct sage_eval_report {
    size_t n_k;
    size_t k[SAGE_EVAL_K_MAX];
    size_t n_rows;
    sage_eval_row rows[SAGE_METHODS * (SAGE_TASKS_MAX + 1)];
    bool simulated;         /* the events come from `itemsage synth events` */
    uint64_t unknown_pairs; /* judged pairs whose product is not in the index; they count as misses */
    char source[256];       /* what was judged on: "held-out test part of dataset 1", or the file */
} sage_eval_report;

sage_status sage_eval(sage_shop *shop, const sage_eval_options *options, const sage_monitor *monitor,
                      sage_eval_report *report, sage_error *error);

/* The report as JSON, as `eval --json` writes it; written atomically. */
sage_status sage_eval_write_json(const sage_eval_report *report, const char *path, sage_error *error);

#ifdef __cplusplus
}
#endif
#endif
