/* The fusion on lists small enough to do by hand, and its promises on random ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <base/alloc.h>
#include <base/rng.h>
#include <search/search.h>
#include <stdlib.h>
#include <string.h>

/* The true inner products of products 0..9; 9 is not in the index. */
static const float truth[10] = {0.9F, 0.8F, 0.7F, 0.6F, 0.5F, 0.4F, 0.3F, 0.2F, 0.1F, 0};

static bool score_of(void *ctx, int64_t pid, float *score) {
    size_t *asked = ctx;
    ++*asked;
    *score = truth[pid];
    return pid < 9;
}

static sage_candidates join(const sage_scored *vectors, size_t n_vectors, const sage_scored *keywords,
                            size_t n_keywords, size_t *asked) {
    sage_candidates candidates = {0};
    sage_error error = {0};
    *asked = 0;
    if (sage_candidates_join(&candidates, vectors, n_vectors, keywords, n_keywords, score_of, asked, &error) != SAGE_OK)
        fail_msg("%s", error.text);
    return candidates;
}

static const sage_scored vectors[] = {{0, 0.9F}, {1, 0.8F}, {2, 0.7F}}, keywords[] = {{5, 8}, {1, 4}, {9, 2}};

static void test_both_sides_know_the_true_inner_product(void **state) {
    (void)state;
    size_t asked;
    sage_candidates c = join(vectors, 3, keywords, 3, &asked);
    assert_int_equal(asked, 2); /* 5 and 9; the second is left out */
    assert_int_equal(c.n, 4);
    static const sage_candidate expected[] = {{0, 0.9F, 0}, {1, 0.8F, 4}, {2, 0.7F, 0}, {5, 0.4F, 8}};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(c.list[i].pid, expected[i].pid);
        assert_float_equal(c.list[i].vector, expected[i].vector, 0);
        assert_float_equal(c.list[i].keyword, expected[i].keyword, 0);
    }
    /* V: 1, 0.5, 0 and (0.4 - 0.7) / 0.2 = -1.5; K: 0, 0.5, 0, 1 */
    static const float by_half[] = {0.5F, 0.5F, 0, -0.25F};
    for (size_t i = 0; i < 4; i++) assert_float_equal(sage_fused_score(0.5, &c, &c.list[i]), by_half[i], 1e-6);
    sage_candidates_free(&c);
}

static void test_order_and_ties(void **state) {
    (void)state;
    size_t asked;
    sage_scored out[4];
    const sage_scored even[] = {{4, 2}, {2, 1}, {8, 0}}, none[1];
    sage_candidates c = join(vectors, 3, keywords, 3, &asked);
    sage_fuse(1, &c, out);
    static const int64_t by_vectors[] = {0, 1, 2, 5};
    for (size_t i = 0; i < 4; i++) assert_int_equal(out[i].pid, by_vectors[i]);
    sage_fuse(0, &c, out);
    static const int64_t by_keywords[] = {5, 1, 0, 2}; /* 0 and 2 hold no word: by pid */
    for (size_t i = 0; i < 4; i++) assert_int_equal(out[i].pid, by_keywords[i]);
    sage_candidates_free(&c);
    c = join(even, 3, none, 0, &asked);
    sage_fuse(0.3, &c, out); /* no keyword found: the vectors' order */
    static const int64_t alone[] = {4, 2, 8};
    for (size_t i = 0; i < 3; i++) assert_int_equal(out[i].pid, alone[i]);
    sage_candidates_free(&c);
}

static void test_one_side_only(void **state) {
    (void)state;
    size_t asked;
    sage_scored out[3];
    sage_candidates c = join(NULL, 0, keywords, 3, &asked);
    assert_int_equal(asked, 0); /* the model knows nothing of the text */
    assert_int_equal(c.n, 3);
    sage_fuse(0.7, &c, out);
    for (size_t i = 0; i < 3; i++) assert_int_equal(out[i].pid, keywords[i].pid);
    sage_candidates_free(&c);
    c = join(NULL, 0, NULL, 0, &asked);
    assert_int_equal(c.n, 0);
    sage_fuse(0.5, &c, out);
    sage_candidates_free(&c);
    const sage_scored flat[] = {{3, 0.6F}, {6, 0.6F}};
    c = join(flat, 2, keywords, 1, &asked); /* all of one score: no division by zero */
    sage_fuse(0.5, &c, out);
    assert_int_equal(c.n, 3);
    for (size_t i = 0; i < 3; i++) assert_true(out[i].score >= 0 && out[i].score <= 1);
    sage_candidates_free(&c);
}

static int descending(const void *a, const void *b) {
    const sage_scored *x = a, *y = b;
    return (x->score < y->score) - (x->score > y->score);
}

static void test_random_lists_keep_the_promises(void **state) {
    (void)state;
    enum { N = 40 };
    static float inner[N];
    sage_scored a[N], b[N], out[2 * N];
    sage_rng rng;
    sage_rng_seed(&rng, 5, 5);
    for (int round = 0; round < 200; round++) {
        size_t n_a = 0, n_b = 0, asked;
        for (size_t i = 0; i < N; i++) {
            inner[i] = (float)sage_rng_unit(&rng);
            if (i < 9 && sage_rng_below(&rng, 2)) a[n_a++] = (sage_scored){(int64_t)i, truth[i]};
            if (i < 9 && sage_rng_below(&rng, 2)) b[n_b++] = (sage_scored){(int64_t)i, 0.01F + inner[i]};
        }
        qsort(a, n_a, sizeof *a, descending);
        qsort(b, n_b, sizeof *b, descending);
        sage_candidates c = join(a, n_a, b, n_b, &asked);
        double weight = sage_rng_unit(&rng);
        sage_fuse(weight, &c, out);
        bool seen[N] = {false};
        for (size_t i = 0; i < c.n; i++) {
            assert_false(seen[out[i].pid]);
            seen[out[i].pid] = true;
            if (i > 0)
                assert_true(out[i - 1].score > out[i].score ||
                            (out[i - 1].score == out[i].score && out[i - 1].pid < out[i].pid));
        }
        for (size_t i = 0; i < n_a; i++) assert_true(seen[a[i].pid]);
        for (size_t i = 0; i < n_b; i++) assert_true(seen[b[i].pid]);
        sage_candidates_free(&c);
    }
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

static void test_allocation_may_fail(void **state) {
    (void)state;
    sage_candidates c = {0};
    sage_error error;
    size_t asked = 0;
    sage_alloc_fail_from(1);
    assert_int_equal(sage_candidates_join(&c, vectors, 3, keywords, 3, score_of, &asked, &error), SAGE_E_MEMORY);
    sage_alloc_fail_from(0);
    sage_candidates_free(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_sides_know_the_true_inner_product),
        cmocka_unit_test(test_order_and_ties),
        cmocka_unit_test(test_one_side_only),
        cmocka_unit_test(test_random_lists_keep_the_promises),
        cmocka_unit_test(test_method_names),
        cmocka_unit_test(test_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
