/* What somebody did -> scored pids. */
#include <base/alloc.h>
#include <base/error.h>
#include <search/engine_impl.h>
#include <string.h>

_Static_assert((int)SAGE_INTERESTS_MAX <= (int)SAGE_ENGINE_BLOCK, "medoids are asked for at once");
_Static_assert((int)SAGE_INTERESTS_MAX <= (int)SAGE_ROUNDS_MAX, "every interest has a list");

static sage_status begin(sage_engine *e, const sage_history *history, size_t k, sage_error *error) {
    sage_status st = SAGE_OK;
    if (sage_grow((void **)&e->turns, &e->turns_capacity, k, sizeof *e->turns) != 0)
        return sage_fail_memory(error, k * sizeof *e->turns);
    SAGE_TRY(sage_without_begin(&e->without, e->index, error));
    if (history->fresh) SAGE_TRY(sage_without_known(&e->without, history->events, history->n, error));
out:
    return st;
}

/* `queries` [n][dim] ask the index; their lists become one of k products. Longer lists are asked for where one runs
 * out: what is left out, or came by another, may fill it. */
static sage_status ask(sage_engine *e, const sage_history *history, const float *queries, const double *weights,
                       size_t n, size_t k, size_t *n_turns, sage_error *error) {
    sage_status st = SAGE_OK;
    const size_t all = sage_index_count(e->index);
    size_t found[SAGE_INTERESTS_MAX];
    bool dry = true;
    for (size_t depth = sage_engine_at_most(e, k + 32);; depth = sage_engine_at_most(e, 4 * depth)) {
        SAGE_TRY(begin(e, history, k, error));
        SAGE_TRY(sage_engine_room(e, n, depth, error));
        SAGE_TRY(sage_index_search(e->index, e->pool, queries, n, depth, e->neighbours, found, error));
        *n_turns = sage_rounds(e->neighbours, depth, found, weights, n, &e->without, k, e->turns, &dry);
        if (!dry || depth == all) break;
    }
out:
    return st;
}

sage_status sage_engine_interests(sage_engine *engine, const sage_history *history, const sage_interest_rules *rules,
                                  size_t k, sage_scored *out, uint16_t *of, size_t *n, const sage_interest **interests,
                                  size_t *n_interests, sage_error *error) {
    sage_status st = SAGE_OK;
    double weights[SAGE_INTERESTS_MAX];
    size_t n_turns = 0;
    *n = *n_interests = 0;
    *interests = engine->interests;
    k = sage_engine_at_most(engine, k);
    SAGE_TRY(begin(engine, history, k, error));
    SAGE_TRY(
        sage_interests_find(engine->index, history->events, history->n, rules, engine->interests, n_interests, error));
    for (size_t i = 0; i < *n_interests; i++) {
        const float *vector = sage_index_vectors(engine->index) + engine->interests[i].row * engine->dim;
        memcpy(engine->queries + i * engine->dim, vector, engine->dim * sizeof *vector);
        weights[i] = engine->interests[i].importance;
    }
    SAGE_TRY(ask(engine, history, engine->queries, weights, *n_interests, k, &n_turns, error));
    for (; *n < n_turns; ++*n) {
        const sage_turn *turn = &engine->turns[*n];
        out[*n] = (sage_scored){sage_index_pid(engine->index, turn->hit.row), turn->hit.score};
        if (of) of[*n] = turn->list;
    }
out:
    return st;
}
