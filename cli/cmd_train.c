/* itemsage train */
#include "profile.h"
#include <stdio.h>

static void print_json(const sage_train_report *r, json_t *profile) {
    json_t *root = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:f, s:f, s:f}", "model", (json_int_t)r->model,
                             "dataset", (json_int_t)r->dataset, "products", (json_int_t)r->products, "queries",
                             (json_int_t)r->queries, "pairs", (json_int_t)r->pairs, "steps", (json_int_t)r->steps,
                             "best_step", (json_int_t)r->best_step, "cold_start", r->cold_start, "validation_recall10",
                             r->validation_recall10, "seconds", r->seconds, "examples_per_s", r->examples_per_s);
    if (profile) json_object_set_new(root, "profile", profile);
    json_dumpf(root, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(root);
}

/* A flag that is an option by another name. */
static bool take_version(const cli_args *args, sage_shop *shop, const char *flag, const char *option) {
    sage_error error;
    size_t version;
    char setting[64];
    if (!cli_given(args, flag)) return true;
    if (!cli_number(args, flag, 1, 1000000000, &version)) return false;
    snprintf(setting, sizeof setting, "%s=%zu", option, version);
    return sage_options_set(sage_shop_options(shop), setting, &error) == SAGE_OK;
}

static int run(const cli_args *args) {
    sage_error error;
    sage_shop *shop;
    sage_train_report r;
    int result = cli_open(args, &shop);
    if (result != CLI_DONE) return result;
    if (!take_version(args, shop, "from", "from") || !take_version(args, shop, "keep-products", "keep_products")) {
        sage_shop_close(shop);
        return CLI_USAGE;
    }
    const char *precision = sage_options_text(sage_shop_options(shop), "precision");
    cli_profile_begin(args);
    if (sage_train(shop, cli_monitor(), &r, &error) != SAGE_OK) result = cli_fail(&error);
    cli_end_progress();
    if (result == CLI_DONE && cli_given(args, "json"))
        print_json(&r, cli_profile_json(args, shop, precision));
    else if (result == CLI_DONE) {
        char a[32], b[32];
        if (r.cold_start)
            printf("No usable search events: all training pairs were made from the catalogue (cold start).\n");
        printf("Model %llu: %s products, %s pairs of events, %llu steps in %.0f s; best at step %llu with validation "
               "recall@10 %.3f%s\n",
               (unsigned long long)r.model, cli_count(r.products, a), cli_count(r.pairs, b),
               (unsigned long long)r.steps, r.seconds, (unsigned long long)r.best_step, r.validation_recall10,
               r.cold_start ? " on pairs made from the catalogue" : "");
    }
    if (result != CLI_DONE || !cli_given(args, "json")) cli_profile_end(args, shop, precision);
    sage_shop_close(shop);
    return result;
}

static const cli_flag flags[] = {
    {"from", 'f', "VERSION", "Goes on from this model, over its vocabulary, with all events that there are now."},
    {"keep-products", 0, "VERSION",
     "Trains what makes queries against this model's product vectors, which stay as they are: `index` publishes the "
     "new queries beside them, and nothing is embedded anew."},
    {"json", 0, NULL, "Prints the result as JSON."},
    CLI_PROFILE_FLAG,
    {NULL, 0, NULL, NULL}};

const cli_command cli_train = {
    .name = "train",
    .operands = "",
    .summary = "Learns a model from catalogue and events",
    .text =
        "Packs the catalogue and the training part of the events into a dataset where it is stale, trains, and keeps "
        "the step that does best on the validation part. With no events at all, training pairs are made from the "
        "catalogue itself, and it says so.\n\n"
        "Ctrl-C saves; the next `itemsage train` with the same options goes on as if nothing had happened. Every "
        "step's figures are in the model's metrics.jsonl.\n\n"
        "What it needs of memory is said before it is taken; `--set memory=4GiB` is a limit, and where nothing that "
        "was asked for fits into it, training does not start. `--set precision=bf16` computes the dense products from "
        "rounded operands, faster where the processor has them. `--profile` shows where the time went.",
    .flags = flags,
    .example = "itemsage -C myshop train --set steps=4000 --set holdout=0.2",
    .run = run,
};
