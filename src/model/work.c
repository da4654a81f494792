/* Laying a pass's arrays into one block: once to measure, once for good. */
#include "work.h"
#include <base/alloc.h>
#include <string.h>

typedef struct layer {
    unsigned char *base; /* NULL while measuring */
    size_t at;
    bool overflow;
} layer;

static void *take(layer *l, size_t a, size_t b, size_t element_bytes) {
    size_t n, bytes;
    if (__builtin_mul_overflow(a, b, &n) || __builtin_mul_overflow(n, element_bytes, &bytes) || bytes > SIZE_MAX / 4 ||
        l->at > SIZE_MAX / 4) {
        l->overflow = true;
        return NULL;
    }
    void *start = l->base == NULL ? NULL : l->base + l->at;
    l->at += (bytes + 63) / 64 * 64;
    return start;
}

static real *reals(layer *l, size_t a, size_t b) {
    return take(l, a, b, sizeof(real));
}
static uint32_t *words(layer *l, size_t a, size_t b) {
    return take(l, a, b, sizeof(uint32_t));
}

static void lay_bags(layer *l, sage_work *work, const sage_model_shape *shape) {
    const batch_sizes *s = &work->sizes;
    bag_acts *b = &work->bags;
    size_t bags = s->text_bags + s->queries, uses = s->ids * shape->hashes;
    b->begin = words(l, bags + 1, 1);
    b->rows = words(l, uses + SAGE_PREFETCH, 1);
    b->weight = reals(l, uses, 1);
    b->hat = reals(l, bags, shape->dim_embed);
    b->rstd = reals(l, bags, 1);
    b->e = reals(l, bags, shape->dim_embed);
    if (!s->training) return;
    b->d = reals(l, bags, shape->dim_embed);
    b->bag = words(l, s->ids, 1);
    for (int i = 0; i < 2; i++) {
        b->key[i] = words(l, uses, 1);
        b->value[i] = words(l, uses, 1);
    }
    b->start = words(l, uses + 1, 1);
    b->dots = reals(l, uses, 1);
}

static void lay_fold(layer *l, sage_work *work, const sage_model_shape *shape) {
    fold *f = &work->fold;
    size_t d = shape->dim_model;
    f->kinds_at = shape->dim_embed + shape->dim_image;
    f->ld = (f->kinds_at + KINDS + 15) / 16 * 16;
    f->pcat = reals(l, d, f->ld);
    f->vcat = reals(l, d, f->ld);
    f->q = reals(l, d, 1);
    f->g = reals(l, shape->heads, d);
    f->u = reals(l, shape->heads, f->ld);
    if (!work->sizes.training) return;
    f->dq = reals(l, d, 1);
    f->dg = reals(l, shape->heads, d);
    f->du = reals(l, work->threads * shape->heads, f->ld);
    f->d_pcat = reals(l, d, f->ld);
    f->d_vcat = reals(l, d, f->ld);
}

static void lay_mlp(layer *l, mlp_acts *a, size_t n, size_t hidden, bool training) {
    a->pre = reals(l, n, hidden);
    a->act = reals(l, n, hidden);
    if (training) a->d_act = reals(l, n, hidden);
}

static void lay_encoder(layer *l, sage_work *work, const sage_model_shape *shape) {
    const batch_sizes *s = &work->sizes;
    encoder_acts *e = &work->encoder;
    size_t n = s->products, d = shape->dim_model;
    e->attention = reals(l, s->text_bags + s->images + n, shape->heads);
    e->mix = reals(l, n * shape->heads, work->fold.ld);
    e->heads = reals(l, n, d);
    e->hat1 = reals(l, n, d);
    e->rstd1 = reals(l, n, 1);
    e->y = reals(l, n, d);
    lay_mlp(l, &e->ff, n, shape->dim_ff, s->training);
    e->hat2 = reals(l, n, d);
    e->rstd2 = reals(l, n, 1);
    e->z = reals(l, n, d);
    lay_mlp(l, &e->head, n, shape->dim_head, s->training);
    e->inverse = reals(l, n, 1);
    e->p = reals(l, n, shape->dim_out);
    if (!s->training) return;
    e->d_mix = reals(l, n * shape->heads, work->fold.ld);
    e->d_heads = reals(l, n, d);
    e->d_y = reals(l, n, d);
    e->d_z = reals(l, n, d);
    e->d_sum2 = reals(l, n, d);
    e->d_sum1 = reals(l, n, d);
    e->dp = reals(l, n, shape->dim_out);
}

static void lay_tower(layer *l, sage_work *work, const sage_model_shape *shape) {
    tower_acts *t = &work->tower;
    size_t n = work->sizes.queries;
    lay_mlp(l, &t->mlp, n, shape->dim_head, work->sizes.training);
    t->inverse = reals(l, n, 1);
    t->q = reals(l, n, shape->dim_out);
    if (work->sizes.training) t->dq = reals(l, n, shape->dim_out);
}

static void lay_loss(layer *l, sage_work *work, const sage_model_shape *shape) {
    const batch_sizes *s = &work->sizes;
    if (!s->training) return;
    work->loss.logits = reals(l, work->threads * LOSS_ROWS, s->columns);
    work->loss.dp = reals(l, work->threads * s->columns, shape->dim_out);
    work->loss.in_batch = take(l, s->queries, 1, sizeof(double));
    work->loss.random = take(l, s->queries, 1, sizeof(double));
    work->loss.teacher_logits = reals(l, work->threads, s->columns);
    work->loss.teacher = take(l, s->queries, 1, sizeof(double));
}

static layer lay_all(sage_work *work, const sage_model_shape *shape, unsigned char *base) {
    layer l = {.base = base};
    lay_bags(&l, work, shape);
    lay_fold(&l, work, shape);
    lay_encoder(&l, work, shape);
    lay_tower(&l, work, shape);
    lay_loss(&l, work, shape);
    return l;
}

sage_status work_fit(sage_work *work, const sage_model_shape *shape, const batch_sizes *sizes, sage_error *error) {
    work->sizes = *sizes;
    layer l = lay_all(work, shape, NULL);
    if (l.overflow)
        return sage_fail(error, SAGE_E_LIMIT, "model: a batch of %zu products is too large", sizes->products);
    if (l.at > work->capacity) {
        sage_free(work->block);
        /* A quarter more, so that batches of nearly one size settle after the first. */
        work->capacity = 0;
        work->block = sage_alloc_aligned(l.at + l.at / 4);
        if (work->block == NULL) return sage_fail_memory(error, l.at + l.at / 4);
        work->capacity = l.at + l.at / 4;
        sage_huge_pages(work->block, work->capacity);
    }
    lay_all(work, shape, work->block);
    return SAGE_OK;
}

sage_status sage_work_new(sage_pool *pool, sage_work **out, sage_error *error) {
    sage_work *work = sage_alloc_zero(1, sizeof *work);
    if (work == NULL) return sage_fail_memory(error, sizeof *work);
    work->pool = pool;
    work->threads = sage_pool_threads(pool);
    *out = work;
    return SAGE_OK;
}

void sage_work_free(sage_work *work) {
    if (work == NULL) return;
    sage_free(work->block);
    sage_free(work);
}
