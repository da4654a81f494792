/* itemsage query */
#include "cli.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct part {
    const char *name;
    double value;
} part;

enum { PARTS = 4 };

/* Those that add something; gives how many. */
static size_t parts_of(const sage_hit *hit, part parts[PARTS]) {
    const part all[PARTS] = {{"vectors", (double)hit->parts.vectors},
                             {"keywords", (double)hit->parts.keywords},
                             {"own", (double)hit->parts.own},
                             {"together", (double)hit->parts.together}};
    size_t n = 0;
    for (size_t i = 0; i < PARTS; i++)
        if (all[i].value != 0) parts[n++] = all[i];
    return n;
}

static json_t *json_parts(const sage_hit *hit) {
    json_t *object = json_object();
    part parts[PARTS];
    size_t n = parts_of(hit, parts);
    for (size_t i = 0; i < n; i++) json_object_set_new(object, parts[i].name, json_real(parts[i].value));
    return object;
}

static void print_json(const sage_hit *hits, size_t n) {
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *hit = json_pack("{s:i, s:f, s:s, s:s}", "rank", (int)i + 1, "score", (double)hits[i].score, "id",
                                hits[i].id, "title", hits[i].title);
        const char *const extra[][2] = {{"brand", hits[i].brand}, {"category", hits[i].category},
                                        {"price", hits[i].price}, {"availability", hits[i].availability},
                                        {"link", hits[i].link},   {"image_link", hits[i].image_link}};
        for (size_t e = 0; e < sizeof extra / sizeof *extra; e++)
            if (*extra[e][1]) json_object_set_new(hit, extra[e][0], json_string(extra[e][1]));
        json_object_set_new(hit, "parts", json_parts(&hits[i]));
        if (hits[i].interest >= 0) {
            json_object_set_new(hit, "interest", json_integer(hits[i].interest));
            json_object_set_new(hit, "interest_id", json_string(hits[i].interest_id));
        }
        json_array_append_new(list, hit);
    }
    json_dumpf(list, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(list);
}

/* A feed's text on one line: its line breaks and other controls (ASCII, and U+0080 to U+009F) would steer a terminal.
 */
static void print_text(const char *between, const char *text) {
    if (!*text) return;
    fputs(between, stdout);
    for (; *text; text++) {
        bool c1 = (unsigned char)text[0] == 0xC2 && (unsigned char)text[1] >= 0x80 && (unsigned char)text[1] < 0xA0;
        putchar((unsigned char)*text < 0x20 || *text == 0x7F || c1 ? ' ' : *text);
        text += c1;
    }
}

static void print_why(const sage_hit *hit) {
    part parts[PARTS];
    size_t n = parts_of(hit, parts);
    for (size_t i = 0; i < n; i++) printf("%s%s %.4f", i == 0 ? "  · " : ", ", parts[i].name, parts[i].value);
}

static void print_table(const sage_hit *hits, size_t n, bool why) {
    if (!n) printf("nothing found\n");
    for (size_t i = 0; i < n; i++) {
        printf("%4zu  %7.4f  %-20s", i + 1, (double)hits[i].score, hits[i].id);
        print_text("  ", hits[i].title);
        print_text("  · ", hits[i].category);
        print_text("  · ", hits[i].price);
        print_text("  · as ", hits[i].interest_id);
        if (why) print_why(&hits[i]);
        putchar('\n');
    }
}

static int search(const cli_args *args, sage_shop *shop, const sage_query *query) {
    sage_error error;
    sage_searcher *searcher;
    const sage_hit *hits;
    size_t n;
    int result = CLI_DONE;
    if (sage_searcher_open(shop, &searcher, &error) != SAGE_OK) return cli_fail(&error);
    if (sage_search(searcher, query, &hits, &n, &error) != SAGE_OK)
        result = cli_fail(&error);
    else if (cli_given(args, "json"))
        print_json(hits, n);
    else
        print_table(hits, n, cli_given(args, "why"));
    if (result == CLI_DONE && query->method == SAGE_AUTO && sage_searcher_method(searcher) == SAGE_HYBRID)
        fprintf(stderr, "by hybrid, which did best for validation users; --method vectors asks the tower alone\n");
    if (result == CLI_DONE && !sage_searcher_complete(searcher))
        fprintf(stderr, "the budget ended the search early; nearer products may be missing\n");
    sage_searcher_close(searcher);
    return result;
}

static const char *const events[] = {"click",       "save",      "add_to_cart",     "checkout",
                                     "select_item", "view_item", "add_to_wishlist", "purchase"};

/* "ID:EVENT" cut at its last colon where an event's name follows; else all of it is the id: ids may hold colons. */
static sage_session_event session_event(char *text) {
    char *colon = strrchr(text, ':');
    for (size_t e = 0; colon && e < sizeof events / sizeof *events; e++) {
        if (strcmp(colon + 1, events[e]) != 0) continue;
        *colon = '\0';
        return (sage_session_event){text, events[e], 0};
    }
    return (sage_session_event){text, NULL, 0};
}

/* "ID[:EVENT],..." cut in place. *session is the caller's to free. */
static int parse_session(char *text, sage_session_event **session, size_t *n) {
    size_t room = 1;
    for (const char *at = text; *at; at++) room += *at == ',';
    *session = calloc(room, sizeof **session);
    if (!*session) return cli_usage("out of memory");
    for (char *next = text; next;) {
        char *item = next;
        if ((next = strchr(item, ','))) *next++ = '\0';
        if (!*item) return cli_usage("'--session' takes products as ID[:EVENT],ID[:EVENT],...; one of them is empty");
        (*session)[(*n)++] = session_event(item);
    }
    return CLI_DONE;
}

/* "COLUMN=N,..." cut in place. */
static int parse_caps(char *text, sage_cap caps[SAGE_CAPS_MAX], size_t *n) {
    for (char *next = text; next;) {
        char *item = next, *end;
        if ((next = strchr(item, ','))) *next++ = '\0';
        char *equals = strchr(item, '=');
        if (!equals || equals == item || *n == SAGE_CAPS_MAX)
            return cli_usage("'--at-most' takes up to %d limits as COLUMN=N,COLUMN=N", SAGE_CAPS_MAX);
        *equals = '\0';
        unsigned long most = strtoul(equals + 1, &end, 10);
        if (equals[1] < '0' || equals[1] > '9' || *end || most < 1 || most > 10000)
            return cli_usage("'--at-most %s=%s' is no limit; it takes 1 to 10000", item, equals + 1);
        caps[(*n)++] = (sage_cap){item, most};
    }
    return CLI_DONE;
}

/* Of two the last would hold alone, and products come that the first was to keep out. */
static int check_where(const cli_args *args) {
    size_t n = 0;
    for (size_t i = 0; i < args->n_given; i++) n += strcmp(args->given[i].flag->name, "where") == 0;
    return n < 2 ? CLI_DONE : cli_usage("'--where' is given %zu times; give one, with 'and' between its conditions", n);
}

static int check_kind(const cli_args *args, const sage_query *query) {
    const bool user = query->user_id || cli_given(args, "session");
    if ((query->text != NULL) + (query->product_id != NULL) + (query->image != NULL) + (query->vector != NULL) + user !=
        1)
        return cli_usage("'itemsage query' needs one of --text TEXT, --product ID, --image FILE, --vector FILE.npy "
                         "and --user ID (or --session ID,...)");
    if (!user && (query->interests || query->fresh))
        return cli_usage("'--%s' goes with --user or --session", query->interests ? "interests" : "new");
    return CLI_DONE;
}

static int ask(const cli_args *args, sage_query *query) {
    sage_error error;
    sage_shop *shop;
    const char *method = cli_value(args, "method");
    if (method && sage_method_parse(method, &query->method, &error) != SAGE_OK) return cli_fail(&error);
    if (!cli_number(args, "n", 1, 10000, &query->n)) return CLI_USAGE;
    if (!cli_number(args, "dims", 1, 65536, &query->dims)) return CLI_USAGE;
    if (!cli_real(args, "budget-ms", false, &query->budget_ms)) return CLI_USAGE;
    if (!cli_share(args, "diversity", &query->diversity)) return CLI_USAGE;
    int result = cli_open(args, &shop);
    if (result != CLI_DONE) return result;
    result = search(args, shop, query);
    sage_shop_close(shop);
    return result;
}

static int run(const cli_args *args) {
    sage_session_event *session = NULL;
    const char *did = cli_value(args, "session");
    const char *at_most = cli_value(args, "at-most");
    char *copy = did ? strdup(did) : NULL, *limits = at_most ? strdup(at_most) : NULL;
    sage_cap caps[SAGE_CAPS_MAX];
    sage_query query = {.text = cli_value(args, "text"),
                        .product_id = cli_value(args, "product"),
                        .image = cli_value(args, "image"),
                        .vector = cli_value(args, "vector"),
                        .user_id = cli_value(args, "user"),
                        .interests = cli_given(args, "interests"),
                        .fresh = cli_given(args, "new"),
                        .exact = cli_given(args, "exact"),
                        .where = cli_value(args, "where"),
                        .collapse = cli_given(args, "collapse"),
                        .caps = caps,
                        .method = SAGE_AUTO,
                        .n = 10};
    int result = (did && !copy) || (at_most && !limits) ? cli_usage("out of memory") : check_kind(args, &query);
    if (result == CLI_DONE) result = check_where(args);
    if (result == CLI_DONE && copy) result = parse_session(copy, &session, &query.n_session);
    if (result == CLI_DONE && limits) result = parse_caps(limits, caps, &query.n_caps);
    query.session = session;
    if (result == CLI_DONE) result = ask(args, &query);
    free(session);
    free(copy);
    free(limits);
    return result;
}

static const cli_flag flags[] = {
    {"text", 't', "TEXT", "A search text."},
    {"product", 'p', "ID", "A product: finds what goes with it, or is like it; never itself nor its variants."},
    {"image", 'i', "FILE", "A picture (JPEG, PNG, WebP): finds products for it, by vectors."},
    {"vector", 0, "FILE.npy", "A vector of your own, one row as wide as the published vectors."},
    {"user", 'u', "ID", "A user: finds products by what the events of that user_id say."},
    {"session", 0, "ID[:EVENT],...",
     "Products just looked at, oldest first, with click (the default), save, add_to_cart or checkout; alone, or as the "
     "newest events of --user."},
    {"interests", 0, NULL, "Answers --user and --session by several interests, whatever the model has for users."},
    {"new", 0, NULL, "Leaves out what the user or session knows already, and its variants."},
    {"method", 'm', "NAME",
     "vectors, hybrid, for texts keywords, or auto (the default): of users what did best for validation users when the "
     "release was built, vectors or hybrid; else vectors."},
    {"n", 'n', "N", "How many results, 1 to 10000; 10 where not given."},
    {"exact", 0, NULL, "Compares every product's vector, also where the index has a graph (see the option index)."},
    {"budget-ms", 0, "T",
     "Ends a walk through the index's graph after so many milliseconds with the results that it has, and says so."},
    {"where", 'w', "EXPR",
     "Which products may be found, such as \"availability = in_stock and price < 50 EUR and brand in (acme, zed)\"; "
     "see below, and 'itemsage help status' for a list of what can be asked about."},
    {"dims", 0, "M", "Compares the first M numbers of the vectors alone; see the option matryoshka."},
    {"collapse", 0, NULL, "Of variants (products that share an item_group_id), the best one alone."},
    {"at-most", 0, "COLUMN=N,...", "At most N results of one brand, domain, or any other column of words."},
    {"diversity", 0, "X",
     "From 0 (the default) to 1: how much it counts against a result that it is like those before it."},
    {"why", 0, NULL, "Shows what each score is made of; JSON always does."},
    {"json", 0, NULL, "Prints the results as JSON."},
    {NULL, 0, NULL, NULL},
};

const cli_command cli_query = {
    .name = "query",
    .operands = "",
    .summary = "Finds products for a search text, a product, a picture or a user",
    .text =
        "Searches the published release. `vectors` ranks by the learned vectors, `keywords` by BM25 over the "
        "catalogue's words, `hybrid` by both. Scores can be compared within one query only. With `--why`, and as "
        "`parts` in JSON, each result says "
        "what its score is made of: `vectors` and `keywords`; for users, `own`, that they dealt with it before, and "
        "`together`, that others did who deal with the user's products.\n\n"
        "A picture is answered by the model's tower for pictures, where pictures that shoppers searched with "
        "taught it (events of the surface image). Where only products' own pictures did, the ten products whose "
        "pictures look most like it have half the say; where none did, they speak alone. It needs a model that was "
        "trained with pictures whose vectors the shop computed (`import images`), and that encoder, unless the "
        "shop has seen the picture already.\n\n"
        "A product is answered by the model's tower for products that are looked at, where purchases and clicks of "
        "users taught it one, else by its own vector; a user by the tower for users, where there is one.\n\n"
        "Else, and with `--interests`, a user's newest products are clustered by their vectors into interests; the "
        "product in the middle of each speaks for it, and the most important ones (recent events and purchases "
        "weigh more) take turns in the result, each as often as it is important. `· as ID` says which one gave a "
        "product. Scores are of that product, so they do not fall down the list. Options `interests` and "
        "`interest_*` set how.\n\n"
        "For a user, `hybrid` adds to the tower's scores what the user's own products are worth, by number and age "
        "of the events, and what those dealt with who dealt with these products; how much was chosen on validation "
        "users when the release was built, and where it was best for them, users are answered by it.\n\n"
        "`--where` says which products may be found, by whatever method; as many as are asked for come where so many "
        "are accepted. Tests are `=`, `!=`, `<`, `<=`, `>`, `>=`, `in (A, B)`, `not in (A, B)`, `has COLUMN`, `COLUMN "
        "is "
        "missing`, `COLUMN under \"A > B\"` for paths of categories, and a column of true and false by its name alone; "
        "`and` binds closer than `or`, `not` closest, and parentheses group. Values of several words, and names of "
        "columns with blanks, are quoted. Upper and lower case are one, and so are `_` and a blank. Where a product "
        "has "
        "several values (colours, tags), `=` and `in` ask whether one of them is; a product without any is equal to "
        "nothing. A price is compared within its currency, which has to be named where there are several.\n\n"
        "`--collapse`, `--at-most` and `--diversity` choose what is shown among as many candidates as it takes. "
        "What the user knows may come again, since people buy again, unless `--new`. Products that are not in the "
        "published index are passed over.",
    .flags = flags,
    .example = "itemsage -C myshop query --text \"oak kitchen table\" --method hybrid",
    .run = run,
};
