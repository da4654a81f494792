/* itemsage sync */
#include "import_print.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { FILES_MAX = 100000 };

static json_t *embed_json(const sage_embed_report *r) {
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:b, s:f}", "model", (json_int_t)r->model, "products",
                     (json_int_t)r->products, "embedded", (json_int_t)r->embedded, "reused", (json_int_t)r->reused,
                     "dropped", (json_int_t)r->dropped, "compacted", r->compacted, "seconds", r->seconds);
}

static json_t *index_json(const sage_index_report *r) {
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:f}", "index", (json_int_t)r->index, "keywords",
                     (json_int_t)r->keywords, "model", (json_int_t)r->model, "products", (json_int_t)r->products,
                     "graph_bytes", (json_int_t)r->graph_bytes, "search_width", (json_int_t)r->search_width,
                     "search_recall", r->search_recall, "fusion_weight", r->fusion_weight, "seconds", r->seconds);
}

static json_t *sync_json(const sage_sync_report *r) {
    json_t *root =
        json_pack("{s:o, s:o, s:b, s:I, s:f}", "import", cli_import_json(&r->import), "embed", embed_json(&r->embed),
                  "published", r->published, "release", (json_int_t)r->release, "seconds", r->seconds);
    if (*r->pictures.encoder) json_object_set_new(root, "pictures", cli_pictures_json(&r->pictures));
    if (r->inbox.rows > 0) json_object_set_new(root, "inbox", cli_import_json(&r->inbox));
    if (r->published) json_object_set_new(root, "index", index_json(&r->index));
    return root;
}

static void print_sync(const sage_sync_report *r, const char *shop) {
    char a[64], b[32], c[32], d[32];
    cli_print_import(&r->import, "products", false, shop);
    if (r->inbox.rows > 0) cli_print_import(&r->inbox, "inbox events", true, shop);
    if (*r->pictures.encoder && r->pictures.pictures + r->pictures.searched) cli_print_pictures(&r->pictures, shop);
    printf("Model %" PRIu64 ": %s, %s embedded, %s reused, %s dropped\n", r->embed.model,
           cli_counted(r->embed.products, "product", "products", a), cli_count(r->embed.embedded, b),
           cli_count(r->embed.reused, c), cli_count(r->embed.dropped, d));
    if (r->published)
        printf("Published: release %" PRIu64 ", %s\n", r->release,
               cli_counted(r->index.products, "product", "products", a));
    else
        printf("Nothing changed: release %" PRIu64 " stays in force\n", r->release);
    printf("Done in %.1f s: import %.1f s, pictures %.1f s, embed %.1f s, index %.1f s\n", r->seconds,
           r->import.seconds, r->pictures.seconds, r->embed.seconds, r->index.seconds);
}

static int sync_into(const cli_args *args, sage_shop *shop, const sage_sync_options *options, sage_sync_report *r) {
    sage_error error;
    sage_status st = sage_sync(shop, args->operands, args->n_operands, options, cli_monitor(), r, &error);
    cli_end_progress();
    if (st != SAGE_OK) return cli_fail(&error);
    if (cli_given(args, "json"))
        cli_print_json(sync_json(r));
    else
        print_sync(r, args->shop);
    return CLI_DONE;
}

static int run_sync(const cli_args *args) {
    sage_error error;
    sage_shop *shop;
    sage_sync_options options = {.map = cli_value(args, "map"),
                                 .images_dir = cli_value(args, "images"),
                                 .allow_vanish = cli_given(args, "allow-vanish")};
    const char *format = cli_value(args, "format");
    if (format && sage_feed_format_parse(format, &options.format, &error) != SAGE_OK) return cli_fail(&error);
    sage_sync_report *r = calloc(1, sizeof *r);
    int result = r ? cli_open(args, &shop) : cli_usage("out of memory");
    if (result == CLI_DONE) {
        result = sync_into(args, shop, &options, r);
        sage_shop_close(shop);
    }
    free(r);
    return result;
}

static const cli_flag sync_flags[] = {
    {"allow-vanish", 0, NULL, "Also where more of the products are gone from the feed than sync_vanish allows."},
    CLI_FORMAT_FLAG,
    CLI_MAP_FLAG,
    {"images", 0, "DIR", "Pictures lie below DIR, as for `import products`."},
    CLI_JSON_FLAG,
    {NULL, 0, NULL, NULL},
};

const cli_command cli_sync = {
    .name = "sync",
    .operands = "FILE...",
    .min_operands = 1,
    .max_operands = FILES_MAX,
    .summary = "The daily job: a whole feed into the catalogue, and what changed into a new release",
    .text =
        "Does what `import products --full`, `import images`, `embed` and `index` do, as one job: the files together "
        "are the whole catalogue, and products that are absent are deleted. A release is published only where it "
        "would be another one than that in force; the result says so where nothing changed.\n\n"
        "A feed is refused, and nothing changed, where it lacks more than the share sync_vanish of the products "
        "that there are, where more than the share sync_rejects of its rows are bad, and where it has no good "
        "row.\n\n"
        "It may run while others read the shop. A second writer, another sync too, ends at once and names this one. "
        "Stopped or killed anywhere, it leaves the shop whole; run it again, and it does the rest.",
    .flags = sync_flags,
    .example = "itemsage -C myshop sync feed.xml.gz",
    .run = run_sync,
};
