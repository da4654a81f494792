/* `itemsage export --format split`: the split of what people did and of searches, for other programs. */
#ifndef SAGE_SHOP_EXPORT_SPLIT_H
#define SAGE_SHOP_EXPORT_SPLIT_H

#include <shop/shop.h>

/* Of the newest dataset, into the folder `out` (its parent must exist). SAGE_E_STATE where there is none, or
 * neither people nor searches in it. Memory: the products' ids. */
sage_status sage_export_split(sage_shop *shop, const char *out, sage_error *error);

#endif
