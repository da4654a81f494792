/* Vectors of a dataset's products and queries for validation: as they would be published, without dropout. */
#include <base/alloc.h>
#include <base/error.h>
#include <string.h>
#include <train/train.h>

enum { BLOCK = 512 };

/* A block of products gathered for the model; the arrays grow and are reused. */
typedef struct gather {
    uint32_t *ids, *bag_begin, *token_begin, *image_begin;
    uint8_t *token_field;
    float *images;
    size_t ids_capacity, bags_capacity, fields_capacity, images_capacity;
    size_t n, n_tokens, n_ids, n_images, image_dim;
} gather;

static void gather_free(gather *g) {
    sage_free(g->ids);
    sage_free(g->bag_begin);
    sage_free(g->token_begin);
    sage_free(g->image_begin);
    sage_free(g->token_field);
    sage_free(g->images);
}

static sage_status gather_init(gather *g, size_t image_dim, sage_error *error) {
    *g = (gather){.image_dim = image_dim};
    g->token_begin = sage_alloc((BLOCK + 1) * sizeof *g->token_begin);
    g->image_begin = sage_alloc((BLOCK + 1) * sizeof *g->image_begin);
    if (g->token_begin && g->image_begin) return SAGE_OK;
    return sage_fail_memory(error, 2 * (BLOCK + 1) * sizeof *g->token_begin);
}

static void gather_clear(gather *g) {
    g->n = g->n_tokens = g->n_ids = g->n_images = 0;
}

static sage_status reserve(gather *g, size_t ids, size_t tokens, size_t images, sage_error *error) {
    if (sage_grow((void **)&g->ids, &g->ids_capacity, g->n_ids + ids, sizeof *g->ids) != 0 ||
        sage_grow((void **)&g->bag_begin, &g->bags_capacity, g->n_tokens + tokens + 1, sizeof *g->bag_begin) != 0 ||
        sage_grow((void **)&g->token_field, &g->fields_capacity, g->n_tokens + tokens + 1, 1) != 0 ||
        sage_grow((void **)&g->images, &g->images_capacity, (g->n_images + images) * g->image_dim, sizeof *g->images) !=
            0)
        return sage_fail_memory(error, (g->n_ids + ids) * sizeof *g->ids);
    return SAGE_OK;
}

static void add_bag(gather *g, const uint32_t *ids, size_t n) {
    g->bag_begin[g->n_tokens] = (uint32_t)g->n_ids;
    memcpy(g->ids + g->n_ids, ids, n * sizeof *ids);
    g->n_ids += n;
    g->bag_begin[++g->n_tokens] = (uint32_t)g->n_ids;
}

static sage_status add_product(gather *g, const sage_dataset *dataset, size_t index, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_packed_product product;
    sage_dataset_product(dataset, index, &product);
    SAGE_TRY(reserve(g, product.begin[SAGE_FIELDS], SAGE_FIELDS, product.n_images, error));
    g->token_begin[g->n] = (uint32_t)g->n_tokens;
    g->image_begin[g->n] = (uint32_t)g->n_images;
    for (size_t f = 0; f < SAGE_FIELDS; f++) {
        size_t n = product.begin[f + 1] - product.begin[f];
        if (n == 0) continue;
        g->token_field[g->n_tokens] = (uint8_t)f;
        add_bag(g, product.ids + product.begin[f], n);
    }
    if (product.n_images > 0)
        memcpy(g->images + g->n_images * g->image_dim, product.images,
               product.n_images * g->image_dim * sizeof *g->images);
    g->n_images += product.n_images;
    g->n++;
    g->token_begin[g->n] = (uint32_t)g->n_tokens;
    g->image_begin[g->n] = (uint32_t)g->n_images;
out:
    return st;
}

static sage_status compute(gather *g, sage_frozen *frozen, float *out, sage_error *error) {
    static const uint32_t no_bag[1] = {0};
    sage_product_batch batch = {.n = g->n, .token_begin = g->token_begin, .token_field = g->token_field};
    batch.text = (sage_bags){g->n_tokens, g->ids, g->n_tokens > 0 ? g->bag_begin : no_bag};
    if (g->image_dim > 0) {
        batch.image_begin = g->image_begin;
        batch.images = g->images;
    }
    return sage_frozen_products(frozen, &batch, out, error);
}

sage_status sage_train_embed_products(const sage_dataset *dataset, const sage_model *model, sage_pool *pool,
                                      const uint32_t *products, size_t n, float *out, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t dim = sage_model_shape_of(model)->dim_out;
    sage_frozen *frozen = NULL;
    gather block = {0};
    SAGE_TRY(gather_init(&block, sage_dataset_image_dim(dataset), error));
    SAGE_TRY(sage_frozen_new(model, SAGE_PRECISION_F32, pool, &frozen, error));
    for (size_t begin = 0; begin < n; begin += BLOCK) {
        size_t end = begin + BLOCK < n ? begin + BLOCK : n;
        gather_clear(&block);
        for (size_t i = begin; i < end; i++) SAGE_TRY(add_product(&block, dataset, products ? products[i] : i, error));
        SAGE_TRY(compute(&block, frozen, out + begin * dim, error));
    }
out:
    sage_frozen_free(frozen);
    gather_free(&block);
    return st;
}

sage_status sage_train_embed_queries(const sage_model *model, sage_pool *pool, const sage_bags *bags, float *out,
                                     sage_error *error) {
    sage_status st = SAGE_OK;
    size_t dim = sage_model_shape_of(model)->dim_out;
    sage_frozen *frozen = NULL;
    uint32_t begin[BLOCK + 1]; /* the model wants bags that begin at 0 */
    SAGE_TRY(sage_frozen_new(model, SAGE_PRECISION_F32, pool, &frozen, error));
    for (size_t at = 0; at < bags->n; at += BLOCK) {
        size_t n = at + BLOCK < bags->n ? BLOCK : bags->n - at;
        for (size_t i = 0; i <= n; i++) begin[i] = bags->begin[at + i] - bags->begin[at];
        sage_bags block = {n, bags->ids + bags->begin[at], begin};
        SAGE_TRY(sage_frozen_queries(frozen, &block, out + at * dim, error));
    }
out:
    sage_frozen_free(frozen);
    return st;
}
