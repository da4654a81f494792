/* What `itemsage eval` prints. */
#include "cli.h"
#include <stdio.h>
#include <string.h>

static void heading(const sage_eval_report *r) {
    printf("%-9s %-19s %7s %7s", "method", "task", "pairs", "queries");
    for (size_t i = 0; i < r->n_k; i++) printf("  %-5s@%-14zu", "pair", r->k[i]);
    for (size_t i = 0; i < r->n_k; i++) printf("  %s@%-5zu", "query", r->k[i]);
    printf("  mrr@%-4zu  ndcg@%zu\n", r->k[0], r->k[0]);
}

static void print_row(const sage_eval_report *r, const sage_eval_row *row) {
    char pairs[32], queries[32];
    printf("%-9s %-19s %7s %7s", row->method, row->task, cli_count(row->pairs, pairs),
           cli_count(row->queries, queries));
    for (size_t i = 0; i < r->n_k; i++)
        printf("  %.3f [%.3f, %.3f]", row->pair_recall[i].value, row->pair_recall[i].low, row->pair_recall[i].high);
    for (size_t i = 0; i < r->n_k; i++) printf("  %-11.3f", row->query_recall[i].value);
    printf("  %-8.3f  %.3f\n", row->mrr[0].value, row->ndcg[0].value);
}

/* Task by task, so that the methods to be compared stand together. */
static void print_rows(const sage_eval_report *r) {
    for (size_t first = 0; first < r->n_rows; first++) {
        bool met = false;
        for (size_t i = 0; i < first && !met; i++) met = strcmp(r->rows[i].task, r->rows[first].task) == 0;
        for (size_t i = first; i < r->n_rows && !met; i++)
            if (strcmp(r->rows[i].task, r->rows[first].task) == 0) print_row(r, &r->rows[i]);
    }
}

/* Those of single tasks are in the JSON alone, and weighted ones only where there are such. */
static void print_differences(const sage_eval_report *r, bool weighted) {
    bool any = false;
    for (size_t i = 0; i < r->n_differences; i++) {
        const sage_eval_difference *d = &r->differences[i];
        const sage_interval *of_k = weighted ? d->weighted_recall : d->pair_recall;
        if (strchr(d->task, '/') != NULL || (weighted && d->weighted_pairs == 0)) continue;
        if (!any) {
            printf("\nDifference in %s@k:\n%-9s %-9s %-12s", weighted ? "weighted" : "pair", "method", "minus", "task");
            for (size_t j = 0; j < r->n_k; j++) printf("  @%-*zu", j + 1 < r->n_k ? 22 : 1, r->k[j]);
            printf("\n");
        }
        any = true;
        printf("%-9s %-9s %-12s", d->method, d->against, d->task);
        for (size_t j = 0; j < r->n_k; j++) printf("  %+.3f [%+.3f, %+.3f]", of_k[j].value, of_k[j].low, of_k[j].high);
        printf("\n");
    }
    if (any) printf("Both methods on the same queries; where 0 is outside of the brackets (95 %%), they differ.\n");
}

/* Where events say at which position their product was shown. */
static void print_weighted(const sage_eval_report *r) {
    bool any = false;
    for (size_t i = 0; i < r->n_rows; i++) {
        const sage_eval_row *row = &r->rows[i];
        const sage_eval_weighted *w = &row->weighted;
        char pairs[32], left_out[32], effective[32];
        if (w->pairs == 0 || strchr(row->task, '/') != NULL) continue;
        if (!any) {
            printf(
                "\nWeighted by position: of pairs whose events say where they were shown, each event by 1 / propensity"
                " (position^-%g where it says no propensity), at most %g:\n%-9s %-12s %7s %8s %9s %7s",
                r->position_power, r->weight_clip, "method", "task", "pairs", "left out", "effective", "cut");
            for (size_t j = 0; j < r->n_k; j++)
                printf("  plain@%-4zu  weighted@%-*zu", r->k[j], j + 1 < r->n_k ? 11 : 1, r->k[j]);
            printf("\n");
        }
        any = true;
        printf("%-9s %-12s %7s %8s %9s %6.1f%%", row->method, row->task, cli_count(w->pairs, pairs),
               cli_count(row->pairs - w->pairs, left_out), cli_count((uint64_t)(w->effective + 0.5), effective),
               100.0 * (double)w->clipped / (double)(w->events ? w->events : 1));
        for (size_t j = 0; j < r->n_k; j++)
            printf("  %-10.3f  %.3f [%.3f, %.3f]", w->unweighted[j].value, w->recall[j].value, w->recall[j].low,
                   w->recall[j].high);
        printf("\n");
    }
    if (!any) return;
    printf("left out: pairs whose events do not say; effective: as many equally weighted pairs would say as much; cut: "
           "events whose weight was cut.\n");
    print_differences(r, true);
}

/* ---- graded judgements ---- */

static void print_counts(const sage_eval_report *r) {
    const sage_graded_report *g = &r->graded;
    char a[64], b[64], c[64];
    printf("\nGraded: %s: %s of %s", g->source, cli_counted(g->judgements, "judgement", "judgements", a),
           cli_counted(g->queries, "query", "queries", b));
    if (g->seen > 0 && g->all_queries)
        printf("; %s in the training or validation part",
               cli_counted(g->seen, "of them, learned from, is", "of them, learned from, are", c));
    else if (g->seen > 0)
        printf("; %s left out, being in the training or validation part",
               cli_counted(g->seen, "other is", "others are", c));
    if (g->worthless > 0)
        printf("; in %s no product is worth anything", cli_counted(g->worthless, "other", "others", c));
    printf(".\nGain: %s, g = grade - %g; discount: 1/log2(rank + 1); relevant: ",
           g->gain == SAGE_GAIN_LINEAR ? "g" : "2^g - 1", g->grade_zero);
    if (g->relevant > 0)
        printf("from grade %g on.\n", g->relevant);
    else
        printf("above grade %g.\n", g->grade_zero);
}

static void print_graded_rows(const sage_eval_report *r, bool judged_only) {
    const sage_graded_report *g = &r->graded;
    printf("%-15s %-9s", "method", judged_only ? "judged" : "all");
    for (size_t j = 0; j < r->n_k; j++) {
        printf("  ndcg@%-15zu", r->k[j]);
        if (!judged_only) printf("  judged@%-4zu", r->k[j]);
    }
    printf("  recall@%-5zu  p@%-4zu  mrr@%zu\n", r->k[r->n_k - 1], r->k[0], r->k[0]);
    for (size_t i = 0; i < g->n_rows; i++) {
        const sage_graded_row *row = &g->row[i];
        if (row->judged_only != judged_only) continue;
        printf("%-15s %-9s", row->method, judged_only ? "only" : "");
        for (size_t j = 0; j < r->n_k; j++) {
            printf("  %.3f [%.3f, %.3f]", row->ndcg[j].value, row->ndcg[j].low, row->ndcg[j].high);
            if (!judged_only) printf("  %9.1f%% ", 100 * row->judged[j].value); /* of the others it is all */
        }
        printf("  %-12.3f  %-6.3f  %.3f\n", row->recall[r->n_k - 1].value, row->precision[0].value, row->mrr[0].value);
    }
}

static void print_graded(const sage_eval_report *r) {
    const sage_graded_report *g = &r->graded;
    if (g->n_rows == 0) return;
    print_counts(r);
    print_graded_rows(r, false);
    print_graded_rows(r, true);
    printf("all: what nobody judged gains nothing; judged only: unjudged products are taken out of each list's %llu "
           "first.\n",
           (unsigned long long)g->depth);
    if (g->unknown > 0)
        printf("Judgements of products that are not in the index, which nobody finds: %llu.\n",
               (unsigned long long)g->unknown);
    if (g->repeated > 0)
        printf("Rows that judge what another row judges, so that the mean of the grades counts: %llu.\n",
               (unsigned long long)g->repeated);
    printf("\nDifference in ndcg@k:\n%-15s %-15s %-7s", "method", "minus", "lists");
    for (size_t j = 0; j < r->n_k; j++) printf("  @%-*zu", j + 1 < r->n_k ? 22 : 1, r->k[j]);
    printf("\n");
    for (size_t i = 0; i < g->n_differences; i++) {
        const sage_graded_difference *d = &g->differences[i];
        printf("%-15s %-15s %-7s", d->method, d->against, d->judged_only ? "judged" : "all");
        for (size_t j = 0; j < r->n_k; j++)
            printf("  %+.3f [%+.3f, %+.3f]", d->ndcg[j].value, d->ndcg[j].low, d->ndcg[j].high);
        printf("\n");
    }
}

static void print_cover(const char *of, const sage_run_cover *cover) {
    char has[32], all[64], unknown[64];
    uint64_t n = cover->queries + cover->no_queries;
    if (n == 0) return;
    printf("; it has %s of %s of %s", cli_count(cover->queries, has), cli_counted(n, "query", "queries", all), of);
    if (cover->unknown_products > 0)
        printf(" (%s of products that are not in the index; places are kept)",
               cli_counted(cover->unknown_products, "line", "lines", unknown));
}

static void print_runs(const sage_eval_report *r) {
    char lines[64];
    for (size_t i = 0; i < r->n_runs; i++) {
        printf("Run %s: %s", r->runs[i].name, cli_counted(r->runs[i].lines, "line", "lines", lines));
        print_cover("the events", &r->runs[i].events);
        print_cover("the judgements", &r->runs[i].judgements);
        printf(".\n");
    }
}

void cli_print_eval(const sage_eval_report *r) {
    printf("Judged on: %s%s\n", r->source, r->simulated ? " (SIMULATED events)" : "");
    if (r->dims > 0) printf("Vectors cut to %zu numbers.\n", r->dims);
    if (r->n_rows > 0) heading(r);
    print_rows(r);
    if (r->n_rows > 0)
        printf(
            "pair@k: share of held-out pairs whose product is among the k first; in brackets its 95 %% interval over "
            "queries.\n");
    if (r->unknown_pairs)
        printf("Pairs of products that are not in the index, which count as misses: %llu.\n",
               (unsigned long long)r->unknown_pairs);
    print_differences(r, false);
    print_weighted(r);
    print_graded(r);
    print_runs(r);
}
