/* The release that was in force before this one, as a method. Its index and keywords are kept by pruning, its model is
 * never removed; so it answers as it did, on the queries of today. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <shop/report_listers.h>
#include <string.h>

struct sage_before {
    sage_open_release opened;
    sage_scored *list;
    size_t capacity;
};

/* What to do about a release in force does not help one that was; from the next on this one is asked. */
static void drop_advice(sage_error *fault) {
    char *advice = strstr(fault->text, ", or run 'itemsage");
    if (advice == NULL) advice = strstr(fault->text, "; run 'itemsage");
    if (advice != NULL) *advice = '\0';
}

/* All that can be wrong with it is found here, so that a trial that has begun does not end for it. */
static sage_status open_it(sage_shop *shop, const sage_release *now, sage_before *b, bool *there, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_release before;
    SAGE_TRY(sage_release_read_before(shop, now, &before, error));
    *there = before.index > 0;
    if (!*there) goto out;
    SAGE_TRY(sage_release_open_kept(shop, &before, &b->opened, error));
    SAGE_TRY(sage_engine_check_texts(b->opened.engine, error));
out:
    return st;
}

sage_status sage_before_open(sage_shop *shop, const sage_release *now, const sage_monitor *monitor,
                             sage_before **before, sage_error *fault, sage_error *error) {
    bool there = false;
    char line[1024];
    sage_before *b = sage_alloc_zero(1, sizeof *b);
    *before = NULL;
    *fault = (sage_error){.code = SAGE_OK};
    if (b == NULL) return sage_fail_memory(error, sizeof *b);
    b->opened = (sage_open_release){.fd = {-1, -1, -1}};
    sage_status st = open_it(shop, now, b, &there, fault);
    if (st == SAGE_OK && there) {
        *before = b;
        return SAGE_OK;
    }
    sage_before_close(b);
    if (st == SAGE_E_MEMORY || st == SAGE_E_CANCELLED) {
        if (error != NULL) *error = *fault;
        return st;
    }
    drop_advice(fault);
    if (st != SAGE_OK)
        sage_note(monitor, "the report is without the release before: %s", sage_error_line(fault, line, sizeof line));
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
