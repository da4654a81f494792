#include <base/alloc.h>
#include <base/error.h>
#include <base/order.h>
#include <eval/touched.h>
#include <stdlib.h>
#include <string.h>

static sage_status grow(sage_touched *t, size_t n, sage_error *error) {
    if (sage_grow((void **)&t->user_begin, &t->users_capacity, t->n_users + 2, sizeof *t->user_begin) != 0 ||
        sage_grow((void **)&t->products, &t->pairs_capacity, t->n_pairs + n, sizeof *t->products) != 0)
        return sage_fail_memory(error, (t->n_pairs + n) * sizeof *t->products);
    return SAGE_OK;
}

sage_status sage_touched_begin(sage_touched *touched, size_t n_products, sage_error *error) {
    sage_status st = SAGE_OK;
    *touched = (sage_touched){.n_products = n_products};
    SAGE_TRY(grow(touched, 0, error));
    touched->user_begin[0] = 0;
out:
    return st;
}

sage_status sage_touched_add(sage_touched *touched, const uint32_t *products, size_t n, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t kept = 0;
    if (n == 0) return SAGE_OK;
    if (touched->n_users >= UINT32_MAX) return sage_fail(error, SAGE_E_LIMIT, "more than %u users", UINT32_MAX);
    SAGE_TRY(grow(touched, n, error));
    uint32_t *own = touched->products + touched->n_pairs;
    memcpy(own, products, n * sizeof *own);
    qsort(own, n, sizeof *own, sage_order_u32);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || own[kept - 1] != own[i]) own[kept++] = own[i];
    touched->n_pairs += kept;
    touched->user_begin[++touched->n_users] = touched->n_pairs;
out:
    return st;
}

sage_status sage_touched_finish(sage_touched *touched, sage_error *error) {
    sage_touched *t = touched;
    t->product_begin = sage_alloc_zero(t->n_products + 2, sizeof *t->product_begin);
    t->users = sage_alloc_zero(t->n_pairs, sizeof *t->users);
    if (t->product_begin == NULL || t->users == NULL) return sage_fail_memory(error, t->n_pairs * sizeof *t->users);
    size_t *at = t->product_begin + 1; /* of product p: at[p], which ends as the begin of p + 1 */
    for (size_t i = 0; i < t->n_pairs; i++) at[t->products[i] + 1]++;
    for (size_t p = 0; p < t->n_products; p++) at[p + 1] += at[p];
    for (size_t u = 0; u < t->n_users; u++)
        for (size_t i = t->user_begin[u]; i < t->user_begin[u + 1]; i++) t->users[at[t->products[i]]++] = (uint32_t)u;
    return SAGE_OK;
}

void sage_touched_free(sage_touched *touched) {
    sage_free(touched->user_begin);
    sage_free(touched->products);
    sage_free(touched->product_begin);
    sage_free(touched->users);
    *touched = (sage_touched){0};
}
