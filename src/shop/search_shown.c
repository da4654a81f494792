/* What is shown without a search: a product by its id, and what a user dealt with. */
#include <base/error.h>
#include <shop/searcher.h>

static sage_status find_product(sage_searcher *s, const char *id, sage_error *error) {
    const sage_engine *engine = s->opened.engine;
    size_t row, n = 1;
    if (!sage_index_find_id(sage_engine_index(engine), id, &row))
        return sage_fail(error, SAGE_E_NOT_FOUND, "no product '%s' in the published index", id);
    s->hits[0] = sage_searcher_hit(engine, row, (sage_scored){.pid = sage_index_pid(sage_engine_index(engine), row)});
    return s->view != NULL ? sage_searcher_keep_hits(s, &n, error) : SAGE_OK;
}

sage_status sage_searcher_product(sage_searcher *searcher, const char *id, const sage_hit **hit, sage_error *error) {
    *hit = searcher->hits;
    sage_status st = sage_searcher_enter(searcher, error);
    if (st != SAGE_OK) return st;
    st = find_product(searcher, id, error);
    sage_searcher_leave(searcher);
    return st;
}

static bool is_among(const sage_hit *hits, size_t n, int64_t pid) {
    for (size_t i = 0; i < n; i++)
        if (hits[i].pid == pid) return true;
    return false;
}

static sage_status find_past(sage_searcher *s, const char *user_id, size_t most, sage_past_event *past, size_t *n,
                             sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_engine *engine = s->opened.engine;
    const sage_query query = {.user_id = user_id};
    SAGE_TRY(sage_user_events_read(&s->did, s->shop, sage_engine_index(engine), &query, false, error));
    for (size_t i = s->did.n; i > 0 && *n < most; i--) {
        const sage_known_event *did = &s->did.list[i - 1];
        const int64_t pid = sage_index_pid(sage_engine_index(engine), did->row);
        if (is_among(s->hits, *n, pid)) continue;
        past[*n] = (sage_past_event){sage_event_names[did->kind], (double)did->age};
        s->hits[(*n)++] = sage_searcher_hit(engine, did->row, (sage_scored){.pid = pid});
    }
    if (s->view != NULL) st = sage_searcher_keep_hits(s, n, error);
out:
    return st;
}

sage_status sage_searcher_history(sage_searcher *searcher, const char *user_id, size_t most, const sage_hit **hits,
                                  sage_past_event *past, size_t *n_hits, sage_error *error) {
    *hits = searcher->hits;
    *n_hits = 0;
    if (most < 1 || most > SAGE_RESULTS_MAX)
        return sage_fail(error, SAGE_E_ARGUMENT, "the number of products must be 1 to %d, not %zu", SAGE_RESULTS_MAX,
                         most);
    sage_status st = sage_searcher_enter(searcher, error);
    if (st != SAGE_OK) return st;
    st = find_past(searcher, user_id, most, past, n_hits, error);
    sage_searcher_leave(searcher);
    if (st != SAGE_OK) *n_hits = 0;
    return st;
}
