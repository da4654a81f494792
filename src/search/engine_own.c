/* What somebody did -> the hybrid's scored pids. */
#include <base/error.h>
#include <search/engine_impl.h>

void sage_engine_set_own(sage_engine *engine, const sage_own_rule *rule) {
    engine->own_rule = *rule;
}

const sage_own_rule *sage_engine_own(const sage_engine *engine) {
    return &engine->own_rule;
}

bool sage_engine_has_together(const sage_engine *engine) {
    return engine->together != NULL || sage_together_exists(engine->index_dir);
}

static sage_status each_of_block(sage_engine *e, const sage_history *histories, size_t first, size_t n, size_t depth,
                                 sage_own_fn fn, void *ctx, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t found[SAGE_ENGINE_BLOCK];
    SAGE_TRY(sage_engine_user_vectors(e, histories + first, n, e->queries, error));
    SAGE_TRY(sage_engine_near(e, e->queries, n, depth, found, error));
    for (size_t i = 0; i < n; i++) {
        const sage_history *history = &histories[first + i];
        SAGE_TRY(sage_owned_gather(&e->own, e->index, e->queries + i * e->dim, history->events, history->n,
                                   e->neighbours + i * depth, found[i], error));
        if (e->together != NULL)
            SAGE_TRY(sage_owned_add_together(&e->own, e->together, e->index, e->queries + i * e->dim, history->events,
                                             history->n, error));
        SAGE_TRY(fn(ctx, first + i, &e->own, error));
    }
out:
    return st;
}

sage_status sage_engine_each_own(sage_engine *engine, const sage_history *histories, size_t n, size_t depth,
                                 sage_own_fn fn, void *ctx, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_engine_need_together(engine, error));
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
    bool fresh;
    size_t k;
    sage_scored *out;
    size_t *n;
} wanted;

static sage_status take_best(void *ctx, size_t history, sage_owned *own, sage_error *error) {
    const wanted *w = ctx;
    const sage_engine *e = w->engine;
    const sage_neighbour *best = sage_owned_rank(own, &e->own_rule);
    (void)history;
    (void)error;
    *w->n = 0;
    for (size_t i = 0; *w->n < w->k && i < own->n; i++) {
        if (w->fresh && sage_without_has(&e->without, best[i].row)) continue;
        if (e->way.filter != NULL && !sage_filter_accepts(e->way.filter, best[i].row)) continue;
        w->out[(*w->n)++] = (sage_scored){sage_index_pid(e->index, best[i].row), best[i].score};
    }
    return SAGE_OK;
}

sage_status sage_engine_user_hybrid(sage_engine *engine, const sage_history *history, size_t k, sage_scored *out,
                                    size_t *n, sage_error *error) {
    sage_status st = SAGE_OK;
    const size_t wanted_n = sage_engine_at_most(engine, k), all = sage_engine_at_most(engine, SIZE_MAX);
    wanted w = {engine, history->fresh, k, out, n};
    *n = 0;
    /* Without what is known nothing own is left to add to. */
    if (history->fresh && !sage_engine_has_together(engine)) return sage_engine_user(engine, history, k, out, n, error);
    engine->answer = SAGE_BY_OWN;
    SAGE_TRY(sage_without_begin(&engine->without, engine->index, error));
    if (history->fresh) SAGE_TRY(sage_without_known(&engine->without, history->events, history->n, error));
    /* Variants of what is known may fill a list, so longer ones are asked for. */
    for (size_t depth = wanted_n + (history->fresh ? history->n : 0);; depth *= 4) {
        SAGE_TRY(sage_engine_each_own(engine, history, 1, depth, take_best, &w, error));
        if (!history->fresh || *n >= wanted_n || depth >= all) break;
    }
out:
    return st;
}
