/* From the results of each variant to its figures: over queries, and over the seeds of all variants. */
#ifndef SAGE_SHOP_ABLATE_FIGURES_H
#define SAGE_SHOP_ABLATE_FIGURES_H

#include <shop/ablate_result.h>

/* The results of one variant, seed 1 first, and the benches that they answer. */
typedef struct sage_ablate_variant {
    const sage_ablate_result *results; /* [seeds]; those that are not there are left out */
    sage_bench *benches;               /* [SAGE_ABLATE_PARTS] */
    const char *fault;                 /* why a run failed; NULL: none did */
} sage_ablate_variant;

/* Whether both were asked the same in the report's part. */
bool sage_ablate_same_questions(const sage_ablate_variant *a, const sage_ablate_variant *b,
                                const sage_ablate_report *report);

enum { SAGE_ABLATE_TASKS_MAX = SAGE_SURFACES * SAGE_TRIAL_ROWS_MAX };
/* Zero-initialise. It stays where it was filled. */
typedef struct sage_ablate_figures {
    size_t n; /* tasks */
    sage_ablate_task tasks[SAGE_ABLATE_TASKS_MAX];
    sage_eval_spread spreads[SAGE_ABLATE_TASKS_MAX];
    size_t compared[SAGE_ABLATE_TASKS_MAX]; /* runs that a task's difference is over */
    size_t runs;
    sage_trial_row rows[SAGE_SURFACES][SAGE_TRIAL_ROWS_MAX];
} sage_ablate_figures;

/* Figures of one variant, with intervals over queries. base NULL: it is the base, or cannot be compared. */
sage_status sage_ablate_figure_out(const sage_ablate_variant *variant, const sage_ablate_variant *base, sage_pool *pool,
                                   const sage_ablate_report *report, sage_ablate_figures *figures, sage_error *error);
/* The intervals of n variants become those over queries and seeds (eval/seeds.h); as they were where no variant has two
 * runs. */
void sage_ablate_add_seeds(sage_ablate_figures *const *all, size_t n, size_t n_k);

#endif
