/* vocab.txt, tokenizer_config.json, and what the readers share. */
#include <base/alloc.h>
#include <base/error.h>
#include <io/fs.h>
#include <io/json.h>
#include <math.h>
#include <pretrained/wordpiece_files.h>
#include <string.h>
#include <text/normalise.h>

sage_status sage_wp_read_json(const char *path, json_t **root, sage_error *error) {
    *root = NULL;
    return sage_fs_exists(path) ? sage_json_read_reals(path, SAGE_WP_FILE_MAX, root, error) : SAGE_OK;
}

sage_status sage_wp_bool(const json_t *object, const char *key, const char *path, bool *value, bool *found,
                         sage_error *error) {
    const json_t *member = json_object_get(object, key);
    *found = member != NULL && !json_is_null(member);
    if (!*found) return SAGE_OK;
    if (!json_is_boolean(member)) {
        return sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0, "\"%s\" is neither true nor false", key);
    }
    *value = json_is_true(member);
    return SAGE_OK;
}

sage_status sage_wp_whole(const json_t *value, double end, const char *what, const char *path, uint32_t *whole,
                          sage_error *error) {
    double number = json_is_number(value) ? json_number_value(value) : -1;
    *whole = 0;
    if (!(number >= 0 && number < end) || number != floor(number)) {
        return sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0, "%s is not a whole number of 0 to %.0f", what, end - 1);
    }
    *whole = (uint32_t)number;
    return SAGE_OK;
}

/* ---- tokenizer_config.json ---- */

/* A token by its text, or an object that holds it. */
static sage_status read_name(sage_wp_files *files, const char *key, sage_wp_special special, sage_error *error) {
    const json_t *member = json_object_get(files->config, key);
    if (member == NULL || json_is_null(member)) return SAGE_OK;
    if (json_is_object(member)) member = json_object_get(member, "content");
    if (!json_is_string(member)) {
        return sage_fail_at(error, SAGE_E_FORMAT, files->config_path, 0, 0, "\"%s\" is not a token", key);
    }
    files->name[special] = json_string_value(member);
    return SAGE_OK;
}

static sage_status read_names(sage_wp_files *files, sage_error *error) {
    static const char *const keys[SAGE_WP_SPECIALS] = {"unk_token", "cls_token", "sep_token", "pad_token",
                                                       "mask_token"};
    sage_status st = SAGE_OK;
    for (size_t i = 0; i < SAGE_WP_SPECIALS && st == SAGE_OK; i++) {
        st = read_name(files, keys[i], (sage_wp_special)i, error);
    }
    return st;
}

static sage_status read_length(const sage_wp_files *files, sage_wordpiece *w, sage_error *error) {
    const json_t *member = json_object_get(files->config, "model_max_length");
    if (member == NULL || json_is_null(member)) return SAGE_OK;
    double length = json_number_value(member);
    if (!json_is_number(member) || length < 2) {
        return sage_fail_at(error, SAGE_E_FORMAT, files->config_path, 0, 0,
                            "\"model_max_length\" is not a number of tokens, 2 or more");
    }
    w->info.max_tokens = length < UINT32_MAX ? (size_t)length : 0;
    return SAGE_OK;
}

/* The classes that are BERT's tokenizer; *generic: those that take tokenizer.json's word before this file's. */
static bool known_class(const char *name, bool *generic) {
    static const char *const generics[] = {"PreTrainedTokenizerFast", "TokenizersBackend", "PreTrainedTokenizer"};
    static const char *const berts[] = {"Bert", "DistilBert", "Electra", "MobileBert"};
    *generic = false;
    if (name == NULL) return true;
    for (size_t i = 0; i < sizeof generics / sizeof *generics; i++) *generic |= strcmp(name, generics[i]) == 0;
    for (size_t i = 0; i < sizeof berts / sizeof *berts; i++) {
        size_t len = strlen(berts[i]);
        if (strncmp(name, berts[i], len) != 0) continue;
        if (strcmp(name + len, "Tokenizer") == 0 || strcmp(name + len, "TokenizerFast") == 0) return true;
    }
    return *generic;
}

static sage_status refuse(const sage_wp_files *files, const char *what, sage_error *error) {
    return sage_fail_at(error, SAGE_E_FORMAT, files->config_path, 0, 0, "%.100s, which is not supported", what);
}

static sage_status read_rules(sage_wp_files *files, sage_error *error) {
    sage_status st = SAGE_OK;
    bool found, basic = true;
    sage_wp_rules *rules = &files->rules;
    const char *path = files->config_path;
    SAGE_TRY(sage_wp_bool(files->config, "do_lower_case", path, &rules->lower_case, &found, error));
    if (found) rules->strip_accents = rules->lower_case;
    SAGE_TRY(sage_wp_bool(files->config, "strip_accents", path, &rules->strip_accents, &found, error));
    SAGE_TRY(sage_wp_bool(files->config, "tokenize_chinese_chars", path, &rules->split_ideographs, &found, error));
    SAGE_TRY(sage_wp_bool(files->config, "do_basic_tokenize", path, &basic, &found, error));
    if (!basic) st = refuse(files, "\"do_basic_tokenize\" is false", error);
out:
    return st;
}

sage_status sage_wp_read_config(sage_wp_files *files, sage_wordpiece *w, sage_error *error) {
    sage_status st = SAGE_OK;
    bool generic;
    const char *class = json_string_value(json_object_get(files->config, "tokenizer_class"));
    const char *side = json_string_value(json_object_get(files->config, "truncation_side"));
    if (!known_class(class, &generic)) {
        return sage_fail_at(error, SAGE_E_FORMAT, files->config_path, 0, 0,
                            "its tokenizer_class is %.64s; only BERT's WordPiece tokenizers are read", class);
    }
    if (side != NULL && strcmp(side, "right") != 0) return refuse(files, "\"truncation_side\" is not right", error);
    if (files->tokenizer == NULL) SAGE_TRY(read_names(files, error));
    SAGE_TRY(read_length(files, w, error));
    if (!generic || files->tokenizer == NULL) SAGE_TRY(read_rules(files, error));
out:
    return st;
}

/* ---- vocab.txt ---- */

sage_status sage_wp_read_vocab(sage_wp_files *files, sage_wordpiece *w, sage_error *error) {
    sage_status st = SAGE_OK;
    char *text = NULL;
    size_t n, bad;
    uint32_t id = 0;
    SAGE_TRY(sage_fs_read_all(files->vocab_path, SAGE_WP_FILE_MAX, &text, &n, error));
    if (!sage_utf8_valid(text, n, &bad)) {
        st = sage_fail_at(error, SAGE_E_FORMAT, files->vocab_path, 0, 0, "byte %zu is not UTF-8", bad + 1);
        goto out;
    }
    w->word_max = 100;
    w->prefix = sage_strdup("##");
    if (w->prefix == NULL) {
        st = sage_fail_memory(error, 3);
        goto out;
    }
    for (size_t at = 0; at < n; id++) {
        const char *end = memchr(text + at, '\n', n - at);
        size_t len = end == NULL ? n - at : (size_t)(end - text) - at, next = at + len + 1;
        if (end != NULL && len > 0 && text[at + len - 1] == '\r') len--;
        if (id == SAGE_WP_ID_END) {
            st = sage_fail_at(error, SAGE_E_LIMIT, files->vocab_path, 0, 0, "it has more than %d tokens",
                              SAGE_WP_ID_END);
            goto out;
        }
        SAGE_TRY(sage_wp_vocab_add(&w->vocab, text + at, len, id, error));
        at = next;
    }
out:
    sage_free(text);
    return st;
}
