/* The term that follows a teacher (Hinton et al. 2015): over all columns j of a row that are not masked,
 *
 *   T = - sum_j t_j log softmax_j(l),   t = softmax(teacher's scores),   dl = softmax(l) - t
 *
 * Most columns score 0 and share one probability, base: T = logsumexp(l) - base sum_j l_j - sum_listed (t_j - base)
 * l_j, so that only listed columns need an exponential of the teacher's. No logQ: the teacher says what fits, not what
 * is drawn. */
#include "pass.h"
#include <math.h>
#include <string.h>

typedef struct target {
    const uint32_t *column;
    const real *score;
    size_t n;         /* listed */
    size_t allowed;   /* columns that are not masked */
    double max, base; /* highest score; probability of a column that is not listed */
    double sum;       /* of exp(score - max) over the allowed columns */
    double logits;    /* sum of the allowed columns' */
} target;

typedef struct row_mask {
    const uint64_t *words; /* NULL: none */
    size_t row;            /* its own column is never masked */
} row_mask;

/* Bits of columns 64 w .. 64 w + 63 that are masked. */
static uint64_t masked_bits(const row_mask *mask, size_t w) {
    if (mask->words == NULL) return 0;
    return w == mask->row / 64 ? mask->words[w] & ~(UINT64_C(1) << mask->row % 64) : mask->words[w];
}

static bool allowed(const row_mask *mask, size_t column) {
    return (masked_bits(mask, column / 64) >> column % 64 & 1) == 0;
}

/* Counts the allowed columns and adds up their logits, 64 at a time where none of them is masked, as most are. */
static void sum_allowed(const row_mask *mask, size_t columns, const real *x, target *t) {
    double sum[4] = {0};
    for (size_t begin = 0; begin < columns; begin += 64) {
        size_t end = columns - begin < 64 ? columns : begin + 64, j = begin;
        uint64_t bits = masked_bits(mask, begin / 64);
        t->allowed += end - begin;
        if (bits == 0)
            for (; j + 4 <= end; j += 4)
                for (size_t k = 0; k < 4; k++) sum[k] += (double)x[j + k];
        for (; j < end; j++) {
            bool masked = bits >> (j - begin) & 1;
            t->allowed -= masked;
            sum[0] += masked ? 0 : (double)x[j];
        }
    }
    t->logits = sum[0] + sum[1] + (sum[2] + sum[3]);
}

/* What the columns that are not listed lose; masked ones stay as they are, zero. */
static void subtract_base(const row_mask *mask, size_t columns, real base, real *x) {
    for (size_t j = 0; j < columns; j++) x[j] -= base;
    for (size_t w = 0; mask->words != NULL && w * 64 < columns; w++)
        for (uint64_t bits = masked_bits(mask, w); bits != 0; bits &= bits - 1) {
            size_t j = w * 64 + (size_t)__builtin_ctzll(bits);
            if (j < columns) x[j] = 0;
        }
}

/* False where no listed column is allowed. */
static bool find_target(const row_mask *mask, size_t columns, const real *x, target *t) {
    size_t listed = 0;
    t->max = 0; /* of the columns that are not listed */
    for (size_t k = 0; k < t->n; k++)
        if (allowed(mask, t->column[k])) {
            listed++;
            t->max = fmax(t->max, (double)t->score[k]);
        }
    if (listed == 0) return false;
    sum_allowed(mask, columns, x, t);
    t->sum = (double)(t->allowed - listed) * exp(-t->max);
    for (size_t k = 0; k < t->n; k++)
        if (allowed(mask, t->column[k])) t->sum += exp((double)t->score[k] - t->max);
    t->base = exp(-t->max) / t->sum;
    return true;
}

double teacher_back(const sage_loss_spec *spec, size_t row, real factor, real *x) {
    size_t columns = spec->n_pairs + spec->n_random, begin = spec->teacher_begin[row];
    row_mask mask = {spec->mask == NULL ? NULL : spec->mask + row * ((columns + 63) / 64), row};
    target t = {spec->teacher_column + begin, spec->teacher_score + begin, spec->teacher_begin[row + 1] - begin};
    if (!find_target(&mask, columns, x, &t)) {
        memset(x, 0, columns * sizeof *x);
        return 0;
    }
    double expected = t.base * t.logits;
    for (size_t k = 0; k < t.n; k++)
        if (allowed(&mask, t.column[k]))
            expected += (exp((double)t.score[k] - t.max) / t.sum - t.base) * (double)x[t.column[k]];
    double loss = sage_ops_best()->softmax(columns, factor, x) - expected;
    subtract_base(&mask, columns, (real)(t.base * (double)factor), x);
    for (size_t k = 0; k < t.n; k++)
        if (allowed(&mask, t.column[k]))
            x[t.column[k]] -= (real)((exp((double)t.score[k] - t.max) / t.sum - t.base) * (double)factor);
    return loss;
}
