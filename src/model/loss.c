/* Two softmax losses over one block of logits, and a third that follows a teacher (teacher.c). For query i with product
 * i as its positive, columns j of which none is masked:
 *
 *   in-batch   L_i = logsumexp_{j < B}(l_ij - logq_j) - (l_ii - logq_i)
 *   random     R_i = logsumexp_{j in {i, B .. B+R-1}}(l_ij) - l_ii          uniform draws: their correction cancels
 *   l_ij = s q_i . p_j,  s = min(exp(t), 100)
 *   loss = sum_i w_i (L_i + R_i + lambda T_i) / sum_i w_i
 *
 * With smoothing eps the target of L and R is (1 - eps) on the positive and eps spread evenly over all columns of that
 * softmax that are not masked.
 *
 * dl_ij = w_i / sum w (softmax - target), of all;  dq_i = s sum_j dl_ij p_j;  dp_j = s sum_i dl_ij q_i;
 * dt = sum_i q_i . dq_i. Past the clamp t keeps the gradient only where a descent step would bring it back.
 *
 * Rows are taken LOSS_ROWS at a time, so that no more than that many rows of logits exist per worker; dp is summed per
 * worker, then in worker order. */
#include "pass.h"
#include <base/profile.h>
#include <math.h>
#include <string.h>

static const double SCALE_MAX = 100;

typedef struct loss_job {
    const sage_model *model;
    sage_work *work;
    const sage_loss_spec *spec;
    size_t columns, mask_words;
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

static void apply_mask(const loss_job *job, size_t row, real *x) {
    const real never = (real)-1e30;
    if (job->spec->mask == NULL) return;
    const uint64_t *words = job->spec->mask + row * job->mask_words;
    for (size_t w = 0; w < job->mask_words; w++)
        for (uint64_t bits = words[w]; bits != 0; bits &= bits - 1) {
            size_t j = w * 64 + (size_t)__builtin_ctzll(bits);
            if (j < job->columns && j != row) x[j] = never;
        }
}

/* The random softmax's positive lies among the in-batch columns. It is put before the random ones for as long as the
 * softmax runs: the column there belongs to the in-batch softmax, which is therefore taken first and that one value
 * kept. */
static void loss_of_row(const loss_job *job, size_t row, real *x, real *teacher_x) {
    const sage_loss_spec *spec = job->spec;
    loss_acts *l = &job->work->loss;
    size_t b = spec->n_pairs;
    double weight = spec->weight != NULL ? (double)spec->weight[row] : 1;
    real factor = (real)(weight / job->weight_sum), positive = x[row];
    bool taught = spec->teacher_weight != 0 && spec->teacher_begin[row] < spec->teacher_begin[row + 1];
    apply_mask(job, row, x);
    l->in_batch[row] = l->random[row] = l->teacher[row] = 0;
    if (taught) memcpy(teacher_x, x, job->columns * sizeof(real));
    if (spec->in_batch) {
        if (spec->log_q != NULL) sage_ops_best()->axpy(b, -1, spec->log_q, x);
        l->in_batch[row] = softmax_back(job, row, 0, b, x, row, factor);
    } else
        memset(x, 0, b * sizeof(real));
    if (spec->n_random > 0) {
        real kept = x[b - 1];
        x[b - 1] = positive;
        l->random[row] = softmax_back(job, row, b - 1, spec->n_random + 1, x + b - 1, 0, factor);
        positive = x[b - 1];
        x[b - 1] = kept;
        x[row] += positive;
    }
    if (taught) {
        l->teacher[row] = teacher_back(spec, row, factor * spec->teacher_weight, teacher_x);
        sage_ops_best()->axpy(job->columns, 1, teacher_x, x);
    }
}

static void loss_rows(void *ctx, size_t begin, size_t end, size_t worker) {
    static sage_stage stage = SAGE_STAGE("loss");
    const loss_job *job = ctx;
    size_t o = job->model->shape.dim_out, columns = job->columns;
    loss_acts *l = &job->work->loss;
    sage_precision precision = job->work->precision;
    real *dq = job->work->tower.dq, *x = l->logits + worker * loss_rows_of(job->spec->n_pairs) * columns;
    real *dp = l->dp + worker * columns * o, *teacher_x = l->teacher_logits + worker * columns;
    for (size_t at = begin; at < end; at += LOSS_ROWS) {
        size_t n = end - at < LOSS_ROWS ? end - at : LOSS_ROWS;
        const real *q = l->scaled + at * o;
        uint64_t began = sage_stage_begin();
        sage_weights_forward(l->products, n, q, o, false, x, columns);
        for (size_t i = 0; i < n; i++) loss_of_row(job, at + i, x + i * columns, teacher_x);
        sage_weights_back(l->products, n, x, columns, false, dq + at * o, o);
        sage_ops_best()->scale(n * o, job->scale, dq + at * o);
        sage_gemm(precision, true, false, columns, o, n, x, columns, q, o, at != begin, dp, o);
        sage_stage_end(&stage, began, 0, 6 * (uint64_t)n * columns * o);
    }
}

static void sum_dp(void *ctx, size_t begin, size_t end, size_t worker) {
    const loss_job *job = ctx;
    size_t o = job->model->shape.dim_out, used = sage_pool_threads(job->work->pool);
    real *dp = job->work->encoder.dp;
    (void)worker;
    memset(dp + begin * o, 0, (end - begin) * o * sizeof(real));
    for (size_t w = 0; w < used; w++) {
        bool had_rows = sage_pool_cut(job->spec->n_pairs, LOSS_GRAIN, used, w) <
                        sage_pool_cut(job->spec->n_pairs, LOSS_GRAIN, used, w + 1);
        if (had_rows)
            sage_ops_best()->axpy((end - begin) * o, 1, job->work->loss.dp + (w * job->columns + begin) * o,
                                  dp + begin * o);
    }
}

static void add_up(const loss_job *job, sage_loss *loss) {
    const sage_loss_spec *spec = job->spec;
    double lambda = (double)spec->teacher_weight;
    *loss = (sage_loss){0};
    for (size_t i = 0; i < spec->n_pairs; i++) {
        double weight = spec->weight != NULL ? (double)spec->weight[i] : 1;
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

void loss_and_gradient(const sage_model *model, sage_work *work, const sage_loss_spec *spec, real *d_temperature,
                       sage_loss *loss) {
    double t = (double)*par(model, P_TEMPERATURE), scale = exp(t);
    bool clamped = !(scale <= SCALE_MAX);
    size_t o = model->shape.dim_out, columns = spec->n_pairs + spec->n_random;
    loss_job job = {.model = model,
                    .work = work,
                    .spec = spec,
                    .columns = columns,
                    .mask_words = (columns + 63) / 64,
                    .scale = (real)(clamped ? SCALE_MAX : scale),
                    .weight_sum = weight_sum(spec)};
    sage_weights_set(work->loss.products, work->encoder.p, o);
    memcpy(work->loss.scaled, work->tower.q, spec->n_pairs * o * sizeof(real));
    sage_ops_best()->scale(spec->n_pairs * o, job.scale, work->loss.scaled);
    sage_pool_for(work->pool, spec->n_pairs, LOSS_GRAIN, loss_rows, &job);
    sage_pool_for(work->pool, columns, 1, sum_dp, &job);
    add_up(&job, loss);
    double dt = 0;
    for (size_t i = 0; i < spec->n_pairs; i++)
        dt += (double)sage_ops_best()->dot(o, work->tower.q + i * o, work->tower.dq + i * o);
    *d_temperature = (real)(clamped && dt < 0 ? 0 : dt);
}
