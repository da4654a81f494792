/* The directions are the first of the second moments' eigenvectors: more exact ones would keep out hardly more. The
 * slack is measured on near pairs, since the rest of near vectors is alike too: on random ones it would come out too
 * small. */
#include <base/alloc.h>
#include <base/error.h>
#include <index/heads.h>
#include <index/index.h>
#include <kernels/principal.h>
#include <stdlib.h>

enum { ASKED = 100, NEAR = 10, MET = 200 }; /* a walk meets these, and looks for the NEAR best */

static sage_status find_basis(sage_heads *heads, const float *sample, size_t n, sage_error *error) {
    sage_status st = SAGE_OK;
    const size_t dim = heads->dim;
    const float **rows = sage_alloc(n * sizeof *rows);
    real *columns = NULL;
    if (rows == NULL) return sage_fail_memory(error, n * sizeof *rows);
    for (size_t i = 0; i < n; i++) rows[i] = sample + i * dim;
    SAGE_TRY(sage_principal(n, rows, dim, SAGE_HEAD, &columns, error));
    for (size_t i = 0; i < SAGE_HEAD; i++)
        for (size_t c = 0; c < dim; c++) heads->basis[i * dim + c] = columns[c * SAGE_HEAD + i];
out:
    sage_free(rows);
    sage_free(columns);
    return st;
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
