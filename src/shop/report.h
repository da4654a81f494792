/* `itemsage eval --report`: what is noted while the release is judged, and the page that is made of it. */
#ifndef SAGE_SHOP_REPORT_H
#define SAGE_SHOP_REPORT_H

#include <eval/look.h>
#include <eval/slices.h>
#include <eval/trial_run.h>
#include <eval/watch.h>
#include <report/report.h>
#include <shop/report_listers.h>
#include <shop/report_parts.h>

/* Zero-initialise; free with sage_notes_free. */
typedef struct sage_notes {
    sage_comparison comparisons[SAGE_COMPARISONS_MAX];
    size_t n_comparisons;
    sage_recall_curve curves[SAGE_CURVES_MAX];
    size_t n_curves;
    sage_sliced sliced[SAGE_SLICED_MAX];
    size_t n_sliced;
    sage_reach reaches[SAGE_REACHES_MAX];
    size_t n_reaches;
    sage_calibration calibrations[2];
    size_t n_calibrations;
    sage_chosen_queries worst, gained, lost;
    sage_shop *shop;
    const sage_open_release *opened;
    const sage_dataset *dataset; /* what was trained on; NULL: not known */
    sage_more more;              /* while search texts are asked */
    sage_release before;         /* index 0: none was compared with */
    uint64_t before_dataset;
    sage_error before_fault; /* why it is not, though there was one; else SAGE_OK */
    sage_watch watch;        /* of search texts, while they are asked */
} sage_notes;                /* shop, opened and dataset are the caller's to set */
void sage_notes_free(sage_notes *notes);

/* Before search texts are asked, both until sage_notes_texts: further methods, and what is to see all lists. */
sage_status sage_notes_more(sage_notes *notes, const sage_judgement *judgements, size_t n, const sage_monitor *monitor,
                            const sage_text_lister **more, size_t *n_more, sage_error *error);
sage_status sage_notes_watch(sage_notes *notes, const sage_text_trial *trial, size_t n_methods,
                             sage_list_observer *observer, sage_error *error);
/* Of search texts, once they are judged: k are those of the report. */
sage_status sage_notes_texts(sage_notes *notes, sage_text_trial *trial, const size_t *k, size_t n_k, sage_error *error);
/* Of searches by picture: the judge's one list, by vectors, ranked down to `depth`. */
sage_status sage_notes_pictures(sage_notes *notes, sage_judge *judge, size_t depth, size_t k, sage_error *error);
/* Of people or products that are looked at: lists of the trial are as sage_eval_trial leaves them, to a depth of the
 * last k.
 */
sage_status sage_notes_people(sage_notes *notes, sage_trial *trial, const sage_lister *listers, size_t n_listers,
                              const size_t *k, size_t n_k, sage_error *error);

/* The page, at once. */
sage_status sage_notes_write(const sage_notes *notes, const sage_eval_report *eval, const sage_monitor *monitor,
                             const char *path, sage_error *error);

#endif
