/* Vectors of a dataset's products and queries for validation: as they would be published, without dropout. */
#include <base/error.h>
#include <model/batch.h>
#include <train/train.h>

enum { BLOCK = 1024 };

static sage_status embed_block(const sage_dataset *dataset, const sage_model *model, sage_batch_builder *builder,
                               sage_frozen *frozen, const uint32_t *products, size_t begin, size_t end, float *out,
                               sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_model_shape *shape = sage_model_shape_of(model);
    sage_product_batch batch;
    sage_batch_builder_clear(builder);
    for (size_t i = begin; i < end; i++) {
        size_t index = products != NULL ? products[i] : i;
        sage_packed_product p;
        sage_dataset_product(dataset, index, &p);
        sage_group_vectors groups[SAGE_GROUPS_MAX] = {{0}};
        size_t n = sage_split_pictures(shape, p.n_images, p.images, groups);
        if (sage_dataset_sentence_dim(dataset) > 0) groups[n++] = (sage_group_vectors){p.n_sentences, p.sentences};
        SAGE_TRY(sage_batch_builder_add(builder, p.ids, p.begin, groups, error));
        uint32_t own = sage_token_id(shape, sage_model_tokens(model), sage_dataset_pids(dataset)[index]);
        if (own != SAGE_NO_ID) SAGE_TRY(sage_batch_builder_add_token(builder, own, error));
    }
    sage_batch_builder_batch(builder, &batch);
    st = sage_frozen_products(frozen, &batch, out, error);
out:
    return st;
}

sage_status sage_train_embed_products(const sage_dataset *dataset, const sage_model *model, sage_pool *pool,
                                      const uint32_t *products, size_t n, float *out, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t dim = sage_shape_out(sage_model_shape_of(model));
    sage_frozen *frozen = NULL;
    sage_batch_builder *builder = NULL;
    SAGE_TRY(sage_batch_builder_new(sage_model_shape_of(model), &builder, error));
    SAGE_TRY(sage_frozen_new(model, SAGE_PRECISION_F32, pool, &frozen, error));
    for (size_t begin = 0; begin < n; begin += BLOCK) {
        size_t end = begin + BLOCK < n ? begin + BLOCK : n;
        SAGE_TRY(embed_block(dataset, model, builder, frozen, products, begin, end, out + begin * dim, error));
    }
out:
    sage_frozen_free(frozen);
    sage_batch_builder_free(builder);
    return st;
}

/* Of `n` numbers a row, from row `at` on; NULL stays NULL. */
static const float *from(const float *vectors, size_t at, size_t n) {
    return vectors != NULL ? vectors + at * n : NULL;
}

sage_status sage_train_embed_queries(const sage_model *model, sage_pool *pool, const sage_query_batch *queries,
                                     float *out, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_model_shape *shape = sage_model_shape_of(model);
    size_t dim = sage_shape_out(shape), sentence = sage_shape_dim(shape, SAGE_GROUP_SENTENCES),
           picture = sage_shape_dim(shape, SAGE_GROUP_PICTURES);
    sage_frozen *frozen = NULL;
    SAGE_TRY(sage_frozen_new(model, SAGE_PRECISION_F32, pool, &frozen, error));
    for (size_t at = 0; at < queries->n_texts; at += BLOCK) {
        size_t here = queries->n_texts - at < BLOCK ? queries->n_texts - at : BLOCK;
        const sage_query_batch block = {.n_texts = here,
                                        .bags = {here, queries->bags.ids, queries->bags.begin + at},
                                        .sentences = from(queries->sentences, at, sentence)};
        SAGE_TRY(sage_frozen_queries(frozen, &block, out + at * dim, error));
    }
    for (size_t at = 0; at < queries->n_pictures; at += BLOCK) {
        size_t here = queries->n_pictures - at < BLOCK ? queries->n_pictures - at : BLOCK;
        const sage_query_batch block = {.n_pictures = here, .pictures = from(queries->pictures, at, picture)};
        SAGE_TRY(sage_frozen_queries(frozen, &block, out + (queries->n_texts + at) * dim, error));
    }
    out += (queries->n_texts + queries->n_pictures) * dim;
    for (size_t at = 0; at < queries->n_looked; at += BLOCK) {
        size_t here = queries->n_looked - at < BLOCK ? queries->n_looked - at : BLOCK;
        const sage_query_batch block = {.n_looked = here,
                                        .looked = from(queries->looked, at, shape->dim_out),
                                        .looked_said = from(queries->looked_said, at, dim - shape->dim_out)};
        SAGE_TRY(sage_frozen_queries(frozen, &block, out + at * dim, error));
    }
    out += queries->n_looked * dim;
    for (size_t at = 0; at < queries->n_users; at += BLOCK) {
        size_t here = queries->n_users - at < BLOCK ? queries->n_users - at : BLOCK;
        sage_query_batch block = *queries;
        block.n_texts = block.n_pictures = block.n_looked = block.n_given = block.bags.n = 0;
        block.n_users = here;
        block.user_begin += at;
        SAGE_TRY(sage_frozen_queries(frozen, &block, out + at * dim, error));
    }
out:
    sage_frozen_free(frozen);
    return st;
}
