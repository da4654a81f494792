/* What a run is going to be: batch, steps, memory. The first batch tells; drawing it changes nothing, since a batch
 * depends on its step alone. */
#include <base/error.h>
#include <base/option_table.h>
#include <stdio.h>
#include <string.h>
#include <train/given_start.h>
#include <train/token_start.h>
#include <train/trainer.h>

enum { LEAST_BATCH = 16, EMBED_BYTES = 8 << 20 };
static const double MIB = 1 << 20;

static size_t memory_limit(const sage_trainer *trainer) {
    return (size_t)sage_options_int_or(trainer->options, "memory", 0);
}

/* A sampler of `pairs` a batch; 0: as the options say. */
static sage_status new_sampler(sage_trainer *trainer, size_t pairs, uint64_t seed, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_options *changed = NULL;
    char assignment[48];
    sage_sampler_free(trainer->sampler);
    trainer->sampler = NULL;
    if (pairs > 0) {
        snprintf(assignment, sizeof assignment, "batch=%zu", pairs);
        SAGE_TRY(sage_options_copy(trainer->options, &changed, error));
        SAGE_TRY(sage_options_set(changed, assignment, error));
    }
    SAGE_TRY(
        sage_sampler_new(trainer->dataset, changed ? changed : trainer->options, NULL, seed, &trainer->sampler, error));
out:
    sage_options_free(changed);
    return st;
}

static uint64_t seed_of(const sage_trainer *trainer) {
    sage_dataset_info info;
    sage_dataset_describe(trainer->dataset, &info);
    return (uint64_t)sage_options_int_or(trainer->options, "train_seed", (int64_t)info.seed);
}

/* Products' tokens are what rows are about, and begin as item-kNN. */
static bool settled(const sage_trainer *trainer, const sage_batch *batch) {
    bool start = sage_token_start_meant(trainer->options) && trainer->load.shape.hashes == 1;
    bool searched = sage_dataset_surface_pairs(trainer->dataset, SAGE_ON_SEARCH) > 0;
    return start && trainer->tokens.n > 0 && batch->n_users > 0 && !searched;
}

bool sage_trainer_starts_given(const sage_trainer *trainer) {
    bool space = trainer->start.model != NULL || trainer->start.products != NULL;
    return sage_given_start_meant(trainer->options) && !space &&
           sage_dataset_given_count(trainer->dataset, SAGE_ON_SEARCH) > 0;
}

/* With vectors of the shop's own, which need no tower. */
static bool asks_as_users(const sage_batch *batch) {
    for (size_t row = batch->n_pairs - batch->n_given; row < batch->n_pairs; row++)
        if (batch->task[row] / SAGE_EVENT_KINDS == SAGE_ON_USER) return true;
    return false;
}

/* Settings, load and need with the sampler that there is. */
static sage_status measure(sage_trainer *trainer, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_batch *first;
    sage_train_load *load = &trainer->load;
    SAGE_TRY(sage_sampler_batch(trainer->sampler, 0, &first, error));
    bool users = first->n_users > 0 || asks_as_users(first);
    size_t events = users ? sage_dataset_trained_events(trainer->dataset) : 0;
    sage_train_size size = {.products = sage_dataset_products(trainer->dataset),
                            .pairs = sage_dataset_trained_pairs(trainer->dataset) + events,
                            .batch = first->n_pairs,
                            .seed = seed_of(trainer),
                            .given = sage_trainer_starts_given(trainer),
                            .settled = settled(trainer, first)};
    sage_train_settings_read(trainer->options, &size, &trainer->settings);
    SAGE_TRY(sage_train_prefixes(trainer->options, load->shape.dim_out, &trainer->settings, error));
    sage_train_load_batch(trainer->sampler, first, load);
    load->products = size.products;
    load->negatives = (size_t)sage_options_int_or(trainer->options, "negatives", (int64_t)first->n_pairs);
    if (first->n_random == 0) load->negatives = 0;
    load->threads = sage_pool_threads(trainer->pool);
    load->precision = trainer->settings.precision;
    load->steps = trainer->settings.steps;
    load->n_prefixes = trainer->settings.n_prefixes;
    memcpy(load->prefixes, trainer->settings.prefixes, sizeof load->prefixes);
    load->average = trainer->settings.average > 0;
    sage_train_need_of(load, &trainer->need);
out:
    return st;
}

/* Queries whose vectors are given say how wide the products' are. */
static sage_status take_given_width(const sage_trainer *trainer, sage_model_shape *shape, sage_error *error) {
    size_t dim = sage_dataset_given_dim(trainer->dataset);
    if (dim == 0 || dim == shape->dim_out) return SAGE_OK;
    if (!sage_options_is_auto(trainer->options, "dim_out"))
        return sage_fail(error, SAGE_E_ARGUMENT,
                         "option dim_out = %zu, but the shop's own query vectors have %zu numbers; leave dim_out "
                         "to the program, or set search_vectors=off",
                         shape->dim_out, dim);
    shape->dim_out = dim;
    return SAGE_OK;
}

/* The model that dataset and batches ask for: towers for users and for products where the batches have such rows. */
static sage_status plan_shape(sage_trainer *trainer, sage_model_shape *shape, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_batch *first;
    sage_group groups[SAGE_PICTURE_PARTS_MAX + 1];
    const sage_picture_parts *pictures = sage_dataset_image_parts(trainer->dataset);
    size_t n_groups = 0, sentences = sage_dataset_sentence_dim(trainer->dataset);
    _Static_assert(SAGE_PICTURE_PARTS_MAX + 1 <= SAGE_GROUPS_MAX, "a group of each part, and one of sentences");
    for (; n_groups < pictures->n; n_groups++)
        groups[n_groups] = (sage_group){SAGE_GROUP_PICTURES, pictures->dim[n_groups]};
    if (sentences > 0) groups[n_groups++] = (sage_group){SAGE_GROUP_SENTENCES, sentences};
    SAGE_TRY(sage_model_shape_from_options(trainer->options, sage_vocab_size(sage_dataset_vocab(trainer->dataset)),
                                           n_groups, groups, shape, error));
    SAGE_TRY(take_given_width(trainer, shape, error));
    SAGE_TRY(sage_dataset_tokens(trainer->dataset, trainer->options, &trainer->tokens, error));
    sage_model_shape_tokens(shape, trainer->tokens.n);
    SAGE_TRY(sage_sampler_batch(trainer->sampler, 0, &first, error));
    size_t events = first->n_users > 0 ? sage_sampler_user_events(trainer->sampler) : 0;
    SAGE_TRY(sage_model_shape_towers(trainer->options, first->n_looked > 0, events, shape, error));
out:
    return st;
}

/* A query and a product are compared number by number. */
static sage_status check_kept(const sage_train_start *start, const sage_model_shape *shape, sage_error *error) {
    size_t dim = sage_shape_out(shape);
    if (start->products == NULL || start->products_dim == dim) return SAGE_OK;
    return sage_fail(error, SAGE_E_STATE,
                     "the vectors of the products that are kept have %zu numbers, the model to be trained makes %zu; "
                     "train with the options that their model was trained with (its config.json)",
                     start->products_dim, dim);
}

sage_status sage_trainer_plan(sage_trainer *trainer, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_model_shape shape;
    size_t limit = memory_limit(trainer);
    SAGE_TRY(new_sampler(trainer, 0, seed_of(trainer), error));
    SAGE_TRY(plan_shape(trainer, &shape, error));
    SAGE_TRY(check_kept(&trainer->start, &shape, error));
    SAGE_TRY(sage_train_load_model(&shape, &trainer->load, error));
    if (sage_shape_recalls(&shape) || trainer->start.products != NULL)
        trainer->load.bank_bytes = sage_bank_bytes(trainer->dataset, shape.dim_out);
    if (trainer->start.products != NULL) /* the caller holds them beside the bank */
        trainer->load.bank_bytes +=
            sage_dataset_products(trainer->dataset) * trainer->start.products_dim * sizeof(float);
    /* To validate, the vectors are held, and the weights once more, laid out for inference. */
    if (trainer->validate_vectors > 0)
        trainer->load.validation_bytes = trainer->validate_vectors * sage_shape_out(&shape) * sizeof(float) +
                                         trainer->load.dense_size * sizeof(real) + EMBED_BYTES;
    SAGE_TRY(measure(trainer, error));
    if (limit == 0 || !sage_options_is_auto(trainer->options, "batch")) goto out;
    /* By halves, so that it stays what it is where the need varies a little. */
    for (size_t pairs = trainer->load.n_pairs / 2; trainer->need.total > limit && pairs >= LEAST_BATCH; pairs /= 2) {
        SAGE_TRY(new_sampler(trainer, pairs, seed_of(trainer), error));
        SAGE_TRY(measure(trainer, error));
    }
out:
    return st;
}

/* ---- saying it ---- */

static double mib(size_t bytes) {
    return (double)bytes / MIB;
}

void sage_trainer_note_plan(const sage_trainer *trainer) {
    const sage_train_need *need = &trainer->need;
    const sage_model_shape *shape = &trainer->load.shape;
    sage_note(trainer->monitor,
              "%.1f million parameters (%zu table rows for %zu n-grams and %zu products), %zu + %zu products a batch; "
              "memory %.0f MiB: "
              "parameters %.0f, moments %.0f, averages %.0f, a step's work %.0f, batches %.0f, validation %.0f, other "
              "%.0f; the dataset stays in its file",
              1e-6 * (double)need->parameters / sizeof(real), shape->rows, shape->vocab, shape->tokens,
              trainer->load.n_pairs, trainer->load.n_random, mib(need->total), mib(need->parameters),
              mib(need->moments), mib(need->averages), mib(need->work), mib(need->batches), mib(need->validation),
              mib(need->gradients + need->rest));
}

sage_status sage_trainer_check_memory(const sage_trainer *trainer, sage_error *error) {
    size_t limit = memory_limit(trainer), needed = trainer->need.total;
    const sage_train_load *load = &trainer->load;
    if (limit == 0 || needed <= limit) return SAGE_OK;
    size_t pairs = sage_train_pairs_that_fit(load, limit);
    if (pairs == 0)
        return sage_fail(
            error, SAGE_E_LIMIT,
            "training needs %.0f MiB, more than memory = %.0f MiB, and no batch fits; give more memory, or "
            "make table_rows, dim_embed or dim_model smaller",
            mib(needed), mib(limit));
    return sage_fail(
        error, SAGE_E_LIMIT,
        "training needs %.0f MiB with batches of %zu + %zu, more than memory = %.0f MiB; set batch=%zu and "
        "negatives=%zu, the largest that fit, or give more memory",
        mib(needed), load->n_pairs, load->n_random, mib(limit), pairs, sage_train_negatives_of(load, pairs));
}
