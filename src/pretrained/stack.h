/* Inside the room: the transformer layers that all families but MobileNet share. */
#ifndef SAGE_PRETRAINED_STACK_H
#define SAGE_PRETRAINED_STACK_H

#include "checkpoint.h"

typedef struct norm_part {
    real *gain, *bias; /* [dim] */
} norm_part;

typedef struct linear {
    sage_weights *weights; /* [out][in] */
    real *bias;            /* [out]; zeros where the model has none */
    size_t out, in;
} linear;

typedef struct activation {
    bool erf; /* GELU by erf; else x sigmoid(a x + b x^3) */
    real a, b;
} activation;

/* One layer. Queries come scaled: rows of q in qkv are divided by the root of a head's width. */
typedef struct stack_layer {
    linear qkv, out, up, down;
    norm_part norm1, norm2; /* norm_first: in front of attention and of the feed-forward part; else behind them */
} stack_layer;

typedef struct stack {
    size_t dim, heads, wide, layers; /* wide: of the feed-forward part */
    bool norm_first;
    activation act;
    real eps;
    stack_layer *layer;
    norm_part final; /* norm_first: of what comes out */
} stack;

/* Where a family keeps its tensors: names relative to a layer's scope, each with ".weight" and ".bias". */
typedef struct stack_names {
    const char *layer; /* a format of the number */
    const char *q, *k, *v, *out, *up, *down, *norm1, *norm2;
    const char *scale1, *scale2; /* whole names of what the two parts' results are multiplied by; or NULL */
} stack_names;

sage_status stack_read(checkpoint *ck, stack *s, const stack_names *names, sage_error *error);
sage_status linear_read(checkpoint *ck, const char *name, size_t out, size_t in, linear *l, sage_error *error);
sage_status norm_read(checkpoint *ck, const char *name, size_t dim, norm_part *norm, sage_error *error);
/* By the name that config.json has for it. */
sage_status activation_named(const checkpoint *ck, const char *name, activation *act, sage_error *error);

enum { STACK_ROWS = 8 }; /* rows are filled up to a multiple, so that few sizes of products do for all */
static inline size_t stack_rows(size_t n) {
    return (n + STACK_ROWS - 1) / STACK_ROWS * STACK_ROWS;
}

/* x [rows][dim], rows = stack_rows(begin[n] - begin[0]), those beyond that number any finite ones; sequence i has the
 * rows [begin[i], begin[i + 1]) - begin[0]. first_only: only the first row of each is asked for, and sequence i's is
 * then row i. work: stack_work(s, rows, longest sequence) reals. */
void stack_run(const stack *s, size_t n, const size_t *begin, bool first_only, real *x, real *work);
size_t stack_work(const stack *s, size_t rows, size_t longest);
/* y = x W^T + bias, y [n][out] dense */
void linear_run(const linear *l, size_t n, const real *x, real *y);
void activation_run(const activation *act, size_t n, size_t dim, const real *bias, real *x);

#endif
