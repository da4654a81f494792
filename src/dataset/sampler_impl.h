/* The sampler's inside.
 *
 * A step: plan (which pair or product stands in which row and column), fill query bags and product tokens in parallel
 * (each row with random numbers of its own, so that the number of threads does not matter), join the workers' pieces,
 * set masks. Buffers only grow, so that steps after the first allocate nothing in the long run. */
#ifndef SAGE_DATASET_SAMPLER_IMPL_H
#define SAGE_DATASET_SAMPLER_IMPL_H

#include <base/rng.h>
#include <dataset/cms.h>
#include <dataset/files.h>
#include <dataset/sampler.h>
#include <dataset/tokens.h>
#include <dataset/words.h>

enum { SAGE_MADE_WORDS_MAX = 8 };

/* Random streams that must not run alike. */
enum {
    SAGE_STREAM_QUERY = 1,
    SAGE_STREAM_PRODUCT,
    SAGE_STREAM_NEGATIVES,
    SAGE_STREAM_TASK,
    SAGE_STREAM_VALIDATION,
    SAGE_STREAM_PICTURE,
    SAGE_STREAM_MADE,
    SAGE_STREAM_SENTENCE
};

typedef enum sage_log_q_kind { SAGE_LOG_Q_OFF, SAGE_LOG_Q_EXACT, SAGE_LOG_Q_SKETCH } sage_log_q_kind;

typedef struct sage_sampler_settings {
    size_t batch, negatives;
    double count_power, ngram_dropout, field_dropout, image_dropout, picture_holdout, sentence_dropout, sentence_noise,
        made_share, token_dropout;
    size_t words_min, words_max;
    double run, title, taste, typo, teacher, teacher_temperature;
    bool mask_all_words;
    sage_log_q_kind log_q;
    size_t sketch_depth, sketch_width;
} sage_sampler_settings;

typedef struct sage_task_source {
    const sage_pair *pairs; /* NULL for the catalogue */
    size_t n;               /* pairs, products, or images of products */
    size_t begin, rows;     /* rows of a batch */
} sage_task_source;

typedef struct sage_u32_list {
    uint32_t *data;
    size_t n, capacity;
} sage_u32_list;

/* One thread's piece of a step, and its scratch. */
typedef struct sage_sampler_worker {
    sage_status st;
    sage_error error;
    sage_u32_list ids;      /* query or token ids, one row after another */
    sage_u32_list ends;     /* queries: ids so far after each row; products: after each token */
    sage_u32_list keys;     /* words of the rows' queries */
    sage_u32_list key_ends; /* after each row */
    sage_u32_list key_ids;  /* with a teacher: the words' ids, or SAGE_NO_ID */
    sage_u32_list tokens;   /* products: tokens so far after each column */
    uint8_t *fields;        /* [tokens] */
    size_t n_fields, fields_capacity;
    float *images;
    size_t n_images, images_capacity; /* in vectors, in floats */
    sage_u32_list image_ends;
    /* scratch of made queries */
    sage_str *words, *chosen;
    size_t words_capacity, chosen_capacity;
    double *weights;
    size_t weights_capacity;
    sage_u32_list row_ids;
    char *typos; /* [SAGE_FIELD_WORDS_MAX words] of misspelt text */
    size_t typos_len, typos_capacity;
} sage_sampler_worker;

/* Tables of a step's masks. */
typedef struct sage_mask_tables {
    uint64_t *same_key; /* open addressing: likeness -> first column */
    uint32_t *same_first, *same_next;
    size_t n_same;
    uint32_t *word_key, *word_slot; /* open addressing: word -> row of `bits` */
    size_t n_words;
    uint64_t *bits; /* [distinct words][SAGE_MASK_BLOCK / 64]: which columns of the block contain the word */
    uint32_t *row_slots;
    size_t same_capacity, first_capacity, next_capacity, word_capacity, slot_capacity, bits_capacity,
        row_slots_capacity;
} sage_mask_tables;

/* The teacher's scores and what they are made from. */
typedef struct sage_teacher {
    sage_u32_list key_ids;                /* of sage_sampler.keys */
    sage_u32_list hit_word, hit_column;   /* a query word (a slot of the masks' table) in a column */
    sage_u32_list posting_begin, posting; /* the same by word: columns ascending */
    sage_u32_list begin, count, column;   /* the rows' results */
    float *score, *idf, *norm, *sums;     /* [..] of column, [words], [columns], [workers][columns] */
    uint64_t *found;                      /* [workers][columns / 64] */
    size_t score_capacity, idf_capacity, norm_capacity, sums_capacity, found_capacity;
} sage_teacher;

/* The rows n_texts .. B - 1. */
typedef struct sage_picture_rows {
    size_t n;
    uint64_t *image;        /* [n] of the dataset, of those made from the catalogue */
    uint64_t *print;        /* [n] of the picture */
    uint8_t *held_out;      /* [n] the row's product is without it */
    float *vectors;         /* [n][image_dim] */
    uint32_t *slots, *next; /* open addressing: print -> first row; further ones of the same print */
    size_t n_slots;
} sage_picture_rows;

/* Where the dataset has sentences. */
typedef struct sage_sentence_rows {
    uint32_t *begin; /* [B + R + 1] into products */
    float *products; /* [..][sentence_dim] */
    float *queries;  /* [n_texts][sentence_dim]; zeros: none */
} sage_sentence_rows;

struct sage_sampler {
    const sage_dataset *dataset;
    sage_pool *pool;
    uint64_t seed, step;
    sage_sampler_settings settings;
    size_t n_products, n_random, n_texts;
    size_t
        n_spoken; /* the first so many rows made of words take one of the dataset's made queries, with its sentence */
    bool full_catalogue, cold_start;
    bool borrowed; /* a twin: tokens, taste, expected and sketches are another sampler's */
    sage_tokens tokens;
    sage_task_source tasks[SAGE_SAMPLER_TASKS];
    float *taste;                               /* [words of the vocabulary] how much made queries like a word */
    double length_cdf[SAGE_MADE_WORDS_MAX + 1]; /* [k]: probability of at most k words */
    float *expected;                            /* [N] how often a step draws the product; NULL unless exact */
    sage_cms *sketches[SAGE_TASKS];             /* NULL unless sketched */
    size_t n_workers;
    sage_sampler_worker *workers;
    sage_mask_tables tables;
    sage_teacher teacher;
    sage_picture_rows pictures;
    sage_sentence_rows sentences;

    /* the batch */
    sage_batch batch;
    uint32_t *product;    /* [B + R] */
    uint32_t *query;      /* [B] of the dataset, or UINT32_MAX for a made one */
    uint32_t *made_query; /* [B] of the dataset's, or UINT32_MAX */
    uint8_t *task;
    float *weight, *log_q;
    uint64_t *mask;
    sage_u32_list query_ids, query_begin, keys, key_begin, token_begin, token_ids, bag_begin, image_begin;
    uint8_t *token_field;
    size_t token_field_capacity;
    float *images;
    size_t images_capacity;

    /* validation */
    sage_made_pairs made;
    sage_u32_list made_product, made_ids, made_begin, made_entry;
};

/* sampler_plan.c */
sage_status sage_sampler_plan_settings(sage_sampler *sampler, const sage_options *options, sage_error *error);
void sage_sampler_plan_rows(sage_sampler *sampler, uint64_t step);

/* sampler_taste.c: word weights and query lengths, from training queries or from the catalogue. */
sage_status sage_sampler_learn_taste(sage_sampler *sampler, const sage_options *options, sage_error *error);

/* sampler_logq.c */
sage_status sage_sampler_count(sage_sampler *sampler, sage_error *error);
void sage_sampler_log_q(sage_sampler *sampler);

/* sampler_made.c: a query from the words of a product into worker->chosen; *n = 0 where it has none. Words live until
 * the worker's next. */
sage_status sage_sampler_make_query(const sage_sampler *sampler, sage_sampler_worker *worker, size_t product,
                                    sage_rng *rng, size_t *n, sage_error *error);
/* The words of a text, as many as a field gives, into worker->chosen. */
sage_status sage_sampler_text_words(sage_sampler_worker *worker, sage_str text, size_t *n, sage_error *error);
/* Gives some of the chosen words a random misspelling. */
sage_status sage_sampler_misspell(const sage_sampler *sampler, sage_sampler_worker *worker, size_t n, sage_rng *rng,
                                  sage_error *error);

/* sampler_fill.c: query bags and product tokens of the planned rows. */
sage_status sage_sampler_fill_queries(sage_sampler *sampler, sage_error *error);
sage_status sage_sampler_fill_products(sage_sampler *sampler, sage_error *error);

/* sampler_pictures.c */
size_t sage_sampler_images(const sage_sampler *sampler); /* pictures of products that rows may be made of */
sage_status sage_pictures_allocate(sage_sampler *sampler, sage_error *error); /* for pictures.n rows */
void sage_pictures_free(sage_picture_rows *pictures);
size_t sage_pictures_bytes(const sage_sampler *sampler);
uint32_t sage_pictures_owner(const sage_sampler *sampler, uint64_t image); /* the product of a dataset's image */
void sage_pictures_fill(sage_sampler *sampler, size_t row);
/* Whether a column's tokens are to be without the image of this print; after fill. */
bool sage_pictures_hold_out(const sage_sampler *sampler, size_t column, uint64_t print);
void sage_pictures_mask(sage_sampler *sampler); /* adds to the masks of the other rules */

/* sampler_sentences.c; all do nothing where the dataset has none. `needed`: the product has nothing else. */
sage_status sage_spoken_allocate(sage_sampler *sampler, sage_error *error);
void sage_spoken_free(sage_sentence_rows *rows);
size_t sage_spoken_bytes(const sage_sampler *sampler);
void sage_spoken_keep(sage_sampler *sampler, const sage_packed_product *product, size_t column, bool needed,
                      sage_rng *rng);
void sage_spoken_join(sage_sampler *sampler); /* of the products, once all columns are filled */
/* The sentence of the row's query, or zeros; false: zeros. */
bool sage_spoken_ask(sage_sampler *sampler, size_t row, sage_rng *rng);

/* sampler_mask.c */
enum { SAGE_MASK_BLOCK = 2048 }; /* columns whose words are looked at together */
sage_status sage_sampler_mask(sage_sampler *sampler, sage_error *error);
/* The slot of a word of the step's queries, as in tables.row_slots; UINT32_MAX where no query has it. */
uint32_t sage_mask_word_slot(const sage_sampler *sampler, uint32_t key);
void sage_mask_tables_free(sage_mask_tables *tables);
size_t sage_mask_tables_bytes(const sage_mask_tables *tables);

/* sampler_teacher.c: after the masks, whose table of words it uses. */
sage_status sage_sampler_teach(sage_sampler *sampler, sage_error *error);
void sage_teacher_free(sage_teacher *teacher);
size_t sage_teacher_bytes(const sage_teacher *teacher);

/* sampler_list.c */
sage_status sage_u32_reserve(sage_u32_list *list, size_t n, sage_error *error); /* room for n in all */
sage_status sage_u32_add(sage_u32_list *list, uint32_t value, sage_error *error);
/* Keeps each of n ids with probability 1 - p, but one at least; appends to `out`, whose room is the caller's affair. */
size_t sage_drop_ids(const uint32_t *ids, size_t n, double p, sage_rng *rng, uint32_t *out);
void sage_row_rng(const sage_sampler *sampler, sage_rng *rng, unsigned stream, size_t row);
void sage_sampler_workers_reset(sage_sampler *sampler);
sage_status sage_sampler_workers_status(const sage_sampler *sampler, sage_error *error);

#endif
