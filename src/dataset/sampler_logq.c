/* logQ of the in-batch columns: the log of how often a step is expected to draw the product, q_j = sum over tasks of
 * B_t f_t(j), where f_t(j) is the product's share of the task's pairs, or of the events it draws from; made pairs are a
 * task in which all products are alike, and one in which all pictures are.
 *
 * Where random negatives are columns of the same softmax (concat), a product may come in either way: every column's q
 * is then q_j + R/N, so that each product counts once on average however it came, and a rare one no more than N/R times
 * (the balance heuristic of multiple importance sampling, Veach and Guibas 1995; mixed negatives, Yang et al. 2020). */
#include <base/alloc.h>
#include <base/error.h>
#include <dataset/sampler_impl.h>
#include <math.h>

static bool is_made(size_t source) {
    return source == SAGE_TASK_CATALOGUE || source == SAGE_TASK_PICTURES;
}

static double made_rate(const sage_sampler *s) {
    return (double)(s->tasks[SAGE_TASK_CATALOGUE].rows - s->n_spoken) / (double)s->n_products;
}

/* Of rows made of the catalogue's pictures. */
static double picture_rate(const sage_sampler *s, size_t product) {
    const sage_task_source *task = &s->tasks[SAGE_TASK_PICTURES];
    const uint64_t *begin = s->dataset->image_begin;
    return task->rows == 0 ? 0 : (double)task->rows * (double)(begin[product + 1] - begin[product]) / (double)task->n;
}

static sage_status count_exactly(sage_sampler *s, sage_error *error) {
    s->expected = sage_alloc(s->n_products * sizeof *s->expected);
    double *sum = sage_alloc(s->n_products * sizeof *sum); /* in double: thousands of small shares are added up */
    if (s->expected == NULL || sum == NULL) {
        sage_free(sum);
        return sage_fail_memory(error, s->n_products * sizeof *sum);
    }
    for (size_t j = 0; j < s->n_products; j++) sum[j] = made_rate(s) + picture_rate(s, j);
    for (size_t t = 0; t < SAGE_SOURCES; t++) {
        const sage_task_source *task = &s->tasks[t];
        if (task->rows == 0 || is_made(t)) continue;
        double rate = (double)task->rows / (double)task->n;
        for (size_t i = 0; i < task->n; i++)
            sum[sage_source_product(s, task, i)] +=
                task->weights != NULL ? (double)task->rows * sage_source_share(task, i) : rate;
    }
    for (size_t i = 0; i < s->dataset->n_made && s->n_spoken > 0; i++)
        sum[s->dataset->made_product[i]] += (double)s->n_spoken / (double)s->dataset->n_made;
    for (size_t j = 0; j < s->n_products; j++) s->expected[j] = (float)sum[j];
    sage_free(sum);
    return SAGE_OK;
}

/* A sketch counts events, or, where they are not drawn alike, their shares of the draws in parts of PARTS. */
static const double PARTS = 0x1p31;

static uint32_t sketched_share(const sage_task_source *task, size_t i) {
    return task->weights == NULL ? 1 : (uint32_t)(sage_source_share(task, i) * PARTS + 0.5);
}

static sage_status count_in_sketches(sage_sampler *s, sage_error *error) {
    sage_status st = SAGE_OK;
    for (size_t t = 0; t < SAGE_SOURCES; t++) {
        const sage_task_source *task = &s->tasks[t];
        if (task->rows == 0 || is_made(t)) continue;
        SAGE_TRY(sage_cms_new(s->settings.sketch_depth, s->settings.sketch_width, s->seed + t, &s->sketches[t], error));
        for (size_t i = 0; i < task->n; i++)
            sage_cms_add(s->sketches[t], sage_source_product(s, task, i), sketched_share(task, i));
    }
out:
    return st;
}

sage_status sage_sampler_count(sage_sampler *sampler, sage_error *error) {
    if (sampler->full_catalogue) return SAGE_OK;
    switch (sampler->settings.log_q) {
    case SAGE_LOG_Q_OFF: return SAGE_OK;
    case SAGE_LOG_Q_EXACT: return count_exactly(sampler, error);
    case SAGE_LOG_Q_SKETCH: return count_in_sketches(sampler, error);
    }
    return SAGE_OK;
}

static double expected_by_sketch(const sage_sampler *s, uint32_t product) {
    double expected = made_rate(s) + picture_rate(s, product); /* the dataset's made queries as if of all products */
    expected += (double)s->n_spoken / (double)s->n_products;
    for (size_t t = 0; t < SAGE_SOURCES; t++) {
        if (s->sketches[t] == NULL) continue;
        double all = s->tasks[t].weights != NULL ? PARTS : (double)s->tasks[t].n;
        double share = (double)sage_cms_count(s->sketches[t], product) / all;
        expected += (double)s->tasks[t].rows * share;
    }
    return expected;
}

void sage_sampler_log_q(sage_sampler *sampler) {
    sage_sampler *s = sampler;
    bool none = s->full_catalogue || s->settings.log_q == SAGE_LOG_Q_OFF;
    size_t columns = s->settings.batch + (s->settings.concat ? s->n_random : 0);
    double as_random = s->settings.concat ? (double)s->n_random / (double)s->n_products : 0;
    for (size_t i = 0; i < columns; i++) {
        double expected = 1;
        if (!none) expected = s->expected != NULL ? s->expected[s->product[i]] : expected_by_sketch(s, s->product[i]);
        if (!none) expected += as_random;
        s->log_q[i] = (float)log(expected);
    }
}
