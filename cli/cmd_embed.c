/* itemsage embed, itemsage index, itemsage export */
#include "profile.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int run_embed(const cli_args *args) {
    sage_error error;
    sage_shop *shop;
    sage_embed_report r;
    char a[64], b[32], c[32], d[32];
    int result = cli_open(args, &shop);
    if (result != CLI_DONE) return result;
    const char *precision = sage_options_text(sage_shop_options(shop), "embed_precision");
    cli_profile_begin(args);
    if (sage_embed(shop, cli_given(args, "all"), cli_monitor(), &r, &error) != SAGE_OK) result = cli_fail(&error);
    cli_end_progress();
    if (result == CLI_DONE)
        printf("Model %llu: %s, %s embedded, %s reused, %s dropped%s in %.1f s\n", (unsigned long long)r.model,
               cli_counted(r.products, "product", "products", a), cli_count(r.embedded, b), cli_count(r.reused, c),
               cli_count(r.dropped, d), r.compacted ? ", compacted," : "", r.seconds);
    cli_profile_end(args, shop, precision);
    sage_shop_close(shop);
    return result;
}

static const cli_flag embed_flags[] = {
    {"all", 0, NULL, "Computes every vector anew."}, CLI_PROFILE_FLAG, {NULL, 0, NULL, NULL}};

const cli_command cli_embed = {
    .name = "embed",
    .operands = "",
    .summary = "Computes the vectors of new and changed products",
    .text = "Computes the vectors that are missing or stale for the newest model: a vector is stale when the product's "
            "texts or pictures have changed (its fingerprint differs), or when it was computed in another precision "
            "than the option embed_precision asks for. Prices and stock are no part of it. Stopped half-way it goes on "
            "where it was.",
    .flags = embed_flags,
    .example = "itemsage -C myshop embed",
    .run = run_embed,
};

/* What tuning measured, a line each, and a star where it was chosen. */
static void print_tried(const sage_index_report *r) {
    if (!r->n_tried) return;
    printf("On %llu queries made of the products", (unsigned long long)r->made_queries);
    if (r->searches)
        printf(" and %llu validation searches (recall: the lower of the two)", (unsigned long long)r->searches);
    printf(":\n   M  efConstruction  efSearch  recall@10        searches/s      MiB\n");
    for (size_t i = 0; i < r->n_tried; i++) {
        const sage_tried *t = &r->tried[i];
        printf("%c %2llu  %14llu  %8llu  %.3f ± %.3f  %12.0f  %7.1f\n", t->chosen ? '*' : ' ', (unsigned long long)t->m,
               (unsigned long long)t->build, (unsigned long long)t->width, t->recall, t->margin, t->per_second,
               (double)t->graph_bytes / (1 << 20));
    }
}

/* "recall=0.95" or "off". */
static int read_tuning(const cli_args *args, sage_tuning *tuning) {
    const char *text = cli_value(args, "tune");
    char *end = NULL;
    tuning->graphs = cli_given(args, "graphs");
    if (!text) return tuning->graphs ? cli_usage("'--graphs' goes with --tune recall=R") : CLI_DONE;
    if (strcmp(text, "off") == 0 && !tuning->graphs) return CLI_DONE;
    if (strncmp(text, "recall=", 7) == 0) tuning->recall = strtod(text + 7, &end);
    if (!end || *end || !(tuning->recall >= 0.5 && tuning->recall <= 0.999))
        return cli_usage("'--tune' takes recall=R with R from 0.5 to 0.999, or off");
    return CLI_DONE;
}

static int run_index(const cli_args *args) {
    sage_error error;
    sage_shop *shop;
    sage_index_report r;
    sage_tuning tuning = {0};
    char a[64];
    int result = read_tuning(args, &tuning);
    if (result == CLI_DONE) result = cli_open(args, &shop);
    if (result != CLI_DONE) return result;
    if (sage_index_build(shop, cli_given(args, "anew"), cli_given(args, "tune") ? &tuning : NULL, cli_monitor(), &r,
                         &error) != SAGE_OK)
        result = cli_fail(&error);
    cli_end_progress();
    if (result == CLI_DONE) print_tried(&r);
    if (result == CLI_DONE)
        printf("Published: model %llu, index %llu, keywords %llu; %s; weight of vectors in the hybrid %.2f; "
               "%.1f s\n",
               (unsigned long long)r.model, (unsigned long long)r.index, (unsigned long long)r.keywords,
               cli_counted(r.products, "product", "products", a), r.fusion_weight, r.seconds);
    if (result == CLI_DONE && r.graph_bytes)
        printf("Vectors are searched by a graph of %.1f MiB; walks %llu wide find %.3f of the 10 nearest\n",
               (double)r.graph_bytes / (1 << 20), (unsigned long long)r.search_width, r.search_recall);
    sage_shop_close(shop);
    return result;
}

static const cli_flag index_flags[] = {
    {"anew", 0, NULL, "Builds the graph from nothing, in place of going on from that of the release before."},
    {"tune", 0, "recall=R",
     "Chooses how wide the graph is searched so that walks find the share R of the 10 nearest products, and says what "
     "it measured; later calls keep to R. off forgets it."},
    {"graphs", 0, NULL,
     "With --tune: tries other graphs too (M, efConstruction), and builds the one that is fastest at that recall."},
    {NULL, 0, NULL, NULL}};

const cli_command cli_index = {
    .name = "index",
    .operands = "",
    .summary = "Builds the index and publishes a release",
    .text = "Builds the vector index and the keyword index from the newest vectors, chooses the weight of the two in "
            "the hybrid on validation queries, and publishes the release by replacing `current` at once. Readers of "
            "the old release are not disturbed.\n\n"
            "With many products the index has a graph (option `index`), by which `query` searches. What share of the "
            "10 nearest products that finds is measured on validation searches and on queries made of the products. "
            "It goes on from the graph of the release before, in proportion to what was added, changed and removed, "
            "where the model and the options are the same; a note says what it did.",
    .flags = index_flags,
    .example = "itemsage -C myshop index",
    .run = run_index,
};

static int run_export(const cli_args *args) {
    sage_error error;
    sage_shop *shop;
    const char *format = cli_value(args, "format"), *texts = cli_value(args, "texts"),
               *users = cli_value(args, "users"), *out = args->operands[0];
    size_t dims = 0;
    bool alone = !format && !cli_given(args, "dims") && !(texts && users);
    if ((texts || users) && !alone)
        return cli_usage("'--%s' goes with no other flag of export", texts ? "texts" : "users");
    if (!format) format = "npy";
    if (!cli_number(args, "dims", 1, 65536, &dims)) return CLI_USAGE;
    int result = cli_open(args, &shop);
    if (result != CLI_DONE) return result;
    sage_status st = texts   ? sage_export_texts(shop, texts, out, &error)
                     : users ? sage_export_users(shop, users, out, &error)
                             : sage_export(shop, format, dims, out, &error);
    if (st != SAGE_OK)
        result = cli_fail(&error);
    else if (texts || users)
        printf("Wrote %s.npy and %s.txt\n", out, out);
    else if (strcmp(format, "split") == 0)
        printf("Wrote %s/train.tsv, validation-known.tsv, validation-targets.tsv, test-known.tsv, test-targets.tsv, "
               "search-train.tsv, search-validation.tsv, search-test.tsv\n",
               out);
    else
        printf("Wrote %s.%s and %s.ids\n", out, format, out);
    sage_shop_close(shop);
    return result;
}

static const cli_flag export_flags[] = {
    {"format", 0, "NAME", "npy (the default), fvecs or split."},
    {"dims", 0, "M", "Only the first M numbers of each vector, brought back to length 1; see the option matryoshka."},
    {"texts", 0, "FILE", "In place of products the search texts of this file, a line each: OUT.npy and OUT.txt."},
    {"users", 0, "FILE", "The same of users, whose ids are the lines."},
    {NULL, 0, NULL, NULL}};

const cli_command cli_export = {
    .name = "export",
    .operands = "OUT",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "Writes the published vectors, or the split of events, for other programs",
    .text =
        "Writes the vectors of the published release as OUT.npy (or OUT.fvecs) and the product ids, one a line, as "
        "OUT.ids. With --format split it writes into the folder OUT what users did, as the newest dataset splits "
        "it: train.tsv, and of validation and test what is known and what is to be predicted; and the pairs of "
        "searches, search-train.tsv, search-validation.tsv and search-test.tsv, so that other programs can be judged "
        "on the same questions. With --texts or --users it writes what searches ask with; "
        "`itemsage import vectors` takes it.",
    .flags = export_flags,
    .example = "itemsage -C myshop export --format npy vectors",
    .run = run_export,
};
