/* The release that was in force before this one, as a method. Its index and keywords are kept by pruning, its model is
 * never removed; so it answers as it did, on the queries of today. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <shop/report_listers.h>

struct sage_before {
    sage_open_release opened;
    sage_scored *list;
    size_t capacity;
};

sage_status sage_before_open(sage_shop *shop, const sage_release *now, const sage_monitor *monitor,
                             sage_before **before, sage_error *error) {
    sage_error fault = {0};
    sage_before *b = sage_alloc_zero(1, sizeof *b);
    *before = NULL;
    if (b == NULL) return sage_fail_memory(error, sizeof *b);
    sage_status st = sage_release_open_before(shop, now, &b->opened, &fault);
    if (st == SAGE_OK) {
        *before = b;
        return SAGE_OK;
    }
    sage_free(b);
    if (st == SAGE_E_MEMORY || st == SAGE_E_CANCELLED) {
        if (error != NULL) *error = fault;
        return st;
    }
    /* That there was none is no news; the page says so. */
    if (st != SAGE_E_STATE) sage_note(monitor, "the report is without the release before: %s", fault.text);
    return SAGE_OK;
}

void sage_before_close(sage_before *before) {
    if (before == NULL) return;
    sage_release_close(&before->opened);
    sage_free(before->list);
    sage_free(before);
}

const sage_release *sage_before_release(const sage_before *before) {
    return &before->opened.release;
}

static sage_status list_them(void *ctx, size_t query, sage_str text, size_t depth, const sage_scored **list, size_t *n,
                             sage_error *error) {
    sage_before *before = ctx;
    (void)query;
    if (sage_grow((void **)&before->list, &before->capacity, depth, sizeof *before->list) != 0)
        return sage_fail_memory(error, depth * sizeof *before->list);
    *list = before->list;
    return sage_engine_text(before->opened.engine, SAGE_HYBRID, text.data, text.len, depth, before->list, n, error);
}

sage_text_lister sage_before_lister(sage_before *before) {
    return (sage_text_lister){.name = "previous", .ctx = before, .list = list_them};
}
