/* Sentences of a batch's products and queries, some left out at random, so that the model can do without. */
#include <base/alloc.h>
#include <base/error.h>
#include <dataset/sampler_impl.h>
#include <math.h>
#include <string.h>

sage_status sage_spoken_allocate(sage_sampler *sampler, sage_error *error) {
    sage_sentence_rows *r = &sampler->sentences;
    size_t dim = sampler->dataset->sentence_dim, rows = sampler->n_texts,
           columns = sampler->settings.batch + sampler->n_random;
    if (dim == 0) return SAGE_OK;
    r->begin = sage_alloc((columns + 1) * sizeof *r->begin);
    r->products = sage_alloc(columns * dim * sizeof *r->products);
    r->queries = sage_alloc(rows * dim * sizeof *r->queries);
    if (r->begin == NULL || r->products == NULL || r->queries == NULL)
        return sage_fail_memory(error, (rows + columns) * dim * sizeof *r->queries);
    return SAGE_OK;
}

void sage_spoken_free(sage_sentence_rows *rows) {
    sage_free(rows->begin);
    sage_free(rows->products);
    sage_free(rows->queries);
}

size_t sage_spoken_bytes(const sage_sampler *sampler) {
    size_t columns = sampler->settings.batch + sampler->n_random, dim = sampler->dataset->sentence_dim;
    return dim == 0 ? 0 : (columns + 1) * sizeof(uint32_t) + (columns + sampler->n_texts) * dim * sizeof(float);
}

void sage_spoken_keep(sage_sampler *sampler, const sage_packed_product *product, size_t column, bool needed,
                      sage_rng *rng) {
    if (sampler->dataset->sentence_dim == 0) return;
    bool dropped = sage_rng_unit(rng) < sampler->settings.sentence_dropout && !needed;
    sampler->sentences.begin[column + 1] = product->n_sentences > 0 && !dropped;
}

/* Copies a sentence without some of its numbers, and of length 1 again. */
static void copy_noisy(const sage_sampler *s, const float *sentence, sage_rng *rng, float *out) {
    size_t dim = s->dataset->sentence_dim;
    double square = 0;
    memcpy(out, sentence, dim * sizeof *out);
    if (s->settings.sentence_noise <= 0) return;
    for (size_t i = 0; i < dim; i++) {
        if (sage_rng_unit(rng) < s->settings.sentence_noise) out[i] = 0;
        square += (double)out[i] * out[i];
    }
    double scale = square > 0 ? 1 / sqrt(square) : 0;
    for (size_t i = 0; i < dim; i++) out[i] = (float)(out[i] * scale);
}

static void copy_products(void *ctx, size_t begin, size_t end, size_t worker) {
    sage_sampler *s = ctx;
    const sage_dataset *d = s->dataset;
    const sage_sentence_rows *r = &s->sentences;
    (void)worker;
    for (size_t column = begin; column < end; column++) {
        if (r->begin[column + 1] == r->begin[column]) continue;
        sage_rng rng;
        sage_row_rng(s, &rng, SAGE_STREAM_SENTENCE, column);
        copy_noisy(s, d->sentences + d->sentence_begin[s->product[column]] * d->sentence_dim, &rng,
                   r->products + r->begin[column] * d->sentence_dim);
    }
}

void sage_spoken_join(sage_sampler *sampler) {
    sage_sentence_rows *r = &sampler->sentences;
    size_t columns = sampler->settings.batch + sampler->n_random;
    if (sampler->dataset->sentence_dim == 0) return;
    r->begin[0] = 0;
    for (size_t column = 0; column < columns; column++) r->begin[column + 1] += r->begin[column];
    sage_pool_for(sampler->pool, columns, 1, copy_products, sampler);
}

bool sage_spoken_ask(sage_sampler *sampler, size_t row, sage_rng *rng) {
    size_t dim = sampler->dataset->sentence_dim;
    const float *sentence = NULL;
    sage_packed_query query;
    sage_made_query made;
    if (dim == 0) return false;
    if (sampler->made_query[row] != UINT32_MAX) {
        sage_dataset_made(sampler->dataset, sampler->made_query[row], &made);
        sentence = made.sentence;
    } else if (sampler->query[row] != UINT32_MAX) {
        sage_dataset_query(sampler->dataset, sampler->query[row], &query);
        sentence = query.sentence;
    }
    if (sage_rng_unit(rng) < sampler->settings.sentence_dropout) sentence = NULL;
    if (sentence != NULL)
        copy_noisy(sampler, sentence, rng, sampler->sentences.queries + row * dim);
    else
        memset(sampler->sentences.queries + row * dim, 0, dim * sizeof *sentence);
    return sentence != NULL;
}
