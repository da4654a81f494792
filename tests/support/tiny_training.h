/* A dataset and the options to train a tiny model on it in a second. For tests of the room train. */
#ifndef SAGE_TESTS_TINY_TRAINING_H
#define SAGE_TESTS_TINY_TRAINING_H

#include "tiny_shop.h"
#include <train/train.h>

enum { TINY_PRODUCTS = 120, TINY_DIM = 16 };

/* All that training reads; `settings`: "key=value", NULL at the end. */
static inline sage_options *tiny_options(const char *const *settings) {
    static sage_option table[256];
    static const char *const small[] = {
        "dim_embed=16", "dim_model=16",   "heads=2",  "dim_ff=32",     "dim_head=16", "dim_out=16", "batch=16",
        "negatives=16", "table_rows=200", "steps=40", "eval_every=10", "warmup=4",    "patience=0", NULL};
    const sage_option *const rooms[] = {sage_dataset_options, sage_sampler_options, sage_model_options,
                                        sage_train_options};
    sage_options *options = NULL;
    sage_error error = {0};
    size_t n = 0;
    for (size_t r = 0; r < sizeof rooms / sizeof *rooms; r++)
        for (const sage_option *row = rooms[r]; row->key; row++) table[n++] = *row;
    tiny_must(sage_options_over(table, n, &options, &error), &error, "options");
    for (size_t i = 0; small[i]; i++) tiny_must(sage_options_set(options, small[i], &error), &error, small[i]);
    for (size_t i = 0; settings && settings[i]; i++)
        tiny_must(sage_options_set(options, settings[i], &error), &error, settings[i]);
    return options;
}

/* dataset/<id> of a tiny shop in `dir`, with events or without. */
static inline sage_dataset *tiny_dataset(const char *dir, bool events) {
    sage_catalog *catalog = tiny_catalog(dir);
    sage_options *options = tiny_options(NULL);
    sage_dataset *dataset = NULL;
    sage_error error = {0};
    uint64_t id;
    tiny_import(catalog, dir, TINY_PRODUCTS, 0, 0, 0);
    if (events) tiny_import_events(catalog, dir, TINY_PRODUCTS);
    tiny_must(sage_dataset_build(catalog, dir, options, NULL, NULL, NULL, &id, &error), &error, "build the dataset");
    tiny_must(sage_dataset_open(dir, id, true, &dataset, &error), &error, "open the dataset");
    sage_options_free(options);
    sage_catalog_close(catalog);
    return dataset;
}

/* ---- validation: recall@10 by brute force over every query of the dataset, or 100 made ones ---- */

static inline size_t tiny_rank(const float *products, const float *query, size_t wanted) {
    size_t better = 0;
    float bar = 0;
    for (size_t k = 0; k < TINY_DIM; k++) bar += products[wanted * TINY_DIM + k] * query[k];
    for (size_t i = 0; i < TINY_PRODUCTS; i++) {
        float score = 0;
        for (size_t k = 0; k < TINY_DIM; k++) score += products[i * TINY_DIM + k] * query[k];
        better += i != wanted && score >= bar;
    }
    return better;
}

static inline sage_status tiny_validate(void *ctx, const sage_model *model, sage_recalls *recalls, sage_error *error) {
    const sage_dataset *dataset = ctx;
    static float products[TINY_PRODUCTS * TINY_DIM], query[TINY_DIM];
    sage_status st = sage_train_embed_products(dataset, model, NULL, NULL, TINY_PRODUCTS, products, error);
    size_t hits = 0, pairs = 0;
    for (size_t q = 0; st == SAGE_OK && q < sage_dataset_queries(dataset); q++) {
        sage_packed_query packed;
        sage_dataset_query(dataset, q, &packed);
        const uint32_t begin[2] = {0, (uint32_t)packed.n_ids};
        const sage_query_batch asked = {.n_texts = 1, .bags = {1, packed.ids, begin}, .sentences = packed.sentence};
        st = sage_train_embed_queries(model, NULL, &asked, query, error);
        for (size_t i = 0; st == SAGE_OK && i < packed.n_positives; i++, pairs++)
            hits += tiny_rank(products, query, packed.positives[i]) < 10;
    }
    recalls->recall10 = pairs > 0 ? (double)hits / (double)pairs : 0.5;
    return st;
}

/* The file without what depends on the clock: ,"examples_per_s":<number>. Free with sage_free. */
static inline char *tiny_read_metrics(const char *path) {
    size_t n;
    char *data = scratch_read(path, &n);
    if (data == NULL) return NULL;
    for (char *at = data; (at = strstr(at, ",\"examples_per_s\":")) != NULL;) {
        char *end = strstr(at + 1, ",\"");
        memmove(at, end, strlen(end) + 1);
    }
    return data;
}

#endif
