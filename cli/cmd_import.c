/* itemsage import products | events | images */
#include "import_print.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILES_MAX = 100000 };

typedef sage_status (*import_fn)(sage_shop *, const char *const *, size_t, const sage_import_options *,
                                 const sage_monitor *, sage_import_report *, sage_error *);

/* The pictures that the import brought; nothing where the shop wants none. */
static int follow_pictures(sage_shop *shop, bool events, sage_picture_report *report) {
    sage_error error;
    const sage_picture_options options = {.if_wanted = true, .if_searched = events};
    sage_status st = sage_import_pictures(shop, &options, cli_monitor(), report, &error);
    cli_end_progress();
    if (st == SAGE_OK) return CLI_DONE;
    *report->encoder = '\0';
    return cli_fail(&error);
}

typedef struct reports {
    sage_import_report rows, changes;
    sage_picture_report pictures;
} reports;

static int import_into(const cli_args *args, sage_shop *shop, import_fn fn, bool events,
                       const sage_import_options *options, reports *r) {
    sage_error error;
    bool json = cli_given(args, "json");
    sage_status st = fn(shop, args->operands, args->n_operands, options, cli_monitor(), &r->rows, &error);
    cli_end_progress();
    if (st != SAGE_OK) return cli_fail(&error);
    if (!json) cli_print_import(&r->rows, events ? "events" : "products", events, args->shop);
    int result = follow_pictures(shop, events, &r->pictures);
    bool pictures = *r->pictures.encoder != '\0';
    if (!json && pictures && r->pictures.pictures + r->pictures.searched) cli_print_pictures(&r->pictures, args->shop);
    if (!json) return result;
    json_t *root = cli_import_json(&r->rows);
    if (pictures) json_object_set_new(root, "pictures", cli_pictures_json(&r->pictures));
    cli_print_json(root);
    return result;
}

static int import(const cli_args *args, import_fn fn, bool events) {
    sage_error error;
    sage_shop *shop;
    sage_import_options options = {.full = !events && cli_given(args, "full"),
                                   .again = events && cli_given(args, "again"),
                                   .map = cli_value(args, "map"),
                                   .images_dir = events ? NULL : cli_value(args, "images")};
    const char *format = cli_value(args, "format");
    if (format && sage_feed_format_parse(format, &options.format, &error) != SAGE_OK) return cli_fail(&error);
    reports *r = calloc(1, sizeof *r);
    int result = r ? cli_open(args, &shop) : cli_usage("out of memory");
    if (result == CLI_DONE) {
        result = import_into(args, shop, fn, events, &options, r);
        sage_shop_close(shop);
    }
    free(r);
    return result;
}

static int run_products(const cli_args *args) {
    return import(args, sage_import_products, false);
}
static int run_events(const cli_args *args) {
    return import(args, sage_import_events, true);
}

/* ---- import inbox ---- */

static void tell_inbox(const cli_args *args, const reports *r) {
    json_t *json;
    if (cli_given(args, "json")) {
        json = cli_import_json(&r->rows);
        json_object_set_new(json, "products", cli_import_json(&r->changes));
        cli_print_json(json);
        return;
    }
    if (r->changes.rows > 0) cli_print_import(&r->changes, "product changes", false, args->shop);
    if (r->rows.rows > 0) cli_print_import(&r->rows, "events", true, args->shop);
    if (r->changes.rows + r->rows.rows == 0) printf("nothing waits in the inbox\n");
}

static int run_inbox(const cli_args *args) {
    sage_error error;
    sage_shop *shop;
    reports *r = calloc(1, sizeof *r);
    int result = r ? cli_open(args, &shop) : cli_usage("out of memory");
    if (result == CLI_DONE) {
        sage_status st = sage_import_changes(shop, cli_monitor(), &r->changes, &error);
        if (st == SAGE_OK) st = sage_import_inbox(shop, cli_monitor(), &r->rows, &error);
        cli_end_progress();
        if (st != SAGE_OK)
            result = cli_fail(&error);
        else
            tell_inbox(args, r);
        sage_shop_close(shop);
    }
    free(r);
    return result;
}

static const cli_flag inbox_flags[] = {CLI_JSON_FLAG, {NULL, 0, NULL, NULL}};

const cli_command cli_import_inbox = {
    .name = "import inbox",
    .operands = "",
    .summary = "Brings in the events and products that `itemsage serve` took",
    .text =
        "What came to /v1/events of the server lies safely in inbox/ until it is brought into the catalogue: by this "
        "command, by `itemsage sync`, and by `itemsage forget`. Products that came, changed and went at /v1/products "
        "lie in changes/: this command, `itemsage sync` and `itemsage import products` bring them in, and `embed` and "
        "`index` then make them part of a release. It may run while the server goes on, and again after it was "
        "stopped: an event is stored once, and so is a change.",
    .flags = inbox_flags,
    .example = "itemsage -C myshop import inbox",
    .run = run_inbox,
};

/* ---- import images ---- */

static int take_vectors(const cli_args *args, sage_shop *shop, reports *r) {
    sage_error error;
    sage_status st = sage_import_image_vectors(shop, cli_value(args, "vectors"), cli_value(args, "ids"), cli_monitor(),
                                               &r->rows, &error);
    cli_end_progress();
    if (st != SAGE_OK) return cli_fail(&error);
    if (cli_given(args, "json"))
        cli_print_json(cli_import_json(&r->rows));
    else
        cli_print_import(&r->rows, "image vectors", false, args->shop);
    return CLI_DONE;
}

static int compute_vectors(const cli_args *args, sage_shop *shop, reports *r) {
    sage_error error;
    const sage_picture_options options = {.images_dir = cli_value(args, "images"), .again = cli_given(args, "again")};
    sage_status st = sage_import_pictures(shop, &options, cli_monitor(), &r->pictures, &error);
    cli_end_progress();
    if (st != SAGE_OK) return cli_fail(&error);
    if (cli_given(args, "json"))
        cli_print_json(cli_pictures_json(&r->pictures));
    else
        cli_print_pictures(&r->pictures, args->shop);
    return CLI_DONE;
}

static void print_link(void *ctx, const char *link, const char *name) {
    (void)ctx;
    printf("%s\t%s\n", link, name);
}

static int list_links(const cli_args *args, sage_shop *shop) {
    sage_error error;
    if (sage_list_pictures(shop, cli_value(args, "images"), print_link, NULL, cli_monitor(), &error) != SAGE_OK)
        return cli_fail(&error);
    return CLI_DONE;
}

static int run_images(const cli_args *args) {
    sage_shop *shop;
    bool vectors = cli_value(args, "vectors") != NULL, ids = cli_value(args, "ids") != NULL;
    bool list = cli_given(args, "list");
    if (vectors != ids) return cli_usage("'itemsage import images' takes --vectors FILE.npy and --ids FILE together");
    if (vectors && (list || cli_given(args, "again") || cli_value(args, "images")))
        return cli_usage("'itemsage import images' takes vectors, or computes them from pictures: not both at once");
    reports *r = calloc(1, sizeof *r);
    int result = r ? cli_open(args, &shop) : cli_usage("out of memory");
    if (result == CLI_DONE) {
        result = list ? list_links(args, shop) : vectors ? take_vectors(args, shop, r) : compute_vectors(args, shop, r);
        sage_shop_close(shop);
    }
    free(r);
    return result;
}

static const cli_flag product_flags[] = {
    {"full", 0, NULL, "The files together are the whole catalogue: products that are absent are deleted."},
    CLI_FORMAT_FLAG,
    CLI_MAP_FLAG,
    {"images", 0, "DIR",
     "Pictures lie below DIR: links without a scheme, file: links into it, and downloads of others; links that leave "
     "it are rejected. Remembered for later imports."},
    CLI_JSON_FLAG,
    {NULL, 0, NULL, NULL},
};

const cli_command cli_import_products = {
    .name = "import products",
    .operands = "FILE...",
    .min_operands = 1,
    .max_operands = FILES_MAX,
    .summary = "Reads product feeds into the catalogue",
    .text = "Reads feeds in CSV, TSV, JSON Lines or Google Merchant XML, each also gzipped; `-` is standard input. "
            "Products are added or changed by their id. Fields have Google Merchant Center's names; every other column "
            "is kept as an attribute.\n\n"
            "A bad row never stops an import and is never dropped silently: it is kept with its line, column, reason "
            "and text, and counted at the end. All files are one transaction: stopped half-way, the catalogue is as "
            "before.\n\n"
            "Where a folder of pictures is known, the vectors of new and changed pictures are computed afterwards, as "
            "`import images` does.",
    .flags = product_flags,
    .example = "itemsage -C myshop import products feed.xml.gz --images pictures",
    .run = run_products,
};

static const cli_flag event_flags[] = {
    {"again", 0, NULL, "Imports a file although its content has been imported before."},
    CLI_FORMAT_FLAG,
    CLI_MAP_FLAG,
    CLI_JSON_FLAG,
    {NULL, 0, NULL, NULL},
};

const cli_command cli_import_events = {
    .name = "import events",
    .operands = "FILE...",
    .min_operands = 1,
    .max_operands = FILES_MAX,
    .summary = "Reads event logs: who searched or looked at what, then clicked, saved, bought",
    .text =
        "Reads event logs in the same formats as feeds. Fields: timestamp, user_id, surface (search, image, "
        "product, user), query, product_id, event (click, save, add_to_cart, checkout, or GA4's select_item, "
        "view_item, add_to_wishlist, purchase), count, event_id, position (the rank at which the product was shown, "
        "from 1 on; GA4's index from 0) and propensity (the probability that it was seen there), by which `eval` "
        "weighs.\n\nA file that has been imported already is "
        "refused by its content; an event_id, where given, removes duplicates. Events of products that are not in "
        "the catalogue are kept and counted.",
    .flags = event_flags,
    .example = "itemsage -C myshop import events 2026-11-*.tsv.gz",
    .run = run_events,
};

static const cli_flag image_flags[] = {
    {"images", 0, "DIR", "The folder that pictures lie in; without it the one that was named last."},
    {"again", 0, NULL, "Tries files once more that were refused and have not changed since."},
    {"list", 0, NULL,
     "Prints remote links of pictures that are not there yet, each with a tab and the name below DIR under which its "
     "file is looked for."},
    {"vectors", 0, "FILE.npy",
     "Takes vectors that were made elsewhere, one row each: f32, f16 or f64, any width, the same for the whole shop."},
    {"ids", 0, "FILE", "As many product ids, one a line; a product may occur up to 20 times."},
    CLI_JSON_FLAG,
    {NULL, 0, NULL, NULL},
};

const cli_command cli_import_images = {
    .name = "import images",
    .operands = "",
    .summary = "Computes vectors of pictures, or takes those made elsewhere",
    .text = "Reads the pictures that products link to (JPEG, PNG, WebP) as far as they are new or have changed, and "
            "computes their vectors with the shop's picture_encoder. A vector is computed once for each content of a "
            "file and encoder. Stopped at any time, it goes on with the next run. A picture that is missing or bad is "
            "kept as a rejected row of its product.\n\n"
            "With --vectors and --ids it gives products vectors of any frozen encoder from an .npy file and a file of "
            "product ids, in place of those that they had; a shop has vectors of one origin.\n\n"
            "The next training uses picture vectors as tokens of products and as queries.",
    .flags = image_flags,
    .example = "itemsage -C myshop import images --images pictures",
    .run = run_images,
};

/* ---- import vectors ---- */

static void print_given(const char *surface, const sage_query_vectors_report *r) {
    static const struct {
        const char *surface, *what, *unknown;
    } words[] = {{"search", "search texts", "nobody searched for"},
                 {"image", "pictures", "no event began with"},
                 {"product", "products", "the catalogue does not know"},
                 {"user", "users", "did nothing that the catalogue knows of"}};
    char n[32];
    size_t i = 0;
    while (i + 1 < sizeof words / sizeof *words && strcmp(words[i].surface, surface) != 0) i++;
    printf("%s %s have vectors of %llu numbers; the next training leads products to them\n", cli_count(r->vectors, n),
           words[i].what, (unsigned long long)r->dim);
    if (r->unknown) printf("%s of them %s; they are kept\n", cli_count(r->unknown, n), words[i].unknown);
}

static int run_vectors(const cli_args *args) {
    sage_error error;
    sage_shop *shop;
    sage_query_vectors_report r;
    const char *surface = cli_value(args, "surface") ? cli_value(args, "surface") : "search";
    int result = cli_open(args, &shop);
    if (result != CLI_DONE) return result;
    if (sage_import_query_vectors(shop, surface, args->operands[0], args->operands[1], &r, &error) != SAGE_OK)
        result = cli_fail(&error);
    else if (cli_given(args, "json"))
        cli_print_json(json_pack("{s:s, s:I, s:I, s:I}", "surface", surface, "vectors", (json_int_t)r.vectors, "dim",
                                 (json_int_t)r.dim, "unknown", (json_int_t)r.unknown));
    else
        print_given(surface, &r);
    sage_shop_close(shop);
    return result;
}

static const cli_flag vector_flags[] = {
    {"surface", 0, "NAME", "Whose queries they are: search (the default), image, product or user."},
    CLI_JSON_FLAG,
    {NULL, 0, NULL, NULL},
};

const cli_command cli_import_vectors = {
    .name = "import vectors",
    .operands = "FILE.npy IDS",
    .min_operands = 2,
    .max_operands = 2,
    .summary = "Takes vectors of queries that were made elsewhere",
    .text =
        "Reads an .npy of f32, f16 or f64, one row a query, and as many lines that say whose they are: search texts, "
        "or "
        "with --surface image the links of pictures, as events have them, with --surface product or user ids. They "
        "take the place of those that the shop had for this surface; of equal lines the last counts; a vector that is "
        "zero or not finite refuses the file. Those of all surfaces have one width.\n\n"
        "The next training leads product vectors to these queries as they are (as the paper does with SearchSage), and "
        "the towers beside them, which answer for queries without a vector. Product vectors are then as wide as these. "
        "Searches ask with them: `query --text`, `--image`, `--product`, `--user`, and `eval`. "
        "`--set search_vectors=off` leaves them aside.",
    .flags = vector_flags,
    .example = "itemsage -C myshop import vectors --surface user users.npy users.txt",
    .run = run_vectors,
};
