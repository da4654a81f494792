#include <base/alloc.h>
#include <base/error.h>
#include <base/order.h>
#include <eval/best.h>
#include <index/topk.h>
#include <stdlib.h>
#include <string.h>

/* Looking through all scores costs a fraction of a nanosecond each, sorting those that are touched tens. */
enum { SPARSE = 64 };

sage_status sage_best_init(sage_best *best, size_t n_products, sage_error *error) {
    *best = (sage_best){.n_products = n_products};
    best->scores = sage_alloc_zero(n_products, sizeof *best->scores);
    best->touched = sage_alloc_zero(n_products, sizeof *best->touched);
    if (best->scores == NULL || best->touched == NULL)
        return sage_fail_memory(error, n_products * (sizeof *best->scores + sizeof *best->touched));
    return SAGE_OK;
}

void sage_best_free(sage_best *best) {
    sage_free(best->scores);
    sage_free(best->touched);
    sage_free(best->list);
    *best = (sage_best){0};
}

sage_status sage_best_take(sage_best *best, size_t k, sage_neighbour *out, size_t *n, sage_error *error) {
    sage_top top;
    *n = 0;
    if (k > best->n_touched) k = best->n_touched;
    if (k > 0) {
        if (sage_grow((void **)&best->list, &best->list_capacity, sage_top_room(k), sizeof *best->list) != 0)
            return sage_fail_memory(error, sage_top_room(k) * sizeof *best->list);
        sage_top_begin(&top, best->list, k);
        if (best->n_touched > best->n_products / SPARSE) {
            sage_top_scan(&top, best->scores, best->n_products, 0);
        } else {
            qsort(best->touched, best->n_touched, sizeof *best->touched, sage_order_u32);
            for (size_t i = 0; i < best->n_touched; i++)
                sage_top_scan(&top, &best->scores[best->touched[i]], 1, best->touched[i]);
        }
        *n = sage_top_finish(&top, out);
    }
    for (size_t i = 0; i < best->n_touched; i++) best->scores[best->touched[i]] = 0;
    best->n_touched = 0;
    return SAGE_OK;
}
