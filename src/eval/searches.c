#include <base/alloc.h>
#include <base/error.h>
#include <eval/searches.h>
#include <math.h>
#include <string.h>

static const double MS_PER_DAY = 24 * 60 * 60 * 1000.0;

void sage_searches_free(sage_searches *searches) {
    sage_free(searches->events);
    sage_free(searches->histories);
    sage_free(searches->found);
    sage_free(searches->rows);
    sage_free(searches->queries);
    sage_free(searches->lists);
    sage_free(searches->turns);
    sage_without_free(&searches->without);
}

static float age_of(const sage_user_event *event, int64_t moment_ms) {
    if (event->time_ms == INT64_MIN || moment_ms == INT64_MIN) return NAN;
    double days = ((double)moment_ms - (double)event->time_ms) / MS_PER_DAY;
    return days > 0 ? (float)days : 0;
}

sage_status sage_searches_histories(sage_searches *s, const sage_past *pasts, size_t n, sage_error *error) {
    size_t n_events = 0;
    for (size_t q = 0; q < n; q++) n_events += pasts[q].n;
    if (sage_grow((void **)&s->events, &s->events_capacity, n_events, sizeof *s->events) != 0 ||
        sage_grow((void **)&s->histories, &s->histories_capacity, n, sizeof *s->histories) != 0)
        return sage_fail_memory(error, n_events * sizeof *s->events);
    n_events = 0;
    for (size_t q = 0; q < n; q++) {
        s->histories[q] = (sage_history){
            .events = s->events + n_events, .n = pasts[q].n, .given = sage_engine_given_user(s->engine, pasts[q].id)};
        for (size_t i = 0; i < pasts[q].n; i++) {
            const sage_user_event *event = &pasts[q].events[i];
            s->events[n_events++] = (sage_known_event){event->product, age_of(event, pasts[q].moment_ms), event->kind};
        }
    }
    return SAGE_OK;
}

static sage_status room_for_queries(sage_searches *s, size_t n, sage_error *error) {
    size_t numbers = n * sage_index_dim(sage_engine_index(s->engine));
    if (sage_grow((void **)&s->queries, &s->queries_capacity, numbers, sizeof *s->queries) != 0)
        return sage_fail_memory(error, numbers * sizeof *s->queries);
    return SAGE_OK;
}

static sage_status nearest(sage_searches *s, size_t n, size_t depth, sage_neighbour *out, size_t *found,
                           sage_error *error) {
    return sage_index_search(sage_engine_index(s->engine), s->pool, s->queries, n, depth, out, found, error);
}

/* ---- users ---- */

static sage_status list_by_user_tower(void *ctx, const sage_past *pasts, size_t n, size_t depth, sage_neighbour *out,
                                      size_t *found, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_searches *s = ctx;
    SAGE_TRY(sage_searches_histories(s, pasts, n, error));
    SAGE_TRY(room_for_queries(s, n, error));
    SAGE_TRY(sage_engine_user_vectors(s->engine, s->histories, n, s->queries, error));
    SAGE_TRY(nearest(s, n, depth, out, found, error));
out:
    return st;
}

sage_lister sage_by_user_tower(sage_searches *searches) {
    return (sage_lister){"vectors", searches, list_by_user_tower};
}

typedef struct hybrid_lists {
    const sage_own_rule *rule;
    size_t depth;
    sage_neighbour *out;
    size_t *found;
} hybrid_lists;

static sage_status take_hybrid(void *ctx, size_t q, sage_owned *own, sage_error *error) {
    const hybrid_lists *lists = ctx;
    const sage_neighbour *best = sage_owned_rank(own, lists->rule);
    (void)error;
    lists->found[q] = own->n < lists->depth ? own->n : lists->depth;
    memcpy(lists->out + q * lists->depth, best, lists->found[q] * sizeof *best);
    return SAGE_OK;
}

static sage_status list_by_user_hybrid(void *ctx, const sage_past *pasts, size_t n, size_t depth, sage_neighbour *out,
                                       size_t *found, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_searches *s = ctx;
    hybrid_lists lists = {sage_engine_own(s->engine), depth, out, found};
    SAGE_TRY(sage_searches_histories(s, pasts, n, error));
    SAGE_TRY(sage_engine_each_own(s->engine, s->histories, n, depth, take_hybrid, &lists, error));
out:
    return st;
}

sage_lister sage_by_user_hybrid(sage_searches *searches) {
    return (sage_lister){"hybrid", searches, list_by_user_hybrid};
}

/* The index is asked for the interests of several users at once, which is many times faster than one after another. */
enum { TOGETHER = 4 * SAGE_INTERESTS_MAX, SPARE = 32 };

typedef struct company {
    size_t n_users, n_lists; /* user u's lists: begin[u] .. begin[u + 1]) */
    size_t begin[TOGETHER + 1];
    double weights[TOGETHER];
} company;

/* The interests of the first users of `histories`, as many as there is room for. */
static sage_status gather_company(sage_searches *s, const sage_history *histories, size_t n, company *c,
                                  sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_index *index = sage_engine_index(s->engine);
    size_t dim = sage_index_dim(index);
    c->n_users = c->n_lists = c->begin[0] = 0;
    SAGE_TRY(room_for_queries(s, TOGETHER, error));
    for (; c->n_users < n && c->n_lists + SAGE_INTERESTS_MAX <= TOGETHER; c->n_users++) {
        sage_interest interests[SAGE_INTERESTS_MAX];
        const sage_history *history = &histories[c->n_users];
        size_t found = 0;
        if (history->n > 0)
            SAGE_TRY(sage_interests_find(index, history->events, history->n, &s->rules, interests, &found, error));
        for (size_t i = 0; i < found; i++, c->n_lists++) {
            memcpy(s->queries + c->n_lists * dim, sage_index_vectors(index) + interests[i].row * dim,
                   dim * sizeof *s->queries);
            c->weights[c->n_lists] = interests[i].importance;
        }
        c->begin[c->n_users + 1] = c->n_lists;
    }
out:
    return st;
}

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Alone, and as deep as it takes. */
static sage_status ask_for_one(sage_searches *s, const sage_history *history, size_t depth, sage_neighbour *out,
                               size_t *found, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_interest *interests;
    size_t n_interests, row = 0;
    if (sage_grow((void **)&s->found, &s->found_capacity, depth, sizeof *s->found) != 0)
        return sage_fail_memory(error, depth * sizeof *s->found);
    SAGE_TRY(sage_engine_interests(s->engine, history, &s->rules, depth, s->found, NULL, found, &interests,
                                   &n_interests, error));
    for (size_t i = 0; i < *found; i++) {
        sage_index_find(sage_engine_index(s->engine), s->found[i].pid, &row);
        out[i] = (sage_neighbour){(uint32_t)row, s->found[i].score};
    }
out:
    return st;
}

static sage_status ask_for_company(sage_searches *s, const sage_history *histories, const company *c, size_t depth,
                                   sage_neighbour *out, size_t *found, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_index *index = sage_engine_index(s->engine);
    size_t all = sage_index_count(index), deep = smaller(depth + SPARE, all), of_list[TOGETHER];
    if (sage_grow((void **)&s->lists, &s->lists_capacity, TOGETHER * deep, sizeof *s->lists) != 0 ||
        sage_grow((void **)&s->turns, &s->turns_capacity, depth, sizeof *s->turns) != 0)
        return sage_fail_memory(error, TOGETHER * deep * sizeof *s->lists);
    SAGE_TRY(sage_index_search(index, s->pool, s->queries, c->n_lists, deep, s->lists, of_list, error));
    for (size_t u = 0; u < c->n_users; u++) {
        size_t begin = c->begin[u], n = c->begin[u + 1] - begin;
        bool dry = false;
        found[u] = 0;
        if (n == 0) continue;
        SAGE_TRY(sage_without_begin(&s->without, index, error));
        found[u] = sage_rounds(s->lists + begin * deep, deep, of_list + begin, c->weights + begin, n, &s->without,
                               depth, s->turns, &dry);
        for (size_t i = 0; i < found[u]; i++) out[u * depth + i] = s->turns[i].hit;
        if (dry && deep < all) SAGE_TRY(ask_for_one(s, &histories[u], depth, out + u * depth, &found[u], error));
    }
out:
    return st;
}

static sage_status list_by_interests(void *ctx, const sage_past *pasts, size_t n, size_t depth, sage_neighbour *out,
                                     size_t *found, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_searches *s = ctx;
    company c;
    SAGE_TRY(sage_searches_histories(s, pasts, n, error));
    for (size_t q = 0; q < n; q += c.n_users) {
        SAGE_TRY(gather_company(s, s->histories + q, n - q, &c, error));
        SAGE_TRY(ask_for_company(s, s->histories + q, &c, depth, out + q * depth, found + q, error));
    }
out:
    return st;
}

sage_lister sage_by_interests(sage_searches *searches) {
    return (sage_lister){"interests", searches, list_by_interests};
}

/* ---- products that are looked at ---- */

static sage_status list_by_product_tower(void *ctx, const sage_past *pasts, size_t n, size_t depth, sage_neighbour *out,
                                         size_t *found, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_searches *s = ctx;
    if (sage_grow((void **)&s->rows, &s->rows_capacity, n, sizeof *s->rows) != 0)
        return sage_fail_memory(error, n * sizeof *s->rows);
    for (size_t q = 0; q < n; q++) s->rows[q] = pasts[q].events[0].product;
    SAGE_TRY(room_for_queries(s, n, error));
    SAGE_TRY(sage_engine_looked_vectors(s->engine, s->rows, n, s->queries, error));
    SAGE_TRY(nearest(s, n, depth, out, found, error));
out:
    return st;
}

sage_lister sage_by_product_tower(sage_searches *searches) {
    return (sage_lister){"vectors", searches, list_by_product_tower};
}

static sage_status list_by_own_vector(void *ctx, const sage_past *pasts, size_t n, size_t depth, sage_neighbour *out,
                                      size_t *found, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_searches *s = ctx;
    const sage_index *index = sage_engine_index(s->engine);
    size_t dim = sage_index_dim(index);
    SAGE_TRY(room_for_queries(s, n, error));
    for (size_t q = 0; q < n; q++)
        memcpy(s->queries + q * dim, sage_index_vectors(index) + pasts[q].events[0].product * dim,
               dim * sizeof *s->queries);
    SAGE_TRY(nearest(s, n, depth, out, found, error));
out:
    return st;
}

sage_lister sage_by_own_vector(sage_searches *searches) {
    bool asked = sage_engine_asks_products(searches->engine);
    return (sage_lister){asked ? "similar" : "vectors", searches, list_by_own_vector};
}
