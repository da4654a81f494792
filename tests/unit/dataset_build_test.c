/* Building and opening a dataset: products, likeness, the split, positives and pairs, what is left out. */
#include "dataset_fake.h"

#include <dataset/files.h>
#include <math.h>

static sage_dataset *built(sage_catalog *catalog, const char *const *assignments, size_t n) {
    sage_options *options = fake_options();
    for (size_t i = 0; i < n; i++) fake_set(options, assignments[i]);
    uint64_t id = fake_build(catalog, options);
    sage_options_free(options);
    return fake_open(id);
}

static void expect_str(sage_str got, const char *wanted) {
    assert_int_equal(got.len, strlen(wanted));
    assert_memory_equal(got.data, wanted, got.len);
}

static void products_come_back(void **state) {
    (void)state;
    sage_catalog *catalog = fake_new();
    fake_product(catalog, "Oak TABLE");
    fake_product(catalog, "")->fields[SAGE_BRAND] = fake_text(catalog, "Arla");
    sage_product_row *third = fake_product(catalog, "oak chair");
    third->fields[SAGE_DESCRIPTION] = fake_text(catalog, "made of oak, with love");
    third->fields[SAGE_COLOR] = fake_text(catalog, "Red");
    third->fingerprint = (sage_fingerprint){3, 4};
    sage_dataset *d = built(catalog, NULL, 0);
    assert_int_equal(sage_dataset_products(d), 3);
    assert_int_equal(sage_dataset_pids(d)[2], 30);
    for (size_t i = 0; i < 3; i++)
        assert_memory_equal(&sage_dataset_fingerprints(d)[i], &catalog->products[i].fingerprint,
                            sizeof(sage_fingerprint));
    assert_int_equal(sage_dataset_image_dim(d), 0);
    assert_int_equal(sage_dataset_queries(d), 0);
    sage_packed_product p;
    sage_dataset_product(d, 0, &p);
    expect_str(p.text[SAGE_TITLE], "oak table");
    expect_str(p.text[SAGE_BRAND], "");
    const sage_vocab *vocab = sage_dataset_vocab(d);
    assert_int_equal(p.ids[0], sage_vocab_find(vocab, SAGE_WORD, "oak", 3));
    assert_int_equal(p.ids[1], sage_vocab_find(vocab, SAGE_WORD, "table", 5));
    assert_int_equal(sage_vocab_df(vocab, p.ids[0]), 2);
    assert_int_equal(sage_vocab_documents(vocab), 3);
    sage_dataset_product(d, 1, &p);
    assert_int_equal(p.begin[SAGE_TITLE + 1], 0);
    assert_int_equal(p.begin[SAGE_BRAND], 0);
    assert_true(p.begin[SAGE_BRAND + 1] > 0);
    sage_dataset_product(d, 2, &p);
    expect_str(p.text[SAGE_DESCRIPTION], "made of oak, with love");
    expect_str(p.text[SAGE_COLOR], "red");
    assert_int_equal(p.n_images, 0);
    size_t n;
    sage_dataset_words(d, 2, &n);
    assert_int_equal(n, 3); /* oak, chair, red: the description gives none */
    sage_dataset_info info;
    sage_dataset_describe(d, &info);
    assert_int_equal(info.catalogue_revision, 7);
    assert_int_equal(info.seed, 1);
    assert_true(info.holdout == 0.2);
    assert_false(info.simulated);
    sage_dataset_close(d);
    free(catalog);
}

static void likeness_joins_groups_fingerprints_and_titles(void **state) {
    (void)state;
    sage_catalog *catalog = fake_new();
    fake_product(catalog, "a")->item_group_id = SAGE_STR("g");
    fake_product(catalog, "b")->item_group_id = SAGE_STR("g"); /* group with 0 */
    fake_product(catalog, "B ");                               /* title with 1 */
    fake_product(catalog, "c")->fingerprint = (sage_fingerprint){1, 2};
    fake_product(catalog, "d")->fingerprint = (sage_fingerprint){1, 2}; /* fingerprint with 3 */
    fake_product(catalog, "e")->fingerprint = (sage_fingerprint){1, 3};
    fake_product(catalog, "");
    fake_product(catalog, ""); /* no title is no likeness */
    fake_product(catalog, "")->fingerprint = (sage_fingerprint){1, 4};
    fake_product(catalog, "")->fingerprint = (sage_fingerprint){1, 4}; /* nor are two nothings of one fingerprint */
    sage_dataset *d = built(catalog, NULL, 0);
    uint64_t same[10];
    for (size_t i = 0; i < 10; i++) {
        sage_packed_product p;
        sage_dataset_product(d, i, &p);
        same[i] = p.same;
    }
    assert_true(same[0] == same[1] && same[1] == same[2]);
    assert_true(same[3] == same[4]);
    const size_t apart[] = {0, 3, 5, 6, 7, 8, 9};
    for (size_t i = 0; i < 7; i++) {
        for (size_t j = 0; j < i; j++) assert_true(same[apart[i]] != same[apart[j]]);
    }
    sage_dataset_close(d);
    free(catalog);
}

/* Every event lies in exactly one part, with all its query (by hash); what the parts hold is what the catalogue holds.
 */
static void hash_split_keeps_every_event_and_leaks_none(void **state) {
    (void)state;
    sage_catalog *catalog = fake_shop(300, 3000, 5);
    sage_dataset *d = built(catalog, NULL, 0);
    size_t found = 0, unknown = 0, n_unknown = 0;
    for (size_t p = 0; p < SAGE_PARTS; p++) n_unknown += sage_dataset_unknown_pairs(d, (sage_part)p);
    for (size_t i = 0; i < catalog->n_events; i++) {
        const sage_event_row *row = &catalog->events[i];
        if (row->pid == 0) {
            unknown++;
            continue;
        }
        if (row->surface == SAGE_ON_USER) continue;
        unsigned task = row->surface * SAGE_EVENT_KINDS + row->kind;
        size_t hits = 0, parts = 0;
        for (size_t p = 0; p < SAGE_PARTS; p++) {
            size_t n;
            const sage_pair *pairs = sage_dataset_pairs(d, (sage_part)p, task, &n);
            bool here = false;
            for (size_t j = 0; j < n; j++) {
                sage_packed_query q;
                sage_dataset_query(d, pairs[j].query, &q);
                assert_int_equal(q.part, p);
                if (q.text.len != row->query.len || memcmp(q.text.data, row->query.data, q.text.len) != 0) continue;
                here = true;
                if (sage_dataset_pids(d)[pairs[j].product] != row->pid) continue;
                assert_int_equal(pairs[j].count, row->count);
                hits++;
            }
            parts += here;
        }
        assert_int_equal(hits, 1);
        assert_int_equal(parts, 1);
        found++;
    }
    size_t packed = 0;
    for (size_t p = 0; p < SAGE_PARTS; p++) {
        for (unsigned t = 0; t < SAGE_TASKS; t++) {
            size_t n;
            sage_dataset_pairs(d, (sage_part)p, t, &n);
            packed += n;
        }
    }
    assert_int_equal(packed, found);
    assert_int_equal(n_unknown, unknown);
    assert_true(unknown > 0);
    sage_dataset_close(d);
    free(catalog);
}

static void no_query_lies_in_two_parts(void **state) {
    (void)state;
    sage_catalog *catalog = fake_shop(300, 3000, 6);
    sage_dataset *d = built(catalog, NULL, 0);
    size_t n = sage_dataset_queries(d), of_part[SAGE_PARTS] = {0};
    for (size_t i = 0; i < n; i++) {
        sage_packed_query a, b;
        sage_dataset_query(d, i, &a);
        of_part[a.part]++;
        for (size_t j = 0; j < i; j++) {
            sage_dataset_query(d, j, &b);
            assert_true(a.surface != b.surface || a.text.len != b.text.len ||
                        memcmp(a.text.data, b.text.data, a.text.len) != 0);
        }
    }
    assert_true(of_part[SAGE_TRAIN] > n * 7 / 10 && of_part[SAGE_TRAIN] < n * 9 / 10);
    assert_true(of_part[SAGE_VALIDATION] > n / 25 && of_part[SAGE_TEST] > n / 25);
    sage_dataset_close(d);
    free(catalog);
}

static void positives_are_all_products_of_the_query(void **state) {
    (void)state;
    sage_catalog *catalog = fake_shop(300, 3000, 7);
    sage_dataset *d = built(catalog, NULL, 0);
    for (size_t i = 0; i < sage_dataset_queries(d); i++) {
        sage_packed_query q;
        sage_dataset_query(d, i, &q);
        size_t wanted = 0;
        int64_t last = 0;
        for (size_t e = 0; e < catalog->n_events; e++) {
            const sage_event_row *row = &catalog->events[e];
            if (row->surface != q.surface || row->pid == 0 || row->pid == last) continue;
            if (row->query.len != q.text.len || memcmp(row->query.data, q.text.data, q.text.len) != 0) continue;
            assert_true(wanted < q.n_positives);
            assert_int_equal(sage_dataset_pids(d)[q.positives[wanted++]], row->pid);
            last = row->pid;
        }
        assert_int_equal(wanted, q.n_positives);
        assert_true(q.surface != SAGE_ON_SEARCH || q.n_ids > 0); /* all words are the products' words */
        assert_true(q.surface == SAGE_ON_SEARCH || q.n_ids == 0);
    }
    sage_dataset_close(d);
    free(catalog);
}

static void by_time_the_newest_are_held_out(void **state) {
    (void)state;
    sage_catalog *catalog = fake_shop(300, 4000, 8);
    for (size_t i = 0; i < catalog->n_events; i += 50) catalog->events[i].time_ms = INT64_MIN;
    const char *by_time[] = {"split=time"};
    sage_dataset *d = built(catalog, by_time, 1);
    size_t n_part[SAGE_PARTS] = {0};
    int64_t first[SAGE_PARTS] = {INT64_MAX, INT64_MAX, INT64_MAX}, last[SAGE_PARTS] = {INT64_MIN, INT64_MIN, INT64_MIN};
    for (size_t i = 0; i < sage_dataset_queries(d); i++) {
        sage_packed_query q;
        sage_dataset_query(d, i, &q);
        for (size_t j = 0; j < q.n_positives; j++) {
            int64_t time = INT64_MIN; /* of the pair: the latest of its kinds */
            for (size_t e = 0; e < catalog->n_events; e++) {
                const sage_event_row *row = &catalog->events[e];
                if (row->surface != q.surface || row->pid != sage_dataset_pids(d)[q.positives[j]]) continue;
                if (row->query.len != q.text.len || memcmp(row->query.data, q.text.data, q.text.len) != 0) continue;
                if (row->time_ms > time) time = row->time_ms;
            }
            n_part[q.part]++;
            if (time > last[q.part]) last[q.part] = time;
            if (time < first[q.part]) first[q.part] = time;
        }
    }
    size_t n = n_part[0] + n_part[1] + n_part[2];
    assert_true(last[SAGE_TRAIN] < first[SAGE_VALIDATION] && last[SAGE_VALIDATION] < first[SAGE_TEST]);
    assert_true(n_part[SAGE_VALIDATION] > n * 9 / 100 && n_part[SAGE_VALIDATION] < n * 11 / 100);
    assert_true(n_part[SAGE_TEST] > n * 9 / 100 && n_part[SAGE_TEST] < n * 11 / 100);
    sage_dataset_close(d);
    free(catalog);
}

static void without_holdout_everything_is_trained_on(void **state) {
    (void)state;
    sage_catalog *catalog = fake_shop(50, 500, 9);
    for (int by_time = 0; by_time < 2; by_time++) {
        const char *assignments[] = {"holdout=0", by_time ? "split=time" : "split=hash"};
        sage_dataset *d = built(catalog, assignments, 2);
        for (size_t i = 0; i < sage_dataset_queries(d); i++) {
            sage_packed_query q;
            sage_dataset_query(d, i, &q);
            assert_int_equal(q.part, SAGE_TRAIN);
        }
        sage_dataset_close(d);
    }
    free(catalog);
}

static void only_training_queries_add_to_the_vocabulary(void **state) {
    (void)state;
    sage_catalog *catalog = fake_new();
    char query[16];
    fake_product(catalog, "oak");
    for (int i = 0; i < 200; i++) {
        sprintf(query, "q%d", i);
        fake_event(catalog, i % 10 == 0 ? SAGE_ON_PRODUCT : SAGE_ON_SEARCH, query, 10, SAGE_CLICK, 1);
    }
    fake_sort_events(catalog);
    sage_dataset *d = built(catalog, NULL, 0);
    const sage_vocab *vocab = sage_dataset_vocab(d);
    size_t held_out = 0, documents = 1;
    for (size_t i = 0; i < sage_dataset_queries(d); i++) {
        sage_packed_query q;
        sage_dataset_query(d, i, &q);
        bool known = sage_vocab_find(vocab, SAGE_WORD, q.text.data, q.text.len) != SAGE_NO_ID;
        assert_int_equal(known, q.part == SAGE_TRAIN && q.surface == SAGE_ON_SEARCH);
        held_out += q.part != SAGE_TRAIN;
        documents += known;
    }
    assert_true(held_out > 10);
    assert_int_equal(sage_vocab_documents(vocab), documents);
    assert_int_equal(sage_dataset_trained_pairs(d), documents - 1); /* a pair a query; products' are no texts */
    sage_dataset_close(d);
    free(catalog);
}

static void keep_message(void *ctx, sage_message_level level, const char *text) {
    char *all = ctx;
    assert_int_equal(level, SAGE_NOTE);
    strcat(strcat(all, text), "\n");
}

static void images_are_packed_as_unit_vectors(void **state) {
    (void)state;
    sage_catalog *catalog = fake_new();
    assert_int_equal(sage_fs_mkdir(scratch_path(fake_dir, "pictures"), NULL), SAGE_OK);
    fake_vectors("pictures/v.npy", (float[]){0, 5, 3, 4}, 2, 2);
    fake_product(catalog, "none");
    sage_product_row *row = fake_product(catalog, "two");
    row->n_images = 2;
    row->images[0] = (sage_image_ref){"v.npy", 1, ""};
    row->images[1] = (sage_image_ref){"v.npy", 0, ""};
    sage_dataset *d = built(catalog, NULL, 0);
    sage_packed_product p;
    assert_int_equal(sage_dataset_image_dim(d), 2);
    sage_dataset_product(d, 0, &p);
    assert_int_equal(p.n_images, 0);
    sage_dataset_product(d, 1, &p);
    assert_int_equal(p.n_images, 2);
    assert_true(p.images[0] == 0.6f && p.images[1] == 0.8f && p.images[2] == 0 && p.images[3] == 1);
    assert_true(p.image_prints[0] != p.image_prints[1]);
    sage_dataset_close(d);
    free(catalog);
}

/* A picture that events began with has its vector, on the side of the split that its link falls on; one without a
 * vector is told and left out. */
static void searched_pictures_are_packed_with_their_vectors(void **state) {
    (void)state;
    char said[2048] = "", link[16];
    sage_monitor monitor = {.ctx = said, .message = keep_message};
    sage_catalog *catalog = fake_new();
    sage_options *options = fake_options();
    sage_packed_product p;
    uint64_t id, print = 0;
    float seen[60 * 2];
    size_t of_part[SAGE_PARTS] = {0}, n_pictures = 0;
    for (int i = 0; i < 120; i++) seen[i] = i % 2 == 0 ? 3 : (float)i;
    fake_vectors("pictures/seen.npy", seen, 60, 2);
    fake_vectors("pictures/v.npy", seen, 1, 2);
    sage_product_row *row = fake_product(catalog, "oak");
    row->n_images = 2;
    row->images[0] = row->images[1] = (sage_image_ref){"v.npy", 0, ""};
    for (int i = 0; i < 60; i++) {
        sprintf(link, "%d", i);
        fake_event(catalog, SAGE_ON_IMAGE, link, 10, i % 2 == 0 ? SAGE_CLICK : SAGE_SAVE, 1);
    }
    fake_event(catalog, SAGE_ON_IMAGE, "gone.jpg", 10, SAGE_CLICK, 1);
    fake_event(catalog, SAGE_ON_SEARCH, "oak", 10, SAGE_CLICK, 1);
    fake_sort_events(catalog);
    assert_int_equal(sage_dataset_build(catalog, fake_dir, options, NULL, NULL, &monitor, &id, NULL), SAGE_OK);
    assert_non_null(strstr(said, "1 pictures that events began with have no vector"));
    sage_dataset *d = fake_open(id);
    sage_dataset_product(d, 0, &p);
    assert_true(p.image_prints[0] == p.image_prints[1]); /* the same picture twice */
    print = p.image_prints[0];
    for (size_t q = 0; q < sage_dataset_queries(d); q++) {
        sage_packed_query query;
        sage_dataset_query(d, q, &query);
        assert_true((query.surface == SAGE_ON_IMAGE) == (query.picture != NULL));
        if (query.picture == NULL) continue;
        memcpy(link, query.text.data, query.text.len);
        link[query.text.len] = '\0';
        double x = 3, y = 2 * atoi(link) + 1, length = sqrt(x * x + y * y);
        assert_true(fabs(query.picture[0] - x / length) < 1e-6 && fabs(query.picture[1] - y / length) < 1e-6);
        assert_int_equal(query.n_ids, 0);
        of_part[query.part]++;
        n_pictures++;
    }
    assert_int_equal(n_pictures, 60);
    assert_true(print != 0 && of_part[SAGE_VALIDATION] > 0 && of_part[SAGE_TEST] > 0);
    bool oak_is_trained_on = sage_dataset_trained_pairs(d) == of_part[SAGE_TRAIN] + 1;
    assert_true(oak_is_trained_on || sage_dataset_trained_pairs(d) == of_part[SAGE_TRAIN]);
    sage_dataset_close(d);
    sage_options_free(options);
    free(catalog);
}

static void freshness_knows_revision_and_options(void **state) {
    (void)state;
    sage_catalog *catalog = fake_shop(20, 100, 10);
    sage_options *options = fake_options();
    uint64_t id = fake_build(catalog, options);
    assert_true(sage_dataset_fresh(fake_dir, id, 7, options, NULL));
    assert_false(sage_dataset_fresh(fake_dir, id, 8, options, NULL));
    assert_false(sage_dataset_fresh(fake_dir, id + 1, 7, options, NULL));
    fake_set(options, "memory=10M"); /* changes how, not what */
    fake_set(options, "batch=33");   /* the sampler's */
    assert_true(sage_dataset_fresh(fake_dir, id, 7, options, NULL));
    fake_set(options, "holdout=0.1");
    assert_false(sage_dataset_fresh(fake_dir, id, 7, options, NULL));
    sage_options_free(options);
    free(catalog);
}

static char *read_file(uint64_t id, const char *file, size_t *n) {
    char name[64];
    snprintf(name, sizeof name, "dataset/%llu/%s", (unsigned long long)id, file);
    char *data = scratch_read(scratch_path(fake_dir, name), n);
    assert_non_null(data);
    return data;
}

static void same_content_gives_the_same_files(void **state) {
    (void)state;
    static const char *const files[] = {"vocab.bin", "products.bin", "queries.bin", "meta.json"};
    sage_catalog *catalog = fake_shop(5000 > FAKE_PRODUCTS ? FAKE_PRODUCTS : 5000, 3000, 11);
    sage_options *options = fake_options();
    sage_pool *pool;
    uint64_t a = fake_build(catalog, options), b;
    fake_set(options, "memory=1M");
    assert_int_equal(sage_pool_new(3, &pool, NULL), SAGE_OK);
    assert_int_equal(sage_dataset_build(catalog, fake_dir, options, NULL, pool, NULL, &b, NULL), SAGE_OK);
    sage_pool_free(pool);
    for (size_t i = 0; i < 4; i++) {
        char *left, *right;
        size_t n_left, n_right;
        left = read_file(a, files[i], &n_left);
        right = read_file(b, files[i], &n_right);
        assert_int_equal(n_left, n_right);
        assert_memory_equal(left, right, n_left);
        sage_free(left);
        sage_free(right);
    }
    sage_options_free(options);
    free(catalog);
}

static void an_empty_catalogue(void **state) {
    (void)state;
    sage_catalog *catalog = fake_new();
    sage_dataset *d = built(catalog, NULL, 0);
    assert_int_equal(sage_dataset_products(d), 0);
    sage_dataset_close(d);
    free(catalog);
}

static void cancelling_leaves_nothing_behind(void **state) {
    (void)state;
    static volatile sig_atomic_t stop = 1;
    sage_monitor monitor = {.cancel = &stop};
    sage_catalog *catalog = fake_shop(20, 100, 12);
    sage_options *options = fake_options();
    uint64_t id;
    assert_int_equal(sage_dataset_build(catalog, fake_dir, options, NULL, NULL, &monitor, &id, NULL), SAGE_E_CANCELLED);
    assert_int_equal(id, 0);
    assert_false(sage_fs_exists(scratch_path(fake_dir, "dataset/.tmp-build")));
    sage_options_free(options);
    free(catalog);
}

static void all_at_one_time_cannot_be_split(void **state) {
    (void)state;
    static const int64_t times[] = {0, 5, INT64_MAX, INT64_MIN + 1};
    const char *by_time[] = {"split=time"};
    for (size_t t = 0; t < sizeof times / sizeof *times; t++) {
        sage_catalog *catalog = fake_shop(20, 50, 14);
        for (size_t i = 0; i < catalog->n_events; i++) catalog->events[i].time_ms = times[t];
        sage_dataset *d = built(catalog, by_time, 1);
        assert_int_equal(d->part_begin[SAGE_TRAIN + 1], sage_dataset_queries(d));
        sage_dataset_close(d);
        free(catalog);
    }
}

static void keep_warning(void *ctx, sage_message_level level, const char *text) {
    if (level == SAGE_WARNING) strcat(ctx, text);
}

static void a_split_by_time_without_times_is_told(void **state) {
    (void)state;
    sage_catalog *catalog = fake_shop(20, 50, 14);
    sage_options *options = fake_options();
    fake_set(options, "split=time");
    for (int timed = 0; timed < 2; timed++) {
        char said[512] = "";
        sage_monitor monitor = {.ctx = said, .message = keep_warning};
        uint64_t id;
        for (size_t i = 0; i < catalog->n_events; i++) catalog->events[i].time_ms = timed ? (int64_t)i : INT64_MIN;
        assert_int_equal(sage_dataset_build(catalog, fake_dir, options, NULL, NULL, &monitor, &id, NULL), SAGE_OK);
        if (timed)
            assert_string_equal(said, "");
        else
            assert_non_null(strstr(said, "split=time holds nothing out"));
    }
    sage_options_free(options);
    free(catalog);
}

static void what_is_left_out_is_told(void **state) {
    (void)state;
    char said[2048] = "";
    sage_monitor monitor = {.ctx = said, .message = keep_message};
    sage_catalog *catalog = fake_new();
    sage_options *options = fake_options();
    uint64_t id;
    fake_product(catalog, "oak");
    fake_product(catalog, "elm");
    fake_event(catalog, SAGE_ON_SEARCH, "oak", 10, SAGE_CLICK, 1);
    fake_event(catalog, SAGE_ON_USER, "u1", 10, SAGE_CLICK, 1);
    fake_event(catalog, SAGE_ON_PRODUCT, "10", 20, SAGE_SAVE, 1);
    fake_sort_events(catalog);
    assert_int_equal(sage_dataset_build(catalog, fake_dir, options, NULL, NULL, &monitor, &id, NULL), SAGE_OK);
    assert_string_equal(said, "");
    fake_event(catalog, SAGE_ON_USER, "u1", 0, SAGE_SAVE, 1);
    fake_event(catalog, SAGE_ON_SEARCH, "elm", 0, SAGE_CLICK, 1);
    fake_event(catalog, SAGE_ON_PRODUCT, "70", 10, SAGE_CLICK, 1);
    fake_sort_events(catalog);
    assert_int_equal(sage_dataset_build(catalog, fake_dir, options, NULL, NULL, &monitor, &id, NULL), SAGE_OK);
    assert_non_null(strstr(said, "3 pairs are left out: their product is not in the catalogue"));
    sage_options_free(options);
    free(catalog);
}

static void each_allocation_failed_in_turn(void **state) {
    (void)state;
    sage_catalog *catalog = fake_shop(12, 40, 13);
    sage_options *options = fake_options();
    uint64_t id;
    sage_dataset *d;
    unsigned long failed = 0;
    for (unsigned long i = 1;; i += 1 + i / 64) {
        sage_alloc_fail_from(i);
        sage_status st = sage_dataset_build(catalog, fake_dir, options, NULL, NULL, NULL, &id, NULL);
        if (st == SAGE_OK) st = sage_dataset_open(fake_dir, id, true, &d, NULL);
        sage_alloc_fail_from(0);
        assert_int_equal(catalog->open_cursors, 0);
        if (st == SAGE_OK) {
            sage_dataset_close(d);
            break;
        }
        assert_int_equal(st, SAGE_E_MEMORY);
        failed++;
    }
    assert_true(failed > 30);
    sage_options_free(options);
    free(catalog);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_come_back),
        cmocka_unit_test(likeness_joins_groups_fingerprints_and_titles),
        cmocka_unit_test(hash_split_keeps_every_event_and_leaks_none),
        cmocka_unit_test(no_query_lies_in_two_parts),
        cmocka_unit_test(positives_are_all_products_of_the_query),
        cmocka_unit_test(by_time_the_newest_are_held_out),
        cmocka_unit_test(without_holdout_everything_is_trained_on),
        cmocka_unit_test(only_training_queries_add_to_the_vocabulary),
        cmocka_unit_test(images_are_packed_as_unit_vectors),
        cmocka_unit_test(searched_pictures_are_packed_with_their_vectors),
        cmocka_unit_test(freshness_knows_revision_and_options),
        cmocka_unit_test(same_content_gives_the_same_files),
        cmocka_unit_test(an_empty_catalogue),
        cmocka_unit_test(cancelling_leaves_nothing_behind),
        cmocka_unit_test(all_at_one_time_cannot_be_split),
        cmocka_unit_test(what_is_left_out_is_told),
        cmocka_unit_test(a_split_by_time_without_times_is_told),
        cmocka_unit_test(each_allocation_failed_in_turn),
    };
    return cmocka_run_group_tests(tests, fake_setup, fake_teardown);
}
