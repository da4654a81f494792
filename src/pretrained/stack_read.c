/* Transformer layers out of a checkpoint. */
#include "stack.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NAME = 100 };

static const char *joined(char out[NAME], const char *name, const char *end) {
    snprintf(out, NAME, "%s%s", name, end);
    return out;
}

static checkpoint_shape vector_of(size_t dim) {
    return (checkpoint_shape){1, {dim}};
}

static checkpoint_shape matrix_of(size_t out, size_t in) {
    return (checkpoint_shape){2, {out, in}};
}

/* Older files of BERT call gain and bias gamma and beta. */
sage_status norm_read(checkpoint *ck, const char *name, size_t dim, norm_part *norm, sage_error *error) {
    char gain[NAME], bias[NAME];
    bool old = !checkpoint_has(ck, joined(gain, name, ".weight")) && checkpoint_has(ck, joined(bias, name, ".gamma"));
    sage_status st =
        checkpoint_keep(ck, joined(gain, name, old ? ".gamma" : ".weight"), vector_of(dim), &norm->gain, error);
    if (st != SAGE_OK) return st;
    return checkpoint_keep(ck, joined(bias, name, old ? ".beta" : ".bias"), vector_of(dim), &norm->bias, error);
}

/* Matrices of the same width one below the other as one. The first of them is multiplied by `scale`, and row i of all
 * by `by`[i] where it is there. */
static sage_status read_below(checkpoint *ck, const char *const *names, size_t n, size_t out, size_t in, real scale,
                              const real *by, linear *l, sage_error *error) {
    sage_status st = SAGE_OK;
    char name[NAME];
    real *stacked;
    const real *values;
    l->out = n * out;
    l->in = in;
    SAGE_TRY(checkpoint_reals(ck, n * out, &l->bias, error));
    SAGE_TRY(checkpoint_stacked(ck, n * out * in, &stacked, error));
    for (size_t k = 0; k < n; k++) {
        SAGE_TRY(checkpoint_values(ck, joined(name, names[k], ".weight"), matrix_of(out, in), &values, error));
        memcpy(stacked + k * out * in, values, out * in * sizeof *values);
        SAGE_TRY(checkpoint_values(ck, joined(name, names[k], ".bias"), vector_of(out), &values, error));
        memcpy(l->bias + k * out, values, out * sizeof *values);
    }
    for (size_t i = 0; i < n * out; i++) {
        real factor = (i < out ? scale : 1) * (by != NULL ? by[i] : 1);
        l->bias[i] *= factor;
        for (size_t j = 0; factor != 1 && j < in; j++) stacked[i * in + j] *= factor;
    }
    st = checkpoint_matrix(ck, n * out, in, stacked, &l->weights, error);
out:
    return st;
}

sage_status linear_read(checkpoint *ck, const char *name, size_t out, size_t in, linear *l, sage_error *error) {
    return read_below(ck, &name, 1, out, in, 1, NULL, l, error);
}

static sage_status read_scale(checkpoint *ck, const char *name, size_t dim, const real **scale, sage_error *error) {
    real *kept = NULL;
    sage_status st = name != NULL ? checkpoint_keep(ck, name, vector_of(dim), &kept, error) : SAGE_OK;
    *scale = kept;
    return st;
}

static sage_status read_layer(checkpoint *ck, const stack *s, const stack_names *names, stack_layer *layer,
                              sage_error *error) {
    sage_status st = SAGE_OK;
    const char *const qkv[] = {names->q, names->k, names->v};
    const real *scale;
    real query = 1 / (real)sqrt((double)(s->dim / s->heads));
    SAGE_TRY(read_below(ck, qkv, 3, s->dim, s->dim, query, NULL, &layer->qkv, error));
    SAGE_TRY(read_scale(ck, names->scale1, s->dim, &scale, error));
    SAGE_TRY(read_below(ck, &names->out, 1, s->dim, s->dim, 1, scale, &layer->out, error));
    SAGE_TRY(norm_read(ck, names->norm1, s->dim, &layer->norm1, error));
    SAGE_TRY(linear_read(ck, names->up, s->wide, s->dim, &layer->up, error));
    SAGE_TRY(read_scale(ck, names->scale2, s->dim, &scale, error));
    SAGE_TRY(read_below(ck, &names->down, 1, s->dim, s->wide, 1, scale, &layer->down, error));
    SAGE_TRY(norm_read(ck, names->norm2, s->dim, &layer->norm2, error));
out:
    return st;
}

sage_status stack_read(checkpoint *ck, stack *s, const stack_names *names, sage_error *error) {
    sage_status st = SAGE_OK;
    if (s->dim % s->heads != 0)
        return checkpoint_refuse(ck, error, "a width of %zu cannot be cut into %zu heads", s->dim, s->heads);
    s->layer = sage_arena_get(ck->arena, s->layers * sizeof *s->layer);
    if (s->layer == NULL) return sage_fail_memory(error, s->layers * sizeof *s->layer);
    for (size_t i = 0; i < s->layers && st == SAGE_OK; i++) {
        snprintf(ck->scope, sizeof ck->scope, "%s%zu.", names->layer, i);
        st = read_layer(ck, s, names, &s->layer[i], error);
    }
    ck->scope[0] = '\0';
    return st;
}

sage_status activation_named(const checkpoint *ck, const char *name, activation *act, sage_error *error) {
    static const struct {
        const char *name;
        activation act;
    } known[] = {{"gelu", {.erf = true}},
                 {"gelu_python", {.erf = true}},
                 {"quick_gelu", {.a = (real)1.702}},
                 /* 2 sqrt(2/pi) (x + 0.044715 x^3): twice what tanh is taken of */
                 {"gelu_pytorch_tanh", {.a = (real)1.5957691216057308, .b = (real)0.07135481627159896}},
                 {"gelu_new", {.a = (real)1.5957691216057308, .b = (real)0.07135481627159896}},
                 {"gelu_fast", {.a = (real)1.5957691216057308, .b = (real)0.07135481627159896}}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, name) == 0) {
            *act = known[i].act;
            return SAGE_OK;
        }
    return checkpoint_refuse(ck, error,
                             "the activation \"%.40s\" is not known; gelu, quick_gelu and gelu_pytorch_tanh are", name);
}
