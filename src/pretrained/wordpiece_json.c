/* tokenizer.json: only what makes BERT's tokenizer is let through. */
#include <base/alloc.h>
#include <base/error.h>
#include <io/json.h>
#include <pretrained/wordpiece_files.h>
#include <string.h>

static sage_status other_kind(const sage_wp_files *files, const char *part, const json_t *found, const char *wanted,
                              sage_error *error) {
    const char *type = json_string_value(json_object_get(found, "type"));
    return sage_fail_at(error, SAGE_E_FORMAT, files->json_path, 0, 0,
                        "its %s is %.64s where %s is needed; only BERT's WordPiece tokenizers are read", part,
                        json_is_null(found) || found == NULL ? "absent"
                        : type == NULL                       ? "of no known type"
                                                             : type,
                        wanted);
}

static bool is_type(const json_t *part, const char *type) {
    const char *found = json_string_value(json_object_get(part, "type"));
    return found != NULL && strcmp(found, type) == 0;
}

static sage_status read_normaliser(sage_wp_files *files, sage_error *error) {
    sage_status st = SAGE_OK;
    bool found;
    sage_wp_rules *rules = &files->rules;
    const json_t *part = json_object_get(files->tokenizer, "normalizer");
    if (!is_type(part, "BertNormalizer")) return other_kind(files, "normalizer", part, "BertNormalizer", error);
    SAGE_TRY(sage_wp_bool(part, "clean_text", files->json_path, &rules->clean_text, &found, error));
    SAGE_TRY(sage_wp_bool(part, "handle_chinese_chars", files->json_path, &rules->split_ideographs, &found, error));
    SAGE_TRY(sage_wp_bool(part, "lowercase", files->json_path, &rules->lower_case, &found, error));
    SAGE_TRY(sage_wp_bool(part, "strip_accents", files->json_path, &rules->strip_accents, &found, error));
    if (!found) rules->strip_accents = rules->lower_case;
out:
    return st;
}

/* ---- [CLS] text [SEP] ---- */

static sage_status read_pair(sage_wp_files *files, const json_t *part, const char *key, sage_wp_special special,
                             uint32_t *id, sage_error *error) {
    const json_t *pair = json_object_get(part, key);
    const char *name = json_string_value(json_array_get(pair, 0));
    if (name == NULL) {
        return sage_fail_at(error, SAGE_E_FORMAT, files->json_path, 0, 0,
                            "its post_processor's \"%s\" is not a token and its id", key);
    }
    files->name[special] = name;
    return sage_wp_whole(json_array_get(pair, 1), SAGE_WP_ID_END, "a special token's id", files->json_path, id, error);
}

/* The one id of a template's special token. */
static sage_status template_id(const sage_wp_files *files, const json_t *part, const char *name, uint32_t *id,
                               sage_error *error) {
    const json_t *ids = json_object_get(json_object_get(json_object_get(part, "special_tokens"), name), "ids");
    if (json_array_size(ids) != 1) {
        return sage_fail_at(error, SAGE_E_FORMAT, files->json_path, 0, 0,
                            "its post_processor gives \"%.64s\" no id, or several", name);
    }
    return sage_wp_whole(json_array_get(ids, 0), SAGE_WP_ID_END, "a special token's id", files->json_path, id, error);
}

static const char *template_name(const json_t *single, size_t at) {
    return json_string_value(json_object_get(json_object_get(json_array_get(single, at), "SpecialToken"), "id"));
}

static sage_status read_template(sage_wp_files *files, const json_t *part, sage_error *error) {
    sage_status st = SAGE_OK;
    const json_t *single = json_object_get(part, "single");
    const char *cls = template_name(single, 0), *sep = template_name(single, 2);
    if (json_array_size(single) != 3 || cls == NULL || sep == NULL ||
        json_object_get(json_array_get(single, 1), "Sequence") == NULL) {
        return sage_fail_at(error, SAGE_E_FORMAT, files->json_path, 0, 0,
                            "its post_processor does not put one special token on each side of a text, as BERT does");
    }
    files->name[SAGE_WP_CLS] = cls;
    files->name[SAGE_WP_SEP] = sep;
    SAGE_TRY(template_id(files, part, cls, &files->cls, error));
    SAGE_TRY(template_id(files, part, sep, &files->sep, error));
out:
    return st;
}

static sage_status read_post_processor(sage_wp_files *files, sage_error *error) {
    sage_status st = SAGE_OK;
    const json_t *part = json_object_get(files->tokenizer, "post_processor");
    if (part == NULL || json_is_null(part)) return SAGE_OK; /* the special tokens' names decide */
    if (is_type(part, "TemplateProcessing")) return read_template(files, part, error);
    if (!is_type(part, "BertProcessing")) {
        return other_kind(files, "post_processor", part, "TemplateProcessing or BertProcessing", error);
    }
    SAGE_TRY(read_pair(files, part, "cls", SAGE_WP_CLS, &files->cls, error));
    SAGE_TRY(read_pair(files, part, "sep", SAGE_WP_SEP, &files->sep, error));
out:
    return st;
}

/* ---- the model ---- */

static sage_status read_tokens(const sage_wp_files *files, const json_t *tokens, sage_wordpiece *w, sage_error *error) {
    sage_status st = SAGE_OK;
    void *at = json_object_iter((json_t *)(uintptr_t)tokens);
    for (; at != NULL; at = json_object_iter_next((json_t *)(uintptr_t)tokens, at)) {
        const char *token = json_object_iter_key(at);
        uint32_t id;
        SAGE_TRY(
            sage_wp_whole(json_object_iter_value(at), SAGE_WP_ID_END, "a token's id", files->json_path, &id, error));
        SAGE_TRY(sage_wp_vocab_add(&w->vocab, token, strlen(token), id, error));
    }
out:
    return st;
}

static sage_status read_model(sage_wp_files *files, sage_wordpiece *w, sage_error *error) {
    sage_status st = SAGE_OK;
    const json_t *model = json_object_get(files->tokenizer, "model"), *tokens = json_object_get(model, "vocab");
    uint32_t word_max;
    if (!is_type(model, "WordPiece")) return other_kind(files, "model", model, "WordPiece", error);
    const char *prefix, *unk;
    SAGE_TRY(sage_json_text(model, "continuing_subword_prefix", &prefix, files->json_path, error));
    SAGE_TRY(sage_json_text(model, "unk_token", &unk, files->json_path, error));
    SAGE_TRY(sage_wp_whole(json_object_get(model, "max_input_chars_per_word"), SAGE_WP_WORD_MAX + 1,
                           "max_input_chars_per_word", files->json_path, &word_max, error));
    if (!json_is_object(tokens)) {
        st = sage_fail_at(error, SAGE_E_FORMAT, files->json_path, 0, 0, "its model has no \"vocab\"");
        goto out;
    }
    w->word_max = word_max;
    files->name[SAGE_WP_UNK] = unk;
    w->prefix = sage_strdup(prefix);
    if (w->prefix == NULL) {
        st = sage_fail_memory(error, strlen(prefix) + 1);
        goto out;
    }
    SAGE_TRY(read_tokens(files, tokens, w, error));
out:
    return st;
}

sage_status sage_wp_read_tokenizer(sage_wp_files *files, sage_wordpiece *w, sage_error *error) {
    sage_status st = SAGE_OK;
    const json_t *cutter = json_object_get(files->tokenizer, "pre_tokenizer");
    SAGE_TRY(read_model(files, w, error));
    SAGE_TRY(read_normaliser(files, error));
    if (!is_type(cutter, "BertPreTokenizer")) {
        st = other_kind(files, "pre_tokenizer", cutter, "BertPreTokenizer", error);
        goto out;
    }
    SAGE_TRY(read_post_processor(files, error));
out:
    return st;
}
