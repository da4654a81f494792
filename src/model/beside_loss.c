/* The loss of the map M of sentences (beside.h). Rows are the texts whose pair has a sentence on both sides, columns
 * the batch's products with one, in-batch and random alike, but for those that are masked:
 *
 *   L_i = logsumexp_j(s y_i . z_j) - s y_i . z_i      y = unit(M x) of the text, z of the product, s = 20
 *   loss = sum_i w_i L_i / sum_i w_i
 *
 * dM = dy^T x + dz^T x, both before their unit. Cut by the batch's sizes alone, as the main loss is. */
#include "beside.h"
#include "pass.h"
#include <base/profile.h>
#include <string.h>

enum { PIECE = 128 };
static const double SCALE = 20; /* fixed; 14 was tried and is worse (MiniLM on homedepot) */

typedef struct beside_job {
    const sage_model *model;
    sage_work *work;
    const sage_query_batch *queries;
    const sage_loss_spec *spec;
    size_t width, columns;
    size_t block, block_end; /* rows of the block */
    double weight_sum;
    real *grad;
} beside_job;

/* Pieces of one size whoever takes them, and however many at once: a library cuts products of other sizes in another
 * way, and their bits would depend on the number of threads. */
typedef struct pieces {
    const beside_job *job;
    size_t size;
    void (*run)(const beside_job *job, size_t begin, size_t end);
} pieces;

static void run_pieces(void *ctx, size_t begin, size_t end, size_t worker) {
    const pieces *p = ctx;
    (void)worker;
    for (size_t at = begin; at < end; at += p->size) p->run(p->job, at, end - at < p->size ? end : at + p->size);
}

static void over(const beside_job *job, size_t n, size_t size, void (*run)(const beside_job *, size_t, size_t)) {
    pieces p = {job, size, run};
    sage_pool_for_dynamic(job->work->pool, n, size, run_pieces, &p);
}

static bool says(const beside_job *job, const real *x) {
    return sage_ops_best()->dot(job->width, x, x) > 0;
}

/* The rows: compacted, so that pairs without sentences cost nothing. */
static void list_rows(beside_job *job) {
    beside_acts *a = &job->work->beside;
    size_t width = job->width;
    a->n = 0;
    for (size_t i = 0; i < job->queries->n_texts; i++) {
        real *x = a->text_x + a->n * width;
        if (!says(job, a->product_x + i * width)) continue;
        beside_texts(&job->model->shape, job->queries, i, 1, x);
        if (!says(job, x)) continue;
        a->row[a->n++] = (uint32_t)i;
        job->weight_sum += loss_weight(job->spec, i);
    }
}

static void map_chunks(const beside_job *job, size_t begin, size_t end, const real *x, real *y, real *inverse) {
    size_t width = job->width;
    sage_weights_forward(job->work->layers->map, end - begin, x + begin * width, width, false, y + begin * width,
                         width);
    unit_rows(end - begin, width, y + begin * width, inverse + begin);
}

static void map_texts(const beside_job *job, size_t begin, size_t end) {
    const beside_acts *a = &job->work->beside;
    map_chunks(job, begin, end, a->text_x, a->text_y, a->text_inverse);
}

static void map_products(const beside_job *job, size_t begin, size_t end) {
    const beside_acts *a = &job->work->beside;
    map_chunks(job, begin, end, a->product_x, a->product_y, a->product_inverse);
}

/* As masked columns are, so is one that says nothing. */
static void hide_mute(const beside_job *job, real *x) {
    for (size_t j = 0; j < job->columns; j++)
        if (job->work->beside.product_inverse[j] == 0) x[j] = LOSS_NEVER;
}

static void rows_back(const beside_job *job, size_t begin, size_t end) {
    const sage_ops *ops = sage_ops_best();
    const beside_acts *a = &job->work->beside;
    size_t width = job->width, columns = job->columns, first = job->block + begin, n = end - begin;
    real *x = job->work->loss.logits + begin * columns, *dy = a->text_dy + first * width;
    sage_gemm(job->work->precision, false, true, n, columns, width, a->text_y + first * width, width, a->product_y,
              width, false, x, columns);
    ops->scale(n * columns, (real)SCALE, x);
    for (size_t i = 0; i < n; i++) {
        size_t pair = a->row[first + i];
        real *row = x + i * columns, positive = row[pair];
        real factor = (real)(loss_weight(job->spec, pair) / job->weight_sum);
        loss_hide(job->spec, job->columns, pair, row);
        hide_mute(job, row);
        a->loss[first + i] = ops->softmax(columns, factor, row) - (double)positive;
        row[pair] -= factor;
    }
    sage_gemm(job->work->precision, false, false, n, width, columns, x, columns, a->product_y, width, false, dy, width);
    ops->scale(n * width, (real)SCALE, dy);
    unit_back(n, width, a->text_y + first * width, a->text_inverse + first, dy);
}

static void columns_back(const beside_job *job, size_t begin, size_t end) {
    const beside_acts *a = &job->work->beside;
    size_t width = job->width;
    sage_gemm(job->work->precision, true, false, end - begin, width, job->block_end - job->block,
              job->work->loss.logits + begin, job->columns, a->text_y + job->block * width, width, job->block > 0,
              a->product_dy + begin * width, width);
}

static void columns_end(const beside_job *job, size_t begin, size_t end) {
    const beside_acts *a = &job->work->beside;
    real *dy = a->product_dy + begin * job->width;
    sage_ops_best()->scale((end - begin) * job->width, (real)SCALE, dy);
    unit_back(end - begin, job->width, a->product_y + begin * job->width, a->product_inverse + begin, dy);
}

static void map_gradient(const beside_job *job, size_t begin, size_t end) {
    const beside_acts *a = &job->work->beside;
    size_t width = job->width;
    real *grad = job->grad + begin * width;
    sage_gemm(job->work->precision, true, false, end - begin, width, a->n, a->text_dy + begin, width, a->text_x, width,
              false, grad, width);
    sage_gemm(job->work->precision, true, false, end - begin, width, job->columns, a->product_dy + begin, width,
              a->product_x, width, true, grad, width);
}

static void back(beside_job *job) {
    const beside_acts *a = &job->work->beside;
    for (; job->block < a->n; job->block = job->block_end) {
        size_t rows = loss_rows_of(a->n - job->block);
        job->block_end = job->block + rows;
        over(job, rows, ROWS, rows_back);
        over(job, job->columns, PIECE, columns_back);
    }
    over(job, job->columns, PIECE, columns_end);
    over(job, job->width, ROWS, map_gradient);
}

double beside_loss(const sage_model *model, sage_work *work, const sage_product_batch *products,
                   const sage_query_batch *queries, const sage_loss_spec *spec, real *grad) {
    static sage_stage stage = SAGE_STAGE("sentences");
    beside_job job = {.model = model,
                      .work = work,
                      .queries = queries,
                      .spec = spec,
                      .width = beside_width(&model->shape),
                      .columns = products->n,
                      .grad = grad};
    beside_acts *a = &work->beside;
    uint64_t began = sage_stage_begin();
    double loss = 0;
    if (queries->sentences == NULL) return 0;
    beside_products(&model->shape, products, 0, products->n, a->product_x);
    list_rows(&job);
    if (a->n == 0 || !(job.weight_sum > 0)) return 0;
    over(&job, a->n, ROWS, map_texts);
    over(&job, job.columns, ROWS, map_products);
    back(&job);
    for (size_t i = 0; i < a->n; i++) loss += loss_weight(spec, a->row[i]) * a->loss[i] / job.weight_sum;
    sage_stage_end(&stage, began, 0, 6 * (uint64_t)job.columns * job.width * (a->n + job.width));
    return loss;
}
