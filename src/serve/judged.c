#include <base/error.h>
#include <inttypes.h>
#include <serve/judged.h>
#include <shop/eval_kept.h>
#include <stdio.h>
#include <string.h>

/* Nothing of a row that lacks something: who reads it sees that it is not there. */
static void write_row(sage_json_out *out, const json_t *row, const char *k) {
    const char *task = json_string_value(json_object_get(row, "task"));
    const char *method = json_string_value(json_object_get(row, "method"));
    const json_t *recall = json_object_get(json_object_get(row, "pair_recall"), k);
    const json_t *bounds = json_object_get(json_object_get(json_object_get(row, "intervals"), "pair_recall"), k);
    if (task == NULL || method == NULL || !json_is_number(recall) || json_array_size(bounds) != 2) return;
    sage_out_open(out, '{');
    sage_out_text_at(out, "task", task);
    sage_out_text_at(out, "method", method);
    sage_out_whole_at(out, "queries", json_integer_value(json_object_get(row, "queries")));
    sage_out_real_at(out, "recall", json_number_value(recall));
    sage_out_real_at(out, "low", json_number_value(json_array_get(bounds, 0)));
    sage_out_real_at(out, "high", json_number_value(json_array_get(bounds, 1)));
    sage_out_close(out, '}');
}

static void write_judged(sage_json_out *out, const json_t *root) {
    const json_int_t k = json_integer_value(json_array_get(json_object_get(root, "k"), 0));
    const char *source = json_string_value(json_object_get(root, "source"));
    const json_t *rows = json_object_get(root, "rows");
    char key[24];
    snprintf(key, sizeof key, "%" JSON_INTEGER_FORMAT, k);
    sage_out_key(out, "judged");
    sage_out_open(out, '{');
    sage_out_text_at(out, "source", source != NULL ? source : "");
    sage_out_bool_at(out, "simulated", json_is_true(json_object_get(root, "simulated")));
    sage_out_whole_at(out, "release", json_integer_value(json_object_get(root, "release")));
    sage_out_whole_at(out, "k", k);
    sage_out_key(out, "rows");
    sage_out_open(out, '[');
    for (size_t i = 0; i < json_array_size(rows); i++) write_row(out, json_array_get(rows, i), key);
    sage_out_close(out, ']');
    sage_out_close(out, '}');
}

sage_status sage_judged_write(const sage_shop *shop, uint64_t model, sage_json_out *out, sage_error *error) {
    json_t *root;
    sage_status st = sage_eval_kept_read(shop, model, &root, error);
    if (st == SAGE_E_MEMORY) return st;
    if (st == SAGE_OK && root != NULL) write_judged(out, root);
    json_decref(root);
    return SAGE_OK;
}
