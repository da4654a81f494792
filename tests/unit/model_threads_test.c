/* A whole step's loss and gradients: the same bits for any number of threads. */
#include <base/rng.h>
#include <model/pass.h>
#include <stdlib.h>
#include <string.h>
#include <support/encoders.h>
#include <support/test.h>

enum {
    PAIRS = LOSS_BLOCK + 60,
    RANDOM = 80,
    PRODUCTS = PAIRS + RANDOM,
    IDS = 4,
    IMAGE = 40,
    SENTENCE = 24,
    PICTURES = 150,
    LOOKED = 70,
    USERS = 100,
    EVENTS = 9,
    OUT = 72
};

typedef struct step_case {
    uint32_t ids[PRODUCTS * IDS], begin[PRODUCTS + 1], token_begin[PRODUCTS + 1], image_begin[PRODUCTS + 1];
    uint8_t field[PRODUCTS];
    uint32_t user_begin[USERS + 1];
    uint8_t user_kind[USERS * EVENTS];
    float user_age[USERS * EVENTS];
    real vectors[USERS * EVENTS * OUT];
    real images[PRODUCTS * IMAGE], sentences[PRODUCTS * SENTENCE];
    sage_product_batch products;
    sage_query_batch queries;
    sage_loss_spec spec;
} step_case;

/* Every product has one text and one sentence; every other one a picture. The last queries are pictures. */
static step_case *step_case_of(size_t vocab) {
    step_case *s = calloc(1, sizeof *s);
    sage_rng rng;
    sage_rng_seed(&rng, 11, 0);
    assert_non_null(s);
    for (size_t i = 0; i < PRODUCTS; i++) {
        s->token_begin[i + 1] = (uint32_t)(i + 1);
        for (size_t k = 0; k < IDS; k++) s->ids[i * IDS + k] = (uint32_t)sage_rng_below(&rng, vocab);
        s->begin[i + 1] = (uint32_t)((i + 1) * IDS);
        s->field[i] = (uint8_t)(i % SAGE_FIELDS);
        s->image_begin[i + 1] = s->image_begin[i] + i % 2;
    }
    for (size_t i = 0; i < PRODUCTS * IMAGE; i++) s->images[i] = (real)sage_rng_normal(&rng);
    for (size_t i = 0; i < PRODUCTS * SENTENCE; i++) s->sentences[i] = (real)sage_rng_normal(&rng);
    s->products = (sage_product_batch){PRODUCTS, s->token_begin, s->field, {PRODUCTS, s->ids, s->begin}};
    s->products.group[0] = (sage_group_rows){s->image_begin, s->images};
    s->products.group[1] = (sage_group_rows){s->token_begin, s->sentences};
    s->queries = (sage_query_batch){.n_texts = PAIRS - PICTURES,
                                    .n_pictures = PICTURES,
                                    .bags = {PAIRS - PICTURES, s->ids, s->begin},
                                    .sentences = s->sentences + SENTENCE,
                                    .pictures = s->images};
    s->spec = (sage_loss_spec){
        .n_pairs = PAIRS, .n_random = RANDOM, .n_prefixes = 2, .prefixes = {9, 40}, .prefix_weight = (real)0.3};
    return s;
}

/* The last queries are products and users, who did 0 .. EVENTS things. */
static void ask(step_case *s) {
    sage_rng rng;
    sage_rng_seed(&rng, 12, 0);
    for (size_t u = 0; u < USERS; u++) s->user_begin[u + 1] = s->user_begin[u] + (uint32_t)(u % (EVENTS + 1));
    for (size_t e = 0; e < USERS * EVENTS; e++) {
        s->user_kind[e] = (uint8_t)(e % 4);
        s->user_age[e] = (float)(e % 50);
    }
    for (size_t i = 0; i < USERS * EVENTS * OUT; i++) s->vectors[i] = (real)(sage_rng_normal(&rng) / 8);
    s->queries.n_texts = s->queries.bags.n = PAIRS - PICTURES - LOOKED - USERS;
    s->queries.n_looked = LOOKED;
    s->queries.looked = s->vectors;
    s->queries.n_users = USERS;
    s->queries.user_begin = s->user_begin;
    s->queries.user_vectors = s->vectors;
    s->queries.user_kind = s->user_kind;
    s->queries.user_age = s->user_age;
}

/* So that nothing stands at zero, as what a tower adds does at first. */
static void stir(sage_model *model) {
    sage_rng rng;
    sage_rng_seed(&rng, 13, 0);
    for (size_t i = 0; i < sage_model_dense_size(model); i++)
        sage_model_dense(model)[i] += (real)(0.05 * sage_rng_normal(&rng));
}

static sage_grads *step_of(const sage_model *model, const step_case *s, size_t threads, sage_precision precision,
                           sage_loss *loss) {
    sage_pool *pool;
    sage_work *work;
    sage_grads *grads;
    assert_int_equal(sage_pool_new(threads, &pool, NULL), SAGE_OK);
    assert_int_equal(sage_work_new(pool, precision, &work, NULL), SAGE_OK);
    assert_int_equal(sage_grads_new(model, &grads, NULL), SAGE_OK);
    assert_int_equal(sage_model_step(model, work, &s->products, &s->queries, &s->spec, grads, loss, NULL), SAGE_OK);
    sage_work_free(work);
    sage_pool_free(pool);
    return grads;
}

/* Wide enough for products that are cut, and for several blocks of rows. */
static void threads_change_no_bit_of(double beside, bool people, int encoder) {
    sage_model_shape shape = {.vocab = 120,
                              .rows = 50,
                              .hashes = 2,
                              .dim_embed = 40,
                              .dim_model = 512,
                              .heads = 4,
                              .dim_ff = 24,
                              .dim_head = 300,
                              .dim_out = OUT,
                              .n_groups = 2,
                              .groups = {{SAGE_GROUP_PICTURES, IMAGE}, {SAGE_GROUP_SENTENCES, SENTENCE}},
                              .beside = beside,
                              .product_tower = people,
                              .user_events = people ? EVENTS : 0,
                              .user_dim = 64,
                              .user_layers = 2,
                              .user_heads = 4};
    sage_model *model;
    step_case *s = step_case_of(shape.vocab);
    shape = encoder_number(shape, encoder);
    assert_int_equal(sage_model_new(&shape, NULL, NULL, 3, &model, NULL), SAGE_OK);
    if (people) ask(s);
    stir(model);
    for (sage_precision precision = SAGE_PRECISION_F32; precision <= SAGE_PRECISION_BF16; precision++) {
        sage_loss loss, same;
        sage_grads *alone = step_of(model, s, 1, precision, &loss);
        assert_int_equal(alone->n_ids, shape.vocab);
        for (size_t threads = 2; threads <= 4; threads++) {
            sage_grads *g = step_of(model, s, threads, precision, &same);
            assert_memory_equal(&loss, &same, sizeof loss);
            assert_memory_equal(alone->dense, g->dense, sage_model_dense_size(model) * sizeof(real));
            assert_int_equal(alone->n_rows, g->n_rows);
            assert_memory_equal(alone->row_grad, g->row_grad, g->n_rows * shape.dim_embed * sizeof(real));
            assert_memory_equal(alone->id_grad, g->id_grad, g->n_ids * shape.hashes * sizeof(real));
            sage_grads_free(g);
        }
        sage_grads_free(alone);
    }
    sage_model_free(model);
    free(s);
}

static void threads_change_no_bit(void **state) {
    (void)state;
    threads_change_no_bit_of(0, false, 0);
}

static void nor_with_sentences_beside(void **state) {
    (void)state;
    threads_change_no_bit_of(0.5, false, 0);
}

static void nor_with_products_and_users_that_ask(void **state) {
    (void)state;
    threads_change_no_bit_of(0, true, 0);
    threads_change_no_bit_of(0.5, true, 0);
}

static void nor_with_other_encoders(void **state) {
    (void)state;
    for (int e = 1; e < ENCODERS; e++) threads_change_no_bit_of(e % 2 ? 0 : 0.5, false, e);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_change_no_bit), cmocka_unit_test(nor_with_sentences_beside),
        cmocka_unit_test(nor_with_other_encoders), cmocka_unit_test(nor_with_products_and_users_that_ask)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
