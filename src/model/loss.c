/* Two softmax losses over one block of logits, and a third that follows a teacher (teacher.c). For query i with product
 * i as its positive, columns j of which none is masked:
 *
 *   in-batch   L_i = logsumexp_{j < B}(l_ij - logq_j) - (l_ii - logq_i)
 *   random     R_i = logsumexp_{j in {i, B .. B+R-1}}(l_ij) - l_ii          uniform draws: their correction cancels
 *   l_ij = s q_i . p_j,  s = min(exp(t), 100)
 *   loss = sum_i w_i (L_i + R_i + lambda T_i) / sum_i w_i
 *
 * Either of the two may be left out; or one softmax over all columns takes their place:
 *   concat     C_i = logsumexp_{j < B+R}(l_ij - logq_j) - (l_ii - logq_i)
 *
 * With smoothing eps the target of L and R is (1 - eps) on the positive and eps spread evenly over all columns of that
 * softmax that are not masked.
 *
 * dl_ij = w_i / sum w (softmax - target), of all;  dq_i = s sum_j dl_ij p_j;  dp_j = s sum_i dl_ij q_i;
 * dt = sum_i q_i . dq_i. Past the clamp t keeps the gradient only where a descent step would bring it back.
 *
 * The same once more over prefixes of the vectors, without the teacher (prefix_loss.c).
 *
 * Rows are taken in blocks of LOSS_BLOCK, so that no more than that many rows of logits exist. A block is gone over
 * twice: chunks of its rows become dl and dq; then the sums over its rows are added to pieces of dp. Both are taken by
 * whoever is free, and cut by the batch's sizes alone: the number of threads changes no bit. */
#include "pass.h"
#include <base/profile.h>
#include <math.h>
#include <string.h>

static const double SCALE_MAX = 100;

/* Rows of a chunk and columns of a piece, at most: where the products run at their best. */
enum { CHUNK_ROWS = 64, PIECE_COLUMNS = 128 };

static sage_stage stage = SAGE_STAGE("loss");

typedef struct loss_job {
    sage_work *work;
    const sage_loss_spec *spec;
    loss_sides sides;
    size_t columns, mask_words;
    size_t block, block_end; /* rows of the block */
    size_t chunk, piece;
    real scale;
    double weight_sum;
} loss_job;

static bool masked(const loss_job *job, size_t row, size_t column) {
    const uint64_t *mask = job->spec->mask;
    return mask != NULL && loss_masked(mask + row * job->mask_words, column);
}

/* One softmax over x[0..n), columns from `first` on, target at x[target]; x becomes factor (softmax - target). Returns
 * the loss. Masked columns have been set to -infinity's stand-in. */
static double softmax_back(const loss_job *job, size_t row, size_t first, size_t n, real *x, size_t target,
                           real factor) {
    double eps = (double)job->spec->smoothing, spread = 0;
    size_t allowed = n;
    if (eps > 0) {
        allowed = 0;
        for (size_t j = 0; j < n; j++)
            if (j == target || !masked(job, row, first + j)) {
                spread += (double)x[j];
                allowed++;
            }
    }
    double positive = (double)x[target];
    double loss = sage_ops_best()->softmax(n, factor, x) - (1 - eps) * positive;
    x[target] -= (real)((1 - eps) * (double)factor);
    if (eps > 0) {
        loss -= eps * spread / (double)allowed;
        for (size_t j = 0; j < n; j++)
            if (j == target || !masked(job, row, first + j)) x[j] -= (real)(eps / (double)allowed * (double)factor);
    }
    return loss;
}

void loss_hide(const sage_loss_spec *spec, size_t columns, size_t row, real *x) {
    size_t n_words = (columns + 63) / 64;
    if (spec->mask == NULL) return;
    const uint64_t *words = spec->mask + row * n_words;
    for (size_t w = 0; w < n_words; w++)
        for (uint64_t bits = words[w]; bits != 0; bits &= bits - 1) {
            size_t j = w * 64 + (size_t)__builtin_ctzll(bits);
            if (j < columns && j != row) x[j] = LOSS_NEVER;
        }
}

/* Its positive lies among the in-batch columns. It is put before the random ones for as long as the softmax runs: the
 * column there belongs to the in-batch softmax, which is therefore taken first and that one value kept. */
static double random_back(const loss_job *job, size_t row, real positive, real *x, real factor) {
    const sage_loss_spec *spec = job->spec;
    size_t b = spec->n_pairs;
    real kept = x[b - 1];
    x[b - 1] = positive;
    double loss = softmax_back(job, row, b - 1, spec->n_random + 1, x + b - 1, 0, factor);
    positive = x[b - 1];
    x[b - 1] = kept;
    x[row] += positive;
    return loss;
}

static void softmaxes_of_row(const loss_job *job, size_t row, real *x, real factor) {
    const sage_loss_spec *spec = job->spec;
    loss_acts *l = &job->work->loss;
    bool random = spec->n_random > 0 && spec->softmaxes != SAGE_SOFTMAX_IN_BATCH;
    bool in_batch = spec->n_random == 0 || spec->softmaxes != SAGE_SOFTMAX_RANDOM;
    bool concat = random && spec->softmaxes == SAGE_SOFTMAX_CONCAT;
    size_t b = spec->n_pairs, first = concat ? job->columns : b;
    real positive = x[row];
    l->in_batch[row] = l->random[row] = 0;
    if (in_batch) {
        if (spec->log_q != NULL) sage_ops_best()->axpy(first, -1, spec->log_q, x);
        l->in_batch[row] = softmax_back(job, row, 0, first, x, row, factor);
    } else
        memset(x, 0, b * sizeof(real));
    if (concat) return;
    if (random)
        l->random[row] = random_back(job, row, positive, x, factor);
    else
        memset(x + b, 0, spec->n_random * sizeof(real));
}

static void loss_of_row(const loss_job *job, size_t row, real *x, real *teacher_x) {
    const sage_loss_spec *spec = job->spec;
    loss_acts *l = &job->work->loss;
    double weight = loss_weight(spec, row);
    real factor = (real)(weight / job->weight_sum);
    bool taught = spec->teacher_weight != 0 && spec->teacher_begin[row] < spec->teacher_begin[row + 1];
    loss_hide(spec, job->columns, row, x);
    l->teacher[row] = 0;
    if (taught) memcpy(teacher_x, x, job->columns * sizeof(real));
    softmaxes_of_row(job, row, x, factor);
    if (taught) {
        l->teacher[row] = teacher_back(spec, row, factor * spec->teacher_weight, teacher_x);
        sage_ops_best()->axpy(job->columns, 1, teacher_x, x);
    }
}

/* Logits of rows [begin, end), one chunk, then their gradient in the same place, and dq. */
static void chunk_back(const loss_job *job, size_t begin, size_t end, real *teacher_x) {
    size_t o = job->sides.dim, columns = job->columns, n = end - begin;
    loss_acts *l = &job->work->loss;
    const real *q = job->sides.q + begin * o;
    real *scaled = l->scaled + begin * o, *dq = job->sides.dq + begin * o;
    real *x = l->logits + (begin - job->block) * columns;
    uint64_t began = sage_stage_begin();
    memcpy(scaled, q, n * o * sizeof(real));
    sage_ops_best()->scale(n * o, job->scale, scaled);
    sage_weights_forward(job->sides.products, n, scaled, o, false, x, columns);
    for (size_t i = 0; i < n; i++) loss_of_row(job, begin + i, x + i * columns, teacher_x);
    sage_weights_back(job->sides.products, n, x, columns, false, dq, o);
    sage_ops_best()->scale(n * o, job->scale, dq);
    for (size_t i = 0; i < n; i++) l->dt[begin + i] = (double)sage_ops_best()->dot(o, q + i * o, dq + i * o);
    sage_stage_end(&stage, began, 0, 4 * (uint64_t)n * columns * o);
}

static void rows_back(void *ctx, size_t begin, size_t end, size_t worker) {
    const loss_job *job = ctx;
    real *teacher_x = job->work->loss.teacher_logits + worker * job->columns;
    for (size_t at = begin; at < end; at += job->chunk)
        chunk_back(job, job->block + at, job->block + (end - at < job->chunk ? end : at + job->chunk), teacher_x);
}

static void columns_back(void *ctx, size_t begin, size_t end, size_t worker) {
    const loss_job *job = ctx;
    const loss_acts *l = &job->work->loss;
    size_t o = job->sides.dim, rows = job->block_end - job->block;
    (void)worker;
    for (size_t at = begin; at < end; at += job->piece) {
        size_t n = end - at < job->piece ? end - at : job->piece;
        uint64_t began = sage_stage_begin();
        sage_gemm(job->work->precision, true, false, n, o, rows, l->logits + at, job->columns,
                  l->scaled + job->block * o, o, job->block > 0, job->sides.dp + at * o, o);
        sage_stage_end(&stage, began, 0, 2 * (uint64_t)rows * n * o);
    }
}

/* Small batches make small parts, so that there are enough of them for the workers. */
static size_t part_of(size_t n, size_t most) {
    enum { PARTS = 16, STEP = 16 };
    size_t part = (n / PARTS + STEP - 1) / STEP * STEP;
    return part < STEP ? STEP : part < most ? part : most;
}

static void add_up(const loss_job *job, sage_loss *loss) {
    const sage_loss_spec *spec = job->spec;
    double lambda = (double)spec->teacher_weight;
    *loss = (sage_loss){0};
    for (size_t i = 0; i < spec->n_pairs; i++) {
        double weight = loss_weight(spec, i);
        double in_batch = job->work->loss.in_batch[i], random = job->work->loss.random[i];
        double teacher = job->work->loss.teacher[i];
        loss->in_batch += weight * in_batch / job->weight_sum;
        loss->random += weight * random / job->weight_sum;
        loss->teacher += weight * teacher / job->weight_sum;
        if (spec->task != NULL && spec->task[i] < SAGE_MODEL_TASKS_MAX) {
            loss->task_sum[spec->task[i]] += weight * (in_batch + random + lambda * teacher);
            loss->task_weight[spec->task[i]] += weight;
        }
    }
    loss->total = loss->in_batch + loss->random + lambda * loss->teacher;
}

static double weight_sum(const sage_loss_spec *spec) {
    if (spec->weight == NULL) return (double)spec->n_pairs;
    double sum = 0;
    for (size_t i = 0; i < spec->n_pairs; i++) sum += (double)spec->weight[i];
    return sum > 0 ? sum : 1; /* all weights zero: no loss and no gradient */
}

double loss_between(sage_work *work, const sage_loss_spec *spec, const loss_sides *sides, real scale, sage_loss *loss) {
    size_t columns = spec->n_pairs + spec->n_random;
    loss_job job = {.work = work,
                    .spec = spec,
                    .sides = *sides,
                    .columns = columns,
                    .mask_words = (columns + 63) / 64,
                    .scale = scale,
                    .weight_sum = weight_sum(spec)};
    sage_weights_set(sides->products, sides->p, sides->dim);
    job.chunk = part_of(loss_rows_of(spec->n_pairs), CHUNK_ROWS);
    job.piece = part_of(columns, PIECE_COLUMNS);
    for (; job.block < spec->n_pairs; job.block = job.block_end) {
        size_t rows = loss_rows_of(spec->n_pairs - job.block);
        job.block_end = job.block + rows;
        sage_pool_for_dynamic(work->pool, rows, job.chunk, rows_back, &job);
        if (sides->dp != NULL) sage_pool_for_dynamic(work->pool, columns, job.piece, columns_back, &job);
    }
    add_up(&job, loss);
    double dt = 0;
    for (size_t i = 0; i < spec->n_pairs; i++) dt += work->loss.dt[i];
    return dt;
}

void loss_and_gradient(const sage_model *model, sage_work *work, const sage_loss_spec *spec, real *d_temperature,
                       sage_loss *loss) {
    double t = (double)*par(model, P_TEMPERATURE), scale = exp(t);
    bool clamped = !(scale <= SCALE_MAX);
    bool given = spec->products != NULL;
    loss_sides sides = {.dim = model->shape.dim_out,
                        .q = work->tower.q,
                        .p = given ? spec->products : work->encoder.p,
                        .dq = work->tower.dq,
                        .dp = given ? NULL : work->encoder.dp,
                        .products = work->loss.products};
    real s = (real)(clamped ? SCALE_MAX : scale);
    double dt = loss_between(work, spec, &sides, s, loss);
    for (size_t i = 0; i < spec->n_prefixes; i++) dt += prefix_loss(work, spec, i, &sides, s, loss);
    *d_temperature = (real)(clamped && dt < 0 ? 0 : dt);
}
