/* Exact search against its ceilings, and keyword search over a feed.
 *   search_bench vectors [rows [dim [threads]]]       one query against the speed of memory, many against the bare
 * product search_bench keywords PRODUCTS.tsv EVENTS.tsv     building, and the time of each distinct query (columns: id,
 * title; surface, query, ...), with pair recall@10 and @100 over all pairs Medians over repeats. */
#include "measure.h"

#include <base/report.h>
#include <base/rng.h>
#include <index/index.h>
#include <io/fs.h>
#include <kernels/gemm.h>
#include <keywords/keywords.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REPEATS = 9, MANY = 512, LINE = 1 << 16 };

static void must(sage_status st, const sage_error *error) {
    if (st == SAGE_OK) return;
    fprintf(stderr, "search_bench: %s\n", error->text);
    exit(1);
}

static void *room(size_t bytes) {
    return bench_room("search_bench", bytes);
}

/* ---- vectors ---- */

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

/* ---- keywords ---- */

typedef struct pair {
    char *query;
    int64_t pid;
} pair;

/* The field-th tab-separated field of a line, terminated in place. */
static char *field(char *line, size_t which) {
    for (; which > 0 && line != NULL; which--) {
        line = strchr(line, '\t');
        if (line != NULL) line++;
    }
    if (line != NULL) line[strcspn(line, "\t\r\n")] = '\0';
    return line;
}

static FILE *open_table(const char *path, char *line) {
    FILE *file = fopen(path, "r");
    if (file != NULL && fgets(line, LINE, file) != NULL) return file;
    perror(path);
    exit(1);
}

static size_t build(const char *dir, const char *products) {
    static char line[LINE];
    sage_error error;
    sage_keywords_writer *writer;
    size_t n = 0;
    FILE *file = open_table(products, line);
    must(sage_keywords_create(dir, &writer, &error), &error);
    for (; fgets(line, LINE, file) != NULL; n++) {
        char *title = field(line, 1);
        const sage_str text = {title, title != NULL ? strlen(title) : 0};
        must(sage_keywords_add(writer, strtoll(line, NULL, 10), &text, 1, &error), &error);
    }
    must(sage_keywords_finish(writer, &error), &error);
    fclose(file);
    return n;
}

static int by_query(const void *a, const void *b) {
    const pair *x = a, *y = b;
    int order = strcmp(x->query, y->query);
    return order != 0 ? order : (x->pid > y->pid) - (x->pid < y->pid);
}

static pair *read_pairs(const char *events, size_t *n) {
    static char line[LINE];
    size_t capacity = 0;
    pair *pairs = NULL;
    FILE *file = open_table(events, line);
    for (*n = 0; fgets(line, LINE, file) != NULL; ++*n) {
        if (*n == capacity && (pairs = realloc(pairs, (capacity = 2 * capacity + 1024) * sizeof *pairs)) == NULL)
            exit(1);
        pairs[*n].pid = strtoll(strchr(strchr(line, '\t') + 1, '\t') + 1, NULL, 10);
        pairs[*n].query = strdup(field(line, 1));
    }
    fclose(file);
    qsort(pairs, *n, sizeof *pairs, by_query);
    return pairs;
}

static void bench_queries(const char *dir, const pair *pairs, size_t n) {
    enum { K = 100 };
    sage_keywords *keywords;
    sage_error error;
    sage_keyword_hit hits[K];
    size_t found, n_times = 0, near = 0, far = 0, total = 0;
    double *times = room((n + 1) * sizeof *times), all = 0;
    must(sage_keywords_open(dir, &keywords, &error), &error);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && strcmp(pairs[end].query, pairs[i].query) == 0;) end++;
        const sage_keywords_query query = {.text = pairs[i].query, .len = strlen(pairs[i].query), .k = K};
        double began = sage_now_s();
        must(sage_keywords_search(keywords, &query, hits, &found, NULL, &error), &error);
        all += times[n_times++] = sage_now_s() - began;
        for (size_t j = i; j < end; j++) {
            if (j > i && pairs[j].pid == pairs[j - 1].pid) continue;
            total++;
            for (size_t rank = 0; rank < found; rank++) {
                near += rank < 10 && hits[rank].pid == pairs[j].pid;
                far += hits[rank].pid == pairs[j].pid;
            }
        }
    }
    double p50 = bench_median(times, n_times);
    printf("%zu queries, k %d: mean %.2f ms, p50 %.2f, p99 %.2f, worst %.2f\n", n_times, K, 1e3 * all / (double)n_times,
           1e3 * p50, 1e3 * times[n_times * 99 / 100], 1e3 * times[n_times - 1]);
    printf("%zu pairs: recall@10 %.4f, @100 %.4f\n", total, (double)near / (double)total, (double)far / (double)total);
    sage_keywords_close(keywords);
    free(times);
}

static void bench_keywords(const char *products, const char *events) {
    char dir[] = "/tmp/search_bench_XXXXXX", path[64];
    uint64_t bytes = 0;
    size_t n;
    if (mkdtemp(dir) == NULL) exit(1);
    double began = sage_now_s();
    size_t rows = build(dir, products);
    double taken = sage_now_s() - began;
    snprintf(path, sizeof path, "%s/words.db", dir);
    sage_fs_size(path, &bytes, NULL);
    printf("%zu products in %.2f s, %.0f a second; %.1f MB\n", rows, taken, (double)rows / taken, 1e-6 * (double)bytes);
    pair *pairs = read_pairs(events, &n);
    bench_queries(dir, pairs, n);
    for (size_t i = 0; i < n; i++) free(pairs[i].query);
    free(pairs);
    sage_fs_remove_tree(dir, NULL);
}

int main(int argc, char **argv) {
    if (argc >= 2 && strcmp(argv[1], "vectors") == 0) {
        bench_vectors(argc > 2 ? strtoul(argv[2], NULL, 10) : 200000, argc > 3 ? strtoul(argv[3], NULL, 10) : 256,
                      argc > 4 ? strtoul(argv[4], NULL, 10) : 0);
    } else if (argc == 4 && strcmp(argv[1], "keywords") == 0) {
        bench_keywords(argv[2], argv[3]);
    } else {
        fputs("usage: search_bench vectors [rows [dim [threads]]] | keywords PRODUCTS.tsv EVENTS.tsv\n", stderr);
        return 2;
    }
    return 0;
}
