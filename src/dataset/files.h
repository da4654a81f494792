/* An open dataset: views into its mapped files, proved consistent on opening. */
#ifndef SAGE_DATASET_FILES_H
#define SAGE_DATASET_FILES_H

#include <dataset/layout.h>
#include <features/given.h>
#include <io/packed.h>

struct sage_dataset {
    sage_dataset_info info;
    int lock_fd; /* keeps the version from being pruned */
    char *vocab_path;
    sage_vocab *vocab;
    sage_packed *product_file, *query_file;

    size_t n_products, image_dim, sentence_dim;
    const int64_t *pids;
    const sage_fingerprint *fingerprints; /* NULL: a file without them */
    const uint64_t *same, *text_begin, *id_begin, *word_begin, *image_begin;
    const uint64_t *image_prints; /* NULL: a file without them */
    const uint32_t *text_field, *id_field, *ids, *words;
    const char *text;
    const float *images;
    const float *sentences; /* NULL: a file without them */
    const uint64_t *sentence_begin;

    size_t n_queries;
    uint64_t part_begin[SAGE_PARTS + 1], unknown[SAGE_PARTS];
    const uint8_t *surface;
    const char *query_text;
    const uint64_t *query_text_begin, *query_id_begin, *positive_begin, *pair_begin;
    const uint32_t *query_ids, *positives;
    const float *pictures; /* NULL: a file without them */
    const uint64_t *picture_begin;
    const float *query_sentences; /* NULL: a file without them */
    const uint64_t *query_sentence_begin;
    sage_given_set given;          /* copies of the shop's */
    const uint32_t *product_given; /* [N] places in those of the surface product, or UINT32_MAX; NULL: there are none */
    const uint32_t *looked_at;     /* NULL: nothing was looked at, or an older file */

    sage_packed *made_file; /* NULL: there is none */
    size_t n_made, n_made_all;
    const uint32_t *made_product;
    const uint64_t *made_text_begin;
    const char *made_text;
    const float *made_sentences;
    const sage_pair *pairs;

    sage_packed *user_file; /* NULL: an older dataset */
    size_t n_users;
    const sage_users_info *users;
    const char *user_id;
    const uint8_t *user_part;
    const uint64_t *user_id_begin, *user_event_begin, *target_begin;
    const sage_user_event *user_events;
    const uint32_t *targets;
};

/* Fill the views and prove: sizes agree, begins ascend and end where their data ends, every id, product and query
 * number is in range, image vectors are finite. Reads all of it once. */
sage_status sage_dataset_check_products(sage_dataset *dataset, const char *path, sage_error *error);
sage_status sage_dataset_check_queries(sage_dataset *dataset, const char *path, sage_error *error);

sage_status sage_dataset_check_users(sage_dataset *dataset, const char *path, sage_error *error);
sage_status sage_dataset_check_made(sage_dataset *dataset, const char *path, sage_error *error);

/* One that is being built, or is held by the caller. */
sage_status sage_dataset_open_at(const char *dir, bool verify, sage_dataset **dataset, sage_error *error);

/* Keys of the distinct words of product `index` that made queries draw from, ascending. */
const uint32_t *sage_dataset_words(const sage_dataset *dataset, size_t index, size_t *n);

#endif
