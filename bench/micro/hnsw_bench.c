/* The graph index beside its measure: recall against exact search, searches a second at several widths, build, memory.
 *   hnsw_bench [rows [rank [threads [m [build [f32]]]]]]     rank: directions in which the made vectors differ (24)
 * (f32: without bytes too)
 *   hnsw_bench BASE.f32 QUERIES.f32 [threads [m [build [f32]]]]    vectors of 256 floats each, of one length
 * Times are the processor's, of all threads together, so that a busy machine does not count; medians over repeats. */
#include "vectors.h"

#include <base/report.h>
#include <index/hnsw.h>

enum { DIM = 256, QUERIES = 2000, K = 10, REPEATS = 5 };

static void must(sage_status st, const sage_error *error) {
    if (st == SAGE_OK) return;
    fprintf(stderr, "hnsw_bench: %s\n", error->text);
    exit(1);
}

static void *room(size_t bytes) {
    return bench_room("hnsw_bench", bytes);
}

typedef struct bench {
    size_t n, n_queries;
    float *base, *queries; /* [..][DIM] */
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

static double search_all(const bench *b, sage_hnsw_searcher *searcher, size_t width, sage_neighbour *out) {
    sage_error error;
    size_t found;
    double began = bench_cpu_s();
    for (size_t q = 0; q < b->n_queries; q++)
        must(sage_hnsw_search(searcher, b->queries + q * DIM, K, width, NULL, out + q * K, &found, &error), &error);
    return bench_cpu_s() - began;
}

static void measure(const bench *b, const sage_hnsw_options *options) {
    sage_error error;
    sage_hnsw *hnsw;
    sage_hnsw_searcher *searcher;
    sage_neighbour *out = room(b->n_queries * K * sizeof *out);
    double began = bench_cpu_s();
    must(sage_hnsw_build(b->pool, b->base, b->n, DIM, options, &hnsw, &error), &error);
    double took = bench_cpu_s() - began;
    must(sage_hnsw_searcher_new(hnsw, &searcher, &error), &error);
    if (options->bytes && hnsw->codes.heads.bytes != NULL)
        printf("heads: 99 %% of near rows within %.4f\n", (double)hnsw->codes.heads.slack);
    printf("%s, m %zu, build %zu: %.2f s of %zu threads, %.1f MiB (%zu bytes a row)\n",
           options->bytes ? "bytes" : "f32", options->m, options->build, took, sage_pool_threads(b->pool),
           (double)sage_hnsw_bytes(hnsw) / (1 << 20), sage_hnsw_bytes(hnsw) / b->n);
    static const size_t widths[] = {10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        double times[REPEATS];
        uint64_t scored = sage_hnsw_scored(searcher);
        for (size_t r = 0; r < REPEATS; r++) times[r] = search_all(b, searcher, widths[i], out);
        scored = sage_hnsw_scored(searcher) - scored;
        printf("  width %3zu: recall@%d %.4f, %8.0f searches/s, %.0f rows compared whole\n", widths[i], K,
               recall(b, out), (double)b->n_queries / bench_median(times, REPEATS),
               (double)scored / (double)(REPEATS * b->n_queries));
    }
    sage_hnsw_searcher_free(searcher);
    sage_hnsw_free(hnsw);
    free(out);
}

static size_t number(int argc, char **argv, int i, size_t otherwise) {
    return argc > i ? strtoul(argv[i], NULL, 10) : otherwise;
}

int main(int argc, char **argv) {
    bench b = {.n_queries = QUERIES};
    sage_error error;
    bool files = argc > 2 && strstr(argv[1], ".f32") != NULL;
    if (files) {
        b.base = bench_read_vectors("hnsw_bench", argv[1], DIM, &b.n);
        b.queries = bench_read_vectors("hnsw_bench", argv[2], DIM, &b.n_queries);
    } else {
        size_t rank = number(argc, argv, 2, 24);
        b.n = number(argc, argv, 1, 50000);
        b.base = room(b.n * DIM * sizeof *b.base);
        b.queries = room(QUERIES * DIM * sizeof *b.queries);
        bench_make_vectors(b.base, b.n, DIM, rank, 1);
        bench_make_vectors(b.queries, QUERIES, DIM, rank, 2);
    }
    must(sage_pool_new(number(argc, argv, 3, 1), &b.pool, &error), &error);
    b.exact = room(b.n_queries * K * sizeof *b.exact);
    size_t *found = room(b.n_queries * sizeof *found);
    double began = bench_cpu_s();
    must(sage_exact_search(b.pool, b.base, b.n, DIM, b.queries, b.n_queries, K, b.exact, found, &error), &error);
    printf("%zu rows x %d, %s; exact search, all at once: %.0f searches/s\n", b.n, DIM, sage_isa(),
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
