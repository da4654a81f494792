#include <base/alloc.h>
#include <base/error.h>
#include <io/fs.h>
#include <pretrained/wordpiece_files.h>
#include <string.h>

/* ---- added tokens ---- */

static bool has(const sage_wp_added_list *list, const char *content) {
    for (size_t i = 0; i < list->n; i++) {
        if (strcmp(list->tokens[i].content, content) == 0) return true;
    }
    return false;
}

/* The tokenizers library numbers added tokens itself: as the vocabulary does, or behind all that is there. */
static uint32_t expected_id(const sage_wordpiece *w, const char *content, size_t len) {
    uint32_t id = sage_wp_vocab_find(&w->vocab, content, len);
    if (id != SAGE_WP_NO_ID) return id;
    uint32_t next = (uint32_t)w->vocab.distinct;
    for (size_t i = 0; i < w->raw.n; i++) next = w->raw.tokens[i].id >= next ? w->raw.tokens[i].id + 1 : next;
    for (size_t i = 0; i < w->normalised.n; i++) {
        next = w->normalised.tokens[i].id >= next ? w->normalised.tokens[i].id + 1 : next;
    }
    return next;
}

static sage_status add_token(sage_wordpiece *w, const json_t *token, uint32_t id, const char *path, sage_error *error) {
    sage_status st = SAGE_OK;
    const char *content = json_string_value(json_object_get(token, "content"));
    bool single_word = false, normalised = false, found;
    if (content == NULL || content[0] == '\0') {
        return sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0, "an added token has no \"content\"");
    }
    if (has(&w->raw, content) || has(&w->normalised, content)) return SAGE_OK;
    if (w->raw.n + w->normalised.n == SAGE_WP_ADDED_MAX) {
        return sage_fail_at(error, SAGE_E_LIMIT, path, 0, 0, "it has more than %d added tokens", SAGE_WP_ADDED_MAX);
    }
    uint32_t expected = expected_id(w, content, strlen(content));
    if (id != expected) {
        return sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0,
                            "added token \"%.64s\" has the id %u where the tokenizers library gives it %u", content, id,
                            expected);
    }
    SAGE_TRY(sage_wp_bool(token, "single_word", path, &single_word, &found, error));
    SAGE_TRY(sage_wp_bool(token, "normalized", path, &normalised, &found, error));
    SAGE_TRY(sage_wp_added_add(normalised ? &w->normalised : &w->raw, content, strlen(content), id, single_word,
                               normalised ? &w->points : NULL, error));
    if (w->info.vocabulary <= id) w->info.vocabulary = (size_t)id + 1;
out:
    return st;
}

static sage_status add_listed(const sage_wp_files *files, sage_wordpiece *w, sage_error *error) {
    sage_status st = SAGE_OK;
    const json_t *list = json_object_get(files->tokenizer, "added_tokens");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *token = json_array_get(list, i);
        uint32_t id;
        SAGE_TRY(sage_wp_whole(json_object_get(token, "id"), SAGE_WP_ID_END, "an added token's id", files->json_path,
                               &id, error));
        SAGE_TRY(add_token(w, token, id, files->json_path, error));
    }
out:
    return st;
}

/* tokenizer_config.json's added_tokens_decoder: ids as keys. */
static sage_status add_decoded(const sage_wp_files *files, sage_wordpiece *w, sage_error *error) {
    sage_status st = SAGE_OK;
    json_t *map = json_object_get(files->config, "added_tokens_decoder");
    for (void *at = json_object_iter(map); at != NULL; at = json_object_iter_next(map, at)) {
        const char *key = json_object_iter_key(at);
        char *end;
        unsigned long id = strtoul(key, &end, 10);
        if (key[0] < '0' || key[0] > '9' || *end != '\0' || id >= SAGE_WP_ID_END) {
            st = sage_fail_at(error, SAGE_E_FORMAT, files->config_path, 0, 0,
                              "\"%.64s\" in \"added_tokens_decoder\" is no id", key);
            goto out;
        }
        SAGE_TRY(add_token(w, json_object_iter_value(at), (uint32_t)id, files->config_path, error));
    }
out:
    return st;
}

/* transformers matches the special tokens in the text whether or not a file lists them. What the vocabulary lacks is
 * left out: its id would be one that the encoder has no row for. */
static sage_status add_specials(const sage_wp_files *files, sage_wordpiece *w, sage_error *error) {
    sage_status st = SAGE_OK;
    for (size_t i = 0; i < SAGE_WP_SPECIALS && st == SAGE_OK; i++) {
        const char *name = files->name[i];
        uint32_t id = sage_wp_vocab_find(&w->vocab, name, strlen(name));
        if (id == SAGE_WP_NO_ID || name[0] == '\0' || has(&w->raw, name) || has(&w->normalised, name)) continue;
        st = sage_wp_added_add(&w->raw, name, strlen(name), id, false, NULL, error);
    }
    return st;
}

static sage_status add_tokens(const sage_wp_files *files, sage_wordpiece *w, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(add_listed(files, w, error));
    SAGE_TRY(add_decoded(files, w, error));
    SAGE_TRY(add_specials(files, w, error));
    SAGE_TRY(sage_wp_added_close(&w->raw, files->main, error));
    SAGE_TRY(sage_wp_added_close(&w->normalised, files->main, error));
out:
    return st;
}

/* ---- the whole ---- */

static sage_status find_special(const sage_wp_files *files, const sage_wordpiece *w, sage_wp_special special,
                                uint32_t *id, sage_error *error) {
    const char *name = files->name[special];
    *id = sage_wp_vocab_find(&w->vocab, name, strlen(name));
    if (*id != SAGE_WP_NO_ID) return SAGE_OK;
    return sage_fail_at(error, SAGE_E_FORMAT, files->main, 0, 0, "it has no token \"%.64s\"", name);
}

static sage_status find_specials(const sage_wp_files *files, sage_wordpiece *w, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(find_special(files, w, SAGE_WP_UNK, &w->info.unk, error));
    w->info.cls = files->cls;
    w->info.sep = files->sep;
    if (files->cls == SAGE_WP_NO_ID) SAGE_TRY(find_special(files, w, SAGE_WP_CLS, &w->info.cls, error));
    if (files->sep == SAGE_WP_NO_ID) SAGE_TRY(find_special(files, w, SAGE_WP_SEP, &w->info.sep, error));
    w->info.vocabulary = w->vocab.id_end;
    if (w->info.vocabulary <= w->info.cls) w->info.vocabulary = (size_t)w->info.cls + 1;
    if (w->info.vocabulary <= w->info.sep) w->info.vocabulary = (size_t)w->info.sep + 1;
out:
    return st;
}

static sage_status read_files(const char *dir, sage_wp_files *files, sage_wordpiece *w, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_path_join(files->vocab_path, dir, "vocab.txt", error));
    SAGE_TRY(sage_path_join(files->json_path, dir, "tokenizer.json", error));
    SAGE_TRY(sage_path_join(files->config_path, dir, "tokenizer_config.json", error));
    SAGE_TRY(sage_wp_read_json(files->json_path, &files->tokenizer, error));
    SAGE_TRY(sage_wp_read_json(files->config_path, &files->config, error));
    files->main = files->tokenizer != NULL ? files->json_path : files->vocab_path;
    if (files->tokenizer != NULL) {
        SAGE_TRY(sage_wp_read_tokenizer(files, w, error));
    } else if (sage_fs_exists(files->vocab_path)) {
        SAGE_TRY(sage_wp_read_vocab(files, w, error));
    } else {
        st = sage_fail(error, SAGE_E_NOT_FOUND, "%s has neither a tokenizer.json nor a vocab.txt", dir);
        goto out;
    }
    if (files->config != NULL) SAGE_TRY(sage_wp_read_config(files, w, error));
out:
    return st;
}

sage_status sage_wordpiece_open(const char *dir, sage_wordpiece **wordpiece, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_wp_files *files = sage_alloc(sizeof *files);
    sage_wordpiece *w = sage_alloc_zero(1, sizeof *w);
    *wordpiece = NULL;
    if (files == NULL || w == NULL) {
        sage_free(files);
        sage_free(w);
        return sage_fail_memory(error, sizeof *files + sizeof *w);
    }
    *files = (sage_wp_files){.name = {"[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"},
                             .cls = SAGE_WP_NO_ID,
                             .sep = SAGE_WP_NO_ID,
                             .rules = {true, true, true, true}};
    sage_wp_vocab_init(&w->vocab);
    SAGE_TRY(read_files(dir, files, w, error));
    SAGE_TRY(sage_wp_vocab_close(&w->vocab, w->prefix, files->main, error));
    SAGE_TRY(sage_wp_points_build(&files->rules, &w->points, error));
    SAGE_TRY(find_specials(files, w, error));
    SAGE_TRY(add_tokens(files, w, error));
    w->info.lower_case = files->rules.lower_case;
    w->info.strip_accents = files->rules.strip_accents;
out:
    json_decref(files->tokenizer);
    json_decref(files->config);
    sage_free(files);
    if (st != SAGE_OK) {
        sage_wordpiece_free(w);
    } else {
        *wordpiece = w;
    }
    return st;
}
