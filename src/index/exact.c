/* Exact search. Scores come block by block: QUERIES x ROWS of them at a time, so that they are still in the cache when
 * they are looked at. Many queries: a matrix product a block. Few: a matrix-vector product each, which runs at the
 * speed of memory (a BLAS would copy the rows first). Blocks have fixed borders, so the number of threads changes no
 * bit. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/profile.h>
#include <index/topk.h>
#include <kernels/gemm.h>
#include <string.h>

enum {
    QUERIES = 128, /* a block */
    ROWS = 512,
    FEW = 12, /* queries below which rows are not worth the BLAS's copying */
    GROUP = 4,
    AHEAD = 12 << 10,
    LINE = 64
};

typedef struct scratch {
    float *scores;     /* [QUERIES][ROWS] */
    uint64_t *buffers; /* [QUERIES][room]: the best of one block of queries */
    sage_top tops[QUERIES];
} scratch;

typedef struct job {
    const float *base, *queries;
    size_t n, dim, n_queries;
    size_t k, stride; /* k: at most n; stride: of `out` */
    sage_neighbour *out;
    size_t *found;
    scratch *scratches; /* one a worker */
    size_t first_query; /* of the block, where rows are cut over the workers */
} job;

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Rows are read once, GROUP at a time for all queries. Asking for them AHEAD bytes early doubles the speed: each group
 * is several streams at once, too short for the processor to foresee. */
static void score_few(const job *j, const float *queries, size_t n_queries, const float *rows, size_t n_rows,
                      float *scores) {
    const sage_ops *ops = sage_ops_best();
    const char *end = (const char *)(j->base + j->n * j->dim);
    for (size_t row = 0; row < n_rows; row += GROUP) {
        size_t n = smaller(GROUP, n_rows - row), bytes = n * j->dim * sizeof(float);
        const char *group = (const char *)(rows + row * j->dim);
        for (size_t i = AHEAD; i < AHEAD + bytes && i < (size_t)(end - group); i += LINE) __builtin_prefetch(group + i);
        for (size_t q = 0; q < n_queries; q++)
            ops->heads_scores(1, n, j->dim, rows + row * j->dim, j->dim, queries + q * j->dim, scores + q * ROWS + row);
    }
}

static void score_block(const job *j, size_t query, size_t n_queries, size_t row, size_t n_rows, float *scores) {
    const float *queries = j->queries + query * j->dim, *rows = j->base + row * j->dim;
    if (n_queries < FEW)
        score_few(j, queries, n_queries, rows, n_rows, scores);
    else
        sage_gemm(SAGE_PRECISION_F32, false, true, n_queries, n_rows, j->dim, queries, j->dim, rows, j->dim, false,
                  scores, ROWS);
}

static void begin_block(const job *j, scratch *s, size_t n_queries) {
    for (size_t q = 0; q < n_queries; q++) sage_top_begin(&s->tops[q], s->buffers + q * sage_top_room(j->k), j->k);
}

static void scan_rows(const job *j, scratch *s, size_t query, size_t n_queries, size_t begin, size_t end) {
    static sage_stage stage = SAGE_STAGE("search all vectors");
    uint64_t began = sage_stage_begin(), values = (uint64_t)(end - begin) * j->dim;
    for (size_t row = begin; row < end; row += ROWS) {
        size_t n_rows = smaller(ROWS, end - row);
        score_block(j, query, n_queries, row, n_rows, s->scores);
        for (size_t q = 0; q < n_queries; q++) sage_top_scan(&s->tops[q], s->scores + q * ROWS, n_rows, (uint32_t)row);
    }
    sage_stage_end(&stage, began, values * sizeof(float), 2 * values * n_queries);
}

static void finish_block(const job *j, scratch *s, size_t query, size_t n_queries) {
    for (size_t q = 0; q < n_queries; q++) {
        j->found[query + q] = sage_top_finish(&s->tops[q], j->out + (query + q) * j->stride);
    }
}

/* ---- workers take blocks of queries and look at all rows ---- */

static void query_blocks(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *j = ctx;
    scratch *s = &j->scratches[worker];
    for (size_t query = begin; query < end; query += QUERIES) {
        size_t n_queries = smaller(QUERIES, end - query);
        begin_block(j, s, n_queries);
        scan_rows(j, s, query, n_queries, 0, j->n);
        finish_block(j, s, query, n_queries);
    }
}

/* ---- workers look at a part of the rows each, for one block of queries ---- */

static void row_piece(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *j = ctx;
    scan_rows(j, &j->scratches[worker], j->first_query, smaller(QUERIES, j->n_queries - j->first_query), begin, end);
}

static void search_by_rows(job *j, sage_pool *pool) {
    size_t threads = sage_pool_threads(pool);
    for (j->first_query = 0; j->first_query < j->n_queries; j->first_query += QUERIES) {
        size_t n_queries = smaller(QUERIES, j->n_queries - j->first_query);
        for (size_t t = 0; t < threads; t++) begin_block(j, &j->scratches[t], n_queries);
        sage_pool_for(pool, j->n, ROWS, row_piece, j);
        for (size_t q = 0; q < n_queries; q++)
            for (size_t t = 1; t < threads; t++) sage_top_merge(&j->scratches[0].tops[q], &j->scratches[t].tops[q]);
        finish_block(j, &j->scratches[0], j->first_query, n_queries);
    }
}

static void free_scratches(scratch *scratches, size_t n) {
    for (size_t i = 0; scratches != NULL && i < n; i++) {
        sage_free(scratches[i].scores);
        sage_free(scratches[i].buffers);
    }
    sage_free(scratches);
}

static sage_status new_scratches(size_t n, size_t queries, size_t k, scratch **scratches, sage_error *error) {
    size_t buffer_bytes = queries * sage_top_room(k) * sizeof(uint64_t);
    *scratches = sage_alloc_zero(n, sizeof **scratches);
    if (*scratches == NULL) return sage_fail_memory(error, n * sizeof **scratches);
    for (size_t i = 0; i < n; i++) {
        (*scratches)[i].scores = sage_alloc_aligned(queries * ROWS * sizeof(float));
        (*scratches)[i].buffers = sage_alloc(buffer_bytes);
        if ((*scratches)[i].scores == NULL || (*scratches)[i].buffers == NULL) {
            free_scratches(*scratches, n);
            return sage_fail_memory(error, buffer_bytes);
        }
    }
    return SAGE_OK;
}

sage_status sage_exact_search(sage_pool *pool, const float *base, size_t n, size_t dim, const float *queries,
                              size_t n_queries, size_t k, sage_neighbour *out, size_t *found, sage_error *error) {
    size_t threads = sage_pool_threads(pool), blocks = (n_queries + QUERIES - 1) / QUERIES;
    memset(found, 0, n_queries * sizeof *found);
    if (n >= UINT32_MAX) return sage_fail(error, SAGE_E_LIMIT, "%zu rows; exact search numbers them with 32 bits", n);
    if (n == 0 || n_queries == 0 || k == 0) return SAGE_OK;
    job j = {.base = base, .queries = queries, .n = n, .dim = dim, .n_queries = n_queries, .out = out, .found = found};
    j.k = smaller(k, n);
    j.stride = k;
    sage_status st = new_scratches(threads, smaller(n_queries, QUERIES), j.k, &j.scratches, error);
    if (st != SAGE_OK) return st;
    if (blocks >= threads && blocks > 1) {
        sage_pool_for_dynamic(pool, n_queries, QUERIES, query_blocks, &j);
    } else {
        search_by_rows(&j, pool);
    }
    free_scratches(j.scratches, threads);
    return SAGE_OK;
}
