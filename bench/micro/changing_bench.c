/* A graph index that changes: updates a second, what searches take beside them, and what is left of recall and memory.
 *   changing_bench [rows [rank [updates [threads]]]]    threads: of sweeps
 * Each update takes one product out and puts another in. Times are the clock's: run it on a machine at rest. */
#include "vectors.h"

#include <index/changing.h>
#include <pthread.h>
#include <stdatomic.h>

enum { DIM = 256, QUERIES = 1000, K = 10, WIDTH = 64, MOST = 1 << 20, ALONE = 20000, PIECE = 32 };

static void must(sage_status st, const sage_error *error) {
    if (st == SAGE_OK) return;
    fprintf(stderr, "changing_bench: %s\n", error->text);
    exit(1);
}

static void *room(size_t bytes) {
    return bench_room("changing_bench", bytes);
}

typedef struct bench {
    size_t n, updates, next;
    float *vectors;   /* [n + 2 updates][DIM]; `next` has not been in yet */
    const float **of; /* of each slot; NULL: nothing is there */
    uint32_t *list;   /* [n]: slots that are alive */
    float *queries;
    sage_pool *pool;
    sage_changing *changing;
    sage_changing_reader reader;
    atomic_bool over;
    double *times; /* of searches, in microseconds */
    size_t n_times, most;
} bench;

static double micros(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void *search_on(void *ctx) {
    bench *b = ctx;
    sage_neighbour out[K];
    size_t found;
    sage_error error;
    for (b->n_times = 0; b->n_times < b->most && !atomic_load(&b->over); b->n_times++) {
        const double began = micros();
        sage_changing_enter(&b->reader);
        must(sage_changing_search(&b->reader, b->queries + b->n_times % QUERIES * DIM, K, WIDTH, NULL, out, &found,
                                  &error),
             &error);
        sage_changing_leave(&b->reader);
        b->times[b->n_times] = micros() - began;
    }
    return NULL;
}

static void tell_times(const bench *b, const char *what) {
    const double median = bench_median(b->times, b->n_times);
    printf("%s: %zu searches, median %.0f us, p99 %.0f us\n", what, b->n_times, median,
           b->times[b->n_times * 99 / 100]);
}

static double recall(const bench *b) {
    sage_neighbour exact[K], out[K];
    float *living = room(b->n * DIM * sizeof *living);
    size_t found, hits = 0;
    sage_error error;
    for (size_t i = 0; i < b->n; i++) memcpy(living + i * DIM, b->of[b->list[i]], DIM * sizeof *living);
    for (size_t q = 0; q < QUERIES; q++) {
        const float *query = b->queries + q * DIM;
        must(sage_exact_search(b->pool, living, b->n, DIM, query, 1, K, exact, &found, &error), &error);
        sage_changing_enter(&b->reader);
        must(sage_changing_search(&b->reader, query, K, WIDTH, NULL, out, &found, &error), &error);
        sage_changing_leave(&b->reader);
        for (size_t i = 0; i < found; i++) hits += out[i].score >= exact[K - 1].score - 1e-6F;
    }
    free(living);
    return (double)hits / (double)(QUERIES * K);
}

static double afresh(const bench *b) {
    bench fresh = *b;
    const sage_hnsw_options options = {.m = 16, .build = 200, .seed = 1, .bytes = true};
    float *living = room(b->n * DIM * sizeof *living);
    sage_error error;
    sage_hnsw *hnsw;
    fresh.of = room(b->n * sizeof *b->of);
    fresh.list = room(b->n * sizeof *b->list);
    for (size_t i = 0; i < b->n; i++) {
        memcpy(living + i * DIM, b->of[b->list[i]], DIM * sizeof *living);
        fresh.of[i] = living + i * DIM;
        fresh.list[i] = (uint32_t)i;
    }
    must(sage_hnsw_build(b->pool, living, b->n, DIM, &options, &hnsw, &error), &error);
    must(sage_changing_new(hnsw, NULL, b->pool, &fresh.changing, &error), &error);
    must(sage_changing_reader_new(fresh.changing, &fresh.reader, &error), &error);
    const double r = recall(&fresh);
    sage_hnsw_free(hnsw);
    sage_changing_reader_free(&fresh.reader);
    sage_changing_free(fresh.changing);
    free(living);
    free(fresh.of);
    free(fresh.list);
    return r;
}

static void update_all(bench *b) {
    sage_error error;
    sage_rng rng;
    sage_rng_seed(&rng, 5, 5);
    for (size_t i = 0; i < b->updates; i++) {
        const size_t at = sage_rng_below(&rng, b->n);
        const float *vector = b->vectors + b->next++ * DIM;
        sage_changing_delete(b->changing, b->list[at]);
        must(sage_changing_insert(b->changing, vector, &b->list[at], &error), &error);
        b->of[b->list[at]] = vector;
        must(sage_changing_tidy(b->changing, PIECE, &error), &error);
    }
}

static void build(bench *b) {
    const sage_hnsw_options options = {.m = 16, .build = 200, .seed = 1, .bytes = true};
    sage_error error;
    sage_hnsw *hnsw;
    must(sage_hnsw_build(b->pool, b->vectors, b->n, DIM, &options, &hnsw, &error), &error);
    must(sage_changing_new(hnsw, NULL, b->pool, &b->changing, &error), &error);
    must(sage_changing_reader_new(b->changing, &b->reader, &error), &error);
    sage_hnsw_free(hnsw);
    for (size_t i = 0; i < b->n; i++) {
        b->list[i] = (uint32_t)i;
        b->of[i] = b->vectors + i * DIM;
    }
}

static size_t number(int argc, char **argv, int at, size_t otherwise) {
    return argc > at ? (size_t)strtoull(argv[at], NULL, 10) : otherwise;
}

int main(int argc, char **argv) {
    sage_error error;
    pthread_t searcher;
    const size_t rank = number(argc, argv, 2, 24);
    bench b = {.n = number(argc, argv, 1, 50000)};
    b.updates = number(argc, argv, 3, b.n);
    b.next = b.n;
    must(sage_pool_new(number(argc, argv, 4, 1), &b.pool, &error), &error);
    b.vectors = room((b.n + 2 * b.updates) * DIM * sizeof *b.vectors);
    b.queries = room(QUERIES * DIM * sizeof *b.queries);
    b.of = room((b.n + 2 * b.updates) * sizeof *b.of);
    b.list = room(b.n * sizeof *b.list);
    b.times = room(MOST * sizeof *b.times);
    bench_make_vectors(b.vectors, b.n + 2 * b.updates, DIM, rank, 1);
    bench_make_vectors(b.queries, QUERIES, DIM, rank, 2);
    build(&b);
    const size_t bytes = sage_changing_bytes(b.changing);
    printf("%zu rows, recall@%d %.4f at width %d\n", b.n, K, recall(&b), WIDTH);
    const double began = micros();
    update_all(&b);
    printf("%.0f updates a second alone\n", (double)b.updates / (micros() - began) * 1e6);
    printf("%.1f times every row: recall@%d %.4f (built afresh %.4f), %.3f of the memory\n",
           (double)b.updates / (double)b.n, K, recall(&b), afresh(&b),
           (double)sage_changing_bytes(b.changing) / (double)bytes);
    b.most = ALONE;
    search_on(&b);
    tell_times(&b, "alone");
    b.most = MOST;
    pthread_create(&searcher, NULL, search_on, &b);
    const double beside = micros();
    update_all(&b);
    printf("%.0f updates a second beside a searcher\n", (double)b.updates / (micros() - beside) * 1e6);
    atomic_store(&b.over, true);
    pthread_join(searcher, NULL);
    tell_times(&b, "beside updates");
    return 0;
}
