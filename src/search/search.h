/* A release opened for searching: query model, index, keywords, fusion. */
#ifndef SAGE_SEARCH_SEARCH_H
#define SAGE_SEARCH_SEARCH_H

#include <embed/embed.h>
#include <index/index.h>
#include <itemsage/search.h>
#include <keywords/keywords.h>
#include <search/fusion.h>

extern const sage_option sage_search_options[]; /* fusion depth, ... */

/* What `current` names (shop/release.h reads and writes it). */
typedef struct sage_release {
    uint64_t product_model, query_model, vectors, index, keywords;
    int64_t catalogue_revision;
    uint64_t inbox_position;
    sage_fusion fusion;
} sage_release;

typedef struct sage_engine sage_engine; /* one thread at a time */
sage_status sage_engine_open(const char *shop_dir, const sage_release *release, sage_pool *pool, sage_engine **engine, sage_error *error);
void sage_engine_close(sage_engine *engine);
const sage_index *sage_engine_index(const sage_engine *engine);
void sage_engine_set_fusion(sage_engine *engine, const sage_fusion *fusion);

/* Top k pids of a text by one method, descending; out has room for k. */
sage_status sage_engine_text(sage_engine *engine, sage_method method, const char *text, size_t len, size_t k, sage_scored *out, size_t *n,
                             sage_error *error);
/* Many texts by vectors at once (evaluation): out [n_texts][k], found[n_texts]. */
sage_status sage_engine_texts_by_vectors(sage_engine *engine, const sage_str *texts, size_t n_texts, size_t k, sage_scored *out, size_t *found,
                                         sage_error *error);
/* Products like one of the index, without itself and its item_group_id. */
sage_status sage_engine_similar(sage_engine *engine, int64_t pid, size_t k, sage_scored *out, size_t *n, sage_error *error);

#endif
