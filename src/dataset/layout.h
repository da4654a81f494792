/* What the dataset's packed files hold; writer and reader agree here. See docs/formats.md. Little-endian throughout.
 *
 * products.bin, N products in pid order:
 *   info        sage_products_info
 *   pids        i64 [N]
 *   fingerprints  sage_fingerprint [N], of the products as they were packed; absent in older files
 *   same        u64 [N]
 *   ids         u32
 *   text        u8, text_begin u64 [N + 1], text_field u32 [N][SAGE_FIELDS + 1] (relative to the product's own begin)
 *               and of ids: id_begin u64 [N + 1], id_field u32 [N][SAGE_FIELDS + 1]
 *   words       u32, word_begin u64 [N + 1]: hashes of the distinct words that made queries draw from, ascending in a
 * product images      f32 [.][image_dim], image_begin u64 [N + 1] in vectors
 *   image_prints  u64, one a vector: equal where the vectors are, which is where the pictures are the same; absent in
 *               older files
 *   sentences   f32 [.][sentence_dim], sentence_begin u64 [N + 1] in vectors, sentence_dim u64 [1]: one of each product
 *               that has a title; absent without an encoder of texts
 *   given       u32 [N]: the place of the product's vector in product-vectors.bin, or UINT32_MAX; absent without it
 *
 * queries.bin, Q queries grouped by part:
 *   info        sage_queries_info
 *   surface     u8 [Q]
 *   text        u8, text_begin u64 [Q + 1]
 *   ids         u32, id_begin u64 [Q + 1]
 *   positives   u32, positive_begin u64 [Q + 1]
 *   pairs       sage_pair, pair_begin u64 [SAGE_PARTS * SAGE_TASKS + 1]: those of (part, task) at part * SAGE_TASKS +
 * task
 *   pictures    f32 [.][image_dim], picture_begin u64 [Q + 1] in vectors: one of each query of the surface image (but
 *               for those that image-vectors.bin has one of), none of others; absent in older files
 *   sentences   f32 [.][sentence_dim], sentence_begin u64 [Q + 1] in vectors: one of each query of the surface search;
 *               absent without an encoder of texts
 *   looked_at   u32 [Q]: of a query of the surface product the product's index, of others UINT32_MAX; absent where
 * there is none of that surface, and in older files
 *
 * users.bin, U users by the bytes of their ids; absent in older datasets:
 *   info        sage_users_info
 *   id          u8, id_begin u64 [U + 1]
 *   part        u8 [U]
 *   events      sage_user_event, event_begin u64 [U + 1]: each user's in the order of time, product, kind, no two alike
 *               in all three
 *   targets     u32, target_begin u64 [SAGE_EVENT_KINDS + 1]: of each kind the numbers of the events that are trained
 *               on (part SAGE_TRAIN, of users of that part), ascending
 *
 * made.bin, only with an encoder of texts: M queries made from the catalogue for training, of M different products,
 * then those for validation (sage_sampler_validation): product     u32 [all], ends u64 [2]: M, and how many there are
 * in all text        u8, text_begin u64 [all + 1]: words with a blank between sentences   f32 [all][sentence_dim]
 *
 * <surface>-vectors.bin: copies of the query vectors that the shop gives (features/given.h). */
#ifndef SAGE_DATASET_LAYOUT_H
#define SAGE_DATASET_LAYOUT_H

#include <dataset/dataset.h>

#define SAGE_PRODUCTS_MAGIC "SAGEPROD"
#define SAGE_QUERIES_MAGIC  "SAGEQRYS"
enum {
    SAGE_DATASET_VERSION = 1,
    SAGE_DATASET_CONTENTS = 3, /* grows with what is added; training wants the newest, reading does not */
    SAGE_CONTENTS_USERS = 3,   /* from here on there is a users.bin */
    SAGE_PRODUCTS_SECTIONS = 15,
    SAGE_QUERIES_SECTIONS = 12,
    SAGE_PRODUCTS_SENTENCES = 3, /* sections more where there are sentences */
    SAGE_QUERIES_SENTENCES = 2,
    SAGE_MADE_SECTIONS = 5,
    SAGE_USERS_SECTIONS = 8,
    SAGE_USER_EVENTS_MAX = 10000, /* of a user, the newest */
    SAGE_FIELD_ENDS = SAGE_FIELDS + 1
};

typedef struct sage_products_info {
    uint64_t products, image_dim, vocab_hash;
} sage_products_info;

typedef struct sage_queries_info {
    uint64_t products, vocab_hash;
    uint64_t part_begin[SAGE_PARTS + 1];
    uint64_t unknown[SAGE_PARTS]; /* pairs left out: product unknown */
} sage_queries_info;

typedef struct sage_users_info {
    uint64_t products, vocab_hash;
    uint64_t by_time;  /* 1: split=time */
    int64_t cut_ms[2]; /* by time: what is later than [0] is to be predicted, later than [1] of SAGE_TEST */
    uint64_t cut_events, cut_users; /* older than the SAGE_USER_EVENTS_MAX newest, left out; of how many users */
} sage_users_info;

#define SAGE_PRODUCTS_FILE "products.bin"
#define SAGE_QUERIES_FILE  "queries.bin"
#define SAGE_VOCAB_FILE    "vocab.bin"
#define SAGE_META_FILE     "meta.json"
#define SAGE_USERS_FILE    "users.bin"
#define SAGE_USERS_MAGIC   "SAGEUSER"
#define SAGE_MADE_FILE     "made.bin"
#define SAGE_MADE_MAGIC    "SAGEMADE"

#endif
