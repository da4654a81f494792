/* The graph index beside its measure: recall against exact search, searches a second at several widths, build, memory.
 *   hnsw_bench [rows [rank [threads [m [build [f32]]]]]]     rank: directions in which the made vectors differ (24)
 * (f32: without bytes too)
 *   hnsw_bench BASE.f32 QUERIES.f32 DIM [threads [m [build [f32]]]]    vectors of DIM floats each, of one length
 * Times are the processor's, so that a busy machine does not count; medians over repeats. The threads search side by
 * side; searches a second are those of all of them, latencies those of single searches. */
#include "vectors.h"

#include <base/report.h>
#include <index/hnsw.h>

enum { MADE_DIM = 256, QUERIES = 2000, K = 10, REPEATS = 5 };

static void must(sage_status st, const sage_error *error) {
    if (st == SAGE_OK) return;
    fprintf(stderr, "hnsw_bench: %s\n", error->text);
    exit(1);
}

static void *room(size_t bytes) {
    return bench_room("hnsw_bench", bytes);
}

typedef struct bench {
    size_t n, n_queries, dim;
    float *base, *queries; /* [..][dim] */
    sage_neighbour *exact; /* [n_queries][K] */
    sage_pool *pool;
} bench;

/* ---- measuring ---- */

static double recall(const bench *b, const sage_neighbour *out) {
    size_t hits = 0;
    for (size_t q = 0; q < b->n_queries; q++)
        for (size_t i = 0; i < K; i++)
            for (size_t j = 0; j < K; j++) hits += out[q * K + i].row == b->exact[q * K + j].row;
    return (double)hits / (double)(b->n_queries * K);
}

typedef struct round {
    const bench *b;
    sage_hnsw_searcher **searchers; /* [threads] */
    size_t width;
    sage_neighbour *out;
    double *took; /* [n_queries] */
} search_round;

static void search_some(void *ctx, size_t begin, size_t end, size_t worker) {
    const search_round *r = ctx;
    sage_error error;
    size_t found;
    for (size_t q = begin; q < end; q++) {
        double began = bench_thread_s();
        must(sage_hnsw_search(r->searchers[worker], r->b->queries + q * r->b->dim, K, r->width, NULL, r->out + q * K,
                              &found, &error),
             &error);
        r->took[q] = bench_thread_s() - began;
    }
}

/* Searches a second, were each thread alone on its core. */
static double search_all(search_round *r) {
    const bench *b = r->b;
    double sum = 0;
    sage_pool_for_dynamic(b->pool, b->n_queries, 16, search_some, r);
    for (size_t q = 0; q < b->n_queries; q++) sum += r->took[q];
    return (double)(b->n_queries * sage_pool_threads(b->pool)) / sum;
}

static uint64_t scored_by(const search_round *r) {
    uint64_t sum = 0;
    for (size_t i = 0; i < sage_pool_threads(r->b->pool); i++) sum += sage_hnsw_scored(r->searchers[i]);
    return sum;
}

static void measure(const bench *b, const sage_hnsw_options *options) {
    sage_error error;
    sage_hnsw *hnsw;
    const size_t threads = sage_pool_threads(b->pool);
    search_round round = {b, room(threads * sizeof(void *)), 0, room(b->n_queries * K * sizeof(sage_neighbour)),
                          room(b->n_queries * sizeof(double))};
    double began = bench_cpu_s();
    must(sage_hnsw_build(b->pool, b->base, b->n, b->dim, options, &hnsw, &error), &error);
    double took = bench_cpu_s() - began;
    for (size_t i = 0; i < threads; i++) must(sage_hnsw_searcher_new(hnsw, &round.searchers[i], &error), &error);
    if (options->bytes && hnsw->codes.heads.bytes != NULL)
        printf("heads: 99 %% of near rows within %.4f\n", (double)hnsw->codes.heads.slack);
    printf("%s, m %zu, build %zu: %.2f s of %zu threads, %.1f MiB (%zu bytes a row)\n",
           options->bytes ? "bytes" : "f32", options->m, options->build, took, threads,
           (double)sage_hnsw_bytes(hnsw) / (1 << 20), sage_hnsw_bytes(hnsw) / b->n);
    static const size_t widths[] = {10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        double rates[REPEATS];
        uint64_t scored = scored_by(&round);
        round.width = widths[i];
        for (size_t r = 0; r < REPEATS; r++) rates[r] = search_all(&round);
        scored = scored_by(&round) - scored;
        qsort(round.took, b->n_queries, sizeof *round.took, bench_ascending);
        printf("  width %3zu: recall@%d %.4f, %8.0f searches/s, p50 %.3f and p99 %.3f ms, %.0f rows compared whole\n",
               widths[i], K, recall(b, round.out), bench_median(rates, REPEATS), 1e3 * round.took[b->n_queries / 2],
               1e3 * round.took[b->n_queries * 99 / 100], (double)scored / (double)(REPEATS * b->n_queries));
    }
    for (size_t i = 0; i < threads; i++) sage_hnsw_searcher_free(round.searchers[i]);
    sage_hnsw_free(hnsw);
    free((void *)round.searchers);
    free(round.out);
    free(round.took);
}

static size_t number(int argc, char **argv, int i, size_t otherwise) {
    return argc > i ? strtoul(argv[i], NULL, 10) : otherwise;
}

int main(int argc, char **argv) {
    bench b = {.n_queries = QUERIES};
    sage_error error;
    bool files = argc > 2 && strstr(argv[1], ".f32") != NULL;
    if (files) {
        b.dim = number(argc, argv, 3, MADE_DIM);
        b.base = bench_read_vectors("hnsw_bench", argv[1], b.dim, &b.n);
        b.queries = bench_read_vectors("hnsw_bench", argv[2], b.dim, &b.n_queries);
        argc--, argv++;
    } else {
        b.dim = MADE_DIM;
        size_t rank = number(argc, argv, 2, 24);
        b.n = number(argc, argv, 1, 50000);
        b.base = room(b.n * MADE_DIM * sizeof *b.base);
        b.queries = room(QUERIES * MADE_DIM * sizeof *b.queries);
        bench_make_vectors(b.base, b.n, MADE_DIM, rank, 1);
        bench_make_vectors(b.queries, QUERIES, MADE_DIM, rank, 2);
    }
    must(sage_pool_new(number(argc, argv, 3, 1), &b.pool, &error), &error);
    b.exact = room(b.n_queries * K * sizeof *b.exact);
    size_t *found = room(b.n_queries * sizeof *found);
    double began = bench_cpu_s();
    must(sage_exact_search(b.pool, b.base, b.n, b.dim, b.queries, b.n_queries, K, b.exact, found, &error), &error);
    printf("%zu rows x %zu, %s; exact search, all at once: %.0f searches/s\n", b.n, b.dim, sage_isa(),
           (double)b.n_queries / (bench_cpu_s() - began));
    sage_hnsw_options options = {
        .m = number(argc, argv, 4, 16), .build = number(argc, argv, 5, 200), .seed = 1, .bytes = true};
    measure(&b, &options);
    options.bytes = false;
    if (argc > 6) measure(&b, &options);
    sage_pool_free(b.pool);
    free(found);
    free(b.exact);
    free(b.base);
    free(b.queries);
    return 0;
}
