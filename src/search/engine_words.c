/* Keyword searches under the engine's filter. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/order.h>
#include <search/engine_impl.h>
#include <stdlib.h>

/* Up to so many accepted products are scored by themselves, which then takes less than to look for them among all. */
enum { FEW = 4096 };

typedef struct accepting {
    const sage_index *index;
    const sage_filter *filter;
    size_t *row; /* of the product that was asked for last, or behind it */
} accepting;

/* Products are asked for in ascending order, and mostly lie in that order: the next one is near. */
static bool accepts(const void *ctx, int64_t pid) {
    const accepting *a = ctx;
    size_t n = sage_index_count(a->index), row = *a->row, step = 1;
    while (row + step < n && sage_index_pid(a->index, row + step) <= pid) {
        row += step;
        step *= 2;
    }
    for (; step > 0; step /= 2)
        if (row + step < n && sage_index_pid(a->index, row + step) <= pid) row += step;
    if ((row >= n || sage_index_pid(a->index, row) != pid) && !sage_index_find(a->index, pid, &row)) return false;
    *a->row = row;
    return sage_filter_accepts(a->filter, (uint32_t)row);
}

/* Of a view rows are in no order. */
static bool accepts_any(const void *ctx, int64_t pid) {
    const accepting *a = ctx;
    size_t row;
    return sage_index_find(a->index, pid, &row) && sage_filter_accepts(a->filter, (uint32_t)row);
}

static sage_status list_accepted(sage_engine *e, size_t *n, sage_error *error) {
    uint32_t rows[512];
    size_t row = 0, found, count = sage_index_count(e->index);
    bool sorted = true;
    for (*n = 0; (found = sage_filter_next(e->way.filter, count, &row, rows, 512)) > 0;) {
        if (sage_grow((void **)&e->accepted, &e->accepted_capacity, *n + found, sizeof *e->accepted) != 0)
            return sage_fail_memory(error, (*n + found) * sizeof *e->accepted);
        for (size_t i = 0; i < found; i++, ++*n) {
            e->accepted[*n] = sage_index_pid(e->index, rows[i]);
            sorted = sorted && (*n == 0 || e->accepted[*n - 1] < e->accepted[*n]);
        }
    }
    if (!sorted) qsort(e->accepted, *n, sizeof *e->accepted, sage_order_i64);
    return SAGE_OK;
}

sage_status sage_engine_words(sage_engine *e, const sage_keywords_query *query, size_t *n, float *scores,
                              sage_error *error) {
    static const int64_t none = 0;
    sage_status st = SAGE_OK;
    sage_keywords_query filtered = *query;
    const sage_filter *filter = e->way.filter;
    size_t row = 0;
    const accepting ctx = {e->index, filter, &row};
    filtered.changed = e->changed;
    if (filter != NULL && filter->bits != NULL && filter->matches <= FEW) {
        SAGE_TRY(list_accepted(e, &filtered.n_among, error));
        filtered.among = filtered.n_among > 0 ? e->accepted : &none;
    } else if (filter != NULL) {
        filtered.accepts = e->changes != NULL ? accepts_any : accepts;
        filtered.ctx = &ctx;
    }
    SAGE_TRY(sage_keywords_search(e->keywords, &filtered, e->hits, n, scores, error));
out:
    return st;
}
