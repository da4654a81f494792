/* `itemsage index`: vectors + catalogue -> index/<n> and keywords/<n>, the hybrids' weights, and a new release. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <eval/eval.h>
#include <eval/together.h>
#include <io/version.h>
#include <search/together.h>
#include <shop/changes.h>
#include <shop/index.h>
#include <shop/index_choices.h>
#include <shop/inputs.h>
#include <shop/kept.h>
#include <string.h>

typedef struct builder {
    sage_shop *shop;
    const sage_index_wish *wish;
    const sage_monitor *monitor;
    sage_catalog *catalog;
    sage_vectors *vectors;
    sage_dataset *dataset; /* NULL: none that is of use, or not looked for yet */
    bool looked;
    sage_rows_job rows;
    sage_tune tune;
    sage_release before, release; /* before: that in force; index 0: there is none */
    bool goes_on;                 /* rows and choices from before, where they can be */
    bool went_on;                 /* the graph from that of before; or neither has one */
    uint64_t graph_bytes;
} builder;

/* The dataset that the model was trained on; none where that is gone or damaged, for a release does not depend on it.
 */
static sage_status dataset_of(sage_shop *shop, uint64_t model, const sage_monitor *monitor, sage_dataset **dataset,
                              sage_error *error) {
    sage_status st = SAGE_OK;
    sage_model_config config;
    char line[1024];
    SAGE_TRY(sage_model_config_read(shop, model, &config, error));
    st = sage_dataset_open(shop->dir, config.dataset, true, dataset, error);
    if (st == SAGE_E_FORMAT || st == SAGE_E_NOT_FOUND) {
        if (error)
            sage_warn(monitor, "%s; the hybrid's weights are not chosen anew",
                      sage_error_line(error, line, sizeof line));
        return SAGE_OK;
    }
    SAGE_TRY(st);
out:
    return st;
}

/* Of other settings a row may be made of other things, and in a catalogue that was restored from a copy revisions do
 * not tell what has changed. */
static sage_status look_back(builder *b, sage_error *error) {
    const sage_feed_mark mark = {b->before.feed, b->before.feed_time_ms};
    bool has = false;
    sage_status st = sage_catalog_has_feed(b->catalog, mark, &has, error);
    b->goes_on = b->wish->keep && has && b->before.settings != 0 && b->before.settings == b->release.settings;
    return st;
}

static sage_status open_inputs(builder *b, sage_index_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    if (sage_release_read(b->shop, &b->before, NULL) != SAGE_OK) b->before = (sage_release){.index = 0};
    SAGE_TRY(sage_shop_catalog(b->shop, false, &b->catalog, error));
    SAGE_TRY(sage_release_begin(b->shop, b->catalog, &b->release, error));
    SAGE_TRY(look_back(b, error));
    SAGE_TRY(sage_vectors_open(b->shop->dir, b->release.vectors, &b->vectors, error));
    SAGE_TRY(sage_tune_begin(&b->tune, b->shop, b->wish->tuning, report, error));
    b->rows = (sage_rows_job){
        .monitor = b->monitor, .catalog = b->catalog, .vectors = b->vectors, .since = b->before.catalogue_revision};
out:
    return st;
}

/* Which is the same as long as the model is. Opening one reads all of it, so that is left where it would tell nothing:
 * a dataset that told of no products that go together does not now. */
static sage_status need_dataset(builder *b, sage_error *error) {
    if (b->looked) return SAGE_OK;
    b->looked = true;
    return dataset_of(b->shop, b->release.query_model, b->monitor, &b->dataset, error);
}

static sage_status link_rows(builder *b, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_pool *pool = NULL;
    sage_graph_before before = {.width = 0};
    SAGE_TRY(sage_shop_pool(b->shop, &pool, error));
    if (!b->wish->anew) sage_graph_before_of(b->shop, b->release.vectors, &before);
    before.verified = b->rows.before.index != NULL; /* which is that of the same release */
    SAGE_TRY(sage_shop_link(&b->tune.rule, &before, b->rows.index_dir, b->rows.rows, pool, b->monitor, &b->graph_bytes,
                            &b->went_on, error));
    SAGE_TRY(sage_tune_check(&b->tune, b->graph_bytes, b->rows.rows, error));
    b->went_on = b->went_on || (b->graph_bytes == 0 && b->before.search_width == 0);
    if (!b->goes_on || b->before.together) SAGE_TRY(need_dataset(b, error));
    if (b->dataset != NULL) SAGE_TRY(sage_together_build(b->rows.index_dir, b->dataset, pool, b->monitor, error));
    b->release.together = sage_together_exists(b->rows.index_dir);
out:
    return st;
}

/* Both as new versions, which nobody reads before a release names them. */
static sage_status publish_versions(builder *b, sage_error *error) {
    sage_status st = SAGE_OK;
    char index[SAGE_PATH_MAX], keywords[SAGE_PATH_MAX];
    int lock = -1;
    /* The catalogue must not change between the two walks; it takes seconds. */
    SAGE_TRY(sage_shop_lock(b->shop, SAGE_LOCK_CATALOG, &lock, error));
    SAGE_TRY(sage_catalog_changes_folded(b->catalog, &b->release.inbox_position, error));
    SAGE_TRY(sage_shop_path(b->shop, "index", index, error));
    SAGE_TRY(sage_shop_path(b->shop, "keywords", keywords, error));
    SAGE_TRY(sage_version_begin(index, "index", b->rows.index_dir, error));
    SAGE_TRY(sage_version_begin(keywords, "keywords", b->rows.keywords_dir, error));
    if (b->goes_on) sage_rows_before_open(b->shop, &b->before, &b->rows.before);
    SAGE_TRY(sage_rows_build(&b->rows, error));
    SAGE_TRY(link_rows(b, error));
    SAGE_TRY(sage_version_publish(index, b->rows.index_dir, &b->release.index, error));
    SAGE_TRY(sage_version_publish(keywords, b->rows.keywords_dir, &b->release.keywords, error));
    b->release.products = b->rows.rows;
    /* Without vectors some of what came is not in it. */
    if (b->rows.missing > 0) b->release.inbox_position = b->before.inbox_position;
out:
    sage_rows_before_close(&b->rows.before);
    sage_fs_unlock(lock);
    return st;
}

static sage_status make_choices(builder *b, sage_error *error) {
    if (b->goes_on && b->went_on && sage_choices_stand(&b->before, &b->release, &b->rows)) {
        sage_choices_keep(&b->before, &b->rows, &b->release);
        return SAGE_OK;
    }
    sage_status st = need_dataset(b, error);
    if (st != SAGE_OK) return st;
    return sage_choices_make(b->shop, b->dataset, &b->tune, &b->release, b->monitor, error);
}

static void tell(const builder *b, sage_index_report *report) {
    const sage_release *release = &b->release;
    report->index = release->index;
    report->keywords = release->keywords;
    report->model = release->product_model;
    report->products = release->products;
    report->graph_bytes = b->graph_bytes;
    report->search_width = release->search_width;
    report->search_recall = release->search_recall;
    report->fusion_weight = release->fusion.weight;
}

sage_status sage_index_publish(sage_shop *shop, const sage_index_wish *wish, const sage_monitor *monitor,
                               sage_index_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    int lock = -1;
    double began = sage_now_s();
    sage_error pruning;
    memset(report, 0, sizeof *report);
    builder *b = sage_alloc_zero(1, sizeof *b);
    if (b == NULL) return sage_fail_memory(error, sizeof *b);
    b->shop = shop;
    b->wish = wish;
    b->monitor = monitor;
    SAGE_TRY(sage_shop_lock(shop, SAGE_LOCK_RELEASE, &lock, error));
    SAGE_TRY(open_inputs(b, report, error));
    do {
        SAGE_TRY(publish_versions(b, error));
        SAGE_TRY(make_choices(b, error));
    } while (b->tune.again);
    SAGE_TRY(sage_release_publish(shop, &b->release, error));
    /* The release is in force whatever becomes of the old versions. */
    if (sage_kept_prune(shop, &b->release, &pruning) != SAGE_OK)
        sage_warn(monitor, "old versions of the index are still there: %s", pruning.text);
    if (sage_changes_tidy(shop, &pruning) != SAGE_OK)
        sage_warn(monitor, "changes that the release has are still there: %s", pruning.text);
    tell(b, report);
    report->seconds = sage_now_s() - began;
out:
    sage_dataset_close(b->dataset);
    sage_vectors_close(b->vectors);
    sage_catalog_close(b->catalog);
    sage_free(b);
    sage_fs_unlock(lock);
    return st;
}

sage_status sage_index_build(sage_shop *shop, bool anew, const sage_tuning *tuning, const sage_monitor *monitor,
                             sage_index_report *report, sage_error *error) {
    const sage_index_wish wish = {.anew = anew, .tuning = tuning};
    return sage_index_publish(shop, &wish, monitor, report, error);
}
