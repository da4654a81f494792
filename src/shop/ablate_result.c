#include <base/alloc.h>
#include <base/error.h>
#include <io/json.h>
#include <shop/ablate_result.h>
#include <string.h>

enum { FORMAT = 1, BYTES_MAX = 1 << 30 };
static const char *const part_names[SAGE_ABLATE_PARTS] = {"validation", "test"};

void sage_ablate_result_free(sage_ablate_result *result) {
    for (size_t p = 0; p < SAGE_ABLATE_PARTS; p++) sage_bench_found_free(&result->found[p]);
    *result = (sage_ablate_result){.there = false};
}

/* ---- writing ---- */

/* A miss is -1. NULL: no memory. */
static json_t *ranks_json(const uint32_t *ranks, size_t n) {
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < n; i++) {
        json_int_t rank = ranks[i] == SAGE_RANK_MISS ? -1 : (json_int_t)ranks[i];
        if (json_array_append_new(list, json_integer(rank)) == 0) continue;
        json_decref(list);
        list = NULL;
    }
    return list;
}

static json_t *part_json(const char *print, const sage_bench_found *found) {
    json_t *ranks = json_object(), *part;
    int failed = ranks == NULL;
    for (size_t s = 0; s < SAGE_SURFACES && failed == 0; s++)
        if (found->ranks[s] != NULL)
            failed = json_object_set_new(ranks, sage_surface_names[s], ranks_json(found->ranks[s], found->n[s]));
    if (failed != 0) {
        json_decref(ranks);
        return NULL;
    }
    part = json_pack("{ss so}", "questions", print, "ranks", ranks);
    return part;
}

static json_t *result_json(const char *identity, uint64_t dataset, size_t seed, const sage_ablate_result *result) {
    json_t *options = json_loads(identity, 0, NULL), *parts = json_object(), *root;
    int failed = parts == NULL || options == NULL;
    for (size_t p = 0; p < SAGE_ABLATE_PARTS && failed == 0; p++)
        failed = json_object_set_new(parts, part_names[p], part_json(result->print[p], &result->found[p]));
    if (failed != 0) {
        json_decref(options);
        json_decref(parts);
        return NULL;
    }
    root =
        json_pack("{si sI sI so sf sI sI sI sf so}", "format", FORMAT, "dataset", (json_int_t)dataset, "seed",
                  (json_int_t)seed, "options", options, "seconds", result->seconds, "steps", (json_int_t)result->steps,
                  "best_step", (json_int_t)result->best_step, "parameters", (json_int_t)result->parameters,
                  "validation_recall10", result->validation_recall10, "parts", parts);
    return root;
}

sage_status sage_ablate_result_write(const char *path, const char *identity, uint64_t dataset, size_t seed,
                                     const sage_ablate_result *result, sage_error *error) {
    sage_status st = SAGE_OK;
    char *text = NULL;
    json_t *root = result_json(identity, dataset, seed, result);
    if (root != NULL) text = json_dumps(root, JSON_COMPACT);
    if (text == NULL) SAGE_TRY(sage_fail_memory(error, 1 << 20));
    SAGE_TRY(sage_fs_replace(path, text, strlen(text), error));
out:
    free(text);
    json_decref(root);
    return st;
}

/* ---- reading ---- */

static sage_status damaged(const char *path, const char *what, sage_error *error) {
    return sage_fail(error, SAGE_E_FORMAT, "%s: %s", path, what);
}

static sage_status read_ranks(const json_t *list, const char *path, size_t n, uint32_t *ranks, sage_error *error) {
    if (json_array_size(list) != n) return damaged(path, "ranks of other questions", error);
    for (size_t i = 0; i < n; i++) {
        const json_t *value = json_array_get(list, i);
        json_int_t rank = json_integer_value(value);
        if (!json_is_integer(value) || rank < -1 || rank >= SAGE_BENCH_DEPTH)
            return damaged(path, "a rank is no number below 1000", error);
        ranks[i] = rank < 0 ? SAGE_RANK_MISS : (uint32_t)rank;
    }
    return SAGE_OK;
}

static sage_status read_part(const json_t *part, const char *path, sage_bench *bench, char print[SAGE_PRINT_TEXT],
                             sage_bench_found *found, sage_error *error) {
    sage_status st = SAGE_OK;
    const json_t *ranks = json_object_get(part, "ranks");
    const char *questions;
    SAGE_TRY(sage_json_text(part, "questions", &questions, path, error));
    if (strcmp(questions, bench->print) != 0) SAGE_TRY(damaged(path, "it was asked other questions", error));
    memcpy(print, bench->print, SAGE_PRINT_TEXT);
    for (int s = 0; s < SAGE_SURFACES; s++) {
        const json_t *list = json_object_get(ranks, sage_surface_names[s]);
        size_t n = sage_bench_ranks(bench, (sage_surface)s);
        if (list == NULL) continue;
        if ((found->ranks[s] = sage_alloc_zero(n, sizeof *found->ranks[s])) == NULL)
            SAGE_TRY(sage_fail_memory(error, n * sizeof *found->ranks[s]));
        found->n[s] = n;
        SAGE_TRY(read_ranks(list, path, n, found->ranks[s], error));
    }
out:
    return st;
}

static sage_status read_numbers(const json_t *root, const char *path, sage_ablate_result *result, sage_error *error) {
    sage_status st = SAGE_OK;
    int64_t format, steps, best, parameters;
    SAGE_TRY(sage_json_int(root, "format", &format, path, error));
    if (format != FORMAT) SAGE_TRY(damaged(path, "of another format", error));
    SAGE_TRY(sage_json_real(root, "seconds", &result->seconds, path, error));
    SAGE_TRY(sage_json_real(root, "validation_recall10", &result->validation_recall10, path, error));
    SAGE_TRY(sage_json_int(root, "steps", &steps, path, error));
    SAGE_TRY(sage_json_int(root, "best_step", &best, path, error));
    SAGE_TRY(sage_json_int(root, "parameters", &parameters, path, error));
    if (steps < 0 || best < 0 || parameters < 0) SAGE_TRY(damaged(path, "a count is negative", error));
    result->steps = (uint64_t)steps;
    result->best_step = (uint64_t)best;
    result->parameters = (uint64_t)parameters;
out:
    return st;
}

sage_status sage_ablate_result_read(const char *path, sage_bench *benches, sage_ablate_result *result,
                                    sage_error *error) {
    sage_status st = SAGE_OK;
    json_t *root = NULL;
    *result = (sage_ablate_result){.there = false};
    if (!sage_fs_exists(path)) return SAGE_OK;
    SAGE_TRY(sage_json_read(path, BYTES_MAX, &root, error));
    SAGE_TRY(read_numbers(root, path, result, error));
    for (size_t p = 0; p < SAGE_ABLATE_PARTS; p++)
        SAGE_TRY(read_part(json_object_get(json_object_get(root, "parts"), part_names[p]), path, &benches[p],
                           result->print[p], &result->found[p], error));
    result->there = true;
out:
    if (st != SAGE_OK) sage_ablate_result_free(result);
    json_decref(root);
    return st;
}
