/* What sentence-transformers' files say beside a model's: how tokens become one vector, and how many there may be. */
#include "encoder_impl.h"
#include <string.h>

/* *part stays NULL where the file is absent. */
static sage_status read_optional(const checkpoint *ck, const char *name, char path[SAGE_PATH_MAX], json_t **part,
                                 sage_error *error) {
    *part = NULL;
    sage_status st = sage_path_join(path, ck->dir, name, error);
    if (st != SAGE_OK || !sage_fs_exists(path)) return st;
    return sage_json_read_reals(path, CONFIG_BYTES_MAX, part, error);
}

static bool ends(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* Of a list of modules, where the pooling's folder is; a module that would change vectors otherwise is refused. */
static sage_status find_pooling(const json_t *modules, const char *path, const char **folder, sage_error *error) {
    size_t i;
    const json_t *module;
    json_array_foreach(modules, i, module) {
        const char *type = json_string_value(json_object_get(module, "type"));
        const char *at = json_string_value(json_object_get(module, "path"));
        if (type == NULL || at == NULL || strchr(at, '/') != NULL || strcmp(at, "..") == 0)
            return sage_fail(error, SAGE_E_FORMAT, "%s: module %zu has no type or no folder", path, i);
        if (ends(type, ".Pooling"))
            *folder = at;
        else if (!ends(type, ".Transformer") && !ends(type, ".Normalize"))
            return sage_fail(error, SAGE_E_FORMAT,
                             "%s: the module \"%.80s\" is not known; models of a transformer and a pooling are read",
                             path, type);
    }
    return SAGE_OK;
}

static sage_status read_pooling(const json_t *part, const char *path, sage_pooling *pooling, sage_error *error) {
    static const char *const others[] = {"pooling_mode_max_tokens", "pooling_mode_mean_sqrt_len_tokens",
                                         "pooling_mode_weightedmean_tokens", "pooling_mode_lasttoken"};
    const char *mode = json_string_value(json_object_get(part, "pooling_mode"));
    bool first = json_is_true(json_object_get(part, "pooling_mode_cls_token")),
         mean = json_is_true(json_object_get(part, "pooling_mode_mean_tokens"));
    if (mode != NULL) {
        first = strcmp(mode, "cls") == 0;
        mean = strcmp(mode, "mean") == 0;
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (json_is_true(json_object_get(part, others[i]))) first = mean = false;
    if (first == mean)
        return sage_fail(error, SAGE_E_FORMAT, "%s: a pooling that is not known; the mean, or the class token, is",
                         path);
    *pooling = first ? SAGE_POOL_CLASS : SAGE_POOL_MEAN;
    return SAGE_OK;
}

static sage_status read_modules(const checkpoint *ck, sage_pretrained_info *info, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX], name[SAGE_PATH_MAX];
    const char *folder = "1_Pooling";
    json_t *modules = NULL, *part = NULL;
    SAGE_TRY(read_optional(ck, "modules.json", path, &modules, error));
    SAGE_TRY(find_pooling(modules, path, &folder, error));
    SAGE_TRY(sage_path_join(name, folder, "config.json", error));
    SAGE_TRY(read_optional(ck, name, path, &part, error));
    if (part != NULL) SAGE_TRY(read_pooling(part, path, &info->pooling, error));
out:
    json_decref(modules);
    json_decref(part);
    return st;
}

sage_status sage_sentence_rule_read(const checkpoint *ck, sage_pretrained_info *info, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    json_t *sentence = NULL, *tokenizer = NULL;
    info->pooling = SAGE_POOL_MEAN;
    info->lower_case = true;
    SAGE_TRY(read_modules(ck, info, error));
    SAGE_TRY(read_optional(ck, "sentence_bert_config.json", path, &sentence, error));
    double most = json_real_value(json_object_get(sentence, "max_seq_length"));
    if (most > 2 && most < (double)info->max_tokens) info->max_tokens = (size_t)most;
    SAGE_TRY(read_optional(ck, "tokenizer_config.json", path, &tokenizer, error));
    const json_t *lower = json_object_get(tokenizer, "do_lower_case");
    if (json_is_boolean(lower)) info->lower_case = json_is_true(lower);
out:
    json_decref(sentence);
    json_decref(tokenizer);
    return st;
}
