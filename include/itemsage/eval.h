/* How good the recommendations are. docs/model.md defines every figure. */
#ifndef ITEMSAGE_EVAL_H
#define ITEMSAGE_EVAL_H

#include <itemsage/graded.h>
#include <itemsage/search.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { SAGE_EVAL_ROWS_MAX = 160, SAGE_EVAL_DIFFERENCES_MAX = 128 };

/* Of the held-out pairs whose events say at which position the product was shown, or how likely it was to be seen: each
 * event weighs 1 / propensity in place of 1 (docs/model.md, "Positions"). */
typedef struct sage_eval_weighted {
    uint64_t pairs, queries;  /* that say; 0: nothing is weighted */
    uint64_t events, clipped; /* events of these pairs that say, and those of them whose weight was cut */
    double effective;         /* the number of equally weighted pairs that they are worth: (sum w)^2 / sum w^2 */
    sage_interval unweighted[SAGE_EVAL_K_MAX]; /* pair recall of the same events, each weighing 1 */
    sage_interval recall[SAGE_EVAL_K_MAX];     /* and by their weights */
} sage_eval_weighted;

typedef struct sage_eval_options {
    const char *events_file; /* judge on this event file in place of the held-out part, or NULL */
    const char *events_map;  /* "field=column,field=column" of it, or NULL */
    size_t n_k;              /* 0 = 10, 100 */
    size_t k[SAGE_EVAL_K_MAX];
    const char *hits_file;   /* where to write each query's hits, see below, or NULL */
    const char *report_file; /* where to write a page that shows all of it, see below, or NULL */
    size_t dims;             /* compare only so many of the vectors' first numbers, renormalised; 0 = all */
    double position_power;   /* the propensity of position r is r^-power where an event does not say its own; 0 = 1 */
    double weight_clip;      /* no event weighs more, >= 1; 0 = 100 */
    sage_graded_options graded; /* judgements of search texts beside the events */
    sage_trec_options trec;
} sage_eval_options;

typedef struct sage_eval_row {
    char method[16]; /* vectors, keywords, hybrid; of users and products vectors, hybrid (users), interests, similar,
                        item-knn, popular, own */
    char task[32];   /* "all" (of searches by text), "image" (of those by picture), "user" (of people; "user repeats",
                        "user new": of what they knew before, or did not), "product", or surface/event */
    uint64_t pairs, queries;
    sage_interval pair_recall[SAGE_EVAL_K_MAX], query_recall[SAGE_EVAL_K_MAX], mrr[SAGE_EVAL_K_MAX],
        ndcg[SAGE_EVAL_K_MAX];
    sage_eval_weighted weighted;
} sage_eval_row;

/* Pair recall of one method minus that of another, both judged on the same queries and in the same resamples of them:
 * where the interval does not hold 0, they differ. */
typedef struct sage_eval_difference {
    char method[16], against[16], task[32];
    sage_interval pair_recall[SAGE_EVAL_K_MAX];
    uint64_t weighted_pairs;                        /* 0: the next are 0 too */
    sage_interval weighted_recall[SAGE_EVAL_K_MAX]; /* the same of sage_eval_weighted.recall */
} sage_eval_difference;

typedef struct sage_eval_report {
    uint64_t release; /* that was judged, the number of its index */
    size_t n_k;
    size_t k[SAGE_EVAL_K_MAX];
    size_t n_rows;
    sage_eval_row rows[SAGE_EVAL_ROWS_MAX];
    size_t n_differences; /* of queries that are users or products */
    sage_eval_difference differences[SAGE_EVAL_DIFFERENCES_MAX];
    bool simulated;                     /* the events come from `itemsage synth events` */
    uint64_t unknown_pairs;             /* judged pairs whose product is not in the index; they count as misses */
    size_t dims;                        /* as the options said */
    double position_power, weight_clip; /* those used */
    sage_graded_report graded;
    size_t n_runs;
    sage_run_report runs[SAGE_RUNS_MAX];
    bool complete;         /* all figures are there: also where a file could not be written then */
    struct sage_buf *hits; /* the library's while it judges; NULL after */
    char source[256];      /* what was judged on: "held-out test part of dataset 1", or the file */
} sage_eval_report;

/* hits_file gets a line a method, task and query: "task method query pairs hits@k ..", tabs between, the query by its
 * number. Releases of the same dataset are judged on the same queries in the same order, so two such files compare two
 * models query by query. Written at once, when all has been judged.
 *
 * Figures on held-out events, of all numbers of the vectors, are kept beside the model too, for the server's page.
 *
 * report_file is one page of HTML for a browser, which loads nothing from elsewhere; written at once, too. With it more
 * is found out (docs/model.md, "The report"): search texts have further methods to be judged beside, and lists are
 * looked at down to 100. */
sage_status sage_eval(sage_shop *shop, const sage_eval_options *options, const sage_monitor *monitor,
                      sage_eval_report *report, sage_error *error);

/* The report as JSON, as `eval --json` writes it; written atomically. */
sage_status sage_eval_write_json(const sage_eval_report *report, const char *path, sage_error *error);

#ifdef __cplusplus
}
#endif
#endif
