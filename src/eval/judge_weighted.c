/* Rows of sums, one a query that has weighted pairs; ratios of their totals are the figures. */
#include <base/alloc.h>
#include <base/error.h>
#include <eval/judge.h>
#include <string.h>

/* Of an entry that counts: over all tasks those of the product's other entries too, which follow it. */
static sage_exposure exposure_of(const sage_judge *judge, size_t entry, size_t end, const sage_judge_which *which) {
    sage_exposure shown = judge->entries[entry].shown;
    for (size_t e = entry + 1; which->task < 0 && e < end && !judge->entries[e].first; e++)
        sage_exposure_join(&shown, &judge->entries[e].shown);
    return shown;
}

typedef struct sums {
    uint64_t pairs, events, clipped;
    double weight, squares;
} sums;

/* What a pair adds: to the first column its weight, to the others its weight where it is a hit at that k. `sign` -1
 * takes hits away and leaves the first column. */
static void add_hits(const sage_judge *judge, size_t list, size_t entry, double weight, double sign, const size_t *k,
                     size_t n_k, double *row) {
    uint32_t rank = judge->ranks[list * judge->n_entries + entry];
    for (size_t j = 0; j < n_k; j++)
        if (rank < k[j]) row[1 + j] += sign * weight;
    if (sign > 0) row[0] += weight;
}

typedef struct table {
    double *weighted, *unweighted; /* [queries][1 + n_k]; unweighted may be NULL */
    size_t n;                      /* queries with weighted pairs, which have the first rows */
    sums all;
} table;

/* Hits of list a, less those of list b where b is another. */
static void fill(const sage_judge *judge, size_t a, size_t b, const sage_judge_which *which, const size_t *k,
                 size_t n_k, table *t) {
    for (size_t q = 0; q < judge->n_queries; q++) {
        double *weighted = t->weighted + t->n * (1 + n_k);
        double *unweighted = t->unweighted != NULL ? t->unweighted + t->n * (1 + n_k) : NULL;
        for (size_t e = judge->begin[q]; e < judge->begin[q + 1]; e++) {
            if (!sage_judge_counts(judge, e, which)) continue;
            sage_exposure shown = exposure_of(judge, e, judge->begin[q + 1], which);
            if (shown.events == 0) continue;
            add_hits(judge, a, e, shown.weight, 1, k, n_k, weighted);
            if (b != a) add_hits(judge, b, e, shown.weight, -1, k, n_k, weighted);
            if (unweighted != NULL) add_hits(judge, a, e, (double)shown.events, 1, k, n_k, unweighted);
            t->all.pairs++;
            t->all.events += shown.events;
            t->all.clipped += shown.clipped;
            t->all.weight += shown.weight;
            t->all.squares += shown.weight * shown.weight;
        }
        t->n += weighted[0] > 0;
    }
}

static bool says_anything(const sage_judge *judge) {
    for (size_t e = 0; e < judge->n_entries; e++)
        if (judge->entries[e].shown.events > 0) return true;
    return false;
}

/* One row more than there are queries, so that there is always one to add to. */
static sage_status make_rows(const sage_judge *judge, size_t n_k, double **rows, sage_error *error) {
    size_t n = judge->n_queries + 1;
    *rows = sage_alloc_zero(n, (1 + n_k) * sizeof **rows);
    return *rows == NULL ? sage_fail_memory(error, n * (1 + n_k) * sizeof **rows) : SAGE_OK;
}

sage_status sage_judge_weighted(const sage_judge *judge, size_t list, const sage_judge_which *which, const size_t *k,
                                size_t n_k, uint64_t seed, sage_eval_weighted *out, sage_error *error) {
    sage_status st = SAGE_OK;
    table t = {0};
    memset(out, 0, sizeof *out);
    if (!says_anything(judge)) return SAGE_OK;
    SAGE_TRY(make_rows(judge, n_k, &t.weighted, error));
    SAGE_TRY(make_rows(judge, n_k, &t.unweighted, error));
    fill(judge, list, list, which, k, n_k, &t);
    SAGE_TRY(sage_eval_metrics_ratios(t.weighted, t.n, n_k, seed, out->recall, error));
    SAGE_TRY(sage_eval_metrics_ratios(t.unweighted, t.n, n_k, seed, out->unweighted, error));
    out->pairs = t.all.pairs;
    out->queries = t.n;
    out->events = t.all.events;
    out->clipped = t.all.clipped;
    out->effective = t.n > 0 ? t.all.weight * t.all.weight / t.all.squares : 0;
out:
    sage_free(t.weighted);
    sage_free(t.unweighted);
    return st;
}

sage_status sage_judge_weighted_difference(const sage_judge *judge, size_t a, size_t b, const sage_judge_which *which,
                                           const size_t *k, size_t n_k, uint64_t seed, uint64_t *pairs,
                                           sage_interval *out, sage_error *error) {
    sage_status st = SAGE_OK;
    table t = {0};
    *pairs = 0;
    memset(out, 0, n_k * sizeof *out);
    if (!says_anything(judge)) return SAGE_OK;
    SAGE_TRY(make_rows(judge, n_k, &t.weighted, error));
    fill(judge, a, b, which, k, n_k, &t);
    SAGE_TRY(sage_eval_metrics_ratios(t.weighted, t.n, n_k, seed, out, error));
    *pairs = t.all.pairs;
out:
    sage_free(t.weighted);
    return st;
}
