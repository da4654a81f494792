/* `itemsage sync`: import --full, pictures, embed and index as one job.
 *
 * Each step is safe by itself (one transaction; finished segments; a rename), and each begins from what is there, not
 * from what the step before said. So there is nothing to resume: a job that was stopped is run again. Whether a release
 * is due is read off `current`, which says what its release was made of. */
#include <base/error.h>
#include <base/report.h>
#include <embed/embed.h>
#include <itemsage/sync.h>
#include <shop/index.h>
#include <shop/inputs.h>
#include <string.h>

typedef struct job {
    sage_shop *shop;
    const char *const *files;
    size_t n_files;
    const sage_sync_options *options;
    const sage_monitor *monitor;
    sage_sync_report *report;
    int release_lock, catalog_lock;
} job;

/* Both for the whole job, so that it does not end half-way because somebody came between. */
static sage_status take_locks(job *j, sage_error *error) {
    sage_status st = sage_shop_hold(j->shop, SAGE_LOCK_RELEASE, &j->release_lock, error);
    return st == SAGE_OK ? sage_shop_hold(j->shop, SAGE_LOCK_CATALOG, &j->catalog_lock, error) : st;
}

/* Before anything is changed. */
static sage_status check_model(const job *j, sage_error *error) {
    uint64_t model = 0;
    sage_status st = sage_shop_newest(j->shop, "models", &model, error);
    if (st != SAGE_OK || model > 0) return st;
    return sage_fail(
        error, SAGE_E_STATE,
        "%s has no model yet, which 'sync' needs; run 'itemsage import products' and 'itemsage train' first",
        j->shop->dir);
}

static sage_status import(const job *j, sage_error *error) {
    const sage_options *set = j->shop->options;
    const sage_import_limits limits = {.vanish = j->options->allow_vanish ? 1 : sage_options_real(set, "sync_vanish"),
                                       .rejects = sage_options_real(set, "sync_rejects")};
    const sage_import_options options = {.format = j->options->format,
                                         .full = true,
                                         .map = j->options->map,
                                         .images_dir = j->options->images_dir,
                                         .limits = &limits};
    return sage_import_products(j->shop, j->files, j->n_files, &options, j->monitor, &j->report->import, error);
}

/* Where prices and stock alone have changed there is nothing to embed, and the model, which may be hundreds of
 * megabytes, need not be read to find that. */
static sage_status is_embedded(const job *j, bool *done, size_t *stale, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_catalog *catalog = NULL;
    sage_embed_report *report = &j->report->embed;
    sage_embed_state state;
    double began_s = sage_now_s();
    SAGE_TRY(sage_shop_product_model(j->shop, &report->model, error));
    SAGE_TRY(sage_shop_catalog(j->shop, false, &catalog, error));
    SAGE_TRY(
        sage_embed_survey(catalog, j->shop->dir, report->model, sage_embed_precision(j->shop->options), &state, error));
    *done = state.whole && state.stale == 0 && state.dropped == 0;
    *stale = (size_t)state.stale;
    report->products = report->reused = state.products;
    report->seconds = sage_now_s() - began_s;
out:
    sage_catalog_close(catalog);
    return st;
}

static sage_status embed(const job *j, sage_error *error) {
    sage_status st = SAGE_OK;
    bool done = false;
    size_t stale = 0;
    SAGE_TRY(is_embedded(j, &done, &stale, error));
    if (!done) SAGE_TRY(sage_shop_embed(j->shop, false, stale, j->monitor, &j->report->embed, error));
out:
    return st;
}

static sage_status publish(const job *j, sage_error *error) {
    static const sage_index_wish wish = {.keep = true};
    sage_status st = SAGE_OK;
    sage_release now;
    SAGE_TRY(sage_release_is_due(j->shop, &j->report->published, error));
    if (j->report->published) SAGE_TRY(sage_index_publish(j->shop, &wish, j->monitor, &j->report->index, error));
    SAGE_TRY(sage_release_read(j->shop, &now, error));
    j->report->release = now.index;
out:
    if (st != SAGE_OK) j->report->published = false;
    return st;
}

sage_status sage_sync(sage_shop *shop, const char *const *files, size_t n_files, const sage_sync_options *options,
                      const sage_monitor *monitor, sage_sync_report *report, sage_error *error) {
    static const sage_sync_options defaults;
    static const sage_picture_options wanted = {.if_wanted = true};
    sage_status st = SAGE_OK;
    job j = {.shop = shop,
             .files = files,
             .n_files = n_files,
             .options = options != NULL ? options : &defaults,
             .monitor = monitor,
             .report = report,
             .release_lock = -1,
             .catalog_lock = -1};
    double began_s = sage_now_s();
    memset(report, 0, sizeof *report);
    SAGE_TRY(take_locks(&j, error));
    SAGE_TRY(check_model(&j, error));
    SAGE_TRY(import(&j, error));
    SAGE_TRY(sage_import_inbox(shop, monitor, &report->inbox, error));
    SAGE_TRY(sage_import_pictures(shop, &wanted, monitor, &report->pictures, error));
    SAGE_TRY(embed(&j, error));
    SAGE_TRY(publish(&j, error));
out:
    sage_shop_let_go(shop, SAGE_LOCK_CATALOG, j.catalog_lock);
    sage_shop_let_go(shop, SAGE_LOCK_RELEASE, j.release_lock);
    report->seconds = sage_now_s() - began_s;
    return st;
}
