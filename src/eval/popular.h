/* The products that most searches of the training part led to, the same for every text: a method to be judged beside.
 */
#ifndef SAGE_EVAL_POPULAR_H
#define SAGE_EVAL_POPULAR_H

#include <dataset/dataset.h>
#include <eval/text_lister.h>

/* Zero-initialise; free with sage_popular_free. */
typedef struct sage_popular_products {
    sage_scored *list; /* [n] by training pairs of searches, ties by ascending pid; score: how many */
    size_t n;          /* 0: nobody searched */
} sage_popular_products;

/* The `depth` first of those that the index holds. */
sage_status sage_popular_count(sage_popular_products *popular, const sage_dataset *dataset, const sage_index *index,
                               size_t depth, sage_error *error);
void sage_popular_free(sage_popular_products *popular);
sage_text_lister sage_popular_lister(sage_popular_products *popular);

#endif
