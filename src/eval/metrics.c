#include <base/alloc.h>
#include <base/error.h>
#include <base/rng.h>
#include <eval/metrics.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A query's contribution: its pairs, then for every k the four sums that the figures are ratios of. A figure of any
 * multiset of queries is then a sum of such rows divided by its number of pairs (pair recall) or of queries (the rest).
 */
enum { HITS, RECALL, RECIPROCAL, GAIN, PER_K };
enum { ROW_MAX = 1 + PER_K * SAGE_EVAL_K_MAX };

static double discount(size_t rank) {
    return 1.0 / log2((double)rank + 2.0);
}

static void judge_at(const sage_judged *query, size_t k, double out[PER_K]) {
    size_t best = query->n_relevant < k ? query->n_relevant : k;
    double gain = 0, ideal = 0;
    size_t hits = 0;
    while (hits < query->n_relevant && query->ranks[hits] < k) gain += discount(query->ranks[hits++]);
    for (size_t i = 0; i < best; i++) ideal += discount(i);
    out[HITS] = (double)hits;
    out[RECALL] = (double)hits / (double)best;
    out[RECIPROCAL] = hits > 0 ? 1.0 / ((double)query->ranks[0] + 1.0) : 0.0;
    out[GAIN] = gain / ideal;
}

/* rows [n judged][1 + PER_K * n_k]; returns how many queries are judged. */
static size_t judge_all(const sage_judged *queries, size_t n, const size_t *k, size_t n_k, double *rows) {
    size_t width = 1 + PER_K * n_k, judged = 0;
    for (size_t i = 0; i < n; i++) {
        if (queries[i].n_relevant == 0) continue;
        double *row = rows + judged++ * width;
        row[0] = (double)queries[i].n_relevant;
        for (size_t j = 0; j < n_k; j++) judge_at(&queries[i], k[j], row + 1 + PER_K * j);
    }
    return judged;
}

static void add_row(double *sum, const double *row, size_t width) {
    for (size_t j = 0; j < width; j++) sum[j] += row[j];
}

/* Sums -> figures, in place: sum[1 + ...] become shares. */
static void divide(double *sum, size_t n_k, size_t n) {
    for (size_t j = 0; j < n_k; j++) {
        double *of_k = sum + 1 + PER_K * j;
        of_k[HITS] /= sum[0];
        for (size_t m = HITS + 1; m < PER_K; m++) of_k[m] /= (double)n;
    }
}

static int ascending(const void *a, const void *b) {
    double x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, size_t n, double p) {
    double at = p * (double)(n - 1);
    size_t below = (size_t)at;
    if (below + 1 >= n) return sorted[n - 1];
    return sorted[below] + (at - (double)below) * (sorted[below + 1] - sorted[below]);
}

static sage_interval *member(sage_eval_row *row, size_t figure, size_t j) {
    switch (figure) {
    case HITS: return &row->pair_recall[j];
    case RECALL: return &row->query_recall[j];
    case RECIPROCAL: return &row->mrr[j];
    default: return &row->ndcg[j];
    }
}

/* samples [PER_K * n_k][RESAMPLES]: the figures of every resample. */
static void resample(const double *rows, size_t n, size_t n_k, uint64_t seed, double *samples) {
    size_t width = 1 + PER_K * n_k;
    for (size_t b = 0; b < SAGE_BOOTSTRAP_RESAMPLES; b++) {
        double sum[ROW_MAX] = {0};
        sage_rng rng;
        sage_rng_seed(&rng, seed, b);
        for (size_t i = 0; i < n; i++) add_row(sum, rows + sage_rng_below(&rng, n) * width, width);
        divide(sum, n_k, n);
        for (size_t j = 0; j < PER_K * n_k; j++) samples[j * SAGE_BOOTSTRAP_RESAMPLES + b] = sum[1 + j];
    }
}

static sage_status check(const size_t *k, size_t n_k, sage_error *error) {
    if (n_k == 0 || n_k > SAGE_EVAL_K_MAX)
        return sage_fail(error, SAGE_E_ARGUMENT, "%zu cut-offs k; 1 to %d can be judged at once", n_k, SAGE_EVAL_K_MAX);
    for (size_t j = 0; j < n_k; j++)
        if (k[j] == 0) return sage_fail(error, SAGE_E_ARGUMENT, "k must be at least 1");
    return SAGE_OK;
}

/* The 2.5 % and 97.5 % quantiles of a figure's resamples, which are sorted for it. */
static sage_interval interval_of(double value, double *samples) {
    qsort(samples, SAGE_BOOTSTRAP_RESAMPLES, sizeof *samples, ascending);
    return (sage_interval){.value = value,
                           .low = quantile(samples, SAGE_BOOTSTRAP_RESAMPLES, 0.025),
                           .high = quantile(samples, SAGE_BOOTSTRAP_RESAMPLES, 0.975)};
}

sage_status sage_metrics(const sage_judged *queries, size_t n, const size_t *k, size_t n_k, uint64_t seed,
                         sage_eval_row *row, sage_error *error) {
    sage_status st = check(k, n_k, error);
    if (st != SAGE_OK) return st;
    size_t width = 1 + PER_K * n_k;
    double *rows = sage_alloc_zero(n > 0 ? n : 1, width * sizeof *rows);
    double *samples = sage_alloc_zero(PER_K * n_k, SAGE_BOOTSTRAP_RESAMPLES * sizeof *samples);
    if (rows == NULL || samples == NULL) {
        st = sage_fail_memory(error, (n + 1) * width * sizeof *rows);
        goto out;
    }
    size_t judged = judge_all(queries, n, k, n_k, rows);
    double sum[ROW_MAX] = {0};
    for (size_t i = 0; i < judged; i++) add_row(sum, rows + i * width, width);
    row->queries = judged;
    row->pairs = (uint64_t)sum[0];
    if (judged > 0) {
        divide(sum, n_k, judged);
        resample(rows, judged, n_k, seed, samples);
    }
    for (size_t j = 0; j < n_k; j++) {
        for (size_t figure = 0; figure < PER_K; figure++) {
            size_t at = j * PER_K + figure;
            *member(row, figure, j) = interval_of(sum[1 + at], samples + at * SAGE_BOOTSTRAP_RESAMPLES);
        }
    }
out:
    sage_free(samples);
    sage_free(rows);
    return st;
}

/* ---- one list against another ---- */

static size_t hits_at(const sage_judged *query, size_t k) {
    size_t hits = 0;
    while (hits < query->n_relevant && query->ranks[hits] < k) hits++;
    return hits;
}

/* rows [n judged][1 + n_k]: a query's pairs, and how many more of them a has among the k first than b. */
static size_t compare_all(const sage_judged *a, const sage_judged *b, size_t n, const size_t *k, size_t n_k,
                          double *rows) {
    size_t judged = 0;
    for (size_t i = 0; i < n; i++) {
        if (a[i].n_relevant == 0) continue;
        double *row = rows + judged++ * (1 + n_k);
        row[0] = (double)a[i].n_relevant;
        for (size_t j = 0; j < n_k; j++) row[1 + j] = (double)hits_at(&a[i], k[j]) - (double)hits_at(&b[i], k[j]);
    }
    return judged;
}

static void resample_ratios(const double *rows, size_t n, size_t n_k, uint64_t seed, double *samples) {
    size_t width = 1 + n_k;
    for (size_t b = 0; b < SAGE_BOOTSTRAP_RESAMPLES; b++) {
        double sum[1 + SAGE_EVAL_K_MAX] = {0};
        sage_rng rng;
        sage_rng_seed(&rng, seed, b);
        for (size_t i = 0; i < n; i++) add_row(sum, rows + sage_rng_below(&rng, n) * width, width);
        for (size_t j = 0; j < n_k; j++) samples[j * SAGE_BOOTSTRAP_RESAMPLES + b] = sum[1 + j] / sum[0];
    }
}

sage_status sage_metrics_ratios(const double *rows, size_t n, size_t n_k, uint64_t seed, sage_interval *out,
                                sage_error *error) {
    size_t width = 1 + n_k;
    double sum[1 + SAGE_EVAL_K_MAX] = {0};
    double *samples = sage_alloc_zero(n_k, SAGE_BOOTSTRAP_RESAMPLES * sizeof *samples);
    if (samples == NULL) return sage_fail_memory(error, n_k * SAGE_BOOTSTRAP_RESAMPLES * sizeof *samples);
    for (size_t i = 0; i < n; i++) add_row(sum, rows + i * width, width);
    if (n > 0) resample_ratios(rows, n, n_k, seed, samples);
    for (size_t j = 0; j < n_k; j++)
        out[j] = interval_of(n > 0 ? sum[1 + j] / sum[0] : 0, samples + j * SAGE_BOOTSTRAP_RESAMPLES);
    sage_free(samples);
    return SAGE_OK;
}

sage_status sage_metrics_difference(const sage_judged *a, const sage_judged *b, size_t n, const size_t *k, size_t n_k,
                                    uint64_t seed, sage_interval *difference, sage_error *error) {
    sage_status st = check(k, n_k, error);
    if (st != SAGE_OK) return st;
    double *rows = sage_alloc_zero(n > 0 ? n : 1, (1 + n_k) * sizeof *rows);
    if (rows == NULL) return sage_fail_memory(error, (n + 1) * (1 + n_k) * sizeof *rows);
    st = sage_metrics_ratios(rows, compare_all(a, b, n, k, n_k, rows), n_k, seed, difference, error);
    sage_free(rows);
    return st;
}
