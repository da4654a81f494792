/* Opening a release for changing. */
#include <base/alloc.h>
#include <base/error.h>
#include <io/version.h>
#include <shop/searcher_live.h>
#include <shop/sentences.h>

/* The model of products, where that of queries is another. */
static sage_status open_encoder(sage_searched_live *l, sage_shop *shop, uint64_t model, sage_error *error) {
    sage_status st = SAGE_OK;
    char parent[SAGE_PATH_MAX], dir[SAGE_PATH_MAX];
    sage_model_config *config = sage_alloc_zero(1, sizeof *config);
    if (config == NULL) return sage_fail_memory(error, sizeof *config);
    SAGE_TRY(sage_shop_path(shop, "models", parent, error));
    SAGE_TRY(sage_version_path(dir, parent, model, error));
    SAGE_TRY(sage_release_advise(sage_encoder_open_unverified(dir, NULL, &l->encoder, error), error));
    SAGE_TRY(sage_model_config_read(shop, model, config, error));
    SAGE_TRY(sage_shop_model_sentences(shop, config, false, &l->sentences, error));
    sage_encoder_speak(l->encoder, l->sentences);
out:
    sage_free(config);
    return st;
}

static sage_status open_parts(sage_searched_live *l, sage_shop *shop, const sage_open_release *opened,
                              sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_index *index = sage_engine_index(opened->engine);
    sage_pool *pool;
    SAGE_TRY(sage_shop_pool(shop, &pool, error));
    SAGE_TRY(sage_live_begin(index, pool, &l->live, error));
    SAGE_TRY(sage_live_reader_new(l->live, &l->reader, error));
    SAGE_TRY(sage_words_changes_new(&l->words, error));
    SAGE_TRY(sage_product_json_new(&l->json, error));
    if (opened->release.product_model == opened->release.query_model)
        SAGE_TRY(sage_engine_share_encoder(opened->engine, &l->encoder, error));
    else
        SAGE_TRY(open_encoder(l, shop, opened->release.product_model, error));
    sage_known_columns_find(sage_live_columns(l->live), &l->columns);
    l->vector = sage_alloc(sage_index_dim(index) * sizeof *l->vector);
    if (l->vector == NULL) st = sage_fail_memory(error, sage_index_dim(index) * sizeof *l->vector);
out:
    return st;
}

sage_status sage_searched_live_open(sage_shop *shop, const sage_open_release *opened, sage_searched_live **live,
                                    sage_error *error) {
    *live = NULL;
    sage_searched_live *l = sage_alloc_zero(1, sizeof *l);
    if (l == NULL) return sage_fail_memory(error, sizeof *l);
    pthread_mutex_init(&l->writing, NULL);
    sage_product_values_init(&l->values);
    l->next_pid = SAGE_FIRST_NEW_PID;
    sage_status st = open_parts(l, shop, opened, error);
    if (st == SAGE_OK) *live = l;
    if (st != SAGE_OK) sage_searched_live_close(l);
    return st;
}

void sage_searched_live_close(sage_searched_live *live) {
    if (live == NULL) return;
    sage_encoder_close(live->encoder);
    sage_sentences_close(live->sentences);
    sage_product_json_free(live->json);
    sage_live_reader_free(live->reader);
    sage_live_close(live->live);
    sage_words_changes_free(live->words);
    sage_product_values_free(&live->values);
    sage_free(live->vector);
    pthread_mutex_destroy(&live->writing);
    sage_free(live);
}
