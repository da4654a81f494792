/* Where a space of vectors is given, the skips that start as the identity start in it. */
#include "concat.h"
#include <string.h>

uint32_t sage_model_row(const sage_model *model, uint32_t id, size_t k) {
    return hash_row(model, id, k);
}

size_t sage_model_passed(const sage_model_shape *shape) {
    size_t passed = shape->dim_embed;
    if (!is_concat(shape) && shape->dim_model < passed) passed = shape->dim_model;
    if (shape->plain_head && shape->dim_head / 2 < passed) passed = shape->dim_head / 2;
    return passed < shape->dim_out ? passed : shape->dim_out;
}

static void set_skip(real *skip, size_t rows, size_t ld, size_t passed, const real *basis) {
    for (size_t o = 0; o < rows; o++) {
        memset(skip + o * ld, 0, passed * sizeof *skip);
        memcpy(skip + o * ld, basis + o * passed, passed * sizeof *skip);
    }
}

/* Hidden units 2c and 2c + 1 carry number c from the start (init.c). */
static void set_plain_head(sage_model *model, size_t passed, const real *basis) {
    const sage_model_shape *s = &model->shape;
    real *w2 = par(model, P_HEAD2_W);
    for (size_t o = 0; o < s->dim_out; o++) {
        memset(w2 + o * s->dim_head, 0, s->dim_head * sizeof *w2);
        for (size_t c = 0; c < passed; c++) {
            w2[o * s->dim_head + 2 * c] = basis[o * passed + c];
            w2[o * s->dim_head + 2 * c + 1] = -basis[o * passed + c];
        }
    }
}

void sage_model_turn(sage_model *model, size_t passed, const real *basis) {
    const sage_model_shape *s = &model->shape;
    set_skip(par(model, P_SEARCH_SKIP), s->dim_out, tower_width(s, TOWER_SEARCH), passed, basis);
    if (has(model, P_HEAD_SKIP) && is_concat(s))
        concat_turn(model, passed, basis);
    else if (has(model, P_HEAD_SKIP))
        set_skip(par(model, P_HEAD_SKIP), s->dim_out, s->dim_model, passed, basis);
    else
        set_plain_head(model, passed, basis);
}
