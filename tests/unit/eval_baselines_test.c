/* Popular, item-knn and own against counting by hand, with and without the limits that keep them cheap. */
#include <base/alloc.h>
#include <base/rng.h>
#include <eval/baselines.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <support/test.h>

enum { PRODUCTS = 90, USERS = 70, MOST = 40, DEPTH = 25 };

static uint32_t did[USERS][MOST];
static size_t n_did[USERS];
static bool touches[USERS][PRODUCTS];
static sage_touched touched;

static void must(sage_status st, const sage_error *error) {
    if (st != SAGE_OK) fail_msg("%s", error->text);
}

/* Users of a few to many products, popular ones more often, repeats among them; the last ten nobody touches. */
static int make_users(void **state) {
    (void)state;
    sage_rng rng;
    sage_error error;
    sage_rng_seed(&rng, 5, 1);
    must(sage_touched_begin(&touched, PRODUCTS, &error), &error);
    for (size_t u = 0; u < USERS; u++) {
        n_did[u] = 1 + sage_rng_below(&rng, u % 7 == 0 ? MOST : 8);
        for (size_t i = 0; i < n_did[u]; i++) {
            double x = sage_rng_unit(&rng);
            did[u][i] = (uint32_t)(x * x * (PRODUCTS - 10));
            touches[u][did[u][i]] = true;
        }
        must(sage_touched_add(&touched, did[u], n_did[u], &error), &error);
    }
    must(sage_touched_add(&touched, NULL, 0, &error), &error); /* who did nothing is nobody */
    must(sage_touched_finish(&touched, &error), &error);
    return 0;
}

static int drop_users(void **state) {
    (void)state;
    sage_touched_free(&touched);
    return 0;
}

static size_t users_of(size_t product) {
    size_t n = 0;
    for (size_t u = 0; u < USERS; u++) n += touches[u][product];
    return n;
}

static void test_both_sides_say_the_same(void **state) {
    (void)state;
    assert_int_equal(touched.n_users, USERS);
    for (size_t u = 0; u < USERS; u++) {
        for (size_t i = touched.user_begin[u]; i < touched.user_begin[u + 1]; i++) {
            assert_true(touches[u][touched.products[i]]);
            assert_true(i == touched.user_begin[u] || touched.products[i - 1] < touched.products[i]);
        }
    }
    for (size_t p = 0; p < PRODUCTS; p++) {
        assert_int_equal(sage_touched_users_of(&touched, p), users_of(p));
        for (size_t i = touched.product_begin[p]; i < touched.product_begin[p + 1]; i++)
            assert_true(touches[touched.users[i]][p]);
    }
}

/* ---- by hand ---- */

/* How many users of `a` count b, when of each at most per_user products do. */
static double common(size_t a, size_t b, size_t per_user) {
    double n = 0;
    for (size_t u = 0; u < USERS; u++) {
        size_t own[PRODUCTS], all = 0;
        for (size_t p = 0; p < PRODUCTS; p++)
            if (touches[u][p]) own[all++] = p;
        size_t some = all < per_user ? all : per_user;
        for (size_t i = 0; touches[u][a] && i < some; i++) n += own[i * all / some] == b;
    }
    return n;
}

static double cosine(size_t a, size_t b, size_t per_user, double shrink) {
    if (a == b) return 1;
    double n = common(a, b, per_user);
    return n > 0 ? n / (sqrt((double)users_of(a) * (double)users_of(b)) + shrink) : 0;
}

/* Of the products with scores > 0, how many are better than p; equals by lower product. */
static size_t rank_of(const double *scores, size_t p) {
    size_t rank = 0;
    for (size_t o = 0; o < PRODUCTS; o++)
        rank += scores[o] > scores[p] + 1e-6 || (fabs(scores[o] - scores[p]) <= 1e-6 && o < p);
    return rank;
}

static size_t positive(const double *scores) {
    size_t n = 0;
    for (size_t p = 0; p < PRODUCTS; p++) n += scores[p] > 0;
    return n;
}

/* Score by score: products of nearly equal ones may change places. */
static void check_list(const sage_neighbour *list, size_t n, size_t depth, const double *scores) {
    size_t all = positive(scores);
    assert_int_equal(n, all < depth ? all : depth);
    for (size_t i = 0; i < n; i++) {
        size_t rank = rank_of(scores, list[i].row);
        assert_float_equal(list[i].score, scores[list[i].row], 1e-5);
        assert_true(i == 0 || list[i].score <= list[i - 1].score);
        for (size_t p = 0; p < PRODUCTS && rank != i; p++) /* only equals stand between */
            if (rank_of(scores, p) == i) assert_float_equal(scores[p], list[i].score, 1e-5);
    }
}

static void check_neighbours(const sage_item_knn_options *options) {
    sage_item_knn *knn;
    sage_error error;
    bool asked[PRODUCTS];
    size_t per_user = options->per_user > 0 ? options->per_user : 200,
           neighbours = options->neighbours > 0 ? options->neighbours : 200;
    for (size_t p = 0; p < PRODUCTS; p++) asked[p] = p % 3 != 0;
    must(sage_item_knn_new(&touched, asked, options, NULL, &knn, &error), &error);
    for (size_t p = 0; p < PRODUCTS; p++) {
        double scores[PRODUCTS] = {0};
        size_t n;
        const sage_neighbour *list = sage_item_knn_of(knn, p, &n);
        for (size_t o = 0; o < PRODUCTS && asked[p]; o++)
            if (o != p) scores[o] = cosine(p, o, per_user, options->shrink);
        check_list(list, n, neighbours, scores);
    }
    sage_item_knn_free(knn);
}

static void test_neighbours_by_hand(void **state) {
    (void)state;
    check_neighbours(&(sage_item_knn_options){0});
    check_neighbours(&(sage_item_knn_options){.shrink = 3.5});
    check_neighbours(&(sage_item_knn_options){.neighbours = 4});
    check_neighbours(&(sage_item_knn_options){.per_user = 5, .neighbours = 12, .shrink = 1});
}

/* ---- listers ---- */

static const sage_user_event past_events[] = {{.time_ms = 10, .product = 3, .count = 9, .kind = 0},
                                              {.time_ms = 20, .product = 7, .count = 1, .kind = 0},
                                              {.time_ms = 30, .product = 5, .count = 1, .kind = 3},
                                              {.time_ms = 40, .product = 7, .count = 1, .kind = 3},
                                              {.time_ms = 50, .product = 85, .count = 1, .kind = 1}};
static const sage_past pasts[] = {{past_events, 5, 60}, {NULL, 0, 60}, {past_events, 1, 60}};

static sage_baselines *make_baselines(sage_pool *pool) {
    sage_baselines *baselines;
    sage_error error;
    bool asked[PRODUCTS] = {false};
    for (size_t i = 0; i < 5; i++) asked[past_events[i].product] = true;
    must(sage_baselines_new(&touched, asked, &(sage_item_knn_options){0}, pool, &baselines, &error), &error);
    return baselines;
}

static void ask(const sage_lister *lister, sage_neighbour *out, size_t found[3]) {
    sage_error error;
    must(lister->list(lister->ctx, pasts, 3, DEPTH, out, found, &error), &error);
}

static void test_popular_is_the_same_for_everybody(void **state) {
    (void)state;
    static sage_neighbour out[3 * DEPTH];
    size_t found[3];
    double scores[PRODUCTS];
    sage_baselines *baselines = make_baselines(NULL);
    sage_lister lister = sage_popular(baselines);
    assert_string_equal(lister.name, "popular");
    ask(&lister, out, found);
    for (size_t p = 0; p < PRODUCTS; p++) scores[p] = (double)users_of(p);
    for (size_t q = 0; q < 3; q++) {
        check_list(out + q * DEPTH, found[q], DEPTH, scores);
        for (size_t i = 0; i < found[q]; i++) assert_int_equal(rank_of(scores, out[q * DEPTH + i].row), i);
    }
    sage_baselines_free(baselines);
}

static void test_item_knn_adds_up_the_known_products(void **state) {
    (void)state;
    static sage_neighbour out[3 * DEPTH], again[3 * DEPTH];
    size_t found[3], found_again[3];
    double scores[PRODUCTS];
    sage_pool *pool;
    sage_error error;
    must(sage_pool_new(3, &pool, &error), &error);
    sage_baselines *baselines = make_baselines(NULL), *by_three = make_baselines(pool);
    sage_lister lister = sage_item_knn_lister(baselines), other = sage_item_knn_lister(by_three);
    memset(out, 0, sizeof out);
    memset(again, 0, sizeof again);
    ask(&lister, out, found);
    ask(&other, again, found_again);
    assert_memory_equal(out, again, sizeof out);
    assert_memory_equal(found, found_again, sizeof found);
    for (size_t p = 0; p < PRODUCTS; p++) /* 7 was touched twice and counts once; 85 says something of itself alone */
        scores[p] = cosine(3, p, 200, 0) + cosine(5, p, 200, 0) + cosine(7, p, 200, 0) + cosine(85, p, 200, 0);
    check_list(out, found[0], DEPTH, scores);
    assert_int_equal(found[1], 0);
    for (size_t p = 0; p < PRODUCTS; p++) scores[p] = cosine(3, p, 200, 0);
    check_list(out + (size_t)2 * DEPTH, found[2], DEPTH, scores);
    assert_int_equal(out[2 * DEPTH].row, 3);
    sage_baselines_free(by_three);
    sage_baselines_free(baselines);
    sage_pool_free(pool);
}

static void test_own_is_what_the_user_did(void **state) {
    (void)state;
    static sage_neighbour out[3 * DEPTH];
    size_t found[3];
    sage_baselines *baselines = make_baselines(NULL);
    sage_lister lister = sage_own(baselines);
    ask(&lister, out, found);
    assert_int_equal(found[0], 4);
    assert_int_equal(found[1], 0);
    assert_int_equal(found[2], 1);
    const uint32_t expected[] = {7, 85, 5, 3}; /* twice, then the newest; a large count does not help an old one */
    for (size_t i = 0; i < 4; i++) assert_int_equal(out[i].row, expected[i]);
    sage_baselines_free(baselines);
}

/* Where no time is known, counts tell. */
static void test_own_without_times(void **state) {
    (void)state;
    const sage_user_event events[] = {{.time_ms = INT64_MIN, .product = 1, .count = 1},
                                      {.time_ms = INT64_MIN, .product = 2, .count = 5},
                                      {.time_ms = INT64_MIN, .product = 4, .count = 5}};
    const sage_past past = {events, 3, INT64_MIN};
    sage_neighbour out[2];
    size_t found;
    sage_error error;
    sage_baselines *baselines = make_baselines(NULL);
    sage_lister lister = sage_own(baselines);
    must(lister.list(lister.ctx, &past, 1, 2, out, &found, &error), &error);
    assert_int_equal(found, 2);
    assert_int_equal(out[0].row, 2);
    assert_int_equal(out[1].row, 4);
    sage_baselines_free(baselines);
}

/* The best of few among many are found another way than the best of many. */
static void test_best_of_few_and_of_many(void **state) {
    (void)state;
    enum { MANY = 5000 };
    static double scores[MANY];
    static sage_neighbour out[MANY];
    sage_best best;
    sage_rng rng;
    sage_error error;
    sage_rng_seed(&rng, 9, 9);
    must(sage_best_init(&best, MANY, &error), &error);
    for (size_t round = 0; round < 40; round++) {
        size_t n, adds = round % 2 ? 40 : 4000, k = 1 + sage_rng_below(&rng, 30), there = 0;
        memset(scores, 0, sizeof scores);
        for (size_t i = 0; i < adds; i++) {
            uint32_t p = (uint32_t)sage_rng_below(&rng, MANY), amount = 1 + (uint32_t)sage_rng_below(&rng, 4);
            sage_best_add(&best, p, (float)amount);
            scores[p] += amount;
        }
        for (size_t p = 0; p < MANY; p++) there += scores[p] > 0;
        must(sage_best_take(&best, k, out, &n, &error), &error);
        assert_int_equal(n, there < k ? there : k);
        for (size_t i = 0; i < n; i++) {
            size_t rank = 0;
            for (size_t p = 0; p < MANY; p++)
                rank += scores[p] > scores[out[i].row] || (scores[p] == scores[out[i].row] && p < out[i].row);
            assert_int_equal(rank, i);
            assert_float_equal(out[i].score, scores[out[i].row], 0);
        }
    }
    sage_best_free(&best);
}

static void test_every_allocation_may_fail(void **state) {
    (void)state;
    static sage_neighbour out[3 * DEPTH];
    sage_error error;
    bool done = false, asked[PRODUCTS] = {[3] = true, [7] = true};
    for (unsigned long from = 1; !done; from++) {
        sage_touched t = {0};
        sage_baselines *baselines = NULL;
        size_t found[3];
        sage_alloc_fail_from(from);
        sage_status st = sage_touched_begin(&t, PRODUCTS, &error);
        for (size_t u = 0; u < 5 && st == SAGE_OK; u++) st = sage_touched_add(&t, did[u], n_did[u], &error);
        if (st == SAGE_OK) st = sage_touched_finish(&t, &error);
        if (st == SAGE_OK) st = sage_baselines_new(&t, asked, &(sage_item_knn_options){0}, NULL, &baselines, &error);
        const sage_lister listers[] = {sage_popular(baselines), sage_item_knn_lister(baselines), sage_own(baselines)};
        for (size_t i = 0; i < 3 && st == SAGE_OK; i++)
            st = listers[i].list(listers[i].ctx, pasts, 3, DEPTH, out, found, &error);
        done = sage_alloc_fail_from(0) < from;
        assert_int_equal(st, done ? SAGE_OK : SAGE_E_MEMORY);
        sage_baselines_free(baselines);
        sage_touched_free(&t);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_sides_say_the_same),
        cmocka_unit_test(test_neighbours_by_hand),
        cmocka_unit_test(test_popular_is_the_same_for_everybody),
        cmocka_unit_test(test_item_knn_adds_up_the_known_products),
        cmocka_unit_test(test_own_is_what_the_user_did),
        cmocka_unit_test(test_own_without_times),
        cmocka_unit_test(test_best_of_few_and_of_many),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, make_users, drop_users);
}
