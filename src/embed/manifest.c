#include "manifest.h"
#include <base/alloc.h>
#include <base/error.h>
#include <inttypes.h>
#include <io/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { MANIFEST_FORMAT = 1, MANIFEST_BYTES_MAX = 64 << 20 };
static const char MANIFEST[] = "manifest.json";

sage_status sage_vectors_damaged(const char *path, const char *what, sage_error *error) {
    return sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0, "%s; run 'itemsage embed --all' to compute all vectors again",
                        what);
}

sage_status sage_vectors_file(char out[SAGE_PATH_MAX], const char *dir, const char *format, uint64_t number,
                              sage_error *error) {
    char name[64];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(name, sizeof name, format, (unsigned long long)number);
#pragma GCC diagnostic pop
    return sage_path_join(out, dir, name, error);
}

void sage_manifest_free(sage_manifest *manifest) {
    sage_free(manifest->segments);
    *manifest = (sage_manifest){.next = 1};
}

sage_status sage_manifest_add(sage_manifest *manifest, const sage_segment_name *segment, sage_error *error) {
    if (sage_grow((void **)&manifest->segments, &manifest->capacity, manifest->n + 1, sizeof *manifest->segments) != 0)
        return sage_fail_memory(error, (manifest->n + 1) * sizeof *manifest->segments);
    manifest->segments[manifest->n++] = *segment;
    return SAGE_OK;
}

/* A changed digit would be another manifest as valid as this one, so a checksum of all members goes with them. */
static sage_status checksum(const json_t *root, char text[17], sage_error *error) {
    char *dump = json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS);
    if (dump == NULL) return sage_fail_memory(error, MANIFEST_BYTES_MAX);
    snprintf(text, 17, "%016" PRIx64, (uint64_t)XXH3_64bits(dump, strlen(dump)));
    free(dump);
    return SAGE_OK;
}

/* ---- reading ---- */

/* Takes the checksum out of the object that it was made of. */
static sage_status verify(json_t *root, const char *path, sage_error *error) {
    sage_status st = SAGE_OK;
    const char *text;
    char stored[32] = "", sum[17];
    SAGE_TRY(sage_json_text(root, "xxh3", &text, path, error));
    snprintf(stored, sizeof stored, "%s", text);
    json_object_del(root, "xxh3");
    SAGE_TRY(checksum(root, sum, error));
    if (strcmp(sum, stored) != 0) st = sage_fail(error, SAGE_E_FORMAT, "wrong checksum");
out:
    return st;
}

/* Segments without one are of the time when there was only f32. */
static sage_status read_precision(const json_t *entry, sage_precision *precision, sage_error *error) {
    const json_t *value = json_object_get(entry, "precision");
    *precision = SAGE_PRECISION_F32;
    if (value == NULL) return SAGE_OK;
    for (int p = SAGE_PRECISION_F32; json_is_string(value) && p <= SAGE_PRECISION_INT8; p++) {
        *precision = (sage_precision)p;
        if (strcmp(json_string_value(value), sage_precision_name(*precision)) == 0) return SAGE_OK;
    }
    return sage_fail(error, SAGE_E_FORMAT, "\"precision\" of a segment is unknown");
}

static sage_status read_segments(const json_t *list, const char *path, sage_manifest *manifest, sage_error *error) {
    sage_status st = SAGE_OK;
    if (!json_is_array(list)) return sage_fail(error, SAGE_E_FORMAT, "\"segments\" is not a list");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i);
        sage_segment_name name;
        uint64_t number, rows, before = manifest->n ? manifest->segments[manifest->n - 1].number : 0;
        SAGE_TRY(sage_json_count(entry, "number", &number, path, error));
        SAGE_TRY(sage_json_count(entry, "rows", &rows, path, error));
        if (number <= before || number >= manifest->next)
            SAGE_TRY(sage_fail(error, SAGE_E_FORMAT, "segment numbers are not in order"));
        name = (sage_segment_name){.number = number, .rows = (size_t)rows};
        SAGE_TRY(read_precision(entry, &name.precision, error));
        SAGE_TRY(sage_manifest_add(manifest, &name, error));
    }
out:
    return st;
}

static sage_status read_members(const json_t *root, const char *path, sage_manifest *manifest, sage_error *error) {
    sage_status st = SAGE_OK;
    uint64_t format, dim;
    SAGE_TRY(sage_json_count(root, "format", &format, path, error));
    if (format != MANIFEST_FORMAT) SAGE_TRY(sage_fail(error, SAGE_E_FORMAT, "written by another version of itemsage"));
    SAGE_TRY(sage_json_count(root, "dim", &dim, path, error));
    SAGE_TRY(sage_json_count(root, "next", &manifest->next, path, error));
    SAGE_TRY(sage_json_count(root, "dead", &manifest->dead, path, error));
    SAGE_TRY(sage_json_count(root, "all_from", &manifest->all_from, path, error));
    SAGE_TRY(read_segments(json_object_get(root, "segments"), path, manifest, error));
    manifest->dim = (size_t)dim;
out:
    return st;
}

sage_status sage_manifest_read(const char *dir, sage_manifest *manifest, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    json_t *root = NULL;
    *manifest = (sage_manifest){.next = 1};
    SAGE_TRY(sage_path_join(path, dir, MANIFEST, error));
    if (!sage_fs_exists(path)) goto out;
    st = sage_json_read(path, MANIFEST_BYTES_MAX, &root, error);
    if (st == SAGE_OK) st = verify(root, path, error);
    if (st == SAGE_OK) st = read_members(root, path, manifest, error);
    if (st == SAGE_E_FORMAT || st == SAGE_E_LIMIT) {
        char what[200];
        snprintf(what, sizeof what, "damaged (%.150s)", error ? error->text : "not readable");
        st = sage_vectors_damaged(path, what, error);
    }
    if (st != SAGE_OK) sage_manifest_free(manifest);
out:
    json_decref(root);
    return st;
}

/* ---- writing ---- */

static json_t *to_json(uint64_t model, const sage_manifest *manifest) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < manifest->n; i++) {
        const sage_segment_name *name = &manifest->segments[i];
        json_t *entry = json_pack("{sI sI ss}", "number", (json_int_t)name->number, "rows", (json_int_t)name->rows,
                                  "precision", sage_precision_name(name->precision));
        if (json_array_append_new(list, entry) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return json_pack("{si sI sI sI sI sI so}", "format", MANIFEST_FORMAT, "model", (json_int_t)model, "dim",
                     (json_int_t)manifest->dim, "next", (json_int_t)manifest->next, "dead", (json_int_t)manifest->dead,
                     "all_from", (json_int_t)manifest->all_from, "segments", list);
}

sage_status sage_manifest_write(const char *dir, uint64_t model, const sage_manifest *manifest, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    json_t *root = to_json(model, manifest);
    if (root == NULL) return sage_fail_memory(error, manifest->n * 64);
    char sum[17];
    SAGE_TRY(checksum(root, sum, error));
    if (json_object_set_new(root, "xxh3", json_string(sum)) != 0) SAGE_TRY(sage_fail_memory(error, sizeof sum));
    SAGE_TRY(sage_fs_sync_dir(dir, error)); /* the files that it names must not vanish under it */
    SAGE_TRY(sage_path_join(path, dir, MANIFEST, error));
    SAGE_TRY(sage_json_write(path, root, error));
out:
    json_decref(root);
    return st;
}

/* ---- what is not named goes ---- */

typedef struct sweep {
    const char *dir;
    const sage_manifest *manifest;
} sweep;

static bool names_segment(const sage_manifest *manifest, uint64_t number) {
    for (size_t i = 0; i < manifest->n; i++)
        if (manifest->segments[i].number == number) return true;
    return false;
}

/* True for files of ours that are not in use; whatever else lies there is left alone. */
static bool left_over(const sage_manifest *manifest, const char *name) {
    unsigned long long number;
    int end = 0;
    size_t len = strlen(name);
    if (strncmp(name, ".tmp-", 5) == 0) return true;
    if (sscanf(name, "dead-%llu.bin%n", &number, &end) == 1 && (size_t)end == len) return number != manifest->dead;
    end = 0;
    if (sscanf(name, "%llu.npy%n", &number, &end) == 1 && (size_t)end == len) return !names_segment(manifest, number);
    end = 0;
    if (sscanf(name, "%llu.rows%n", &number, &end) == 1 && (size_t)end == len) return !names_segment(manifest, number);
    return false;
}

static sage_status sweep_one(void *ctx, const char *name, sage_error *error) {
    const sweep *work = ctx;
    char path[SAGE_PATH_MAX];
    if (!left_over(work->manifest, name)) return SAGE_OK;
    sage_status st = sage_path_join(path, work->dir, name, error);
    return st == SAGE_OK ? sage_fs_unlink(path, error) : st;
}

sage_status sage_manifest_sweep(const char *dir, const sage_manifest *manifest, sage_error *error) {
    sweep work = {dir, manifest};
    return sage_fs_list(dir, sweep_one, &work, error);
}
