/* Both sides of the weights' gradients: how wide they are, and their memory. */
#include "work.h"

static bool is_left(side_id id) {
    return id >= SIDE_D_SUM1;
}

static bool is_of_queries(side_id id) {
    return id == SIDE_U || id == SIDE_SEARCH_ACT || id == SIDE_D_SEARCH_PRE || id == SIDE_D_Q;
}

static size_t width_of(const sage_model_shape *s, side_id id) {
    switch (id) {
    case SIDE_FF_ACT:
    case SIDE_D_FF_PRE: return s->dim_ff;
    case SIDE_HEAD_ACT:
    case SIDE_SEARCH_ACT:
    case SIDE_D_HEAD_PRE:
    case SIDE_D_SEARCH_PRE: return s->dim_head;
    case SIDE_D_P:
    case SIDE_D_Q: return s->dim_out;
    case SIDE_U: return s->dim_embed;
    default: return s->dim_model;
    }
}

void sides_free(sage_work *work) {
    for (side_id id = 0; id < SIDES; id++) {
        sage_side_free(work->sides[id]);
        work->sides[id] = NULL;
    }
    work->side_rows[0] = work->side_rows[1] = 0;
}

sage_status sides_fit(sage_work *work, const sage_model_shape *shape, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t rows[2] = {work->sizes.products, work->sizes.query_bags};
    if (work->side_rows[0] == rows[0] && work->side_rows[1] == rows[1]) return SAGE_OK;
    sides_free(work);
    for (side_id id = 0; id < SIDES; id++) {
        size_t its = rows[is_of_queries(id)];
        if (its > 0)
            SAGE_TRY(sage_side_new(is_left(id), its, width_of(shape, id), work->precision, &work->sides[id], error));
    }
    work->side_rows[0] = rows[0];
    work->side_rows[1] = rows[1];
out:
    return st;
}

size_t sides_bytes(const sage_work *work) {
    size_t bytes = 0;
    for (side_id id = 0; id < SIDES; id++) bytes += work->sides[id] != NULL ? sage_side_bytes(work->sides[id]) : 0;
    return bytes;
}

size_t sides_need(const sage_model_shape *shape, const batch_sizes *sizes, sage_precision precision) {
    size_t values = 0;
    for (side_id id = 0; id < SIDES; id++)
        values += width_of(shape, id) * (is_of_queries(id) ? sizes->query_bags : sizes->products);
    return values * sage_precision_size(precision);
}
