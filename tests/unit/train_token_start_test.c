/* Products' tokens begin as item-kNN: near each other where the same people dealt with them. */
#include "train_fake.h"

#include <math.h>
#include <train/eigen.h>
#include <train/subspace.h>
#include <train/token_start.h>

enum { BLOCKS = 5, PER_BLOCK = 24, PRODUCTS = BLOCKS * PER_BLOCK, USERS = 300, DIM = 48, NEAREST = 10 };

typedef struct fixture {
    sage_catalog *catalog;
    sage_options *options;
    sage_dataset *dataset;
} fixture;

/* As for any shop, with a small model of its own. */
static sage_options *options_of(void) {
    static const char *const small[] = {"dim_embed=48", "dim_model=48", "heads=4",          "dim_ff=16",
                                        "dim_head=16",  "dim_out=48",   "product_token=on", "token_events=2",
                                        "batch=32",     "user_dim=16"};
    return fake_training(small, sizeof small / sizeof *small);
}

/* Users like products of one block, and one thing in ten of any. The last product was found by searches alone. */
static fixture shop(const char *title) {
    fixture f = {fake_new(), options_of(), NULL};
    sage_rng rng;
    char user[24];
    sage_rng_seed(&rng, 5, 5);
    for (size_t i = 0; i <= PRODUCTS; i++) fake_product(f.catalog, title);
    for (size_t u = 0; u < USERS; u++) {
        size_t liked = sage_rng_below(&rng, BLOCKS);
        snprintf(user, sizeof user, "u%zu", u);
        for (size_t i = 0; i < 10; i++) {
            size_t block = sage_rng_below(&rng, 10) == 0 ? sage_rng_below(&rng, BLOCKS) : liked;
            int64_t pid = 10 * (1 + (int64_t)(block * PER_BLOCK + sage_rng_below(&rng, PER_BLOCK)));
            fake_event(f.catalog, SAGE_ON_USER, user, pid, SAGE_CLICK, 1);
        }
    }
    for (size_t q = 0; q < 40; q++) {
        snprintf(user, sizeof user, "query %zu", q);
        fake_event(f.catalog, SAGE_ON_SEARCH, user, 10 * (PRODUCTS + 1), SAGE_CLICK, 1);
    }
    fake_sort_events(f.catalog);
    f.dataset = fake_open(fake_build(f.catalog, f.options));
    return f;
}

static void release(fixture *f) {
    sage_dataset_close(f->dataset);
    sage_options_free(f->options);
    free(f->catalog);
}

static sage_model *model_of(const fixture *f, sage_tokens *tokens) {
    sage_model_shape shape;
    sage_model *model;
    sage_error error;
    const sage_vocab *vocab = sage_dataset_vocab(f->dataset);
    sage_tokens_free(tokens); /* of an earlier model */
    assert_int_equal(sage_dataset_tokens(f->dataset, f->options, tokens, NULL), SAGE_OK);
    assert_int_equal(tokens->n, PRODUCTS + 1);
    assert_int_equal(sage_model_shape_from_options(f->options, sage_vocab_size(vocab), 0, NULL, &shape, NULL), SAGE_OK);
    sage_model_shape_tokens(&shape, tokens->n);
    if (sage_model_new(&shape, f->options, vocab, 3, &model, &error) != SAGE_OK) fail_msg("%s", error.text);
    sage_model_set_tokens(model, tokens->pids);
    return model;
}

static void start(const fixture *f, const sage_tokens *tokens, sage_model *model, sage_pool *pool) {
    sage_error error;
    if (sage_token_start(f->dataset, tokens, model, pool, NULL, &error) != SAGE_OK) fail_msg("%s", error.text);
}

/* Share of the nearest ten of each product, untrained, that are of its block. */
static double of_their_block(const fixture *f, const sage_model *model) {
    static float vectors[PRODUCTS][DIM];
    size_t hits = 0;
    assert_int_equal(sage_train_embed_products(f->dataset, model, NULL, NULL, PRODUCTS, vectors[0], NULL), SAGE_OK);
    for (size_t i = 0; i < PRODUCTS; i++) {
        bool taken[PRODUCTS] = {false};
        taken[i] = true;
        for (size_t k = 0; k < NEAREST; k++) {
            size_t best = SIZE_MAX;
            double highest = -2;
            for (size_t j = 0; j < PRODUCTS; j++) {
                double cosine = 0;
                for (size_t c = 0; c < DIM; c++) cosine += (double)vectors[i][c] * vectors[j][c];
                if (!taken[j] && cosine > highest) best = j, highest = cosine;
            }
            taken[best] = true;
            hits += best / PER_BLOCK == i / PER_BLOCK;
        }
    }
    return (double)hits / (PRODUCTS * NEAREST);
}

static void nearest_are_of_the_same_block(void **state) {
    (void)state;
    fixture f = shop("!");
    sage_tokens tokens = {0};
    sage_model *model = model_of(&f, &tokens);
    assert_true(of_their_block(&f, model) < 0.4);
    start(&f, &tokens, model, NULL);
    assert_true(of_their_block(&f, model) > 0.9);
    sage_model_free(model);
    sage_tokens_free(&tokens);
    release(&f);
}

/* A row as the layer norm wants it, so that an untrained model turns it and no more. */
static void rows_have_length_one_and_no_mean(void **state) {
    (void)state;
    fixture f = shop("!");
    sage_tokens tokens = {0};
    sage_model *model = model_of(&f, &tokens);
    const sage_model_shape *s = sage_model_shape_of(model);
    static float vectors[PRODUCTS][DIM];
    start(&f, &tokens, model, NULL);
    const real *table = sage_model_table(model);
    assert_int_equal(sage_train_embed_products(f.dataset, model, NULL, NULL, PRODUCTS, vectors[0], NULL), SAGE_OK);
    for (size_t i = 0; i < PRODUCTS; i++) {
        double sum = 0, square = 0, same = 0;
        for (size_t c = 0; c < DIM; c++) {
            double x = table[sage_slab_at(s->rows, DIM, s->vocab + i, c)];
            sum += x;
            square += x * x;
            same += x * vectors[i][c];
        }
        assert_true(fabs(sum) < 1e-5 && fabs(square - 1) < 1e-5);
        assert_true(same > 0.99);
    }
    sage_model_free(model);
    sage_tokens_free(&tokens);
    release(&f);
}

/* N-grams, the token of whom no user knew, and all dense parameters but the tokens' scores. */
static void nothing_else_changes(void **state) {
    (void)state;
    fixture f = shop("oak table");
    sage_tokens tokens = {0};
    sage_model *model = model_of(&f, &tokens), *before = model_of(&f, &tokens);
    const sage_model_shape *s = sage_model_shape_of(model);
    size_t n, changed = 0;
    start(&f, &tokens, model, NULL);
    for (size_t row = 0; row < s->rows; row++) {
        bool known = row >= s->vocab && row < s->vocab + PRODUCTS;
        for (size_t c = 0; c < DIM; c++) {
            size_t at = sage_slab_at(s->rows, DIM, row, c);
            bool same = sage_model_table(model)[at] == sage_model_table(before)[at];
            assert_true(known || same);
            changed += !same;
        }
    }
    assert_true(changed > PRODUCTS * DIM * 9 / 10);
    const sage_param *params = sage_model_params(model, &n);
    for (size_t i = 0; i < n; i++) {
        const real *a = sage_model_dense(model) + params[i].offset, *b = sage_model_dense(before) + params[i].offset;
        bool score = strcmp(params[i].name, "encoder.score_bias") == 0;
        for (size_t k = 0; k < params[i].rows * params[i].cols; k++)
            assert_true(score && k % params[i].cols == SAGE_FIELD_TOKEN ? a[k] > b[k] : a[k] == b[k]);
    }
    sage_model_free(model);
    sage_model_free(before);
    sage_tokens_free(&tokens);
    release(&f);
}

static void threads_do_not_show(void **state) {
    (void)state;
    fixture f = shop("!");
    sage_tokens tokens = {0};
    sage_model *one = model_of(&f, &tokens);
    size_t bytes = sage_model_shape_of(one)->rows * DIM * sizeof(real);
    start(&f, &tokens, one, NULL);
    for (size_t threads = 2; threads < 5; threads++) {
        sage_pool *pool;
        sage_model *many = model_of(&f, &tokens);
        assert_int_equal(sage_pool_new(threads, &pool, NULL), SAGE_OK);
        start(&f, &tokens, many, pool);
        assert_memory_equal(sage_model_table(one), sage_model_table(many), bytes);
        sage_model_free(many);
        sage_tokens_free(&tokens);
        sage_pool_free(pool);
    }
    sage_model_free(one);
    release(&f);
}

static void a_failed_allocation_is_an_error(void **state) {
    (void)state;
    fixture f = shop("!");
    sage_tokens tokens = {0};
    sage_model *model = model_of(&f, &tokens);
    unsigned long n = 0;
    for (sage_status st = SAGE_E_MEMORY; st != SAGE_OK; sage_alloc_fail_from(0)) {
        sage_alloc_fail_from(++n);
        st = sage_token_start(f.dataset, &tokens, model, NULL, NULL, NULL);
        assert_true(st == SAGE_OK || st == SAGE_E_MEMORY);
    }
    assert_true(n > 10);
    sage_model_free(model);
    sage_tokens_free(&tokens);
    release(&f);
}

/* ---- the trainer ---- */

/* The table that a run with an option begins with. */
static sage_model *built(const fixture *f, const char *setting, const char *from) {
    return fake_built(f->dataset, f->options, setting, from, NULL);
}

static bool same_tokens(const sage_model *a, const sage_model *b) {
    const sage_model_shape *s = sage_model_shape_of(a);
    for (size_t i = 0; i < PRODUCTS; i++)
        for (size_t c = 0; c < DIM; c += SAGE_SLAB) {
            size_t at = sage_slab_at(s->rows, DIM, s->vocab + i, c);
            size_t bytes = sage_slab_width(DIM, c / SAGE_SLAB) * sizeof(real);
            const real *x = sage_model_table((sage_model *)(uintptr_t)a) + at;
            if (memcmp(x, sage_model_table((sage_model *)(uintptr_t)b) + at, bytes) != 0) return false;
        }
    return true;
}

static void options_and_other_models_have_their_say(void **state) {
    (void)state;
    fixture f = shop("oak table");
    sage_tokens tokens = {0};
    char file[SAGE_PATH_MAX];
    size_t n, n_meta;
    snprintf(file, sizeof file, "%s", scratch_path(fake_dir, "other.safetensors"));
    fake_set(f.options, "train_seed=3");
    sage_model *plain = model_of(&f, &tokens), *knn = built(&f, "token_init=knn", NULL);
    sage_model *random = built(&f, "token_init=random", NULL), *paper;
    assert_true(same_tokens(random, plain));
    assert_false(same_tokens(knn, plain));
    fake_set(f.options, "token_init=knn");
    paper = built(&f, "init=paper", NULL);
    start(&f, &tokens, plain, NULL);
    assert_true(same_tokens(knn, plain));
    sage_model *paper_too = built(&f, "token_init=random", NULL);
    assert_true(same_tokens(paper, paper_too));
    fake_set(f.options, "token_init=knn");
    /* What another model knows is taken as it is. */
    const sage_tensor *tensors = sage_model_tensors(random, &n);
    const sage_tensor_meta *meta = sage_model_meta(random, &n_meta);
    assert_int_equal(sage_safetensors_write(file, tensors, n, meta, n_meta, NULL), SAGE_OK);
    sage_model *taken = built(&f, "init=tfidf", file);
    assert_true(same_tokens(taken, random));
    sage_model *const all[] = {plain, knn, random, paper, paper_too, taken};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) sage_model_free(all[i]);
    sage_tokens_free(&tokens);
    release(&f);
}

static double token_rate(const fixture *f, const char *setting) {
    sage_trainer trainer = {.dataset = f->dataset, .options = f->options};
    sage_error error;
    trainer.metrics.fd = -1;
    fake_set(f->options, setting);
    if (sage_trainer_plan(&trainer, &error) != SAGE_OK) fail_msg("%s", error.text);
    sage_trainer_release(&trainer);
    return trainer.settings.lr_token;
}

/* Of the shop above, where there are searches, and of one without. */
static void tokens_move_less_where_nobody_searches(void **state) {
    (void)state;
    fixture f = shop("!");
    assert_true(token_rate(&f, "token_init=knn") == 1e-2);
    sage_dataset_close(f.dataset);
    for (size_t i = 0; i < f.catalog->n_events; i++) f.catalog->events[i].surface = SAGE_ON_USER;
    f.dataset = fake_open(fake_build(f.catalog, f.options));
    assert_true(token_rate(&f, "token_init=knn") == 2e-3);
    assert_true(token_rate(&f, "token_init=random") == 1e-2);
    assert_true(token_rate(&f, "lr_token=0.5") == 0.5);
    release(&f);
}

static void nobody_leaves_them_at_random(void **state) {
    (void)state;
    fixture f = {fake_shop(100, 0, 3), options_of(), NULL};
    sage_tokens tokens = {0};
    sage_model *model, *before;
    for (int i = 0; i < 300; i++)
        fake_event(f.catalog, SAGE_ON_SEARCH, "oak", 10 * (1 + i % 100), SAGE_CLICK, 1 + i % 3);
    fake_sort_events(f.catalog);
    fake_set(f.options, "holdout=0");
    f.dataset = fake_open(fake_build(f.catalog, f.options));
    assert_int_equal(sage_dataset_tokens(f.dataset, f.options, &tokens, NULL), SAGE_OK);
    assert_true(tokens.n > 0);
    sage_model_shape shape;
    const sage_vocab *vocab = sage_dataset_vocab(f.dataset);
    assert_int_equal(sage_model_shape_from_options(f.options, sage_vocab_size(vocab), 0, NULL, &shape, NULL), SAGE_OK);
    sage_model_shape_tokens(&shape, tokens.n);
    assert_int_equal(sage_model_new(&shape, f.options, vocab, 3, &model, NULL), SAGE_OK);
    assert_int_equal(sage_model_new(&shape, f.options, vocab, 3, &before, NULL), SAGE_OK);
    start(&f, &tokens, model, NULL);
    assert_memory_equal(sage_model_table(model), sage_model_table(before), shape.rows * DIM * sizeof(real));
    assert_memory_equal(sage_model_dense(model), sage_model_dense(before), sage_model_dense_size(model) * sizeof(real));
    sage_model_free(model);
    sage_model_free(before);
    sage_tokens_free(&tokens);
    release(&f);
}

/* ---- the arithmetic ---- */

/* With as many columns as rows, (vectors vectors')^2 is A A' itself. */
static void all_columns_are_the_whole_matrix(void **state) {
    (void)state;
    enum { ROWS = 45, COLUMNS = 80 };
    uint32_t begin[COLUMNS + 1] = {0}, row[COLUMNS * ROWS + SAGE_PREFETCH] = {0}, count[ROWS] = {0};
    static double x[ROWS][COLUMNS], wanted[ROWS][ROWS], gram[ROWS][ROWS];
    sage_incidence matrix = {ROWS, COLUMNS, 0, begin, row, count};
    sage_rng rng;
    real *vectors;
    sage_rng_seed(&rng, 1, 1);
    for (size_t c = 0; c < COLUMNS; c++) {
        begin[c + 1] = begin[c];
        for (uint32_t r = 0; r < ROWS; r++) {
            if (sage_rng_below(&rng, 5) != 0 && r != c % ROWS) continue;
            row[begin[c + 1]++] = r;
            count[r]++;
            x[r][c] = 1;
        }
        size_t n = begin[c + 1] - begin[c];
        matrix.longest = n > matrix.longest ? n : matrix.longest;
    }
    for (size_t a = 0; a < ROWS; a++)
        for (size_t b = 0; b < ROWS; b++)
            for (size_t c = 0; c < COLUMNS; c++)
                wanted[a][b] += x[a][c] * x[b][c] / (begin[c + 1] - begin[c]) / sqrt((double)count[a] * count[b]);
    assert_int_equal(sage_subspace(&matrix, ROWS, NULL, NULL, &vectors, NULL), SAGE_OK);
    for (size_t a = 0; a < ROWS; a++)
        for (size_t b = 0; b < ROWS; b++)
            for (size_t c = 0; c < ROWS; c++)
                gram[a][b] += (double)vectors[sage_slab_at(ROWS, ROWS, a, c)] * vectors[sage_slab_at(ROWS, ROWS, b, c)];
    for (size_t a = 0; a < ROWS; a++)
        for (size_t b = 0; b < ROWS; b++) {
            double got = 0;
            for (size_t c = 0; c < ROWS; c++) got += gram[a][c] * gram[c][b];
            assert_true(fabs(got - wanted[a][b]) < 1e-3);
        }
    sage_free(vectors);
}

/* matrix = sum of value e e', one value of them zero. */
static void eigenvectors_are_found(void **state) {
    (void)state;
    enum { N = 9 };
    static const double values[N] = {7, 3, 3, 1, 0.5, 0.1, 0.01, 0.001, 0};
    double basis[N][N], matrix[N * N] = {0}, copy[N * N], value[N];
    sage_rng rng;
    sage_rng_seed(&rng, 2, 2);
    for (size_t i = 0; i < N; i++) { /* Gram and Schmidt */
        double square = 0;
        for (size_t c = 0; c < N; c++) basis[i][c] = sage_rng_normal(&rng);
        for (size_t j = 0; j < i; j++) {
            double along = 0;
            for (size_t c = 0; c < N; c++) along += basis[i][c] * basis[j][c];
            for (size_t c = 0; c < N; c++) basis[i][c] -= along * basis[j][c];
        }
        for (size_t c = 0; c < N; c++) square += basis[i][c] * basis[i][c];
        for (size_t c = 0; c < N; c++) basis[i][c] /= sqrt(square);
        for (size_t a = 0; a < N; a++)
            for (size_t b = 0; b < N; b++) matrix[a * N + b] += values[i] * basis[i][a] * basis[i][b];
    }
    memcpy(copy, matrix, sizeof copy);
    sage_eigen(N, 1e-6, matrix, value);
    size_t zeros = 0;
    double sum = 0;
    for (size_t i = 0; i < N; i++) {
        double square = 0;
        for (size_t a = 0; a < N; a++) {
            double times = 0;
            for (size_t b = 0; b < N; b++) times += copy[a * N + b] * matrix[i * N + b];
            assert_true(fabs(times - value[i] * matrix[i * N + a]) < 1e-6);
            square += matrix[i * N + a] * matrix[i * N + a];
        }
        assert_true(fabs(square - (value[i] > 0)) < 1e-9);
        zeros += value[i] == 0;
        sum += value[i];
    }
    assert_int_equal(zeros, 1);
    assert_true(fabs(sum - 14.611) < 1e-6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nearest_are_of_the_same_block),
        cmocka_unit_test(rows_have_length_one_and_no_mean),
        cmocka_unit_test(nothing_else_changes),
        cmocka_unit_test(threads_do_not_show),
        cmocka_unit_test(a_failed_allocation_is_an_error),
        cmocka_unit_test(options_and_other_models_have_their_say),
        cmocka_unit_test(tokens_move_less_where_nobody_searches),
        cmocka_unit_test(nobody_leaves_them_at_random),
        cmocka_unit_test(all_columns_are_the_whole_matrix),
        cmocka_unit_test(eigenvectors_are_found),
    };
    return cmocka_run_group_tests(tests, fake_setup, fake_teardown);
}
