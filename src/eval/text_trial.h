/* Queries that are search texts, and what every method lists for each of them: the engine's vectors, keywords and
 * hybrid, and whatever else is to be judged beside them. */
#ifndef SAGE_EVAL_TEXT_TRIAL_H
#define SAGE_EVAL_TEXT_TRIAL_H

#include <eval/judge.h>
#include <eval/text_lister.h>

enum { SAGE_TEXT_METHODS_MAX = 16 }; /* the engine's three, which come first, among them */

/* Zero-initialise; free with sage_text_trial_free. */
typedef struct sage_text_trial {
    sage_judge judge; /* list m is method m's */
    size_t n_methods, depth;
    const char *methods[SAGE_TEXT_METHODS_MAX]; /* the listers' */
    uint64_t unknown_pairs;                     /* whose product the index does not hold */
} sage_text_trial;

/* Asks the engine and each of n_more listers for all texts; ranks count down to `depth` (>= 1). `see` (nullable) is
 * shown every list. SAGE_E_ARGUMENT where a judgement's task is none, SAGE_E_LIMIT for more than
 * SAGE_TEXT_METHODS_MAX methods. */
sage_status sage_text_trial_run(sage_text_trial *trial, sage_engine *engine, const sage_judgement *judgements, size_t n,
                                size_t depth, const sage_text_lister *more, size_t n_more,
                                const sage_list_observer *see, const sage_monitor *monitor, sage_error *error);
void sage_text_trial_free(sage_text_trial *trial);

/* Adds to a report whose k are set, the last no more than the trial's depth: for each method a row "all" (each query
 * and product once) and one a task that occurs; how hybrid and vectors differ from each method that comes after; and
 * the hits. */
sage_status sage_text_trial_report(const sage_text_trial *trial, sage_eval_report *report, sage_error *error);

#endif
