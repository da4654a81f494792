#include <base/alloc.h>
#include <base/error.h>
#include <catalog/import_links.h>
#include <features/features.h>
#include <features/picture_vector.h>
#include <inttypes.h>
#include <kernels/kernels.h>
#include <math.h>
#include <shop/encoders.h>
#include <shop/search_picture.h>
#include <stdlib.h>
#include <string.h>

#define ANEW "run 'itemsage import images', 'train', 'embed' and 'index'"

void sage_picture_query_free(sage_picture_query *query) {
    if (query->encoder != NULL) sage_picture_encoder_close(query->encoder);
    sage_free(query->encoder);
    sage_free(query->origin);
    sage_free(query->vector);
    sage_free(query->target);
    sage_free(query->near);
    *query = (sage_picture_query){.origin = NULL};
}

/* ---- what the model knows ---- */

static sage_status check_origin(const sage_picture_origin *origin, uint64_t model, sage_error *error) {
    if (origin->maker == SAGE_PICTURES_COMPUTED) return SAGE_OK;
    if (origin->maker == SAGE_PICTURES_IMPORTED)
        return sage_fail(error, SAGE_E_STATE,
                         "the picture vectors that model %" PRIu64
                         " was trained on were made elsewhere, so none can be made of another picture; for vectors of "
                         "the shop's own encoder, run 'itemsage import images --set picture_encoder=builtin', 'train', "
                         "'embed' and 'index'",
                         model);
    return sage_fail(error, SAGE_E_STATE,
                     "it is not known which encoder made the picture vectors that model %" PRIu64
                     " was trained on; run 'itemsage train', 'embed' and 'index'",
                     model);
}

static sage_status read_origin(sage_picture_query *query, const sage_shop *shop, const sage_open_release *opened,
                               sage_error *error) {
    sage_status st = SAGE_OK;
    const uint64_t model = opened->release.query_model; /* the one that the engine has open */
    sage_model_config *config = NULL;
    if (opened->release.product_model != model)
        return sage_fail(error, SAGE_E_STATE,
                         "the release has a model for products (%" PRIu64 ") and another for queries (%" PRIu64
                         "); pictures need both in one: run 'itemsage index'",
                         opened->release.product_model, model);
    if (sage_engine_image_dim(opened->engine) == 0)
        return sage_fail(error, SAGE_E_STATE, "model %" PRIu64 " was trained without pictures; " ANEW, model);
    config = sage_alloc_zero(1, sizeof *config);
    if (config == NULL) return sage_fail_memory(error, sizeof *config);
    SAGE_TRY(sage_model_config_read(shop, model, config, error));
    SAGE_TRY(check_origin(&config->pictures, model, error));
    query->origin = sage_alloc(sizeof *query->origin);
    if (query->origin == NULL) SAGE_TRY(sage_fail_memory(error, sizeof *query->origin));
    *query->origin = config->pictures;
    query->taught = config->taught;
out:
    sage_free(config);
    return st;
}

/* ---- the cache ---- */

/* Only spares work: whatever keeps it from being read, the encoder is asked instead. */
static bool cached(const sage_picture_query *query, const sage_shop *shop, sage_catalog *catalog,
                   const unsigned char content[16], size_t dim) {
    return sage_catalog_picture_vector(catalog, shop->dir, query->origin->identity, content, dim, query->vector,
                                       NULL) == SAGE_OK;
}

/* ---- the encoder ---- */

/* Encoder `name`, which made the vectors of `identity`, as one more of them. */
static sage_status open_part(sage_shop *shop, sage_str name, sage_str identity, sage_picture_encoder *encoder,
                             sage_error *error) {
    const int len = (int)(name.len < 100 ? name.len : 100);
    sage_status st = sage_shop_join_encoder(shop, name, encoder, error);
    if (st == SAGE_E_NOT_FOUND)
        return sage_fail(error, SAGE_E_STATE,
                         "the picture encoder '%.*s', which the published model was trained with, is gone; bring it "
                         "back ('itemsage encoders add'), or " ANEW,
                         len, name.data);
    if (st != SAGE_OK) return st;
    const char *now = encoder->parts[encoder->n_parts - 1].identity;
    if (strlen(now) == identity.len && memcmp(now, identity.data, identity.len) == 0) return SAGE_OK;
    return sage_fail(error, SAGE_E_STATE,
                     "the picture encoder '%.*s' is not the one that the published model was trained with "
                     "(%s, then %.*s); bring that one back, or " ANEW,
                     len, name.data, now, (int)identity.len, identity.data);
}

static sage_status open_encoder(sage_picture_query *query, sage_shop *shop, size_t dim, sage_error *error) {
    sage_status st = SAGE_OK;
    const char *names = query->origin->name, *identities = query->origin->identity;
    sage_str name = SAGE_STR(""), identity;
    sage_picture_encoder *encoder = sage_alloc_zero(1, sizeof *encoder);
    if (encoder == NULL) return sage_fail_memory(error, sizeof *encoder);
    while (sage_picture_parts_next(&identities, &identity)) {
        sage_picture_parts_next(&names, &name);
        SAGE_TRY(open_part(shop, name, identity, encoder, error));
    }
    if (encoder->dim != dim) SAGE_TRY(sage_picture_other_encoder(error));
    query->encoder = encoder;
    encoder = NULL;
out:
    if (encoder != NULL) sage_picture_encoder_close(encoder);
    sage_free(encoder);
    return st;
}

/* ---- the nearest pictures ---- */

/* Ten of them, weighted by exp(20 cos): the very picture outweighs others, and near ones count about alike. */
enum { NEAREST = 10 };
static const double SHARPNESS = 20;

typedef struct nearest {
    size_t n, row[NEAREST]; /* of the index */
    float score[NEAREST];   /* descending */
} nearest;

static void keep(nearest *best, float score, size_t row) {
    if (best->n == NEAREST && best->score[NEAREST - 1] >= score) return;
    size_t at = best->n < NEAREST ? best->n++ : NEAREST - 1;
    for (; at > 0 && best->score[at - 1] < score; at--) {
        best->score[at] = best->score[at - 1];
        best->row[at] = best->row[at - 1];
    }
    best->score[at] = score;
    best->row[at] = row;
}

/* A product's picture that is nearest; of vectors of several parts, by the mean of the parts' cosines. */
static float likeness(const float *vector, const float *pictures, size_t n, const sage_picture_parts *parts) {
    const size_t dim = sage_picture_parts_dim(parts);
    float most = -2;
    for (size_t i = 0; i < n; i++) {
        float cosine = sage_ops_best()->dot(dim, vector, pictures + i * dim) / (float)parts->n;
        if (cosine > most) most = cosine;
    }
    return most;
}

sage_status sage_picture_other_encoder(sage_error *error) {
    return sage_fail(error, SAGE_E_STATE,
                     "the catalogue's pictures have vectors of another encoder than the published model was trained "
                     "on; run 'itemsage train', 'embed' and 'index'");
}

static sage_status check_pictures(const sage_picture_query *query, sage_catalog *catalog, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_picture_origin *now = sage_alloc_zero(1, sizeof *now);
    if (now == NULL) return sage_fail_memory(error, sizeof *now);
    SAGE_TRY(sage_catalog_picture_origin(catalog, now, error));
    if (now->maker != SAGE_PICTURES_COMPUTED || strcmp(now->identity, query->origin->identity) != 0)
        st = sage_picture_other_encoder(error);
out:
    sage_free(now);
    return st;
}

static sage_status find_nearest(const sage_picture_query *query, const sage_shop *shop, const sage_open_release *opened,
                                sage_catalog *catalog, nearest *best, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_image_store *store = NULL;
    sage_product_cursor *cursor = NULL;
    const sage_product_row *row;
    char path[SAGE_PATH_MAX];
    float *pictures = NULL;
    size_t capacity = 0, n, dim, at;
    sage_picture_parts now, wanted;
    sage_engine_image_parts(opened->engine, &wanted);
    SAGE_TRY(check_pictures(query, catalog, error));
    SAGE_TRY(sage_shop_path(shop, "pictures", path, error));
    SAGE_TRY(sage_image_store_open(catalog, path, &store, error));
    SAGE_TRY(sage_product_cursor_open(catalog, 0, 0, &cursor, error));
    for (;;) {
        SAGE_TRY(sage_product_cursor_next(cursor, &row, error));
        if (row == NULL) break;
        if (row->n_images == 0 || !sage_index_find(sage_engine_index(opened->engine), row->pid, &at)) continue;
        SAGE_TRY(sage_image_store_read(store, row, &pictures, &capacity, &n, &dim, error));
        if (n == 0) continue;
        sage_image_store_parts(store, &now);
        if (!sage_picture_parts_equal(&now, &wanted))
            SAGE_TRY(sage_picture_other_encoder(error)); /* they changed meanwhile */
        keep(best, likeness(query->vector, pictures, n, &wanted), at);
    }
out:
    sage_free(pictures);
    sage_product_cursor_close(cursor);
    sage_image_store_close(store);
    return st;
}

static sage_status add_up(const nearest *best, const sage_index *index, float *target, sage_error *error) {
    size_t dim = sage_index_dim(index);
    if (best->n == 0)
        return sage_fail(error, SAGE_E_STATE, "no published product has a picture; run 'itemsage import images'");
    memset(target, 0, dim * sizeof *target);
    for (size_t i = 0; i < best->n; i++) {
        const float *vector = sage_index_vectors(index) + best->row[i] * dim;
        float weight = (float)exp(SHARPNESS * (double)(best->score[i] - best->score[0]));
        sage_ops_best()->axpy(dim, weight, vector, target);
    }
    sage_image_scale(target, dim);
    return SAGE_OK;
}

/* ---- vectors that are given ---- */

/* The vector of the link whose file lies at `place` below the folder. */
static const float *given_at(const sage_given *given, const char *place, const char *images_dir) {
    char other[SAGE_PATH_MAX];
    for (size_t i = 0; i < sage_given_count(given); i++) {
        if (sage_link_place(sage_given_key(given, i), images_dir, other) != SAGE_LINK_OUTSIDE &&
            strcmp(other, place) == 0)
            return sage_given_vector(given, i);
    }
    return NULL;
}

sage_status sage_picture_query_given(sage_shop *shop, const sage_open_release *opened, const char *path,
                                     const float **given, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_catalog *catalog = NULL;
    const char *images_dir = "";
    char *resolved = NULL;
    const sage_given *all = sage_engine_given(opened->engine, SAGE_ON_IMAGE);
    SAGE_TRY(sage_engine_check_given(opened->engine, SAGE_ON_IMAGE, error));
    *given = sage_given_find(all, (sage_str){path, strlen(path)});
    if (all != NULL && *given == NULL) resolved = realpath(path, NULL);
    if (resolved == NULL) goto out;
    SAGE_TRY(sage_shop_catalog(shop, false, &catalog, error));
    SAGE_TRY(sage_catalog_meta(catalog, "images_dir", &images_dir, error));
    size_t len = strlen(images_dir);
    if (len > 0 && strncmp(resolved, images_dir, len) == 0 && resolved[len] == '/')
        *given = given_at(all, resolved + len + 1, images_dir);
out:
    free(resolved);
    sage_catalog_close(catalog);
    return st;
}

/* ---- all of it ---- */

static sage_status prepare(sage_picture_query *query, const sage_shop *shop, const sage_open_release *opened,
                           sage_error *error) {
    sage_status st = SAGE_OK;
    size_t dim = sage_engine_image_dim(opened->engine);
    if (query->origin == NULL) SAGE_TRY(read_origin(query, shop, opened, error));
    if (query->vector == NULL) query->vector = sage_alloc(dim * sizeof *query->vector);
    if (query->vector == NULL) SAGE_TRY(sage_fail_memory(error, dim * sizeof *query->vector));
    dim = sage_index_dim(sage_engine_index(opened->engine));
    if (query->target == NULL) query->target = sage_alloc(dim * sizeof *query->target);
    if (query->target == NULL) SAGE_TRY(sage_fail_memory(error, dim * sizeof *query->target));
    if (query->near == NULL) query->near = sage_alloc(dim * sizeof *query->near);
    if (query->near == NULL) SAGE_TRY(sage_fail_memory(error, dim * sizeof *query->near));
out:
    return st;
}

static sage_status vector_of(sage_picture_query *query, sage_shop *shop, sage_catalog *catalog,
                             const sage_picture_parts *parts, const char *path, sage_error *error) {
    sage_status st = SAGE_OK;
    const size_t dim = sage_picture_parts_dim(parts);
    sage_picture_file file = {0};
    SAGE_TRY(sage_picture_load(path, &sage_picture_limits_default, &file, error));
    if (!cached(query, shop, catalog, file.hash, dim)) {
        if (query->encoder == NULL) SAGE_TRY(open_encoder(query, shop, dim, error));
        SAGE_TRY(sage_picture_vector(query->encoder, path, &file, query->vector, error));
    }
    double length = sage_image_scale_parts(query->vector, parts);
    if (!(length > 0) || !isfinite(length))
        SAGE_TRY(sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0, "the encoder finds nothing in this picture to go by"));
out:
    sage_picture_file_free(&file);
    return st;
}

sage_status sage_picture_query_vector(sage_picture_query *query, sage_shop *shop, const sage_open_release *opened,
                                      const char *path, const float **vector, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_catalog *catalog = NULL;
    sage_picture_parts parts;
    sage_engine_image_parts(opened->engine, &parts);
    SAGE_TRY(prepare(query, shop, opened, error));
    SAGE_TRY(sage_shop_catalog(shop, false, &catalog, error));
    SAGE_TRY(vector_of(query, shop, catalog, &parts, path, error));
    *vector = query->vector;
out:
    sage_catalog_close(catalog);
    return st;
}

static sage_status ask_neighbours(const sage_picture_query *query, const sage_shop *shop,
                                  const sage_open_release *opened, sage_catalog *catalog, float *target,
                                  sage_error *error) {
    sage_status st = SAGE_OK;
    nearest best = {.n = 0};
    SAGE_TRY(find_nearest(query, shop, opened, catalog, &best, error));
    SAGE_TRY(add_up(&best, sage_engine_index(opened->engine), target, error));
out:
    return st;
}

sage_status sage_picture_query_target(sage_picture_query *query, sage_shop *shop, const sage_open_release *opened,
                                      const char *path, const float **target, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_catalog *catalog = NULL;
    sage_picture_parts parts;
    size_t dim = sage_index_dim(sage_engine_index(opened->engine));
    sage_engine_image_parts(opened->engine, &parts);
    SAGE_TRY(prepare(query, shop, opened, error));
    SAGE_TRY(sage_shop_catalog(shop, false, &catalog, error));
    SAGE_TRY(vector_of(query, shop, catalog, &parts, path, error));
    memset(query->target, 0, dim * sizeof *query->target);
    if (query->taught != SAGE_PICTURES_UNTAUGHT)
        SAGE_TRY(sage_engine_pictures(opened->engine, query->vector, 1, query->target, error));
    if (query->taught != SAGE_PICTURES_OF_SHOPPERS) {
        SAGE_TRY(ask_neighbours(query, shop, opened, catalog, query->near, error));
        sage_ops_best()->axpy(dim, 1, query->near, query->target);
        sage_image_scale(query->target, dim);
    }
    *target = query->target;
out:
    sage_catalog_close(catalog);
    return st;
}
