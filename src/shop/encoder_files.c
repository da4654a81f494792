/* Which files of a folder are the encoder, and copying them. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <io/json.h>
#include <shop/encoder_files.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

enum { JSON_MAX_BYTES = 1 << 20, CHUNK_BYTES = 1 << 20 };

/* ---- which ---- */

/* One that is not there is left out; nothing is listed twice. */
static sage_status add_file(const char *dir, const char *name, bool read, sage_encoder_manifest *manifest,
                            sage_error *error) {
    char path[SAGE_PATH_MAX];
    struct stat info;
    sage_status st = sage_path_join(path, dir, name, error);
    if (st != SAGE_OK) return st;
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode)) return SAGE_OK;
    for (size_t i = 0; i < manifest->n; i++)
        if (strcmp(manifest->files[i].name, name) == 0) return SAGE_OK;
    if (manifest->n == SAGE_ENCODER_FILES_MAX || strlen(name) > SAGE_ENCODER_FILE_NAME_MAX)
        return sage_fail(error, SAGE_E_LIMIT, "%s names too many modules, or one of a long name", dir);
    sage_encoder_file *file = &manifest->files[manifest->n++];
    *file = (sage_encoder_file){.read = read, .bytes = (uint64_t)info.st_size};
    snprintf(file->name, sizeof file->name, "%s", name);
    return SAGE_OK;
}

static sage_status add_files(const char *dir, const char *const *names, bool read, sage_encoder_manifest *manifest,
                             sage_error *error) {
    sage_status st = SAGE_OK;
    for (; *names != NULL && st == SAGE_OK; names++) st = add_file(dir, *names, read, manifest, error);
    return st;
}

/* The config.json of each folder that modules.json names; the encoder has refused what leads elsewhere. */
static sage_status add_modules(const char *dir, sage_encoder_manifest *manifest, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX], name[SAGE_PATH_MAX];
    json_t *modules = NULL;
    const json_t *module;
    size_t i;
    SAGE_TRY(add_file(dir, "1_Pooling/config.json", true, manifest, error));
    SAGE_TRY(sage_path_join(path, dir, "modules.json", error));
    if (!sage_fs_exists(path)) goto out;
    SAGE_TRY(sage_json_read_reals(path, JSON_MAX_BYTES, &modules, error));
    json_array_foreach(modules, i, module) {
        const char *folder = json_string_value(json_object_get(module, "path"));
        if (folder == NULL || folder[0] == '\0' || folder[0] == '.' || strchr(folder, '/') != NULL) continue;
        SAGE_TRY(sage_path_join(name, folder, "config.json", error));
        SAGE_TRY(add_file(dir, name, true, manifest, error));
    }
out:
    json_decref(modules);
    return st;
}

sage_status sage_encoder_files(const char *dir, sage_encoder_manifest *manifest, sage_error *error) {
    static const char *const both[] = {"config.json", "model.safetensors", NULL};
    static const char *const texts[] = {"modules.json", "sentence_bert_config.json", "tokenizer_config.json", NULL};
    static const char *const people[] = {"LICENSE",   "LICENSE.txt", "LICENSE.md", "NOTICE",
                                         "README.md", "SOURCE.txt",  NULL};
    sage_status st = SAGE_OK;
    manifest->n = 0;
    SAGE_TRY(add_files(dir, both, true, manifest, error));
    if (manifest->about.texts) {
        SAGE_TRY(add_files(dir, texts, true, manifest, error));
        SAGE_TRY(add_modules(dir, manifest, error));
        size_t before = manifest->n;
        SAGE_TRY(add_file(dir, "tokenizer.json", true, manifest, error));
        /* Where there is a tokenizer.json the vocabulary alone is not read. */
        if (manifest->n == before) SAGE_TRY(add_file(dir, "vocab.txt", true, manifest, error));
    } else {
        SAGE_TRY(add_file(dir, "preprocessor_config.json", true, manifest, error));
    }
    SAGE_TRY(add_files(dir, people, false, manifest, error));
out:
    return st;
}

/* ---- copying ---- */

static void write_hash(XXH128_hash_t hash, char out[SAGE_ENCODER_IDENTITY_BYTES]) {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, hash);
    for (size_t i = 0; i < sizeof canonical.digest; i++) snprintf(out + 2 * i, 3, "%02x", canonical.digest[i]);
}

typedef struct copying {
    const sage_monitor *monitor;
    sage_ticker ticker;
    XXH3_state_t *state;
    char *chunk;
    uint64_t done;
} copying;

static sage_status copy_bytes(copying *c, int from, const char *from_path, int to, const char *to_path,
                              sage_encoder_file *file, sage_error *error) {
    sage_status st = SAGE_OK;
    file->bytes = 0;
    XXH3_128bits_reset(c->state);
    for (;;) {
        ssize_t n = read(from, c->chunk, CHUNK_BYTES);
        if (n < 0) return sage_fail_errno(error, "read", from_path);
        if (n == 0) break;
        XXH3_128bits_update(c->state, c->chunk, (size_t)n);
        if (to >= 0) SAGE_TRY(sage_fs_write(to, to_path, c->chunk, (size_t)n, error));
        file->bytes += (uint64_t)n;
        c->done += (uint64_t)n;
        sage_ticker_tick(&c->ticker, c->done, NULL);
        SAGE_TRY(sage_check_cancel(c->monitor, "encoders add", error));
    }
    write_hash(XXH3_128bits_digest(c->state), file->hash);
out:
    return st;
}

static sage_status make_parent(const char *to, const char *name, sage_error *error) {
    char folder[SAGE_PATH_MAX], path[SAGE_PATH_MAX];
    const char *slash = strchr(name, '/');
    if (slash == NULL) return SAGE_OK;
    snprintf(folder, sizeof folder, "%.*s", (int)(slash - name), name);
    sage_status st = sage_path_join(path, to, folder, error);
    return st == SAGE_OK ? sage_fs_mkdir(path, error) : st;
}

static sage_status copy_file(copying *c, const char *dir, const char *to, sage_encoder_file *file, sage_error *error) {
    sage_status st = SAGE_OK;
    char from_path[SAGE_PATH_MAX], to_path[SAGE_PATH_MAX] = "";
    int from_fd = -1, to_fd = -1;
    SAGE_TRY(sage_path_join(from_path, dir, file->name, error));
    SAGE_TRY(sage_fs_open_read(from_path, &from_fd, error));
    if (to != NULL) {
        SAGE_TRY(sage_path_join(to_path, to, file->name, error));
        SAGE_TRY(make_parent(to, file->name, error));
        SAGE_TRY(sage_fs_create(to_path, true, &to_fd, error));
    }
    SAGE_TRY(copy_bytes(c, from_fd, from_path, to_fd, to_path, file, error));
out:
    sage_fs_close(from_fd, from_path, NULL);
    if (to_fd >= 0) {
        sage_status closed = sage_fs_close(to_fd, to_path, st == SAGE_OK ? error : NULL);
        if (st == SAGE_OK) st = closed;
    }
    return st;
}

/* Of what is read: each name with its end, size and hash, in the manifest's order, which is always the same. */
static void sum_up(copying *c, sage_encoder_manifest *manifest) {
    sage_encoder_about *about = &manifest->about;
    about->files = manifest->n;
    about->bytes = 0;
    XXH3_128bits_reset(c->state);
    for (size_t i = 0; i < manifest->n; i++) {
        const sage_encoder_file *file = &manifest->files[i];
        about->bytes += file->bytes;
        if (!file->read) continue;
        unsigned char size[8];
        for (int b = 0; b < 8; b++) size[b] = (unsigned char)(file->bytes >> 8 * b);
        XXH3_128bits_update(c->state, file->name, strlen(file->name) + 1);
        XXH3_128bits_update(c->state, size, sizeof size);
        XXH3_128bits_update(c->state, file->hash, sizeof file->hash);
    }
    write_hash(XXH3_128bits_digest(c->state), about->identity);
}

sage_status sage_encoder_copy(const char *dir, const char *to, sage_encoder_manifest *manifest,
                              const sage_monitor *monitor, sage_error *error) {
    sage_status st = SAGE_OK;
    uint64_t total = 0;
    copying c = {.monitor = monitor, .state = XXH3_createState(), .chunk = sage_alloc(CHUNK_BYTES)};
    if (c.state == NULL || c.chunk == NULL) {
        st = sage_fail_memory(error, CHUNK_BYTES);
        goto out;
    }
    for (size_t i = 0; i < manifest->n; i++) total += manifest->files[i].bytes;
    sage_ticker_begin(&c.ticker, monitor, "copy", total);
    for (size_t i = 0; i < manifest->n; i++) SAGE_TRY(copy_file(&c, dir, to, &manifest->files[i], error));
    sage_ticker_end(&c.ticker, c.done);
    sum_up(&c, manifest);
out:
    XXH3_freeState(c.state);
    sage_free(c.chunk);
    return st;
}
