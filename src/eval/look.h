/* What a report shows of judged lists beside its rows. */
#ifndef SAGE_EVAL_LOOK_H
#define SAGE_EVAL_LOOK_H

#include <eval/findings.h>
#include <eval/text_trial.h>

/* Every two methods of a trial on all of its pairs: hybrid and vectors before the others, each against those behind it.
 * out [SAGE_COMPARISONS_MAX] */
sage_status sage_compare_methods(const sage_text_trial *trial, const size_t *k, size_t n_k, sage_comparison *out,
                                 size_t *n, sage_error *error);

/* Of the entries that `which` counts; beyond `depth`, to which lists were read, NAN. The names are the caller's. */
void sage_curve_of(const sage_judge *judge, size_t list, const sage_judge_which *which, size_t depth,
                   double recall[SAGE_CURVE_POINTS]);

#endif
