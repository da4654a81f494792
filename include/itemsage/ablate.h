/* What each part of the model is worth on a shop's own data: trains it with one thing changed at a time, with several
 * seeds, and compares. docs/model.md says what the tables are; docs/formats.md what lies in SHOP/ablation. */
#ifndef ITEMSAGE_ABLATE_H
#define ITEMSAGE_ABLATE_H

#include <itemsage/eval.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { SAGE_ABLATE_SEEDS_MAX = 100, SAGE_ABLATE_ROWS_MAX = 64 };

typedef struct sage_ablate_options {
    const char *tables;      /* names with commas between; NULL: all that fit the shop, or, where there are own rows,
                                these alone */
    const char *const *rows; /* [n_rows] own rows, "name:key=value,key=value": a table named "rows" */
    size_t n_rows;
    size_t seeds; /* 1, 2 .. up to this one each (train_seed); 0 = 1 */
    size_t n_k;   /* 0 = 10, 100 */
    size_t k[SAGE_EVAL_K_MAX];
    bool validation; /* judge on the validation part in place of the test part */
    bool anew;       /* pack the catalogue as it is now, though there is a dataset of an earlier ablation */
} sage_ablate_options;

typedef struct sage_ablate_task {
    char task[32]; /* as sage_eval_row has it */
    uint64_t pairs, queries;
    sage_interval pair_recall[SAGE_EVAL_K_MAX], query_recall[SAGE_EVAL_K_MAX], mrr[SAGE_EVAL_K_MAX],
        ndcg[SAGE_EVAL_K_MAX]; /* means over seeds; intervals over queries and, of two seeds or more, over seeds */
    double seed_sd[SAGE_EVAL_K_MAX];           /* of pair recall; 0 with one seed */
    bool compared;                             /* there is a difference */
    sage_interval difference[SAGE_EVAL_K_MAX]; /* pair recall minus the base row's, paired by query and seed */
} sage_ablate_task;

typedef struct sage_ablate_row {
    char *name, *settings; /* settings: "key=value key=value", over those of the base; "" where there are none */
    char *fault;           /* why a run of this row failed, or why it has no difference; else NULL */
    bool base;
    size_t seeds;   /* of which there are results */
    double seconds; /* of training, mean over seeds */
    double steps;   /* trained, mean over seeds */
    uint64_t parameters;
    size_t n_tasks;
    sage_ablate_task *tasks; /* [n_tasks] */
} sage_ablate_row;

typedef struct sage_ablate_table {
    const char *name, *title; /* static */
    size_t n_rows;
    sage_ablate_row *rows; /* [n_rows] */
} sage_ablate_table;

/* Zeros are an empty one. Free with sage_ablate_report_free. */
typedef struct sage_ablate_report {
    uint64_t dataset; /* SHOP/ablation/dataset/<n> */
    bool simulated;   /* its events come from `itemsage synth events` */
    bool validation;
    char *base; /* the options that are set for all: "key=value key=value" */
    size_t n_seeds, n_k;
    size_t k[SAGE_EVAL_K_MAX];
    size_t n_tables;
    sage_ablate_table *tables;     /* [n_tables] */
    size_t trained, found, failed; /* runs of this call; found: their results were there already */
} sage_ablate_report;

/* Trains what has no result yet and judges it by vectors alone over exact search, on the held-out part. Everything is
 * written to SHOP/ablation, table.json at the end and after every run; models, releases and an unfinished training of
 * the shop's own stay untouched. Cancelled: the running training saves a checkpoint, SAGE_E_CANCELLED; the same call
 * goes on from there. A run that fails is told in its row; where no run of the base row succeeded the call fails too.
 * SAGE_E_ARGUMENT: unknown table, or a row that is none. SAGE_E_LOCKED: another process is at it. */
sage_status sage_ablate(sage_shop *shop, const sage_ablate_options *options, const sage_monitor *monitor,
                        sage_ablate_report *report, sage_error *error);
void sage_ablate_report_free(sage_ablate_report *report);

/* Both replace the file at once. */
sage_status sage_ablate_write_json(const sage_ablate_report *report, const char *path, sage_error *error);
sage_status sage_ablate_write_markdown(const sage_ablate_report *report, const char *path, sage_error *error);

#ifdef __cplusplus
}
#endif
#endif
