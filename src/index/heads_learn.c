/* The directions are the first of the second moments' eigenvectors, by subspace iteration: more exact ones would keep
 * out hardly more. The slack is measured on near pairs, since the rest of near vectors is alike too: on random ones it
 * would come out too small. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/rng.h>
#include <index/heads.h>
#include <index/index.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TURNS = 12, ASKED = 100, NEAR = 10, MET = 200 }; /* a walk meets these, and looks for the NEAR best */

static void make_orthonormal(float *basis, size_t dim) {
    const sage_ops *ops = sage_ops_best();
    for (size_t i = 0; i < SAGE_HEAD; i++) {
        float *x = basis + i * dim;
        for (int twice = 0; twice < 2; twice++) /* once leaves what rounding made */
            for (size_t j = 0; j < i; j++) ops->axpy(dim, -ops->dot(dim, x, basis + j * dim), basis + j * dim, x);
        ops->scale(dim, 1 / sqrtf(ops->dot(dim, x, x) + 1e-30F), x);
    }
}

static sage_status find_basis(sage_heads *heads, const float *sample, size_t n, sage_error *error) {
    const sage_ops *ops = sage_ops_best();
    const size_t dim = heads->dim, size = SAGE_HEAD * dim;
    float *moments = sage_alloc_zero(dim * dim, sizeof *moments), *next = sage_alloc(size * sizeof *next);
    sage_rng rng;
    if (moments == NULL || next == NULL) {
        sage_free(moments);
        sage_free(next);
        return sage_fail_memory(error, dim * dim * sizeof *moments);
    }
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < dim; c++) ops->axpy(dim, sample[i * dim + c], sample + i * dim, moments + c * dim);
    sage_rng_seed(&rng, 1, 0);
    for (size_t i = 0; i < size; i++) heads->basis[i] = (float)sage_rng_normal(&rng);
    make_orthonormal(heads->basis, dim);
    for (int turn = 0; turn < TURNS; turn++) {
        for (size_t i = 0; i < size; i++)
            next[i] = ops->dot(dim, moments + i % dim * dim, heads->basis + i / dim * dim);
        memcpy(heads->basis, next, size * sizeof *next);
        make_orthonormal(heads->basis, dim);
    }
    sage_free(moments);
    sage_free(next);
    return SAGE_OK;
}

static int ascending(const void *a, const void *b) {
    const float *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static float by_heads(const float *heads, size_t asked, uint32_t row) {
    return sage_ops_best()->dot(SAGE_HEAD, heads + asked * SAGE_HEAD, heads + (size_t)row * SAGE_HEAD);
}

/* met [ASKED][MET]: of the first rows of the sample, the neighbours in it; the first is the row itself, or a copy. */
static float slack_of(const float *heads, const sage_neighbour *met) {
    float rest[ASKED * NEAR];
    size_t n = 0;
    for (size_t q = 0; q < ASKED; q++)
        for (size_t i = 1; i < NEAR; i++) rest[n++] = met[q * MET + i].score - by_heads(heads, q, met[q * MET + i].row);
    qsort(rest, n, sizeof *rest, ascending);
    return rest[n * 99 / 100];
}

/* Random rows would be kept out by any heads: what counts is whether those are that a walk meets. */
static bool keep_out_most(const float *heads, const sage_neighbour *met, float slack) {
    size_t kept = 0;
    for (size_t q = 0; q < ASKED; q++)
        for (size_t i = NEAR; i < MET; i++)
            kept += by_heads(heads, q, met[q * MET + i].row) + slack > met[q * MET + NEAR - 1].score;
    return 2 * kept < ASKED * (MET - NEAR);
}

sage_status sage_heads_learn(sage_heads *heads, sage_pool *pool, const float *sample, size_t n, bool *useful,
                             sage_error *error) {
    sage_status st = SAGE_OK;
    size_t found[ASKED];
    float *of = sage_alloc(n * SAGE_HEAD * sizeof *of);
    sage_neighbour *met = sage_alloc(ASKED * MET * sizeof *met);
    if (of == NULL || met == NULL) {
        st = sage_fail_memory(error, n * SAGE_HEAD * sizeof *of);
        goto out;
    }
    SAGE_TRY(find_basis(heads, sample, n, error));
    SAGE_TRY(sage_exact_search(pool, sample, n, heads->dim, sample, ASKED, MET, met, found, error));
    for (size_t i = 0; i < n; i++) sage_heads_of(heads, sample + i * heads->dim, of + i * SAGE_HEAD);
    heads->slack = slack_of(of, met);
    *useful = keep_out_most(of, met, heads->slack);
out:
    sage_free(of);
    sage_free(met);
    return st;
}
