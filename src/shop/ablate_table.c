#include <base/alloc.h>
#include <base/error.h>
#include <shop/ablate_figures.h>
#include <shop/ablate_table.h>
#include <string.h>

/* ---- rows ---- */

static void fill_costs(const sage_ablate_variant *variant, size_t n_seeds, sage_ablate_row *row) {
    for (size_t s = 0; s < n_seeds; s++) {
        const sage_ablate_result *result = &variant->results[s];
        if (!result->there) continue;
        row->seeds++;
        row->seconds += result->seconds;
        row->steps += (double)result->steps;
        row->parameters = result->parameters;
    }
    if (row->seeds == 0) return;
    row->seconds /= (double)row->seeds;
    row->steps /= (double)row->seeds;
}

static sage_status fill_row(const sage_plan_row *planned, const sage_ablate_variant *variants,
                            const sage_ablate_figures *f, const sage_ablate_report *report, sage_ablate_row *row,
                            sage_error *error) {
    const sage_ablate_variant *variant = &variants[planned->variant];
    const char *fault = variant->fault;
    if (fault == NULL && !sage_ablate_same_questions(variant, &variants[0], report))
        fault = "its data are split otherwise, so it is not compared with the base row";
    row->base = planned->variant == 0;
    row->name = sage_strdup(planned->name);
    row->settings = sage_strdup(planned->settings);
    row->tasks = sage_alloc_zero(f->n, sizeof *row->tasks);
    if (fault != NULL) row->fault = sage_strdup(fault);
    if (row->name == NULL || row->settings == NULL || row->tasks == NULL || (fault != NULL && row->fault == NULL))
        return sage_fail_memory(error, f->n * sizeof *row->tasks);
    fill_costs(variant, report->n_seeds, row);
    row->n_tasks = f->n;
    if (f->n > 0) memcpy(row->tasks, f->tasks, f->n * sizeof *row->tasks);
    return SAGE_OK;
}

/* ---- all ---- */

static void free_tables(sage_ablate_report *report) {
    for (size_t t = 0; t < report->n_tables; t++) {
        for (size_t r = 0; r < report->tables[t].n_rows; r++) {
            sage_ablate_row *row = &report->tables[t].rows[r];
            sage_free(row->name);
            sage_free(row->settings);
            sage_free(row->fault);
            sage_free(row->tasks);
        }
        sage_free(report->tables[t].rows);
    }
    sage_free(report->tables);
    report->tables = NULL;
    report->n_tables = 0;
}

void sage_ablate_report_free(sage_ablate_report *report) {
    free_tables(report);
    sage_free(report->base);
    *report = (sage_ablate_report){.base = NULL};
}

static sage_status fill_tables(const sage_plan *plan, const sage_ablate_variant *variants,
                               sage_ablate_figures *const *all, sage_ablate_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    report->tables = sage_alloc_zero(plan->n_tables, sizeof *report->tables);
    if (report->tables == NULL) return sage_fail_memory(error, plan->n_tables * sizeof *report->tables);
    report->n_tables = plan->n_tables;
    for (size_t t = 0; t < plan->n_tables; t++) {
        const sage_plan_table *planned = &plan->tables[t];
        sage_ablate_table *table = &report->tables[t];
        *table = (sage_ablate_table){.name = planned->name, .title = planned->title};
        table->rows = sage_alloc_zero(planned->n_rows, sizeof *table->rows);
        if (table->rows == NULL) SAGE_TRY(sage_fail_memory(error, planned->n_rows * sizeof *table->rows));
        table->n_rows = planned->n_rows;
        for (size_t r = 0; r < planned->n_rows; r++)
            SAGE_TRY(
                fill_row(&planned->rows[r], variants, all[planned->rows[r].variant], report, &table->rows[r], error));
    }
out:
    return st;
}

sage_status sage_ablate_fill(const sage_plan *plan, const sage_ablate_variant *variants, sage_pool *pool,
                             sage_ablate_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t n = plan->n_variants;
    sage_ablate_figures **all = sage_alloc_zero(n, sizeof *all);
    free_tables(report);
    if (all == NULL) return sage_fail_memory(error, n * sizeof *all);
    for (size_t v = 0; v < n; v++) {
        bool compared = v > 0 && sage_ablate_same_questions(&variants[v], &variants[0], report);
        if ((all[v] = sage_alloc_zero(1, sizeof **all)) == NULL) SAGE_TRY(sage_fail_memory(error, sizeof **all));
        SAGE_TRY(sage_ablate_figure_out(&variants[v], compared ? &variants[0] : NULL, pool, report, all[v], error));
    }
    sage_ablate_add_seeds(all, n, report->n_k);
    SAGE_TRY(fill_tables(plan, variants, all, report, error));
out:
    for (size_t v = 0; v < n; v++) sage_free(all[v]);
    sage_free(all);
    return st;
}
