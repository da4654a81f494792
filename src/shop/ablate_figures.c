#include <base/alloc.h>
#include <base/error.h>
#include <eval/seeds.h>
#include <shop/ablate_figures.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { BOOTSTRAP_SEED = 1 };

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
    SAGE_TRY(sage_eval_metrics_runs(own.queries, own.n, own.n_queries, report->k, report->n_k, BOOTSTRAP_SEED, &row,
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
        SAGE_TRY(sage_eval_metrics_runs_difference(own.queries, other.queries, own.n, own.n_queries, report->k,
                                                   report->n_k, BOOTSTRAP_SEED, t->task->difference, error));
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

static bool answers(const sage_ablate_variant *variant, const sage_ablate_report *report, sage_surface surface) {
    for (size_t s = 0; s < report->n_seeds; s++)
        if (variant->results[s].there && variant->results[s].found[part_of(report)].ranks[surface] != NULL) return true;
    return false;
}

bool sage_ablate_same_questions(const sage_ablate_variant *a, const sage_ablate_variant *b,
                                const sage_ablate_report *report) {
    return strcmp(a->benches[part_of(report)].print, b->benches[part_of(report)].print) == 0;
}

sage_status sage_ablate_figure_out(const sage_ablate_variant *variant, const sage_ablate_variant *base, sage_pool *pool,
                                   const sage_ablate_report *report, sage_ablate_figures *f, sage_error *error) {
    sage_status st = SAGE_OK;
    task_of *tasks = sage_alloc_zero(SAGE_ABLATE_TASKS_MAX, sizeof *tasks);
    if (tasks == NULL) return sage_fail_memory(error, SAGE_ABLATE_TASKS_MAX * sizeof *tasks);
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

static size_t place_of(const sage_ablate_figures *f, const char *task) {
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
static sage_seed_pool pool_seeds(sage_ablate_figures *const *all, size_t n, const char *task, const figure *of,
                                 size_t j) {
    sage_seed_pool pool = {.freedom = 0};
    for (size_t v = 0; v < n; v++) {
        size_t at = place_of(all[v], task);
        if (at < all[v]->n) sage_seed_pool_add(&pool, deviation_of(&all[v]->spreads[at], of)[j], all[v]->runs);
    }
    return pool;
}

static void widen_task(sage_ablate_figures *const *all, size_t n, sage_ablate_figures *f, size_t task, size_t n_k) {
    for (size_t g = 0; g < sizeof figures / sizeof *figures; g++) {
        sage_interval *intervals = interval_of(&f->tasks[task], &figures[g]);
        bool difference = figures[g].difference;
        size_t n_runs = difference ? f->compared[task] : f->runs;
        for (size_t j = 0; j < n_k; j++) {
            sage_seed_pool pool = pool_seeds(all, n, f->tasks[task].task, &figures[g], j);
            intervals[j] = sage_seed_pool_widen(&pool, intervals[j], n_runs, difference ? n_runs : 0);
            if (!difference) intervals[j] = within_0_1(intervals[j]);
        }
    }
}

void sage_ablate_add_seeds(sage_ablate_figures *const *all, size_t n, size_t n_k) {
    for (size_t v = 0; v < n; v++)
        for (size_t i = 0; i < all[v]->n; i++) widen_task(all, n, all[v], i, n_k);
}
