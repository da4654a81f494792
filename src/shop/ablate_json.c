#include <base/error.h>
#include <io/json.h>
#include <itemsage/ablate.h>
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

/* {"10": {"value", "low", "high"}, ..} */
static json_t *figures(const sage_ablate_report *report, const sage_interval *intervals) {
    json_t *object = json_object();
    int failed = object == NULL;
    for (size_t i = 0; i < report->n_k && failed == 0; i++) {
        char key[24];
        snprintf(key, sizeof key, "%zu", report->k[i]);
        failed = set(
            object, key,
            json_pack("{sf sf sf}", "value", intervals[i].value, "low", intervals[i].low, "high", intervals[i].high));
    }
    return value_or_free(object, failed);
}

static json_t *deviations(const sage_ablate_report *report, const double *values) {
    json_t *object = json_object();
    int failed = object == NULL;
    for (size_t i = 0; i < report->n_k && failed == 0; i++) {
        char key[24];
        snprintf(key, sizeof key, "%zu", report->k[i]);
        failed = set(object, key, json_real(values[i]));
    }
    return value_or_free(object, failed);
}

static json_t *task_json(const sage_ablate_report *report, const sage_ablate_task *task) {
    json_t *object = json_object();
    int failed = object == NULL || set(object, "task", json_string(task->task)) != 0 ||
                 set(object, "pairs", json_integer((json_int_t)task->pairs)) != 0 ||
                 set(object, "queries", json_integer((json_int_t)task->queries)) != 0 ||
                 set(object, "pair_recall", figures(report, task->pair_recall)) != 0 ||
                 set(object, "query_recall", figures(report, task->query_recall)) != 0 ||
                 set(object, "mrr", figures(report, task->mrr)) != 0 ||
                 set(object, "ndcg", figures(report, task->ndcg)) != 0;
    if (failed == 0 && task->compared) failed = set(object, "difference", figures(report, task->difference));
    if (failed == 0 && report->n_seeds > 1) failed = set(object, "seed_sd", deviations(report, task->seed_sd));
    return value_or_free(object, failed);
}

static json_t *row_json(const sage_ablate_report *report, const sage_ablate_row *row) {
    json_t *object = json_object(), *tasks = json_array();
    int failed =
        object == NULL || set(object, "name", json_string(row->name)) != 0 ||
        set(object, "settings", json_string(row->settings)) != 0 || set(object, "base", json_boolean(row->base)) != 0 ||
        set(object, "seeds", json_integer((json_int_t)row->seeds)) != 0 ||
        set(object, "seconds", json_real(row->seconds)) != 0 || set(object, "steps", json_real(row->steps)) != 0 ||
        set(object, "parameters", json_integer((json_int_t)row->parameters)) != 0;
    if (failed == 0 && row->fault != NULL) failed = set(object, "fault", json_string(row->fault));
    failed = failed != 0 || tasks == NULL;
    for (size_t i = 0; i < row->n_tasks && failed == 0; i++)
        failed = json_array_append_new(tasks, task_json(report, &row->tasks[i]));
    failed = failed != 0 ? (json_decref(tasks), 1) : set(object, "tasks", tasks);
    return value_or_free(object, failed);
}

static json_t *table_json(const sage_ablate_report *report, const sage_ablate_table *table) {
    json_t *rows = json_array();
    int failed = rows == NULL;
    for (size_t i = 0; i < table->n_rows && failed == 0; i++)
        failed = json_array_append_new(rows, row_json(report, &table->rows[i]));
    rows = value_or_free(rows, failed);
    return rows != NULL ? json_pack("{ss ss so}", "name", table->name, "title", table->title, "rows", rows) : NULL;
}

static json_t *counted(size_t n, const size_t *values) {
    json_t *list = json_array();
    int failed = list == NULL;
    for (size_t i = 0; i < n && failed == 0; i++)
        failed = json_array_append_new(list, json_integer((json_int_t)(values != NULL ? values[i] : i + 1)));
    return value_or_free(list, failed);
}

static json_t *report_json(const sage_ablate_report *report) {
    json_t *root = json_object(), *tables = json_array();
    int failed = root == NULL || set(root, "dataset", json_integer((json_int_t)report->dataset)) != 0 ||
                 set(root, "simulated", json_boolean(report->simulated)) != 0 ||
                 set(root, "base", json_string(report->base)) != 0 ||
                 set(root, "seeds", counted(report->n_seeds, NULL)) != 0 ||
                 set(root, "k", counted(report->n_k, report->k)) != 0 ||
                 set(root, "part", json_string(report->validation ? "validation" : "test")) != 0 || tables == NULL;
    for (size_t i = 0; i < report->n_tables && failed == 0; i++)
        failed = json_array_append_new(tables, table_json(report, &report->tables[i]));
    failed = failed != 0 ? (json_decref(tables), 1) : set(root, "tables", tables);
    return value_or_free(root, failed);
}

sage_status sage_ablate_write_json(const sage_ablate_report *report, const char *path, sage_error *error) {
    json_t *root = report_json(report);
    if (root == NULL) return sage_fail_memory(error, 0);
    sage_status st = sage_json_write(path, root, error);
    json_decref(root);
    return st;
}
