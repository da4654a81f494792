/* Vision transformers, forward. */
#include "vit.h"
#include <string.h>

enum { ROWS_AT_ONCE = 400 };

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

static size_t patch_width(const vit *model) {
    return 3 * model->patch * model->patch;
}

size_t vit_at_once(const sage_pretrained *e) {
    const vit *model = e->model;
    return larger(ROWS_AT_ONCE / model->tokens, 1);
}

/* Behind x: the patches of all pictures; then what the stack needs; then what the pooling needs. */
size_t vit_work(const sage_pretrained *e, size_t n, size_t longest) {
    const vit *model = e->model;
    const stack *s = &model->stack;
    size_t rows = stack_rows(n * model->tokens), patches = model->side * model->side * patch_width(model);
    size_t pool = rows * 2 * s->dim + n * (2 * s->dim + s->wide) + sage_attend_scratch(model->tokens, s->dim);
    (void)longest;
    return rows * s->dim + larger(larger(patches, stack_work(s, rows, model->tokens)), model->pool != NULL ? pool : 0);
}

/* to [side^2][3][patch][patch] of pixels [3][size][size]; what is left beyond the last whole patch is not seen. */
static void cut_patches(const vit *model, const float *pixels, real *to) {
    size_t patch = model->patch, size = model->size;
    for (size_t y = 0; y < model->side; y++)
        for (size_t x = 0; x < model->side; x++)
            for (size_t line = 0; line < 3 * patch; line++, to += patch) {
                size_t plane = line / patch, row = y * patch + line % patch;
                memcpy(to, pixels + (plane * size + row) * size + x * patch, patch * sizeof *to);
            }
}

static void embed(const vit *model, size_t n, const float *pixels, real *x, real *work) {
    size_t dim = model->stack.dim, size = model->size, rows = n * model->tokens;
    for (size_t i = 0; i < n; i++) {
        real *tokens = x + i * model->tokens * dim;
        cut_patches(model, pixels + i * 3 * size * size, work);
        memcpy(tokens, model->places, model->tokens * dim * sizeof *tokens);
        sage_weights_forward(model->patches, model->side * model->side, work, patch_width(model), true,
                             tokens + (model->class_token ? dim : 0), dim);
    }
    memset(x + rows * dim, 0, (stack_rows(rows) - rows) * dim * sizeof *x);
    if (model->norm_before)
        sage_ops_best()->row_norm(rows, dim, model->stack.eps, NULL, x, model->before.gain, model->before.bias, x);
}

/* out [n][dim] = h + feed-forward(norm(h)), h the query's attention to x. */
static void pool(const vit *model, size_t n, const real *x, float *out, real *work) {
    const vit_pool *p = model->pool;
    const sage_ops *ops = sage_ops_best();
    size_t dim = model->stack.dim, width = dim / model->stack.heads, tokens = model->tokens;
    real *keys = work, *y = keys + stack_rows(n * tokens) * 2 * dim, *h = y + n * dim, *wide = h + n * dim,
         *scratch = wide + n * model->stack.wide;
    linear_run(&p->keys, stack_rows(n * tokens), x, keys);
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < dim; c += width) {
            const real *k = keys + i * tokens * 2 * dim + c;
            ops->attend(1, tokens, width, p->query + c, k, k + dim, 2 * dim, scratch, y + i * dim + c, dim);
        }
    linear_run(&p->out, n, y, h);
    ops->row_norm(n, dim, model->stack.eps, NULL, h, p->norm.gain, p->norm.bias, y);
    sage_weights_forward(p->up.weights, n, y, dim, false, wide, model->stack.wide);
    activation_run(&model->stack.act, n, model->stack.wide, p->up.bias, wide);
    sage_weights_forward(p->down.weights, n, wide, model->stack.wide, true, h, dim);
    ops->add_row(n, dim, p->down.bias, h);
    memcpy(out, h, n * dim * sizeof *out);
}

void vit_run(const sage_pretrained *e, size_t n, const float *pixels, float *out, real *memory) {
    enum { MOST = ROWS_AT_ONCE };
    const vit *model = e->model;
    size_t dim = model->stack.dim, begin[MOST + 1];
    real *x = memory, *work = memory + stack_rows(n * model->tokens) * dim;
    for (size_t i = 0; i <= n; i++) begin[i] = i * model->tokens;
    embed(model, n, pixels, x, work);
    stack_run(&model->stack, n, begin, model->pool == NULL, x, work);
    if (model->pool != NULL)
        pool(model, n, x, out, work);
    else if (model->projection != NULL)
        sage_weights_forward(model->projection, n, x, dim, false, out, e->info.dim);
    else
        memcpy(out, x, n * dim * sizeof *out);
}
