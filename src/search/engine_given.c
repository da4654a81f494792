/* Queries that are asked with vectors which the shop gives. */
#include <base/error.h>
#include <search/engine_impl.h>
#include <string.h>

void sage_engine_take_given(sage_engine *engine, sage_given_set *given, const bool wanted[SAGE_SURFACES],
                            sage_status status, const sage_error *error) {
    size_t own = sage_engine_own_dim(engine), dim = sage_given_set_dim(given);
    sage_given_set_close(&engine->given);
    engine->given = *given;
    *given = (sage_given_set){{NULL}};
    memcpy(engine->given_wanted, wanted, sizeof engine->given_wanted);
    for (int s = 0; s < SAGE_SURFACES; s++) {
        if (wanted[s]) continue;
        sage_given_close(engine->given.of[s]);
        engine->given.of[s] = NULL;
    }
    engine->giftless = status;
    if (status != SAGE_OK) engine->why_giftless = *error;
    if (status == SAGE_OK && dim > 0 && dim != own)
        engine->giftless =
            sage_fail(&engine->why_giftless, SAGE_E_STATE,
                      "the shop's own query vectors have %zu numbers, the published model's %zu; run 'itemsage "
                      "train', 'embed' and 'index', or import vectors of that width",
                      dim, own);
}

bool sage_engine_has_given(const sage_engine *engine, sage_surface surface) {
    return engine->given.of[surface] != NULL;
}

const sage_given *sage_engine_given(const sage_engine *engine, sage_surface surface) {
    return engine->given.of[surface];
}

sage_status sage_engine_check_given(const sage_engine *engine, sage_surface surface, sage_error *error) {
    if (engine->giftless == SAGE_OK || !engine->given_wanted[surface]) return SAGE_OK;
    if (error != NULL) *error = engine->why_giftless;
    return engine->giftless;
}

const float *sage_engine_find_given(const sage_engine *engine, sage_surface surface, sage_str key) {
    return engine->giftless == SAGE_OK ? sage_given_find(engine->given.of[surface], key) : NULL;
}

void sage_engine_widen(const sage_engine *engine, const float *given, float *out) {
    size_t own = sage_engine_own_dim(engine);
    memcpy(out, given, own * sizeof *out);
    memset(out + own, 0, (engine->dim - own) * sizeof *out);
}

void sage_engine_spread(const sage_engine *engine, const float *const *given, size_t n, float *rows) {
    size_t made = 0;
    for (size_t i = 0; i < n; i++) made += given[i] == NULL;
    for (size_t i = n; i-- > 0;) {
        float *to = rows + i * engine->dim;
        if (given[i] != NULL)
            sage_engine_widen(engine, given[i], to);
        else
            memmove(to, rows + --made * engine->dim, engine->dim * sizeof *to);
    }
}
