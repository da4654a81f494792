/* Matryoshka representation learning (Kusupati et al. 2022): the first m numbers of all vectors, each brought back to
 * length 1, are to rank as the whole vectors do. Of every length the loss of loss.c without its teacher, at the same
 * temperature, times one weight.
 *
 *   q' = q[0..m) / |q[0..m)|, p' likewise;   dq[0..m) += w (dq' - (dq' . q') q') / |q[0..m)|
 *
 * Rows are independent of each other, so the number of threads changes no bit. */
#include "pass.h"
#include <string.h>

enum { GRAIN = 64 };

typedef struct prefix_job {
    size_t whole, dim; /* of a vector */
    const real *from;  /* [..][whole] */
    real *unit, *inverse;
    real *d;    /* [..][dim], gradients of unit */
    real *into; /* [..][whole] */
    real weight;
} prefix_job;

static void cut(void *ctx, size_t begin, size_t end, size_t worker) {
    const prefix_job *job = ctx;
    (void)worker;
    for (size_t i = begin; i < end; i++)
        memcpy(job->unit + i * job->dim, job->from + i * job->whole, job->dim * sizeof(real));
    unit_rows(end - begin, job->dim, job->unit + begin * job->dim, job->inverse + begin);
}

static void cut_back(void *ctx, size_t begin, size_t end, size_t worker) {
    const prefix_job *job = ctx;
    (void)worker;
    unit_back(end - begin, job->dim, job->unit + begin * job->dim, job->inverse + begin, job->d + begin * job->dim);
    for (size_t i = begin; i < end; i++)
        sage_ops_best()->axpy(job->dim, job->weight, job->d + i * job->dim, job->into + i * job->whole);
}

double prefix_loss(sage_work *work, const sage_loss_spec *spec, size_t number, const loss_sides *whole, real scale,
                   sage_loss *loss) {
    const prefix_acts *a = &work->prefixes;
    size_t dim = spec->prefixes[number], columns = spec->n_pairs + spec->n_random;
    prefix_job q = {whole->dim, dim, whole->q, a->q, a->q_inverse, a->dq, whole->dq, spec->prefix_weight};
    prefix_job p = {whole->dim, dim, whole->p, a->p, a->p_inverse, a->dp, whole->dp, spec->prefix_weight};
    loss_sides sides = {.dim = dim,
                        .q = a->q,
                        .p = a->p,
                        .dq = a->dq,
                        .dp = whole->dp != NULL ? a->dp : NULL,
                        .products = work->prefix_products[number]};
    sage_loss_spec its = *spec;
    sage_loss of_prefix;
    its.teacher_weight = 0;
    sage_pool_for(work->pool, spec->n_pairs, GRAIN, cut, &q);
    sage_pool_for(work->pool, columns, GRAIN, cut, &p);
    double dt = loss_between(work, &its, &sides, scale, &of_prefix);
    sage_pool_for(work->pool, spec->n_pairs, GRAIN, cut_back, &q);
    if (sides.dp != NULL) sage_pool_for(work->pool, columns, GRAIN, cut_back, &p);
    loss->prefixes += (double)spec->prefix_weight * of_prefix.total;
    loss->total += (double)spec->prefix_weight * of_prefix.total;
    return (double)spec->prefix_weight * dt;
}
