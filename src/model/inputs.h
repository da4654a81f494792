/* What a model reads of products' texts and pictures (shape's `inputs`), as a batch that lacks the rest. */
#ifndef SAGE_MODEL_INPUTS_H
#define SAGE_MODEL_INPUTS_H

#include "impl.h"

/* The bags that stay where texts are not read: those of products' own tokens. Arrays grow and are reused. */
typedef struct inputs_kept {
    uint32_t *token_begin, *bag_begin, *ids, *times;
    uint8_t *field;
    size_t products_capacity, bags_capacity, ids_capacity, times_capacity, field_capacity;
} inputs_kept;

/* `batch`, checked, becomes what the model reads of it; it may then point into `kept`, until the next call. */
sage_status inputs_read(const sage_model_shape *shape, inputs_kept *kept, sage_product_batch *batch, sage_error *error);
void inputs_free(inputs_kept *kept);
size_t inputs_bytes(const inputs_kept *kept);

#endif
