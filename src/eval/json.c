#include <base/error.h>
#include <eval/json_figures.h>
#include <eval/json_graded.h>
#include <stdio.h>

static json_t *figures(const sage_eval_report *report, const sage_interval *intervals) {
    return sage_json_figures(report->k, report->n_k, intervals, SAGE_JSON_VALUE);
}

static json_t *bounds(const sage_eval_report *report, const sage_interval *intervals) {
    return sage_json_figures(report->k, report->n_k, intervals, SAGE_JSON_BOUNDS);
}

static json_t *all_bounds(const sage_eval_report *report, const sage_eval_row *row) {
    json_t *object = json_object();
    int failed = object == NULL || json_object_set_new(object, "pair_recall", bounds(report, row->pair_recall)) != 0 ||
                 json_object_set_new(object, "query_recall", bounds(report, row->query_recall)) != 0 ||
                 json_object_set_new(object, "mrr", bounds(report, row->mrr)) != 0 ||
                 json_object_set_new(object, "ndcg", bounds(report, row->ndcg)) != 0;
    return sage_json_or_free(object, failed);
}

/* Of pairs whose events say where their product was shown. */
static json_t *weighted_json(const sage_eval_report *report, const sage_eval_weighted *weighted) {
    json_t *object = json_object(), *intervals = json_object();
    int failed = object == NULL || json_object_set_new(object, "intervals", intervals) != 0 ||
                 json_object_set_new(object, "pairs", json_integer((json_int_t)weighted->pairs)) != 0 ||
                 json_object_set_new(object, "queries", json_integer((json_int_t)weighted->queries)) != 0 ||
                 json_object_set_new(object, "events", json_integer((json_int_t)weighted->events)) != 0 ||
                 json_object_set_new(object, "clipped", json_integer((json_int_t)weighted->clipped)) != 0 ||
                 json_object_set_new(object, "effective", json_real(weighted->effective)) != 0 ||
                 json_object_set_new(object, "unweighted", figures(report, weighted->unweighted)) != 0 ||
                 json_object_set_new(object, "recall", figures(report, weighted->recall)) != 0 ||
                 json_object_set_new(intervals, "unweighted", bounds(report, weighted->unweighted)) != 0 ||
                 json_object_set_new(intervals, "recall", bounds(report, weighted->recall)) != 0;
    return sage_json_or_free(object, failed);
}

static json_t *row_json(const sage_eval_report *report, const sage_eval_row *row) {
    json_t *object = json_object();
    int failed = object == NULL || json_object_set_new(object, "method", json_string(row->method)) != 0 ||
                 json_object_set_new(object, "task", json_string(row->task)) != 0 ||
                 json_object_set_new(object, "pairs", json_integer((json_int_t)row->pairs)) != 0 ||
                 json_object_set_new(object, "queries", json_integer((json_int_t)row->queries)) != 0 ||
                 json_object_set_new(object, "pair_recall", figures(report, row->pair_recall)) != 0 ||
                 json_object_set_new(object, "query_recall", figures(report, row->query_recall)) != 0 ||
                 json_object_set_new(object, "mrr", figures(report, row->mrr)) != 0 ||
                 json_object_set_new(object, "ndcg", figures(report, row->ndcg)) != 0 ||
                 json_object_set_new(object, "intervals", all_bounds(report, row)) != 0;
    if (failed == 0 && row->weighted.pairs > 0)
        failed = json_object_set_new(object, "weighted", weighted_json(report, &row->weighted));
    return sage_json_or_free(object, failed);
}

static json_t *pair_bounds(const sage_eval_report *report, const sage_eval_difference *difference) {
    json_t *object = json_object();
    int failed =
        object == NULL || json_object_set_new(object, "pair_recall", bounds(report, difference->pair_recall)) != 0;
    if (failed == 0 && difference->weighted_pairs > 0)
        failed = json_object_set_new(object, "weighted_recall", bounds(report, difference->weighted_recall));
    return sage_json_or_free(object, failed);
}

static json_t *difference_json(const sage_eval_report *report, const sage_eval_difference *difference) {
    json_t *object = json_object();
    int failed = object == NULL || json_object_set_new(object, "method", json_string(difference->method)) != 0 ||
                 json_object_set_new(object, "against", json_string(difference->against)) != 0 ||
                 json_object_set_new(object, "task", json_string(difference->task)) != 0 ||
                 json_object_set_new(object, "pair_recall", figures(report, difference->pair_recall)) != 0 ||
                 json_object_set_new(object, "intervals", pair_bounds(report, difference)) != 0;
    if (failed == 0 && difference->weighted_pairs > 0)
        failed =
            json_object_set_new(object, "weighted_pairs", json_integer((json_int_t)difference->weighted_pairs)) != 0 ||
            json_object_set_new(object, "weighted_recall", figures(report, difference->weighted_recall)) != 0;
    return sage_json_or_free(object, failed);
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
    int failed = root == NULL || json_object_set_new(root, "k", k) != 0;
    failed = failed != 0 || json_object_set_new(root, "rows", rows) != 0;
    failed = failed != 0 || json_object_set_new(root, "differences", differences) != 0;
    for (size_t i = 0; i < report->n_k && failed == 0; i++)
        failed = json_array_append_new(k, json_integer((json_int_t)report->k[i]));
    for (size_t i = 0; i < report->n_rows && failed == 0; i++)
        failed = json_array_append_new(rows, row_json(report, &report->rows[i]));
    for (size_t i = 0; i < report->n_differences && failed == 0; i++)
        failed = json_array_append_new(differences, difference_json(report, &report->differences[i]));
    failed = failed != 0 || json_object_set_new(root, "release", json_integer((json_int_t)report->release)) != 0 ||
             json_object_set_new(root, "source", name_json(report->source)) != 0 ||
             json_object_set_new(root, "simulated", json_boolean(report->simulated)) != 0 ||
             json_object_set_new(root, "unknown_pairs", json_integer((json_int_t)report->unknown_pairs)) != 0;
    failed = failed != 0 || json_object_set_new(root, "position_power", json_real(report->position_power)) != 0 ||
             json_object_set_new(root, "weight_clip", json_real(report->weight_clip)) != 0;
    if (failed == 0 && report->graded.n_rows > 0)
        failed = json_object_set_new(root, "graded", sage_graded_json(report, name_json(report->graded.source)));
    if (failed == 0 && report->n_runs > 0) failed = json_object_set_new(root, "runs", sage_runs_json(report));
    if (report->dims > 0)
        failed = failed != 0 || json_object_set_new(root, "dims", json_integer((json_int_t)report->dims)) != 0;
    return sage_json_or_free(root, failed);
}

sage_status sage_eval_write_json(const sage_eval_report *report, const char *path, sage_error *error) {
    json_t *root = report_json(report);
    if (root == NULL) return sage_fail_memory(error, 0);
    sage_status st = sage_json_write(path, root, error);
    json_decref(root);
    return st;
}
