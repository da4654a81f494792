#include "batch.h"
#include <base/alloc.h>
#include <base/error.h>
#include <string.h>
#include <xxhash.h>

enum { SLOTS_MIN = 4096, MERGE_FROM = 64 }; /* shorter bags repeat too little to look for it */

/* A bag in the table of those that there are; `hash` spares most comparisons. */
typedef struct slot {
    uint32_t bag; /* + 1; 0: free */
    uint32_t hash;
} slot;

/* Where an id of the bag at hand has been put; of another bag where `bag` is another. */
typedef struct seen {
    uint32_t id, at, bag;
} seen;

typedef struct group_list {
    size_t dim, n, begin_capacity, capacity;
    uint32_t *begin; /* [products + 1] */
    real *vectors;   /* [n][dim] */
} group_list;

struct sage_batch_builder {
    size_t n_groups;
    group_list group[SAGE_GROUPS_MAX];
    bool merged; /* some id stands for several */
    size_t n, n_tokens, n_bags, n_ids;
    uint32_t *ids, *times, *bag_begin, *token_begin, *token_bag;
    uint8_t *token_field;
    size_t ids_capacity, times_capacity, bags_capacity, products_capacity, token_bag_capacity, fields_capacity;
    seen *seen;
    size_t n_seen; /* a power of two, at least twice the longest bag */
    uint32_t seen_bag;
    slot *slots;
    size_t n_slots; /* a power of two, at least twice the bags */
};

sage_status sage_batch_builder_new(const sage_model_shape *shape, sage_batch_builder **builder, sage_error *error) {
    sage_batch_builder *made = sage_alloc_zero(1, sizeof *made);
    *builder = NULL;
    if (made == NULL) return sage_fail_memory(error, sizeof *made);
    made->n_groups = shape->n_groups;
    for (size_t g = 0; g < shape->n_groups; g++) made->group[g].dim = shape->groups[g].dim;
    made->n_slots = SLOTS_MIN;
    made->slots = sage_alloc_zero(made->n_slots, sizeof *made->slots);
    if (made->slots == NULL) {
        sage_batch_builder_free(made);
        return sage_fail_memory(error, SLOTS_MIN * sizeof *made->slots);
    }
    *builder = made;
    return SAGE_OK;
}

void sage_batch_builder_free(sage_batch_builder *builder) {
    if (builder == NULL) return;
    sage_free(builder->ids);
    sage_free(builder->times);
    sage_free(builder->seen);
    sage_free(builder->bag_begin);
    sage_free(builder->token_begin);
    sage_free(builder->token_bag);
    sage_free(builder->token_field);
    for (size_t g = 0; g < builder->n_groups; g++) {
        sage_free(builder->group[g].begin);
        sage_free(builder->group[g].vectors);
    }
    sage_free(builder->slots);
    sage_free(builder);
}

void sage_batch_builder_clear(sage_batch_builder *builder) {
    sage_batch_builder *b = builder;
    b->n = b->n_tokens = b->n_bags = b->n_ids = 0;
    for (size_t g = 0; g < b->n_groups; g++) b->group[g].n = 0;
    b->merged = false;
    memset(b->slots, 0, b->n_slots * sizeof *b->slots);
}

/* ---- the table of bags ---- */

static void place(sage_batch_builder *b, slot made) {
    size_t at = made.hash & (b->n_slots - 1);
    while (b->slots[at].bag != 0) at = (at + 1) & (b->n_slots - 1);
    b->slots[at] = made;
}

static sage_status grow_table(sage_batch_builder *b, sage_error *error) {
    slot *old = b->slots;
    size_t n_old = b->n_slots;
    slot *grown = sage_alloc_zero(2 * n_old, sizeof *grown);
    if (grown == NULL) return sage_fail_memory(error, 2 * n_old * sizeof *grown);
    b->slots = grown;
    b->n_slots = 2 * n_old;
    for (size_t i = 0; i < n_old; i++)
        if (old[i].bag != 0) place(b, old[i]);
    sage_free(old);
    return SAGE_OK;
}

/* The ids behind the last bag's, in the order in which they first stand there, each with its times. */
static size_t merge(sage_batch_builder *b, const uint32_t *ids, size_t n) {
    uint32_t *out = b->ids + b->n_ids, *times = b->times + b->n_ids, bag = ++b->seen_bag;
    size_t mask = b->n_seen - 1, m = 0;
    for (size_t i = 0; i < n; i++) {
        size_t at = ids[i] * UINT32_C(2654435761) >> 7 & mask;
        while (b->seen[at].bag == bag && b->seen[at].id != ids[i]) at = (at + 1) & mask;
        if (b->seen[at].bag == bag) {
            times[b->seen[at].at]++;
            continue;
        }
        b->seen[at] = (seen){ids[i], (uint32_t)m, bag};
        times[m] = 1;
        out[m++] = ids[i];
    }
    b->merged = b->merged || m < n;
    return m;
}

static size_t put(sage_batch_builder *b, const uint32_t *ids, size_t n) {
    if (n >= MERGE_FROM) return merge(b, ids, n);
    memcpy(b->ids + b->n_ids, ids, n * sizeof *ids);
    for (size_t i = 0; i < n; i++) b->times[b->n_ids + i] = 1;
    return n;
}

static bool same_bag(const sage_batch_builder *b, size_t bag, size_t n) {
    size_t begin = b->bag_begin[bag];
    return b->bag_begin[bag + 1] - begin == n && memcmp(b->ids + begin, b->ids + b->n_ids, n * sizeof *b->ids) == 0 &&
           memcmp(b->times + begin, b->times + b->n_ids, n * sizeof *b->times) == 0;
}

/* The bag of these ids, which becomes the last one where it is new. Room for it has been made. */
static uint32_t find_bag(sage_batch_builder *b, const uint32_t *ids, size_t n) {
    n = put(b, ids, n);
    uint32_t hash = (uint32_t)XXH3_64bits(b->ids + b->n_ids, n * sizeof *ids);
    size_t at = hash & (b->n_slots - 1);
    for (; b->slots[at].bag != 0; at = (at + 1) & (b->n_slots - 1))
        if (b->slots[at].hash == hash && same_bag(b, b->slots[at].bag - 1, n)) return b->slots[at].bag - 1;
    b->n_ids += n;
    b->bag_begin[b->n_bags + 1] = (uint32_t)b->n_ids;
    b->slots[at] = (slot){(uint32_t)++b->n_bags, hash};
    return (uint32_t)b->n_bags - 1;
}

/* ---- adding ---- */

static sage_status grow_seen(sage_batch_builder *b, size_t ids, sage_error *error) {
    size_t n = b->n_seen == 0 ? 2 * MERGE_FROM : b->n_seen;
    while (n < 2 * ids) n *= 2;
    seen *grown = sage_alloc_zero(n, sizeof *grown);
    if (grown == NULL) return sage_fail_memory(error, n * sizeof *grown);
    sage_free(b->seen);
    b->seen = grown;
    b->n_seen = n;
    b->seen_bag = 0;
    return SAGE_OK;
}

static sage_status reserve(sage_batch_builder *b, size_t ids, sage_error *error) {
    if (ids >= MERGE_FROM && (2 * ids > b->n_seen || b->seen_bag >= UINT32_MAX - SAGE_FIELDS)) {
        sage_status st = grow_seen(b, ids, error);
        if (st != SAGE_OK) return st;
    }
    if (sage_grow((void **)&b->ids, &b->ids_capacity, b->n_ids + ids, sizeof *b->ids) == 0 &&
        sage_grow((void **)&b->times, &b->times_capacity, b->n_ids + ids, sizeof *b->times) == 0 &&
        sage_grow((void **)&b->bag_begin, &b->bags_capacity, b->n_bags + SAGE_FIELDS + 1, sizeof *b->bag_begin) == 0 &&
        sage_grow((void **)&b->token_begin, &b->products_capacity, b->n + 2, sizeof *b->token_begin) == 0 &&
        sage_grow((void **)&b->token_bag, &b->token_bag_capacity, b->n_tokens + SAGE_FIELDS, sizeof *b->token_bag) ==
            0 &&
        sage_grow((void **)&b->token_field, &b->fields_capacity, b->n_tokens + SAGE_FIELDS, 1) == 0)
        return 2 * (b->n_bags + SAGE_FIELDS) > b->n_slots ? grow_table(b, error) : SAGE_OK;
    return sage_fail_memory(error, (b->n_ids + ids) * sizeof *b->ids);
}

static sage_status reserve_group(const sage_batch_builder *b, group_list *list, size_t added, sage_error *error) {
    size_t end = (list->n + added) * list->dim;
    if (sage_grow((void **)&list->begin, &list->begin_capacity, b->n + 2, sizeof *list->begin) != 0 ||
        sage_grow((void **)&list->vectors, &list->capacity, end, sizeof *list->vectors) != 0)
        return sage_fail_memory(error, end * sizeof *list->vectors);
    return SAGE_OK;
}

size_t sage_split_pictures(const sage_model_shape *shape, size_t n, const float *vectors, sage_group_vectors *groups) {
    size_t at = 0, g = 0, dim = sage_shape_dim(shape, SAGE_GROUP_PICTURES);
    for (; g < shape->n_groups && shape->groups[g].kind == SAGE_GROUP_PICTURES; at += shape->groups[g++].dim)
        groups[g] = (sage_group_vectors){n, n > 0 ? vectors + at : NULL, dim};
    return g;
}

/* As product b->n's. */
static void add_group(const sage_batch_builder *b, group_list *list, const sage_group_vectors *added) {
    size_t dim = list->dim, stride = added->stride > 0 ? added->stride : dim;
    for (size_t v = 0; v < added->n; v++) {
        real *to = list->vectors + (list->n + v) * dim;
        for (size_t i = 0; i < dim; i++) to[i] = added->vectors[v * stride + i];
    }
    list->begin[0] = 0;
    list->n += added->n;
    list->begin[b->n + 1] = (uint32_t)list->n;
}

sage_status sage_batch_builder_add(sage_batch_builder *builder, const uint32_t *ids,
                                   const uint32_t begin[SAGE_FIELDS + 1], const sage_group_vectors *groups,
                                   sage_error *error) {
    static const sage_group_vectors none[SAGE_GROUPS_MAX] = {{0}};
    sage_status st = SAGE_OK;
    sage_batch_builder *b = builder;
    SAGE_TRY(reserve(b, begin[SAGE_FIELDS] - begin[0], error));
    if (groups == NULL) groups = none;
    for (size_t g = 0; g < b->n_groups; g++) SAGE_TRY(reserve_group(b, &b->group[g], groups[g].n, error));
    for (size_t g = 0; g < b->n_groups; g++) add_group(b, &b->group[g], &groups[g]);
    b->bag_begin[0] = b->token_begin[0] = 0;
    for (size_t f = 0; f < SAGE_FIELDS; f++) {
        if (begin[f] == begin[f + 1]) continue;
        b->token_field[b->n_tokens] = (uint8_t)f;
        b->token_bag[b->n_tokens++] = find_bag(b, ids + begin[f], begin[f + 1] - begin[f]);
    }
    b->n++;
    b->token_begin[b->n] = (uint32_t)b->n_tokens;
out:
    return st;
}

sage_status sage_batch_builder_add_token(sage_batch_builder *builder, uint32_t id, sage_error *error) {
    sage_batch_builder *b = builder;
    sage_status st = reserve(b, 1, error);
    if (st != SAGE_OK) return st;
    b->token_field[b->n_tokens] = SAGE_FIELD_TOKEN;
    b->token_bag[b->n_tokens++] = find_bag(b, &id, 1);
    b->token_begin[b->n] = (uint32_t)b->n_tokens;
    return SAGE_OK;
}

void sage_batch_builder_batch(const sage_batch_builder *builder, sage_product_batch *batch) {
    static const uint32_t nothing[1] = {0};
    const sage_batch_builder *b = builder;
    *batch = (sage_product_batch){.n = b->n, .token_begin = nothing, .text = {.begin = nothing}};
    if (b->n == 0) return;
    batch->token_begin = b->token_begin;
    batch->token_field = b->token_field;
    batch->token_bag = b->token_bag;
    batch->text = (sage_bags){b->n_bags, b->ids, b->bag_begin, b->merged ? b->times : NULL};
    for (size_t g = 0; g < b->n_groups; g++)
        batch->group[g] = (sage_group_rows){b->group[g].begin, b->group[g].vectors};
}
