#include "product_block.h"
#include "titles.h"
#include <base/alloc.h>
#include <base/error.h>
#include <base/profile.h>
#include <string.h>

/* Where a block is full. One product more adds at most 4 MiB of texts (the feed's limit) and 20 images. */
enum { PRODUCTS = 1024, TEXT_BYTES = 4 << 20, IDS = 4 << 20, VECTOR_BYTES = 32 << 20 };
static const size_t RAW_MAX = (size_t)2 << 30; /* for callers who do not ask whether it is full */

typedef struct item {
    const uint32_t *ids, *begin; /* of a packed product; begin = NULL: a row, whose n-grams are still to be cut */
    sage_group_vectors group[SAGE_GROUPS_MAX]; /* where they are: only a packed product's */
    size_t vectors_at[SAGE_GROUPS_MAX];        /* a row's, in the block's vectors of the group */
    size_t raw_begin[SAGE_FIELDS + 1];
    size_t worker, ids_at;         /* where the ids of a row lie */
    uint32_t cut[SAGE_FIELDS + 1]; /* its fields, from there */
    size_t title;                  /* of a row: its number among the titles */
    uint32_t own;                  /* id of its token, or SAGE_NO_ID */
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

typedef struct kept_vectors {
    float *values;
    size_t n, capacity; /* n: values, not vectors */
} kept_vectors;

struct sage_product_block {
    const sage_vocab *vocab;
    sage_pool *pool;
    const sage_model_shape *shape;
    const int64_t *token_pids;
    sage_buf raw; /* the rows' texts */
    item *items;
    size_t n, n_rows, n_packed_ids, items_capacity;
    kept_vectors kept[SAGE_GROUPS_MAX]; /* of the rows */
    size_t vector_bytes;                /* of rows and packed products, of all groups */
    sage_titles titles;                 /* of the rows */
    float *row_images;
    size_t row_images_capacity;
    worker_state *workers;
    size_t n_workers;
    sage_batch_builder *builder;
};

sage_status sage_product_block_new(const sage_vocab *vocab, const sage_model_shape *shape, sage_sentences *sentences,
                                   const int64_t *token_pids, sage_pool *pool, sage_product_block **block,
                                   sage_error *error) {
    sage_status st = SAGE_OK;
    size_t n_workers = sage_pool_threads(pool);
    sage_product_block *made = sage_alloc_zero(1, sizeof *made);
    *block = NULL;
    if (made == NULL) return sage_fail_memory(error, sizeof *made);
    size_t takes = sage_shape_dim(shape, SAGE_GROUP_SENTENCES);
    sage_titles_init(&made->titles, takes > 0 ? sentences : NULL);
    SAGE_TRY(sage_check_sentences(takes, sentences, error));
    made->vocab = vocab;
    made->pool = pool;
    made->shape = shape;
    made->token_pids = token_pids;
    sage_buf_init(&made->raw, RAW_MAX);
    made->workers = sage_alloc_zero(n_workers, sizeof *made->workers);
    if (made->workers == NULL) SAGE_TRY(sage_fail_memory(error, n_workers * sizeof *made->workers));
    for (; made->n_workers < n_workers; made->n_workers++) sage_product_text_init(&made->workers[made->n_workers].text);
    SAGE_TRY(sage_batch_builder_new(shape, &made->builder, error));
    *block = made;
    made = NULL;
out:
    sage_product_block_free(made);
    return st;
}

void sage_product_block_free(sage_product_block *block) {
    if (block == NULL) return;
    for (size_t w = 0; w < block->n_workers; w++) {
        sage_product_text_free(&block->workers[w].text);
        sage_product_ids_free(&block->workers[w].ids);
        sage_free(block->workers[w].found);
    }
    sage_buf_free(&block->raw);
    sage_titles_free(&block->titles);
    sage_free(block->workers);
    sage_free(block->items);
    for (size_t g = 0; g < SAGE_GROUPS_MAX; g++) sage_free(block->kept[g].values);
    sage_free(block->row_images);
    sage_batch_builder_free(block->builder);
    sage_free(block);
}

void sage_product_block_clear(sage_product_block *block) {
    block->n = block->n_rows = block->n_packed_ids = block->vector_bytes = 0;
    for (size_t g = 0; g < SAGE_GROUPS_MAX; g++) block->kept[g].n = 0;
    sage_buf_clear(&block->raw);
    sage_titles_clear(&block->titles);
}

bool sage_product_block_full(const sage_product_block *block) {
    return block->n >= PRODUCTS || block->raw.len >= TEXT_BYTES || block->n_packed_ids >= IDS ||
           block->vector_bytes >= VECTOR_BYTES;
}

/* ---- adding ---- */

static sage_status new_item(sage_product_block *block, int64_t pid, item **added, sage_error *error) {
    if (sage_grow((void **)&block->items, &block->items_capacity, block->n + 1, sizeof *block->items) != 0)
        return sage_fail_memory(error, (block->n + 1) * sizeof *block->items);
    *added = &block->items[block->n];
    memset(*added, 0, sizeof **added);
    (*added)->own = sage_token_id(block->shape, block->token_pids, pid);
    return SAGE_OK;
}

static sage_status keep(sage_product_block *block, size_t group, sage_group_vectors from, item *added,
                        sage_error *error) {
    kept_vectors *kept = &block->kept[group];
    size_t dim = block->shape->groups[group].dim, n = from.n * dim;
    if (n == 0) return SAGE_OK;
    if (sage_grow((void **)&kept->values, &kept->capacity, kept->n + n, sizeof *kept->values) != 0)
        return sage_fail_memory(error, (kept->n + n) * sizeof *kept->values);
    for (size_t i = 0; i < from.n; i++)
        memcpy(kept->values + kept->n + i * dim, from.vectors + i * from.stride, dim * sizeof *kept->values);
    added->group[group].n = from.n;
    added->vectors_at[group] = kept->n;
    kept->n += n;
    block->vector_bytes += n * sizeof *kept->values;
    return SAGE_OK;
}

bool sage_takes_pictures(const sage_model_shape *shape, const sage_picture_parts *parts) {
    for (size_t i = 0; i < parts->n; i++)
        if (i >= shape->n_groups || shape->groups[i].kind != SAGE_GROUP_PICTURES ||
            shape->groups[i].dim != parts->dim[i])
            return false;
    return sage_shape_dim(shape, SAGE_GROUP_PICTURES) == sage_picture_parts_dim(parts);
}

/* A catalogue has pictures' vectors of one encoder, or of several, side by side. */
static sage_status add_images(sage_product_block *block, const sage_product_row *row, sage_image_store *images,
                              item *added, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_group_vectors groups[SAGE_GROUPS_MAX];
    sage_picture_parts parts;
    size_t n = 0, dim = 0, n_groups, takes = sage_shape_dim(block->shape, SAGE_GROUP_PICTURES);
    if (takes == 0 || images == NULL) goto out;
    SAGE_TRY(sage_image_store_read(images, row, &block->row_images, &block->row_images_capacity, &n, &dim, error));
    if (n == 0) goto out;
    sage_image_store_parts(images, &parts);
    if (!sage_takes_pictures(block->shape, &parts)) {
        int len = (int)(row->id.len < 100 ? row->id.len : 100);
        st = dim == takes ? sage_fail(error, SAGE_E_FORMAT,
                                      "image vectors of product %.*s are of other encoders than those that the model "
                                      "takes; train a new model",
                                      len, row->id.data)
                          : sage_fail(error, SAGE_E_FORMAT,
                                      "image vectors of product %.*s have %zu dimensions, the model takes %zu; train a "
                                      "new model",
                                      len, row->id.data, dim, takes);
        goto out;
    }
    n_groups = sage_split_pictures(block->shape, n, block->row_images, groups);
    for (size_t g = 0; g < n_groups; g++) SAGE_TRY(keep(block, g, groups[g], added, error));
out:
    return st;
}

sage_status sage_product_block_add(sage_product_block *block, const sage_product_row *row, sage_image_store *images,
                                   sage_error *error) {
    sage_status st = SAGE_OK;
    item *added;
    SAGE_TRY(new_item(block, row->pid, &added, error));
    for (size_t f = 0; f < SAGE_FIELDS; f++) {
        added->raw_begin[f] = block->raw.len;
        if (row->fields[f].len > 0) SAGE_TRY(sage_buf_add(&block->raw, row->fields[f].data, row->fields[f].len, error));
    }
    added->raw_begin[SAGE_FIELDS] = block->raw.len;
    SAGE_TRY(add_images(block, row, images, added, error));
    added->title = block->titles.n;
    SAGE_TRY(sage_titles_add(&block->titles, row->fields[SAGE_TITLE], error));
    block->n++;
    block->n_rows++;
out:
    return st;
}

sage_status sage_product_block_add_packed(sage_product_block *block, int64_t pid, const sage_packed_product *product,
                                          sage_error *error) {
    item *added;
    sage_status st = new_item(block, pid, &added, error);
    if (st != SAGE_OK) return st;
    added->ids = product->ids;
    added->begin = product->begin;
    if (sage_shape_dim(block->shape, SAGE_GROUP_PICTURES) > 0) {
        sage_split_pictures(block->shape, product->n_images, product->images, added->group);
        block->vector_bytes += product->n_images * sage_shape_dim(block->shape, SAGE_GROUP_PICTURES) * sizeof(float);
    }
    size_t spoken = block->shape->n_groups - 1; /* there is one encoder of texts, and its group is the last */
    if (sage_shape_dim(block->shape, SAGE_GROUP_SENTENCES) > 0)
        added->group[spoken] = (sage_group_vectors){product->n_sentences, product->sentences};
    block->n_packed_ids += product->begin[SAGE_FIELDS];
    block->n++;
    return SAGE_OK;
}

/* ---- n-grams of rows, by all workers ---- */

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
    for (size_t f = 0; f <= SAGE_FIELDS; f++) it->cut[f] = (uint32_t)state->ids.begin[f];
    state->n_found += n;
out:
    return st;
}

static void cut_piece(void *ctx, size_t begin, size_t end, size_t worker) {
    static sage_stage cutting = SAGE_STAGE("cut n-grams");
    uint64_t began = sage_stage_begin(), bytes = 0;
    sage_product_block *block = ctx;
    worker_state *state = &block->workers[worker];
    sage_product_row row;
    for (size_t i = begin; i < end && state->status == SAGE_OK; i++) {
        item *it = &block->items[i];
        if (it->begin != NULL) continue;
        state->status = cut_item(block, it, state, worker, &row);
        bytes += it->raw_begin[SAGE_FIELDS] - it->raw_begin[0];
    }
    sage_stage_end(&cutting, began, bytes, 0);
}

static sage_status cut_all(sage_product_block *block, sage_error *error) {
    if (block->n_rows == 0) return SAGE_OK;
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

/* ---- the batch ---- */

static sage_status lay_out_rest(sage_product_block *block, const item *it, sage_error *error) {
    if (it->begin != NULL) return sage_batch_builder_add(block->builder, it->ids, it->begin, it->group, error);
    const uint32_t *found = block->workers[it->worker].found;
    sage_group_vectors groups[SAGE_GROUPS_MAX] = {{0}};
    for (size_t g = 0; g < block->shape->n_groups; g++)
        if (it->group[g].n > 0)
            groups[g] = (sage_group_vectors){it->group[g].n, block->kept[g].values + it->vectors_at[g]};
    const float *sentence = block->titles.sentences != NULL ? sage_titles_at(&block->titles, it->title) : NULL;
    if (sentence != NULL) groups[block->shape->n_groups - 1] = (sage_group_vectors){1, sentence};
    return sage_batch_builder_add(block->builder, found != NULL ? found + it->ids_at : NULL, it->cut, groups, error);
}

static sage_status lay_out(sage_product_block *block, const item *it, sage_error *error) {
    sage_status st = lay_out_rest(block, it, error);
    return st != SAGE_OK || it->own == SAGE_NO_ID ? st : sage_batch_builder_add_token(block->builder, it->own, error);
}

sage_status sage_product_block_read(sage_product_block *block, sage_product_batch *batch, sage_error *error) {
    static sage_stage laying = SAGE_STAGE("lay out blocks");
    sage_status st = SAGE_OK;
    SAGE_TRY(cut_all(block, error));
    SAGE_TRY(sage_titles_read(&block->titles, error));
    uint64_t began = sage_stage_begin();
    sage_batch_builder_clear(block->builder);
    for (size_t i = 0; i < block->n; i++) SAGE_TRY(lay_out(block, &block->items[i], error));
    sage_batch_builder_batch(block->builder, batch);
    sage_stage_end(&laying, began, 0, 0);
out:
    return st;
}
