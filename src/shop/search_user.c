#include <base/alloc.h>
#include <base/error.h>
#include <math.h>
#include <shop/search_user.h>
#include <string.h>

static const double MS_PER_DAY = 24 * 60 * 60 * 1000.0;

static sage_status add(sage_user_events *events, size_t row, double age, sage_event_kind kind, sage_error *error) {
    if (sage_grow((void **)&events->list, &events->capacity, events->n + 1, sizeof *events->list) != 0)
        return sage_fail_memory(error, (events->n + 1) * sizeof *events->list);
    events->list[events->n++] = (sage_known_event){(uint32_t)row, (float)age, (uint8_t)kind};
    return SAGE_OK;
}

static void turn_round(sage_known_event *list, size_t n) {
    for (size_t i = 0; i < n / 2; i++) {
        sage_known_event kept = list[i];
        list[i] = list[n - 1 - i];
        list[n - 1 - i] = kept;
    }
}

/* *n_known: events of products that the catalogue knows. */
static sage_status read_user(sage_user_events *events, sage_catalog *catalog, const sage_index *index,
                             const char *user_id, size_t *n_known, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_user_cursor *cursor = NULL;
    const sage_user_row *row;
    int64_t newest;
    size_t at;
    SAGE_TRY(sage_catalog_newest_event(catalog, &newest, error));
    SAGE_TRY(sage_user_cursor_open(catalog, user_id, &cursor, error));
    for (;; ++*n_known) {
        SAGE_TRY(sage_user_cursor_next(cursor, &row, error));
        if (row == NULL) break;
        if (!sage_index_find(index, row->pid, &at)) continue;
        double age = row->time_ms == INT64_MIN ? (double)NAN : ((double)newest - (double)row->time_ms) / MS_PER_DAY;
        SAGE_TRY(add(events, at, age < 0 ? 0 : age, row->kind, error));
    }
    turn_round(events->list, events->n); /* they came newest first */
out:
    sage_user_cursor_close(cursor);
    return st;
}

static sage_status read_session(sage_user_events *events, const sage_index *index, const sage_query *query,
                                sage_error *error) {
    sage_status st = SAGE_OK;
    for (size_t i = 0; i < query->n_session; i++) {
        const sage_session_event *did = &query->session[i];
        const char *name = did->event ? did->event : "click";
        sage_event_kind kind;
        size_t row;
        if (!sage_event_kind_parse((sage_str){name, strlen(name)}, &kind))
            return sage_fail(error, SAGE_E_ARGUMENT,
                             "'%s' is no event of a session; use click, save, add_to_cart or checkout", name);
        if (!(did->age_days >= 0 && isfinite(did->age_days)))
            return sage_fail(error, SAGE_E_ARGUMENT, "the age of an event of a session must be 0 days or more");
        if (!sage_index_find_id(index, did->product_id, &row)) continue;
        SAGE_TRY(add(events, row, did->age_days, kind, error));
    }
out:
    return st;
}

static sage_status nothing(const sage_query *query, size_t n_known, sage_error *error) {
    const char *also = query->n_session > 0 ? ", nor is one of the session's" : "";
    if (query->user_id == NULL)
        return sage_fail(error, SAGE_E_NOT_FOUND, "none of the session's products is in the published index");
    if (n_known == 0)
        return sage_fail(error, SAGE_E_NOT_FOUND,
                         "the catalogue has no event of user '%s' with a product that it knows%s", query->user_id,
                         query->n_session > 0 ? ", and none of the session's products is in the published index" : "");
    return sage_fail(error, SAGE_E_NOT_FOUND,
                     "none of the products of user '%s' is in the published index%s; run 'itemsage embed' and "
                     "'itemsage index'",
                     query->user_id, also);
}

sage_status sage_user_events_read(sage_user_events *events, const sage_shop *shop, const sage_index *index,
                                  const sage_query *query, bool enough, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_catalog *catalog = NULL;
    size_t n_known = 0;
    events->n = 0;
    if (query->user_id != NULL) {
        SAGE_TRY(sage_shop_catalog(shop, false, &catalog, error));
        SAGE_TRY(read_user(events, catalog, index, query->user_id, &n_known, error));
    }
    SAGE_TRY(read_session(events, index, query, error));
    if (events->n == 0 && !enough) st = nothing(query, n_known, error);
out:
    sage_catalog_close(catalog);
    return st;
}

void sage_user_events_free(sage_user_events *events) {
    sage_free(events->list);
    *events = (sage_user_events){0};
}
