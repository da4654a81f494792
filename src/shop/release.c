/* `current`: one small JSON file that names everything a release is made of, replaced at once. */
#include <base/alloc.h>
#include <base/error.h>
#include <features/given.h>
#include <index/graph.h>
#include <io/json.h>
#include <io/version.h>
#include <shop/kept.h>
#include <shop/sentences.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CURRENT_MAX_BYTES = 64 << 10 };

static sage_status tuned_of(const json_t *root, sage_tuned *tuned, const char *path, sage_error *error) {
    sage_status st = SAGE_OK;
    if (json_object_get(root, "tuned_recall") == NULL) return SAGE_OK;
    SAGE_TRY(sage_json_real(root, "tuned_recall", &tuned->recall, path, error));
    SAGE_TRY(sage_json_count(root, "tuned_m", &tuned->m, path, error));
    SAGE_TRY(sage_json_count(root, "tuned_build", &tuned->build, path, error));
    if (!(tuned->recall >= 0 && tuned->recall < 1) || tuned->m > SAGE_GRAPH_M_MAX ||
        tuned->build > SAGE_GRAPH_BUILD_MAX)
        st = sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0, "what was tuned is out of its range");
out:
    return st;
}

/* Releases of before there were graphs have none, nor columns; those since have columns, with a graph or without. */
static sage_status search_of(const json_t *root, sage_release *release, const char *path, sage_error *error) {
    sage_status st = SAGE_OK;
    if (json_object_get(root, "search_width") == NULL) return SAGE_OK;
    release->columns = true;
    SAGE_TRY(sage_json_count(root, "search_width", &release->search_width, path, error));
    SAGE_TRY(sage_json_real(root, "search_recall", &release->search_recall, path, error));
    if (!(release->search_recall >= 0 && release->search_recall <= 1))
        st = sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0, "the recall of searches is out of its range");
    if (st == SAGE_OK) st = tuned_of(root, &release->tuned, path, error);
out:
    return st;
}

/* Releases of before they were kept have none: the default. */
static sage_status own_of(const json_t *root, sage_own_rule *own, const char *path, sage_error *error) {
    sage_status st = SAGE_OK;
    *own = sage_own_default;
    if (json_object_get(root, "own_weight") == NULL && json_object_get(root, "own_half_life") == NULL) return SAGE_OK;
    SAGE_TRY(sage_json_real(root, "own_weight", &own->weight, path, error));
    SAGE_TRY(sage_json_real(root, "own_half_life", &own->half_life_days, path, error));
    if (json_object_get(root, "together_weight") != NULL)
        SAGE_TRY(sage_json_real(root, "together_weight", &own->together, path, error));
    if (!(own->weight >= 0 && own->weight <= 100 && own->half_life_days >= 0.001 && own->half_life_days <= 1e6 &&
          own->together >= 0 && own->together <= 100))
        st = sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0,
                          "a weight or the half-life of the hybrid of users is out of its range");
out:
    return st;
}

static sage_status hash_of(const json_t *root, const char *key, uint64_t *hash, const char *path, sage_error *error) {
    const char *text;
    sage_status st = sage_json_text(root, key, &text, path, error);
    if (st == SAGE_OK) *hash = strtoull(text, NULL, 16);
    return st;
}

/* Releases of before there were kept ones do not say what they were made of, nor when. */
static sage_status origin_of(const json_t *root, sage_release *release, const char *path, sage_error *error) {
    sage_status st = SAGE_OK;
    if (json_object_get(root, "published") == NULL) return SAGE_OK;
    SAGE_TRY(hash_of(root, "inputs", &release->inputs, path, error));
    SAGE_TRY(hash_of(root, "settings", &release->settings, path, error));
    SAGE_TRY(sage_json_int(root, "feed", &release->feed, path, error));
    SAGE_TRY(sage_json_int(root, "feed_time", &release->feed_time_ms, path, error));
    SAGE_TRY(sage_json_count(root, "products", &release->products, path, error));
    SAGE_TRY(sage_json_count(root, "chosen_changes", &release->chosen_changes, path, error));
    SAGE_TRY(sage_json_count(root, "published", &release->published_s, path, error));
out:
    return st;
}

static sage_status parse(const json_t *root, const char *path, sage_release *release, sage_error *error) {
    sage_status st = SAGE_OK;
    uint64_t depth = 0;
    SAGE_TRY(sage_json_count(root, "product_model", &release->product_model, path, error));
    SAGE_TRY(sage_json_count(root, "query_model", &release->query_model, path, error));
    SAGE_TRY(sage_json_count(root, "vectors", &release->vectors, path, error));
    SAGE_TRY(sage_json_count(root, "index", &release->index, path, error));
    SAGE_TRY(sage_json_count(root, "keywords", &release->keywords, path, error));
    SAGE_TRY(sage_json_count(root, "inbox_position", &release->inbox_position, path, error));
    SAGE_TRY(sage_json_int(root, "catalogue_revision", &release->catalogue_revision, path, error));
    SAGE_TRY(sage_json_real(root, "fusion_weight", &release->fusion.weight, path, error));
    SAGE_TRY(sage_json_count(root, "fusion_depth", &depth, path, error));
    SAGE_TRY(origin_of(root, release, path, error));
    SAGE_TRY(own_of(root, &release->own, path, error));
    SAGE_TRY(search_of(root, release, path, error));
    const char *users = json_string_value(json_object_get(root, "users"));
    release->together = json_is_true(json_object_get(root, "together"));
    release->hybrid_users = users != NULL && strcmp(users, sage_method_name(SAGE_HYBRID)) == 0;
    if (!(release->fusion.weight >= 0 && release->fusion.weight <= 1) || depth < 1)
        st = sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0,
                          "the fusion is out of its range; run 'itemsage index' to publish a release anew");
    release->fusion.depth = (size_t)depth;
out:
    return st;
}

sage_status sage_release_read_at(const char *path, sage_release *release, sage_error *error) {
    sage_status st = SAGE_OK;
    json_t *root = NULL;
    memset(release, 0, sizeof *release);
    SAGE_TRY(sage_json_read(path, CURRENT_MAX_BYTES, &root, error));
    SAGE_TRY(parse(root, path, release, error));
out:
    json_decref(root);
    return st;
}

sage_status sage_release_read(const sage_shop *shop, sage_release *release, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    memset(release, 0, sizeof *release);
    SAGE_TRY(sage_shop_path(shop, "current", path, error));
    if (!sage_fs_exists(path)) {
        st = sage_fail(error, SAGE_E_STATE,
                       "nothing has been published in %s; run 'itemsage train', 'embed' and 'index' first", shop->dir);
        goto out;
    }
    SAGE_TRY(sage_release_read_at(path, release, error));
out:
    return sage_shop_advise(st, "run 'itemsage index' to publish a release anew", error);
}

sage_status sage_release_read_before(const sage_shop *shop, const sage_release *now, sage_release *before,
                                     sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    *before = (sage_release){.index = 0};
    SAGE_TRY(sage_shop_path(shop, "previous", path, error));
    if (!sage_fs_exists(path)) return SAGE_OK;
    SAGE_TRY(sage_release_read_at(path, before, error));
    /* Stopped between the two files, or read while they are replaced. */
    if (before->index == now->index) *before = (sage_release){.index = 0};
out:
    return st;
}

/* What `current` names as it is, so that it can be compared with what comes after, and come back. */
static sage_status keep_before(const sage_shop *shop, const sage_release *next, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX], *text = NULL;
    size_t n;
    sage_release now;
    if (sage_release_read(shop, &now, NULL) != SAGE_OK || now.index == next->index) return SAGE_OK;
    SAGE_TRY(sage_shop_path(shop, "current", path, error));
    SAGE_TRY(sage_fs_read_all(path, CURRENT_MAX_BYTES, &text, &n, error));
    SAGE_TRY(sage_kept_add(shop, now.index, text, n, error));
    SAGE_TRY(sage_shop_path(shop, "previous", path, error));
    SAGE_TRY(sage_fs_replace(path, text, n, error));
out:
    sage_free(text);
    return st;
}

static json_t *describe(const sage_release *release) {
    char inputs[17], settings[17];
    snprintf(inputs, sizeof inputs, "%016llx", (unsigned long long)release->inputs);
    snprintf(settings, sizeof settings, "%016llx", (unsigned long long)release->settings);
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:s, s:I, s:I, s:I, s:I, s:f, s:I, s:f, s:f, s:f, s:I, s:f, "
        "s:f, s:I, "
        "s:I, s:b, s:s}",
        "product_model", (json_int_t)release->product_model, "query_model", (json_int_t)release->query_model, "vectors",
        (json_int_t)release->vectors, "index", (json_int_t)release->index, "keywords", (json_int_t)release->keywords,
        "catalogue_revision", (json_int_t)release->catalogue_revision, "feed", (json_int_t)release->feed, "feed_time",
        (json_int_t)release->feed_time_ms, "inputs", inputs, "settings", settings, "products",
        (json_int_t)release->products, "chosen_changes", (json_int_t)release->chosen_changes, "published",
        (json_int_t)(release->published_s > 0 ? release->published_s : (uint64_t)time(NULL)), "inbox_position",
        (json_int_t)release->inbox_position, "fusion_weight", release->fusion.weight, "fusion_depth",
        (json_int_t)release->fusion.depth, "own_weight", release->own.weight, "own_half_life",
        release->own.half_life_days, "together_weight", release->own.together, "search_width",
        (json_int_t)release->search_width, "search_recall", release->search_recall, "tuned_recall",
        release->tuned.recall, "tuned_m", (json_int_t)release->tuned.m, "tuned_build", (json_int_t)release->tuned.build,
        "together", (int)release->together, "users",
        sage_method_name(release->hybrid_users ? SAGE_HYBRID : SAGE_VECTORS));
}

sage_status sage_release_publish(const sage_shop *shop, const sage_release *release, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    json_t *root = describe(release);
    if (!root) return sage_fail_memory(error, CURRENT_MAX_BYTES);
    SAGE_TRY(keep_before(shop, release, error));
    SAGE_TRY(sage_shop_path(shop, "current", path, error));
    SAGE_TRY(sage_json_write(path, root, error));
out:
    json_decref(root);
    return st;
}

/* ---- opening ---- */

/* Where they cannot be had, searches by vectors say why; others go on. */
static sage_status give_sentences(sage_shop *shop, const sage_release *release, sage_engine *engine,
                                  sage_error *error) {
    sage_sentences *sentences = NULL;
    sage_error fault = {0};
    sage_status st = SAGE_OK;
    sage_model_config *config = sage_alloc_zero(1, sizeof *config);
    if (config == NULL) return sage_fail_memory(error, sizeof *config);
    st = sage_model_config_read(shop, release->query_model, config, &fault);
    if (st == SAGE_OK) st = sage_shop_model_sentences(shop, config, false, &sentences, &fault);
    sage_engine_take_sentences(engine, sentences, st, &fault);
    sage_free(config);
    return SAGE_OK;
}

/* Where the model was trained on them. Those that the shop has now: more may have come since, or some may be gone, and
 * then the towers answer. */
static sage_status give_vectors(sage_shop *shop, const sage_release *release, sage_engine *engine, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_given_set given = {{NULL}};
    sage_error fault = {0};
    sage_model_config *config = sage_alloc_zero(1, sizeof *config);
    if (config == NULL) return sage_fail_memory(error, sizeof *config);
    SAGE_TRY(sage_model_config_read(shop, release->query_model, config, error));
    sage_status opened = sage_given_open_shop(shop->dir, true, &given, &fault);
    sage_engine_take_given(engine, &given, config->given, opened, &fault);
out:
    sage_free(config);
    return st;
}

sage_status sage_release_advise(sage_status st, sage_error *error) {
    bool model = sage_shop_blames(st, error, "/models/");
    return sage_shop_advise(st,
                            model ? "restore it from a copy, or run 'itemsage train', 'embed' and 'index'"
                                  : "run 'itemsage index' to publish a release anew",
                            error);
}

sage_status sage_release_engine(sage_shop *shop, const sage_release *release, bool verify, sage_engine **engine,
                                sage_error *error) {
    sage_status st = SAGE_OK;
    sage_pool *pool = NULL;
    SAGE_TRY(sage_shop_pool(shop, &pool, error));
    SAGE_TRY(sage_release_advise(sage_engine_open(shop->dir, release, verify, pool, engine, error), error));
    SAGE_TRY(give_vectors(shop, release, *engine, error));
    if (sage_engine_speaks(*engine)) SAGE_TRY(give_sentences(shop, release, *engine, error));
out:
    if (st != SAGE_OK) {
        sage_engine_close(*engine);
        *engine = NULL;
    }
    return st;
}

static sage_status hold(const sage_shop *shop, sage_open_release *opened, sage_error *error) {
    static const char *const rooms[] = {"models", "index", "keywords"};
    const uint64_t versions[] = {opened->release.query_model, opened->release.index, opened->release.keywords};
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    for (size_t i = 0; i < 3; i++) {
        SAGE_TRY(sage_shop_path(shop, rooms[i], path, error));
        SAGE_TRY(sage_version_hold(path, versions[i], &opened->fd[i], error));
    }
out:
    return sage_shop_advise(st, "run 'itemsage index' to publish a release anew", error);
}

static void let_go(sage_open_release *opened) {
    for (size_t i = 0; i < 3; i++) {
        sage_fs_unlock(opened->fd[i]);
        opened->fd[i] = -1;
    }
}

sage_status sage_release_open(sage_shop *shop, bool verify, sage_open_release *opened, sage_error *error) {
    enum { TRIES = 3 };
    sage_status st = SAGE_OK;
    *opened = (sage_open_release){.fd = {-1, -1, -1}};
    for (int i = 0; i < TRIES; i++) {
        SAGE_TRY(sage_release_read(shop, &opened->release, error));
        st = hold(shop, opened, error);
        if (st != SAGE_E_NOT_FOUND && st != SAGE_E_LOCKED) break;
        let_go(opened);
    }
    SAGE_TRY(st);
    SAGE_TRY(sage_release_engine(shop, &opened->release, verify, &opened->engine, error));
out:
    if (st != SAGE_OK) sage_release_close(opened);
    return st;
}

sage_status sage_release_open_kept(sage_shop *shop, const sage_release *release, sage_open_release *opened,
                                   sage_error *error) {
    sage_status st = SAGE_OK;
    *opened = (sage_open_release){.release = *release, .fd = {-1, -1, -1}};
    SAGE_TRY(hold(shop, opened, error));
    SAGE_TRY(sage_release_engine(shop, &opened->release, true, &opened->engine, error));
out:
    if (st != SAGE_OK) sage_release_close(opened);
    return st;
}

void sage_release_close(sage_open_release *opened) {
    sage_engine_close(opened->engine);
    opened->engine = NULL;
    let_go(opened);
}
