/* Batches: the same for every number of threads and every order of steps; masks and logQ against their plain
 * definitions. */
#include "dataset_fake.h"

#include <dataset/sampler_impl.h>
#include <math.h>

typedef struct fixture {
    sage_catalog *catalog;
    sage_options *options;
    sage_dataset *dataset;
} fixture;

static fixture shop_of(size_t products, size_t events) {
    fixture f = {fake_shop(products, events, 3), fake_options(), NULL};
    f.dataset = fake_open(fake_build(f.catalog, f.options));
    return f;
}

static void release(fixture *f) {
    sage_dataset_close(f->dataset);
    sage_options_free(f->options);
    free(f->catalog);
}

static sage_sampler *sampler_of(const fixture *f, sage_pool *pool, uint64_t seed) {
    sage_sampler *sampler;
    sage_error error;
    if (sage_sampler_new(f->dataset, f->options, pool, seed, &sampler, &error) != SAGE_OK) fail_msg("%s", error.text);
    return sampler;
}

static const sage_batch *batch_of(sage_sampler *sampler, uint64_t step) {
    const sage_batch *batch;
    sage_error error;
    if (sage_sampler_batch(sampler, step, &batch, &error) != SAGE_OK) fail_msg("%s", error.text);
    return batch;
}

static uint64_t hash_more(uint64_t hash, const void *data, size_t bytes) {
    return XXH3_64bits_withSeed(data, bytes, hash);
}

static uint64_t hash_of(const sage_batch *b) {
    size_t columns = b->n_pairs + b->n_random, n_tokens = b->token_begin[columns];
    uint64_t h = hash_more(columns, b->product, columns * 4);
    h = hash_more(h, b->task, b->n_pairs);
    h = hash_more(h, b->weight, b->n_pairs * 4);
    h = hash_more(h, b->log_q, b->n_pairs * 4);
    h = hash_more(h, b->mask, b->n_pairs * ((columns + 63) / 64) * 8);
    h = hash_more(h, b->query_begin, (b->n_pairs + 1) * 4);
    h = hash_more(h, b->query_ids, b->query_begin[b->n_pairs] * (size_t)4);
    h = hash_more(h, b->token_begin, (columns + 1) * 4);
    h = hash_more(h, b->token_field, n_tokens);
    h = hash_more(h, b->bag_begin, (n_tokens + 1) * 4);
    return hash_more(h, b->token_ids, b->bag_begin[n_tokens] * (size_t)4);
}

static void threads_and_order_do_not_matter(void **state) {
    (void)state;
    fixture f = shop_of(400, 2000);
    fake_set(f.options, "batch=70");
    fake_set(f.options, "typo=0.3");
    uint64_t wanted[4];
    sage_sampler *sampler = sampler_of(&f, NULL, 11);
    for (uint64_t step = 0; step < 4; step++) wanted[step] = hash_of(batch_of(sampler, step));
    assert_true(wanted[0] != wanted[1]);
    for (uint64_t step = 4; step-- > 0;) assert_int_equal(hash_of(batch_of(sampler, step)), wanted[step]);
    sage_sampler_free(sampler);
    for (size_t threads = 2; threads <= 5; threads++) {
        sage_pool *pool;
        assert_int_equal(sage_pool_new(threads, &pool, NULL), SAGE_OK);
        sampler = sampler_of(&f, pool, 11);
        for (uint64_t step = 0; step < 4; step++) assert_int_equal(hash_of(batch_of(sampler, step)), wanted[step]);
        sage_sampler_free(sampler);
        sage_pool_free(pool);
    }
    sampler = sampler_of(&f, NULL, 12);
    assert_true(hash_of(batch_of(sampler, 0)) != wanted[0]);
    sage_sampler_free(sampler);
    release(&f);
}

/* ---- what is in the rows and columns ---- */

static bool among(const uint32_t *ids, size_t n, uint32_t id) {
    for (size_t i = 0; i < n; i++) {
        if (ids[i] == id) return true;
    }
    return false;
}

static void tokens_are_the_products_own(void **state) {
    (void)state;
    fixture f = shop_of(400, 2000);
    fake_set(f.options, "product_token=off");
    fake_set(f.options, "batch=64");
    fake_set(f.options, "field_dropout=0.5");
    fake_set(f.options, "ngram_dropout=0.5");
    sage_sampler *sampler = sampler_of(&f, NULL, 1);
    size_t fields_there = 0, fields_kept = 0, ids_there = 0, ids_kept = 0;
    for (uint64_t step = 0; step < 8; step++) {
        const sage_batch *b = batch_of(sampler, step);
        for (size_t c = 0; c < b->n_pairs + b->n_random; c++) {
            sage_packed_product p;
            sage_dataset_product(f.dataset, b->product[c], &p);
            assert_true(b->token_begin[c + 1] > b->token_begin[c]); /* never all fields */
            for (unsigned field = 0; field < SAGE_FIELDS; field++) fields_there += p.begin[field + 1] > p.begin[field];
            for (size_t t = b->token_begin[c]; t < b->token_begin[c + 1]; t++) {
                unsigned field = b->token_field[t];
                assert_true(t == b->token_begin[c] || field > b->token_field[t - 1]);
                size_t n = b->bag_begin[t + 1] - b->bag_begin[t], whole = p.begin[field + 1] - p.begin[field];
                assert_true(n >= 1 && n <= whole);
                for (size_t i = 0; i < n; i++) {
                    assert_true(among(p.ids + p.begin[field], whole, b->token_ids[b->bag_begin[t] + i]));
                }
                fields_kept++;
                ids_there += whole;
                ids_kept += n;
            }
        }
    }
    assert_true(fields_kept * 10 > fields_there * 5 &&
                fields_kept < fields_there); /* more than half: one always stays */
    assert_true(ids_kept * 100 > ids_there * 48 && ids_kept * 100 < ids_there * 54);
    sage_sampler_free(sampler);
    release(&f);
}

static void without_dropout_everything_is_there(void **state) {
    (void)state;
    fixture f = shop_of(400, 2000);
    fake_set(f.options, "product_token=off");
    fake_set(f.options, "batch=64");
    fake_set(f.options, "field_dropout=0");
    fake_set(f.options, "ngram_dropout=0");
    sage_sampler *sampler = sampler_of(&f, NULL, 1);
    const sage_batch *b = batch_of(sampler, 3);
    for (size_t c = 0; c < b->n_pairs + b->n_random; c++) {
        sage_packed_product p;
        sage_dataset_product(f.dataset, b->product[c], &p);
        size_t begin = b->bag_begin[b->token_begin[c]], end = b->bag_begin[b->token_begin[c + 1]];
        assert_int_equal(end - begin, p.begin[SAGE_FIELDS]);
        assert_memory_equal(b->token_ids + begin, p.ids, (end - begin) * 4);
    }
    for (size_t r = 0; r < b->n_pairs; r++) {
        if (sampler->query[r] == UINT32_MAX) continue;
        sage_packed_query q;
        sage_dataset_query(f.dataset, sampler->query[r], &q);
        assert_int_equal(b->query_begin[r + 1] - b->query_begin[r], q.n_ids);
        assert_memory_equal(b->query_ids + b->query_begin[r], q.ids, q.n_ids * 4);
        assert_int_equal(q.part, SAGE_TRAIN);
        assert_int_equal(q.surface, SAGE_ON_SEARCH);
        assert_true(among(q.positives, q.n_positives, b->product[r]));
    }
    sage_sampler_free(sampler);
    release(&f);
}

static void images_are_dropped_but_not_the_last_token(void **state) {
    (void)state;
    sage_catalog *catalog = fake_new();
    sage_options *options = fake_options();
    assert_int_equal(sage_fs_mkdir(scratch_path(fake_dir, "pictures"), NULL), SAGE_OK);
    fake_vectors("pictures/v.npy", (float[]){1, 0, 0, 1}, 2, 2);
    for (int i = 0; i < 40; i++) { /* every other one has no words at all, every fourth no picture */
        sage_product_row *row = fake_product(catalog, i % 2 == 0 ? "oak" : "!");
        if (i % 4 == 0) continue;
        row->n_images = 2;
        row->images[0] = (sage_image_ref){"v.npy", 0, ""};
        row->images[1] = (sage_image_ref){"v.npy", 1, ""};
    }
    fake_set(options, "image_dropout=0.9");
    fixture f = {catalog, options, fake_open(fake_build(catalog, options))};
    sage_sampler *sampler = sampler_of(&f, NULL, 3);
    size_t images = 0, wordless = 0;
    for (uint64_t step = 0; step < 5; step++) {
        const sage_batch *b = batch_of(sampler, step);
        assert_non_null(b->image_begin);
        assert_int_equal(b->image_begin[0], 0);
        for (size_t c = 0; c < b->n_pairs + b->n_random; c++) {
            size_t n = b->image_begin[c + 1] - b->image_begin[c];
            bool words = b->product[c] % 2 == 0, pictures = b->product[c] % 4 != 0;
            assert_true(n <= (pictures ? 2 : 0));
            assert_true(words || n >= 1);
            wordless += !words;
            images += n;
            for (size_t i = b->image_begin[c]; i < b->image_begin[c + 1]; i++) {
                assert_true(b->images[2 * i] + b->images[2 * i + 1] == 1); /* one of the two */
            }
        }
    }
    assert_true(images > wordless && images < 2 * wordless);
    sage_sampler_free(sampler);
    release(&f);
}

/* Each task's epochs visit every pair once, in an order that changes. */
static void epochs_visit_every_pair_once(void **state) {
    (void)state;
    fixture f = shop_of(400, 2000);
    fake_set(f.options, "batch=50");
    sage_sampler *sampler = sampler_of(&f, NULL, 5);
    const sage_task_source *task = &sampler->tasks[SAGE_CLICK];
    assert_true(task->n > 100 && task->rows > 2);
    uint32_t *seen = calloc(f.dataset->n_queries * 400, sizeof *seen);
    assert_non_null(seen);
    uint64_t drawn = 0;
    for (uint64_t step = 0; drawn < 2 * task->n; step++) {
        const sage_batch *b = batch_of(sampler, step);
        for (size_t i = 0; i < task->rows && drawn < 2 * task->n; i++, drawn++) {
            size_t row = task->begin + i;
            assert_int_equal(b->task[row], SAGE_CLICK);
            seen[sampler->query[row] * 400 + b->product[row]]++;
        }
    }
    for (size_t i = 0; i < task->n; i++) assert_int_equal(seen[task->pairs[i].query * 400 + task->pairs[i].product], 2);
    free(seen);
    sage_sampler_free(sampler);
    release(&f);
}

static void random_negatives_are_distinct_and_cover_the_catalogue(void **state) {
    (void)state;
    fixture f = shop_of(400, 500);
    fake_set(f.options, "batch=16");
    fake_set(f.options, "negatives=100");
    sage_sampler *sampler = sampler_of(&f, NULL, 5);
    size_t seen[400] = {0};
    for (uint64_t step = 0; step < 400; step++) {
        const sage_batch *b = batch_of(sampler, step);
        bool here[400] = {false};
        assert_false(b->full_catalogue);
        assert_int_equal(b->n_random, 100);
        for (size_t r = 0; r < 100; r++) {
            uint32_t product = b->product[16 + r];
            assert_false(here[product]);
            here[product] = true;
            seen[product]++;
        }
    }
    for (size_t i = 0; i < 400; i++) assert_true(seen[i] > 60 && seen[i] < 145); /* 100 expected, deviation 8.7 */
    sage_sampler_free(sampler);
    release(&f);
}

static void a_small_catalogue_is_scored_whole(void **state) {
    (void)state;
    fixture f = shop_of(90, 300);
    sage_sampler *sampler = sampler_of(&f, NULL, 5);
    const sage_batch *b = batch_of(sampler, 0);
    assert_true(b->full_catalogue);
    assert_int_equal(b->n_pairs, 90);
    assert_int_equal(b->n_random, 90);
    for (size_t i = 0; i < 90; i++) {
        assert_int_equal(b->product[90 + i], i);
        assert_true(b->log_q[i] == 0);
        size_t own = 90 + b->product[i];
        assert_true(b->mask[i * 3 + own / 64] >> own % 64 & 1); /* its positive once more */
    }
    sage_sampler_free(sampler);
    release(&f);
}

/* ---- masks against their definition ---- */

static bool contains(const sage_packed_product *p, sage_str word) {
    sage_str *words = NULL;
    size_t capacity = 0, n = 0;
    bool found = false;
    for (size_t f = 0; f < SAGE_MADE_FIELDS; f++) {
        sage_str text = p->text[sage_made_fields[f]];
        assert_int_equal(sage_words(text.data, text.len, &words, &capacity, &n, NULL), SAGE_OK);
    }
    for (size_t i = 0; i < n; i++) found |= words[i].len == word.len && memcmp(words[i].data, word.data, word.len) == 0;
    sage_free(words);
    return found;
}

/* Without dropout the query's word ids say which words it was made of. */
static bool contains_query(const fixture *f, const sage_batch *b, size_t row, const sage_packed_product *p) {
    const sage_vocab *vocab = sage_dataset_vocab(f->dataset);
    bool any = false;
    for (size_t i = b->query_begin[row]; i < b->query_begin[row + 1]; i++) {
        if (b->query_ids[i] >= sage_vocab_begin(vocab, SAGE_BIGRAM)) continue;
        any = true;
        if (!contains(p, sage_vocab_token(vocab, b->query_ids[i]))) return false;
    }
    return any;
}

static bool alike_a_positive(const fixture *f, uint32_t query, uint64_t same) {
    sage_packed_query q;
    sage_packed_product p;
    sage_dataset_query(f->dataset, query, &q);
    for (size_t i = 0; i < q.n_positives; i++) {
        sage_dataset_product(f->dataset, q.positives[i], &p);
        if (p.same == same) return true;
    }
    return false;
}

static void check_masks(const fixture *f, const sage_sampler *sampler, const sage_batch *b, bool all_words) {
    size_t columns = b->n_pairs + b->n_random, words = (columns + 63) / 64, set = 0;
    for (size_t row = 0; row < b->n_pairs; row++) {
        sage_packed_product positive, p;
        sage_dataset_product(f->dataset, b->product[row], &positive);
        bool made = b->task[row] == SAGE_TASK_CATALOGUE;
        for (size_t c = 0; c < columns; c++) {
            sage_dataset_product(f->dataset, b->product[c], &p);
            bool wanted = p.same == positive.same || (!made && alike_a_positive(f, sampler->query[row], p.same)) ||
                          ((made || all_words) && contains_query(f, b, row, &p));
            if (c == row) wanted = false;
            assert_int_equal(b->mask[row * words + c / 64] >> c % 64 & 1, wanted);
            set += wanted;
        }
        for (size_t c = columns; c < words * 64; c++) assert_false(b->mask[row * words + c / 64] >> c % 64 & 1);
    }
    assert_true(set > b->n_pairs);
}

static void masks_are_their_definition(void **state) {
    (void)state;
    fixture f = shop_of(300, 2000);
    fake_set(f.options, "batch=40");
    fake_set(f.options, "negatives=101");
    fake_set(f.options, "ngram_dropout=0");
    for (int all = 0; all < 2; all++) {
        fake_set(f.options, all ? "mask_words=all" : "mask_words=made");
        sage_sampler *sampler = sampler_of(&f, NULL, 21);
        for (uint64_t step = 0; step < 3; step++) check_masks(&f, sampler, batch_of(sampler, step), all != 0);
        sage_sampler_free(sampler);
    }
    release(&f);
}

/* More columns than one block of word sets holds, a last piece that is no multiple of 64, and several threads. */
static void masks_hold_beyond_one_block(void **state) {
    (void)state;
    fixture f = shop_of(3000, 300);
    sage_pool *pool;
    assert_int_equal(sage_pool_new(3, &pool, NULL), SAGE_OK);
    fake_set(f.options, "batch=12");
    fake_set(f.options, "negatives=2500");
    fake_set(f.options, "ngram_dropout=0");
    sage_sampler *sampler = sampler_of(&f, pool, 22);
    check_masks(&f, sampler, batch_of(sampler, 0), false);
    sage_sampler_free(sampler);
    sage_pool_free(pool);
    release(&f);
}

/* ---- logQ ---- */

static void log_q_is_what_steps_draw(void **state) {
    (void)state;
    fixture f = shop_of(300, 2000);
    fake_set(f.options, "batch=60");
    fake_set(f.options, "negatives=10");
    sage_sampler *sampler = sampler_of(&f, NULL, 31);
    enum { STEPS = 3000 };
    double drawn[300] = {0}, expected[300];
    size_t rows = 0;
    for (size_t j = 0; j < 300; j++) expected[j] = -1;
    for (uint64_t step = 0; step < STEPS; step++) {
        sage_sampler_plan_rows(sampler, step);
        sage_sampler_log_q(sampler);
        for (size_t i = 0; i < 60; i++) {
            uint32_t product = sampler->product[i];
            drawn[product] += 1.0 / STEPS;
            if (expected[product] >= 0) assert_true(expected[product] == exp(sampler->log_q[i]));
            expected[product] = exp(sampler->log_q[i]);
            rows++;
        }
    }
    double sum = 0;
    for (size_t j = 0; j < 300; j++) { /* whole epochs are drawn evenly, so the error is far below a Poisson's */
        assert_true(fabs(drawn[j] - expected[j]) < 0.01 + 0.05 * expected[j]);
        sum += expected[j];
    }
    assert_true(fabs(sum - 60) < 1e-3);
    sage_sampler_free(sampler);
    release(&f);
}

/* A product comes in as often as its events and as a random negative of ten: in whichever column it is. */
static void one_softmax_over_both_has_one_log_q(void **state) {
    (void)state;
    fixture f = shop_of(300, 2000);
    fake_set(f.options, "batch=60");
    fake_set(f.options, "negatives=10");
    sage_sampler *apart = sampler_of(&f, NULL, 31);
    fake_set(f.options, "softmaxes=concat");
    for (int sketched = 0; sketched < 2; sketched++) {
        fake_set(f.options, sketched ? "log_q=sketch" : "log_q=exact");
        sage_sampler *sampler = sampler_of(&f, NULL, 31);
        const sage_batch *b = batch_of(sampler, 3);
        assert_int_equal(b->n_random, 10);
        for (size_t i = 0; i < 70; i++) {
            double expected = (double)apart->expected[b->product[i]] + 10.0 / 300;
            assert_true(fabs(exp((double)b->log_q[i]) - expected) < 1e-5 * expected);
        }
        sage_sampler_free(sampler);
    }
    sage_sampler_free(apart);
    release(&f);
}

static void softmaxes_say_whether_random_negatives_are_drawn(void **state) {
    (void)state;
    fixture f = shop_of(300, 2000);
    sage_sampler *sampler;
    sage_error error;
    fake_set(f.options, "batch=60");
    fake_set(f.options, "negatives=10");
    fake_set(f.options, "softmaxes=in_batch");
    sampler = sampler_of(&f, NULL, 31);
    assert_int_equal(batch_of(sampler, 0)->n_random, 0);
    sage_sampler_free(sampler);
    fake_set(f.options, "negatives=0");
    static const char *const need_some[] = {"softmaxes=random", "softmaxes=concat"};
    for (size_t i = 0; i < 2; i++) {
        fake_set(f.options, need_some[i]);
        assert_int_equal(sage_sampler_new(f.dataset, f.options, NULL, 31, &sampler, &error), SAGE_E_ARGUMENT);
        assert_non_null(strstr(error.text, "but negatives = 0"));
    }
    fake_set(f.options, "negatives=250"); /* with the batch the whole catalogue: no sampling */
    sampler = sampler_of(&f, NULL, 31);
    assert_true(batch_of(sampler, 0)->full_catalogue);
    for (size_t i = 0; i < 60; i++) assert_true(batch_of(sampler, 0)->log_q[i] == 0);
    sage_sampler_free(sampler);
    release(&f);
}

static void a_sketch_is_never_below_the_exact_log_q(void **state) {
    (void)state;
    fixture f = shop_of(300, 2000);
    fake_set(f.options, "batch=60");
    fake_set(f.options, "negatives=10");
    sage_sampler *exact = sampler_of(&f, NULL, 31);
    float wanted[60];
    memcpy(wanted, batch_of(exact, 0)->log_q, sizeof wanted);
    fake_set(f.options, "log_q=sketch");
    for (int wide = 0; wide < 2; wide++) {
        fake_set(f.options, wide ? "sketch_width=1048576" : "sketch_width=64");
        sage_sampler *sampler = sampler_of(&f, NULL, 31);
        const float *got = batch_of(sampler, 0)->log_q;
        size_t above = 0;
        for (size_t i = 0; i < 60; i++) {
            assert_true(got[i] >= wanted[i] - 1e-5f);
            above += got[i] > wanted[i] + 1e-5f;
        }
        assert_true(wide ? above == 0 : above > 0);
        sage_sampler_free(sampler);
    }
    fake_set(f.options, "log_q=off");
    sage_sampler *off = sampler_of(&f, NULL, 31);
    for (size_t i = 0; i < 60; i++) assert_true(batch_of(off, 0)->log_q[i] == 0);
    sage_sampler_free(off);
    sage_sampler_free(exact);
    release(&f);
}

/* ---- composition ---- */

static void shares_follow_the_options(void **state) {
    (void)state;
    fixture f = shop_of(300, 4000);
    fake_set(f.options, "batch=100");
    sage_sampler *sampler = sampler_of(&f, NULL, 1);
    size_t events = 0;
    for (size_t t = 0; t < SAGE_TASKS; t++) {
        events += sampler->tasks[t].rows;
        if (t >= SAGE_EVENT_KINDS) assert_int_equal(sampler->tasks[t].rows, 0); /* it has no pictures */
    }
    assert_int_equal(events, 40);
    assert_int_equal(sampler->tasks[SAGE_TASK_CATALOGUE].rows, 60);
    assert_false(sage_sampler_cold_start(sampler));
    assert_true(sage_sampler_memory_bytes(sampler) > 1000);
    sage_sampler_free(sampler);
    fake_set(f.options, "catalogue_share=0.25");
    fake_set(f.options, "share_click=1");
    fake_set(f.options, "share_save=0");
    fake_set(f.options, "share_add_to_cart=0");
    fake_set(f.options, "share_checkout=3");
    sampler = sampler_of(&f, NULL, 1);
    assert_int_equal(sampler->tasks[SAGE_TASK_CATALOGUE].rows, 25);
    assert_int_equal(sampler->tasks[SAGE_CLICK].rows, 19);
    assert_int_equal(sampler->tasks[SAGE_SAVE].rows, 0);
    assert_int_equal(sampler->tasks[SAGE_CHECKOUT].rows, 56);
    sage_sampler_free(sampler);
    release(&f);
}

static void few_events_are_not_drawn_over_and_over(void **state) {
    (void)state;
    fixture f = shop_of(300, 12);
    fake_set(f.options, "batch=200");
    sage_sampler *sampler = sampler_of(&f, NULL, 1);
    size_t events = 0;
    for (size_t t = 0; t < SAGE_TASKS; t++) {
        assert_true(sampler->tasks[t].rows <= sampler->tasks[t].n);
        events += sampler->tasks[t].rows;
    }
    assert_true(events > 0);
    assert_int_equal(sampler->tasks[SAGE_TASK_CATALOGUE].rows, 200 - events);
    sage_sampler_free(sampler);
    release(&f);
}

static void without_events_all_is_made(void **state) {
    (void)state;
    fixture f = shop_of(300, 0);
    fake_set(f.options, "catalogue_share=0.1");
    sage_sampler *sampler = sampler_of(&f, NULL, 1);
    assert_true(sage_sampler_cold_start(sampler));
    const sage_batch *b = batch_of(sampler, 0);
    for (size_t i = 0; i < b->n_pairs; i++) {
        assert_int_equal(b->task[i], SAGE_TASK_CATALOGUE);
        assert_true(b->weight[i] == 1);
        assert_true(b->query_begin[i + 1] > b->query_begin[i]);
    }
    sage_sampler_free(sampler);
    release(&f);
}

static void a_product_without_words_weighs_nothing(void **state) {
    (void)state;
    sage_catalog *catalog = fake_new();
    for (int i = 0; i < 20; i++) fake_product(catalog, i % 2 == 0 ? "oak table" : "***");
    sage_options *options = fake_options();
    fixture f = {catalog, options, fake_open(fake_build(catalog, options))};
    sage_sampler *sampler = sampler_of(&f, NULL, 1);
    const sage_batch *b = batch_of(sampler, 0);
    for (size_t i = 0; i < b->n_pairs; i++) {
        bool words = b->product[i] % 2 == 0;
        assert_true(b->weight[i] == (words ? 1 : 0));
        assert_int_equal(b->token_begin[i + 1] > b->token_begin[i], words);
    }
    const sage_made_pairs *pairs;
    assert_int_equal(sage_sampler_validation(sampler, 100, &pairs, NULL), SAGE_OK);
    assert_int_equal(pairs->n, 10);
    sage_sampler_free(sampler);
    release(&f);
}

static void counts_may_weigh(void **state) {
    (void)state;
    fixture f = shop_of(300, 3000);
    fake_set(f.options, "batch=64");
    fake_set(f.options, "count_power=0.5");
    sage_sampler *sampler = sampler_of(&f, NULL, 1);
    const sage_batch *b = batch_of(sampler, 0);
    size_t heavier = 0;
    for (size_t i = 0; i < b->n_pairs; i++) {
        if (b->task[i] == SAGE_TASK_CATALOGUE) continue;
        const sage_task_source *task = &sampler->tasks[b->task[i]];
        for (size_t j = 0; j < task->n; j++) {
            if (task->pairs[j].query != sampler->query[i] || task->pairs[j].product != b->product[i]) continue;
            assert_true(fabsf(b->weight[i] - sqrtf((float)task->pairs[j].count)) < 1e-6f);
            heavier += task->pairs[j].count > 1;
        }
    }
    assert_true(heavier > 3);
    sage_sampler_free(sampler);
    release(&f);
}

/* ---- made queries ---- */

static void made_queries_keep_their_lengths_and_fields(void **state) {
    (void)state;
    fixture f = shop_of(300, 0);
    static const char *const settings[] = {"pseudo_words_min=2", "pseudo_words_max=3", "pseudo_run=1", "pseudo_title=1",
                                           "ngram_dropout=0"};
    for (size_t i = 0; i < 5; i++) fake_set(f.options, settings[i]);
    sage_sampler *sampler = sampler_of(&f, NULL, 1);
    size_t of_length[4] = {0};
    for (uint64_t step = 0; step < 3; step++) {
        batch_of(sampler, step);
        for (size_t i = 0; i < sampler->settings.batch; i++) {
            size_t begin = sampler->key_begin.data[i], n = sampler->key_begin.data[i + 1] - begin, n_words = 0,
                   capacity = 0;
            sage_packed_product p;
            sage_str *words = NULL;
            bool found = false;
            sage_dataset_product(f.dataset, sampler->product[i], &p);
            assert_int_equal(
                sage_words(p.text[SAGE_TITLE].data, p.text[SAGE_TITLE].len, &words, &capacity, &n_words, NULL),
                SAGE_OK);
            assert_true(n >= 1 && n <= 3);
            assert_true(n >= 2 || n_words == 1); /* shorter only where the title is */
            for (size_t at = 0; at + n <= n_words; at++) {
                size_t same = 0;
                while (same < n && sage_word_key(words[at + same]) == sampler->keys.data[begin + same]) same++;
                found |= same == n;
            }
            assert_true(found); /* a run of the title */
            of_length[n]++;
            sage_free(words);
        }
    }
    assert_true(of_length[2] > 100 && of_length[3] > 100);
    sage_sampler_free(sampler);
    release(&f);
}

static void scattered_words_are_distinct_and_from_all_fields(void **state) {
    (void)state;
    fixture f = shop_of(300, 0);
    static const char *const settings[] = {"pseudo_words_min=3", "pseudo_words_max=4", "pseudo_run=0",
                                           "pseudo_title=0"};
    for (size_t i = 0; i < 4; i++) fake_set(f.options, settings[i]);
    sage_sampler *sampler = sampler_of(&f, NULL, 1);
    size_t brands = 0;
    for (uint64_t step = 0; step < 5; step++) {
        batch_of(sampler, step);
        for (size_t i = 0; i < sampler->settings.batch; i++) {
            const uint32_t *keys = sampler->keys.data + sampler->key_begin.data[i];
            size_t n = sampler->key_begin.data[i + 1] - sampler->key_begin.data[i], n_words;
            const uint32_t *words = sage_dataset_words(f.dataset, sampler->product[i], &n_words);
            for (size_t j = 0; j < n; j++) {
                assert_false(among(keys, j, keys[j]));
                assert_true(among(words, n_words, keys[j]));
                brands += keys[j] == sage_word_key(SAGE_STR("arla")) || keys[j] == sage_word_key(SAGE_STR("bolt"));
            }
        }
    }
    assert_true(brands > 10);
    sage_sampler_free(sampler);
    release(&f);
}

/* Training queries that always hold the brand teach the sampler to prefer it. */
static void taste_is_learned_from_training_queries(void **state) {
    (void)state;
    sage_catalog *catalog = fake_new();
    char title[64], query[64];
    for (int i = 0; i < 300; i++) {
        sprintf(title, "arla common%d filler%d", i % 3, i % 4);
        fake_product(catalog, title);
        sprintf(query, "arla q%d", i);
        fake_event(catalog, SAGE_ON_SEARCH, query, 10 * (i + 1), SAGE_CLICK, 1);
    }
    fake_sort_events(catalog);
    sage_options *options = fake_options();
    fake_set(options, "pseudo_words_max=1");
    fixture f = {catalog, options, fake_open(fake_build(catalog, options))};
    size_t liked[2] = {0}, n = 0;
    for (int taste = 0; taste < 2; taste++) {
        fake_set(options, taste ? "pseudo_taste=1" : "pseudo_taste=0");
        sage_sampler *sampler = sampler_of(&f, NULL, 1);
        n = 0;
        for (uint64_t step = 0; step < 5; step++) {
            batch_of(sampler, step);
            for (size_t row = sampler->tasks[SAGE_TASK_CATALOGUE].begin; row < sampler->settings.batch; row++) {
                for (size_t i = sampler->key_begin.data[row]; i < sampler->key_begin.data[row + 1]; i++, n++) {
                    liked[taste] += sampler->keys.data[i] == sage_word_key(SAGE_STR("arla"));
                }
            }
        }
        sage_sampler_free(sampler);
    }
    assert_true(liked[0] * 10 < n * 5);
    assert_true(liked[1] * 10 > n * 9);
    release(&f);
}

static void misspellings_change_ids_but_not_masks(void **state) {
    (void)state;
    fixture f = shop_of(300, 1500);
    fake_set(f.options, "batch=50");
    fake_set(f.options, "ngram_dropout=0");
    sage_sampler *plain = sampler_of(&f, NULL, 4);
    fake_set(f.options, "typo=1");
    sage_sampler *typo = sampler_of(&f, NULL, 4);
    const sage_batch *a = batch_of(plain, 0), *b = batch_of(typo, 0);
    size_t differ = 0, columns = a->n_pairs + a->n_random;
    for (size_t i = 0; i < 50; i++) {
        size_t n = a->query_begin[i + 1] - a->query_begin[i], m = b->query_begin[i + 1] - b->query_begin[i];
        differ += n != m || memcmp(a->query_ids + a->query_begin[i], b->query_ids + b->query_begin[i], n * 4) != 0;
        if (b->weight[i] == 0) assert_int_equal(m, 0);
    }
    assert_true(differ > 25);
    assert_memory_equal(a->mask, b->mask, 50 * ((columns + 63) / 64) * 8);
    sage_sampler_free(plain);
    sage_sampler_free(typo);
    release(&f);
}

static void validation_pairs_never_change(void **state) {
    (void)state;
    fixture f = shop_of(300, 500);
    const sage_made_pairs *a, *b;
    sage_sampler *first = sampler_of(&f, NULL, 1), *second = sampler_of(&f, NULL, 2);
    batch_of(second, 5);
    assert_int_equal(sage_sampler_validation(first, 100, &a, NULL), SAGE_OK);
    assert_int_equal(sage_sampler_validation(second, 50, &b, NULL), SAGE_OK);
    assert_int_equal(sage_sampler_validation(second, 100, &b, NULL), SAGE_OK);
    assert_int_equal(a->n, 100);
    assert_int_equal(b->n, 100);
    assert_memory_equal(a->product, b->product, 400);
    assert_memory_equal(a->query_begin, b->query_begin, 404);
    assert_memory_equal(a->query_ids, b->query_ids, a->query_begin[100] * 4);
    bool seen[300] = {false};
    for (size_t i = 0; i < 100; i++) {
        assert_false(seen[a->product[i]]);
        seen[a->product[i]] = true;
    }
    sage_sampler_free(first);
    sage_sampler_free(second);
    release(&f);
}

/* ---- faults ---- */

static void bad_settings_are_refused(void **state) {
    (void)state;
    fixture f = shop_of(30, 10);
    static const char *const bad[] = {"sketch_width=100", "pseudo_words_min=7"};
    for (size_t i = 0; i < 2; i++) {
        sage_sampler *sampler;
        sage_error error;
        sage_options *options = fake_options();
        fake_set(options, "pseudo_words_max=3");
        fake_set(options, bad[i]);
        assert_int_equal(sage_sampler_new(f.dataset, options, NULL, 1, &sampler, &error), SAGE_E_ARGUMENT);
        assert_true(error.text[0] != '\0');
        assert_null(sampler);
        sage_options_free(options);
    }
    release(&f);
    sage_catalog *catalog = fake_new();
    sage_options *options = fake_options();
    sage_sampler *sampler;
    fixture empty = {catalog, options, fake_open(fake_build(catalog, options))};
    assert_int_equal(sage_sampler_new(empty.dataset, options, NULL, 1, &sampler, NULL), SAGE_E_STATE);
    release(&empty);
}

static void each_allocation_failed_in_turn(void **state) {
    (void)state;
    fixture f = shop_of(60, 100);
    fake_set(f.options, "typo=0.5");
    unsigned long failed = 0;
    for (unsigned long i = 1;; i++) {
        sage_sampler *sampler = NULL;
        const sage_batch *batch;
        const sage_made_pairs *pairs;
        sage_alloc_fail_from(i);
        sage_status st = sage_sampler_new(f.dataset, f.options, NULL, 1, &sampler, NULL);
        if (st == SAGE_OK) st = sage_sampler_batch(sampler, 0, &batch, NULL);
        if (st == SAGE_OK) st = sage_sampler_validation(sampler, 10, &pairs, NULL);
        sage_alloc_fail_from(0);
        sage_sampler_free(sampler);
        if (st == SAGE_OK) break;
        assert_int_equal(st, SAGE_E_MEMORY);
        failed++;
    }
    assert_true(failed > 30);
    release(&f);
}

/* What each of two sizes of batch takes before the first one is drawn differs by the arrays that have its length. */
static void all_memory_is_counted(void **state) {
    (void)state;
    fixture f = shop_of(300, 1000);
    fake_set(f.options, "negatives=64");
    fake_set(f.options, "batch=64");
    sage_sampler *s = sampler_of(&f, NULL, 1);
    fake_set(f.options, "batch=128");
    sage_sampler *larger = sampler_of(&f, NULL, 1);
    size_t row = sizeof *s->product + sizeof *s->query + sizeof *s->made_query + sizeof *s->task + sizeof *s->weight +
                 sizeof *s->log_q,
           masks = (128 * 3 - 64 * 2) * sizeof *s->mask;
    assert_int_equal(sage_sampler_memory_bytes(larger), sage_sampler_memory_bytes(s) + 64 * row + masks);
    sage_u32_list *lists[] = {&s->query_ids,    &s->query_begin, &s->keys,       &s->key_begin,
                              &s->token_begin,  &s->token_ids,   &s->bag_begin,  &s->image_begin,
                              &s->made_product, &s->made_ids,    &s->made_begin, &s->made_entry};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        size_t before = sage_sampler_memory_bytes(s), capacity = lists[i]->capacity;
        assert_int_equal(sage_u32_reserve(lists[i], capacity + 100, NULL), SAGE_OK);
        assert_int_equal(sage_sampler_memory_bytes(s) - before, (lists[i]->capacity - capacity) * sizeof(uint32_t));
    }
    sage_sampler_free(s);
    sage_sampler_free(larger);
    release(&f);
}

static void later_steps_allocate_nothing(void **state) {
    (void)state;
    fixture f = shop_of(400, 2000);
    fake_set(f.options, "batch=64");
    sage_sampler *sampler = sampler_of(&f, NULL, 1);
    for (uint64_t step = 0; step < 30; step++) batch_of(sampler, step);
    sage_alloc_fail_from(0);
    for (uint64_t step = 0; step < 30; step++) batch_of(sampler, step);
    assert_int_equal(sage_alloc_fail_from(0), 0);
    sage_sampler_free(sampler);
    release(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_and_order_do_not_matter),
        cmocka_unit_test(tokens_are_the_products_own),
        cmocka_unit_test(without_dropout_everything_is_there),
        cmocka_unit_test(images_are_dropped_but_not_the_last_token),
        cmocka_unit_test(epochs_visit_every_pair_once),
        cmocka_unit_test(random_negatives_are_distinct_and_cover_the_catalogue),
        cmocka_unit_test(a_small_catalogue_is_scored_whole),
        cmocka_unit_test(masks_are_their_definition),
        cmocka_unit_test(masks_hold_beyond_one_block),
        cmocka_unit_test(log_q_is_what_steps_draw),
        cmocka_unit_test(one_softmax_over_both_has_one_log_q),
        cmocka_unit_test(softmaxes_say_whether_random_negatives_are_drawn),
        cmocka_unit_test(a_sketch_is_never_below_the_exact_log_q),
        cmocka_unit_test(shares_follow_the_options),
        cmocka_unit_test(few_events_are_not_drawn_over_and_over),
        cmocka_unit_test(without_events_all_is_made),
        cmocka_unit_test(a_product_without_words_weighs_nothing),
        cmocka_unit_test(counts_may_weigh),
        cmocka_unit_test(made_queries_keep_their_lengths_and_fields),
        cmocka_unit_test(scattered_words_are_distinct_and_from_all_fields),
        cmocka_unit_test(taste_is_learned_from_training_queries),
        cmocka_unit_test(misspellings_change_ids_but_not_masks),
        cmocka_unit_test(validation_pairs_never_change),
        cmocka_unit_test(bad_settings_are_refused),
        cmocka_unit_test(each_allocation_failed_in_turn),
        cmocka_unit_test(all_memory_is_counted),
        cmocka_unit_test(later_steps_allocate_nothing),
    };
    return cmocka_run_group_tests(tests, fake_setup, fake_teardown);
}
