/* What a run will hold in memory, known before it holds it: what follows from the model's shape, and from the largest
 * batch to be expected, of which the first one is a sample. */
#ifndef SAGE_TRAIN_MEMORY_H
#define SAGE_TRAIN_MEMORY_H

#include <dataset/sampler.h>
#include <kernels/gemm.h>
#include <model/model.h>
#include <train/settings.h>

typedef struct sage_train_load {
    sage_model_shape shape;
    size_t dense_size; /* reals of the model's dense arena */
    size_t threads;
    sage_precision precision;
    uint64_t steps;
    bool average;
    size_t n_prefixes, prefixes[SAGE_PREFIXES_MAX];
    size_t n_pairs, n_random, n_pictures; /* pictures: of the pairs, those whose query is one; so with the others */
    size_t n_looked, n_users, n_given, user_events;
    size_t negatives, products; /* as the options say; of the catalogue: n_random follows from these */
    /* a bound on what batches hold: the first batch's, and six standard deviations of a sum of as many */
    size_t text_bags, vectors, ids;   /* vectors: images and sentences */
    size_t shared_bytes, batch_bytes; /* of the sampler: once, and of each of the two batches */
    size_t validation_bytes, bank_bytes;
} sage_train_load;

typedef struct sage_train_need {
    size_t parameters, moments, averages, gradients, work, batches, validation, rest, total; /* bytes */
} sage_train_need;

/* Fills what the shape and the batch say; the rest is the caller's. Makes and frees a model of the same widths. */
sage_status sage_train_load_model(const sage_model_shape *shape, sage_train_load *load, sage_error *error);
void sage_train_load_batch(const sage_sampler *sampler, const sage_batch *batch, sage_train_load *load);

/* SIZE_MAX in all where the sum is more than there are addresses. */
void sage_train_need_of(const sage_train_load *load, sage_train_need *need);

/* The most pairs, up to those of `load`, with as many negatives a pair, that need no more than `limit` bytes; from 64
 * on a multiple of 64. 0: none do. */
size_t sage_train_pairs_that_fit(const sage_train_load *load, size_t limit);
size_t sage_train_negatives_of(const sage_train_load *load, size_t pairs);

#endif
