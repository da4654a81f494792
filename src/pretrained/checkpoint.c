/* Opening a folder, and the members of its config.json. */
#include "checkpoint.h"
#include <base/alloc.h>
#include <stdarg.h>
#include <stdio.h>

static sage_status open_weights(checkpoint *ck, sage_error *error) {
    char index[SAGE_PATH_MAX];
    sage_status st = sage_path_join(index, ck->dir, "model.safetensors.index.json", error);
    if (st != SAGE_OK) return st;
    if (sage_fs_exists(ck->weights_path)) return sage_safetensors_open(ck->weights_path, &ck->file, error);
    if (sage_fs_exists(index))
        return sage_fail(error, SAGE_E_FORMAT,
                         "%s: weights cut into several files are not read; save them again as one model.safetensors",
                         index);
    return sage_fail(error, SAGE_E_NOT_FOUND,
                     "%s does not exist; weights are read from a file of this name (in transformers: "
                     "model.save_pretrained(folder, safe_serialization=True))",
                     ck->weights_path);
}

sage_status checkpoint_open(checkpoint *ck, const char *dir, sage_error *error) {
    sage_status st = SAGE_OK;
    ck->dir = dir;
    ck->base = "";
    SAGE_TRY(sage_path_join(ck->config_path, dir, "config.json", error));
    SAGE_TRY(sage_path_join(ck->weights_path, dir, "model.safetensors", error));
    SAGE_TRY(sage_json_read(ck->config_path, CONFIG_BYTES_MAX, &ck->config, error));
    if (!json_is_object(ck->config)) st = checkpoint_refuse(ck, error, "is no JSON object");
    if (st == SAGE_OK) st = open_weights(ck, error);
out:
    return st;
}

void checkpoint_close(checkpoint *ck) {
    json_decref(ck->config);
    sage_safetensors_close(ck->file);
    sage_free(ck->buffer);
    sage_free(ck->stacked);
    ck->config = NULL;
    ck->file = NULL;
    ck->buffer = ck->stacked = NULL;
}

sage_status checkpoint_refuse(const checkpoint *ck, sage_error *error, const char *format, ...) {
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return sage_fail(error, SAGE_E_FORMAT, "%s: %s", ck->config_path, text);
}

sage_status checkpoint_size(const checkpoint *ck, const json_t *part, const char *key, size_t fallback, size_t max,
                            size_t *value, sage_error *error) {
    const json_t *found = json_object_get(part, key);
    *value = fallback;
    if (found == NULL || json_is_null(found))
        return fallback > 0 ? SAGE_OK : checkpoint_refuse(ck, error, "\"%s\" is missing", key);
    if (!json_is_integer(found) || json_integer_value(found) < 1 || (uint64_t)json_integer_value(found) > max)
        return checkpoint_refuse(ck, error, "\"%s\" is no whole number of 1 to %zu", key, max);
    *value = (size_t)json_integer_value(found);
    return SAGE_OK;
}

sage_status checkpoint_share(const checkpoint *ck, const json_t *part, const char *key, double fallback, real *value,
                             sage_error *error) {
    const json_t *found = json_object_get(part, key);
    double number = found != NULL ? json_number_value(found) : fallback;
    *value = (real)number;
    if ((found != NULL && !json_is_number(found)) || !(number >= 0 && number <= 1))
        return checkpoint_refuse(ck, error, "\"%s\" is no number of 0 to 1", key);
    return SAGE_OK;
}

sage_status checkpoint_flag(const checkpoint *ck, const json_t *part, const char *key, bool fallback, bool *value,
                            sage_error *error) {
    const json_t *found = json_object_get(part, key);
    *value = found != NULL ? json_is_true(found) : fallback;
    if (found != NULL && !json_is_boolean(found))
        return checkpoint_refuse(ck, error, "\"%s\" is not true or false", key);
    return SAGE_OK;
}

sage_status checkpoint_text(const checkpoint *ck, const json_t *part, const char *key, const char *fallback,
                            const char **value, sage_error *error) {
    const json_t *found = json_object_get(part, key);
    *value = found != NULL ? json_string_value(found) : fallback;
    return *value != NULL ? SAGE_OK : checkpoint_refuse(ck, error, "\"%s\" is no text", key);
}
