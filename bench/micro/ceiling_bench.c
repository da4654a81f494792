/* What the encoder's arithmetic and memory traffic cost at the least on this machine: bare loops over the paper's
 * shapes, beside which a step is put as a share (bench/peers/encoder.py). ceiling_bench [threads [products]] One line
 * of JSON, the best of some repeats each: multiply-adds a second by registers, bytes read a second, and milliseconds
 * for the hashed bags of so many products with the table in whole rows and in slabs of 32 columns: gather (also of a
 * bf16 table), counting sort by row, backward with Adam at once; Adam over the dense parameters. */
#include <base/report.h>
#include <base/rng.h>
#include <kernels/peak.h>
#include <parallel/pool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) && !defined(__clang__)
#define EVERY_ISA __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define EVERY_ISA
#endif

/* Of 16 floats wherever the machine has them; the compiler splits them elsewhere. Everything that takes or gives one is
 * inlined, so how a call would pass it does not matter. */
#pragma GCC diagnostic ignored "-Wpsabi"
#define INLINE static inline __attribute__((always_inline))
typedef float lanes __attribute__((vector_size(64), aligned(4), may_alias));
typedef uint16_t halves __attribute__((vector_size(32), aligned(2), may_alias));
typedef uint32_t words __attribute__((vector_size(64), aligned(4)));
enum { ROWS = 100000, VOCAB = 1264000, DIM = 256, FIELDS = 12, SLAB = 32, AHEAD = 8, REPEATS = 7, LANES = 16 };
enum { DENSE = 4100000 }; /* parameters of the preset "paper" beside the table */
enum { LINE_FLOATS = 16 };

typedef struct floor_bench {
    size_t bags, entries;                           /* an entry is one of the two rows of an id */
    uint32_t *begin, *row, *row_begin, *sorted_bag; /* sorted: by row */
    float *weight, *sorted_weight, *dot, *table, *m, *v, *token, *dense[4];
    uint16_t *low;
    sage_pool *pool;
} floor_bench;

static void *big(size_t n, size_t size) {
    size_t bytes = (n * size + (2u << 20)) & ~(size_t)((2u << 20) - 1);
    void *memory = aligned_alloc(2u << 20, bytes);
    if (memory == NULL) {
        fputs("ceiling_bench: out of memory\n", stderr);
        exit(1);
    }
    sage_huge_pages(memory, bytes);
    memset(memory, 0, bytes);
    return memory;
}

static void make(floor_bench *b, size_t products) {
    sage_rng rng;
    sage_rng_seed(&rng, 1, 1);
    b->bags = products * FIELDS;
    b->begin = big(b->bags + 1, sizeof *b->begin);
    for (size_t i = 0; i < b->bags; i++) {
        size_t field = i % FIELDS, ids = field == 0 ? 30 : field == 1 ? 200 : 1 + (size_t)sage_rng_below(&rng, 12);
        b->begin[i + 1] = b->begin[i] + (uint32_t)(2 * ids);
    }
    b->entries = b->begin[b->bags];
    b->row = big(b->entries + AHEAD, sizeof *b->row);
    b->sorted_bag = big(b->entries + AHEAD, sizeof *b->sorted_bag);
    b->row_begin = big(ROWS + 2, sizeof *b->row_begin);
    b->weight = big(b->entries, sizeof *b->weight);
    b->sorted_weight = big(b->entries, sizeof *b->sorted_weight);
    b->dot = big(b->entries, sizeof *b->dot);
    for (size_t i = 0; i < b->entries; i++) {
        b->row[i] = (uint32_t)sage_rng_below(&rng, ROWS);
        b->weight[i] = 1;
    }
    b->table = big((size_t)ROWS * DIM, sizeof *b->table);
    b->low = big((size_t)ROWS * DIM, sizeof *b->low);
    b->m = big((size_t)ROWS * DIM, sizeof *b->m);
    b->v = big((size_t)ROWS * DIM, sizeof *b->v);
    b->token = big(b->bags * DIM, sizeof *b->token);
    for (size_t i = 0; i < 4; i++) b->dense[i] = big(DENSE, sizeof *b->dense[i]);
}

INLINE void prefetch(const void *row, size_t bytes) {
    for (size_t i = 0; i < bytes; i += 64) __builtin_prefetch((const char *)row + i);
}

INLINE lanes load(const float *p) {
    return *(const lanes *)p;
}

INLINE void store(float *p, lanes x) {
    *(lanes *)p = x;
}

INLINE lanes widen(const uint16_t *p) {
    words w = __builtin_convertvector(*(const halves *)p, words) << 16;
    return (lanes)w;
}

/* ---- the pieces: [begin, end) of bags or rows, all slabs of `width` columns ---- */
#define GATHER(name, WIDTH, type, table, get)                                                                          \
    EVERY_ISA static void name(void *ctx, size_t from, size_t to, size_t worker) {                                     \
        (void)worker;                                                                                                  \
        const floor_bench *b = ctx;                                                                                    \
        for (size_t slab = 0; slab < DIM / WIDTH; slab++) {                                                            \
            const type *t = b->table + slab * WIDTH * ROWS;                                                            \
            float *out = b->token + slab * WIDTH * b->bags;                                                            \
            for (size_t i = from; i < to; i++) {                                                                       \
                lanes sum[WIDTH / LANES] = {{0}};                                                                      \
                for (size_t e = b->begin[i]; e < b->begin[i + 1]; e++) {                                               \
                    const type *row = t + (size_t)b->row[e] * WIDTH;                                                   \
                    prefetch(t + (size_t)b->row[e + AHEAD] * WIDTH, WIDTH * sizeof(type));                             \
                    for (size_t j = 0; j < WIDTH / LANES; j++) sum[j] += b->weight[e] * get(row + j * LANES);          \
                }                                                                                                      \
                for (size_t j = 0; j < WIDTH / LANES; j++) store(out + i * WIDTH + j * LANES, sum[j]);                 \
            }                                                                                                          \
        }                                                                                                              \
    }

GATHER(gather_rows, DIM, float, table, load)
GATHER(gather_slabs, SLAB, float, table, load)
GATHER(gather_rows_bf16, DIM, uint16_t, low, widen)
GATHER(gather_slabs_bf16, SLAB, uint16_t, low, widen)

INLINE float total(lanes x) {
    x += __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
    x += __builtin_shufflevector(x, x, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
    x += __builtin_shufflevector(x, x, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
    return x[0] + x[1];
}

INLINE lanes root(lanes x) {
    lanes y;
    for (size_t i = 0; i < LANES; i++) y[i] = __builtin_sqrtf(x[i]);
    return y;
}

INLINE void adam(float *w, lanes g, float *m, float *v) {
    lanes mean = 0.9f * load(m) + 0.1f * g, square = 0.999f * load(v) + 0.001f * g * g;
    store(m, mean);
    store(v, square);
    store(w, load(w) - 1e-4f * mean / (root(square) + 1e-8f));
}

/* The gradient of each row from its entries, the entries' dots with the row, and Adam, while the row is at hand. */
#define BACK(name, WIDTH)                                                                                              \
    EVERY_ISA static void name(void *ctx, size_t from, size_t to, size_t worker) {                                     \
        (void)worker;                                                                                                  \
        const floor_bench *b = ctx;                                                                                    \
        for (size_t slab = 0; slab < DIM / WIDTH; slab++) {                                                            \
            size_t base = slab * WIDTH * ROWS;                                                                         \
            const float *d = b->token + slab * WIDTH * b->bags;                                                        \
            for (size_t r = from; r < to; r++) {                                                                       \
                float *w = b->table + base + r * WIDTH;                                                                \
                lanes g[WIDTH / LANES] = {{0}};                                                                        \
                for (size_t k = b->row_begin[r]; k < b->row_begin[r + 1]; k++) {                                       \
                    const float *from_bag = d + (size_t)b->sorted_bag[k] * WIDTH;                                      \
                    lanes dot = {0};                                                                                   \
                    prefetch(d + (size_t)b->sorted_bag[k + AHEAD] * WIDTH, WIDTH * sizeof *d);                         \
                    for (size_t j = 0; j < WIDTH; j += LANES) {                                                        \
                        lanes x = load(from_bag + j);                                                                  \
                        g[j / LANES] += b->sorted_weight[k] * x;                                                       \
                        dot += x * load(w + j);                                                                        \
                    }                                                                                                  \
                    b->dot[k] += total(dot);                                                                           \
                }                                                                                                      \
                for (size_t j = 0; j < WIDTH; j += LANES)                                                              \
                    adam(w + j, g[j / LANES], b->m + base + r * WIDTH + j, b->v + base + r * WIDTH + j);               \
            }                                                                                                          \
        }                                                                                                              \
    }

BACK(back_rows, DIM)
BACK(back_slabs, SLAB)

EVERY_ISA static void dense_adam(void *ctx, size_t from, size_t to, size_t worker) {
    (void)worker;
    const floor_bench *b = ctx;
    for (size_t i = from; i < to; i += LANES)
        adam(b->dense[0] + i, load(b->dense[1] + i), b->dense[2] + i, b->dense[3] + i);
}

static void sort_entries(floor_bench *b) {
    memset(b->row_begin, 0, (ROWS + 2) * sizeof *b->row_begin);
    for (size_t e = 0; e < b->entries; e++) b->row_begin[b->row[e] + 2]++;
    for (size_t r = 0; r < ROWS; r++) b->row_begin[r + 2] += b->row_begin[r + 1];
    for (uint32_t i = 0; i < b->bags; i++)
        for (size_t e = b->begin[i]; e < b->begin[i + 1]; e++) {
            size_t at = b->row_begin[b->row[e] + 1]++;
            b->sorted_bag[at] = i;
            b->sorted_weight[at] = b->weight[e];
        }
}

static double best_ms(floor_bench *b, size_t n, sage_pool_fn piece) {
    double best = 1e9;
    for (size_t i = 0; i < REPEATS; i++) {
        double began = sage_now_s();
        sage_pool_for(b->pool, n, LINE_FLOATS, piece, b);
        double ms = 1e3 * (sage_now_s() - began);
        if (ms < best) best = ms;
    }
    return best;
}

static double sort_ms(floor_bench *b) {
    double best = 1e9;
    for (size_t i = 0; i < 3; i++) {
        double began = sage_now_s();
        sort_entries(b);
        double ms = 1e3 * (sage_now_s() - began);
        if (ms < best) best = ms;
    }
    return best;
}

/* ---- the peaks of all workers at once ---- */
enum { WORKERS_MAX = 256 };
typedef struct peaks {
    double gflops[3][WORKERS_MAX], gemm[3][WORKERS_MAX], read[WORKERS_MAX];
} peaks;

static void peak_piece(void *ctx, size_t from, size_t to, size_t worker) {
    (void)to;
    peaks *p = ctx;
    for (int kind = 0; kind < 3; kind++) {
        sage_peak peak;
        sage_peak_measure((sage_precision)kind, &peak);
        p->gflops[kind][from] = peak.flops / 1e9;
        p->gemm[kind][from] = peak.gemm_flops / 1e9;
    }
    p->read[from] = sage_peak_read_bandwidth((size_t)256 << 20) / 1e9;
    (void)worker;
}

static double sum(const double *values, size_t n) {
    double all = 0;
    for (size_t i = 0; i < n; i++) all += values[i];
    return all;
}

int main(int argc, char **argv) {
    size_t threads = argc > 1 ? strtoul(argv[1], NULL, 10) : 2, products = argc > 2 ? strtoul(argv[2], NULL, 10) : 2048;
    static floor_bench b;
    static peaks p;
    sage_error error;
    if (threads < 1 || threads > WORKERS_MAX || products < 1 || products > 1000000) {
        fputs("usage: ceiling_bench [threads [products]]\n", stderr);
        return 2;
    }
    if (sage_pool_new(threads, &b.pool, &error) != SAGE_OK) {
        fprintf(stderr, "ceiling_bench: %s\n", error.text);
        return 1;
    }
    make(&b, products);
    double sort = sort_ms(&b), rows_ms = best_ms(&b, b.bags, gather_rows), slabs = best_ms(&b, b.bags, gather_slabs);
    double low_rows = best_ms(&b, b.bags, gather_rows_bf16), low_slabs = best_ms(&b, b.bags, gather_slabs_bf16);
    double back = best_ms(&b, ROWS, back_rows), back_in_slabs = best_ms(&b, ROWS, back_slabs);
    double dense = best_ms(&b, DENSE, dense_adam);
    sage_pool_for(b.pool, threads, 1, peak_piece, &p);
    printf("{\"threads\":%zu,\"products\":%zu,\"row_reads\":%zu,\"f32_gflops\":%.1f,\"bf16_gflops\":%.1f,\"int8_gops\":"
           "%.1f,\"f32_gemm_gflops\":%.1f,\"bf16_gemm_gflops\":%.1f,\"read_gbs\":%.1f,"
           "\"rows\":{\"gather_ms\":%.2f,\"bf16_gather_ms\":%.2f,\"back_ms\":%.2f},"
           "\"slabs\":{\"gather_ms\":%.2f,\"bf16_gather_ms\":%.2f,\"back_ms\":%.2f},\"sort_ms\":%.2f,"
           "\"dense_adam_ms\":%.2f}\n",
           threads, products, b.entries, sum(p.gflops[0], threads), sum(p.gflops[1], threads),
           sum(p.gflops[2], threads), sum(p.gemm[0], threads), sum(p.gemm[1], threads), sum(p.read, threads), rows_ms,
           low_rows, back, slabs, low_slabs, back_in_slabs, sort, dense);
    sage_pool_free(b.pool);
    return 0;
}
