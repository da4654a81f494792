/* The fusion on lists small enough to do by hand, and its promises on random ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <base/alloc.h>
#include <base/rng.h>
#include <io/fs.h>
#include <search/join.h>
#include <search/search.h>
#include <stdlib.h>
#include <string.h>

/* Products 0..8 and their inner products with the query (1); 9 is not in the index. */
enum { PRODUCTS = 9 };
static const float truth[10] = {0.9F, 0.8F, 0.7F, 0.6F, 0.5F, 0.4F, 0.3F, 0.2F, 0.1F, 0};
static const float query[1] = {1};
static sage_index *index_of_nine;
static char dir[] = "/tmp/fusion_test_XXXXXX";

static int make_index(void **state) {
    (void)state;
    sage_index_writer *writer;
    if (mkdtemp(dir) == NULL || sage_index_create(dir, PRODUCTS, 1, &writer, NULL) != SAGE_OK) return -1;
    for (size_t i = 0; i < PRODUCTS; i++) {
        const sage_str shown[SAGE_SHOWN] = {SAGE_STR("x")};
        if (sage_index_add(writer, (int64_t)i, &truth[i], shown, NULL) != SAGE_OK) return -1;
    }
    if (sage_index_finish(writer, NULL) != SAGE_OK) return -1;
    return sage_index_open(dir, true, &index_of_nine, NULL) == SAGE_OK ? 0 : -1;
}

static int drop_index(void **state) {
    (void)state;
    sage_index_close(index_of_nine);
    return sage_fs_remove_tree(dir, NULL) == SAGE_OK ? 0 : -1;
}

/* What keywords would say of every product. */
static sage_candidates join_of(sage_join *join, const sage_scored *vectors, size_t n_vectors,
                               const sage_keyword_hit *hits, size_t n_hits, const float bm25[10]) {
    sage_candidates candidates;
    sage_error error = {0};
    if (sage_join_begin(join, vectors, n_vectors, &error) != SAGE_OK) fail_msg("%s", error.text);
    for (size_t i = 0; i < n_vectors; i++) {
        if (i > 0) assert_true(join->wanted[i - 1] < join->wanted[i]);
        join->scores[i] = bm25[join->wanted[i]];
    }
    if (sage_join_end(join, hits, n_hits, index_of_nine, n_vectors > 0 ? query : NULL, &candidates, &error) != SAGE_OK)
        fail_msg("%s", error.text);
    return candidates;
}

static const sage_scored vectors[] = {{0, 0.9F}, {1, 0.8F}, {2, 0.7F}};
static const sage_keyword_hit hits[] = {{5, 8}, {1, 4}, {9, 2}};
static const float bm25[10] = {0, 4, 1, 0, 0, 8, 0, 0, 0, 2};

static void test_every_candidate_has_both_true_scores(void **state) {
    (void)state;
    sage_join join = {0};
    sage_candidates c = join_of(&join, vectors, 3, hits, 3, bm25);
    /* 2 holds a word, though the keywords' list ended before it; 9 is not in the index. */
    static const sage_candidate expected[] = {{0, 0.9F, 0}, {1, 0.8F, 4}, {2, 0.7F, 1}, {5, 0.4F, 8}};
    assert_int_equal(c.n, 4);
    assert_float_equal(c.keyword_high, 8, 0);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(c.list[i].pid, expected[i].pid);
        assert_float_equal(c.list[i].vector, expected[i].vector, 0);
        assert_float_equal(c.list[i].keyword, expected[i].keyword, 0);
    }
    static const float by_half[] = {0.45F, 0.65F, 0.4125F, 0.7F};
    for (size_t i = 0; i < 4; i++) assert_float_equal(sage_fused_score(0.5, &c, &c.list[i]), by_half[i], 1e-6);
    sage_join_free(&join);
}

static void check_order(const sage_candidates *c, double weight, const int64_t *expected) {
    sage_scored out[10];
    sage_fuse(weight, c, out);
    for (size_t i = 0; i < c->n; i++) assert_int_equal(out[i].pid, expected[i]);
}

static void test_order_and_ties(void **state) {
    (void)state;
    sage_join join = {0};
    sage_candidates c = join_of(&join, vectors, 3, hits, 3, bm25);
    check_order(&c, 1, (const int64_t[]){0, 1, 2, 5});
    check_order(&c, 0, (const int64_t[]){5, 1, 2, 0});
    check_order(&c, 0.5, (const int64_t[]){5, 1, 0, 2});
    const float nothing[10] = {0};
    c = join_of(&join, vectors, 3, NULL, 0, nothing); /* no product holds a word: the vectors' order */
    check_order(&c, 0.3, (const int64_t[]){0, 1, 2});
    check_order(&c, 0, (const int64_t[]){0, 1, 2}); /* all equal: by pid */
    sage_join_free(&join);
}

static void test_one_side_only(void **state) {
    (void)state;
    sage_join join = {0};
    sage_candidates c = join_of(&join, NULL, 0, hits, 3, bm25); /* the model knows nothing of the text */
    check_order(&c, 0.7, (const int64_t[]){5, 1});
    assert_int_equal(c.n, 2);
    c = join_of(&join, NULL, 0, NULL, 0, bm25);
    assert_int_equal(c.n, 0);
    sage_fuse(0.5, &c, NULL);
    sage_join_free(&join);
}

static int descending(const void *a, const void *b) {
    const sage_keyword_hit *x = a, *y = b;
    return (x->score < y->score) - (x->score > y->score);
}

/* Whatever the lists, the fusion is the order of w v + (1 - w) b / b_max over their union. */
static void test_random_lists(void **state) {
    (void)state;
    sage_join join = {0};
    sage_rng rng;
    sage_rng_seed(&rng, 5, 5);
    for (int round = 0; round < 300; round++) {
        float words[10] = {0};
        sage_scored a[PRODUCTS], out[2 * PRODUCTS];
        sage_keyword_hit b[PRODUCTS];
        size_t n_a = 0, n_b = 0, expected = 0;
        bool in[PRODUCTS] = {false};
        for (size_t i = 0; i < PRODUCTS; i++)
            words[i] = sage_rng_below(&rng, 2) ? 0.01F + (float)sage_rng_unit(&rng) : 0;
        for (size_t i = 0; i < PRODUCTS && sage_rng_below(&rng, 6) > 0; i++)
            a[n_a++] = (sage_scored){(int64_t)i, truth[i]};
        for (size_t i = 0; i < PRODUCTS; i++)
            if (words[i] > 0) b[n_b++] = (sage_keyword_hit){(int64_t)i, words[i]};
        qsort(b, n_b, sizeof *b, descending);
        if (n_b > 3) n_b = 3;
        for (size_t i = 0; i < n_a; i++) in[a[i].pid] = true;
        for (size_t i = 0; i < n_b; i++) in[b[i].pid] = true;
        for (size_t i = 0; i < PRODUCTS; i++) expected += in[i];
        sage_candidates c = join_of(&join, a, n_a, b, n_b, words);
        double weight = sage_rng_unit(&rng);
        assert_int_equal(c.n, expected);
        sage_fuse(weight, &c, out);
        for (size_t i = 0; i < c.n; i++) {
            assert_true(in[out[i].pid]);
            double v = n_a > 0 ? (double)truth[out[i].pid] : 0,
                   k = n_b > 0 ? (double)words[out[i].pid] / (double)b[0].score : 0;
            assert_float_equal(out[i].score, weight * v + (1 - weight) * k, 1e-6);
            if (i > 0)
                assert_true(out[i - 1].score > out[i].score ||
                            (out[i - 1].score == out[i].score && out[i - 1].pid < out[i].pid));
        }
    }
    sage_join_free(&join);
}

static void test_method_names(void **state) {
    (void)state;
    sage_error error;
    for (int i = 0; i < SAGE_METHODS; i++) {
        sage_method method = SAGE_VECTORS;
        assert_int_equal(sage_method_parse(sage_method_name((sage_method)i), &method, &error), SAGE_OK);
        assert_int_equal(method, i);
    }
    sage_method method;
    assert_int_equal(sage_method_parse("bm25", &method, &error), SAGE_E_ARGUMENT);
    assert_non_null(strstr(error.text, "hybrid"));
}

static void test_allocations_may_fail(void **state) {
    (void)state;
    sage_error error;
    sage_candidates c;
    bool done = false;
    for (unsigned long from = 1; !done; from++) {
        sage_join join = {0};
        sage_alloc_fail_from(from);
        sage_status st = sage_join_begin(&join, vectors, 3, &error);
        for (size_t i = 0; st == SAGE_OK && i < 3; i++) join.scores[i] = bm25[join.wanted[i]];
        if (st == SAGE_OK) st = sage_join_end(&join, hits, 3, index_of_nine, query, &c, &error);
        done = sage_alloc_fail_from(0) < from;
        assert_int_equal(st, done ? SAGE_OK : SAGE_E_MEMORY);
        sage_join_free(&join);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_candidate_has_both_true_scores),
        cmocka_unit_test(test_order_and_ties),
        cmocka_unit_test(test_one_side_only),
        cmocka_unit_test(test_random_lists),
        cmocka_unit_test(test_method_names),
        cmocka_unit_test(test_allocations_may_fail),
    };
    return cmocka_run_group_tests(tests, make_index, drop_index);
}
