/* A shop's own program over the installed library: one search text, printed results.
 *
 *   cc search.c -o search $(pkg-config --cflags --libs itemsage)
 *   ./search myshop "oak kitchen table"
 */
#include <itemsage/itemsage.h>
#include <stdio.h>
#include <string.h>

static int fail(const sage_error *error) {
    char line[1024];
    fprintf(stderr, "search: %s\n", sage_error_line(error, line, sizeof line));
    return 1;
}

int main(int argc, char **argv) {
    sage_error error;
    sage_shop *shop = NULL;
    sage_searcher *searcher = NULL;
    const sage_hit *hits;
    size_t n;
    int result = 0;
    if (argc != 3) {
        printf("usage: %s SHOP TEXT\n", argv[0]);
        return argc == 2 && strcmp(argv[1], "--help") == 0 ? 0 : 2;
    }
    const sage_query query = {.text = argv[2], .method = SAGE_HYBRID, .n = 5};
    if (sage_shop_open(argv[1], &shop, &error) != SAGE_OK || sage_searcher_open(shop, &searcher, &error) != SAGE_OK ||
        sage_search(searcher, &query, &hits, &n, &error) != SAGE_OK) {
        result = fail(&error);
    } else {
        for (size_t i = 0; i < n; i++) printf("%.4f  %s  %s\n", (double)hits[i].score, hits[i].id, hits[i].title);
    }
    sage_searcher_close(searcher);
    sage_shop_close(shop);
    return result;
}
