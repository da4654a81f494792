/* Count-min sketch (Cormode and Muthukrishnan 2005): never less than the true count; more by at most e/width of the
 * total with probability 1 - e^-depth. For streams whose exact counts do not fit memory. */
#ifndef SAGE_DATASET_CMS_H
#define SAGE_DATASET_CMS_H

#include <itemsage/status.h>
#include <stdint.h>

typedef struct sage_cms sage_cms;
sage_status sage_cms_new(size_t depth, size_t width, uint64_t seed, sage_cms **sketch,
                         sage_error *error); /* width: a power of two */
void sage_cms_free(sage_cms *sketch);
void sage_cms_add(sage_cms *sketch, uint64_t key, uint32_t count);
uint64_t sage_cms_count(const sage_cms *sketch, uint64_t key);
uint64_t sage_cms_total(const sage_cms *sketch);

#endif
