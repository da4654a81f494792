#include <base/alloc.h>
#include <base/error.h>
#include <base/profile.h>
#include <dataset/sampler_impl.h>
#include <string.h>

static sage_status allocate_rows(sage_sampler *s, sage_error *error) {
    size_t rows = s->settings.batch, columns = rows + s->n_random;
    s->n_workers = sage_pool_threads(s->pool);
    s->workers = sage_alloc_zero(s->n_workers, sizeof *s->workers);
    s->product = sage_alloc(columns * sizeof *s->product);
    s->query = sage_alloc(rows * sizeof *s->query);
    s->made_query = sage_alloc(rows * sizeof *s->made_query);
    s->task = sage_alloc(rows);
    s->weight = sage_alloc(rows * sizeof *s->weight);
    s->log_q = sage_alloc(columns * sizeof *s->log_q);
    s->mask = sage_alloc_zero(rows, (columns + 63) / 64 * sizeof *s->mask);
    if (s->workers == NULL || s->product == NULL || s->query == NULL || s->made_query == NULL || s->task == NULL ||
        s->weight == NULL || s->log_q == NULL || s->mask == NULL) {
        return sage_fail_memory(error, rows * ((columns + 63) / 64) * sizeof *s->mask);
    }
    sage_status st = sage_given_allocate(s, error);
    if (st == SAGE_OK) st = sage_pictures_allocate(s, error);
    if (st == SAGE_OK) st = sage_people_allocate(s, error);
    if (st == SAGE_OK) st = sage_touched_new(s, error);
    return st == SAGE_OK ? sage_spoken_allocate(s, error) : st;
}

sage_status sage_sampler_new(const sage_dataset *dataset, const sage_options *options, sage_pool *pool, uint64_t seed,
                             sage_sampler **sampler, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_sampler *s = sage_alloc_zero(1, sizeof *s);
    *sampler = NULL;
    if (s == NULL) return sage_fail_memory(error, sizeof *s);
    s->dataset = dataset;
    s->pool = pool;
    s->seed = seed;
    SAGE_TRY(sage_sampler_plan_settings(s, options, error));
    SAGE_TRY(sage_dataset_tokens(dataset, options, &s->tokens, error));
    SAGE_TRY(allocate_rows(s, error));
    SAGE_TRY(sage_sampler_learn_taste(s, options, error));
    SAGE_TRY(sage_sampler_count(s, error));
    *sampler = s;
    s = NULL;
out:
    sage_sampler_free(s);
    return st;
}

sage_status sage_sampler_twin(const sage_sampler *of, sage_pool *pool, sage_sampler **twin, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_sampler *s = sage_alloc_zero(1, sizeof *s);
    *twin = NULL;
    if (s == NULL) return sage_fail_memory(error, sizeof *s);
    s->dataset = of->dataset;
    s->pool = pool;
    s->seed = of->seed;
    s->settings = of->settings;
    s->n_products = of->n_products;
    s->n_random = of->n_random;
    s->n_texts = of->n_texts;
    s->given.n = of->given.n;
    s->given.n_texts = of->given.n_texts;
    s->n_spoken = of->n_spoken;
    s->pictures.n = of->pictures.n;
    s->people.n_looked = of->people.n_looked;
    s->people.n_users = of->people.n_users;
    s->full_catalogue = of->full_catalogue;
    s->cold_start = of->cold_start;
    s->borrowed = true;
    s->tokens = of->tokens;
    s->taste = of->taste;
    s->expected = of->expected;
    memcpy(s->tasks, of->tasks, sizeof s->tasks);
    memcpy(s->length_cdf, of->length_cdf, sizeof s->length_cdf);
    memcpy(s->sketches, of->sketches, sizeof s->sketches);
    memcpy(s->people.targets, of->people.targets, sizeof s->people.targets);
    s->people.touched = of->people.touched;
    SAGE_TRY(allocate_rows(s, error));
    *twin = s;
    s = NULL;
out:
    sage_sampler_free(s);
    return st;
}

static void free_worker(sage_sampler_worker *w) {
    sage_u32_list *lists[] = {&w->ids,     &w->ends,   &w->keys,       &w->key_ends,
                              &w->key_ids, &w->tokens, &w->image_ends, &w->row_ids};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) sage_free(lists[i]->data);
    sage_free(w->fields);
    sage_free(w->images);
    sage_free(w->words);
    sage_free(w->chosen);
    sage_free(w->weights);
    sage_free(w->typos);
}

void sage_sampler_free(sage_sampler *sampler) {
    sage_sampler *s = sampler;
    if (s == NULL) return;
    sage_u32_list *lists[] = {&s->query_ids,    &s->query_begin, &s->keys,       &s->key_begin,
                              &s->token_begin,  &s->token_ids,   &s->bag_begin,  &s->image_begin,
                              &s->made_product, &s->made_ids,    &s->made_begin, &s->made_entry};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) sage_free(lists[i]->data);
    for (size_t t = 0; s->workers != NULL && t < s->n_workers; t++) free_worker(&s->workers[t]);
    for (size_t t = 0; t < SAGE_SOURCES && !s->borrowed; t++) {
        sage_cms_free(s->sketches[t]);
        sage_free(s->tasks[t].chosen);
    }
    sage_mask_tables_free(&s->tables);
    sage_teacher_free(&s->teacher);
    sage_pictures_free(&s->pictures);
    sage_people_free(s);
    sage_given_free(s);
    sage_spoken_free(&s->sentences);
    sage_free(s->workers);
    if (!s->borrowed) sage_tokens_free(&s->tokens);
    if (!s->borrowed) sage_free(s->taste);
    if (!s->borrowed) sage_free(s->expected);
    sage_free(s->product);
    sage_free(s->query);
    sage_free(s->made_query);
    sage_free(s->task);
    sage_free(s->weight);
    sage_free(s->log_q);
    sage_free(s->mask);
    sage_free(s->token_field);
    sage_free(s->images);
    sage_free(s);
}

static void present(sage_sampler *s) {
    bool images = s->dataset->image_dim > 0, teacher = s->settings.teacher > 0;
    s->batch = (sage_batch){
        .n_pairs = s->settings.batch,
        .n_random = s->n_random,
        .n_texts = s->n_texts,
        .n_pictures = s->pictures.n,
        .n_given = s->given.n,
        .given = s->given.n > 0 ? s->given.vectors : NULL,
        .follow = s->given.follow,
        .n_looked = s->people.n_looked,
        .n_users = s->people.n_users,
        .product = s->product,
        .task = s->task,
        .weight = s->weight,
        .log_q = s->log_q,
        .mask = s->mask,
        .query_ids = s->query_ids.data,
        .query_begin = s->query_begin.data,
        .query_pictures = s->pictures.vectors,
        .looked_at = s->people.looked_at,
        .user_begin = s->people.begin,
        .user_product = s->people.product,
        .user_kind = s->people.kind,
        .user_age = s->people.age,
        .query_sentences = s->sentences.queries,
        .token_begin = s->token_begin.data,
        .token_field = s->token_field,
        .token_ids = s->token_ids.data,
        .bag_begin = s->bag_begin.data,
        .image_begin = images ? s->image_begin.data : NULL,
        .images = images ? s->images : NULL,
        .sentence_begin = s->sentences.begin,
        .sentences = s->sentences.products,
        .teacher_weight = (float)s->settings.teacher,
        .teacher_begin = teacher ? s->teacher.begin.data : NULL,
        .teacher_column = teacher ? s->teacher.column.data : NULL,
        .teacher_score = teacher ? s->teacher.score : NULL,
        .full_catalogue = s->full_catalogue,
    };
}

sage_status sage_sampler_batch(sage_sampler *sampler, uint64_t step, const sage_batch **batch, sage_error *error) {
    static sage_stage queries = SAGE_STAGE("next batch: queries"), products = SAGE_STAGE("next batch: products"),
                      masks = SAGE_STAGE("next batch: masks"), teacher = SAGE_STAGE("next batch: teacher");
    sage_status st = SAGE_OK;
    *batch = NULL;
    uint64_t began = sage_stage_begin();
    sage_sampler_plan_rows(sampler, step);
    SAGE_TRY(sage_sampler_fill_queries(sampler, error));
    sage_stage_end(&queries, began, 0, 0);
    began = sage_stage_begin();
    SAGE_TRY(sage_sampler_fill_products(sampler, error));
    sage_stage_end(&products, began, 0, 0);
    began = sage_stage_begin();
    SAGE_TRY(sage_sampler_mask(sampler, error));
    sage_stage_end(&masks, began, 0, 0);
    began = sage_stage_begin();
    SAGE_TRY(sage_sampler_teach(sampler, error));
    sage_sampler_log_q(sampler);
    sage_stage_end(&teacher, began, 0, 0);
    present(sampler);
    *batch = &sampler->batch;
out:
    return st;
}

bool sage_sampler_cold_start(const sage_sampler *sampler) {
    return sampler->cold_start;
}

static size_t worker_bytes(const sage_sampler_worker *w) {
    size_t numbers = w->ids.capacity + w->ends.capacity + w->keys.capacity + w->key_ends.capacity +
                     w->key_ids.capacity + w->tokens.capacity + w->image_ends.capacity + w->row_ids.capacity;
    return numbers * sizeof(uint32_t) + w->fields_capacity + w->images_capacity * sizeof(float) +
           (w->words_capacity + w->chosen_capacity) * sizeof(sage_str) + w->weights_capacity * sizeof(double) +
           w->typos_capacity;
}

size_t sage_sampler_shared_bytes(const sage_sampler *sampler) {
    const sage_sampler *s = sampler;
    size_t bytes = sage_vocab_begin(sage_dataset_vocab(s->dataset), SAGE_BIGRAM) * sizeof *s->taste;
    bytes += s->n_products * (2 * sizeof *s->tokens.of + sizeof *s->tokens.pids);
    if (s->expected != NULL) bytes += s->n_products * sizeof *s->expected;
    bytes += sage_people_target_bytes(s) + sage_recent_bytes(s) + (s->people.touched != NULL ? s->n_products : 0);
    for (size_t t = 0; t < SAGE_SOURCES; t++) {
        if (s->tasks[t].chosen != NULL) bytes += s->tasks[t].n * sizeof *s->tasks[t].chosen;
        if (s->sketches[t] != NULL) bytes += s->settings.sketch_depth * s->settings.sketch_width * sizeof(uint32_t);
    }
    return bytes;
}

size_t sage_sampler_memory_bytes(const sage_sampler *sampler) {
    const sage_sampler *s = sampler;
    size_t rows = s->settings.batch, columns = rows + s->n_random;
    size_t numbers = s->query_ids.capacity + s->query_begin.capacity + s->keys.capacity + s->key_begin.capacity +
                     s->token_begin.capacity + s->token_ids.capacity + s->bag_begin.capacity + s->image_begin.capacity +
                     s->made_product.capacity + s->made_ids.capacity + s->made_begin.capacity + s->made_entry.capacity +
                     2 * columns + 2 * rows;
    size_t bytes = sizeof *s + numbers * sizeof(uint32_t) + rows * (1 + sizeof(float)) +
                   rows * ((columns + 63) / 64) * 8 + s->token_field_capacity + s->images_capacity * sizeof(float) +
                   sage_mask_tables_bytes(&s->tables) + sage_teacher_bytes(&s->teacher) + sage_pictures_bytes(s) +
                   sage_people_bytes(s) + sage_spoken_bytes(s) + sage_given_bytes(s);
    if (!s->borrowed) bytes += sage_sampler_shared_bytes(s);
    for (size_t t = 0; t < s->n_workers; t++) bytes += sizeof *s->workers + worker_bytes(&s->workers[t]);
    return bytes;
}

/* ---- validation ---- */

/* The dataset made its own in the same order, but keeps those whose words are not in the vocabulary. */
static uint32_t find_made(const sage_dataset *d, uint32_t product, size_t *at) {
    size_t i = *at;
    while (i < d->n_made_all && d->made_product[i] != product) i++;
    if (i == d->n_made_all) return UINT32_MAX;
    *at = i + 1;
    return (uint32_t)i;
}

static sage_status add_made(sage_sampler *s, uint32_t product, uint64_t number, size_t *at, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_rng rng;
    size_t n_words, before = s->made_ids.n;
    sage_sampler_worker *w = &s->workers[0];
    sage_rng_seed(&rng, SAGE_STREAM_VALIDATION, number);
    SAGE_TRY(sage_sampler_make_query(s, w, product, &rng, &n_words, error));
    SAGE_TRY(sage_vocab_ids(sage_dataset_vocab(s->dataset), w->chosen, n_words, &s->made_ids.data,
                            &s->made_ids.capacity, &s->made_ids.n, error));
    if (s->made_ids.n == before) goto out; /* it has no words */
    SAGE_TRY(sage_u32_add(&s->made_product, product, error));
    SAGE_TRY(sage_u32_add(&s->made_entry, find_made(s->dataset, product, at), error));
    SAGE_TRY(sage_u32_add(&s->made_begin, (uint32_t)s->made_ids.n, error));
out:
    return st;
}

sage_status sage_sampler_validation(sage_sampler *sampler, size_t n, const sage_made_pairs **pairs, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_sampler *s = sampler;
    *pairs = NULL;
    size_t at = s->dataset->n_made;
    s->made_product.n = s->made_ids.n = s->made_begin.n = s->made_entry.n = 0;
    SAGE_TRY(sage_u32_add(&s->made_begin, 0, error));
    for (uint64_t i = 0; i < s->n_products && s->made_product.n < n; i++) {
        uint32_t product = (uint32_t)sage_permute(i, s->n_products, SAGE_STREAM_VALIDATION);
        SAGE_TRY(add_made(s, product, i, &at, error));
    }
    s->made = (sage_made_pairs){s->made_product.n, s->made_product.data, s->made_ids.data, s->made_begin.data,
                                s->made_entry.data};
    *pairs = &s->made;
out:
    return st;
}

size_t sage_sampler_user_events(const sage_sampler *sampler) {
    return sampler->settings.user_events;
}
