/* Queries made of products' vectors: a product that is looked at, and what a user did. */
#include "encoder.h"
#include <base/alloc.h>
#include <base/error.h>
#include <string.h>

enum { LOOKED_BLOCK = 256, EVENTS_BLOCK = 4096 };

static sage_status looked_block(sage_encoder *encoder, const float *products, size_t n, float *own, float *said,
                                float *out, sage_error *error) {
    const sage_model_shape *shape = sage_encoder_shape(encoder);
    size_t o = shape->dim_out, dim = sage_encoder_dim(encoder), beside = dim - o;
    sage_shape_own(shape, n, products, own);
    for (size_t i = 0; i < n && beside > 0; i++)
        memcpy(said + i * beside, products + i * dim + o, beside * sizeof *said);
    const sage_query_batch queries = {.n_looked = n, .looked = own, .looked_said = beside > 0 ? said : NULL};
    return sage_encoder_queries(encoder, &queries, out, error);
}

sage_status sage_encoder_looked(sage_encoder *encoder, const float *products, size_t n, float *out, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t o = sage_encoder_shape(encoder)->dim_out, dim = sage_encoder_dim(encoder);
    size_t block = n < LOOKED_BLOCK ? n : LOOKED_BLOCK;
    float *own = sage_alloc((block * dim + 1) * sizeof *own);
    if (own == NULL) return sage_fail_memory(error, (block * dim + 1) * sizeof *own);
    for (size_t at = 0; at < n; at += block) {
        size_t here = n - at < block ? n - at : block;
        SAGE_TRY(looked_block(encoder, products + at * dim, here, own, own + block * o, out + at * dim, error));
    }
out:
    sage_free(own);
    return st;
}

/* A block of users: their newest events side by side. Memory does not grow with what they did, but for one user's. */
typedef struct users_block {
    uint32_t begin[EVENTS_BLOCK + 1];
    float *own, *age;
    uint8_t *kind;
    size_t users, events, room;
} users_block;

static void add_user(const sage_model_shape *shape, const sage_histories *all, size_t user, users_block *b) {
    size_t first = all->begin[user], n = all->begin[user + 1] - first;
    if (n > shape->user_events) {
        first += n - shape->user_events;
        n = shape->user_events;
    }
    if (n > 0) {
        sage_shape_own(shape, n, all->products + first * sage_shape_out(shape), b->own + b->events * shape->dim_out);
        memcpy(b->kind + b->events, all->kind + first, n);
        memcpy(b->age + b->events, all->age + first, n * sizeof *b->age);
    }
    b->events += n;
    b->begin[++b->users] = (uint32_t)b->events;
}

static sage_status run_block(sage_encoder *encoder, users_block *b, float *out, sage_error *error) {
    const sage_query_batch queries = {
        .n_users = b->users, .user_begin = b->begin, .user_vectors = b->own, .user_kind = b->kind, .user_age = b->age};
    b->users = b->events = 0;
    return sage_encoder_queries(encoder, &queries, out, error);
}

static sage_status block_new(const sage_model_shape *shape, users_block **out, sage_error *error) {
    users_block *b = sage_alloc_zero(1, sizeof *b);
    if (b == NULL) return sage_fail_memory(error, sizeof *b);
    b->room = EVENTS_BLOCK + shape->user_events;
    b->own = sage_alloc(b->room * shape->dim_out * sizeof *b->own);
    b->age = sage_alloc(b->room * sizeof *b->age);
    b->kind = sage_alloc(b->room);
    *out = b;
    if (b->own != NULL && b->age != NULL && b->kind != NULL) return SAGE_OK;
    return sage_fail_memory(error, b->room * (shape->dim_out + 2) * sizeof *b->own);
}

static void block_free(users_block *b) {
    if (b == NULL) return;
    sage_free(b->own);
    sage_free(b->age);
    sage_free(b->kind);
    sage_free(b);
}

sage_status sage_encoder_users(sage_encoder *encoder, const sage_histories *users, float *out, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_model_shape *shape = sage_encoder_shape(encoder);
    size_t done = 0, dim = sage_encoder_dim(encoder);
    users_block *block = NULL;
    SAGE_TRY(block_new(shape, &block, error));
    for (size_t u = 0; u < users->n; u++) {
        add_user(shape, users, u, block);
        if (u + 1 < users->n && block->users < EVENTS_BLOCK && block->events < EVENTS_BLOCK) continue;
        SAGE_TRY(run_block(encoder, block, out + done * dim, error));
        done = u + 1;
    }
out:
    block_free(block);
    return st;
}
