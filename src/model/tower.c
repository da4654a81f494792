/* From query bags to query vectors: q = unit(S_q u + MLP(u)), u = LN'd bag of the one table. */
#include "pass.h"

typedef struct tower_job {
    const sage_model *model;
    sage_work *work;
} tower_job;

static const real *query_bags(const sage_model *model, const sage_work *work) {
    return work->bags.e + work->sizes.text_bags * model->shape.dim_embed;
}

static void forward_rows(void *ctx, size_t begin, size_t end, size_t worker) {
    const tower_job *job = ctx;
    tower_acts *t = &job->work->tower;
    mlp m = mlp_search(job->model);
    (void)worker;
    mlp_forward_rows(&m, begin, end, query_bags(job->model, job->work), t->mlp, t->q);
    unit_rows(begin, end, m.out, t->q, t->inverse);
}

void tower_forward(const sage_model *model, sage_work *work) {
    const size_t grain = 8;
    tower_job job = {model, work};
    sage_pool_for(work->pool, work->sizes.queries, grain, forward_rows, &job);
}

static void backward_rows(void *ctx, size_t begin, size_t end, size_t worker) {
    const tower_job *job = ctx;
    tower_acts *t = &job->work->tower;
    mlp m = mlp_search(job->model);
    (void)worker;
    unit_back_rows(begin, end, m.out, t->q, t->inverse, t->dq);
    mlp_backward_rows(&m, begin, end, t->dq, t->mlp, job->work->bags.d + job->work->sizes.text_bags * m.in);
}

void tower_backward(const sage_model *model, sage_work *work, real *dense) {
    const size_t grain = 8;
    tower_job job = {model, work};
    mlp m = mlp_search(model);
    mlp_grads g = {par_in(model, dense, P_SEARCH1_W), par_in(model, dense, P_SEARCH1_B),
                   par_in(model, dense, P_SEARCH2_W), par_in(model, dense, P_SEARCH2_B),
                   par_in(model, dense, P_SEARCH_SKIP)};
    sage_pool_for(work->pool, work->sizes.queries, grain, backward_rows, &job);
    mlp_weight_grads(work->pool, &m, work->sizes.queries, query_bags(model, work), work->tower.dq, work->tower.mlp, g);
}
