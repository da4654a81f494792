#include <base/alloc.h>
#include <base/error.h>
#include <features/features.h>
#include <features/picture_vector.h>
#include <inttypes.h>
#include <math.h>
#include <shop/encoders.h>
#include <shop/search_picture.h>
#include <string.h>

#define ANEW "run 'itemsage import images', 'train', 'embed' and 'index'"

void sage_picture_query_free(sage_picture_query *query) {
    if (query->encoder != NULL) sage_picture_encoder_close(query->encoder);
    sage_free(query->encoder);
    sage_free(query->origin);
    sage_free(query->vector);
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
out:
    sage_free(config);
    return st;
}

/* ---- the cache ---- */

/* Only spares work: whatever keeps the catalogue from being read, the encoder is asked instead. */
static bool cached(const sage_picture_query *query, sage_shop *shop, const unsigned char content[16], size_t dim) {
    sage_catalog *catalog = NULL;
    bool found = sage_shop_catalog(shop, false, &catalog, NULL) == SAGE_OK &&
                 sage_catalog_picture_vector(catalog, shop->dir, query->origin->identity, content, dim, query->vector,
                                             NULL) == SAGE_OK;
    sage_catalog_close(catalog);
    return found;
}

/* ---- the encoder ---- */

static sage_status open_encoder(sage_picture_query *query, sage_shop *shop, size_t dim, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_picture_origin *origin = query->origin;
    sage_picture_encoder *encoder = sage_alloc_zero(1, sizeof *encoder);
    if (encoder == NULL) return sage_fail_memory(error, sizeof *encoder);
    st = sage_shop_picture_encoder(shop, origin->name, encoder, error);
    if (st == SAGE_E_NOT_FOUND)
        st = sage_fail(error, SAGE_E_STATE,
                       "the picture encoder '%.100s', which the published model was trained with, is gone; bring it "
                       "back ('itemsage encoders add'), or " ANEW,
                       origin->name);
    SAGE_TRY(st);
    if (strcmp(encoder->identity, origin->identity) != 0 || encoder->dim != dim)
        SAGE_TRY(sage_fail(error, SAGE_E_STATE,
                           "the picture encoder '%.100s' is not the one that the published model was trained with "
                           "(%s, then %s); bring that one back, or " ANEW,
                           origin->name, encoder->identity, origin->identity));
    query->encoder = encoder;
    encoder = NULL;
out:
    if (encoder != NULL) sage_picture_encoder_close(encoder);
    sage_free(encoder);
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
out:
    return st;
}

sage_status sage_picture_query_vector(sage_picture_query *query, sage_shop *shop, const sage_open_release *opened,
                                      const char *path, const float **vector, sage_error *error) {
    sage_status st = SAGE_OK;
    const size_t dim = sage_engine_image_dim(opened->engine);
    sage_picture_file file = {0};
    SAGE_TRY(prepare(query, shop, opened, error));
    SAGE_TRY(sage_picture_load(path, &sage_picture_limits_default, &file, error));
    if (!cached(query, shop, file.hash, dim)) {
        if (query->encoder == NULL) SAGE_TRY(open_encoder(query, shop, dim, error));
        SAGE_TRY(sage_picture_vector(query->encoder, path, &file, query->vector, error));
    }
    double length = sage_image_scale(query->vector, dim);
    if (!(length > 0) || !isfinite(length))
        SAGE_TRY(sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0, "the encoder finds nothing in this picture to go by"));
    *vector = query->vector;
out:
    sage_picture_file_free(&file);
    return st;
}
