/* A tiny shop to judge: its products' numbers, an index that lacks one of them, and datasets. */
#ifndef SAGE_TESTS_TINY_EVAL_H
#define SAGE_TESTS_TINY_EVAL_H

#include "tiny_shop.h"
#include <dataset/dataset.h>
#include <index/index.h>

/* A new catalogue of n products, and their pids [n]. */
static inline sage_catalog *tiny_numbered(const char *dir, size_t n, int64_t *pids) {
    sage_error error = {0};
    sage_catalog *catalog = tiny_catalog(dir);
    tiny_import(catalog, dir, n, n, n, 0);
    for (size_t p = 0; p < n; p++) {
        char id[16];
        snprintf(id, sizeof id, "p%u", (unsigned)p % 10000);
        tiny_must(sage_catalog_find_product(catalog, id, &pids[p], &error), &error, id);
    }
    return catalog;
}

/* Of all products but `left_out`, with one and the same vector. */
static inline sage_index *tiny_index_without(const char *dir, const int64_t *pids, size_t n, size_t left_out) {
    char path[SAGE_PATH_MAX];
    const float vector[2] = {1, 0};
    sage_index_writer *writer;
    sage_index *index;
    sage_error error = {0};
    snprintf(path, sizeof path, "%s", scratch_path(dir, "index"));
    tiny_must(sage_fs_mkdir(path, &error), &error, path);
    tiny_must(sage_index_create(path, n - 1, 2, &writer, &error), &error, path);
    for (size_t p = 0; p < n; p++) {
        char id[16];
        snprintf(id, sizeof id, "p%u", (unsigned)p % 10000);
        const sage_str shown[SAGE_SHOWN] = {[SAGE_SHOW_ID] = {id, strlen(id)}};
        if (p != left_out) tiny_must(sage_index_add(writer, pids[p], vector, shown, &error), &error, id);
    }
    tiny_must(sage_index_finish(writer, &error), &error, path);
    tiny_must(sage_index_open(path, true, &index, &error), &error, path);
    return index;
}

/* With these settings, which NULL ends. */
static inline sage_dataset *tiny_packed(const char *dir, sage_catalog *catalog, const char *const *settings) {
    static sage_option table[64];
    size_t n = 0;
    uint64_t id;
    sage_error error = {0};
    sage_options *options;
    sage_dataset *dataset;
    for (; sage_dataset_options[n].key != NULL && n < 64; n++) table[n] = sage_dataset_options[n];
    tiny_must(sage_options_over(table, n, &options, &error), &error, "options");
    for (; *settings != NULL; settings++) tiny_must(sage_options_set(options, *settings, &error), &error, *settings);
    tiny_must(sage_dataset_build(catalog, dir, options, NULL, NULL, NULL, &id, &error), &error, "build the dataset");
    tiny_must(sage_dataset_open(dir, id, true, &dataset, &error), &error, "open the dataset");
    sage_options_free(options);
    return dataset;
}

#endif
