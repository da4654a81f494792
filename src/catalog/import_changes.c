#include <base/alloc.h>
#include <base/error.h>
#include <catalog/import_changes.h>
#include <catalog/import_products.h>
#include <catalog/product_json.h>
#include <catalog/product_merge.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* In the catalogue itself, so that what is stored and what is said to be stored are one. */
#define META_FOLDED  "changes_folded"
#define META_SETTLED "changes_settled"

struct sage_changes_import {
    sage_catalog *catalog;
    sage_import import;
    sage_product_store store;
    sage_product_merge merge;
    sage_product_json *json, *update;
    sage_buf merged;
    bool begun;
};

static sage_status begin(sage_changes_import *c, const sage_monitor *monitor, sage_import_report *report,
                         sage_error *error) {
    sage_status st = SAGE_OK;
    int64_t revision = 0;
    SAGE_TRY(sage_product_json_new(&c->json, error));
    SAGE_TRY(sage_product_json_new(&c->update, error));
    SAGE_TRY(sage_product_merge_init(&c->merge, c->catalog, error));
    SAGE_TRY(sage_import_begin(&c->import, c->catalog, "import", monitor, report, error));
    SAGE_TRY(sage_store_begin(c->catalog, error));
    c->begun = true;
    SAGE_TRY(sage_store_next_revision(c->catalog, &revision, error));
    SAGE_TRY(sage_product_store_init(&c->store, &c->import, revision, error));
    c->store.one_by_one = true;
    SAGE_TRY(sage_import_begin_file(&c->import, "products", "changes", true, error));
out:
    return st;
}

sage_status sage_changes_import_begin(sage_catalog *catalog, const sage_monitor *monitor, sage_import_report *report,
                                      sage_changes_import **changes, sage_error *error) {
    *changes = NULL;
    sage_changes_import *c = sage_alloc_zero(1, sizeof *c);
    if (c == NULL) return sage_fail_memory(error, sizeof *c);
    c->catalog = catalog;
    sage_buf_init(&c->merged, SAGE_FEED_ROW_MAX);
    sage_status st = begin(c, monitor, report, error);
    if (st != SAGE_OK) return sage_changes_import_end(c, 0, st, error);
    *changes = c;
    return SAGE_OK;
}

/* What is wrong with a text is for the operator to see; the next ones go on. */
static sage_status reject(sage_changes_import *c, const sage_feed_row *row, sage_status st, sage_error *error) {
    sage_flaw flaw = {0};
    if (st != SAGE_E_ARGUMENT && st != SAGE_E_LIMIT) return st;
    sage_flaw_set(&flaw, "no-product", "%s", error != NULL ? error->text : "");
    return sage_import_reject_row(&c->import, row, &flaw, error);
}

static sage_status put(sage_changes_import *c, const sage_feed_row *row, sage_str text, sage_error *error) {
    const sage_feed_product *product;
    sage_status st = sage_product_json_take(c->json, text.data, text.len, &product, error);
    if (st != SAGE_OK) return reject(c, row, st, error);
    return sage_product_store_put(&c->store, product, row, error);
}

static sage_status update(sage_changes_import *c, const sage_feed_row *row, const sage_feed_product *product,
                          sage_error *error) {
    sage_status st = SAGE_OK;
    bool there;
    sage_buf_clear(&c->merged);
    SAGE_TRY(sage_product_merge_write(&c->merge, product, &c->merged, &there, error));
    if (there) st = put(c, row, (sage_str){c->merged.data, c->merged.len}, error);
out:
    return st;
}

sage_status sage_changes_import_take(sage_changes_import *c, sage_product_change change, uint64_t number, sage_str text,
                                     sage_error *error) {
    sage_status st = SAGE_OK;
    sage_error own;
    bool there;
    const sage_feed_product *product;
    const sage_feed_row row = {.line = (size_t)number, .raw = text};
    if (error == NULL) error = &own;
    c->import.report->rows++;
    c->import.report->bytes += text.len;
    SAGE_TRY(sage_import_tick(&c->import, error));
    if (change == SAGE_PRODUCT_PUT) return put(c, &row, text, error);
    st = sage_product_json_take(c->update, text.data, text.len, &product, error);
    if (st != SAGE_OK) return reject(c, &row, st, error);
    if (change == SAGE_PRODUCT_UPDATE) return update(c, &row, product, error);
    st = sage_product_store_delete(&c->store, product->text[SAGE_P_ID], &there, error);
out:
    return st;
}

static sage_status note(sage_catalog *catalog, const char *key, uint64_t number, sage_error *error) {
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, number);
    return sage_store_set_meta(catalog, key, text, error);
}

static sage_status note_alone(sage_catalog *catalog, const char *key, uint64_t number, sage_error *error) {
    const sage_status st = sage_store_begin(catalog, error);
    return st == SAGE_OK ? sage_store_end(catalog, note(catalog, key, number, error), error) : st;
}

sage_status sage_catalog_changes_again(sage_catalog *catalog, uint64_t number, sage_error *error) {
    return note_alone(catalog, META_FOLDED, number, error);
}

sage_status sage_catalog_changes_settle(sage_catalog *catalog, uint64_t number, sage_error *error) {
    return note_alone(catalog, META_SETTLED, number, error);
}

static sage_status finish(sage_changes_import *c, uint64_t number, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_import_report *report = c->import.report;
    SAGE_TRY(sage_import_end_file(&c->import, NULL, error));
    SAGE_TRY(sage_product_store_finish(&c->store, error));
    if (report->added + report->changed + report->deleted > 0)
        SAGE_TRY(sage_store_set_revision(c->catalog, c->store.revision, error));
    st = note(c->catalog, META_FOLDED, number, error);
out:
    return st;
}

sage_status sage_changes_import_end(sage_changes_import *c, uint64_t number, sage_status status, sage_error *error) {
    sage_status st = status;
    if (st == SAGE_OK) st = finish(c, number, error);
    sage_product_store_free(&c->store);
    sage_import_end(&c->import);
    sage_product_merge_free(&c->merge);
    if (c->begun) st = sage_store_end(c->catalog, st, error);
    sage_product_json_free(c->json);
    sage_product_json_free(c->update);
    sage_buf_free(&c->merged);
    sage_free(c);
    return st;
}

static sage_status noted(sage_catalog *catalog, const char *key, uint64_t *number, sage_error *error) {
    const char *text = "";
    *number = 0;
    const sage_status st = sage_catalog_meta(catalog, key, &text, error);
    if (st == SAGE_OK) *number = strtoull(text, NULL, 10);
    return st;
}

sage_status sage_catalog_changes_folded(sage_catalog *catalog, uint64_t *number, sage_error *error) {
    return noted(catalog, META_FOLDED, number, error);
}

sage_status sage_catalog_changes_settled(sage_catalog *catalog, uint64_t *number, sage_error *error) {
    return noted(catalog, META_SETTLED, number, error);
}
