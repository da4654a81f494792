/* Whole passes: vectors of products and queries, and a training step. */
#include "pass.h"
#include <string.h>

/* Inference takes this many products or queries at a time, so that its memory does not grow with the batch. */
enum { CHUNK = 1024 };

static sage_status measure(const sage_model *model, const sage_product_batch *products, const sage_bags *queries,
                           batch_sizes *s, sage_error *error) {
    *s = (batch_sizes){0};
    if (products != NULL) {
        s->products = products->n;
        s->text_bags = products->text.n;
        s->ids = products->text.begin[products->text.n] - products->text.begin[0];
        if (products->image_begin != NULL) s->images = products->image_begin[products->n] - products->image_begin[0];
        if (products->token_begin[products->n] - products->token_begin[0] != products->text.n)
            return sage_fail(error, SAGE_E_ARGUMENT,
                             "model: the batch's products have %u text tokens, but there are %zu bags",
                             products->token_begin[products->n] - products->token_begin[0], products->text.n);
        for (size_t t = 0; t < products->text.n; t++)
            if (products->token_field[products->token_begin[0] + t] >= SAGE_FIELDS)
                return sage_fail(error, SAGE_E_ARGUMENT, "model: text token %zu of the batch names no field", t);
        if (s->images > 0 && model->shape.dim_image == 0)
            return sage_fail(error, SAGE_E_ARGUMENT,
                             "model: the batch has image vectors, but this model was made without");
    }
    if (queries != NULL) {
        s->queries = queries->n;
        s->ids += queries->begin[queries->n] - queries->begin[0];
    }
    if (s->ids > (UINT32_MAX - SAGE_PREFETCH) / model->shape.hashes)
        return sage_fail(error, SAGE_E_LIMIT, "model: a batch of %zu n-grams is too large", s->ids);
    return SAGE_OK;
}

/* Products [begin, end) of a batch as a batch. */
static sage_product_batch part_of(const sage_product_batch *batch, size_t begin, size_t end) {
    size_t first = batch->token_begin[begin] - batch->token_begin[0];
    sage_product_batch part = *batch;
    part.n = end - begin;
    part.token_begin = batch->token_begin + begin;
    part.text.begin = batch->text.begin + first;
    part.text.n = batch->token_begin[end] - batch->token_begin[begin];
    if (batch->image_begin != NULL) part.image_begin = batch->image_begin + begin;
    return part;
}

static sage_status products_of_part(const sage_model *model, sage_work *work, const sage_product_batch *part, real *out,
                                    sage_error *error) {
    sage_status st = SAGE_OK;
    batch_sizes s;
    SAGE_TRY(measure(model, part, NULL, &s, error));
    SAGE_TRY(work_fit(work, &model->shape, &s, error));
    SAGE_TRY(bags_forward(model, work, &part->text, NULL, error));
    fold_forward(model, work);
    encoder_forward(model, work, part);
    memcpy(out, work->encoder.p, part->n * model->shape.dim_out * sizeof(real));
out:
    return st;
}

sage_status sage_model_products(const sage_model *model, sage_work *work, const sage_product_batch *batch, real *out,
                                sage_error *error) {
    sage_status st = SAGE_OK;
    batch_sizes s;
    SAGE_TRY(measure(model, batch, NULL, &s, error));
    for (size_t at = 0; at < batch->n; at += CHUNK) {
        size_t end = batch->n - at < CHUNK ? batch->n : at + CHUNK;
        sage_product_batch part = part_of(batch, at, end);
        SAGE_TRY(products_of_part(model, work, &part, out + at * model->shape.dim_out, error));
    }
out:
    return st;
}

sage_status sage_model_queries(const sage_model *model, sage_work *work, const sage_bags *bags, real *out,
                               sage_error *error) {
    sage_status st = SAGE_OK;
    for (size_t at = 0; at < bags->n; at += CHUNK) {
        sage_bags part = {bags->n - at < CHUNK ? bags->n - at : CHUNK, bags->ids, bags->begin + at};
        batch_sizes s;
        SAGE_TRY(measure(model, NULL, &part, &s, error));
        SAGE_TRY(work_fit(work, &model->shape, &s, error));
        SAGE_TRY(bags_forward(model, work, NULL, &part, error));
        tower_forward(model, work);
        memcpy(out + at * model->shape.dim_out, work->tower.q, part.n * model->shape.dim_out * sizeof(real));
    }
out:
    return st;
}

sage_status sage_model_step(const sage_model *model, sage_work *work, const sage_product_batch *products,
                            const sage_bags *queries, const sage_loss_spec *spec, sage_grads *grads, sage_loss *loss,
                            sage_error *error) {
    sage_status st = SAGE_OK;
    batch_sizes s;
    SAGE_TRY(measure(model, products, queries, &s, error));
    if (spec->n_pairs == 0 || queries->n != spec->n_pairs || products->n != spec->n_pairs + spec->n_random) {
        st = sage_fail(error, SAGE_E_ARGUMENT,
                       "model: %zu queries and %zu products do not make %zu pairs and %zu random negatives", queries->n,
                       products->n, spec->n_pairs, spec->n_random);
        goto out;
    }
    s.training = true;
    s.columns = products->n;
    SAGE_TRY(work_fit(work, &model->shape, &s, error));
    memset(grads->dense, 0, model->dense_size * sizeof(real));
    SAGE_TRY(bags_forward(model, work, &products->text, queries, error));
    fold_forward(model, work);
    encoder_forward(model, work, products);
    tower_forward(model, work);
    loss_and_gradient(model, work, spec, par_in(model, grads->dense, P_TEMPERATURE), loss);
    tower_backward(model, work, grads->dense);
    encoder_backward(model, work, products, grads->dense);
    SAGE_TRY(bags_backward(model, work, &products->text, queries, grads, error));
out:
    return st;
}
