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

static bool allowed(const row_mask *mask, size_t column) {
    return mask->words == NULL || column == mask->row || !loss_masked(mask->words, column);
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
    for (size_t j = 0; j < columns; j++)
        if (allowed(mask, j)) {
            t->allowed++;
            t->logits += (double)x[j];
        }
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
    for (size_t j = 0; j < columns; j++)
        if (allowed(&mask, j)) x[j] -= (real)(t.base * (double)factor);
    for (size_t k = 0; k < t.n; k++)
        if (allowed(&mask, t.column[k]))
            x[t.column[k]] -= (real)((exp((double)t.score[k] - t.max) / t.sum - t.base) * (double)factor);
    return loss;
}
