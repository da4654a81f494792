#include <base/alloc.h>
#include <base/error.h>
#include <base/rng.h>
#include <eval/metrics.h>
#include <eval/seeds.h>
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

/* What is left out at either end for 95 % over n queries: 2.5 %, less where few queries make resamples too much alike.
 */
static double tail_of(size_t n) {
    if (n < 2) return 0;
    return erfc(sqrt((double)n / (double)(n - 1)) * sage_t975(n - 1) / sqrt(2)) / 2;
}

/* From a figure's resamples of n queries, which are sorted for it. */
static sage_interval interval_of(double value, size_t n, double *samples) {
    double tail = tail_of(n);
    qsort(samples, SAGE_BOOTSTRAP_RESAMPLES, sizeof *samples, ascending);
    return (sage_interval){.value = value,
                           .low = quantile(samples, SAGE_BOOTSTRAP_RESAMPLES, tail),
                           .high = quantile(samples, SAGE_BOOTSTRAP_RESAMPLES, 1 - tail)};
}

/* Adds the rows of one more run to `mean`, each divided by the number of runs, and gives the figures of this run alone,
 * figure f at of_runs[f * n_runs]. `rows` is scratch. */
static size_t add_run(const sage_judged *queries, size_t n, const size_t *k, size_t n_k, size_t n_runs, double *rows,
                      double *mean, double *of_runs) {
    size_t width = 1 + PER_K * n_k, judged = judge_all(queries, n, k, n_k, rows);
    double sum[ROW_MAX] = {0};
    for (size_t i = 0; i < judged; i++) add_row(sum, rows + i * width, width);
    if (judged > 0) divide(sum, n_k, judged);
    for (size_t i = 0; i < judged * width; i++) mean[i] += rows[i] / (double)n_runs;
    for (size_t f = 0; f < PER_K * n_k; f++) of_runs[f * n_runs] = sum[1 + f];
    return judged;
}

/* rows [judged][1 + PER_K * n_k] */
static void fill_row(const double *rows, size_t judged, size_t n_k, uint64_t seed, double *samples,
                     sage_eval_row *row) {
    size_t width = 1 + PER_K * n_k;
    double sum[ROW_MAX] = {0};
    for (size_t i = 0; i < judged; i++) add_row(sum, rows + i * width, width);
    row->queries = judged;
    row->pairs = (uint64_t)(sum[0] + 0.5);
    if (judged > 0) {
        divide(sum, n_k, judged);
        resample(rows, judged, n_k, seed, samples);
    }
    for (size_t j = 0; j < n_k; j++) {
        for (size_t figure = 0; figure < PER_K; figure++) {
            size_t at = j * PER_K + figure;
            *member(row, figure, j) = interval_of(sum[1 + at], judged, samples + at * SAGE_BOOTSTRAP_RESAMPLES);
        }
    }
}

/* of_runs [PER_K * n_k][n_runs] */
static void fill_spread(const double *of_runs, size_t n_runs, size_t n_k, sage_eval_spread *spread) {
    double *const members[PER_K] = {[HITS] = spread->pair_recall,
                                    [RECALL] = spread->query_recall,
                                    [RECIPROCAL] = spread->mrr,
                                    [GAIN] = spread->ndcg};
    for (size_t j = 0; j < n_k; j++)
        for (size_t figure = 0; figure < PER_K; figure++)
            members[figure][j] = sage_standard_deviation(of_runs + (j * PER_K + figure) * n_runs, n_runs);
}

sage_status sage_eval_metrics_runs(const sage_judged *const *runs, size_t n_runs, size_t n, const size_t *k, size_t n_k,
                                   uint64_t seed, sage_eval_row *row, sage_eval_spread *spread, sage_error *error) {
    sage_status st = check(k, n_k, error);
    if (st != SAGE_OK) return st;
    size_t width = 1 + PER_K * n_k, judged = 0;
    double *rows = sage_alloc_zero(n > 0 ? n : 1, width * sizeof *rows);
    double *mean = sage_alloc_zero(n > 0 ? n : 1, width * sizeof *mean);
    double *of_runs = sage_alloc_zero(PER_K * n_k, (n_runs + 1) * sizeof *of_runs);
    double *samples = sage_alloc_zero(PER_K * n_k, SAGE_BOOTSTRAP_RESAMPLES * sizeof *samples);
    if (rows == NULL || mean == NULL || of_runs == NULL || samples == NULL) {
        st = sage_fail_memory(error, 2 * (n + 1) * width * sizeof *rows);
        goto out;
    }
    for (size_t r = 0; r < n_runs; r++) judged = add_run(runs[r], n, k, n_k, n_runs, rows, mean, of_runs + r);
    fill_row(mean, judged, n_k, seed, samples, row);
    if (spread != NULL) fill_spread(of_runs, n_runs, n_k, spread);
out:
    sage_free(samples);
    sage_free(of_runs);
    sage_free(mean);
    sage_free(rows);
    return st;
}

sage_status sage_eval_metrics(const sage_judged *queries, size_t n, const size_t *k, size_t n_k, uint64_t seed,
                              sage_eval_row *row, sage_error *error) {
    return sage_eval_metrics_runs(&queries, 1, n, k, n_k, seed, row, NULL, error);
}

/* ---- one list against another ---- */

static size_t hits_at(const sage_judged *query, size_t k) {
    size_t hits = 0;
    while (hits < query->n_relevant && query->ranks[hits] < k) hits++;
    return hits;
}

/* Adds to rows [n judged][1 + n_k] a query's pairs, and how many more of them a has among the k first than b, both
 * divided by the number of runs. */
static size_t compare_all(const sage_judged *a, const sage_judged *b, size_t n, const size_t *k, size_t n_k,
                          size_t n_runs, double *rows) {
    size_t judged = 0;
    for (size_t i = 0; i < n; i++) {
        if (a[i].n_relevant == 0) continue;
        double *row = rows + judged++ * (1 + n_k);
        row[0] += (double)a[i].n_relevant / (double)n_runs;
        for (size_t j = 0; j < n_k; j++)
            row[1 + j] += ((double)hits_at(&a[i], k[j]) - (double)hits_at(&b[i], k[j])) / (double)n_runs;
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

/* Two-sided: twice the share of resamples on the side of 0 that fewer are on, those at 0 on both; at least what one
 * resample is worth. */
static double p_of(const double *samples) {
    size_t below = 0, above = 0;
    for (size_t b = 0; b < SAGE_BOOTSTRAP_RESAMPLES; b++) {
        below += samples[b] <= 0;
        above += samples[b] >= 0;
    }
    double p = 2.0 * (double)(below < above ? below : above) / SAGE_BOOTSTRAP_RESAMPLES;
    return p > 1 ? 1 : p < 1.0 / SAGE_BOOTSTRAP_RESAMPLES ? 1.0 / SAGE_BOOTSTRAP_RESAMPLES : p;
}

/* p [n_k]: nullable */
static sage_status ratios(const double *rows, size_t n, size_t n_k, uint64_t seed, sage_interval *out, double *p,
                          sage_error *error) {
    size_t width = 1 + n_k;
    double sum[1 + SAGE_EVAL_K_MAX] = {0};
    double *samples = sage_alloc_zero(n_k, SAGE_BOOTSTRAP_RESAMPLES * sizeof *samples);
    if (samples == NULL) return sage_fail_memory(error, n_k * SAGE_BOOTSTRAP_RESAMPLES * sizeof *samples);
    for (size_t i = 0; i < n; i++) add_row(sum, rows + i * width, width);
    if (n > 0) resample_ratios(rows, n, n_k, seed, samples);
    for (size_t j = 0; j < n_k; j++) {
        if (p != NULL) p[j] = p_of(samples + j * SAGE_BOOTSTRAP_RESAMPLES);
        out[j] = interval_of(n > 0 ? sum[1 + j] / sum[0] : 0, n, samples + j * SAGE_BOOTSTRAP_RESAMPLES);
    }
    sage_free(samples);
    return SAGE_OK;
}

sage_status sage_eval_metrics_ratios(const double *rows, size_t n, size_t n_k, uint64_t seed, sage_interval *out,
                                     sage_error *error) {
    return ratios(rows, n, n_k, seed, out, NULL, error);
}

static sage_status compare_runs(const sage_judged *const *a, const sage_judged *const *b, size_t n_runs, size_t n,
                                const size_t *k, size_t n_k, uint64_t seed, sage_interval *difference, double *p,
                                sage_error *error) {
    sage_status st = check(k, n_k, error);
    if (st != SAGE_OK) return st;
    size_t judged = 0;
    double *rows = sage_alloc_zero(n > 0 ? n : 1, (1 + n_k) * sizeof *rows);
    if (rows == NULL) return sage_fail_memory(error, (n + 1) * (1 + n_k) * sizeof *rows);
    for (size_t r = 0; r < n_runs; r++) judged = compare_all(a[r], b[r], n, k, n_k, n_runs, rows);
    st = ratios(rows, judged, n_k, seed, difference, p, error);
    sage_free(rows);
    return st;
}

sage_status sage_eval_metrics_runs_difference(const sage_judged *const *a, const sage_judged *const *b, size_t n_runs,
                                              size_t n, const size_t *k, size_t n_k, uint64_t seed,
                                              sage_interval *difference, sage_error *error) {
    return compare_runs(a, b, n_runs, n, k, n_k, seed, difference, NULL, error);
}

sage_status sage_eval_metrics_difference(const sage_judged *a, const sage_judged *b, size_t n, const size_t *k,
                                         size_t n_k, uint64_t seed, sage_interval *difference, sage_error *error) {
    return sage_eval_metrics_runs_difference(&a, &b, 1, n, k, n_k, seed, difference, error);
}

sage_status sage_eval_metrics_compare(const sage_judged *a, const sage_judged *b, size_t n, const size_t *k, size_t n_k,
                                      uint64_t seed, sage_interval *difference, double *p, sage_error *error) {
    return compare_runs(&a, &b, 1, n, k, n_k, seed, difference, p, error);
}
