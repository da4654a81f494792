/* A text -> the hybrid's scored pids: as from lists of the fusion's depth, but out of shorter ones where these decide
 * it already, as the threshold algorithm does (Fagin, Lotem and Naor 2001). Ten results mostly take twenty to forty of
 * each list; walks for 500 take several times as long. */
#include <base/alloc.h>
#include <base/error.h>
#include <search/engine_impl.h>
#include <string.h>

typedef struct wanted {
    sage_engine *engine;
    size_t depth, k;
    sage_scored *out;
    size_t n;
    bool surely; /* longer lists would give the same */
} wanted;

static sage_status take_hybrid(void *ctx, size_t text, const sage_lists *lists, sage_error *error) {
    wanted *w = ctx;
    sage_engine *e = w->engine;
    const size_t n = lists->candidates.n;
    (void)text;
    if (sage_grow((void **)&e->fused, &e->fused_capacity, n, sizeof *e->fused) != 0)
        return sage_fail_memory(error, n * sizeof *e->fused);
    sage_fuse(e->fusion.weight, &lists->candidates, e->fused);
    w->n = n < w->k ? n : w->k;
    w->surely = sage_fused_surely(e->fusion.weight, lists, w->depth, e->fused, w->k);
    memcpy(w->out, e->fused, w->n * sizeof *w->out);
    e->candidates = lists->candidates;
    return SAGE_OK;
}

sage_status sage_engine_both(sage_engine *e, const sage_str *text, size_t k, sage_scored *out, size_t *n,
                             sage_error *error) {
    sage_status st = SAGE_OK;
    const size_t most = sage_engine_at_most(e, e->fusion.depth > k ? e->fusion.depth : k);
    for (size_t depth = 4 * k + 16;; depth *= 4) {
        if (depth > most) depth = most;
        wanted w = {e, depth, k, out, 0, false};
        SAGE_TRY(sage_engine_each(e, text, 1, depth, take_hybrid, &w, error));
        *n = w.n;
        if (w.surely || depth == most) break;
    }
out:
    return st;
}
