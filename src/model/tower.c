/* From query bags to query vectors: q = unit(S_q u + MLP(u)), u = LN'd bag of the one table. */
#include "pass.h"
#include <base/profile.h>
#include <string.h>

static size_t chunk_end(const sage_work *work, size_t begin) {
    return begin + ROWS < work->sizes.queries ? begin + ROWS : work->sizes.queries;
}

static mlp_acts acts_at(const mlp *m, mlp_acts all, size_t begin, const tower_acts *chunk) {
    return (mlp_acts){all.pre + begin * m->hidden, chunk->mlp.act};
}

static uint64_t flops(const mlp *m, size_t n) {
    return 2 * (uint64_t)n * (m->in * m->hidden + m->hidden * m->out + m->in * m->out);
}

void tower_dense(const sage_model *model, const packed_layers *layers, size_t n, const real *u, mlp_acts acts, real *q,
                 real *inverse) {
    mlp m = mlp_search(model, layers);
    mlp_forward(&m, n, u, acts, q);
    unit_rows(n, m.out, q, inverse);
}

void tower_forward(const sage_model *model, sage_work *work, size_t chunk, size_t worker) {
    static sage_stage stage = SAGE_STAGE("tower forward");
    tower_acts *t = &work->tower;
    const tower_acts *own = &work->scratch[worker].tower;
    size_t begin = chunk * ROWS, end = chunk_end(work, begin), text = work->sizes.text_bags;
    mlp m = mlp_search(model, work->layers);
    mlp_acts acts = acts_at(&m, t->mlp, begin, own);
    uint64_t began = sage_stage_begin();
    bags_norm(model, work, text + begin, text + end, own->u);
    tower_dense(model, work->layers, end - begin, own->u, acts, t->q + begin * m.out, t->inverse + begin);
    sage_side_set(work->sides[SIDE_U], begin, end - begin, own->u, m.in);
    sage_side_set(work->sides[SIDE_SEARCH_ACT], begin, end - begin, acts.act, m.hidden);
    sage_stage_end(&stage, began, 0, flops(&m, end - begin));
}

void tower_back(const sage_model *model, sage_work *work, size_t chunk, size_t worker) {
    static sage_stage stage = SAGE_STAGE("tower back");
    tower_acts *t = &work->tower;
    const chunk_scratch *scratch = &work->scratch[worker];
    size_t begin = chunk * ROWS, end = chunk_end(work, begin), text = work->sizes.text_bags;
    mlp m = mlp_search(model, work->layers);
    query_part at = query_part_of(&model->shape);
    real *part = work->query_parts + chunk * at.size, *dq = t->dq + begin * m.out;
    mlp_acts acts = acts_at(&m, t->mlp, begin, &scratch->tower);
    uint64_t began = sage_stage_begin();
    memset(part, 0, at.size * sizeof(real));
    unit_back(end - begin, m.out, t->q + begin * m.out, t->inverse + begin, dq);
    mlp_back(&m, end - begin, dq, acts, scratch->hidden, scratch->d_e, part + at.search1, part + at.search2);
    sage_side_set(work->sides[SIDE_D_SEARCH_PRE], begin, end - begin, acts.pre, m.hidden);
    sage_side_set(work->sides[SIDE_D_Q], begin, end - begin, dq, m.out);
    bags_back(model, work, text + begin, text + end, scratch->d_e, chunks_of(work->sizes.products) + chunk);
    sage_stage_end(&stage, began, 0, flops(&m, end - begin));
}
