/* Rows of a batch whose query is a picture: which they are, what their products are left without, and who is no
 * negative of them. */
#include "dataset_fake.h"

#include <dataset/sampler_impl.h>
#include <math.h>

enum { DIM = 4, PRODUCTS = 120, VECTORS = 60 };

typedef struct fixture {
    sage_catalog *catalog;
    sage_options *options;
    sage_dataset *dataset;
} fixture;

/* Random directions, named by row of the file; two files have the same ones. */
static void write_vectors(void) {
    float values[VECTORS * DIM];
    sage_rng rng;
    sage_rng_seed(&rng, 5, 5);
    for (size_t i = 0; i < VECTORS * DIM; i++) values[i] = (float)sage_rng_unit(&rng) - 0.5f;
    sage_fs_mkdir(scratch_path(fake_dir, "pictures"), NULL); /* may be there */
    fake_vectors("pictures/v.npy", values, VECTORS, DIM);
    fake_vectors("pictures/seen.npy", values, VECTORS, DIM);
}

static void show(sage_product_row *row, uint64_t vector) {
    row->images[row->n_images++] = (sage_image_ref){"v.npy", vector, ""};
}

/* Every third product has no picture, others one or two of 40, so that many are shown by several; 200 events began with
 * pictures, of which 0 to 39 are products' too. */
static fixture gallery_of(bool with_events, sage_picture_parts parts) {
    fixture f = {fake_shop(PRODUCTS, 300, 3), fake_options(), NULL};
    f.catalog->parts = parts;
    sage_rng rng;
    char link[16];
    write_vectors();
    sage_rng_seed(&rng, 7, 7);
    for (size_t i = 0; i < PRODUCTS; i++) {
        for (size_t k = 0; i % 3 != 0 && k <= i % 2; k++) show(&f.catalog->products[i], sage_rng_below(&rng, 40));
    }
    for (size_t i = 0; with_events && i < 200; i++) {
        sprintf(link, "%d", (int)sage_rng_below(&rng, VECTORS));
        fake_event(f.catalog, SAGE_ON_IMAGE, link, 10 * (1 + (int64_t)sage_rng_below(&rng, PRODUCTS)),
                   sage_rng_below(&rng, 2) == 0 ? SAGE_CLICK : SAGE_CHECKOUT, 1);
    }
    fake_sort_events(f.catalog);
    f.dataset = fake_open(fake_build(f.catalog, f.options));
    fake_set(f.options, "batch=64");
    fake_set(f.options, "negatives=30");
    fake_set(f.options, "picture_share=0.5");
    return f;
}

static fixture gallery(bool with_events) {
    return gallery_of(with_events, (sage_picture_parts){.n = 0});
}

static void release(fixture *f) {
    sage_dataset_close(f->dataset);
    sage_options_free(f->options);
    free(f->catalog);
}

static sage_sampler *sampler_of(const fixture *f, sage_pool *pool) {
    sage_sampler *sampler;
    sage_error error;
    if (sage_sampler_new(f->dataset, f->options, pool, 11, &sampler, &error) != SAGE_OK) fail_msg("%s", error.text);
    return sampler;
}

static const sage_batch *batch_of(sage_sampler *sampler, uint64_t step) {
    const sage_batch *batch;
    sage_error error;
    if (sage_sampler_batch(sampler, step, &batch, &error) != SAGE_OK) fail_msg("%s", error.text);
    return batch;
}

static bool equal(const float *a, const float *b) {
    return memcmp(a, b, DIM * sizeof *a) == 0;
}

static bool shows(const fixture *f, uint32_t product, const float *picture) {
    sage_packed_product p;
    sage_dataset_product(f->dataset, product, &p);
    for (size_t i = 0; i < p.n_images; i++)
        if (equal(p.images + i * DIM, picture)) return true;
    return false;
}

static bool has_token(const sage_batch *b, size_t column, const float *picture) {
    for (size_t i = b->image_begin[column]; i < b->image_begin[column + 1]; i++)
        if (equal(b->images + i * DIM, picture)) return true;
    return false;
}

static void rows_are_texts_then_pictures(void **state) {
    (void)state;
    fixture f = gallery(true);
    sage_sampler *sampler = sampler_of(&f, NULL);
    size_t made = 0, events = 0;
    for (uint64_t step = 0; step < 20; step++) {
        const sage_batch *b = batch_of(sampler, step);
        assert_int_equal(b->n_texts, 32);
        assert_int_equal(b->n_pictures, 32);
        for (size_t row = 0; row < b->n_pairs; row++) {
            bool text = b->task[row] < SAGE_EVENT_KINDS || b->task[row] == SAGE_TASK_CATALOGUE;
            assert_int_equal(text, row < b->n_texts);
            if (text) continue;
            const float *picture = b->query_pictures + (row - b->n_texts) * DIM;
            if (b->task[row] == SAGE_TASK_PICTURES) {
                assert_true(shows(&f, b->product[row], picture));
                made++;
                continue;
            }
            sage_packed_query q;
            sage_dataset_query(f.dataset, sampler->query[row], &q);
            assert_int_equal(q.part, SAGE_TRAIN);
            assert_int_equal(b->task[row] / SAGE_EVENT_KINDS, SAGE_ON_IMAGE);
            assert_true(equal(q.picture, picture));
            bool positive = false;
            for (size_t i = 0; i < q.n_positives; i++) positive |= q.positives[i] == b->product[row];
            assert_true(positive);
            events++;
        }
    }
    assert_true(made > 100 && events > 100);
    assert_false(sage_sampler_cold_start(sampler));
    sage_sampler_free(sampler);
    release(&f);
}

static void products_are_found_without_the_picture_itself(void **state) {
    (void)state;
    fixture f = gallery(true);
    fake_set(f.options, "image_dropout=0");
    for (int holdout = 0; holdout <= 1; holdout++) {
        fake_set(f.options, holdout ? "picture_holdout=1" : "picture_holdout=0");
        sage_sampler *sampler = sampler_of(&f, NULL);
        size_t held = 0, kept = 0;
        for (uint64_t step = 0; step < 10; step++) {
            const sage_batch *b = batch_of(sampler, step);
            for (size_t column = 0; column < b->n_pairs + b->n_random; column++) {
                sage_packed_product p;
                sage_dataset_product(f.dataset, b->product[column], &p);
                bool row = column >= b->n_texts && column < b->n_pairs;
                const float *query = row ? b->query_pictures + (column - b->n_texts) * DIM : NULL;
                for (size_t i = 0; i < p.n_images; i++) {
                    bool out = holdout && row && equal(query, p.images + i * DIM);
                    assert_int_equal(has_token(b, column, p.images + i * DIM), !out);
                    held += out;
                    kept += !out;
                }
            }
        }
        assert_true(kept > 100 && (held > 100) == holdout);
        sage_sampler_free(sampler);
    }
    release(&f);
}

/* A product that is nothing but this picture teaches nothing in this row. */
static void a_product_of_one_picture_alone_weighs_nothing(void **state) {
    (void)state;
    fixture f = {fake_new(), fake_options(), NULL};
    size_t nothing = 0;
    write_vectors();
    for (int i = 0; i < 30; i++) show(fake_product(f.catalog, i % 2 == 0 ? "oak" : "!"), (uint64_t)i);
    f.dataset = fake_open(fake_build(f.catalog, f.options));
    fake_set(f.options, "picture_share=0.5");
    fake_set(f.options, "picture_holdout=1");
    fake_set(f.options, "image_dropout=0.9");
    sage_sampler *sampler = sampler_of(&f, NULL);
    for (uint64_t step = 0; step < 10; step++) {
        const sage_batch *b = batch_of(sampler, step);
        for (size_t c = 0; c < b->n_pairs + b->n_random; c++) {
            bool words = b->token_begin[c + 1] > b->token_begin[c], picture = b->image_begin[c + 1] > b->image_begin[c];
            if (c >= b->n_texts && c < b->n_pairs) {
                assert_int_equal(b->weight[c] > 0, words);
                nothing += !words;
            } else {
                assert_true(words || picture);
            }
        }
    }
    assert_true(nothing > 20 && sage_sampler_cold_start(sampler));
    sage_sampler_free(sampler);
    release(&f);
}

static bool alike(const fixture *f, const sage_sampler *sampler, size_t row, uint32_t product) {
    sage_packed_product p, other;
    sage_packed_query q = {.n_positives = 0};
    sage_dataset_product(f->dataset, product, &p);
    sage_dataset_product(f->dataset, sampler->product[row], &other);
    if (p.same == other.same) return true;
    if (sampler->query[row] != UINT32_MAX) sage_dataset_query(f->dataset, sampler->query[row], &q);
    for (size_t i = 0; i < q.n_positives; i++) {
        sage_dataset_product(f->dataset, q.positives[i], &other);
        if (p.same == other.same) return true;
    }
    return false;
}

static void who_shows_the_picture_is_no_negative(void **state) {
    (void)state;
    fixture f = gallery(true);
    sage_sampler *sampler = sampler_of(&f, NULL);
    size_t by_picture = 0;
    for (uint64_t step = 0; step < 5; step++) {
        const sage_batch *b = batch_of(sampler, step);
        size_t columns = b->n_pairs + b->n_random, words = (columns + 63) / 64;
        for (size_t row = b->n_texts; row < b->n_pairs; row++) {
            for (size_t c = 0; c < columns; c++) {
                bool shown = shows(&f, b->product[c], b->query_pictures + (row - b->n_texts) * DIM);
                bool same = alike(&f, sampler, row, b->product[c]), set = b->mask[row * words + c / 64] >> c % 64 & 1;
                assert_int_equal(set, c != row && (shown || same));
                by_picture += shown && !same;
            }
        }
    }
    assert_true(by_picture > 50);
    sage_sampler_free(sampler);
    release(&f);
}

static void log_q_counts_pictures_too(void **state) {
    (void)state;
    enum { STEPS = 3000 };
    fixture f = gallery(true);
    double drawn[PRODUCTS] = {0}, expected[PRODUCTS] = {0};
    fake_set(f.options, "negatives=10");
    sage_sampler *sampler = sampler_of(&f, NULL);
    for (uint64_t step = 0; step < STEPS; step++) {
        const sage_batch *b = batch_of(sampler, step);
        for (size_t i = 0; i < b->n_pairs; i++) {
            drawn[b->product[i]]++;
            expected[b->product[i]] = exp(b->log_q[i]);
        }
    }
    for (size_t j = 0; j < PRODUCTS; j++) assert_true(fabs(drawn[j] / STEPS - expected[j]) < 0.03 * expected[j] + 0.01);
    sage_sampler_free(sampler);
    release(&f);
}

static uint64_t hash_of(const sage_batch *b) {
    size_t columns = b->n_pairs + b->n_random;
    uint64_t h = XXH3_64bits(b->query_pictures, b->n_pictures * DIM * sizeof(float));
    h = XXH3_64bits_withSeed(b->query_begin, (b->n_texts + 1) * 4, h);
    h = XXH3_64bits_withSeed(b->image_begin, (columns + 1) * 4, h);
    h = XXH3_64bits_withSeed(b->images, b->image_begin[columns] * DIM * sizeof(float), h);
    return XXH3_64bits_withSeed(b->mask, b->n_pairs * ((columns + 63) / 64) * 8, h);
}

static void threads_and_twins_do_not_matter(void **state) {
    (void)state;
    fixture f = gallery(true);
    fake_set(f.options, "picture_holdout=0.5");
    uint64_t wanted[3];
    sage_sampler *sampler = sampler_of(&f, NULL), *twin;
    for (uint64_t step = 0; step < 3; step++) wanted[step] = hash_of(batch_of(sampler, step));
    assert_true(wanted[0] != wanted[1]);
    assert_int_equal(sage_sampler_twin(sampler, NULL, &twin, NULL), SAGE_OK);
    for (uint64_t step = 3; step-- > 0;) assert_int_equal(hash_of(batch_of(twin, step)), wanted[step]);
    sage_sampler_free(twin);
    sage_sampler_free(sampler);
    for (size_t threads = 2; threads <= 5; threads += 3) {
        sage_pool *pool;
        assert_int_equal(sage_pool_new(threads, &pool, NULL), SAGE_OK);
        sampler = sampler_of(&f, pool);
        for (uint64_t step = 0; step < 3; step++) assert_int_equal(hash_of(batch_of(sampler, step)), wanted[step]);
        sage_sampler_free(sampler);
        sage_pool_free(pool);
    }
    release(&f);
}

/* The numbers of several encoders are each one's rows for itself, and queries' stay side by side. */
static void parts_lie_one_behind_the_other(void **state) {
    (void)state;
    const sage_picture_parts parts = {3, {1, 2, DIM - 3}};
    fixture f = gallery_of(true, parts);
    sage_pool *pool;
    assert_int_equal(sage_pool_new(3, &pool, NULL), SAGE_OK);
    sage_sampler *sampler = sampler_of(&f, pool);
    size_t seen = 0;
    assert_true(sage_picture_parts_equal(sage_dataset_image_parts(f.dataset), &parts));
    for (uint64_t step = 0; step < 10; step++) {
        const sage_batch *b = batch_of(sampler, step);
        size_t columns = b->n_pairs + b->n_random, n = b->image_begin[columns];
        for (size_t column = 0; column < columns; column++) {
            for (size_t i = b->image_begin[column]; i < b->image_begin[column + 1]; i++, seen++) {
                float whole[DIM];
                for (size_t p = 0, at = 0; p < parts.n; at += parts.dim[p++])
                    memcpy(whole + at, b->images + n * at + i * parts.dim[p], parts.dim[p] * sizeof *whole);
                assert_true(shows(&f, b->product[column], whole));
                assert_true(fabsf(fabsf(whole[0]) - 1) < 1e-6f); /* a part of length 1, not of the whole's */
            }
        }
        for (size_t row = b->n_texts; row < b->n_pairs; row++)
            if (b->task[row] == SAGE_TASK_PICTURES)
                assert_true(shows(&f, b->product[row], b->query_pictures + (row - b->n_texts) * DIM));
    }
    assert_true(seen > 200);
    sage_sampler_free(sampler);
    sage_pool_free(pool);
    release(&f);
}

static void shares_follow_what_there_is(void **state) {
    (void)state;
    static const struct {
        bool events;
        const char *share;
        size_t pictures;
    } cases[] = {{false, "picture_share=0.25", 16}, {true, "picture_share=1", 64}, {true, "picture_share=0", 0}};
    for (size_t i = 0; i < 3; i++) {
        fixture f = gallery(cases[i].events);
        fake_set(f.options, cases[i].share);
        sage_sampler *sampler = sampler_of(&f, NULL);
        const sage_batch *b = batch_of(sampler, 0);
        assert_int_equal(b->n_pictures, cases[i].pictures);
        size_t made = sampler->tasks[SAGE_TASK_PICTURES].rows;
        assert_true(cases[i].events ? made * 10 <= 6 * cases[i].pictures + 10 : made == cases[i].pictures);
        sage_sampler_free(sampler);
        release(&f);
    }
}

static void each_allocation_failed_in_turn(void **state) {
    (void)state;
    fixture f = gallery(true);
    unsigned long failed = 0;
    for (unsigned long i = 1;; i++) {
        sage_sampler *sampler = NULL;
        const sage_batch *batch;
        sage_alloc_fail_from(i);
        sage_status st = sage_sampler_new(f.dataset, f.options, NULL, 1, &sampler, NULL);
        if (st == SAGE_OK) st = sage_sampler_batch(sampler, 0, &batch, NULL);
        sage_alloc_fail_from(0);
        sage_sampler_free(sampler);
        if (st == SAGE_OK) break;
        assert_int_equal(st, SAGE_E_MEMORY);
        failed++;
    }
    assert_true(failed > 30);
    release(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_texts_then_pictures),
        cmocka_unit_test(products_are_found_without_the_picture_itself),
        cmocka_unit_test(a_product_of_one_picture_alone_weighs_nothing),
        cmocka_unit_test(who_shows_the_picture_is_no_negative),
        cmocka_unit_test(log_q_counts_pictures_too),
        cmocka_unit_test(threads_and_twins_do_not_matter),
        cmocka_unit_test(parts_lie_one_behind_the_other),
        cmocka_unit_test(shares_follow_what_there_is),
        cmocka_unit_test(each_allocation_failed_in_turn),
    };
    return cmocka_run_group_tests(tests, fake_setup, fake_teardown);
}
