/* What `itemsage status` shows. */
#include <base/error.h>
#include <embed/embed.h>
#include <features/given.h>
#include <shop/shop.h>
#include <stdio.h>
#include <string.h>
#include <train/train.h>

static sage_status versions(const sage_shop *shop, sage_shop_state *state, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_release release;
    char path[SAGE_PATH_MAX];
    SAGE_TRY(sage_shop_newest(shop, "dataset", &state->dataset, error));
    SAGE_TRY(sage_shop_newest(shop, "models", &state->model, error));
    SAGE_TRY(sage_shop_newest(shop, "vectors", &state->vectors_model, error));
    SAGE_TRY(sage_shop_newest(shop, "index", &state->index, error));
    SAGE_TRY(sage_shop_newest(shop, "keywords", &state->keywords, error));
    SAGE_TRY(sage_shop_path(shop, "models/.tmp-train", path, error));
    state->training_unfinished = sage_train_unfinished(path);
    st = sage_release_read(shop, &release, error);
    if (st == SAGE_E_STATE) return SAGE_OK; /* nothing published yet */
    SAGE_TRY(st);
    state->current_model = release.product_model;
    state->current_index = release.index;
    state->current_keywords = release.keywords;
    state->current_revision = release.catalogue_revision;
    state->current_width = release.search_width;
    state->current_recall = release.search_recall;
    snprintf(state->current_users, sizeof state->current_users, "%s",
             sage_method_name(release.hybrid_users ? SAGE_HYBRID : SAGE_VECTORS));
out:
    return st;
}

static sage_status count_given(const sage_shop *shop, sage_shop_state *state, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_given_set given = {{NULL}};
    SAGE_TRY(sage_given_open_shop(shop->dir, false, &given, error));
    _Static_assert(sizeof state->query_vectors / sizeof *state->query_vectors == SAGE_SURFACES, "one of each surface");
    for (int s = 0; s < SAGE_SURFACES; s++) state->query_vectors[s] = sage_given_count(given.of[s]);
out:
    sage_given_set_close(&given);
    return st;
}

sage_status sage_shop_read_state(sage_shop *shop, sage_shop_state *state, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_catalog *catalog = NULL;
    uint64_t product_model;
    memset(state, 0, sizeof *state);
    SAGE_TRY(sage_shop_catalog(shop, false, &catalog, error));
    SAGE_TRY(sage_catalog_count(catalog, state, error));
    SAGE_TRY(count_given(shop, state, error));
    state->catalogue_revision = sage_catalog_revision(catalog);
    SAGE_TRY(versions(shop, state, error));
    SAGE_TRY(sage_shop_product_model(shop, &product_model, error));
    if (product_model)
        SAGE_TRY(sage_embed_stale(catalog, shop->dir, product_model, sage_embed_precision(shop->options),
                                  &state->vectors_stale, error));
out:
    sage_catalog_close(catalog);
    return st;
}

sage_status sage_shop_rejects(sage_shop *shop, sage_reject *rejects, size_t limit, size_t *n, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_catalog *catalog = NULL;
    *n = 0;
    SAGE_TRY(sage_shop_catalog(shop, false, &catalog, error));
    SAGE_TRY(sage_catalog_rejects(catalog, rejects, limit, n, error));
out:
    sage_catalog_close(catalog);
    return st;
}
