/* A release is opened once and shared: what is mapped is everybody's, what a query writes to is an engine's own. */
#include <base/alloc.h>
#include <base/error.h>
#include <inttypes.h>
#include <io/version.h>
#include <search/engine_impl.h>
#include <string.h>

static sage_status version_dir(char out[SAGE_PATH_MAX], const char *shop_dir, const char *room, uint64_t version,
                               sage_error *error) {
    char parent[SAGE_PATH_MAX];
    sage_status st = sage_path_join(parent, shop_dir, room, error);
    return st == SAGE_OK ? sage_version_path(out, parent, version, error) : st;
}

static sage_status open_model(sage_engine *e, const char *shop_dir, uint64_t model, bool verify, sage_error *error) {
    sage_status st = version_dir(e->model_dir, shop_dir, "models", model, error);
    if (st != SAGE_OK) return st;
    return verify ? sage_encoder_open(e->model_dir, e->pool, &e->encoder, error)
                  : sage_encoder_open_unverified(e->model_dir, e->pool, &e->encoder, error);
}

static sage_status open_parts(sage_engine *engine, const char *shop_dir, const sage_release *release, bool verify,
                              sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    SAGE_TRY(version_dir(engine->index_dir, shop_dir, "index", release->index, error));
    SAGE_TRY(sage_index_open(engine->index_dir, verify, &engine->index, error));
    SAGE_TRY(sage_index_expect(engine->index, engine->index_dir, release->search_width > 0, release->columns, error));
    SAGE_TRY(sage_together_expect(engine->index_dir, release->together, error));
    SAGE_TRY(version_dir(path, shop_dir, "keywords", release->keywords, error));
    SAGE_TRY(sage_keywords_open(path, verify, &engine->keywords, error));
    SAGE_TRY(open_model(engine, shop_dir, release->query_model, verify, error));
    engine->dim = sage_index_dim(engine->index);
    if (sage_encoder_dim(engine->encoder) != engine->dim) {
        st = sage_fail(error, SAGE_E_STATE,
                       "model %" PRIu64 " makes vectors of %zu dimensions, index %" PRIu64
                       " holds %zu; run 'itemsage embed' and "
                       "'itemsage index'",
                       release->query_model, sage_encoder_dim(engine->encoder), release->index, engine->dim);
    }
out:
    return st;
}

static sage_status add_scratch(sage_engine *e, sage_error *error) {
    e->queries = sage_alloc_aligned(SAGE_ENGINE_BLOCK * e->dim * sizeof *e->queries);
    return e->queries != NULL ? SAGE_OK : sage_fail_memory(error, SAGE_ENGINE_BLOCK * e->dim * sizeof *e->queries);
}

sage_status sage_engine_open(const char *shop_dir, const sage_release *release, bool verify, sage_pool *pool,
                             sage_engine **engine, sage_error *error) {
    sage_status st = SAGE_OK;
    *engine = NULL;
    sage_engine *e = sage_alloc_zero(1, sizeof *e);
    if (e == NULL) return sage_fail_memory(error, sizeof *e);
    pthread_mutex_init(&e->opening, NULL);
    e->verified = verify;
    e->pool = pool;
    e->fusion = release->fusion;
    e->way.exact = true;
    e->own_rule = release->own;
    SAGE_TRY(open_parts(e, shop_dir, release, verify, error));
    SAGE_TRY(add_scratch(e, error));
    *engine = e;
    e = NULL;
out:
    sage_engine_close(e);
    return st;
}

sage_status sage_engine_share(sage_engine *engine, sage_pool *pool, sage_engine **another, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_engine *of = engine->of != NULL ? engine->of : engine;
    *another = NULL;
    sage_engine *e = sage_alloc_zero(1, sizeof *e);
    if (e == NULL) return sage_fail_memory(error, sizeof *e);
    e->of = of;
    e->verified = of->verified;
    e->pool = pool;
    e->index = of->index;
    memcpy(e->index_dir, of->index_dir, sizeof e->index_dir);
    memcpy(e->model_dir, of->model_dir, sizeof e->model_dir);
    e->sentences = of->sentences;
    e->speechless = of->speechless;
    e->why = of->why;
    e->given = of->given;
    memcpy(e->given_wanted, of->given_wanted, sizeof e->given_wanted);
    e->giftless = of->giftless;
    e->why_giftless = of->why_giftless;
    e->fusion = engine->fusion;
    e->way.exact = true;
    e->own_rule = engine->own_rule;
    e->dim = of->dim;
    SAGE_TRY(sage_keywords_share(of->keywords, &e->keywords, error));
    SAGE_TRY(sage_encoder_share(of->encoder, pool, &e->encoder, error));
    SAGE_TRY(add_scratch(e, error));
    *another = e;
    e = NULL;
out:
    sage_engine_close(e);
    return st;
}

sage_status sage_engine_share_encoder(const sage_engine *engine, sage_encoder **encoder, sage_error *error) {
    return sage_encoder_share(engine->encoder, NULL, encoder, error);
}

void sage_engine_view(sage_engine *engine, sage_index *view, sage_words_changes *changes) {
    engine->index = view;
    engine->changes = changes;
}

void sage_engine_enter(sage_engine *engine) {
    if (engine->changes != NULL) engine->changed = sage_words_changes_hold(engine->changes);
}

void sage_engine_leave(sage_engine *engine) {
    if (engine->changes != NULL) sage_words_changes_release(engine->changes, engine->changed);
    engine->changed = NULL;
}

/* The first who asks opens it for all. */
sage_status sage_engine_need_together(sage_engine *e, sage_error *error) {
    sage_engine *of = e->of != NULL ? e->of : e;
    sage_status st = SAGE_OK;
    if (e->together != NULL) return SAGE_OK;
    pthread_mutex_lock(&of->opening);
    if (of->together == NULL)
        st = sage_together_open(of->index_dir, sage_index_count(of->index), of->verified, &of->together, error);
    e->together = of->together;
    pthread_mutex_unlock(&of->opening);
    return st;
}

/* Its own handle: others may open theirs meanwhile, or never. */
sage_status sage_engine_verify_together(const sage_engine *e, const sage_monitor *monitor, sage_error *error) {
    sage_together *together = NULL;
    sage_status st = sage_together_open(e->index_dir, sage_index_count(e->index), false, &together, error);
    if (together != NULL) st = sage_together_verify(together, monitor, error);
    sage_together_close(together);
    return st;
}

sage_status sage_engine_verify(const sage_engine *engine, const sage_monitor *monitor, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_index_verify(engine->index, monitor, error));
    SAGE_TRY(sage_keywords_verify(engine->keywords, monitor, error));
    SAGE_TRY(sage_encoder_verify(engine->model_dir, error));
    SAGE_TRY(sage_engine_verify_together(engine, monitor, error));
out:
    return st;
}

static void close_parts(sage_engine *e) {
    sage_index_close(e->index);
    sage_together_close(e->together);
    sage_sentences_close(e->sentences);
    sage_given_set_close(&e->given);
    pthread_mutex_destroy(&e->opening);
}

void sage_engine_close(sage_engine *engine) {
    if (engine == NULL) return;
    sage_keywords_close(engine->keywords);
    sage_encoder_close(engine->encoder);
    if (engine->of == NULL) close_parts(engine);
    sage_free(engine->queries);
    sage_free(engine->neighbours);
    sage_free(engine->hits);
    sage_free(engine->accepted);
    sage_free(engine->vector_list);
    sage_free(engine->keyword_list);
    sage_free(engine->fused);
    sage_join_free(&engine->join);
    sage_without_free(&engine->without);
    sage_free(engine->turns);
    sage_owned_free(&engine->own);
    sage_free(engine);
}
