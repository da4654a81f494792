#include <base/alloc.h>
#include <base/error.h>
#include <shop/report.h>
#include <stdio.h>
#include <string.h>

enum { ABLATION_MAX_BYTES = 4 << 20 };

void sage_notes_free(sage_notes *notes) {
    sage_watch_free(&notes->watch);
    sage_more_close(&notes->more);
    *notes = (sage_notes){.n_curves = 0};
}

static sage_recall_curve *next_curve(sage_notes *notes, const char *method, const char *task) {
    if (notes->n_curves == SAGE_CURVES_MAX) return NULL;
    sage_recall_curve *curve = &notes->curves[notes->n_curves++];
    snprintf(curve->method, sizeof curve->method, "%s", method);
    snprintf(curve->task, sizeof curve->task, "%s", task);
    return curve;
}

/* By popularity and by newness. */
static sage_status cut(sage_notes *notes, sage_judge *judge, const size_t *lists, const char *const *methods,
                       size_t n_methods, const sage_judge_which *which, bool users, size_t k, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_seen seen = {.n = 0};
    if (notes->dataset == NULL) return SAGE_OK;
    SAGE_TRY(sage_seen_count(&seen, notes->dataset, users, error));
    for (int newness = 0; newness < 2 && notes->n_sliced < SAGE_SLICED_MAX; newness++) {
        sage_sliced *sliced = &notes->sliced[notes->n_sliced];
        sliced->n_methods = n_methods;
        snprintf(sliced->task, sizeof sliced->task, "%s", which->name);
        for (size_t m = 0; m < n_methods; m++)
            snprintf(sliced->methods[m], sizeof sliced->methods[m], "%s", methods[m]);
        SAGE_TRY(sage_slice_by(judge, lists, which, &seen, newness, k, sliced, error));
        notes->n_sliced += sliced->n > 1; /* one slice is the row that there is already */
    }
out:
    sage_seen_free(&seen);
    return st;
}

static sage_status look_back(sage_notes *notes, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_model_config config;
    notes->before_fault = notes->more.before_fault;
    if (notes->more.before == NULL) return SAGE_OK;
    notes->before = *sage_before_release(notes->more.before);
    SAGE_TRY(sage_model_config_read(notes->shop, notes->before.query_model, &config, error));
    notes->before_dataset = config.dataset;
out:
    return st;
}

sage_status sage_notes_more(sage_notes *notes, const sage_judgement *judgements, size_t n, const sage_monitor *monitor,
                            const sage_text_lister **more, size_t *n_more, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_more_open(&notes->more, notes->shop, &notes->opened->release,
                            sage_engine_index(notes->opened->engine), notes->dataset, judgements, n, monitor, error));
    SAGE_TRY(look_back(notes, error));
    *more = notes->more.list;
    *n_more = notes->more.n;
out:
    return st;
}

/* Methods come in order: what keywords list is there before co-click is asked. */
static sage_status see(void *ctx, size_t method, size_t query, const sage_scored *list, size_t n, sage_error *error) {
    sage_notes *notes = ctx;
    const sage_list_observer watch = sage_watch_observer(&notes->watch);
    if (method == SAGE_KEYWORDS && notes->more.co_click != NULL) sage_co_click_note(notes->more.co_click, list, n);
    return watch.see(watch.ctx, method, query, list, n, error);
}

sage_status sage_notes_watch(sage_notes *notes, const sage_text_trial *trial, size_t n_methods,
                             sage_list_observer *observer, sage_error *error) {
    *observer = (sage_list_observer){.ctx = notes, .see = see};
    return sage_watch_init(&notes->watch, trial, sage_engine_index(notes->opened->engine), n_methods, error);
}

/* SIZE_MAX: it was not asked. */
static size_t number_of(const sage_text_trial *trial, const char *method) {
    for (size_t m = 0; m < trial->n_methods; m++)
        if (strcmp(trial->methods[m], method) == 0) return m;
    return SIZE_MAX;
}

sage_status sage_notes_texts(sage_notes *notes, sage_text_trial *trial, const size_t *k, size_t n_k,
                             sage_error *error) {
    static const sage_judge_which all = {.name = "all", .task = -1};
    sage_status st = SAGE_OK;
    size_t lists[SAGE_TEXT_METHODS_MAX];
    for (size_t m = 0; m < trial->n_methods; m++) {
        sage_recall_curve *curve = next_curve(notes, trial->methods[m], all.name);
        if (curve != NULL) sage_curve_of(&trial->judge, m, &all, trial->depth, curve->recall);
        lists[m] = m;
    }
    SAGE_TRY(sage_compare_methods(trial, k, n_k, notes->comparisons, &notes->n_comparisons, error));
    SAGE_TRY(cut(notes, &trial->judge, lists, trial->methods, trial->n_methods, &all, false, k[0], error));
    sage_watch_reach(&notes->watch, notes->reaches);
    notes->n_reaches = notes->watch.n_methods;
    sage_watch_calibration(&notes->watch, notes->calibrations);
    notes->n_calibrations = 2;
    sage_watch_free(&notes->watch);
    SAGE_TRY(sage_report_choose(trial, k[0], number_of(trial, "previous"), &notes->worst, &notes->gained, &notes->lost,
                                error));
out:
    sage_more_close(&notes->more);
    return st;
}

sage_status sage_notes_pictures(sage_notes *notes, sage_judge *judge, size_t depth, size_t k, sage_error *error) {
    const sage_judge_which all = {.name = sage_surface_names[SAGE_ON_IMAGE], .task = -1};
    const size_t list = 0;
    const char *method = sage_method_name(SAGE_VECTORS);
    sage_recall_curve *curve = next_curve(notes, method, all.name);
    if (curve != NULL) sage_curve_of(judge, list, &all, depth, curve->recall);
    return cut(notes, judge, &list, &method, 1, &all, false, k, error);
}

sage_status sage_notes_people(sage_notes *notes, sage_trial *trial, const sage_lister *listers, size_t n_listers,
                              const size_t *k, size_t n_k, sage_error *error) {
    sage_trial_row rows[SAGE_TRIAL_ROWS_MAX];
    size_t lists[SAGE_LISTERS_MAX];
    const char *methods[SAGE_LISTERS_MAX];
    if (sage_trial_rows(trial, rows) == 0) return SAGE_OK;
    for (size_t l = 0; l < n_listers; l++) {
        lists[l] = 2 * l + rows[0].without_known;
        methods[l] = listers[l].name;
        sage_recall_curve *curve = next_curve(notes, methods[l], rows[0].name);
        if (curve != NULL) sage_curve_of(&trial->judge, lists[l], &rows[0].which, k[n_k - 1], curve->recall);
    }
    return cut(notes, &trial->judge, lists, methods, n_listers, &rows[0].which, true, k[0], error);
}

/* The last part of the shop's path. */
static void name_of(const sage_shop *shop, char out[256]) {
    size_t end = strlen(shop->dir);
    while (end > 1 && shop->dir[end - 1] == '/') end--;
    size_t begin = end;
    while (begin > 0 && shop->dir[begin - 1] != '/') begin--;
    snprintf(out, 256, "%.*s", (int)(end - begin < 255 ? end - begin : 255), shop->dir + begin);
}

static sage_status fill_head(sage_report_head *head, const sage_notes *notes, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_catalog *catalog = NULL;
    sage_model_config config;
    const sage_release *release = &notes->opened->release;
    const sage_index *index = sage_engine_index(notes->opened->engine);
    *head = (sage_report_head){.products = sage_index_count(index),
                               .dimensions = sage_index_dim(index),
                               .model = release->query_model,
                               .index = release->index,
                               .keywords = release->keywords,
                               .catalogue_revision = release->catalogue_revision,
                               .before_model = notes->before.query_model,
                               .before_index = notes->before.index,
                               .before_dataset = notes->before_dataset,
                               .newest_event_ms = INT64_MIN};
    name_of(notes->shop, head->shop);
    if (notes->before_fault.code != SAGE_OK)
        sage_error_line(&notes->before_fault, head->before_fault, sizeof head->before_fault);
    SAGE_TRY(sage_model_config_read(notes->shop, release->query_model, &config, error));
    head->dataset = config.dataset;
    /* The page can do without a catalogue that is older than the program, or being written. */
    if (sage_shop_catalog(notes->shop, false, &catalog, NULL) == SAGE_OK)
        (void)sage_catalog_newest_event(catalog, &head->newest_event_ms, NULL);
out:
    sage_catalog_close(catalog);
    return st;
}

/* What is made for the page alone; arena: its memory. */
typedef struct extras {
    sage_arena *arena;
    sage_training training;
    sage_product_map map;
    sage_shown_queries worst, gained, lost;
} extras;

static sage_status show_queries(const sage_notes *notes, extras *e, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_engine *engine = notes->opened->engine;
    sage_thumbnails *thumbnails = NULL;
    SAGE_TRY(sage_thumbnails_open(notes->shop, e->arena, &thumbnails, error));
    SAGE_TRY(sage_report_show(engine, thumbnails, &notes->worst, e->arena, &e->worst, error));
    SAGE_TRY(sage_report_show(engine, thumbnails, &notes->gained, e->arena, &e->gained, error));
    SAGE_TRY(sage_report_show(engine, thumbnails, &notes->lost, e->arena, &e->lost, error));
out:
    sage_thumbnails_close(thumbnails);
    return st;
}

static sage_status add_extras(const sage_notes *notes, const sage_monitor *monitor, extras *e, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_open_release *opened = notes->opened;
    sage_pool *pool = NULL;
    if ((e->arena = sage_arena_new(1u << 20)) == NULL) return sage_fail_memory(error, 1u << 20);
    SAGE_TRY(sage_shop_pool(notes->shop, &pool, error));
    SAGE_TRY(sage_report_training_read(notes->shop, opened->release.query_model, &e->training, error));
    SAGE_TRY(show_queries(notes, e, error));
    SAGE_TRY(sage_report_map_make(sage_engine_index(opened->engine), pool, monitor, e->arena, &e->map, error));
out:
    return st;
}

sage_status sage_notes_write(const sage_notes *notes, const sage_eval_report *eval, const sage_monitor *monitor,
                             const char *path, sage_error *error) {
    sage_status st = SAGE_OK;
    char path_of[SAGE_PATH_MAX];
    char *ablation = NULL;
    size_t n;
    sage_buf page;
    extras *e = sage_alloc_zero(1, sizeof *e);
    if (e == NULL) return sage_fail_memory(error, sizeof *e);
    sage_report_data data = {.eval = eval,
                             .comparisons = notes->comparisons,
                             .n_comparisons = notes->n_comparisons,
                             .curves = notes->curves,
                             .n_curves = notes->n_curves,
                             .sliced = notes->sliced,
                             .n_sliced = notes->n_sliced,
                             .reaches = notes->reaches,
                             .n_reaches = notes->n_reaches,
                             .calibrations = notes->calibrations,
                             .n_calibrations = notes->n_calibrations,
                             .training = &e->training,
                             .map = &e->map,
                             .worst = &e->worst,
                             .gained = &e->gained,
                             .lost = &e->lost};
    sage_buf_init(&page, SAGE_REPORT_MAX_BYTES);
    SAGE_TRY(fill_head(&data.head, notes, error));
    SAGE_TRY(add_extras(notes, monitor, e, error));
    /* Without an ablation, or with one that is torn, the page has no such part. */
    SAGE_TRY(sage_path_join(path_of, notes->shop->dir, "ablation/table.json", error));
    if (sage_fs_read_all(path_of, ABLATION_MAX_BYTES, &ablation, &n, NULL) == SAGE_OK) data.ablation = ablation;
    SAGE_TRY(sage_report_write(&data, &page, error));
    SAGE_TRY(sage_fs_replace(path, page.data, page.len, error));
out:
    sage_buf_free(&page);
    sage_free(ablation);
    sage_arena_free(e->arena);
    sage_free(e);
    return st;
}
