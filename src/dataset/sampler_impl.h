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
    SAGE_STREAM_SENTENCE,
    SAGE_STREAM_PEOPLE,
    SAGE_STREAM_RECENT
};

/* Sources of rows: one of each task; behind them the events of the surface product, which give rows of the same tasks
 * as products that one user looked at; behind these of each task what asks with a vector of the shop's own. */
enum {
    SAGE_SOURCE_LOOKS = SAGE_SAMPLER_TASKS,
    SAGE_SOURCE_GIVEN = SAGE_SOURCE_LOOKS + SAGE_EVENT_KINDS,
    SAGE_SOURCES = SAGE_SOURCE_GIVEN + SAGE_TASKS
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
    bool concat; /* in-batch and random columns are of one softmax */
    size_t sketch_depth, sketch_width;
    uint32_t trained; /* bit t: events of task t are trained on */
    double user_window_days, closeup_window_days, event_dropout;
    double user_half_life_days;
    bool cold_negatives;
    bool user_others; /* known of a user in a row is a random part of the other products, also where there are times */
    size_t user_events;
} sage_sampler_settings;

typedef struct sage_task_source {
    const sage_pair *pairs; /* NULL for the catalogue and for what users did */
    const uint32_t *events; /* of what users did: numbers of events; else NULL */
    uint32_t *chosen;       /* [n] those of the pairs or events that are drawn, the sampler's own; NULL: all */
    const double *weights;  /* [n] of the events, running sums of how often each is drawn; NULL: all alike */
    size_t n;               /* pairs, events, products, or images of products */
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

/* The rows behind those of texts. */
typedef struct sage_picture_rows {
    size_t n;
    uint64_t *image;        /* [n] of the dataset, of those made from the catalogue */
    uint64_t *print;        /* [n] of the picture */
    uint8_t *held_out;      /* [n] the row's product is without it */
    float *vectors;         /* [n][image_dim] */
    uint32_t *slots, *next; /* open addressing: print -> first row; further ones of the same print */
    size_t n_slots;
} sage_picture_rows;

/* The rows behind those of pictures: products that are looked at, then users, then those that ask with vectors of the
 * shop's own, whatever their surface: n in all. */
typedef struct sage_people_rows {
    size_t n_looked, n_users;
    uint32_t *event; /* [n] the number of what is to be predicted, or NO_EVENT */
    uint32_t *user;  /* [n] who did it */
    uint32_t *first; /* [n] the first of them with the same user, itself where there is none */
    uint32_t *slots; /* open addressing: user -> first */
    size_t n_slots;
    uint32_t *looked_at;           /* [n] of those of the surface product */
    uint32_t *begin;               /* [n_users + 1] of the histories */
    uint32_t *product;             /* [n_users][user_events], packed by `begin` */
    uint8_t *kind;                 /* the same */
    float *age;                    /* the same */
    uint32_t *targets[SAGE_TASKS]; /* those of the dataset's from which something can be learned; NULL: all, or none */
    double *weights[SAGE_SOURCES]; /* of the sources; NULL: they have none */
    uint8_t *touched;              /* [products] somebody dealt with it in training; NULL: all count as touched */
    uint64_t *untouched;           /* [(columns + 63) / 64] the step's columns that are not */
} sage_people_rows;
enum { SAGE_NO_EVENT = UINT32_MAX };

/* The last rows, which ask with vectors of the shop's own, and what the towers' rows are to follow. */
typedef struct sage_given_rows {
    size_t n;
    float *vectors;        /* [n][given_dim] */
    float *follow;         /* [B - n][given_dim] zeros: the row has nothing to follow; NULL where nothing is given */
    size_t of[SAGE_TASKS]; /* pairs or events that they were chosen from */
    size_t n_texts;        /* so many rows made of words are given texts instead, to be followed and nothing else */
    uint32_t *text;        /* [B] their places among the given ones, UINT32_MAX of other rows; NULL: there are none */
} sage_given_rows;

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
    bool borrowed; /* a twin: tokens, taste, expected, sketches and targets are another sampler's */
    sage_tokens tokens;
    sage_task_source tasks[SAGE_SOURCES];
    float *taste;                               /* [words of the vocabulary] how much made queries like a word */
    double length_cdf[SAGE_MADE_WORDS_MAX + 1]; /* [k]: probability of at most k words */
    float *expected;                            /* [N] how often a step draws the product; NULL unless exact */
    sage_cms *sketches[SAGE_SOURCES];           /* NULL unless sketched */
    size_t n_workers;
    sage_sampler_worker *workers;
    sage_mask_tables tables;
    sage_teacher teacher;
    sage_picture_rows pictures;
    sage_people_rows people;
    sage_sentence_rows sentences;
    sage_given_rows given;

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
/* The product that the source's i-th pair or event is about; not of the catalogue's sources. */
uint32_t sage_source_product(const sage_sampler *sampler, const sage_task_source *source, size_t i);
/* The place of the source's i-th draw among its pairs or events. */
static inline size_t sage_source_place(const sage_task_source *source, size_t i) {
    return source->chosen != NULL ? source->chosen[i] : i;
}
/* Those of the source's pairs or events that fit are drawn from now on, and no others; it had all of them. */
typedef bool (*sage_source_fits)(const sage_sampler *sampler, const sage_task_source *source, size_t place, void *ctx);
sage_status sage_source_choose(sage_sampler *sampler, size_t source, sage_source_fits fits, void *ctx,
                               sage_error *error);

/* sampler_share.c: how many rows each source has, and which. */
sage_status sage_sampler_share_out(sage_sampler *sampler, const sage_options *options, sage_error *error);
/* Reads the option `tasks`. */
sage_status sage_sampler_read_tasks(const sage_options *options, uint32_t *trained, sage_error *error);

/* sampler_taste.c: word weights and query lengths, from training queries or from the catalogue. */
sage_status sage_sampler_learn_taste(sage_sampler *sampler, const sage_options *options, sage_error *error);

/* sampler_touched.c: a product that nobody has dealt with yet was never there to be chosen: it says nothing of who
 * would not. As a negative it would be pushed away from everybody, and new products would never be recommended. */
sage_status sage_touched_new(sage_sampler *sampler, sage_error *error);
void sage_touched_columns(sage_sampler *sampler);                    /* of the step's products */
void sage_touched_mask(const sage_sampler *sampler, uint64_t *mask); /* adds them to a row's mask */

/* sampler_recent.c: how often events of a source are drawn by their times, where the settings want it. */
sage_status sage_recent_weigh(sage_sampler *sampler, size_t source, sage_error *error);
/* The place of the turn-th draw of an epoch, turn < n: at even distances of the sums, from a random one on. */
size_t sage_recent_place(const sage_task_source *source, size_t turn, uint64_t key);
double sage_source_share(const sage_task_source *source, size_t i); /* the i-th's of all draws, where it has weights */
size_t sage_recent_bytes(const sage_sampler *sampler);

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
/* Of the sources of the surface image, what its tower can ask with; others are asked with vectors of the shop's own. */
sage_status sage_pictures_choose(sage_sampler *sampler, sage_error *error);
size_t sage_pictures_bytes(const sage_sampler *sampler);
uint32_t sage_pictures_owner(const sage_sampler *sampler, uint64_t image); /* the product of a dataset's image */
void sage_pictures_fill(sage_sampler *sampler, size_t row);
/* Whether a column's tokens are to be without the image of this print; after fill. */
bool sage_pictures_hold_out(const sage_sampler *sampler, size_t column, uint64_t print);
void sage_pictures_mask(sage_sampler *sampler); /* adds to the masks of the other rules */

/* sampler_people.c: rows whose query is a product that is looked at, or a user. */
bool sage_people_enough(const sage_dataset *dataset); /* some users did two things */
/* The events of a task (of the surface product or user) that rows may be made of. */
sage_status sage_people_targets(sage_sampler *sampler, unsigned task, const uint32_t **events, size_t *n,
                                sage_error *error);
sage_status sage_people_allocate(sage_sampler *sampler, sage_error *error);
void sage_people_free(sage_sampler *sampler);
size_t sage_people_count(const sage_sampler *sampler); /* n of sage_people_rows */
size_t sage_people_bytes(const sage_sampler *sampler); /* without targets */
size_t sage_people_target_bytes(const sage_sampler *sampler);
void sage_people_plan(sage_sampler *sampler, const sage_task_source *source, size_t row, size_t drawn);
void sage_people_pack(sage_sampler *sampler); /* of the histories, once all rows are filled */
/* The row's user and what of it is trained on; false where the row has no user. */
bool sage_people_user(const sage_sampler *sampler, size_t row, const sage_user_event **events, size_t *n);
void sage_people_group(sage_sampler *sampler); /* sets `first`, once all rows are planned */
/* Of a product that is looked at, whoever makes its vector, its index; UINT32_MAX for other rows. */
uint32_t sage_people_looked_at(const sage_sampler *sampler, size_t row);

/* sampler_history.c */
/* How many of a user's events, which ascend in time, are trained on: the first ones. */
size_t sage_history_trained(const sage_packed_user *user);
/* Whether a user did something before, and whether something else about that time: see the definitions there. */
bool sage_history_has_known(const sage_sampler *sampler, const sage_user_event *events, size_t n, size_t target);
bool sage_history_has_beside(const sage_sampler *sampler, const sage_user_event *events, size_t n, size_t target);
/* The same with one that has a vector of the shop's own, for when it is looked at. */
bool sage_history_has_given_beside(const sage_sampler *sampler, const sage_user_event *events, size_t n, size_t target);
void sage_history_fill_user(sage_sampler *sampler, size_t row);
void sage_history_fill_looked(sage_sampler *sampler, size_t row);

/* sampler_given.c: rows that ask with vectors of the shop's own stand behind all others and beside those of the towers,
 * which follow what is given of their queries. */
/* Of the task's source that which has such vectors becomes the source SAGE_SOURCE_GIVEN + task. */
sage_status sage_given_choose(sage_sampler *sampler, unsigned task, sage_error *error);
size_t sage_given_events(const sage_sampler *sampler, sage_surface surface); /* that were chosen */
/* How many of a surface's `rows` of events ask so; after its tasks were chosen. towers: what its tower can ask with; 0:
 * all rows do. */
size_t sage_given_share(const sage_sampler *sampler, const sage_options *options, sage_surface surface, size_t towers,
                        size_t rows);
sage_status sage_given_allocate(sage_sampler *sampler, sage_error *error);
void sage_given_free(sage_sampler *sampler);
size_t sage_given_bytes(const sage_sampler *sampler);
bool sage_given_text(const sage_sampler *sampler, size_t row, sage_str *text); /* the row is a given text */
void sage_given_fill(sage_sampler *sampler, size_t row);                       /* of the last rows */
void sage_given_follow(sage_sampler *sampler, size_t row);                     /* of the others */

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
/* The workers' lists of the name (offset) `member`, one after another. */
sage_status sage_join_data(const sage_sampler *sampler, size_t member, sage_u32_list *whole, sage_error *error);
/* Ends within each piece become begins of the whole: 0 first, each piece's raised by what the pieces before it hold. */
sage_status sage_join_ends(const sage_sampler *sampler, size_t member, sage_u32_list *whole, sage_error *error);
sage_status sage_sampler_workers_status(const sage_sampler *sampler, sage_error *error);

#endif
