/* Methods judged on a trial. */
#ifndef SAGE_EVAL_TRIAL_RUN_H
#define SAGE_EVAL_TRIAL_RUN_H

#include <eval/trial.h>
#include <parallel/pool.h>

enum { SAGE_LISTERS_MAX = 8 };

/* Adds to a report whose k are set: for each method a row named as the surface (each query and product once), one a
 * task that occurs, and, where some wanted products were known before, "<surface> repeats" of those and "<surface> new"
 * of the others, with known products taken out of every method's lists. Where none was, they are taken out for all
 * rows. Then how each of the first n_leading methods differs from each that comes after it. */
sage_status sage_eval_trial(sage_trial *trial, const sage_lister *listers, size_t n_listers, size_t n_leading,
                            sage_pool *pool, const sage_monitor *monitor, sage_eval_report *report, sage_error *error);

#endif
