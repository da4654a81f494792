/* What is had without a model, as methods to be judged beside it:
 *   popular   the products that most users touched in training, the same for everybody
 *   item-knn  eval/item_knn.h over the distinct products that are known
 *   own       what the user did before: by the number of events, then the newest, then their counts
 * All are made of the training part alone and of what is known of who asks. Ties go to the lower row. */
#ifndef SAGE_EVAL_BASELINES_H
#define SAGE_EVAL_BASELINES_H

#include <eval/item_knn.h>
#include <eval/lister.h>

typedef struct sage_baselines sage_baselines;
/* asked[p]: products that are known to anybody who will ask. `touched` must stay as it is. The pool works inside the
 * listers. */
sage_status sage_baselines_new(const sage_touched *touched, const bool *asked, const sage_item_knn_options *options,
                               sage_pool *pool, sage_baselines **baselines, sage_error *error);
void sage_baselines_free(sage_baselines *baselines);

/* They live as long as the baselines do; one thread at a time. */
sage_lister sage_popular(sage_baselines *baselines);
sage_lister sage_item_knn_lister(sage_baselines *baselines);
sage_lister sage_own(sage_baselines *baselines);

#endif
