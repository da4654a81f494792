/* Which words shoppers type, and how many: from the training queries where there are enough, else from the catalogue's
 * own frequencies (rare words tell products apart, and numbers are seldom typed). */
#include <base/alloc.h>
#include <base/error.h>
#include <dataset/sampler_impl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { VISITS_MAX = 500000, VISITS_ENOUGH = 200, QUERIES_ENOUGH = 100, PRIOR_VISITS = 8 };

/* ---- from the catalogue ---- */

static bool has_digit(sage_str word) {
    for (size_t i = 0; i < word.len; i++) {
        if (word.data[i] >= '0' && word.data[i] <= '9') return true;
    }
    return false;
}

static double guess(const sage_vocab *vocab, uint32_t id) {
    sage_str word = sage_vocab_token(vocab, id);
    double idf = log((double)sage_vocab_documents(vocab) / sage_vocab_df(vocab, id)), like = idf / 4;
    if (like < 0.05) like = 0.05;
    if (like > 1) like = 1;
    if (has_digit(word)) like *= 0.3;
    return word.len < 3 ? like * 0.5 : like;
}

/* ---- from training queries: of the times that a product of this word was chosen, how often the query had the word
 * ---- */

typedef struct census {
    const sage_sampler *sampler;
    sage_str *words;
    size_t words_capacity;
    sage_u32_list query, product; /* ids of words, distinct */
    uint32_t *shown, *typed;      /* [words of the vocabulary] */
    uint64_t visits, n_shown, n_typed;
    uint64_t length[SAGE_MADE_WORDS_MAX + 1], queries;
} census;

static sage_status add_word_ids(census *c, sage_str text, sage_u32_list *ids, size_t *n_words, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_vocab *vocab = sage_dataset_vocab(c->sampler->dataset);
    SAGE_TRY(sage_field_words(text, &c->words, &c->words_capacity, n_words, error));
    for (size_t i = 0; i < *n_words; i++) {
        uint32_t id = sage_vocab_find(vocab, SAGE_WORD, c->words[i].data, c->words[i].len);
        if (id != SAGE_NO_ID) SAGE_TRY(sage_u32_add(ids, id, error));
    }
out:
    return st;
}

static sage_status visit_product(census *c, uint32_t number, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_packed_product product;
    size_t n_words;
    sage_dataset_product(c->sampler->dataset, number, &product);
    c->product.n = 0;
    for (size_t f = 0; f < SAGE_MADE_FIELDS; f++) {
        SAGE_TRY(add_word_ids(c, product.text[sage_made_fields[f]], &c->product, &n_words, error));
    }
    c->product.n = sage_word_keys_unique(c->product.data, c->product.n);
    for (size_t i = 0, j = 0; i < c->product.n; i++) {
        uint32_t id = c->product.data[i];
        while (j < c->query.n && c->query.data[j] < id) j++;
        bool typed = j < c->query.n && c->query.data[j] == id;
        c->shown[id]++;
        c->typed[id] += typed;
        c->n_shown++;
        c->n_typed += typed;
    }
    c->visits++;
out:
    return st;
}

static sage_status visit_query(census *c, const sage_packed_query *query, size_t longest, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t n_words;
    c->query.n = 0;
    SAGE_TRY(add_word_ids(c, query->text, &c->query, &n_words, error));
    c->query.n = sage_word_keys_unique(c->query.data, c->query.n);
    if (n_words > 0) {
        c->length[n_words < longest ? n_words : longest]++;
        c->queries++;
    }
    for (size_t i = 0; i < query->n_positives; i++) SAGE_TRY(visit_product(c, query->positives[i], error));
out:
    return st;
}

/* Queries evenly spread over the training part, until enough products have been visited. */
static sage_status take_census(census *c, size_t longest, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_dataset *d = c->sampler->dataset;
    size_t end = d->part_begin[SAGE_TRAIN + 1], stride = d->positive_begin[end] / VISITS_MAX + 1;
    for (size_t q = 0; q < end; q += stride) {
        sage_packed_query query;
        sage_dataset_query(d, q, &query);
        if (query.surface == SAGE_ON_SEARCH) SAGE_TRY(visit_query(c, &query, longest, error));
    }
out:
    return st;
}

static void set_lengths(sage_sampler *s, const census *c, bool as_queries) {
    size_t min = s->settings.words_min, max = s->settings.words_max;
    double sum = 0;
    for (size_t k = 0; k <= SAGE_MADE_WORDS_MAX; k++) {
        if (k >= min && k <= max) sum += as_queries ? (double)c->length[k] + 1 : 1;
        s->length_cdf[k] = sum;
    }
    for (size_t k = 0; k <= SAGE_MADE_WORDS_MAX; k++) s->length_cdf[k] /= sum;
}

static void set_taste(sage_sampler *s, const census *c, size_t n_words) {
    const sage_vocab *vocab = sage_dataset_vocab(s->dataset);
    double mean = c->n_shown > 0 ? (double)c->n_typed / (double)c->n_shown : 0;
    bool learned = c->visits >= VISITS_ENOUGH && mean > 0;
    for (uint32_t id = 0; id < n_words; id++) {
        double like =
            learned ? (c->typed[id] + PRIOR_VISITS * mean) / (c->shown[id] + (double)PRIOR_VISITS) : guess(vocab, id);
        s->taste[id] = (float)pow(like, s->settings.taste);
    }
}

sage_status sage_sampler_learn_taste(sage_sampler *sampler, const sage_options *options, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_sampler *s = sampler;
    census c = {.sampler = s};
    const char *kind = sage_options_text(options, "pseudo_length");
    size_t n_words = sage_vocab_begin(sage_dataset_vocab(s->dataset), SAGE_BIGRAM);
    s->taste = sage_alloc(n_words * sizeof *s->taste);
    c.shown = sage_alloc_zero(n_words, sizeof *c.shown);
    c.typed = sage_alloc_zero(n_words, sizeof *c.typed);
    if (s->taste == NULL || c.shown == NULL || c.typed == NULL) {
        st = sage_fail_memory(error, n_words * sizeof *s->taste);
        goto out;
    }
    s->settings.words_max =
        (size_t)sage_options_int_or(options, "pseudo_words_max", strcmp(kind, "uniform") == 0 ? 4 : 5);
    if (s->settings.words_max < s->settings.words_min) {
        st = sage_fail(error, SAGE_E_ARGUMENT, "pseudo_words_max %zu is below pseudo_words_min %zu",
                       s->settings.words_max, s->settings.words_min);
        goto out;
    }
    SAGE_TRY(take_census(&c, s->settings.words_max, error));
    bool as_queries =
        strcmp(kind, "queries") == 0 ? c.queries > 0 : strcmp(kind, "auto") == 0 && c.queries >= QUERIES_ENOUGH;
    if (!as_queries && sage_options_is_auto(options, "pseudo_words_max") && s->settings.words_max > 4 &&
        s->settings.words_min <= 4) {
        s->settings.words_max = 4;
    }
    set_lengths(s, &c, as_queries);
    set_taste(s, &c, n_words);
out:
    sage_free(c.shown);
    sage_free(c.typed);
    sage_free(c.words);
    sage_free(c.query.data);
    sage_free(c.product.data);
    return st;
}
