/* Methods judged on a trial. */
#ifndef SAGE_EVAL_TRIAL_RUN_H
#define SAGE_EVAL_TRIAL_RUN_H

#include <eval/trial.h>
#include <parallel/pool.h>

enum { SAGE_LISTERS_MAX = 8, SAGE_TRIAL_ROWS_MAX = SAGE_EVENT_KINDS + 3 };

/* A row that a trial is told in. The rows of a table point into themselves: it stays where it was filled. */
typedef struct sage_trial_row {
    sage_judge_which which;
    char name[32];
    bool without_known; /* what was known is taken out of the list first */
} sage_trial_row;

/* Which rows there are; gives how many. */
size_t sage_trial_rows(const sage_trial *trial, sage_trial_row rows[SAGE_TRIAL_ROWS_MAX]);
/* Only asks, in the order of the queries: trial->judge then has two lists a method, 2 m as it is, 2 m + 1 without what
 * was known, to a depth of k_max. */
sage_status sage_trial_ask(sage_trial *trial, const sage_lister *listers, size_t n_listers, size_t k_max,
                           const sage_monitor *monitor, sage_error *error);

/* Adds to a report whose k are set: for each method a row named as the surface (each query and product once), one a
 * task that occurs, and, where some wanted products were known before, "<surface> repeats" of those and "<surface> new"
 * of the others, with known products taken out of every method's lists. Where none was, they are taken out for all
 * rows. Then how each of the first n_leading methods differs from each that comes after it. */
sage_status sage_eval_trial(sage_trial *trial, const sage_lister *listers, size_t n_listers, size_t n_leading,
                            sage_pool *pool, const sage_monitor *monitor, sage_eval_report *report, sage_error *error);

#endif
