/* What preprocessor_config.json says of pictures. */
#include "encoder_impl.h"

enum { SIZE_MAX_PIXELS = 4096 };

static sage_status refuse(const char *path, const char *what, sage_error *error) {
    return sage_fail(error, SAGE_E_FORMAT, "%s: %s", path, what);
}

/* A size is a number, {"height": h, "width": h} or {"shortest_edge": n}; 0 where it is neither. */
static size_t edge_of(const json_t *size, bool *shortest) {
    const json_t *edge = json_object_get(size, "shortest_edge"), *height = json_object_get(size, "height");
    *shortest = height == NULL;
    if (height != NULL && !json_equal(height, json_object_get(size, "width"))) return 0;
    const json_t *found = edge != NULL ? edge : height != NULL ? height : size;
    json_int_t value = json_integer_value(found);
    return value > 0 && value <= SIZE_MAX_PIXELS ? (size_t)value : 0;
}

static bool flag(const json_t *part, const char *key, bool fallback) {
    const json_t *found = json_object_get(part, key);
    return json_is_boolean(found) ? json_is_true(found) : fallback;
}

static sage_status read_sizes(const json_t *part, const char *path, sage_picture_rule *rule, sage_error *error) {
    const json_t *size = json_object_get(part, "size"), *crop = json_object_get(part, "crop_size");
    bool shortest = rule->resize > 0, unused;
    size_t edge = rule->resize > 0 ? rule->resize : rule->size;
    if (size != NULL && (edge = edge_of(size, &shortest)) == 0)
        return refuse(path, "\"size\" is no square of 1 to 4096 pixels", error);
    bool cut = flag(part, "do_center_crop", crop != NULL || (size == NULL && rule->resize > 0));
    if (!flag(part, "do_resize", true))
        return refuse(path, "\"do_resize\" is false; pictures have to be resized", error);
    if (!cut) {
        rule->size = edge;
        rule->resize = shortest && size != NULL && !json_is_integer(size) ? edge : 0;
        return SAGE_OK;
    }
    if (crop != NULL && (rule->size = edge_of(crop, &unused)) == 0)
        return refuse(path, "\"crop_size\" is no square of 1 to 4096 pixels", error);
    rule->resize = shortest ? edge : 0;
    if (edge < rule->size || (!shortest && edge != rule->size))
        return refuse(path,
                      "pictures are cut from a size that is not read; \"size\" is the shorter side's, or what is cut",
                      error);
    return SAGE_OK;
}

static sage_status read_three(const json_t *part, const char *key, const char *path, bool positive, float *to,
                              sage_error *error) {
    const json_t *list = json_object_get(part, key);
    if (list == NULL) return SAGE_OK;
    for (size_t i = 0; i < 3; i++) {
        const json_t *value = json_array_get(list, i);
        double number = json_number_value(value);
        if (json_array_size(list) != 3 || !json_is_number(value) || !(number >= 0 && number <= 1) ||
            (positive && number < 1e-3))
            return sage_fail(error, SAGE_E_FORMAT, "%s: \"%s\" is no list of three numbers of 0 to 1", path, key);
        to[i] = (float)number;
    }
    return SAGE_OK;
}

static sage_status read_rule(const json_t *part, const char *path, sage_picture_rule *rule, sage_error *error) {
    static const sage_resample resamples[] = {
        [1] = SAGE_RESAMPLE_LANCZOS, [2] = SAGE_RESAMPLE_BILINEAR, [3] = SAGE_RESAMPLE_BICUBIC}; /* by the numbers of
                                                                                                    Python's imaging
                                                                                                    library */
    sage_status st = SAGE_OK;
    const json_t *resample = json_object_get(part, "resample");
    SAGE_TRY(read_sizes(part, path, rule, error));
    SAGE_TRY(read_three(part, "image_mean", path, false, rule->mean, error));
    SAGE_TRY(read_three(part, "image_std", path, true, rule->std, error));
    json_int_t number = json_integer_value(resample);
    if (resample != NULL && (number < 1 || number > 3)) {
        st = refuse(path, "\"resample\" is not 1 (Lanczos), 2 (bilinear) or 3 (bicubic)", error);
        goto out;
    }
    if (resample != NULL) rule->resample = resamples[number];
    for (size_t i = 0; i < 3 && !flag(part, "do_normalize", true); i++) {
        rule->mean[i] = 0;
        rule->std[i] = 1;
    }
out:
    return st;
}

sage_status sage_picture_rule_read(const checkpoint *ck, sage_picture_rule *rule, sage_error *error) {
    char path[SAGE_PATH_MAX];
    json_t *part = NULL;
    sage_status st = sage_path_join(path, ck->dir, "preprocessor_config.json", error);
    if (st != SAGE_OK || !sage_fs_exists(path)) return st;
    st = sage_json_read(path, CONFIG_BYTES_MAX, &part, error);
    if (st == SAGE_OK)
        st = json_is_object(part) ? read_rule(part, path, rule, error) : refuse(path, "is no JSON object", error);
    json_decref(part);
    return st;
}
