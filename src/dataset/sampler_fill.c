/* Fills query bags, histories and product tokens, in parallel. Each worker writes a contiguous range of rows into lists
 * of its own; joining them in the workers' order gives the rows' order. */
#include <base/alloc.h>
#include <base/error.h>
#include <dataset/sampler_impl.h>
#include <string.h>

/* ---- queries: bags of those that are texts, vectors of those that are pictures, what users did ---- */

static sage_status packed_ids(const sage_sampler *s, size_t row, const uint32_t **ids, size_t *n) {
    sage_packed_query query;
    sage_dataset_query(s->dataset, s->query[row], &query);
    *ids = query.ids;
    *n = query.n_ids;
    return SAGE_OK;
}

static sage_status add_keys(const sage_sampler *s, sage_sampler_worker *w, size_t n, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_vocab *vocab = sage_dataset_vocab(s->dataset);
    SAGE_TRY(sage_u32_reserve(&w->keys, w->keys.n + n, error));
    for (size_t i = 0; i < n; i++) w->keys.data[w->keys.n++] = sage_word_key(w->chosen[i]);
    if (s->settings.teacher <= 0) goto out;
    SAGE_TRY(sage_u32_reserve(&w->key_ids, w->key_ids.n + n, error));
    for (size_t i = 0; i < n; i++)
        w->key_ids.data[w->key_ids.n++] = sage_vocab_find(vocab, SAGE_WORD, w->chosen[i].data, w->chosen[i].len);
out:
    return st;
}

static bool keys_needed(const sage_sampler *s, size_t row) {
    return s->query[row] == UINT32_MAX || s->settings.mask_all_words || s->settings.teacher > 0;
}

/* The row's words as they were before misspelling go to the masks and the teacher; the ids are those of what is then
 * written. */
static sage_status worded_ids(const sage_sampler *s, sage_sampler_worker *w, size_t row, sage_rng *rng,
                              const uint32_t **ids, size_t *n, sage_error *error) {
    sage_status st = SAGE_OK;
    bool made = s->query[row] == UINT32_MAX;
    size_t n_words;
    sage_str text;
    if (sage_given_text(s, row, &text)) {
        SAGE_TRY(sage_sampler_text_words(w, text, &n_words, error));
    } else if (s->made_query[row] != UINT32_MAX) {
        sage_made_query spoken;
        sage_dataset_made(s->dataset, s->made_query[row], &spoken);
        SAGE_TRY(sage_sampler_text_words(w, spoken.text, &n_words, error));
    } else if (made) {
        SAGE_TRY(sage_sampler_make_query(s, w, s->product[row], rng, &n_words, error));
    } else {
        sage_packed_query query;
        sage_dataset_query(s->dataset, s->query[row], &query);
        SAGE_TRY(sage_sampler_text_words(w, query.text, &n_words, error));
    }
    if (keys_needed(s, row)) SAGE_TRY(add_keys(s, w, n_words, error));
    if (!made && s->settings.typo <= 0) return packed_ids(s, row, ids, n); /* as the dataset looked them up */
    if (s->settings.typo > 0) SAGE_TRY(sage_sampler_misspell(s, w, n_words, rng, error));
    w->row_ids.n = 0;
    SAGE_TRY(sage_vocab_ids(sage_dataset_vocab(s->dataset), w->chosen, n_words, &w->row_ids.data, &w->row_ids.capacity,
                            &w->row_ids.n, error));
    *ids = w->row_ids.data;
    *n = w->row_ids.n;
out:
    return st;
}

/* Queries without words. */
static void fill_untold(sage_sampler *s, size_t row) {
    size_t place = row - s->n_texts;
    if (row >= s->settings.batch - s->given.n)
        sage_given_fill(s, row);
    else if (place < s->pictures.n)
        sage_pictures_fill(s, row);
    else if (place < s->pictures.n + s->people.n_looked)
        sage_history_fill_looked(s, row);
    else
        sage_history_fill_user(s, row);
}

static sage_status fill_query(sage_sampler *s, sage_sampler_worker *w, size_t row, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_rng rng;
    const uint32_t *ids;
    size_t n;
    if (row >= s->n_texts) {
        fill_untold(s, row);
        if (row < s->settings.batch - s->given.n) sage_given_follow(s, row);
        return sage_u32_add(&w->key_ends, (uint32_t)w->keys.n, error);
    }
    sage_given_follow(s, row);
    sage_row_rng(s, &rng, SAGE_STREAM_QUERY, row);
    if (keys_needed(s, row) || s->settings.typo > 0) {
        SAGE_TRY(worded_ids(s, w, row, &rng, &ids, &n, error));
    } else {
        SAGE_TRY(packed_ids(s, row, &ids, &n));
    }
    SAGE_TRY(sage_u32_reserve(&w->ids, w->ids.n + n + 1, error));
    w->ids.n += sage_drop_ids(ids, n, s->settings.ngram_dropout, &rng, w->ids.data + w->ids.n);
    bool said = sage_spoken_ask(s, row, &rng);
    if (n == 0 && !said) s->weight[row] = 0;
    SAGE_TRY(sage_u32_add(&w->ends, (uint32_t)w->ids.n, error));
    SAGE_TRY(sage_u32_add(&w->key_ends, (uint32_t)w->keys.n, error));
out:
    return st;
}

static void fill_queries(void *ctx, size_t begin, size_t end, size_t number) {
    sage_sampler *s = ctx;
    sage_sampler_worker *w = &s->workers[number];
    for (size_t row = begin; row < end && w->st == SAGE_OK; row++) w->st = fill_query(s, w, row, &w->error);
}

/* ---- products ---- */

/* Which fields stay: those that have n-grams, dropped at random, but one at least (the title if there is one). */
static unsigned choose_fields(const sage_sampler *s, const sage_packed_product *product, sage_rng *rng) {
    unsigned there = 0, kept = 0;
    for (unsigned f = 0; f < SAGE_FIELDS; f++) {
        if (product->begin[f + 1] == product->begin[f]) continue;
        there |= 1u << f;
        if (sage_rng_unit(rng) >= s->settings.field_dropout) kept |= 1u << f;
    }
    return kept != 0 ? kept : there & (0u - there); /* the lowest bit: fields are numbered by weight */
}

static sage_status add_token(sage_sampler_worker *w, const uint32_t *ids, size_t n, unsigned field, double dropout,
                             sage_rng *rng, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_u32_reserve(&w->ids, w->ids.n + n + 1, error));
    w->ids.n += sage_drop_ids(ids, n, dropout, rng, w->ids.data + w->ids.n);
    SAGE_TRY(sage_u32_add(&w->ends, (uint32_t)w->ids.n, error));
    if (sage_grow((void **)&w->fields, &w->fields_capacity, w->n_fields + 1, 1) != 0) {
        st = sage_fail_memory(error, w->n_fields + 1);
        goto out;
    }
    w->fields[w->n_fields++] = (uint8_t)field;
out:
    return st;
}

/* The product's own token, or SAGE_NO_ID: it has none, or does without this time. */
static uint32_t own_token(const sage_sampler *s, const sage_packed_product *product, size_t column, unsigned fields,
                          sage_rng *rng) {
    uint32_t number = s->tokens.of[s->product[column]];
    if (number == UINT32_MAX) return SAGE_NO_ID;
    bool more = fields != 0 || product->n_images > 0 || product->n_sentences > 0;
    if (more && sage_rng_unit(rng) < s->settings.token_dropout) return SAGE_NO_ID;
    return (uint32_t)sage_vocab_size(sage_dataset_vocab(s->dataset)) + number;
}

static bool held_out(const sage_sampler *s, const sage_packed_product *product, size_t column, size_t image) {
    return product->image_prints != NULL && sage_pictures_hold_out(s, column, product->image_prints[image]);
}

static sage_status add_images(sage_sampler *s, sage_sampler_worker *w, const sage_packed_product *product,
                              size_t column, bool needed, sage_rng *rng, sage_error *error) {
    size_t dim = s->dataset->image_dim, kept = 0, last = 0;
    if (dim == 0) return SAGE_OK;
    if (sage_grow((void **)&w->images, &w->images_capacity, (w->n_images + product->n_images + 1) * dim,
                  sizeof *w->images) != 0) {
        return sage_fail_memory(error, (w->n_images + product->n_images + 1) * dim * sizeof *w->images);
    }
    for (size_t i = 0; i < product->n_images; i++) {
        if (!held_out(s, product, column, i)) last = i;
    }
    for (size_t i = 0; i < product->n_images; i++) {
        bool last_chance = needed && kept == 0 && i == last, dropped = sage_rng_unit(rng) < s->settings.image_dropout;
        if (held_out(s, product, column, i) || (dropped && !last_chance)) continue;
        memcpy(w->images + w->n_images++ * dim, product->images + i * dim, dim * sizeof *w->images);
        kept++;
    }
    if (needed && kept == 0 && column >= s->n_texts && column < s->n_texts + s->pictures.n) s->weight[column] = 0;
    return sage_u32_add(&w->image_ends, (uint32_t)w->n_images, error);
}

/* Nothing can be learned about a product that has nothing, whoever wants it. Of texts and pictures it is known. */
static void weigh_product(sage_sampler *s, const sage_sampler_worker *w, size_t column, size_t tokens, size_t images) {
    bool said = s->dataset->sentence_dim > 0 && s->sentences.begin[column + 1] > 0;
    if (column < s->n_texts + s->pictures.n || column >= s->settings.batch) return;
    if (w->ends.n == tokens && w->n_images == images && !said) s->weight[column] = 0;
}

static sage_status fill_product(sage_sampler *s, sage_sampler_worker *w, size_t column, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_packed_product product;
    sage_rng rng;
    size_t tokens = w->ends.n, images = w->n_images;
    sage_row_rng(s, &rng, SAGE_STREAM_PRODUCT, column);
    sage_dataset_product(s->dataset, s->product[column], &product);
    unsigned fields = choose_fields(s, &product, &rng);
    uint32_t own = own_token(s, &product, column, fields, &rng);
    bool alone = fields == 0 && own == SAGE_NO_ID;
    for (unsigned f = 0; f < SAGE_FIELDS; f++) {
        const uint32_t *ids = product.ids + product.begin[f];
        if (fields & 1u << f)
            SAGE_TRY(
                add_token(w, ids, product.begin[f + 1] - product.begin[f], f, s->settings.ngram_dropout, &rng, error));
    }
    if (own != SAGE_NO_ID) SAGE_TRY(add_token(w, &own, 1, SAGE_FIELDS, 0, &rng, error));
    SAGE_TRY(add_images(s, w, &product, column, alone, &rng, error));
    sage_spoken_keep(s, &product, column, alone, &rng);
    weigh_product(s, w, column, tokens, images);
    SAGE_TRY(sage_u32_add(&w->tokens, (uint32_t)w->ends.n, error));
out:
    return st;
}

static void fill_products(void *ctx, size_t begin, size_t end, size_t number) {
    sage_sampler *s = ctx;
    sage_sampler_worker *w = &s->workers[number];
    for (size_t column = begin; column < end && w->st == SAGE_OK; column++)
        w->st = fill_product(s, w, column, &w->error);
}

/* ---- the whole ---- */

#define MEMBER(name) offsetof(sage_sampler_worker, name)

sage_status sage_sampler_fill_queries(sage_sampler *sampler, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_sampler *s = sampler;
    sage_sampler_workers_reset(s);
    sage_pool_for(s->pool, s->settings.batch, 1, fill_queries, s);
    SAGE_TRY(sage_sampler_workers_status(s, error));
    SAGE_TRY(sage_join_data(s, MEMBER(ids), &s->query_ids, error));
    SAGE_TRY(sage_join_ends(s, MEMBER(ends), &s->query_begin, error));
    SAGE_TRY(sage_join_data(s, MEMBER(keys), &s->keys, error));
    SAGE_TRY(sage_join_ends(s, MEMBER(key_ends), &s->key_begin, error));
    SAGE_TRY(sage_join_data(s, MEMBER(key_ids), &s->teacher.key_ids, error));
    sage_people_pack(s);
out:
    return st;
}

static sage_status join_fields(sage_sampler *s, sage_error *error) {
    size_t n = 0;
    for (size_t t = 0; t < s->n_workers; t++) n += s->workers[t].n_fields;
    if (sage_grow((void **)&s->token_field, &s->token_field_capacity, n, 1) != 0) return sage_fail_memory(error, n);
    for (size_t t = 0, at = 0; t < s->n_workers; at += s->workers[t++].n_fields) {
        if (s->workers[t].n_fields > 0) memcpy(s->token_field + at, s->workers[t].fields, s->workers[t].n_fields);
    }
    return SAGE_OK;
}

/* Each part's rows together. */
static void join_parts(sage_sampler *s, size_t n, const sage_picture_parts *parts) {
    size_t dim = s->dataset->image_dim, row = 0;
    for (size_t t = 0; t < s->n_workers; t++) {
        const sage_sampler_worker *w = &s->workers[t];
        for (size_t i = 0; i < w->n_images; i++, row++) {
            const float *from = w->images + i * dim;
            float *to = s->images;
            for (size_t p = 0; p < parts->n; to += n * parts->dim[p], from += parts->dim[p++])
                memcpy(to + row * parts->dim[p], from, parts->dim[p] * sizeof *to);
        }
    }
}

static sage_status join_images(sage_sampler *s, sage_error *error) {
    const sage_picture_parts *parts = sage_dataset_image_parts(s->dataset);
    size_t n = 0, dim = s->dataset->image_dim;
    for (size_t t = 0; t < s->n_workers; t++) n += s->workers[t].n_images * dim;
    if (sage_grow((void **)&s->images, &s->images_capacity, n, sizeof *s->images) != 0) {
        return sage_fail_memory(error, n * sizeof *s->images);
    }
    if (dim > 0) join_parts(s, n / dim, parts);
    return sage_join_ends(s, MEMBER(image_ends), &s->image_begin, error);
}

sage_status sage_sampler_fill_products(sage_sampler *sampler, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_sampler *s = sampler;
    sage_sampler_workers_reset(s);
    sage_pool_for(s->pool, s->settings.batch + s->n_random, 1, fill_products, s);
    SAGE_TRY(sage_sampler_workers_status(s, error));
    SAGE_TRY(sage_join_data(s, MEMBER(ids), &s->token_ids, error));
    SAGE_TRY(sage_join_ends(s, MEMBER(ends), &s->bag_begin, error));
    SAGE_TRY(sage_join_ends(s, MEMBER(tokens), &s->token_begin, error));
    SAGE_TRY(join_fields(s, error));
    if (s->dataset->image_dim > 0) SAGE_TRY(join_images(s, error));
    sage_spoken_join(s);
out:
    return st;
}
