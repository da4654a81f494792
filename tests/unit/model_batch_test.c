/* Products laid out as a batch: every token has its ids and field, equal bags are there once, and the vectors are those
 * of a batch with a bag a token. */
#include "support/test.h"
#include "support/vectors.h"
#include <base/alloc.h>
#include <base/rng.h>
#include <math.h>
#include <model/batch.h>
#include <stdlib.h>
#include <string.h>

enum { PRODUCTS = 3000, IDS_MAX = 40, VOCAB = 500, DIM = 8, IMAGE_DIM = 4 };

typedef struct product {
    uint32_t ids[IDS_MAX], begin[SAGE_FIELDS + 1];
    size_t n_images;
    float images[2 * IMAGE_DIM];
} product;

static product products[PRODUCTS];

/* Fields of the even products come from few texts, those of the others are nearly all different; some have none. */
static void make_products(void) {
    sage_rng rng;
    sage_rng_seed(&rng, 7, 0);
    for (size_t i = 0; i < PRODUCTS; i++) {
        product *p = &products[i];
        uint32_t n = 0;
        for (size_t f = 0; f < SAGE_FIELDS; f++) {
            size_t here = sage_rng_below(&rng, 4), text = sage_rng_below(&rng, 9);
            p->begin[f] = n;
            for (size_t k = 0; k < here; k++)
                p->ids[n++] = i % 2 == 0 ? (uint32_t)(text * 5 + k) : (uint32_t)sage_rng_below(&rng, VOCAB);
        }
        p->begin[SAGE_FIELDS] = n;
        p->n_images = i % 3;
        for (size_t k = 0; k < p->n_images * IMAGE_DIM; k++) p->images[k] = (float)sage_rng_unit(&rng) - 0.5f;
    }
}

static const sage_model_shape no_groups = {0},
                              with_images = {.n_groups = 1, .groups = {{SAGE_GROUP_PICTURES, IMAGE_DIM}}};

static sage_batch_builder *build(const sage_model_shape *shape, size_t begin, size_t end) {
    sage_batch_builder *builder;
    assert_int_equal(sage_batch_builder_new(shape, &builder, NULL), SAGE_OK);
    for (size_t i = begin; i < end; i++) {
        const product *p = &products[i];
        const sage_group_vectors groups[] = {{p->n_images, p->images}};
        assert_int_equal(sage_batch_builder_add(builder, p->ids, p->begin, groups, NULL), SAGE_OK);
    }
    return builder;
}

static void expect_product(const sage_product_batch *batch, size_t at, const product *p) {
    size_t token = batch->token_begin[at];
    for (size_t f = 0; f < SAGE_FIELDS; f++) {
        size_t n = p->begin[f + 1] - p->begin[f];
        if (n == 0) continue;
        uint32_t bag = batch->token_bag[token];
        assert_int_equal(batch->token_field[token++], f);
        assert_true(bag < batch->text.n);
        assert_int_equal(batch->text.begin[bag + 1] - batch->text.begin[bag], n);
        assert_memory_equal(batch->text.ids + batch->text.begin[bag], p->ids + p->begin[f], n * sizeof *p->ids);
    }
    assert_int_equal(batch->token_begin[at + 1], token);
}

/* In the order of their bytes, equal bags are neighbours. */
static const sage_bags *sorted_bags;
static int by_content(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    const uint32_t *begin = sorted_bags->begin;
    size_t n_x = begin[x + 1] - begin[x], n_y = begin[y + 1] - begin[y];
    if (n_x != n_y) return n_x < n_y ? -1 : 1;
    return memcmp(sorted_bags->ids + begin[x], sorted_bags->ids + begin[y], n_x * sizeof(uint32_t));
}

static void expect_distinct(const sage_bags *bags) {
    uint32_t *order = sage_alloc((bags->n + 1) * sizeof *order);
    for (size_t i = 0; i < bags->n; i++) order[i] = (uint32_t)i;
    sorted_bags = bags;
    qsort(order, bags->n, sizeof *order, by_content);
    for (size_t i = 1; i < bags->n; i++) assert_int_not_equal(by_content(&order[i - 1], &order[i]), 0);
    sage_free(order);
}

static void every_token_finds_its_ids_and_equal_bags_are_one(void **state) {
    (void)state;
    sage_product_batch batch;
    sage_batch_builder *builder = build(&with_images, 0, PRODUCTS);
    size_t images = 0, seen = 0;
    sage_batch_builder_batch(builder, &batch);
    assert_int_equal(batch.n, PRODUCTS);
    for (size_t i = 0; i < PRODUCTS; i++) {
        const product *p = &products[i];
        expect_product(&batch, i, p);
        assert_int_equal(batch.group[0].begin[i], images);
        for (size_t k = 0; k < p->n_images * IMAGE_DIM; k++)
            assert_true(batch.group[0].vectors[images * IMAGE_DIM + k] == (real)p->images[k]);
        images += p->n_images;
    }
    assert_int_equal(batch.group[0].begin[PRODUCTS], images);
    size_t tokens = batch.token_begin[PRODUCTS];
    assert_true(batch.text.n < tokens * 3 / 4 && batch.text.n > 4096); /* many are equal, and the table has grown */
    for (size_t t = 0; t < tokens; t++) {                              /* numbered as they first occur */
        assert_true(batch.token_bag[t] <= seen);
        seen += batch.token_bag[t] == seen;
    }
    assert_int_equal(seen, batch.text.n);
    expect_distinct(&batch.text);
    sage_batch_builder_free(builder);
}

/* Any number of vectors of each group, none of some. */
static void vectors_of_every_group(void **state) {
    enum { N = 40 };
    static const size_t dims[] = {3, 7, 2};
    static const sage_model_shape groups = {
        .n_groups = 3, .groups = {{SAGE_GROUP_PICTURES, 3}, {SAGE_GROUP_SENTENCES, 7}, {SAGE_GROUP_SENTENCES, 2}}};
    (void)state;
    sage_batch_builder *builder;
    sage_product_batch batch;
    float values[4 * 7];
    assert_int_equal(sage_batch_builder_new(&groups, &builder, NULL), SAGE_OK);
    for (int round = 0; round < 2; round++) {
        size_t seen[3] = {0};
        for (size_t i = 0; i < N; i++) {
            sage_group_vectors of[3];
            for (size_t k = 0; k < sizeof values / sizeof *values; k++) values[k] = (float)(100 * i + k);
            for (size_t g = 0; g < 3; g++) of[g] = (sage_group_vectors){(i + g) % 4, (i + g) % 4 > 0 ? values : NULL};
            assert_int_equal(
                sage_batch_builder_add(builder, products[i].ids, products[i].begin, i == 5 ? NULL : of, NULL), SAGE_OK);
        }
        sage_batch_builder_batch(builder, &batch);
        for (size_t i = 0; i < N; i++)
            for (size_t g = 0; g < 3; g++) {
                size_t n = i == 5 ? 0 : (i + g) % 4;
                assert_int_equal(batch.group[g].begin[i], seen[g]);
                for (size_t k = 0; k < n * dims[g]; k++)
                    assert_true(batch.group[g].vectors[seen[g] * dims[g] + k] == (real)(100 * i + k));
                seen[g] += n;
                assert_int_equal(batch.group[g].begin[i + 1], seen[g]);
            }
        assert_null(batch.group[3].begin);
        sage_batch_builder_clear(builder);
    }
    sage_batch_builder_free(builder);
}

static void cleared_it_begins_anew(void **state) {
    (void)state;
    sage_product_batch batch;
    sage_batch_builder *builder = build(&no_groups, 0, 500);
    sage_batch_builder_clear(builder);
    sage_batch_builder_batch(builder, &batch);
    assert_int_equal(batch.n, 0);
    assert_int_equal(batch.text.n, 0);
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(sage_batch_builder_add(builder, products[i].ids, products[i].begin, NULL, NULL), SAGE_OK);
    sage_batch_builder_batch(builder, &batch);
    assert_int_equal(batch.n, 20);
    assert_null(batch.group[0].begin);
    for (size_t i = 0; i < 20; i++) expect_product(&batch, i, &products[i]);
    sage_batch_builder_free(builder);
}

/* The same batch with a bag a token. */
static void spread(const sage_product_batch *batch, sage_product_batch *flat, uint32_t **ids, uint32_t **begin) {
    size_t tokens = batch->token_begin[batch->n], n = 0;
    *ids = sage_alloc(tokens * IDS_MAX * sizeof **ids);
    *begin = sage_alloc((tokens + 1) * sizeof **begin);
    for (size_t t = 0; t < tokens; t++) {
        uint32_t bag = batch->token_bag[t];
        (*begin)[t] = (uint32_t)n;
        for (uint32_t at = batch->text.begin[bag]; at < batch->text.begin[bag + 1]; at++)
            (*ids)[n++] = batch->text.ids[at];
    }
    (*begin)[tokens] = (uint32_t)n;
    *flat = *batch;
    flat->token_bag = NULL;
    flat->text = (sage_bags){tokens, *ids, *begin};
}

static void vectors_do_not_know_of_shared_bags(void **state) {
    (void)state;
    static real shared[PRODUCTS][DIM], alone[PRODUCTS][DIM];
    const sage_model_shape shape = {.vocab = VOCAB,
                                    .rows = 200,
                                    .hashes = 2,
                                    .dim_embed = 40,
                                    .dim_model = 16,
                                    .heads = 2,
                                    .dim_ff = 16,
                                    .dim_head = 16,
                                    .dim_out = DIM,
                                    .n_groups = 1,
                                    .groups = {{SAGE_GROUP_PICTURES, IMAGE_DIM}}};
    sage_model *model;
    uint32_t *ids, *begin;
    sage_product_batch batch, flat;
    sage_batch_builder *builder = build(&with_images, 0, PRODUCTS);
    assert_int_equal(sage_model_new(&shape, NULL, NULL, 3, &model, NULL), SAGE_OK);
    sage_batch_builder_batch(builder, &batch);
    spread(&batch, &flat, &ids, &begin);
    assert_int_equal(vectors_of_products(model, NULL, &batch, shared[0], NULL), SAGE_OK);
    assert_int_equal(vectors_of_products(model, NULL, &flat, alone[0], NULL), SAGE_OK);
    assert_memory_equal(shared, alone, sizeof shared);
    sage_free(ids);
    sage_free(begin);
    sage_batch_builder_free(builder);
    sage_model_free(model);
}

/* A long description: ids that repeat, in two products alike, in a third with other times. */
enum { LONG = 400 };

static void long_bags_have_each_id_once(void **state) {
    (void)state;
    static uint32_t ids[3][LONG];
    uint32_t begin[SAGE_FIELDS + 1] = {0}, plain_begin[] = {0, LONG, 2 * LONG, 3 * LONG};
    real merged[3][DIM], apart[3][DIM];
    sage_model *model;
    sage_product_batch batch;
    sage_batch_builder *builder;
    const sage_model_shape shape = {.vocab = VOCAB,
                                    .rows = 200,
                                    .hashes = 2,
                                    .dim_embed = 40,
                                    .dim_model = 16,
                                    .heads = 2,
                                    .dim_ff = 16,
                                    .dim_head = 16,
                                    .dim_out = DIM};
    for (size_t i = 0; i < LONG; i++) {
        ids[0][i] = ids[1][i] = (uint32_t)(i * i % 97);
        ids[2][i] = i == LONG - 1 ? 0 : ids[0][i]; /* the same ids, one more of one */
    }
    assert_int_not_equal(ids[0][LONG - 1], 0);
    for (size_t f = 2; f <= SAGE_FIELDS; f++) begin[f] = LONG; /* all in field 1 */
    assert_int_equal(sage_batch_builder_new(&no_groups, &builder, NULL), SAGE_OK);
    for (size_t p = 0; p < 3; p++)
        assert_int_equal(sage_batch_builder_add(builder, ids[p], begin, NULL, NULL), SAGE_OK);
    sage_batch_builder_batch(builder, &batch);
    assert_int_equal(batch.text.n, 2);
    assert_int_equal(batch.token_bag[0], batch.token_bag[1]);
    assert_non_null(batch.text.times);
    for (size_t bag = 0; bag < 2; bag++) {
        size_t wanted[97] = {0}, total = 0;
        for (size_t i = 0; i < LONG; i++) wanted[ids[2 * bag][i]]++;
        for (size_t at = batch.text.begin[bag]; at < batch.text.begin[bag + 1]; at++) {
            assert_int_equal(batch.text.times[at], wanted[batch.text.ids[at]]);
            wanted[batch.text.ids[at]] = 0; /* not again */
            total += batch.text.times[at];
        }
        assert_int_equal(total, LONG);
    }
    assert_int_equal(sage_model_new(&shape, NULL, NULL, 3, &model, NULL), SAGE_OK);
    assert_int_equal(vectors_of_products(model, NULL, &batch, merged[0], NULL), SAGE_OK);
    const uint32_t tokens[] = {0, 1, 2, 3};
    const uint8_t fields[] = {1, 1, 1};
    const sage_product_batch flat = {
        .n = 3, .token_begin = tokens, .token_field = fields, .text = {3, ids[0], plain_begin}};
    assert_int_equal(vectors_of_products(model, NULL, &flat, apart[0], NULL), SAGE_OK);
    for (size_t p = 0; p < 3; p++)
        for (size_t k = 0; k < DIM; k++) assert_true(fabs((double)merged[p][k] - (double)apart[p][k]) < 1e-5);
    assert_memory_equal(merged[0], merged[1], sizeof merged[0]);
    assert_memory_not_equal(merged[0], merged[2], sizeof merged[0]);
    sage_batch_builder_free(builder);
    sage_model_free(model);
}

static void failed_allocations_are_errors(void **state) {
    (void)state;
    for (unsigned long n = 1;; n++) {
        sage_batch_builder *builder = NULL;
        sage_alloc_fail_from(n);
        sage_status st = sage_batch_builder_new(&with_images, &builder, NULL);
        for (size_t i = 0; st == SAGE_OK && i < PRODUCTS; i++) {
            const sage_group_vectors groups[] = {{products[i].n_images, products[i].images}};
            st = sage_batch_builder_add(builder, products[i].ids, products[i].begin, groups, NULL);
        }
        unsigned long made = sage_alloc_fail_from(0);
        sage_batch_builder_free(builder);
        if (st == SAGE_OK && made < n) break;
        assert_int_equal(st, SAGE_E_MEMORY);
    }
}

int main(void) {
    make_products();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_token_finds_its_ids_and_equal_bags_are_one),
        cmocka_unit_test(vectors_of_every_group),
        cmocka_unit_test(cleared_it_begins_anew),
        cmocka_unit_test(vectors_do_not_know_of_shared_bags),
        cmocka_unit_test(long_bags_have_each_id_once),
        cmocka_unit_test(failed_allocations_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
