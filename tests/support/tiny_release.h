/* A published index and keywords over a tiny shop, with an engine on them. For tests of rooms that use search. */
#ifndef SAGE_TESTS_TINY_RELEASE_H
#define SAGE_TESTS_TINY_RELEASE_H

#include "tiny_shop.h"
#include <search/search.h>

enum { TINY_INDEXED = 120, TINY_INDEX_DIM = 16 };

static const sage_release tiny_release = {
    .product_model = 1, .query_model = 1, .vectors = 1, .index = 1, .keywords = 1, .fusion = {0.5, 100}};

/* The products' own embedding, as `embed` would make it; every fifth product is of one group with the next. */
static inline void tiny_publish_index(const char *dir, sage_catalog *catalog) {
    char path[SAGE_PATH_MAX], group[32];
    sage_error error = {0};
    sage_encoder *encoder;
    sage_index_writer *index;
    sage_keywords_writer *keywords;
    sage_product_cursor *cursor;
    const sage_product_row *row;
    snprintf(path, sizeof path, "%s", scratch_path(dir, "models/1"));
    tiny_must(sage_encoder_open(path, NULL, &encoder, &error), &error, "index");
    tiny_must(sage_fs_mkdir(scratch_path(dir, "index"), &error), &error, "index");
    tiny_must(sage_fs_mkdir(scratch_path(dir, "index/1"), &error), &error, "index");
    tiny_must(sage_fs_mkdir(scratch_path(dir, "keywords"), &error), &error, "index");
    tiny_must(sage_fs_mkdir(scratch_path(dir, "keywords/1"), &error), &error, "index");
    tiny_must(sage_index_create(scratch_path(dir, "index/1"), TINY_INDEXED, sage_encoder_dim(encoder), &index, &error),
              &error, "index");
    tiny_must(sage_keywords_create(scratch_path(dir, "keywords/1"), &keywords, &error), &error, "index");
    tiny_must(sage_product_cursor_open(catalog, 0, 0, &cursor, &error), &error, "index");
    for (size_t i = 0;; i++) {
        float vector[TINY_INDEX_DIM];
        size_t n;
        tiny_must(sage_product_cursor_next(cursor, &row, &error), &error, "index");
        if (row == NULL) break;
        tiny_must(sage_encoder_add_product(encoder, row, NULL, &error), &error, "index");
        tiny_must(sage_encoder_flush(encoder, vector, &n, &error), &error, "index");
        snprintf(group, sizeof group, "%s%zu", i % 5 < 2 ? "group" : "", i / 5);
        sage_str shown[SAGE_SHOWN] = {[SAGE_SHOW_ID] = row->id, [SAGE_SHOW_TITLE] = row->fields[SAGE_TITLE]};
        if (i % 5 < 2) shown[SAGE_SHOW_GROUP] = (sage_str){group, strlen(group)};
        tiny_must(sage_index_add(index, row->pid, vector, shown, &error), &error, "index");
        tiny_must(sage_keywords_add(keywords, row->pid, &row->fields[SAGE_TITLE], 1, &error), &error, "index");
    }
    tiny_must(sage_index_finish(index, &error), &error, "index");
    tiny_must(sage_keywords_finish(keywords, &error), &error, "index");
    sage_product_cursor_close(cursor);
    sage_encoder_close(encoder);
}

/* The shop in `dir`: products 0 .. TINY_INDEXED-1, an untrained model, index/1 and keywords/1. */
static inline sage_engine *tiny_engine(const char *dir) {
    sage_error error = {0};
    sage_engine *engine = NULL;
    sage_catalog *catalog = tiny_catalog(dir);
    tiny_import(catalog, dir, TINY_INDEXED, TINY_INDEXED, TINY_INDEXED, 0);
    tiny_publish_model(catalog, dir, 1);
    tiny_publish_index(dir, catalog);
    sage_catalog_close(catalog);
    tiny_must(sage_engine_open(dir, &tiny_release, true, NULL, &engine, &error), &error, "open the engine");
    return engine;
}

/* The same index with another model, which has towers and reads `events` of a user; as it begins, users are decaying
 * means and products stay. */
static inline sage_engine *tiny_engine_with_towers(const char *dir, size_t events) {
    char path[SAGE_PATH_MAX], vocabulary[SAGE_PATH_MAX];
    sage_error error = {0};
    sage_engine *engine = NULL;
    sage_release release = tiny_release;
    size_t n;
    release.query_model = 2;
    snprintf(path, sizeof path, "%s", scratch_path(dir, "models/2"));
    if (!sage_fs_exists(path)) {
        tiny_model_dir(dir, 2, path);
        char *words = scratch_read(scratch_path(dir, "models/1/vocabulary"), &n);
        snprintf(vocabulary, sizeof vocabulary, "%s", scratch_path(path, "vocabulary"));
        scratch_write(vocabulary, words, n);
        sage_free(words);
        tiny_write_model_with(path, 2, 0, NULL, events);
    }
    tiny_must(sage_engine_open(dir, &release, true, NULL, &engine, &error), &error, "open the engine");
    return engine;
}

#endif
