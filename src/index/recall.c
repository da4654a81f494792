#include <base/alloc.h>
#include <base/error.h>
#include <index/recall.h>
#include <math.h>
#include <string.h>
#include <time.h>

/* Exact search and walks sum in different orders. */
static const float ROUNDING = 1e-5F;

float sage_recall_bar(float score) {
    return score - ROUNDING * fmaxf(1, fabsf(score));
}

void sage_recall_mean(double sum, double squares, size_t n, double *mean, double *margin) {
    const double count = (double)n;
    *mean = n > 0 ? sum / count : 1;
    const double variance = n > 1 ? fmax(0, squares - sum * *mean) / (count - 1) : 0;
    *margin = n > 0 ? 1.96 * sqrt(variance / count) : 1;
}

static sage_status find_bars(sage_recall_sample *s, sage_pool *pool, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_neighbour *near = sage_alloc((s->n * s->k + 1) * sizeof *near);
    size_t *found = sage_alloc((s->n + 1) * sizeof *found);
    if (near == NULL || found == NULL) {
        st = sage_fail_memory(error, s->n * s->k * sizeof *near);
        goto out;
    }
    SAGE_TRY(sage_index_search(s->index, pool, s->queries, s->n, s->k, near, found, error));
    for (size_t q = 0; q < s->n; q++) s->bar[q] = sage_recall_bar(near[q * s->k + s->k - 1].score);
out:
    sage_free(near);
    sage_free(found);
    return st;
}

static sage_status make_room(const sage_index *index, size_t n, sage_recall_sample *s, sage_error *error) {
    const size_t rows = sage_index_count(index), numbers = n * sage_index_dim(index);
    *s = (sage_recall_sample){.index = index, .n = n, .k = rows < SAGE_RECALL_K ? rows : SAGE_RECALL_K};
    s->queries = sage_alloc_aligned((numbers + 1) * sizeof *s->queries);
    s->bar = sage_alloc((n + 1) * sizeof *s->bar);
    if (s->queries != NULL && s->bar != NULL) return SAGE_OK;
    sage_recall_sample_free(s);
    return sage_fail_memory(error, numbers * sizeof *s->queries);
}

sage_status sage_recall_sample_of(const sage_index *index, sage_pool *pool, const float *queries, size_t n,
                                  sage_recall_sample *sample, sage_error *error) {
    sage_status st = make_room(index, n, sample, error);
    if (st != SAGE_OK) return st;
    memcpy(sample->queries, queries, n * sage_index_dim(index) * sizeof *queries);
    st = find_bars(sample, pool, error);
    if (st != SAGE_OK) sage_recall_sample_free(sample);
    return st;
}

/* The middle of `a` and `b`, as long as `a`, into `a`; where they are opposite it stays. */
static void to_middle(float *a, const float *b, size_t dim) {
    double before = 0, after = 0;
    for (size_t c = 0; c < dim; c++) {
        before += (double)a[c] * a[c];
        after += ((double)a[c] + b[c]) * ((double)a[c] + b[c]);
    }
    if (after <= 0) return;
    for (size_t c = 0; c < dim; c++) a[c] = (float)((a[c] + b[c]) * sqrt(before / after));
}

/* way: NULL for all rows compared. */
static sage_status make_sample(const sage_index *index, sage_pool *pool, size_t n, const sage_way *way,
                               sage_recall_sample *sample, sage_error *error) {
    sage_status st = SAGE_OK;
    const size_t rows = sage_index_count(index), dim = sage_index_dim(index);
    const float *vectors = sage_index_vectors(index);
    sage_neighbour *near = NULL;
    size_t *found = NULL;
    if (n > rows) n = rows;
    st = make_room(index, n, sample, error);
    if (st != SAGE_OK) return st;
    const size_t k = sample->k;
    near = sage_alloc((n * k + 1) * sizeof *near);
    found = sage_alloc((n + 1) * sizeof *found);
    if (near == NULL || found == NULL) {
        st = sage_fail_memory(error, n * k * sizeof *near);
        goto out;
    }
    for (size_t q = 0; q < n; q++)
        memcpy(sample->queries + q * dim, vectors + q * rows / n * dim, dim * sizeof *vectors);
    SAGE_TRY(way == NULL ? sage_index_search(index, pool, sample->queries, n, k, near, found, error)
                         : sage_index_near(index, pool, sample->queries, n, k, way, near, found, error));
    for (size_t q = 0; q < n; q++)
        if (found[q] > 0) to_middle(sample->queries + q * dim, vectors + near[q * k + found[q] - 1].row * dim, dim);
    SAGE_TRY(find_bars(sample, pool, error));
out:
    sage_free(near);
    sage_free(found);
    if (st != SAGE_OK) sage_recall_sample_free(sample);
    return st;
}

sage_status sage_recall_sample_made(const sage_index *index, sage_pool *pool, size_t n, sage_recall_sample *sample,
                                    sage_error *error) {
    return make_sample(index, pool, n, NULL, sample, error);
}

sage_status sage_recall_sample_near(const sage_index *index, sage_pool *pool, size_t n, size_t width,
                                    sage_recall_sample *sample, sage_error *error) {
    const sage_way way = {.width = width};
    return make_sample(index, pool, n, &way, sample, error);
}

void sage_recall_sample_free(sage_recall_sample *sample) {
    sage_free(sample->queries);
    sage_free(sample->bar);
    *sample = (sage_recall_sample){.index = NULL};
}

/* Not the clock's: others may be at work. */
static double thread_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Asks every query; their shares' sum and squares' sum. */
static sage_status ask_all(const sage_recall_sample *sample, size_t width, double *sum, double *squares,
                           sage_error *error) {
    sage_status st = SAGE_OK;
    const size_t k = sample->k, dim = sage_index_dim(sample->index);
    const sage_way way = {.width = width};
    sage_neighbour near[SAGE_RECALL_K];
    *sum = *squares = 0;
    for (size_t q = 0; q < sample->n; q++) {
        size_t found, good = 0;
        SAGE_TRY(sage_index_near(sample->index, NULL, sample->queries + q * dim, 1, k, &way, near, &found, error));
        for (size_t i = 0; i < found; i++) good += near[i].score >= sample->bar[q];
        const double share = k > 0 ? (double)good / (double)k : 1;
        *sum += share;
        *squares += share * share;
    }
out:
    return st;
}

static sage_status measure(const sage_recall_sample *sample, size_t width, int rounds, sage_recall_figure *recall,
                           sage_error *error) {
    sage_status st = SAGE_OK;
    double sum = 0, squares = 0, least = INFINITY;
    for (int round = 0; round < rounds; round++) {
        const double began = thread_seconds();
        SAGE_TRY(ask_all(sample, width, &sum, &squares, error));
        least = fmin(least, thread_seconds() - began);
    }
    *recall = (sage_recall_figure){.width = width, .per_second = least > 0 ? (double)sample->n / least : 0};
    sage_recall_mean(sum, squares, sample->n, &recall->recall, &recall->margin);
out:
    return st;
}

sage_status sage_recall_measure(const sage_recall_sample *sample, size_t width, sage_recall_figure *recall,
                                sage_error *error) {
    return measure(sample, width, 3, recall, error);
}

sage_status sage_recall_ask(const sage_recall_sample *sample, size_t width, sage_recall_figure *recall,
                            sage_error *error) {
    return measure(sample, width, 1, recall, error);
}

sage_status sage_recall_least(const sage_recall_sample *samples, size_t n_samples, size_t width,
                              sage_recall_figure *recall, sage_error *error) {
    sage_status st = SAGE_OK;
    for (size_t i = 0; i < n_samples; i++) {
        sage_recall_figure of;
        SAGE_TRY(sage_recall_measure(&samples[i], width, &of, error));
        if (i == 0 || of.recall < recall->recall) *recall = of;
    }
out:
    return st;
}

static size_t next_width(size_t width) {
    return (width & (width - 1)) == 0 ? width + width / 2 : width / 3 * 4;
}

sage_status sage_recall_choose(const sage_recall_sample *samples, size_t n_samples, double wanted,
                               sage_recall_figure *chosen, sage_recall_figure *tried, size_t *n_tried,
                               sage_error *error) {
    enum { HALVINGS = 2 };
    sage_status st = SAGE_OK;
    sage_recall_figure all[SAGE_RECALL_TRIES], of;
    size_t n = 0;
    for (size_t width = 12;; width = next_width(width)) {
        SAGE_TRY(sage_recall_least(samples, n_samples, width, chosen, error));
        if (chosen->recall >= wanted || width >= SAGE_RECALL_WIDTH_MAX) break;
        all[n++] = *chosen;
    }
    for (int i = 0; i < HALVINGS && n > 0 && chosen->recall >= wanted; i++) {
        SAGE_TRY(sage_recall_least(samples, n_samples, (all[n - 1].width + chosen->width) / 2, &of, error));
        if (of.recall >= wanted)
            *chosen = of;
        else
            all[n++] = of;
    }
    all[n++] = *chosen;
    if (tried != NULL) memcpy(tried, all, n * sizeof *all);
    if (n_tried != NULL) *n_tried = n;
out:
    return st;
}
