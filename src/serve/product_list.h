/* The texts of a list's elements, as they came: numbers keep their digits. */
#ifndef SAGE_SERVE_PRODUCT_LIST_H
#define SAGE_SERVE_PRODUCT_LIST_H

#include <base/buf.h>

/* Of a body that was read as JSON, {"name": [element, ...]}: the first `most` elements, into list; how many there are.
 */
size_t sage_product_list_cut(sage_str body, sage_str *list, size_t most);

#endif
