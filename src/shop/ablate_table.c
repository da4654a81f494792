#include <base/alloc.h>
#include <base/error.h>
#include <eval/seeds.h>
#include <shop/ablate_table.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { TASKS_MAX = SAGE_SURFACES * SAGE_TRIAL_ROWS_MAX, BOOTSTRAP_SEED = 1 };

/* ---- one task of one row ---- */

/* What several runs found for the queries that a task is of. */
typedef struct runs {
    sage_chosen *chosen;         /* [n] */
    const sage_judged **queries; /* [n] theirs */
    size_t n, n_queries;
} runs;

static void runs_free(runs *r) {
    for (size_t i = 0; i < r->n; i++) sage_chosen_free(&r->chosen[i]);
    sage_free(r->chosen);
    sage_free(r->queries);
}

static sage_status runs_begin(runs *r, size_t n, sage_error *error) {
    *r = (runs){.chosen = sage_alloc_zero(n, sizeof *r->chosen), .queries = sage_alloc_zero(n, sizeof *r->queries)};
    return r->chosen != NULL && r->queries != NULL ? SAGE_OK : sage_fail_memory(error, n * sizeof *r->chosen);
}

static sage_status runs_add(runs *r, const sage_judge *judge, const uint32_t *ranks, const sage_trial_row *row,
                            sage_error *error) {
    const uint32_t *of = ranks + (row->without_known ? judge->n_entries : 0);
    sage_status st = sage_judge_choose(judge, of, &row->which, &r->chosen[r->n], error);
    r->queries[r->n] = r->chosen[r->n].queries;
    r->n_queries = r->chosen[r->n].n;
    r->n++;
    return st;
}

typedef struct task_of {
    const sage_ablate_variant *variant, *base; /* base NULL: no difference */
    const sage_ablate_report *report;
    sage_surface surface;
    const sage_trial_row *row;
    sage_ablate_task *task;
    sage_eval_spread *spread;
    size_t *compared; /* runs that the difference is over */
    sage_status st;
    sage_error error;
} task_of;

static size_t part_of(const sage_ablate_report *report) {
    return report->validation ? 0 : 1;
}

static const uint32_t *ranks_of(const task_of *t, const sage_ablate_variant *variant, size_t seed) {
    const sage_ablate_result *result = &variant->results[seed];
    return result->there ? result->found[part_of(t->report)].ranks[t->surface] : NULL;
}

static sage_status fill_figures(const task_of *t, const sage_judge *judge, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_ablate_report *report = t->report;
    sage_ablate_task *task = t->task;
    sage_eval_row row = {.pairs = 0};
    runs own = {.n = 0};
    SAGE_TRY(runs_begin(&own, report->n_seeds, error));
    for (size_t s = 0; s < report->n_seeds; s++) {
        const uint32_t *ranks = ranks_of(t, t->variant, s);
        if (ranks != NULL) SAGE_TRY(runs_add(&own, judge, ranks, t->row, error));
    }
    SAGE_TRY(sage_metrics_runs(own.queries, own.n, own.n_queries, report->k, report->n_k, BOOTSTRAP_SEED, &row,
                               t->spread, error));
    memcpy(task->seed_sd, t->spread->pair_recall, sizeof task->seed_sd);
    snprintf(task->task, sizeof task->task, "%s", t->row->name);
    task->pairs = row.pairs;
    task->queries = row.queries;
    memcpy(task->pair_recall, row.pair_recall, sizeof row.pair_recall);
    memcpy(task->query_recall, row.query_recall, sizeof row.query_recall);
    memcpy(task->mrr, row.mrr, sizeof row.mrr);
    memcpy(task->ndcg, row.ndcg, sizeof row.ndcg);
out:
    runs_free(&own);
    return st;
}

static sage_status fill_difference(const task_of *t, const sage_judge *judge, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_ablate_report *report = t->report;
    runs own = {.n = 0}, other = {.n = 0};
    SAGE_TRY(runs_begin(&own, report->n_seeds, error));
    SAGE_TRY(runs_begin(&other, report->n_seeds, error));
    for (size_t s = 0; s < report->n_seeds; s++) {
        const uint32_t *ranks = ranks_of(t, t->variant, s), *of_base = ranks_of(t, t->base, s);
        if (ranks == NULL || of_base == NULL) continue;
        SAGE_TRY(runs_add(&own, judge, ranks, t->row, error));
        SAGE_TRY(runs_add(&other, judge, of_base, t->row, error));
    }
    t->task->compared = own.n > 0;
    *t->compared = own.n;
    if (own.n > 0)
        SAGE_TRY(sage_metrics_runs_difference(own.queries, other.queries, own.n, own.n_queries, report->k, report->n_k,
                                              BOOTSTRAP_SEED, t->task->difference, error));
out:
    runs_free(&own);
    runs_free(&other);
    return st;
}

/* Resampling is most of the time: each task by whoever is free. */
static void fill_some(void *ctx, size_t begin, size_t end, size_t worker) {
    task_of *tasks = ctx;
    (void)worker;
    for (size_t i = begin; i < end; i++) {
        task_of *t = &tasks[i];
        const sage_judge *judge = sage_bench_judge(&t->variant->benches[part_of(t->report)], t->surface);
        t->st = fill_figures(t, judge, &t->error);
        if (t->st == SAGE_OK && t->base != NULL) t->st = fill_difference(t, judge, &t->error);
    }
}

/* ---- one variant ---- */

/* The figures of all its tasks, which rows copy. */
typedef struct filled {
    sage_trial_row rows[SAGE_SURFACES][SAGE_TRIAL_ROWS_MAX];
    size_t n;
    sage_ablate_task tasks[TASKS_MAX];
    sage_eval_spread spreads[TASKS_MAX];
    size_t compared[TASKS_MAX];
    size_t runs;
} filled;

static bool answers(const sage_ablate_variant *variant, const sage_ablate_report *report, sage_surface surface) {
    for (size_t s = 0; s < report->n_seeds; s++)
        if (variant->results[s].there && variant->results[s].found[part_of(report)].ranks[surface] != NULL) return true;
    return false;
}

static bool same_questions(const sage_ablate_variant *a, const sage_ablate_variant *b,
                           const sage_ablate_report *report) {
    return strcmp(a->benches[part_of(report)].print, b->benches[part_of(report)].print) == 0;
}

/* base NULL: it is the base, or cannot be compared. */
static sage_status fill_variant(const sage_ablate_variant *variant, const sage_ablate_variant *base, sage_pool *pool,
                                const sage_ablate_report *report, filled *f, sage_error *error) {
    sage_status st = SAGE_OK;
    task_of *tasks = sage_alloc_zero(TASKS_MAX, sizeof *tasks);
    if (tasks == NULL) return sage_fail_memory(error, TASKS_MAX * sizeof *tasks);
    for (size_t s = 0; s < report->n_seeds; s++) f->runs += variant->results[s].there;
    for (int s = 0; s < SAGE_SURFACES; s++) {
        size_t of_surface = sage_bench_rows(&variant->benches[part_of(report)], (sage_surface)s, f->rows[s]);
        if (!answers(variant, report, (sage_surface)s)) continue;
        for (size_t i = 0; i < of_surface; i++, f->n++)
            tasks[f->n] = (task_of){.variant = variant,
                                    .base = base,
                                    .report = report,
                                    .surface = (sage_surface)s,
                                    .row = &f->rows[s][i],
                                    .task = &f->tasks[f->n],
                                    .spread = &f->spreads[f->n],
                                    .compared = &f->compared[f->n]};
    }
    sage_pool_for_dynamic(pool, f->n, 1, fill_some, tasks);
    for (size_t i = 0; i < f->n; i++) {
        if (tasks[i].st != SAGE_OK && error != NULL) *error = tasks[i].error;
        SAGE_TRY(tasks[i].st);
    }
out:
    sage_free(tasks);
    return st;
}

/* ---- seeds ---- */

/* One figure of a task, of whatever variant. */
typedef struct figure {
    size_t interval, spread; /* where they stand in a task and in a spread */
    bool difference;
} figure;

static const figure figures[] = {
    {offsetof(sage_ablate_task, pair_recall), offsetof(sage_eval_spread, pair_recall), false},
    {offsetof(sage_ablate_task, query_recall), offsetof(sage_eval_spread, query_recall), false},
    {offsetof(sage_ablate_task, mrr), offsetof(sage_eval_spread, mrr), false},
    {offsetof(sage_ablate_task, ndcg), offsetof(sage_eval_spread, ndcg), false},
    {offsetof(sage_ablate_task, difference), offsetof(sage_eval_spread, pair_recall), true},
};

static sage_interval *interval_of(sage_ablate_task *task, const figure *of) {
    return (sage_interval *)(void *)((char *)task + of->interval);
}

static const double *deviation_of(const sage_eval_spread *spread, const figure *of) {
    return (const double *)(const void *)((const char *)spread + of->spread);
}

static size_t place_of(const filled *f, const char *task) {
    size_t i = 0;
    while (i < f->n && strcmp(f->tasks[i].task, task) != 0) i++;
    return i;
}

static sage_interval within_0_1(sage_interval interval) {
    if (interval.low < 0) interval.low = 0;
    if (interval.high > 1) interval.high = 1;
    return interval;
}

/* Of all variants that have this task. */
static sage_seed_pool pool_seeds(filled *const *all, size_t n, const char *task, const figure *of, size_t j) {
    sage_seed_pool pool = {.freedom = 0};
    for (size_t v = 0; v < n; v++) {
        size_t at = place_of(all[v], task);
        if (at < all[v]->n) sage_seed_pool_add(&pool, deviation_of(&all[v]->spreads[at], of)[j], all[v]->runs);
    }
    return pool;
}

static void widen(filled *const *all, size_t n, filled *f, size_t task, size_t n_k) {
    for (size_t g = 0; g < sizeof figures / sizeof *figures; g++) {
        sage_interval *intervals = interval_of(&f->tasks[task], &figures[g]);
        bool difference = figures[g].difference;
        size_t runs = difference ? f->compared[task] : f->runs;
        for (size_t j = 0; j < n_k; j++) {
            sage_seed_pool pool = pool_seeds(all, n, f->tasks[task].task, &figures[g], j);
            intervals[j] = sage_seed_pool_widen(&pool, intervals[j], runs, difference ? runs : 0);
            if (!difference) intervals[j] = within_0_1(intervals[j]);
        }
    }
}

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

static sage_status fill_row(const sage_plan_row *planned, const sage_ablate_variant *variants, const filled *f,
                            const sage_ablate_report *report, sage_ablate_row *row, sage_error *error) {
    const sage_ablate_variant *variant = &variants[planned->variant];
    const char *fault = variant->fault;
    if (fault == NULL && !same_questions(variant, &variants[0], report))
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

static sage_status fill_tables(const sage_plan *plan, const sage_ablate_variant *variants, filled *const *all,
                               sage_ablate_report *report, sage_error *error) {
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
    filled **all = sage_alloc_zero(n, sizeof *all);
    free_tables(report);
    if (all == NULL) return sage_fail_memory(error, n * sizeof *all);
    for (size_t v = 0; v < n; v++) {
        bool compared = v > 0 && same_questions(&variants[v], &variants[0], report);
        if ((all[v] = sage_alloc_zero(1, sizeof **all)) == NULL) SAGE_TRY(sage_fail_memory(error, sizeof **all));
        SAGE_TRY(fill_variant(&variants[v], compared ? &variants[0] : NULL, pool, report, all[v], error));
    }
    for (size_t v = 0; v < n; v++)
        for (size_t i = 0; i < all[v]->n; i++) widen(all, n, all[v], i, report->n_k);
    SAGE_TRY(fill_tables(plan, variants, all, report, error));
out:
    for (size_t v = 0; v < n; v++) sage_free(all[v]);
    sage_free(all);
    return st;
}
