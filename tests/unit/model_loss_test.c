/* The loss against plain loops, over several blocks of rows too, and its bits for any number of threads. */
#include <base/rng.h>
#include <math.h>
#include <model/pass.h>
#include <stdlib.h>
#include <string.h>
#include <support/test.h>

enum { DIM = 12 };

static real *made(size_t n) {
    real *x = calloc(n > 0 ? n : 1, sizeof *x);
    assert_non_null(x);
    return x;
}

/* ---- a loss's input and output ---- */

typedef struct loss_case {
    size_t pairs, random;
    real *q, *p, *log_q, *weight, *score;
    uint64_t *mask;
    uint32_t *teacher_begin, *column;
    sage_loss_spec spec;
} loss_case;

static void fill(size_t n, double scale, sage_rng *rng, real *x) {
    for (size_t i = 0; i < n; i++) x[i] = (real)(scale * sage_rng_normal(rng));
}

/* The teacher lists two columns of every row but the third; one column in nine is masked. */
static loss_case *case_of(size_t pairs, size_t random, sage_softmaxes softmaxes) {
    loss_case *c = calloc(1, sizeof *c);
    size_t columns = pairs + random, words = (columns + 63) / 64;
    sage_rng rng;
    sage_rng_seed(&rng, pairs, random);
    *c = (loss_case){.pairs = pairs,
                     .random = random,
                     .q = made(pairs * DIM),
                     .p = made(columns * DIM),
                     .log_q = made(columns),
                     .weight = made(pairs),
                     .score = made(2 * pairs),
                     .mask = calloc(pairs * words, sizeof(uint64_t)),
                     .teacher_begin = calloc(pairs + 1, sizeof(uint32_t)),
                     .column = calloc(2 * pairs, sizeof(uint32_t))};
    fill(pairs * DIM, 0.3, &rng, c->q);
    fill(columns * DIM, 0.3, &rng, c->p);
    fill(columns, 1, &rng, c->log_q);
    for (size_t i = 0; i < pairs; i++) {
        uint32_t at = c->teacher_begin[i];
        c->weight[i] = (real)(0.5 + sage_rng_unit(&rng));
        for (size_t j = 0; j < columns; j++)
            if (j != i && sage_rng_below(&rng, 9) == 0) c->mask[i * words + j / 64] |= UINT64_C(1) << j % 64;
        for (size_t k = 0; k < 2 && k < columns && i != 2; k++, at++) {
            c->column[at] = (uint32_t)((i + k) % columns);
            c->score[at] = (real)(3 * sage_rng_unit(&rng));
        }
        c->teacher_begin[i + 1] = at;
    }
    c->spec = (sage_loss_spec){.n_pairs = pairs,
                               .n_random = random,
                               .log_q = c->log_q,
                               .mask = c->mask,
                               .weight = c->weight,
                               .softmaxes = softmaxes,
                               .smoothing = (real)0.1,
                               .teacher_weight = (real)0.7,
                               .teacher_begin = c->teacher_begin,
                               .teacher_column = c->column,
                               .teacher_score = c->score};
    return c;
}

static void case_free(loss_case *c) {
    void *all[] = {c->q, c->p, c->log_q, c->weight, c->score, c->mask, c->teacher_begin, c->column, c};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

typedef struct outcome {
    real *dq, *dp, dt;
    sage_loss loss;
} outcome;

static void outcome_free(outcome *o) {
    free(o->dq);
    free(o->dp);
}

static sage_model *loss_model(void) {
    static const sage_model_shape shape = {.vocab = 10,
                                           .rows = 10,
                                           .hashes = 1,
                                           .dim_embed = 8,
                                           .dim_model = 8,
                                           .heads = 2,
                                           .dim_ff = 8,
                                           .dim_head = 8,
                                           .dim_out = DIM};
    sage_model *model;
    assert_int_equal(sage_model_new(&shape, NULL, NULL, 1, &model, NULL), SAGE_OK);
    *par(model, P_TEMPERATURE) = (real)1.1;
    return model;
}

static outcome outcome_of(const loss_case *c, size_t threads, sage_precision precision) {
    size_t columns = c->pairs + c->random;
    sage_model *model = loss_model();
    sage_pool *pool;
    sage_work *work;
    const batch_sizes sizes = {.products = columns, .queries = c->pairs, .columns = columns, .product_tokens = 1};
    outcome o = {.dq = made(c->pairs * DIM), .dp = made(columns * DIM)};
    assert_int_equal(sage_pool_new(threads, &pool, NULL), SAGE_OK);
    assert_int_equal(sage_work_new(pool, precision, &work, NULL), SAGE_OK);
    assert_int_equal(work_fit(work, &model->shape, &sizes, NULL), SAGE_OK);
    memcpy(work->tower.q, c->q, c->pairs * DIM * sizeof(real));
    memcpy(work->encoder.p, c->p, columns * DIM * sizeof(real));
    for (int again = 0; again < 2; again++) /* the second finds the first's values everywhere */
        loss_and_gradient(model, work, &c->spec, &o.dt, &o.loss);
    memcpy(o.dq, work->tower.dq, c->pairs * DIM * sizeof(real));
    memcpy(o.dp, work->encoder.dp, columns * DIM * sizeof(real));
    sage_work_free(work);
    sage_pool_free(pool);
    sage_model_free(model);
    return o;
}

/* ---- plain loops ---- */

/* One softmax over the columns that `in` names, with target [columns], no logQ in x; dl += factor (softmax - target).
 */
static double plain_softmax(size_t columns, const bool *in, const double *x, const double *target, double factor,
                            double *dl) {
    double sum = 0, loss = 0;
    for (size_t j = 0; j < columns; j++) sum += in[j] ? exp(x[j]) : 0;
    for (size_t j = 0; j < columns; j++) {
        if (!in[j]) continue;
        loss -= target[j] * (x[j] - log(sum));
        dl[j] += factor * (exp(x[j]) / sum - target[j]);
    }
    return loss;
}

static void smoothed(size_t columns, const bool *in, size_t positive, double eps, double *target) {
    size_t n = 0;
    for (size_t j = 0; j < columns; j++) n += in[j];
    for (size_t j = 0; j < columns; j++) target[j] = (in[j] ? eps / (double)n : 0) + (j == positive ? 1 - eps : 0);
}

typedef struct plain_row {
    double *x, *less, *target, *dl; /* logits, without logQ, a target, the gradient */
    bool *in;
} plain_row;

static double plain_loss_of_row(const loss_case *c, size_t i, double factor, plain_row *r) {
    size_t columns = c->pairs + c->random, words = (columns + 63) / 64;
    const sage_loss_spec *s = &c->spec;
    double loss = 0, teacher_sum = 0;
    bool concat = s->softmaxes == SAGE_SOFTMAX_CONCAT;
    for (int random = 0; random < 2; random++) {
        if (random && (c->random == 0 || concat || s->softmaxes == SAGE_SOFTMAX_IN_BATCH)) break;
        if (!random && c->random > 0 && s->softmaxes == SAGE_SOFTMAX_RANDOM) continue;
        for (size_t j = 0; j < columns; j++) {
            r->in[j] = (concat || (random ? j >= c->pairs : j < c->pairs)) && !loss_masked(c->mask + i * words, j);
            r->less[j] = r->x[j] - (random ? 0 : (double)c->log_q[j]);
        }
        r->in[i] = true;
        smoothed(columns, r->in, i, (double)s->smoothing, r->target);
        loss += plain_softmax(columns, r->in, r->less, r->target, factor, r->dl);
    }
    bool taught = false;
    for (size_t j = 0; j < columns; j++) {
        r->in[j] = !loss_masked(c->mask + i * words, j);
        r->target[j] = r->in[j] ? 1 : 0;
    }
    for (size_t k = c->teacher_begin[i]; k < c->teacher_begin[i + 1]; k++) {
        if (!r->in[c->column[k]]) continue;
        r->target[c->column[k]] = exp((double)c->score[k]);
        taught = true;
    }
    if (!taught) return loss;
    for (size_t j = 0; j < columns; j++) teacher_sum += r->target[j];
    for (size_t j = 0; j < columns; j++) r->target[j] /= teacher_sum;
    double lambda = (double)s->teacher_weight;
    return loss + lambda * plain_softmax(columns, r->in, r->x, r->target, factor * lambda, r->dl);
}

static void close_to(const char *what, double wanted, double got) {
    if (!(fabs(wanted - got) < 2e-5 * (1 + fabs(wanted)))) fail_msg("%s is %.9g, not %.9g", what, got, wanted);
}

static void loss_is_the_plain_one(size_t pairs, size_t random, sage_softmaxes softmaxes) {
    size_t columns = pairs + random;
    loss_case *c = case_of(pairs, random, softmaxes);
    double scale = exp((double)(real)1.1), total = 0, weights = 0, dt = 0;
    double *dp = calloc(columns * DIM, sizeof *dp), *row = calloc(4 * columns, sizeof *row);
    plain_row r = {row, row + columns, row + 2 * columns, row + 3 * columns, calloc(columns, sizeof(bool))};
    outcome got = outcome_of(c, 2, SAGE_PRECISION_F32);
    for (size_t i = 0; i < pairs; i++) weights += (double)c->weight[i];
    for (size_t i = 0; i < pairs; i++) {
        double dq[DIM] = {0};
        memset(row, 0, 4 * columns * sizeof *row);
        for (size_t j = 0; j < columns; j++)
            for (size_t k = 0; k < DIM; k++) r.x[j] += scale * (double)c->q[i * DIM + k] * (double)c->p[j * DIM + k];
        total += (double)c->weight[i] / weights * plain_loss_of_row(c, i, (double)c->weight[i] / weights, &r);
        for (size_t j = 0; j < columns; j++) {
            dt += r.dl[j] * r.x[j];
            for (size_t k = 0; k < DIM; k++) {
                dq[k] += scale * r.dl[j] * (double)c->p[j * DIM + k];
                dp[j * DIM + k] += scale * r.dl[j] * (double)c->q[i * DIM + k];
            }
        }
        /* gradients of a row are as small as its share: judged beside it */
        for (size_t k = 0; k < DIM; k++)
            close_to("dq", dq[k] * (double)pairs, (double)got.dq[i * DIM + k] * (double)pairs);
    }
    for (size_t at = 0; at < columns * DIM; at++)
        close_to("dp", dp[at] * (double)pairs, (double)got.dp[at] * (double)pairs);
    close_to("dt", dt, (double)got.dt);
    close_to("the loss", total, got.loss.total);
    outcome_free(&got);
    case_free(c);
    free(dp);
    free(row);
    free(r.in);
}

static void one_pair_or_many_blocks(void **state) {
    (void)state;
    loss_is_the_plain_one(1, 0, SAGE_SOFTMAX_BOTH);
    loss_is_the_plain_one(1, 3, SAGE_SOFTMAX_BOTH);
    loss_is_the_plain_one(19, 0, SAGE_SOFTMAX_BOTH);
    loss_is_the_plain_one(70, 9, SAGE_SOFTMAX_BOTH);
    loss_is_the_plain_one(LOSS_BLOCK + 37, 30, SAGE_SOFTMAX_BOTH); /* a last block of few rows */
}

static void one_of_the_two_or_both_in_one(void **state) {
    (void)state;
    loss_is_the_plain_one(70, 9, SAGE_SOFTMAX_IN_BATCH);
    loss_is_the_plain_one(70, 9, SAGE_SOFTMAX_RANDOM);
    loss_is_the_plain_one(70, 9, SAGE_SOFTMAX_CONCAT);
    loss_is_the_plain_one(1, 3, SAGE_SOFTMAX_CONCAT);
    loss_is_the_plain_one(19, 0, SAGE_SOFTMAX_RANDOM); /* there is nothing else than in-batch */
    loss_is_the_plain_one(19, 0, SAGE_SOFTMAX_CONCAT);
    loss_is_the_plain_one(LOSS_BLOCK + 37, 30, SAGE_SOFTMAX_CONCAT);
}

static void threads_change_no_bit(void **state) {
    static const size_t sizes[][2] = {{1, 0}, {40, 100}, {LOSS_BLOCK + 100, 50}, {40, 30}};
    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (sage_precision precision = SAGE_PRECISION_F32; precision <= SAGE_PRECISION_BF16; precision++) {
            loss_case *c = case_of(sizes[s][0], sizes[s][1], (sage_softmaxes)s);
            outcome alone = outcome_of(c, 1, precision);
            for (size_t threads = 2; threads <= 4; threads++) {
                outcome o = outcome_of(c, threads, precision);
                assert_memory_equal(&alone.loss, &o.loss, sizeof o.loss);
                assert_memory_equal(&alone.dt, &o.dt, sizeof o.dt);
                assert_memory_equal(alone.dq, o.dq, c->pairs * DIM * sizeof(real));
                assert_memory_equal(alone.dp, o.dp, (c->pairs + c->random) * DIM * sizeof(real));
                outcome_free(&o);
            }
            outcome_free(&alone);
            case_free(c);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_pair_or_many_blocks),
        cmocka_unit_test(one_of_the_two_or_both_in_one),
        cmocka_unit_test(threads_change_no_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
