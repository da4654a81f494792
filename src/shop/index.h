/* Building and publishing a release, for `index` and for jobs that do so among other things. */
#ifndef SAGE_SHOP_INDEX_H
#define SAGE_SHOP_INDEX_H

#include <itemsage/train.h>

typedef struct sage_index_wish {
    bool anew;                 /* the graph is built from nothing */
    bool keep;                 /* what was chosen for the release in force stands where little has changed since */
    const sage_tuning *tuning; /* NULL: none */
} sage_index_wish;
sage_status sage_index_publish(sage_shop *shop, const sage_index_wish *wish, const sage_monitor *monitor,
                               sage_index_report *report, sage_error *error);

#endif
