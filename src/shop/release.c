/* `current`: one small JSON file that names everything a release is made of, replaced at once. */
#include <base/error.h>
#include <io/json.h>
#include <io/version.h>
#include <shop/shop.h>
#include <string.h>

enum { CURRENT_MAX_BYTES = 64 << 10, CONFIG_MAX_BYTES = 1 << 20 };

static sage_status version_of(const json_t *root, const char *key, uint64_t *version, const char *source,
                              sage_error *error) {
    int64_t value = 0;
    sage_status st = sage_json_int(root, key, &value, source, error);
    if (st == SAGE_OK && value < 0)
        st = sage_fail_at(error, SAGE_E_FORMAT, source, 0, 0,
                          "'%s' is negative; run 'itemsage index' to publish a release anew", key);
    *version = (uint64_t)value;
    return st;
}

static sage_status parse(const json_t *root, const char *path, sage_release *release, sage_error *error) {
    sage_status st = SAGE_OK;
    uint64_t depth = 0;
    SAGE_TRY(version_of(root, "product_model", &release->product_model, path, error));
    SAGE_TRY(version_of(root, "query_model", &release->query_model, path, error));
    SAGE_TRY(version_of(root, "vectors", &release->vectors, path, error));
    SAGE_TRY(version_of(root, "index", &release->index, path, error));
    SAGE_TRY(version_of(root, "keywords", &release->keywords, path, error));
    SAGE_TRY(version_of(root, "inbox_position", &release->inbox_position, path, error));
    SAGE_TRY(sage_json_int(root, "catalogue_revision", &release->catalogue_revision, path, error));
    SAGE_TRY(sage_json_real(root, "fusion_weight", &release->fusion.weight, path, error));
    SAGE_TRY(version_of(root, "fusion_depth", &depth, path, error));
    if (!(release->fusion.weight >= 0 && release->fusion.weight <= 1) || depth < 1)
        st = sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0,
                          "the fusion is out of its range; run 'itemsage index' to publish a release anew");
    release->fusion.depth = (size_t)depth;
out:
    return st;
}

sage_status sage_release_read(const sage_shop *shop, sage_release *release, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    json_t *root = NULL;
    memset(release, 0, sizeof *release);
    SAGE_TRY(sage_shop_path(shop, "current", path, error));
    if (!sage_fs_exists(path)) {
        st = sage_fail(error, SAGE_E_STATE,
                       "nothing has been published in %s; run 'itemsage train', 'embed' and 'index' first", shop->dir);
        goto out;
    }
    SAGE_TRY(sage_json_read(path, CURRENT_MAX_BYTES, &root, error));
    SAGE_TRY(parse(root, path, release, error));
out:
    json_decref(root);
    return st;
}

sage_status sage_release_publish(const sage_shop *shop, const sage_release *release, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    json_t *root =
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:I}", "product_model", (json_int_t)release->product_model,
                  "query_model", (json_int_t)release->query_model, "vectors", (json_int_t)release->vectors, "index",
                  (json_int_t)release->index, "keywords", (json_int_t)release->keywords, "catalogue_revision",
                  (json_int_t)release->catalogue_revision, "inbox_position", (json_int_t)release->inbox_position,
                  "fusion_weight", release->fusion.weight, "fusion_depth", (json_int_t)release->fusion.depth);
    if (!root) return sage_fail_memory(error, CURRENT_MAX_BYTES);
    SAGE_TRY(sage_shop_path(shop, "current", path, error));
    SAGE_TRY(sage_json_write(path, root, error));
out:
    json_decref(root);
    return st;
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
    SAGE_TRY(version_of(root, "dataset", &config->dataset, path, error));
    config->simulated = json_is_true(json_object_get(root, "simulated"));
out:
    json_decref(root);
    return st;
}
