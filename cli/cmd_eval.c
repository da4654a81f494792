/* itemsage eval */
#include "cli.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int read_gain(const cli_args *args, sage_gain *gain) {
    const char *text = cli_value(args, "gain");
    if (text == NULL || strcmp(text, "linear") == 0)
        *gain = SAGE_GAIN_LINEAR;
    else if (strcmp(text, "exp") == 0)
        *gain = SAGE_GAIN_EXPONENTIAL;
    else
        return cli_usage("'--gain' takes linear or exp, not '%s'", text);
    return CLI_DONE;
}

/* NAME=FILE of each --run; `text` holds their names and files. */
typedef struct runs {
    sage_run_file of[SAGE_RUNS_MAX];
    size_t n;
    char *text[SAGE_RUNS_MAX];
} runs;

static int read_runs(const cli_args *args, runs *r) {
    for (size_t i = 0; i < args->n_given; i++) {
        const char *value = args->given[i].value, *equals;
        if (strcmp(args->given[i].flag->name, "run") != 0) continue;
        if (r->n == SAGE_RUNS_MAX) return cli_usage("'--run' may be given %d times", SAGE_RUNS_MAX);
        if (!(equals = strchr(value, '=')) || equals == value || !equals[1])
            return cli_usage("'--run' takes NAME=FILE, not '%s'", value);
        if (!(r->text[r->n] = strdup(value))) return cli_usage("out of memory");
        r->text[r->n][equals - value] = '\0';
        r->of[r->n] = (sage_run_file){r->text[r->n], r->text[r->n] + (equals - value) + 1};
        r->n++;
    }
    return CLI_DONE;
}

static int read_graded(const cli_args *args, sage_eval_options *options) {
    sage_graded_options *graded = &options->graded;
    sage_trec_options *trec = &options->trec;
    graded->file = cli_value(args, "judgements");
    graded->qrels_file = cli_value(args, "qrels");
    if (graded->file != NULL)
        graded->map = cli_value(args, "map");
    else
        options->events_map = cli_value(args, "map");
    graded->all_queries = cli_given(args, "all-queries");
    trec->queries_file = cli_value(args, "trec-queries");
    trec->write_run = cli_value(args, "write-run");
    trec->write_qrels = cli_value(args, "write-qrels");
    if (read_gain(args, &graded->gain) != CLI_DONE || !cli_real(args, "grade-zero", true, &graded->grade_zero) ||
        !cli_real(args, "relevant", false, &graded->relevant) ||
        !cli_real(args, "grade-scale", false, &trec->grade_scale))
        return CLI_USAGE;
    return CLI_DONE;
}

/* An option that would change nothing is taken for a mistake. */
static bool check_needs(const cli_args *args) {
    static const struct {
        const char *flag, *first, *second;
    } needs[] = {{"gain", "judgements", "qrels"},     {"grade-zero", "judgements", "qrels"},
                 {"relevant", "judgements", "qrels"}, {"all-queries", "judgements", "qrels"},
                 {"map", "judgements", "events"},     {"trec-queries", "run", "qrels"},
                 {"grade-scale", "write-qrels", NULL}};
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
        const char *second = needs[i].second;
        if (!cli_given(args, needs[i].flag) || cli_given(args, needs[i].first)) continue;
        if (second && cli_given(args, second)) continue;
        cli_usage("'--%s' does nothing without '--%s'%s%s%s", needs[i].flag, needs[i].first, second ? " or '--" : "",
                  second ? second : "", second ? "'" : "");
        return false;
    }
    return true;
}

static int judge(const cli_args *args, sage_eval_options *options, sage_eval_report *report) {
    static const char *const outputs[] = {"json", "report", "hits", "write-qrels", NULL};
    sage_error error;
    sage_shop *shop;
    const char *json = cli_value(args, "json");
    int result = cli_open(args, &shop);
    if (result != CLI_DONE) return result;
    if (cli_check_outputs(args, shop, outputs, &result) &&
        sage_eval(shop, options, cli_monitor(), report, &error) != SAGE_OK)
        result = cli_fail(&error);
    cli_end_progress();
    if (report->complete) cli_print_eval(report); /* whatever the files: what took minutes is not lost to a full disk */
    if (result == CLI_DONE && json && sage_eval_write_json(report, json, &error) != SAGE_OK) result = cli_fail(&error);
    sage_shop_close(shop);
    return result;
}

static int run(const cli_args *args) {
    sage_eval_options options = {.events_file = cli_value(args, "events"),
                                 .hits_file = cli_value(args, "hits"),
                                 .report_file = cli_value(args, "report")};
    runs r = {.n = 0};
    if (!check_needs(args) || !cli_cutoffs(args, options.k, &options.n_k)) return CLI_USAGE;
    if (!cli_number(args, "dims", 1, 65536, &options.dims)) return CLI_USAGE;
    if (!cli_real(args, "position-power", false, &options.position_power) ||
        !cli_real(args, "weight-clip", false, &options.weight_clip))
        return CLI_USAGE;
    if (read_graded(args, &options) != CLI_DONE) return CLI_USAGE;
    sage_eval_report *report = calloc(1, sizeof *report);
    if (!report) return cli_usage("out of memory");
    int result = read_runs(args, &r);
    options.trec.runs = r.of;
    options.trec.n_runs = r.n;
    if (result == CLI_DONE) result = judge(args, &options, report);
    for (size_t i = 0; i < r.n; i++) free(r.text[i]);
    free(report);
    return result;
}

static const cli_flag flags[] = {
    {"events", 0, "FILE", "Judges on this event file in place of the held-out part."},
    {"k", 'k', "K,...", "Cut-offs, ascending; 10,100 where not given."},
    {"dims", 0, "M", "Compares the first M numbers of the vectors alone; see the option matryoshka."},
    {"position-power", 0, "ETA",
     "A product that was shown at position r is taken to have been seen with probability r^-ETA, where its event "
     "says no propensity; 1 where not given. Changes the weighted figures alone."},
    {"weight-clip", 0, "W", "No event weighs more than W times one that was surely seen; 100 where not given."},
    {"judgements", 0, "FILE",
     "Judges search texts on graded judgements too: query, product_id and grade, in any format of feeds."},
    {"map", 0, "FIELD=COLUMN,...",
     "Takes a field of the judgements, or without judgements of the events, from a column of another name; may name "
     "several."},
    {"gain", 0, "KIND", "What a grade is worth: linear (the default, as trec_eval has it) or exp, 2^g - 1."},
    {"grade-zero", 0, "G", "The grade that is worth nothing: 1, say, where raters give 1 to 5; 0 where not given."},
    {"relevant", 0, "G",
     "Products of this grade or more count in recall, precision and MRR; where not given, all above --grade-zero."},
    {"all-queries", 0, NULL,
     "Judges also queries that the model has learned from, whose answers it knows: figures come out too good."},
    {"run", 0, "NAME=FILE",
     "Judges another system's results beside, a run in TREC's form: lines `query Q0 product rank score tag`; may be "
     "repeated."},
    {"qrels", 0, "FILE", "Judgements in TREC's form, lines `query 0 product grade`, in place of --judgements."},
    {"trec-queries", 0, "FILE", "The search texts behind the query ids of runs and qrels: a line each, id, tab, text."},
    {"write-run", 0, "PREFIX",
     "Writes PREFIX.METHOD.run for each of the shop's methods, and PREFIX.queries.tsv, for trec_eval: of the "
     "judgements, where "
     "there are any, else of the events."},
    {"write-qrels", 0, "FILE", "Writes what those lists were judged by, for trec_eval."},
    {"grade-scale", 0, "X",
     "Grades are written to qrels times X; 1 where not given, or 100 where they are no whole "
     "numbers."},
    {"hits", 0, "FILE", "Writes what each query found, a line a method, task and query, to compare two models by."},
    {"report", 0, "FILE", "Writes a page for a browser that shows all of it and more; it holds all that it needs."},
    {"json", 0, "FILE", "Writes all figures and intervals as JSON as well."},
    {NULL, 0, NULL, NULL},
};

const cli_command cli_eval = {
    .name = "eval",
    .operands = "",
    .summary = "Says how good vectors, keywords and hybrid are on held-out events",
    .text =
        "Searches for every query that was held out of training, by vectors, keywords and hybrid, and prints how much "
        "of what people chose is found: pair recall with its 95 % interval, query recall, MRR and nDCG, over all and "
        "per task (surface/event), beside what the most popular products would find. Then the differences of methods "
        "on "
        "the same queries. docs/model.md defines all figures.\n\n"
        "Where events name users, it also says how well what they did later is found from what they did before (tasks "
        "user and product), beside item-knn, popular products and the user's own. Where events say at which position "
        "their product was shown, recall is weighted by that as well.\n\n"
        "--judgements (or --qrels) is a second truth: what people said of products and search texts. --run judges the "
        "search that you have beside ours, on the same queries.",
    .flags = flags,
    .example = "itemsage -C myshop eval -k 10,100 --json eval.json",
    .run = run,
};
