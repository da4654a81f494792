/* What training wrote down of a model. */
#include <base/alloc.h>
#include <base/error.h>
#include <features/given.h>
#include <io/json.h>
#include <io/version.h>
#include <shop/shop.h>
#include <string.h>

enum { CONFIG_MAX_BYTES = 1 << 20 };

/* As train writes an encoder down; `room` bytes for its identity. */
static sage_status read_encoder(const json_t *root, const char *key, const char *path, char *identity, size_t room,
                                char name[SAGE_PATH_MAX], sage_error *error) {
    sage_status st = SAGE_OK;
    const char *identity_text = "", *name_text = "";
    const json_t *encoder = json_object_get(root, key);
    SAGE_TRY(sage_json_text(encoder, "identity", &identity_text, path, error));
    SAGE_TRY(sage_json_text(encoder, "name", &name_text, path, error));
    if (strlen(identity_text) >= room || strlen(name_text) >= SAGE_PATH_MAX) {
        st = sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0, "'%s' is too long", key);
        goto out;
    }
    memcpy(identity, identity_text, strlen(identity_text) + 1);
    memcpy(name, name_text, strlen(name_text) + 1);
out:
    return st;
}

/* An object: computed by that encoder; null: made elsewhere; absent: without pictures, or of a version that did not
 * write it. */
static sage_status read_pictures(const json_t *root, const char *path, sage_picture_origin *pictures,
                                 sage_error *error) {
    const char *key = "picture_encoder";
    const json_t *encoder = json_object_get(root, key);
    *pictures = (sage_picture_origin){.maker = SAGE_PICTURES_UNKNOWN};
    if (encoder == NULL) return SAGE_OK;
    pictures->maker = json_is_null(encoder) ? SAGE_PICTURES_IMPORTED : SAGE_PICTURES_COMPUTED;
    if (json_is_null(encoder)) return SAGE_OK;
    return read_encoder(root, key, path, pictures->identity, sizeof pictures->identity, pictures->name, error);
}

/* Absent: without sentences. */
static sage_status read_texts(const json_t *root, const char *path, sage_text_origin *texts, sage_error *error) {
    const char *key = "text_encoder";
    *texts = (sage_text_origin){.name = ""};
    if (json_object_get(root, key) == NULL) return SAGE_OK;
    return read_encoder(root, key, path, texts->identity, sizeof texts->identity, texts->name, error);
}

/* Absent: none, or a version that had no tower for it. */
static sage_picture_training read_training(const json_t *root) {
    const char *on = json_string_value(json_object_get(root, "picture_queries"));
    if (on == NULL) return SAGE_PICTURES_UNTAUGHT;
    return strcmp(on, "shoppers") == 0 ? SAGE_PICTURES_OF_SHOPPERS : SAGE_PICTURES_OF_PRODUCTS;
}

sage_status sage_model_config_read(const sage_shop *shop, uint64_t model, sage_model_config *config,
                                   sage_error *error) {
    sage_status st = SAGE_OK;
    char models[SAGE_PATH_MAX], dir[SAGE_PATH_MAX], path[SAGE_PATH_MAX];
    json_t *root = NULL;
    SAGE_TRY(sage_shop_path(shop, "models", models, error));
    SAGE_TRY(sage_version_path(dir, models, model, error));
    SAGE_TRY(sage_path_join(path, dir, "config.json", error));
    SAGE_TRY(sage_json_read(path, CONFIG_MAX_BYTES, &root, error));
    SAGE_TRY(sage_json_count(root, "dataset", &config->dataset, path, error));
    config->products_of = 0;
    if (json_object_get(root, "products_of") != NULL)
        SAGE_TRY(sage_json_count(root, "products_of", &config->products_of, path, error));
    config->simulated = json_is_true(json_object_get(root, "simulated"));
    SAGE_TRY(read_pictures(root, path, &config->pictures, error));
    config->taught = read_training(root);
    SAGE_TRY(read_texts(root, path, &config->texts, error));
    for (int s = 0; s < SAGE_SURFACES; s++) {
        char name[SAGE_GIVEN_MEMBER];
        sage_given_member(name, (sage_surface)s);
        config->given[s] = json_is_true(json_object_get(root, name));
    }
out:
    json_decref(root);
    return sage_shop_advise(st, "restore it from a copy, or run 'itemsage train', 'embed' and 'index'", error);
}

sage_status sage_shop_product_model(const sage_shop *shop, uint64_t *model, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_model_config *config = NULL;
    SAGE_TRY(sage_shop_newest(shop, "models", model, error));
    if (*model == 0) goto out;
    config = sage_alloc_zero(1, sizeof *config);
    if (config == NULL) SAGE_TRY(sage_fail_memory(error, sizeof *config));
    /* Whatever is wrong with the file is told by who needs more of it. */
    if (sage_model_config_read(shop, *model, config, NULL) == SAGE_OK && config->products_of > 0)
        *model = config->products_of;
out:
    sage_free(config);
    return st;
}
