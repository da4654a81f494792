/* Searching a published shop: what is refused, what short memory does, and that a reader keeps its release. */
#include <errno.h>
#include <shop/shop.h>
#include <support/published_ground.h>

static sage_searcher *open_searcher(void) {
    sage_searcher *searcher = NULL;
    tiny_must(sage_searcher_open(shop, &searcher, &error), &error, "open a searcher");
    return searcher;
}

static void finds(void **state) {
    (void)state;
    sage_searcher *searcher = open_searcher();
    const sage_hit *hits;
    size_t n;
    for (sage_method method = SAGE_VECTORS; method <= SAGE_HYBRID; method++) {
        const sage_query query = {.text = "oak table", .method = method, .n = 5};
        tiny_must(sage_search(searcher, &query, &hits, &n, &error), &error, "search");
        assert_true(n >= 1 && n <= 5);
        for (size_t i = 1; i < n; i++) assert_true(hits[i].score <= hits[i - 1].score);
        for (size_t i = 0; i < n; i++) assert_true(*hits[i].id && *hits[i].title && *hits[i].price);
    }
    const sage_query all = {.text = "oak", .method = SAGE_VECTORS, .n = 10000};
    tiny_must(sage_search(searcher, &all, &hits, &n, &error), &error, "search");
    assert_int_equal(n, PUBLISHED_PRODUCTS);
    const sage_query like = {.product_id = "p3", .n = 10000};
    tiny_must(sage_search(searcher, &like, &hits, &n, &error), &error, "similar");
    assert_true(n < PUBLISHED_PRODUCTS && n > 0);
    for (size_t i = 0; i < n; i++) assert_string_not_equal(hits[i].id, "p3");
    sage_searcher_close(searcher);
}

static const sage_session_event looked_at[] = {{"p3", NULL, 2}, {"nowhere", "save", 1}, {"p8", "checkout", 0}},
                                wrong[] = {{"p1", "looked", 0}, {"p1", NULL, -1}};

/* The synthetic shoppers are named by their number. */
static void finds_for_users(void **state) {
    (void)state;
    sage_searcher *searcher = open_searcher();
    const sage_hit *hits;
    size_t n;
    const sage_query of_user = {.user_id = "simulated-1", .interests = true, .n = 100};
    tiny_must(sage_search(searcher, &of_user, &hits, &n, &error), &error, "for a user");
    assert_int_equal(n, PUBLISHED_PRODUCTS);
    for (size_t i = 0; i < n; i++) {
        assert_true(hits[i].interest >= 0 && hits[i].interest < 20);
        assert_true(*hits[i].interest_id);
    }
    assert_string_equal(hits[0].id, hits[0].interest_id); /* what stands for an interest is nearest to it */
    assert_int_equal(hits[0].interest, 0);
    const sage_query session = {.session = looked_at, .n_session = 3, .n = 100, .fresh = true};
    tiny_must(sage_search(searcher, &session, &hits, &n, &error), &error, "for a session");
    assert_int_equal(n, PUBLISHED_PRODUCTS - 2);
    for (size_t i = 0; i < n; i++) assert_true(strcmp(hits[i].id, "p3") != 0 && strcmp(hits[i].id, "p8") != 0);
    const sage_query text = {.text = "oak", .n = 1};
    tiny_must(sage_search(searcher, &text, &hits, &n, &error), &error, "a text");
    assert_int_equal(hits[0].interest, -1);
    assert_string_equal(hits[0].interest_id, "");
    sage_searcher_close(searcher);
}

/* The newest first, each product once. */
static void shows_what_a_user_did(void **state) {
    (void)state;
    sage_searcher *searcher = open_searcher();
    const sage_hit *hits, *hit;
    sage_past_event past[PUBLISHED_PRODUCTS];
    size_t n, fewer;
    tiny_must(sage_searcher_history(searcher, "simulated-1", PUBLISHED_PRODUCTS, &hits, past, &n, &error), &error,
              "what a user did");
    assert_true(n > 1 && n <= PUBLISHED_PRODUCTS);
    for (size_t i = 0; i < n; i++) {
        assert_true(*past[i].event && *hits[i].title && hits[i].score == 0);
        if (i > 0) assert_true(past[i].age_days >= past[i - 1].age_days);
        for (size_t j = 0; j < i; j++) assert_string_not_equal(hits[i].id, hits[j].id);
    }
    tiny_must(sage_searcher_history(searcher, "simulated-1", 1, &hits, past, &fewer, &error), &error, "the newest");
    assert_int_equal(fewer, 1);
    tiny_must(sage_searcher_product(searcher, "p3", &hit, &error), &error, "a product");
    assert_string_equal(hit->id, "p3");
    assert_true(*hit->title && *hit->price);
    assert_int_equal(sage_searcher_product(searcher, "nowhere", &hit, &error), SAGE_E_NOT_FOUND);
    assert_int_equal(sage_searcher_history(searcher, "nobody", 3, &hits, past, &n, &error), SAGE_E_NOT_FOUND);
    assert_int_equal(n, 0);
    assert_int_equal(sage_searcher_history(searcher, "simulated-1", 0, &hits, past, &n, &error), SAGE_E_ARGUMENT);
    sage_searcher_close(searcher);
}

static void refuses(void **state) {
    (void)state;
    static const struct {
        sage_query query;
        sage_status status;
    } cases[] = {
        {{.n = 3}, SAGE_E_ARGUMENT},
        {{.text = "a", .product_id = "p1", .n = 3}, SAGE_E_ARGUMENT},
        {{.text = "a", .n = 0}, SAGE_E_ARGUMENT},
        {{.text = "a", .n = 10001}, SAGE_E_ARGUMENT},
        {{.text = "a\xff", .n = 3}, SAGE_E_ARGUMENT},
        {{.text = "a", .n = 3, .diversity = 1.5}, SAGE_E_ARGUMENT},
        {{.product_id = "p1", .method = SAGE_KEYWORDS, .n = 3}, SAGE_E_ARGUMENT},
        {{.product_id = "nowhere", .n = 3}, SAGE_E_NOT_FOUND},
        {{.user_id = "nobody", .n = 3}, SAGE_E_NOT_FOUND},
        {{.user_id = "nobody", .text = "a", .n = 3}, SAGE_E_ARGUMENT},
        {{.session = looked_at, .n_session = 3, .product_id = "p1", .n = 3}, SAGE_E_ARGUMENT},
        {{.session = looked_at, .n_session = 3, .method = SAGE_KEYWORDS, .n = 3}, SAGE_E_ARGUMENT},
        {{.session = looked_at, .n_session = 3, .method = SAGE_HYBRID, .interests = true, .n = 3}, SAGE_E_ARGUMENT},
        {{.session = looked_at, .n_session = 3, .method = SAGE_HYBRID, .n = 3}, SAGE_E_STATE}, /* no tower */
        {{.session = looked_at + 1, .n_session = 1, .n = 3}, SAGE_E_NOT_FOUND},
        {{.session = &wrong[0], .n_session = 1, .n = 3}, SAGE_E_ARGUMENT},
        {{.session = &wrong[1], .n_session = 1, .n = 3}, SAGE_E_ARGUMENT},
        {{.image = "any.png", .n = 3}, SAGE_E_STATE}, /* its model was trained without pictures */
    };
    sage_searcher *searcher = open_searcher();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const sage_hit *hits;
        size_t n = 9;
        assert_int_equal(sage_search(searcher, &cases[i].query, &hits, &n, &error), cases[i].status);
        assert_int_equal(n, 0);
        assert_true(*error.text);
    }
    sage_searcher_close(searcher);
}

/* Callers hand in errors that hold nothing yet, not even an end: a call that succeeds looks at none of it. */
static void success_reads_no_error(void **state) {
    (void)state;
    sage_error *fresh = malloc(sizeof *fresh);
    sage_searcher *searcher = NULL;
    sage_embed_report embedded;
    assert_non_null(fresh);
    memset(fresh, 'x', sizeof *fresh);
    assert_int_equal(sage_embed(shop, false, NULL, &embedded, fresh), SAGE_OK);
    assert_int_equal(sage_searcher_open(shop, &searcher, fresh), SAGE_OK);
    sage_searcher_close(searcher);
    free(fresh);
}

static void short_memory_when_opening(void **state) {
    (void)state;
    sage_status st = SAGE_E_MEMORY;
    unsigned long at = 0;
    while (st != SAGE_OK) {
        sage_searcher *searcher = NULL;
        sage_alloc_fail_from(++at);
        st = sage_searcher_open(shop, &searcher, &error);
        sage_alloc_fail_from(0);
        if (st != SAGE_OK && st != SAGE_E_MEMORY) fail_msg("allocation %lu: %s", at, error.text);
        assert_int_equal(searcher != NULL, st == SAGE_OK);
        sage_searcher_close(searcher);
        assert_true(at < 10000);
    }
    assert_true(at > 10);
}

static bool is_cheaper(const sage_hit *hit, double most) {
    return strtod(hit->price, NULL) < most;
}

/* More filters than a searcher keeps, twice over: each answers for itself, by every method. */
static void finds_what_a_filter_accepts(void **state) {
    (void)state;
    sage_searcher *searcher = open_searcher();
    const sage_hit *all, *hits;
    size_t n_all, n, different = 0, before = 0;
    for (int round = 0; round < 2; round++)
        for (int most = 4; most <= 48; most += 4) {
            char where[32];
            size_t cheaper = 0;
            snprintf(where, sizeof where, "price < %d", most);
            const sage_query every = {.text = "oak", .method = SAGE_VECTORS, .n = PUBLISHED_PRODUCTS};
            tiny_must(sage_search(searcher, &every, &all, &n_all, &error), &error, "search");
            for (size_t i = 0; i < n_all; i++) cheaper += is_cheaper(&all[i], most);
            for (sage_method method = SAGE_VECTORS; method <= SAGE_HYBRID; method++) {
                const sage_query query = {.text = "oak", .method = method, .n = PUBLISHED_PRODUCTS, .where = where};
                tiny_must(sage_search(searcher, &query, &hits, &n, &error), &error, "search");
                if (method != SAGE_KEYWORDS) assert_int_equal(n, cheaper);
                for (size_t i = 0; i < n; i++) assert_true(is_cheaper(&hits[i], most));
            }
            different += cheaper != before;
            before = cheaper;
        }
    assert_true(different > 4);
    const sage_query wrong_column = {.text = "oak", .method = SAGE_VECTORS, .n = 3, .where = "prize < 3"};
    assert_int_equal(sage_search(searcher, &wrong_column, &hits, &n, &error), SAGE_E_ARGUMENT);
    assert_int_equal(error.column, 1);
    sage_searcher_close(searcher);
}

static void short_memory_when_searching(void **state) {
    (void)state;
    sage_searcher *searcher = open_searcher();
    for (sage_method method = SAGE_VECTORS; method <= SAGE_HYBRID; method++) {
        static const char *const filters[] = {"price < 20", "price < 30", "price < 40"};
        const sage_query query = {
            .text = "oak table", .method = method, .n = 7, .where = filters[method - SAGE_VECTORS]};
        sage_status st = SAGE_E_MEMORY;
        for (unsigned long at = 1; st != SAGE_OK; at++) {
            const sage_hit *hits;
            size_t n;
            sage_alloc_fail_from(at);
            st = sage_search(searcher, &query, &hits, &n, &error);
            sage_alloc_fail_from(0);
            if (st != SAGE_OK && st != SAGE_E_MEMORY) fail_msg("allocation %lu: %s", at, error.text);
            assert_true(at < 10000);
        }
    }
    sage_searcher_close(searcher);
}

static void short_memory_for_users(void **state) {
    (void)state;
    sage_query query = {.user_id = "simulated-1", .session = looked_at, .n_session = 3, .n = 7, .fresh = true};
    for (int interests = 0; interests < 2; interests++) {
        sage_status st = SAGE_E_MEMORY;
        query.interests = interests;
        for (unsigned long at = 1; st != SAGE_OK; at++) {
            sage_searcher *searcher = open_searcher();
            const sage_hit *hits;
            size_t n;
            sage_alloc_fail_from(at);
            st = sage_search(searcher, &query, &hits, &n, &error);
            sage_alloc_fail_from(0);
            if (st != SAGE_OK && st != SAGE_E_MEMORY) fail_msg("allocation %lu: %s", at, error.text);
            sage_searcher_close(searcher);
            assert_true(at < 1000);
        }
    }
}

/* Releases come and go; what a searcher reads stays until it is closed, and is pruned after that. */
static void a_reader_keeps_its_release(void **state) {
    (void)state;
    sage_searcher *searcher = open_searcher();
    const sage_query query = {.text = "oak", .method = SAGE_KEYWORDS, .n = 3};
    const sage_hit *hits;
    size_t n;
    sage_release first, last;
    char held[SAGE_PATH_MAX + 32], left[SAGE_PATH_MAX + 32];
    tiny_must(sage_release_read(shop, &first, &error), &error, "current");
    snprintf(held, sizeof held, "%s/index/%llu", shop_dir, (unsigned long long)first.index);
    snprintf(left, sizeof left, "%s/index/live-%d.log", shop_dir, 99); /* of a live index whose version is gone */
    scratch_write(left, "", 0);
    for (int i = 0; i < 3; i++) published_index(shop);
    assert_true(sage_fs_exists(held) && !sage_fs_exists(left));
    tiny_must(sage_search(searcher, &query, &hits, &n, &error), &error, "search");
    assert_true(n > 0);
    sage_searcher_close(searcher);
    published_index(shop);
    assert_false(sage_fs_exists(held));
    tiny_must(sage_release_read(shop, &last, &error), &error, "current");
    assert_int_equal(last.index, first.index + 4);
}

#define WITH_OWN(weight, half_life)                                                                                    \
    "{\"product_model\":1,\"query_model\":1,\"vectors\":1,\"index\":1,\"keywords\":1,\"catalogue_revision\":1,"        \
    "\"inbox_position\":0,\"fusion_weight\":0.5,\"fusion_depth\":10,\"own_weight\":" weight                            \
    ",\"own_half_life\":" half_life "}"

/* Releases of before own products were weighed are read as if nothing had chosen it; others say what was. */
static void own_products_in_current(void **state) {
    (void)state;
    static const char *const texts[] = {
        "{\"product_model\":1,\"query_model\":1,\"vectors\":1,\"index\":1,\"keywords\":1,\"catalogue_revision\":1,"
        "\"inbox_position\":0,\"fusion_weight\":0.5,\"fusion_depth\":100}",
        WITH_OWN("0.4", "60"), WITH_OWN("0", "120.0"),
        WITH_OWN("0", "120.0,\"together_weight\":0.4,\"users\":\"hybrid\"")};
    static const sage_own_rule rules[] = {{0.2, 120, 0.1}, {0.4, 60, 0.1}, {0, 120, 0.1}, {0, 120, 0.4}};
    const char *path = scratch_path(shop_dir, "current");
    size_t n;
    char *good = scratch_read(path, &n);
    for (size_t i = 0; i < 4; i++) {
        sage_release release, again;
        scratch_write(path, texts[i], strlen(texts[i]));
        tiny_must(sage_release_read(shop, &release, &error), &error, "current");
        assert_true(release.own.weight == rules[i].weight && release.own.half_life_days == rules[i].half_life_days);
        tiny_must(sage_release_publish(shop, &release, &error), &error, "publish");
        tiny_must(sage_release_read(shop, &again, &error), &error, "current");
        assert_true(again.own.weight == rules[i].weight && again.own.half_life_days == rules[i].half_life_days);
        assert_true(release.own.together == rules[i].together && again.own.together == rules[i].together);
        assert_true(release.hybrid_users == (i == 3) && again.hybrid_users == (i == 3));
    }
    scratch_write(path, good, n);
    sage_free(good);
}

/* What `current` names may be damaged in every value: an error, never a release of half of it. */
static void current_is_checked(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "{}",
        "[]",
        "{\"product_model\": 1}",
        "{\"product_model\":1,\"query_model\":1,\"vectors\":1,\"index\":-1,\"keywords\":1,\"catalogue_revision\":1,"
        "\"inbox_position\":0,\"fusion_weight\":0.5,\"fusion_depth\":100}",
        "{\"product_model\":1,\"query_model\":1,\"vectors\":1,\"index\":1,\"keywords\":1,\"catalogue_revision\":1,"
        "\"inbox_position\":0,\"fusion_weight\":1.5,\"fusion_depth\":100}",
        "{\"product_model\":1,\"query_model\":1,\"vectors\":1,\"index\":1,\"keywords\":1,\"catalogue_revision\":1,"
        "\"inbox_position\":0,\"fusion_weight\":0.5,\"fusion_depth\":0}",
        "{\"product_model\":1,\"query_model\":1,\"vectors\":1,\"index\":1,\"keywords\":1,\"catalogue_revision\":1,"
        "\"inbox_position\":0,\"fusion_weight\":\"a\",\"fusion_depth\":10}",
        WITH_OWN("-0.1", "120"),
        WITH_OWN("0.2", "0"),
        WITH_OWN("0.2", "\"a\""),
        WITH_OWN("1e99", "120"),
        WITH_OWN("0.2", "120,\"together_weight\":-1"),
        WITH_OWN("0.2", "120,\"together_weight\":\"a\""),
        "{\"product_model\":1,\"query_model\":1,\"vectors\":1,\"index\":1,\"keywords\":1,\"catalogue_revision\":1,"
        "\"inbox_position\":0,\"fusion_weight\":0.5,\"fusion_depth\":10,\"own_weight\":0.1}",
    };
    const char *path = scratch_path(shop_dir, "current");
    size_t n;
    char *good = scratch_read(path, &n);
    assert_non_null(good);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sage_release release;
        sage_searcher *searcher = NULL;
        scratch_write(path, bad[i], strlen(bad[i]));
        assert_int_equal(sage_release_read(shop, &release, &error), SAGE_E_FORMAT);
        assert_non_null(strstr(error.text, "run 'itemsage index'"));
        assert_int_equal(sage_searcher_open(shop, &searcher, &error), SAGE_E_FORMAT);
        assert_null(searcher);
    }
    scratch_write(path, good, n);
    sage_free(good);
    sage_searcher_close(open_searcher());
}

/* An index, keywords or model that `current` names and that is gone. */
static void a_release_that_is_gone(void **state) {
    (void)state;
    static const char *const rooms[] = {"index", "keywords", "models"};
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
        char from[SAGE_PATH_MAX], to[SAGE_PATH_MAX + 8];
        sage_searcher *searcher = NULL;
        snprintf(from, sizeof from, "%s", scratch_path(shop_dir, rooms[i]));
        snprintf(to, sizeof to, "%s.away", from);
        tiny_must(sage_fs_rename(from, to, &error), &error, "rename");
        assert_int_equal(sage_searcher_open(shop, &searcher, &error), SAGE_E_NOT_FOUND);
        assert_null(searcher);
        assert_non_null(strstr(error.text, "run 'itemsage"));
        tiny_must(sage_fs_rename(to, from, &error), &error, "rename back");
    }
    sage_searcher_close(open_searcher());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds),
        cmocka_unit_test(finds_for_users),
        cmocka_unit_test(shows_what_a_user_did),
        cmocka_unit_test(refuses),
        cmocka_unit_test(success_reads_no_error),
        cmocka_unit_test(short_memory_when_opening),
        cmocka_unit_test(finds_what_a_filter_accepts),
        cmocka_unit_test(short_memory_when_searching),
        cmocka_unit_test(short_memory_for_users),
        cmocka_unit_test(own_products_in_current),
        cmocka_unit_test(current_is_checked),
        cmocka_unit_test(a_release_that_is_gone),
        cmocka_unit_test(a_reader_keeps_its_release),
    };
    return cmocka_run_group_tests(tests, ground, clear);
}
