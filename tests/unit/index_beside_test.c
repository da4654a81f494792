/* Readers beside a writer: no search waits, gives what was dead before it began, or sees half of a row. Under TSan no
 * two of them touch the same memory out of turn. */
#include <index/among.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <support/shelf.h>

enum { DIM = 24, N = 600, CHANGES = 4000, READERS = 3, K = 10 };

typedef struct scene {
    shelf shelf;
    _Atomic uint64_t now;               /* changes so far */
    _Atomic uint64_t died[N + CHANGES]; /* when what was last in a slot died; 0: it lives */
    atomic_bool over;
} scene;

typedef struct reader {
    scene *scene;
    uint64_t seed, searches, wrong, short_of;
} reader;

/* What died last in the slot may have been there before; the writer says so when it is done with the change. */
static bool was_dead(scene *s, uint32_t row, uint64_t began) {
    uint64_t now = atomic_load(&s->now), died = atomic_load(&s->died[row]);
    if (died == 0 || died > began) return false;
    while (atomic_load(&s->now) == now && !atomic_load(&s->over)) sched_yield();
    died = atomic_load(&s->died[row]);
    return died != 0 && died <= began;
}

/* A reader that the system stops in the middle may come back to a shelf where half of what it found is gone. */
static void check(reader *r, const float *query, const sage_neighbour *out, size_t found, uint64_t began) {
    const sage_codes *codes = &r->scene->shelf.changing->hnsw.codes;
    r->short_of += found < K && atomic_load(&r->scene->now) < began + K;
    for (size_t i = 0; i < found; i++) {
        const float score = sage_ops_best()->dot(DIM, query, codes->vectors + (size_t)out[i].row * DIM);
        r->wrong += score != out[i].score || was_dead(r->scene, out[i].row, began);
        for (size_t j = 0; j < i; j++) r->wrong += out[j].row == out[i].row;
    }
}

static void *read_on(void *ctx) {
    reader *r = ctx;
    sage_changing_reader reading;
    sage_neighbour out[K];
    size_t found;
    float *queries = made_vectors(50, DIM, r->seed);
    if (sage_changing_reader_new(r->scene->shelf.changing, &reading, NULL) != SAGE_OK) abort();
    while (!atomic_load(&r->scene->over)) {
        const float *query = queries + r->searches++ % 50 * DIM;
        sage_changing_enter(&reading);
        const uint64_t began = atomic_load(&r->scene->now);
        if (sage_changing_search(&reading, query, K, 40, NULL, out, &found, NULL) != SAGE_OK) abort();
        check(r, query, out, found, began);
        sage_changing_leave(&reading);
    }
    sage_changing_reader_free(&reading);
    free(queries);
    return NULL;
}

static void change_on(scene *s, const float *vectors, sage_pool *pool) {
    for (uint64_t i = 1; i <= CHANGES; i++) {
        const uint32_t gone = shelf_any(&s->shelf), came = shelf_insert(&s->shelf, vectors + (N + i) * DIM);
        atomic_store(&s->died[came], 0);
        shelf_delete(&s->shelf, gone);
        atomic_store(&s->died[gone], i);
        atomic_store(&s->now, i);
        shelf_tidy(&s->shelf, pool != NULL ? 400 : 32);
    }
}

static void readers_beside(sage_pool *pool) {
    scene *s = calloc(1, sizeof *s);
    float *vectors = made_vectors(N + CHANGES + 1, DIM, 1);
    pthread_t threads[READERS];
    reader readers[READERS];
    s->shelf = shelf_new(vectors, N, DIM, N + CHANGES, pool);
    for (size_t i = 0; i < READERS; i++) {
        readers[i] = (reader){.scene = s, .seed = 50 + i};
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, &readers[i]), 0);
    }
    change_on(s, vectors, pool);
    atomic_store(&s->over, true);
    for (size_t i = 0; i < READERS; i++) {
        pthread_join(threads[i], NULL);
        assert_true(readers[i].searches > 0);
        assert_int_equal(readers[i].wrong, 0);
        assert_int_equal(readers[i].short_of, 0);
    }
    shelf_check(&s->shelf, "beside readers");
    shelf_free(&s->shelf);
    free(vectors);
    free(s);
}

static void test_readers_beside_one_thread(void **state) {
    (void)state;
    readers_beside(NULL);
}

static void test_readers_beside_a_pool(void **state) {
    (void)state;
    sage_pool *pool;
    assert_int_equal(sage_pool_new(2, &pool, NULL), SAGE_OK);
    readers_beside(pool);
    sage_pool_free(pool);
}

/* The first of two copies is gone and swept: the writer may fill its slot at any time, whoever is inside. */
static void test_no_walk_begins_at_a_free_slot(void **state) {
    (void)state;
    enum { FEW = 20, GONE = 4 };
    float *vectors = made_vectors(FEW, DIM, 1);
    const uint64_t all = (1 << FEW) - 1;
    const sage_filter filter = {.bits = &all, .n = FEW, .matches = FEW};
    sage_walker walker;
    memcpy(vectors + (GONE + 1) * DIM, vectors + GONE * DIM, DIM * sizeof *vectors);
    shelf s = shelf_new(vectors, FEW, DIM, FEW, NULL);
    const sage_hnsw *hnsw = &s.changing->hnsw;
    assert_int_equal(hnsw->graph.copies[GONE], GONE + 1);
    shelf_delete(&s, GONE);
    assert_int_equal(sage_changing_settle(s.changing, NULL), SAGE_OK);
    assert_int_equal(sage_walker_new(&walker, &hnsw->graph, &hnsw->codes, FEW, NULL), SAGE_OK);
    const sage_probe probe = sage_codes_query(&hnsw->codes, vectors, walker.probe);
    assert_true(sage_walk_among(&walker, probe, &filter, hnsw->graph.entry, FEW, FEW * FEW));
    assert_int_equal(walker.beam.n, FEW - 1);
    for (size_t i = 0; i < walker.beam.n; i++) assert_int_not_equal(sage_beam_row(walker.beam.list[i]), GONE);
    sage_walker_free(&walker);
    shelf_free(&s);
    free(vectors);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readers_beside_one_thread),
        cmocka_unit_test(test_readers_beside_a_pool),
        cmocka_unit_test(test_no_walk_begins_at_a_free_slot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
