/* The feeder: batches made ahead are the batches that the sampler makes, bit for bit, and its errors arrive where the
 * batch is needed. */
#include "support/training_ground.h"
#include <train/feeder.h>

static sage_sampler *make_sampler(const char *const *settings, sage_pool *pool) {
    sage_options *options = tiny_options(settings);
    sage_sampler *sampler = NULL;
    sage_error error = {0};
    tiny_must(sage_sampler_new(dataset, options, pool, 7, &sampler, &error), &error, "sampler");
    sage_options_free(options);
    return sampler;
}

static void expect_same(const void *a, const void *b, size_t bytes) {
    if (bytes > 0) assert_memory_equal(a, b, bytes);
}

static void expect_same_batch(const sage_batch *a, const sage_batch *b) {
    assert_int_equal(a->n_pairs, b->n_pairs);
    assert_int_equal(a->n_random, b->n_random);
    assert_int_equal(a->full_catalogue, b->full_catalogue);
    size_t rows = a->n_pairs, columns = rows + a->n_random, tokens = a->token_begin[columns];
    expect_same(a->product, b->product, columns * sizeof *a->product);
    expect_same(a->task, b->task, rows);
    expect_same(a->weight, b->weight, rows * sizeof *a->weight);
    expect_same(a->log_q, b->log_q, rows * sizeof *a->log_q);
    expect_same(a->mask, b->mask, rows * ((columns + 63) / 64) * sizeof *a->mask);
    expect_same(a->query_begin, b->query_begin, (rows + 1) * sizeof *a->query_begin);
    expect_same(a->query_ids, b->query_ids, a->query_begin[rows] * sizeof *a->query_ids);
    expect_same(a->token_begin, b->token_begin, (columns + 1) * sizeof *a->token_begin);
    expect_same(a->token_field, b->token_field, tokens);
    expect_same(a->bag_begin, b->bag_begin, (tokens + 1) * sizeof *a->bag_begin);
    expect_same(a->token_ids, b->token_ids, a->bag_begin[tokens] * sizeof *a->token_ids);
    assert_true(a->teacher_weight == b->teacher_weight);
    if (a->teacher_begin == NULL) return;
    expect_same(a->teacher_begin, b->teacher_begin, (rows + 1) * sizeof *a->teacher_begin);
    expect_same(a->teacher_column, b->teacher_column, a->teacher_begin[rows] * sizeof *a->teacher_column);
    expect_same(a->teacher_score, b->teacher_score, a->teacher_begin[rows] * sizeof *a->teacher_score);
}

enum { END = 60 };

static void walk(const char *const *settings) {
    sage_pool *pool = NULL;
    sage_feeder *feeder = NULL;
    assert_int_equal(sage_pool_new(2, &pool, NULL), SAGE_OK);
    sage_sampler *direct = make_sampler(settings, pool), *fed = make_sampler(settings, NULL);
    assert_int_equal(sage_feeder_new(fed, END, &feeder, NULL), SAGE_OK);
    for (uint64_t step = 0; step < END; step++) {
        const sage_batch *a, *b;
        if (step == 20) step = 35; /* as after a resume, when another batch lies ready */
        assert_int_equal(sage_feeder_batch(feeder, step, &a, NULL), SAGE_OK);
        assert_int_equal(sage_sampler_batch(direct, step, &b, NULL), SAGE_OK);
        expect_same_batch(a, b);
    }
    const sage_batch *a, *b;
    assert_int_equal(sage_feeder_batch(feeder, 3, &a, NULL), SAGE_OK); /* back */
    assert_int_equal(sage_sampler_batch(direct, 3, &b, NULL), SAGE_OK);
    expect_same_batch(a, b);
    sage_feeder_free(feeder);
    sage_sampler_free(fed);
    sage_sampler_free(direct);
    sage_pool_free(pool);
}

static void batches_made_ahead_are_the_samplers(void **state) {
    (void)state;
    static const char *const sampled[] = {"negatives=24", "log_q=sketch", "typo=0.2", NULL},
                             *const whole[] = {"batch=64", "negatives=64", NULL}, *const plain[] = {"teacher=0", NULL};
    walk(NULL);
    walk(sampled);
    walk(whole);
    walk(plain);
}

/* A twin's first batch allocates; what fails there must come out of the call for that step, and not stay. */
static void an_error_arrives_where_the_batch_is_needed(void **state) {
    (void)state;
    sage_sampler *fed = make_sampler(NULL, NULL), *direct = make_sampler(NULL, NULL);
    sage_feeder *feeder = NULL;
    sage_error error = {0};
    const sage_batch *a, *b;
    assert_int_equal(sage_feeder_new(fed, 2, &feeder, NULL), SAGE_OK);
    sage_alloc_fail_from(1);
    sage_status st = sage_feeder_batch(feeder, 0, &a, &error);
    sage_alloc_fail_from(0);
    assert_int_equal(st, SAGE_E_MEMORY);
    assert_int_equal(error.code, SAGE_E_MEMORY);
    for (uint64_t step = 0; step < 2; step++) {
        assert_int_equal(sage_feeder_batch(feeder, step, &a, &error), SAGE_OK);
        assert_int_equal(sage_sampler_batch(direct, step, &b, NULL), SAGE_OK);
        expect_same_batch(a, b);
    }
    sage_feeder_free(feeder);
    sage_sampler_free(direct);
    sage_sampler_free(fed);
}

static void it_ends_at_any_moment(void **state) {
    (void)state;
    sage_sampler *fed = make_sampler(NULL, NULL);
    for (int taken = 0; taken < 30; taken++) {
        sage_feeder *feeder = NULL;
        const sage_batch *batch;
        assert_int_equal(sage_feeder_new(fed, 100, &feeder, NULL), SAGE_OK);
        for (int i = 0; i < taken % 3; i++) assert_int_equal(sage_feeder_batch(feeder, 90, &batch, NULL), SAGE_OK);
        sage_feeder_free(feeder);
    }
    sage_sampler_free(fed);
    sage_feeder_free(NULL);
}

static void a_failed_allocation_is_an_error(void **state) {
    (void)state;
    sage_sampler *fed = make_sampler(NULL, NULL);
    for (unsigned long n = 1;; n++) {
        sage_feeder *feeder = NULL;
        sage_alloc_fail_from(n);
        sage_status st = sage_feeder_new(fed, 2, &feeder, NULL);
        unsigned long made = sage_alloc_fail_from(0);
        sage_feeder_free(feeder);
        if (st == SAGE_OK && made < n) break;
        assert_int_equal(st, SAGE_E_MEMORY);
        assert_null(feeder);
    }
    sage_sampler_free(fed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_made_ahead_are_the_samplers),
        cmocka_unit_test(an_error_arrives_where_the_batch_is_needed),
        cmocka_unit_test(it_ends_at_any_moment),
        cmocka_unit_test(a_failed_allocation_is_an_error),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
