/* What a product was known by in training, as slices of a judge's entries. */
#ifndef SAGE_EVAL_SLICES_H
#define SAGE_EVAL_SLICES_H

#include <dataset/dataset.h>
#include <eval/findings.h>
#include <eval/judge.h>

/* Memory: 12 bytes a product of the dataset. Zero-initialise; free with sage_seen_free. */
typedef struct sage_seen {
    const int64_t *pids; /* [n] ascending, the dataset's */
    size_t n;
    uint32_t *pairs;   /* [n] different queries, or users, that led to it in the part that is trained on */
    int64_t *first_ms; /* [n] of the users' events that are trained on; INT64_MAX: none has a time */
    int64_t newest_ms; /* of them all; INT64_MIN: none has a time */
} sage_seen;
/* `users`: pairs are of users, else of queries: searches, pictures and products that are looked at. The dataset must
 * stay. */
sage_status sage_seen_count(sage_seen *seen, const sage_dataset *dataset, bool users, sage_error *error);
void sage_seen_free(sage_seen *seen);

/* The pairs that `which` counts by how often their product was seen in training, or by how long before its end first,
 * each as a slice of sliced->slices with the recall at k of lists[0 .. n_methods). Slices without pairs are left out.
 * `by` is "popularity" or "newness"; the task and the methods are the caller's. Newness: *sliced has no slices where no
 * event has a time. judge->slices is used meanwhile, and NULL after. */
sage_status sage_slice_by(sage_judge *judge, const size_t *lists, const sage_judge_which *which, const sage_seen *seen,
                          bool newness, size_t k, sage_sliced *sliced, sage_error *error);

#endif
