#include <base/error.h>
#include <eval/json_graded.h>
#include <stdio.h>

/* json_object_set_new and its like take a NULL value, free nothing of it and say -1: so every shortage of memory shows.
 */
static int set(json_t *object, const char *key, json_t *value) {
    return json_object_set_new(object, key, value);
}

static json_t *value_or_free(json_t *object, int failed) {
    if (failed == 0) return object;
    json_decref(object);
    return NULL;
}

static json_t *figures(const sage_eval_report *report, const sage_interval *intervals) {
    json_t *object = json_object();
    int failed = object == NULL;
    for (size_t i = 0; i < report->n_k && failed == 0; i++) {
        char key[24];
        snprintf(key, sizeof key, "%zu", report->k[i]);
        failed = set(object, key, json_real(intervals[i].value));
    }
    return value_or_free(object, failed);
}

/* {"10": [low, high], ...} */
static json_t *bounds(const sage_eval_report *report, const sage_interval *intervals) {
    json_t *object = json_object();
    int failed = object == NULL;
    for (size_t i = 0; i < report->n_k && failed == 0; i++) {
        char key[24];
        snprintf(key, sizeof key, "%zu", report->k[i]);
        failed = set(object, key, json_pack("[ff]", intervals[i].low, intervals[i].high));
    }
    return value_or_free(object, failed);
}

static json_t *all_bounds(const sage_eval_report *report, const sage_eval_row *row) {
    json_t *object = json_object();
    int failed = object == NULL || set(object, "pair_recall", bounds(report, row->pair_recall)) != 0 ||
                 set(object, "query_recall", bounds(report, row->query_recall)) != 0 ||
                 set(object, "mrr", bounds(report, row->mrr)) != 0 ||
                 set(object, "ndcg", bounds(report, row->ndcg)) != 0;
    return value_or_free(object, failed);
}

/* Of pairs whose events say where their product was shown. */
static json_t *weighted_json(const sage_eval_report *report, const sage_eval_weighted *weighted) {
    json_t *object = json_object(), *intervals = json_object();
    int failed = object == NULL || set(object, "intervals", intervals) != 0 ||
                 set(object, "pairs", json_integer((json_int_t)weighted->pairs)) != 0 ||
                 set(object, "queries", json_integer((json_int_t)weighted->queries)) != 0 ||
                 set(object, "events", json_integer((json_int_t)weighted->events)) != 0 ||
                 set(object, "clipped", json_integer((json_int_t)weighted->clipped)) != 0 ||
                 set(object, "effective", json_real(weighted->effective)) != 0 ||
                 set(object, "unweighted", figures(report, weighted->unweighted)) != 0 ||
                 set(object, "recall", figures(report, weighted->recall)) != 0 ||
                 set(intervals, "unweighted", bounds(report, weighted->unweighted)) != 0 ||
                 set(intervals, "recall", bounds(report, weighted->recall)) != 0;
    return value_or_free(object, failed);
}

static json_t *row_json(const sage_eval_report *report, const sage_eval_row *row) {
    json_t *object = json_object();
    int failed = object == NULL || set(object, "method", json_string(row->method)) != 0 ||
                 set(object, "task", json_string(row->task)) != 0 ||
                 set(object, "pairs", json_integer((json_int_t)row->pairs)) != 0 ||
                 set(object, "queries", json_integer((json_int_t)row->queries)) != 0 ||
                 set(object, "pair_recall", figures(report, row->pair_recall)) != 0 ||
                 set(object, "query_recall", figures(report, row->query_recall)) != 0 ||
                 set(object, "mrr", figures(report, row->mrr)) != 0 ||
                 set(object, "ndcg", figures(report, row->ndcg)) != 0 ||
                 set(object, "intervals", all_bounds(report, row)) != 0;
    if (failed == 0 && row->weighted.pairs > 0) failed = set(object, "weighted", weighted_json(report, &row->weighted));
    return value_or_free(object, failed);
}

static json_t *pair_bounds(const sage_eval_report *report, const sage_eval_difference *difference) {
    json_t *object = json_object();
    int failed = object == NULL || set(object, "pair_recall", bounds(report, difference->pair_recall)) != 0;
    if (failed == 0 && difference->weighted_pairs > 0)
        failed = set(object, "weighted_recall", bounds(report, difference->weighted_recall));
    return value_or_free(object, failed);
}

static json_t *difference_json(const sage_eval_report *report, const sage_eval_difference *difference) {
    json_t *object = json_object();
    int failed = object == NULL || set(object, "method", json_string(difference->method)) != 0 ||
                 set(object, "against", json_string(difference->against)) != 0 ||
                 set(object, "task", json_string(difference->task)) != 0 ||
                 set(object, "pair_recall", figures(report, difference->pair_recall)) != 0 ||
                 set(object, "intervals", pair_bounds(report, difference)) != 0;
    if (failed == 0 && difference->weighted_pairs > 0)
        failed = set(object, "weighted_pairs", json_integer((json_int_t)difference->weighted_pairs)) != 0 ||
                 set(object, "weighted_recall", figures(report, difference->weighted_recall)) != 0;
    return value_or_free(object, failed);
}

/* A file's name may be any bytes; JSON holds UTF-8 only. */
static json_t *name_json(const char *name) {
    char ascii[sizeof((sage_eval_report *)NULL)->source];
    json_t *text = json_string(name);
    if (text != NULL) return text;
    snprintf(ascii, sizeof ascii, "%s", name);
    for (char *c = ascii; *c != '\0'; c++)
        if ((unsigned char)*c >= 0x80) *c = '?';
    return json_string(ascii);
}

static json_t *report_json(const sage_eval_report *report) {
    json_t *root = json_object(), *k = json_array(), *rows = json_array(), *differences = json_array();
    int failed = root == NULL || set(root, "k", k) != 0;
    failed = failed != 0 || set(root, "rows", rows) != 0;
    failed = failed != 0 || set(root, "differences", differences) != 0;
    for (size_t i = 0; i < report->n_k && failed == 0; i++)
        failed = json_array_append_new(k, json_integer((json_int_t)report->k[i]));
    for (size_t i = 0; i < report->n_rows && failed == 0; i++)
        failed = json_array_append_new(rows, row_json(report, &report->rows[i]));
    for (size_t i = 0; i < report->n_differences && failed == 0; i++)
        failed = json_array_append_new(differences, difference_json(report, &report->differences[i]));
    failed = failed != 0 || set(root, "source", name_json(report->source)) != 0 ||
             set(root, "simulated", json_boolean(report->simulated)) != 0 ||
             set(root, "unknown_pairs", json_integer((json_int_t)report->unknown_pairs)) != 0;
    failed = failed != 0 || set(root, "position_power", json_real(report->position_power)) != 0 ||
             set(root, "weight_clip", json_real(report->weight_clip)) != 0;
    if (failed == 0 && report->graded.n_rows > 0)
        failed = set(root, "graded", sage_graded_json(report, name_json(report->graded.source)));
    if (failed == 0 && report->n_runs > 0) failed = set(root, "runs", sage_runs_json(report));
    if (report->dims > 0) failed = failed != 0 || set(root, "dims", json_integer((json_int_t)report->dims)) != 0;
    return value_or_free(root, failed);
}

sage_status sage_eval_write_json(const sage_eval_report *report, const char *path, sage_error *error) {
    json_t *root = report_json(report);
    if (root == NULL) return sage_fail_memory(error, 0);
    sage_status st = sage_json_write(path, root, error);
    json_decref(root);
    return st;
}
