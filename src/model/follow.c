/* Towers follow vectors that are given: of the n rows that have one, v,
 *
 *   loss = lambda / n sum (1 - q.v)      dq = -lambda / n v
 *
 * so that a query without a vector of its own comes to lie in the same space. */
#include "pass.h"

static bool is_there(size_t dim, const real *v) {
    for (size_t c = 0; c < dim; c++)
        if (v[c] != 0) return true;
    return false;
}

void follow_loss(const sage_model *model, sage_work *work, const sage_query_batch *queries, real weight,
                 sage_loss *loss) {
    const sage_ops *ops = sage_ops_best();
    size_t o = model->shape.dim_out, n = 0;
    size_t rows = queries->n_texts + queries->n_pictures + queries->n_looked + queries->n_users;
    loss->follow = 0;
    if (queries->follow == NULL || !(weight > 0)) return;
    for (size_t i = 0; i < rows; i++) n += is_there(o, queries->follow + i * o);
    for (size_t i = 0; i < rows; i++) {
        const real *v = queries->follow + i * o;
        if (!is_there(o, v)) continue;
        loss->follow += (1 - (double)ops->dot(o, work->tower.q + i * o, v)) / (double)n;
        ops->axpy(o, -weight / (real)n, v, work->tower.dq + i * o);
    }
    loss->total += (double)weight * loss->follow;
}
