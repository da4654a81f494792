/* What an ablation trains: tables of rows, each row the base's options with some changed, and the variants behind them:
 * rows of equal options are one variant, trained once a seed. */
#ifndef SAGE_SHOP_ABLATE_PLAN_H
#define SAGE_SHOP_ABLATE_PLAN_H

#include <base/option_table.h>
#include <base/report.h>
#include <dataset/sampler.h>
#include <itemsage/ablate.h>

typedef struct sage_plan_row {
    char *name, *settings; /* "key=value key=value" */
    size_t variant;        /* 0: the base */
} sage_plan_row;

typedef struct sage_plan_table {
    const char *name, *title;
    size_t n_rows;
    sage_plan_row rows[SAGE_ABLATE_ROWS_MAX];
} sage_plan_table;

typedef struct sage_plan_variant {
    sage_options *options;
    char *identity; /* every option that the bits depend on, but for the seed, as JSON */
    char *label;    /* its first row's settings; "base" */
    size_t data;    /* which of the ablation's datasets: the caller's */
} sage_plan_variant;

enum { SAGE_PLAN_TABLES_MAX = 6, SAGE_PLAN_VARIANTS_MAX = SAGE_PLAN_TABLES_MAX * SAGE_ABLATE_ROWS_MAX };

typedef struct sage_plan {
    size_t n_tables, n_variants;
    sage_plan_table tables[SAGE_PLAN_TABLES_MAX];
    sage_plan_variant variants[SAGE_PLAN_VARIANTS_MAX];
} sage_plan;

/* Unknown tables and rows that are none, before anything is packed: SAGE_E_ARGUMENT. */
sage_status sage_plan_check(const sage_ablate_options *wanted, const sage_options *base, sage_error *error);
/* dataset: the base's. Tables that do not fit it are left out with a note; SAGE_E_STATE where none is left. Free with
 * sage_plan_free, whatever the call returns. */
sage_status sage_plan_make(const sage_ablate_options *wanted, const sage_options *base, const sage_dataset *dataset,
                           const sage_monitor *monitor, sage_plan **plan, sage_error *error);
void sage_plan_free(sage_plan *plan);

/* Options of the base that are set, as "key=value key=value"; NULL: no memory. */
char *sage_plan_settings(const sage_options *options);
/* The name of a run's result: XXH3-128 in hex of the dataset's print, the variant's identity and the seed. */
enum { SAGE_PRINT_TEXT = 33 };
void sage_plan_key(const char *dataset_print, const sage_plan_variant *variant, size_t seed, char key[SAGE_PRINT_TEXT]);

#endif
