/* What searches by the graph find of what comparing all products finds, on a shop's own release, with and without
 * filters; the same figures on every run.
 *   recall_bench SHOP texts|products FILE WHERE...     FILE: a search text, or a product's id, a line; WHERE: see
 *                                                      'itemsage help query'; "" for none
 * A line a filter: how many products it accepts (counted up to 10,000), recall of the 10 and the 100 nearest, and the
 * filter. A product counts as found where its score is that of the last exact one or better, so that equals do. */
#include <itemsage/search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUERIES_MAX = 1000, LINE = 4096, ALL = 10000, NEAR = 10, FAR = 100 };

typedef struct bench {
    sage_searcher *searcher;
    sage_query query; /* but for what is asked */
    bool products;
    size_t n;
    char *lines[QUERIES_MAX];
} bench;

static void must(sage_status st, const sage_error *error) {
    if (st == SAGE_OK) return;
    fprintf(stderr, "recall_bench: %s\n", error->text);
    exit(1);
}

static void read_lines(bench *b, const char *path) {
    char line[LINE];
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    while (b->n < QUERIES_MAX && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        if ((b->lines[b->n++] = strdup(line)) == NULL) exit(1);
    }
    fclose(file);
}

static const sage_hit *ask(bench *b, size_t i, size_t k, bool exact, size_t *n) {
    const sage_hit *hits;
    sage_error error;
    sage_query query = b->query;
    *(b->products ? &query.product_id : &query.text) = b->lines[i];
    query.exact = exact;
    query.n = k;
    must(sage_search(b->searcher, &query, &hits, n, &error), &error);
    return hits;
}

/* Adds up what is found and what there is. */
static void compare(bench *b, size_t i, size_t k, size_t *found, size_t *there) {
    size_t n;
    const sage_hit *hits = ask(b, i, k, true, &n);
    const float least = n > 0 ? hits[n - 1].score - 1e-6F : 0;
    *there += n;
    hits = ask(b, i, k, false, &n);
    for (size_t h = 0; h < n; h++) *found += hits[h].score >= least;
}

static double recall(bench *b, size_t k) {
    size_t found = 0, there = 0;
    for (size_t i = 0; i < b->n; i++) compare(b, i, k, &found, &there);
    return there > 0 ? (double)found / (double)there : 1;
}

int main(int argc, char **argv) {
    bench b = {.query = {.method = SAGE_VECTORS}};
    sage_shop *shop;
    sage_error error;
    size_t accepted;
    if (argc < 5 || (strcmp(argv[2], "texts") != 0 && strcmp(argv[2], "products") != 0)) {
        fprintf(stderr, "usage: recall_bench SHOP texts|products FILE WHERE...\n");
        return 2;
    }
    b.products = strcmp(argv[2], "products") == 0;
    read_lines(&b, argv[3]);
    if (b.n == 0) {
        fprintf(stderr, "recall_bench: %s is empty\n", argv[3]);
        return 1;
    }
    must(sage_shop_open(argv[1], &shop, &error), &error);
    must(sage_searcher_open(shop, &b.searcher, &error), &error);
    printf("%8s  %-6s  %-6s  filter\n", "products", "@10", "@100");
    for (int i = 4; i < argc; i++) {
        b.query.where = *argv[i] ? argv[i] : NULL;
        (void)ask(&b, 0, ALL, true, &accepted);
        printf("%7zu%c  %.4f  %.4f  %s\n", accepted, accepted == ALL ? '+' : ' ', recall(&b, NEAR), recall(&b, FAR),
               *argv[i] ? argv[i] : "none");
    }
    sage_searcher_close(b.searcher);
    sage_shop_close(shop);
    while (b.n > 0) free(b.lines[--b.n]);
    return 0;
}
