/* The table in slabs: what is gathered from it and scattered back against plain loops, for one hash and two, for widths
 * that fill no slab, and for any number of threads. */
#include <base/alloc.h>
#include <base/rng.h>
#include <math.h>
#include <model/pass.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <support/test.h>

enum { BAGS = 180, PER_BAG_MAX = 20, VOCAB = 300, QUERIES = 20 };

static sage_model *made(size_t dim, size_t hashes, bool plain) {
    sage_model_shape shape = {.vocab = VOCAB,
                              .rows = hashes == 1 ? VOCAB : 90,
                              .hashes = hashes,
                              .dim_embed = dim,
                              .dim_model = 8,
                              .heads = 2,
                              .dim_ff = 8,
                              .dim_head = 8,
                              .dim_out = 8,
                              .plain_text = plain};
    sage_model *model;
    sage_rng rng;
    assert_int_equal(sage_model_new(&shape, NULL, NULL, 4, &model, NULL), SAGE_OK);
    sage_rng_seed(&rng, 4, 9);
    real *gain = par(model, P_TEXT_GAIN), *bias = par(model, P_TEXT_BIAS);
    for (size_t c = 0; c < dim; c++) {
        gain[c] = (real)(1 + 0.3 * sage_rng_normal(&rng));
        bias[c] = (real)(0.3 * sage_rng_normal(&rng));
    }
    return model;
}

/* Some ids come often, and every fifth bag is empty. The arrays begin with what does not belong to the batch. */
typedef struct batch {
    uint32_t begin[BAGS + 1], query_begin[QUERIES + 1], ids[5 + BAGS * PER_BAG_MAX], query_ids[QUERIES * PER_BAG_MAX];
    sage_bags text, queries;
    size_t ids_in_all;
} batch;

static uint32_t fill(uint32_t *ids, uint32_t *begin, size_t n, uint32_t at, sage_rng *rng) {
    begin[0] = at;
    for (size_t b = 0; b < n; b++) {
        size_t len = b % 5 == 2 ? 0 : 1 + sage_rng_below(rng, PER_BAG_MAX);
        for (size_t i = 0; i < len; i++)
            ids[at++] = (uint32_t)(sage_rng_below(rng, 3) == 0 ? sage_rng_below(rng, 4) : sage_rng_below(rng, VOCAB));
        begin[b + 1] = at;
    }
    return at;
}

static void make_batch(batch *b) {
    sage_rng rng;
    sage_rng_seed(&rng, 6, 0);
    b->ids_in_all = fill(b->ids, b->begin, BAGS, 5, &rng) - 5;
    b->ids_in_all += fill(b->query_ids, b->query_begin, QUERIES, 0, &rng);
    b->text = (sage_bags){BAGS, b->ids, b->begin};
    b->queries = (sage_bags){QUERIES, b->query_ids, b->query_begin};
}

static sage_work *fitted(const sage_model *model, const batch *b, sage_pool *pool) {
    sage_work *work;
    batch_sizes sizes = {.products = 10,
                         .text_bags = BAGS,
                         .queries = QUERIES,
                         .query_bags = QUERIES,
                         .ids = b->ids_in_all,
                         .columns = 10};
    assert_int_equal(sage_work_new(pool, SAGE_PRECISION_F32, &work, NULL), SAGE_OK);
    assert_int_equal(work_fit(work, &model->shape, &sizes, NULL), SAGE_OK);
    return work;
}

static double table_at(const sage_model *model, size_t row, size_t column) {
    const sage_model_shape *s = &model->shape;
    return (double)model->table[sage_slab_at(s->rows, s->dim_embed, row, column)];
}

static size_t plain_row(const sage_model *model, uint32_t id, size_t k) {
    if (model->shape.hashes == 1) return id;
    return (model->hash[k].a * id + model->hash[k].b) % HASH_PRIME % model->shape.rows;
}

static const uint32_t *bag_ids(const batch *b, size_t bag, size_t *n) {
    const sage_bags *bags = bag < BAGS ? &b->text : &b->queries;
    size_t i = bag < BAGS ? bag : bag - BAGS;
    *n = bags->begin[i + 1] - bags->begin[i];
    return bags->ids + bags->begin[i];
}

static void close_to(const char *what, size_t at, double wanted, real got) {
    if (!(fabs(wanted - (double)got) < 2e-5 * (1 + fabs(wanted))))
        fail_msg("%s[%zu] is %.9g, not %.9g", what, at, (double)got, wanted);
}

static void check_sums(const sage_model *model, const batch *b, const real *sums) {
    size_t dim = model->shape.dim_embed, hashes = model->shape.hashes;
    for (size_t bag = 0; bag < BAGS + QUERIES; bag++)
        for (size_t c = 0; c < dim; c++) {
            size_t n;
            const uint32_t *ids = bag_ids(b, bag, &n);
            double sum = 0;
            for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < hashes; k++)
                    sum += (double)model->importance[ids[i] * hashes + k] *
                           table_at(model, plain_row(model, ids[i], k), c);
            close_to("sum", bag * dim + c, sum, sums[bag * dim + c]);
        }
}

/* ---- what a scatter gives ---- */

typedef struct given {
    const sage_model *model;
    real *rows, *ids; /* [R][E], [V][K] */
    unsigned *row_times, *id_times;
    atomic_size_t last_slab;
    atomic_bool wrong;
} given;

static void take_rows(void *ctx, size_t slab, size_t width, size_t n, const uint32_t *rows, const real *grad) {
    given *g = ctx;
    const sage_model_shape *s = &g->model->shape;
    if (slab < g->last_slab || width != sage_slab_width(s->dim_embed, slab)) g->wrong = true;
    g->last_slab = slab;
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && rows[i] <= rows[i - 1]) g->wrong = true;
        memcpy(g->rows + rows[i] * s->dim_embed + slab * SAGE_SLAB, grad + i * width, width * sizeof(real));
        g->row_times[rows[i] * sage_slabs(s->dim_embed) + slab]++;
        /* as an optimiser does: nothing that comes later may read it */
        for (size_t c = 0; c < width; c++)
            g->model->table[sage_slab_at(s->rows, s->dim_embed, rows[i], slab * SAGE_SLAB + c)] = (real)NAN;
    }
}

static void take_ids(void *ctx, size_t n, const uint32_t *ids, const real *grad) {
    given *g = ctx;
    size_t hashes = g->model->shape.hashes;
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && ids[i] <= ids[i - 1]) g->wrong = true;
        memcpy(g->ids + ids[i] * hashes, grad + i * hashes, hashes * sizeof(real));
        g->id_times[ids[i]]++;
    }
}

static given *given_new(const sage_model *model) {
    const sage_model_shape *s = &model->shape;
    given *g = calloc(1, sizeof *g);
    g->model = model;
    g->rows = calloc(s->rows * s->dim_embed, sizeof(real));
    g->ids = calloc(s->vocab * s->hashes, sizeof(real));
    g->row_times = calloc(s->rows * sage_slabs(s->dim_embed), sizeof(unsigned));
    g->id_times = calloc(s->vocab, sizeof(unsigned));
    return g;
}

static void given_free(given *g) {
    free(g->rows);
    free(g->ids);
    free(g->row_times);
    free(g->id_times);
    free(g);
}

static given *scattered(sage_model *model, sage_work *work) {
    const sage_model_shape *s = &model->shape;
    size_t values = s->rows * s->dim_embed;
    real *before = malloc(values * sizeof *before);
    given *g = given_new(model);
    sage_row_sink sink = {g, take_rows, take_ids};
    memcpy(before, model->table, values * sizeof *before);
    sage_model_scatter(model, work, &sink);
    memcpy(model->table, before, values * sizeof *before);
    free(before);
    assert_false(g->wrong);
    return g;
}

/* Gradients of the sums: any numbers. */
static real *made_gradients(size_t dim) {
    real *d = malloc((BAGS + QUERIES) * dim * sizeof *d);
    sage_rng rng;
    sage_rng_seed(&rng, 7, dim);
    for (size_t i = 0; i < (BAGS + QUERIES) * dim; i++) d[i] = (real)sage_rng_normal(&rng);
    return d;
}

static void check_gradients(const sage_model *model, const batch *b, const real *d, const given *g) {
    size_t dim = model->shape.dim_embed, hashes = model->shape.hashes, slabs = sage_slabs(dim);
    double *rows = calloc(model->shape.rows * dim, sizeof *rows), *ids = calloc(VOCAB * hashes, sizeof *ids);
    bool *row_used = calloc(model->shape.rows, sizeof *row_used), id_used[VOCAB] = {false};
    for (size_t bag = 0; bag < BAGS + QUERIES; bag++) {
        size_t n;
        const uint32_t *id = bag_ids(b, bag, &n);
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < hashes; k++) {
                size_t row = plain_row(model, id[i], k);
                row_used[row] = id_used[id[i]] = true;
                for (size_t c = 0; c < dim; c++) {
                    rows[row * dim + c] += (double)model->importance[id[i] * hashes + k] * (double)d[bag * dim + c];
                    ids[id[i] * hashes + k] += table_at(model, row, c) * (double)d[bag * dim + c];
                }
            }
    }
    for (size_t i = 0; i < model->shape.rows * dim; i++) close_to("row gradient", i, rows[i], g->rows[i]);
    for (size_t i = 0; i < VOCAB * hashes; i++) close_to("weight gradient", i, ids[i], g->ids[i]);
    for (size_t r = 0; r < model->shape.rows * slabs; r++) assert_int_equal(g->row_times[r], row_used[r / slabs]);
    for (size_t i = 0; i < VOCAB; i++) assert_int_equal(g->id_times[i], id_used[i]);
    free(rows);
    free(ids);
    free(row_used);
}

/* A whole round on plain sums: gather, sort, gradients handed in by chunks, scatter. */
static given *round_of(sage_model *model, const batch *b, const real *d, sage_pool *pool, real *sums) {
    sage_work *work = fitted(model, b, pool);
    size_t dim = model->shape.dim_embed;
    real *chunk = malloc((BAGS + QUERIES) * dim * sizeof *chunk);
    assert_int_equal(bags_gather(model, work, &b->text, &b->queries, NULL), SAGE_OK);
    bags_tokens(model, work, 0, BAGS + QUERIES, sums);
    for (size_t task = 0; task < SORT_TASKS; task++) bags_sort(model, work, task);
    for (size_t begin = 0, end; begin < BAGS + QUERIES; begin = end) {
        end = begin + 90 < BAGS + QUERIES ? begin + 90 : BAGS + QUERIES;
        memcpy(chunk, d + begin * dim, (end - begin) * dim * sizeof *chunk);
        bags_back(model, work, begin, end, chunk, 0);
    }
    given *g = scattered(model, work);
    free(chunk);
    sage_work_free(work);
    return g;
}

static void sums_and_gradients_are_the_plain_ones(void **state) {
    static const size_t dims[] = {8, 32, 64, 72, 33};
    (void)state;
    batch *b = calloc(1, sizeof *b);
    make_batch(b);
    for (size_t i = 0; i < 2 * sizeof dims / sizeof dims[0]; i++) {
        size_t dim = dims[i / 2];
        sage_model *model = made(dim, 1 + i % 2, true);
        real *d = made_gradients(dim), *sums = malloc((BAGS + QUERIES) * dim * sizeof *sums);
        given *g = round_of(model, b, d, NULL, sums);
        check_sums(model, b, sums);
        check_gradients(model, b, d, g);
        given_free(g);
        free(d);
        free(sums);
        sage_model_free(model);
    }
    free(b);
}

static void threads_change_no_bit(void **state) {
    enum { DIM = 72 };
    (void)state;
    batch *b = calloc(1, sizeof *b);
    make_batch(b);
    real *d = made_gradients(DIM), *sums = malloc((BAGS + QUERIES) * DIM * sizeof *sums);
    real *again = malloc((BAGS + QUERIES) * DIM * sizeof *again);
    for (size_t hashes = 1; hashes <= 2; hashes++) {
        sage_model *model = made(DIM, hashes, true);
        given *alone = round_of(model, b, d, NULL, sums);
        for (size_t threads = 2; threads <= 5; threads++) {
            sage_pool *pool;
            assert_int_equal(sage_pool_new(threads, &pool, NULL), SAGE_OK);
            given *g = round_of(model, b, d, pool, again);
            assert_memory_equal(sums, again, (BAGS + QUERIES) * DIM * sizeof *sums);
            assert_memory_equal(alone->rows, g->rows, model->shape.rows * DIM * sizeof(real));
            assert_memory_equal(alone->ids, g->ids, VOCAB * hashes * sizeof(real));
            given_free(g);
            sage_pool_free(pool);
        }
        given_free(alone);
        sage_model_free(model);
    }
    free(b);
    free(d);
    free(sums);
    free(again);
}

/* ---- the layer norm ---- */

static void tokens_come_back_with_the_same_bits(void **state) {
    enum { DIM = 40 };
    (void)state;
    batch *b = calloc(1, sizeof *b);
    make_batch(b);
    sage_model *model = made(DIM, 2, false);
    sage_work *work = fitted(model, b, NULL);
    const real *gain = par(model, P_TEXT_GAIN), *bias = par(model, P_TEXT_BIAS);
    real *e = malloc((BAGS + QUERIES) * DIM * sizeof *e), *again = malloc((BAGS + QUERIES) * DIM * sizeof *again);
    double sums[DIM];
    assert_int_equal(bags_gather(model, work, &b->text, &b->queries, NULL), SAGE_OK);
    real first[DIM];
    memcpy(first, work->bags.hat, sizeof first);
    bags_norm(model, work, 0, 70, e);
    bags_norm(model, work, 70, BAGS + QUERIES, e + 70 * DIM);
    bags_tokens(model, work, 0, BAGS + QUERIES, again);
    assert_memory_equal(e, again, (BAGS + QUERIES) * DIM * sizeof *e);
    double mean = 0, variance = 0;
    for (size_t c = 0; c < DIM; c++) mean += (double)first[c] / DIM;
    for (size_t c = 0; c < DIM; c++) variance += ((double)first[c] - mean) * ((double)first[c] - mean) / DIM;
    for (size_t c = 0; c < DIM; c++) sums[c] = ((double)first[c] - mean) / sqrt(variance + 1e-5);
    for (size_t c = 0; c < DIM; c++) close_to("e", c, (double)gain[c] * sums[c] + (double)bias[c], e[c]);
    for (size_t c = 0; c < DIM; c++) assert_true(e[2 * DIM + c] == bias[c]); /* an empty bag */
    free(b);
    free(e);
    free(again);
    sage_work_free(work);
    sage_model_free(model);
}

/* The norm's gain and bias, from parts that two chunks and the queries bring. */
static void norm_gradients_are_sums_of_parts(void **state) {
    enum { DIM = 40, PRODUCT_CHUNKS = 2 };
    (void)state;
    batch *b = calloc(1, sizeof *b);
    make_batch(b);
    sage_model *model = made(DIM, 1, false);
    sage_work *work;
    batch_sizes sizes = {
        .products = ROWS + 1, .text_bags = BAGS, .queries = QUERIES, .query_bags = QUERIES, .ids = b->ids_in_all};
    assert_int_equal(sage_work_new(NULL, SAGE_PRECISION_F32, &work, NULL), SAGE_OK);
    assert_int_equal(work_fit(work, &model->shape, &sizes, NULL), SAGE_OK);
    real *e = malloc((BAGS + QUERIES) * DIM * sizeof *e), *d = made_gradients(DIM), *used = made_gradients(DIM);
    real *dense = calloc(model->dense_size, sizeof *dense);
    for (int round = 0; round < 2; round++) { /* the second begins with empty parts again */
        memset(dense, 0, model->dense_size * sizeof *dense);
        memcpy(used, d, (BAGS + QUERIES) * DIM * sizeof *d);
        assert_int_equal(bags_gather(model, work, &b->text, &b->queries, NULL), SAGE_OK);
        bags_norm(model, work, 0, BAGS + QUERIES, e);
        bags_back(model, work, 100, BAGS, used + 100 * DIM, 1);
        bags_back(model, work, BAGS, BAGS + QUERIES, used + BAGS * DIM, PRODUCT_CHUNKS);
        bags_back(model, work, 0, 100, used, 0);
        bags_norm_grads(model, work, PRODUCT_CHUNKS + 1, dense);
    }
    for (size_t c = 0; c < DIM; c++) {
        double gain = 0, bias = 0;
        for (size_t i = 0; i < BAGS + QUERIES; i++) {
            gain += (double)d[i * DIM + c] * (double)work->bags.hat[i * DIM + c];
            bias += (double)d[i * DIM + c];
        }
        close_to("gain", c, gain, par_in(model, dense, P_TEXT_GAIN)[c]);
        close_to("bias", c, bias, par_in(model, dense, P_TEXT_BIAS)[c]);
    }
    free(b);
    free(e);
    free(d);
    free(used);
    free(dense);
    sage_work_free(work);
    sage_model_free(model);
}

static void nothing_in_the_bags(void **state) {
    (void)state;
    static const uint32_t begin[BAGS + 1] = {0};
    batch b = {.text = {BAGS, NULL, begin}};
    for (size_t hashes = 1; hashes <= 2; hashes++) {
        sage_model *model = made(33, hashes, true);
        sage_work *work = fitted(model, &b, NULL);
        assert_int_equal(bags_gather(model, work, &b.text, NULL, NULL), SAGE_OK);
        for (size_t i = 0; i < BAGS * 33; i++) assert_true(work->bags.hat[i] == 0);
        for (size_t task = 0; task < SORT_TASKS; task++) bags_sort(model, work, task);
        given *g = scattered(model, work);
        for (size_t i = 0; i < VOCAB; i++) assert_int_equal(g->id_times[i], 0);
        given_free(g);
        sage_work_free(work);
        sage_model_free(model);
    }
}

static void bad_bags_are_refused(void **state) {
    (void)state;
    batch *b = calloc(1, sizeof *b);
    make_batch(b);
    sage_model *model = made(8, 2, true);
    sage_work *work = fitted(model, b, NULL);
    sage_error error;
    b->query_ids[7] = VOCAB + 3;
    b->query_ids[9] = VOCAB;
    assert_int_equal(bags_gather(model, work, &b->text, &b->queries, &error), SAGE_E_ARGUMENT);
    assert_non_null(strstr(error.text, "id 303 "));
    b->query_ids[7] = b->query_ids[9] = 0;
    assert_int_equal(bags_gather(model, work, &b->text, &b->queries, &error), SAGE_OK);
    b->begin[10] = b->begin[9] - 1;
    assert_int_equal(bags_gather(model, work, &b->text, &b->queries, &error), SAGE_E_ARGUMENT);
    assert_non_null(strstr(error.text, "bag 9 "));
    free(b);
    sage_work_free(work);
    sage_model_free(model);
}

/* ---- sorting, hashing ---- */

/* Keys of one digit, of two and of three. */
static void uses_are_sorted(void **state) {
    static const size_t rows[] = {1, 90, 2048, 2049, 100000, (size_t)1 << 22, ((size_t)1 << 22) + 5};
    (void)state;
    batch *b = calloc(1, sizeof *b);
    make_batch(b);
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        sage_model_shape shape = {.vocab = HASH_PRIME - 7, .rows = rows[r], .hashes = 2, .dim_embed = 1};
        sage_model model = {.shape = shape}; /* no table: nothing is gathered */
        sage_model *real_model = made(8, 2, true);
        sage_work *work = fitted(real_model, b, NULL);
        bag_acts *a = &work->bags;
        assert_int_equal(bags_gather(real_model, work, &b->text, &b->queries, NULL), SAGE_OK);
        size_t uses = 2 * b->ids_in_all;
        uint32_t *row = malloc(uses * sizeof *row), *once = calloc(uses, sizeof *once);
        sage_rng rng;
        sage_rng_seed(&rng, 8, r);
        real *weight = malloc(uses * sizeof *weight);
        memcpy(weight, a->weight, uses * sizeof *weight);
        for (size_t i = 0; i < uses; i++) row[i] = a->rows[i] = (uint32_t)sage_rng_below(&rng, rows[r]);
        model.shape.rows = rows[r];
        uint32_t *unique = malloc(uses * sizeof *unique), *start = malloc((uses + 1) * sizeof *start);
        void *scratch = sage_alloc_aligned(sort_bytes(&shape, b->ids_in_all));
        a->sorting = scratch; /* the work was laid out for 90 rows and 300 ids */
        a->by_row.unique = unique;
        a->by_row.start = start;
        for (size_t task = 0; task < SORT_TASKS; task++) bags_sort(&model, work, task);
        for (size_t g = 0; g < a->by_row.n; g++) {
            assert_true(g == 0 || unique[g - 1] < unique[g]);
            assert_true(start[g] < start[g + 1]);
            for (size_t i = start[g]; i < start[g + 1]; i++) {
                uint32_t use = a->by_row.use[i], bag = a->by_row.bag[i];
                assert_int_equal(row[use], unique[g]);
                assert_true(i == start[g] || a->by_row.use[i - 1] < use);
                assert_true(a->by_row.weight[i] == weight[use]);
                assert_true(a->begin[bag] <= use / 2 && use / 2 < a->begin[bag + 1]);
                once[use]++;
            }
        }
        for (size_t i = 0; i < uses; i++) assert_int_equal(once[i], 1);
        for (size_t i = 0, last = 0; i < b->ids_in_all; i++) {
            uint32_t position = a->by_id[i] & ~ID_BEGINS, id = id_at(a, position);
            assert_true(i == 0 || last < id || (last == id && (a->by_id[i - 1] & ~ID_BEGINS) < position));
            assert_true(((a->by_id[i] & ID_BEGINS) != 0) == (i == 0 || last != id));
            last = id;
        }
        free(row);
        free(weight);
        free(once);
        free(unique);
        free(start);
        sage_free(scratch);
        sage_work_free(work);
        sage_model_free(real_model);
    }
    free(b);
}

static void hashing_is_a_remainder(void **state) {
    static const size_t rows[] = {1, 2, 3, 1000, 65536, 100000, 999983, HASH_PRIME - 1, HASH_PRIME};
    (void)state;
    sage_rng rng;
    sage_rng_seed(&rng, 9, 0);
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        sage_model model = {.shape = {.rows = rows[r], .hashes = 2}, .rows_inverse = UINT64_MAX / rows[r] + 1};
        for (size_t i = 0; i < 20000; i++) {
            uint32_t id = (uint32_t)sage_rng_below(&rng, HASH_PRIME);
            model.hash[1] = (hash_fn){1 + sage_rng_below(&rng, HASH_PRIME - 1), sage_rng_below(&rng, HASH_PRIME)};
            assert_int_equal(hash_row(&model, id, 1), plain_row(&model, id, 1));
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_and_gradients_are_the_plain_ones),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(tokens_come_back_with_the_same_bits),
        cmocka_unit_test(norm_gradients_are_sums_of_parts),
        cmocka_unit_test(nothing_in_the_bags),
        cmocka_unit_test(bad_bags_are_refused),
        cmocka_unit_test(uses_are_sorted),
        cmocka_unit_test(hashing_is_a_remainder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
