#include <base/buf.h>
#include <base/error.h>
#include <io/fs.h>
#include <itemsage/ablate.h>
#include <stdio.h>
#include <string.h>

enum { BYTES_MAX = 1 << 26 };

/* What a table's cell cannot hold as it is. */
static sage_status cell(sage_buf *out, const char *text, sage_error *error) {
    sage_status st = SAGE_OK;
    for (; *text != '\0' && st == SAGE_OK; text++) {
        if (strchr("|<*`\\", *text) != NULL) st = sage_buf_byte(out, '\\', error);
        if (st == SAGE_OK) st = sage_buf_byte(out, *text == '\n' ? ' ' : *text, error);
    }
    return st;
}

static const sage_ablate_task *task_named(const sage_ablate_row *row, const char *name) {
    for (size_t i = 0; i < row->n_tasks; i++)
        if (strcmp(row->tasks[i].task, name) == 0) return &row->tasks[i];
    return NULL;
}

static sage_status heading(const sage_ablate_report *r, const sage_ablate_task *task, sage_buf *out,
                           sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_buf_printf(out, error, "\nTask %s: %llu pair%s of %llu %s\n\n| row |", task->task,
                             (unsigned long long)task->pairs, task->pairs == 1 ? "" : "s",
                             (unsigned long long)task->queries, task->queries == 1 ? "query" : "queries"));
    for (size_t j = 0; j < r->n_k; j++) {
        SAGE_TRY(sage_buf_printf(out, error, " pair recall@%zu | minus base |", r->k[j]));
        if (r->n_seeds > 1) SAGE_TRY(sage_buf_text(out, " sd over seeds |", error));
    }
    SAGE_TRY(sage_buf_printf(out, error, " nDCG@%zu | MRR@%zu |\n|---|", r->k[0], r->k[0]));
    for (size_t j = 0; j < r->n_k * (r->n_seeds > 1 ? 3 : 2) + 2; j++) SAGE_TRY(sage_buf_text(out, "---:|", error));
    SAGE_TRY(sage_buf_text(out, "\n", error));
out:
    return st;
}

static sage_status row_of(const sage_ablate_report *r, const sage_ablate_row *row, const sage_ablate_task *task,
                          sage_buf *out, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_buf_text(out, "| ", error));
    SAGE_TRY(cell(out, row->name, error));
    SAGE_TRY(sage_buf_text(out, row->base ? " (base) |" : " |", error));
    for (size_t j = 0; j < r->n_k; j++) {
        const sage_interval *own = &task->pair_recall[j], *less = &task->difference[j];
        SAGE_TRY(sage_buf_printf(out, error, " %.4f [%.4f, %.4f] |", own->value, own->low, own->high));
        if (task->compared)
            SAGE_TRY(sage_buf_printf(out, error, " %+.4f [%+.4f, %+.4f] |", less->value, less->low, less->high));
        else
            SAGE_TRY(sage_buf_text(out, " |", error));
        if (r->n_seeds > 1) SAGE_TRY(sage_buf_printf(out, error, " %.4f |", task->seed_sd[j]));
    }
    SAGE_TRY(sage_buf_printf(out, error, " %.4f | %.4f |\n", task->ndcg[0].value, task->mrr[0].value));
out:
    return st;
}

/* Where all pairs of a surface (of searches: task all) are of one kind of event, that kind's figures are the surface's.
 */
static bool is_all_of_surface(const sage_ablate_row *row, const sage_ablate_task *task) {
    const char *slash = strchr(task->task, '/');
    char surface[sizeof task->task];
    if (slash == NULL) return false;
    snprintf(surface, sizeof surface, "%.*s", (int)(slash - task->task), task->task);
    const sage_ablate_task *whole = task_named(row, strcmp(surface, "search") == 0 ? "all" : surface);
    return whole != NULL && whole->pairs == task->pairs;
}

/* A block for each task that says something of its own, in the order in which rows have them. */
static sage_status tasks_of(const sage_ablate_report *r, const sage_ablate_table *table, sage_buf *out,
                            sage_error *error) {
    sage_status st = SAGE_OK;
    for (size_t first = 0; first < table->n_rows; first++) {
        for (size_t i = 0; i < table->rows[first].n_tasks; i++) {
            const sage_ablate_task *task = &table->rows[first].tasks[i];
            bool met = is_all_of_surface(&table->rows[first], task);
            for (size_t before = 0; before < first && !met; before++)
                met = task_named(&table->rows[before], task->task) != NULL;
            if (met) continue;
            SAGE_TRY(heading(r, task, out, error));
            for (size_t row = first; row < table->n_rows; row++) {
                const sage_ablate_task *of_row = task_named(&table->rows[row], task->task);
                if (of_row != NULL) SAGE_TRY(row_of(r, &table->rows[row], of_row, out, error));
            }
        }
    }
out:
    return st;
}

static sage_status costs_of(const sage_ablate_table *table, sage_buf *out, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_buf_text(out,
                           "\nTraining\n\n| row | settings | parameters | steps | seconds | seeds |\n"
                           "|---|---|---:|---:|---:|---:|\n",
                           error));
    for (size_t i = 0; i < table->n_rows; i++) {
        const sage_ablate_row *row = &table->rows[i];
        SAGE_TRY(sage_buf_text(out, "| ", error));
        SAGE_TRY(cell(out, row->name, error));
        SAGE_TRY(sage_buf_text(out, row->base ? " (base) | " : " | ", error));
        SAGE_TRY(cell(out, row->settings, error));
        if (row->fault != NULL) SAGE_TRY(sage_buf_text(out, "; ", error));
        if (row->fault != NULL) SAGE_TRY(cell(out, row->fault, error));
        SAGE_TRY(sage_buf_printf(out, error, " | %llu | %.0f | %.1f | %zu |\n", (unsigned long long)row->parameters,
                                 row->steps, row->seconds, row->seeds));
    }
out:
    return st;
}

static sage_status write_all(const sage_ablate_report *r, sage_buf *out, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_buf_printf(out, error,
                             "# Ablation%s\n\nJudged on the held-out %s part of dataset ablation/dataset/%llu, by "
                             "vectors alone over exact search. Set for all rows: ",
                             r->simulated ? " (SIMULATED events)" : "", r->validation ? "validation" : "test",
                             (unsigned long long)r->dataset));
    SAGE_TRY(sage_buf_text(out, *r->base ? r->base : "nothing", error));
    if (r->n_seeds > 1)
        SAGE_TRY(sage_buf_printf(out, error,
                                 ".\nMeans of %zu seeds; in brackets 95 %% intervals over queries and seeds, of a "
                                 "difference with both models on the same queries and seed.\n",
                                 r->n_seeds));
    else
        SAGE_TRY(sage_buf_text(out,
                               ".\nOne seed; in brackets 95 % intervals over queries, of a difference with both models "
                               "on the same queries. What another seed would give is not in them.\n",
                               error));
    for (size_t t = 0; t < r->n_tables; t++) {
        SAGE_TRY(sage_buf_printf(out, error, "\n## %s: %s\n", r->tables[t].name, r->tables[t].title));
        SAGE_TRY(tasks_of(r, &r->tables[t], out, error));
        SAGE_TRY(costs_of(&r->tables[t], out, error));
    }
out:
    return st;
}

sage_status sage_ablate_write_markdown(const sage_ablate_report *report, const char *path, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_buf out;
    sage_buf_init(&out, BYTES_MAX);
    SAGE_TRY(write_all(report, &out, error));
    SAGE_TRY(sage_fs_replace(path, out.data, out.len, error));
out:
    sage_buf_free(&out);
    return st;
}
