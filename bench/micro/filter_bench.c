/* Searches under a filter: recall and searches a second at shares of accepted rows from nearly all to one, by each way
 * of answering (index/plan.h) and by the way that the planner takes.
 *   filter_bench [rows [rank [width [k]]]]               rank: directions in which the made vectors differ (24)
 *   filter_bench BASE.f32 QUERIES.f32 [width [k]]        vectors of 256 floats each, of one length
 * Filters: `any` accepts rows at random; `corner` those nearest to one direction, where most queries are not. Times are
 * the processor's; medians over repeats. */
#include "vectors.h"

#include <base/report.h>
#include <index/hnsw.h>
#include <index/score.h>

enum { DIM = 256, QUERIES = 300, REPEATS = 3 };

typedef struct bench {
    size_t n, n_queries, k, width;
    float *base, *queries; /* [..][DIM] */
    float *scores;         /* [n] */
    uint64_t *keys;        /* [n] */
    uint64_t *bits;        /* of the filter */
    sage_filter filter;
    float *least; /* [n_queries]: score of the k-th best accepted row */
    sage_neighbour *out;
    sage_hnsw_searcher *searcher;
} bench;

static void must(sage_status st, const sage_error *error) {
    if (st == SAGE_OK) return;
    fprintf(stderr, "filter_bench: %s\n", error->text);
    exit(1);
}

static void *room(size_t bytes) {
    return bench_room("filter_bench", bytes);
}

static int descending(const void *a, const void *b) {
    const uint64_t *x = a, *y = b;
    return (*x < *y) - (*x > *y);
}

static void make_filter(bench *b, size_t matches, bool corner) {
    memset(b->bits, 0, (b->n + 63) / 64 * sizeof *b->bits);
    for (size_t row = 0; row < b->n; row++) {
        float at = corner ? b->base[row * DIM] + b->base[row * DIM + 1] : (float)(sage_mix64(row) >> 40);
        b->keys[row] = sage_score_key(at, (uint32_t)row);
    }
    qsort(b->keys, b->n, sizeof *b->keys, descending);
    for (size_t i = 0; i < matches; i++) {
        uint32_t row = ~(uint32_t)b->keys[i];
        b->bits[row / 64] |= (uint64_t)1 << row % 64;
    }
    b->filter = (sage_filter){.bits = b->bits, .n = b->n, .matches = matches};
}

static void find_exactly(bench *b, size_t q) {
    size_t n = 0;
    for (size_t row = 0; row < b->n; row++) {
        if (!sage_filter_accepts(&b->filter, (uint32_t)row)) continue;
        float score = sage_ops_best()->dot(DIM, b->queries + q * DIM, b->base + row * DIM);
        b->keys[n++] = sage_score_key(score, (uint32_t)row);
    }
    qsort(b->keys, n, sizeof *b->keys, descending);
    b->least[q] = sage_score_of((uint32_t)(b->keys[(n < b->k ? n : b->k) - 1] >> 32));
}

/* way < 0: the planner's. */
static double search_all(bench *b, int way, size_t width, size_t *hits) {
    sage_error error;
    size_t found;
    double began = bench_cpu_s();
    *hits = 0;
    for (size_t q = 0; q < b->n_queries; q++) {
        const float *query = b->queries + q * DIM;
        sage_plan plan = {(sage_plan_way)way, width};
        if (way < 0)
            must(sage_hnsw_search(b->searcher, query, b->k, b->width, &b->filter, b->out, &found, &error), &error);
        else
            must(sage_hnsw_search_by(b->searcher, query, b->k, b->width, &b->filter, plan, b->out, &found, &error),
                 &error);
        for (size_t i = 0; i < found; i++) *hits += b->out[i].score >= b->least[q] - 1e-6F;
    }
    return bench_cpu_s() - began;
}

static void measure(bench *b, const char *name, int way, size_t width) {
    double times[REPEATS];
    size_t hits = 0, expected = b->filter.matches < b->k ? b->filter.matches : b->k;
    uint64_t scored = sage_hnsw_scored(b->searcher);
    for (size_t r = 0; r < REPEATS; r++) times[r] = search_all(b, way, width, &hits);
    scored = sage_hnsw_scored(b->searcher) - scored;
    printf("  %-7s recall %.4f %8.0f /s %7.0f rows", name, (double)hits / (double)(b->n_queries * expected),
           (double)b->n_queries / bench_median(times, REPEATS), (double)scored / (double)(REPEATS * b->n_queries));
}

static void measure_filter(bench *b, size_t matches, bool corner) {
    make_filter(b, matches, corner);
    for (size_t q = 0; q < b->n_queries; q++) find_exactly(b, q);
    double share = (double)matches / (double)b->n;
    printf("%-6s %8.4f %%", corner ? "corner" : "any", 100 * share);
    measure(b, "planner", -1, b->width);
    measure(b, "scan", SAGE_PLAN_SCAN, b->width);
    if (share >= 0.002) measure(b, "among", SAGE_PLAN_AMONG, b->width);
    if (share >= 0.05) measure(b, "test", SAGE_PLAN_TEST, (size_t)((double)b->width / share) + 1);
    printf("\n");
    fflush(stdout);
}

static size_t number(int argc, char **argv, int i, size_t otherwise) {
    return argc > i ? strtoul(argv[i], NULL, 10) : otherwise;
}

int main(int argc, char **argv) {
    bench b = {.n_queries = QUERIES};
    sage_error error;
    sage_pool *pool;
    sage_hnsw *hnsw;
    if (argc > 2 && strstr(argv[1], ".f32") != NULL) {
        b.base = bench_read_vectors("filter_bench", argv[1], DIM, &b.n);
        b.queries = bench_read_vectors("filter_bench", argv[2], DIM, &b.n_queries);
        if (b.n_queries > QUERIES) b.n_queries = QUERIES;
    } else {
        b.n = number(argc, argv, 1, 50000);
        b.base = room(b.n * DIM * sizeof *b.base);
        b.queries = room(QUERIES * DIM * sizeof *b.queries);
        bench_make_vectors(b.base, b.n, DIM, number(argc, argv, 2, 24), 1);
        bench_make_vectors(b.queries, QUERIES, DIM, number(argc, argv, 2, 24), 2);
    }
    b.width = number(argc, argv, 3, 64);
    b.k = number(argc, argv, 4, 10);
    b.keys = room(b.n * sizeof *b.keys);
    b.bits = room((b.n + 63) / 64 * sizeof *b.bits);
    b.least = room(b.n_queries * sizeof *b.least);
    b.out = room(b.k * sizeof *b.out);
    sage_hnsw_options options = {.m = 16, .build = 200, .seed = 1, .bytes = true};
    must(sage_pool_new(2, &pool, &error), &error);
    must(sage_hnsw_build(pool, b.base, b.n, DIM, &options, &hnsw, &error), &error);
    must(sage_hnsw_searcher_new(hnsw, &b.searcher, &error), &error);
    printf("%zu rows x %d, %s, width %zu, %zu best\n", b.n, DIM, sage_isa(), b.width, b.k);
    static const double shares[] = {0.95, 0.7, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01, 0.003, 0.001, 0};
    for (int corner = 0; corner <= 1; corner++)
        for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
            measure_filter(&b, (size_t)(shares[i] * (double)b.n) + 1, corner != 0);
    sage_hnsw_searcher_free(b.searcher);
    sage_hnsw_free(hnsw);
    sage_pool_free(pool);
    free(b.keys);
    free(b.bits);
    free(b.least);
    free(b.out);
    free(b.base);
    free(b.queries);
    return 0;
}
