#include <base/error.h>
#include <eval/look.h>
#include <math.h>
#include <stdio.h>

enum { SEED = 1 }; /* that of the rows: comparisons agree with their differences */

static const sage_judge_which all = {.name = "all", .task = -1};

static sage_status compare(const sage_text_trial *trial, size_t a, size_t b, const size_t *k, size_t n_k,
                           sage_comparison *out, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_judge *judge = &trial->judge;
    sage_chosen of_a, of_b = {0};
    snprintf(out->method, sizeof out->method, "%s", trial->methods[a]);
    snprintf(out->against, sizeof out->against, "%s", trial->methods[b]);
    snprintf(out->task, sizeof out->task, "%s", all.name);
    SAGE_TRY(sage_judge_choose(judge, judge->ranks + a * judge->n_entries, &all, &of_a, error));
    SAGE_TRY(sage_judge_choose(judge, judge->ranks + b * judge->n_entries, &all, &of_b, error));
    SAGE_TRY(
        sage_eval_metrics_compare(of_a.queries, of_b.queries, of_a.n, k, n_k, SEED, out->difference, out->p, error));
out:
    sage_chosen_free(&of_b);
    sage_chosen_free(&of_a);
    return st;
}

sage_status sage_compare_methods(const sage_text_trial *trial, const size_t *k, size_t n_k, sage_comparison *out,
                                 size_t *n, sage_error *error) {
    static const size_t leading[] = {SAGE_HYBRID, SAGE_VECTORS, SAGE_KEYWORDS};
    sage_status st = SAGE_OK;
    *n = 0;
    for (size_t i = 0; i < trial->n_methods; i++)
        for (size_t j = i + 1; j < trial->n_methods && *n < SAGE_COMPARISONS_MAX; j++)
            SAGE_TRY(compare(trial, i < SAGE_METHODS ? leading[i] : i, j < SAGE_METHODS ? leading[j] : j, k, n_k,
                             &out[(*n)++], error));
out:
    return st;
}

void sage_curve_of(const sage_judge *judge, size_t list, const sage_judge_which *which, size_t depth,
                   double recall[SAGE_CURVE_POINTS]) {
    const uint32_t *ranks = judge->ranks + list * judge->n_entries;
    uint64_t at[SAGE_CURVE_POINTS] = {0}, pairs = 0, found = 0;
    for (size_t e = 0; e < judge->n_entries; e++) {
        if (!sage_judge_counts(judge, e, which)) continue;
        pairs++;
        if (ranks[e] < SAGE_CURVE_POINTS) at[ranks[e]]++;
    }
    for (size_t k = 0; k < SAGE_CURVE_POINTS; k++) {
        found += at[k];
        recall[k] = k < depth && pairs > 0 ? (double)found / (double)pairs : NAN;
    }
}
