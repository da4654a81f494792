#include <base/error.h>
#include <inttypes.h>
#include <io/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <train/run_file.h>

enum { RUN_FORMAT = 1, RUN_BYTES_MAX = 1 << 20 };

/* ---- the identity ---- */

static bool matters(const sage_option *row) {
    static const char *const rooms[] = {"dataset", "sampler", "model", "train"};
    static const char *const clock_keys[] = {"minutes", "checkpoint_every", "memory"};
    for (size_t i = 0; i < sizeof clock_keys / sizeof *clock_keys; i++)
        if (strcmp(row->key, clock_keys[i]) == 0) return false;
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++)
        if (strcmp(row->room, rooms[i]) == 0) return true;
    return false;
}

json_t *sage_run_options(const sage_options *options) {
    json_t *object = json_object();
    const sage_option *row;
    for (size_t i = 0; object && (row = sage_options_row(options, i)) != NULL; i++) {
        if (!matters(row)) continue;
        if (json_object_set_new(object, row->key, json_string(sage_options_text(options, row->key))) != 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

sage_status sage_run_identity(const sage_dataset *dataset, const sage_options *options,
                              const sage_train_settings *settings, json_t **identity, sage_error *error) {
    sage_dataset_info info;
    char vocabulary[17];
    sage_dataset_describe(dataset, &info);
    snprintf(vocabulary, sizeof vocabulary, "%016" PRIx64, sage_vocab_hash(sage_dataset_vocab(dataset)));
    *identity = json_pack("{sI sI ss sI sI sI so}", "dataset", (json_int_t)info.id, "products",
                          (json_int_t)sage_dataset_products(dataset), "vocabulary", vocabulary, "seed",
                          (json_int_t)settings->seed, "steps", (json_int_t)settings->steps, "batch",
                          (json_int_t)settings->batch, "options", sage_run_options(options));
    return *identity ? SAGE_OK : sage_fail_memory(error, RUN_BYTES_MAX);
}

sage_status sage_run_identity_text(const json_t *identity, char **text, sage_error *error) {
    *text = json_dumps(identity, JSON_COMPACT | JSON_SORT_KEYS);
    return *text ? SAGE_OK : sage_fail_memory(error, RUN_BYTES_MAX);
}

/* ---- reading ---- */

static void describe_value(const json_t *value, char *out, size_t out_bytes) {
    char *text = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
    snprintf(out, out_bytes, "%s", text ? text : "absent");
    free(text);
}

/* Names the first member in which two identities differ. */
static void name_difference(const json_t *before, json_t *now, char difference[160]) {
    const char *key;
    json_t *value;
    json_object_foreach(now, key, value) {
        const json_t *old = json_object_get(before, key);
        if (json_equal(old, value)) continue;
        if (json_is_object(value) && json_is_object(old)) {
            name_difference(old, value, difference);
            return;
        }
        char was[64], is[64];
        describe_value(old, was, sizeof was);
        describe_value(value, is, sizeof is);
        snprintf(difference, 160, "%.24s was %.48s and is %.48s", key, was, is);
        return;
    }
    snprintf(difference, 160, "an option is gone");
}

static sage_status read_result(const json_t *finished, const char *path, sage_train_result *result, sage_error *error) {
    sage_status st = SAGE_OK;
    int64_t steps, best_step, cold;
    SAGE_TRY(sage_json_int(finished, "steps", &steps, path, error));
    SAGE_TRY(sage_json_int(finished, "best_step", &best_step, path, error));
    SAGE_TRY(sage_json_int(finished, "cold_start", &cold, path, error));
    SAGE_TRY(sage_json_real(finished, "best_recall10", &result->best_recall10, path, error));
    SAGE_TRY(sage_json_real(finished, "seconds", &result->seconds, path, error));
    SAGE_TRY(sage_json_real(finished, "examples_per_s", &result->examples_per_s, path, error));
    result->steps = (uint64_t)steps;
    result->best_step = (uint64_t)best_step;
    result->cold_start = cold != 0;
out:
    return st;
}

sage_status sage_run_read(const char *path, json_t *identity, sage_run_found *found, char difference[160],
                          sage_train_result *result, sage_error *error) {
    sage_status st = SAGE_OK;
    json_t *root = NULL;
    *found = SAGE_RUN_NONE;
    if (!sage_fs_exists(path)) return SAGE_OK;
    st = sage_json_read(path, RUN_BYTES_MAX, &root, error);
    if (st == SAGE_E_FORMAT || st == SAGE_E_LIMIT) { /* the checkpoint says for itself what it belongs to */
        *found = SAGE_RUN_SAME;
        return SAGE_OK;
    }
    if (st != SAGE_OK) return st;
    const json_t *before = json_object_get(root, "identity"), *finished = json_object_get(root, "finished");
    if (!json_equal(before, identity)) {
        *found = SAGE_RUN_OTHER;
        name_difference(before, identity, difference);
    } else if (finished == NULL) {
        *found = SAGE_RUN_SAME;
    } else {
        SAGE_TRY(read_result(finished, path, result, error));
        *found = SAGE_RUN_FINISHED;
    }
out:
    json_decref(root);
    return st;
}

/* ---- writing ---- */

sage_status sage_run_write(const char *path, json_t *identity, size_t threads, const sage_train_result *result,
                           sage_error *error) {
    sage_status st = SAGE_OK;
    json_t *root = json_pack("{si sO s{si ss}}", "format", RUN_FORMAT, "identity", identity, "noted", "threads",
                             (int)threads, "isa", sage_isa());
    if (root && result) {
        json_t *finished =
            json_pack("{sI sI sf sf sf si}", "steps", (json_int_t)result->steps, "best_step",
                      (json_int_t)result->best_step, "best_recall10", result->best_recall10, "seconds", result->seconds,
                      "examples_per_s", result->examples_per_s, "cold_start", result->cold_start ? 1 : 0);
        if (json_object_set_new(root, "finished", finished) != 0) {
            json_decref(root);
            root = NULL;
        }
    }
    if (root == NULL) return sage_fail_memory(error, RUN_BYTES_MAX);
    st = sage_json_write(path, root, error);
    json_decref(root);
    return st;
}
