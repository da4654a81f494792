/* A shop that is just large enough to train and embed: furniture in a few words, and a model of a few thousand
 * parameters. For tests of rooms that use catalog, text and model. */
#ifndef SAGE_TESTS_TINY_SHOP_H
#define SAGE_TESTS_TINY_SHOP_H

#include "scratch.h"
#include <base/option_table.h>
#include <catalog/catalog.h>
#include <features/features.h>
#include <io/npy.h>
#include <io/version.h>
#include <model/model.h>

static inline void tiny_must(sage_status st, const sage_error *error, const char *what) {
    char line[900];
    if (st == SAGE_OK) return;
    fprintf(stderr, "%s: %s\n", what, sage_error_line(error, line, sizeof line));
    abort();
}

/* Products `begin` .. `end`-1 of an endless catalogue; those divisible by `changed` (0: none) have another title. */
static inline void tiny_write_feed(const char *path, size_t begin, size_t end, size_t changed) {
    static const char *const colours[] = {"red", "blue", "green", "white", "black", "grey", "yellow"};
    static const char *const stuffs[] = {"oak", "pine", "steel", "glass", "linen"};
    static const char *const things[] = {"table", "chair", "lamp",  "shelf",  "bench", "stool",
                                         "desk",  "bed",   "couch", "mirror", "rug"};
    static const char *const brands[] = {"Norden", "Alba", "Casa Viva", "Bo", "Linea", "Opus"};
    FILE *file = fopen(path, "wb");
    scratch_must(file != NULL, path);
    fprintf(file, "id\ttitle\tdescription\tlink\tbrand\tproduct_type\tcolor\tmaterial\tprice\n");
    for (size_t i = begin; i < end; i++) {
        const char *colour = colours[i % 7], *stuff = stuffs[i / 2 % 5], *thing = things[i / 3 % 11];
        fprintf(file,
                "p%zu\t%s %s %s %zu%s\tA %s made of %s.\thttps://shop.example/%s/%zu\t%s\tFurniture > "
                "%s\t%s\t%s\t%zu.50 EUR\n",
                i, colour, stuff, thing, i % 13, changed && i % changed == 0 ? " new edition" : "", thing, stuff, thing,
                i, brands[i % 6], thing, colour, stuff, 10 + i);
    }
    scratch_must(fclose(file) == 0, path);
}

/* Opens dir/catalog.db, made where it is absent. */
static inline sage_catalog *tiny_catalog(const char *dir) {
    sage_catalog *catalog = NULL;
    sage_error error = {0};
    const char *path = scratch_path(dir, "catalog.db");
    if (!sage_fs_exists(path)) tiny_must(sage_catalog_create(path, &error), &error, "create the catalogue");
    tiny_must(sage_catalog_open(path, true, &catalog, &error), &error, "open the catalogue");
    return catalog;
}

/* Makes the catalogue consist of products 0 .. n-1 without [gone_begin, gone_end). */
static inline void tiny_import(sage_catalog *catalog, const char *dir, size_t n, size_t gone_begin, size_t gone_end,
                               size_t changed) {
    char first[SAGE_PATH_MAX], second[SAGE_PATH_MAX];
    sage_error error = {0};
    sage_import_report report;
    snprintf(first, sizeof first, "%s", scratch_path(dir, "first.tsv"));
    snprintf(second, sizeof second, "%s", scratch_path(dir, "second.tsv"));
    tiny_write_feed(first, 0, gone_begin, changed);
    tiny_write_feed(second, gone_end, n, changed);
    const char *files[] = {first, second};
    sage_import_options options = {.full = true};
    tiny_must(sage_catalog_import_products(catalog, files, 2, &options, NULL, &report, &error), &error, "import");
    scratch_must(report.rejected == 0, "an import without rejects");
}

/* Events: queries "<colour> <thing>" that led to the products that have both words. */
static inline void tiny_import_events(sage_catalog *catalog, const char *dir, size_t n) {
    char path[SAGE_PATH_MAX];
    static const char *const colours[] = {"red", "blue", "green", "white", "black", "grey", "yellow"};
    static const char *const things[] = {"table", "chair", "lamp",  "shelf",  "bench", "stool",
                                         "desk",  "bed",   "couch", "mirror", "rug"};
    sage_error error = {0};
    sage_import_report report;
    snprintf(path, sizeof path, "%s", scratch_path(dir, "events.tsv"));
    FILE *file = fopen(path, "wb");
    scratch_must(file != NULL, path);
    fprintf(file, "event\tproduct_id\tquery\n");
    for (size_t i = 0; i < n; i++)
        fprintf(file, "%s\tp%zu\t%s %s\n", i % 5 ? "click" : "add_to_cart", i, colours[i % 7], things[i / 3 % 11]);
    scratch_must(fclose(file) == 0, path);
    const char *files[] = {path};
    sage_import_options options = {0};
    tiny_must(sage_catalog_import_events(catalog, files, 1, &options, NULL, &report, &error), &error, "import events");
    scratch_must(report.rejected == 0 && report.unknown_products == 0, "an import of events without rejects");
}

/* ---- a model: untrained, which is enough to embed with ---- */

static inline void tiny_vocabulary(sage_catalog *catalog, const char *path, const char *tmp_dir) {
    sage_error error = {0};
    sage_vocab_limits limits = {.max = {10000, 10000, 10000}, .min_df = {1, 1, 1}, .memory_bytes = 64 << 20};
    sage_vocab_builder *builder = NULL;
    sage_product_cursor *cursor = NULL;
    const sage_product_row *row;
    sage_product_text text;
    sage_str *words = NULL;
    size_t capacity = 0, n;
    sage_product_text_init(&text);
    tiny_must(sage_vocab_builder_new(&limits, tmp_dir, &builder, &error), &error, "a vocabulary");
    tiny_must(sage_product_cursor_open(catalog, 0, 0, &cursor, &error), &error, "read products");
    while (tiny_must(sage_product_cursor_next(cursor, &row, &error), &error, "read a product"), row != NULL) {
        tiny_must(sage_product_text_read(row, &text, &error), &error, "normalise");
        for (unsigned f = 0; f < SAGE_FIELDS; f++) {
            tiny_must(sage_field_words(sage_product_text_field(&text, (sage_field)f), &words, &capacity, &n, &error),
                      &error, "words");
            tiny_must(sage_vocab_builder_text(builder, words, n, &error), &error, "count");
        }
        tiny_must(sage_vocab_builder_end_document(builder, &error), &error, "count");
    }
    tiny_must(sage_vocab_builder_write(builder, path, NULL, &error), &error, "write the vocabulary");
    sage_product_cursor_close(cursor);
    sage_vocab_builder_free(builder);
    sage_product_text_free(&text);
    sage_free(words);
}

static inline sage_options *tiny_model_options(void) {
    sage_options *options = NULL;
    size_t n = 0;
    while (sage_model_options[n].key) n++;
    sage_error error = {0};
    tiny_must(sage_options_over(sage_model_options, n, &options, &error), &error, "options");
    return options;
}

/* Makes models/<number>; its path. */
static inline void tiny_model_dir(const char *dir, uint64_t number, char path[SAGE_PATH_MAX]) {
    char models[SAGE_PATH_MAX];
    sage_error error = {0};
    snprintf(models, sizeof models, "%s", scratch_path(dir, "models"));
    tiny_must(sage_fs_mkdir(models, &error), &error, "mkdir");
    tiny_must(sage_version_path(path, models, number, &error), &error, "path");
    tiny_must(sage_fs_mkdir(path, &error), &error, "mkdir");
}

/* path/model.safetensors for the vocabulary that lies there; with user_events > 0 also with towers for users, and for
 * products that are looked at. */
static inline void tiny_write_model_with(const char *path, uint64_t number, size_t n_groups, const sage_group *groups,
                                         size_t user_events) {
    sage_error error = {0};
    sage_vocab *vocab = NULL;
    sage_model *model = NULL;
    sage_options *options = tiny_model_options();
    tiny_must(sage_vocab_open(scratch_path(path, "vocabulary"), &vocab, &error), &error, "open the vocabulary");
    sage_model_shape shape = {.vocab = sage_vocab_size(vocab),
                              .rows = 300,
                              .hashes = 2,
                              .dim_embed = 16,
                              .dim_model = 16,
                              .heads = 2,
                              .dim_ff = 32,
                              .dim_head = 16,
                              .dim_out = 16,
                              .n_groups = n_groups};
    if (n_groups > 0) memcpy(shape.groups, groups, n_groups * sizeof *groups);
    if (user_events > 0)
        tiny_must(sage_model_shape_towers(options, true, user_events, &shape, &error), &error, "towers");
    tiny_must(sage_model_new(&shape, options, vocab, number, &model, &error), &error, "a model");
    size_t n, n_meta;
    const sage_tensor *tensors = sage_model_tensors(model, &n);
    const sage_tensor_meta *meta = sage_model_meta(model, &n_meta);
    tiny_must(sage_safetensors_write(scratch_path(path, "model.safetensors"), tensors, n, meta, n_meta, &error), &error,
              "write the model");
    sage_model_free(model);
    sage_vocab_close(vocab);
    sage_options_free(options);
}

static inline void tiny_write_model_of(const char *path, uint64_t number, size_t n_groups, const sage_group *groups) {
    tiny_write_model_with(path, number, n_groups, groups, 0);
}

static inline void tiny_write_model(const char *path, uint64_t number, size_t dim_image) {
    const sage_group pictures = {SAGE_GROUP_PICTURES, dim_image};
    tiny_write_model_of(path, number, dim_image > 0, &pictures);
}

/* models/<number> with model.safetensors and vocabulary, of the catalogue's words. */
static inline void tiny_publish_model_with(sage_catalog *catalog, const char *dir, uint64_t number, size_t dim_image) {
    char path[SAGE_PATH_MAX];
    tiny_model_dir(dir, number, path);
    tiny_vocabulary(catalog, scratch_path(path, "vocabulary"), path);
    tiny_write_model(path, number, dim_image);
}

static inline void tiny_publish_model(sage_catalog *catalog, const char *dir, uint64_t number) {
    tiny_publish_model_with(catalog, dir, number, 0);
}

/* Gives products 0 .. n-1 one image vector each. */
static inline void tiny_import_images(sage_catalog *catalog, const char *dir, size_t n, size_t dim) {
    char npy_path[SAGE_PATH_MAX], ids_path[SAGE_PATH_MAX];
    sage_error error = {0};
    sage_npy_writer writer;
    sage_import_report report;
    snprintf(npy_path, sizeof npy_path, "%s", scratch_path(dir, "images.npy"));
    snprintf(ids_path, sizeof ids_path, "%s", scratch_path(dir, "images.ids"));
    tiny_must(sage_npy_create(npy_path, n, dim, &writer, &error), &error, "image vectors");
    FILE *ids = fopen(ids_path, "wb");
    scratch_must(ids != NULL, ids_path);
    for (size_t i = 0; i < n; i++) {
        float vector[64];
        for (size_t k = 0; k < dim; k++) vector[k] = (float)((i * 7 + k * 3) % 11) - 4.5f;
        tiny_must(sage_npy_add(&writer, vector, 1, &error), &error, "image vectors");
        fprintf(ids, "p%zu\n", i);
    }
    scratch_must(fclose(ids) == 0, ids_path);
    tiny_must(sage_npy_finish(&writer, &error), &error, "image vectors");
    tiny_must(sage_catalog_import_image_vectors(catalog, dir, npy_path, ids_path, NULL, &report, &error), &error,
              "import image vectors");
    scratch_must(report.rejected == 0, "an import of image vectors without rejects");
}

#endif
