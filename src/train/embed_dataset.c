/* Vectors of a dataset's products and queries for validation: as they would be published, without dropout. */
#include <base/error.h>
#include <model/batch.h>
#include <train/train.h>

enum { BLOCK = 1024 };

static sage_status embed_block(const sage_dataset *dataset, sage_batch_builder *builder, sage_frozen *frozen,
                               const uint32_t *products, size_t begin, size_t end, float *out, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_product_batch batch;
    sage_batch_builder_clear(builder);
    for (size_t i = begin; i < end; i++) {
        sage_packed_product p;
        sage_dataset_product(dataset, products != NULL ? products[i] : i, &p);
        const sage_group_vectors groups[SAGE_GROUPS_MAX] = {{p.n_images, p.images}};
        SAGE_TRY(sage_batch_builder_add(builder, p.ids, p.begin, groups, error));
    }
    sage_batch_builder_batch(builder, &batch);
    st = sage_frozen_products(frozen, &batch, out, error);
out:
    return st;
}

sage_status sage_train_embed_products(const sage_dataset *dataset, const sage_model *model, sage_pool *pool,
                                      const uint32_t *products, size_t n, float *out, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t dim = sage_model_shape_of(model)->dim_out;
    sage_frozen *frozen = NULL;
    sage_batch_builder *builder = NULL;
    SAGE_TRY(sage_batch_builder_new(sage_model_shape_of(model), &builder, error));
    SAGE_TRY(sage_frozen_new(model, SAGE_PRECISION_F32, pool, &frozen, error));
    for (size_t begin = 0; begin < n; begin += BLOCK) {
        size_t end = begin + BLOCK < n ? begin + BLOCK : n;
        SAGE_TRY(embed_block(dataset, builder, frozen, products, begin, end, out + begin * dim, error));
    }
out:
    sage_frozen_free(frozen);
    sage_batch_builder_free(builder);
    return st;
}

sage_status sage_train_embed_queries(const sage_model *model, sage_pool *pool, const sage_bags *bags, float *out,
                                     sage_error *error) {
    sage_status st = SAGE_OK;
    size_t dim = sage_model_shape_of(model)->dim_out;
    sage_frozen *frozen = NULL;
    SAGE_TRY(sage_frozen_new(model, SAGE_PRECISION_F32, pool, &frozen, error));
    for (size_t at = 0; at < bags->n; at += BLOCK) {
        size_t here = bags->n - at < BLOCK ? bags->n - at : BLOCK;
        const sage_query_batch block = {.n_texts = here, .bags = {here, bags->ids, bags->begin + at}};
        SAGE_TRY(sage_frozen_queries(frozen, &block, out + at * dim, error));
    }
out:
    sage_frozen_free(frozen);
    return st;
}
