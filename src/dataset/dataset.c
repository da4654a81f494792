/* A built dataset, mapped. dataset_check.c proves on opening what the readers here rely on. */
#include <base/alloc.h>
#include <base/error.h>
#include <dataset/files.h>
#include <dataset/meta.h>
#include <io/version.h>

static sage_status open_files(sage_dataset *d, const char *dir, bool verify, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    SAGE_TRY(sage_path_join(path, dir, SAGE_VOCAB_FILE, error));
    d->vocab_path = sage_strdup(path);
    if (d->vocab_path == NULL) {
        st = sage_fail_memory(error, SAGE_PATH_MAX);
        goto out;
    }
    SAGE_TRY(sage_vocab_open(path, &d->vocab, error));
    SAGE_TRY(sage_path_join(path, dir, SAGE_PRODUCTS_FILE, error));
    SAGE_TRY(sage_given_open_copies(dir, verify, &d->given, error)); /* which products point into */
    SAGE_TRY(sage_packed_open(path, SAGE_PRODUCTS_MAGIC, SAGE_DATASET_VERSION, verify, &d->product_file, error));
    SAGE_TRY(sage_dataset_check_products(d, path, error));
    SAGE_TRY(sage_path_join(path, dir, SAGE_QUERIES_FILE, error));
    SAGE_TRY(sage_packed_open(path, SAGE_QUERIES_MAGIC, SAGE_DATASET_VERSION, verify, &d->query_file, error));
    SAGE_TRY(sage_dataset_check_queries(d, path, error));
out:
    return st;
}

static sage_status open_made(sage_dataset *d, const char *dir, bool verify, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    SAGE_TRY(sage_path_join(path, dir, SAGE_MADE_FILE, error));
    if (!sage_fs_exists(path)) goto out;
    SAGE_TRY(sage_packed_open(path, SAGE_MADE_MAGIC, SAGE_DATASET_VERSION, verify, &d->made_file, error));
    SAGE_TRY(sage_dataset_check_made(d, path, error));
out:
    return st;
}

/* Datasets of before have no users. */
static sage_status open_users(sage_dataset *d, const char *dir, int64_t contents, bool verify, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    SAGE_TRY(sage_path_join(path, dir, SAGE_USERS_FILE, error));
    if (contents < SAGE_CONTENTS_USERS && !sage_fs_exists(path)) goto out;
    SAGE_TRY(sage_packed_open(path, SAGE_USERS_MAGIC, SAGE_DATASET_VERSION, verify, &d->user_file, error));
    SAGE_TRY(sage_dataset_check_users(d, path, error));
out:
    return st;
}

/* Datasets from before there were several encoders at once do not name them. */
static sage_status check_parts(sage_dataset *d, const char *dir, sage_error *error) {
    sage_picture_parts *parts = &d->info.image_parts;
    if (parts->n == 0 && d->image_dim > 0) *parts = (sage_picture_parts){1, {d->image_dim}};
    if (sage_picture_parts_dim(parts) == d->image_dim) return SAGE_OK;
    return sage_fail_at(error, SAGE_E_FORMAT, dir, 0, 0,
                        "image vectors of width %zu, and its \"image_parts\" say %zu; build it again", d->image_dim,
                        sage_picture_parts_dim(parts));
}

sage_status sage_dataset_open_at(const char *dir, bool verify, sage_dataset **dataset, sage_error *error) {
    sage_status st = SAGE_OK;
    int64_t contents = 0;
    sage_dataset *d = sage_alloc_zero(1, sizeof *d);
    *dataset = NULL;
    if (d == NULL) return sage_fail_memory(error, sizeof *d);
    d->lock_fd = -1;
    SAGE_TRY(sage_meta_read(dir, &d->info, &contents, error));
    SAGE_TRY(open_files(d, dir, verify, error));
    SAGE_TRY(open_users(d, dir, contents, verify, error));
    SAGE_TRY(open_made(d, dir, verify, error));
    SAGE_TRY(check_parts(d, dir, error));
    *dataset = d;
    d = NULL;
out:
    sage_dataset_close(d);
    return st;
}

sage_status sage_dataset_open(const char *shop_dir, uint64_t id, bool verify, sage_dataset **dataset,
                              sage_error *error) {
    sage_status st = SAGE_OK;
    char parent[SAGE_PATH_MAX], dir[SAGE_PATH_MAX];
    int lock = -1;
    *dataset = NULL;
    SAGE_TRY(sage_path_join(parent, shop_dir, "dataset", error));
    SAGE_TRY(sage_version_path(dir, parent, id, error));
    SAGE_TRY(sage_version_hold(parent, id, &lock, error));
    SAGE_TRY(sage_dataset_open_at(dir, verify, dataset, error));
    (*dataset)->info.id = id;
    (*dataset)->lock_fd = lock;
    lock = -1;
out:
    sage_fs_unlock(lock);
    return st;
}

void sage_dataset_close(sage_dataset *dataset) {
    if (dataset == NULL) return;
    sage_packed_close(dataset->product_file);
    sage_packed_close(dataset->query_file);
    sage_packed_close(dataset->made_file);
    sage_packed_close(dataset->user_file);
    sage_given_set_close(&dataset->given);
    sage_vocab_close(dataset->vocab);
    if (dataset->lock_fd >= 0) sage_fs_unlock(dataset->lock_fd);
    sage_free(dataset->vocab_path);
    sage_free(dataset);
}

size_t sage_dataset_products(const sage_dataset *dataset) {
    return dataset->n_products;
}

const int64_t *sage_dataset_pids(const sage_dataset *dataset) {
    return dataset->pids;
}

const sage_fingerprint *sage_dataset_fingerprints(const sage_dataset *dataset) {
    return dataset->fingerprints;
}

const sage_vocab *sage_dataset_vocab(const sage_dataset *dataset) {
    return dataset->vocab;
}

const char *sage_dataset_vocab_path(const sage_dataset *dataset) {
    return dataset->vocab_path;
}

size_t sage_dataset_given_dim(const sage_dataset *dataset) {
    return sage_given_set_dim(&dataset->given);
}

size_t sage_dataset_given_count(const sage_dataset *dataset, sage_surface surface) {
    return sage_given_count(dataset->given.of[surface]);
}

const float *sage_dataset_given_product(const sage_dataset *dataset, size_t product) {
    uint32_t place = dataset->product_given != NULL ? dataset->product_given[product] : UINT32_MAX;
    return place != UINT32_MAX ? sage_given_vector(dataset->given.of[SAGE_ON_PRODUCT], place) : NULL;
}

const sage_picture_parts *sage_dataset_image_parts(const sage_dataset *dataset) {
    return &dataset->info.image_parts;
}

size_t sage_dataset_image_dim(const sage_dataset *dataset) {
    return dataset->image_dim;
}

size_t sage_dataset_sentence_dim(const sage_dataset *dataset) {
    return dataset->sentence_dim;
}

void sage_dataset_product(const sage_dataset *dataset, size_t index, sage_packed_product *product) {
    const sage_dataset *d = dataset;
    const uint32_t *text_field = d->text_field + index * SAGE_FIELD_ENDS;
    const char *text = d->text + d->text_begin[index];
    product->ids = d->ids + d->id_begin[index];
    product->begin = d->id_field + index * SAGE_FIELD_ENDS;
    product->n_images = d->image_begin[index + 1] - d->image_begin[index];
    product->images = product->n_images == 0 ? NULL : d->images + d->image_begin[index] * d->image_dim;
    product->image_prints = d->image_prints == NULL ? NULL : d->image_prints + d->image_begin[index];
    product->n_sentences = d->sentences == NULL ? 0 : d->sentence_begin[index + 1] - d->sentence_begin[index];
    product->sentences = product->n_sentences == 0 ? NULL : d->sentences + d->sentence_begin[index] * d->sentence_dim;
    product->same = d->same[index];
    for (size_t f = 0; f < SAGE_FIELDS; f++) {
        product->text[f] = (sage_str){text + text_field[f], text_field[f + 1] - text_field[f]};
    }
}

const uint32_t *sage_dataset_words(const sage_dataset *dataset, size_t index, size_t *n) {
    *n = dataset->word_begin[index + 1] - dataset->word_begin[index];
    return dataset->words + dataset->word_begin[index];
}

size_t sage_dataset_queries(const sage_dataset *dataset) {
    return dataset->n_queries;
}

static sage_part part_of(const sage_dataset *d, size_t query) {
    sage_part part = SAGE_TRAIN;
    while (query >= d->part_begin[part + 1]) part++;
    return part;
}

void sage_dataset_query(const sage_dataset *dataset, size_t index, sage_packed_query *query) {
    const sage_dataset *d = dataset;
    query->surface = (sage_surface)d->surface[index];
    query->part = part_of(d, index);
    query->text = (sage_str){d->query_text + d->query_text_begin[index],
                             d->query_text_begin[index + 1] - d->query_text_begin[index]};
    query->ids = d->query_ids + d->query_id_begin[index];
    query->n_ids = d->query_id_begin[index + 1] - d->query_id_begin[index];
    bool seen = d->picture_begin != NULL && d->picture_begin[index + 1] > d->picture_begin[index];
    query->picture = seen ? d->pictures + d->picture_begin[index] * d->image_dim : NULL;
    bool said = d->query_sentences != NULL && d->query_sentence_begin[index + 1] > d->query_sentence_begin[index];
    query->sentence = said ? d->query_sentences + d->query_sentence_begin[index] * d->sentence_dim : NULL;
    query->given = sage_given_find(d->given.of[query->surface], query->text);
    query->looked_at = d->looked_at != NULL ? d->looked_at[index] : UINT32_MAX;
    query->positives = d->positives + d->positive_begin[index];
    query->n_positives = d->positive_begin[index + 1] - d->positive_begin[index];
}

size_t sage_dataset_made_queries(const sage_dataset *dataset) {
    return dataset->n_made;
}

void sage_dataset_made(const sage_dataset *dataset, size_t index, sage_made_query *made) {
    const sage_dataset *d = dataset;
    *made = (sage_made_query){
        .product = d->made_product[index],
        .text = {d->made_text + d->made_text_begin[index], d->made_text_begin[index + 1] - d->made_text_begin[index]},
        .sentence = d->made_sentences + index * d->sentence_dim};
}

const sage_pair *sage_dataset_pairs(const sage_dataset *dataset, sage_part part, unsigned task, size_t *n) {
    const uint64_t *begin = dataset->pair_begin + (size_t)part * SAGE_TASKS + task;
    *n = begin[1] - begin[0];
    return dataset->pairs + begin[0];
}

size_t sage_dataset_query_pictures(const sage_dataset *dataset) {
    return dataset->picture_begin != NULL ? dataset->picture_begin[dataset->n_queries] : 0;
}

size_t sage_dataset_surface_pairs(const sage_dataset *dataset, sage_surface surface) {
    size_t sum = 0, n;
    if (surface == SAGE_ON_IMAGE && dataset->pictures == NULL) return 0;
    for (unsigned kind = 0; kind < SAGE_EVENT_KINDS; kind++, sum += n)
        sage_dataset_pairs(dataset, SAGE_TRAIN, (unsigned)surface * SAGE_EVENT_KINDS + kind, &n);
    return sum;
}

size_t sage_dataset_trained_pairs(const sage_dataset *dataset) {
    return sage_dataset_surface_pairs(dataset, SAGE_ON_SEARCH) + sage_dataset_surface_pairs(dataset, SAGE_ON_IMAGE);
}

size_t sage_dataset_unknown_pairs(const sage_dataset *dataset, sage_part part) {
    return dataset->unknown[part];
}

void sage_dataset_describe(const sage_dataset *dataset, sage_dataset_info *info) {
    *info = dataset->info;
}
