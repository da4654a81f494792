/* A published model, opened for inference. Products wait in raw form until the flush, so that their text is cut into
 * n-grams by all workers at once; what comes out does not depend on who did which. */
#include "encoder.h"
#include "product_block.h"
#include "titles.h"
#include <base/alloc.h>
#include <base/error.h>
#include <base/profile.h>
#include <io/fs.h>
#include <string.h>
#include <text/normalise.h>

#define MODEL_FILE "model.safetensors"
enum { TEXTS_BLOCK = 512 };
static const size_t TEXTS_BYTES_MAX = (size_t)2 << 30;

struct sage_encoder {
    sage_vocab *vocab;
    bool shares; /* the vocabulary is another's */
    sage_pool *pool;
    sage_frozen *frozen;
    sage_sentences *sentences; /* the caller's; NULL: none */
    sage_product_block *block; /* made on first use: queries need none */
};

/* Training writes a sum over all tensors into the metadata; a model from elsewhere may lack it. */
sage_status sage_encoder_verify(const char *model_dir, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_safetensors *file = NULL;
    char path[SAGE_PATH_MAX], text[SAGE_TENSORS_SUM_BYTES];
    SAGE_TRY(sage_path_join(path, model_dir, MODEL_FILE, error));
    SAGE_TRY(sage_safetensors_open(path, &file, error));
    const char *stored = sage_safetensors_meta(file, "xxh3");
    if (stored == NULL) goto out;
    sage_safetensors_sum(file, text);
    if (strcmp(stored, text) != 0)
        st = sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0,
                          "the model is damaged (wrong checksum); train again or restore the file from a copy");
out:
    sage_safetensors_close(file);
    return st;
}

static sage_status check_vocab(const sage_encoder *encoder, const char *path, sage_error *error) {
    size_t in_model = sage_frozen_shape(encoder->frozen)->vocab, in_file = sage_vocab_size(encoder->vocab);
    if (in_model == in_file) return SAGE_OK;
    return sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0,
                        "the vocabulary has %zu n-grams, its model %zu: they do not belong together", in_file,
                        in_model);
}

static sage_status open_encoder(const char *model_dir, bool verify, bool mapped, sage_precision precision,
                                sage_pool *pool, sage_encoder **encoder, sage_error *error) {
    static sage_stage opening = SAGE_STAGE("open the model");
    uint64_t began = sage_stage_begin();
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    sage_encoder *made = sage_alloc_zero(1, sizeof *made);
    if (made == NULL) return sage_fail_memory(error, sizeof *made);
    made->pool = pool;
    if (verify) SAGE_TRY(sage_encoder_verify(model_dir, error));
    SAGE_TRY(sage_path_join(path, model_dir, MODEL_FILE, error));
    SAGE_TRY(mapped ? sage_frozen_map(path, pool, &made->frozen, error)
                    : sage_frozen_load(path, precision, pool, &made->frozen, error));
    SAGE_TRY(sage_path_join(path, model_dir, "vocabulary", error));
    SAGE_TRY(sage_vocab_open(path, &made->vocab, error));
    SAGE_TRY(check_vocab(made, path, error));
    *encoder = made;
    made = NULL;
    sage_stage_end(&opening, began, 0, 0);
out:
    sage_encoder_close(made);
    return st;
}

sage_status sage_encoder_open_in(const char *model_dir, sage_precision precision, sage_pool *pool,
                                 sage_encoder **encoder, sage_error *error) {
    return open_encoder(model_dir, true, false, precision, pool, encoder, error);
}

sage_status sage_encoder_open(const char *model_dir, sage_pool *pool, sage_encoder **encoder, sage_error *error) {
    return open_encoder(model_dir, true, false, SAGE_PRECISION_F32, pool, encoder, error);
}

sage_status sage_encoder_open_unverified(const char *model_dir, sage_pool *pool, sage_encoder **encoder,
                                         sage_error *error) {
    return open_encoder(model_dir, false, false, SAGE_PRECISION_F32, pool, encoder, error);
}

sage_status sage_encoder_open_mapped(const char *model_dir, sage_pool *pool, sage_encoder **encoder,
                                     sage_error *error) {
    return open_encoder(model_dir, true, true, SAGE_PRECISION_F32, pool, encoder, error);
}

sage_status sage_encoder_share(const sage_encoder *encoder, sage_pool *pool, sage_encoder **another,
                               sage_error *error) {
    sage_status st = SAGE_OK;
    sage_encoder *made = sage_alloc_zero(1, sizeof *made);
    if (made == NULL) return sage_fail_memory(error, sizeof *made);
    made->shares = true;
    made->vocab = encoder->vocab;
    made->pool = pool;
    made->sentences = encoder->sentences;
    SAGE_TRY(sage_frozen_share(encoder->frozen, pool, &made->frozen, error));
    *another = made;
    made = NULL;
out:
    sage_encoder_close(made);
    return st;
}

void sage_encoder_close(sage_encoder *encoder) {
    if (encoder == NULL) return;
    sage_product_block_free(encoder->block);
    sage_frozen_free(encoder->frozen);
    if (!encoder->shares) sage_vocab_close(encoder->vocab);
    sage_free(encoder);
}

size_t sage_encoder_dim(const sage_encoder *encoder) {
    return sage_shape_out(sage_frozen_shape(encoder->frozen));
}

const sage_vocab *sage_encoder_vocab(const sage_encoder *encoder) {
    return encoder->vocab;
}

size_t sage_encoder_image_dim(const sage_encoder *encoder) {
    return sage_shape_dim(sage_frozen_shape(encoder->frozen), SAGE_GROUP_PICTURES);
}

void sage_encoder_image_parts(const sage_encoder *encoder, sage_picture_parts *parts) {
    const sage_model_shape *shape = sage_frozen_shape(encoder->frozen);
    *parts = (sage_picture_parts){.n = 0};
    for (size_t g = 0; g < shape->n_groups && parts->n < SAGE_PICTURE_PARTS_MAX; g++)
        if (shape->groups[g].kind == SAGE_GROUP_PICTURES) parts->dim[parts->n++] = shape->groups[g].dim;
}

const sage_model_shape *sage_encoder_shape(const sage_encoder *encoder) {
    return sage_frozen_shape(encoder->frozen);
}

const int64_t *sage_encoder_tokens(const sage_encoder *encoder) {
    return sage_frozen_tokens(encoder->frozen);
}

void sage_encoder_speak(sage_encoder *encoder, sage_sentences *sentences) {
    encoder->sentences = sentences;
}

/* ---- texts ---- */

typedef struct text_bags {
    sage_buf normal; /* of the texts of the block, one after another */
    sage_str *words;
    uint32_t *ids;
    size_t words_capacity, ids_capacity;
    uint32_t begin[TEXTS_BLOCK + 1];
    size_t end[TEXTS_BLOCK]; /* in normal */
    sage_str texts[TEXTS_BLOCK];
    float *sentences; /* [TEXTS_BLOCK][dim]; NULL where the model takes none */
} text_bags;

static void text_bags_free(text_bags *bags) {
    sage_buf_free(&bags->normal);
    sage_free(bags->words);
    sage_free(bags->ids);
    sage_free(bags->sentences);
    sage_free(bags);
}

static sage_status add_text(text_bags *bags, const sage_vocab *vocab, sage_str text, size_t *n_ids, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t n_words = 0, begin = bags->normal.len;
    sage_str normal = SAGE_STR("");
    if (text.len > 0) SAGE_TRY(sage_normalise(text.data, text.len, &bags->normal, error));
    if (bags->normal.len > begin) normal = (sage_str){bags->normal.data + begin, bags->normal.len - begin};
    SAGE_TRY(sage_field_words(normal, &bags->words, &bags->words_capacity, &n_words, error));
    SAGE_TRY(sage_vocab_ids(vocab, bags->words, n_words, &bags->ids, &bags->ids_capacity, n_ids, error));
out:
    return st;
}

static sage_status begin_sentences(const sage_encoder *encoder, text_bags *bags, sage_error *error) {
    size_t dim = sage_shape_dim(sage_encoder_shape(encoder), SAGE_GROUP_SENTENCES);
    if (dim == 0) return SAGE_OK;
    sage_status st = sage_check_sentences(dim, encoder->sentences, error);
    if (st != SAGE_OK) return st;
    bags->sentences = sage_alloc(TEXTS_BLOCK * dim * sizeof *bags->sentences);
    return bags->sentences != NULL ? SAGE_OK : sage_fail_memory(error, TEXTS_BLOCK * dim * sizeof *bags->sentences);
}

/* The texts as they were normalised for their n-grams. */
static sage_status add_sentences(sage_encoder *encoder, text_bags *bags, size_t n, sage_error *error) {
    if (bags->sentences == NULL) return SAGE_OK;
    sage_buf_views(&bags->normal, n, bags->end, bags->texts);
    return sage_sentences_read(encoder->sentences, n, bags->texts, bags->sentences, error);
}

static sage_status texts_block(sage_encoder *encoder, text_bags *bags, const sage_str *texts, size_t n, float *out,
                               bool *known, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t n_ids = 0;
    bags->begin[0] = 0;
    sage_buf_clear(&bags->normal);
    for (size_t i = 0; i < n; i++) {
        SAGE_TRY(add_text(bags, encoder->vocab, texts[i], &n_ids, error));
        bags->begin[i + 1] = (uint32_t)n_ids;
        bags->end[i] = bags->normal.len;
        bool said = bags->sentences != NULL && bags->end[i] > (i == 0 ? 0 : bags->end[i - 1]);
        if (known) known[i] = said || bags->begin[i + 1] > bags->begin[i];
    }
    SAGE_TRY(add_sentences(encoder, bags, n, error));
    const sage_query_batch view = {.n_texts = n, .bags = {n, bags->ids, bags->begin}, .sentences = bags->sentences};
    SAGE_TRY(sage_frozen_queries(encoder->frozen, &view, out, error));
out:
    return st;
}

sage_status sage_encoder_texts(sage_encoder *encoder, const sage_str *texts, size_t n, float *out, bool *known,
                               sage_error *error) {
    sage_status st = SAGE_OK;
    size_t dim = sage_encoder_dim(encoder);
    text_bags *bags = sage_alloc_zero(1, sizeof *bags);
    if (bags == NULL) return sage_fail_memory(error, sizeof *bags);
    sage_buf_init(&bags->normal, TEXTS_BYTES_MAX);
    SAGE_TRY(begin_sentences(encoder, bags, error));
    for (size_t at = 0; at < n; at += TEXTS_BLOCK) {
        size_t here = at + TEXTS_BLOCK < n ? TEXTS_BLOCK : n - at;
        SAGE_TRY(texts_block(encoder, bags, texts + at, here, out + at * dim, known ? known + at : NULL, error));
    }
out:
    text_bags_free(bags);
    return st;
}

/* ---- pictures ---- */

sage_status sage_encoder_pictures(sage_encoder *encoder, const float *pictures, size_t n, float *out,
                                  sage_error *error) {
    const sage_query_batch queries = {.n_pictures = n, .pictures = pictures};
    return sage_frozen_queries(encoder->frozen, &queries, out, error);
}

sage_status sage_encoder_queries(sage_encoder *encoder, const sage_query_batch *queries, float *out,
                                 sage_error *error) {
    return sage_frozen_queries(encoder->frozen, queries, out, error);
}

/* ---- products ---- */

sage_status sage_encoder_products(sage_encoder *encoder, const sage_product_batch *batch, float *out,
                                  sage_error *error) {
    return sage_frozen_products(encoder->frozen, batch, out, error);
}

sage_status sage_encoder_add_product(sage_encoder *encoder, const sage_product_row *row, sage_image_store *images,
                                     sage_error *error) {
    sage_status st = SAGE_OK;
    if (encoder->block == NULL)
        SAGE_TRY(sage_product_block_new(encoder->vocab, sage_encoder_shape(encoder), encoder->sentences,
                                        sage_encoder_tokens(encoder), encoder->pool, &encoder->block, error));
    st = sage_product_block_add(encoder->block, row, images, error);
out:
    return st;
}

sage_status sage_encoder_flush(sage_encoder *encoder, float *out, size_t *n, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_product_batch batch;
    *n = 0;
    if (encoder->block == NULL) return SAGE_OK;
    SAGE_TRY(sage_product_block_read(encoder->block, &batch, error));
    if (batch.n > 0) SAGE_TRY(sage_encoder_products(encoder, &batch, out, error));
    *n = batch.n;
out:
    sage_product_block_clear(encoder->block);
    return st;
}
