/* itemsage ablate */
#include "cli.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the tables ---- */

static int width_of(const sage_ablate_table *table) {
    size_t width = 12;
    for (size_t r = 0; r < table->n_rows; r++)
        if (strlen(table->rows[r].name) > width) width = strlen(table->rows[r].name);
    return (int)(width < 40 ? width : 40);
}

static const sage_ablate_task *task_named(const sage_ablate_row *row, const char *name) {
    for (size_t i = 0; i < row->n_tasks; i++)
        if (strcmp(row->tasks[i].task, name) == 0) return &row->tasks[i];
    return NULL;
}

static void heading(const sage_ablate_report *r, const sage_ablate_task *task, int width) {
    char pairs[64], queries[64];
    printf("%s: %s of %s\n", task->task, cli_counted(task->pairs, "pair", "pairs", pairs),
           cli_counted(task->queries, "query", "queries", queries));
    printf("  %-*s", width, "");
    for (size_t j = 0; j < r->n_k; j++) {
        printf("  pair@%-15zu  minus base%13s", r->k[j], "");
        if (r->n_seeds > 1) printf("  sd   ");
    }
    printf("  ndcg@%zu\n", r->k[0]);
}

static void print_row(const sage_ablate_report *r, const sage_ablate_row *row, const sage_ablate_task *task,
                      int width) {
    printf("%s %-*.40s", row->base ? "*" : " ", width, row->name);
    for (size_t j = 0; task != NULL && j < r->n_k; j++) {
        const sage_interval *own = &task->pair_recall[j], *less = &task->difference[j];
        printf("  %.3f [%.3f, %.3f]", own->value, own->low, own->high);
        if (task->compared)
            printf("  %+.3f [%+.3f, %+.3f]", less->value, less->low, less->high);
        else
            printf("  %-23s", row->base ? "" : "-");
        if (r->n_seeds > 1) printf("  %.3f", task->seed_sd[j]);
    }
    if (task != NULL)
        printf("  %.3f\n", task->ndcg[0].value);
    else
        printf("  -\n");
}

/* Tasks of single kinds of events are in the files alone. */
static void print_tasks(const sage_ablate_report *r, const sage_ablate_table *table, int width) {
    for (size_t first = 0; first < table->n_rows; first++) {
        for (size_t i = 0; i < table->rows[first].n_tasks; i++) {
            const sage_ablate_task *task = &table->rows[first].tasks[i];
            bool met = strchr(task->task, '/') != NULL;
            for (size_t before = 0; before < first && !met; before++)
                met = task_named(&table->rows[before], task->task) != NULL;
            if (met) continue;
            heading(r, task, width);
            for (size_t row = 0; row < table->n_rows; row++)
                print_row(r, &table->rows[row], task_named(&table->rows[row], task->task), width);
        }
    }
}

static void print_costs(const sage_ablate_table *table, int width) {
    char parameters[32];
    printf("training:\n  %-*s  %14s  %9s  %9s  %5s  settings\n", width, "", "parameters", "steps", "seconds", "seeds");
    for (size_t i = 0; i < table->n_rows; i++) {
        const sage_ablate_row *row = &table->rows[i];
        printf("%s %-*.40s  %14s  %9.0f  %9.1f  %5zu  %s\n", row->base ? "*" : " ", width, row->name,
               cli_count(row->parameters, parameters), row->steps, row->seconds, row->seeds, row->settings);
        if (row->fault != NULL) printf("  %-*s  %s\n", width, "", row->fault);
    }
}

static void print_report(const sage_ablate_report *r) {
    printf("Judged on: held-out %s part of dataset ablation/dataset/%llu%s, by vectors alone over exact search\n",
           r->validation ? "validation" : "test", (unsigned long long)r->dataset,
           r->simulated ? " (SIMULATED events)" : "");
    printf("Set for all rows: %s\n", *r->base ? r->base : "nothing");
    for (size_t t = 0; t < r->n_tables; t++) {
        int width = width_of(&r->tables[t]);
        printf("\n== %s: %s\n", r->tables[t].name, r->tables[t].title);
        print_tasks(r, &r->tables[t], width);
        print_costs(&r->tables[t], width);
    }
    if (r->n_seeds > 1)
        printf("\n*: the base row. Means of %zu seeds; in brackets 95 %% intervals over queries and seeds, of a "
               "difference with both models on the same queries and seed; sd: over seeds.\n",
               r->n_seeds);
    else
        printf("\n*: the base row. In brackets 95 %% intervals over queries, of a difference with both models on the "
               "same queries; what another seed would give is not in them (--seeds 3).\n");
}

/* ---- the command ---- */

static bool read_part(const cli_args *args, sage_ablate_options *options) {
    const char *part = cli_value(args, "part");
    options->validation = part != NULL && strcmp(part, "validation") == 0;
    if (part == NULL || options->validation || strcmp(part, "test") == 0) return true;
    cli_usage("'--part' is test or validation, not '%s'", part);
    return false;
}

/* rows has room for all that was given. */
static bool read_options(const cli_args *args, const char **rows, sage_ablate_options *options) {
    options->tables = cli_value(args, "tables");
    options->rows = rows;
    options->anew = cli_given(args, "anew");
    for (size_t i = 0; i < args->n_given; i++)
        if (strcmp(args->given[i].flag->name, "row") == 0) rows[options->n_rows++] = args->given[i].value;
    return cli_number(args, "seeds", 1, SAGE_ABLATE_SEEDS_MAX, &options->seeds) &&
           cli_cutoffs(args, options->k, &options->n_k) && read_part(args, options);
}

static int write_files(const cli_args *args, const sage_ablate_report *report) {
    sage_error error;
    const char *json = cli_value(args, "json"), *markdown = cli_value(args, "markdown");
    if (json != NULL && sage_ablate_write_json(report, json, &error) != SAGE_OK) return cli_fail(&error);
    if (markdown != NULL && sage_ablate_write_markdown(report, markdown, &error) != SAGE_OK) return cli_fail(&error);
    return CLI_DONE;
}

static int run(const cli_args *args) {
    sage_error error;
    sage_shop *shop;
    sage_ablate_options options = {.tables = NULL};
    sage_ablate_report report = {.base = NULL};
    static const char *const outputs[] = {"json", "markdown", NULL};
    char trained[64];
    const char **rows = calloc(args->n_given + 1, sizeof *rows);
    if (rows == NULL) return cli_usage("out of memory");
    int result = read_options(args, rows, &options) ? cli_open(args, &shop) : CLI_USAGE;
    if (result == CLI_DONE) {
        if (cli_check_outputs(args, shop, outputs, &result) &&
            sage_ablate(shop, &options, cli_monitor(), &report, &error) != SAGE_OK)
            result = cli_fail(&error);
        cli_end_progress();
        if (result == CLI_DONE) {
            print_report(&report); /* before the files: what took hours is not lost to a full disk */
            fprintf(stderr, "%s trained, %zu found done, %zu failed\n",
                    cli_counted(report.trained, "run", "runs", trained), report.found, report.failed);
            result = write_files(args, &report);
        }
        sage_ablate_report_free(&report);
        sage_shop_close(shop);
    }
    free((void *)rows);
    return result;
}

static const cli_flag flags[] = {
    {"tables", 't', "NAME,...",
     "Which tables, of inputs (texts, pictures, both), encoder (how tokens become one vector), negatives (which the "
     "softmax is over), logq (their correction) and tasks (each alone, and all); all that fit the shop where neither "
     "these nor rows are given."},
    {"row", 0, "NAME:KEY=VALUE,...",
     "A row of your own: the settings in force, with these changed; may be repeated, and all such rows are one table."},
    {"seeds", 0, "N",
     "Trains every row N times, with seeds 1 to N; 1 where not given. With 2 or more, intervals hold what another seed "
     "would change."},
    {"k", 'k', "K,...", "Cut-offs, ascending, up to 1000; 10,100 where not given."},
    {"part", 0, "PART", "Which held-out part is judged: test, as where not given, or validation."},
    {"anew", 0, NULL, "Packs the catalogue as it is now, though there is a dataset of an earlier ablation."},
    {"json", 0, "FILE", "Writes all figures and intervals as JSON as well."},
    {"markdown", 0, "FILE", "Writes the tables as Markdown as well."},
    {NULL, 0, NULL, NULL},
};

const cli_command cli_ablate = {
    .name = "ablate",
    .operands = "",
    .summary = "Says what each part of the model is worth on the shop's own data",
    .text =
        "Trains the model with one setting changed at a time, with several seeds, judges each on held-out events by "
        "vectors alone over exact search, and tells in tables by how much each falls short of, or exceeds, the setting "
        "in force: the tables of the ItemSage paper, on your data. docs/model.md says what they are.\n\n"
        "Options that are set (`--set`, itemsage.conf) hold for all rows. What is published, and a training of your "
        "own that was stopped, stay as they are: all that it makes is in SHOP/ablation.\n\n"
        "It takes rows x seeds x the time of `itemsage train`. Every finished run is kept in SHOP/ablation, and is not "
        "done again; Ctrl-C saves, and the same command goes on. "
        "SHOP/ablation/table.json holds the tables as far as they are known at any moment.",
    .flags = flags,
    .example = "itemsage -C myshop ablate --tables logq,tasks --seeds 3 --set steps=2000 --markdown tables.md",
    .run = run,
};
