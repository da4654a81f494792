/* Orders for qsort and bsearch. */
#ifndef SAGE_BASE_ORDER_H
#define SAGE_BASE_ORDER_H

#include <stdint.h>

/* Of uint32_t, ascending. */
static inline int sage_order_u32(const void *a, const void *b) {
    const uint32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Of int64_t, ascending. */
static inline int sage_order_i64(const void *a, const void *b) {
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

#endif
