/* Rows of 1 KiB stored per second, on one core: the import of a product feed, as fast as the catalogue takes it.
 *
 *   import_bench FEED.csv DIR     imports FEED.csv into a new DIR/catalog.db, then again unchanged, then with --full
 *   import_bench --make N FILE    writes a feed of N products, each row 1,024 bytes long
 *
 * bench/import-vs-sqlite.sh runs both and sets them beside `sqlite3 .import` of the same file. */
#include <base/rng.h>
#include <catalog/catalog.h>
#include <io/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { ROW_BYTES = 1024 };

static const char *const words[] = {"cordless", "drill",  "18v",     "lithium", "brushless", "compact",  "steel",
                                    "garden",   "hose",   "outdoor", "solid",   "oak",       "table",    "chair",
                                    "white",    "matte",  "ceiling", "light",   "led",       "dimmable", "stainless",
                                    "kitchen",  "faucet", "single",  "handle",  "pull",      "down",     "sprayer",
                                    "interior", "door",   "slab",    "panel"};

static size_t add_words(sage_rng *rng, char *row, size_t at, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const char *word = words[sage_rng_below(rng, sizeof words / sizeof *words)];
        at += (size_t)sprintf(row + at, "%s%s", i > 0 ? " " : "", word);
    }
    return at;
}

static int make(uint64_t n, const char *path) {
    FILE *file = fopen(path, "w");
    sage_rng rng;
    if (file == NULL) return 1;
    sage_rng_seed(&rng, 1, 0);
    fputs("id,title,brand,product_type,price,availability,link,image_link,color,weight_g,description\n", file);
    for (uint64_t i = 0; i < n; i++) {
        char row[4 * ROW_BYTES];
        size_t at = (size_t)sprintf(row, "sku-%08llu,", (unsigned long long)i);
        at = add_words(&rng, row, at, 8);
        at += (size_t)sprintf(row + at, ",brand%llu,", (unsigned long long)sage_rng_below(&rng, 500));
        at = add_words(&rng, row, at, 2);
        at += (size_t)sprintf(
            row + at,
            ",%llu.%02llu EUR,in stock,https://www.shop.example/p/%llu,https://cdn.shop.example/i/%llu.jpg,red,%llu,\"",
            (unsigned long long)sage_rng_below(&rng, 900), (unsigned long long)sage_rng_below(&rng, 100),
            (unsigned long long)i, (unsigned long long)i, (unsigned long long)sage_rng_below(&rng, 9000));
        while (at < ROW_BYTES) {
            row[at++] = ' ';
            at = add_words(&rng, row, at, 1);
        }
        memcpy(row + ROW_BYTES - 2, "\"\n", 3);
        fputs(row, file);
    }
    return fclose(file) != 0;
}

/* Seconds of processor time of this process: the machine may be busy with other things. */
static double cpu_s(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           1e-6 * (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

static int run(sage_catalog *catalog, const char *what, const char *file, bool full) {
    sage_error error;
    sage_import_report report;
    const sage_import_options options = {.full = full};
    char line[1024];
    double began = cpu_s();
    if (sage_catalog_import_products(catalog, &file, 1, &options, NULL, &report, &error) != SAGE_OK) {
        fprintf(stderr, "%s\n", sage_error_line(&error, line, sizeof line));
        return 1;
    }
    double cpu = cpu_s() - began, rows = (double)report.rows;
    printf("%-10s %9.0f rows  wall %7.3f s %8.0f rows/s  cpu %7.3f s %8.0f rows/s %6.1f MB/s  rejected %llu\n", what,
           rows, report.seconds, rows / report.seconds, cpu, rows / cpu, (double)report.bytes / 1e6 / cpu,
           (unsigned long long)report.rejected);
    return 0;
}

int main(int argc, char **argv) {
    char path[SAGE_PATH_MAX], line[1024];
    sage_catalog *catalog = NULL;
    sage_error error;
    if (argc == 4 && strcmp(argv[1], "--make") == 0) return make(strtoull(argv[2], NULL, 10), argv[3]);
    if (argc != 3) {
        fprintf(stderr, "usage: import_bench FEED.csv DIR | import_bench --make N FILE\n");
        return 2;
    }
    if (sage_path_join(path, argv[2], "catalog.db", &error) != SAGE_OK ||
        sage_catalog_create(path, &error) != SAGE_OK || sage_catalog_open(path, true, &catalog, &error) != SAGE_OK) {
        fprintf(stderr, "%s\n", sage_error_line(&error, line, sizeof line));
        return 1;
    }
    int failed = run(catalog, "new", argv[1], false) || run(catalog, "unchanged", argv[1], false) ||
                 run(catalog, "full", argv[1], true);
    sage_catalog_close(catalog);
    return failed;
}
