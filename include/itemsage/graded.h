/* Graded judgements of search texts beside events, and TREC's files in and out: what `itemsage eval` takes of them and
 * says. docs/model.md defines every figure, docs/formats.md the files. */
#ifndef ITEMSAGE_GRADED_H
#define ITEMSAGE_GRADED_H

#include <itemsage/shop.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    SAGE_EVAL_K_MAX = 8,
    SAGE_RUNS_MAX = 8,
    SAGE_GRADED_METHODS_MAX = 16,
    SAGE_GRADED_ROWS_MAX = 2 * SAGE_GRADED_METHODS_MAX,
    SAGE_GRADED_DIFFERENCES_MAX = 4 * SAGE_GRADED_METHODS_MAX
};

typedef struct sage_interval {
    double value, low, high;
} sage_interval; /* with its 95 % bootstrap interval over queries */

/* What a product of a grade is worth, g = grade - grade_zero, nothing where that is below 0. */
typedef enum sage_gain {
    SAGE_GAIN_LINEAR,     /* g, as trec_eval has it */
    SAGE_GAIN_EXPONENTIAL /* 2^g - 1 */
} sage_gain;

typedef struct sage_graded_options {
    const char *file;       /* a feed of query, product_id, grade; or NULL */
    const char *qrels_file; /* TREC's form in its place, with sage_trec_options.queries_file; or NULL */
    const char *map;        /* "field=column,field=column" of `file`, or NULL */
    bool all_queries;       /* also those that the training or validation part of the dataset has */
    sage_gain gain;
    double grade_zero; /* the grade of a product that is worth nothing; 0 where not given */
    double relevant;   /* from this grade on a product is relevant; 0: above grade_zero */
} sage_graded_options;

/* A run in TREC's form, judged as a method of this name (1 to 15 letters, digits, ".", "_" and "-"). */
typedef struct sage_run_file {
    const char *name, *file;
} sage_run_file;

typedef struct sage_trec_options {
    const char *queries_file; /* "id<tab>text" a line: what runs and qrels call search texts; or NULL */
    size_t n_runs;
    const sage_run_file *runs; /* [n_runs], at most SAGE_RUNS_MAX */
    const char *write_run;     /* writes <this>.<method>.run of each of the shop's own methods and <this>.queries.tsv;
                                  or NULL. Of the judgements where there are any, else of the events */
    const char *write_qrels;   /* writes what the same lists were judged by; or NULL */
    double grade_scale;        /* write_qrels writes grades times this, rounded; 0: 1, or 100 where grades are no whole
                                  numbers */
} sage_trec_options;

/* One method's lists. Figures are means over queries; those of a k look at the first k of a list. */
typedef struct sage_graded_row {
    char method[16];
    bool judged_only; /* of lists from which unjudged products were taken out first (condensed lists, Sakai 2007) */
    sage_interval ndcg[SAGE_EVAL_K_MAX];   /* over queries with a product that is worth something */
    sage_interval judged[SAGE_EVAL_K_MAX]; /* share of the first k that somebody judged */
    sage_interval recall[SAGE_EVAL_K_MAX], precision[SAGE_EVAL_K_MAX],
        mrr[SAGE_EVAL_K_MAX]; /* over queries with a relevant product */
} sage_graded_row;

/* nDCG of one method minus that of another on the same queries and in the same resamples of them. */
typedef struct sage_graded_difference {
    char method[16], against[16];
    bool judged_only;
    sage_interval ndcg[SAGE_EVAL_K_MAX];
} sage_graded_difference;

typedef struct sage_graded_report {
    char source[256]; /* the file; "": nothing was graded, and all else is 0 */
    sage_gain gain;
    double grade_zero, relevant;
    uint64_t depth;          /* so many places of each list were looked at, of condensed lists before condensing */
    uint64_t rows, rejected; /* of the file, and those of them that are left out */
    uint64_t reason_n;       /* why */
    sage_reason_count reasons[SAGE_REASONS_MAX];
    uint64_t repeated;   /* rows whose query and product another row has judged: the mean of their grades counts */
    uint64_t given;      /* different queries of the file */
    bool all_queries;    /* as the options said */
    uint64_t seen;       /* of them in the training or validation part: left out, unless all_queries */
    uint64_t worthless;  /* of the others, without a product that is worth something: no nDCG */
    uint64_t queries;    /* that have an nDCG */
    uint64_t judgements; /* of them */
    uint64_t unknown;    /* judgements of products that are not in the index: nobody can find them */
    size_t n_rows;
    sage_graded_row row[SAGE_GRADED_ROWS_MAX];
    size_t n_differences;
    sage_graded_difference differences[SAGE_GRADED_DIFFERENCES_MAX];
} sage_graded_report;

/* What a foreign run says of the search texts that were judged. */
typedef struct sage_run_cover {
    uint64_t queries, no_queries; /* that it has, and that it has not, which find nothing then */
    uint64_t unknown_products;    /* lines of queries that it has whose product is not in the index; they keep their
                                     places */
} sage_run_cover;

typedef struct sage_run_report {
    char name[16];
    uint64_t lines;
    sage_run_cover events, judgements; /* 0 where there are none */
} sage_run_report;

#ifdef __cplusplus
}
#endif
#endif
