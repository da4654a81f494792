#include <base/alloc.h>
#include <base/error.h>
#include <eval/reach.h>
#include <eval/watch.h>
#include <stdio.h>

sage_status sage_watch_init(sage_watch *watch, const sage_text_trial *trial, const sage_index *index, size_t n_methods,
                            sage_error *error) {
    size_t n = sage_index_count(index);
    *watch = (sage_watch){.trial = trial,
                          .index = index,
                          .n_products = n,
                          .n_methods = n_methods,
                          .shown = sage_alloc_zero(n * n_methods, sizeof *watch->shown),
                          .scores = sage_alloc_zero(2, sizeof *watch->scores)};
    if (watch->shown == NULL || watch->scores == NULL)
        return sage_fail_memory(error, n * n_methods * sizeof *watch->shown);
    return SAGE_OK;
}

void sage_watch_free(sage_watch *watch) {
    sage_free(watch->shown);
    sage_free(watch->scores);
    *watch = (sage_watch){.n_methods = 0};
}

/* Entries of a query ascend by pid. */
static bool wanted(const sage_judge *judge, size_t query, int64_t pid) {
    size_t low = judge->begin[query], high = judge->begin[query + 1];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (judge->entries[middle].pid == pid) return true;
        if (judge->entries[middle].pid < pid)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static sage_status see(void *ctx, size_t method, size_t query, const sage_scored *list, size_t n, sage_error *error) {
    sage_watch *watch = ctx;
    size_t row;
    (void)error;
    for (size_t i = 0; i < n && i < SAGE_REACH_K; i++)
        if (method < watch->n_methods && sage_index_find(watch->index, list[i].pid, &row))
            watch->shown[method * watch->n_products + row]++;
    if (method != SAGE_VECTORS && method != SAGE_HYBRID) return SAGE_OK;
    for (size_t i = 0; i < n && i < SAGE_CURVE_POINTS; i++)
        sage_score_count(&watch->scores[method == SAGE_HYBRID], list[i].score,
                         wanted(&watch->trial->judge, query, list[i].pid));
    return SAGE_OK;
}

sage_list_observer sage_watch_observer(sage_watch *watch) {
    return (sage_list_observer){.ctx = watch, .see = see};
}

void sage_watch_reach(sage_watch *watch, sage_reach *out) {
    for (size_t m = 0; m < watch->n_methods && watch->n_products > 0; m++) {
        snprintf(out[m].method, sizeof out[m].method, "%s", watch->trial->methods[m]);
        snprintf(out[m].task, sizeof out[m].task, "all");
        sage_reach_of(watch->shown + m * watch->n_products, watch->n_products, &out[m]);
    }
}

void sage_watch_calibration(const sage_watch *watch, sage_calibration *out) {
    for (size_t i = 0; i < 2; i++) {
        snprintf(out[i].method, sizeof out[i].method, "%s", sage_method_name(i == 1 ? SAGE_HYBRID : SAGE_VECTORS));
        sage_calibrate(&watch->scores[i], &out[i]);
    }
}
