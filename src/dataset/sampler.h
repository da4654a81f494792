/* Multi-task batches from a dataset. A batch depends on (dataset, settings, seed, step) alone, so a resumed run draws
 * the same ones. */
#ifndef SAGE_DATASET_SAMPLER_H
#define SAGE_DATASET_SAMPLER_H

#include <dataset/dataset.h>
#include <parallel/pool.h>

extern const sage_option sage_sampler_options[]; /* batch, negatives, catalogue share, shares per task, dropout, recipe
                                                    of made queries, ... */

enum { SAGE_TASK_CATALOGUE = SAGE_TASKS, SAGE_TASK_PICTURES, SAGE_SAMPLER_TASKS };

/* Everything of a step's batch; arrays belong to the sampler and live until the next call. Products 0..B-1 are the
 * positives, B..B+R-1 the random negatives. Rows whose query is a text come first, then those whose query is a picture,
 * a product that is looked at, a user, and last those whose query came as a vector of its own. */
typedef struct sage_batch {
    size_t n_pairs, n_random;
    size_t n_texts, n_pictures, n_looked, n_users, n_given; /* together B */
    const uint32_t *product;                                /* [B + R] product indices */
    const uint8_t *task; /* [B]; SAGE_TASK_CATALOGUE for pairs made from the catalogue's words, SAGE_TASK_PICTURES
                            from its pictures */
    const float
        *weight; /* [B] 0 for a pair whose query has no known n-gram and no sentence, or whose product has nothing */
    const float *log_q; /* [B], with softmaxes=concat [B + R]: log of the expected times a step draws the product, then
                           as a random negative too; 0 where log_q is off or full_catalogue */
    const uint64_t
        *mask; /* [B][(B+R+63)/64], as sage_loss_spec wants it: set for columns that are no negatives of the row */
    /* query bags */
    const uint32_t *query_ids, *query_begin; /* [n_texts + 1] */
    const float *query_sentences;            /* [n_texts][sentence_dim] unit vectors, or zeros; NULL without */
    const float *query_pictures;             /* [n_pictures][image_dim], their parts unit vectors; NULL without */
    const uint32_t *looked_at;               /* [n_looked] product indices */
    /* What the users had done before: of user u events user_begin[u] .. user_begin[u + 1], oldest first. */
    const uint32_t *user_begin;   /* [n_users + 1]; NULL, as the next ones, where batches have no such rows */
    const uint32_t *user_product; /* product indices */
    const uint8_t *user_kind;     /* sage_event_kind */
    const float *user_age;        /* days before the moment of the query, >= 0; NAN: no times */
    const float *given;           /* [n_given][given_dim] unit vectors; NULL without */
    const float *follow;          /* [B - n_given][given_dim] what the row's tower is to say, or zeros; NULL without */
    /* product tokens after dropout, as sage_product_batch wants them; the own one (tokens.h) has the number behind the
     * fields', and the id V + its number */
    const uint32_t *token_begin; /* [B + R + 1] */
    const uint8_t *token_field;
    const uint32_t *token_ids, *bag_begin; /* [n_tokens + 1] */
    const uint32_t *image_begin;           /* [B + R + 1] or NULL */
    const float *images; /* [image_begin[B + R]][dim] of the first part of image vectors, then so of the others */
    const uint32_t *sentence_begin; /* [B + R + 1] or NULL */
    const float *sentences;
    /* What a keyword search would give the row's whole query for each column, as sage_loss_spec wants it: columns of
     * score 0 are not listed, the others ascend. NULL, and the weight 0, without a teacher. */
    float teacher_weight;
    const uint32_t *teacher_begin;  /* [B + 1] */
    const uint32_t *teacher_column; /* [teacher_begin[B]], < B + R */
    const float *teacher_score;     /* > 0; BM25 over the temperature */
    bool full_catalogue;            /* the products B.. are the whole catalogue once: no sampling, no logQ */
} sage_batch;

typedef struct sage_sampler sage_sampler;
sage_status sage_sampler_new(const sage_dataset *dataset, const sage_options *options, sage_pool *pool, uint64_t seed,
                             sage_sampler **sampler, sage_error *error);
/* A second sampler of the same batches with a batch of its own: what a thread draws from it changes nothing in `of`. It
 * shares what `of` learned when it was made, so `of` must outlive it. */
sage_status sage_sampler_twin(const sage_sampler *of, sage_pool *pool, sage_sampler **twin, sage_error *error);
void sage_sampler_free(sage_sampler *sampler);
sage_status sage_sampler_batch(sage_sampler *sampler, uint64_t step, const sage_batch **batch, sage_error *error);
bool sage_sampler_cold_start(const sage_sampler *sampler);    /* no usable event in the training part */
size_t sage_sampler_user_events(const sage_sampler *sampler); /* of a user's history, at most */
size_t sage_sampler_memory_bytes(const sage_sampler *sampler);
size_t sage_sampler_shared_bytes(const sage_sampler *sampler); /* of these, what twins share */
enum { SAGE_MADE_VALIDATION = 2000 }; /* so many of them have a sentence, where the dataset has sentences */
/* Pairs made from the catalogue for validation where there are no events: of n distinct products (fewer where fewer
 * have words), without dropout or misspellings, always the same for a dataset and its options, whatever the sampler's
 * seed. Live until the next call of this function. */
typedef struct sage_made_pairs {
    size_t n;
    const uint32_t *product;
    const uint32_t *query_ids, *query_begin;
    const uint32_t *made; /* [n] its number for sage_dataset_made, which has its sentence; UINT32_MAX: it has none */
} sage_made_pairs;
sage_status sage_sampler_validation(sage_sampler *sampler, size_t n, const sage_made_pairs **pairs, sage_error *error);

#endif
