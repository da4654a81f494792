#include <base/alloc.h>
#include <base/error.h>
#include <index/codes.h>
#include <index/score.h>
#include <kernels/kernels.h>
#include <math.h>

enum { LINE = 64, GRAIN = 256, MOST = 127 };

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
    *codes = (sage_codes){
        .n = n, .dim = dim, .ld = (dim + LINE - 1) / LINE * LINE, .vectors = vectors, .dots = sage_dots_int8_best()};
    return bytes ? make_bytes(codes, pool, error) : SAGE_OK;
}

void sage_codes_free(sage_codes *codes) {
    sage_free(codes->bytes);
    codes->bytes = NULL;
}

/* A query has a scale of its own: its largest number becomes the largest byte. */
sage_probe sage_codes_query(const sage_codes *codes, const float *query, int8_t *room) {
    if (codes->bytes == NULL) return (sage_probe){NULL, query};
    float scale;
    sage_ops_best()->to_int8(1, codes->dim, query, codes->dim, room, &scale);
    memset(room + codes->dim, 0, codes->ld - codes->dim);
    return (sage_probe){room, query};
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
