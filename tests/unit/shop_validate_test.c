/* What training is judged on where nothing is held out: made queries, and products' own pictures. */
#include "dataset_fake.h"

#include <math.h>
#include <shop/validate.h>

enum { DIM = 16, PRODUCTS = 120, SHOWN = 80, VECTORS = 800 };

typedef struct fixture {
    sage_catalog *catalog;
    sage_options *options;
    sage_dataset *dataset;
} fixture;

/* Random directions, named by row of the file; two files have the same ones. */
static void write_vectors(void) {
    static float values[VECTORS * DIM];
    sage_rng rng;
    sage_rng_seed(&rng, 5, 5);
    for (size_t i = 0; i < VECTORS * DIM; i++) values[i] = (float)sage_rng_unit(&rng) - 0.5f;
    sage_fs_mkdir(scratch_path(fake_dir, "pictures"), NULL); /* may be there */
    fake_vectors("pictures/v.npy", values, VECTORS, DIM);
    fake_vectors("pictures/seen.npy", values, VECTORS, DIM);
}

/* Every third product has no picture, the others have one of their own. Where nobody searched by text, pictures are all
 * that tells them apart. */
static fixture gallery(size_t products, size_t searches, size_t searches_by_picture) {
    fixture f = {searches > 0 ? fake_shop(products, searches, 3) : fake_new(), fake_options(), NULL};
    while (f.catalog->n_products < products) fake_product(f.catalog, "oak table");
    write_vectors();
    for (size_t i = 0; i < products; i++)
        if (i % 3 != 0)
            f.catalog->products[i].images[f.catalog->products[i].n_images++] = (sage_image_ref){"v.npy", i, ""};
    for (size_t i = 0; i < searches_by_picture; i++) {
        char link[32];
        snprintf(link, sizeof link, "%zu", i);
        fake_event(f.catalog, SAGE_ON_IMAGE, link, 10 * (1 + (int64_t)(i % products)), SAGE_CLICK, 1);
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

static sage_validation *validation_of(const fixture *f, const char *setting) {
    sage_validation *validation;
    sage_error error;
    fake_set(f->options, setting);
    if (sage_validation_new(f->dataset, f->options, NULL, NULL, NULL, &validation, &error) != SAGE_OK)
        fail_msg("%s", error.text);
    return validation;
}

/* Queries that are there with pictures in training, and not without. */
static size_t made_pictures(const fixture *f) {
    sage_validation *with = validation_of(f, "picture_share=0.5"), *without = validation_of(f, "picture_share=0");
    size_t n = sage_validation_vectors(with) - sage_validation_vectors(without);
    assert_true(sage_validation_vectors(without) > sage_dataset_products(f->dataset));
    sage_validation_free(with);
    sage_validation_free(without);
    return n;
}

static size_t held_out(const sage_dataset *dataset, sage_surface surface) {
    size_t n = 0;
    for (size_t i = 0; i < sage_dataset_queries(dataset); i++) {
        sage_packed_query query;
        sage_dataset_query(dataset, i, &query);
        n += query.part == SAGE_VALIDATION && query.surface == surface && query.n_positives > 0;
    }
    return n;
}

static void pictures_of_products_are_asked_for_where_nothing_is_held_out(void **state) {
    (void)state;
    fixture f = gallery(PRODUCTS, 0, 0);
    assert_int_equal(made_pictures(&f), SHOWN);
    release(&f);
}

static void no_more_than_five_hundred_of_them(void **state) {
    (void)state;
    fixture f = gallery(VECTORS, 0, 0);
    assert_int_equal(made_pictures(&f), 500);
    release(&f);
}

static void what_is_held_out_takes_their_place(void **state) {
    (void)state;
    fixture texts = gallery(PRODUCTS, 300, 0);
    assert_true(held_out(texts.dataset, SAGE_ON_SEARCH) > 0);
    assert_int_equal(made_pictures(&texts), 0);
    release(&texts);
    fixture pictures = gallery(PRODUCTS, 0, 200);
    assert_true(held_out(pictures.dataset, SAGE_ON_IMAGE) > 0);
    assert_int_equal(made_pictures(&pictures), 0);
    release(&pictures);
}

/* Untrained: a picture is searched for by the projection that its token has in its product. */
static sage_model *model_of(const sage_dataset *dataset) {
    const sage_vocab *vocab = sage_dataset_vocab(dataset);
    const sage_model_shape shape = {.vocab = sage_vocab_size(vocab),
                                    .rows = sage_vocab_size(vocab),
                                    .hashes = 1,
                                    .dim_embed = 32,
                                    .dim_model = 32,
                                    .heads = 2,
                                    .dim_ff = 32,
                                    .dim_head = 32,
                                    .dim_out = 32,
                                    .n_groups = 1,
                                    .groups = {{SAGE_GROUP_PICTURES, DIM}}};
    sage_options *options;
    sage_model *model;
    size_t n = 0;
    while (sage_model_options[n].key != NULL) n++;
    assert_int_equal(sage_options_over(sage_model_options, n, &options, NULL), SAGE_OK);
    assert_int_equal(sage_model_new(&shape, options, vocab, 1, &model, NULL), SAGE_OK);
    sage_options_free(options);
    return model;
}

/* Every query has one product, so hits are recall times queries. */
static double hits_of(const fixture *f, const sage_model *model, const char *setting, size_t *n) {
    sage_validation *validation = validation_of(f, setting);
    sage_recalls recalls = {.recall10 = 0};
    *n = sage_validation_vectors(validation) - sage_dataset_products(f->dataset);
    assert_int_equal(sage_validation_recall10(validation, model, &recalls, NULL), SAGE_OK);
    sage_validation_free(validation);
    return recalls.recall10 * (double)*n;
}

static void a_picture_looks_for_the_product_that_shows_it(void **state) {
    (void)state;
    fixture f = gallery(PRODUCTS, 0, 0);
    sage_model *model = model_of(f.dataset);
    size_t texts, all;
    double of_texts = hits_of(&f, model, "picture_share=0", &texts);
    double found = hits_of(&f, model, "picture_share=0.5", &all) - of_texts;
    assert_int_equal(all, texts + SHOWN);
    assert_true(fabs(found - round(found)) < 1e-6);
    assert_in_range((size_t)round(found), SHOWN * 3 / 4, SHOWN); /* by chance a twelfth */
    sage_model_free(model);
    release(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_of_products_are_asked_for_where_nothing_is_held_out),
        cmocka_unit_test(no_more_than_five_hundred_of_them),
        cmocka_unit_test(what_is_held_out_takes_their_place),
        cmocka_unit_test(a_picture_looks_for_the_product_that_shows_it),
    };
    return cmocka_run_group_tests(tests, fake_setup, fake_teardown);
}
