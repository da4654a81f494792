/* Sentences of a dataset: packed as the encoder makes them, computed once, drawn with the batches. */
#include "dataset_fake.h"

#include <dataset/files.h>
#include <dataset/words.h>
#include <math.h>
#include <support/weights.h>

enum { DIM = 24 };

static char weights[SAGE_PATH_MAX];

static int ground(void **state) {
    fake_setup(state);
    snprintf(weights, sizeof weights, "%s", scratch_path(fake_dir, "weights"));
    weights_of_texts(weights, 30);
    return 0;
}

static sage_sentences *speaker(const char *identity) {
    sage_sentences *s;
    sage_error error;
    const sage_sentence_source source = {.shop_dir = fake_dir,
                                         .encoder_dir = weights,
                                         .name = "tiny",
                                         .identity = identity,
                                         .hold = -1,
                                         .dim = DIM,
                                         .keep = true};
    if (sage_sentences_open(&source, NULL, &s, &error) != SAGE_OK) fail_msg("%s", error.text);
    return s;
}

static uint64_t build_with(sage_catalog *catalog, const sage_options *options, sage_sentences *s) {
    uint64_t id;
    sage_error error;
    if (sage_dataset_build(catalog, fake_dir, options, s, NULL, NULL, &id, &error) != SAGE_OK)
        fail_msg("%s", error.text);
    return id;
}

/* NULL for a text without characters. But for rounding: what else was computed along with a text may change its last
 * bits, and those of made queries are not kept. */
static bool is_of(sage_sentences *s, sage_str text, const float *sentence) {
    float wanted[DIM];
    assert_int_equal(sage_sentences_read(s, 1, &text, wanted, NULL), SAGE_OK);
    if (text.len == 0 || sentence == NULL) return text.len == 0 && sentence == NULL;
    for (size_t k = 0; k < DIM; k++)
        if (!(fabsf(wanted[k] - sentence[k]) < 1e-5f)) return false;
    return true;
}

/* A shop with a product without a title, and queries of two surfaces. */
static sage_catalog *talking_shop(size_t products) {
    sage_catalog *catalog = fake_shop(products, 300, 6);
    fake_product(catalog, "")->fields[SAGE_BRAND] = fake_text(catalog, "Arla");
    fake_product(catalog, "WORD5 word6");
    for (int i = 1; i <= 20; i++) {
        char id[16];
        snprintf(id, sizeof id, "%d", 10 * i);
        fake_event(catalog, SAGE_ON_PRODUCT, id, 10 * (i + 1), SAGE_CLICK, 1);
    }
    fake_sort_events(catalog);
    return catalog;
}

static void titles_and_search_texts_have_theirs(void **state) {
    (void)state;
    sage_catalog *catalog = talking_shop(1100); /* more than a block */
    sage_options *options = fake_options();
    sage_sentences *s = speaker("one");
    uint64_t id = build_with(catalog, options, s);
    sage_dataset *d = fake_open(id);
    assert_int_equal(sage_dataset_sentence_dim(d), DIM);
    size_t searched = 0, others = 0, without = 0;
    for (size_t i = 0; i < sage_dataset_products(d); i++) {
        sage_packed_product p;
        sage_dataset_product(d, i, &p);
        assert_int_equal(p.n_sentences, p.text[SAGE_TITLE].len > 0);
        assert_true(is_of(s, p.text[SAGE_TITLE], p.sentences));
        without += p.n_sentences == 0;
    }
    assert_int_equal(without, 1);
    for (size_t i = 0; i < sage_dataset_queries(d); i++) {
        sage_packed_query q;
        sage_dataset_query(d, i, &q);
        bool search = q.surface == SAGE_ON_SEARCH;
        searched += search;
        others += !search;
        assert_true(is_of(s, search ? q.text : SAGE_STR(""), q.sentence));
    }
    assert_true(searched > 50 && others > 10);
    sage_dataset_close(d);
    assert_true(sage_dataset_fresh(fake_dir, id, 7, options, "one"));
    assert_false(sage_dataset_fresh(fake_dir, id, 7, options, "two"));
    assert_false(sage_dataset_fresh(fake_dir, id, 7, options, NULL));
    uint64_t computed = sage_sentences_computed(s), other = build_with(catalog, options, s);
    d = fake_open(other);
    assert_true(sage_sentences_computed(s) - computed <= d->n_made_all); /* these alone are not kept */
    sage_dataset_close(d);
    assert_int_equal(other, id + 1);
    sage_sentences_close(s);
    other = fake_build(catalog, options);
    assert_true(sage_dataset_fresh(fake_dir, other, 7, options, NULL));
    assert_false(sage_dataset_fresh(fake_dir, other, 7, options, "one"));
    d = fake_open(other);
    assert_int_equal(sage_dataset_sentence_dim(d), 0);
    sage_dataset_close(d);
    sage_options_free(options);
    free(catalog);
}

/* Each is of the product's own words, of products that differ, and its sentence is the text's. */
static void made_queries_have_theirs(void **state) {
    (void)state;
    sage_catalog *catalog = talking_shop(200);
    sage_options *options = fake_options();
    sage_sentences *s = speaker("made");
    fake_set(options, "made_sentences=50");
    uint64_t id = build_with(catalog, options, s);
    sage_dataset *d = fake_open(id);
    assert_int_equal(sage_dataset_made_queries(d), 50);
    assert_true(d->n_made_all > 200);
    bool seen[300] = {false};
    for (size_t i = 0; i < d->n_made_all; i++) {
        sage_made_query made;
        sage_packed_product p;
        sage_str *words = NULL;
        size_t n = 0, capacity = 0;
        sage_dataset_made(d, i, &made);
        assert_true(is_of(s, made.text, made.sentence));
        if (i < 50) assert_false(seen[made.product]);
        if (i < 50) seen[made.product] = true;
        sage_dataset_product(d, made.product, &p);
        assert_int_equal(sage_field_words(made.text, &words, &capacity, &n, NULL), SAGE_OK);
        assert_true(n > 0);
        for (size_t w = 0; w < n; w++) {
            size_t n_keys, at = 0;
            const uint32_t *keys = sage_dataset_words(d, made.product, &n_keys);
            while (at < n_keys && keys[at] != sage_word_key(words[w])) at++;
            assert_true(at < n_keys);
        }
        sage_free(words);
    }
    sage_dataset_close(d);
    assert_true(sage_dataset_fresh(fake_dir, id, 7, options, "made"));
    fake_set(options, "pseudo_run=0.25");
    assert_false(sage_dataset_fresh(fake_dir, id, 7, options, "made"));
    sage_sentences_close(s);
    sage_options_free(options);
    free(catalog);
}

/* Where all pairs are made, so are validation's, and they have sentences too. */
static void validation_has_them(void **state) {
    (void)state;
    sage_catalog *catalog = fake_shop(150, 0, 8);
    sage_options *options = fake_options();
    sage_sentences *s = speaker("cold");
    sage_dataset *d = fake_open(build_with(catalog, options, s));
    sage_sampler *sampler;
    const sage_made_pairs *pairs;
    assert_int_equal(sage_sampler_new(d, options, NULL, 5, &sampler, NULL), SAGE_OK);
    assert_int_equal(sage_sampler_validation(sampler, 100, &pairs, NULL), SAGE_OK);
    assert_int_equal(pairs->n, 100);
    for (size_t i = 0; i < pairs->n; i++) {
        sage_made_query made;
        assert_true(pairs->made[i] >= d->n_made && pairs->made[i] < d->n_made_all);
        sage_dataset_made(d, pairs->made[i], &made);
        assert_int_equal(made.product, pairs->product[i]);
        uint32_t *ids = NULL;
        sage_str *words = NULL;
        size_t n_words, n = 0, ids_capacity = 0, words_capacity = 0;
        assert_int_equal(sage_field_words(made.text, &words, &words_capacity, &n_words, NULL), SAGE_OK);
        assert_int_equal(sage_vocab_ids(sage_dataset_vocab(d), words, n_words, &ids, &ids_capacity, &n, NULL), SAGE_OK);
        assert_int_equal(n, pairs->query_begin[i + 1] - pairs->query_begin[i]);
        assert_memory_equal(ids, pairs->query_ids + pairs->query_begin[i], n * sizeof *ids);
        sage_free(words);
        sage_free(ids);
    }
    sage_sampler_free(sampler);
    sage_dataset_close(d);
    sage_sentences_close(s);
    sage_options_free(options);
    free(catalog);
}

/* ---- batches ---- */

typedef struct shares {
    double products, with, queries, asked, made, spoken;
} shares;

static const float *title_of(const sage_dataset *d, uint32_t product) {
    sage_packed_product p;
    sage_dataset_product(d, product, &p);
    return p.sentences;
}

static bool is_zero(const float *vector) {
    for (size_t i = 0; i < DIM; i++)
        if (vector[i] != 0) return false;
    return true;
}

static bool is_made_of(const sage_dataset *d, uint32_t product, const float *sentence) {
    for (size_t i = 0; i < sage_dataset_made_queries(d); i++) {
        sage_made_query made;
        sage_dataset_made(d, i, &made);
        if (made.product == product && memcmp(made.sentence, sentence, DIM * sizeof *sentence) == 0) return true;
    }
    return false;
}

/* That of one query that the product is a positive of. */
static bool is_asked_for(const sage_dataset *d, uint32_t product, const float *sentence) {
    for (size_t q = 0; q < sage_dataset_queries(d); q++) {
        sage_packed_query query;
        sage_dataset_query(d, q, &query);
        for (size_t i = 0; i < query.n_positives; i++)
            if (query.positives[i] == product && query.sentence != NULL &&
                memcmp(query.sentence, sentence, DIM * sizeof *sentence) == 0)
                return true;
    }
    return false;
}

/* Adds up one batch, each of whose sentences must be the product's or the query's own. */
static void count_batch(const sage_dataset *d, const sage_batch *batch, shares *s) {
    for (size_t i = 0; i < batch->n_pairs + batch->n_random; i++) {
        const float *own = title_of(d, batch->product[i]);
        uint32_t begin = batch->sentence_begin[i], end = batch->sentence_begin[i + 1];
        assert_true(end == begin || (end == begin + 1 && own != NULL));
        if (end > begin) assert_memory_equal(batch->sentences + begin * DIM, own, DIM * sizeof *own);
        s->products += own != NULL;
        s->with += end > begin;
    }
    for (size_t row = 0; row < batch->n_texts; row++) {
        const float *asked = batch->query_sentences + row * DIM;
        bool made = batch->task[row] == SAGE_TASK_CATALOGUE;
        assert_true(is_zero(asked) ||
                    (made ? is_made_of(d, batch->product[row], asked) : is_asked_for(d, batch->product[row], asked)));
        s->queries += !made;
        s->asked += !made && !is_zero(asked);
        s->made += made;
        s->spoken += made && !is_zero(asked);
    }
}

static shares drawn(const sage_dataset *d, const char *dropout, sage_pool *pool) {
    sage_options *options = fake_options();
    sage_sampler *sampler;
    shares s = {0};
    const sage_batch *batch;
    fake_set(options, dropout);
    fake_set(options, "batch=64");
    assert_int_equal(sage_sampler_new(d, options, pool, 1, &sampler, NULL), SAGE_OK);
    for (uint64_t step = 0; step < 20; step++) {
        assert_int_equal(sage_sampler_batch(sampler, step, &batch, NULL), SAGE_OK);
        count_batch(d, batch, &s);
    }
    sage_sampler_free(sampler);
    sage_options_free(options);
    return s;
}

static void batches_bring_them_but_for_those_dropped(void **state) {
    (void)state;
    sage_catalog *catalog = talking_shop(400);
    sage_options *options = fake_options();
    fake_set(options, "made_sentences=50000");
    sage_sentences *sentences = speaker("batches");
    sage_dataset *d = fake_open(build_with(catalog, options, sentences));
    sage_pool *pool;
    assert_int_equal(sage_pool_new(3, &pool, NULL), SAGE_OK);
    shares all = drawn(d, "sentence_dropout=0", pool), half = drawn(d, "sentence_dropout=0.5", pool),
           none = drawn(d, "sentence_dropout=1", NULL), alone = drawn(d, "sentence_dropout=0.5", NULL);
    assert_true(all.with == all.products && all.asked == all.queries && all.queries > 200);
    assert_true(all.spoken == (double)(size_t)(all.made / 20 / 2 + 0.5) * 20); /* made_share is one half */
    assert_true(half.spoken / all.spoken > 0.4 && half.spoken / all.spoken < 0.6);
    assert_true(half.with / half.products > 0.4 && half.with / half.products < 0.6);
    assert_true(half.asked / half.queries > 0.4 && half.asked / half.queries < 0.6);
    assert_true(none.with == 0 && none.asked == 0);
    assert_memory_equal(&half, &alone, sizeof half);
    sage_pool_free(pool);
    sage_dataset_close(d);
    sage_sentences_close(sentences);
    sage_options_free(options);
    free(catalog);
}

/* Some numbers of each sentence are left out, others each step, and its length stays 1. */
static void noise_leaves_numbers_out(void **state) {
    (void)state;
    sage_catalog *catalog = talking_shop(100);
    sage_options *options = fake_options();
    sage_sentences *s = speaker("noise");
    sage_dataset *d = fake_open(build_with(catalog, options, s));
    sage_sampler *sampler;
    const sage_batch *batch;
    size_t zeros = 0, n = 0;
    fake_set(options, "sentence_noise=0.5");
    fake_set(options, "sentence_dropout=0");
    assert_int_equal(sage_sampler_new(d, options, NULL, 1, &sampler, NULL), SAGE_OK);
    for (uint64_t step = 0; step < 3; step++) {
        assert_int_equal(sage_sampler_batch(sampler, step, &batch, NULL), SAGE_OK);
        size_t vectors = batch->sentence_begin[batch->n_pairs + batch->n_random];
        for (size_t i = 0; i < vectors; i++) {
            double square = 0;
            for (size_t k = 0; k < DIM; k++) {
                float x = batch->sentences[i * DIM + k];
                zeros += x == 0;
                square += (double)x * x;
            }
            n += DIM;
            assert_true(square > 0.999 && square < 1.001);
        }
        for (size_t row = 0; row < batch->n_texts; row++) {
            double square = 0;
            for (size_t k = 0; k < DIM; k++) square += pow(batch->query_sentences[row * DIM + k], 2);
            assert_true(square == 0 || (square > 0.999 && square < 1.001));
        }
    }
    assert_true(zeros * 20 > n * 9 && zeros * 20 < n * 11);
    sage_sampler_free(sampler);
    sage_dataset_close(d);
    sage_sentences_close(s);
    sage_options_free(options);
    free(catalog);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(titles_and_search_texts_have_theirs),
        cmocka_unit_test(noise_leaves_numbers_out),
        cmocka_unit_test(made_queries_have_theirs),
        cmocka_unit_test(validation_has_them),
        cmocka_unit_test(batches_bring_them_but_for_those_dropped),
    };
    return cmocka_run_group_tests(tests, ground, fake_teardown);
}
