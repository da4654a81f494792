/* What people did, as a dataset has it: every event once, the split of users without leaks, targets. */
#include "dataset_fake.h"

#include <dataset/files.h>

enum { USERS = 300, PRODUCTS = 200, ACTS = 6000 };

/* Users of two to sixty events; every 17th did one thing, every 50th event is of no known product. Times: all have
 * one, none has, or every 20th has none. */
static sage_catalog *crowd(bool timed, bool some_untimed, uint64_t seed) {
    sage_catalog *catalog = fake_shop(PRODUCTS, timed ? 400 : 0, seed); /* whose times the cuts come from */
    sage_rng rng;
    char user[32];
    sage_rng_seed(&rng, seed, 2);
    for (size_t i = 0; i < ACTS; i++) {
        size_t who = sage_rng_below(&rng, USERS);
        if (who % 17 == 0) continue;
        snprintf(user, sizeof user, "u%zu", who);
        int64_t pid = i % 50 == 0 ? 0 : 10 * (1 + (int64_t)sage_rng_below(&rng, PRODUCTS / (1 + who % 5)));
        int64_t time = timed ? (int64_t)(i * (1000000000 / ACTS) + sage_rng_below(&rng, 1000)) : INT64_MIN;
        fake_act(catalog, user, pid, (sage_event_kind)sage_rng_below(&rng, SAGE_EVENT_KINDS),
                 some_untimed && i % 20 == 0 ? INT64_MIN : time);
    }
    for (size_t who = 0; who < USERS; who += 17) {
        snprintf(user, sizeof user, "u%zu", who);
        fake_act(catalog, user, 10, SAGE_CHECKOUT, timed ? (int64_t)who : INT64_MIN);
    }
    fake_sort_acts(catalog);
    return catalog;
}

static sage_dataset *built(sage_catalog *catalog, const char *assignment) {
    sage_options *options = fake_options();
    if (assignment != NULL) fake_set(options, assignment);
    uint64_t id = fake_build(catalog, options);
    sage_options_free(options);
    return fake_open(id);
}

static bool same_id(sage_str a, sage_str b) {
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

/* The cursor has them newest first, the dataset oldest first. */
static void every_event_is_there_once_in_its_order(void **state) {
    (void)state;
    sage_catalog *catalog = crowd(true, true, 1);
    sage_dataset *d = built(catalog, NULL);
    size_t user = 0, seen = 0;
    sage_packed_user u;
    assert_true(sage_dataset_users(d) > USERS - 10);
    sage_dataset_user(d, 0, &u);
    size_t left = u.n;
    for (size_t i = 0; i < catalog->n_acts; i++, seen++) {
        const sage_user_row *row = &catalog->acts[i];
        if (left == 0) {
            sage_dataset_user(d, ++user, &u);
            assert_int_equal(u.first, seen);
            left = u.n;
        }
        const sage_user_event *e = &u.events[--left];
        assert_true(same_id(u.id, row->user_id));
        assert_int_equal(sage_dataset_event_user(d, u.first + left), user);
        assert_true(e->time_ms == row->time_ms && e->kind == row->kind && e->count == row->count);
        assert_int_equal(sage_dataset_pids(d)[e->product], row->pid);
    }
    assert_true(left == 0 && user + 1 == sage_dataset_users(d));
    sage_dataset_close(d);
    free(catalog);
}

static size_t distinct(const sage_user_event *events, size_t n, bool (*of)(const sage_user_event *e)) {
    bool seen[PRODUCTS] = {false};
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        if (!of(&events[i]) || seen[events[i].product]) continue;
        seen[events[i].product] = true;
        count++;
    }
    return count;
}

static bool is_any(const sage_user_event *e) {
    return e != NULL;
}

static bool is_hidden(const sage_user_event *e) {
    return e->part != SAGE_TRAIN;
}

/* Everything that was done to a hidden product is hidden; of n products max(1, n / 5) are, of one none. */
static void by_hash_a_user_is_of_one_part_and_hides_whole_products(void **state) {
    (void)state;
    sage_catalog *catalog = crowd(false, false, 2);
    sage_dataset *d = built(catalog, NULL);
    size_t of_part[SAGE_PARTS] = {0}, hiding = 0;
    for (size_t i = 0; i < sage_dataset_users(d); i++) {
        sage_packed_user u;
        sage_user_event known[ACTS];
        sage_dataset_user(d, i, &u);
        of_part[u.part]++;
        size_t n = distinct(u.events, u.n, is_any), hidden = distinct(u.events, u.n, is_hidden);
        assert_int_equal(hidden, u.part == SAGE_TRAIN || n < 2 ? 0 : n < 10 ? 1 : n / 5);
        hiding += hidden > 1;
        size_t n_known = sage_user_known(&u, u.part, known);
        for (size_t k = 0; k < u.n; k++) {
            assert_true(u.events[k].part == SAGE_TRAIN || u.events[k].part == u.part);
            for (size_t j = 0; j < n_known && is_hidden(&u.events[k]); j++)
                assert_int_not_equal(known[j].product, u.events[k].product);
        }
        if (u.part != SAGE_TRAIN) assert_true(distinct(known, n_known, is_any) == n - hidden && n_known > 0);
        assert_true(sage_user_moment(d, &u, SAGE_TEST) == INT64_MIN); /* nothing has a time */
    }
    assert_true(of_part[SAGE_VALIDATION] > USERS / 20 && of_part[SAGE_TEST] > USERS / 20 && hiding > 5);
    assert_true(of_part[SAGE_TRAIN] > USERS * 7 / 10);
    sage_dataset_close(d);
    free(catalog);
}

static void by_time_all_known_lies_before_all_to_predict(void **state) {
    (void)state;
    sage_catalog *catalog = crowd(true, true, 3);
    sage_dataset *d = built(catalog, "split=time");
    size_t of_part[SAGE_PARTS] = {0};
    int64_t moment[SAGE_PARTS] = {INT64_MIN, INT64_MIN, INT64_MIN};
    for (size_t i = 0; i < sage_dataset_users(d); i++) {
        sage_packed_user u;
        sage_user_event known[ACTS];
        sage_dataset_user(d, i, &u);
        assert_int_equal(u.part, SAGE_TRAIN);
        for (int p = SAGE_VALIDATION; p < SAGE_PARTS; p++) {
            size_t n_known = sage_user_known(&u, (sage_part)p, known), before = 0;
            if (i == 0) moment[p] = sage_user_moment(d, &u, (sage_part)p);
            assert_true(sage_user_moment(d, &u, (sage_part)p) == moment[p]);
            for (size_t k = 0; k < n_known; k++) assert_true(known[k].time_ms <= moment[p]);
            for (size_t k = 0; k < u.n; k++) {
                before += u.events[k].part < p;
                if (u.events[k].part >= p) assert_true(u.events[k].time_ms > moment[p]);
            }
            assert_int_equal(n_known, before);
        }
        for (size_t k = 0; k < u.n; k++) of_part[u.events[k].part]++;
    }
    assert_true(moment[SAGE_VALIDATION] < moment[SAGE_TEST]);
    assert_true(of_part[SAGE_TRAIN] > 0 && of_part[SAGE_VALIDATION] > 0 && of_part[SAGE_TEST] > 0);
    sage_dataset_close(d);
    free(catalog);
}

/* Of each kind, all events of the training part of the training users, and no other. */
static void targets_are_what_is_trained_on(void **state) {
    (void)state;
    static const char *const splits[] = {"split=hash", "split=time", "holdout=0"};
    for (size_t s = 0; s < 3; s++) {
        sage_catalog *catalog = crowd(true, false, 4);
        sage_dataset *d = built(catalog, splits[s]);
        size_t listed = 0, wanted = 0, all = 0;
        for (unsigned kind = 0; kind < SAGE_EVENT_KINDS; kind++) {
            size_t n;
            const uint32_t *targets = sage_dataset_targets(d, (sage_event_kind)kind, &n);
            for (size_t i = 0; i < n; i++) {
                sage_packed_user u;
                assert_true(i == 0 || targets[i] > targets[i - 1]);
                sage_dataset_user(d, sage_dataset_event_user(d, targets[i]), &u);
                assert_true(u.part == SAGE_TRAIN && targets[i] >= u.first && targets[i] < u.first + u.n);
                assert_true(u.events[targets[i] - u.first].part == SAGE_TRAIN);
                assert_int_equal(u.events[targets[i] - u.first].kind, kind);
            }
            listed += n;
        }
        for (size_t i = 0; i < sage_dataset_users(d); i++) {
            sage_packed_user u;
            sage_dataset_user(d, i, &u);
            all += u.n;
            for (size_t k = 0; k < u.n; k++) wanted += u.part == SAGE_TRAIN && u.events[k].part == SAGE_TRAIN;
        }
        assert_int_equal(listed, wanted);
        assert_true(s == 2 ? listed == all : listed < all);
        sage_dataset_close(d);
        free(catalog);
    }
}

static void keep_message(void *ctx, sage_message_level level, const char *text) {
    char *all = ctx;
    assert_int_equal(level, SAGE_NOTE);
    strcat(strcat(all, text), "\n");
}

/* Of a user who did too much, the newest are kept, and it is said. */
static void the_newest_of_too_many_are_kept(void **state) {
    (void)state;
    enum { MORE = SAGE_USER_EVENTS_MAX + 25 };
    char said[1024] = "";
    const sage_monitor monitor = {.ctx = said, .message = keep_message};
    sage_catalog *catalog = fake_new();
    sage_options *options = fake_options();
    uint64_t id;
    sage_packed_user u;
    fake_product(catalog, "oak");
    fake_product(catalog, "elm");
    for (int i = 0; i < MORE; i++) fake_act(catalog, "busy", 10, SAGE_CLICK, i < 5 ? INT64_MIN : i);
    fake_act(catalog, "calm", 20, SAGE_SAVE, 3)->count = 70000;
    fake_sort_acts(catalog);
    assert_int_equal(sage_dataset_build(catalog, fake_dir, options, NULL, NULL, &monitor, &id, NULL), SAGE_OK);
    assert_non_null(strstr(said, "21 events of 1 users are left out: of a user the 10000 newest are kept"));
    sage_dataset *d = fake_open(id);
    assert_int_equal(sage_dataset_users(d), 2);
    sage_dataset_user(d, 0, &u);
    assert_int_equal(u.n, SAGE_USER_EVENTS_MAX);
    assert_int_equal(u.events[u.n - 1].time_ms, MORE - 1);
    assert_int_equal(u.events[0].time_ms, 25);
    sage_dataset_user(d, 1, &u);
    assert_true(u.n == 1 && u.events[0].count == UINT16_MAX && u.events[0].product == 1);
    sage_dataset_close(d);
    sage_options_free(options);
    free(catalog);
}

static char *bytes_of(uint64_t id, const char *file, size_t *n) {
    char name[64];
    snprintf(name, sizeof name, "dataset/%llu/%s", (unsigned long long)id, file);
    char *bytes = scratch_read(scratch_path(fake_dir, name), n);
    assert_non_null(bytes);
    return bytes;
}

static void need_equal(uint64_t a, uint64_t b, const char *file) {
    size_t n_left, n_right;
    char *left = bytes_of(a, file, &n_left), *right = bytes_of(b, file, &n_right);
    assert_int_equal(n_left, n_right);
    assert_memory_equal(left, right, n_left);
    sage_free(left);
    sage_free(right);
}

/* Products and queries do not know of users; the same catalogue gives the same users. */
static void users_change_no_other_file(void **state) {
    (void)state;
    sage_catalog *catalog = fake_shop(PRODUCTS, 0, 5);
    sage_options *options = fake_options();
    fake_event(catalog, SAGE_ON_SEARCH, "oak", 10, SAGE_CLICK, 1);
    fake_event(catalog, SAGE_ON_SEARCH, "brass lamp", 20, SAGE_SAVE, 1);
    fake_sort_events(catalog);
    uint64_t without = fake_build(catalog, options);
    for (int i = 0; i < 100; i++) fake_event(catalog, SAGE_ON_USER, i % 2 ? "ann" : "bob", 10 + 10 * i, SAGE_CLICK, 1);
    fake_act(catalog, "cid", 10, SAGE_SAVE, 7);
    fake_sort_events(catalog);
    uint64_t with = fake_build(catalog, options);
    need_equal(without, with, "products.bin");
    need_equal(without, with, "queries.bin");
    need_equal(without, with, "vocab.bin");
    fake_set(options, "memory=1M");
    uint64_t again = fake_build(catalog, options);
    need_equal(with, again, "users.bin");
    sage_dataset *d = fake_open(with);
    assert_int_equal(sage_dataset_users(d), 3);
    sage_dataset_close(d);
    sage_options_free(options);
    free(catalog);
}

/* A query of the surface product knows the product that was looked at; of one that is unknown nothing is kept. */
static void looked_at_products_are_known(void **state) {
    (void)state;
    sage_catalog *catalog = fake_shop(PRODUCTS, 100, 6);
    size_t looks = 0;
    fake_event(catalog, SAGE_ON_PRODUCT, "30", 10, SAGE_CLICK, 2);
    fake_event(catalog, SAGE_ON_PRODUCT, "30", 50, SAGE_SAVE, 1);
    fake_event(catalog, SAGE_ON_PRODUCT, "70", 30, SAGE_CLICK, 1);
    fake_event(catalog, SAGE_ON_PRODUCT, "71", 30, SAGE_CLICK, 1);
    fake_sort_events(catalog);
    sage_dataset *d = built(catalog, NULL);
    for (size_t i = 0; i < sage_dataset_queries(d); i++) {
        sage_packed_query q;
        sage_dataset_query(d, i, &q);
        assert_true(q.surface != SAGE_ON_USER && (q.surface == SAGE_ON_PRODUCT) == (q.looked_at != UINT32_MAX));
        if (q.surface != SAGE_ON_PRODUCT) continue;
        assert_true(same_id(q.text, SAGE_STR("30")) ? q.looked_at == 2 : q.looked_at == 6);
        assert_int_equal(q.n_positives, q.looked_at == 2 ? 2 : 1);
        looks++;
    }
    assert_int_equal(looks, 2);
    sage_dataset_close(d);
    free(catalog);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_is_there_once_in_its_order),
        cmocka_unit_test(by_hash_a_user_is_of_one_part_and_hides_whole_products),
        cmocka_unit_test(by_time_all_known_lies_before_all_to_predict),
        cmocka_unit_test(targets_are_what_is_trained_on),
        cmocka_unit_test(the_newest_of_too_many_are_kept),
        cmocka_unit_test(users_change_no_other_file),
        cmocka_unit_test(looked_at_products_are_known),
    };
    return cmocka_run_group_tests(tests, fake_setup, fake_teardown);
}
