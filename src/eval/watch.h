/* Looks at every list of a trial of search texts: which products are shown, and what their scores are worth. */
#ifndef SAGE_EVAL_WATCH_H
#define SAGE_EVAL_WATCH_H

#include <eval/calibration.h>
#include <eval/text_trial.h>

/* Memory: 4 bytes a product and method. Free with sage_watch_free. */
typedef struct sage_watch {
    const sage_text_trial *trial;
    const sage_index *index;
    size_t n_products, n_methods;
    uint32_t *shown;           /* [n_methods][n_products] among the first SAGE_REACH_K */
    sage_score_counts *scores; /* [2] of vectors and of hybrid, down to SAGE_CURVE_POINTS */
} sage_watch;

/* The trial is read while it runs and must stay, as the index. */
sage_status sage_watch_init(sage_watch *watch, const sage_text_trial *trial, const sage_index *index, size_t n_methods,
                            sage_error *error);
sage_list_observer sage_watch_observer(sage_watch *watch);
/* Afterwards, once: out [n_methods] and [2]. */
void sage_watch_reach(sage_watch *watch, sage_reach *out);
void sage_watch_calibration(const sage_watch *watch, sage_calibration *out);
void sage_watch_free(sage_watch *watch);

#endif
