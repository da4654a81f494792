/* The inside of sage_dataset_build: what its passes share. Every stream goes to a spool, so memory does not grow with
 * the catalogue, but for 20 bytes a product while equal products are joined. */
#ifndef SAGE_DATASET_BUILD_H
#define SAGE_DATASET_BUILD_H

#include <dataset/layout.h>
#include <dataset/split.h>
#include <features/given.h>
#include <io/fs.h>
#include <io/spool.h>

enum { SAGE_SAME_RELATIONS = 3 }; /* item_group_id, fingerprint, title */

typedef struct sage_product_spools {
    sage_spool pids, fingerprints, same, relation[SAGE_SAME_RELATIONS];
    sage_spool text, text_begin, text_field;
    sage_spool id_begin, id_field;
    sage_spool words, word_begin;
    sage_spool images, image_begin, image_prints;
    sage_spool sentences, sentence_begin;
    sage_spool given;
    uint64_t n, n_words, n_images, image_dim, n_sentences;
    sage_picture_parts image_parts;
} sage_product_spools;

typedef struct sage_part_spools {
    sage_spool surface, text, text_end, positives, positive_end, pictures, picture_end, sentences, sentence_end,
        looked_at, pairs[SAGE_TASKS];
    uint64_t n_queries, n_pairs[SAGE_TASKS], unknown, n_pictures, n_sentences;
    bool open; /* the current query has a pair in this part */
} sage_part_spools;

typedef struct sage_user_spools {
    sage_spool id, id_begin, part, events, event_begin, targets[SAGE_EVENT_KINDS];
    uint64_t n, n_events, cut_events, cut_users;
} sage_user_spools;

typedef struct sage_build {
    sage_catalog *catalog;
    const char *shop_dir;
    const sage_options *options;
    sage_given_set given;      /* copies of the shop's */
    sage_sentences *sentences; /* NULL: none */
    sage_pool *pool;
    const sage_monitor *monitor;
    char dir[SAGE_PATH_MAX]; /* the version being made */
    sage_split split;
    sage_vocab_builder *counter;
    sage_vocab *vocab;
    sage_product_spools products;
    sage_part_spools parts[SAGE_PARTS];
    sage_user_spools users;
    sage_str *words; /* scratch */
    size_t words_capacity;
    uint64_t n_looked; /* queries of the surface product */
    uint64_t unseen;   /* queries of the surface image without a vector: left out */
    int64_t revision;
} sage_build;

sage_status sage_build_products(sage_build *build, sage_error *error); /* texts, words, images; counts n-grams */
sage_status sage_build_same(sage_build *build, sage_error *error);     /* joins equal products */
sage_status sage_build_events(sage_build *build,
                              sage_error *error); /* queries and pairs; counts training queries' n-grams */
sage_status sage_build_users(sage_build *build, sage_error *error); /* what people did; after the split is planned */
/* Index of the product with this pid, once the pids' spool is mapped. */
bool sage_build_find(const sage_build *build, int64_t pid, uint32_t *product);
sage_status sage_build_sentences(sage_build *build, sage_error *error); /* of titles and search texts */
/* n-gram ids of the products, straight into the writer's open section: they are most of a dataset, and a spool of them
 * would be written twice. The texts' spools stay. */
sage_status sage_build_ids(sage_build *build, sage_packed_writer *writer, sage_error *error);
sage_status sage_build_write_products(sage_build *build, sage_error *error);
sage_status sage_build_write_queries(sage_build *build, sage_error *error);
sage_status sage_build_write_users(sage_build *build, sage_error *error);
sage_status sage_build_made(sage_build *build, sage_error *error); /* made queries with sentences; after the others */
sage_status sage_build_write_meta(sage_build *build, sage_error *error);

#endif
