/* A training step and inference on a made batch of the shape of a small shop (homedepot): about 90 ids a title, two
 * short fields beside it. model_bench [threads [steps [pairs [random]]]] */
#include <base/report.h>
#include <base/rng.h>
#include <model/model.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { VOCAB = 240000, TITLE_IDS = 90, SHORT_IDS = 12, QUERY_IDS = 22, MAX_STEPS = 1000 };

typedef struct made {
    sage_product_batch products;
    sage_bags queries;
    uint32_t *ids, *begin, *token_begin, *query_ids, *query_begin;
    uint8_t *field;
} made;

/* Ids by a power law, as words are. */
static uint32_t draw(sage_rng *rng) {
    double u = sage_rng_unit(rng);
    return (uint32_t)((double)(VOCAB - 1) * u * u * u);
}

static void *must(void *memory) {
    if (memory != NULL) return memory;
    fputs("model_bench: out of memory\n", stderr);
    exit(1);
}

static made make(size_t products, size_t queries) {
    static const uint8_t fields[] = {SAGE_TITLE, SAGE_BRAND, SAGE_COLOR};
    made m = {0};
    sage_rng rng;
    size_t ids = 0, tokens = 0;
    sage_rng_seed(&rng, 1, 1);
    m.ids = must(malloc(products * 2 * (TITLE_IDS + 2 * SHORT_IDS) * sizeof *m.ids));
    m.begin = must(malloc((products * 3 + 1) * sizeof *m.begin));
    m.token_begin = must(malloc((products + 1) * sizeof *m.token_begin));
    m.field = must(malloc(products * 3));
    m.query_ids = must(malloc(queries * 2 * QUERY_IDS * sizeof *m.query_ids));
    m.query_begin = must(malloc((queries + 1) * sizeof *m.query_begin));
    for (size_t i = 0; i < products; i++) {
        m.token_begin[i] = (uint32_t)tokens;
        for (size_t f = 0; f < sizeof fields; f++) {
            size_t n =
                f == 0 ? TITLE_IDS / 2 + sage_rng_below(&rng, TITLE_IDS) : 1 + sage_rng_below(&rng, 2 * SHORT_IDS);
            m.begin[tokens] = (uint32_t)ids;
            m.field[tokens++] = fields[f];
            for (; n > 0; n--) m.ids[ids++] = draw(&rng);
        }
    }
    m.token_begin[products] = (uint32_t)tokens;
    m.begin[tokens] = (uint32_t)ids;
    size_t at = 0;
    for (size_t i = 0; i < queries; i++) {
        m.query_begin[i] = (uint32_t)at;
        for (size_t n = 1 + sage_rng_below(&rng, 2 * QUERY_IDS); n > 0; n--) m.query_ids[at++] = draw(&rng);
    }
    m.query_begin[queries] = (uint32_t)at;
    m.products = (sage_product_batch){products, m.token_begin, m.field, {tokens, m.ids, m.begin}, NULL, NULL};
    m.queries = (sage_bags){queries, m.query_ids, m.query_begin};
    return m;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *times, size_t n) {
    qsort(times, n, sizeof *times, ascending);
    return times[n / 2];
}

/* Of all threads: on a machine that others use too it says more than the wall clock. */
static double cpu_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void stop(const sage_error *error) {
    fprintf(stderr, "model_bench: %s\n", error->text);
    exit(1);
}

static size_t argument(int argc, char **argv, int i, size_t otherwise) {
    return argc > i ? strtoul(argv[i], NULL, 10) : otherwise;
}

int main(int argc, char **argv) {
    size_t threads = argument(argc, argv, 1, 2), steps = argument(argc, argv, 2, 20),
           pairs = argument(argc, argv, 3, 1024), random = argument(argc, argv, 4, pairs);
    const sage_model_shape shape = {.vocab = VOCAB,
                                    .rows = VOCAB,
                                    .hashes = 1,
                                    .dim_embed = 256,
                                    .dim_model = 256,
                                    .heads = 8,
                                    .dim_ff = 512,
                                    .dim_head = 512,
                                    .dim_out = 256};
    sage_error error = {0};
    sage_pool *pool;
    sage_model *model;
    sage_work *work;
    sage_grads *grads;
    sage_loss loss;
    double times[MAX_STEPS];
    if (steps == 0 || steps > MAX_STEPS || pairs == 0) return 2;
    made m = make(pairs + random, pairs);
    if (sage_pool_new(threads, &pool, &error) != SAGE_OK ||
        sage_model_new(&shape, NULL, NULL, 1, &model, &error) != SAGE_OK ||
        sage_work_new(pool, &work, &error) != SAGE_OK || sage_grads_new(model, &grads, &error) != SAGE_OK)
        stop(&error);
    sage_loss_spec spec = {.n_pairs = pairs, .n_random = random, .in_batch = true};
    real *out = must(malloc((pairs + random) * shape.dim_out * sizeof *out));
    double cpu = 0;
    for (size_t i = 0; i <= steps; i++) {
        double began = sage_now_s();
        if (i == 1) cpu = cpu_s();
        if (sage_model_step(model, work, &m.products, &m.queries, &spec, grads, &loss, &error) != SAGE_OK) stop(&error);
        if (i > 0) times[i - 1] = sage_now_s() - began; /* the first one allocates */
    }
    cpu = (cpu_s() - cpu) / (double)steps;
    double step = median(times, steps);
    printf("{\"bench\":\"model_step\",\"isa\":\"%s\",\"gemm\":\"%s\",\"threads\":%zu,\"pairs\":%zu,\"random\":%zu,"
           "\"ids\":%u,\"median_ms\":%.2f,"
           "\"cpu_ms\":%.2f,\"pairs_per_s\":%.0f,\"loss\":%.4f}\n",
           sage_isa(), sage_gemm_name(), threads, pairs, random, m.begin[m.products.text.n], step * 1e3, cpu * 1e3,
           (double)pairs / step, loss.total);
    for (size_t i = 0; i < steps; i++) {
        double began = sage_now_s();
        if (sage_model_products(model, work, &m.products, out, &error) != SAGE_OK) stop(&error);
        times[i] = sage_now_s() - began;
    }
    double infer = median(times, steps);
    printf(
        "{\"bench\":\"model_products\",\"threads\":%zu,\"products\":%zu,\"median_ms\":%.2f,\"products_per_s\":%.0f}\n",
        threads, pairs + random, infer * 1e3, (double)(pairs + random) / infer);
    sage_grads_free(grads);
    sage_work_free(work);
    sage_model_free(model);
    sage_pool_free(pool);
    free(out);
    free(m.ids);
    free(m.begin);
    free(m.token_begin);
    free(m.field);
    free(m.query_ids);
    free(m.query_begin);
    return 0;
}
