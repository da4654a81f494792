#include "product_block.h"
#include <base/alloc.h>
#include <base/error.h>
#include <string.h>

/* Raw texts of one block: 512 rows at the feed's limit of 4 MiB a row. */
static const size_t RAW_MAX = (size_t)2 << 30;

typedef struct item {
    size_t raw_begin[SAGE_FIELDS + 1]; /* into the block's raw bytes */
    size_t worker, ids_at;             /* where its ids lie */
    uint32_t begin[SAGE_FIELDS + 1];   /* field f is ids[begin[f] .. begin[f+1]) from there */
    size_t image_begin;
} item;

/* One worker's scratch and what it has found so far. */
typedef struct worker_state {
    sage_product_text text;
    sage_product_ids ids;
    uint32_t *found;
    size_t n_found, capacity;
    sage_status status;
    sage_error error;
} worker_state;

struct sage_product_block {
    const sage_vocab *vocab;
    sage_pool *pool;
    size_t image_dim;
    sage_buf raw;
    item *items;
    size_t n, items_capacity;
    float *images, *row_images;
    size_t n_images, images_capacity, row_images_capacity;
    worker_state *workers;
    size_t n_workers;
    /* the batch */
    uint32_t *ids, *bag_begin, *token_begin, *image_begin;
    uint8_t *token_field;
    size_t ids_capacity, bag_capacity, field_capacity, token_capacity, image_begin_capacity;
};

sage_status sage_product_block_new(const sage_vocab *vocab, size_t image_dim, sage_pool *pool,
                                   sage_product_block **block, sage_error *error) {
    size_t n_workers = sage_pool_threads(pool);
    sage_product_block *made = sage_alloc_zero(1, sizeof *made);
    if (made == NULL) return sage_fail_memory(error, sizeof *made);
    made->workers = sage_alloc_zero(n_workers, sizeof *made->workers);
    if (made->workers == NULL) {
        sage_free(made);
        return sage_fail_memory(error, n_workers * sizeof *made->workers);
    }
    made->vocab = vocab;
    made->pool = pool;
    made->image_dim = image_dim;
    made->n_workers = n_workers;
    sage_buf_init(&made->raw, RAW_MAX);
    for (size_t w = 0; w < n_workers; w++) sage_product_text_init(&made->workers[w].text);
    *block = made;
    return SAGE_OK;
}

void sage_product_block_free(sage_product_block *block) {
    if (block == NULL) return;
    for (size_t w = 0; w < block->n_workers; w++) {
        sage_product_text_free(&block->workers[w].text);
        sage_product_ids_free(&block->workers[w].ids);
        sage_free(block->workers[w].found);
    }
    sage_buf_free(&block->raw);
    sage_free(block->workers);
    sage_free(block->items);
    sage_free(block->images);
    sage_free(block->row_images);
    sage_free(block->ids);
    sage_free(block->bag_begin);
    sage_free(block->token_begin);
    sage_free(block->image_begin);
    sage_free(block->token_field);
    sage_free(block);
}

void sage_product_block_clear(sage_product_block *block) {
    block->n = block->n_images = 0;
    sage_buf_clear(&block->raw);
    for (size_t w = 0; w < block->n_workers; w++) block->workers[w].n_found = 0;
}

/* ---- adding ---- */

static sage_status add_images(sage_product_block *block, const sage_product_row *row, sage_image_store *images,
                              sage_error *error) {
    sage_status st = SAGE_OK;
    size_t n = 0, dim = 0, need;
    if (block->image_dim == 0 || images == NULL) goto out;
    SAGE_TRY(sage_image_store_read(images, row, &block->row_images, &block->row_images_capacity, &n, &dim, error));
    if (n == 0) goto out;
    if (dim != block->image_dim) {
        st = sage_fail(error, SAGE_E_FORMAT,
                       "image vectors of product %.*s have %zu dimensions, the model takes %zu; train a new model",
                       (int)(row->id.len < 100 ? row->id.len : 100), row->id.data, dim, block->image_dim);
        goto out;
    }
    need = (block->n_images + n) * dim;
    if (sage_grow((void **)&block->images, &block->images_capacity, need, sizeof *block->images) != 0)
        SAGE_TRY(sage_fail_memory(error, need * sizeof *block->images));
    memcpy(block->images + block->n_images * dim, block->row_images, n * dim * sizeof *block->images);
    block->n_images += n;
out:
    return st;
}

sage_status sage_product_block_add(sage_product_block *block, const sage_product_row *row, sage_image_store *images,
                                   sage_error *error) {
    sage_status st = SAGE_OK;
    if (sage_grow((void **)&block->items, &block->items_capacity, block->n + 1, sizeof *block->items) != 0)
        return sage_fail_memory(error, (block->n + 1) * sizeof *block->items);
    item *added = &block->items[block->n];
    added->image_begin = block->n_images;
    for (size_t f = 0; f < SAGE_FIELDS; f++) {
        added->raw_begin[f] = block->raw.len;
        if (row->fields[f].len > 0) SAGE_TRY(sage_buf_add(&block->raw, row->fields[f].data, row->fields[f].len, error));
    }
    added->raw_begin[SAGE_FIELDS] = block->raw.len;
    SAGE_TRY(add_images(block, row, images, error));
    block->n++;
out:
    return st;
}

/* ---- n-grams, by all workers ---- */

static void raw_row(const sage_product_block *block, const item *it, sage_product_row *row) {
    memset(row, 0, sizeof *row);
    for (size_t f = 0; f < SAGE_FIELDS; f++) {
        size_t begin = it->raw_begin[f], end = it->raw_begin[f + 1];
        row->fields[f] = end > begin ? (sage_str){block->raw.data + begin, end - begin} : SAGE_STR("");
    }
}

static sage_status cut_item(const sage_product_block *block, item *it, worker_state *state, size_t worker,
                            sage_product_row *row) {
    sage_status st = SAGE_OK;
    raw_row(block, it, row);
    SAGE_TRY(sage_product_text_read(row, &state->text, &state->error));
    SAGE_TRY(sage_product_ids_read(block->vocab, &state->text, &state->ids, &state->error));
    size_t n = state->ids.begin[SAGE_FIELDS];
    if (sage_grow((void **)&state->found, &state->capacity, state->n_found + n, sizeof *state->found) != 0)
        SAGE_TRY(sage_fail_memory(&state->error, (state->n_found + n) * sizeof *state->found));
    if (n > 0) memcpy(state->found + state->n_found, state->ids.ids, n * sizeof *state->found);
    it->worker = worker;
    it->ids_at = state->n_found;
    for (size_t f = 0; f <= SAGE_FIELDS; f++) it->begin[f] = (uint32_t)state->ids.begin[f];
    state->n_found += n;
out:
    return st;
}

static void cut_piece(void *ctx, size_t begin, size_t end, size_t worker) {
    sage_product_block *block = ctx;
    worker_state *state = &block->workers[worker];
    sage_product_row row;
    for (size_t i = begin; i < end && state->status == SAGE_OK; i++)
        state->status = cut_item(block, &block->items[i], state, worker, &row);
}

static sage_status cut_all(sage_product_block *block, sage_error *error) {
    for (size_t w = 0; w < block->n_workers; w++) {
        block->workers[w].status = SAGE_OK;
        block->workers[w].n_found = 0;
    }
    sage_pool_for_dynamic(block->pool, block->n, 8, cut_piece, block);
    for (size_t w = 0; w < block->n_workers; w++) {
        if (block->workers[w].status == SAGE_OK) continue;
        if (error) *error = block->workers[w].error;
        return block->workers[w].status;
    }
    return SAGE_OK;
}

/* ---- the batch: fields that have an n-gram become tokens ---- */

static sage_status reserve_batch(sage_product_block *block, sage_error *error) {
    size_t ids = 0, tokens = block->n * SAGE_FIELDS;
    for (size_t w = 0; w < block->n_workers; w++) ids += block->workers[w].n_found;
    if (sage_grow((void **)&block->ids, &block->ids_capacity, ids, sizeof *block->ids) == 0 &&
        sage_grow((void **)&block->bag_begin, &block->bag_capacity, tokens + 1, sizeof *block->bag_begin) == 0 &&
        sage_grow((void **)&block->token_field, &block->field_capacity, tokens + 1, 1) == 0 &&
        sage_grow((void **)&block->token_begin, &block->token_capacity, block->n + 1, sizeof *block->token_begin) ==
            0 &&
        sage_grow((void **)&block->image_begin, &block->image_begin_capacity, block->n + 1,
                  sizeof *block->image_begin) == 0)
        return SAGE_OK;
    return sage_fail_memory(error, ids * sizeof *block->ids);
}

static void lay_out(sage_product_block *block, size_t *n_tokens) {
    size_t tokens = 0, ids = 0;
    for (size_t i = 0; i < block->n; i++) {
        const item *it = &block->items[i];
        const uint32_t *from = block->workers[it->worker].found + it->ids_at;
        block->token_begin[i] = (uint32_t)tokens;
        block->image_begin[i] = (uint32_t)it->image_begin;
        for (size_t f = 0; f < SAGE_FIELDS; f++) {
            size_t n = it->begin[f + 1] - it->begin[f];
            if (n == 0) continue;
            memcpy(block->ids + ids, from + it->begin[f], n * sizeof *from);
            block->token_field[tokens] = (uint8_t)f;
            block->bag_begin[tokens++] = (uint32_t)ids;
            ids += n;
        }
    }
    block->token_begin[block->n] = (uint32_t)tokens;
    block->image_begin[block->n] = (uint32_t)block->n_images;
    block->bag_begin[tokens] = (uint32_t)ids;
    *n_tokens = tokens;
}

sage_status sage_product_block_read(sage_product_block *block, sage_product_batch *batch, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t n_tokens;
    SAGE_TRY(cut_all(block, error));
    SAGE_TRY(reserve_batch(block, error));
    lay_out(block, &n_tokens);
    *batch = (sage_product_batch){.n = block->n, .token_begin = block->token_begin, .token_field = block->token_field};
    batch->text = (sage_bags){n_tokens, block->ids, block->bag_begin};
    if (block->image_dim > 0) {
        batch->image_begin = block->image_begin;
        batch->images = block->images;
    }
out:
    return st;
}
