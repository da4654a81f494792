/* When short lists decide the hybrid: on random catalogues of which every score is known. */
#include <base/rng.h>
#include <search/fusion.h>
#include <stdlib.h>
#include <support/test.h>

/* A catalogue of which both scores are known. */
enum { CATALOGUE = 60 };
typedef struct catalogue {
    sage_candidate all[CATALOGUE];
    sage_candidate some[CATALOGUE];
    sage_scored by_vector[CATALOGUE], by_keyword[CATALOGUE];
    size_t n_keywords;
} catalogue;

static int descending(const void *a, const void *b) {
    const sage_scored *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return (x->pid > y->pid) - (x->pid < y->pid);
}

/* Scores of few steps, so that many are equal; `known`: the model knows something of the text. */
static void draw_catalogue(sage_rng *rng, bool known, catalogue *c) {
    const uint64_t steps = 2 + sage_rng_below(rng, 40);
    c->n_keywords = 0;
    for (int64_t i = 0; i < CATALOGUE; i++) {
        const float vector = known ? (float)sage_rng_below(rng, steps) / (float)steps - 0.2F : 0;
        const float keyword = sage_rng_below(rng, 2) ? 1 + (float)sage_rng_below(rng, steps) : 0;
        c->all[i] = (sage_candidate){i, vector, keyword};
        c->by_vector[i] = (sage_scored){i, vector};
        if (keyword > 0) c->by_keyword[c->n_keywords++] = (sage_scored){i, keyword};
    }
    qsort(c->by_vector, CATALOGUE, sizeof *c->by_vector, descending);
    qsort(c->by_keyword, c->n_keywords, sizeof *c->by_keyword, descending);
}

static sage_lists lists_of(catalogue *c, bool known, size_t depth) {
    bool in[CATALOGUE] = {false};
    sage_lists lists = {.vectors = c->by_vector,
                        .keywords = c->by_keyword,
                        .n_vectors = known ? depth : 0,
                        .n_keywords = c->n_keywords < depth ? c->n_keywords : depth};
    for (size_t i = 0; i < lists.n_vectors; i++) in[c->by_vector[i].pid] = true;
    for (size_t i = 0; i < lists.n_keywords; i++) in[c->by_keyword[i].pid] = true;
    size_t n = 0;
    for (size_t i = 0; i < CATALOGUE; i++)
        if (in[i]) c->some[n++] = c->all[i];
    lists.candidates = (sage_candidates){c->some, n, c->n_keywords > 0 ? c->by_keyword[0].score : 0};
    return lists;
}

static void test_what_is_sure_is_so(void **state) {
    (void)state;
    sage_rng rng;
    catalogue c;
    sage_scored some[CATALOGUE], all[CATALOGUE];
    size_t sure = 0, unsure = 0;
    sage_rng_seed(&rng, 5, 1);
    for (size_t round = 0; round < 20000; round++) {
        const bool known = sage_rng_below(&rng, 8) > 0;
        const double weight = (double)sage_rng_below(&rng, 11) / 10;
        const size_t k = 1 + sage_rng_below(&rng, 10), depth = k + sage_rng_below(&rng, CATALOGUE / 2);
        draw_catalogue(&rng, known, &c);
        const sage_lists lists = lists_of(&c, known, depth);
        const sage_candidates whole = {c.all, CATALOGUE, lists.candidates.keyword_high};
        sage_fuse(weight, &lists.candidates, some);
        sage_fuse(weight, &whole, all);
        if (!sage_fused_surely(weight, &lists, depth, some, k)) {
            unsure++;
            continue;
        }
        sure++;
        for (size_t i = 0; i < k; i++) assert_true(some[i].pid == all[i].pid && some[i].score == all[i].score);
    }
    assert_true(sure > 2000 && unsure > 2000);
}

static void test_a_list_that_ends_early_has_all(void **state) {
    (void)state;
    const sage_scored three[] = {{1, 0.3F}, {2, 0.2F}, {3, 0.1F}};
    const sage_candidate both[] = {{1, 0.3F, 0}, {2, 0.2F, 0}, {3, 0.1F, 0}};
    const sage_lists lists = {three, NULL, 3, 0, {both, 3, 0}};
    assert_true(sage_fused_surely(0.5, &lists, 20, three, 10));
    assert_false(sage_fused_surely(0.5, &lists, 3, three, 10));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_sure_is_so),
        cmocka_unit_test(test_a_list_that_ends_early_has_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
