/* `itemsage ablate`: what is planned is trained where it has no result yet, and told in tables. */
#include <base/alloc.h>
#include <base/error.h>
#include <itemsage/ablate.h>
#include <shop/ablate_run.h>
#include <shop/ablate_table.h>
#include <stdio.h>
#include <string.h>

/* One dataset, and what is asked of it. */
typedef struct source {
    sage_ablate_data data;
    sage_bench benches[SAGE_ABLATE_PARTS];
} source;

typedef struct ablation {
    sage_shop *shop;
    const sage_ablate_options *wanted;
    const sage_monitor *monitor;
    sage_pool *pool;
    char folder[SAGE_PATH_MAX], table_path[SAGE_PATH_MAX];
    sage_plan *plan;
    source **sources; /* [n_sources] 0: the base's */
    size_t n_sources, sources_capacity;
    sage_ablate_result *results;   /* [variants][seeds] */
    sage_ablate_variant *variants; /* [variants] */
    char **faults;                 /* [variants] NULL: none */
    sage_ablate_report *report;
    double trained_s; /* by runs of this call */
} ablation;

/* ---- checks ---- */

static sage_status read_k(const sage_ablate_options *wanted, sage_ablate_report *report, sage_error *error) {
    static const size_t usual[] = {10, 100};
    const size_t *k = wanted->n_k > 0 ? wanted->k : usual;
    report->n_k = wanted->n_k > 0 ? wanted->n_k : 2;
    if (report->n_k > SAGE_EVAL_K_MAX) return sage_fail(error, SAGE_E_LIMIT, "at most %d values of k", SAGE_EVAL_K_MAX);
    for (size_t i = 0; i < report->n_k; i++) {
        if (k[i] < 1 || k[i] > SAGE_BENCH_DEPTH)
            return sage_fail(error, SAGE_E_ARGUMENT, "k must be 1 to %d, not %zu", SAGE_BENCH_DEPTH, k[i]);
        if (i > 0 && k[i] <= k[i - 1]) return sage_fail(error, SAGE_E_ARGUMENT, "the values of k must ascend");
        report->k[i] = k[i];
    }
    return SAGE_OK;
}

static sage_status read_wanted(ablation *a, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_ablate_options *wanted = a->wanted;
    sage_ablate_report *report = a->report;
    SAGE_TRY(read_k(wanted, report, error));
    report->n_seeds = wanted->seeds > 0 ? wanted->seeds : 1;
    report->validation = wanted->validation;
    if (report->n_seeds > SAGE_ABLATE_SEEDS_MAX)
        SAGE_TRY(sage_fail(error, SAGE_E_ARGUMENT, "1 to %d seeds, not %zu", SAGE_ABLATE_SEEDS_MAX, report->n_seeds));
    SAGE_TRY(sage_plan_check(wanted, a->shop->options, error));
out:
    return st;
}

/* ---- data ---- */

static sage_status open_source(ablation *a, const sage_options *options, const sage_ablate_data *base,
                               sage_error *error) {
    sage_status st = SAGE_OK;
    source *s = sage_alloc_zero(1, sizeof *s);
    if (s == NULL || sage_grow((void **)&a->sources, &a->sources_capacity, a->n_sources + 1, sizeof *a->sources) != 0) {
        sage_free(s);
        return sage_fail_memory(error, sizeof *s);
    }
    a->sources[a->n_sources++] = s;
    SAGE_TRY(sage_ablate_data_open(a->shop, a->folder, options, base, a->wanted->anew, a->pool, a->monitor, &s->data,
                                   error));
    if (s->data.dataset == NULL)
        SAGE_TRY(sage_fail(error, SAGE_E_STATE,
                           "a row needs a dataset of its own, and the catalogue has changed since the base's was "
                           "packed; run it again with --anew"));
    for (int p = 0; p < SAGE_ABLATE_PARTS; p++)
        SAGE_TRY(sage_bench_make(a->shop, &s->data, p == 0 ? SAGE_VALIDATION : SAGE_TEST, &s->benches[p], error));
out:
    return st;
}

/* The dataset that each variant needs: mostly the base's. */
static sage_status give_data(ablation *a, sage_error *error) {
    sage_status st = SAGE_OK;
    for (size_t v = 0; v < a->plan->n_variants; v++) {
        sage_plan_variant *variant = &a->plan->variants[v];
        variant->data = 0;
        while (variant->data < a->n_sources &&
               !sage_ablate_data_fits(a->shop, a->folder, &a->sources[variant->data]->data, variant->options))
            variant->data++;
        if (variant->data < a->n_sources) continue;
        sage_note(a->monitor, "%s needs a dataset of its own", variant->label);
        SAGE_TRY(open_source(a, variant->options, &a->sources[0]->data, error));
    }
out:
    return st;
}

static bool asks_something(source *s, bool validation) {
    for (int surface = 0; surface < SAGE_SURFACES; surface++)
        if (sage_bench_judge(&s->benches[validation ? 0 : 1], (sage_surface)surface)->n_queries > 0) return true;
    return false;
}

static sage_status prepare(ablation *a, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_dataset_info info;
    SAGE_TRY(open_source(a, a->shop->options, NULL, error));
    sage_dataset_describe(a->sources[0]->data.dataset, &info);
    if (!asks_something(a->sources[0], a->report->validation))
        SAGE_TRY(sage_fail(error, SAGE_E_STATE,
                           "dataset %llu has no held-out events to judge on; import events, and leave holdout above 0",
                           (unsigned long long)info.id));
    a->report->dataset = info.id;
    a->report->simulated = info.simulated;
    if ((a->report->base = sage_plan_settings(a->shop->options)) == NULL) SAGE_TRY(sage_fail_memory(error, 1 << 14));
    SAGE_TRY(sage_plan_make(a->wanted, a->shop->options, a->sources[0]->data.dataset, a->monitor, &a->plan, error));
    SAGE_TRY(give_data(a, error));
    size_t n = a->plan->n_variants;
    a->results = sage_alloc_zero(n * a->report->n_seeds, sizeof *a->results);
    a->variants = sage_alloc_zero(n, sizeof *a->variants);
    a->faults = sage_alloc_zero(n, sizeof *a->faults);
    if (a->results == NULL || a->variants == NULL || a->faults == NULL)
        SAGE_TRY(sage_fail_memory(error, n * a->report->n_seeds * sizeof *a->results));
    for (size_t v = 0; v < n; v++)
        a->variants[v] = (sage_ablate_variant){.results = a->results + v * a->report->n_seeds,
                                               .benches = a->sources[a->plan->variants[v].data]->benches};
out:
    return st;
}

/* ---- runs ---- */

static sage_ablate_run run_of(const ablation *a, size_t variant, size_t seed) {
    source *s = a->sources[a->plan->variants[variant].data];
    return (sage_ablate_run){.shop = a->shop,
                             .folder = a->folder,
                             .variant = &a->plan->variants[variant],
                             .seed = seed + 1,
                             .data = &s->data,
                             .benches = s->benches};
}

/* A damaged result is as if it were not there. */
static sage_status look_for_results(ablation *a, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX], line[1024];
    for (size_t v = 0; v < a->plan->n_variants; v++) {
        for (size_t s = 0; s < a->report->n_seeds; s++) {
            sage_error damage = {0};
            sage_ablate_result *result = &a->results[v * a->report->n_seeds + s];
            sage_ablate_run run = run_of(a, v, s);
            SAGE_TRY(sage_ablate_run_path(&run, path, error));
            st = sage_ablate_result_read(path, run.benches, result, &damage);
            if (st == SAGE_E_FORMAT || st == SAGE_E_LIMIT) {
                sage_warn(a->monitor, "%s; it is trained again", sage_error_line(&damage, line, sizeof line));
                st = SAGE_OK;
            }
            if (st != SAGE_OK && error != NULL) *error = damage;
            SAGE_TRY(st);
            a->report->found += result->there;
        }
    }
out:
    return st;
}

static sage_status write_table(ablation *a, sage_error *error) {
    sage_status st = SAGE_OK;
    for (size_t v = 0; v < a->plan->n_variants; v++) a->variants[v].fault = a->faults[v];
    SAGE_TRY(sage_ablate_fill(a->plan, a->variants, a->pool, a->report, error));
    SAGE_TRY(sage_ablate_write_json(a->report, a->table_path, error));
out:
    return st;
}

static void tell_run(const ablation *a, const sage_ablate_run *run, size_t number, size_t n, bool first) {
    char left[64] = "";
    double each_s = a->report->trained > 0 ? a->trained_s / (double)a->report->trained : 0;
    double left_s = each_s * (double)(n - number + 1);
    if (each_s > 0 && left_s < 5400)
        snprintf(left, sizeof left, ", about %.0f min left", left_s / 60 < 1 ? 1 : left_s / 60);
    else if (each_s > 0)
        snprintf(left, sizeof left, ", about %.1f h left", left_s / 3600);
    (void)first;
    sage_note(a->monitor, "run %zu of %zu: %s, seed %zu%s", number, n, run->variant->label, run->seed, left);
}

/* What ends the whole ablation, rather than being told in a row. A row that is too large for the machine costs no other
 * one. */
static bool ends_all(sage_status st) {
    return st == SAGE_E_CANCELLED || st == SAGE_E_IO || st == SAGE_E_LOCKED;
}

static sage_status stopped(const ablation *a, sage_error *error) {
    return sage_fail(
        error, SAGE_E_CANCELLED,
        "stopped on request with %zu of %zu runs done; the same command goes on from there, and %s has the "
        "tables so far",
        a->report->found + a->report->trained, a->plan->n_variants * a->report->n_seeds, a->table_path);
}

static sage_status do_run(ablation *a, size_t v, size_t s, size_t number, size_t n, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_error fault = {0};
    sage_ablate_run run = run_of(a, v, s);
    char line[1024];
    double began_s = sage_now_s();
    tell_run(a, &run, number, n, false);
    st = sage_ablate_run_do(&run, a->pool, a->monitor, &a->results[v * a->report->n_seeds + s], &fault);
    if (st == SAGE_E_CANCELLED) return stopped(a, error);
    if (st != SAGE_OK && ends_all(st)) {
        if (error != NULL) *error = fault;
        return st;
    }
    if (st != SAGE_OK) {
        sage_error_line(&fault, line, sizeof line);
        sage_warn(a->monitor, "%s failed: %s", run.variant->label, line);
        a->report->failed++;
        sage_free(a->faults[v]);
        if ((a->faults[v] = sage_strdup(line)) == NULL) return sage_fail_memory(error, sizeof line);
    } else {
        a->report->trained++;
        a->trained_s += sage_now_s() - began_s;
    }
    return write_table(a, error);
}

/* Seed after seed, so that tables are whole early. A variant that failed is not tried with other seeds. */
static sage_status do_runs(ablation *a, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t n = a->plan->n_variants * a->report->n_seeds - a->report->found, number = 0;
    SAGE_TRY(write_table(a, error));
    for (size_t s = 0; s < a->report->n_seeds; s++) {
        for (size_t v = 0; v < a->plan->n_variants; v++) {
            if (a->results[v * a->report->n_seeds + s].there) continue;
            number++;
            if (a->faults[v] == NULL) SAGE_TRY(do_run(a, v, s, number, n, error));
        }
        if (a->faults[0] != NULL) SAGE_TRY(sage_fail(error, SAGE_E_STATE, "the base row failed: %s", a->faults[0]));
    }
out:
    return st;
}

/* ---- all ---- */

/* The table stands whatever becomes of old data. */
static void prune(const ablation *a) {
    sage_error fault = {0};
    if (sage_ablate_data_prune(a->folder, &fault) != SAGE_OK)
        sage_warn(a->monitor, "old datasets of the ablation are still there: %s", fault.text);
}

static void release(ablation *a) {
    size_t n = a->plan != NULL ? a->plan->n_variants : 0;
    for (size_t i = 0; a->results != NULL && i < n * a->report->n_seeds; i++) sage_ablate_result_free(&a->results[i]);
    for (size_t v = 0; a->faults != NULL && v < n; v++) sage_free(a->faults[v]);
    sage_free(a->results);
    sage_free(a->variants);
    sage_free(a->faults);
    sage_plan_free(a->plan);
    for (size_t i = 0; i < a->n_sources; i++) {
        for (size_t p = 0; p < SAGE_ABLATE_PARTS; p++) sage_bench_free(&a->sources[i]->benches[p]);
        sage_ablate_data_close(&a->sources[i]->data);
        sage_free(a->sources[i]);
    }
    sage_free(a->sources);
}

static sage_status make_folders(ablation *a, sage_error *error) {
    static const char *const names[] = {"results", "runs"};
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    SAGE_TRY(sage_shop_path(a->shop, "ablation", a->folder, error));
    SAGE_TRY(sage_fs_mkdir(a->folder, error));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        SAGE_TRY(sage_path_join(path, a->folder, names[i], error));
        SAGE_TRY(sage_fs_mkdir(path, error));
    }
    SAGE_TRY(sage_path_join(a->table_path, a->folder, "table.json", error));
out:
    return st;
}

sage_status sage_ablate(sage_shop *shop, const sage_ablate_options *options, const sage_monitor *monitor,
                        sage_ablate_report *report, sage_error *error) {
    static const sage_ablate_options none = {.tables = NULL};
    sage_status st = SAGE_OK;
    int lock = -1;
    ablation a = {.shop = shop, .wanted = options != NULL ? options : &none, .monitor = monitor, .report = report};
    *report = (sage_ablate_report){.base = NULL};
    SAGE_TRY(read_wanted(&a, error));
    SAGE_TRY(sage_shop_lock(shop, SAGE_LOCK_ABLATION, &lock, error));
    SAGE_TRY(make_folders(&a, error));
    SAGE_TRY(sage_shop_pool(shop, &a.pool, error));
    SAGE_TRY(prepare(&a, error));
    SAGE_TRY(look_for_results(&a, error));
    SAGE_TRY(do_runs(&a, error));
    prune(&a);
out:
    release(&a);
    sage_fs_unlock(lock);
    return st;
}
