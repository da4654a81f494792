#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <catalog/import_links.h>
#include <catalog/picture_find.h>
#include <features/features.h>
#include <shop/eval_pictures.h>
#include <shop/search_picture.h>
#include <stdio.h>
#include <string.h>

typedef struct gathering {
    sage_shop *shop;
    const sage_open_release *opened;
    sage_catalog *catalog; /* opened where a link is to be looked up */
    char images_dir[SAGE_PATH_MAX];
    sage_picture_query encoder;
    sage_picture_finder *finder;
    sage_image_store *store;
    size_t dim, n_vectors;
    float *vectors; /* [n_vectors][dim] of the queries that have no vector of the shop's own */
    size_t capacity;
    size_t n_queries;
    const float **given; /* [n_queries] */
    size_t given_capacity;
    uint64_t unseen;
} gathering;

static sage_status open_catalogue(gathering *g, sage_error *error) {
    sage_status st = SAGE_OK;
    char pictures[SAGE_PATH_MAX];
    const char *dir = "";
    SAGE_TRY(sage_shop_catalog(g->shop, false, &g->catalog, error));
    SAGE_TRY(sage_catalog_meta(g->catalog, "images_dir", &dir, error));
    snprintf(g->images_dir, sizeof g->images_dir, "%s", dir);
    SAGE_TRY(sage_picture_finder_open(g->catalog, &g->finder, error));
    SAGE_TRY(sage_shop_path(g->shop, "pictures", pictures, error));
    SAGE_TRY(sage_image_store_open(g->catalog, pictures, &g->store, error));
out:
    return st;
}

static void release(gathering *g) {
    sage_picture_query_free(&g->encoder);
    sage_image_store_close(g->store);
    sage_picture_finder_close(g->finder);
    sage_catalog_close(g->catalog);
    sage_free(g->vectors);
    sage_free(g->given);
}

static sage_status keep(gathering *g, const float *vector, sage_error *error) {
    if (sage_grow((void **)&g->vectors, &g->capacity, (g->n_vectors + 1) * g->dim, sizeof *g->vectors))
        return sage_fail_memory(error, (g->n_vectors + 1) * g->dim * sizeof *g->vectors);
    memcpy(g->vectors + g->n_vectors++ * g->dim, vector, g->dim * sizeof *g->vectors);
    return SAGE_OK;
}

/* Nothing is kept where there is no file, or no picture in it. */
static sage_status read_file(gathering *g, sage_str link, sage_error *error) {
    char place[SAGE_PATH_MAX], path[SAGE_PATH_MAX];
    const float *vector;
    if (g->images_dir[0] == '\0' || sage_link_place(link, g->images_dir, place) == SAGE_LINK_OUTSIDE) return SAGE_OK;
    if (sage_link_escapes(place, g->images_dir) || sage_path_join(path, g->images_dir, place, NULL) != SAGE_OK)
        return SAGE_OK;
    if (!sage_fs_exists(path)) return SAGE_OK;
    sage_status st = sage_picture_query_vector(&g->encoder, g->shop, g->opened, path, &vector, error);
    if (st == SAGE_E_FORMAT || st == SAGE_E_LIMIT) return SAGE_OK;
    return st == SAGE_OK ? keep(g, vector, error) : st;
}

static sage_status look_up(gathering *g, sage_str link, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_image_ref image;
    sage_picture_parts now, wanted;
    size_t before = g->n_vectors;
    if (g->catalog == NULL) SAGE_TRY(open_catalogue(g, error));
    SAGE_TRY(sage_picture_finder_find(g->finder, link, &image, error));
    SAGE_TRY(sage_image_store_add(g->store, &image, &g->vectors, &g->capacity, &g->n_vectors, error));
    sage_image_store_parts(g->store, &now);
    sage_engine_image_parts(g->opened->engine, &wanted);
    if (now.n != 0 && !sage_picture_parts_equal(&now, &wanted)) st = sage_picture_other_encoder(error);
    if (st == SAGE_OK && g->n_vectors == before) st = read_file(g, link, error);
out:
    return st;
}

/* *found: the query has a vector, one that is given or one behind those before. */
static sage_status add(gathering *g, const sage_judgement *query, bool *found, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t before = g->n_vectors;
    const float *given = sage_engine_find_given(g->opened->engine, SAGE_ON_IMAGE, query->query);
    if (given == NULL && g->dim > 0)
        SAGE_TRY(query->picture == NULL ? look_up(g, query->query, error) : keep(g, query->picture, error));
    *found = given != NULL || g->n_vectors > before;
    g->unseen += !*found;
    if (!*found) goto out;
    if (sage_grow((void **)&g->given, &g->given_capacity, g->n_queries + 1, sizeof *g->given))
        SAGE_TRY(sage_fail_memory(error, (g->n_queries + 1) * sizeof *g->given));
    g->given[g->n_queries++] = given;
out:
    return st;
}

static bool same_query(const sage_judgement *a, const sage_judgement *b) {
    return a->query.len == b->query.len && memcmp(a->query.data, b->query.data, a->query.len) == 0;
}

/* Vectors of the queries; judgements of those that have one move together, *n of them stay. */
static sage_status gather(gathering *g, sage_judgement *judgements, size_t *n, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t kept = 0;
    bool found = false;
    for (size_t i = 0; i < *n; i++) {
        if (i == 0 || !same_query(&judgements[i - 1], &judgements[i])) SAGE_TRY(add(g, &judgements[i], &found, error));
        if (found) judgements[kept++] = judgements[i];
    }
    *n = kept;
out:
    return st;
}

sage_status sage_eval_image_rows(sage_shop *shop, const sage_open_release *opened, sage_judgement *judgements, size_t n,
                                 sage_notes *notes, const sage_monitor *monitor, sage_eval_report *report,
                                 sage_error *error) {
    sage_status st = SAGE_OK;
    sage_judge judge = {0};
    sage_engine *engine = opened->engine;
    gathering g = {.shop = shop, .opened = opened, .dim = sage_engine_image_dim(engine)};
    size_t dim = sage_index_dim(sage_engine_index(engine)), depth = report->k[report->n_k - 1];
    float *targets = NULL;
    bool asks = g.dim > 0 || sage_engine_has_given(engine, SAGE_ON_IMAGE);
    if (n > 0 && !asks) sage_warn(monitor, "searches by picture are left out: the model knows no pictures");
    if (n == 0 || !asks) return SAGE_OK;
    SAGE_TRY(sage_engine_check_given(engine, SAGE_ON_IMAGE, error));
    SAGE_TRY(gather(&g, judgements, &n, error));
    if (g.unseen > 0)
        sage_warn(monitor,
                  "%llu searches by picture are left out: neither a vector of theirs is kept nor is there a "
                  "picture in the folder of 'itemsage import images --images DIR'",
                  (unsigned long long)g.unseen);
    if (n == 0) goto out;
    targets = sage_alloc(g.n_queries * dim * sizeof *targets);
    if (targets == NULL) SAGE_TRY(sage_fail_memory(error, g.n_queries * dim * sizeof *targets));
    if (g.n_vectors > 0) SAGE_TRY(sage_engine_pictures(engine, g.vectors, g.n_vectors, targets, error));
    sage_engine_spread(engine, g.given, g.n_queries, targets);
    if (notes != NULL && depth < SAGE_CURVE_POINTS) depth = SAGE_CURVE_POINTS;
    SAGE_TRY(sage_eval_pictures(engine, judgements, n, targets, depth, monitor, &judge, report, error));
    if (notes != NULL) SAGE_TRY(sage_notes_pictures(notes, &judge, depth, report->k[0], error));
out:
    sage_judge_free(&judge);
    sage_free(targets);
    release(&g);
    return st;
}
