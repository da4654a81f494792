/* Frozen models: the same bits in any company and from a file, texts shared between tokens, lower precisions close to
 * f32, and training in bf16 close to f32. */
#include <base/alloc.h>
#include <oracle/random_batch.h>
#include <stdlib.h>
#include <support/encoders.h>
#include <support/same_shape.h>
#include <support/scratch.h>
#include <support/test.h>
#include <support/vectors.h>

/* Wider than a slab, with a slab that is not whole; of each encoder in turn. */
static sage_model_shape shape = {.vocab = 80,
                                 .rows = 32,
                                 .hashes = 2,
                                 .dim_embed = 72,
                                 .dim_model = 64,
                                 .heads = 4,
                                 .dim_ff = 96,
                                 .dim_head = 80,
                                 .dim_out = 40,
                                 .n_groups = 2,
                                 .groups = {{SAGE_GROUP_PICTURES, 6}, {SAGE_GROUP_SENTENCES, 11}}};
enum { OUT = 40 };

typedef struct world {
    char dir[SAGE_PATH_MAX];
    random_batch *batch;
    sage_model *model;
    sage_pool *pool;
} world;

static int set_up(void **state) {
    world *w = calloc(1, sizeof *w);
    w->batch = calloc(1, sizeof *w->batch);
    rb_fill(w->batch, &shape, 14, 20, 3);
    rb_pictures(w->batch, 5);
    assert_int_equal(sage_model_new(&shape, NULL, NULL, 2, &w->model, NULL), SAGE_OK);
    rb_randomise(w->model, 2);
    assert_int_equal(sage_pool_new(3, &w->pool, NULL), SAGE_OK);
    scratch_make(w->dir);
    *state = w;
    return 0;
}

static int tear_down(void **state) {
    world *w = *state;
    scratch_remove(w->dir);
    sage_pool_free(w->pool);
    sage_model_free(w->model);
    free(w->batch);
    free(w);
    return 0;
}

static void vectors_in(const world *w, sage_precision precision, const sage_product_batch *batch, real *out) {
    sage_frozen *frozen;
    assert_int_equal(sage_frozen_new(w->model, precision, w->pool, &frozen, NULL), SAGE_OK);
    assert_int_equal(sage_frozen_products(frozen, batch, out, NULL), SAGE_OK);
    assert_true(sage_frozen_bytes(frozen) > 0);
    sage_frozen_free(frozen);
}

static sage_product_batch one_product(const sage_product_batch *all, size_t i, uint32_t begin[2],
                                      uint32_t vectors[2][2]) {
    sage_product_batch one = *all;
    size_t first = all->token_begin[i];
    begin[0] = 0;
    begin[1] = all->token_begin[i + 1] - all->token_begin[i];
    for (size_t g = 0; g < 2; g++) {
        memcpy(vectors[g], all->group[g].begin + i, sizeof vectors[g]);
        one.group[g].begin = vectors[g];
    }
    one.n = 1;
    one.token_begin = begin;
    one.token_field = all->token_field + first;
    one.text = (sage_bags){begin[1], all->text.ids, all->text.begin + first};
    return one;
}

static void alone_as_in_company(void **state) {
    const world *w = *state;
    size_t n = w->batch->products.n;
    real *all = malloc(n * OUT * sizeof *all), alone[OUT];
    for (sage_precision p = SAGE_PRECISION_F32; p <= SAGE_PRECISION_INT8; p++) {
        vectors_in(w, p, &w->batch->products, all);
        for (size_t i = 0; i < n; i++) {
            uint32_t begin[2], vectors[2][2];
            sage_product_batch one = one_product(&w->batch->products, i, begin, vectors);
            vectors_in(w, p, &one, alone);
            assert_memory_equal(alone, all + i * OUT, sizeof alone);
        }
    }
    free(all);
}

/* Bags listed once, in another order, and tokens that name them. */
static void shared_bags(void **state) {
    const world *w = *state;
    const sage_product_batch *plain = &w->batch->products;
    size_t bags = plain->text.n, ids = 0;
    uint32_t *token_bag = malloc(2 * bags * sizeof *token_bag), *begin = malloc((bags + 1) * sizeof *begin);
    uint32_t *list = malloc(RB_IDS_MAX * sizeof *list), token_begin[2 * RB_PRODUCTS_MAX + 1];
    uint8_t *field = malloc(2 * bags);
    real *expected = malloc(plain->n * OUT * sizeof *expected), *out = malloc(2 * plain->n * OUT * sizeof *out);
    begin[0] = 0;
    for (size_t b = 0; b < bags; b++) { /* the last bag first */
        size_t from = bags - 1 - b;
        for (uint32_t p = plain->text.begin[from]; p < plain->text.begin[from + 1]; p++)
            list[ids++] = plain->text.ids[p];
        begin[b + 1] = (uint32_t)ids;
    }
    for (size_t t = 0; t < 2 * bags; t++) { /* every product twice */
        token_bag[t] = (uint32_t)(bags - 1 - t % bags);
        field[t] = plain->token_field[t % bags];
    }
    for (size_t i = 0; i <= 2 * plain->n; i++) {
        size_t round = i / plain->n, at = i % plain->n;
        token_begin[i] = (uint32_t)(round * bags) + plain->token_begin[at];
    }
    sage_product_batch twice = *plain;
    twice.token_begin = token_begin;
    twice.token_field = field;
    twice.token_bag = token_bag;
    twice.text = (sage_bags){bags, list, begin};
    twice.group[0].begin = twice.group[1].begin = NULL;
    sage_product_batch once = *plain;
    once.group[0].begin = once.group[1].begin = NULL;
    twice.n = 2 * plain->n;
    vectors_in(w, SAGE_PRECISION_F32, &once, expected);
    vectors_in(w, SAGE_PRECISION_F32, &twice, out);
    assert_memory_equal(out, expected, plain->n * OUT * sizeof *out);
    assert_memory_equal(out + plain->n * OUT, expected, plain->n * OUT * sizeof *out);
    token_bag[3] = (uint32_t)bags;
    sage_frozen *frozen;
    sage_error error = {0};
    assert_int_equal(sage_frozen_new(w->model, SAGE_PRECISION_F32, w->pool, &frozen, NULL), SAGE_OK);
    assert_int_equal(sage_frozen_products(frozen, &twice, out, &error), SAGE_E_ARGUMENT);
    assert_non_null(strstr(error.text, "names no bag"));
    sage_frozen_free(frozen);
    void *all[] = {token_bag, begin, list, field, expected, out};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

static double cosine(const real *a, const real *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

static void lower_precisions_are_close(void **state) {
    const world *w = *state;
    size_t n = w->batch->products.n, queries = w->batch->spec.n_pairs;
    const double least[] = {1, 0.9995, 0.99};
    real *exact = malloc((n + queries) * OUT * sizeof *exact), *out = malloc((n + queries) * OUT * sizeof *out);
    for (sage_precision p = SAGE_PRECISION_F32; p <= SAGE_PRECISION_INT8; p++) {
        sage_frozen *frozen;
        real *to = p == SAGE_PRECISION_F32 ? exact : out;
        assert_int_equal(sage_frozen_new(w->model, p, w->pool, &frozen, NULL), SAGE_OK);
        assert_int_equal(sage_frozen_products(frozen, &w->batch->products, to, NULL), SAGE_OK);
        assert_int_equal(sage_frozen_queries(frozen, &w->batch->queries, to + n * OUT, NULL), SAGE_OK);
        sage_frozen_free(frozen);
        for (size_t i = 0; p != SAGE_PRECISION_F32 && i < n + queries; i++) {
            double close = cosine(exact + i * OUT, out + i * OUT, OUT);
            if (!(close > least[p])) fail_msg("%s: vector %zu has cosine %.6f", sage_precision_name(p), i, close);
        }
        if (p != SAGE_PRECISION_F32) assert_memory_not_equal(exact, out, n * OUT * sizeof *out); /* it is another way */
    }
    free(exact);
    free(out);
}

static void training_in_bf16_is_close(void **state) {
    const world *w = *state;
    sage_loss loss[2];
    sage_grads *grads[2];
    size_t n = sage_model_dense_size(w->model);
    for (size_t k = 0; k < 2; k++) {
        sage_work *work;
        assert_int_equal(sage_work_new(w->pool, k == 0 ? SAGE_PRECISION_F32 : SAGE_PRECISION_BF16, &work, NULL),
                         SAGE_OK);
        assert_int_equal(sage_grads_new(w->model, &grads[k], NULL), SAGE_OK);
        assert_int_equal(sage_model_step(w->model, work, &w->batch->products, &w->batch->queries, &w->batch->spec,
                                         grads[k], &loss[k], NULL),
                         SAGE_OK);
        sage_work_free(work);
    }
    assert_true(fabs(loss[0].total - loss[1].total) < 0.02 * loss[0].total);
    assert_true(loss[0].total != loss[1].total);
    const real *a = grads[0]->dense, *b = grads[1]->dense;
    assert_true(cosine(a, b, n) > 0.995 * sqrt(cosine(a, a, n) * cosine(b, b, n)));
    for (size_t k = 0; k < 2; k++) sage_grads_free(grads[k]);
}

static const char *save(const sage_model *model, const char *dir, const char *name) {
    const char *path = scratch_path(dir, name);
    size_t n, n_meta;
    const sage_tensor *tensors = sage_model_tensors(model, &n);
    const sage_tensor_meta *meta = sage_model_meta(model, &n_meta);
    assert_int_equal(sage_safetensors_write(path, tensors, n, meta, n_meta, NULL), SAGE_OK);
    return path;
}

/* The file may be gone once it is loaded. */
static void from_a_file_the_same(void **state) {
    const world *w = *state;
    size_t n = w->batch->products.n, queries = w->batch->spec.n_pairs, size = (n + queries) * OUT * sizeof(real);
    real *expected = malloc(size), *out = malloc(size);
    for (sage_precision p = SAGE_PRECISION_F32; p <= SAGE_PRECISION_INT8; p++) {
        sage_frozen *frozen, *loaded;
        sage_error error = {0};
        const char *path = save(w->model, w->dir, "model.safetensors");
        assert_int_equal(sage_frozen_new(w->model, p, w->pool, &frozen, NULL), SAGE_OK);
        if (sage_frozen_load(path, p, w->pool, &loaded, &error) != SAGE_OK) fail_msg("%s", error.text);
        unlink(path);
        same_shape(sage_frozen_shape(loaded), &shape);
        assert_int_equal(sage_frozen_products(frozen, &w->batch->products, expected, NULL), SAGE_OK);
        assert_int_equal(sage_frozen_queries(frozen, &w->batch->queries, expected + n * OUT, NULL), SAGE_OK);
        assert_int_equal(sage_frozen_products(loaded, &w->batch->products, out, NULL), SAGE_OK);
        assert_int_equal(sage_frozen_queries(loaded, &w->batch->queries, out + n * OUT, NULL), SAGE_OK);
        assert_memory_equal(out, expected, size);
        sage_frozen_free(frozen);
        sage_frozen_free(loaded);
    }
    free(expected);
    free(out);
}

/* A table that stays in its file gives the same bits, and none is owned. */
static void in_its_file_the_same(void **state) {
    const world *w = *state;
    const size_t n = w->batch->products.n, queries = w->batch->spec.n_pairs, size = (n + queries) * OUT * sizeof(real);
    real *expected = malloc(size), *out = malloc(size);
    sage_frozen *frozen, *mapped;
    sage_error error = {0};
    const char *path = save(w->model, w->dir, "mapped.safetensors");
    assert_int_equal(sage_frozen_new(w->model, SAGE_PRECISION_F32, w->pool, &frozen, NULL), SAGE_OK);
    if (sage_frozen_map(path, w->pool, &mapped, &error) != SAGE_OK) fail_msg("%s", error.text);
    assert_int_equal(sage_frozen_products(frozen, &w->batch->products, expected, NULL), SAGE_OK);
    assert_int_equal(sage_frozen_queries(frozen, &w->batch->queries, expected + n * OUT, NULL), SAGE_OK);
    assert_int_equal(sage_frozen_products(mapped, &w->batch->products, out, NULL), SAGE_OK);
    assert_int_equal(sage_frozen_queries(mapped, &w->batch->queries, out + n * OUT, NULL), SAGE_OK);
    assert_memory_equal(out, expected, size);
    sage_frozen_free(frozen);
    sage_frozen_free(mapped);
    assert_int_equal(sage_frozen_map("none.safetensors", w->pool, &mapped, NULL), SAGE_E_NOT_FOUND);
    assert_null(mapped);
    free(expected);
    free(out);
}

/* Of a table of several MiB one is held, in the precision asked for; the file's pages are not counted in the end. */
static void one_table_is_owned(void **state) {
    const world *w = *state;
    const size_t table[] = {4, 2, 1}; /* bytes an element */
    sage_model_shape large = shape;
    sage_model *model;
    large.vocab = large.rows = 40000;
    large.hashes = 1;
    size_t elements = large.rows * large.dim_embed;
    assert_int_equal(sage_model_new(&large, NULL, NULL, 2, &model, NULL), SAGE_OK);
    const char *path = save(model, w->dir, "large.safetensors");
    for (sage_precision p = SAGE_PRECISION_F32; p <= SAGE_PRECISION_INT8; p++) {
        sage_frozen *frozen;
        assert_int_equal(sage_frozen_load(path, p, w->pool, &frozen, NULL), SAGE_OK);
        size_t bytes = sage_frozen_bytes(frozen);
        assert_true(bytes >= table[p] * elements && bytes < table[p] * elements + elements / 2);
        sage_frozen_free(frozen);
        assert_int_equal(sage_frozen_new(model, p, w->pool, &frozen, NULL), SAGE_OK);
        bytes = sage_frozen_bytes(frozen);
        if (p == SAGE_PRECISION_F32) assert_true(bytes < elements / 2); /* the table is the model's */
        sage_frozen_free(frozen);
    }
    sage_model_free(model);
}

static sage_status all_of_it(const world *w) {
    sage_frozen *frozen = NULL;
    real *out = malloc(w->batch->products.n * OUT * sizeof *out);
    sage_status st =
        sage_frozen_load(scratch_path(w->dir, "whole.safetensors"), SAGE_PRECISION_INT8, w->pool, &frozen, NULL);
    if (st == SAGE_OK) st = sage_frozen_products(frozen, &w->batch->products, out, NULL);
    if (st == SAGE_OK) st = sage_frozen_queries(frozen, &w->batch->queries, out, NULL);
    sage_frozen_free(frozen);
    free(out);
    return st;
}

static void memory_runs_out(void **state) {
    const world *w = *state;
    unsigned long at = 0;
    sage_status st;
    save(w->model, w->dir, "whole.safetensors");
    do {
        sage_alloc_fail_from(++at);
        st = all_of_it(w);
        sage_alloc_fail_from(0);
        assert_true(st == SAGE_OK || st == SAGE_E_MEMORY);
    } while (st != SAGE_OK && at < 1000);
    assert_int_equal(st, SAGE_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alone_as_in_company),       cmocka_unit_test(shared_bags),
        cmocka_unit_test(from_a_file_the_same),      cmocka_unit_test(in_its_file_the_same),
        cmocka_unit_test(one_table_is_owned),        cmocka_unit_test(lower_precisions_are_close),
        cmocka_unit_test(training_in_bf16_is_close), cmocka_unit_test(memory_runs_out)};
    const sage_model_shape transformer = shape;
    int failed = 0;
    for (int e = 0; e < ENCODERS; e++) {
        shape = encoder_number(transformer, e);
        failed += cmocka_run_group_tests(tests, set_up, tear_down);
    }
    return failed;
}
