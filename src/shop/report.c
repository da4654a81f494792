#include <base/alloc.h>
#include <base/error.h>
#include <shop/report.h>
#include <shop/report_course.h>
#include <stdio.h>
#include <string.h>

enum { ABLATION_MAX_BYTES = 4 << 20 };

void sage_notes_free(sage_notes *notes) {
    *notes = (sage_notes){.n_curves = 0};
}

static sage_recall_curve *next_curve(sage_notes *notes, const char *method, const char *task) {
    if (notes->n_curves == SAGE_CURVES_MAX) return NULL;
    sage_recall_curve *curve = &notes->curves[notes->n_curves++];
    snprintf(curve->method, sizeof curve->method, "%s", method);
    snprintf(curve->task, sizeof curve->task, "%s", task);
    return curve;
}

sage_status sage_notes_texts(sage_notes *notes, const sage_text_trial *trial, const size_t *k, size_t n_k,
                             sage_error *error) {
    static const sage_judge_which all = {.name = "all", .task = -1};
    for (size_t m = 0; m < trial->n_methods; m++) {
        sage_recall_curve *curve = next_curve(notes, trial->methods[m], all.name);
        if (curve != NULL) sage_curve_of(&trial->judge, m, &all, trial->depth, curve->recall);
    }
    return sage_compare_methods(trial, k, n_k, notes->comparisons, &notes->n_comparisons, error);
}

void sage_notes_people(sage_notes *notes, const sage_trial *trial, const sage_lister *listers, size_t n_listers,
                       size_t k_max) {
    sage_trial_row rows[SAGE_TRIAL_ROWS_MAX];
    if (sage_trial_rows(trial, rows) == 0) return;
    for (size_t l = 0; l < n_listers; l++) {
        sage_recall_curve *curve = next_curve(notes, listers[l].name, rows[0].name);
        if (curve != NULL)
            sage_curve_of(&trial->judge, 2 * l + rows[0].without_known, &rows[0].which, k_max, curve->recall);
    }
}

/* The last part of the shop's path. */
static void name_of(const sage_shop *shop, char out[256]) {
    size_t end = strlen(shop->dir);
    while (end > 1 && shop->dir[end - 1] == '/') end--;
    size_t begin = end;
    while (begin > 0 && shop->dir[begin - 1] != '/') begin--;
    snprintf(out, 256, "%.*s", (int)(end - begin < 255 ? end - begin : 255), shop->dir + begin);
}

static sage_status fill_head(sage_report_head *head, sage_shop *shop, const sage_open_release *opened,
                             sage_error *error) {
    sage_status st = SAGE_OK;
    sage_catalog *catalog = NULL;
    sage_model_config config;
    const sage_index *index = sage_engine_index(opened->engine);
    *head = (sage_report_head){.products = sage_index_count(index),
                               .dimensions = sage_index_dim(index),
                               .model = opened->release.query_model,
                               .index = opened->release.index,
                               .keywords = opened->release.keywords,
                               .catalogue_revision = opened->release.catalogue_revision,
                               .newest_event_ms = INT64_MIN};
    name_of(shop, head->shop);
    SAGE_TRY(sage_model_config_read(shop, opened->release.query_model, &config, error));
    head->dataset = config.dataset;
    /* The page can do without a catalogue that is older than the program, or being written. */
    if (sage_shop_catalog(shop, false, &catalog, NULL) == SAGE_OK)
        (void)sage_catalog_newest_event(catalog, &head->newest_event_ms, NULL);
out:
    sage_catalog_close(catalog);
    return st;
}

sage_status sage_notes_write(const sage_notes *notes, sage_shop *shop, const sage_open_release *opened,
                             const sage_eval_report *eval, const char *path, sage_error *error) {
    sage_status st = SAGE_OK;
    char path_of[SAGE_PATH_MAX], name[64];
    char *ablation = NULL;
    size_t n;
    sage_buf page;
    sage_course *course = sage_alloc_zero(1, sizeof *course);
    sage_report_data data = {.eval = eval,
                             .comparisons = notes->comparisons,
                             .n_comparisons = notes->n_comparisons,
                             .curves = notes->curves,
                             .n_curves = notes->n_curves};
    sage_buf_init(&page, SAGE_REPORT_MAX_BYTES);
    if (course == NULL) SAGE_TRY(sage_fail_memory(error, sizeof *course));
    SAGE_TRY(fill_head(&data.head, shop, opened, error));
    snprintf(name, sizeof name, "models/%llu/metrics.jsonl", (unsigned long long)opened->release.query_model);
    SAGE_TRY(sage_path_join(path_of, shop->dir, name, error));
    SAGE_TRY(sage_course_read(path_of, course, error));
    data.course = sage_course_shown(course);
    /* Without an ablation, or with one that is torn, the page has no such part. */
    SAGE_TRY(sage_path_join(path_of, shop->dir, "ablation/table.json", error));
    if (sage_fs_read_all(path_of, ABLATION_MAX_BYTES, &ablation, &n, NULL) == SAGE_OK) data.ablation = ablation;
    SAGE_TRY(sage_report_write(&data, &page, error));
    SAGE_TRY(sage_fs_replace(path, page.data, page.len, error));
out:
    sage_buf_free(&page);
    sage_free(ablation);
    sage_free(course);
    return st;
}
