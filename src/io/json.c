#include <base/alloc.h>
#include <base/error.h>
#include <io/fs.h>
#include <io/json.h>

static sage_status parse(const char *text, size_t n, size_t flags, const char *source, json_t **root,
                         sage_error *error) {
    json_error_t at = {0};
    *root = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | flags, &at);
    if (*root != NULL) return SAGE_OK;
    enum json_error_code code = json_error_code(&at);
    /* jansson leaves no text behind where an allocation failed midway. */
    if (code == json_error_out_of_memory || at.text[0] == '\0') return sage_fail_memory(error, n);
    return sage_fail_at(error, SAGE_E_FORMAT, source, at.line > 0 ? (size_t)at.line : 0,
                        at.column > 0 ? (size_t)at.column : 0, "not valid JSON: %s", at.text);
}

sage_status sage_json_parse(const char *text, size_t n, const char *source, json_t **root, sage_error *error) {
    return parse(text, n, 0, source, root, error);
}

static sage_status read_file(const char *path, size_t max_bytes, size_t flags, json_t **root, sage_error *error) {
    char *text = NULL;
    size_t n = 0;
    *root = NULL;
    sage_status st = sage_fs_read_all(path, max_bytes, &text, &n, error);
    if (st == SAGE_OK) st = parse(text, n, flags, path, root, error);
    sage_free(text);
    return st;
}

sage_status sage_json_read(const char *path, size_t max_bytes, json_t **root, sage_error *error) {
    return read_file(path, max_bytes, 0, root, error);
}

sage_status sage_json_read_reals(const char *path, size_t max_bytes, json_t **root, sage_error *error) {
    return read_file(path, max_bytes, JSON_DECODE_INT_AS_REAL, root, error);
}

sage_status sage_json_write(const char *path, const json_t *root, sage_error *error) {
    sage_status st = SAGE_OK;
    /* Asked for its size first, then written into our own memory with a line break at the end. */
    size_t flags = JSON_INDENT(2) | JSON_ENCODE_ANY, n = json_dumpb(root, NULL, 0, flags);
    if (n == 0)
        return sage_fail(error, SAGE_E_MEMORY, "cannot write %s: out of memory, or a value that holds itself", path);
    char *text = sage_alloc(n + 1);
    if (text == NULL) return sage_fail_memory(error, n + 1);
    if (json_dumpb(root, text, n, flags) != n) {
        st = sage_fail_memory(error, n);
        goto out;
    }
    text[n] = '\n';
    st = sage_fs_replace(path, text, n + 1, error);
out:
    sage_free(text);
    return st;
}

static sage_status member(const json_t *object, const char *key, const char *kind, const char *source,
                          const json_t **value, sage_error *error) {
    *value = json_object_get(object, key);
    if (*value != NULL) return SAGE_OK;
    return sage_fail_at(error, SAGE_E_FORMAT, source, 0, 0, "member \"%s\" (%s) is missing", key, kind);
}

static sage_status other_type(const char *key, const char *kind, const char *source, sage_error *error) {
    return sage_fail_at(error, SAGE_E_FORMAT, source, 0, 0, "member \"%s\" is not %s", key, kind);
}

json_t *sage_json_or_free(json_t *value, int failed) {
    if (failed == 0) return value;
    json_decref(value);
    return NULL;
}

sage_status sage_json_int(const json_t *object, const char *key, int64_t *value, const char *source,
                          sage_error *error) {
    const json_t *found;
    *value = 0;
    sage_status st = member(object, key, "a whole number", source, &found, error);
    if (st != SAGE_OK) return st;
    if (!json_is_integer(found)) return other_type(key, "a whole number", source, error);
    *value = json_integer_value(found);
    return SAGE_OK;
}

sage_status sage_json_count(const json_t *object, const char *key, uint64_t *value, const char *source,
                            sage_error *error) {
    int64_t number = 0;
    sage_status st = sage_json_int(object, key, &number, source, error);
    if (st == SAGE_OK && number < 0) st = sage_fail_at(error, SAGE_E_FORMAT, source, 0, 0, "'%s' is negative", key);
    *value = st == SAGE_OK ? (uint64_t)number : 0;
    return st;
}

sage_status sage_json_real(const json_t *object, const char *key, double *value, const char *source,
                           sage_error *error) {
    const json_t *found;
    *value = 0;
    sage_status st = member(object, key, "a number", source, &found, error);
    if (st != SAGE_OK) return st;
    if (!json_is_number(found)) return other_type(key, "a number", source, error);
    *value = json_number_value(found);
    return SAGE_OK;
}

sage_status sage_json_text(const json_t *object, const char *key, const char **value, const char *source,
                           sage_error *error) {
    const json_t *found;
    *value = "";
    sage_status st = member(object, key, "a text", source, &found, error);
    if (st != SAGE_OK) return st;
    if (!json_is_string(found)) return other_type(key, "a text", source, error);
    *value = json_string_value(found);
    return SAGE_OK;
}
