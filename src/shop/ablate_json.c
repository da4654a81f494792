#include <base/error.h>
#include <eval/json_figures.h>
#include <itemsage/ablate.h>

static json_t *figures(const sage_ablate_report *report, const sage_interval *intervals) {
    return sage_json_figures(report->k, report->n_k, intervals, SAGE_JSON_INTERVAL);
}

static json_t *deviations(const sage_ablate_report *report, const double *values) {
    sage_interval of[SAGE_EVAL_K_MAX];
    for (size_t i = 0; i < report->n_k; i++) of[i] = (sage_interval){.value = values[i]};
    return sage_json_figures(report->k, report->n_k, of, SAGE_JSON_VALUE);
}

static json_t *task_json(const sage_ablate_report *report, const sage_ablate_task *task) {
    json_t *object = json_object();
    int failed = object == NULL || json_object_set_new(object, "task", json_string(task->task)) != 0 ||
                 json_object_set_new(object, "pairs", json_integer((json_int_t)task->pairs)) != 0 ||
                 json_object_set_new(object, "queries", json_integer((json_int_t)task->queries)) != 0 ||
                 json_object_set_new(object, "pair_recall", figures(report, task->pair_recall)) != 0 ||
                 json_object_set_new(object, "query_recall", figures(report, task->query_recall)) != 0 ||
                 json_object_set_new(object, "mrr", figures(report, task->mrr)) != 0 ||
                 json_object_set_new(object, "ndcg", figures(report, task->ndcg)) != 0;
    if (failed == 0 && task->compared)
        failed = json_object_set_new(object, "difference", figures(report, task->difference));
    if (failed == 0 && report->n_seeds > 1)
        failed = json_object_set_new(object, "seed_sd", deviations(report, task->seed_sd));
    return sage_json_or_free(object, failed);
}

static json_t *row_json(const sage_ablate_report *report, const sage_ablate_row *row) {
    json_t *object = json_object(), *tasks = json_array();
    int failed = object == NULL || json_object_set_new(object, "name", json_string(row->name)) != 0 ||
                 json_object_set_new(object, "settings", json_string(row->settings)) != 0 ||
                 json_object_set_new(object, "base", json_boolean(row->base)) != 0 ||
                 json_object_set_new(object, "seeds", json_integer((json_int_t)row->seeds)) != 0 ||
                 json_object_set_new(object, "seconds", json_real(row->seconds)) != 0 ||
                 json_object_set_new(object, "steps", json_real(row->steps)) != 0 ||
                 json_object_set_new(object, "parameters", json_integer((json_int_t)row->parameters)) != 0;
    if (failed == 0 && row->fault != NULL) failed = json_object_set_new(object, "fault", json_string(row->fault));
    failed = failed != 0 || tasks == NULL;
    for (size_t i = 0; i < row->n_tasks && failed == 0; i++)
        failed = json_array_append_new(tasks, task_json(report, &row->tasks[i]));
    failed = failed != 0 ? (json_decref(tasks), 1) : json_object_set_new(object, "tasks", tasks);
    return sage_json_or_free(object, failed);
}

static json_t *table_json(const sage_ablate_report *report, const sage_ablate_table *table) {
    json_t *rows = json_array();
    int failed = rows == NULL;
    for (size_t i = 0; i < table->n_rows && failed == 0; i++)
        failed = json_array_append_new(rows, row_json(report, &table->rows[i]));
    rows = sage_json_or_free(rows, failed);
    return rows != NULL ? json_pack("{ss ss so}", "name", table->name, "title", table->title, "rows", rows) : NULL;
}

static json_t *counted(size_t n, const size_t *values) {
    json_t *list = json_array();
    int failed = list == NULL;
    for (size_t i = 0; i < n && failed == 0; i++)
        failed = json_array_append_new(list, json_integer((json_int_t)(values != NULL ? values[i] : i + 1)));
    return sage_json_or_free(list, failed);
}

static json_t *report_json(const sage_ablate_report *report) {
    json_t *root = json_object(), *tables = json_array();
    int failed = root == NULL || json_object_set_new(root, "dataset", json_integer((json_int_t)report->dataset)) != 0 ||
                 json_object_set_new(root, "simulated", json_boolean(report->simulated)) != 0 ||
                 json_object_set_new(root, "base", json_string(report->base)) != 0 ||
                 json_object_set_new(root, "seeds", counted(report->n_seeds, NULL)) != 0 ||
                 json_object_set_new(root, "k", counted(report->n_k, report->k)) != 0 ||
                 json_object_set_new(root, "part", json_string(report->validation ? "validation" : "test")) != 0 ||
                 tables == NULL;
    for (size_t i = 0; i < report->n_tables && failed == 0; i++)
        failed = json_array_append_new(tables, table_json(report, &report->tables[i]));
    failed = failed != 0 ? (json_decref(tables), 1) : json_object_set_new(root, "tables", tables);
    return sage_json_or_free(root, failed);
}

sage_status sage_ablate_write_json(const sage_ablate_report *report, const char *path, sage_error *error) {
    json_t *root = report_json(report);
    if (root == NULL) return sage_fail_memory(error, 0);
    sage_status st = sage_json_write(path, root, error);
    json_decref(root);
    return st;
}
