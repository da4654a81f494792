/* Exact search against its ceilings: one query against the speed of memory, many against the bare product. Medians over
 * repeats.
 *   search_bench [rows [dim [threads]]] */
#include "measure.h"

#include <base/report.h>
#include <base/rng.h>
#include <index/index.h>
#include <kernels/gemm.h>
#include <stdio.h>
#include <stdlib.h>

enum { REPEATS = 9, MANY = 512 };

static void must(sage_status st, const sage_error *error) {
    if (st == SAGE_OK) return;
    fprintf(stderr, "search_bench: %s\n", error->text);
    exit(1);
}

static void *room(size_t bytes) {
    return bench_room("search_bench", bytes);
}

typedef struct bench {
    sage_pool *pool;
    size_t n, dim, n_queries, k;
    float *base, *queries, *scores;
    sage_neighbour *out;
    size_t *found;
} bench;

static void read_piece(void *ctx, size_t begin, size_t end, size_t worker) {
    bench *b = ctx;
    float sums[16] = {0};
    for (size_t i = begin; i + 16 <= end; i += 16)
        for (size_t j = 0; j < 16; j++) sums[j] += b->base[i + j];
    for (size_t j = 0; j < 16; j++) b->scores[worker * 16 + j] = sums[j];
}

static void read_all(bench *b) {
    sage_pool_for(b->pool, b->n * b->dim, 16, read_piece, b);
}

/* The product alone, in pieces of a size that fits the cache: what search would take if choosing were free. */
enum { PIECE = 512 };

static void product_piece(void *ctx, size_t begin, size_t end, size_t worker) {
    bench *b = ctx;
    for (size_t row = begin, n; row < end; row += n) {
        n = end - row < PIECE ? end - row : PIECE;
        sage_gemm(SAGE_PRECISION_F32, false, true, b->n_queries, n, b->dim, b->queries, b->dim, b->base + row * b->dim,
                  b->dim, false, b->scores + worker * MANY * PIECE, n);
    }
}

static void product(bench *b) {
    sage_pool_for_dynamic(b->pool, b->n, PIECE, product_piece, b);
}

static void search(bench *b) {
    sage_error error;
    must(sage_exact_search(b->pool, b->base, b->n, b->dim, b->queries, b->n_queries, b->k, b->out, b->found, &error),
         &error);
}

static double time_of(bench *b, void (*fn)(bench *b)) {
    double times[REPEATS];
    fn(b);
    for (size_t i = 0; i < REPEATS; i++) {
        double began = sage_now_s();
        fn(b);
        times[i] = sage_now_s() - began;
    }
    return bench_median(times, REPEATS);
}

static void bench_vectors(size_t n, size_t dim, size_t threads) {
    bench b = {.n = n, .dim = dim};
    sage_error error;
    sage_rng rng;
    must(sage_pool_new(threads, &b.pool, &error), &error);
    b.base = room(n * dim * sizeof *b.base);
    b.queries = room(MANY * dim * sizeof *b.queries);
    b.scores = room(sage_pool_threads(b.pool) * MANY * PIECE * sizeof *b.scores);
    b.out = room((size_t)MANY * 10000 * sizeof *b.out);
    b.found = room(MANY * sizeof *b.found);
    sage_rng_seed(&rng, 1, 0);
    for (size_t i = 0; i < n * dim; i++) b.base[i] = (float)sage_rng_unit(&rng) - 0.5F;
    for (size_t i = 0; i < MANY * dim; i++) b.queries[i] = (float)sage_rng_unit(&rng) - 0.5F;
    double bytes = (double)(n * dim * sizeof(float)), ceiling = time_of(&b, read_all);
    printf("%zu rows x %zu, %zu threads, %s, %s\n", n, dim, sage_pool_threads(b.pool), sage_isa(),
           sage_gemm_name(SAGE_PRECISION_F32));
    printf("reading all vectors: %.2f ms, %.1f GB/s\n", 1e3 * ceiling, 1e-9 * bytes / ceiling);
    static const size_t counts[] = {1, 2, 4, 5, 6, 8, 16, 64, MANY}, ks[] = {10, 100, 1000, 10000};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        b.n_queries = counts[c];
        double bare = counts[c] > 1 ? time_of(&b, product) : ceiling;
        for (size_t i = 0; i < 4; i++) {
            b.k = ks[i];
            double taken = time_of(&b, search);
            printf("%4zu queries, k %5zu: %8.3f ms (%.3f ms each), %.2f of the %s\n", counts[c], ks[i], 1e3 * taken,
                   1e3 * taken / (double)counts[c], bare / taken, counts[c] > 1 ? "bare product" : "speed of memory");
        }
    }
    sage_pool_free(b.pool);
    free(b.base);
    free(b.queries);
    free(b.scores);
    free(b.out);
    free(b.found);
}

int main(int argc, char **argv) {
    bench_vectors(argc > 1 ? strtoul(argv[1], NULL, 10) : 200000, argc > 2 ? strtoul(argv[2], NULL, 10) : 256,
                  argc > 3 ? strtoul(argv[3], NULL, 10) : 0);
    return 0;
}
