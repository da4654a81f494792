/* Keyword search over a feed: building, then the time of each distinct query of an event file (columns: id, title;
 * surface, query, product, ...) for what callers ask: few hits, many, many with the scores of others as the hybrid
 * does, and under filters. With pair recall@10 and @100 over all pairs.
 *   keywords_bench PRODUCTS.tsv EVENTS.tsv [DIR]      what lies in DIR is taken as it is; else it is built there */
#include "measure.h"

#include <base/report.h>
#include <io/fs.h>
#include <keywords/keywords.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { LINE = 1 << 16, DEPTH = 500, FEW = 1000 };

static void must(sage_status st, const sage_error *error) {
    if (st == SAGE_OK) return;
    fprintf(stderr, "keywords_bench: %s\n", error->text);
    exit(1);
}

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

/* Which products a filter lets through: one of so many, spread by a hash. */
static bool one_of(const void *ctx, int64_t pid) {
    return ((uint64_t)pid * 0x9E3779B97F4A7C15u >> 40) % *(const uint64_t *)ctx == 0;
}

typedef struct shape {
    const char *name;
    size_t k, n_wanted, n_among;
    uint64_t one_of; /* 0: no filter */
} shape;

static void bench_ask(sage_keywords *keywords, const shape *ask, const pair *pairs, size_t n, const int64_t *spread) {
    static sage_keyword_hit hits[DEPTH];
    static float scores[DEPTH];
    sage_error error;
    size_t found, n_times = 0, near = 0, far = 0, total = 0;
    double *times = bench_room("keywords_bench", (n + 1) * sizeof *times), all = 0;
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && strcmp(pairs[end].query, pairs[i].query) == 0;) end++;
        const sage_keywords_query query = {.text = pairs[i].query,
                                           .len = strlen(pairs[i].query),
                                           .k = ask->k,
                                           .wanted = spread,
                                           .n_wanted = ask->n_wanted,
                                           .accepts = ask->one_of > 0 ? one_of : NULL,
                                           .ctx = &ask->one_of,
                                           .among = ask->n_among > 0 ? spread : NULL,
                                           .n_among = ask->n_among};
        double began = bench_cpu_s();
        must(sage_keywords_search(keywords, &query, hits, &found, scores, &error), &error);
        all += times[n_times++] = bench_cpu_s() - began;
        for (size_t j = i; j < end; j++) {
            if (j > i && pairs[j].pid == pairs[j - 1].pid) continue;
            total++;
            for (size_t rank = 0; rank < found && rank < 100; rank++) {
                near += rank < 10 && hits[rank].pid == pairs[j].pid;
                far += hits[rank].pid == pairs[j].pid;
            }
        }
    }
    double p50 = bench_median(times, n_times);
    printf("%-34s mean %6.2f ms, p50 %6.2f, p90 %6.2f, p99 %6.2f, worst %6.2f; recall@10 %.4f, @100 %.4f\n", ask->name,
           1e3 * all / (double)n_times, 1e3 * p50, 1e3 * times[n_times * 9 / 10], 1e3 * times[n_times * 99 / 100],
           1e3 * times[n_times - 1], (double)near / (double)total, (double)far / (double)total);
    free(times);
}

static void bench_queries(const char *dir, const pair *pairs, size_t n, size_t products) {
    static const shape asks[] = {{"k 10", 10, 0, 0, 0},
                                 {"k 100", 100, 0, 0, 0},
                                 {"k 500", DEPTH, 0, 0, 0},
                                 {"k 500 and 500 scores", DEPTH, DEPTH, 0, 0},
                                 {"k 100, 10 % pass", 100, 0, 0, 10},
                                 {"k 100, 1 % pass", 100, 0, 0, 100},
                                 {"k 100, 0.1 % pass", 100, 0, 0, 1000},
                                 {"k 100, 1000 listed pass", 100, 0, FEW, 0}};
    static int64_t spread[FEW];
    sage_keywords *keywords;
    sage_error error;
    for (size_t i = 0; i < FEW; i++) spread[i] = (int64_t)(1 + i * products / FEW);
    double began = sage_now_s();
    must(sage_keywords_open(dir, true, &keywords, &error), &error);
    printf("opened and verified in %.1f ms\n", 1e3 * (sage_now_s() - began));
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) bench_ask(keywords, &asks[i], pairs, n, spread);
    sage_keywords_close(keywords);
}

static size_t count_lines(const char *path) {
    static char line[LINE];
    size_t n = 0;
    FILE *file = open_table(path, line);
    while (fgets(line, LINE, file) != NULL) n++;
    fclose(file);
    return n;
}

static void build_there(const char *dir, const char *products) {
    char path[SAGE_PATH_MAX];
    uint64_t bytes = 0;
    struct rusage used;
    double began = sage_now_s();
    size_t rows = build(dir, products);
    double taken = sage_now_s() - began;
    sage_path_join(path, dir, "words.bin", NULL);
    sage_fs_size(path, &bytes, NULL);
    getrusage(RUSAGE_SELF, &used);
    printf("%zu products in %.2f s, %.0f a second; %.1f MB; at most %.0f MB of memory\n", rows, taken,
           (double)rows / taken, 1e-6 * (double)bytes, 1.024e-3 * (double)used.ru_maxrss);
}

int main(int argc, char **argv) {
    char made[] = "/tmp/keywords_bench_XXXXXX", path[SAGE_PATH_MAX];
    size_t n;
    if (argc < 3 || argc > 4) {
        fputs("usage: keywords_bench PRODUCTS.tsv EVENTS.tsv [DIR]\n", stderr);
        return 2;
    }
    const char *dir = argc > 3 ? argv[3] : mkdtemp(made);
    if (dir == NULL) return 1;
    sage_fs_mkdir(dir, NULL);
    sage_path_join(path, dir, "words.bin", NULL);
    if (!sage_fs_exists(path)) build_there(dir, argv[1]);
    pair *pairs = read_pairs(argv[2], &n);
    printf("%zu pairs\n", n);
    bench_queries(dir, pairs, n, count_lines(argv[1]));
    for (size_t i = 0; i < n; i++) free(pairs[i].query);
    free(pairs);
    if (argc == 3) sage_fs_remove_tree(dir, NULL);
    return 0;
}
