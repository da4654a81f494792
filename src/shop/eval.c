/* `itemsage eval`: the release against the held-out part of its dataset, or against an event file. */
#include <base/alloc.h>
#include <base/arena.h>
#include <base/error.h>
#include <base/report.h>
#include <shop/eval_kept.h>
#include <shop/eval_people.h>
#include <shop/eval_pictures.h>
#include <shop/eval_shown.h>
#include <shop/eval_texts.h>
#include <shop/shop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HITS_MAX_BYTES = 1 << 30 };

/* Judgements gathered from an event file; texts live in the arena. */
typedef struct gathered {
    sage_judgement *rows;
    size_t n, capacity;
    sage_judgement *pictures; /* of the surface image */
    size_t n_pictures, pictures_capacity;
    sage_file_event *of[2]; /* of the surfaces product and user */
    size_t n_of[2], of_capacity[2];
    sage_arena *texts;
    bool simulated;
    sage_shown_source shown; /* its catalogue: of a dataset's events */
} gathered;

static sage_status gather_person(gathered *g, const sage_event_row *row, sage_str query, sage_error *error) {
    size_t of = row->surface == SAGE_ON_USER;
    if (sage_grow((void **)&g->of[of], &g->of_capacity[of], g->n_of[of] + 1, sizeof *g->of[of]))
        return sage_fail_memory(error, sizeof *g->of[of]);
    sage_file_event *event = &g->of[of][g->n_of[of]++];
    *event = (sage_file_event){query, row->pid, row->kind, {0}};
    sage_exposure_add(&event->shown, &g->shown.rule, row->position, row->propensity, row->count);
    return SAGE_OK;
}

static sage_status gather(void *ctx, const sage_event_row *row, sage_error *error) {
    gathered *g = ctx;
    bool picture = row->surface == SAGE_ON_IMAGE;
    sage_judgement **rows = picture ? &g->pictures : &g->rows;
    size_t *n = picture ? &g->n_pictures : &g->n, *capacity = picture ? &g->pictures_capacity : &g->capacity;
    g->simulated = g->simulated || row->simulated;
    char *text = sage_arena_copy(g->texts, row->query_key.data, row->query_key.len);
    if (!text) return sage_fail_memory(error, row->query_key.len);
    const sage_str query = {text, row->query_key.len};
    if (row->surface == SAGE_ON_USER || row->surface == SAGE_ON_PRODUCT) return gather_person(g, row, query, error);
    if (sage_grow((void **)rows, capacity, *n + 1, sizeof **rows)) return sage_fail_memory(error, sizeof **rows);
    sage_judgement *judgement = &(*rows)[(*n)++];
    *judgement = (sage_judgement){
        .query = query, .task = (unsigned)(row->surface * SAGE_EVENT_KINDS + row->kind), .pid = row->pid};
    sage_exposure_add(&judgement->shown, &g->shown.rule, row->position, row->propensity, row->count);
    return SAGE_OK;
}

static int by_query(const void *a, const void *b) {
    const sage_judgement *x = a, *y = b;
    int order = sage_str_order(x->query, y->query);
    if (order) return order;
    if (x->pid != y->pid) return x->pid < y->pid ? -1 : 1;
    return (x->task > y->task) - (x->task < y->task);
}

static int by_asker(const void *a, const void *b) {
    const sage_file_event *x = a, *y = b;
    int order = sage_str_order(x->query, y->query);
    if (order) return order;
    if (x->pid != y->pid) return x->pid < y->pid ? -1 : 1;
    return (x->kind > y->kind) - (x->kind < y->kind);
}

static void tell_rejected(const char *file, const sage_import_report *report, const sage_monitor *monitor) {
    char reasons[1024] = "";
    int at = 0;
    for (size_t i = 0; i < report->reason_n && at < (int)sizeof reasons; i++)
        at += snprintf(reasons + at, sizeof reasons - (size_t)at, "%s%s %llu", i > 0 ? ", " : "",
                       report->reasons[i].reason, (unsigned long long)report->reasons[i].count);
    if (report->rejected > 0)
        sage_warn(monitor, "%s: %llu bad rows are left out: %s", file, (unsigned long long)report->rejected, reasons);
}

static sage_status from_file(sage_shop *shop, const char *file, const char *map, const sage_monitor *monitor,
                             gathered *g, sage_error *error) {
    const sage_import_options as = {.map = map};
    sage_status st = SAGE_OK;
    sage_catalog *catalog = NULL;
    sage_import_report report = {0};
    if (!(g->texts = sage_arena_new(1u << 20))) return sage_fail_memory(error, 1u << 20);
    SAGE_TRY(sage_shop_catalog(shop, false, &catalog, error));
    SAGE_TRY(sage_catalog_scan_events(catalog, file, &as, gather, g, &report, error));
    tell_rejected(file, &report, monitor);
    if (g->n) qsort(g->rows, g->n, sizeof *g->rows, by_query);
    if (g->n_pictures) qsort(g->pictures, g->n_pictures, sizeof *g->pictures, by_query);
    for (size_t i = 0; i < 2; i++)
        if (g->n_of[i]) qsort(g->of[i], g->n_of[i], sizeof *g->of[i], by_asker);
out:
    sage_catalog_close(catalog);
    return st;
}

/* The dataset of the release's model; NULL where it is only to count baselines from and cannot be had. */
static sage_status dataset_of(sage_shop *shop, const sage_release *release, bool must, const sage_monitor *monitor,
                              sage_dataset **dataset, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_error fault = {0};
    sage_model_config config;
    if (must) {
        SAGE_TRY(sage_model_config_read(shop, release->query_model, &config, error));
        st = sage_dataset_open(shop->dir, config.dataset, true, dataset, error);
        SAGE_TRY(
            sage_shop_advise(st, "run 'itemsage train' for a new one, or judge on a file with --events FILE", error));
        goto out;
    }
    if (sage_model_config_read(shop, release->query_model, &config, &fault) != SAGE_OK ||
        sage_dataset_open(shop->dir, config.dataset, true, dataset, &fault) != SAGE_OK)
        sage_warn(monitor, "item-knn and popular are left out, without the dataset that they count from: %s",
                  fault.text);
out:
    return st;
}

/* The judgements to use, and in words where they are from. Texts live in `g` or in *dataset. */
static sage_status judgements_for(sage_shop *shop, const sage_release *release, const sage_eval_options *options,
                                  const sage_monitor *monitor, sage_dataset **dataset, gathered *g,
                                  sage_eval_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_dataset_info info;
    if (options && options->events_file) {
        snprintf(report->source, sizeof report->source, "%s", options->events_file);
        SAGE_TRY(from_file(shop, options->events_file, options->events_map, monitor, g, error));
        report->simulated = g->simulated;
        if (g->n + g->n_of[0] + g->n_of[1] > 0) SAGE_TRY(dataset_of(shop, release, false, monitor, dataset, error));
        goto out;
    }
    SAGE_TRY(dataset_of(shop, release, true, monitor, dataset, error));
    SAGE_TRY(sage_judgements_of(*dataset, SAGE_TEST, SAGE_ON_SEARCH, &g->rows, &g->n, error));
    SAGE_TRY(sage_judgements_of(*dataset, SAGE_TEST, SAGE_ON_IMAGE, &g->pictures, &g->n_pictures, error));
    sage_eval_shown_open(shop, *dataset, monitor, &g->shown);
    if (g->shown.catalog) {
        SAGE_TRY(sage_shown_judgements(&g->shown, SAGE_ON_SEARCH, g->rows, g->n, error));
        SAGE_TRY(sage_shown_judgements(&g->shown, SAGE_ON_IMAGE, g->pictures, g->n_pictures, error));
    }
    sage_dataset_describe(*dataset, &info);
    report->simulated = info.simulated;
    snprintf(report->source, sizeof report->source, "held-out test part of dataset %llu", (unsigned long long)info.id);
out:
    return st;
}

static sage_status nothing_to_judge(const sage_dataset *dataset, bool file, const sage_eval_report *report,
                                    sage_error *error) {
    sage_dataset_info info;
    if (file) return sage_fail(error, SAGE_E_STATE, "%s holds no event to judge on", report->source);
    sage_dataset_describe(dataset, &info);
    if (info.holdout <= 0)
        return sage_fail(error, SAGE_E_STATE,
                         "dataset %llu was packed with holdout=0, so it has no held-out events; train again with "
                         "holdout=0.2, or judge on a file with --events FILE",
                         (unsigned long long)info.id);
    return sage_fail(error, SAGE_E_STATE,
                     "dataset %llu has no held-out events; import events and train again, or judge on a file with "
                     "--events FILE",
                     (unsigned long long)info.id);
}

static sage_status choose_k(const sage_eval_options *options, size_t k[SAGE_EVAL_K_MAX], size_t *n_k,
                            sage_error *error) {
    *n_k = options ? options->n_k : 0;
    if (*n_k > SAGE_EVAL_K_MAX) return sage_fail(error, SAGE_E_LIMIT, "at most %d values of k", SAGE_EVAL_K_MAX);
    for (size_t i = 0; i < *n_k; i++) {
        k[i] = options->k[i];
        if (k[i] < 1 || k[i] > 10000) return sage_fail(error, SAGE_E_ARGUMENT, "k must be 1 to 10000, not %zu", k[i]);
        if (i && k[i] <= k[i - 1]) return sage_fail(error, SAGE_E_ARGUMENT, "the values of k must ascend");
    }
    if (!*n_k) {
        k[0] = 10;
        k[1] = 100;
        *n_k = 2;
    }
    return SAGE_OK;
}

static sage_status begin_hits(sage_buf *hits, const size_t *k, size_t n_k, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_buf_init(hits, HITS_MAX_BYTES);
    SAGE_TRY(sage_buf_text(hits, "task\tmethod\tquery\tpairs", error));
    for (size_t i = 0; i < n_k; i++) SAGE_TRY(sage_buf_printf(hits, error, "\thits@%zu", k[i]));
    SAGE_TRY(sage_buf_text(hits, "\n", error));
out:
    return st;
}

/* Search texts, on events and on judgements. */
static sage_status judge_texts(sage_engine *engine, const sage_dataset *dataset, const gathered *g,
                               const sage_eval_options *options, sage_notes *notes, const sage_monitor *monitor,
                               sage_unwritten *unwritten, sage_eval_report *report, sage_error *error) {
    static const sage_eval_options none;
    sage_status st = SAGE_OK;
    if (!options) options = &none;
    bool graded = options->graded.file || options->graded.qrels_file;
    sage_text_bench bench = {.engine = engine,
                             .dataset = dataset,
                             .trec = &options->trec,
                             .monitor = monitor,
                             .unwritten = unwritten,
                             .notes = notes};
    size_t depth = report->k[report->n_k - 1];
    SAGE_TRY(sage_text_bench_open(&bench, depth < SAGE_CURVE_POINTS && notes ? SAGE_CURVE_POINTS : depth, error));
    if (g->n) SAGE_TRY(sage_eval_texts(&bench, g->rows, g->n, !graded, report, error));
    if (graded) SAGE_TRY(sage_eval_graded(&bench, &options->graded, report, error));
out:
    sage_text_bench_close(&bench);
    return st;
}

/* What is to be written is looked at before minutes of work, not after them. */
static sage_status check_outputs(const sage_shop *shop, const sage_eval_options *options, sage_error *error) {
    const char *files[] = {options->hits_file, options->report_file, options->trec.write_qrels};
    char first[SAGE_PATH_MAX];
    sage_status st = SAGE_OK;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (files[i] != NULL) SAGE_TRY(sage_shop_check_output(shop, files[i], error));
    if (options->trec.write_run == NULL) goto out;
    snprintf(first, sizeof first, "%s.queries.tsv", options->trec.write_run);
    SAGE_TRY(sage_shop_check_output(shop, first, error));
out:
    return st;
}

sage_status sage_eval(sage_shop *shop, const sage_eval_options *options, const sage_monitor *monitor,
                      sage_eval_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_open_release opened = {.fd = {-1, -1, -1}};
    sage_dataset *dataset = NULL;
    gathered g = {0};
    sage_buf hits = {.data = NULL};
    sage_notes *notes = NULL;
    sage_unwritten unwritten = {.status = SAGE_OK};
    size_t k[SAGE_EVAL_K_MAX], n_k, n_people = 0;
    bool file = options && options->events_file;
    memset(report, 0, sizeof *report);
    SAGE_TRY(choose_k(options, k, &n_k, error));
    if (options) SAGE_TRY(check_outputs(shop, options, error));
    SAGE_TRY(sage_eval_shown_rule(options, &g.shown.rule, report, error));
    if (options && options->hits_file) {
        SAGE_TRY(begin_hits(&hits, k, n_k, error));
        report->hits = &hits;
    }
    if (options && options->report_file && !(notes = sage_alloc_zero(1, sizeof *notes)))
        SAGE_TRY(sage_fail_memory(error, sizeof *notes));
    SAGE_TRY(sage_release_open(shop, true, &opened, error));
    report->release = opened.release.index;
    if (options) SAGE_TRY(sage_engine_cut(opened.engine, report->dims = options->dims, error));
    SAGE_TRY(judgements_for(shop, &opened.release, options, monitor, &dataset, &g, report, error));
    if (notes) notes->shop = shop, notes->opened = &opened, notes->dataset = dataset;
    memcpy(report->k, k, (report->n_k = n_k) * sizeof *k);
    SAGE_TRY(judge_texts(opened.engine, dataset, &g, options, notes, monitor, &unwritten, report, error));
    SAGE_TRY(sage_eval_image_rows(shop, &opened, g.pictures, g.n_pictures, notes, monitor, report, error));
    const sage_people_source people = {dataset, file, g.of[1], g.of[0], g.n_of[1], g.n_of[0], &g.shown, notes};
    SAGE_TRY(sage_eval_people_rows(shop, &opened, &people, monitor, &n_people, report, error));
    if (!g.n && !g.n_pictures && !n_people && !report->graded.n_rows)
        SAGE_TRY(nothing_to_judge(dataset, file, report, error));
    report->complete = true;
    if (!file && report->dims == 0) sage_eval_keep(shop, opened.release.query_model, report, monitor);
    if (unwritten.status != SAGE_OK && error != NULL) *error = unwritten.why;
    SAGE_TRY(unwritten.status);
    if (report->hits != NULL) SAGE_TRY(sage_fs_replace(options->hits_file, hits.data, hits.len, error));
    if (notes != NULL) SAGE_TRY(sage_notes_write(notes, report, monitor, options->report_file, error));
out:
    report->hits = NULL;
    sage_buf_free(&hits);
    if (notes) sage_notes_free(notes);
    sage_free(notes);
    sage_release_close(&opened);
    sage_dataset_close(dataset);
    sage_catalog_close(g.shown.catalog);
    sage_arena_free(g.texts);
    sage_free(g.rows);
    sage_free(g.pictures);
    sage_free(g.of[0]);
    sage_free(g.of[1]);
    return st;
}
