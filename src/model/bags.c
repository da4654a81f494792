/* Bags of n-grams to tokens: e = LN( sum over ids i, hashes k of W[i][k] T[h_k(i)] ), and the way back to the sums'
 * gradient. */
#include "gather.h"
#include "pass.h"
#include <base/profile.h>
#include <stdatomic.h>
#include <string.h>

/* ---- rows and weights of all uses ---- */

typedef struct look_up_job {
    const sage_model *model;
    bag_acts *bags;
    size_t in_text;    /* id positions of the text bags; the queries' follow */
    atomic_size_t bad; /* first position whose id is past the vocabulary */
} look_up_job;

static void note_bad(look_up_job *job, size_t position) {
    size_t first = atomic_load(&job->bad);
    while (position < first && !atomic_compare_exchange_weak(&job->bad, &first, position)) continue;
}

static void look_up_ids(look_up_job *job, const uint32_t *ids, size_t n, size_t position) {
    size_t uses = position * job->model->shape.hashes;
    size_t good = gather_look_up(job->model, ids, n, NULL, job->bags->rows + uses, job->bags->weight + uses);
    if (good < n) note_bad(job, position + good);
}

static void look_up(void *ctx, size_t begin, size_t end, size_t worker) {
    static sage_stage stage = SAGE_STAGE("look up rows and weights");
    uint64_t began = sage_stage_begin();
    look_up_job *job = ctx;
    const sage_bags *text = &job->bags->text, *queries = &job->bags->queries;
    size_t border = begin > job->in_text ? begin : end < job->in_text ? end : job->in_text;
    (void)worker;
    if (begin < border) look_up_ids(job, text->ids + text->begin[0] + begin, border - begin, begin);
    if (border < end)
        look_up_ids(job, queries->ids + queries->begin[0] + (border - job->in_text), end - border, border);
    sage_stage_end(&stage, began, (end - begin) * (4 + 16 * job->model->shape.hashes), 0);
}

static sage_status join(const sage_bags *bags, uint32_t *begin, sage_error *error) {
    for (size_t i = 0; i < bags->n; i++) {
        if (bags->begin[i + 1] < bags->begin[i])
            return sage_fail(error, SAGE_E_ARGUMENT, "model: bag %zu of the batch ends before it begins", i);
        begin[i + 1] = begin[0] + (bags->begin[i + 1] - bags->begin[0]);
    }
    return SAGE_OK;
}

sage_status bags_gather(const sage_model *model, sage_work *work, const sage_bags *text, const sage_bags *queries,
                        sage_error *error) {
    static const uint32_t none[1] = {0};
    const size_t look_up_grain = 2048;
    const sage_model_shape *s = &model->shape;
    bag_acts *b = &work->bags;
    sage_status st = SAGE_OK;
    b->text = text != NULL ? *text : (sage_bags){.begin = none};
    b->queries = queries != NULL ? *queries : (sage_bags){.begin = none};
    b->n = b->text.n + b->queries.n;
    b->begin[0] = 0;
    SAGE_TRY(join(&b->text, b->begin, error));
    SAGE_TRY(join(&b->queries, b->begin + b->text.n, error));
    size_t ids = b->begin[b->n];
    look_up_job look = {.model = model, .bags = b, .in_text = b->begin[b->text.n], .bad = SIZE_MAX};
    for (size_t i = 0; i < SAGE_PREFETCH; i++) b->rows[ids * s->hashes + i] = 0;
    sage_pool_for_dynamic(work->pool, ids, look_up_grain, look_up, &look);
    if (look.bad != SIZE_MAX) {
        st = sage_fail(error, SAGE_E_ARGUMENT, "model: n-gram id %u of the batch is not below the vocabulary's %zu",
                       id_at(b, look.bad), sage_shape_ids(s));
        goto out;
    }
    gather_table table = {SAGE_PRECISION_F32, s->rows, s->dim_embed, model->table};
    gather_sums(&table, work->pool, b->n, s->hashes, b->begin, b->rows, b->weight, b->hat);
    size_t chunks = chunks_of(work->sizes.products) + chunks_of(work->sizes.query_bags);
    memset(b->norm_parts, 0, chunks * 2 * s->dim_embed * sizeof(real));
out:
    return st;
}

/* ---- the layer norm, a chunk at a time ---- */

static void gain_and_bias(const sage_model *model, size_t n, const real *hat, real *e) {
    size_t dim = model->shape.dim_embed;
    const real *gain = par(model, P_TEXT_GAIN), *bias = par(model, P_TEXT_BIAS);
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < dim; c++) e[i * dim + c] = gain[c] * hat[i * dim + c] + bias[c];
}

void bags_norm(const sage_model *model, sage_work *work, size_t begin, size_t end, real *e) {
    bag_acts *b = &work->bags;
    size_t dim = model->shape.dim_embed;
    real *hat = b->hat + begin * dim;
    if (!model->shape.plain_text)
        sage_ops_best()->norm(end - begin, dim, hat, par(model, P_TEXT_GAIN), par(model, P_TEXT_BIAS), hat, e,
                              b->rstd + begin);
    bags_tokens(model, work, begin, end, e); /* in one way only, or the backward pass would see other bits */
}

void bags_tokens(const sage_model *model, sage_work *work, size_t begin, size_t end, real *e) {
    const real *hat = work->bags.hat + begin * model->shape.dim_embed;
    if (model->shape.plain_text)
        memcpy(e, hat, (end - begin) * model->shape.dim_embed * sizeof(real));
    else
        gain_and_bias(model, end - begin, hat, e);
}

void bags_back(const sage_model *model, sage_work *work, size_t begin, size_t end, real *d_e, size_t part) {
    const sage_ops *ops = sage_ops_best();
    bag_acts *b = &work->bags;
    size_t dim = model->shape.dim_embed, n = end - begin;
    const real *hat = b->hat + begin * dim;
    real *parts = b->norm_parts + part * 2 * dim;
    if (!model->shape.plain_text) {
        ops->norm_grad(n, dim, 0, dim, d_e, hat, parts, parts + dim);
        ops->norm_back(n, dim, d_e, hat, b->rstd + begin, par(model, P_TEXT_GAIN), d_e);
    }
    for (size_t slab = 0; slab < sage_slabs(dim); slab++) {
        size_t width = sage_slab_width(dim, slab);
        real *to = b->d + sage_slab_begin(b->n, slab) + begin * width;
        for (size_t i = 0; i < n; i++) memcpy(to + i * width, d_e + i * dim + slab * SAGE_SLAB, width * sizeof(real));
    }
}

void bags_norm_grads(const sage_model *model, sage_work *work, size_t parts, real *dense) {
    size_t dim = model->shape.dim_embed;
    real *gain = par_in(model, dense, P_TEXT_GAIN), *bias = par_in(model, dense, P_TEXT_BIAS);
    for (size_t p = 0; p < parts; p++) {
        const real *part = work->bags.norm_parts + p * 2 * dim;
        for (size_t c = 0; c < dim; c++) gain[c] += part[c];
        for (size_t c = 0; c < dim; c++) bias[c] += part[dim + c];
    }
}
