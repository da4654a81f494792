/* What graded judgements and foreign runs add to the JSON. */
#include <eval/json_figures.h>
#include <eval/json_graded.h>

static json_t *figures(const sage_eval_report *report, const sage_interval *intervals) {
    return sage_json_figures(report->k, report->n_k, intervals, SAGE_JSON_TRIPLE);
}

static json_t *row_json(const sage_eval_report *report, const sage_graded_row *row) {
    return json_pack("{s:s, s:b, s:o, s:o, s:o, s:o, s:o}", "method", row->method, "judged_only", row->judged_only,
                     "ndcg", figures(report, row->ndcg), "recall", figures(report, row->recall), "precision",
                     figures(report, row->precision), "mrr", figures(report, row->mrr), "judged",
                     figures(report, row->judged));
}

static json_t *difference_json(const sage_eval_report *report, const sage_graded_difference *d) {
    return json_pack("{s:s, s:s, s:b, s:o}", "method", d->method, "against", d->against, "judged_only", d->judged_only,
                     "ndcg", figures(report, d->ndcg));
}

static json_t *reasons_json(const sage_graded_report *g) {
    json_t *object = json_object();
    int failed = object == NULL;
    for (size_t i = 0; i < g->reason_n && failed == 0; i++)
        failed = json_object_set_new(object, g->reasons[i].reason, json_integer((json_int_t)g->reasons[i].count));
    return sage_json_or_free(object, failed);
}

static int counts(json_t *object, const sage_graded_report *g) {
    const struct {
        const char *key;
        uint64_t count;
    } all[] = {{"depth", g->depth},         {"rows", g->rows},       {"rejected", g->rejected},
               {"repeated", g->repeated},   {"given", g->given},     {"seen", g->seen},
               {"worthless", g->worthless}, {"queries", g->queries}, {"judgements", g->judgements},
               {"unknown", g->unknown}};
    int failed = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all && failed == 0; i++)
        failed = json_object_set_new(object, all[i].key, json_integer((json_int_t)all[i].count));
    return failed;
}

json_t *sage_graded_json(const sage_eval_report *report, json_t *source) {
    const sage_graded_report *g = &report->graded;
    json_t *object = json_object(), *rows = json_array(), *differences = json_array();
    int failed = object == NULL || json_object_set_new(object, "methods", rows) != 0;
    failed = failed != 0 || json_object_set_new(object, "differences", differences) != 0;
    failed = json_object_set_new(object, "source", source) != 0 || failed != 0 || counts(object, g) != 0 ||
             json_object_set_new(object, "reasons", reasons_json(g)) != 0 ||
             json_object_set_new(object, "gain", json_string(g->gain == SAGE_GAIN_LINEAR ? "linear" : "exp")) != 0 ||
             json_object_set_new(object, "all_queries", json_boolean(g->all_queries)) != 0 ||
             json_object_set_new(object, "grade_zero", json_real(g->grade_zero)) != 0 ||
             json_object_set_new(object, "relevant", json_real(g->relevant)) != 0;
    for (size_t i = 0; i < g->n_rows && failed == 0; i++)
        failed = json_array_append_new(rows, row_json(report, &g->row[i]));
    for (size_t i = 0; i < g->n_differences && failed == 0; i++)
        failed = json_array_append_new(differences, difference_json(report, &g->differences[i]));
    return sage_json_or_free(object, failed);
}

static json_t *cover_json(const sage_run_cover *cover) {
    return json_pack("{s:I, s:I, s:I}", "queries", (json_int_t)cover->queries, "no_queries",
                     (json_int_t)cover->no_queries, "unknown_products", (json_int_t)cover->unknown_products);
}

json_t *sage_runs_json(const sage_eval_report *report) {
    json_t *list = json_array();
    int failed = list == NULL;
    for (size_t i = 0; i < report->n_runs && failed == 0; i++) {
        const sage_run_report *run = &report->runs[i];
        failed = json_array_append_new(list, json_pack("{s:s, s:I, s:o, s:o}", "name", run->name, "lines",
                                                       (json_int_t)run->lines, "events", cover_json(&run->events),
                                                       "judgements", cover_json(&run->judgements)));
    }
    return sage_json_or_free(list, failed);
}
