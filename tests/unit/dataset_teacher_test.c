/* The teacher's scores against their plain definition. */
#include "dataset_fake.h"

#include <dataset/sampler_impl.h>
#include <math.h>

typedef struct fixture {
    sage_catalog *catalog;
    sage_options *options;
    sage_dataset *dataset;
    sage_sampler *sampler;
} fixture;

static fixture shop_of(size_t products, size_t events, const char *const *assignments, sage_pool *pool) {
    fixture f = {fake_shop(products, events, 5), fake_options(), NULL, NULL};
    sage_error error;
    for (size_t i = 0; assignments[i] != NULL; i++) fake_set(f.options, assignments[i]);
    f.dataset = fake_open(fake_build(f.catalog, f.options));
    if (sage_sampler_new(f.dataset, f.options, pool, 2, &f.sampler, &error) != SAGE_OK) fail_msg("%s", error.text);
    return f;
}

static void release(fixture *f) {
    sage_sampler_free(f->sampler);
    sage_dataset_close(f->dataset);
    sage_options_free(f->options);
    free(f->catalog);
}

static const sage_batch *batch_of(const fixture *f, uint64_t step) {
    const sage_batch *batch;
    sage_error error;
    if (sage_sampler_batch(f->sampler, step, &batch, &error) != SAGE_OK) fail_msg("%s", error.text);
    return batch;
}

/* Straight from the vocabulary, which the words are looked up in by their bytes elsewhere. */
static double idf_of(const fixture *f, uint32_t key) {
    const sage_vocab *vocab = sage_dataset_vocab(f->dataset);
    double df = 1;
    for (size_t id = sage_vocab_begin(vocab, SAGE_WORD); id < sage_vocab_begin(vocab, SAGE_WORD + 1); id++) {
        if (sage_word_key(sage_vocab_token(vocab, (uint32_t)id)) == key) df = sage_vocab_df(vocab, (uint32_t)id);
    }
    return log(1 + (double)sage_vocab_documents(vocab) / df);
}

static double mean_length(const fixture *f) {
    double sum = 0;
    for (size_t i = 0; i < sage_dataset_products(f->dataset); i++) {
        size_t n;
        sage_dataset_words(f->dataset, i, &n);
        sum += (double)n;
    }
    return sum / (double)sage_dataset_products(f->dataset);
}

static double score(const fixture *f, const uint32_t *keys, const double *idf, size_t n, uint32_t product,
                    double mean) {
    size_t n_words;
    const uint32_t *words = sage_dataset_words(f->dataset, product, &n_words);
    double sum = 0;
    for (size_t i = 0; i < n_words; i++) {
        for (size_t k = 0; k < n; k++) {
            if (keys[k] != words[i]) continue;
            sum += idf[k];
            break; /* a word that the query repeats counts once */
        }
    }
    return sum * 2.2 / (1 + 1.2 * (0.25 + 0.75 * (double)n_words / mean));
}

/* The keys of a real query are those of its own text; a made one's come from the positive's words. */
static void check_keys(const fixture *f, size_t row, const uint32_t *keys, size_t n) {
    size_t n_words, found = 0;
    if (f->sampler->query[row] != UINT32_MAX) {
        sage_packed_query query;
        sage_str *words = NULL;
        size_t capacity = 0;
        sage_dataset_query(f->dataset, f->sampler->query[row], &query);
        assert_int_equal(sage_field_words(query.text, &words, &capacity, &n_words, NULL), SAGE_OK);
        assert_int_equal(n, n_words);
        for (size_t i = 0; i < n; i++) assert_int_equal(keys[i], sage_word_key(words[i]));
        sage_free(words);
        return;
    }
    const uint32_t *words = sage_dataset_words(f->dataset, f->sampler->product[row], &n_words);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n_words; j++) found += words[j] == keys[i];
    }
    assert_int_equal(found, n);
}

static size_t check_scores(const fixture *f, const sage_batch *b, double temperature) {
    size_t listed = 0;
    double mean = mean_length(f);
    assert_int_equal(b->teacher_begin[0], 0);
    for (size_t row = 0; row < b->n_pairs; row++) {
        size_t begin = f->sampler->key_begin.data[row], n = f->sampler->key_begin.data[row + 1] - begin;
        const uint32_t *keys = f->sampler->keys.data + begin;
        double idf[64];
        size_t at = b->teacher_begin[row];
        assert_true(n <= 64);
        check_keys(f, row, keys, n);
        for (size_t k = 0; k < n; k++) idf[k] = idf_of(f, keys[k]);
        for (uint32_t column = 0; column < b->n_pairs + b->n_random; column++) {
            double wanted = score(f, keys, idf, n, b->product[column], mean) / temperature;
            if (wanted == 0) continue;
            assert_true(at < b->teacher_begin[row + 1]);
            assert_int_equal(b->teacher_column[at], column);
            assert_true(fabs((double)b->teacher_score[at] - wanted) <= 1e-5 * wanted);
            at++;
            listed++;
        }
        assert_int_equal(at, b->teacher_begin[row + 1]);
    }
    return listed;
}

static void scores_are_their_definition(void **state) {
    (void)state;
    static const char *const set[] = {"batch=40",    "negatives=50",          "typo=0.5",
                                      "teacher=0.5", "teacher_temperature=3", NULL};
    fixture f = shop_of(300, 1500, set, NULL);
    bool made = false, real_ones = false;
    for (uint64_t step = 0; step < 2; step++) {
        const sage_batch *b = batch_of(&f, step);
        assert_false(b->full_catalogue);
        assert_true(b->teacher_weight == 0.5f);
        assert_true(check_scores(&f, b, 3) > 2 * b->n_pairs);
        for (size_t i = 0; i < b->n_pairs; i++) {
            made |= b->task[i] == SAGE_TASK_CATALOGUE;
            real_ones |= b->task[i] != SAGE_TASK_CATALOGUE;
        }
    }
    assert_true(made && real_ones);
    release(&f);
}

static void a_whole_catalogue_is_scored_too(void **state) {
    (void)state;
    static const char *const set[] = {"batch=20", "negatives=50", NULL};
    fixture f = shop_of(60, 0, set, NULL);
    const sage_batch *b = batch_of(&f, 0);
    assert_true(b->full_catalogue);
    assert_true(check_scores(&f, b, 2) > b->n_pairs);
    release(&f);
}

static uint64_t hash_of(const sage_batch *b) {
    size_t n = b->teacher_begin[b->n_pairs];
    uint64_t h = XXH3_64bits(b->teacher_begin, (b->n_pairs + 1) * sizeof *b->teacher_begin);
    h = XXH3_64bits_withSeed(b->teacher_column, n * sizeof *b->teacher_column, h);
    return XXH3_64bits_withSeed(b->teacher_score, n * sizeof *b->teacher_score, h);
}

static void threads_do_not_matter(void **state) {
    (void)state;
    static const char *const set[] = {"batch=70", "negatives=100", NULL};
    uint64_t wanted[3] = {0};
    for (size_t threads = 1; threads <= 4; threads++) {
        sage_pool *pool;
        assert_int_equal(sage_pool_new(threads, &pool, NULL), SAGE_OK);
        fixture f = shop_of(400, 2000, set, pool);
        for (uint64_t step = 0; step < 3; step++) {
            uint64_t hash = hash_of(batch_of(&f, step));
            if (threads == 1) wanted[step] = hash;
            assert_int_equal(hash, wanted[step]);
        }
        release(&f);
        sage_pool_free(pool);
    }
    assert_true(wanted[0] != wanted[1]);
}

/* The teacher changes nothing else: neither what queries are written nor which columns are masked. */
static void without_a_teacher_the_rest_is_the_same(void **state) {
    (void)state;
    static const char *const with[] = {"batch=40", "negatives=50", NULL};
    static const char *const without[] = {"batch=40", "negatives=50", "teacher=0", NULL};
    fixture f = shop_of(300, 1500, with, NULL), g = shop_of(300, 1500, without, NULL);
    const sage_batch *a = batch_of(&f, 1), *b = batch_of(&g, 1);
    assert_null(b->teacher_begin);
    assert_null(b->teacher_column);
    assert_null(b->teacher_score);
    assert_true(b->teacher_weight == 0);
    assert_memory_equal(a->mask, b->mask, 40 * 2 * sizeof *a->mask);
    assert_memory_equal(a->query_begin, b->query_begin, 41 * sizeof *a->query_begin);
    assert_memory_equal(a->query_ids, b->query_ids, a->query_begin[40] * sizeof *a->query_ids);
    release(&f);
    release(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_are_their_definition),
        cmocka_unit_test(a_whole_catalogue_is_scored_too),
        cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(without_a_teacher_the_rest_is_the_same),
    };
    return cmocka_run_group_tests(tests, fake_setup, fake_teardown);
}
