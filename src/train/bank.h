/* Vectors of the products that people did something with: what the towers for users and for products read in training,
 * as constants. All are computed at the start; then every step's products leave theirs, which costs a copy. So they are
 * a little old, and of products that a step saw in part, as dropout has it; validation and inference make them anew. */
#ifndef SAGE_TRAIN_BANK_H
#define SAGE_TRAIN_BANK_H

#include <dataset/sampler.h>
#include <model/model.h>

typedef struct sage_bank {
    size_t n, dim;      /* dim: dim_out of the model */
    uint32_t *products; /* [n] ascending: those of known events of the training part */
    uint32_t *slot;     /* [products of the dataset] place in `products`, or UINT32_MAX */
    real *vectors;      /* [n][dim] unit vectors */
    bool kept;          /* they stay as they are, and batches take their products from here too */
    real *gathered;     /* of the batch at hand */
    size_t gathered_capacity;
    real *columns;
    size_t columns_capacity;
} sage_bank;

/* With all products that batches of the dataset can ask for; vectors are zero. */
sage_status sage_bank_new(const sage_dataset *dataset, size_t dim, sage_bank **bank, sage_error *error);
/* With all products of the dataset, whose vectors [N][sage_shape_out] stay as they are; their own part is taken. */
sage_status sage_bank_new_kept(const sage_dataset *dataset, const sage_model_shape *shape, const float *vectors,
                               sage_bank **bank, sage_error *error);
void sage_bank_free(sage_bank *bank);
size_t sage_bank_bytes(const sage_dataset *dataset, size_t dim);
/* As the model makes them now. */
sage_status sage_bank_fill(sage_bank *bank, const sage_dataset *dataset, const sage_model *model, sage_pool *pool,
                           sage_error *error);
/* The vectors of a step's products [n][dim]; where one comes twice, the later counts. */
void sage_bank_take(sage_bank *bank, size_t n, const uint32_t *products, const real *vectors);
/* Vectors of what the batch looks at, then of what its users did, in the query batch's order; the bank's until the next
 * call. */
sage_status sage_bank_gather(sage_bank *bank, sage_pool *pool, const sage_batch *batch, const real **looked,
                             const real **users, sage_error *error);

/* Vectors of a step's products, of a bank that keeps them; the bank's until the next call. */
sage_status sage_bank_columns(sage_bank *bank, sage_pool *pool, size_t n, const uint32_t *products,
                              const real **columns, sage_error *error);

#endif
