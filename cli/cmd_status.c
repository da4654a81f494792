/* itemsage status, itemsage forget */
#include "cli.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REJECTS_MAX = 100000 };

static void version(const char *name, uint64_t number) {
    if (number)
        printf("  %-22s %llu\n", name, (unsigned long long)number);
    else
        printf("  %-22s none yet\n", name);
}

static void count(const char *name, uint64_t n) {
    char out[32];
    printf("  %-22s %s\n", name, cli_count(n, out));
}

static void print_kernels(void) {
    sage_kernels k;
    sage_measure_kernels(&k);
    printf("  %-22s %s\n", "kernels", k.isa);
    for (int i = 0; i < SAGE_PRECISIONS; i++)
        printf("  kernels of %-11s %s, %.0f of %.0f GFLOP/s a core (%.0f %%)\n", k.products[i].precision,
               k.products[i].name, k.products[i].gflops, k.products[i].peak_gflops,
               100 * k.products[i].gflops / k.products[i].peak_gflops);
    if (*k.advice) printf("  %-22s %s\n", "slow", k.advice);
}

/* Vectors of queries that were imported, by surface. */
static const struct {
    const char *shown, *key;
} given_names[4] = {{"search vectors", "search"},
                    {"picture query vectors", "image"},
                    {"product query vectors", "product"},
                    {"user vectors", "user"}};

/* What computed them, and what became of the other pictures. */
static void print_pictures(const sage_shop_state *s) {
    if (s->image_vectors)
        printf("    %-20s %s\n", "computed by",
               !*s->picture_encoder                         ? "others, elsewhere"
               : strcmp(s->picture_encoder, "builtin") == 0 ? "builtin (weak: colours, edges, texture)"
                                                            : s->picture_encoder);
    char n[32];
    if (s->picture_rejects) printf("    %-20s %s\n", "rejected", cli_count(s->picture_rejects, n));
}

static void print_state(const sage_shop *shop, const sage_shop_state *s) {
    printf("Shop %s\n", sage_shop_directory(shop));
    count("products", s->products);
    count("images", s->images);
    count("image vectors", s->image_vectors);
    print_pictures(s);
    count("queries", s->queries);
    for (int i = 0; i < 4; i++)
        if (s->query_vectors[i]) count(given_names[i].shown, s->query_vectors[i]);
    count("events", s->events);
    for (uint64_t i = 0; i < s->task_n; i++) {
        printf("    ");
        count(s->tasks[i].task, s->tasks[i].events);
    }
    if (s->unknown_product_events) count("of unknown products", s->unknown_product_events);
    count("rejected rows", s->rejects);
    for (uint64_t i = 0; i < s->reason_n; i++) {
        printf("    ");
        count(s->reasons[i].reason, s->reasons[i].count);
    }
    version("dataset", s->dataset);
    version("model", s->model);
    if (s->training_unfinished) printf("  %-22s waits; 'itemsage train' goes on with it\n", "unfinished training");
    if (s->model) count("stale vectors", s->vectors_stale);
    if (s->current_index)
        printf("  %-22s model %llu, index %llu, keywords %llu%s\n", "published", (unsigned long long)s->current_model,
               (unsigned long long)s->current_index, (unsigned long long)s->current_keywords,
               s->current_revision < s->catalogue_revision ? " (the catalogue is newer: run embed and index)" : "");
    else
        printf("  %-22s nothing yet\n", "published");
    if (s->current_width)
        printf("    %-20s by its graph, %llu wide, recall %.3f\n", "vectors searched",
               (unsigned long long)s->current_width, s->current_recall);
    else if (s->current_index)
        printf("    %-20s exactly\n", "vectors searched");
    if (s->current_index) printf("    %-20s %s\n", "users answered by", s->current_users);
}

static void add_kernels(json_t *root) {
    sage_kernels k;
    json_t *products = json_object();
    sage_measure_kernels(&k);
    for (int i = 0; i < SAGE_PRECISIONS; i++)
        json_object_set_new(products, k.products[i].precision,
                            json_pack("{s:s, s:f, s:f}", "name", k.products[i].name, "gflops", k.products[i].gflops,
                                      "peak_gflops", k.products[i].peak_gflops));
    json_object_set_new(root, "isa", json_string(k.isa));
    json_object_set_new(root, "kernels", products);
    json_object_set_new(root, "advice", *k.advice ? json_string(k.advice) : json_null());
}

static json_t *state_json(const sage_shop_state *s) {
    json_t *reasons = json_object(), *tasks = json_object(), *given = json_object();
    for (int i = 0; i < 4; i++)
        json_object_set_new(given, given_names[i].key, json_integer((json_int_t)s->query_vectors[i]));
    for (uint64_t i = 0; i < s->reason_n; i++)
        json_object_set_new(reasons, s->reasons[i].reason, json_integer((json_int_t)s->reasons[i].count));
    for (uint64_t i = 0; i < s->task_n; i++)
        json_object_set_new(tasks, s->tasks[i].task, json_integer((json_int_t)s->tasks[i].events));
    const struct {
        const char *key;
        uint64_t value;
    } numbers[] = {{"products", s->products},
                   {"images", s->images},
                   {"image_vectors", s->image_vectors},
                   {"picture_rejects", s->picture_rejects},
                   {"queries", s->queries},
                   {"events", s->events},
                   {"unknown_product_events", s->unknown_product_events},
                   {"rejects", s->rejects},
                   {"catalogue_revision", (uint64_t)s->catalogue_revision},
                   {"dataset", s->dataset},
                   {"model", s->model},
                   {"vectors", s->vectors_model},
                   {"vectors_stale", s->vectors_stale},
                   {"current_model", s->current_model},
                   {"current_index", s->current_index},
                   {"current_keywords", s->current_keywords},
                   {"current_revision", (uint64_t)s->current_revision},
                   {"search_width", s->current_width}};
    json_t *root = json_object();
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        json_object_set_new(root, numbers[i].key, json_integer((json_int_t)numbers[i].value));
    json_object_set_new(root, "picture_encoder", *s->picture_encoder ? json_string(s->picture_encoder) : json_null());
    json_object_set_new(root, "search_recall", s->current_width ? json_real(s->current_recall) : json_null());
    json_object_set_new(root, "users_answered_by", *s->current_users ? json_string(s->current_users) : json_null());
    json_object_set_new(root, "training_unfinished", json_boolean(s->training_unfinished));
    json_object_set_new(root, "tasks", tasks);
    json_object_set_new(root, "reasons", reasons);
    json_object_set_new(root, "query_vectors", given);
    add_kernels(root);
    return root;
}

static int print_rejects(sage_shop *shop, size_t limit, json_t *root) {
    sage_error error;
    size_t n = 0;
    int result = CLI_DONE;
    sage_reject *rejects = calloc(limit, sizeof *rejects);
    if (!rejects) return cli_usage("out of memory");
    json_t *list = json_array();
    if (sage_shop_rejects(shop, rejects, limit, &n, &error) != SAGE_OK) result = cli_fail(&error);
    for (size_t i = 0; i < n; i++) {
        const sage_reject *r = &rejects[i];
        if (root)
            json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:s, s:s, s:s}", "source", r->source, "line",
                                                  (json_int_t)r->line, "column", (json_int_t)r->column, "reason",
                                                  r->reason, "detail", r->detail, "raw", r->raw));
        else if (!r->line) /* a picture has no line */
            printf("%s: %s: %s\n    %s\n", r->source, r->reason, r->detail, r->raw);
        else
            printf("%s:%llu:%llu: %s: %s\n    %s\n", r->source, (unsigned long long)r->line,
                   (unsigned long long)r->column, r->reason, r->detail, r->raw);
    }
    if (root) json_object_set(root, "rejected_rows", list);
    json_decref(list);
    free(rejects);
    return result;
}

/* ---- the index's columns ---- */

static void print_bytes(const char *text, size_t n) {
    for (size_t i = 0; i < n; i++) putchar((unsigned char)text[i] < 0x20 || text[i] == 0x7F ? ' ' : text[i]);
}

static int characters(const char *text, size_t n) {
    int count = 0;
    for (size_t i = 0; i < n; i++) count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return count;
}

/* As much of it as is read at a glance; a feed's value may have a mebibyte. */
static void print_value(const char *text, size_t n) {
    enum { SHOWN = 60 };
    size_t end = 0;
    for (int seen = 0; end < n; end++)
        if (((unsigned char)text[end] & 0xC0) != 0x80 && seen++ == SHOWN) break;
    print_bytes(text, end);
    if (end < n) printf("…");
}

/* `ctx`: counts those that no product has, and shows the others. */
static sage_status print_column(void *ctx, const sage_filter_column *c, sage_error *error) {
    char n[32];
    (void)error;
    if (c->products == 0) {
        ++*(size_t *)ctx;
        return SAGE_OK;
    }
    const int width = characters(c->name, c->name_bytes);
    printf("  ");
    print_bytes(c->name, c->name_bytes);
    printf("%*s %-7s %s product%s", width < 24 ? 24 - width : 0, "", c->kind, cli_count(c->products, n),
           c->products == 1 ? "" : "s");
    if (c->least <= c->most) printf(", %g to %g", c->least, c->most);
    if (c->values > 0) printf(", %s value%s: ", cli_count(c->values, n), c->values == 1 ? "" : "s");
    for (size_t i = 0; i < c->n_common; i++) {
        if (i > 0) printf(", ");
        print_value(c->common[i].text, c->common[i].bytes);
        printf(" (%s)", cli_count(c->common[i].products, n));
    }
    printf("%s\n", c->values > c->n_common ? ", ..." : "");
    return SAGE_OK;
}

static sage_status add_column(void *ctx, const sage_filter_column *c, sage_error *error) {
    json_t *common = json_array();
    json_t *column = json_pack("{s:s%, s:s, s:I}", "name", c->name, c->name_bytes, "kind", c->kind, "products",
                               (json_int_t)c->products);
    (void)error;
    if (c->least <= c->most) {
        json_object_set_new(column, "least", json_real(c->least));
        json_object_set_new(column, "most", json_real(c->most));
    }
    for (size_t i = 0; i < c->n_common; i++)
        json_array_append_new(common, json_pack("{s:s%, s:I}", "value", c->common[i].text, c->common[i].bytes,
                                                "products", (json_int_t)c->common[i].products));
    if (c->values > 0) {
        json_object_set_new(column, "values", json_integer((json_int_t)c->values));
        json_object_set(column, "common", common);
    }
    json_decref(common);
    json_array_append_new(ctx, column);
    return SAGE_OK;
}

/* `root` NULL: for people. */
static int print_columns(sage_shop *shop, json_t *root) {
    sage_error error;
    size_t empty = 0;
    json_t *list = root ? json_array() : NULL;
    if (!root) printf("columns that query --where can ask about\n");
    sage_status st = sage_shop_columns(shop, root ? add_column : print_column, root ? (void *)list : &empty, &error);
    if (empty > 0) printf("  and %zu that no product has\n", empty);
    if (root) json_object_set_new(root, "columns", list);
    return st == SAGE_OK ? CLI_DONE : cli_fail(&error);
}

static int run_status(const cli_args *args) {
    sage_error error;
    sage_shop *shop;
    size_t rejects = 0;
    if (!cli_number(args, "rejects", 1, REJECTS_MAX, &rejects)) return CLI_USAGE;
    sage_shop_state *state = calloc(1, sizeof *state);
    if (!state) return cli_usage("out of memory");
    int result = cli_open(args, &shop);
    if (result == CLI_DONE) {
        json_t *root = NULL;
        if (sage_shop_read_state(shop, state, &error) != SAGE_OK)
            result = cli_fail(&error);
        else if (cli_given(args, "json"))
            root = state_json(state);
        else
            print_state(shop, state);
        if (result == CLI_DONE) result = root ? cli_add_releases(shop, root) : cli_print_releases(shop);
        if (result == CLI_DONE && !root) print_kernels();
        if (result == CLI_DONE && cli_given(args, "columns")) result = print_columns(shop, root);
        if (result == CLI_DONE && rejects) result = print_rejects(shop, rejects, root);
        if (root) {
            json_dumpf(root, stdout, JSON_INDENT(2));
            putchar('\n');
            json_decref(root);
        }
        sage_shop_close(shop);
    }
    free(state);
    return result;
}

static const cli_flag status_flags[] = {
    {"rejects", 0, "N", "Shows the N newest rejected rows with line, column, reason and text as well."},
    {"columns", 0, NULL,
     "Shows what the filters of queries can ask about as well: columns of the published index, their kinds and most "
     "frequent values."},
    {"json", 0, NULL, "Prints it as JSON."},
    {NULL, 0, NULL, NULL},
};

const cli_command cli_status = {
    .name = "status",
    .operands = "",
    .summary = "What is in the shop, and what is stale",
    .text = "Counts products, pictures, queries, events by task and rejected rows by reason; names the newest dataset, "
            "model, index, what is published and the releases that are kept; says what is out of date. Names the "
            "matrix products in use, and how "
            "fast they are beside what the processor can do.",
    .flags = status_flags,
    .example = "itemsage -C myshop status --rejects 20",
    .run = run_status,
};

static int run_forget(const cli_args *args) {
    sage_error error;
    sage_shop *shop;
    uint64_t events = 0;
    char n[32];
    const char *user = cli_value(args, "user");
    if (!user) return cli_usage("'itemsage forget' needs --user ID");
    int result = cli_open(args, &shop);
    if (result != CLI_DONE) return result;
    if (sage_shop_forget_user(shop, user, &events, &error) != SAGE_OK)
        result = cli_fail(&error);
    else if (!events)
        printf("no event of user %s was there\n", user);
    else
        printf("%s events of user %s removed; the next 'itemsage train' learns without them\n", cli_count(events, n),
               user);
    sage_shop_close(shop);
    return result;
}

static const cli_flag forget_flags[] = {{"user", 0, "ID", "Whose events to remove."}, {NULL, 0, NULL, NULL}};

const cli_command cli_forget = {
    .name = "forget",
    .operands = "",
    .summary = "Removes a person",
    .text =
        "Removes every event of a user from the catalogue, and the user's vector where one was imported. Datasets that "
        "were packed before keep their pairs until the next training.",
    .flags = forget_flags,
    .example = "itemsage -C myshop forget --user 4711",
    .run = run_forget,
};
