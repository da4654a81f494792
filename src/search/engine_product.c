/* Queries of products: what goes with one that is looked at. */
#include <base/alloc.h>
#include <base/error.h>
#include <inttypes.h>
#include <search/engine_impl.h>
#include <string.h>

/* True for the product itself and for what shares its group. */
static bool same_group(const sage_engine *e, size_t row, size_t other) {
    const char *group = sage_index_shown(e->index, row, SAGE_SHOW_GROUP);
    return row == other || (group[0] != '\0' && strcmp(group, sage_index_shown(e->index, other, SAGE_SHOW_GROUP)) == 0);
}

static size_t take_others(const sage_engine *e, size_t row, size_t found, size_t k, sage_scored *out) {
    size_t n = 0;
    for (size_t i = 0; i < found && n < k; i++) {
        const sage_neighbour *next = &e->neighbours[i];
        if (!same_group(e, row, next->row)) out[n++] = (sage_scored){sage_index_pid(e->index, next->row), next->score};
    }
    return n;
}

bool sage_engine_has_product_tower(const sage_engine *engine) {
    return sage_encoder_shape(engine->encoder)->product_tower;
}

bool sage_engine_asks_products(const sage_engine *engine) {
    return sage_engine_has_product_tower(engine) || sage_engine_has_given(engine, SAGE_ON_PRODUCT);
}

static const float *given_of_row(const sage_engine *e, size_t row) {
    const char *id = sage_index_shown(e->index, row, SAGE_SHOW_ID);
    return sage_engine_find_given(e, SAGE_ON_PRODUCT, (sage_str){id, strlen(id)});
}

static sage_status looked_block(sage_engine *e, const uint32_t *rows, size_t n, float *own, float *out,
                                sage_error *error) {
    sage_status st = SAGE_OK;
    const float *given[SAGE_ENGINE_BLOCK];
    const size_t dim = e->dim;
    size_t n_own = 0;
    for (size_t i = 0; i < n; i++) {
        given[i] = given_of_row(e, rows[i]);
        if (given[i] == NULL)
            memcpy(own + n_own++ * dim, sage_index_vectors(e->index) + rows[i] * dim, dim * sizeof *own);
    }
    if (sage_engine_has_product_tower(e))
        SAGE_TRY(sage_encoder_looked(e->encoder, own, n_own, out, error));
    else if (n_own > 0)
        memcpy(out, own, n_own * dim * sizeof *out);
    sage_engine_spread(e, given, n, out);
out:
    return st;
}

sage_status sage_engine_looked_vectors(sage_engine *engine, const uint32_t *rows, size_t n, float *out,
                                       sage_error *error) {
    sage_status st = SAGE_OK;
    const size_t dim = engine->dim;
    const size_t room = (n < SAGE_ENGINE_BLOCK ? n : SAGE_ENGINE_BLOCK) * dim + 1;
    float *own = sage_alloc(room * sizeof *own);
    if (own == NULL) return sage_fail_memory(error, room * sizeof *own);
    SAGE_TRY(sage_engine_check_given(engine, SAGE_ON_PRODUCT, error));
    for (size_t at = 0; at < n; at += SAGE_ENGINE_BLOCK) {
        size_t here = n - at < SAGE_ENGINE_BLOCK ? n - at : SAGE_ENGINE_BLOCK;
        SAGE_TRY(looked_block(engine, rows + at, here, own, out + at * dim, error));
    }
out:
    sage_free(own);
    return st;
}

sage_status sage_engine_similar(sage_engine *engine, int64_t pid, size_t k, sage_scored *out, size_t *n,
                                sage_error *error) {
    sage_status st = SAGE_OK;
    size_t row, found, all = sage_engine_at_most(engine, SIZE_MAX);
    *n = 0;
    if (!sage_index_find(engine->index, pid, &row))
        return sage_fail(error, SAGE_E_NOT_FOUND, "product %" PRId64 " is not in the published index", pid);
    if (k == 0) return SAGE_OK;
    const uint32_t number = (uint32_t)row;
    engine->answer = SAGE_BY_VECTORS;
    SAGE_TRY(sage_engine_looked_vectors(engine, &number, 1, engine->queries, error));
    /* Most groups are small; where one fills the list, a longer one is asked for. */
    for (size_t depth = sage_engine_at_most(engine, k + 32);; depth = sage_engine_at_most(engine, 4 * depth)) {
        SAGE_TRY(sage_engine_room(engine, 1, depth, error));
        SAGE_TRY(sage_engine_near(engine, engine->queries, 1, depth, &found, error));
        *n = take_others(engine, row, found, k, out);
        if (*n == k || depth >= all) break;
    }
out:
    return st;
}
