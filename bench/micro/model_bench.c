/* A training step and inference on made batches.
 *   model_bench [small|paper|groups|people [threads [steps [pairs [random [f32|bf16]]]]]]
 * small: a small shop's titles (about 90 n-grams and two short fields a product), no pictures, preset small.
 * paper: all 12 fields (about 290 n-grams, two hashes), 1 to 20 image vectors of 256, preset paper; the shapes of
 * peers' benchmarks.
 * groups: a small shop with vectors of both kinds, up to 4 pictures and a sentence a product; every query has a
 * sentence, and every eighth is a picture.
 * people: the small shop; every fourth query is a user with 1 to 64 events, every eighth a product. One line of JSON a
 * measurement. cpu_ms is the time of all threads: on a machine that others use too it says more than the wall clock. */
#include "measure.h"

#include <base/alloc.h>
#include <base/profile.h>
#include <base/report.h>
#include <base/rng.h>
#include <model/model.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_STEPS = 1000, QUERY_IDS = 22, KINDS = 4 };

typedef struct kind {
    const char *name;
    sage_model_shape shape;
    size_t fields, ids[SAGE_FIELDS]; /* mean number of ids of each field */
    size_t most[SAGE_GROUPS_MAX];    /* vectors of each group; at least one */
    size_t pictures, looked, users;  /* of so many queries one is a picture, a product, a user; 0: none */
} kind;

static const kind kinds[KINDS] = {
    {"small",
     {.vocab = 240000,
      .rows = 240000,
      .hashes = 1,
      .dim_embed = 256,
      .dim_model = 256,
      .heads = 8,
      .dim_ff = 512,
      .dim_head = 512,
      .dim_out = 256},
     3,
     {90, 12, 12}},
    {"paper",
     {.vocab = 1264000,
      .rows = 100000,
      .hashes = 2,
      .dim_embed = 256,
      .dim_model = 512,
      .heads = 8,
      .dim_ff = 2048,
      .dim_head = 1024,
      .dim_out = 256,
      .n_groups = 1,
      .groups = {{SAGE_GROUP_PICTURES, 256}},
      .plain_head = true},
     SAGE_FIELDS,
     {30, 200, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6},
     {20}},
    {"groups",
     {.vocab = 240000,
      .rows = 240000,
      .hashes = 1,
      .dim_embed = 256,
      .dim_model = 256,
      .heads = 8,
      .dim_ff = 512,
      .dim_head = 512,
      .dim_out = 256,
      .n_groups = 2,
      .groups = {{SAGE_GROUP_PICTURES, 1280}, {SAGE_GROUP_SENTENCES, 384}}},
     3,
     {90, 12, 12},
     {4, 1},
     8},
    {"people",
     {.vocab = 240000,
      .rows = 240000,
      .hashes = 1,
      .dim_embed = 256,
      .dim_model = 256,
      .heads = 8,
      .dim_ff = 512,
      .dim_head = 512,
      .dim_out = 256,
      .product_tower = true,
      .user_events = 64,
      .user_dim = 128,
      .user_layers = 1,
      .user_heads = 4},
     3,
     {90, 12, 12},
     {0},
     0,
     8,
     4},
};

typedef struct made {
    sage_product_batch products;
    sage_query_batch queries;
    uint32_t *ids, *begin, *token_begin, *group_begin[SAGE_GROUPS_MAX], *query_ids, *query_begin;
    uint32_t *user_begin;
    uint8_t *field, *user_kind;
    float *user_age;
    real *vectors[SAGE_GROUPS_MAX], *sentences, *pictures, *looked, *user_vectors;
} made;

static void *must(void *memory) {
    if (memory != NULL) return memory;
    fputs("model_bench: out of memory\n", stderr);
    exit(1);
}

/* By a power law, as words are. */
static uint32_t draw(sage_rng *rng, size_t vocab) {
    double u = sage_rng_unit(rng);
    return (uint32_t)((double)(vocab - 1) * u * u * u);
}

static size_t about(sage_rng *rng, size_t mean) {
    return mean / 2 + 1 + (size_t)sage_rng_below(rng, mean);
}

static real *numbers(size_t n, sage_rng *rng) {
    real *x = must(malloc((n + 1) * sizeof *x));
    for (size_t i = 0; i < n; i++) x[i] = (real)(sage_rng_unit(rng) - 0.5);
    return x;
}

static void make_group(made *m, const kind *k, size_t g, size_t n, sage_rng *rng) {
    uint32_t *begin = m->group_begin[g] = must(malloc((n + 1) * sizeof *begin));
    begin[0] = 0;
    for (size_t i = 0; i < n; i++) begin[i + 1] = begin[i] + 1 + (uint32_t)sage_rng_below(rng, k->most[g]);
    m->vectors[g] = numbers(begin[n] * k->shape.groups[g].dim, rng);
    m->products.group[g] = (sage_group_rows){begin, m->vectors[g]};
}

static void make_products(made *m, const kind *k, size_t n, sage_rng *rng) {
    size_t most = 0, ids = 0, tokens = 0;
    for (size_t f = 0; f < k->fields; f++) most += 2 * k->ids[f] + 2;
    m->ids = must(malloc(n * most * sizeof *m->ids));
    m->begin = must(malloc((n * k->fields + 1) * sizeof *m->begin));
    m->token_begin = must(malloc((n + 1) * sizeof *m->token_begin));
    m->field = must(malloc(n * k->fields));
    for (size_t i = 0; i < n; i++) {
        m->token_begin[i] = (uint32_t)tokens;
        for (size_t f = 0; f < k->fields; f++) {
            m->begin[tokens] = (uint32_t)ids;
            m->field[tokens++] = (uint8_t)f;
            for (size_t left = about(rng, k->ids[f]); left > 0; left--) m->ids[ids++] = draw(rng, k->shape.vocab);
        }
    }
    m->token_begin[n] = (uint32_t)tokens;
    m->begin[tokens] = (uint32_t)ids;
    m->products = (sage_product_batch){n, m->token_begin, m->field, {tokens, m->ids, m->begin}};
    for (size_t g = 0; g < k->shape.n_groups; g++) make_group(m, k, g, n, rng);
}

static void make_users(made *m, const kind *k, size_t n, sage_rng *rng) {
    size_t most = k->shape.user_events, o = k->shape.dim_out;
    m->user_begin = must(malloc((n + 1) * sizeof *m->user_begin));
    m->user_kind = must(malloc(n * most + 1));
    m->user_age = must(malloc((n * most + 1) * sizeof *m->user_age));
    m->user_begin[0] = 0;
    for (size_t u = 0; u < n; u++) m->user_begin[u + 1] = m->user_begin[u] + 1 + (uint32_t)sage_rng_below(rng, most);
    for (size_t e = 0; e < m->user_begin[n]; e++) {
        m->user_kind[e] = (uint8_t)(e % 4);
        m->user_age[e] = (float)(e % 100);
    }
    m->user_vectors = numbers(m->user_begin[n] * o, rng);
    m->queries.n_users = n;
    m->queries.user_begin = m->user_begin;
    m->queries.user_vectors = m->user_vectors;
    m->queries.user_kind = m->user_kind;
    m->queries.user_age = m->user_age;
}

static void make_queries(made *m, const kind *k, size_t n, sage_rng *rng) {
    size_t at = 0;
    m->query_ids = must(malloc(n * 2 * (QUERY_IDS + 1) * sizeof *m->query_ids));
    m->query_begin = must(malloc((n + 1) * sizeof *m->query_begin));
    for (size_t i = 0; i < n; i++) {
        m->query_begin[i] = (uint32_t)at;
        for (size_t left = about(rng, QUERY_IDS); left > 0; left--) m->query_ids[at++] = draw(rng, k->shape.vocab);
    }
    m->query_begin[n] = (uint32_t)at;
    size_t pictures = k->pictures > 0 ? n / k->pictures : 0, looked = k->looked > 0 ? n / k->looked : 0;
    size_t users = k->users > 0 ? n / k->users : 0, texts = n - pictures - looked - users;
    size_t sentence = sage_shape_dim(&k->shape, SAGE_GROUP_SENTENCES);
    m->sentences = numbers(texts * sentence, rng);
    m->pictures = numbers(pictures * sage_shape_dim(&k->shape, SAGE_GROUP_PICTURES), rng);
    m->queries = (sage_query_batch){.n_texts = texts,
                                    .n_pictures = pictures,
                                    .bags = {texts, m->query_ids, m->query_begin},
                                    .sentences = sentence > 0 ? m->sentences : NULL,
                                    .pictures = m->pictures,
                                    .n_looked = looked,
                                    .looked = m->looked = numbers(looked * k->shape.dim_out, rng)};
    if (users > 0) make_users(m, k, users, rng);
}

static void let_go(made *m) {
    void *all[] = {m->ids,      m->begin,  m->token_begin, m->query_ids, m->query_begin, m->field,       m->sentences,
                   m->pictures, m->looked, m->user_begin,  m->user_kind, m->user_age,    m->user_vectors};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) free(all[i]);
    for (size_t g = 0; g < SAGE_GROUPS_MAX; g++) {
        free(m->group_begin[g]);
        free(m->vectors[g]);
    }
}

static void stop(const sage_error *error) {
    fprintf(stderr, "model_bench: %s\n", error->text);
    exit(1);
}

typedef struct bench {
    const kind *kind;
    made made;
    size_t threads, steps, pairs, random;
    sage_pool *pool;
    sage_model *model;
    sage_work *work;
    real *m, *v, *id_m, *id_v; /* Adam's moments of table and importance weights */
} bench;

static const real rate = (real)1e-6; /* so small that every step does the same work */

static void update_rows(void *ctx, size_t slab, size_t width, size_t n, const uint32_t *rows, const real *grad) {
    const bench *b = ctx;
    size_t at = sage_slab_begin(b->kind->shape.rows, slab);
    sage_ops_best()->adam_rows(width, n, rows, grad, sage_model_table(b->model) + at, b->m + at, b->v + at, rate,
                               (real)0.9, (real)0.999, (real)1e-8, (real)0.1, (real)0.001);
}

static void update_ids(void *ctx, size_t n, const uint32_t *ids, const real *grad) {
    const bench *b = ctx;
    sage_ops_best()->adam_rows(b->kind->shape.hashes, n, ids, grad, sage_model_importance(b->model), b->id_m, b->id_v,
                               rate, (real)0.9, (real)0.999, (real)1e-8, (real)0.1, (real)0.001);
}

static void print_profile(size_t steps, size_t threads) {
    sage_stage_sum sums[32];
    size_t n = sage_profile_read(sums, 32);
    for (size_t i = 0; i < n && i < 32; i++)
        fprintf(stderr, "  %-32s %8.2f ms of all threads a step (%5.2f of %zu cores' ms), %7.1f GFLOP/s, %6.1f GB/s\n",
                sums[i].name, sums[i].seconds * 1e3 / (double)steps, sums[i].seconds * 1e3 / (double)(steps * threads),
                threads, (double)sums[i].flops / sums[i].seconds * 1e-9,
                (double)sums[i].bytes / sums[i].seconds * 1e-9);
}

static void time_steps(bench *b) {
    sage_error error = {0};
    sage_loss loss = {0};
    sage_loss_spec spec = {.n_pairs = b->pairs, .n_random = b->random};
    sage_row_sink sink = {b, update_rows, update_ids};
    double times[MAX_STEPS], cpu = 0;
    real *dense = must(malloc(sage_model_dense_size(b->model) * sizeof *dense));
    for (size_t i = 0; i <= b->steps; i++) {
        if (i == 1) { /* the first step allocates */
            cpu = bench_cpu_s();
            sage_profile_enable(true);
        }
        double began = sage_now_s();
        if (sage_model_backward(b->model, b->work, &b->made.products, &b->made.queries, &spec, dense, &loss, &error) !=
            SAGE_OK)
            stop(&error);
        sage_model_scatter(b->model, b->work, &sink);
        if (i > 0) times[i - 1] = sage_now_s() - began;
    }
    cpu = (bench_cpu_s() - cpu) / (double)b->steps;
    double step = bench_median(times, b->steps);
    printf(
        "{\"bench\":\"model_step\",\"shape\":\"%s\",\"isa\":\"%s\",\"gemm\":\"%s\",\"threads\":%zu,\"pairs\":%zu,"
        "\"random\":%zu,"
        "\"product_ids\":%u,\"median_ms\":%.2f,\"cpu_ms\":%.2f,\"pairs_per_s\":%.0f,\"loss\":%.4f,\"work_mib\":%.0f}\n",
        b->kind->name, sage_isa(), sage_gemm_name(SAGE_PRECISION_F32), b->threads, b->pairs, b->random,
        b->made.begin[b->made.products.text.n], step * 1e3, cpu * 1e3, (double)b->pairs / step, loss.total,
        (double)sage_work_bytes(b->work) / (1 << 20));
    print_profile(b->steps, b->threads);
    sage_profile_enable(false);
    free(dense);
}

static void time_products(bench *b, sage_precision precision) {
    sage_error error = {0};
    size_t n = b->pairs + b->random;
    double times[MAX_STEPS], cpu = 0;
    sage_frozen *frozen;
    real *out = must(malloc(n * b->kind->shape.dim_out * sizeof *out));
    if (sage_frozen_new(b->model, precision, b->pool, &frozen, &error) != SAGE_OK) stop(&error);
    for (size_t i = 0; i <= b->steps; i++) {
        if (i == 1) {
            cpu = bench_cpu_s();
            sage_profile_enable(true);
        }
        double began = sage_now_s();
        if (sage_frozen_products(frozen, &b->made.products, out, &error) != SAGE_OK) stop(&error);
        if (i > 0) times[i - 1] = sage_now_s() - began;
    }
    cpu = (bench_cpu_s() - cpu) / (double)b->steps;
    double middle = bench_median(times, b->steps);
    printf("{\"bench\":\"model_products\",\"shape\":\"%s\",\"precision\":\"%s\",\"threads\":%zu,\"products\":%zu,"
           "\"median_ms\":%.2f,\"cpu_ms\":%.2f,\"products_per_s\":%.0f}\n",
           b->kind->name, sage_precision_name(precision), b->threads, n, middle * 1e3, cpu * 1e3, (double)n / middle);
    print_profile(b->steps, b->threads);
    sage_profile_enable(false);
    sage_frozen_free(frozen);
    free(out);
}

static real *moments(size_t n) {
    real *x = sage_alloc_aligned(n * sizeof *x);
    must(x);
    sage_huge_pages(x, n * sizeof *x);
    memset(x, 0, n * sizeof *x);
    return x;
}

static size_t argument(int argc, char **argv, int i, size_t otherwise) {
    return argc > i ? strtoul(argv[i], NULL, 10) : otherwise;
}

int main(int argc, char **argv) {
    sage_error error = {0};
    sage_rng rng;
    size_t which = 0;
    for (size_t k = 1; argc > 1 && k < KINDS; k++)
        if (strcmp(argv[1], kinds[k].name) == 0) which = k;
    bench b = {.kind = &kinds[which],
               .threads = argument(argc, argv, 2, 2),
               .steps = argument(argc, argv, 3, 20),
               .pairs = argument(argc, argv, 4, 1024)};
    b.random = argument(argc, argv, 5, b.pairs);
    if (b.steps == 0 || b.steps > MAX_STEPS || b.pairs == 0) {
        fputs("usage: model_bench [small|paper|groups|people [threads [steps [pairs [random [f32|bf16]]]]]]\n", stderr);
        return 2;
    }
    sage_rng_seed(&rng, 1, 1);
    make_products(&b.made, b.kind, b.pairs + b.random, &rng);
    make_queries(&b.made, b.kind, b.pairs, &rng);
    sage_precision precision = argc > 6 && strcmp(argv[6], "bf16") == 0 ? SAGE_PRECISION_BF16 : SAGE_PRECISION_F32;
    if (sage_pool_new(b.threads, &b.pool, &error) != SAGE_OK ||
        sage_model_new(&b.kind->shape, NULL, NULL, 1, &b.model, &error) != SAGE_OK ||
        sage_work_new(b.pool, precision, &b.work, &error) != SAGE_OK)
        stop(&error);
    const sage_model_shape *shape = &b.kind->shape;
    b.m = moments(shape->rows * shape->dim_embed);
    b.v = moments(shape->rows * shape->dim_embed);
    b.id_m = moments(shape->vocab * shape->hashes);
    b.id_v = moments(shape->vocab * shape->hashes);
    time_steps(&b);
    for (int p = SAGE_PRECISION_F32; p <= SAGE_PRECISION_INT8; p++) time_products(&b, (sage_precision)p);
    sage_free(b.m);
    sage_free(b.v);
    sage_free(b.id_m);
    sage_free(b.id_v);
    sage_work_free(b.work);
    sage_model_free(b.model);
    sage_pool_free(b.pool);
    let_go(&b.made);
    return 0;
}
