/* Search texts with vectors of the shop's own: they come with the dataset, and are what batches ask with. */
#include "dataset_fake.h"

#include <dataset/sampler_impl.h>
#include <features/given.h>
#include <math.h>

enum { DIM = 4, TEXTS = 30 };

/* Vectors of `n` keys of a surface, "oak 0" .. , that of number i mostly along its own direction. */
static void give_to(sage_surface surface, const char *format, size_t n) {
    static float vectors[TEXTS * DIM];
    char text[TEXTS * 16] = "", path[SAGE_PATH_MAX], npy[SAGE_PATH_MAX], ids[SAGE_PATH_MAX];
    sage_error error;
    for (size_t i = 0; i < n; i++) {
        snprintf(text + strlen(text), 32, format, i);
        for (size_t d = 0; d < DIM; d++) vectors[i * DIM + d] = (float)(i + 1) * (d == i % DIM ? 2 : 1);
    }
    fake_vectors("q.npy", vectors, n, DIM);
    snprintf(npy, sizeof npy, "%s", scratch_path(fake_dir, "q.npy"));
    snprintf(ids, sizeof ids, "%s", scratch_path(fake_dir, "q.txt"));
    scratch_write(ids, text, strlen(text));
    assert_int_equal(sage_fs_mkdir(scratch_path(fake_dir, "given"), NULL), SAGE_OK);
    assert_int_equal(sage_given_path(path, fake_dir, surface, NULL), SAGE_OK);
    if (sage_given_write(path, surface, npy, ids, &error) != SAGE_OK) fail_msg("%s", error.text);
}

static void give(size_t n) {
    give_to(SAGE_ON_SEARCH, "oak %zu\n", n);
}

static void take_away(void) {
    assert_int_equal(sage_fs_remove_tree(scratch_path(fake_dir, "given"), NULL), SAGE_OK);
}

static bool points_along(const float *vector, size_t number) {
    return vector != NULL && vector[number % DIM] > vector[(number + 1) % DIM];
}

static sage_catalog *shop(void) {
    sage_catalog *catalog = fake_new();
    for (int i = 0; i < 50; i++) {
        char text[32];
        sage_product_row *row = fake_product(catalog, "oak table");
        snprintf(text, sizeof text, "oak %d", i % TEXTS);
        for (int k = 0; k < 3; k++) fake_event(catalog, SAGE_ON_SEARCH, text, row->pid, (sage_event_kind)k, 1);
    }
    fake_sort_events(catalog);
    return catalog;
}

static void texts_come_with_their_vectors(void **state) {
    (void)state;
    sage_catalog *catalog = shop();
    sage_options *options = fake_options();
    sage_packed_query query;
    size_t with = 0, without = 0;
    give(TEXTS / 2);
    uint64_t id = fake_build(catalog, options);
    sage_dataset *dataset = fake_open(id);
    assert_int_equal(sage_dataset_given_dim(dataset), DIM);
    for (size_t i = 0; i < sage_dataset_queries(dataset); i++) {
        sage_dataset_query(dataset, i, &query);
        size_t number = strtoul(query.text.data + 4, NULL, 10);
        if (number < TEXTS / 2) {
            assert_non_null(query.given);
            assert_true(query.given[number % DIM] > query.given[(number + 1) % DIM]);
            with++;
        } else {
            assert_null(query.given);
            without++;
        }
    }
    assert_true(with > 0 && without > 0);
    sage_dataset_close(dataset);
    /* Other vectors make another dataset; none wanted makes one without. */
    assert_true(sage_dataset_fresh(fake_dir, id, sage_catalog_revision(catalog), options, NULL));
    fake_set(options, "search_vectors=off");
    assert_false(sage_dataset_fresh(fake_dir, id, sage_catalog_revision(catalog), options, NULL));
    uint64_t plain = fake_build(catalog, options);
    dataset = fake_open(plain);
    assert_int_equal(sage_dataset_given_dim(dataset), 0);
    sage_dataset_close(dataset);
    assert_true(sage_dataset_fresh(fake_dir, plain, sage_catalog_revision(catalog), options, NULL));
    fake_set(options, "search_vectors=on");
    give(TEXTS);
    assert_false(sage_dataset_fresh(fake_dir, id, sage_catalog_revision(catalog), options, NULL));
    sage_options_free(options);
    free(catalog);
}

/* Users u 0 .. u 39 and products of the ids p 0 .. p 49; the first ones of each, and product queries, have vectors. */
static void every_surface_has_its_vectors(void **state) {
    (void)state;
    sage_catalog *catalog = shop();
    sage_options *options = fake_options();
    sage_packed_query query;
    sage_packed_user user;
    char text[32];
    size_t looked = 0;
    take_away();
    for (size_t i = 0; i < 50; i++) {
        snprintf(text, sizeof text, "p %zu", i);
        catalog->products[i].id = fake_text(catalog, text);
    }
    for (int i = 0; i < 40; i++) {
        snprintf(text, sizeof text, "u %d", i);
        for (int k = 0; k < 3; k++) fake_act(catalog, text, 10 + 10 * ((i + k) % 50), SAGE_CLICK, 1000 * k);
        snprintf(text, sizeof text, "%d", 10 * (i % 20 + 1)); /* the fake's way to name a product in the log */
        fake_event(catalog, SAGE_ON_PRODUCT, text, 10 * (i % 7 + 1), SAGE_CLICK, 1);
    }
    fake_sort_events(catalog);
    give_to(SAGE_ON_USER, "u %zu\n", 20);
    give_to(SAGE_ON_PRODUCT, "p %zu\n", 20);
    uint64_t id = fake_build(catalog, options);
    sage_dataset *dataset = fake_open(id);
    assert_int_equal(sage_dataset_given_dim(dataset), DIM);
    assert_int_equal(sage_dataset_given_count(dataset, SAGE_ON_USER), 20);
    assert_int_equal(sage_dataset_given_count(dataset, SAGE_ON_SEARCH), 0);
    for (size_t i = 0; i < 50; i++) {
        if (i < 20)
            assert_true(points_along(sage_dataset_given_product(dataset, i), i));
        else
            assert_null(sage_dataset_given_product(dataset, i));
    }
    assert_int_equal(sage_dataset_users(dataset), 40);
    for (size_t i = 0; i < 40; i++) {
        sage_dataset_user(dataset, i, &user);
        size_t number = strtoul(user.id.data + 2, NULL, 10);
        if (number < 20)
            assert_true(points_along(sage_dataset_given_user(dataset, i), number));
        else
            assert_null(sage_dataset_given_user(dataset, i));
    }
    sage_dataset_close(dataset);
    assert_true(sage_dataset_fresh(fake_dir, id, sage_catalog_revision(catalog), options, NULL));
    give_to(SAGE_ON_USER, "u %zu\n", 21);
    assert_false(sage_dataset_fresh(fake_dir, id, sage_catalog_revision(catalog), options, NULL));
    /* A query of the log finds its vector by the id that the log names. */
    give_to(SAGE_ON_PRODUCT, "%zu0\n", 10);
    dataset = fake_open(fake_build(catalog, options));
    for (size_t i = 0; i < sage_dataset_queries(dataset); i++) {
        sage_dataset_query(dataset, i, &query);
        if (query.surface != SAGE_ON_PRODUCT) {
            assert_null(query.given);
            continue;
        }
        snprintf(text, sizeof text, "%.*s", (int)query.text.len, query.text.data);
        size_t number = strtoul(text, NULL, 10) / 10;
        assert_true(number < 10 ? points_along(query.given, number) : query.given == NULL);
        looked++;
    }
    assert_true(looked > 0);
    sage_dataset_close(dataset);
    take_away();
    sage_options_free(options);
    free(catalog);
}

static bool is_positive(const sage_packed_query *query, uint32_t product) {
    for (size_t i = 0; i < query->n_positives; i++)
        if (query->positives[i] == product) return true;
    return false;
}

static void check_given_rows(const sage_dataset *dataset, const sage_sampler *sampler, const sage_batch *b) {
    for (size_t i = 0, first = b->n_pairs - b->n_given; i < b->n_given; i++) {
        sage_packed_query query;
        sage_dataset_query(dataset, sampler->query[first + i], &query);
        assert_int_equal(b->task[first + i] / SAGE_EVENT_KINDS, SAGE_ON_SEARCH);
        assert_int_equal(query.part, SAGE_TRAIN);
        assert_non_null(query.given);
        assert_memory_equal(b->given + i * DIM, query.given, DIM * sizeof *query.given);
        assert_true(b->weight[first + i] > 0);
        assert_true(is_positive(&query, b->product[first + i]));
    }
}

/* Of the rows that ask by the tower; returns how many have something to follow. */
static size_t check_followed(const sage_dataset *dataset, const sage_sampler *sampler, const sage_batch *b) {
    static const float nothing[DIM];
    const sage_given *given = dataset->given.of[SAGE_ON_SEARCH];
    size_t followed = 0, silent = 0;
    for (size_t row = 0; row < b->n_pairs - b->n_given; row++) {
        sage_packed_query query = {.given = NULL};
        sage_str text;
        if (sampler->query[row] != UINT32_MAX) sage_dataset_query(dataset, sampler->query[row], &query);
        if (sage_given_text(sampler, row, &text)) { /* for nothing else: it has no answer */
            assert_int_equal(b->task[row], SAGE_TASK_CATALOGUE);
            assert_true(b->weight[row] == 0 && b->query_begin[row + 1] > b->query_begin[row]);
            query.given = sage_given_find(given, text);
            assert_non_null(query.given);
            silent++;
        }
        const float *wanted = query.given != NULL ? query.given : nothing;
        assert_memory_equal(b->follow + row * DIM, wanted, sizeof nothing);
        followed += query.given != NULL;
    }
    assert_int_equal(silent, sampler->given.n_texts);
    return followed;
}

/* Rows that ask with given vectors stand behind those of the tower, which goes on asking, and follows. */
static void batches_ask_with_them(void **state) {
    (void)state;
    sage_catalog *catalog = shop();
    sage_options *options = fake_options();
    const sage_batch *b;
    sage_sampler *sampler, *twin;
    size_t followed = 0;
    give(TEXTS / 2);
    sage_dataset *dataset = fake_open(fake_build(catalog, options));
    fake_set(options, "batch=40");
    assert_int_equal(sage_sampler_new(dataset, options, NULL, 3, &sampler, NULL), SAGE_OK);
    assert_int_equal(sage_sampler_twin(sampler, NULL, &twin, NULL), SAGE_OK);
    for (uint64_t step = 0; step < 30; step++) {
        assert_int_equal(sage_sampler_batch(step % 2 ? twin : sampler, step, &b, NULL), SAGE_OK);
        assert_int_equal(b->n_texts + b->n_pictures + b->n_looked + b->n_users + b->n_given, b->n_pairs);
        assert_true(b->n_texts > 24 && b->n_given > 0); /* 24 are made of the catalogue */
        check_given_rows(dataset, step % 2 ? twin : sampler, b);
        followed += check_followed(dataset, step % 2 ? twin : sampler, b);
    }
    assert_true(followed > 0);
    sage_sampler_free(twin);
    sage_sampler_free(sampler);
    fake_set(options, "given_share=0");
    assert_int_equal(sage_sampler_new(dataset, options, NULL, 3, &sampler, NULL), SAGE_OK);
    assert_int_equal(sage_sampler_batch(sampler, 0, &b, NULL), SAGE_OK);
    assert_int_equal(b->n_given, 0);
    assert_true(check_followed(dataset, sampler, b) > sampler->given.n_texts && sampler->given.n_texts > 0);
    sage_sampler_free(sampler);
    fake_set(options, "follow_share=0");
    assert_int_equal(sage_sampler_new(dataset, options, NULL, 3, &sampler, NULL), SAGE_OK);
    assert_int_equal(sage_sampler_batch(sampler, 0, &b, NULL), SAGE_OK);
    assert_true(check_followed(dataset, sampler, b) > 0 && sampler->given.n_texts == 0);
    sage_sampler_free(sampler);
    sage_dataset_close(dataset);
    sage_options_free(options);
    free(catalog);
}

/* Searches by pictures "view 0" .. of which nothing is kept but that the shop has vectors for half of them, and, where
 * products have pictures, some by a picture that was seen. */
static sage_catalog *shop_of_pictures(bool seen) {
    sage_catalog *catalog = fake_new();
    char link[32];
    assert_int_equal(sage_fs_mkdir(scratch_path(fake_dir, "pictures"), NULL), SAGE_OK);
    fake_vectors("pictures/v.npy", (float[]){1, 0, 0, 1, 1, 1}, 3, 2);
    fake_vectors("pictures/seen.npy", (float[]){1, 1, 1, 0}, 2, 2);
    for (size_t i = 0; i < 60; i++) {
        sage_product_row *row = fake_product(catalog, "oak table");
        if (!seen) continue;
        row->n_images = 1;
        row->images[0] = (sage_image_ref){"v.npy", i % 3, ""};
    }
    for (int i = 0; i < 40; i++) {
        snprintf(link, sizeof link, "view %d", i % TEXTS);
        fake_event(catalog, SAGE_ON_IMAGE, link, 10 * (i + 1), (sage_event_kind)(i % 3), 1);
        if (seen) fake_event(catalog, SAGE_ON_IMAGE, i % 2 ? "0" : "1", 10 * (i + 1), SAGE_CLICK, 1);
    }
    fake_sort_events(catalog);
    return catalog;
}

static void pictures_need_not_be_seen(void **state) {
    (void)state;
    for (int seen = 0; seen < 2; seen++) {
        sage_catalog *catalog = shop_of_pictures(seen != 0);
        sage_options *options = fake_options();
        sage_packed_query query;
        const sage_batch *b;
        sage_sampler *sampler, *twin;
        size_t asked = 0;
        take_away();
        give_to(SAGE_ON_IMAGE, "view %zu\n", TEXTS / 2);
        fake_set(options, "holdout=0");
        sage_dataset *dataset = fake_open(fake_build(catalog, options));
        assert_int_equal(sage_dataset_queries(dataset), TEXTS / 2 + (seen ? 2 : 0));
        assert_int_equal(sage_dataset_query_pictures(dataset), seen ? 2 : 0);
        for (size_t i = 0; i < sage_dataset_queries(dataset); i++) {
            sage_dataset_query(dataset, i, &query);
            assert_true((query.picture != NULL) != (query.given != NULL));
        }
        fake_set(options, "batch=40");
        assert_int_equal(sage_sampler_new(dataset, options, NULL, 3, &sampler, NULL), SAGE_OK);
        assert_int_equal(sage_sampler_twin(sampler, NULL, &twin, NULL), SAGE_OK);
        for (uint64_t step = 0; step < 10; step++) {
            assert_int_equal(sage_sampler_batch(step % 2 ? twin : sampler, step, &b, NULL), SAGE_OK);
            assert_int_equal(b->n_texts + b->n_pictures + b->n_given, b->n_pairs);
            assert_true(seen ? b->n_pictures > 0 : b->n_pictures == 0);
            for (size_t row = 0; row < b->n_pairs; row++) {
                bool picture = b->task[row] / SAGE_EVENT_KINDS == SAGE_ON_IMAGE && b->task[row] < SAGE_TASKS;
                if (!picture) continue;
                sage_dataset_query(dataset, (step % 2 ? twin : sampler)->query[row], &query);
                bool last = row >= b->n_pairs - b->n_given;
                assert_true(last == (query.given != NULL));
                if (last)
                    assert_memory_equal(b->given + (row - (b->n_pairs - b->n_given)) * DIM, query.given,
                                        DIM * sizeof *query.given);
                asked += last;
            }
        }
        assert_true(asked > 0);
        sage_sampler_free(twin);
        sage_sampler_free(sampler);
        sage_dataset_close(dataset);
        sage_options_free(options);
        free(catalog);
    }
    take_away();
}

/* Nobody searched: all rows are made of the catalogue, and ask by the tower. */
static void a_cold_shop_is_trained(void **state) {
    (void)state;
    sage_catalog *catalog = fake_new();
    sage_options *options = fake_options();
    sage_sampler *sampler;
    const sage_batch *b;
    for (int i = 0; i < 30; i++) fake_product(catalog, "oak table");
    give(TEXTS);
    sage_dataset *dataset = fake_open(fake_build(catalog, options));
    assert_int_equal(sage_sampler_new(dataset, options, NULL, 3, &sampler, NULL), SAGE_OK);
    assert_true(sage_sampler_cold_start(sampler));
    assert_int_equal(sage_sampler_batch(sampler, 0, &b, NULL), SAGE_OK);
    assert_int_equal(b->n_texts, b->n_pairs);
    assert_int_equal(check_followed(dataset, sampler, b), (b->n_pairs + 2) / 4);
    sage_sampler_free(sampler);
    sage_dataset_close(dataset);
    sage_options_free(options);
    free(catalog);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_come_with_their_vectors), cmocka_unit_test(every_surface_has_its_vectors),
        cmocka_unit_test(batches_ask_with_them),         cmocka_unit_test(pictures_need_not_be_seen),
        cmocka_unit_test(a_cold_shop_is_trained),
    };
    return cmocka_run_group_tests(tests, fake_setup, fake_teardown);
}
