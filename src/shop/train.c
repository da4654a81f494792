/* `itemsage train`: a fresh dataset, a run of the trainer, a published model. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/option_table.h>
#include <base/report.h>
#include <io/json.h>
#include <io/version.h>
#include <itemsage/itemsage.h>
#include <itemsage/train.h>
#include <shop/sentences.h>
#include <shop/train_start.h>
#include <shop/validate.h>
#include <stdio.h>
#include <string.h>

/* The trainer's folder while it runs; a run that was stopped goes on here. */
#define WORK_DIR "models/.tmp-train"

/* Where the frozen vectors that a model is trained on come from. */
typedef struct origins {
    sage_picture_origin pictures;
    sage_text_origin texts;
} origins;

sage_status sage_train_check_products(sage_catalog *catalog, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_product_cursor *cursor = NULL;
    const sage_product_row *row = NULL;
    SAGE_TRY(sage_product_cursor_open(catalog, 0, 0, &cursor, error));
    SAGE_TRY(sage_product_cursor_next(cursor, &row, error));
    if (!row)
        st = sage_fail(error, SAGE_E_STATE,
                       "the catalogue has no products to train on; run 'itemsage import products' first");
out:
    sage_product_cursor_close(cursor);
    return st;
}

/* Unknown where the catalogue has changed since the dataset was packed of it. */
static sage_status read_origin(sage_catalog *catalog, const sage_dataset *dataset, sage_picture_origin *pictures,
                               sage_error *error) {
    sage_status st = SAGE_OK;
    sage_dataset_info info;
    sage_dataset_describe(dataset, &info);
    SAGE_TRY(sage_catalog_picture_origin(catalog, pictures, error));
    if (sage_catalog_revision(catalog) != info.catalogue_revision) pictures->maker = SAGE_PICTURES_UNKNOWN;
out:
    return st;
}

/* The newest dataset where it fits catalogue, encoder of texts and options and is whole. *dataset = NULL: it is not. */
static sage_status take_newest(sage_shop *shop, sage_catalog *catalog, const sage_sentences *sentences,
                               const sage_monitor *monitor, sage_dataset **dataset, sage_error *error) {
    sage_status st = SAGE_OK;
    const char *text_encoder = sentences != NULL ? sage_sentences_identity(sentences) : NULL;
    uint64_t id = 0;
    char line[1024];
    sage_error damage = {0};
    SAGE_TRY(sage_shop_newest(shop, "dataset", &id, error));
    if (id == 0 || !sage_dataset_fresh(shop->dir, id, sage_catalog_revision(catalog), shop->options, text_encoder))
        goto out;
    st = sage_dataset_open(shop->dir, id, true, dataset, &damage);
    if (st == SAGE_E_FORMAT || st == SAGE_E_NOT_FOUND) {
        sage_warn(monitor, "%s; a new dataset is packed", sage_error_line(&damage, line, sizeof line));
        st = SAGE_OK;
    } else if (st != SAGE_OK && error) {
        *error = damage;
    }
out:
    return st;
}

static void read_texts(const sage_sentences *sentences, sage_text_origin *texts) {
    if (sentences == NULL) return;
    snprintf(texts->name, sizeof texts->name, "%s", sage_sentences_name(sentences));
    snprintf(texts->identity, sizeof texts->identity, "%s", sage_sentences_identity(sentences));
}

/* The newest dataset, or a new one. */
static sage_status dataset_for(sage_shop *shop, sage_pool *pool, const sage_monitor *monitor, sage_dataset **dataset,
                               origins *from, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_catalog *catalog = NULL;
    sage_sentences *sentences = NULL;
    uint64_t id = 0;
    SAGE_TRY(sage_shop_catalog(shop, false, &catalog, error));
    SAGE_TRY(sage_train_check_products(catalog, error));
    SAGE_TRY(sage_shop_sentences(shop, sage_options_text(shop->options, "text_encoder"), true, &sentences, error));
    read_texts(sentences, &from->texts);
    SAGE_TRY(take_newest(shop, catalog, sentences, monitor, dataset, error));
    if (*dataset == NULL) {
        SAGE_TRY(sage_dataset_build(catalog, shop->dir, shop->options, sentences, pool, monitor, &id, error));
        SAGE_TRY(sage_dataset_open(shop->dir, id, true, dataset, error));
    }
    SAGE_TRY(read_origin(catalog, *dataset, &from->pictures, error));
out:
    sage_sentences_close(sentences);
    sage_catalog_close(catalog);
    return st;
}

static sage_status copy_into(const char *source, const char *dir, const char *name, sage_error *error) {
    char target[SAGE_PATH_MAX];
    sage_status st = sage_path_join(target, dir, name, error);
    return st == SAGE_OK ? sage_fs_copy(source, target, error) : st;
}

/* See read_pictures and read_texts in release.c. A path that is not UTF-8 cannot stand in JSON; its encoder is then
 * known by its identity alone. */
static bool add_encoder(json_t *root, const char *key, const char *name, const char *identity) {
    json_t *encoder = json_object(), *text = json_string(name);
    if (text == NULL) text = json_string("");
    bool done = json_object_set_new(encoder, "name", text) == 0 &&
                json_object_set_new(encoder, "identity", json_string(identity)) == 0;
    return json_object_set_new(root, key, encoder) == 0 && done;
}

static bool add_origins(json_t *root, const origins *from) {
    const sage_picture_origin *pictures = &from->pictures;
    bool done = true;
    if (pictures->maker == SAGE_PICTURES_IMPORTED)
        done = json_object_set_new(root, "picture_encoder", json_null()) == 0;
    if (pictures->maker == SAGE_PICTURES_COMPUTED)
        done = add_encoder(root, "picture_encoder", pictures->name, pictures->identity);
    if (from->texts.identity[0] != '\0')
        done = add_encoder(root, "text_encoder", from->texts.name, from->texts.identity) && done;
    return done;
}

/* What the tower for searches by picture was trained on; NULL: nothing. */
static const char *picture_queries(const sage_options *options, const sage_dataset *dataset) {
    if (sage_dataset_image_dim(dataset) == 0 || sage_options_real_or(options, "picture_share", 1) <= 0) return NULL;
    return sage_dataset_query_pictures(dataset) > 0 ? "shoppers" : "products";
}

/* Of which surfaces it learned from vectors that the shop gives. */
static bool add_given(json_t *root, const sage_dataset *dataset) {
    bool added = true;
    for (int s = 0; s < SAGE_SURFACES; s++) {
        char name[SAGE_GIVEN_MEMBER];
        if (sage_dataset_given_count(dataset, (sage_surface)s) == 0) continue;
        sage_given_member(name, (sage_surface)s);
        added = added && json_object_set_new(root, name, json_true()) == 0;
    }
    return added;
}

/* config.json: every option as it was, and what the model was trained on. */
static sage_status write_config(const sage_shop *shop, const char *dir, const sage_dataset *dataset,
                                const origins *from, const sage_train_result *result, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    sage_dataset_info info;
    sage_dataset_describe(dataset, &info);
    json_t *options = json_object(), *root = NULL;
    size_t n;
    const sage_option *table = sage_option_table(&n);
    for (size_t i = 0; i < n; i++)
        json_object_set_new(options, table[i].key, json_string(sage_options_text(shop->options, table[i].key)));
    root = json_pack("{s:s, s:I, s:I, s:b, s:b, s:I, s:I, s:f, s:o}", "itemsage", ITEMSAGE_VERSION, "dataset",
                     (json_int_t)info.id, "catalogue_revision", (json_int_t)info.catalogue_revision, "simulated",
                     info.simulated, "cold_start", result->cold_start, "steps", (json_int_t)result->steps, "best_step",
                     (json_int_t)result->best_step, "validation_recall10", result->best_recall10, "options", options);
    if (!root) return sage_fail_memory(error, 4096);
    const char *taught = picture_queries(shop->options, dataset);
    if (taught != NULL && json_object_set_new(root, "picture_queries", json_string(taught)) != 0)
        SAGE_TRY(sage_fail_memory(error, 4096));
    if (sage_options_int(shop->options, "keep_products") > 0 &&
        json_object_set_new(root, "products_of",
                            json_integer((json_int_t)sage_options_int(shop->options, "keep_products"))) != 0)
        SAGE_TRY(sage_fail_memory(error, 4096));
    if (!add_given(root, dataset)) SAGE_TRY(sage_fail_memory(error, 4096));
    if (!add_origins(root, from)) SAGE_TRY(sage_fail_memory(error, 4096));
    SAGE_TRY(sage_path_join(path, dir, "config.json", error));
    SAGE_TRY(sage_json_write(path, root, error));
out:
    json_decref(root);
    return st;
}

/* Copies, never moves, what the run left: until the version stands, the run can be published again. */
static sage_status publish(const sage_shop *shop, const char *work, const sage_dataset *dataset, const origins *from,
                           const sage_train_result *result, uint64_t *model, sage_error *error) {
    sage_status st = SAGE_OK;
    char models[SAGE_PATH_MAX], tmp[SAGE_PATH_MAX], path[SAGE_PATH_MAX];
    SAGE_TRY(sage_shop_path(shop, "models", models, error));
    SAGE_TRY(sage_version_begin(models, "publish", tmp, error));
    SAGE_TRY(sage_path_join(path, work, "best.safetensors", error));
    SAGE_TRY(copy_into(path, tmp, "model.safetensors", error));
    SAGE_TRY(sage_path_join(path, work, "metrics.jsonl", error));
    SAGE_TRY(copy_into(path, tmp, "metrics.jsonl", error));
    SAGE_TRY(copy_into(sage_dataset_vocab_path(dataset), tmp, "vocabulary", error));
    SAGE_TRY(write_config(shop, tmp, dataset, from, result, error));
    SAGE_TRY(sage_version_publish(models, tmp, model, error));
    SAGE_TRY(sage_fs_remove_tree(work, error));
out:
    return st;
}

static void describe(const sage_dataset *dataset, const sage_train_result *result, sage_train_report *report) {
    sage_dataset_info info;
    sage_dataset_describe(dataset, &info);
    report->dataset = info.id;
    report->products = sage_dataset_products(dataset);
    report->queries = sage_dataset_queries(dataset);
    report->pairs = sage_dataset_trained_pairs(dataset) + sage_dataset_trained_events(dataset);
    report->steps = result->steps;
    report->best_step = result->best_step;
    report->cold_start = result->cold_start;
    report->validation_recall10 = result->best_recall10;
    report->seconds = result->seconds;
    report->examples_per_s = result->examples_per_s;
}

static sage_status train(sage_shop *shop, const sage_monitor *monitor, sage_train_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    char work[SAGE_PATH_MAX], model_path[SAGE_PATH_MAX];
    sage_train_start start = {.model = NULL};
    float *kept = NULL;
    sage_pool *pool = NULL;
    sage_dataset *dataset = NULL;
    sage_validation *validation = NULL;
    origins from = {.pictures.maker = SAGE_PICTURES_UNKNOWN};
    sage_train_result result = {0};
    int lock = -1;
    memset(report, 0, sizeof *report);
    SAGE_TRY(sage_shop_lock(shop, SAGE_LOCK_TRAIN, &lock, error));
    SAGE_TRY(sage_shop_pool(shop, &pool, error));
    SAGE_TRY(sage_train_begin_from(shop, model_path, &start, error));
    SAGE_TRY(dataset_for(shop, pool, monitor, &dataset, &from, error));
    SAGE_TRY(sage_shop_path(shop, WORK_DIR, work, error));
    SAGE_TRY(sage_train_keep_products(shop, dataset, &kept, &start, error));
    SAGE_TRY(sage_validation_new(dataset, shop->options, kept, pool, monitor, &validation, error));
    SAGE_TRY(sage_train_run(dataset, shop->options, &start, pool, work, sage_validation_recall10, validation,
                            sage_validation_vectors(validation), monitor, &result, error));
    SAGE_TRY(publish(shop, work, dataset, &from, &result, &report->model, error));
    describe(dataset, &result, report);
out:
    sage_validation_free(validation);
    sage_free(kept);
    sage_dataset_close(dataset);
    sage_fs_unlock(lock);
    return st;
}

/* What a run settles by itself (which version it begins from) is in force for that run alone. */
sage_status sage_train(sage_shop *shop, const sage_monitor *monitor, sage_train_report *report, sage_error *error) {
    sage_options *given = shop->options;
    sage_status st = sage_options_copy(given, &shop->options, error);
    if (st == SAGE_OK) {
        st = train(shop, monitor, report, error);
        sage_options_free(shop->options);
    }
    shop->options = given;
    return st;
}
