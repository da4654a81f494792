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
    const size_t all = sage_engine_at_most(e, SIZE_MAX);
    size_t found[SAGE_INTERESTS_MAX];
    bool dry = true;
    for (size_t depth = sage_engine_at_most(e, k + 32);; depth = sage_engine_at_most(e, 4 * depth)) {
        SAGE_TRY(begin(e, history, k, error));
        SAGE_TRY(sage_engine_room(e, n, depth, error));
        SAGE_TRY(sage_engine_near(e, queries, n, depth, found, error));
        *n_turns = sage_rounds(e->neighbours, depth, found, weights, n, &e->without, k, e->turns, &dry);
        if (!dry || depth >= all) break;
    }
out:
    return st;
}

static void take(const sage_engine *e, size_t n_turns, sage_scored *out, size_t *n) {
    for (*n = 0; *n < n_turns; ++*n) {
        const sage_neighbour *hit = &e->turns[*n].hit;
        out[*n] = (sage_scored){sage_index_pid(e->index, hit->row), hit->score};
    }
}

/* ---- interests ---- */

sage_status sage_engine_interests(sage_engine *engine, const sage_history *history, const sage_interest_rules *rules,
                                  size_t k, sage_scored *out, uint16_t *of, size_t *n, const sage_interest **interests,
                                  size_t *n_interests, sage_error *error) {
    sage_status st = SAGE_OK;
    double weights[SAGE_INTERESTS_MAX];
    size_t n_turns = 0;
    *n = *n_interests = 0;
    *interests = engine->interests;
    engine->answer = SAGE_BY_VECTORS;
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
    for (size_t i = 0; i < n_turns && of; i++) of[i] = engine->turns[i].list;
    take(engine, n_turns, out, n);
out:
    return st;
}

/* ---- the tower ---- */

bool sage_engine_has_user_tower(const sage_engine *engine) {
    return sage_encoder_shape(engine->encoder)->user_events > 0;
}

/* The events that the model will read, side by side. */
typedef struct gathered {
    uint32_t begin[SAGE_ENGINE_BLOCK + 1];
    float *vectors, *age;
    uint8_t *kind;
} gathered;

static sage_status gathered_init(gathered *g, size_t events, size_t dim, sage_error *error) {
    g->vectors = sage_alloc((events * dim + 1) * sizeof *g->vectors);
    g->age = sage_alloc((events + 1) * sizeof *g->age);
    g->kind = sage_alloc(events + 1);
    if (g->vectors && g->age && g->kind) return SAGE_OK;
    return sage_fail_memory(error, (events * dim + 1) * sizeof *g->vectors);
}

static void gathered_free(gathered *g) {
    sage_free(g->vectors);
    sage_free(g->age);
    sage_free(g->kind);
}

static size_t read_of(const sage_history *history, size_t most) {
    return history->n < most ? history->n : most;
}

static void gather(const sage_engine *e, const sage_history *history, size_t most, gathered *g, size_t at) {
    const size_t n = read_of(history, most);
    const sage_known_event *events = history->events + (history->n - n);
    for (size_t i = 0; i < n; i++, at++) {
        memcpy(g->vectors + at * e->dim, sage_index_vectors(e->index) + events[i].row * e->dim,
               e->dim * sizeof *g->vectors);
        g->age[at] = events[i].age;
        g->kind[at] = events[i].kind;
    }
}

const float *sage_engine_given_user(const sage_engine *engine, sage_str user_id) {
    return sage_engine_find_given(engine, SAGE_ON_USER, user_id);
}

/* By the tower. */
static sage_status histories_block(sage_engine *e, const sage_history *const *histories, size_t n, float *out,
                                   sage_error *error) {
    sage_status st = SAGE_OK;
    const size_t most = sage_encoder_shape(e->encoder)->user_events;
    gathered g = {{0}};
    if (!sage_engine_has_user_tower(e))
        return sage_fail(error, SAGE_E_ARGUMENT, "the published model has no tower for users");
    for (size_t i = 0; i < n; i++) g.begin[i + 1] = g.begin[i] + (uint32_t)read_of(histories[i], most);
    SAGE_TRY(gathered_init(&g, g.begin[n], e->dim, error));
    for (size_t i = 0; i < n; i++) gather(e, histories[i], most, &g, g.begin[i]);
    const sage_histories users = {n, g.begin, g.vectors, g.kind, g.age};
    st = sage_encoder_users(e->encoder, &users, out, error);
out:
    gathered_free(&g);
    return st;
}

static sage_status user_block(sage_engine *e, const sage_history *histories, size_t n, float *out, sage_error *error) {
    sage_status st = SAGE_OK;
    const float *given[SAGE_ENGINE_BLOCK];
    const sage_history *rest[SAGE_ENGINE_BLOCK];
    size_t n_rest = 0;
    for (size_t i = 0; i < n; i++) {
        given[i] = histories[i].given;
        if (given[i] == NULL) rest[n_rest++] = &histories[i];
    }
    if (n_rest > 0) SAGE_TRY(histories_block(e, rest, n_rest, out, error));
    sage_engine_spread(e, given, n, out);
out:
    return st;
}

sage_status sage_engine_user_vectors(sage_engine *engine, const sage_history *histories, size_t n, float *out,
                                     sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_engine_check_given(engine, SAGE_ON_USER, error));
    for (size_t at = 0; at < n; at += SAGE_ENGINE_BLOCK) {
        size_t here = n - at < SAGE_ENGINE_BLOCK ? n - at : SAGE_ENGINE_BLOCK;
        SAGE_TRY(user_block(engine, histories + at, here, out + at * engine->dim, error));
    }
out:
    return st;
}

sage_status sage_engine_user(sage_engine *engine, const sage_history *history, size_t k, sage_scored *out, size_t *n,
                             sage_error *error) {
    sage_status st = SAGE_OK;
    const double weight = 1;
    size_t n_turns = 0;
    *n = 0;
    engine->answer = SAGE_BY_VECTORS;
    k = sage_engine_at_most(engine, k);
    SAGE_TRY(sage_engine_user_vectors(engine, history, 1, engine->queries, error));
    SAGE_TRY(ask(engine, history, engine->queries, &weight, 1, k, &n_turns, error));
    take(engine, n_turns, out, n);
out:
    return st;
}
