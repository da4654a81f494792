/* What the scores of the last query are made of. */
#include <search/engine_impl.h>

static void fused_parts(const sage_engine *e, sage_scored scored, sage_parts *parts) {
    const sage_candidate *candidate = sage_candidates_find(&e->candidates, scored.pid);
    if (candidate == NULL) return;
    parts->vectors = sage_fused_vectors(e->fusion.weight, candidate);
    parts->keywords = scored.score - parts->vectors;
}

static void owned_parts(const sage_engine *e, sage_scored scored, sage_parts *parts) {
    size_t row;
    if (!sage_index_find(e->index, scored.pid, &row)) return;
    for (size_t i = 0; i < e->own.n; i++)
        if (e->own.candidates[i].row == row) {
            sage_owned_parts(&e->own, &e->own_rule, i, parts);
            return;
        }
}

void sage_engine_parts(const sage_engine *engine, sage_scored scored, sage_parts *parts) {
    *parts = (sage_parts){0};
    switch (engine->answer) {
    case SAGE_BY_VECTORS: parts->vectors = scored.score; break;
    case SAGE_BY_KEYWORDS: parts->keywords = scored.score; break;
    case SAGE_BY_BOTH: fused_parts(engine, scored, parts); break;
    case SAGE_BY_OWN: owned_parts(engine, scored, parts); break;
    }
}
