/* Transformer layers (Vaswani et al. 2017), forward only. */
#include "stack.h"
#include <string.h>

void linear_run(const linear *l, size_t n, const real *x, real *y) {
    sage_weights_forward(l->weights, n, x, l->in, false, y, l->out);
    sage_ops_best()->add_row(n, l->out, l->bias, y);
}

void activation_run(const activation *act, size_t n, size_t dim, const real *bias, real *x) {
    if (act->erf)
        sage_ops_best()->bias_gelu(n, dim, bias, x, x);
    else
        sage_ops_best()->bias_swish(n, dim, bias, act->a, act->b, x);
}

/* What a pass has at hand. */
typedef struct pass {
    const stack *s;
    size_t n, rows;
    const size_t *begin;
    real *x, *y, *wide, *scratch; /* x, y [rows][dim]; wide [rows][3 dim or s->wide] */
    const real *owed;             /* [dim]: a bias that x still lacks, or NULL */
} pass;

static size_t wide_of(const stack *s) {
    return s->wide > 3 * s->dim ? s->wide : 3 * s->dim;
}

size_t stack_work(const stack *s, size_t rows, size_t longest) {
    return rows * (s->dim + wide_of(s)) + sage_attend_scratch(longest, s->dim / s->heads);
}

static void norm(pass *p, const norm_part *part, real *y) {
    sage_ops_best()->row_norm(p->rows, p->s->dim, p->s->eps, p->owed, p->x, part->gain, part->bias, y);
    p->owed = NULL;
}

static size_t row_of(const pass *p, size_t sequence) {
    return p->begin[sequence] - p->begin[0];
}

static void first_rows(pass *p) {
    for (size_t i = 1; i < p->n; i++)
        memmove(p->x + i * p->s->dim, p->x + row_of(p, i) * p->s->dim, p->s->dim * sizeof *p->x);
    p->rows = stack_rows(p->n);
}

/* y = the heads' results side by side; of the first rows alone where `first`. */
static void attend(pass *p, bool first) {
    const sage_ops *ops = sage_ops_best();
    size_t dim = p->s->dim, ld = 3 * dim, width = dim / p->s->heads;
    for (size_t i = 0; i < p->n; i++) {
        size_t tokens = p->begin[i + 1] - p->begin[i];
        const real *q = p->wide + row_of(p, i) * ld;
        real *y = p->y + (first ? i : row_of(p, i)) * dim;
        for (size_t c = 0; c < dim; c += width)
            ops->attend(first ? 1 : tokens, tokens, width, q + c, q + dim + c, q + 2 * dim + c, ld, p->scratch, y + c,
                        dim);
    }
}

static void attention(pass *p, const stack_layer *layer, bool first) {
    size_t dim = p->s->dim;
    const real *x = p->x;
    if (p->s->norm_first) {
        norm(p, &layer->norm1, p->y);
        x = p->y;
    }
    linear_run(&layer->qkv, p->rows, x, p->wide);
    if (first) first_rows(p);
    size_t filled = first ? p->n : row_of(p, p->n);
    memset(p->y + filled * dim, 0, (p->rows - filled) * dim * sizeof *p->y);
    attend(p, first);
    sage_weights_forward(layer->out.weights, p->rows, p->y, dim, true, p->x, dim);
    p->owed = layer->out.bias;
    if (!p->s->norm_first) norm(p, &layer->norm1, p->x);
}

static void feed_forward(pass *p, const stack_layer *layer) {
    const stack *s = p->s;
    const real *x = p->x;
    if (s->norm_first) {
        norm(p, &layer->norm2, p->y);
        x = p->y;
    }
    sage_weights_forward(layer->up.weights, p->rows, x, s->dim, false, p->wide, s->wide);
    activation_run(&s->act, p->rows, s->wide, layer->up.bias, p->wide);
    sage_weights_forward(layer->down.weights, p->rows, p->wide, s->wide, true, p->x, s->dim);
    p->owed = layer->down.bias;
    if (!s->norm_first) norm(p, &layer->norm2, p->x);
}

void stack_run(const stack *s, size_t n, const size_t *begin, bool first_only, real *x, real *work) {
    size_t rows = stack_rows(begin[n] - begin[0]);
    pass p = {.s = s,
              .n = n,
              .rows = rows,
              .begin = begin,
              .x = x,
              .y = work,
              .wide = work + rows * s->dim,
              .scratch = work + rows * (s->dim + wide_of(s))};
    for (size_t l = 0; l < s->layers; l++) {
        attention(&p, &s->layer[l], first_only && l + 1 == s->layers);
        feed_forward(&p, &s->layer[l]);
    }
    if (s->norm_first) norm(&p, &s->final, x);
}
