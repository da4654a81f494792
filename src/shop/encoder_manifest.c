/* encoders/<name>/<n>/manifest.json: what the encoder is, and its files with sizes and hashes. */
#include <base/error.h>
#include <io/json.h>
#include <shop/encoder_files.h>
#include <stdio.h>
#include <string.h>

enum { MANIFEST_MAX_BYTES = 1 << 20, FORMAT = 1 };

static sage_status manifest_path(const char *dir, char path[SAGE_PATH_MAX], sage_error *error) {
    return sage_path_join(path, dir, "manifest.json", error);
}

/* ---- writing ---- */

static json_t *files_json(const sage_encoder_manifest *manifest) {
    json_t *files = json_array();
    for (size_t i = 0; i < manifest->n; i++) {
        const sage_encoder_file *file = &manifest->files[i];
        json_t *one = json_pack("{s:s, s:I, s:s, s:b}", "name", file->name, "bytes", (json_int_t)file->bytes, "hash",
                                file->hash, "read", file->read);
        if (json_array_append_new(files, one) != 0) {
            json_decref(files);
            return NULL;
        }
    }
    return files;
}

sage_status sage_encoder_manifest_write(const char *dir, const sage_encoder_manifest *manifest, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_encoder_about *a = &manifest->about;
    char path[SAGE_PATH_MAX];
    json_t *root =
        json_pack("{s:i, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:o}", "format", FORMAT, "family", a->family, "kind",
                  a->texts ? "texts" : "pictures", "precision", a->precision, "identity", a->identity, "dim",
                  (json_int_t)a->dim, "max_tokens", (json_int_t)a->max_tokens, "picture_size",
                  (json_int_t)a->picture_size, "parameters", (json_int_t)a->parameters, "files", files_json(manifest));
    if (root == NULL) return sage_fail_memory(error, MANIFEST_MAX_BYTES);
    SAGE_TRY(manifest_path(dir, path, error));
    SAGE_TRY(sage_json_write(path, root, error));
out:
    json_decref(root);
    return st;
}

/* ---- reading ---- */

static sage_status read_text(const json_t *object, const char *key, char *out, size_t bytes, const char *path,
                             sage_error *error) {
    const char *text;
    sage_status st = sage_json_text(object, key, &text, path, error);
    if (st != SAGE_OK) return st;
    if (strlen(text) >= bytes) return sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0, "\"%s\" is too long", key);
    memcpy(out, text, strlen(text) + 1);
    return SAGE_OK;
}

static sage_status read_about(const json_t *root, sage_encoder_about *a, const char *path, sage_error *error) {
    sage_status st = SAGE_OK;
    const char *kind;
    int64_t format;
    SAGE_TRY(sage_json_int(root, "format", &format, path, error));
    if (format != FORMAT) {
        st = sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0, "written by another version of itemsage (format %lld)",
                          (long long)format);
        goto out;
    }
    SAGE_TRY(read_text(root, "family", a->family, sizeof a->family, path, error));
    SAGE_TRY(read_text(root, "precision", a->precision, sizeof a->precision, path, error));
    SAGE_TRY(read_text(root, "identity", a->identity, sizeof a->identity, path, error));
    SAGE_TRY(sage_json_text(root, "kind", &kind, path, error));
    a->texts = strcmp(kind, "texts") == 0;
    SAGE_TRY(sage_json_count(root, "dim", &a->dim, path, error));
    SAGE_TRY(sage_json_count(root, "max_tokens", &a->max_tokens, path, error));
    SAGE_TRY(sage_json_count(root, "picture_size", &a->picture_size, path, error));
    SAGE_TRY(sage_json_count(root, "parameters", &a->parameters, path, error));
out:
    return st;
}

static sage_status check_size(const char *dir, const sage_encoder_file *file, sage_error *error) {
    char path[SAGE_PATH_MAX];
    uint64_t bytes = 0;
    sage_status st = sage_path_join(path, dir, file->name, error);
    if (st != SAGE_OK) return st;
    if (!sage_fs_exists(path)) return sage_fail(error, SAGE_E_FORMAT, "%s is missing", path);
    st = sage_fs_size(path, &bytes, error);
    if (st == SAGE_OK && bytes != file->bytes)
        st = sage_fail(error, SAGE_E_FORMAT, "%s has %llu bytes where there were %llu", path, (unsigned long long)bytes,
                       (unsigned long long)file->bytes);
    return st;
}

static sage_status read_files(const json_t *root, const char *dir, const char *path, sage_encoder_manifest *manifest,
                              sage_error *error) {
    sage_status st = SAGE_OK;
    const json_t *files = json_object_get(root, "files");
    size_t n = json_array_size(files);
    if (n == 0 || n > SAGE_ENCODER_FILES_MAX)
        return sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0, "it names no files, or too many");
    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_array_get(files, i);
        sage_encoder_file *file = &manifest->files[i];
        SAGE_TRY(read_text(one, "name", file->name, sizeof file->name, path, error));
        SAGE_TRY(read_text(one, "hash", file->hash, sizeof file->hash, path, error));
        SAGE_TRY(sage_json_count(one, "bytes", &file->bytes, path, error));
        file->read = json_is_true(json_object_get(one, "read"));
        SAGE_TRY(check_size(dir, file, error));
        manifest->about.bytes += file->bytes;
    }
    manifest->n = n;
    manifest->about.files = n;
out:
    return st;
}

sage_status sage_encoder_manifest_read(const char *dir, sage_encoder_manifest *manifest, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    json_t *root = NULL;
    memset(manifest, 0, sizeof *manifest);
    SAGE_TRY(manifest_path(dir, path, error));
    SAGE_TRY(sage_json_read(path, MANIFEST_MAX_BYTES, &root, error));
    SAGE_TRY(read_about(root, &manifest->about, path, error));
    SAGE_TRY(read_files(root, dir, path, manifest, error));
out:
    json_decref(root);
    return st;
}
