/* Training on users and on products that are looked at: the bank of vectors that their towers read, and runs over it.
 */
#include "support/test.h"
#include "support/tiny_training.h"
#include <math.h>
#include <train/trainer.h>

enum { PEOPLE = 60, ACTS = 10, COLOURS = 7 };

static char dir[SAGE_PATH_MAX];
static sage_dataset *dataset;

static void import_acts(sage_catalog *catalog) {
    char path[SAGE_PATH_MAX];
    sage_error error = {0};
    sage_import_report report;
    sage_import_options options = {0};
    snprintf(path, sizeof path, "%s", scratch_path(dir, "acts.tsv"));
    const char *files[] = {path};
    FILE *file = fopen(path, "wb");
    scratch_must(file != NULL, path);
    fprintf(file, "timestamp\tuser_id\tevent\tproduct_id\n");
    for (size_t u = 0; u < PEOPLE; u++) /* whoever likes a colour likes nothing else */
        for (size_t i = 0; i < ACTS; i++)
            fprintf(file, "2026-11-%02zuT10:00:00Z\tu%zu\t%s\tp%zu\n", 1 + i, u, i % 4 == 0 ? "add_to_cart" : "click",
                    u % COLOURS + COLOURS * ((u + 3 * i) % (TINY_PRODUCTS / COLOURS)));
    scratch_must(fclose(file) == 0, path);
    tiny_must(sage_catalog_import_events(catalog, files, 1, &options, NULL, &report, &error), &error, "import acts");
    scratch_must(report.rejected == 0 && report.unknown_products == 0, "an import of acts without rejects");
}

static int setup(void **state) {
    (void)state;
    uint64_t id;
    sage_error error = {0};
    static const char *const settings[] = {"holdout=0.2", NULL};
    scratch_make(dir);
    sage_catalog *catalog = tiny_catalog(dir);
    sage_options *options = tiny_options(settings);
    tiny_import(catalog, dir, TINY_PRODUCTS, 0, 0, 0);
    tiny_import_events(catalog, dir, TINY_PRODUCTS);
    import_acts(catalog);
    tiny_must(sage_dataset_build(catalog, dir, options, NULL, NULL, NULL, &id, &error), &error, "build the dataset");
    tiny_must(sage_dataset_open(dir, id, true, &dataset, &error), &error, "open the dataset");
    sage_options_free(options);
    sage_catalog_close(catalog);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    sage_dataset_close(dataset);
    scratch_remove(dir);
    return 0;
}

/* ---- validation: users by what they did, products by the newest of it ---- */

/* Recall@10 of what held-out users are to do, by their tower; tiny_rank in brute force. */
static sage_status recall_of_users(void *ctx, const sage_model *model, sage_recalls *recalls, sage_error *error) {
    static float products[TINY_PRODUCTS * TINY_DIM], known[ACTS * TINY_DIM], query[TINY_DIM];
    sage_status st = sage_train_embed_products(dataset, model, NULL, NULL, TINY_PRODUCTS, products, error);
    size_t hits = 0, pairs = 0;
    (void)ctx;
    for (size_t u = 0; st == SAGE_OK && u < sage_dataset_users(dataset); u++) {
        sage_packed_user user;
        sage_user_event events[ACTS];
        uint8_t kinds[ACTS];
        float ages[ACTS];
        sage_dataset_user(dataset, u, &user);
        size_t n = sage_user_known(&user, SAGE_VALIDATION, events);
        const uint32_t begin[2] = {0, (uint32_t)n};
        for (size_t i = 0; i < n; i++) {
            kinds[i] = events[i].kind;
            ages[i] = (float)(n - i);
            memcpy(known + i * TINY_DIM, products + events[i].product * TINY_DIM, TINY_DIM * sizeof *known);
        }
        const sage_query_batch asked = {
            .n_users = 1, .user_begin = begin, .user_vectors = known, .user_kind = kinds, .user_age = ages};
        if (n < user.n) st = sage_train_embed_queries(model, NULL, &asked, query, error);
        for (size_t i = 0; st == SAGE_OK && i < user.n; i++) {
            if (user.events[i].part != SAGE_VALIDATION) continue;
            pairs++;
            hits += tiny_rank(products, query, user.events[i].product) < 10;
        }
    }
    assert_true(pairs > 0 || st != SAGE_OK);
    recalls->recall10 = pairs > 0 ? (double)hits / (double)pairs : 0;
    return st;
}

/* ---- runs ---- */

static volatile sig_atomic_t stop;

static sage_status judge_and_stop(void *ctx, const sage_model *model, sage_recalls *recalls, sage_error *error) {
    stop = 1;
    return recall_of_users(ctx, model, recalls, error);
}

static const char *in_run(const char *name, const char *file) {
    return scratch_path(scratch_path(dir, name), file);
}

static sage_status train(const char *name, const char *const *settings, const sage_train_start *start, sage_pool *pool,
                         bool stopping, sage_train_result *result, sage_error *error) {
    sage_options *options = tiny_options(settings);
    const sage_monitor monitor = {.cancel = &stop};
    stop = 0;
    sage_status st = sage_train_run(dataset, options, start, pool, scratch_path(dir, name),
                                    stopping ? judge_and_stop : recall_of_users, NULL, 0, &monitor, result, error);
    sage_options_free(options);
    return st;
}

static void must_train(const char *name, const char *const *settings, const sage_train_start *start, sage_pool *pool,
                       sage_train_result *result) {
    sage_error error = {0};
    tiny_must(train(name, settings, start, pool, false, result, &error), &error, name);
}

static void expect_same_run(const char *a, const char *b) {
    size_t n;
    char *best = scratch_read(in_run(a, "best.safetensors"), &n);
    assert_non_null(best);
    assert_true(scratch_holds(in_run(b, "best.safetensors"), best, n));
    sage_free(best);
    char *x = tiny_read_metrics(in_run(a, "metrics.jsonl")), *y = tiny_read_metrics(in_run(b, "metrics.jsonl"));
    assert_non_null(x);
    assert_string_equal(x, y);
    sage_free(x);
    sage_free(y);
}

/* After each validation, with another number of threads each time. */
static void expect_resumed_the_same(const char *const *settings, const sage_train_start *start) {
    sage_pool *pools[3];
    sage_train_result result;
    sage_error error = {0};
    int stops = 0;
    for (size_t i = 0; i < 3; i++) assert_int_equal(sage_pool_new(i + 1, &pools[i], NULL), SAGE_OK);
    must_train("whole", settings, start, pools[1], &result);
    for (sage_status st = SAGE_E_CANCELLED; st != SAGE_OK; stops++) {
        st = train("parts", settings, start, pools[stops % 3], true, &result, &error);
        if (st != SAGE_OK && st != SAGE_E_CANCELLED) fail_msg("%s", error.text);
    }
    assert_true(stops > 3);
    expect_same_run("whole", "parts");
    scratch_remove(scratch_path(dir, "whole"));
    scratch_remove(scratch_path(dir, "parts"));
    for (size_t i = 0; i < 3; i++) sage_pool_free(pools[i]);
}

static void resumed_runs_give_the_same_bits(void **state) {
    (void)state;
    static const char *const averaged[] = {"average=0.9", "clip=0.5", NULL};
    expect_resumed_the_same(NULL, NULL);
    expect_resumed_the_same(averaged, NULL);
}

static double untrained(const char *const *settings) {
    sage_options *options = tiny_options(settings);
    sage_trainer trainer = {.dataset = dataset, .options = options};
    sage_error error = {0};
    sage_recalls recalls = {0};
    trainer.metrics.fd = -1;
    tiny_must(sage_trainer_identify(&trainer, scratch_path(dir, "untrained"), &error), &error, "identify");
    tiny_must(sage_trainer_build(&trainer, &error), &error, "build");
    tiny_must(recall_of_users(NULL, trainer.model, &recalls, &error), &error, "judge");
    sage_trainer_release(&trainer);
    sage_options_free(options);
    return recalls.recall10;
}

static void users_are_learned(void **state) {
    (void)state;
    static const char *const settings[] = {"steps=200", "eval_every=50", NULL};
    sage_train_result result;
    double before = untrained(settings);
    must_train("learns", settings, NULL, NULL, &result);
    if (result.best_recall10 < before + 0.15) fail_msg("recall@10 %.3f, untrained %.3f", result.best_recall10, before);
}

/* ---- the bank ---- */

static sage_trainer begun(const char *const *settings, const sage_train_start *start, sage_pool *pool) {
    sage_trainer trainer = {.dataset = dataset, .options = tiny_options(settings), .pool = pool};
    sage_error error = {0};
    trainer.metrics.fd = -1;
    if (start != NULL) trainer.start = *start;
    tiny_must(sage_trainer_identify(&trainer, scratch_path(dir, "begun"), &error), &error, "identify");
    tiny_must(sage_trainer_build(&trainer, &error), &error, "build");
    tiny_must(sage_train_metrics_open(&trainer.metrics, trainer.metrics_path, 0, 0, &error), &error, "metrics");
    sage_train_progress_begin(&trainer.progress, NULL, trainer.settings.steps);
    return trainer;
}

static void drop(sage_trainer *trainer) {
    sage_options *options;
    memcpy(&options, &trainer->options, sizeof options); /* ours, though the trainer may not write to it */
    sage_trainer_release(trainer);
    sage_options_free(options);
}

static void must_step(sage_trainer *trainer) {
    sage_error error = {0};
    tiny_must(sage_trainer_step(trainer, &error), &error, "step");
}

/* The feeder's thread draws from the trainer's own. */
static sage_sampler *twin_of(const sage_trainer *t) {
    sage_sampler *own;
    assert_int_equal(sage_sampler_twin(t->sampler, NULL, &own, NULL), SAGE_OK);
    return own;
}

static void it_holds_what_the_model_makes_of_all_that_batches_ask_for(void **state) {
    (void)state;
    static float vectors[TINY_PRODUCTS * TINY_DIM];
    sage_trainer t = begun(NULL, NULL, NULL);
    sage_sampler *own = twin_of(&t);
    sage_bank *bank = t.bank;
    sage_error error = {0};
    assert_non_null(bank);
    tiny_must(sage_bank_fill(bank, dataset, t.model, NULL, &error), &error, "fill");
    assert_in_range(bank->n, 1, TINY_PRODUCTS);
    assert_int_equal(bank->dim, TINY_DIM);
    tiny_must(sage_train_embed_products(dataset, t.model, NULL, bank->products, bank->n, vectors, &error), &error,
              "embed");
    for (size_t i = 0; i < bank->n; i++) assert_int_equal(bank->slot[bank->products[i]], i);
    for (size_t i = 0; i < bank->n * TINY_DIM; i++) assert_true((float)bank->vectors[i] == vectors[i]);
    for (uint64_t step = 0; step < 200; step++) {
        const sage_batch *batch;
        assert_int_equal(sage_sampler_batch(own, step, &batch, NULL), SAGE_OK);
        assert_true(batch->n_users > 0 && batch->n_looked > 0);
        for (size_t i = 0; i < batch->n_looked; i++) assert_true(bank->slot[batch->looked_at[i]] < bank->n);
        for (size_t i = 0; i < batch->user_begin[batch->n_users]; i++)
            assert_true(bank->slot[batch->user_product[i]] < bank->n);
    }
    sage_sampler_free(own);
    drop(&t);
}

static void a_step_leaves_the_vectors_of_its_products(void **state) {
    (void)state;
    sage_trainer t = begun(NULL, NULL, NULL);
    sage_sampler *own = twin_of(&t);
    sage_bank *bank = t.bank;
    sage_error error = {0};
    size_t all = bank->n * TINY_DIM, twice = 0;
    tiny_must(sage_bank_fill(bank, dataset, t.model, NULL, &error), &error, "fill");
    real *expected = sage_alloc(all * sizeof *expected);
    memcpy(expected, bank->vectors, all * sizeof *expected);
    for (uint64_t step = 0; step < 3; step++) {
        const sage_batch *batch;
        assert_int_equal(sage_sampler_batch(own, step, &batch, NULL), SAGE_OK);
        size_t n = batch->n_pairs + batch->n_random;
        uint32_t products[TINY_PRODUCTS + 16];
        assert_true(n <= sizeof products / sizeof *products);
        memcpy(products, batch->product, n * sizeof *products);
        must_step(&t);
        const real *made = sage_work_products(t.work);
        for (size_t i = 0; i < n; i++) {
            for (size_t j = 0; j < i; j++) twice += products[i] == products[j];
            if (bank->slot[products[i]] != UINT32_MAX)
                memcpy(expected + (size_t)bank->slot[products[i]] * TINY_DIM, made + i * TINY_DIM,
                       TINY_DIM * sizeof *expected);
        }
        assert_memory_equal(bank->vectors, expected, all * sizeof *expected);
    }
    assert_true(twice > 0); /* the later counts, which this has seen */
    sage_free(expected);
    sage_sampler_free(own);
    drop(&t);
}

static void a_step_that_fails_leaves_none(void **state) {
    (void)state;
    sage_trainer t = begun(NULL, NULL, NULL);
    sage_error error = {0};
    tiny_must(sage_bank_fill(t.bank, dataset, t.model, NULL, &error), &error, "fill");
    size_t bytes = t.bank->n * TINY_DIM * sizeof *t.bank->vectors;
    real *before = sage_alloc(bytes);
    memcpy(before, t.bank->vectors, bytes);
    for (size_t i = 0; i < sage_model_dense_size(t.model); i++) sage_model_dense(t.model)[i] = NAN;
    assert_int_equal(sage_trainer_step(&t, &error), SAGE_E_STATE);
    assert_memory_equal(t.bank->vectors, before, bytes);
    sage_free(before);
    drop(&t);
}

/* Unit vectors of all products, by a rule. */
static void made_up(float vectors[TINY_PRODUCTS * TINY_DIM]) {
    memset(vectors, 0, TINY_PRODUCTS * TINY_DIM * sizeof *vectors);
    for (size_t i = 0; i < TINY_PRODUCTS; i++) {
        vectors[i * TINY_DIM + i % TINY_DIM] = 0.6f;
        vectors[i * TINY_DIM + (i + 1 + i / TINY_DIM) % TINY_DIM] = 0.8f;
    }
}

static void kept_products_stay_as_they_are(void **state) {
    (void)state;
    static float vectors[TINY_PRODUCTS * TINY_DIM], before[TINY_PRODUCTS * TINY_DIM];
    made_up(vectors);
    const sage_train_start start = {.products = vectors, .products_dim = TINY_DIM};
    sage_trainer t = begun(NULL, &start, NULL);
    assert_int_equal(t.bank->n, TINY_PRODUCTS);
    for (size_t i = 0; i < TINY_PRODUCTS * TINY_DIM; i++) before[i] = (float)t.bank->vectors[i];
    for (size_t i = 0; i < TINY_PRODUCTS * TINY_DIM; i++) assert_true(fabsf(before[i] - vectors[i]) < 1e-6f);
    for (int step = 0; step < 10; step++) must_step(&t);
    for (size_t i = 0; i < TINY_PRODUCTS * TINY_DIM; i++) assert_true(before[i] == (float)t.bank->vectors[i]);
    drop(&t);
    expect_resumed_the_same(NULL, &start);
}

static void kept_products_of_another_width_are_refused(void **state) {
    (void)state;
    static float vectors[TINY_PRODUCTS * TINY_DIM];
    made_up(vectors);
    const sage_train_start start = {.products = vectors, .products_dim = TINY_DIM};
    static const char *const wide[] = {"dim_out=32", NULL};
    sage_train_result result;
    sage_error error = {0};
    assert_int_equal(train("width", wide, &start, NULL, false, &result, &error), SAGE_E_STATE);
    assert_non_null(strstr(error.text, "16 numbers"));
    assert_non_null(strstr(error.text, "32"));
}

/* ---- memory ---- */

static void no_more_is_taken_than_was_said(void **state) {
    (void)state;
    static const char *const settings[] = {"steps=1000", "average=0.9", NULL};
    sage_pool *pool = NULL;
    sage_error error = {0};
    tiny_must(sage_pool_new(2, &pool, &error), &error, "pool");
    sage_trainer t = begun(settings, NULL, pool);
    sage_sampler *own = twin_of(&t);
    tiny_must(sage_bank_fill(t.bank, dataset, t.model, pool, &error), &error, "fill");
    for (int step = 0; step < 300; step++) must_step(&t);
    sage_alloc_fail_from(0);
    for (int step = 0; step < 100; step++) must_step(&t);
    assert_int_equal(sage_alloc_fail_from(0), 0);
    assert_true(sage_work_bytes(t.work) <= t.need.work);
    size_t held = t.bank->n * (TINY_DIM * sizeof(real) + sizeof(uint32_t)) + TINY_PRODUCTS * sizeof(uint32_t);
    assert_true(held <= sage_bank_bytes(dataset, TINY_DIM));
    for (uint64_t step = 0; step < 100; step++) {
        const sage_batch *batch;
        assert_int_equal(sage_sampler_batch(own, step, &batch, NULL), SAGE_OK);
        assert_true(batch->n_users <= t.load.n_users && batch->n_looked <= t.load.n_looked);
        assert_true(batch->user_begin[batch->n_users] <= t.load.user_events);
    }
    sage_sampler_free(own);
    drop(&t);
    sage_pool_free(pool);
}

static void a_failed_allocation_is_an_error(void **state) {
    (void)state;
    static const char *const settings[] = {"steps=2", "eval_every=1", "checkpoint_every=0", NULL};
    sage_options *options = tiny_options(settings);
    char work[SAGE_PATH_MAX];
    snprintf(work, sizeof work, "%s", scratch_path(dir, "memory"));
    for (unsigned long n = 1;; n += 1 + n / 10) {
        sage_train_result result;
        sage_error error = {0};
        sage_alloc_fail_from(n);
        sage_status st =
            sage_train_run(dataset, options, NULL, NULL, work, recall_of_users, NULL, 0, NULL, &result, &error);
        unsigned long made = sage_alloc_fail_from(0);
        if (st == SAGE_OK && made < n) break;
        if (st != SAGE_E_MEMORY) fail_msg("allocation %lu: %s: %s", n, sage_status_name(st), error.text);
    }
    sage_options_free(options);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resumed_runs_give_the_same_bits),
        cmocka_unit_test(users_are_learned),
        cmocka_unit_test(it_holds_what_the_model_makes_of_all_that_batches_ask_for),
        cmocka_unit_test(a_step_leaves_the_vectors_of_its_products),
        cmocka_unit_test(a_step_that_fails_leaves_none),
        cmocka_unit_test(kept_products_stay_as_they_are),
        cmocka_unit_test(kept_products_of_another_width_are_refused),
        cmocka_unit_test(no_more_is_taken_than_was_said),
        cmocka_unit_test(a_failed_allocation_is_an_error),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
