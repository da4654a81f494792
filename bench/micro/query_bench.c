/* What one search costs a process that serves a shop: each line of a file is asked, one after the other; the first 20
 * do not count.
 *   query_bench SHOP TEXTS [METHOD [THREADS]]     METHOD: vectors (default), keywords, hybrid; THREADS: 1
 * Prints median and 99th percentile of a search with 10 results, and the most memory that the process had. Texts that
 * the shop has seen have their sentences kept: to measure the encoder, ask for ones it has not. */
#include "measure.h"

#include <itemsage/search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { WARM = 20, TEXTS_MAX = 100000, LINE = 4096, HITS = 10 };

static void must(sage_status st, const sage_error *error) {
    if (st == SAGE_OK) return;
    fprintf(stderr, "query_bench: %s\n", error->text);
    exit(1);
}

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static double ask(sage_searcher *searcher, sage_method method, const char *text) {
    sage_error error;
    const sage_hit *hits;
    size_t n;
    sage_query query = {.text = text, .method = method, .n = HITS};
    double began = now_ms();
    must(sage_search(searcher, &query, &hits, &n, &error), &error);
    return now_ms() - began;
}

static size_t ask_all(sage_searcher *searcher, sage_method method, const char *path, double *ms) {
    char line[LINE];
    size_t n = 0;
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    for (size_t read = 0; n < TEXTS_MAX && fgets(line, sizeof line, file) != NULL; read++) {
        line[strcspn(line, "\r\n")] = '\0';
        double took = ask(searcher, method, line);
        if (read >= WARM) ms[n++] = took;
    }
    fclose(file);
    return n;
}

int main(int argc, char **argv) {
    static double ms[TEXTS_MAX];
    sage_error error;
    sage_shop *shop;
    sage_searcher *searcher;
    sage_method method = SAGE_VECTORS;
    struct rusage usage;
    char threads[32];
    if (argc < 3) {
        fputs("usage: query_bench SHOP TEXTS [METHOD [THREADS]]\n", stderr);
        return 2;
    }
    if (argc > 3) must(sage_method_parse(argv[3], &method, &error), &error);
    must(sage_shop_open(argv[1], &shop, &error), &error);
    snprintf(threads, sizeof threads, "threads=%s", argc > 4 ? argv[4] : "1");
    must(sage_options_set(sage_shop_options(shop), threads, &error), &error);
    double began = now_ms();
    must(sage_searcher_open(shop, &searcher, &error), &error);
    printf("opened in %.0f ms\n", now_ms() - began);
    size_t n = ask_all(searcher, method, argv[2], ms);
    qsort(ms, n, sizeof *ms, bench_ascending);
    if (n > 0) printf("%zu searches: median %.3f ms, 99th percentile %.3f ms\n", n, ms[n / 2], ms[n * 99 / 100]);
    getrusage(RUSAGE_SELF, &usage);
    printf("peak memory %ld MiB\n", usage.ru_maxrss / 1024);
    sage_searcher_close(searcher);
    sage_shop_close(shop);
    return 0;
}
