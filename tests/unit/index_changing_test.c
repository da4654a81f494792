/* A graph that changes, against exact search: whatever is inserted and deleted, and in which order, searches give what
 * is alive, as well as a graph that is built afresh, in bounded memory. For the slow suites, any number of changes:
 * `index_changing_test changes N [SEED]`. */
#include <base/alloc.h>
#include <stdio.h>
#include <support/shelf.h>

enum { DIM = 32 };

/* One random change; the next vector where it is an insert. */
static void change(shelf *s, const float **next, double inserts) {
    if (s->alive == 0 || sage_rng_unit(&s->rng) < inserts) {
        shelf_insert(s, *next);
        *next += s->dim;
    } else {
        shelf_delete(s, shelf_any(s));
    }
}

static void test_random_changes(void **state) {
    (void)state;
    enum { FIRST = 1000, CHANGES = 3000 };
    float *vectors = made_vectors(FIRST + CHANGES, DIM, 1);
    static const double inserts[] = {0.5, 0.7, 0.3};
    shelf s = shelf_new(vectors, FIRST, DIM, FIRST + CHANGES, NULL);
    const float *next = vectors + FIRST * DIM;
    shelf_check(&s, "at first");
    for (size_t i = 1; i <= CHANGES; i++) {
        change(&s, &next, inserts[i / 1000 % 3]);
        shelf_tidy(&s, 32);
        if (i % 1000 == 0) shelf_check(&s, "after random changes");
        if (i % 97 == 0) shelf_check_links(&s);
    }
    shelf_check_none_lost(&s, "after random changes");
    shelf_free(&s);
    free(vectors);
}

/* From nothing, and to nothing and back, with a sweep under way at each size. */
static void test_from_nothing_and_back(void **state) {
    (void)state;
    enum { MOST = 400 };
    float *vectors = made_vectors(4 * MOST, DIM, 1);
    shelf s = shelf_new(vectors, 0, DIM, 4 * MOST, NULL);
    const float *next = vectors;
    assert_true(shelf_recall(&s, SHELF_K, SHELF_WIDTH) == 1);
    for (size_t most = 1; most <= MOST; most = most * 3 + 1) {
        for (int round = 0; round < 2; round++) {
            while (s.alive < most) {
                shelf_insert(&s, next);
                next += DIM;
                shelf_tidy(&s, 3);
                if (s.alive < 40) assert_true(shelf_recall(&s, SHELF_K, 40) > 0.99);
            }
            shelf_check(&s, "filled");
            while (s.alive > 0) {
                shelf_delete(&s, shelf_any(&s));
                shelf_tidy(&s, 3);
                if (s.alive < 40) assert_true(shelf_recall(&s, SHELF_K, 40) > 0.99);
            }
            for (size_t i = 0; i < 300; i++) shelf_tidy(&s, 3);
            assert_int_equal(s.changing->hnsw.graph.entry, SAGE_NO_ROW);
        }
    }
    shelf_free(&s);
    free(vectors);
}

/* Of all that they were linked to nothing is left; the few that stay find each other. */
static void test_few_stay(void **state) {
    (void)state;
    enum { N = 1200 };
    static const size_t stay[] = {2, 7, 40};
    float *vectors = made_vectors(2 * N, DIM, 1);
    for (size_t i = 0; i < 3; i++) {
        shelf s = shelf_new(vectors, N, DIM, 2 * N, NULL);
        while (s.alive > stay[i]) shelf_delete(&s, shelf_any(&s));
        for (size_t j = 0; j < 100; j++) shelf_tidy(&s, 50);
        assert_int_equal(s.changing->n_stands, stay[i]);
        assert_int_equal(shelf_out_of_reach(&s), 0);
        shelf_check(&s, "few stay");
        for (size_t j = 0; j < N; j++) shelf_insert(&s, vectors + (N + j) * DIM);
        shelf_check(&s, "few stayed");
        shelf_free(&s);
    }
    free(vectors);
}

/* Links of the ground between rows that are alive; with `before`, those that are links there too. */
static size_t living_links(const shelf *s, const uint32_t *before) {
    const sage_graph *graph = &s->changing->hnsw.graph;
    const size_t width = sage_graph_width(graph, 0);
    size_t n = 0;
    for (uint32_t row = 0; row < graph->n; row++) {
        const uint32_t *links = sage_graph_links(graph, row, 0);
        for (size_t i = 0; s->of[row] != NULL && i < width && links[i] != SAGE_NO_ROW; i++) {
            bool there = before == NULL;
            for (size_t j = 0; !there && j < width; j++) there = before[row * width + j] == links[i];
            n += there && s->of[links[i]] != NULL;
        }
    }
    return n;
}

/* A row that chooses anew keeps what still leads somewhere. */
static void test_a_sweep_keeps_links(void **state) {
    (void)state;
    enum { N = 1000 };
    float *vectors = made_vectors(N, DIM, 1);
    shelf s = shelf_new(vectors, N, DIM, N, NULL);
    const sage_graph *graph = &s.changing->hnsw.graph;
    const size_t bytes = N * sage_graph_width(graph, 0) * sizeof(uint32_t);
    uint32_t *before = malloc(bytes);
    while (s.alive > N * 9 / 10) shelf_delete(&s, shelf_any(&s));
    memcpy(before, graph->ground, bytes);
    const size_t living = living_links(&s, NULL);
    shelf_settle(&s);
    const size_t kept = living_links(&s, before);
    if (kept < living * 19 / 20) fail_msg("%zu of %zu links are kept", kept, living);
    free(before);
    shelf_free(&s);
    free(vectors);
}

/* From an entry that leads nowhere: a new row finds the rows nearest to it all the same. */
static void test_an_entry_that_leads_nowhere(void **state) {
    (void)state;
    enum { N = 300 };
    float *vectors = made_vectors(2 * N, DIM, 1);
    shelf s = shelf_new(vectors, N, DIM, 2 * N, NULL);
    const sage_graph *graph = &s.changing->hnsw.graph;
    for (unsigned level = 0; level <= graph->levels[graph->entry]; level++)
        memset(sage_graph_links(graph, graph->entry, level), 0xff, sage_graph_width(graph, level) * sizeof(uint32_t));
    sage_neighbour nearest;
    size_t found, hits = 0;
    for (size_t i = N; i < 2 * N; i++) {
        const float *query = vectors + i * DIM;
        assert_int_equal(sage_exact_search(NULL, vectors, i, DIM, query, 1, 1, &nearest, &found, NULL), SAGE_OK);
        const uint32_t row = shelf_insert(&s, query);
        assert_int_equal(row, i);
        hits += sage_graph_links(graph, row, 0)[0] == nearest.row;
    }
    assert_true(hits > N * 9 / 10);
    shelf_check(&s, "from an entry that led nowhere");
    shelf_free(&s);
    free(vectors);
}

/* Few vectors, each of many products: copies follow from the first, which goes like any other. */
static void test_many_the_same(void **state) {
    (void)state;
    enum { N = 1000, DISTINCT = 40, CHANGES = 3000 };
    float *vectors = made_vectors(DISTINCT, DIM, 1), *first = malloc(N * DIM * sizeof *first);
    for (size_t i = 0; i < N; i++) memcpy(first + i * DIM, vectors + i % DISTINCT * DIM, DIM * sizeof *first);
    shelf s = shelf_new(first, N, DIM, N + CHANGES, NULL);
    for (size_t i = 1; i <= CHANGES; i++) {
        const uint32_t row = i % 3 == 0 ? s.list[0] : shelf_any(&s);
        shelf_delete(&s, row);
        shelf_insert(&s, vectors + sage_rng_below(&s.rng, DISTINCT) * DIM);
        shelf_tidy(&s, 16);
        if (i % 500 == 0) shelf_check_links(&s);
        if (i % 750 == 0) assert_true(shelf_recall(&s, SHELF_K, SHELF_WIDTH) > 0.999);
        if (i % 1500 == 0) assert_true(shelf_recall(&s, N, N) > 0.999);
    }
    assert_true(s.changing->hnsw.graph.n < N * 13 / 10);
    shelf_free(&s);
    free(vectors);
    free(first);
}

static void test_the_entry_goes_again_and_again(void **state) {
    (void)state;
    enum { N = 1000, CHANGES = 2000 };
    float *vectors = made_vectors(N + CHANGES, DIM, 1);
    shelf s = shelf_new(vectors, N, DIM, N + CHANGES, NULL);
    size_t went = 0;
    for (size_t i = 0; i < CHANGES; i++) {
        const uint32_t entry = s.changing->hnsw.graph.entry;
        went += s.of[entry] != NULL;
        shelf_delete(&s, s.of[entry] != NULL ? entry : shelf_any(&s));
        shelf_insert(&s, vectors + (N + i) * DIM);
        shelf_tidy(&s, 64);
    }
    assert_true(went > 10);
    shelf_check(&s, "without its entries");
    shelf_free(&s);
    free(vectors);
}

/* The whole catalogue becomes another, ten times: in the memory of a fresh build and a third, and as well. */
static void test_churn(void **state) {
    (void)state;
    enum { N = 1000, TIMES = 10 };
    float *vectors = made_vectors(N * (TIMES + 1), DIM, 1);
    shelf s = shelf_new(vectors, N, DIM, 2 * N, NULL);
    for (size_t i = 0; i < N * TIMES; i++) {
        shelf_delete(&s, shelf_any(&s));
        shelf_insert(&s, vectors + (N + i) * DIM);
        shelf_tidy(&s, 32);
    }
    size_t fresh;
    shelf_fresh(&s, SHELF_K, SHELF_WIDTH, &fresh);
    const size_t bytes = sage_changing_bytes(s.changing);
    if (bytes > fresh * 13 / 10) fail_msg("%zu bytes after churn, %zu afresh", bytes, fresh);
    shelf_settle(&s);
    shelf_check(&s, "after churn");
    shelf_check_none_lost(&s, "after churn");
    shelf_free(&s);
    free(vectors);
}

/* With so few links a row is soon without any that lead to it (two of these 3,000 after the build, were ways not looked
 * for). */
static void test_ways_lead_to_all(void **state) {
    (void)state;
    enum { N = 3000 };
    const sage_hnsw_options few = {.m = SAGE_GRAPH_M_MIN, .build = 8, .seed = 1, .bytes = true};
    float *vectors = made_vectors(2 * N, DIM, 1);
    shelf s = shelf_of(&few, vectors, N, DIM, 2 * N, NULL);
    for (size_t i = 0; i < N; i++) {
        shelf_delete(&s, shelf_any(&s));
        shelf_insert(&s, vectors + (N + i) * DIM);
        shelf_tidy(&s, 32);
        if (!s.changing->sweeping && s.changing->n_moved == 0) assert_int_equal(shelf_out_of_reach(&s), 0);
    }
    shelf_settle(&s);
    assert_int_equal(shelf_out_of_reach(&s), 0);
    shelf_check_links(&s);
    shelf_free(&s);
    free(vectors);
}

/* Slots are not used again while somebody may look at them. */
static void test_slots_wait_for_readers(void **state) {
    (void)state;
    enum { N = 500 };
    float *vectors = made_vectors(4 * N, DIM, 1);
    const float *next = vectors + N * DIM;
    shelf s = shelf_new(vectors, N, DIM, 4 * N, NULL);
    for (int inside = 1; inside >= 0; inside--) {
        const size_t before = s.changing->hnsw.graph.n;
        if (inside) sage_changing_enter(&s.reader);
        for (size_t i = 0; i < N; i++, next += DIM) {
            shelf_delete(&s, shelf_any(&s));
            shelf_insert(&s, next);
            shelf_tidy(&s, N);
        }
        const size_t came = s.changing->hnsw.graph.n - before;
        if (inside) assert_int_equal(came, N);
        if (!inside) assert_true(came < N / 3);
        if (inside) sage_changing_leave(&s.reader);
    }
    shelf_check(&s, "after a reader stayed");
    shelf_free(&s);
    free(vectors);
}

static void test_threads_change_no_link(void **state) {
    (void)state;
    enum { N = 1500, CHANGES = 600 };
    float *vectors = made_vectors(N + CHANGES, DIM, 1);
    sage_pool *pool;
    assert_int_equal(sage_pool_new(3, &pool, NULL), SAGE_OK);
    shelf one = shelf_new(vectors, N, DIM, N + CHANGES, NULL), more = shelf_new(vectors, N, DIM, N + CHANGES, pool);
    for (size_t i = 0; i < CHANGES; i++) {
        const uint32_t row = shelf_any(&one);
        shelf *both[] = {&one, &more};
        for (size_t j = 0; j < 2; j++) {
            shelf_delete(both[j], row);
            shelf_insert(both[j], vectors + (N + i) * DIM);
            shelf_tidy(both[j], 500);
        }
    }
    const sage_graph *a = &one.changing->hnsw.graph, *b = &more.changing->hnsw.graph;
    assert_int_equal(a->n, b->n);
    assert_memory_equal(a->ground, b->ground, a->n * 2 * a->m * sizeof *a->ground);
    assert_memory_equal(a->upper, b->upper, a->n_upper * a->m * sizeof *a->upper);
    shelf_free(&one);
    shelf_free(&more);
    sage_pool_free(pool);
    free(vectors);
}

/* Where memory is short a change is refused, and everything is as it was. */
static void test_allocations_may_fail(void **state) {
    (void)state;
    enum { N = 120 };
    float *vectors = made_vectors(3 * N, DIM, 1);
    size_t refused = 0;
    for (unsigned long from = 1; from < 12; from++) {
        shelf s = shelf_new(vectors, N, DIM, 3 * N, NULL);
        const float *next = vectors + N * DIM;
        sage_alloc_fail_from(from);
        for (size_t i = 0; i < N; i++) {
            uint32_t row;
            sage_status st = sage_changing_insert(s.changing, next, &row, NULL);
            if (st == SAGE_OK) shelf_note(&s, row, next);
            if (st == SAGE_OK) next += DIM;
            if (st == SAGE_OK) shelf_delete(&s, shelf_any(&s));
            if (st == SAGE_OK) st = sage_changing_tidy(s.changing, 20, NULL);
            if (st != SAGE_OK) assert_int_equal(st, SAGE_E_MEMORY);
            refused += st != SAGE_OK;
        }
        sage_alloc_fail_from(0);
        for (size_t i = 0; i < 20; i++) shelf_tidy(&s, 100);
        shelf_check(&s, "after memory was short");
        shelf_free(&s);
    }
    assert_true(refused > 100);
    free(vectors);
}

/* A catalogue that grows and shrinks, and of which now and then most goes at once. Vectors come back, so that some have
 * copies. */
static int change_for_long(size_t changes, uint64_t seed) {
    enum { FIRST = 2000, VECTORS = 1 << 16, ROOM = 1 << 14, LOOK = 20000, SINK = 7 * LOOK };
    float *vectors = made_vectors(VECTORS, DIM, 1);
    shelf s = shelf_new(vectors, FIRST, DIM, ROOM, NULL);
    sage_rng_seed(&s.rng, seed, 1);
    for (size_t i = 1; i <= changes; i++) {
        const float *next = vectors + sage_rng_below(&s.rng, VECTORS) * DIM;
        change(&s, &next, s.alive < FIRST / 2 ? 0.7 : s.alive > 2 * FIRST ? 0.3 : 0.5);
        shelf_tidy(&s, 32);
        while (i % SINK == 0 && s.alive > FIRST / 20) shelf_delete(&s, shelf_any(&s));
        if (i % LOOK != 0) continue;
        if (i % (2 * LOOK) == 0) shelf_settle(&s);
        shelf_check(&s, "among very many changes");
        shelf_check_none_lost(&s, "among very many changes");
    }
    printf("%zu changes: %zu products in %zu slots, recall@%d %.4f, afresh %.4f\n", changes, s.alive,
           s.changing->hnsw.graph.n, SHELF_K, shelf_recall(&s, SHELF_K, SHELF_WIDTH),
           shelf_fresh(&s, SHELF_K, SHELF_WIDTH, NULL));
    shelf_free(&s);
    free(vectors);
    return 0;
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_changes),
        cmocka_unit_test(test_from_nothing_and_back),
        cmocka_unit_test(test_few_stay),
        cmocka_unit_test(test_a_sweep_keeps_links),
        cmocka_unit_test(test_an_entry_that_leads_nowhere),
        cmocka_unit_test(test_many_the_same),
        cmocka_unit_test(test_the_entry_goes_again_and_again),
        cmocka_unit_test(test_churn),
        cmocka_unit_test(test_ways_lead_to_all),
        cmocka_unit_test(test_slots_wait_for_readers),
        cmocka_unit_test(test_threads_change_no_link),
        cmocka_unit_test(test_allocations_may_fail),
    };
    if (argc > 2 && strcmp(argv[1], "changes") == 0)
        return change_for_long(strtoul(argv[2], NULL, 10), argc > 3 ? strtoull(argv[3], NULL, 10) : 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
