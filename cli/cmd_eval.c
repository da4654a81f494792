/* itemsage eval */
#include "cli.h"
#include <stdio.h>
#include <stdlib.h>
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

/* Where there are people or products among the queries. Those of single tasks are in the JSON alone. */
static void print_differences(const sage_eval_report *r) {
    if (r->n_differences == 0) return;
    printf("\nDifference in pair@k:\n%-9s %-9s %-12s", "method", "minus", "task");
    for (size_t i = 0; i < r->n_k; i++) printf("  @%-*zu", i + 1 < r->n_k ? 22 : 1, r->k[i]);
    printf("\n");
    for (size_t i = 0; i < r->n_differences; i++) {
        const sage_eval_difference *d = &r->differences[i];
        if (strchr(d->task, '/') != NULL) continue;
        printf("%-9s %-9s %-12s", d->method, d->against, d->task);
        for (size_t j = 0; j < r->n_k; j++)
            printf("  %+.3f [%+.3f, %+.3f]", d->pair_recall[j].value, d->pair_recall[j].low, d->pair_recall[j].high);
        printf("\n");
    }
    printf("Both methods on the same queries; where 0 is outside of the brackets (95 %%), they differ.\n");
}

/* Where events say at which position their product was shown. */
static void print_weighted(const sage_eval_report *r) {
    bool any = false;
    for (size_t i = 0; i < r->n_rows; i++) {
        const sage_eval_row *row = &r->rows[i];
        const sage_eval_weighted *w = &row->weighted;
        char pairs[32], effective[32];
        if (w->pairs == 0 || strchr(row->task, '/') != NULL) continue;
        if (!any) {
            printf(
                "\nWeighted by position: of pairs whose events say where they were shown, each event by 1 / propensity"
                " (position^-%g where it says no propensity), at most %g:\n%-9s %-12s %7s %9s %7s",
                r->position_power, r->weight_clip, "method", "task", "pairs", "effective", "cut");
            for (size_t j = 0; j < r->n_k; j++)
                printf("  plain@%-4zu  weighted@%-*zu", r->k[j], j + 1 < r->n_k ? 11 : 1, r->k[j]);
            printf("\n");
        }
        any = true;
        printf("%-9s %-12s %7s %9s %6.1f%%", row->method, row->task, cli_count(w->pairs, pairs),
               cli_count((uint64_t)(w->effective + 0.5), effective),
               100.0 * (double)w->clipped / (double)(w->events ? w->events : 1));
        for (size_t j = 0; j < r->n_k; j++)
            printf("  %-10.3f  %.3f [%.3f, %.3f]", w->unweighted[j].value, w->recall[j].value, w->recall[j].low,
                   w->recall[j].high);
        printf("\n");
    }
    if (any) printf("effective: as many equally weighted pairs would say as much; cut: events whose weight was cut.\n");
}

static void print_table(const sage_eval_report *r) {
    printf("Judged on: %s%s\n", r->source, r->simulated ? " (SIMULATED events)" : "");
    if (r->dims > 0) printf("Vectors cut to %zu numbers.\n", r->dims);
    heading(r);
    for (size_t i = 0; i < r->n_rows; i++) print_row(r, &r->rows[i]);
    printf("pair@k: share of held-out pairs whose product is among the k first; in brackets its 95 %% interval over "
           "queries.\n");
    if (r->unknown_pairs)
        printf("%llu pairs name products that are not in the index; they count as misses.\n",
               (unsigned long long)r->unknown_pairs);
    print_differences(r);
    print_weighted(r);
}

/* A positive number; 0 where the flag is not given. */
static bool read_real(const cli_args *args, const char *name, double *value) {
    char *end;
    const char *text = cli_value(args, name);
    *value = 0;
    if (!text) return true;
    *value = strtod(text, &end);
    if (end != text && *end == '\0' && *value > 0) return true;
    cli_usage("'--%s' takes a number above 0, not '%s'", name, text);
    return false;
}

static int run(const cli_args *args) {
    sage_error error;
    sage_shop *shop;
    sage_eval_options options = {.events_file = cli_value(args, "events"), .hits_file = cli_value(args, "hits")};
    const char *json = cli_value(args, "json");
    if (!cli_cutoffs(args, options.k, &options.n_k)) return CLI_USAGE;
    if (!cli_number(args, "dims", 1, 65536, &options.dims)) return CLI_USAGE;
    if (!read_real(args, "position-power", &options.position_power) ||
        !read_real(args, "weight-clip", &options.weight_clip))
        return CLI_USAGE;
    sage_eval_report *report = calloc(1, sizeof *report);
    if (!report) return cli_usage("out of memory");
    int result = cli_open(args, &shop);
    if (result == CLI_DONE) {
        if (sage_eval(shop, &options, cli_monitor(), report, &error) != SAGE_OK) result = cli_fail(&error);
        cli_end_progress();
        if (result == CLI_DONE)
            print_table(report); /* before the file: what took minutes is not lost to a wrong name */
        if (result == CLI_DONE && json && sage_eval_write_json(report, json, &error) != SAGE_OK)
            result = cli_fail(&error);
        sage_shop_close(shop);
    }
    free(report);
    return result;
}

static const cli_flag flags[] = {
    {"events", 0, "FILE", "Judges on this event file in place of the held-out part."},
    {"k", 'k', "K,...", "Cut-offs, ascending; 10,100 where not given."},
    {"dims", 0, "M", "Compares the first M numbers of the vectors alone; see the option matryoshka."},
    {"position-power", 0, "ETA",
     "Where events say a position r and no propensity, it was seen with probability r^-ETA; 1 where not given."},
    {"weight-clip", 0, "W", "No event weighs more than W; 100 where not given."},
    {"hits", 0, "FILE", "Writes what each query found, a line a method, task and query, to compare two models by."},
    {"json", 0, "FILE", "Writes all figures and intervals as JSON as well."},
    {NULL, 0, NULL, NULL},
};

const cli_command cli_eval = {
    .name = "eval",
    .operands = "",
    .summary = "Says how good vectors, keywords and hybrid are on held-out events",
    .text =
        "Searches for every held-out query by vectors, keywords and hybrid, and prints for each method, per task and "
        "over all: pair recall, query recall, MRR and nDCG, with 95 % bootstrap intervals over queries, and beside "
        "them what the most popular products would find. Where events name users, it also says how well what users did "
        "later is found from what they did before (tasks user and "
        "product), beside item-knn, popular products and the user's own, and by how much the first method (hybrid "
        "and vectors both, where there are both) differs from each of them. Where events say at which position their "
        "product was shown, recall is "
        "weighted by that as well. docs/model.md defines all figures.",
    .flags = flags,
    .example = "itemsage -C myshop eval -k 10,100 --json eval.json",
    .run = run,
};
