/* What imports brought, for people and as JSON. */
#include "import_print.h"
#include <stdio.h>
#include <string.h>

static json_t *reasons_json(const sage_reason_count *reasons, uint64_t n) {
    json_t *object = json_object();
    for (uint64_t i = 0; i < n; i++)
        json_object_set_new(object, reasons[i].reason, json_integer((json_int_t)reasons[i].count));
    return object;
}

json_t *cli_import_json(const sage_import_report *r) {
    json_t *root =
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:f}", "bytes", (json_int_t)r->bytes, "rows",
                  (json_int_t)r->rows, "added", (json_int_t)r->added, "changed", (json_int_t)r->changed, "unchanged",
                  (json_int_t)r->unchanged, "deleted", (json_int_t)r->deleted, "unknown_products",
                  (json_int_t)r->unknown_products, "rejected", (json_int_t)r->rejected, "reasons",
                  reasons_json(r->reasons, r->reason_n), "seconds", r->seconds);
    if (r->changes > 0) json_object_set_new(root, "changes", json_integer((json_int_t)r->changes));
    return root;
}

json_t *cli_pictures_json(const sage_picture_report *r) {
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:f}", "encoder", r->encoder,
                     "links", (json_int_t)r->links, "absent", (json_int_t)r->absent, "read", (json_int_t)r->read,
                     "bytes", (json_int_t)r->bytes, "encoded", (json_int_t)r->encoded, "pictures",
                     (json_int_t)r->pictures, "vectors", (json_int_t)r->vectors, "products", (json_int_t)r->products,
                     "searched", (json_int_t)r->searched, "searched_vectors", (json_int_t)r->searched_vectors,
                     "rejected", (json_int_t)r->rejected, "reasons", reasons_json(r->reasons, r->reason_n), "seconds",
                     r->seconds);
}

void cli_print_json(json_t *root) {
    json_dumpf(root, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(root);
}

/* `what` ends with the s that one of them does not have. */
static const char *counted(uint64_t n, const char *what, char out[64]) {
    char one[32];
    snprintf(one, sizeof one, "%.*s", (int)strlen(what) - 1, what);
    return cli_counted(n, one, what, out);
}

static void print_reasons(const char *what, uint64_t rejected, const sage_reason_count *reasons, uint64_t n_reasons,
                          const char *shop) {
    char n[64];
    if (!rejected) return;
    printf("%s rejected, by reason:\n", counted(rejected, what, n));
    for (uint64_t i = 0; i < n_reasons; i++)
        printf("  %-20s %10s\n", reasons[i].reason, cli_count(reasons[i].count, n));
    printf("They are kept with line, column and text: itemsage -C %s status --rejects 20\n", shop);
}

void cli_print_import(const sage_import_report *r, const char *what, bool events, const char *shop) {
    char a[64], b[32], c[32], d[32], e[32];
    printf("%s read in %.1f s: ", counted(r->rows, what, a), r->seconds);
    if (events) {
        printf("%s stored, %s seen before", cli_count(r->added, b), cli_count(r->unchanged, c));
        if (r->unknown_products) printf(", %s of unknown products (kept)", cli_count(r->unknown_products, d));
    } else {
        printf("%s added, %s changed, %s unchanged, %s deleted", cli_count(r->added, b), cli_count(r->changed, c),
               cli_count(r->unchanged, d), cli_count(r->deleted, e));
    }
    printf("\n");
    if (r->changes > 0) printf("%s of the server brought in with them\n", counted(r->changes, "changes", a));
    print_reasons("rows", r->rejected, r->reasons, r->reason_n, shop);
}

void cli_print_pictures(const sage_picture_report *r, const char *shop) {
    char a[64], b[64], c[64], d[32], e[64];
    printf("%s of products in %.1f s: %s a vector by %s; %s read, %s encoded, %s changed\n",
           counted(r->pictures, "pictures", a), r->seconds, cli_counted(r->vectors, "has", "have", b), r->encoder,
           counted(r->read, "files", c), cli_count(r->encoded, d), counted(r->products, "products", e));
    if (r->searched)
        printf("%s pictures that events began with, %s of them have a vector\n", cli_count(r->searched, a),
               cli_count(r->searched_vectors, b));
    if (r->absent)
        printf("%s remote pictures are not there yet: itemsage -C %s import images --list\n", cli_count(r->absent, a),
               shop);
    print_reasons("pictures", r->rejected, r->reasons, r->reason_n, shop);
}
