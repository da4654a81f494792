/* `itemsage eval --report`: what is noted while the release is judged, and the page that is made of it. */
#ifndef SAGE_SHOP_REPORT_H
#define SAGE_SHOP_REPORT_H

#include <eval/look.h>
#include <eval/trial_run.h>
#include <report/report.h>
#include <shop/shop.h>

/* Zero-initialise; free with sage_notes_free. */
typedef struct sage_notes {
    sage_comparison comparisons[SAGE_COMPARISONS_MAX];
    size_t n_comparisons;
    sage_recall_curve curves[SAGE_CURVES_MAX];
    size_t n_curves;
} sage_notes;
void sage_notes_free(sage_notes *notes);

/* Of search texts, once they are judged: k are those of the report. */
sage_status sage_notes_texts(sage_notes *notes, const sage_text_trial *trial, const size_t *k, size_t n_k,
                             sage_error *error);
/* Of people or products that are looked at: lists of the trial are as sage_eval_trial leaves them, to a depth of k_max.
 */
void sage_notes_people(sage_notes *notes, const sage_trial *trial, const sage_lister *listers, size_t n_listers,
                       size_t k_max);

/* The page, at once. */
sage_status sage_notes_write(const sage_notes *notes, sage_shop *shop, const sage_open_release *opened,
                             const sage_eval_report *eval, const char *path, sage_error *error);

#endif
