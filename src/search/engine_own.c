/* What somebody did -> the hybrid's scored pids. */
#include <base/error.h>
#include <search/engine_impl.h>

void sage_engine_set_own(sage_engine *engine, const sage_own_rule *rule) {
    engine->own_rule = *rule;
}

const sage_own_rule *sage_engine_own(const sage_engine *engine) {
    return &engine->own_rule;
}

static sage_status each_of_block(sage_engine *e, const sage_history *histories, size_t first, size_t n, size_t depth,
                                 sage_own_fn fn, void *ctx, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t found[SAGE_ENGINE_BLOCK];
    SAGE_TRY(sage_engine_user_vectors(e, histories + first, n, e->queries, error));
    SAGE_TRY(sage_index_search(e->index, e->pool, e->queries, n, depth, e->neighbours, found, error));
    for (size_t i = 0; i < n; i++) {
        const sage_history *history = &histories[first + i];
        SAGE_TRY(sage_owned_gather(&e->own, e->index, e->queries + i * e->dim, history->events, history->n,
                                   e->neighbours + i * depth, found[i], error));
        SAGE_TRY(fn(ctx, first + i, &e->own, error));
    }
out:
    return st;
}

sage_status sage_engine_each_own(sage_engine *engine, const sage_history *histories, size_t n, size_t depth,
                                 sage_own_fn fn, void *ctx, sage_error *error) {
    sage_status st = SAGE_OK;
    if (depth < engine->fusion.depth) depth = engine->fusion.depth;
    depth = sage_engine_at_most(engine, depth);
    SAGE_TRY(sage_engine_room(engine, n < SAGE_ENGINE_BLOCK ? n : SAGE_ENGINE_BLOCK, depth, error));
    for (size_t at = 0; at < n; at += SAGE_ENGINE_BLOCK) {
        size_t here = n - at < SAGE_ENGINE_BLOCK ? n - at : SAGE_ENGINE_BLOCK;
        SAGE_TRY(each_of_block(engine, histories, at, here, depth, fn, ctx, error));
    }
out:
    return st;
}

typedef struct wanted {
    const sage_engine *engine;
    size_t k;
    sage_scored *out;
    size_t *n;
} wanted;

static sage_status take_best(void *ctx, size_t history, sage_owned *own, sage_error *error) {
    const wanted *w = ctx;
    const sage_neighbour *best = sage_owned_rank(own, &w->engine->own_rule);
    (void)history;
    (void)error;
    for (*w->n = 0; *w->n < w->k && *w->n < own->n; ++*w->n)
        w->out[*w->n] = (sage_scored){sage_index_pid(w->engine->index, best[*w->n].row), best[*w->n].score};
    return SAGE_OK;
}

sage_status sage_engine_user_hybrid(sage_engine *engine, const sage_history *history, size_t k, sage_scored *out,
                                    size_t *n, sage_error *error) {
    wanted w = {engine, k, out, n};
    *n = 0;
    if (history->fresh) return sage_engine_user(engine, history, k, out, n, error); /* nothing own is left to add to */
    return sage_engine_each_own(engine, history, 1, k, take_best, &w, error);
}
