/* Co-occurrence as a method for search texts: products that the same training queries led to. A text that was trained
 * on lists what it led to; one that was not begins with the first products that keywords find. Each of these then
 * brings what queries led to beside it, by item_knn.h over queries in place of users. */
#ifndef SAGE_EVAL_CO_CLICK_H
#define SAGE_EVAL_CO_CLICK_H

#include <dataset/dataset.h>
#include <eval/text_lister.h>

enum { SAGE_CO_CLICK_SEEDS = 10 };

typedef struct sage_co_click sage_co_click; /* one thread at a time; the pool works inside _new */
/* Dataset and index must stay. *co is NULL where no search led to anything. Memory: 8 bytes a pair, and 8 for each of
 * up to 50 neighbours of a product that was found. */
sage_status sage_co_click_new(const sage_dataset *dataset, const sage_index *index, sage_pool *pool, sage_co_click **co,
                              sage_error *error);
void sage_co_click_free(sage_co_click *co);
/* What keywords list for the text that comes next. */
void sage_co_click_note(sage_co_click *co, const sage_scored *keywords, size_t n);
sage_text_lister sage_co_click_lister(sage_co_click *co);

#endif
