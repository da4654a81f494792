/* Inference. Every chunk has the same number of rows, filled up where products or queries run out: a library may cut
 * products of other sizes in another way, and a vector's bits would depend on what it was computed with. */
#include "frozen.h"
#include "beside.h"
#include "encoder.h"
#include "lay.h"
#include <base/alloc.h>
#include <base/profile.h>
#include <string.h>

enum { QUERY_ROWS = 16 };

/* ---- products ---- */

typedef struct products_job {
    sage_frozen *frozen;
    const sage_product_batch *batch;
    real *out;
} products_job;

/* The text tokens of product i side by side: where they lie, or copied. */
static const real *text_tokens(const sage_frozen *f, const sage_product_batch *batch, size_t i, real *copy) {
    size_t e = f->model->shape.dim_embed, first = batch->token_begin[i], n = batch->token_begin[i + 1] - first;
    if (n == 0) return copy; /* the batch may have no bag at all */
    if (batch->token_bag == NULL) return f->bags.e + (first - batch->token_begin[0]) * e;
    for (size_t t = 0; t < n; t++) memcpy(copy + t * e, f->bags.e + batch->token_bag[first + t] * e, e * sizeof(real));
    return copy;
}

/* A chunk through the layers below the last one, and that one's attention. */
static size_t below(const sage_frozen *f, frozen_worker *w, const sage_product_batch *batch, size_t first, size_t n) {
    deep_chunk c = {.n = n, .all = ROWS};
    for (size_t i = 0; i < n; i++) {
        product_tokens t = tokens_of(&f->model->shape, batch, first + i, text_tokens(f, batch, first + i, w->tokens));
        c.first[i + 1] = (uint32_t)deep_take(f->model, &f->fold, &t, c.first[i], w->deep);
    }
    deep_forward(f->model, f->product_layers, &c, w->deep, &w->deep_scratch, false, w->attention, w->acts.mix);
    w->acts.residual = w->deep.cls;
    return c.first[n];
}

static void product_chunks(void *ctx, size_t begin, size_t end, size_t worker) {
    static sage_stage attention = SAGE_STAGE("inference: attention"), dense = SAGE_STAGE("inference: encoder");
    const products_job *job = ctx;
    sage_frozen *f = job->frozen;
    const sage_model_shape *s = &f->model->shape;
    frozen_worker *w = &f->workers[worker];
    size_t spoken = beside_width(s), width = sage_shape_out(s);
    for (size_t chunk = begin; chunk < end; chunk++) {
        size_t tokens = 0, first = chunk * ROWS, n = job->batch->n - first < ROWS ? job->batch->n - first : ROWS;
        uint64_t began = sage_stage_begin();
        if (s->lower > 0) tokens = below(f, w, job->batch, first, n);
        for (size_t i = 0; i < n && s->lower == 0; i++) {
            product_tokens t = tokens_of(s, job->batch, first + i, text_tokens(f, job->batch, first + i, w->tokens));
            attend(f->model, &f->fold, &t, w->attention, head_rows_from(w->acts.mix, i, f->fold.ld));
            tokens += t.n;
        }
        for (size_t h = 0; h < s->heads; h++)
            memset(w->acts.mix.of + h * w->acts.mix.apart + n * f->fold.ld, 0, (ROWS - n) * f->fold.ld * sizeof(real));
        sage_stage_end(&attention, began, tokens * s->dim_embed * sizeof(real), 4 * tokens * s->heads * s->dim_embed);
        began = sage_stage_begin();
        encoder_dense(f->model, f->product_layers, ROWS, w->acts);
        if (spoken > 0) {
            beside_products(s, job->batch, first, n, w->x);
            sage_weights_forward(f->product_layers->map, ROWS, w->x, spoken, false, w->mapped, spoken);
        }
        for (size_t i = 0; i < n; i++)
            beside_publish(s, w->acts.p + i * s->dim_out, w->mapped + i * spoken, job->out + (first + i) * width);
        sage_stage_end(&dense, began, 0, n * encoder_flops(s, f->fold.ld));
    }
}

static sage_status check_products(const sage_model *model, const sage_product_batch *batch, size_t *most,
                                  sage_error *error) {
    size_t first = batch->token_begin[0], tokens = batch->token_begin[batch->n] - first;
    *most = tokens_most(batch);
    if (batch->token_bag == NULL && tokens != batch->text.n)
        return sage_fail(error, SAGE_E_ARGUMENT,
                         "model: the batch's products have %zu text tokens, but there are %zu bags", tokens,
                         batch->text.n);
    for (size_t t = first; t < first + tokens; t++) {
        if (batch->token_field[t] >= text_kinds(&model->shape))
            return sage_fail(error, SAGE_E_ARGUMENT, "model: text token %zu of the batch names no field", t - first);
        if (batch->token_bag != NULL && batch->token_bag[t] >= batch->text.n)
            return sage_fail(error, SAGE_E_ARGUMENT, "model: text token %zu of the batch names no bag", t - first);
    }
    return groups_check(&model->shape, batch, error);
}

sage_status sage_frozen_products(sage_frozen *frozen, const sage_product_batch *batch, real *out, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t most;
    sage_product_batch read = *batch;
    if (batch->n == 0) return SAGE_OK;
    SAGE_TRY(check_products(frozen->model, batch, &most, error));
    SAGE_TRY(inputs_read(&frozen->model->shape, &frozen->inputs, &read, error));
    SAGE_TRY(frozen_need_products(frozen, most, error));
    SAGE_TRY(frozen_bags(frozen, &read.text, error));
    products_job job = {frozen, &read, out};
    sage_pool_for_dynamic(frozen->pool, chunks_of(batch->n), 1, product_chunks, &job);
out:
    return st;
}

/* ---- queries ---- */

typedef struct queries_job {
    sage_frozen *frozen;
    const sage_query_batch *queries;
    tower_id tower;
    size_t n; /* rows of the tower */
    real *out;
} queries_job;

/* A text without a known n-gram is what its sentence is: what the tower makes of nothing then means nothing. A picture
 * says nothing, a product what it says itself. */
static void publish_queries(const queries_job *job, size_t first, size_t n, const frozen_worker *w) {
    const sage_model_shape *s = &job->frozen->model->shape;
    const sage_query_batch *queries = job->queries;
    size_t spoken = beside_width(s), width = sage_shape_out(s);
    bool texts = job->tower == TOWER_SEARCH;
    if (spoken > 0 && texts) {
        beside_texts(s, queries, first, n, w->query_x);
        sage_weights_forward(job->frozen->tower_layers[TOWER_SEARCH]->map, QUERY_ROWS, w->query_x, spoken, false,
                             w->query_mapped, spoken);
    } else if (spoken > 0 && job->tower == TOWER_PRODUCT && queries->looked_said != NULL)
        memcpy(w->query_mapped, queries->looked_said + first * spoken, n * spoken * sizeof(real));
    else
        memset(w->query_mapped, 0, n * spoken * sizeof(real));
    for (size_t i = 0; i < n; i++) {
        const real *mapped = w->query_mapped + i * spoken;
        bool known = !texts || queries->bags.begin[first + i + 1] > queries->bags.begin[first + i];
        bool says = spoken > 0 && sage_ops_best()->dot(spoken, mapped, mapped) > 0;
        beside_publish(s, known || !says ? w->tower.q + i * s->dim_out : NULL, mapped, job->out + (first + i) * width);
    }
}

static void query_chunks(void *ctx, size_t begin, size_t end, size_t worker) {
    const queries_job *job = ctx;
    sage_frozen *f = job->frozen;
    const sage_model_shape *s = &f->model->shape;
    size_t width = tower_width(s, job->tower);
    tower_acts *t = &f->workers[worker].tower;
    for (size_t chunk = begin; chunk < end; chunk++) {
        size_t first = chunk * QUERY_ROWS, n = job->n - first < QUERY_ROWS ? job->n - first : QUERY_ROWS;
        if (job->tower == TOWER_SEARCH)
            tower_join(s, job->queries, first, n, f->bags.e + first * s->dim_embed, t->u);
        else
            memcpy(t->u, (job->tower == TOWER_PICTURE ? job->queries->pictures : job->queries->looked) + first * width,
                   n * width * sizeof(real));
        memset(t->u + n * width, 0, (QUERY_ROWS - n) * width * sizeof(real));
        tower_dense(f->model, f->tower_layers[job->tower], job->tower, QUERY_ROWS, t->u, t->mlp, t->q, t->inverse);
        publish_queries(job, first, n, &f->workers[worker]);
    }
}

static sage_status run_tower(queries_job job, sage_error *error) {
    if (job.n == 0) return SAGE_OK;
    sage_status st = frozen_need_tower(job.frozen, job.tower, error);
    if (st == SAGE_OK)
        sage_pool_for_dynamic(job.frozen->pool, (job.n + QUERY_ROWS - 1) / QUERY_ROWS, 1, query_chunks, &job);
    return st;
}

/* As they came: they say nothing beside. */
static void publish_given(const sage_frozen *f, const sage_query_batch *queries, real *out) {
    size_t o = f->model->shape.dim_out, width = sage_shape_out(&f->model->shape);
    for (size_t i = 0; i < queries->n_given; i++) {
        memset(out + i * width, 0, width * sizeof(real));
        memcpy(out + i * width, queries->given + i * o, o * sizeof(real));
    }
}

sage_status sage_frozen_queries(sage_frozen *frozen, const sage_query_batch *queries, real *out, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_model_shape *s = &frozen->model->shape;
    const size_t rows[TOWERS] = {queries->n_texts, queries->n_pictures, queries->n_looked};
    SAGE_TRY(tower_check(s, queries, error));
    if (queries->n_texts > 0) SAGE_TRY(frozen_bags(frozen, &queries->bags, error));
    for (tower_id t = 0; t < TOWERS; out += rows[t++] * sage_shape_out(s))
        SAGE_TRY(run_tower((queries_job){frozen, queries, t, rows[t], out}, error));
    if (queries->n_users > 0) SAGE_TRY(frozen_users(frozen, queries, out, error));
    publish_given(frozen, queries, out + queries->n_users * sage_shape_out(s));
out:
    return st;
}

/* ---- what is made once, when first asked for ---- */

static void lay_product_workers(layer *l, sage_frozen *f) {
    const sage_model_shape *s = &f->model->shape;
    lay_fold(l, s, false, &f->fold);
    for (size_t w = 0; w < f->threads; w++) {
        frozen_worker made = f->workers[w];
        lay_encoder(l, s, f->fold.ld, ROWS, 0, false, &made.acts);
        lay_encoder_chunk(l, s, ROWS, false, &made.acts);
        made.x = lay_reals(l, ROWS, beside_width(s));
        made.mapped = lay_reals(l, ROWS, beside_width(s));
        if (l->base != NULL) f->workers[w] = made;
    }
}

static void lay_query_workers(layer *l, sage_frozen *f) {
    size_t widest = 0;
    for (tower_id t = 0; t < TOWERS; t++)
        if (tower_width(&f->model->shape, t) > widest) widest = tower_width(&f->model->shape, t);
    for (size_t w = 0; w < f->threads; w++) {
        frozen_worker made = f->workers[w];
        lay_tower(l, &f->model->shape, QUERY_ROWS, false, &made.tower);
        lay_tower_chunk(l, &f->model->shape, QUERY_ROWS, widest, &made.tower);
        made.query_x = lay_reals(l, QUERY_ROWS, beside_width(&f->model->shape));
        made.query_mapped = lay_reals(l, QUERY_ROWS, beside_width(&f->model->shape));
        if (l->base != NULL) f->workers[w] = made;
    }
}

sage_status frozen_block(sage_frozen *f, void (*lay_workers)(layer *, sage_frozen *), void **block, sage_error *error) {
    layer l = {0};
    lay_workers(&l, f);
    if (l.overflow || (*block = sage_alloc_aligned(l.at)) == NULL) return sage_fail_memory(error, l.at);
    memset(*block, 0, l.at);
    f->bytes += l.at;
    l = (layer){.base = *block};
    lay_workers(&l, f);
    return SAGE_OK;
}

static void lay_rows(layer *l, sage_frozen *f, size_t most) {
    const sage_model_shape *s = &f->model->shape;
    size_t rows = deep_padded(ROWS * most), raw = fold_raw(s);
    for (size_t w = 0; w < f->threads; w++) {
        frozen_worker made = f->workers[w];
        lay_deep(l, s, raw, rows, ROWS, false, &made.deep);
        lay_deep_scratch(l, s, raw, rows, most, false, &made.deep_scratch);
        if (l->base != NULL) f->workers[w] = made;
    }
}

static sage_status need_rows(sage_frozen *f, size_t most, sage_error *error) {
    layer l = {0};
    lay_rows(&l, f, most);
    sage_free(f->deep_block);
    f->deep_bytes = 0;
    f->deep_block = l.overflow ? NULL : sage_alloc_aligned(l.at);
    if (f->deep_block == NULL) return sage_fail_memory(error, l.at);
    f->deep_bytes = l.at;
    l = (layer){.base = f->deep_block};
    lay_rows(&l, f, most);
    return SAGE_OK;
}

/* Tokens of one product at a time, per worker. */
static sage_status need_tokens(sage_frozen *f, size_t most, sage_error *error) {
    const sage_model_shape *s = &f->model->shape;
    size_t each = (most * (s->heads + s->dim_embed) + 15) / 16 * 16; /* on cache lines */
    if (most <= f->most_tokens) return SAGE_OK;
    f->most_tokens = 0; /* until all of it is there */
    real *block = sage_alloc_aligned(f->threads * each * sizeof(real));
    if (block == NULL) return sage_fail_memory(error, f->threads * each * sizeof(real));
    sage_free(f->token_block);
    f->token_block = block;
    for (size_t w = 0; w < f->threads; w++) {
        f->workers[w].tokens = block + w * each;
        f->workers[w].attention = block + w * each + most * s->dim_embed;
    }
    return s->lower > 0 ? need_rows(f, most, error) : SAGE_OK;
}

sage_status frozen_need_products(sage_frozen *f, size_t most_tokens, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(need_tokens(f, most_tokens, error));
    if (most_tokens > f->most_tokens) f->most_tokens = most_tokens;
    if (f->product_layers != NULL) goto out;
    if (f->product_block == NULL) SAGE_TRY(frozen_block(f, lay_product_workers, &f->product_block, error));
    packed_layers *layers;
    SAGE_TRY(packed_layers_new(&f->model->shape, f->fold.ld, LAYERS_OF_PRODUCTS, f->precision, false, &layers, error));
    fold_forward(f->model, f->pool, &f->fold);
    packed_layers_set(layers, f->model, &f->fold, f->pool);
    f->product_layers = layers;
    f->bytes += packed_layers_bytes(layers);
out:
    return st;
}

sage_status frozen_need_tower(sage_frozen *f, tower_id tower, sage_error *error) {
    sage_status st = SAGE_OK;
    if (f->tower_layers[tower] != NULL) goto out;
    if (f->query_block == NULL) SAGE_TRY(frozen_block(f, lay_query_workers, &f->query_block, error));
    packed_layers *layers;
    SAGE_TRY(packed_layers_new(&f->model->shape, 0, layers_of_tower(tower), f->precision, false, &layers, error));
    packed_layers_set(layers, f->model, NULL, f->pool);
    f->tower_layers[tower] = layers;
    f->bytes += packed_layers_bytes(layers);
out:
    return st;
}

/* Without its table. */
static sage_status begin(const sage_model *model, sage_precision precision, sage_pool *pool, sage_frozen **out,
                         sage_error *error) {
    const size_t threads = sage_pool_threads(pool);
    sage_frozen *made = sage_alloc_zero(1, sizeof *made);
    frozen_worker *workers = sage_alloc_zero(threads, sizeof *workers);
    *out = NULL;
    if (made == NULL || workers == NULL) {
        sage_free(made);
        sage_free(workers);
        return sage_fail_memory(error, sizeof *made + threads * sizeof *workers);
    }
    made->model = model;
    made->precision = precision;
    made->pool = pool;
    made->threads = threads;
    made->workers = workers;
    *out = made;
    return SAGE_OK;
}

static sage_status freeze(const sage_model *model, const sage_safetensors *file, sage_precision precision,
                          sage_pool *pool, sage_frozen **out, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_frozen *made;
    SAGE_TRY(begin(model, precision, pool, &made, error));
    SAGE_TRY(frozen_table(made, file, error));
    *out = made;
    made = NULL;
out:
    sage_frozen_free(made);
    return st;
}

sage_status sage_frozen_new(const sage_model *model, sage_precision precision, sage_pool *pool, sage_frozen **frozen,
                            sage_error *error) {
    return freeze(model, NULL, precision, pool, frozen, error);
}

sage_status sage_frozen_load(const char *path, sage_precision precision, sage_pool *pool, sage_frozen **frozen,
                             sage_error *error) {
    sage_status st = SAGE_OK;
    sage_safetensors *file = NULL;
    sage_model *model = NULL;
    bool whole = precision == SAGE_PRECISION_F32;
    SAGE_TRY(model_open(path, whole, &file, &model, error));
    SAGE_TRY(freeze(model, whole ? NULL : file, precision, pool, frozen, error));
    (*frozen)->own = model;
    model = NULL;
out:
    sage_model_free(model);
    sage_safetensors_close(file);
    return st;
}

sage_status sage_frozen_map(const char *path, sage_pool *pool, sage_frozen **frozen, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_safetensors *file = NULL;
    sage_model *model = NULL;
    *frozen = NULL;
    SAGE_TRY(model_open(path, false, &file, &model, error));
    SAGE_TRY(begin(model, SAGE_PRECISION_F32, pool, frozen, error));
    (*frozen)->own = model;
    model = NULL;
    if (frozen_table_in_file(*frozen, file)) {
        (*frozen)->file = file;
        return SAGE_OK;
    }
    sage_frozen_free(*frozen);
    st = sage_frozen_load(path, SAGE_PRECISION_F32, pool, frozen, error);
out:
    sage_model_free(model);
    sage_safetensors_close(file);
    return st;
}

sage_status sage_frozen_share(const sage_frozen *frozen, sage_pool *pool, sage_frozen **another, sage_error *error) {
    sage_status st = begin(frozen->model, frozen->precision, pool, another, error);
    if (st != SAGE_OK) return st;
    (*another)->shares = true;
    (*another)->table = frozen->table;
    (*another)->table_copy = frozen->table_copy;
    (*another)->row_scale = frozen->row_scale;
    return SAGE_OK;
}

void sage_frozen_free(sage_frozen *frozen) {
    if (frozen == NULL) return;
    packed_layers_free(frozen->product_layers);
    for (tower_id t = 0; t < TOWERS; t++) packed_layers_free(frozen->tower_layers[t]);
    packed_layers_free(frozen->user_layers);
    sage_free(frozen->product_block);
    sage_free(frozen->query_block);
    sage_free(frozen->user_block);
    sage_free(frozen->user_begin);
    inputs_free(&frozen->inputs);
    sage_free(frozen->token_block);
    sage_free(frozen->deep_block);
    sage_free(frozen->workers);
    if (!frozen->shares) sage_free(frozen->table_copy);
    if (!frozen->shares) sage_free(frozen->row_scale);
    frozen_bags_free(frozen);
    sage_model_free(frozen->own);
    sage_safetensors_close(frozen->file);
    sage_free(frozen);
}

const int64_t *sage_frozen_tokens(const sage_frozen *frozen) {
    return frozen->model->token_pids;
}

const sage_model_shape *sage_frozen_shape(const sage_frozen *frozen) {
    return &frozen->model->shape;
}

size_t sage_frozen_bytes(const sage_frozen *frozen) {
    size_t own = frozen->own != NULL ? model_bytes(frozen->own) : 0;
    return own + frozen->bytes + frozen->deep_bytes + inputs_bytes(&frozen->inputs) +
           frozen->user_begin_capacity * sizeof(uint32_t) + frozen_bags_bytes(frozen);
}
