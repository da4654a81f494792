/* A changing graph over regions far from each other, as categories are: whole ones go and others come in their place,
 * or little stays of each. What links the regions has to outlive them. Settled graphs are walked as fresh ones are, so
 * that no scan makes up for what a walk does not find. A query between regions finds all or nothing of one, in fresh
 * graphs too: what is compared are means over several catalogues. */
#include <support/shelf.h>

enum { DIM = 32, CLUSTERS = 10, EACH = 150, N = CLUSTERS * EACH, SEEDS = 6 };

/* Vectors [n][DIM], the first `each` around one centre, the next around another; the caller's to free. */
static float *clustered(size_t n, size_t each, uint64_t seed) {
    float *vectors = made_vectors(n, DIM, seed), *centres = made_vectors(n / each, DIM, 100 + seed);
    for (size_t i = 0; i < n; i++) {
        double square = 0;
        float *x = vectors + i * DIM;
        const float *centre = centres + i / each * DIM;
        for (size_t d = 0; d < DIM; d++) x[d] = 0.2F * x[d] + centre[d];
        for (size_t d = 0; d < DIM; d++) square += (double)(x[d] * x[d]);
        for (size_t d = 0; d < DIM; d++) x[d] /= (float)sqrt(square);
    }
    free(centres);
    return vectors;
}

typedef struct tally {
    size_t graphs, products, lost;
    double recall, fresh;
} tally;

static void look(tally *t, shelf *s) {
    shelf_settle(s);
    shelf_check_links(s);
    t->graphs++;
    t->products += s->alive;
    t->lost += shelf_lost(s);
    assert_int_equal(shelf_out_of_reach(s), 0);
    t->recall += shelf_recall(s, SHELF_K, SHELF_WIDTH);
    t->fresh += shelf_fresh(s, SHELF_K, SHELF_WIDTH, NULL);
}

static void check(const tally *t, const char *what) {
    const double n = (double)t->graphs;
    if (t->recall < t->fresh - 0.01 * n)
        fail_msg("%s: recall %.4f, fresh builds %.4f", what, t->recall / n, t->fresh / n);
    if (t->lost * 1000 > t->products) fail_msg("%s: %zu of %zu are lost", what, t->lost, t->products);
}

static void replace(shelf *s, const float *gone, const float *next, size_t tidied) {
    for (uint32_t row = 0; row < s->room; row++)
        if (s->of[row] >= gone && s->of[row] < gone + EACH * DIM) shelf_delete(s, row);
    for (size_t i = 0; i < EACH; i++) {
        shelf_insert(s, next + i * DIM);
        shelf_tidy(s, tidied);
    }
}

static void test_each_cluster_becomes_another(void **state) {
    (void)state;
    tally others = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        float *vectors = clustered(3 * N, EACH, seed);
        shelf s = shelf_new(vectors, N, DIM, 3 * N, NULL);
        for (size_t i = 0; i < 2 * CLUSTERS; i++) {
            const float *gone = vectors + i * EACH * DIM;
            replace(&s, gone, gone + N * DIM, i % 2 == 0 ? 8 : 64);
            if (i % CLUSTERS == CLUSTERS - 1) look(&others, &s);
        }
        shelf_free(&s);
        free(vectors);
    }
    check(&others, "all clusters are others");
}

/* To a tenth of its products, and with as many others of other regions back to where it was. */
static void test_shrinks_and_grows_again(void **state) {
    (void)state;
    tally shrunk = {0}, grown = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        float *vectors = clustered(2 * N, EACH, seed);
        shelf s = shelf_new(vectors, N, DIM, 2 * N, NULL);
        while (s.alive > N / 10) {
            shelf_delete(&s, shelf_any(&s));
            shelf_tidy(&s, 32);
        }
        look(&shrunk, &s);
        for (const float *next = vectors + N * DIM; s.alive < N; next += DIM) {
            shelf_insert(&s, next);
            shelf_tidy(&s, 32);
        }
        look(&grown, &s);
        shelf_free(&s);
        free(vectors);
    }
    check(&shrunk, "shrunk to a tenth");
    check(&grown, "grown again");
}

/* Of every row's links those that lead far have no other in their place. */
static void test_all_but_some_clusters_go(void **state) {
    (void)state;
    tally left = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        float *vectors = clustered(N, EACH, seed);
        shelf s = shelf_new(vectors, N, DIM, N, NULL);
        for (uint32_t row = 0; row < N; row++)
            if (row / EACH % 3 != 0) shelf_delete(&s, row);
        look(&left, &s);
        shelf_free(&s);
        free(vectors);
    }
    check(&left, "clusters went");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_cluster_becomes_another),
        cmocka_unit_test(test_shrinks_and_grows_again),
        cmocka_unit_test(test_all_but_some_clusters_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
