/* How fast a dataset is built from a shop's catalogue, opened, and sampled.
 *
 *   dataset_bench SHOP [STEPS] [THREADS]
 *
 * Builds a new dataset into the shop with the options' defaults, then draws STEPS batches (default 200) and prints the
 * median time of each part of a step. */
#include <base/report.h>
#include <dataset/sampler_impl.h>
#include <io/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_MAX = 100000, PARTS = 7 };

static const char *const part_names[PARTS] = {"plan", "queries", "products", "masks", "teacher", "log_q", "whole step"};

static void die(const sage_error *error) {
    char line[1024];
    fprintf(stderr, "dataset_bench: %s\n", sage_error_line(error, line, sizeof line));
    exit(1);
}

static sage_options *default_options(void) {
    static sage_option table[64];
    size_t n = 0;
    sage_options *options;
    sage_error error;
    for (const sage_option *o = sage_dataset_options; o->key != NULL; o++) table[n++] = *o;
    for (const sage_option *o = sage_sampler_options; o->key != NULL; o++) table[n++] = *o;
    if (sage_options_over(table, n, &options, &error) != SAGE_OK) die(&error);
    return options;
}

static sage_dataset *build(const char *shop, const sage_options *options, sage_pool *pool) {
    char path[SAGE_PATH_MAX];
    sage_catalog *catalog;
    sage_dataset *dataset;
    uint64_t id;
    sage_error error;
    snprintf(path, sizeof path, "%s/catalog.db", shop);
    if (sage_catalog_open(path, false, &catalog, &error) != SAGE_OK) die(&error);
    double begin = sage_now_s();
    if (sage_dataset_build(catalog, shop, options, NULL, pool, NULL, &id, &error) != SAGE_OK) die(&error);
    double built = sage_now_s();
    if (sage_dataset_open(shop, id, true, &dataset, &error) != SAGE_OK) die(&error);
    double opened = sage_now_s();
    size_t n = sage_dataset_products(dataset);
    printf("build   %8.3f s   %zu products, %zu queries, %.0f products/s\n", built - begin, n,
           sage_dataset_queries(dataset), (double)n / (built - begin));
    printf("open    %8.3f s   with checksums\n", opened - built);
    sage_catalog_close(catalog);
    return dataset;
}

static int compare(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static void step(sage_sampler *s, uint64_t number, double *times[PARTS]) {
    sage_error error;
    double t[PARTS];
    t[0] = sage_now_s();
    sage_sampler_plan_rows(s, number);
    t[1] = sage_now_s();
    if (sage_sampler_fill_queries(s, &error) != SAGE_OK) die(&error);
    t[2] = sage_now_s();
    if (sage_sampler_fill_products(s, &error) != SAGE_OK) die(&error);
    t[3] = sage_now_s();
    if (sage_sampler_mask(s, &error) != SAGE_OK) die(&error);
    t[4] = sage_now_s();
    if (sage_sampler_teach(s, &error) != SAGE_OK) die(&error);
    t[5] = sage_now_s();
    sage_sampler_log_q(s);
    t[6] = sage_now_s();
    for (size_t p = 0; p + 1 < PARTS; p++) times[p][number] = t[p + 1] - t[p];
    times[PARTS - 1][number] = t[6] - t[0];
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: dataset_bench SHOP [STEPS] [THREADS]\n");
        return 2;
    }
    size_t steps = argc > 2 ? strtoul(argv[2], NULL, 10) : 200, threads = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
    if (steps < 1 || steps > STEPS_MAX) steps = 200;
    sage_pool *pool;
    sage_sampler *sampler;
    sage_error error;
    double *times[PARTS];
    if (sage_pool_new(threads, &pool, &error) != SAGE_OK) die(&error);
    sage_options *options = default_options();
    sage_dataset *dataset = build(argv[1], options, pool);
    double begin = sage_now_s();
    if (sage_sampler_new(dataset, options, pool, 1, &sampler, &error) != SAGE_OK) die(&error);
    printf("sampler %8.3f s\n", sage_now_s() - begin);
    for (size_t p = 0; p < PARTS; p++) {
        times[p] = malloc(steps * sizeof *times[p]);
        if (times[p] == NULL) return 1;
    }
    for (uint64_t i = 0; i < steps; i++) step(sampler, i, times);
    printf("batch of %zu pairs and %zu random negatives, %zu threads, medians of %zu steps:\n", sampler->settings.batch,
           sampler->n_random, sage_pool_threads(pool), steps);
    for (size_t p = 0; p < PARTS; p++) {
        qsort(times[p], steps, sizeof *times[p], compare);
        printf("  %-10s %8.3f ms\n", part_names[p], 1e3 * times[p][steps / 2]);
        free(times[p]);
    }
    printf("sampler's memory %.1f MiB\n", (double)sage_sampler_memory_bytes(sampler) / 1048576);
    sage_sampler_free(sampler);
    sage_dataset_close(dataset);
    sage_options_free(options);
    sage_pool_free(pool);
    return 0;
}
