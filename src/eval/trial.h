/* Queries that are people, or products that are looked at: what is known of each when it is asked, and what is to be
 * found. Everything is in rows of the index. */
#ifndef SAGE_EVAL_TRIAL_H
#define SAGE_EVAL_TRIAL_H

#include <eval/judge.h>
#include <eval/lister.h>
#include <eval/touched.h>
#include <eval/variants.h>

enum { SAGE_TRIAL_QUERIES_MAX = 20000 }; /* of a dataset; of more, so many evenly spread ones are asked */

typedef struct sage_trial_past {
    size_t begin, n; /* of the trial's events */
    int64_t moment_ms;
    sage_str id;
} sage_trial_past;

/* Free with sage_trial_free. */
typedef struct sage_trial {
    const sage_index *index; /* the caller's */
    sage_surface surface;    /* SAGE_ON_USER or SAGE_ON_PRODUCT */
    sage_variants variants;  /* of the surface product */
    sage_judge judge;        /* its queries in the order of `pasts` */
    sage_user_event *events; /* product: row of the index */
    size_t n_events, events_capacity;
    sage_trial_past *pasts; /* [judge.n_queries] */
    size_t pasts_capacity;
    size_t n_known;   /* entries of products that were known before */
    size_t n_unasked; /* had something to be found, but nothing was known to ask with */
    uint8_t *marks;   /* [rows] scratch, all 0 between calls */
} sage_trial;

sage_status sage_trial_begin(sage_trial *trial, const sage_index *index, sage_surface surface, sage_error *error);
void sage_trial_free(sage_trial *trial);

/* One more query. id: the user's, which must live as long as the trial; or "". known [n_known]: oldest first, `product`
 * a row of the index. wanted [n]: pid and task; pids that the index does not hold are misses. Of a product that is
 * looked at, known [1] is that one; wanted variants of it are left out. A query that then wants nothing is none; one of
 * which nothing is known is only counted. */
sage_status sage_trial_add(sage_trial *trial, sage_str id, const sage_user_event *known, size_t n_known,
                           int64_t moment_ms, sage_judge_entry *wanted, size_t n, sage_error *error);
/* From what people of the dataset did in `part`. Users: what sage_user_known says is known, all of the part is wanted.
 * Products: the newest product that is known, or one by chance where no time is known, is looked at by that user, who
 * then wants the same. */
sage_status sage_trial_of_dataset(sage_trial *trial, const sage_dataset *dataset, sage_part part, sage_error *error);

sage_past sage_trial_past_of(const sage_trial *trial, size_t query);
/* Marks, in trial->marks, what must not be recommended to a query: what is known, and variants of a product that is
 * looked at. Gives how many; unmark by the same call with `mark` 0. */
size_t sage_trial_mark(sage_trial *trial, size_t query, uint8_t mark);
/* asked [rows]: set where some query knows the product. */
void sage_trial_asked(const sage_trial *trial, bool *asked);

/* Who touched what in the part that is trained on, in rows of the index. */
sage_status sage_touched_in(sage_touched *touched, const sage_dataset *dataset, const sage_index *index,
                            sage_error *error);

#endif
