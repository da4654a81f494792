/* Where search texts have vectors of the shop's own, n-grams begin in their space. */
#include "train_fake.h"

#include <features/given.h>
#include <kernels/principal.h>
#include <math.h>
#include <signal.h>
#include <train/given_start.h>
#include <train/given_texts.h>

enum { PRODUCTS = 60, TEXTS = 24, WIDEST = 64 };
static const double LAMBDA = 0.03; /* as in given_start.c */

typedef struct fixture {
    sage_catalog *catalog;
    sage_options *options;
    sage_dataset *dataset;
    size_t dim;
} fixture;

static const char *const kinds[] = {"lamp", "table", "chair", "shelf", "carpet", "mirror"};
static const char *const looks[] = {"red", "oaken", "round", "antique"};

static sage_options *options_of(void) {
    static const char *const small[] = {"dim_embed=48", "dim_model=48", "heads=4",     "dim_ff=16",
                                        "dim_head=16",  "batch=32",     "user_dim=16", "vocab_min_df=1"};
    return fake_training(small, sizeof small / sizeof *small);
}

static void say(char out[64], size_t i) {
    snprintf(out, 64, "%s %s", looks[i / 6 % 4], kinds[i % 6]);
}

/* Texts of one kind of thing lie near each other, whatever they look like. */
static void give(size_t dim) {
    static float vectors[TEXTS * WIDEST];
    char texts[TEXTS * 64] = "", path[SAGE_PATH_MAX], npy[SAGE_PATH_MAX], ids[SAGE_PATH_MAX], text[64];
    sage_rng rng;
    sage_error error;
    sage_rng_seed(&rng, 3, 4);
    for (size_t i = 0; i < TEXTS; i++) {
        say(text, i);
        snprintf(texts + strlen(texts), sizeof texts - strlen(texts), "%s\n", text);
        for (size_t d = 0; d < dim; d++)
            vectors[i * dim + d] =
                (i < 6 ? 0 : vectors[i % 6 * dim + d]) + (float)sage_rng_normal(&rng) * (i < 6 ? 1 : 0.3F);
    }
    fake_vectors("q.npy", vectors, TEXTS, dim);
    snprintf(npy, sizeof npy, "%s", scratch_path(fake_dir, "q.npy"));
    snprintf(ids, sizeof ids, "%s", scratch_path(fake_dir, "q.txt"));
    scratch_write(ids, texts, strlen(texts));
    assert_int_equal(sage_fs_mkdir(scratch_path(fake_dir, "given"), NULL), SAGE_OK);
    assert_int_equal(sage_given_path(path, fake_dir, SAGE_ON_SEARCH, NULL), SAGE_OK);
    if (sage_given_write(path, SAGE_ON_SEARCH, npy, ids, &error) != SAGE_OK) fail_msg("%s", error.text);
}

static fixture shop(size_t dim, const char *setting) {
    fixture f = {fake_new(), options_of(), NULL, dim};
    char text[64];
    for (size_t i = 0; i < PRODUCTS; i++) {
        char title[96];
        say(text, i);
        snprintf(title, sizeof title, "%s number %zu", text, i);
        sage_product_row *row = fake_product(f.catalog, title);
        fake_event(f.catalog, SAGE_ON_SEARCH, text, row->pid, SAGE_CLICK, 1);
    }
    fake_sort_events(f.catalog);
    if (setting != NULL) fake_set(f.options, setting);
    if (dim > 0) give(dim);
    f.dataset = fake_open(fake_build(f.catalog, f.options));
    return f;
}

static void release(fixture *f) {
    sage_dataset_close(f->dataset);
    sage_options_free(f->options);
    free(f->catalog);
}

static sage_model *model_of(const fixture *f) {
    sage_model_shape shape;
    sage_model *model;
    sage_error error;
    const sage_vocab *vocab = sage_dataset_vocab(f->dataset);
    assert_int_equal(sage_model_shape_from_options(f->options, sage_vocab_size(vocab), 0, NULL, &shape, NULL), SAGE_OK);
    if (f->dim > 0) shape.dim_out = f->dim;
    if (sage_model_new(&shape, f->options, vocab, 3, &model, &error) != SAGE_OK) fail_msg("%s", error.text);
    return model;
}

static void start(const fixture *f, sage_model *model, sage_pool *pool) {
    sage_error error;
    if (sage_given_start(f->dataset, model, pool, NULL, &error) != SAGE_OK) fail_msg("%s", error.text);
}

/* ---- what it is for ---- */

static double cosine(size_t n, const float *a, const float *b) {
    double sum = 0;
    for (size_t c = 0; c < n; c++) sum += (double)a[c] * b[c];
    return sum;
}

static bool holds(const sage_packed_product *product, const sage_given_texts *texts, size_t text) {
    for (size_t i = texts->begin[text]; i < texts->begin[text + 1]; i++) {
        uint32_t k = product->begin[0];
        while (k < product->begin[1] && product->ids[k] != texts->ids[i]) k++;
        if (k == product->begin[1]) return false;
    }
    return true;
}

/* Untrained: of the products, whose titles begin with a text each, those to which that one's vector is the nearest; and
 * how near the tower's vectors are to those given. */
static void judge(const fixture *f, const sage_model *model, double *found, double *near) {
    static float products[PRODUCTS * WIDEST], query[TEXTS * WIDEST];
    sage_given_texts texts;
    size_t dim = f->dim, right = 0;
    uint32_t begin[TEXTS + 1];
    assert_int_equal(sage_dataset_given_texts(f->dataset, 1000, &texts, NULL), SAGE_OK);
    assert_int_equal(texts.n, TEXTS);
    for (size_t i = 0; i <= TEXTS; i++) begin[i] = (uint32_t)texts.begin[i];
    const sage_query_batch queries = {.n_texts = TEXTS, .bags = {TEXTS, texts.ids, begin}};
    assert_int_equal(sage_train_embed_queries(model, NULL, &queries, query, NULL), SAGE_OK);
    assert_int_equal(sage_train_embed_products(f->dataset, model, NULL, NULL, PRODUCTS, products, NULL), SAGE_OK);
    *near = 0;
    for (size_t i = 0; i < TEXTS; i++) *near += cosine(dim, query + i * dim, texts.vector[i]) / TEXTS;
    for (size_t p = 0; p < PRODUCTS; p++) {
        sage_packed_product product;
        size_t best = 0;
        for (size_t i = 1; i < TEXTS; i++)
            if (cosine(dim, products + p * dim, texts.vector[i]) > cosine(dim, products + p * dim, texts.vector[best]))
                best = i;
        sage_dataset_product(f->dataset, p, &product);
        right += holds(&product, &texts, best);
    }
    *found = (double)right / PRODUCTS;
    sage_given_texts_free(&texts);
}

static void check_start(size_t dim, const char *setting, double found_least, double near_least) {
    fixture f = shop(dim, setting);
    sage_model *model = model_of(&f);
    double found, near;
    judge(&f, model, &found, &near);
    assert_true(found < 0.2 && near < 0.3);
    start(&f, model, NULL);
    judge(&f, model, &found, &near);
    if (found < found_least || near < near_least) fail_msg("%zu %s: found %g, near %g", dim, setting, found, near);
    sage_model_free(model);
    release(&f);
}

static void untrained_products_are_near_their_searches(void **state) {
    (void)state;
    check_start(48, NULL, 0.4, 0.95);
    check_start(20, NULL, 0.4, 0.95);            /* narrower than a bag */
    check_start(64, NULL, 0.4, 0.95);            /* wider: leading directions */
    check_start(64, "head_skip=off", 0.2, 0.95); /* eight directions come through */
    check_start(48, "table_rows=60", 0.3, 0.95); /* hashed */
    check_start(32, "dim_model=40", 0.4, 0.95);
}

/* ---- the arithmetic ---- */

/* The rows solve (A'A + lambda) (R - R_0) = A' (V - A R_0), by Gauss. */
static void rows_are_the_ridge_regression(void **state) {
    (void)state;
    enum { ROWS_MAX = 400 };
    static double m[ROWS_MAX][ROWS_MAX + 1];
    fixture f = shop(48, NULL);
    sage_model *before = model_of(&f), *model = model_of(&f);
    const sage_model_shape *s = sage_model_shape_of(model);
    sage_given_texts texts;
    sage_text_rows t;
    const size_t columns[] = {0, 17, 47};
    start(&f, model, NULL);
    assert_int_equal(sage_dataset_given_texts(f.dataset, 1000, &texts, NULL), SAGE_OK);
    assert_int_equal(sage_text_rows_new(&texts, before, &t, NULL), SAGE_OK);
    assert_true(t.n_rows > 20 && t.n_rows <= ROWS_MAX);
    for (size_t k = 0; k < 3; k++) {
        size_t n = t.n_rows, c = columns[k];
        memset(m, 0, sizeof m);
        for (size_t i = 0; i < n; i++) m[i][i] = LAMBDA;
        for (size_t text = 0; text < t.n; text++) {
            double left = texts.vector[text][c], square = 0;
            for (size_t i = t.begin[text]; i < t.begin[text + 1]; i++) {
                size_t at = sage_slab_at(s->rows, 48, t.table_row[t.row[i]], c);
                left -= (double)t.weight[i] * (double)sage_model_table(before)[at];
                square += (double)t.weight[i] * (double)t.weight[i];
                for (size_t j = t.begin[text]; j < t.begin[text + 1]; j++)
                    m[t.row[i]][t.row[j]] += (double)t.weight[i] * (double)t.weight[j];
            }
            assert_true(fabs(square - 1) < 1e-5);
            for (size_t i = t.begin[text]; i < t.begin[text + 1]; i++) m[t.row[i]][n] += (double)t.weight[i] * left;
        }
        for (size_t i = 0; i < n; i++)
            for (size_t r = 0; r < n; r++) {
                double factor = r == i ? 0 : m[r][i] / m[i][i];
                for (size_t j = i; factor != 0 && j <= n; j++) m[r][j] -= factor * m[i][j];
            }
        for (size_t i = 0; i < n; i++) {
            size_t at = sage_slab_at(s->rows, 48, t.table_row[i], c);
            double moved = (double)sage_model_table(model)[at] - (double)sage_model_table(before)[at];
            assert_true(fabs(moved - m[i][n] / m[i][i]) < 2e-3);
        }
    }
    sage_text_rows_free(&t);
    sage_given_texts_free(&texts);
    sage_model_free(before);
    sage_model_free(model);
    release(&f);
}

/* Rows that no text says stay, and so do dense parameters where the space is no wider than a bag. */
static void nothing_else_changes(void **state) {
    (void)state;
    fixture f = shop(48, NULL);
    sage_model *before = model_of(&f), *model = model_of(&f);
    const sage_model_shape *s = sage_model_shape_of(model);
    sage_given_texts texts;
    sage_text_rows t;
    size_t kept = 0, changed = 0;
    start(&f, model, NULL);
    assert_int_equal(sage_dataset_given_texts(f.dataset, 1000, &texts, NULL), SAGE_OK);
    assert_int_equal(sage_text_rows_new(&texts, before, &t, NULL), SAGE_OK);
    for (uint32_t row = 0; row < s->rows; row++) {
        bool said = false;
        for (size_t i = 0; i < t.n_rows; i++) said = said || t.table_row[i] == row;
        for (size_t c = 0; c < 48; c++) {
            size_t at = sage_slab_at(s->rows, 48, row, c);
            bool same = sage_model_table(model)[at] == sage_model_table(before)[at];
            assert_true(said || same);
            kept += !said;
            changed += !same;
        }
    }
    assert_true(kept > 0 && changed > t.n_rows * 48 * 9 / 10);
    assert_memory_equal(sage_model_dense(model), sage_model_dense(before), sage_model_dense_size(model) * sizeof(real));
    sage_text_rows_free(&t);
    sage_given_texts_free(&texts);
    sage_model_free(before);
    sage_model_free(model);
    release(&f);
}

static void threads_do_not_show(void **state) {
    (void)state;
    fixture f = shop(64, NULL);
    sage_model *one = model_of(&f);
    start(&f, one, NULL);
    for (size_t threads = 2; threads < 4; threads++) {
        sage_pool *pool;
        sage_model *many = model_of(&f);
        assert_int_equal(sage_pool_new(threads, &pool, NULL), SAGE_OK);
        start(&f, many, pool);
        assert_memory_equal(sage_model_table(one), sage_model_table(many),
                            sage_model_shape_of(one)->rows * 48 * sizeof(real));
        assert_memory_equal(sage_model_dense(one), sage_model_dense(many), sage_model_dense_size(one) * sizeof(real));
        sage_model_free(many);
        sage_pool_free(pool);
    }
    sage_model_free(one);
    release(&f);
}

static void a_failed_allocation_is_an_error(void **state) {
    (void)state;
    fixture f = shop(64, NULL);
    sage_model *model = model_of(&f);
    unsigned long n = 0;
    for (sage_status st = SAGE_E_MEMORY; st != SAGE_OK; sage_alloc_fail_from(0)) {
        sage_alloc_fail_from(++n);
        st = sage_given_start(f.dataset, model, NULL, NULL, NULL);
        assert_true(st == SAGE_OK || st == SAGE_E_MEMORY);
    }
    assert_true(n > 10);
    sage_model_free(model);
    release(&f);
}

/* Vectors in a plane of many dimensions, and noise: the plane is found, and what is asked for beyond it is orthonormal.
 */
static void leading_directions_are_found(void **state) {
    (void)state;
    enum { N = 300, DIM = 30, WIDTH = 5 };
    static float x[N][DIM];
    const float *vectors[N];
    real *basis;
    double in_plane = 0, all = 0;
    sage_rng rng;
    sage_rng_seed(&rng, 1, 2);
    for (size_t i = 0; i < N; i++) {
        double a = 10 * sage_rng_normal(&rng), b = 5 * sage_rng_normal(&rng);
        for (size_t d = 0; d < DIM; d++)
            x[i][d] = (float)(a * sin((double)d) + b * cos(3 * (double)d) + 0.01 * sage_rng_normal(&rng));
        vectors[i] = x[i];
    }
    assert_int_equal(sage_principal(N, vectors, DIM, WIDTH, &basis, NULL), SAGE_OK);
    for (size_t a = 0; a < WIDTH; a++)
        for (size_t b = 0; b < WIDTH; b++) {
            double sum = 0;
            for (size_t d = 0; d < DIM; d++) sum += (double)basis[d * WIDTH + a] * (double)basis[d * WIDTH + b];
            assert_true(fabs(sum - (a == b)) < 1e-5);
        }
    for (size_t i = 0; i < N; i++) {
        for (size_t a = 0; a < WIDTH; a++) {
            double sum = 0;
            for (size_t d = 0; d < DIM; d++) sum += (double)basis[d * WIDTH + a] * (double)x[i][d];
            in_plane += sum * sum;
        }
        for (size_t d = 0; d < DIM; d++) all += (double)x[i][d] * (double)x[i][d];
    }
    assert_true(in_plane > 0.9999 * all);
    sage_free(basis);
}

/* ---- the trainer ---- */

static sage_model *built(const fixture *f, const char *setting, double *lr_table) {
    sage_train_settings settings;
    sage_model *model = fake_built(f->dataset, f->options, setting, NULL, &settings);
    *lr_table = settings.lr_table;
    return model;
}

static void options_have_their_say(void **state) {
    (void)state;
    double found, near, lr, random_lr;
    fixture f = shop(48, NULL);
    sage_model *model = built(&f, "given_init=ridge", &lr);
    judge(&f, model, &found, &near);
    assert_true(found > 0.4 && near > 0.95);
    sage_model_free(model);
    model = built(&f, "given_init=random", &random_lr);
    judge(&f, model, &found, &near);
    assert_true(found < 0.2 && near < 0.3);
    assert_true(lr < random_lr); /* what begins where it belongs needs small steps */
    sage_model_free(model);
    model = built(&f, "lr_table=0.5", &lr);
    assert_true(lr == 0.5);
    sage_model_free(model);
    fake_set(f.options, "lr_table=auto");
    fake_set(f.options, "given_init=ridge");
    model = built(&f, "init=paper", &lr);
    assert_true(lr == random_lr);
    sage_model_free(model);
    release(&f);
}

/* ---- stopped ---- */

static volatile sig_atomic_t stop;

static sage_status validate(void *ctx, const sage_model *model, sage_recalls *recalls, sage_error *error) {
    const fixture *f = ctx;
    double found, near;
    (void)error;
    judge(f, model, &found, &near);
    recalls->recall10 = found + near;
    stop = f->options != NULL && sage_options_real(f->options, "checkpoint_every") <= 0;
    return SAGE_OK;
}

static void run(fixture *f, const char *name, size_t *stops) {
    const sage_monitor monitor = {.cancel = &stop};
    sage_train_result result;
    sage_status st;
    sage_error error;
    for (;; ++*stops) {
        stop = 0;
        st = sage_train_run(f->dataset, f->options, NULL, NULL, scratch_path(fake_dir, name), validate, f, 0, &monitor,
                            &result, &error);
        if (st != SAGE_E_CANCELLED) break;
    }
    if (st != SAGE_OK) fail_msg("%s", error.text);
}

/* How often a run was stopped does not show in a single bit. */
static void stopped_runs_give_the_same_bits(void **state) {
    (void)state;
    fixture f = shop(48, "steps=12");
    size_t n, stops = 0, none = 0;
    fake_set(f.options, "eval_every=3");
    fake_set(f.options, "checkpoint_every=300");
    run(&f, "once", &none);
    fake_set(f.options, "checkpoint_every=0");
    run(&f, "often", &stops);
    assert_true(none == 0 && stops >= 3);
    char *best = scratch_read(scratch_path(scratch_path(fake_dir, "once"), "best.safetensors"), &n);
    assert_true(scratch_holds(scratch_path(scratch_path(fake_dir, "often"), "best.safetensors"), best, n));
    sage_free(best);
    release(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(untrained_products_are_near_their_searches),
        cmocka_unit_test(rows_are_the_ridge_regression),
        cmocka_unit_test(nothing_else_changes),
        cmocka_unit_test(threads_do_not_show),
        cmocka_unit_test(a_failed_allocation_is_an_error),
        cmocka_unit_test(leading_directions_are_found),
        cmocka_unit_test(options_have_their_say),
        cmocka_unit_test(stopped_runs_give_the_same_bits),
    };
    return cmocka_run_group_tests(tests, fake_setup, fake_teardown);
}
