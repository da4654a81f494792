/* A training pass: forward, loss, backward; the bags' gradients are then ready for sage_model_scatter. */
#include "beside.h"
#include "deep.h"
#include "encoder.h"
#include "user.h"
#include <string.h>

static sage_status measure_products(const sage_model *model, const sage_product_batch *batch, batch_sizes *s,
                                    sage_error *error) {
    s->products = batch->n;
    s->text_bags = batch->text.n;
    s->ids = batch->text.begin[batch->text.n] - batch->text.begin[0];
    for (size_t g = 0; g < model->shape.n_groups; g++)
        if (batch->group[g].begin != NULL) s->vectors += batch->group[g].begin[batch->n] - batch->group[g].begin[0];
    if (batch->token_bag != NULL || batch->token_begin[batch->n] - batch->token_begin[0] != batch->text.n)
        return sage_fail(error, SAGE_E_ARGUMENT,
                         "model: the batch's products have %u text tokens, but there are %zu bags",
                         batch->token_begin[batch->n] - batch->token_begin[0], batch->text.n);
    for (size_t t = 0; t < batch->text.n; t++)
        if (batch->token_field[batch->token_begin[0] + t] >= text_kinds(&model->shape))
            return sage_fail(error, SAGE_E_ARGUMENT, "model: text token %zu of the batch names no field", t);
    return groups_check(&model->shape, batch, error);
}

static void measure_chunks(const sage_model_shape *shape, const sage_product_batch *batch, batch_sizes *s) {
    for (size_t begin = 0; begin < batch->n; begin += ROWS) {
        size_t end = begin + ROWS < batch->n ? begin + ROWS : batch->n;
        size_t tokens = batch->token_begin[end] - batch->token_begin[begin];
        if (tokens > s->chunk_tokens) s->chunk_tokens = tokens;
    }
    s->product_tokens = tokens_most(batch);
    if (shape->lower > 0) s->token_rows = deep_rows(shape, batch, NULL, &s->chunk_rows);
}

static size_t rows_of(const sage_query_batch *q) {
    return q->n_texts + q->n_pictures + q->n_looked + q->n_users + q->n_given;
}

static sage_status measure_prefixes(const sage_model *model, const sage_loss_spec *spec, batch_sizes *s,
                                    sage_error *error) {
    size_t least = 1;
    for (; s->n_prefixes < spec->n_prefixes; s->n_prefixes++) {
        size_t dim = s->n_prefixes < SAGE_PREFIXES_MAX ? spec->prefixes[s->n_prefixes] : 0;
        if (dim < least || dim >= model->shape.dim_out)
            return sage_fail(error, SAGE_E_ARGUMENT,
                             "model: prefixes of vectors must ascend between 1 and %zu, and be %d at most",
                             model->shape.dim_out - 1, SAGE_PREFIXES_MAX);
        s->prefixes[s->n_prefixes] = dim;
        least = dim + 1;
    }
    return SAGE_OK;
}

static sage_status measure(const sage_model *model, const sage_product_batch *products, const sage_query_batch *queries,
                           const sage_loss_spec *spec, batch_sizes *s, sage_error *error) {
    sage_status st = SAGE_OK;
    *s = (batch_sizes){.columns = spec->n_pairs + spec->n_random};
    if (products != NULL) SAGE_TRY(measure_products(model, products, s, error));
    if (products != NULL) measure_chunks(&model->shape, products, s);
    SAGE_TRY(measure_prefixes(model, spec, s, error));
    s->queries = spec->n_pairs;
    if (queries != NULL) {
        SAGE_TRY(tower_check(&model->shape, queries, error));
        s->pictures = queries->n_pictures;
        s->looked = queries->n_looked;
        s->users = queries->n_users;
        s->user_chunks = user_chunks(&model->shape, queries, NULL);
        s->query_bags = queries->n_texts;
        s->ids += queries->bags.begin[queries->n_texts] - queries->bags.begin[0];
    }
    if ((products != NULL && products->text.times != NULL) || (queries != NULL && queries->bags.times != NULL))
        return sage_fail(error, SAGE_E_ARGUMENT, "model: repeated ids of a batch are not merged in training");
    if (s->ids > (UINT32_MAX - SAGE_PREFETCH) / model->shape.hashes)
        return sage_fail(error, SAGE_E_LIMIT, "model: a batch of %zu n-grams is too large", s->ids);
    size_t given = queries != NULL ? rows_of(queries) : spec->queries != NULL ? spec->n_pairs : 0;
    size_t columns = products != NULL ? products->n : spec->products != NULL ? s->columns : 0;
    if (spec->n_pairs == 0 || given != spec->n_pairs || columns != s->columns)
        st = sage_fail(error, SAGE_E_ARGUMENT,
                       "model: %zu queries and %zu products do not make %zu pairs and %zu random negatives", given,
                       columns, spec->n_pairs, spec->n_random);
out:
    return st;
}

static unsigned towers_of(const batch_sizes *s) {
    unsigned towers = 0;
    for (tower_id t = 0; t < TOWERS; t++) towers |= tower_rows(s, t) > 0 ? 1U << t : 0;
    return towers | (s->users > 0 ? 1U << SAGE_TOWER_USER : 0);
}

typedef struct step_job {
    const sage_model *model;
    sage_work *work;
    const sage_product_batch *products;
    const sage_query_batch *queries;
    size_t product_chunks, query_chunks;
} step_job;

/* Sorting needs nothing of the passes, and comes first since it is the longest piece. */
static void forward_tasks(void *ctx, size_t begin, size_t end, size_t worker) {
    const step_job *job = ctx;
    for (size_t task = begin; task < end; task++) {
        if (task < SORT_TASKS)
            bags_sort(job->model, job->work, task);
        else if (task - SORT_TASKS < job->product_chunks)
            encoder_forward(job->model, job->work, job->products, task - SORT_TASKS, worker);
        else if (task - SORT_TASKS - job->product_chunks < job->query_chunks)
            tower_forward(job->model, job->work, job->queries, task - SORT_TASKS - job->product_chunks, worker);
        else
            user_forward(job->model, job->work, job->queries,
                         task - SORT_TASKS - job->product_chunks - job->query_chunks, worker);
    }
}

/* Rows whose vectors came with the batch: the last ones, or all. */
static void take_given(const sage_model *model, sage_work *work, const sage_query_batch *queries,
                       const sage_loss_spec *spec) {
    const real *given = spec->queries != NULL ? spec->queries : queries->given;
    size_t n = spec->queries != NULL ? spec->n_pairs : queries->n_given, o = model->shape.dim_out;
    if (n > 0) memcpy(work->tower.q + (spec->n_pairs - n) * o, given, n * o * sizeof(real));
}

static void back_tasks(void *ctx, size_t begin, size_t end, size_t worker) {
    const step_job *job = ctx;
    for (size_t task = begin; task < end; task++)
        if (task < job->product_chunks)
            encoder_back(job->model, job->work, job->products, task, worker);
        else if (task - job->product_chunks < job->query_chunks)
            tower_back(job->model, job->work, task - job->product_chunks, worker);
        else
            user_back(job->model, job->work, job->queries, task - job->product_chunks - job->query_chunks, worker);
}

sage_status sage_model_backward(const sage_model *model, sage_work *work, const sage_product_batch *products,
                                const sage_query_batch *queries, const sage_loss_spec *spec, real *dense,
                                sage_loss *loss, sage_error *error) {
    sage_status st = SAGE_OK;
    batch_sizes s;
    bool tower = spec->queries == NULL;
    sage_product_batch read;
    if (spec->products != NULL) products = NULL;
    SAGE_TRY(measure(model, products, tower ? queries : NULL, spec, &s, error));
    if (products != NULL && model->shape.inputs != SAGE_INPUTS_ALL) {
        read = *products;
        products = &read;
        SAGE_TRY(inputs_read(&model->shape, &work->inputs, &read, error));
        SAGE_TRY(measure(model, products, tower ? queries : NULL, spec, &s, error));
    }
    SAGE_TRY(work_fit(work, &model->shape, &s, error));
    memset(dense, 0, model->dense_size * sizeof(real));
    SAGE_TRY(bags_gather(model, work, products != NULL ? &products->text : NULL, tower ? &queries->bags : NULL, error));
    fold_forward(model, work->pool, &work->fold);
    packed_layers_set(work->layers, model, &work->fold, work->pool);
    if (products != NULL && model->shape.lower > 0) deep_rows(&model->shape, products, work->deep.begin, &s.chunk_rows);
    if (work->users != NULL) user_chunks(&model->shape, queries, work->users->begin);
    step_job job = {model, work, products, queries, chunks_of(s.products), query_chunks_of(&s)};
    size_t chunks = job.product_chunks + job.query_chunks + s.user_chunks;
    sage_pool_for_dynamic(work->pool, SORT_TASKS + chunks, 1, forward_tasks, &job);
    take_given(model, work, queries, spec);
    loss_and_gradient(model, work, spec, par_in(model, dense, P_TEMPERATURE), loss);
    if (tower && products != NULL && beside_width(&model->shape) > 0)
        loss->sentences = beside_loss(model, work, products, queries, spec, par_in(model, dense, P_SENTENCE_MAP));
    loss->total += loss->sentences;
    if (tower) follow_loss(model, work, queries, spec->follow_weight, loss);
    sage_pool_for_dynamic(work->pool, chunks, 1, back_tasks, &job);
    weight_gradients(model, work, dense);
    user_gradients(model, work, dense);
    if (products != NULL) fold_backward(model, work, dense);
    bags_norm_grads(model, work, job.product_chunks + chunks_of(s.query_bags), dense);
    loss->towers = towers_of(&s);
out:
    return st;
}
