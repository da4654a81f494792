/* From queries to their vectors: q = unit(S_q u + MLP(u)). A text's u is its LN'd bag of the one table and, where the
 * model has sentence groups, its sentence vectors; a picture's is its vectors and a product's its vector, and these
 * have towers of their own. */
#include "pass.h"
#include "user.h"
#include <base/profile.h>
#include <string.h>

/* A chunk's rows: of one tower, the first of which is its row `row` and the batch's query `begin`. */
typedef struct span {
    tower_id tower;
    size_t row, begin, n;
    mlp m;
    tower_sides sides;
} span;

static span span_of(const sage_model *model, const sage_work *work, size_t chunk) {
    size_t first = 0;
    tower_id t = 0;
    for (; chunk >= chunks_of(tower_rows(&work->sizes, t)); t++) {
        chunk -= chunks_of(tower_rows(&work->sizes, t));
        first += tower_rows(&work->sizes, t);
    }
    size_t row = chunk * ROWS, left = tower_rows(&work->sizes, t) - row;
    return (span){.tower = t,
                  .row = row,
                  .begin = first + row,
                  .n = left < ROWS ? left : ROWS,
                  .m = mlp_tower(model, work->layers, t),
                  .sides = tower_sides_of(t)};
}

static mlp_acts acts_at(const mlp *m, mlp_acts all, size_t begin, const tower_acts *chunk) {
    return (mlp_acts){all.pre + begin * m->hidden, chunk->mlp.act};
}

static uint64_t flops(const mlp *m, size_t n) {
    return 2 * (uint64_t)n * (m->in * m->hidden + m->hidden * m->out + m->in * m->out);
}

sage_status tower_check(const sage_model_shape *shape, const sage_query_batch *queries, sage_error *error) {
    if (queries->bags.n != queries->n_texts)
        return sage_fail(error, SAGE_E_ARGUMENT, "model: %zu search texts have %zu bags", queries->n_texts,
                         queries->bags.n);
    if (queries->n_pictures > 0 && tower_width(shape, TOWER_PICTURE) == 0)
        return sage_fail(error, SAGE_E_ARGUMENT, "model: a picture is searched for, but this model was made without");
    if (queries->n_looked > 0 && tower_width(shape, TOWER_PRODUCT) == 0)
        return sage_fail(error, SAGE_E_ARGUMENT,
                         "model: a product is looked at, but this model was made without a tower for that");
    if (queries->sentences != NULL && sage_shape_dim(shape, SAGE_GROUP_SENTENCES) == 0)
        return sage_fail(error, SAGE_E_ARGUMENT,
                         "model: the search texts have sentence vectors, but this model was made without");
    return user_check(shape, queries, error);
}

void tower_dense(const sage_model *model, const packed_layers *layers, tower_id tower, size_t n, const real *u,
                 mlp_acts acts, real *q, real *inverse) {
    mlp m = mlp_tower(model, layers, tower);
    mlp_forward(&m, n, u, acts, q);
    unit_rows(n, m.out, q, inverse);
}

void tower_join(const sage_model_shape *shape, const sage_query_batch *queries, size_t begin, size_t n,
                const real *bags, real *u) {
    size_t e = shape->dim_embed, width = tower_width(shape, TOWER_SEARCH), dim = width - e;
    for (size_t i = 0; i < n; i++) {
        memcpy(u + i * width, bags + i * e, e * sizeof(real));
        if (dim > 0 && queries->sentences != NULL)
            memcpy(u + i * width + e, queries->sentences + (begin + i) * dim, dim * sizeof(real));
        else
            memset(u + i * width + e, 0, dim * sizeof(real));
    }
}

/* The chunk's u: where a picture's or a product's lies, or made. */
static const real *inputs(const sage_model *model, sage_work *work, const sage_query_batch *queries, const span *c,
                          const chunk_scratch *scratch) {
    size_t text = work->sizes.text_bags + c->begin;
    real *u = scratch->tower.u, *bags = c->m.in == model->shape.dim_embed ? u : scratch->e;
    if (c->tower == TOWER_PICTURE) return queries->pictures + c->row * c->m.in;
    if (c->tower == TOWER_PRODUCT) return queries->looked + c->row * c->m.in;
    bags_norm(model, work, text, text + c->n, bags);
    if (bags != u) tower_join(&model->shape, queries, c->begin, c->n, bags, u);
    return u;
}

void tower_forward(const sage_model *model, sage_work *work, const sage_query_batch *queries, size_t chunk,
                   size_t worker) {
    static sage_stage stage = SAGE_STAGE("tower forward");
    tower_acts *t = &work->tower;
    const chunk_scratch *scratch = &work->scratch[worker];
    span c = span_of(model, work, chunk);
    mlp_acts acts = acts_at(&c.m, t->mlp, c.begin, &scratch->tower);
    uint64_t began = sage_stage_begin();
    const real *u = inputs(model, work, queries, &c, scratch);
    tower_dense(model, work->layers, c.tower, c.n, u, acts, t->q + c.begin * c.m.out, t->inverse + c.begin);
    sage_side_set(work->sides[c.sides.u], c.row, c.n, u, c.m.in);
    sage_side_set(work->sides[c.sides.act], c.row, c.n, acts.act, c.m.hidden);
    sage_stage_end(&stage, began, 0, flops(&c.m, c.n));
}

/* Vectors of frozen encoders take no gradient. */
static void text_back(const sage_model *model, sage_work *work, const span *c, const real *d_u, real *d_e,
                      size_t chunk) {
    size_t e = model->shape.dim_embed, text = work->sizes.text_bags + c->begin;
    for (size_t i = 0; i < c->n && d_u != d_e; i++) memcpy(d_e + i * e, d_u + i * c->m.in, e * sizeof(real));
    bags_back(model, work, text, text + c->n, d_e, chunks_of(work->sizes.products) + chunk);
}

void tower_back(const sage_model *model, sage_work *work, size_t chunk, size_t worker) {
    static sage_stage stage = SAGE_STAGE("tower back");
    tower_acts *t = &work->tower;
    const chunk_scratch *scratch = &work->scratch[worker];
    span c = span_of(model, work, chunk);
    bool search = c.tower == TOWER_SEARCH;
    query_part at = query_part_of(&model->shape);
    real *part = work->query_parts + chunk * at.size, *dq = t->dq + c.begin * c.m.out;
    real *d_u = !search ? NULL : c.m.in == model->shape.dim_embed ? scratch->d_e : scratch->d_u;
    mlp_acts acts = acts_at(&c.m, t->mlp, c.begin, &scratch->tower);
    uint64_t began = sage_stage_begin();
    memset(part, 0, at.size * sizeof(real));
    unit_back(c.n, c.m.out, t->q + c.begin * c.m.out, t->inverse + c.begin, dq);
    mlp_back(&c.m, c.n, dq, acts, scratch->hidden, d_u, part + at.fc1, part + at.fc2);
    sage_side_set(work->sides[c.sides.d_pre], c.row, c.n, acts.pre, c.m.hidden);
    sage_side_set(work->sides[c.sides.d_q], c.row, c.n, dq, c.m.out);
    if (search) text_back(model, work, &c, d_u, scratch->d_e, chunk);
    sage_stage_end(&stage, began, 0, flops(&c.m, c.n));
}
