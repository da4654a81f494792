/* Queries on the published release. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <io/npy.h>
#include <itemsage/search.h>
#include <math.h>
#include <shop/searcher.h>
#include <stdio.h>
#include <string.h>
#include <text/normalise.h>

enum { RESULTS_MAX = SAGE_RESULTS_MAX, TRIES = 3 };

static bool asks_for_user(const sage_query *query) {
    return query->user_id != NULL || query->n_session > 0;
}

static sage_status vectors_only(const sage_query *query, const char *what, sage_error *error) {
    if (query->method == SAGE_VECTORS || query->method == SAGE_AUTO) return SAGE_OK;
    return sage_fail(error, SAGE_E_ARGUMENT, "%s are found by vectors only, not by %s", what,
                     sage_method_name(query->method));
}

static sage_status check_user(const sage_query *query, sage_error *error) {
    if (query->method == SAGE_KEYWORDS)
        return sage_fail(error, SAGE_E_ARGUMENT, "products for a user are found by vectors or hybrid, not by keywords");
    if (query->method == SAGE_HYBRID && query->interests)
        return sage_fail(error, SAGE_E_ARGUMENT,
                         "the hybrid of users goes by the model's tower for users, not by interests; ask by vectors");
    return SAGE_OK;
}

static sage_status check_query(const sage_query *query, sage_error *error) {
    size_t bad;
    const bool user = asks_for_user(query);
    if ((query->text != NULL) + (query->product_id != NULL) + (query->image != NULL) + (query->vector != NULL) + user !=
        1)
        return sage_fail(error, SAGE_E_ARGUMENT,
                         "a query is a text, a product, a picture, a vector or a user: one of them");
    if (!(query->budget_ms >= 0))
        return sage_fail(error, SAGE_E_ARGUMENT, "the budget of a query is a number of milliseconds, 0 for none");
    if (query->n < 1 || query->n > RESULTS_MAX)
        return sage_fail(error, SAGE_E_ARGUMENT, "the number of results must be 1 to %d, not %zu", RESULTS_MAX,
                         query->n);
    if (query->product_id) return vectors_only(query, "similar products", error);
    if (query->image) return vectors_only(query, "products for a picture", error);
    if (query->vector) return vectors_only(query, "products for a vector", error);
    if (user) return check_user(query, error);
    if (!sage_utf8_valid(query->text, strlen(query->text), &bad))
        return sage_fail(error, SAGE_E_ARGUMENT, "the search text is not UTF-8 (from byte %zu on); give it in UTF-8",
                         bad + 1);
    return SAGE_OK;
}

/* One picture at a time: the encoder is everybody's. */
static sage_status target_of(sage_searcher *s, const char *image, float *out, sage_error *error) {
    const float *target;
    pthread_mutex_lock(&s->common->picturing);
    sage_status st = sage_picture_query_target(&s->common->picture, s->shop, &s->opened, image, &target, error);
    if (st == SAGE_OK) memcpy(out, target, sage_index_dim(sage_engine_index(s->opened.engine)) * sizeof *out);
    pthread_mutex_unlock(&s->common->picturing);
    return st;
}

sage_status sage_searcher_picture(sage_searcher *s, const char *image, float *out, sage_error *error) {
    sage_status st = SAGE_OK;
    const float *given = NULL;
    SAGE_TRY(sage_picture_query_given(s->shop, &s->opened, image, &given, error));
    if (given != NULL)
        sage_engine_widen(s->opened.engine, given, out);
    else
        st = target_of(s, image, out, error);
out:
    return st;
}

static sage_status by_picture(sage_searcher *s, const sage_query *query, size_t *n, sage_error *error) {
    sage_status st = SAGE_OK;
    const size_t dim = sage_index_dim(sage_engine_index(s->opened.engine));
    float *target = sage_alloc(dim * sizeof *target);
    if (target == NULL) return sage_fail_memory(error, dim * sizeof *target);
    SAGE_TRY(sage_searcher_picture(s, query->image, target, error));
    st = sage_engine_vector(s->opened.engine, target, query->n, s->scored, n, error);
out:
    sage_free(target);
    return st;
}

/* As wide as the index, or as the model's own numbers; then zeros stand behind it. */
static sage_status by_vector(sage_searcher *s, const sage_query *query, size_t *n, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_engine *engine = s->opened.engine;
    size_t whole = sage_index_dim(sage_engine_index(engine)), own = sage_engine_own_dim(engine);
    sage_npy npy = {0};
    double square = 0;
    float *vector = sage_alloc_zero(whole, sizeof *vector);
    if (vector == NULL) return sage_fail_memory(error, whole * sizeof *vector);
    SAGE_TRY(sage_npy_open(query->vector, &npy, error));
    size_t count = npy.rows * npy.cols;
    if ((npy.rows != 1 && npy.cols != 1) || (count != whole && count != own))
        SAGE_TRY(sage_fail_at(error, SAGE_E_ARGUMENT, query->vector, 0, 0,
                              "it has %zu x %zu numbers; the published vectors have %zu", npy.rows, npy.cols, own));
    for (size_t row = 0; row < npy.rows; row++) sage_npy_row(&npy, row, vector + row * npy.cols);
    for (size_t i = 0; i < count; i++) square += (double)vector[i] * vector[i];
    if (!isfinite(square) || square <= 0)
        SAGE_TRY(sage_fail_at(error, SAGE_E_ARGUMENT, query->vector, 0, 0, "the vector is zero or not finite"));
    for (size_t i = 0; i < count; i++) vector[i] = (float)(vector[i] / sqrt(square));
    st = sage_engine_vector(engine, vector, query->n, s->scored, n, error);
out:
    sage_npy_close(&npy);
    sage_free(vector);
    return st;
}

static sage_status by_text(sage_searcher *s, const sage_query *query, size_t *n, sage_error *error) {
    return sage_engine_text(s->opened.engine, s->method, query->text, strlen(query->text), query->n, s->scored, n,
                            error);
}

/* What a query found, in the searcher's `scored`. */
typedef struct found {
    size_t n;
    const sage_interest *interests; /* [n_interests] that the searcher's `of` names; NULL: none */
    size_t n_interests;
} found;

static sage_status by_user(sage_searcher *s, const sage_query *query, found *f, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_engine *engine = s->opened.engine;
    sage_interest_rules rules;
    sage_interest_rules_read(s->shop->options, &rules);
    const char *id = query->user_id != NULL && query->n_session == 0 ? query->user_id : "";
    const float *given = sage_engine_given_user(engine, (sage_str){id, strlen(id)});
    const bool tower = sage_engine_has_user_tower(engine) || given != NULL;
    if (query->method == SAGE_AUTO && s->opened.release.hybrid_users && tower && !query->interests)
        s->method = SAGE_HYBRID;
    if (s->method == SAGE_HYBRID && !tower)
        return sage_fail(
            error, SAGE_E_STATE,
            "the hybrid of users needs a tower for users, and the published model has none; ask by vectors");
    const bool asks = tower && !query->interests;
    SAGE_TRY(sage_user_events_read(&s->did, s->shop, sage_engine_index(engine), query, given != NULL && asks, error));
    const sage_history history = {s->did.list, s->did.n, query->fresh, given};
    if (s->method == SAGE_HYBRID) return sage_engine_user_hybrid(engine, &history, query->n, s->scored, &f->n, error);
    if (asks) return sage_engine_user(engine, &history, query->n, s->scored, &f->n, error);
    st = sage_engine_interests(engine, &history, &rules, query->n, s->scored, s->of, &f->n, &f->interests,
                               &f->n_interests, error);
out:
    return st;
}

static sage_status run(sage_searcher *s, const sage_query *query, found *f, sage_error *error) {
    size_t *n = &f->n;
    if (query->image) return by_picture(s, query, n, error);
    if (asks_for_user(query)) return by_user(s, query, f, error);
    if (query->vector) return by_vector(s, query, n, error);
    if (query->text) return by_text(s, query, n, error);
    size_t row;
    const sage_index *index = sage_engine_index(s->opened.engine);
    if (!sage_index_find_id(index, query->product_id, &row))
        return sage_fail(error, SAGE_E_NOT_FOUND, "no product '%s' in the published index", query->product_id);
    return sage_engine_similar(s->opened.engine, sage_index_pid(index, row), query->n, s->scored, n, error);
}

/* The query's n, or those that are chosen among more. */
static sage_status run_shaped(sage_searcher *s, const sage_query *query, found *f, sage_error *error) {
    sage_status st = SAGE_OK;
    const bool shaped = sage_shaping_asked(query);
    const sage_index *index = sage_engine_index(s->opened.engine);
    sage_query deep = *query;
    if (shaped) deep.n = sage_shaping_depth(query);
    for (bool more = true; more; deep.n *= 4) {
        if (sage_grow((void **)&s->scored, &s->scored_capacity, deep.n, sizeof *s->scored) != 0 ||
            sage_grow((void **)&s->of, &s->of_capacity, deep.n, sizeof *s->of) != 0)
            return sage_fail_memory(error, deep.n * sizeof *s->scored);
        SAGE_TRY(run(s, &deep, f, error));
        if (!shaped) break;
        more = f->n == deep.n;
        SAGE_TRY(sage_shaping_apply(&s->shaping, query, index, s->scored, f->interests != NULL ? s->of : NULL, f->n,
                                    &f->n, error));
        more = more && f->n < query->n;
    }
out:
    return st;
}

sage_hit sage_searcher_hit(const sage_engine *engine, size_t row, sage_scored scored) {
    const sage_index *index = sage_engine_index(engine);
    sage_parts parts;
    sage_engine_parts(engine, scored, &parts);
    return (sage_hit){.score = scored.score,
                      .parts = parts,
                      .pid = scored.pid,
                      .id = sage_index_shown(index, row, SAGE_SHOW_ID),
                      .title = sage_index_shown(index, row, SAGE_SHOW_TITLE),
                      .brand = sage_index_shown(index, row, SAGE_SHOW_BRAND),
                      .category = sage_index_shown(index, row, SAGE_SHOW_CATEGORY),
                      .link = sage_index_shown(index, row, SAGE_SHOW_LINK),
                      .image_link = sage_index_shown(index, row, SAGE_SHOW_IMAGE),
                      .availability = sage_index_shown(index, row, SAGE_SHOW_AVAILABILITY),
                      .price = sage_index_shown(index, row, SAGE_SHOW_PRICE),
                      .interest = -1,
                      .interest_id = ""};
}

/* The numbers that are compared are everybody's, too. */
static sage_status cut(sage_searcher *s, size_t dims, sage_error *error) {
    if (dims > 0 && (s->view != NULL || sage_searcher_users(s) > 1))
        return sage_fail(error, SAGE_E_ARGUMENT,
                         "vectors are cut (dims) by a searcher of its own, not by one that shares its release or whose "
                         "release is open for changing");
    return s->view != NULL ? SAGE_OK : sage_engine_cut(s->opened.engine, dims, error);
}

static sage_status search(sage_searcher *s, const sage_query *query, size_t *n_hits, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_index *index = sage_engine_index(s->opened.engine);
    found f = {0};
    size_t row;
    SAGE_TRY(sage_shaping_check(query, index, error));
    SAGE_TRY(cut(s, query->dims, error));
    s->complete = true;
    sage_way way = {.exact = query->exact,
                    .width = (size_t)s->opened.release.search_width,
                    .until_s = query->budget_ms > 0 ? sage_now_s() + query->budget_ms / 1000 : 0,
                    .complete = &s->complete};
    SAGE_TRY(sage_where_cached(&s->filters, index, query->where, &way.filter, error));
    sage_engine_set_way(s->opened.engine, &way);
    s->method = query->method == SAGE_AUTO ? SAGE_VECTORS : query->method;
    SAGE_TRY(run_shaped(s, query, &f, error));
    for (size_t i = 0; i < f.n; i++) {
        if (!sage_index_find(index, s->scored[i].pid, &row)) continue;
        sage_hit *hit = &s->hits[(*n_hits)++];
        *hit = sage_searcher_hit(s->opened.engine, row, s->scored[i]);
        if (f.interests == NULL) continue;
        hit->interest = s->of[i];
        hit->interest_id = sage_index_shown(index, f.interests[s->of[i]].row, SAGE_SHOW_ID);
    }
    if (s->view != NULL) st = sage_searcher_keep_hits(s, n_hits, error);
out:
    return st;
}

sage_status sage_searcher_enter(sage_searcher *searcher, sage_error *error) {
    sage_status st = SAGE_OK;
    const bool begins = searcher->view == NULL && sage_searched_live_of(searcher->common) != NULL;
    if (begins) SAGE_TRY(sage_searcher_go_live(searcher, error));
    if (searcher->reader != NULL) sage_live_enter(searcher->reader);
    sage_engine_enter(searcher->opened.engine);
out:
    return st;
}

void sage_searcher_leave(sage_searcher *searcher) {
    sage_engine_leave(searcher->opened.engine);
    if (searcher->reader != NULL) sage_live_leave(searcher->reader);
}

static sage_status search_inside(sage_searcher *s, const sage_query *query, bool *again, size_t *n_hits,
                                 sage_error *error) {
    *n_hits = 0;
    sage_status st = sage_searcher_enter(s, error);
    if (st != SAGE_OK) return st;
    const sage_index *index = sage_engine_index(s->opened.engine);
    const uint64_t replaced = sage_index_replaced(index);
    st = search(s, query, n_hits, error);
    *again = replaced != sage_index_replaced(index);
    sage_searcher_leave(s);
    return st;
}

sage_status sage_search(sage_searcher *searcher, const sage_query *query, const sage_hit **hits, size_t *n_hits,
                        sage_error *error) {
    *hits = searcher->hits;
    *n_hits = 0;
    sage_status st = check_query(query, error);
    if (st != SAGE_OK) return st;
    /* One beside which products were replaced may lack them; it ends where they are replaced all the time. */
    bool again = true;
    for (int tries = 0; tries < TRIES && again; tries++) st = search_inside(searcher, query, &again, n_hits, error);
    if (st != SAGE_OK) *n_hits = 0;
    return st;
}

bool sage_searcher_complete(const sage_searcher *searcher) {
    return searcher->complete;
}

sage_method sage_searcher_method(const sage_searcher *searcher) {
    return searcher->method;
}

void sage_searcher_facts(const sage_searcher *searcher, sage_release_facts *facts) {
    const sage_release *release = &searcher->opened.release;
    const sage_index *index = sage_engine_index(searcher->opened.engine);
    const sage_searched_live *live = sage_searched_live_of(searcher->common);
    *facts = (sage_release_facts){.release = release->index,
                                  .model = release->query_model,
                                  .catalogue_revision = release->catalogue_revision,
                                  .products = live != NULL ? sage_live_count(live->live) : sage_index_count(index),
                                  .dims = sage_index_dim(index),
                                  .width = (size_t)release->search_width,
                                  .recall = release->search_recall};
}
