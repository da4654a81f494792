/* Embedding, stage by stage, on a shop that has been trained.
 *   embed_bench SHOP [MODEL [threads [repeats]]]
 * Nothing is written into the shop. Each stage by itself over all products, medians; one line of JSON a stage. cpu_us
 * is processor time of all threads for one product: on a machine that others use too it says more than the clock.
 * "encode" takes blocks as embed makes them, equal bags once; "encode_apart" the same with a bag a token. */
#include <base/report.h>
#include <dataset/dataset.h>
#include <embed/embed.h>
#include <embed/product_block.h>
#include <io/fs.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REPEATS_MAX = 99 };

typedef struct bench {
    const char *shop;
    size_t threads, repeats, products;
    sage_catalog *catalog;
    sage_pool *pool;
    sage_model *model;
    sage_vocab *vocab;
    sage_image_store *images;
    sage_dataset *dataset; /* NULL: none, or an older one */
    sage_product_block *block;
    float *out;
    size_t tokens, bags, ids, ids_apart; /* of all blocks */
    sage_error error;
} bench;

static void must(sage_status st, const bench *b) {
    char line[900];
    if (st == SAGE_OK) return;
    fprintf(stderr, "embed_bench: %s\n", sage_error_line(&b->error, line, sizeof line));
    exit(1);
}

static void *must_have(void *memory) {
    if (memory != NULL) return memory;
    fputs("embed_bench: out of memory\n", stderr);
    exit(1);
}

static double cpu_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Time that a stage has taken, added up over its pieces. */
typedef struct stopwatch {
    double wall_s, cpu_s, wall_began, cpu_began;
} stopwatch;

static void start(stopwatch *w) {
    w->wall_began = sage_now_s();
    w->cpu_began = cpu_s();
}

static void stop(stopwatch *w) {
    w->wall_s += sage_now_s() - w->wall_began;
    w->cpu_s += cpu_s() - w->cpu_began;
}

static void measure(bench *b, const char *stage, const char *precision, void (*run)(bench *b, stopwatch *watch)) {
    double wall[REPEATS_MAX], cpu[REPEATS_MAX];
    for (size_t r = 0; r < b->repeats; r++) {
        stopwatch watch = {0};
        b->tokens = b->bags = b->ids = b->ids_apart = 0;
        run(b, &watch);
        wall[r] = watch.wall_s;
        cpu[r] = watch.cpu_s;
    }
    qsort(wall, b->repeats, sizeof *wall, by_value);
    qsort(cpu, b->repeats, sizeof *cpu, by_value);
    double n = (double)b->products, c = cpu[b->repeats / 2];
    printf("{\"stage\": \"%s\", \"precision\": \"%s\", \"threads\": %zu, \"products\": %zu, \"us\": %.3f, \"cpu_us\": "
           "%.3f, \"products_per_core_s\": %.0f}\n",
           stage, precision, b->threads, b->products, 1e6 * wall[b->repeats / 2] / n, 1e6 * c / n, c > 0 ? n / c : 0);
    fflush(stdout);
}

/* ---- what comes before the model ---- */

static void read_rows(bench *b, stopwatch *watch, bool prints) {
    sage_product_cursor *cursor = NULL;
    const sage_product_row *row;
    size_t n = 0;
    start(watch);
    must(prints ? sage_product_cursor_open_prints(b->catalog, 0, &cursor, &b->error)
                : sage_product_cursor_open(b->catalog, 0, 0, &cursor, &b->error),
         b);
    for (;; n++) {
        must(sage_product_cursor_next(cursor, &row, &b->error), b);
        if (row == NULL) break;
    }
    sage_product_cursor_close(cursor);
    stop(watch);
    b->products = n;
}

static void read_fingerprints(bench *b, stopwatch *watch) {
    read_rows(b, watch, true);
}

static void read_products(bench *b, stopwatch *watch) {
    read_rows(b, watch, false);
}

typedef void (*block_fn)(bench *b, const sage_product_batch *batch, void *ctx);

static void end_block(bench *b, stopwatch *watch, block_fn fn, void *ctx) {
    sage_product_batch batch;
    start(watch);
    must(sage_product_block_read(b->block, &batch, &b->error), b);
    stop(watch);
    if (fn != NULL) fn(b, &batch, ctx);
    sage_product_block_clear(b->block);
}

/* Blocks from the catalogue; the watch has what comes after reading the rows. */
static void cut_blocks(bench *b, stopwatch *watch) {
    sage_product_cursor *cursor = NULL;
    const sage_product_row *row;
    must(sage_product_cursor_open(b->catalog, 0, 0, &cursor, &b->error), b);
    for (;;) {
        must(sage_product_cursor_next(cursor, &row, &b->error), b);
        if (row == NULL) break;
        must(sage_product_block_add(b->block, row, b->images, &b->error), b);
        if (sage_product_block_full(b->block)) end_block(b, watch, NULL, NULL);
    }
    end_block(b, watch, NULL, NULL);
    sage_product_cursor_close(cursor);
}

/* Blocks from the dataset; the watch has all but fn. */
static void packed_blocks(bench *b, stopwatch *watch, block_fn fn, void *ctx) {
    for (size_t i = 0; i < b->products;) {
        start(watch);
        for (; i < b->products && !sage_product_block_full(b->block); i++) {
            sage_packed_product product;
            sage_dataset_product(b->dataset, i, &product);
            must(sage_product_block_add_packed(b->block, sage_dataset_pids(b->dataset)[i], &product, &b->error), b);
        }
        stop(watch);
        end_block(b, watch, fn, ctx);
    }
}

static void lay_out_packed(bench *b, stopwatch *watch) {
    packed_blocks(b, watch, NULL, NULL);
}

/* ---- the model ---- */

typedef struct encode_job {
    sage_frozen *frozen;
    stopwatch *watch;
    bool apart;
} encode_job;

/* The batch with a bag a token. */
static void spread(bench *b, const sage_product_batch *batch, sage_product_batch *flat) {
    size_t tokens = batch->token_begin[batch->n], n = 0;
    const sage_bags *bags = &batch->text;
    for (size_t t = 0; t < tokens; t++) n += bags->begin[batch->token_bag[t] + 1] - bags->begin[batch->token_bag[t]];
    uint32_t *ids = must_have(malloc((n + 1) * sizeof *ids)), *begin = must_have(malloc((tokens + 1) * sizeof *begin));
    n = 0;
    for (size_t t = 0; t < tokens; t++) {
        size_t from = bags->begin[batch->token_bag[t]], len = bags->begin[batch->token_bag[t] + 1] - from;
        begin[t] = (uint32_t)n;
        memcpy(ids + n, bags->ids + from, len * sizeof *ids);
        n += len;
    }
    begin[tokens] = (uint32_t)n;
    *flat = *batch;
    flat->token_bag = NULL;
    flat->text = (sage_bags){tokens, ids, begin};
    b->ids_apart += n;
}

static void encode_block(bench *b, const sage_product_batch *batch, void *ctx) {
    encode_job *job = ctx;
    sage_product_batch flat = *batch;
    if (batch->n == 0) return;
    if (job->apart) spread(b, batch, &flat);
    b->tokens += batch->token_begin[batch->n];
    b->bags += batch->text.n;
    b->ids += batch->text.begin[batch->text.n];
    start(job->watch);
    must(sage_frozen_products(job->frozen, &flat, b->out, &b->error), b);
    stop(job->watch);
    if (!job->apart) return;
    free((void *)(uintptr_t)flat.text.ids);
    free((void *)(uintptr_t)flat.text.begin);
}

static sage_frozen *frozen_now;
static bool apart_now;

static void encode(bench *b, stopwatch *watch) {
    stopwatch layout = {0};
    encode_job job = {frozen_now, watch, apart_now};
    packed_blocks(b, &layout, encode_block, &job);
}

static void measure_precision(bench *b, sage_precision precision) {
    const char *name = sage_precision_name(precision);
    must(sage_frozen_new(b->model, precision, b->pool, &frozen_now, &b->error), b);
    apart_now = false;
    measure(b, "encode", name, encode);
    apart_now = true;
    measure(b, "encode_apart", name, encode);
    if (precision == SAGE_PRECISION_F32)
        printf("{\"ids_per_product\": %.1f, \"tokens_per_product\": %.2f, \"bags_per_product\": %.2f, "
               "\"duplicate_ids\": %.3f}\n",
               (double)b->ids_apart / (double)b->products, (double)b->tokens / (double)b->products,
               (double)b->bags / (double)b->products, 1 - (double)b->ids / (double)b->ids_apart);
    sage_frozen_free(frozen_now);
}

/* ---- the shop ---- */

static uint64_t dataset_of(const char *path) {
    json_t *config = json_load_file(path, 0, NULL);
    uint64_t id = (uint64_t)json_integer_value(json_object_get(config, "dataset"));
    json_decref(config);
    return id;
}

static void open_dataset(bench *b, const char *model_dir) {
    char path[SAGE_PATH_MAX];
    must(sage_path_join(path, model_dir, "config.json", &b->error), b);
    uint64_t id = dataset_of(path);
    if (id == 0 || sage_dataset_open(b->shop, id, true, &b->dataset, NULL) != SAGE_OK) return;
    if (sage_vocab_hash(sage_dataset_vocab(b->dataset)) == sage_vocab_hash(b->vocab)) return;
    sage_dataset_close(b->dataset);
    b->dataset = NULL;
}

static void open_shop(bench *b, unsigned long model) {
    char path[SAGE_PATH_MAX], model_dir[SAGE_PATH_MAX], name[64];
    snprintf(name, sizeof name, "models/%lu", model);
    must(sage_path_join(model_dir, b->shop, name, &b->error), b);
    must(sage_path_join(path, b->shop, "catalog.db", &b->error), b);
    must(sage_catalog_open(path, false, &b->catalog, &b->error), b);
    must(sage_path_join(path, model_dir, "model.safetensors", &b->error), b);
    must(sage_model_load(path, &b->model, &b->error), b);
    must(sage_path_join(path, model_dir, "vocabulary", &b->error), b);
    must(sage_vocab_open(path, &b->vocab, &b->error), b);
    must(sage_path_join(path, b->shop, "pictures", &b->error), b);
    must(sage_image_store_open(b->catalog, path, &b->images, &b->error), b);
    must(sage_pool_new(b->threads, &b->pool, &b->error), b);
    open_dataset(b, model_dir);
    const sage_model_shape *shape = sage_model_shape_of(b->model);
    must(sage_product_block_new(b->vocab, shape, NULL, NULL, b->pool, &b->block, &b->error), b);
    b->out = must_have(malloc(1024 * shape->dim_out * sizeof *b->out));
}

static void close_shop(bench *b) {
    free(b->out);
    sage_product_block_free(b->block);
    sage_pool_free(b->pool);
    sage_dataset_close(b->dataset);
    sage_image_store_close(b->images);
    sage_vocab_close(b->vocab);
    sage_model_free(b->model);
    sage_catalog_close(b->catalog);
}

int main(int argc, char **argv) {
    bench b = {.threads = 1, .repeats = 3};
    if (argc < 2) {
        fputs("usage: embed_bench SHOP [MODEL [threads [repeats]]]\n", stderr);
        return 2;
    }
    b.shop = argv[1];
    unsigned long model = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
    if (argc > 3) b.threads = strtoul(argv[3], NULL, 10);
    if (argc > 4) b.repeats = strtoul(argv[4], NULL, 10);
    if (b.repeats < 1 || b.repeats > REPEATS_MAX) b.repeats = 3;
    open_shop(&b, model);
    measure(&b, "fingerprints", "-", read_fingerprints);
    measure(&b, "read", "-", read_products);
    measure(&b, "cut", "-", cut_blocks);
    if (b.dataset == NULL) {
        fputs("embed_bench: no dataset of this model: what is encoded comes from it\n", stderr);
    } else {
        b.products = sage_dataset_products(b.dataset);
        measure(&b, "lay_out_packed", "-", lay_out_packed);
        for (int p = SAGE_PRECISION_F32; p <= SAGE_PRECISION_INT8; p++) measure_precision(&b, (sage_precision)p);
    }
    close_shop(&b);
    return 0;
}
