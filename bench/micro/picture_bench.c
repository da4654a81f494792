/* Pictures from files to what an encoder takes: loaded, decoded, resized to 224 and cut (bicubic, as CLIP's).
 *
 *   picture_bench THREADS REPEATS FILE...
 *
 * Files are read through the page cache. One line of JSON: the median over REPEATS of the seconds that all files took,
 * pictures a second, and the processor time of each stage for one picture, in microseconds, of the median run. */
#include <base/alloc.h>
#include <base/report.h>
#include <parallel/pool.h>
#include <pretrained/picture.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SIDE = 224, REPEATS_MAX = 101, THREADS_MAX = 256, STAGES = 3 };
static const char *const stage_names[STAGES] = {"load", "decode", "shape"};
static const sage_picture_rule rule = {
    SIDE, SIDE, SAGE_RESAMPLE_BICUBIC, {0.48145466f, 0.4578275f, 0.40821073f}, {0.26862954f, 0.26130258f, 0.27577711f}};

typedef struct worker {
    sage_pixels pixels, scratch;
    float *out;
    double stage_s[STAGES];
    double megapixels, megabytes;
} worker;

typedef struct bench {
    char **paths;
    worker workers[THREADS_MAX];
} bench;

typedef struct run {
    double seconds, stage_s[STAGES];
} run;

static void must(sage_status st, const sage_error *error) {
    char line[1024];
    if (st == SAGE_OK) return;
    fprintf(stderr, "picture_bench: %s\n", sage_error_line(error, line, sizeof line));
    exit(1);
}

static double thread_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void one(worker *w, const char *path) {
    const sage_picture_limits *limits = &sage_picture_limits_default;
    sage_error error;
    sage_picture_file file;
    sage_picture_info info;
    double t[STAGES + 1];
    t[0] = thread_s();
    must(sage_picture_load(path, limits, &file, &error), &error);
    t[1] = thread_s();
    must(sage_picture_decode(path, file.bytes, file.n_bytes, limits, sage_picture_wanted(&rule), &w->pixels, &info,
                             &error),
         &error);
    t[2] = thread_s();
    must(sage_picture_shape(&w->pixels, &rule, &w->scratch, w->out, &error), &error);
    t[3] = thread_s();
    for (size_t i = 0; i < STAGES; i++) w->stage_s[i] += t[i + 1] - t[i];
    w->megapixels += 1e-6 * (double)info.width * (double)info.height;
    w->megabytes += 1e-6 * (double)file.n_bytes;
    sage_picture_file_free(&file);
}

static void work(void *ctx, size_t begin, size_t end, size_t w) {
    bench *b = ctx;
    for (size_t i = begin; i < end; i++) one(&b->workers[w], b->paths[i]);
}

static int compare(const void *left, const void *right) {
    double a = ((const run *)left)->seconds, b = ((const run *)right)->seconds;
    return (a > b) - (a < b);
}

int main(int argc, char **argv) {
    static bench b;
    static run runs[REPEATS_MAX];
    size_t threads = argc > 3 ? strtoul(argv[1], NULL, 10) : 0, repeats = argc > 3 ? strtoul(argv[2], NULL, 10) : 0;
    if (threads < 1 || threads > THREADS_MAX || repeats < 1 || repeats > REPEATS_MAX) {
        fprintf(stderr, "usage: picture_bench THREADS REPEATS FILE...\n");
        return 2;
    }
    size_t n = (size_t)argc - 3;
    b.paths = argv + 3;
    for (size_t i = 0; i < threads; i++) {
        b.workers[i].out = sage_alloc_aligned((size_t)3 * SIDE * SIDE * sizeof(float));
        if (b.workers[i].out == NULL) return 1;
    }
    sage_pool *pool;
    sage_error error;
    must(sage_pool_new(threads, &pool, &error), &error);
    double megapixels = 0, megabytes = 0;
    for (size_t r = 0; r < repeats; r++) {
        for (size_t i = 0; i < threads; i++) {
            memset(b.workers[i].stage_s, 0, sizeof b.workers[i].stage_s);
            b.workers[i].megapixels = b.workers[i].megabytes = 0;
        }
        double began = sage_now_s();
        sage_pool_for_dynamic(pool, n, 1, work, &b);
        runs[r].seconds = sage_now_s() - began;
        megapixels = megabytes = 0;
        for (size_t i = 0; i < threads; i++) {
            for (size_t s = 0; s < STAGES; s++) runs[r].stage_s[s] += b.workers[i].stage_s[s];
            megapixels += b.workers[i].megapixels;
            megabytes += b.workers[i].megabytes;
        }
    }
    qsort(runs, repeats, sizeof *runs, compare);
    const run *median = &runs[repeats / 2];
    printf("{\"bench\": \"picture\", \"files\": %zu, \"megapixels\": %.1f, \"megabytes\": %.1f, \"threads\": %zu, "
           "\"seconds\": %.4f, \"pictures_s\": %.1f",
           n, megapixels, megabytes, threads, median->seconds, (double)n / median->seconds);
    for (size_t s = 0; s < STAGES; s++)
        printf(", \"%s_us\": %.1f", stage_names[s], 1e6 * median->stage_s[s] / (double)n);
    printf("}\n");
    sage_pool_free(pool);
    return 0;
}
