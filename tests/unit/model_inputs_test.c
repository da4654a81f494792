/* Texts alone or pictures alone: a product's vector is that of the product without the rest, in training's batches and
 * in those of inference, where equal texts are summed once. */
#include <math.h>
#include <model/model.h>
#include <oracle/random_batch.h>
#include <stdlib.h>
#include <support/test.h>
#include <support/vectors.h>

static const sage_model_shape with_all = {.vocab = 60,
                                          .tokens = 6,
                                          .rows = 20,
                                          .hashes = 2,
                                          .dim_embed = 8,
                                          .dim_model = 12,
                                          .heads = 3,
                                          .dim_ff = 9,
                                          .dim_head = 7,
                                          .dim_out = 8,
                                          .n_groups = 2,
                                          .groups = {{SAGE_GROUP_PICTURES, 5}, {SAGE_GROUP_SENTENCES, 4}}};

enum { PAIRS = 8, RANDOM = 9, PRODUCTS = PAIRS + RANDOM, DIM = 8 };

static sage_model *model_that_reads(sage_inputs inputs) {
    sage_model_shape shape = with_all;
    sage_model *model;
    shape.inputs = inputs;
    assert_int_equal(sage_model_new(&shape, NULL, NULL, 3, &model, NULL), SAGE_OK);
    rb_randomise(model, 5);
    return model;
}

/* What of the batch is read, by hand; tokens of texts are gone, own ones stay. */
static void strip(random_batch *b, sage_inputs inputs) {
    size_t tokens = 0, ids = 0;
    uint32_t begin[RB_PRODUCTS_MAX + 1] = {0}, bag[RB_TOKENS_MAX + 1] = {0};
    b->products.group[inputs == SAGE_INPUTS_TEXT ? 0 : 1].begin = NULL;
    if (inputs == SAGE_INPUTS_TEXT) return;
    for (size_t i = 0; i < PRODUCTS; i++, begin[i] = (uint32_t)tokens)
        for (size_t t = b->token_begin[i]; t < b->token_begin[i + 1]; t++) {
            if (b->field[t] != SAGE_FIELD_TOKEN) continue;
            b->field[tokens] = SAGE_FIELD_TOKEN;
            b->ids[ids++] = b->ids[b->bag_begin[t]]; /* of earlier places only */
            bag[++tokens] = (uint32_t)ids;
        }
    memcpy(b->token_begin, begin, sizeof begin);
    memcpy(b->bag_begin, bag, sizeof bag);
    b->products.text.n = tokens;
}

static void same_vectors(const sage_model *a, const sage_product_batch *of_a, const sage_model *b,
                         const sage_product_batch *of_b) {
    real x[PRODUCTS * DIM], y[PRODUCTS * DIM];
    assert_int_equal(vectors_of_products(a, NULL, of_a, x, NULL), SAGE_OK);
    assert_int_equal(vectors_of_products(b, NULL, of_b, y, NULL), SAGE_OK);
    for (size_t i = 0; i < PRODUCTS * DIM; i++) assert_true(fabs((double)(x[i] - y[i])) < 1e-6);
}

/* Bags backwards, each id once with how often it counts, a bag that two tokens share. */
static void merged(const random_batch *b, sage_product_batch *out) {
    static uint32_t ids[RB_IDS_MAX], times[RB_IDS_MAX], begin[RB_TOKENS_MAX + 2], token_bag[RB_TOKENS_MAX];
    size_t tokens = b->products.text.n, at = 0;
    for (size_t bag = 0; bag < tokens; bag++) {
        size_t from = tokens - 1 - bag, first = at;
        token_bag[from] = (uint32_t)bag;
        for (size_t i = b->bag_begin[from]; i < b->bag_begin[from + 1]; i++) {
            size_t same = first;
            while (same < at && ids[same] != b->ids[i]) same++;
            if (same == at) {
                ids[at] = b->ids[i];
                times[at++] = 0;
            }
            times[same]++;
        }
        begin[bag + 1] = (uint32_t)at;
    }
    *out = b->products;
    out->text = (sage_bags){tokens, ids, begin, times};
    out->token_bag = token_bag;
}

static void the_rest_is_as_if_absent(void **state) {
    (void)state;
    sage_model *all = model_that_reads(SAGE_INPUTS_ALL);
    for (sage_inputs inputs = SAGE_INPUTS_TEXT; inputs <= SAGE_INPUTS_PICTURES; inputs++) {
        sage_model *model = model_that_reads(inputs);
        random_batch *b = calloc(1, sizeof *b), *stripped = calloc(1, sizeof *stripped);
        sage_product_batch packed;
        rb_fill(b, &with_all, PAIRS, RANDOM, 9);
        rb_fill(stripped, &with_all, PAIRS, RANDOM, 9);
        strip(stripped, inputs);
        same_vectors(model, &b->products, all, &stripped->products);
        merged(b, &packed);
        same_vectors(model, &packed, all, &stripped->products);
        free(b);
        free(stripped);
        sage_model_free(model);
    }
    sage_model_free(all);
}

static void products_speak_by_what_is_read(void **state) {
    (void)state;
    const uint32_t token_begin[] = {0, 1, 1, 1, 2, 2}, ids[] = {3, 61}, bag_begin[] = {0, 1, 2};
    const uint32_t pictures[] = {0, 0, 1, 1, 1, 1}, sentences[] = {0, 0, 0, 1, 1, 1};
    const uint8_t field[] = {SAGE_TITLE, SAGE_FIELD_TOKEN};
    const real vectors[5] = {1};
    const sage_product_batch batch = {
        5, token_begin, field, {2, ids, bag_begin}, NULL, {{pictures, vectors}, {sentences, vectors}}};
    /* of a text, a picture, a sentence, a token of its own, nothing */
    static const bool speaks[][5] = {
        {true, true, true, true, false}, {true, false, true, true, false}, {false, true, false, true, false}};
    for (size_t inputs = 0; inputs < 3; inputs++) {
        sage_model *model = model_that_reads((sage_inputs)inputs);
        real out[5 * DIM];
        for (size_t i = 0; i < 5; i++)
            assert_true(sage_product_speaks(sage_model_shape_of(model), &batch, i) == speaks[inputs][i]);
        assert_int_equal(vectors_of_products(model, NULL, &batch, out, NULL), SAGE_OK);
        for (size_t i = 0; i < 5; i++) /* CLS alone is one vector */
            assert_true((memcmp(out + i * DIM, out + 4 * DIM, DIM * sizeof *out) != 0) == speaks[inputs][i]);
        sage_model_free(model);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_rest_is_as_if_absent),
                                       cmocka_unit_test(products_speak_by_what_is_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
