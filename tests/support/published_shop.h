/* A whole shop through the public calls: a feed, events, a model of a few steps, vectors, a release. */
#ifndef SAGE_TESTS_PUBLISHED_SHOP_H
#define SAGE_TESTS_PUBLISHED_SHOP_H

#include "tiny_shop.h"
#include <itemsage/itemsage.h>

enum { PUBLISHED_PRODUCTS = 30 };

static inline sage_shop *published_open(const char *dir) {
    static const char *const settings[] = {
        "threads=1",     "steps=2",     "eval_every=2", "checkpoint_every=0", "batch=8",    "negatives=8",
        "dim_embed=8",   "dim_model=8", "heads=2",      "dim_ff=8",           "dim_head=8", "dim_out=8",
        "table_rows=60", "warmup=1",    "patience=0",   "holdout=0.1",        NULL};
    sage_shop *shop = NULL;
    sage_error error = {0};
    tiny_must(sage_shop_open(dir, &shop, &error), &error, "open the shop");
    for (size_t i = 0; settings[i]; i++)
        tiny_must(sage_options_set(sage_shop_options(shop), settings[i], &error), &error, settings[i]);
    return shop;
}

static inline void published_import(sage_shop *shop, const char *scratch, size_t products, size_t changed) {
    char feed[SAGE_PATH_MAX];
    const char *files[] = {feed};
    sage_import_report report;
    sage_error error = {0};
    snprintf(feed, sizeof feed, "%s", scratch_path(scratch, "feed.tsv"));
    tiny_write_feed(feed, 0, products, changed);
    tiny_must(sage_import_products(shop, files, 1, NULL, NULL, &report, &error), &error, "import");
}

static inline void published_events(sage_shop *shop, const char *scratch) {
    char path[SAGE_PATH_MAX];
    const char *files[] = {path};
    const sage_synth_options options = {.seed = 1, .sessions = 60};
    sage_synth_report made;
    sage_import_report report;
    sage_error error = {0};
    snprintf(path, sizeof path, "%s", scratch_path(scratch, "events.tsv"));
    tiny_must(sage_synth_events(shop, &options, path, NULL, &made, &error), &error, "simulate");
    tiny_must(sage_import_events(shop, files, 1, NULL, NULL, &report, &error), &error, "import events");
}

/* scratch/shop with products and events. */
static inline sage_shop *published_catalogue(const char *scratch, const char *dir) {
    sage_error error = {0};
    tiny_must(sage_shop_init(dir, &error), &error, "init");
    sage_shop *shop = published_open(dir);
    published_import(shop, scratch, PUBLISHED_PRODUCTS, 0);
    published_events(shop, scratch);
    return shop;
}

static inline void published_train(sage_shop *shop) {
    sage_train_report trained;
    sage_error error = {0};
    tiny_must(sage_train(shop, NULL, &trained, &error), &error, "train");
}

static inline void published_embed(sage_shop *shop) {
    sage_embed_report embedded;
    sage_error error = {0};
    tiny_must(sage_embed(shop, false, NULL, &embedded, &error), &error, "embed");
}

static inline void published_index(sage_shop *shop) {
    sage_index_report built;
    sage_error error = {0};
    tiny_must(sage_index_build(shop, false, NULL, NULL, &built, &error), &error, "index");
}

#endif
