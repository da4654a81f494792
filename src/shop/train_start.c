/* What a run of `itemsage train` goes on from: options `from` and `keep_products`. */
#include <base/alloc.h>
#include <base/error.h>
#include <embed/embed.h>
#include <io/version.h>
#include <shop/train_start.h>
#include <stdio.h>
#include <string.h>

static sage_status set_version(sage_shop *shop, const char *option, uint64_t version, sage_error *error) {
    char setting[64];
    snprintf(setting, sizeof setting, "%s=%llu", option, (unsigned long long)version);
    return sage_options_set(shop->options, setting, error);
}

/* SAGE_E_NOT_FOUND where there is none. */
static sage_status model_file(const sage_shop *shop, uint64_t version, char path[SAGE_PATH_MAX], sage_error *error) {
    sage_status st = SAGE_OK;
    char models[SAGE_PATH_MAX], dir[SAGE_PATH_MAX];
    SAGE_TRY(sage_shop_path(shop, "models", models, error));
    SAGE_TRY(sage_version_path(dir, models, version, error));
    SAGE_TRY(sage_path_join(path, dir, "model.safetensors", error));
    if (!sage_fs_exists(path))
        SAGE_TRY(sage_fail(error, SAGE_E_NOT_FOUND,
                           "there is no model %llu to go on from; models/ has those that there are",
                           (unsigned long long)version));
out:
    return st;
}

/* Queries begin as the model has them whose products stay, unless another is named. A model that was itself trained for
 * another's products has no vectors: that one's stay. */
static sage_status settle_versions(sage_shop *shop, sage_error *error) {
    sage_status st = SAGE_OK;
    uint64_t kept = (uint64_t)sage_options_int(shop->options, "keep_products");
    char path[SAGE_PATH_MAX];
    sage_model_config config;
    if (kept == 0) return SAGE_OK;
    if (sage_options_int(shop->options, "from") == 0) SAGE_TRY(set_version(shop, "from", kept, error));
    SAGE_TRY(model_file(shop, kept, path, error));
    SAGE_TRY(sage_model_config_read(shop, kept, &config, error));
    if (config.products_of > 0) SAGE_TRY(set_version(shop, "keep_products", config.products_of, error));
out:
    return st;
}

sage_status sage_train_begin_from(sage_shop *shop, char path[SAGE_PATH_MAX], sage_train_start *start,
                                  sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(settle_versions(shop, error));
    uint64_t from = (uint64_t)sage_options_int(shop->options, "from");
    if (from == 0) return SAGE_OK;
    SAGE_TRY(model_file(shop, from, path, error));
    SAGE_TRY(set_version(shop, "vocabulary_of", from, error));
    start->model = path;
out:
    return st;
}

/* `embed` computes vectors of one model: the newest, or the one whose products that keeps. */
static sage_status no_vectors(const sage_shop *shop, uint64_t model, size_t missing, sage_error *error) {
    uint64_t embedded;
    sage_status st = sage_shop_product_model(shop, &embedded, error);
    if (st != SAGE_OK) return st;
    if (embedded == model)
        return sage_fail(error, SAGE_E_STATE,
                         "%zu products have no vector of model %llu yet; run 'itemsage embed' first", missing,
                         (unsigned long long)model);
    return sage_fail(
        error, SAGE_E_STATE,
        "%zu products have no vector of model %llu, and 'itemsage embed' now computes those of model %llu; "
        "keep that one's",
        missing, (unsigned long long)model, (unsigned long long)embedded);
}

sage_status sage_train_keep_products(const sage_shop *shop, const sage_dataset *dataset, float **kept,
                                     sage_train_start *start, sage_error *error) {
    sage_status st = SAGE_OK;
    uint64_t model = (uint64_t)sage_options_int(shop->options, "keep_products");
    size_t n = sage_dataset_products(dataset), row, missing = 0;
    sage_vectors *vectors = NULL;
    if (model == 0) return SAGE_OK;
    SAGE_TRY(sage_vectors_open(shop->dir, model, &vectors, error));
    size_t dim = sage_vectors_dim(vectors);
    *kept = sage_alloc(n * dim * sizeof **kept);
    if (*kept == NULL) SAGE_TRY(sage_fail_memory(error, n * dim * sizeof **kept));
    for (size_t i = 0; i < n; i++) {
        bool there = sage_vectors_find(vectors, sage_dataset_pids(dataset)[i], &row);
        missing += !there;
        if (there) memcpy(*kept + i * dim, sage_vectors_at(vectors, row), dim * sizeof **kept);
    }
    start->products = *kept;
    start->products_dim = dim;
    if (missing > 0) SAGE_TRY(no_vectors(shop, model, missing, error));
out:
    sage_vectors_close(vectors);
    return st;
}
