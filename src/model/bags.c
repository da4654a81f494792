/* Bags of n-grams to tokens: e = LN( sum over ids i, hashes k of W[i][k] T[h_k(i)] ). */
#include "pass.h"

typedef struct bags_job {
    const sage_model *model;
    sage_work *work;
    const sage_bags *text, *queries;
} bags_job;

static const uint32_t *ids_of_bag(const bags_job *job, size_t bag) {
    size_t text = job->work->sizes.text_bags;
    const sage_bags *bags = bag < text ? job->text : job->queries;
    /* Where no bag has an id there may be no array to point into. */
    return bags->ids ? bags->ids + bags->begin[bag < text ? bag : bag - text] : NULL;
}

static void look_up(void *ctx, size_t begin, size_t end, size_t worker) {
    const bags_job *job = ctx;
    const sage_model *model = job->model;
    bag_acts *b = &job->work->bags;
    size_t hashes = model->shape.hashes;
    (void)worker;
    for (size_t bag = begin; bag < end; bag++) {
        const uint32_t *ids = ids_of_bag(job, bag);
        for (uint32_t p = b->begin[bag]; p < b->begin[bag + 1]; p++, ids++) {
            if (job->work->sizes.training) b->bag[p] = (uint32_t)bag;
            for (size_t k = 0; k < hashes; k++) {
                b->rows[p * hashes + k] = hash_row(model, *ids, k);
                b->weight[p * hashes + k] = model->importance[*ids * hashes + k];
            }
        }
    }
}

static void sum_and_norm(void *ctx, size_t begin, size_t end, size_t worker) {
    const bags_job *job = ctx;
    const sage_model *model = job->model;
    const sage_ops *ops = sage_ops_best();
    bag_acts *b = &job->work->bags;
    size_t hashes = model->shape.hashes, dim = model->shape.dim_embed;
    (void)worker;
    for (size_t bag = begin; bag < end; bag++) {
        size_t first = b->begin[bag] * hashes, n = b->begin[bag + 1] * hashes - first;
        ops->bag_sum(dim, n, b->rows + first, b->weight + first, model->table, b->hat + bag * dim);
        ops->norm(1, dim, b->hat + bag * dim, par(model, P_TEXT_GAIN), par(model, P_TEXT_BIAS), b->hat + bag * dim,
                  b->e + bag * dim, b->rstd + bag);
    }
}

static sage_status join(const sage_model *model, const sage_bags *bags, uint32_t *begin, uint32_t offset,
                        sage_error *error) {
    begin[0] = offset;
    if (bags == NULL) return SAGE_OK;
    for (size_t i = 0; i < bags->n; i++) {
        if (bags->begin[i + 1] < bags->begin[i])
            return sage_fail(error, SAGE_E_ARGUMENT, "model: bag %zu of the batch ends before it begins", i);
        begin[i + 1] = offset + (bags->begin[i + 1] - bags->begin[0]);
    }
    for (uint32_t p = bags->begin[0]; p < bags->begin[bags->n]; p++)
        if (bags->ids[p] >= model->shape.vocab)
            return sage_fail(error, SAGE_E_ARGUMENT,
                             "model: n-gram id %u of the batch is not below the vocabulary's %zu", bags->ids[p],
                             model->shape.vocab);
    return SAGE_OK;
}

sage_status bags_forward(const sage_model *model, sage_work *work, const sage_bags *text, const sage_bags *queries,
                         sage_error *error) {
    const size_t look_up_grain = 64, sum_grain = 16;
    bag_acts *b = &work->bags;
    size_t bags = work->sizes.text_bags + work->sizes.queries;
    sage_status st = SAGE_OK;
    bags_job job = {model, work, text, queries};
    SAGE_TRY(join(model, text, b->begin, 0, error));
    SAGE_TRY(join(model, queries, b->begin + work->sizes.text_bags, b->begin[work->sizes.text_bags], error));
    for (size_t i = 0; i < SAGE_PREFETCH; i++) b->rows[work->sizes.ids * model->shape.hashes + i] = 0;
    sage_pool_for_dynamic(work->pool, bags, look_up_grain, look_up, &job);
    sage_pool_for_dynamic(work->pool, bags, sum_grain, sum_and_norm, &job);
out:
    return st;
}
