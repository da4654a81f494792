/* Inside a frozen model: frozen.c (chunks from tokens to vectors), frozen_users.c, frozen_table.c, frozen_bags.c. */
#ifndef SAGE_MODEL_FROZEN_H
#define SAGE_MODEL_FROZEN_H

#include "deep.h"
#include "gather.h"
#include "pass.h"
#include "user.h"

typedef struct frozen_worker {
    encoder_acts acts; /* [ROWS] */
    tower_acts tower;  /* [QUERY_ROWS], u of the widest */
    deep_acts deep;    /* of a chunk */
    deep_scratch deep_scratch;
    real *tokens;     /* [most tokens][E] of one product */
    real *attention;  /* [most tokens][H] */
    real *x, *mapped; /* [ROWS][S], and [QUERY_ROWS][S] of queries: sentences that stand beside, and M x */
    real *query_x, *query_mapped;
    user_acts user; /* of one chunk */
    user_scratch user_scratch;
    real *silence; /* [S] zeros */
} frozen_worker;

/* Bags of the batch at hand; arrays grow and are reused. */
typedef struct frozen_bag_acts {
    uint32_t *begin, *row; /* [bags + 1], [uses + pad] */
    real *weight;          /* [uses] */
    real *e, *hat;         /* [bags][E]; hat: of each worker, [NORM_BAGS][E] */
    real *rstd;
    size_t begin_capacity, row_capacity, weight_capacity, e_capacity, hat_capacity;
} frozen_bag_acts;

struct sage_frozen {
    const sage_model *model;
    sage_model *own;        /* the same where it came from a file, without its table in lower precisions; else NULL */
    sage_safetensors *file; /* in which the table lies; NULL: it is in memory */
    bool shares;            /* the table is another's */
    sage_precision precision;
    sage_pool *pool;
    size_t threads, bytes, most_tokens;
    gather_table table;
    void *table_copy; /* where the precision is not f32 */
    real *row_scale;  /* [rows] int8 */
    fold fold;
    packed_layers *product_layers, *tower_layers[TOWERS], *user_layers;
    void *product_block, *query_block, *user_block;
    uint32_t *user_begin; /* of the batch's chunks of users */
    size_t user_begin_capacity;
    real *token_block;
    void *deep_block; /* of the layers below the last one; grows with most_tokens */
    size_t deep_bytes;
    inputs_kept inputs;
    frozen_worker *workers;
    frozen_bag_acts bags;
};

sage_status frozen_need_products(sage_frozen *frozen, size_t most_tokens, sage_error *error);
sage_status frozen_need_tower(sage_frozen *frozen, tower_id tower, sage_error *error);

/* A block of what lay_workers lays for all workers, zeroed. */
sage_status frozen_block(sage_frozen *frozen, void (*lay_workers)(layer *, sage_frozen *), void **block,
                         sage_error *error);
/* frozen_users.c: the users of the batch into out [n_users][sage_shape_out]. */
sage_status frozen_users(sage_frozen *frozen, const sage_query_batch *queries, real *out, sage_error *error);

/* frozen_table.c: the table comes from the file, or, where that is NULL, from the model. */
sage_status frozen_table(sage_frozen *frozen, const sage_safetensors *file, sage_error *error);
/* The file's table as it lies there; false where it is of another kind than memory's. */
bool frozen_table_in_file(sage_frozen *frozen, const sage_safetensors *file);
/* frozen_bags.c */
/* bags.e [n][E] of the batch's bags, after their norm. */
sage_status frozen_bags(sage_frozen *frozen, const sage_bags *bags, sage_error *error);
void frozen_bags_free(sage_frozen *frozen);
size_t frozen_bags_bytes(const sage_frozen *frozen);

#endif
