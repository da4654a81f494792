#include <base/alloc.h>
#include <base/profile.h>
#include <math.h>
#include <string.h>
#include <train/subspace.h>
#include <train/token_start.h>

enum { WIDTH_MAX = 512, ROWS_GRAIN = 256 };
static const real LEFT_OVER = (real)0.1; /* of the random numbers in columns that no vector fills */

/* ---- who dealt with what ---- */

/* Adds a column of the tokens that the user dealt with, where there are any. `seen` [tokens]: the last column that has
 * each, plus one. */
static void add_user(const sage_packed_user *user, const sage_tokens *tokens, sage_incidence *x, uint32_t *seen) {
    uint32_t first = x->begin[x->columns], end = first;
    if (user->part != SAGE_TRAIN) return;
    for (size_t i = 0; i < user->n; i++) {
        uint32_t token = tokens->of[user->events[i].product];
        if (user->events[i].part != SAGE_TRAIN || token == UINT32_MAX || seen[token] == x->columns + 1) continue;
        seen[token] = (uint32_t)x->columns + 1;
        x->row[end++] = token;
        x->row_count[token]++;
    }
    if (end == first) return;
    if (end - first > x->longest) x->longest = end - first;
    x->begin[++x->columns] = end;
}

static void release(sage_incidence *x) {
    sage_free(x->begin);
    sage_free(x->row);
    sage_free(x->row_count);
}

static sage_status read_people(const sage_dataset *dataset, const sage_tokens *tokens, sage_incidence *x,
                               sage_error *error) {
    size_t users = sage_dataset_users(dataset), events = sage_dataset_trained_events(dataset) + SAGE_PREFETCH;
    uint32_t *seen = sage_alloc_zero(tokens->n + 1, sizeof *seen);
    x->rows = tokens->n;
    x->begin = sage_alloc((users + 1) * sizeof *x->begin);
    x->row = sage_alloc_zero(events, sizeof *x->row);
    x->row_count = sage_alloc_zero(tokens->n + 1, sizeof *x->row_count);
    if (seen == NULL || x->begin == NULL || x->row == NULL || x->row_count == NULL) {
        sage_free(seen);
        return sage_fail_memory(error, (users + events + 2 * tokens->n) * sizeof *seen);
    }
    x->begin[0] = 0;
    for (size_t u = 0; u < users; u++) {
        sage_packed_user user;
        sage_dataset_user(dataset, u, &user);
        add_user(&user, tokens, x, seen);
    }
    sage_free(seen);
    return SAGE_OK;
}

/* ---- rows of the table ---- */

typedef struct rows_job {
    const sage_model_shape *shape;
    const real *vectors; /* [tokens][width] in slabs */
    size_t width;
    real *table, *scratch; /* [threads][dim_embed] */
} rows_job;

/* Householder's reflection that takes the last axis to (1, .., 1): a row whose last number is 0 then sums to 0. */
static void turn_row(size_t dim, real *row) {
    double along = -1 / sqrt((double)dim), dot = 0, square = 2 + 2 * along;
    for (size_t c = 0; c < dim; c++) dot += (c + 1 == dim ? 1 + along : along) * row[c];
    for (size_t c = 0; c < dim; c++) row[c] -= (real)(2 * dot / square * (c + 1 == dim ? 1 + along : along));
}

/* The vector at length 1, and random numbers where it ends. False: nobody dealt with the product. */
static bool make_row(const rows_job *job, size_t token, real *row) {
    const sage_model_shape *s = job->shape;
    double square = 0;
    for (size_t c = 0; c < job->width; c++) {
        row[c] = job->vectors[sage_slab_at(s->tokens, job->width, token, c)];
        square += (double)row[c] * row[c];
    }
    if (!(square > 0)) return false;
    for (size_t c = 0; c < job->width; c++) row[c] = (real)(row[c] / sqrt(square));
    for (size_t c = job->width; c < s->dim_embed; c++)
        row[c] = LEFT_OVER * job->table[sage_slab_at(s->rows, s->dim_embed, s->vocab + token, c)];
    row[s->dim_embed - 1] = 0;
    turn_row(s->dim_embed, row);
    return true;
}

static void set_rows(void *ctx, size_t begin, size_t end, size_t worker) {
    const rows_job *job = ctx;
    const sage_model_shape *s = job->shape;
    real *row = job->scratch + worker * s->dim_embed;
    for (size_t token = begin; token < end; token++) {
        if (!make_row(job, token, row)) continue;
        for (size_t slab = 0; slab < sage_slabs(s->dim_embed); slab++)
            memcpy(job->table + sage_slab_at(s->rows, s->dim_embed, s->vocab + token, slab * SAGE_SLAB),
                   row + slab * SAGE_SLAB, sage_slab_width(s->dim_embed, slab) * sizeof *row);
    }
}

/* ---- how much they say ---- */

/* A token that says something is worth a title, or half as much as a brand where titles are what searches go by. */
static void raise_score(const sage_dataset *dataset, sage_model *model) {
    sage_model_weigh_tokens(model, sage_dataset_surface_pairs(dataset, SAGE_ON_SEARCH) > 0 ? 1 : 4);
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

bool sage_token_start_meant(const sage_options *options) {
    return strcmp(sage_options_text(options, "token_init"), "knn") == 0 &&
           strcmp(sage_options_text(options, "init"), "paper") != 0;
}

sage_status sage_token_start(const sage_dataset *dataset, const sage_tokens *tokens, sage_model *model, sage_pool *pool,
                             const sage_monitor *monitor, sage_error *error) {
    static sage_stage stage = SAGE_STAGE("start of products' tokens");
    sage_status st = SAGE_OK;
    const sage_model_shape *s = sage_model_shape_of(model);
    sage_incidence x = {0};
    real *vectors = NULL, *scratch = NULL;
    if (s->hashes > 1 || tokens->n == 0 || s->dim_embed < 2 || sage_dataset_trained_events(dataset) == 0)
        return SAGE_OK;
    uint64_t began = sage_stage_begin();
    SAGE_TRY(read_people(dataset, tokens, &x, error));
    if (x.columns == 0) goto out;
    size_t width = least(least(s->dim_embed - 1, WIDTH_MAX), least(x.columns, tokens->n));
    SAGE_TRY(sage_subspace(&x, width, pool, monitor, &vectors, error));
    size_t scratch_bytes = sage_pool_threads(pool) * s->dim_embed * sizeof *scratch;
    scratch = sage_alloc(scratch_bytes);
    if (scratch == NULL) SAGE_TRY(sage_fail_memory(error, scratch_bytes));
    rows_job job = {s, vectors, width, sage_model_table(model), scratch};
    sage_pool_for(pool, tokens->n, ROWS_GRAIN, set_rows, &job);
    raise_score(dataset, model);
    sage_stage_end(&stage, began, 0, 0);
out:
    release(&x);
    sage_free(vectors);
    sage_free(scratch);
    return st;
}
