#include <base/alloc.h>
#include <base/error.h>
#include <eval/searches.h>
#include <math.h>
#include <string.h>

static const double MS_PER_DAY = 24 * 60 * 60 * 1000.0;

void sage_searches_free(sage_searches *searches) {
    sage_free(searches->events);
    sage_free(searches->found);
    sage_free(searches->queries);
}

static float age_of(const sage_user_event *event, int64_t moment_ms) {
    if (event->time_ms == INT64_MIN || moment_ms == INT64_MIN) return NAN;
    double days = ((double)moment_ms - (double)event->time_ms) / MS_PER_DAY;
    return days > 0 ? (float)days : 0;
}

static sage_status history_of(sage_searches *s, const sage_past *past, sage_history *history, sage_error *error) {
    if (sage_grow((void **)&s->events, &s->events_capacity, past->n, sizeof *s->events) != 0)
        return sage_fail_memory(error, past->n * sizeof *s->events);
    for (size_t i = 0; i < past->n; i++)
        s->events[i] = (sage_known_event){past->events[i].product, age_of(&past->events[i], past->moment_ms),
                                          past->events[i].kind};
    *history = (sage_history){.events = s->events, .n = past->n};
    return SAGE_OK;
}

/* ---- interests ---- */

static sage_status list_interests(void *ctx, const sage_past *pasts, size_t n, size_t depth, sage_neighbour *out,
                                  size_t *found, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_searches *s = ctx;
    const sage_index *index = sage_engine_index(s->engine);
    if (sage_grow((void **)&s->found, &s->found_capacity, depth, sizeof *s->found) != 0)
        return sage_fail_memory(error, depth * sizeof *s->found);
    for (size_t q = 0; q < n; q++) {
        sage_history history;
        const sage_interest *interests;
        size_t n_interests, row = 0;
        found[q] = 0;
        if (pasts[q].n == 0) continue;
        SAGE_TRY(history_of(s, &pasts[q], &history, error));
        SAGE_TRY(sage_engine_interests(s->engine, &history, &s->rules, depth, s->found, NULL, &found[q], &interests,
                                       &n_interests, error));
        for (size_t i = 0; i < found[q]; i++) {
            sage_index_find(index, s->found[i].pid, &row);
            out[q * depth + i] = (sage_neighbour){(uint32_t)row, s->found[i].score};
        }
    }
out:
    return st;
}

sage_lister sage_by_interests(sage_searches *searches) {
    return (sage_lister){"interests", searches, list_interests};
}

/* ---- the vector of the product that is looked at ---- */

static sage_status list_by_own_vector(void *ctx, const sage_past *pasts, size_t n, size_t depth, sage_neighbour *out,
                                      size_t *found, sage_error *error) {
    sage_searches *s = ctx;
    const sage_index *index = sage_engine_index(s->engine);
    size_t dim = sage_index_dim(index);
    if (sage_grow((void **)&s->queries, &s->queries_capacity, n * dim, sizeof *s->queries) != 0)
        return sage_fail_memory(error, n * dim * sizeof *s->queries);
    for (size_t q = 0; q < n; q++)
        memcpy(s->queries + q * dim, sage_index_vectors(index) + pasts[q].events[0].product * dim,
               dim * sizeof *s->queries);
    return sage_index_search(index, s->pool, s->queries, n, depth, out, found, error);
}

sage_lister sage_by_own_vector(sage_searches *searches) {
    return (sage_lister){"vectors", searches, list_by_own_vector};
}
