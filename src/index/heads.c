#include <base/alloc.h>
#include <base/error.h>
#include <index/heads.h>
#include <kernels/kernels.h>
#include <math.h>
#include <string.h>

enum { DIM_MIN = 2 * SAGE_HEAD, ROWS_MIN = 1000, SAMPLE = 4096, GRAIN = 256, MOST = 127 };

typedef struct job {
    const sage_heads *heads;
    const float *vectors;
} job;

void sage_heads_of(const sage_heads *heads, const float *vector, float head[SAGE_HEAD]) {
    sage_ops_best()->heads_scores(1, SAGE_HEAD, heads->dim, heads->basis, heads->dim, vector, head);
}

void sage_heads_put(const sage_heads *heads, const float *vector, size_t row) {
    float head[SAGE_HEAD];
    int8_t *bytes = heads->bytes + row * SAGE_HEAD;
    sage_heads_of(heads, vector, head);
    for (size_t c = 0; c < SAGE_HEAD; c++)
        bytes[c] = (int8_t)fminf(fmaxf(nearbyintf(head[c] * heads->scale), -MOST), MOST);
}

static void code_rows(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *j = ctx;
    (void)worker;
    for (size_t i = begin; i < end; i++) sage_heads_put(j->heads, j->vectors + i * j->heads->dim, i);
}

/* Of a sample: a row beyond it is cut there, which lets it pass or not by a little. */
static float scale_of(const sage_heads *heads, const float *sample, size_t n) {
    float head[SAGE_HEAD], most = 0;
    for (size_t i = 0; i < n; i++) {
        sage_heads_of(heads, sample + i * heads->dim, head);
        for (size_t c = 0; c < SAGE_HEAD; c++) most = fmaxf(most, fabsf(head[c]));
    }
    return most > 1e-36F ? MOST / most : 0;
}

sage_status sage_heads_make(sage_heads *heads, sage_pool *pool, const float *vectors, size_t n, size_t dim,
                            sage_error *error) {
    sage_status st = SAGE_OK;
    bool useful = false;
    *heads = (sage_heads){.dim = dim};
    if (dim < DIM_MIN || n < ROWS_MIN) return SAGE_OK;
    size_t n_sample = n < SAMPLE ? n : SAMPLE, bytes = n * SAGE_HEAD;
    float *sample = sage_alloc(n_sample * dim * sizeof *sample);
    heads->basis = sage_alloc_aligned(SAGE_HEAD * dim * sizeof *heads->basis);
    if (sample == NULL || heads->basis == NULL) {
        st = sage_fail_memory(error, n_sample * dim * sizeof *sample);
        goto out;
    }
    for (size_t i = 0; i < n_sample; i++)
        memcpy(sample + i * dim, vectors + i * n / n_sample * dim, dim * sizeof *sample);
    SAGE_TRY(sage_heads_learn(heads, pool, sample, n_sample, &useful, error));
    heads->scale = scale_of(heads, sample, n_sample);
    if (!useful || heads->scale <= 0) goto out;
    heads->bytes = sage_alloc_aligned(bytes);
    if (heads->bytes == NULL) {
        st = sage_fail_memory(error, bytes);
        goto out;
    }
    sage_huge_pages(heads->bytes, bytes);
    job j = {heads, vectors};
    sage_pool_for(pool, n, GRAIN, code_rows, &j);
out:
    sage_free(sample);
    if (heads->bytes == NULL) sage_heads_free(heads);
    return st;
}

void sage_heads_free(sage_heads *heads) {
    sage_free(heads->basis);
    sage_free(heads->bytes);
    heads->basis = NULL;
    heads->bytes = NULL;
}
