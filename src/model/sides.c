/* Both sides of the weights' gradients: how wide they are, and their memory. */
#include "work.h"

static bool is_left(side_id id) {
    return id >= SIDE_D_SUM1;
}

typedef struct side_size {
    size_t rows, width;
} side_size;

static side_size of_products(const sage_model_shape *s, size_t rows, side_id id) {
    switch (id) {
    case SIDE_HEADS:
    case SIDE_Y:
    case SIDE_D_SUM1:
    case SIDE_D_SUM2: return (side_size){rows, is_pooled(s) ? 0 : s->dim_model};
    case SIDE_FF_ACT:
    case SIDE_D_FF_PRE: return (side_size){rows, s->dim_ff};
    case SIDE_HEAD_ACT:
    case SIDE_D_HEAD_PRE: return (side_size){rows, head_hidden(s)};
    case SIDE_D_P: return (side_size){rows, s->dim_out};
    default: return (side_size){rows, head_width(s)};
    }
}

static side_size size_of(const sage_model_shape *s, const batch_sizes *sizes, side_id id) {
    for (tower_id t = 0; t < TOWERS; t++) {
        const tower_sides of = tower_sides_of(t);
        size_t rows = tower_rows(sizes, t);
        if (id == of.u) return (side_size){rows, tower_width(s, t)};
        if (id == of.act || id == of.d_pre) return (side_size){rows, s->dim_head};
        if (id == of.d_q) return (side_size){rows, s->dim_out};
    }
    return of_products(s, sizes->products, id);
}

void sides_free(sage_work *work) {
    for (side_id id = 0; id < SIDES; id++) {
        sage_side_free(work->sides[id]);
        work->sides[id] = NULL;
    }
    work->sides_of = (batch_sizes){.products = 0};
}

static bool same_rows(const batch_sizes *a, const batch_sizes *b) {
    bool same = a->products == b->products;
    for (tower_id t = 0; t < TOWERS; t++) same = same && tower_rows(a, t) == tower_rows(b, t);
    return same;
}

sage_status sides_fit(sage_work *work, const sage_model_shape *shape, sage_error *error) {
    sage_status st = SAGE_OK;
    if (same_rows(&work->sides_of, &work->sizes)) return SAGE_OK;
    sides_free(work);
    for (side_id id = 0; id < SIDES; id++) {
        side_size its = size_of(shape, &work->sizes, id);
        if (its.rows > 0 && its.width > 0)
            SAGE_TRY(sage_side_new(is_left(id), its.rows, its.width, work->precision, &work->sides[id], error));
    }
    work->sides_of = work->sizes;
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
    for (side_id id = 0; id < SIDES; id++) {
        side_size its = size_of(shape, sizes, id);
        values += its.rows * its.width;
    }
    return values * sage_precision_size(precision);
}
