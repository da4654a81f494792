#include <base/alloc.h>
#include <base/error.h>
#include <index/codes.h>
#include <index/score.h>
#include <kernels/kernels.h>
#include <math.h>

enum { GRAIN = 256, MOST = 127 };

typedef struct job {
    sage_codes *codes;
    float *largest; /* [threads] */
} job;

static void find_largest(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *j = ctx;
    float most = j->largest[worker];
    for (size_t i = begin * j->codes->dim; i < end * j->codes->dim; i++)
        most = fmaxf(most, fabsf(j->codes->vectors[i]));
    j->largest[worker] = most;
}

static void to_bytes(const float *vector, size_t dim, float scale, int8_t *bytes, size_t ld) {
    for (size_t c = 0; c < dim; c++) bytes[c] = (int8_t)fminf(fmaxf(nearbyintf(vector[c] * scale), -MOST), MOST);
    memset(bytes + dim, 0, ld - dim);
}

static void code_rows(void *ctx, size_t begin, size_t end, size_t worker) {
    sage_codes *codes = ((const job *)ctx)->codes;
    (void)worker;
    for (size_t i = begin; i < end; i++)
        to_bytes(codes->vectors + i * codes->dim, codes->dim, codes->scale, codes->bytes + i * codes->ld, codes->ld);
}

static sage_status make_bytes(sage_codes *codes, sage_pool *pool, sage_error *error) {
    size_t threads = sage_pool_threads(pool);
    job j = {codes, sage_alloc_zero(threads, sizeof *j.largest)};
    codes->bytes = sage_alloc_aligned(codes->n * codes->ld + 1);
    if (j.largest == NULL || codes->bytes == NULL) {
        sage_free(j.largest);
        sage_codes_free(codes);
        return sage_fail_memory(error, codes->n * codes->ld);
    }
    sage_huge_pages(codes->bytes, codes->n * codes->ld);
    sage_pool_for(pool, codes->n, GRAIN, find_largest, &j);
    float most = 0;
    for (size_t i = 0; i < threads; i++) most = fmaxf(most, j.largest[i]);
    codes->scale = most > 1e-36F ? MOST / most : 0;
    sage_pool_for(pool, codes->n, GRAIN, code_rows, &j);
    sage_free(j.largest);
    return SAGE_OK;
}

sage_status sage_codes_make(sage_codes *codes, sage_pool *pool, const float *vectors, size_t n, size_t dim, bool bytes,
                            sage_error *error) {
    sage_codes_begin(codes, vectors, n, dim);
    if (!bytes) return SAGE_OK;
    sage_status st = make_bytes(codes, pool, error);
    if (st == SAGE_OK) st = sage_heads_make(&codes->heads, pool, vectors, n, dim, error);
    if (st != SAGE_OK) sage_codes_free(codes);
    return st;
}

void sage_codes_put(const sage_codes *codes, uint32_t row) {
    const float *vector = codes->vectors + row * codes->dim;
    if (codes->bytes == NULL) return;
    to_bytes(vector, codes->dim, codes->scale, codes->bytes + row * codes->ld, codes->ld);
    if (codes->heads.bytes != NULL) sage_heads_put(&codes->heads, vector, row);
}

void sage_codes_free(sage_codes *codes) {
    sage_free(codes->bytes);
    codes->bytes = NULL;
    sage_heads_free(&codes->heads);
}

size_t sage_codes_bytes(const sage_codes *codes) {
    return (codes->bytes != NULL ? codes->n * codes->ld : 0) + (codes->heads.bytes != NULL ? codes->n * SAGE_HEAD : 0);
}

static float coded(size_t dim, const float *x, int8_t *bytes) {
    float inverse;
    sage_ops_best()->to_int8(1, dim, x, dim, bytes, &inverse);
    return inverse > 0 ? 1 / inverse : 0;
}

/* A query has scales of its own: its largest number becomes the largest byte. */
sage_probe sage_codes_query(const sage_codes *codes, const float *query, int8_t *room) {
    sage_probe probe = {.vector = query};
    float head[SAGE_HEAD];
    if (codes->bytes == NULL) return probe;
    probe.bytes = room;
    probe.scale = coded(codes->dim, query, room);
    memset(room + codes->dim, 0, codes->ld - codes->dim);
    if (codes->heads.bytes == NULL) return probe;
    probe.head = room + codes->ld;
    sage_heads_of(&codes->heads, query, head);
    probe.head_scale = coded(SAGE_HEAD, head, room + codes->ld);
    return probe;
}

void sage_codes_score(const sage_codes *codes, sage_probe probe, size_t n, const uint32_t *rows, uint32_t *scores) {
    if (codes->bytes == NULL) {
        const sage_ops *ops = sage_ops_best();
        for (size_t i = 0; i < n; i++)
            scores[i] = sage_score_bits(ops->dot(codes->dim, probe.vector, codes->vectors + rows[i] * codes->dim));
        return;
    }
    codes->dots(codes->ld, n, rows, probe.bytes, codes->bytes, codes->ld, (int32_t *)scores);
    for (size_t i = 0; i < n; i++) scores[i] ^= 0x80000000U;
}

/* The bar of whole products, less the slack, as a product of heads. */
static int32_t head_bar(const sage_codes *codes, sage_probe probe, uint32_t bar) {
    float scale = codes->scale * probe.scale, most = SAGE_HEAD * MOST * MOST;
    if (bar == 0 || scale <= 0) return INT32_MIN;
    float score = (float)(int32_t)(bar ^ 0x80000000U) / scale - codes->heads.slack;
    return (int32_t)fmaxf(fminf(score * probe.head_scale * codes->heads.scale, most), -most - 1);
}

size_t sage_codes_sieve(const sage_codes *codes, sage_probe probe, uint32_t bar, size_t n, const uint32_t *rows,
                        uint32_t *kept, uint32_t *scores) {
    int32_t *products = (int32_t *)scores, least = head_bar(codes, probe, bar);
    size_t n_kept = 0;
    codes->dots(SAGE_HEAD, n, rows, probe.head, codes->heads.bytes, SAGE_HEAD, products);
    for (size_t i = 0; i < n; i++) {
        kept[n_kept] = rows[i];
        n_kept += products[i] > least;
    }
    return n_kept;
}
