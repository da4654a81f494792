/* Passes over batches: unit vectors whatever comes in, the same numbers in any company, the same bits every time, no
 * memory per step, and bad batches refused. */
#include <base/alloc.h>
#include <oracle/random_batch.h>
#include <stdlib.h>
#include <support/encoders.h>
#include <support/test.h>
#include <support/vectors.h>

static const sage_model_shape plain = {.vocab = 80,
                                       .rows = 80,
                                       .hashes = 1,
                                       .dim_embed = 16,
                                       .dim_model = 24,
                                       .heads = 4,
                                       .dim_ff = 20,
                                       .dim_head = 18,
                                       .dim_out = 16};
static const sage_model_shape hashed = {.vocab = 80,
                                        .rows = 32,
                                        .hashes = 2,
                                        .dim_embed = 16,
                                        .dim_model = 24,
                                        .heads = 3,
                                        .dim_ff = 20,
                                        .dim_head = 18,
                                        .dim_out = 12,
                                        .n_groups = 1,
                                        .groups = {{SAGE_GROUP_PICTURES, 6}}};
static const sage_model_shape grouped = {
    .vocab = 80,
    .rows = 80,
    .hashes = 1,
    .dim_embed = 16,
    .dim_model = 24,
    .heads = 4,
    .dim_ff = 20,
    .dim_head = 18,
    .dim_out = 16,
    .n_groups = 3,
    .groups = {{SAGE_GROUP_PICTURES, 6}, {SAGE_GROUP_PICTURES, 20}, {SAGE_GROUP_SENTENCES, 9}}};

static sage_model *made(const sage_model_shape *shape) {
    sage_model *model;
    assert_int_equal(sage_model_new(shape, NULL, NULL, 2, &model, NULL), SAGE_OK);
    rb_randomise(model, 2);
    return model;
}

static sage_work *work_of(sage_pool *pool) {
    sage_work *work;
    assert_int_equal(sage_work_new(pool, SAGE_PRECISION_F32, &work, NULL), SAGE_OK);
    return work;
}

static void is_unit(const real *x, size_t dim) {
    double square = 0;
    for (size_t c = 0; c < dim; c++) square += (double)x[c] * (double)x[c];
    if (!(fabs(square - 1) < 1e-5)) fail_msg("its square is %g", square);
}

static void near(const real *a, const real *b, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)a[i] - (double)b[i]) < 2e-5)) fail_msg("[%zu] %.9g and %.9g", i, (double)a[i], (double)b[i]);
}

/* As it starts, an empty query's bag is the zero vector. */
static void nothing_known_is_still_a_vector(void **state) {
    (void)state;
    const uint32_t begin[] = {0, 0, 0}, token_begin[] = {0, 0, 1};
    const uint8_t field[] = {SAGE_BRAND};
    sage_model *model;
    real out[2 * 16];
    assert_int_equal(sage_model_new(&plain, NULL, NULL, 2, &model, NULL), SAGE_OK);
    size_t n;
    const sage_param *params = sage_model_params(model, &n);
    sage_query_batch queries = {.n_texts = 1, .bags = {1, NULL, begin}};
    assert_int_equal(vectors_of_queries(model, NULL, &queries, out, NULL), SAGE_OK);
    is_unit(out, 16);
    sage_product_batch products = {2, token_begin, field, {1, NULL, begin}};
    assert_int_equal(vectors_of_products(model, NULL, &products, out, NULL), SAGE_OK);
    is_unit(out, 16);
    is_unit(out + 16, 16);
    /* Even a model of zeros. */
    for (size_t i = 0; i < n; i++)
        memset(sage_model_dense(model) + params[i].offset, 0, params[i].rows * params[i].cols * sizeof(real));
    assert_int_equal(vectors_of_products(model, NULL, &products, out, NULL), SAGE_OK);
    is_unit(out, 16);
    products = (sage_product_batch){0, token_begin, field, {0, NULL, begin}};
    assert_int_equal(vectors_of_products(model, NULL, &products, NULL, NULL), SAGE_OK);
    queries = (sage_query_batch){0};
    assert_int_equal(vectors_of_queries(model, NULL, &queries, NULL, NULL), SAGE_OK);
    sage_model_free(model);
}

/* 2,500 products pass in several pieces; each must come out as it does alone. */
static void company_does_not_matter(void **state) {
    enum { COPIES = 2500 };
    (void)state;
    sage_model *model = made(&hashed);
    sage_pool *pool;
    assert_int_equal(sage_pool_new(2, &pool, NULL), SAGE_OK);
    random_batch *b = calloc(1, sizeof *b);
    rb_fill(b, &hashed, 8, 9, 3);
    size_t n = b->products.n, dim = hashed.dim_out, image_dim = hashed.groups[0].dim, tokens = 0, ids = 0, images = 0,
           qs = 0;
    real *alone = malloc(n * dim * sizeof *alone), *alone_q = malloc(8 * dim * sizeof *alone_q);
    assert_int_equal(vectors_of_products(model, pool, &b->products, alone, NULL), SAGE_OK);
    assert_int_equal(vectors_of_queries(model, pool, &b->queries, alone_q, NULL), SAGE_OK);

    uint32_t *token_begin = calloc(COPIES + 1, 4), *begin = calloc(COPIES * 13 + 1, 4), *id = calloc(COPIES * 100, 4);
    uint32_t *image_begin = calloc(COPIES + 1, 4), *query_begin = calloc(COPIES + 1, 4),
             *query_ids = calloc(COPIES * 8, 4);
    uint8_t *field = calloc(COPIES * 13, 1);
    real *image = calloc(COPIES * 4 * image_dim, sizeof *image), *out = malloc(COPIES * dim * sizeof *out);
    for (size_t i = 0; i < COPIES; i++) {
        size_t from = i % n, q = i % 8;
        for (uint32_t t = b->token_begin[from]; t < b->token_begin[from + 1]; t++) {
            field[tokens++] = b->field[t];
            for (uint32_t p = b->bag_begin[t]; p < b->bag_begin[t + 1]; p++) id[ids++] = b->ids[p];
            begin[tokens] = (uint32_t)ids;
        }
        size_t add = b->group_begin[0][from + 1] - b->group_begin[0][from];
        memcpy(image + images * image_dim, b->vectors[0] + b->group_begin[0][from] * image_dim,
               add * image_dim * sizeof *image);
        images += add;
        token_begin[i + 1] = (uint32_t)tokens;
        image_begin[i + 1] = (uint32_t)images;
        for (uint32_t p = b->query_begin[q]; p < b->query_begin[q + 1]; p++) query_ids[qs++] = b->query_ids[p];
        query_begin[i + 1] = (uint32_t)qs;
    }
    sage_product_batch many = {COPIES, token_begin, field, {tokens, id, begin}};
    many.group[0] = (sage_group_rows){image_begin, image};
    assert_int_equal(vectors_of_products(model, pool, &many, out, NULL), SAGE_OK);
    for (size_t i = 0; i < COPIES; i++) {
        is_unit(out + i * dim, dim);
        near(out + i * dim, alone + i % n * dim, dim);
    }
    sage_query_batch many_queries = {.n_texts = COPIES, .bags = {COPIES, query_ids, query_begin}};
    assert_int_equal(vectors_of_queries(model, pool, &many_queries, out, NULL), SAGE_OK);
    for (size_t i = 0; i < COPIES; i++) near(out + i * dim, alone_q + i % 8 * dim, dim);

    void *all[] = {token_begin, begin, id, image_begin, query_begin, query_ids, field, image, out, alone, alone_q, b};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) free(all[i]);
    sage_pool_free(pool);
    sage_model_free(model);
}

static void same_bits_of(const sage_model_shape *shape, size_t pictures) {
    sage_model *model = made(shape);
    sage_pool *pool;
    assert_int_equal(sage_pool_new(3, &pool, NULL), SAGE_OK);
    random_batch *b = calloc(1, sizeof *b), *larger = calloc(1, sizeof *larger);
    rb_fill(b, shape, 9, 8, 4);
    rb_fill(larger, shape, 12, 5, 5);
    if (pictures > 0) rb_pictures(b, pictures);
    sage_grads *first, *again;
    sage_loss loss, loss_again;
    sage_work *work = work_of(pool);
    assert_int_equal(sage_grads_new(model, &first, NULL), SAGE_OK);
    assert_int_equal(sage_grads_new(model, &again, NULL), SAGE_OK);
    assert_int_equal(sage_model_step(model, work, &b->products, &b->queries, &b->spec, first, &loss, NULL), SAGE_OK);
    for (int round = 0; round < 20; round++) {
        /* a larger batch in between leaves nothing behind */
        assert_int_equal(
            sage_model_step(model, work, &larger->products, &larger->queries, &larger->spec, again, &loss_again, NULL),
            SAGE_OK);
        assert_int_equal(sage_model_step(model, work, &b->products, &b->queries, &b->spec, again, &loss_again, NULL),
                         SAGE_OK);
        assert_memory_equal(&loss, &loss_again, sizeof loss);
        assert_memory_equal(first->dense, again->dense, sage_model_dense_size(model) * sizeof(real));
        assert_int_equal(first->n_rows, again->n_rows);
        assert_memory_equal(first->rows, again->rows, first->n_rows * sizeof(uint32_t));
        assert_memory_equal(first->row_grad, again->row_grad, first->n_rows * shape->dim_embed * sizeof(real));
        assert_memory_equal(first->id_grad, again->id_grad, first->n_ids * shape->hashes * sizeof(real));
    }
    rb_fill(larger, shape, 9, 8, 5); /* other texts; of as many products and queries, as in training */
    if (pictures > 0) rb_pictures(larger, pictures);
    sage_work_free(work);
    work = work_of(NULL); /* alone: which worker first wants scratch of its own is chance */
    for (int round = 0; round < 2; round++) {
        sage_alloc_fail_from(round == 0 ? 0 : 1); /* by then there is memory enough for good */
        assert_int_equal(
            sage_model_step(model, work, &larger->products, &larger->queries, &larger->spec, again, &loss_again, NULL),
            SAGE_OK);
    }
    assert_int_equal(sage_alloc_fail_from(0), 0);
    sage_grads_free(first);
    sage_grads_free(again);
    sage_work_free(work);
    sage_pool_free(pool);
    sage_model_free(model);
    free(b);
    free(larger);
}

static void same_bits_every_time(void **state) {
    (void)state;
    same_bits_of(&hashed, 0);
    same_bits_of(&grouped, 0);
    same_bits_of(&grouped, 4);
    same_bits_of(&grouped, 9);
}

/* Half of the gradients of a batch: with pictures alone the search tower has none, with texts alone the pictures'. */
static void a_tower_without_rows_has_no_gradient(void **state) {
    (void)state;
    sage_model *model = made(&grouped);
    sage_work *work = work_of(NULL);
    sage_grads *grads;
    random_batch *b = calloc(1, sizeof *b);
    size_t n;
    const sage_param *params = sage_model_params(model, &n);
    assert_int_equal(sage_grads_new(model, &grads, NULL), SAGE_OK);
    for (size_t pictures = 0; pictures <= 8; pictures += 4) {
        sage_loss loss;
        size_t of_pictures = 0;
        rb_fill(b, &grouped, 8, 3, 6);
        rb_pictures(b, pictures);
        assert_int_equal(sage_model_step(model, work, &b->products, &b->queries, &b->spec, grads, &loss, NULL),
                         SAGE_OK);
        assert_int_equal(loss.towers, (pictures < 8) << SAGE_TOWER_SEARCH | (pictures > 0) << SAGE_TOWER_PICTURE);
        for (size_t i = 0; i < n; i++) {
            bool search = strncmp(params[i].name, "search.", 7) == 0, any = false;
            const real *grad = grads->dense + params[i].offset;
            for (size_t k = 0; k < params[i].rows * params[i].cols; k++) any = any || grad[k] != 0;
            bool picture = params[i].tower == SAGE_TOWER_PICTURE;
            of_pictures += picture;
            assert_true(search == (params[i].tower == SAGE_TOWER_SEARCH));
            if (search) assert_true(any == (pictures < 8));
            if (picture) assert_true(any == (pictures > 0));
        }
        assert_int_equal(of_pictures, 5);
    }
    sage_grads_free(grads);
    sage_work_free(work);
    sage_model_free(model);
    free(b);
}

/* Texts and pictures in one batch come out as they do alone; a row of zeros is no sentence at all. */
static void queries_of_both_kinds(void **state) {
    (void)state;
    sage_model *model = made(&grouped);
    size_t dim = grouped.dim_out, v = 26, s = 9;
    random_batch *b = calloc(1, sizeof *b);
    real both[12 * 16], one[16];
    rb_fill(b, &grouped, 12, 3, 8);
    rb_pictures(b, 5);
    assert_int_equal(vectors_of_queries(model, NULL, &b->queries, both, NULL), SAGE_OK);
    for (size_t i = 0; i < 12; i++) {
        sage_query_batch alone = {.bags = {.begin = b->query_begin}};
        if (i < 7)
            alone = (sage_query_batch){.n_texts = 1,
                                       .bags = {1, b->query_ids, b->query_begin + i},
                                       .sentences = i == 2 ? NULL : b->sentences + i * s};
        else
            alone = (sage_query_batch){.n_pictures = 1, .pictures = b->pictures + (i - 7) * v};
        assert_int_equal(vectors_of_queries(model, NULL, &alone, one, NULL), SAGE_OK);
        is_unit(one, dim);
        assert_memory_equal(one, both + i * dim, sizeof one);
    }
    sage_query_batch without = b->queries;
    real plain_text[12 * 16];
    without.sentences = NULL;
    assert_int_equal(vectors_of_queries(model, NULL, &without, plain_text, NULL), SAGE_OK);
    for (size_t i = 0; i < 12; i++) /* query 2 has none */
        assert_true((memcmp(plain_text + i * dim, both + i * dim, sizeof one) == 0) == (i == 2 || i >= 7));
    sage_model_free(model);
    free(b);
}

/* It was made without any group. */
static void queries_that_the_model_lacks(const sage_model *model, sage_work *work, random_batch *b, sage_grads *grads,
                                         real *out) {
    static const char *const says[] = {"picture", "sentence", "bags"};
    for (size_t i = 0; i < 3; i++) {
        sage_query_batch kept = b->queries;
        sage_error error = {0};
        sage_loss loss;
        if (i == 0) rb_pictures(b, 2);
        if (i == 1) b->queries.sentences = b->sentences;
        if (i == 2) b->queries.bags.n--;
        assert_int_equal(sage_model_step(model, work, &b->products, &b->queries, &b->spec, grads, &loss, &error),
                         SAGE_E_ARGUMENT);
        assert_non_null(strstr(error.text, says[i]));
        assert_int_equal(vectors_of_queries(model, NULL, &b->queries, out, NULL), SAGE_E_ARGUMENT);
        b->queries = kept;
    }
}

static void bad_batches(void **state) {
    (void)state;
    sage_model *model = made(&plain);
    sage_work *work = work_of(NULL);
    sage_grads *grads;
    sage_loss loss;
    sage_error error = {0};
    random_batch *b = calloc(1, sizeof *b);
    real out[RB_PRODUCTS_MAX * 16];
    assert_int_equal(sage_grads_new(model, &grads, NULL), SAGE_OK);
    rb_fill(b, &plain, 5, 5, 6);
    b->ids[3] = 80;
    assert_int_equal(vectors_of_products(model, NULL, &b->products, out, &error), SAGE_E_ARGUMENT);
    assert_non_null(strstr(error.text, "id 80"));
    assert_int_equal(sage_model_step(model, work, &b->products, &b->queries, &b->spec, grads, &loss, &error),
                     SAGE_E_ARGUMENT);
    b->ids[3] = 79;
    b->field[2] = SAGE_FIELDS;
    assert_int_equal(vectors_of_products(model, NULL, &b->products, out, &error), SAGE_E_ARGUMENT);
    assert_non_null(strstr(error.text, "field"));
    b->field[2] = 0;
    b->queries.bags.times = b->query_ids; /* merged ids are for inference */
    assert_int_equal(sage_model_step(model, work, &b->products, &b->queries, &b->spec, grads, &loss, &error),
                     SAGE_E_ARGUMENT);
    assert_non_null(strstr(error.text, "merged"));
    b->queries.bags.times = NULL;
    b->spec.n_random = 4;
    assert_int_equal(sage_model_step(model, work, &b->products, &b->queries, &b->spec, grads, &loss, &error),
                     SAGE_E_ARGUMENT);
    assert_non_null(strstr(error.text, "10 products"));
    b->spec.n_random = 5;
    static const size_t lengths[][2] = {{0, 1}, {2, 2}, {3, 2}, {2, 1000}};
    b->spec.n_prefixes = 2;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        memcpy(b->spec.prefixes, lengths[i], sizeof lengths[i]);
        assert_int_equal(sage_model_step(model, work, &b->products, &b->queries, &b->spec, grads, &loss, &error),
                         SAGE_E_ARGUMENT);
        assert_non_null(strstr(error.text, "prefixes"));
    }
    b->spec.n_prefixes = 0;
    b->products.text.n--;
    assert_int_equal(vectors_of_products(model, NULL, &b->products, out, &error), SAGE_E_ARGUMENT);
    b->products.text.n++;
    b->group_begin[0][b->products.n] = 2;
    b->products.group[0].begin = b->group_begin[0];
    assert_int_equal(vectors_of_products(model, NULL, &b->products, out, &error), SAGE_E_ARGUMENT);
    assert_non_null(strstr(error.text, "vectors of a group 1"));
    b->products.group[0].begin = NULL;
    queries_that_the_model_lacks(model, work, b, grads, out);
    assert_int_equal(sage_model_step(model, work, &b->products, &b->queries, &b->spec, grads, &loss, &error), SAGE_OK);
    sage_grads_free(grads);
    sage_work_free(work);
    sage_model_free(model);
    free(b);
}

static sage_status whole_step(const random_batch *b, sage_pool *pool) {
    sage_model *model = NULL;
    sage_work *work = NULL;
    sage_grads *grads = NULL;
    sage_loss loss;
    sage_status st = sage_model_new(&hashed, NULL, NULL, 1, &model, NULL);
    if (st == SAGE_OK) st = sage_work_new(pool, SAGE_PRECISION_F32, &work, NULL);
    if (st == SAGE_OK) st = sage_grads_new(model, &grads, NULL);
    if (st == SAGE_OK) st = sage_model_step(model, work, &b->products, &b->queries, &b->spec, grads, &loss, NULL);
    sage_grads_free(grads);
    sage_work_free(work);
    sage_model_free(model);
    return st;
}

static void memory_runs_out(void **state) {
    (void)state;
    random_batch *b = calloc(1, sizeof *b);
    unsigned long at = 0;
    sage_status st;
    rb_fill(b, &hashed, 5, 5, 7);
    b->spec.n_prefixes = 2;
    b->spec.prefixes[0] = 1;
    b->spec.prefixes[1] = 2;
    do {
        sage_alloc_fail_from(++at);
        st = whole_step(b, NULL);
        sage_alloc_fail_from(0);
        assert_true(st == SAGE_OK || st == SAGE_E_MEMORY);
    } while (st != SAGE_OK);
    assert_true(at > 8);
    free(b);
}

/* A few steps of plain descent on one batch must bring its loss down. */
static void descent_descends(void **state) {
    (void)state;
    sage_model *model = made(&plain);
    sage_work *work = work_of(NULL);
    sage_grads *grads;
    sage_loss loss;
    random_batch *b = calloc(1, sizeof *b);
    double before = 0;
    assert_int_equal(sage_grads_new(model, &grads, NULL), SAGE_OK);
    rb_fill(b, &plain, 8, 8, 8);
    for (int step = 0; step < 60; step++) {
        assert_int_equal(sage_model_step(model, work, &b->products, &b->queries, &b->spec, grads, &loss, NULL),
                         SAGE_OK);
        if (step == 0) before = loss.total;
        for (size_t i = 0; i < sage_model_dense_size(model); i++)
            sage_model_dense(model)[i] -= (real)0.02 * grads->dense[i];
        for (size_t r = 0; r < grads->n_rows; r++)
            for (size_t c = 0; c < plain.dim_embed; c++)
                sage_model_table(model)[grads->rows[r] * plain.dim_embed + c] -=
                    (real)0.02 * grads->row_grad[r * plain.dim_embed + c];
    }
    assert_true(loss.total < 0.7 * before);
    sage_grads_free(grads);
    sage_work_free(work);
    sage_model_free(model);
    free(b);
}

/* What a step will take is known before there is a model, and no less than it takes. */
static void keeps_within_its_need(const sage_model_shape *wide) {
    sage_model *model = made(wide);
    random_batch *b = calloc(1, sizeof *b);
    sage_grads *grads;
    assert_int_equal(sage_grads_new(model, &grads, NULL), SAGE_OK);
    for (size_t pictures = 0; pictures <= 16; pictures += 8) {
        sage_work *work = work_of(NULL);
        sage_loss loss;
        rb_fill(b, wide, 16, 20, 6);
        rb_pictures(b, pictures);
        size_t n = b->products.n,
               ids = b->products.text.begin[b->products.text.n] + b->queries.bags.begin[16 - pictures];
        sage_work_sizes sizes = {.products = n,
                                 .text_bags = b->products.text.n,
                                 .queries = 16,
                                 .pictures = pictures,
                                 .ids = ids,
                                 .columns = n};
        for (size_t g = 0; g < wide->n_groups; g++) sizes.vectors += b->products.group[g].begin[n];
        assert_int_equal(sage_model_step(model, work, &b->products, &b->queries, &b->spec, grads, &loss, NULL),
                         SAGE_OK);
        size_t need = sage_work_need(wide, 1, SAGE_PRECISION_F32, &sizes), bytes = sage_work_bytes(work);
        /* Where products are computed by plain loops (TSan's build), nothing is packed, and the need is above the use.
         */
        if (bytes > need || need > 2 * bytes) fail_msg("%zu pictures: %zu of %zu", pictures, bytes, need);
        sage_work_free(work);
    }
    sage_grads_free(grads);
    sage_model_free(model);
    free(b);
}

static void a_step_keeps_within_its_need(void **state) {
    static const sage_model_shape transformer = {.vocab = 80,
                                                 .rows = 80,
                                                 .hashes = 1,
                                                 .dim_embed = 64,
                                                 .dim_model = 128,
                                                 .heads = 2,
                                                 .dim_ff = 256,
                                                 .dim_head = 192,
                                                 .dim_out = 64,
                                                 .n_groups = 2,
                                                 .groups = {{SAGE_GROUP_PICTURES, 40}, {SAGE_GROUP_SENTENCES, 32}}};
    (void)state;
    for (int e = 0; e < ENCODERS; e++) {
        sage_model_shape wide = encoder_number(transformer, e);
        keeps_within_its_need(&wide);
    }
}

/* A catalogue without a word: its products are CLS and perhaps images, its queries nothing. */
static void a_step_without_ngrams(void **state) {
    (void)state;
    const uint32_t none[] = {0, 0, 0, 0};
    const sage_model_shape *shapes[] = {&plain, &hashed};
    for (size_t s = 0; s < 2; s++) {
        sage_model *model = made(shapes[s]);
        sage_work *work = work_of(NULL);
        sage_grads *grads;
        sage_loss loss;
        assert_int_equal(sage_grads_new(model, &grads, NULL), SAGE_OK);
        sage_product_batch products = {.n = 3, .token_begin = none, .text = {0, NULL, none}};
        sage_query_batch queries = {.n_texts = 2, .bags = {2, NULL, none}};
        sage_loss_spec spec = {.n_pairs = 2, .n_random = 1};
        assert_int_equal(sage_model_step(model, work, &products, &queries, &spec, grads, &loss, NULL), SAGE_OK);
        assert_true(isfinite(loss.total));
        assert_int_equal(grads->n_rows, 0);
        assert_int_equal(grads->n_ids, 0);
        sage_grads_free(grads);
        sage_work_free(work);
        sage_model_free(model);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_known_is_still_a_vector),
                                       cmocka_unit_test(company_does_not_matter),
                                       cmocka_unit_test(same_bits_every_time),
                                       cmocka_unit_test(a_tower_without_rows_has_no_gradient),
                                       cmocka_unit_test(queries_of_both_kinds),
                                       cmocka_unit_test(a_step_keeps_within_its_need),
                                       cmocka_unit_test(bad_batches),
                                       cmocka_unit_test(memory_runs_out),
                                       cmocka_unit_test(descent_descends),
                                       cmocka_unit_test(a_step_without_ngrams)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
