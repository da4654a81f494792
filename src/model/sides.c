/* Both sides of the weights' gradients: how wide they are, and their memory. */
#include "work.h"
#include <string.h>

static bool is_left(side_id id) {
    return id >= SIDE_D_SUM1;
}

enum { OF_PRODUCTS, OF_TEXTS, OF_PICTURES };

static size_t rows_of(side_id id) {
    switch (id) {
    case SIDE_U:
    case SIDE_SEARCH_ACT:
    case SIDE_D_SEARCH_PRE:
    case SIDE_D_Q: return OF_TEXTS;
    case SIDE_PICTURE_U:
    case SIDE_PICTURE_ACT:
    case SIDE_D_PICTURE_PRE:
    case SIDE_D_PICTURE_Q: return OF_PICTURES;
    default: return OF_PRODUCTS;
    }
}

static size_t width_of(const sage_model_shape *s, side_id id) {
    switch (id) {
    case SIDE_FF_ACT:
    case SIDE_D_FF_PRE: return s->dim_ff;
    case SIDE_HEAD_ACT:
    case SIDE_SEARCH_ACT:
    case SIDE_PICTURE_ACT:
    case SIDE_D_HEAD_PRE:
    case SIDE_D_SEARCH_PRE:
    case SIDE_D_PICTURE_PRE: return s->dim_head;
    case SIDE_D_P:
    case SIDE_D_Q:
    case SIDE_D_PICTURE_Q: return s->dim_out;
    case SIDE_U: return tower_width(s, TOWER_SEARCH);
    case SIDE_PICTURE_U: return tower_width(s, TOWER_PICTURE);
    default: return s->dim_model;
    }
}

void sides_free(sage_work *work) {
    for (side_id id = 0; id < SIDES; id++) {
        sage_side_free(work->sides[id]);
        work->sides[id] = NULL;
    }
    memset(work->side_rows, 0, sizeof work->side_rows);
}

sage_status sides_fit(sage_work *work, const sage_model_shape *shape, sage_error *error) {
    sage_status st = SAGE_OK;
    const size_t rows[3] = {work->sizes.products, work->sizes.query_bags, work->sizes.pictures};
    if (memcmp(work->side_rows, rows, sizeof rows) == 0) return SAGE_OK;
    sides_free(work);
    for (side_id id = 0; id < SIDES; id++) {
        size_t its = rows[rows_of(id)];
        if (its > 0)
            SAGE_TRY(sage_side_new(is_left(id), its, width_of(shape, id), work->precision, &work->sides[id], error));
    }
    memcpy(work->side_rows, rows, sizeof rows);
out:
    return st;
}

size_t sides_bytes(const sage_work *work) {
    size_t bytes = 0;
    for (side_id id = 0; id < SIDES; id++) bytes += work->sides[id] != NULL ? sage_side_bytes(work->sides[id]) : 0;
    return bytes;
}

size_t sides_need(const sage_model_shape *shape, const batch_sizes *sizes, sage_precision precision) {
    const size_t rows[3] = {sizes->products, sizes->query_bags, sizes->pictures};
    size_t values = 0;
    for (side_id id = 0; id < SIDES; id++) values += width_of(shape, id) * rows[rows_of(id)];
    return values * sage_precision_size(precision);
}
