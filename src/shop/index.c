/* `itemsage index`: vectors + catalogue -> index/<n> and keywords/<n>, the hybrids' weights, and a new release. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <eval/eval.h>
#include <eval/together.h>
#include <index/live.h>
#include <io/version.h>
#include <search/together.h>
#include <shop/index_columns.h>
#include <shop/index_tune.h>
#include <shop/shop.h>
#include <string.h>

/* Versions kept beside those that the release names: the one before it, to go back to. */
enum { KEEP_VERSIONS = 2 };

/* Without vectors for more than a quarter as many products as have one, an embed was not finished: publishing would
 * take products out of a shop's search. */
enum { TOO_MANY_MISSING = 4 };

typedef struct builder {
    sage_shop *shop;
    const sage_monitor *monitor;
    sage_catalog *catalog;
    sage_vectors *vectors;
    char index_parent[SAGE_PATH_MAX], keywords_parent[SAGE_PATH_MAX];
    char index_tmp[SAGE_PATH_MAX], keywords_tmp[SAGE_PATH_MAX];
    sage_index_writer *index;
    sage_product_columns *columns;
    sage_keywords_writer *keywords;
    size_t rows, missing;
    bool anew;   /* the graph is built from nothing */
    bool warned; /* of those that are missing */
    uint64_t graph_bytes;
} builder;

/* Texts that people search in: everything but the link and its host. */
static size_t keyword_texts(const sage_product_row *row, sage_str texts[SAGE_FIELDS]) {
    size_t n = 0;
    for (size_t f = 0; f < SAGE_FIELDS; f++)
        if (f != SAGE_DOMAIN && f != SAGE_LINK && row->fields[f].len) texts[n++] = row->fields[f];
    return n;
}

static sage_status add_row(builder *b, const sage_product_row *row, sage_error *error) {
    sage_status st = SAGE_OK;
    char price[48] = "";
    sage_str shown[SAGE_SHOWN], texts[SAGE_FIELDS];
    size_t vector;
    if (!sage_vectors_find(b->vectors, row->pid, &vector)) return SAGE_OK;
    if (row->price_minor >= 0) sage_price_text(row->price_minor, row->currency, price);
    shown[SAGE_SHOW_ID] = row->id;
    shown[SAGE_SHOW_TITLE] = row->fields[SAGE_TITLE];
    shown[SAGE_SHOW_BRAND] = row->fields[SAGE_BRAND];
    shown[SAGE_SHOW_CATEGORY] = row->fields[SAGE_CATEGORY].len ? row->fields[SAGE_CATEGORY] : row->fields[SAGE_TYPE];
    shown[SAGE_SHOW_LINK] = row->link;
    shown[SAGE_SHOW_IMAGE] = row->image_link;
    shown[SAGE_SHOW_AVAILABILITY] = row->availability;
    shown[SAGE_SHOW_PRICE] = (sage_str){price, strlen(price)};
    shown[SAGE_SHOW_GROUP] = row->item_group_id;
    SAGE_TRY(sage_index_add(b->index, row->pid, sage_vectors_at(b->vectors, vector), shown, error));
    SAGE_TRY(sage_product_columns_add(b->columns, row, error));
    SAGE_TRY(sage_keywords_add(b->keywords, row->pid, texts, keyword_texts(row, texts), error));
out:
    return st;
}

/* Walks the catalogue once to count, or once more to write. */
static sage_status walk(builder *b, bool write, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_product_cursor *cursor = NULL;
    const sage_product_row *row;
    sage_ticker ticker;
    uint64_t done = 0;
    size_t vector;
    sage_ticker_begin(&ticker, b->monitor, "index", b->rows);
    SAGE_TRY(sage_product_cursor_open(b->catalog, 0, 0, &cursor, error));
    for (;;) {
        SAGE_TRY(sage_product_cursor_next(cursor, &row, error));
        if (!row) break;
        if (!write) {
            if (sage_vectors_find(b->vectors, row->pid, &vector))
                b->rows++;
            else
                b->missing++;
            continue;
        }
        SAGE_TRY(add_row(b, row, error));
        sage_ticker_tick(&ticker, ++done, NULL);
        if (done % 1024 == 0) SAGE_TRY(sage_check_cancel(b->monitor, "index", error));
    }
    if (write) sage_ticker_end(&ticker, done);
out:
    sage_product_cursor_close(cursor);
    return st;
}

static sage_status build(builder *b, sage_error *error) {
    sage_status st = SAGE_OK;
    b->rows = b->missing = 0;
    SAGE_TRY(walk(b, false, error));
    if (!b->rows) {
        st = sage_fail(error, SAGE_E_STATE, "no product has a vector yet; run 'itemsage embed' first");
        goto out;
    }
    if (b->missing > b->rows / TOO_MANY_MISSING) {
        st = sage_fail(
            error, SAGE_E_STATE,
            "%zu of %zu products have no vector, too many to publish without them; run 'itemsage embed' first",
            b->missing, b->missing + b->rows);
        goto out;
    }
    if (b->missing && !b->warned)
        sage_warn(b->monitor, "%zu products have no vector and are left out; run 'itemsage embed' to include them",
                  b->missing);
    b->warned = true;
    SAGE_TRY(sage_version_begin(b->index_parent, "index", b->index_tmp, error));
    SAGE_TRY(sage_version_begin(b->keywords_parent, "keywords", b->keywords_tmp, error));
    SAGE_TRY(sage_index_create(b->index_tmp, b->rows, sage_vectors_dim(b->vectors), &b->index, error));
    SAGE_TRY(sage_product_columns_new(b->catalog, b->index_tmp, b->monitor, &b->columns, error));
    SAGE_TRY(sage_keywords_create(b->keywords_tmp, &b->keywords, error));
    SAGE_TRY(walk(b, true, error));
    st = sage_index_finish(b->index, error);
    b->index = NULL;
    SAGE_TRY(st);
    st = sage_product_columns_finish(b->columns, error);
    b->columns = NULL;
    SAGE_TRY(st);
    st = sage_keywords_finish(b->keywords, error);
    b->keywords = NULL;
    SAGE_TRY(st);
out:
    sage_index_abandon(b->index);
    sage_product_columns_free(b->columns);
    sage_keywords_abandon(b->keywords);
    b->index = NULL;
    b->columns = NULL;
    b->keywords = NULL;
    return st;
}

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

/* Where nothing chooses it: what shops with validation queries mostly choose lies above one half (docs/results.md). */
static const double VECTORS_WEIGHT = 0.65;

/* The weights of the hybrids, and whether users are answered by theirs, chosen on validation queries and users; without
 * any, those of the release before, or constants. */
static sage_status choose_weights(sage_shop *shop, const sage_dataset *dataset, sage_tune *tune, sage_release *release,
                                  const sage_monitor *monitor, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_release before;
    sage_engine *engine = NULL;
    sage_judgement *judgements = NULL;
    size_t n = 0;
    release->fusion =
        (sage_fusion){.weight = VECTORS_WEIGHT, .depth = (size_t)sage_options_int(shop->options, "fusion_depth")};
    release->own = sage_own_default;
    bool again = sage_release_read(shop, &before, NULL) == SAGE_OK;
    if (again) {
        release->fusion.weight = before.fusion.weight;
        release->own = before.own;
        release->hybrid_users = before.hybrid_users;
    }
    if (dataset != NULL) SAGE_TRY(sage_judgements_of(dataset, SAGE_VALIDATION, SAGE_ON_SEARCH, &judgements, &n, error));
    SAGE_TRY(sage_release_engine(shop, release, true, &engine, error));
    if (n > 0) SAGE_TRY(sage_eval_choose_fusion(engine, judgements, n, monitor, &release->fusion, error));
    SAGE_TRY(sage_shop_tune(tune, shop, engine, judgements, n, monitor, release, error));
    if (dataset != NULL)
        SAGE_TRY(sage_eval_choose_own(engine, dataset, monitor, &release->own, &release->hybrid_users, error));
out:
    sage_free(judgements);
    sage_engine_close(engine);
    return st;
}

/* Old versions go, but what the release names, what it replaced, and what somebody reads. A build that was stopped
 * before it published leaves versions of its own, so what it replaced need not be the newest but one. */
static sage_status prune(sage_shop *shop, const sage_release *release, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    sage_release before;
    SAGE_TRY(sage_release_read_before(shop, release, &before, error));
    const uint64_t indexes[] = {release->index, before.index}, keywords[] = {release->keywords, before.keywords};
    SAGE_TRY(sage_shop_path(shop, "index", path, error));
    SAGE_TRY(sage_version_prune(path, KEEP_VERSIONS, indexes, 2, error));
    SAGE_TRY(sage_live_prune_logs(path, error));
    SAGE_TRY(sage_shop_path(shop, "keywords", path, error));
    SAGE_TRY(sage_version_prune(path, KEEP_VERSIONS, keywords, 2, error));
out:
    return st;
}

static sage_status open_inputs(builder *b, sage_release *release, sage_error *error) {
    sage_status st = SAGE_OK;
    uint64_t model = 0, wanted = 0;
    SAGE_TRY(sage_shop_newest(b->shop, "vectors", &model, error));
    if (!model) {
        st = sage_fail(error, SAGE_E_STATE, "%s has no vectors yet; run 'itemsage train' and 'itemsage embed' first",
                       b->shop->dir);
        goto out;
    }
    release->product_model = release->query_model = release->vectors = model;
    SAGE_TRY(sage_shop_product_model(b->shop, &wanted, error));
    if (wanted == model) SAGE_TRY(sage_shop_newest(b->shop, "models", &release->query_model, error));
    SAGE_TRY(sage_shop_path(b->shop, "index", b->index_parent, error));
    SAGE_TRY(sage_shop_path(b->shop, "keywords", b->keywords_parent, error));
    SAGE_TRY(sage_shop_catalog(b->shop, false, &b->catalog, error));
    release->catalogue_revision = sage_catalog_revision(b->catalog);
    SAGE_TRY(sage_vectors_open(b->shop->dir, model, &b->vectors, error));
out:
    return st;
}

/* Both as new versions, which nobody reads before a release names them. */
static sage_status publish_versions(builder *b, const sage_dataset *dataset, const sage_tune *tune,
                                    sage_release *release, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_pool *pool = NULL;
    sage_graph_before before = {.width = 0};
    int lock = -1;
    /* The catalogue must not change between the two walks; it takes seconds. */
    SAGE_TRY(sage_shop_lock(b->shop, SAGE_LOCK_CATALOG, &lock, error));
    SAGE_TRY(build(b, error));
    SAGE_TRY(sage_shop_pool(b->shop, &pool, error));
    if (!b->anew) sage_graph_before_of(b->shop, release->vectors, &before);
    SAGE_TRY(sage_shop_link(&tune->rule, &before, b->index_tmp, b->rows, pool, b->monitor, &b->graph_bytes, error));
    SAGE_TRY(sage_tune_check(tune, b->graph_bytes, b->rows, error));
    if (dataset != NULL) SAGE_TRY(sage_together_build(b->index_tmp, dataset, pool, b->monitor, error));
    release->together = sage_together_exists(b->index_tmp);
    SAGE_TRY(sage_version_publish(b->index_parent, b->index_tmp, &release->index, error));
    SAGE_TRY(sage_version_publish(b->keywords_parent, b->keywords_tmp, &release->keywords, error));
out:
    sage_fs_unlock(lock);
    return st;
}

sage_status sage_index_build(sage_shop *shop, bool anew, const sage_tuning *tuning, const sage_monitor *monitor,
                             sage_index_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    builder b = {.shop = shop, .monitor = monitor, .anew = anew};
    sage_release release = {0};
    sage_tune tune;
    sage_dataset *dataset = NULL;
    int lock = -1;
    double began = sage_now_s();
    sage_error pruning;
    memset(report, 0, sizeof *report);
    SAGE_TRY(sage_shop_lock(shop, SAGE_LOCK_RELEASE, &lock, error));
    SAGE_TRY(open_inputs(&b, &release, error));
    SAGE_TRY(sage_tune_begin(&tune, shop, tuning, report, error));
    SAGE_TRY(dataset_of(shop, release.query_model, monitor, &dataset, error));
    do {
        SAGE_TRY(publish_versions(&b, dataset, &tune, &release, error));
        SAGE_TRY(choose_weights(shop, dataset, &tune, &release, monitor, error));
    } while (tune.again);
    SAGE_TRY(sage_release_publish(shop, &release, error));
    /* The release is in force whatever becomes of the old versions. */
    if (prune(shop, &release, &pruning) != SAGE_OK)
        sage_warn(monitor, "old versions of the index are still there: %s", pruning.text);
    report->index = release.index;
    report->keywords = release.keywords;
    report->model = release.product_model;
    report->products = b.rows;
    report->graph_bytes = b.graph_bytes;
    report->search_width = release.search_width;
    report->search_recall = release.search_recall;
    report->fusion_weight = release.fusion.weight;
    report->seconds = sage_now_s() - began;
out:
    sage_dataset_close(dataset);
    sage_vectors_close(b.vectors);
    sage_catalog_close(b.catalog);
    sage_fs_unlock(lock);
    return st;
}
