/* itemsage import products | events | images */
#include "cli.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { FILES_MAX = 100000 };

static void print_json(const sage_import_report *r) {
    json_t *reasons = json_object();
    for (uint64_t i = 0; i < r->reason_n; i++)
        json_object_set_new(reasons, r->reasons[i].reason, json_integer((json_int_t)r->reasons[i].count));
    json_t *root = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:f}", "bytes", (json_int_t)r->bytes,
                             "rows", (json_int_t)r->rows, "added", (json_int_t)r->added, "changed",
                             (json_int_t)r->changed, "unchanged", (json_int_t)r->unchanged, "deleted",
                             (json_int_t)r->deleted, "unknown_products", (json_int_t)r->unknown_products, "rejected",
                             (json_int_t)r->rejected, "reasons", reasons, "seconds", r->seconds);
    json_dumpf(root, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(root);
}

static void print_reasons(const sage_import_report *r, const char *shop) {
    char n[32];
    if (!r->rejected) return;
    printf("%s rows rejected, by reason:\n", cli_count(r->rejected, n));
    for (uint64_t i = 0; i < r->reason_n; i++)
        printf("  %-20s %10s\n", r->reasons[i].reason, cli_count(r->reasons[i].count, n));
    printf("They are kept with line, column and text: itemsage -C %s status --rejects 20\n", shop);
}

static void print_report(const sage_import_report *r, const char *what, bool events, const char *shop) {
    char a[32], b[32], c[32], d[32], e[32];
    printf("%s %s read in %.1f s: ", cli_count(r->rows, a), what, r->seconds);
    if (events) {
        printf("%s stored, %s seen before", cli_count(r->added, b), cli_count(r->unchanged, c));
        if (r->unknown_products) printf(", %s of unknown products (kept)", cli_count(r->unknown_products, d));
    } else {
        printf("%s added, %s changed, %s unchanged, %s deleted", cli_count(r->added, b), cli_count(r->changed, c),
               cli_count(r->unchanged, d), cli_count(r->deleted, e));
    }
    printf("\n");
    print_reasons(r, shop);
}

typedef sage_status (*import_fn)(sage_shop *, const char *const *, size_t, const sage_import_options *,
                                 const sage_monitor *, sage_import_report *, sage_error *);

static int import(const cli_args *args, import_fn fn, bool events) {
    sage_error error;
    sage_shop *shop;
    sage_import_report *report = calloc(1, sizeof *report);
    sage_import_options options = {.full = !events && cli_given(args, "full"),
                                   .again = events && cli_given(args, "again"),
                                   .map = cli_value(args, "map"),
                                   .images_dir = events ? NULL : cli_value(args, "images")};
    int result = CLI_FAILED;
    if (!report) return cli_usage("out of memory");
    const char *format = cli_value(args, "format");
    if (format && sage_feed_format_parse(format, &options.format, &error) != SAGE_OK) {
        result = cli_fail(&error);
        goto out;
    }
    if ((result = cli_open(args, &shop)) != CLI_DONE) goto out;
    if (fn(shop, args->operands, args->n_operands, &options, cli_monitor(), report, &error) != SAGE_OK)
        result = cli_fail(&error);
    cli_end_progress();
    if (result == CLI_DONE && cli_given(args, "json"))
        print_json(report);
    else if (result == CLI_DONE)
        print_report(report, events ? "events" : "products", events, args->shop);
    sage_shop_close(shop);
out:
    free(report);
    return result;
}

static int run_products(const cli_args *args) {
    return import(args, sage_import_products, false);
}
static int run_events(const cli_args *args) {
    return import(args, sage_import_events, true);
}

static int run_images(const cli_args *args) {
    sage_error error;
    sage_shop *shop;
    const char *vectors = cli_value(args, "vectors"), *ids = cli_value(args, "ids");
    if (!vectors || !ids) return cli_usage("'itemsage import images' needs --vectors FILE.npy and --ids FILE");
    sage_import_report *report = calloc(1, sizeof *report);
    int result = report ? cli_open(args, &shop) : cli_usage("out of memory");
    if (result != CLI_DONE) goto out;
    if (sage_import_image_vectors(shop, vectors, ids, cli_monitor(), report, &error) != SAGE_OK)
        result = cli_fail(&error);
    cli_end_progress();
    if (result == CLI_DONE && cli_given(args, "json"))
        print_json(report);
    else if (result == CLI_DONE)
        print_report(report, "image vectors", false, args->shop);
    sage_shop_close(shop);
out:
    free(report);
    return result;
}

#define FORMAT_FLAG                                                                                                    \
    { "format", 0, "NAME", "auto, csv, tsv, jsonl or xml; auto (the default) looks at the content." }
#define MAP_FLAG                                                                                                       \
    { "map", 0, "FIELD=COLUMN,...", "Takes a field from a column of another name; may name several." }
#define JSON_FLAG                                                                                                      \
    { "json", 0, NULL, "Prints the result as JSON." }

static const cli_flag product_flags[] = {
    {"full", 0, NULL, "The files together are the whole catalogue: products that are absent are deleted."},
    FORMAT_FLAG,
    MAP_FLAG,
    {"images", 0, "DIR", "Picture links without a scheme lie below DIR; links that leave it are rejected."},
    JSON_FLAG,
    {NULL, 0, NULL, NULL},
};

const cli_command cli_import_products = {
    .name = "import products",
    .operands = "FILE...",
    .min_operands = 1,
    .max_operands = FILES_MAX,
    .summary = "Reads product feeds into the catalogue",
    .text = "Reads feeds in CSV, TSV, JSON Lines or Google Merchant XML, each also gzipped; `-` is standard input. "
            "Products are added or "
            "changed by their id. Fields have Google Merchant Center's names; every other column is kept as an "
            "attribute.\n\n"
            "A bad row never stops an import and is never dropped silently: it is kept with its line, column, reason "
            "and text, and counted "
            "at the end. All files are one transaction: stopped half-way, the catalogue is as before.",
    .flags = product_flags,
    .example = "itemsage -C myshop import products feed.xml.gz --images pictures",
    .run = run_products,
};

static const cli_flag event_flags[] = {
    {"again", 0, NULL, "Imports a file although its content has been imported before."},
    FORMAT_FLAG,
    MAP_FLAG,
    JSON_FLAG,
    {NULL, 0, NULL, NULL},
};

const cli_command cli_import_events = {
    .name = "import events",
    .operands = "FILE...",
    .min_operands = 1,
    .max_operands = FILES_MAX,
    .summary = "Reads event logs: who searched or looked at what, then clicked, saved, bought",
    .text = "Reads event logs in the same formats as feeds. Fields: timestamp, user_id, surface (search, image, "
            "product, user), query, "
            "product_id, event (click, save, add_to_cart, checkout, or GA4's select_item, view_item, add_to_wishlist, "
            "purchase), count, "
            "event_id.\n\nA file that has been imported already is refused by its content; an event_id, where given, "
            "removes duplicates. "
            "Events of products that are not in the catalogue are kept and counted.",
    .flags = event_flags,
    .example = "itemsage -C myshop import events 2026-11-*.tsv.gz",
    .run = run_events,
};

static const cli_flag image_flags[] = {
    {"vectors", 0, "FILE.npy", "Vectors, one row each: f32, f16 or f64, any width, the same for the whole shop."},
    {"ids", 0, "FILE", "As many product ids, one a line; a product may occur up to 20 times."},
    JSON_FLAG,
    {NULL, 0, NULL, NULL},
};

const cli_command cli_import_images = {
    .name = "import images",
    .operands = "",
    .summary = "Takes picture vectors that were made elsewhere",
    .text = "Gives products picture vectors of any frozen encoder, from an .npy file and a file of product ids. They "
            "replace those that the "
            "products had. The next training uses them as tokens of the encoder.",
    .flags = image_flags,
    .example = "itemsage -C myshop import images --vectors clip.npy --ids clip.ids",
    .run = run_images,
};
