/* Texts alone or pictures alone, as an ablation. A product's own token is neither and stays. */
#include "inputs.h"
#include <base/alloc.h>

static bool group_is_read(const sage_model_shape *s, size_t group) {
    sage_group_kind without = s->inputs == SAGE_INPUTS_TEXT ? SAGE_GROUP_PICTURES : SAGE_GROUP_SENTENCES;
    return s->inputs == SAGE_INPUTS_ALL || s->groups[group].kind != without;
}

static bool token_is_read(const sage_model_shape *s, uint8_t field) {
    return s->inputs != SAGE_INPUTS_PICTURES || field == SAGE_FIELD_TOKEN;
}

bool sage_product_speaks(const sage_model_shape *shape, const sage_product_batch *batch, size_t product) {
    for (size_t g = 0; g < shape->n_groups; g++) {
        const uint32_t *begin = batch->group[g].begin;
        if (begin != NULL && begin[product + 1] > begin[product] && group_is_read(shape, g)) return true;
    }
    for (size_t t = batch->token_begin[product]; t < batch->token_begin[product + 1]; t++)
        if (token_is_read(shape, batch->token_field[t])) return true;
    return false;
}

static sage_status fit(inputs_kept *k, size_t products, size_t bags, size_t ids, sage_error *error) {
    if (sage_grow((void **)&k->token_begin, &k->products_capacity, products + 1, sizeof *k->token_begin) != 0 ||
        sage_grow((void **)&k->bag_begin, &k->bags_capacity, bags + 1, sizeof *k->bag_begin) != 0 ||
        sage_grow((void **)&k->field, &k->field_capacity, bags + 1, sizeof *k->field) != 0 ||
        sage_grow((void **)&k->ids, &k->ids_capacity, ids + 1, sizeof *k->ids) != 0 ||
        sage_grow((void **)&k->times, &k->times_capacity, ids + 1, sizeof *k->times) != 0)
        return sage_fail_memory(error, (products + 2 * bags + 2 * ids) * sizeof(uint32_t));
    return SAGE_OK;
}

/* The batch's bag of a token. */
static size_t bag_of(const sage_product_batch *batch, size_t token) {
    return batch->token_bag != NULL ? batch->token_bag[token] : token - batch->token_begin[0];
}

static void measure(const sage_model_shape *s, const sage_product_batch *batch, size_t *bags, size_t *ids) {
    *bags = *ids = 0;
    for (size_t t = batch->token_begin[0]; t < batch->token_begin[batch->n]; t++) {
        size_t bag = bag_of(batch, t);
        if (!token_is_read(s, batch->token_field[t])) continue;
        *ids += batch->text.begin[bag + 1] - batch->text.begin[bag];
        (*bags)++;
    }
}

static void keep_token(const sage_product_batch *batch, size_t token, inputs_kept *k, size_t *bags) {
    const sage_bags *text = &batch->text;
    size_t bag = bag_of(batch, token), at = k->bag_begin[*bags];
    k->field[*bags] = batch->token_field[token];
    for (size_t i = text->begin[bag]; i < text->begin[bag + 1]; i++, at++) {
        k->ids[at] = text->ids[i];
        if (text->times != NULL) k->times[at] = text->times[i];
    }
    k->bag_begin[++*bags] = (uint32_t)at;
}

static sage_status keep_own_tokens(const sage_model_shape *s, inputs_kept *k, sage_product_batch *batch,
                                   sage_error *error) {
    size_t bags, ids;
    measure(s, batch, &bags, &ids);
    sage_status st = fit(k, batch->n, bags, ids, error);
    if (st != SAGE_OK) return st;
    bags = k->bag_begin[0] = k->token_begin[0] = 0;
    for (size_t i = 0; i < batch->n; i++) {
        for (size_t t = batch->token_begin[i]; t < batch->token_begin[i + 1]; t++)
            if (token_is_read(s, batch->token_field[t])) keep_token(batch, t, k, &bags);
        k->token_begin[i + 1] = (uint32_t)bags;
    }
    batch->text = (sage_bags){bags, k->ids, k->bag_begin, batch->text.times != NULL ? k->times : NULL};
    batch->token_begin = k->token_begin;
    batch->token_field = k->field;
    batch->token_bag = NULL;
    return SAGE_OK;
}

sage_status inputs_read(const sage_model_shape *s, inputs_kept *kept, sage_product_batch *batch, sage_error *error) {
    for (size_t g = 0; g < s->n_groups; g++)
        if (!group_is_read(s, g)) batch->group[g].begin = NULL;
    return s->inputs == SAGE_INPUTS_PICTURES ? keep_own_tokens(s, kept, batch, error) : SAGE_OK;
}

void inputs_free(inputs_kept *k) {
    sage_free(k->token_begin);
    sage_free(k->bag_begin);
    sage_free(k->ids);
    sage_free(k->times);
    sage_free(k->field);
}

size_t inputs_bytes(const inputs_kept *k) {
    return (k->products_capacity + k->bags_capacity + k->ids_capacity + k->times_capacity) * sizeof(uint32_t) +
           k->field_capacity;
}
