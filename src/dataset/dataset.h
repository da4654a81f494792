/* The packed training set: mapped files, the split, and what the sampler needs. Larger than memory works: building
 * streams, reading maps. */
#ifndef SAGE_DATASET_DATASET_H
#define SAGE_DATASET_DATASET_H

#include <base/option_table.h>
#include <features/features.h>
#include <features/sentences.h>
#include <parallel/pool.h>

extern const sage_option sage_dataset_options[]; /* vocabulary limits, seed, holdout, split, memory, ... */

typedef enum sage_part { SAGE_TRAIN, SAGE_VALIDATION, SAGE_TEST, SAGE_PARTS } sage_part;

/* Builds dataset/<id> from the catalogue: vocabulary, product features, queries, pairs, users. Publishes it and gives
 * its id. `sentences`: what makes vectors of titles and search texts, NULL for none; those that it computes are kept,
 * also where the building is stopped. Tells the monitor what is left out. Stopped or failed, nothing is published and
 * nothing stays. Memory: option `memory`, the vocabulary that is kept, and 20 bytes a product; the same catalogue and
 * options give the same bytes whatever the memory and threads. */
sage_status sage_dataset_build(sage_catalog *catalog, const char *shop_dir, const sage_options *options,
                               sage_sentences *sentences, sage_pool *pool, const sage_monitor *monitor, uint64_t *id,
                               sage_error *error);
/* The same as <parent>/<id>: a dataset that the shop's training knows nothing of. */
sage_status sage_dataset_build_in(const char *parent, sage_catalog *catalog, const char *shop_dir,
                                  const sage_options *options, sage_sentences *sentences, sage_pool *pool,
                                  const sage_monitor *monitor, uint64_t *id, sage_error *error);
/* True where dataset/<id> was built from this revision of the catalogue with these options and the sentences of this
 * encoder of texts; NULL: of none. */
bool sage_dataset_fresh(const char *shop_dir, uint64_t id, int64_t catalogue_revision, const sage_options *options,
                        const char *text_encoder);
bool sage_dataset_fresh_in(const char *parent, const char *shop_dir, uint64_t id, int64_t catalogue_revision,
                           const sage_options *options, const char *text_encoder);

typedef struct sage_dataset sage_dataset; /* read-only, any number of threads */
/* Maps dataset/<id> and proves it consistent (offsets ascend, numbers in range), so that reading needs no checks;
 * `verify` compares checksums too. SAGE_E_FORMAT says what is damaged. The version cannot be pruned while it is open.
 */
sage_status sage_dataset_open(const char *shop_dir, uint64_t id, bool verify, sage_dataset **dataset,
                              sage_error *error);
void sage_dataset_close(sage_dataset *dataset);

size_t sage_dataset_products(const sage_dataset *dataset);     /* N, in pid order: product index 0 .. N-1 */
const int64_t *sage_dataset_pids(const sage_dataset *dataset); /* [N] ascending */
/* [N] of the products as they were packed; NULL where the dataset was written without. */
const sage_fingerprint *sage_dataset_fingerprints(const sage_dataset *dataset);
const sage_vocab *sage_dataset_vocab(const sage_dataset *dataset);
const char *sage_dataset_vocab_path(const sage_dataset *dataset);
size_t sage_dataset_image_dim(const sage_dataset *dataset); /* 0: no image vectors */
/* Of which parts image vectors are, each of length 1; n = 0: there are none. */
const sage_picture_parts *sage_dataset_image_parts(const sage_dataset *dataset);
size_t sage_dataset_sentence_dim(const sage_dataset *dataset); /* 0: no vectors of texts */
/* Of the query vectors that the shop gives, of whatever surface (features/given.h); 0: there are none. */
size_t sage_dataset_given_dim(const sage_dataset *dataset);
size_t sage_dataset_given_count(const sage_dataset *dataset, sage_surface surface);

/* Product i's ids: field f is ids[begin[f] .. begin[f+1]); views into the map. */
typedef struct sage_packed_product {
    const uint32_t *ids;
    const uint32_t *begin;        /* [SAGE_FIELDS + 1], relative to ids */
    const float *images;          /* [n_images][image_dim], their parts unit vectors */
    const uint64_t *image_prints; /* [n_images] equal for the same picture; NULL where the dataset is without */
    size_t n_images;
    const float *sentences;     /* [n_sentences][sentence_dim], of the title, a unit vector */
    size_t n_sentences;         /* 0 or 1 */
    sage_str text[SAGE_FIELDS]; /* normalised */
    uint64_t same; /* equal for products that are no negatives of each other: one item_group_id, fingerprint or
                      normalised title */
} sage_packed_product;
void sage_dataset_product(const sage_dataset *dataset, size_t index, sage_packed_product *product);

/* Queries with a pair, of search, image and product (users are below), grouped by part. By time, a query may stand in
 * several parts, each time with that part's products. */
size_t sage_dataset_queries(const sage_dataset *dataset);
typedef struct sage_packed_query {
    sage_surface surface;
    sage_part part;
    sage_str text;       /* search: normalised; else the key: product id, link */
    const uint32_t *ids; /* search only */
    size_t n_ids;
    const float *sentence;     /* search only: [sentence_dim], a unit vector; NULL where there is none */
    const float *given;        /* [given_dim], a unit vector of the shop's own; NULL where there is none */
    const float *picture;      /* image only: [image_dim], its parts unit vectors; NULL in older datasets, and where the
                                  query has none but one that is given */
    uint32_t looked_at;        /* product only: the index of the product that was looked at, else UINT32_MAX */
    const uint32_t *positives; /* product indices of all its known products of its own part, ascending */
    size_t n_positives;
} sage_packed_query;
void sage_dataset_query(const sage_dataset *dataset, size_t index, sage_packed_query *query);

/* [given_dim] of a product that is looked at, by whatever event; NULL where there is none. */
const float *sage_dataset_given_product(const sage_dataset *dataset, size_t product);

/* Given search texts, evenly spread where there are more than `most`, with and without events. */
typedef struct sage_given_texts {
    size_t n, capacity;
    uint32_t *ids;        /* of the vocabulary, repeats included: text i has ids[begin[i] .. begin[i + 1]) */
    size_t *begin;        /* [n + 1] */
    const float **vector; /* [n] of given_dim numbers, in the map */
} sage_given_texts;
sage_status sage_dataset_given_texts(const sage_dataset *dataset, size_t most, sage_given_texts *texts,
                                     sage_error *error);
void sage_given_texts_free(sage_given_texts *texts);

/* Queries made from the catalogue that have a sentence, each a pair with the product it was made of: first those for
 * training, then those of sage_sampler_validation. None without an encoder of texts. */
typedef struct sage_made_query {
    uint32_t product;
    sage_str text;         /* words with a blank between */
    const float *sentence; /* [sentence_dim] */
} sage_made_query;
size_t sage_dataset_made_queries(const sage_dataset *dataset); /* for training */
void sage_dataset_made(const sage_dataset *dataset, size_t index, sage_made_query *made);

/* Pairs of a part and task: (query, product) indices with counts; `product` is < N (events of unknown products are not
 * here). */
typedef struct sage_pair {
    uint32_t query, product, count;
} sage_pair;
const sage_pair *sage_dataset_pairs(const sage_dataset *dataset, sage_part part, unsigned task, size_t *n);
/* Vectors of pictures among the queries. */
size_t sage_dataset_query_pictures(const sage_dataset *dataset);
/* Pairs of the training part, of all tasks of a surface; of image only where there are vectors. */
size_t sage_dataset_surface_pairs(const sage_dataset *dataset, sage_surface surface);
/* Those that are trained on: of search and of image. */
size_t sage_dataset_trained_pairs(const sage_dataset *dataset);
size_t sage_dataset_unknown_pairs(const sage_dataset *dataset, sage_part part); /* left out: product unknown */

/* ---- people ---- */
/* What people did with products that the dataset has: everybody whose events name a user (user_id, or the query of the
 * surface user), whatever the surface. A user's own events of one product, kind and time are one, their counts added
 * up. `part` says when an event is known: those of SAGE_TRAIN always, others are what is to be predicted, and known to
 * whoever predicts a later part.
 *
 * split=hash: a user belongs to one part; of those held out, a fifth of the products (one at least, of two or more) are
 * to be predicted, with all that was done to them, and the others are known. split=time: whatever happened after the
 * cuts is to be predicted, of everybody; so all of what is known lies before all of what is not. */
typedef struct sage_user_event {
    int64_t time_ms;  /* INT64_MIN: none */
    uint32_t product; /* its index */
    uint16_t count;   /* 65,535 at most */
    uint8_t kind;     /* sage_event_kind */
    uint8_t part;     /* sage_part */
} sage_user_event;
typedef struct sage_packed_user {
    sage_str id;
    sage_part part;                /* SAGE_TRAIN: the events of that part are trained on */
    const sage_user_event *events; /* [n], the 10,000 newest at most; oldest first, those without a time before all
                                      others; of one time by product and kind */
    size_t n, first;               /* first: number of events[0] among everybody's */
} sage_packed_user;
size_t sage_dataset_users(const sage_dataset *dataset); /* 0 too where the dataset was packed without */
void sage_dataset_user(const sage_dataset *dataset, size_t index, sage_packed_user *user);
/* [given_dim]; NULL where there is none. A binary search. */
const float *sage_dataset_given_user(const sage_dataset *dataset, size_t user);
/* What is known of a user when `part` is to be predicted: those of its events into out [user->n], in their order;
 * returns how many. */
size_t sage_user_known(const sage_packed_user *user, sage_part part, sage_user_event *out);
/* The moment of that question: by time the part's cut, else the time of the newest known event, INT64_MIN where none
 * has a time. */
int64_t sage_user_moment(const sage_dataset *dataset, const sage_packed_user *user, sage_part part);
/* By time, the part's cut: what is later is to be predicted. INT64_MIN by hash, and in datasets of before users were
 * packed. */
int64_t sage_dataset_cut(const sage_dataset *dataset, sage_part part);
/* Numbers, among everybody's events, of those of a kind that are trained on; ascending. */
const uint32_t *sage_dataset_targets(const sage_dataset *dataset, sage_event_kind kind, size_t *n);
size_t sage_dataset_trained_events(const sage_dataset *dataset); /* of all kinds */
/* The user whose event has that number. */
size_t sage_dataset_event_user(const sage_dataset *dataset, size_t event);

typedef struct sage_dataset_info {
    uint64_t id, seed;
    int64_t catalogue_revision;
    double holdout;
    bool simulated;
    char text_encoder[64];          /* identity of the encoder of texts; "": none */
    sage_picture_parts image_parts; /* as sage_dataset_image_parts has them */
} sage_dataset_info;
void sage_dataset_describe(const sage_dataset *dataset, sage_dataset_info *info);

#endif
